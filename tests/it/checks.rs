//! Blocks that check, blocks of which something is expected, and steps that wait for them.

use std::time::{Duration, Instant};

use katahost::client::{Address, ClientError};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::{House, HouseOptions, Visitor, bash::bash, eventually, is_running};

/// A lab of these blocks in `intro`, with a step behind it, in a shell that tells what it does.
struct Desk {
    house: House,
    visitor: Visitor,
    _home: TempDir,
}

impl Desk {
    async fn new(blocks: &[(&str, &str)]) -> Self {
        let (options, home) = bash();
        Self::with(blocks, options, home).await
    }

    async fn with(blocks: &[(&str, &str)], options: HouseOptions, home: TempDir) -> Self {
        let house = house(blocks, options);
        let visitor = house.enter("lab").await;
        Self {
            house,
            visitor,
            _home: home,
        }
    }

    async fn run(&mut self, block: usize) {
        self.visitor.run_block("intro", block).await.unwrap();
    }

    /// Waits until the block's run has ended, and gives it.
    async fn ended(&mut self, block: usize) -> Value {
        loop {
            let state = self.visitor.until_notified("block/state").await;
            let last = &state["last"];
            let ended = ["done", "failed", "sent"].contains(&last["state"].as_str().unwrap_or(""));
            if ended && last["block"] == block {
                return last.clone();
            }
        }
    }

    /// Waits until the check has a new result, and gives it.
    async fn result(&mut self, block: usize) -> Value {
        result(&mut self.visitor, block).await
    }

    /// Waits until nothing holds the way to the second step.
    async fn until_open(&mut self) {
        let deadline = Instant::now() + Duration::from_secs(30);
        while let Some((message, _)) = self.refusal().await {
            assert!(Instant::now() < deadline, "{message}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// What the way to the second step waits for; nothing where it is open.
    async fn refusal(&mut self) -> Option<(String, String)> {
        let argument = json!({"step": "step2"});
        let error = self.visitor.execute("katapod.loadPage", argument).await;
        match error.err()? {
            ClientError::Refused(error) => {
                let code = serde_json::to_value(error.data.code).unwrap();
                assert_eq!(code, "step-locked");
                Some((error.message, error.data.hint.unwrap_or_default()))
            }
            other => panic!("{other}"),
        }
    }
}

async fn result(visitor: &mut Visitor, block: usize) -> Value {
    loop {
        let state = visitor.until_notified("check/state").await;
        if state["block"] == block && state["running"] == false {
            return state["last"].clone();
        }
    }
}

fn house(blocks: &[(&str, &str)], options: HouseOptions) -> House {
    let fence = |(header, text): &(&str, &str)| format!("```bash\n### {header}\n{text}\n```\n\n");
    let blocks: Vec<String> = blocks.iter().map(fence).collect();
    let intro = format!(
        "# Lab\n\n{}[Next](command:katapod.loadPage?step2)\n",
        blocks.concat()
    );
    let files = [
        ("intro.md", intro.as_str()),
        (
            "step2.md",
            "# Two\n\n[Back](command:katapod.loadPage?intro)\n",
        ),
    ];
    House::with_files(&files, options)
}

fn refused(error: ClientError) -> Value {
    match error {
        ClientError::Refused(error) => serde_json::to_value(error.data.code).unwrap(),
        other => panic!("{other}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn check_fails_with_a_hint_then_passes_and_opens_the_way() {
    let script = "test -e rows || { echo FAIL: no rows; echo HINT: load them; exit 1; }";
    let header = r#"{"verify": true, "required": true, "title": "Rows are there"}"#;
    let mut desk = Desk::new(&[(header, script)]).await;
    let page = desk.visitor.lab.page.clone().unwrap();
    let kind = serde_json::to_value(page.blocks[0].kind).unwrap();
    assert_eq!((kind, page.ways.len()), (json!("check"), 1));
    let (message, hint) = desk.refusal().await.unwrap();
    assert_eq!(message, "`step2` is locked until `Rows are there` is done");
    assert_eq!(hint, "run it, then go on");
    desk.run(0).await;
    let failed = desk.result(0).await;
    assert_eq!(
        (&failed["passed"], &failed["message"], &failed["hint"]),
        (&json!(false), &json!("no rows"), &json!("load them"))
    );
    assert!(desk.refusal().await.is_some());
    desk.house.write("rows", "");
    desk.run(0).await;
    assert_eq!(desk.result(0).await["passed"], true);
    assert_eq!(desk.refusal().await, None);
    // What was done once stays so, and one may always go back.
    std::fs::remove_file(desk.house.root.join("rows")).unwrap();
    desk.visitor.load("intro").await;
    desk.run(0).await;
    assert_eq!(desk.result(0).await["passed"], false);
    assert_eq!(desk.refusal().await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn check_runs_beside_the_terminals_in_the_labs_folder() {
    let text = "pwd; ls intro.md; env | grep -c '^KATAHOST_' ; test -t 0 || echo quiet; exit 7";
    let header = r#"{"verify": true, "exitCode": 7, "expect": "^quiet$"}"#;
    let mut desk = Desk::new(&[(header, text)]).await;
    desk.run(0).await;
    let passed = desk.result(0).await;
    let root = desk.house.root.canonicalize().unwrap();
    let output = format!("{}\nintro.md\n0\nquiet\n", root.display());
    assert_eq!(
        (&passed["passed"], &passed["output"]),
        (&json!(true), &json!(output))
    );
    desk.visitor
        .type_text("cqlsh", "echo typed-$((1+1))\r")
        .await;
    desk.visitor.until_text("cqlsh", "typed-2").await;
    assert!(!desk.visitor.text(0).contains("quiet"));
}

#[tokio::test(flavor = "multi_thread")]
async fn check_that_hangs_is_ended_as_a_whole_and_runs_once_at_a_time() {
    let text = "sleep 1000 & echo $! > pid; wait";
    let header = r#"{"verify": true, "timeout": 2, "hint": "Is the API up?"}"#;
    let mut desk = Desk::new(&[(header, text)]).await;
    desk.run(0).await;
    let again = desk.visitor.run_block("intro", 0).await;
    assert_eq!(refused(again.unwrap_err()), "check-runs");
    let failed = desk.result(0).await;
    assert_eq!(failed["message"], "it took longer than 2 s");
    assert_eq!(failed["hint"], "Is the API up?");
    let pid = desk.house.written("pid").await;
    eventually("the end of what it started", || !is_running(pid.trim())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn check_ends_when_the_lab_is_started_over() {
    let text = "echo $$ > pid; sleep 1000";
    let mut desk = Desk::new(&[(r#"{"verify": true}"#, text)]).await;
    desk.run(0).await;
    let pid = desk.house.written("pid").await;
    desk.visitor
        .client
        .execute("katapod.start", vec![], None)
        .await
        .unwrap();
    eventually("its end", || !is_running(pid.trim())).await;
    desk.visitor.until_notified("lab/state").await;
    let page = desk.visitor.lab.page.as_ref().unwrap();
    assert!(
        page.checks
            .iter()
            .all(|check| !check.running && check.last.is_none())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn only_so_many_checks_run_at_once() {
    let check = (r#"{"verify": true}"#, "sleep 1000");
    let mut desk = Desk::new(&[check; 5]).await;
    for block in 0..4 {
        desk.run(block).await;
    }
    let fifth = desk.visitor.run_block("intro", 4).await;
    assert_eq!(refused(fifth.unwrap_err()), "too-many");
}

#[tokio::test(flavor = "multi_thread")]
async fn check_behind_a_block_runs_when_that_has_ended() {
    let check = r#"{"verify": true, "verifyOn": "block"}"#;
    let blocks = [
        ("{}", "true"),
        ("{}", "touch made"),
        (check, "test -e made"),
    ];
    let mut desk = Desk::new(&blocks).await;
    desk.run(1).await;
    assert_eq!(desk.ended(1).await["state"], "done");
    assert_eq!(desk.result(2).await["passed"], true);
    desk.run(0).await;
    assert_eq!(desk.ended(0).await["state"], "done");
    let mut ran = desk.visitor.notifications.iter();
    assert!(!ran.any(|(method, _)| method == "check/state"));
}

#[tokio::test(flavor = "multi_thread")]
async fn check_behind_a_block_of_which_nobody_knows_runs_a_little_later() {
    let check = r#"{"verify": true, "verifyOn": "block"}"#;
    let blocks = [("{}", "touch made"), (check, "test -e made")];
    // This shell tells nothing.
    let house = house(&blocks, HouseOptions::default());
    let mut visitor = house.enter("lab").await;
    visitor.run_block("intro", 0).await.unwrap();
    assert_eq!(result(&mut visitor, 1).await["passed"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn open_check_runs_until_it_passes_and_again_when_its_step_is_loaded() {
    let check = r#"{"verify": true, "verifyOn": "open"}"#;
    let mut desk = Desk::new(&[(check, "test -e made")]).await;
    assert_eq!(desk.result(0).await["passed"], false);
    desk.house.write("made", "");
    while desk.result(0).await["passed"] == false {}
    desk.visitor.load("step2").await;
    std::fs::remove_file(desk.house.root.join("made")).unwrap();
    desk.visitor.load("intro").await;
    assert_eq!(desk.result(0).await["passed"], false);
}

#[tokio::test(flavor = "multi_thread")]
async fn blocks_are_judged_by_code_and_output() {
    let hint = r#"{"expect": "^\\d+ rows$", "hint": "Load them first"}"#;
    let blocks = [
        (hint, "echo 12 rows"),
        (hint, "echo no rows"),
        (r#"{"exitCode": 3}"#, "sh -c 'exit 3'"),
        (r#"{"exitCode": 3}"#, "true"),
        (r#"{"exitCode": null}"#, "false"),
        (r#"{"hint": "Why?"}"#, "false"),
    ];
    let expected = [
        json!(["done", 0, null, null]),
        json!(["failed", 0, "its output does not match", "Load them first"]),
        json!(["done", 3, null, null]),
        json!(["failed", 0, "exit code 0, where 3 is expected", null]),
        json!(["done", 1, null, null]),
        json!(["failed", 1, "exit code 1", "Why?"]),
    ];
    let mut desk = Desk::new(&blocks).await;
    for (block, expected) in expected.iter().enumerate() {
        desk.run(block).await;
        let run = desk.ended(block).await;
        let found = json!([run["state"], run["exitCode"], run["reason"], run["hint"]]);
        assert_eq!(found, *expected, "block {block}: {run}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_claimed_of_output_that_is_gone() {
    let flood = "head -c 10000000 /dev/zero | tr '\\0' x; echo; echo ok";
    let blocks = [(r#"{"expect": "ok", "required": true}"#, flood)];
    let mut desk = Desk::new(&blocks).await;
    desk.run(0).await;
    let run = desk.ended(0).await;
    assert_eq!(
        (&run["state"], &run["exitCode"]),
        (&json!("sent"), &Value::Null)
    );
    assert_eq!(desk.refusal().await, None, "nobody is held for it");
}

#[tokio::test(flavor = "multi_thread")]
async fn block_that_takes_long_is_marked_and_goes_on() {
    let blocks = [(r#"{"timeout": 0.2}"#, "read -r line; echo got $line")];
    let mut desk = Desk::new(&blocks).await;
    desk.run(0).await;
    loop {
        let state = desk.visitor.until_notified("block/state").await;
        if state["last"]["late"] == true {
            break assert_eq!(state["last"]["state"], "running");
        }
    }
    desk.visitor.type_text("cqlsh", "it\r").await;
    let run = desk.ended(0).await;
    assert_eq!(
        (&run["state"], &run["late"]),
        (&json!("done"), &json!(true))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn required_block_must_succeed() {
    let blocks = [
        (r#"{"required": true}"#, "test -e made"),
        (r#"{"required": true}"#, "true"),
    ];
    let mut desk = Desk::new(&blocks).await;
    let missing = desk.refusal().await.unwrap().0;
    assert_eq!(
        missing,
        "`step2` is locked until block 1 and block 2 are done"
    );
    for block in [0, 1] {
        desk.run(block).await;
        desk.ended(block).await;
    }
    let missing = desk.refusal().await.unwrap().0;
    assert_eq!(missing, "`step2` is locked until block 1 is done");
    for (command, argument) in [
        ("katahost.followLink", json!([{"step": "intro", "link": 0}])),
        ("katahost.nextStep", json!([])),
        ("katapod.loadPage", json!(["./step2"])),
    ] {
        let arguments = argument.as_array().unwrap().clone();
        let error = desk.visitor.client.execute(command, arguments, None).await;
        assert_eq!(refused(error.unwrap_err()), "step-locked", "{command}");
    }
    let address = desk.house.socket("lab");
    let late = Visitor::connect(&address, None, Some("step2"))
        .await
        .unwrap();
    assert_eq!(late.lab.page.unwrap().step, "intro");
    assert!(late.lab.message.unwrap().message.contains("is locked"));
    desk.house.write("made", "");
    desk.run(0).await;
    assert_eq!(desk.ended(0).await["state"], "done");
    desk.visitor.load("./step2").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn required_block_counts_when_it_was_typed_where_nobody_can_know() {
    let blocks = [(r#"{"required": true}"#, "true")];
    let house = house(&blocks, HouseOptions::default());
    let mut visitor = house.enter("lab").await;
    let locked = visitor.execute("katapod.loadPage", json!("step2")).await;
    assert_eq!(refused(locked.unwrap_err()), "step-locked");
    visitor.run_block("intro", 0).await.unwrap();
    loop {
        let state = visitor.until_notified("block/state").await;
        if state["last"]["state"] == "sent" {
            break;
        }
    }
    visitor.load("step2").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn required_block_in_another_program_must_write_what_is_expected() {
    let program = "n=10; echo up; while read -r x; do n=$((n+1)); echo \"rows: $n\"; done";
    let header = r#"{"required": true, "expect": "^rows: 12$"}"#;
    let mut desk = Desk::new(&[("{}", program), (header, "insert")]).await;
    desk.run(0).await;
    desk.visitor.until_text("cqlsh", "\u{7}up").await;
    desk.run(1).await;
    assert_eq!(desk.ended(1).await["state"], "sent");
    assert!(desk.refusal().await.is_some());
    desk.visitor.until_text("cqlsh", "rows: 11").await;
    desk.run(1).await;
    desk.until_open().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn required_block_may_write_what_is_expected_after_it_looked_settled() {
    let program = "echo up; while read -r x; do \
                   (until [ -e go ]; do sleep 0.05; done; echo \"rows: 12\") & done";
    let header = r#"{"required": true, "expect": "^rows: 12$"}"#;
    let mut desk = Desk::new(&[("{}", program), (header, "insert")]).await;
    desk.run(0).await;
    desk.visitor.until_text("cqlsh", "\u{7}up").await;
    desk.run(1).await;
    loop {
        let state = desk.visitor.until_notified("block/state").await;
        if state["last"]["block"] == 1 && state["last"]["settled"] == "quiet" {
            break;
        }
    }
    assert!(desk.refusal().await.is_some());
    std::fs::write(desk.house.root.join("go"), "").unwrap();
    desk.until_open().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn echo_of_a_blocks_own_lines_is_not_what_it_writes() {
    let header = r#"{"required": true, "expect": "ready"}"#;
    let mut desk = Desk::new(&[(header, "sleep 0.3\necho ready > state")]).await;
    desk.run(0).await;
    let run = desk.ended(0).await;
    assert_eq!(run["state"], "failed", "{run}");
    assert!(desk.refusal().await.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn block_is_skipped_where_its_author_allows_it() {
    let blocks = [
        (r#"{"required": true, "skippable": true}"#, "false"),
        (r#"{"required": true}"#, "true"),
    ];
    let mut desk = Desk::new(&blocks).await;
    let (_, hint) = desk.refusal().await.unwrap();
    assert_eq!(hint, "run them or skip what may be skipped, then go on");
    let skip = |block: usize| json!({"step": "intro", "block": block});
    let refusal = desk.visitor.execute("katahost.skipBlock", skip(1)).await;
    assert_eq!(refused(refusal.unwrap_err()), "not-skippable");
    desk.visitor
        .execute("katahost.skipBlock", skip(0))
        .await
        .unwrap();
    loop {
        let told = desk.visitor.until_notified("lab/progress").await;
        if told["skipped"] == json!([0]) {
            break assert_eq!((&told["required"], &told["done"]), (&json!(2), &json!(1)));
        }
    }
    desk.run(1).await;
    desk.ended(1).await;
    assert_eq!(desk.refusal().await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn author_is_not_held() {
    let (options, home) = bash();
    let options = HouseOptions {
        author: true,
        ..options
    };
    let blocks = [(r#"{"required": true}"#, "false")];
    let mut desk = Desk::with(&blocks, options, home).await;
    let progress = &desk.visitor.lab.progress[0];
    assert_eq!((progress.required, progress.waits.len()), (1, 0));
    assert_eq!(desk.refusal().await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn viewer_sees_checks_and_may_neither_run_nor_skip_them() {
    let blocks = [(
        r#"{"verify": true, "required": true, "skippable": true}"#,
        "test -e made",
    )];
    let mut desk = Desk::new(&blocks).await;
    let arguments = vec![json!({"role": "viewer"})];
    let link = desk
        .visitor
        .client
        .execute("katahost.createLink", arguments, None);
    let link = link.await.unwrap().link.unwrap();
    let (path, token) = link.address.split_once("?token=").unwrap();
    let address = Address {
        url: format!("ws://{}/{path}ws", desk.house.address),
        token: Some(token.to_owned()),
        headers: Vec::new(),
    };
    let mut viewer = Visitor::connect(&address, None, None).await.unwrap();
    for command in ["katahost.runBlock", "katahost.skipBlock"] {
        let argument = json!({"step": "intro", "block": 0});
        let refusal = viewer.execute(command, argument).await;
        assert_eq!(refused(refusal.unwrap_err()), "not-allowed");
    }
    desk.run(0).await;
    assert_eq!(result(&mut viewer, 0).await["message"], "exit code 1");
    let late = Visitor::connect(&address, None, None).await.unwrap();
    let check = &late.lab.page.unwrap().checks[0];
    assert!(check.last.as_ref().is_some_and(|last| !last.passed));
}

#[tokio::test(flavor = "multi_thread")]
async fn way_back_is_open_to_who_came_by_a_deep_link() {
    let files = [
        ("intro.md", "[On](command:katapod.loadPage?step2)\n"),
        (
            "step2.md",
            "[Back](command:katapod.loadPage?intro)\n\n[On](command:katapod.loadPage?step3)\n",
        ),
        (
            "step3.md",
            "[Back](command:katapod.loadPage?step2)\n\n[On](command:katapod.loadPage?step4)\n\n\
             ```\n### {\"verify\": true, \"required\": true}\nexit 1\n```\n",
        ),
        ("step4.md", "[Back](command:katapod.loadPage?step3)\n"),
    ];
    let house = House::with_files(&files, HouseOptions::default());
    let address = house.socket("lab");
    let mut visitor = Visitor::connect(&address, None, Some("step3"))
        .await
        .unwrap();
    let here = &visitor.lab.progress[0];
    assert_eq!((here.step.as_str(), here.waits.len()), ("step3", 1));
    let mut before = here.before.clone();
    before.sort();
    assert_eq!(before, ["intro", "step2"]);
    let on = visitor.execute("katapod.loadPage", json!({"step": "step4"}));
    assert_eq!(refused(on.await.unwrap_err()), "step-locked");
    visitor.load("step2").await;
}
