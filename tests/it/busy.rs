//! Clicks on terminals in which a program runs, and what can be seen of runs that nobody tells the
//! end of.

use std::{fs, os::unix::fs::PermissionsExt, time::Duration};

use katahost::{
    client::ClientError,
    protocol::error::{ErrorCode, ErrorData},
};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::{House, HouseOptions, Visitor, http, sshd::Sshd};

/// Runs until it is told to end, and reads nothing.
const HANGS: &str = "sh -c 'echo up-$((1+1)); exec sleep 300'";

/// Waits for the file `go`, in this terminal.
const WAITS: &str = "sh -c 'echo up-$((1+1)); until [ -e go ]; do sleep 0.05; done'";

/// Starts a lab of these blocks in bash, as `tests/it/shells.rs` does.
struct Desk {
    house: House,
    visitor: Visitor,
    _home: TempDir,
}

/// A block, and what stands in its header.
pub fn fence(header: &Value, text: &str) -> String {
    format!("````\n### {header}\n{text}\n````\n\n")
}

const CONFIG: &str =
    r#"{"layout": {"terminals": [{"id": "host", "name": "host"}, {"id": "api", "name": "api"}]}}"#;

impl Desk {
    async fn new(blocks: &[(Value, &str)]) -> Self {
        Self::with_patience(blocks, HouseOptions::default().sent_patience).await
    }

    /// In this lab, a run of all blocks waits so long for what nobody tells the end of.
    async fn with_patience(blocks: &[(Value, &str)], sent_patience: Duration) -> Self {
        let options = HouseOptions {
            sent_patience,
            ..HouseOptions::default()
        };
        Self::with_options(blocks, options).await
    }

    async fn with_options(blocks: &[(Value, &str)], options: HouseOptions) -> Self {
        let home = tempfile::tempdir().unwrap();
        let path = home.path();
        fs::write(path.join(".bashrc"), "PS1='$ '\nunset HISTFILE\n").unwrap();
        // Integration goes by the name.
        let shell = path.join("bash");
        let own = format!(
            "#!/bin/sh\nunset BASH_ENV PROMPT_COMMAND\nHOME='{}' exec /bin/bash \"$@\"\n",
            path.display()
        );
        fs::write(&shell, own).unwrap();
        fs::set_permissions(&shell, fs::Permissions::from_mode(0o755)).unwrap();
        let blocks: Vec<String> = blocks
            .iter()
            .map(|(header, text)| fence(header, text))
            .collect();
        let options = HouseOptions {
            shell: Some(shell),
            ..options
        };
        let house = House::with_files(
            &[
                (".katapod_config.json", CONFIG),
                ("intro.md", &blocks.concat()),
                ("step2.md", "# Two\n"),
            ],
            options,
        );
        let visitor = house.enter("lab").await;
        Self {
            house,
            visitor,
            _home: home,
        }
    }

    /// Runs a block, with what to do where the terminal is busy.
    async fn run(&mut self, block: usize, when: &str) -> Result<(), ErrorData> {
        run(&mut self.visitor, block, Some(when)).await
    }

    async fn execute(&mut self, command: &str, arguments: Vec<Value>) -> Result<(), ErrorCode> {
        let executed = self.visitor.client.execute(command, arguments, None).await;
        executed.map(drop).map_err(|error| data(error).code)
    }

    /// Starts the block, and waits until what it runs has said that it is up.
    async fn start(&mut self, block: usize) {
        self.run(block, "ask").await.unwrap();
        self.until(block, "running").await;
        self.visitor.until_text("host", "up-2\r\n").await;
    }

    async fn until(&mut self, block: usize, state: &str) -> Value {
        until(&mut self.visitor, block, state).await
    }

    async fn until_text(&mut self, text: &str) {
        self.visitor.until_text("host", text).await;
    }

    /// Waits until the block's last run is told to be in that state, and gives all that was told.
    async fn until_state(&mut self, block: usize, state: &str) -> Value {
        self.until(block, state).await;
        let told = self.visitor.notifications.iter().rev();
        let mut states = told.filter(|(method, _)| method == "block/state");
        let state = states.find(|(_, state)| state["last"]["block"] == block);
        state.unwrap().1.clone()
    }

    /// What the terminal shows, its line ends as they are.
    fn text(&self) -> String {
        self.visitor.text(0)
    }

    /// What the file of the lab's progress says of a block.
    async fn progress(&self, block: usize) -> Value {
        let answer = http::get(&self.house, "/labs/lab/progress.json").await;
        let file: Value = serde_json::from_slice(&answer.body).unwrap();
        let blocks = file["steps"][0]["blocks"].as_array().unwrap();
        let found = blocks.iter().find(|one| one["block"] == block);
        found.unwrap().clone()
    }

    /// What the transcript says.
    async fn transcript(&self) -> String {
        let answer = http::get(&self.house, "/labs/lab/transcript.md").await;
        answer.text()
    }

    /// Has a block that waits for it go on.
    fn go(&self) {
        self.house.write("go", "");
    }

    /// How all blocks' last runs stand, as somebody sees them who comes now.
    async fn states(&self) -> Vec<String> {
        let other = self.house.enter("lab").await;
        let blocks = other.lab.page.unwrap().blocks;
        let state = |run: katahost::protocol::run::BlockRun| json!(run.state);
        blocks
            .into_iter()
            .map(|block| block.state.last.map_or(Value::Null, state))
            .map(|state| state.as_str().unwrap_or("none").to_owned())
            .collect()
    }
}

fn data(error: ClientError) -> ErrorData {
    match error {
        ClientError::Refused(error) => error.data,
        other => panic!("{other}"),
    }
}

async fn run(visitor: &mut Visitor, block: usize, when: Option<&str>) -> Result<(), ErrorData> {
    let mut argument = json!({"step": "intro", "block": block});
    if let Some(when) = when {
        argument["whenBusy"] = json!(when);
    }
    let executed = visitor
        .client
        .execute("katahost.runBlock", vec![argument], None);
    executed.await.map(drop).map_err(data)
}

/// Waits until the block's last run is told to be in that state, and gives it.
async fn until(visitor: &mut Visitor, block: usize, state: &str) -> Value {
    let mut found = Value::Null;
    visitor
        .until(&format!("block {block} to be {state}"), |visitor| {
            let told = visitor.notifications.iter().rev();
            let mut runs = told
                .filter(|(method, _)| method == "block/state")
                .filter_map(|(_, state)| state.get("last"))
                .filter(|run| run["block"] == block);
            let run = runs.next().filter(|run| run["state"] == state);
            found = run.cloned().unwrap_or_default();
            run.is_some()
        })
        .await;
    found
}

fn plain(text: &str) -> (Value, &str) {
    (json!({}), text)
}

#[tokio::test(flavor = "multi_thread")]
async fn click_on_a_busy_terminal_is_told_what_runs_there() {
    let mut desk = Desk::new(&[plain(HANGS), plain("echo typed-$((2+3))")]).await;
    desk.start(0).await;
    let refused = desk.run(1, "ask").await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::TerminalBusy);
    let busy = refused.busy.unwrap();
    assert_eq!(busy.program.as_deref(), Some("sleep 300"));
    assert_eq!((busy.terminal, busy.block), (0, Some(0)));
    assert_eq!(busy.step.as_deref(), Some("intro"));
    assert!(busy.since > Some(1_600_000_000_000));
    // Nothing has happened, and it may be asked again.
    assert_eq!(desk.states().await, ["running", "none"]);
    assert_eq!(
        desk.run(1, "ask").await.unwrap_err().code,
        ErrorCode::TerminalBusy
    );
    assert!(!desk.text().contains("echo typed"));
    let page = desk.house.enter("lab").await.lab.page.unwrap();
    assert_eq!(page.blocks[1].state.runs, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn queued_blocks_run_in_order_when_the_prompt_is_back() {
    let blocks = [
        plain(WAITS),
        plain("echo one-$((1+1)); sleep 0.2"),
        plain("echo two-$((1+1))"),
        plain("echo three-$((1+1))"),
    ];
    let mut desk = Desk::new(&blocks).await;
    desk.start(0).await;
    for block in 1..4 {
        desk.run(block, "queue").await.unwrap();
        desk.until(block, "queued").await;
    }
    let queued = ["running", "queued", "queued", "queued"];
    assert_eq!(desk.states().await, queued, "for who comes now, too");
    let cancel = vec![json!({"step": "intro", "block": 2})];
    desk.execute("katahost.cancelBlock", cancel.clone())
        .await
        .unwrap();
    desk.until(2, "dropped").await;
    let refused = desk.execute("katahost.cancelBlock", cancel).await;
    assert_eq!(refused, Err(ErrorCode::NotQueued));
    assert!(!desk.text().contains("echo one"), "nothing is typed ahead");
    desk.go();
    desk.until(3, "done").await;
    desk.until_text("three-2").await;
    let text = desk.text();
    let at = |part: &str| text.find(part).unwrap_or_else(|| panic!("{part}: {text}"));
    assert!(at("one-2") < at("three-2"));
    assert!(!text.contains("two-"), "{text}");
    assert_eq!(desk.states().await, ["done", "done", "dropped", "done"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn block_queued_behind_its_own_run_tells_of_both() {
    let mut desk = Desk::new(&[(json!({"required": true}), WAITS)]).await;
    desk.start(0).await;
    desk.run(0, "queue").await.unwrap();
    let state = desk.until_state(0, "queued").await;
    assert_eq!(state["earlier"]["state"], "running");
    assert!(state["earlier"]["startedAt"].is_u64(), "{state}");
    let page = desk.house.enter("lab").await.lab.page.unwrap();
    let earlier = page.blocks[0].state.earlier.as_ref();
    assert!(earlier.is_some(), "for who comes now, too");
    let interrupt = vec![json!({"step": "intro", "block": 0})];
    desk.execute("katahost.interruptBlock", interrupt)
        .await
        .unwrap();
    let state = desk.until_state(0, "running").await;
    assert_eq!(state["earlier"], Value::Null, "the first has ended");
    assert_eq!(state["runs"], 2);
    desk.go();
    desk.until(0, "done").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn required_block_is_done_by_its_first_run_though_another_is_queued() {
    let again = (json!({"required": true}), WAITS);
    let mut desk = Desk::new(&[again, plain(HANGS)]).await;
    desk.start(0).await;
    // What hangs comes between both runs of the first.
    desk.run(1, "queue").await.unwrap();
    desk.run(0, "queue").await.unwrap();
    desk.go();
    let is_done = |visitor: &Visitor| {
        let mut told = visitor.notifications.iter();
        told.any(|(method, step)| method == "lab/progress" && step["done"] == 1)
    };
    desk.visitor.until("the block to count", is_done).await;
    desk.until(1, "running").await;
    assert_eq!(desk.states().await[0], "queued");
}

#[tokio::test(flavor = "multi_thread")]
async fn interrupt_ends_what_runs_and_then_types() {
    let mut desk = Desk::new(&[plain(HANGS), plain("echo ran-$((1+1))"), plain("true")]).await;
    desk.start(0).await;
    desk.run(2, "queue").await.unwrap();
    desk.run(1, "interrupt").await.unwrap();
    assert_eq!(desk.until(0, "failed").await["exitCode"], 130);
    desk.until(1, "done").await;
    desk.until_text("ran-2").await;
    desk.until(2, "done").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn interrupt_that_is_ignored_types_nothing_and_can_be_cancelled() {
    let stubborn = "sh -c 'trap \"\" INT; echo up-$((1+1)); until [ -e go ]; do sleep 0.05; done'";
    let mut desk = Desk::new(&[plain(stubborn), plain("echo ran-$((1+1))")]).await;
    desk.start(0).await;
    desk.run(1, "interrupt").await.unwrap();
    desk.until(1, "queued").await;
    // Longer than the patience that a block with `ctrl_c` has.
    tokio::time::sleep(std::time::Duration::from_secs(6)).await;
    assert_eq!(desk.states().await, ["running", "queued"]);
    assert!(!desk.text().contains("echo ran"));
    desk.go();
    desk.until(1, "done").await;
}

/// A lab whose first block handles Ctrl-C so and then goes on until the file `go` is there, and
/// whose second one presses Ctrl-C, with little patience.
async fn desk_that_stops(handler: &str) -> Desk {
    let program = format!(
        "sh -c 'trap \"{handler}; until [ -e go ]; do sleep 0.05; done; exit 0\" INT; \
         echo up-$((1+1)); while :; do sleep 0.05; done'"
    );
    let interrupts = json!({"macrosBefore": ["ctrl_c"]});
    let blocks = [plain(&program), (interrupts, "echo ran-$((1+1))")];
    let options = HouseOptions {
        interrupt_patience: Duration::from_secs(2),
        ..HouseOptions::default()
    };
    let mut desk = Desk::with_options(&blocks, options).await;
    desk.start(0).await;
    desk
}

#[tokio::test(flavor = "multi_thread")]
async fn block_that_interrupts_waits_for_a_program_that_takes_its_time() {
    for handler in [
        "printf stopping...",
        r"printf \\\\033[33mstopping\\\\n\\\\033[0m",
        ":",
    ] {
        let mut desk = desk_that_stops(handler).await;
        desk.run(1, "ask").await.unwrap();
        if handler != ":" {
            desk.until_text("stopping").await;
        }
        // It waits, first for the patience to end, and then as long as it takes.
        desk.until(1, "queued").await;
        let notice = desk.visitor.until_notified("window/showMessage").await;
        let message = notice["message"].as_str().unwrap();
        assert!(message.contains("goes on after Ctrl-C"), "{message}");
        assert!(!desk.text().contains("echo ran"), "{handler}");
        assert_eq!(desk.states().await, ["running", "queued"]);
        desk.go();
        desk.until(1, "done").await;
        desk.until_text("ran-2").await;
        assert_eq!(desk.states().await[0], "done");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn block_that_waits_for_an_interrupted_program_can_be_cancelled() {
    let mut desk = desk_that_stops("printf stopping...").await;
    desk.run(1, "ask").await.unwrap();
    desk.until(1, "queued").await;
    let cancel = vec![json!({"step": "intro", "block": 1})];
    desk.execute("katahost.cancelBlock", cancel).await.unwrap();
    desk.until(1, "dropped").await;
    desk.go();
    desk.until(0, "done").await;
    assert!(!desk.text().contains("echo ran"));
}

#[tokio::test(flavor = "multi_thread")]
async fn block_that_interrupts_is_typed_into_a_program_that_goes_on_and_reads() {
    let ignores = "sh -c 'trap \"\" INT; echo up-$((1+1)); read -r line; echo got-$line'";
    let prompts = "sh -c 'trap \"printf again:\" INT; echo up-$((1+1)); \
                   until read -r line; do :; done; echo got-$line'";
    for program in [ignores, prompts] {
        let interrupts = json!({"macrosBefore": ["ctrl_c"]});
        let mut desk = Desk::new(&[plain(program), (interrupts, "ran")]).await;
        desk.start(0).await;
        desk.run(1, "ask").await.unwrap();
        desk.until_text("got-ran").await;
        desk.until(1, "sent").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn type_types_into_whatever_runs() {
    let blocks = [
        plain("sh -c 'echo up-$((1+1)); sleep 1; head -1'"),
        plain("echo hello"),
    ];
    let mut desk = Desk::new(&blocks).await;
    desk.start(0).await;
    desk.run(1, "type").await.unwrap();
    desk.until(1, "sent").await;
    desk.until_text("echo hello\r\necho hello").await;
    desk.until(0, "done").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn programs_that_read_are_typed_into_at_once() {
    for (program, prompt, line, answer) in [
        ("python3 -q", ">>> ", "20 + 22", "42"),
        ("sqlite3", "sqlite> ", "select 20 + 22;", "42"),
        ("cat", "cat\r\n", "hello", "hello\r\nhello"),
        ("env -i sh", "# ", "echo $((20 + 22))", "42"),
        ("read -p 'name? ' name", "name? ", "me", "? me"),
    ] {
        let mut desk = Desk::new(&[plain(program), plain(line)]).await;
        desk.run(0, "ask").await.unwrap();
        let run = desk.until(0, "running").await;
        assert!(run["settled"].is_null(), "{program}");
        desk.until_text(prompt).await;
        // It may still be about to read; then it is asked again.
        let mut tries = 0;
        while let Err(refused) = desk.run(1, "ask").await {
            assert_eq!(refused.code, ErrorCode::TerminalBusy, "{program}");
            tries += 1;
            assert!(tries < 20, "{program} reads");
        }
        desk.until_text(answer).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn full_screen_program_is_asked_about_though_it_reads() {
    let mut desk = Desk::new(&[plain("seq 1000 | less"), plain("true")]).await;
    desk.run(0, "ask").await.unwrap();
    desk.until_text("\x1b[?1049h").await;
    let refused = desk.run(1, "ask").await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::TerminalBusy);
}

#[tokio::test(flavor = "multi_thread")]
async fn clicks_in_quick_succession_are_all_typed() {
    let mut desk = Desk::new(&[
        plain("echo a"),
        plain("sleep 0.1"),
        plain("echo c-$((1+1))"),
    ])
    .await;
    for block in 0..3 {
        desk.run(block, "ask").await.unwrap();
    }
    desk.until(2, "done").await;
    assert_eq!(desk.states().await, ["done", "done", "done"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn block_that_interrupts_never_asks_and_goes_before_the_queue() {
    let interrupts = json!({"macrosBefore": ["ctrl_c"]});
    let blocks = [
        plain(HANGS),
        (interrupts, "echo first-$((1+1))"),
        plain("echo second-$((1+1))"),
    ];
    let mut desk = Desk::new(&blocks).await;
    desk.start(0).await;
    desk.run(2, "queue").await.unwrap();
    desk.run(1, "ask").await.unwrap();
    desk.until(2, "done").await;
    desk.until_text("second-2").await;
    let text = desk.text();
    assert!(text.find("first-2") < text.find("second-2"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn call_without_a_word_about_it_types_as_ever() {
    let mut desk = Desk::new(&[plain(HANGS), plain("echo ahead")]).await;
    desk.start(0).await;
    run(&mut desk.visitor, 1, None).await.unwrap();
    desk.until(1, "sent").await;
    desk.until_text("echo ahead\r\n").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_shell_is_typed_into_and_its_programs_are_asked_about() {
    let blocks = [
        fence(&json!({}), HANGS),
        fence(&json!({}), "echo b-$((1+1))"),
    ];
    let house = House::with_files(&[("intro.md", &blocks.concat())], HouseOptions::default());
    let mut visitor = house.enter("lab").await;
    let id = visitor.lab.terminals[0].id.clone();
    run(&mut visitor, 1, Some("ask")).await.unwrap();
    visitor.until_text(&id, "b-2").await;
    run(&mut visitor, 0, Some("ask")).await.unwrap();
    visitor.until_text(&id, "up-2\r\n").await;
    let refused = run(&mut visitor, 1, Some("ask")).await.unwrap_err();
    assert_eq!(refused.busy.unwrap().program.as_deref(), Some("sleep 300"));
    visitor.output.clear();
    run(&mut visitor, 1, Some("queue")).await.unwrap();
    run(&mut visitor, 1, Some("interrupt")).await.unwrap();
    visitor
        .until("both", |visitor| {
            visitor.text(0).matches("b-2").count() == 2
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_of_a_block_that_are_cancelled_together_do_not_count() {
    let mut desk = Desk::new(&[plain(HANGS), plain("true")]).await;
    desk.start(0).await;
    desk.run(1, "queue").await.unwrap();
    desk.run(1, "queue").await.unwrap();
    let cancel = vec![json!({"step": "intro", "block": 1})];
    desk.execute("katahost.cancelBlock", cancel).await.unwrap();
    let is_over = |visitor: &Visitor| {
        let mut told = visitor.notifications.iter().rev();
        let last = told.find(|(_, state)| state["last"]["block"] == 1);
        last.is_some_and(|(_, state)| state["runs"] == 0 && state["waiting"] == 0)
    };
    desk.visitor.until("both to be taken back", is_over).await;
    assert_eq!(desk.progress(1).await["runs"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn queue_goes_with_its_shell_and_does_not_count() {
    let limited = json!({"maxInvocations": 1});
    let mut desk = Desk::new(&[plain(HANGS), (limited, "echo typed-$((2+3))")]).await;
    desk.start(0).await;
    desk.run(1, "queue").await.unwrap();
    let restart = vec![json!({"terminalId": "host"})];
    desk.execute("katahost.restartTerminal", restart)
        .await
        .unwrap();
    desk.until(1, "dropped").await;
    let told = desk.visitor.until_notified("window/showMessage").await;
    assert!(told["message"].as_str().unwrap().contains("`host` ended"));
    // So it may still run.
    desk.run(1, "ask").await.unwrap();
    desk.until_text("typed-5").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refusal_is_the_same_when_it_is_asked_for_again() {
    let mut desk = Desk::new(&[plain(HANGS), plain("echo typed")]).await;
    desk.start(0).await;
    let argument = json!({"step": "intro", "block": 1, "whenBusy": "ask"});
    for _ in 0..2 {
        let executed = desk.visitor.client.execute(
            "katahost.runBlock",
            vec![argument.clone()],
            Some("one-execution".to_owned()),
        );
        let refused = data(executed.await.unwrap_err());
        assert_eq!(refused.code, ErrorCode::TerminalBusy);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn next_block_asks_too_and_is_the_one_that_was_meant() {
    let mut desk = Desk::new(&[plain(HANGS), plain("echo next-$((1+1))")]).await;
    desk.start(0).await;
    let next = |argument: Value| vec![argument];
    let ask = next(json!({"whenBusy": "ask"}));
    let refused = desk.execute("katahost.runNextBlock", ask).await;
    assert_eq!(refused, Err(ErrorCode::TerminalBusy));
    let other = next(json!({"whenBusy": "interrupt", "block": 0}));
    let refused = desk.execute("katahost.runNextBlock", other).await;
    assert_eq!(refused, Err(ErrorCode::PageChanged));
    let meant = next(json!({"whenBusy": "interrupt", "block": 1}));
    desk.execute("katahost.runNextBlock", meant).await.unwrap();
    desk.until(1, "done").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn words_that_are_none_are_refused() {
    let mut desk = Desk::new(&[plain("true")]).await;
    for when in ["never", "", "Ask"] {
        let refused = desk.run(0, when).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::InvalidArguments, "{when}");
    }
}

/// Runs the line in the program, and gives what was seen of it.
async fn settled(header: Value, program: &str, prompt: &str, line: &str) -> (Desk, Value) {
    let mut desk = Desk::new(&[plain(program), (header, line)]).await;
    desk.run(0, "ask").await.unwrap();
    desk.until_text(prompt).await;
    desk.until_waits().await;
    let run = desk.settle(1).await;
    (desk, run)
}

impl Desk {
    /// Waits until a program that runs is seen to wait for input.
    async fn until_waits(&mut self) {
        let waits = |visitor: &Visitor| {
            let told = visitor.notifications.iter();
            told.filter(|(method, _)| method == "block/state")
                .any(|(_, state)| state["last"]["settled"] == "input")
        };
        self.visitor.until("the program to wait", waits).await;
    }

    /// Runs a block in a program that reads, and gives what was seen of it.
    async fn settle(&mut self, block: usize) -> Value {
        self.visitor.notifications.clear();
        self.run(block, "ask").await.unwrap();
        let mut run = Value::Null;
        self.visitor
            .until("it to settle", |visitor| {
                let told = visitor.notifications.iter().rev();
                let mut runs = told
                    .filter(|(method, _)| method == "block/state")
                    .map(|(_, state)| &state["last"]);
                let found = runs.find(|run| run["block"] == block && !run["settled"].is_null());
                run = found.cloned().unwrap_or_default();
                found.is_some()
            })
            .await;
        assert_eq!(run["state"], "sent", "nothing is claimed");
        run
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn shell_behind_ssh_is_sent_to_and_followed_by_its_prompt() {
    let sshd = Sshd::start().await;
    let far = sshd.login("env -i PS1=far-prompt: TERM=xterm /bin/bash --norc --noprofile -i");
    let prompt = json!({"prompt": "^far-prompt:$"});
    let blocks = [
        plain(&far),
        (prompt.clone(), "echo one-$((1+1))"),
        (prompt, "sleep 0.5\nsh -c 'exit 3'\necho two-$((1+1))"),
        plain("echo three-$((1+1))"),
        plain("exit 4"),
        plain("true"),
    ];
    let mut desk = Desk::new(&blocks).await;
    desk.run(0, "ask").await.unwrap();
    desk.until_waits().await;
    assert_eq!(desk.settle(1).await["settled"], "prompt");
    desk.until_text("one-2").await;
    let run = desk.settle(2).await;
    assert_eq!(run["settled"], "prompt");
    let time = |key: &str| run[key].as_u64().unwrap();
    assert!(time("endedAt") - time("startedAt") >= 500, "{run}");
    desk.until_text("two-2").await;
    assert_eq!(desk.settle(3).await["settled"], "quiet");
    desk.until_text("three-2").await;
    desk.run(4, "ask").await.unwrap();
    assert_eq!(
        desk.until(0, "failed").await["exitCode"],
        4,
        "{}",
        sshd.log()
    );
    desk.run(5, "ask").await.unwrap();
    desk.until(5, "done").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn named_prompt_tells_when_a_sent_block_is_over_and_where_its_output_is() {
    let header = json!({"prompt": "^>>> $"});
    let line = "import time\ntime.sleep(0.4); print('out', 20 + 22)";
    let (desk, run) = settled(header, "python3 -q", ">>> ", line).await;
    assert_eq!(run["settled"], "prompt");
    let at = |key: &str| usize::try_from(run[key].as_u64().unwrap()).unwrap();
    let output = String::from_utf8_lossy(&desk.visitor.output[&0][at("start")..at("end")]);
    assert!(output.contains("out 42\r\n"), "{output:?}");
    assert!(at("endedAt") - at("startedAt") >= 400, "{run}");
}

#[tokio::test(flavor = "multi_thread")]
async fn quiet_tells_of_a_sent_block_without_a_prompt() {
    let (desk, run) = settled(json!({}), "sqlite3", "sqlite> ", "select 20 + 22;").await;
    assert_eq!(run["settled"], "quiet");
    assert!(desk.text().contains("42\r\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_sent_settles_though_more_was_sent_after_it() {
    let blocks = [
        plain("sqlite3"),
        (json!({"expect": "^44$"}), "select 20 + 22;"),
        plain("select 40 + 4;"),
    ];
    let mut desk = Desk::new(&blocks).await;
    desk.run(0, "ask").await.unwrap();
    desk.until_text("sqlite> ").await;
    desk.until_waits().await;
    desk.run(1, "type").await.unwrap();
    desk.run(2, "type").await.unwrap();
    for block in [1, 2] {
        let settled = move |visitor: &Visitor| {
            let mut told = visitor.notifications.iter();
            told.any(|(_, state)| {
                state["last"]["block"] == block && state["last"]["settled"] == "quiet"
            })
        };
        desk.visitor.until("it to settle", settled).await;
    }
    // The output of the second is not taken for the first one's.
    let page = desk.house.enter("lab").await.lab.page.unwrap();
    let first = page.blocks[1].state.last.as_ref().unwrap();
    assert!(!first.matched, "{first:?}");
}

/// Judges a line that is sent to Python, and says how its run stands.
async fn check_sent(expect: &str, line: &str) -> Value {
    let header = json!({"prompt": "^>>> $", "expect": expect, "hint": "count again"});
    let mut desk = Desk::new(&[plain("python3 -q"), (header, line)]).await;
    desk.run(0, "ask").await.unwrap();
    desk.until_text(">>> ").await;
    desk.until_waits().await;
    desk.visitor.notifications.clear();
    desk.run(1, "ask").await.unwrap();
    let settled = |visitor: &Visitor| {
        let mut told = visitor.notifications.iter();
        told.any(|(_, state)| !state["last"]["settled"].is_null())
    };
    desk.visitor.until("it to settle", settled).await;
    let told = desk.visitor.notifications.iter().rev();
    let mut states = told.filter(|(method, _)| method == "block/state");
    states.next().unwrap().1["last"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn sent_block_is_judged_by_its_output_where_its_prompt_is_back() {
    let run = check_sent("^42$", "20 + 22").await;
    assert_eq!(
        (&run["state"], &run["matched"]),
        (&json!("sent"), &json!(true))
    );
    // The echo of what was typed is no output.
    for (expect, line) in [("^43$", "20 + 22"), ("20", "20 + 22")] {
        let run = check_sent(expect, line).await;
        assert_eq!(run["state"], "failed", "{run}");
        assert_eq!(run["reason"], "its output does not match");
        assert_eq!(run["hint"], "count again");
        assert_eq!(run["exitCode"], Value::Null);
    }
}

// Running all blocks of a step.

/// Answers each line that it reads, and not at once.
const LATE: &str = "sh -c 'while read -r line; do (sleep 2; echo got-$line) & done'";

impl Desk {
    /// Waits until a run of a block that was sent is seen to be quiet.
    async fn until_settled(&mut self, block: usize) {
        let settled = |visitor: &Visitor| {
            let mut told = visitor.notifications.iter();
            told.any(|(_, state)| {
                state["last"]["block"] == block && state["last"]["settled"] == "quiet"
            })
        };
        self.visitor.until("it to settle", settled).await;
    }

    async fn run_all(&mut self) {
        self.visitor.notifications.clear();
        self.execute("katahost.runStep", vec![]).await.unwrap();
    }

    /// Waits until it has ended, and gives what was told last.
    async fn until_run(&mut self, state: &str) -> Value {
        let mut found = Value::Null;
        self.visitor
            .until(&format!("the step's run to be {state}"), |visitor| {
                let mut told = visitor.notifications.iter().rev();
                let told = told.find(|(method, _)| method == "lab/stepRun");
                found = told.map(|(_, told)| told.clone()).unwrap_or_default();
                found["state"] == state
            })
            .await;
        found
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn all_blocks_of_a_step_run_in_order_over_terminals() {
    let blocks = [
        plain("sleep 0.3; echo one-$((1+1)) >> order"),
        (json!({"terminalId": "api"}), "echo two-$((1+1)) >> order"),
        (json!({"execute": false}), "read me"),
        (json!({"maxInvocations": 0}), "echo never >> order"),
        (
            json!({"exitCode": 3}),
            "echo three >> order; sh -c 'exit 3'",
        ),
        (json!({"terminalId": "api"}), "echo four >> order"),
    ];
    let mut desk = Desk::new(&blocks).await;
    desk.run_all().await;
    let refused = desk.execute("katahost.runStep", vec![]).await;
    assert_eq!(refused, Err(ErrorCode::StepRuns));
    let told = desk.until_run("finished").await;
    assert_eq!((&told["done"], &told["total"]), (&json!(4), &json!(4)));
    assert_eq!(
        desk.house.written("order").await,
        "one-2\ntwo-2\nthree\nfour\n"
    );
    let refused = desk.execute("katahost.stopStep", vec![]).await;
    assert_eq!(refused, Err(ErrorCode::NotRunning));
}

#[tokio::test(flavor = "multi_thread")]
async fn run_of_all_blocks_stops_at_a_failure_and_says_where() {
    let blocks = [
        plain("true"),
        (json!({"hint": "look at the log"}), "sh -c 'exit 7'"),
        plain("echo typed"),
    ];
    let mut desk = Desk::new(&blocks).await;
    desk.run_all().await;
    let told = desk.until_run("failed").await;
    assert_eq!((&told["block"], &told["done"]), (&json!(1), &json!(1)));
    assert_eq!(told["message"], "it failed with exit code 7");
    assert_eq!(told["hint"], "look at the log");
    assert_eq!(desk.states().await, ["done", "failed", "none"]);
    let other = desk.house.enter("lab").await;
    assert_eq!(json!(other.lab.step_run), told, "for who comes now, too");
}

#[tokio::test(flavor = "multi_thread")]
async fn checks_run_with_the_blocks_and_a_required_one_must_pass() {
    let blocks = [
        plain("true"),
        (json!({"verify": true}), "exit 1"),
        (
            json!({"verify": true, "required": true}),
            "echo 'FAIL: not there'; [ -e go ]",
        ),
        (json!({"expect": "^seen$"}), "echo unseen"),
        plain("echo typed"),
    ];
    let mut desk = Desk::new(&blocks).await;
    desk.run_all().await;
    let told = desk.until_run("failed").await;
    assert_eq!((&told["block"], &told["done"]), (&json!(2), &json!(2)));
    assert_eq!(told["message"], "not there");
    desk.go();
    desk.run_all().await;
    let told = desk.until_run("failed").await;
    assert_eq!((&told["block"], &told["done"]), (&json!(3), &json!(3)));
    assert_eq!(told["message"], "its output does not match");
    assert!(!desk.text().contains("echo typed"));
}

#[tokio::test(flavor = "multi_thread")]
async fn server_holds_up_no_other_terminal_and_is_not_typed_into() {
    let blocks = [
        plain(WAITS),
        (json!({"terminalId": "api"}), "echo meanwhile-$((1+1))"),
        plain("echo after-$((1+1))"),
    ];
    let mut desk = Desk::new(&blocks).await;
    desk.run_all().await;
    desk.visitor.until_text("api", "meanwhile-2").await;
    desk.until(2, "queued").await;
    assert!(!desk.text().contains("echo after"));
    desk.go();
    desk.until_run("finished").await;
    desk.until(2, "done").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn run_of_all_blocks_goes_on_inside_a_program_that_reads() {
    let blocks = [
        plain("python3 -q"),
        (json!({"prompt": ">>> $"}), "20 + 22"),
        plain("exit()"),
        plain("echo back-$((1+1))"),
    ];
    let mut desk = Desk::new(&blocks).await;
    desk.run_all().await;
    desk.until_run("finished").await;
    desk.until_text("42").await;
    desk.until_text("back-2").await;
    assert_eq!(desk.states().await[3], "done");
}

#[tokio::test(flavor = "multi_thread")]
async fn run_of_all_blocks_judges_what_was_only_sent() {
    let header = json!({"prompt": ">>> $", "expect": "^42$", "hint": "count again"});
    let blocks = [
        plain("python3 -q"),
        (header, "20 + 21"),
        plain("print('never')"),
    ];
    let mut desk = Desk::new(&blocks).await;
    desk.run_all().await;
    let told = desk.until_run("failed").await;
    assert_eq!((&told["block"], &told["done"]), (&json!(1), &json!(1)));
    assert_eq!(told["message"], "its output does not match");
    assert_eq!(told["hint"], "count again");
    assert!(!desk.text().contains("never"));
}

#[tokio::test(flavor = "multi_thread")]
async fn run_of_all_blocks_waits_for_what_is_expected_of_a_quiet_program() {
    let blocks = [
        plain(LATE),
        (json!({"expect": "^got-x"}), "x"),
        (json!({"terminalId": "api"}), "echo after-$((1+1))"),
    ];
    let mut desk = Desk::new(&blocks).await;
    desk.run_all().await;
    desk.until_run("finished").await;
    let text = desk.text();
    assert!(text.contains("got-x"), "{text}");
    let page = desk.house.enter("lab").await.lab.page.unwrap();
    assert!(page.blocks[1].state.last.as_ref().unwrap().matched);
    let passed = desk.progress(1).await["passedAt"].clone();
    assert!(passed.is_u64(), "{passed}");
    let transcript = desk.transcript().await;
    assert!(transcript.contains("as expected"), "{transcript}");
}

#[tokio::test(flavor = "multi_thread")]
async fn run_of_all_blocks_fails_what_was_sent_and_never_writes_what_is_expected() {
    let blocks = [
        plain("sh -c 'while read -r line; do echo got-$line; done'"),
        (json!({"expect": "^never"}), "x"),
        plain("y"),
    ];
    // Long enough to see that it is quiet.
    let mut desk = Desk::with_patience(&blocks, Duration::from_secs(6)).await;
    desk.run_all().await;
    let told = desk.until_run("failed").await;
    assert_eq!((&told["block"], &told["done"]), (&json!(1), &json!(1)));
    assert_eq!(told["message"], "its output does not match");
    assert_eq!(desk.states().await, ["running", "failed", "none"]);
    let message = desk.progress(1).await["message"].clone();
    assert_eq!(message, "its output does not match");
    let transcript = desk.transcript().await;
    assert!(transcript.contains("does not match"), "{transcript}");
}

#[tokio::test(flavor = "multi_thread")]
async fn run_of_all_blocks_waits_for_what_runs_however_long() {
    let long = "sleep 1.5; echo done-$((1+1))";
    let blocks = [(json!({"expect": "^done-2"}), long), plain("true")];
    let mut desk = Desk::with_patience(&blocks, Duration::from_millis(200)).await;
    desk.run_all().await;
    let ended = |visitor: &Visitor| {
        let mut told = visitor.notifications.iter();
        told.any(|(method, told)| method == "lab/stepRun" && told["state"] != "running")
    };
    desk.visitor.until("the step's run to end", ended).await;
    let told = desk.until_run("finished").await;
    assert_eq!(told["done"], 2, "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn run_of_all_blocks_takes_no_other_click_for_its_own() {
    let header = json!({"expect": "^never", "timeout": 4});
    let blocks = [plain(LATE), (header, "x"), plain("y")];
    let mut desk = Desk::new(&blocks).await;
    desk.run_all().await;
    desk.until_settled(1).await;
    desk.run(1, "queue").await.unwrap();
    desk.until(1, "queued").await;
    let told = desk.until_run("failed").await;
    assert_eq!((&told["block"], &told["done"]), (&json!(1), &json!(1)));
    let page = desk.house.enter("lab").await.lab.page.unwrap();
    let last = page.blocks[1].state.last.as_ref().unwrap();
    assert!(!last.matched, "{last:?}");
    assert_eq!(desk.states().await, ["running", "queued", "none"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn run_of_all_blocks_says_nothing_where_another_click_may_have_written() {
    let blocks = [
        plain(LATE),
        (json!({"expect": "^got-y"}), "x"),
        plain("y"),
        (json!({"terminalId": "api"}), "true"),
    ];
    let mut desk = Desk::new(&blocks).await;
    desk.run_all().await;
    desk.until_settled(1).await;
    desk.run(2, "type").await.unwrap();
    desk.until_run("finished").await;
    let page = desk.house.enter("lab").await.lab.page.unwrap();
    let last = page.blocks[1].state.last.as_ref().unwrap();
    assert!(!last.matched, "{last:?}");
    assert_eq!(desk.progress(1).await["passedAt"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn run_of_all_blocks_ends_by_a_word_a_timeout_or_another_step() {
    let blocks = [
        (json!({"timeout": 0.5}), HANGS),
        plain("echo next-$((1+1))"),
    ];
    let mut desk = Desk::new(&blocks).await;
    desk.run_all().await;
    let told = desk.until_run("failed").await;
    assert_eq!(told["message"], "it took longer than 0.5 s");
    // It still runs, so the first block waits for the prompt.
    desk.run_all().await;
    desk.until(0, "queued").await;
    desk.execute("katahost.stopStep", vec![]).await.unwrap();
    let told = desk.until_run("stopped").await;
    assert_eq!(told["message"], "it was stopped");
    let state = desk.until_state(0, "running").await;
    assert_eq!(
        (&state["runs"], &state["earlier"]),
        (&json!(1), &Value::Null)
    );
    desk.run_all().await;
    desk.visitor.load("step2").await;
    let told = desk.until_run("stopped").await;
    assert_eq!(told["message"], "another step was opened");
    let refused = desk.execute("katahost.runStep", vec![]).await;
    assert_eq!(refused, Err(ErrorCode::UnknownBlock), "there is none");
}

#[tokio::test(flavor = "multi_thread")]
async fn run_of_all_blocks_stops_where_its_block_is_cancelled_or_its_shell_ends() {
    let mut desk = Desk::new(&[plain(HANGS), plain("true")]).await;
    desk.start(0).await;
    desk.run_all().await;
    desk.until(0, "queued").await;
    let cancel = vec![json!({"step": "intro", "block": 0})];
    desk.execute("katahost.cancelBlock", cancel).await.unwrap();
    let told = desk.until_run("stopped").await;
    assert_eq!(told["message"], "it was cancelled");
    desk.run_all().await;
    desk.until(0, "queued").await;
    let restart = vec![json!({"terminalId": "host"})];
    desk.execute("katahost.restartTerminal", restart)
        .await
        .unwrap();
    let told = desk.until_run("stopped").await;
    assert_eq!(told["message"], "its shell ended");
}
