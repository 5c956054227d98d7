//! Scenarios that are broken, huge or gone: each gives a clear message, and the lab goes on.

use std::{
    fs,
    os::unix::fs::symlink,
    time::{Duration, Instant},
};

use katahost::client::ClientError;
use serde_json::{Value, json};

use crate::harness::{DEADLINE, House, HouseOptions, Visitor, eventually, program::Program};

const TWO_TERMINALS: &str = r#"{"layout": {"terminals": [{"id": "host"}, {"id": "api"}]}}"#;

fn house(files: &[(&str, &str)]) -> House {
    House::with_files(files, HouseOptions::default())
}

/// The page shown to a visitor.
fn page(visitor: &Visitor) -> &katahost::protocol::server::Page {
    visitor.lab.page.as_ref().expect("a page")
}

/// The code, the message and the hint of a refusal.
fn refused<T: std::fmt::Debug>(result: Result<T, ClientError>) -> (Value, String, Option<String>) {
    match result {
        Err(ClientError::Refused(error)) => {
            let code = serde_json::to_value(error.data.code).unwrap();
            (code, error.message, error.data.hint)
        }
        other => panic!("not refused: {other:?}"),
    }
}

/// Types into the terminal and sees the shell's answer.
async fn check_terminal(visitor: &mut Visitor, id: &str, mark: &str) {
    visitor
        .type_text(id, &format!("echo {mark}-$((40 + 2))\r"))
        .await;
    visitor.until_text(id, &format!("\r{mark}-42")).await;
}

/// A lab whose `bad` step is this: it shows, and a block of the intro still runs after it.
async fn check_step(bytes: &[u8], check: impl FnOnce(&str)) {
    let house = house(&[("intro.md", "# Lab\n\n```\necho fine-$((40 + 2))\n```\n")]);
    fs::write(house.root.join("bad.md"), bytes).unwrap();
    let mut visitor = house.enter("lab").await;
    visitor.load("bad").await;
    // The first page came with the lab; this one is news.
    let shown = visitor.until_notified("page/show").await;
    check(shown["page"]["html"].as_str().unwrap());
    visitor.load("intro").await;
    visitor.run_block("intro", 0).await.unwrap();
    let first = visitor.lab.terminals[0].id.clone();
    visitor.until_text(&first, "\rfine-42").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn empty_page_is_an_empty_page() {
    check_step(b"", |html| assert_eq!(html.trim(), "")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn page_that_is_not_utf8_is_decoded() {
    check_step(b"# d\xe9j\xe0 vu\0", |html| {
        assert!(html.contains("d\u{fffd}j\u{fffd} vu"), "{html}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn byte_order_mark_and_carriage_returns_do_no_harm() {
    check_step(
        b"\xef\xbb\xbf# Title\r\n\r\n```\r\n### host\r\necho one\r\n```\r\n",
        |html| {
            // As in the original, a mark in front of a heading makes it a paragraph.
            assert!(html.contains("# Title"), "{html}");
            assert!(html.contains("<code>echo one"), "{html}");
            assert!(!html.contains('\r'), "{html}");
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn huge_page_is_refused_with_its_size_and_the_lab_goes_on() {
    let house = house(&[("intro.md", "# Lab")]);
    fs::write(house.root.join("huge.md"), vec![b'x'; 50_000_000]).unwrap();
    let mut visitor = house.enter("lab").await;
    let result = visitor
        .execute("katapod.loadPage", json!({"step": "huge"}))
        .await;
    let (code, message, hint) = refused(result);
    assert_eq!(code, "unreadable-step");
    assert!(
        message.contains("48 MiB") && message.contains("4 MiB"),
        "{message}"
    );
    assert!(hint.is_some());
    visitor.load("intro").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn page_of_ten_thousand_blocks_opens_and_its_last_block_runs() {
    let blocks: String = (0..10_000)
        .map(|number| format!("```\necho block-$(({number} + 1))\n```\n\n"))
        .collect();
    let house = house(&[("intro.md", "# Lab"), ("many.md", &blocks)]);
    let mut visitor = house.enter("lab").await;
    let began = Instant::now();
    visitor.load("many").await;
    let shown = visitor.until_notified("page/show").await;
    let opened = began.elapsed();
    assert_eq!(shown["page"]["blocks"].as_array().unwrap().len(), 10_000);
    visitor.run_block("many", 9_999).await.unwrap();
    let first = visitor.lab.terminals[0].id.clone();
    visitor.until_text(&first, "\rblock-10000").await;
    // In a debug build, on a loaded machine.
    assert!(opened < Duration::from_secs(15), "{opened:?}");
}

/// A lab with this config has a terminal that works.
async fn check_config(config: &str) -> Visitor {
    let house = house(&[("intro.md", "# Lab"), (".katapod_config.json", config)]);
    let mut visitor = house.enter("lab").await;
    let last = visitor.lab.terminals.last().unwrap().id.clone();
    check_terminal(&mut visitor, &last, "works").await;
    visitor
}

#[tokio::test(flavor = "multi_thread")]
async fn config_that_is_no_config_leaves_the_usual_terminal() {
    let deep = "[".repeat(1_000_000);
    let objects = r#"{"layout":"#.repeat(100_000);
    for config in [
        "",
        "[]",
        "7",
        "null",
        "\"text\"",
        "{",
        &deep,
        &objects,
        r#"{"layout": []}"#,
        r#"{"layout": {"terminals": {"id": "x"}}}"#,
        r#"{"layout": {"terminals": [null, 7, [], {}]}}"#,
    ] {
        let visitor = check_config(config).await;
        let start: String = config.chars().take(40).collect();
        assert!(!visitor.lab.terminals.is_empty(), "{start}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn forty_terminals_all_work() {
    let terminals: Vec<Value> = (0..40)
        .map(|number| json!({"id": format!("t{number}")}))
        .collect();
    let config = json!({"layout": {"terminals": terminals}}).to_string();
    let visitor = check_config(&config).await;
    assert_eq!(visitor.lab.terminals.len(), 40);
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_terminals_are_too_many() {
    let terminals: Vec<Value> = (0..80_000).map(|_| json!({"id": ""})).collect();
    let config = json!({"layout": {"terminals": terminals}}).to_string();
    let house = house(&[("intro.md", "# Lab"), (".katapod_config.json", &config)]);
    let visitor = Visitor::connect(&house.socket("lab"), None, None)
        .await
        .unwrap();
    assert!(
        visitor.lab.terminals.len() <= 100,
        "{}",
        visitor.lab.terminals.len()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn block_runs_in_a_terminal_of_any_name() {
    let names = [
        "a/b",
        "two words",
        "🐈‍⬛",
        "<img src=x onerror=alert(1)>",
        "../..",
        "%2e",
        "\"'`$(x)",
    ];
    let terminals: Vec<Value> = names.iter().map(|name| json!({"id": name})).collect();
    let config = json!({"layout": {"terminals": terminals}}).to_string();
    let blocks: String = names
        .iter()
        .enumerate()
        .map(|(number, name)| {
            let header = json!({"terminalId": name});
            format!("```\n### {header}\necho here-$(({number} + 1))\n```\n\n")
        })
        .collect();
    let house = house(&[("intro.md", &blocks), (".katapod_config.json", &config)]);
    let mut visitor = house.enter("lab").await;
    for (number, name) in names.iter().enumerate() {
        let result = visitor.run_block("intro", number).await.unwrap();
        assert_eq!(result.terminals, [visitor.number(name)], "{name}");
        let text = format!("\rhere-{}", number + 1);
        visitor.until_text(name, &text).await;
    }
    let html = &page(&visitor).html;
    assert!(!html.contains("<img"), "{html}");
}

#[tokio::test(flavor = "multi_thread")]
async fn terminals_of_one_id_open_and_the_first_takes_the_blocks() {
    let config = r#"{"layout": {"terminals": [{"id": "x"}, {"id": "x"}]}}"#;
    let intro = "# Lab\n\n```\n### x\necho first-$((40 + 2))\n```\n";
    let house = house(&[("intro.md", intro), (".katapod_config.json", config)]);
    let mut visitor = house.enter("lab").await;
    let result = visitor.run_block("intro", 0).await.unwrap();
    assert_eq!(result.terminals, [0]);
    visitor.until_text("x", "\rfirst-42").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn page_replaced_while_shown_refuses_blocks_of_the_old_one() {
    let files = [("intro.md", "# Lab\n\n```\necho old\n```\n")];
    let house = house(&files);
    let mut visitor = house.enter("lab").await;
    let old = page(&visitor).revision.clone();
    house.write("intro.md", "# Lab\n\n```\nrm -rf new\n```\n");
    visitor.load("intro").await;
    let block = json!({"step": "intro", "revision": old, "block": 0});
    let (code, _, hint) = refused(visitor.execute("katahost.runBlock", block).await);
    assert_eq!(code, "page-changed");
    assert!(hint.is_some());
    fs::remove_file(house.root.join("intro.md")).unwrap();
    let gone = visitor.execute("katapod.loadPage", json!({"step": "intro"}));
    assert_eq!(refused(gone.await).0, "unknown-step");
}

#[tokio::test(flavor = "multi_thread")]
async fn folder_that_disappears_leaves_the_lab_running() {
    let files = [
        (
            "intro.md",
            "# Lab\n\n```\n### api\necho still-$((40 + 2))\n```\n",
        ),
        (".katapod_config.json", TWO_TERMINALS),
    ];
    let house = house(&files);
    let mut visitor = house.enter("lab").await;
    check_terminal(&mut visitor, "host", "before").await;
    check_terminal(&mut visitor, "api", "before").await;
    let instance = visitor.lab.instance.clone();
    let aside = house.root.with_extension("aside");
    fs::rename(&house.root, &aside).unwrap();
    for (command, argument) in [
        ("katapod.loadPage", json!({"step": "intro"})),
        ("katapod.start", Value::Null),
    ] {
        let (code, message, hint) = refused(visitor.execute(command, argument).await);
        assert_eq!(code, "unreadable-step", "{command}");
        assert_eq!(message, "the folder of `lab` is gone", "{command}");
        assert!(hint.unwrap().starts_with("put it back"), "{command}");
    }
    check_terminal(&mut visitor, "host", "meanwhile").await;
    visitor.run_block("intro", 0).await.unwrap();
    visitor.until_text("api", "\rstill-42").await;
    let newcomer = Visitor::connect(&house.socket("lab"), None, None).await;
    assert_eq!(newcomer.unwrap().lab.instance, instance);
    fs::rename(&aside, &house.root).unwrap();
    visitor.execute("katapod.start", Value::Null).await.unwrap();
    visitor
        .until("a lab started over", |visitor| {
            visitor.lab.instance != instance
        })
        .await;
    visitor.size_all(80, 24).await;
    check_terminal(&mut visitor, "host", "after").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn folder_that_is_a_link_in_a_circle_is_read_once() {
    let house = house(&[("intro.md", "# Lab"), ("sub/step.md", "# Step")]);
    symlink(&house.root, house.root.join("sub/again")).unwrap();
    symlink("loop.md", house.root.join("loop.md")).unwrap();
    let visitor = house.enter("lab").await;
    assert_eq!(visitor.steps(), ["intro", "sub/step"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn page_that_is_a_pipe_or_a_folder_is_no_step() {
    let house = house(&[("intro.md", "# Lab"), ("folder.md/x.txt", "")]);
    let pipe = house.root.join("pipe.md");
    let mode = rustix::fs::Mode::RWXU;
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, mode, 0).unwrap();
    let mut visitor = house.enter("lab").await;
    for step in ["pipe", "folder"] {
        let loading = visitor.execute("katapod.loadPage", json!({"step": step}));
        let loaded = tokio::time::timeout(DEADLINE, loading).await;
        assert_eq!(
            refused(loaded.expect("an answer")).0,
            "unknown-step",
            "{step}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lab_started_over_again_and_again_leaves_no_shell_behind() {
    let temp = tempfile::tempdir().unwrap();
    let root = temp.path().join("lab");
    fs::create_dir(&root).unwrap();
    fs::write(root.join("intro.md"), "# Lab").unwrap();
    fs::write(root.join(".katapod_config.json"), TWO_TERMINALS).unwrap();
    let root = root.to_str().unwrap();
    let program = Program::start(&[root, "--listen", "127.0.0.1:0"], &[]);
    let address = program.socket("lab");
    let mut visitor = Visitor::connect(&address, None, None).await.unwrap();
    visitor.size_all(80, 24).await;
    check_terminal(&mut visitor, "api", "first").await;
    let (files, memory) = (program.open_files(), program.resident_bytes());
    let mut shells = Vec::new();
    for round in 0..100 {
        // Some rounds start over while shells are still starting, others once they run.
        if round % 10 == 0 {
            visitor.type_text("host", "echo pid=$$=\r").await;
            visitor.until_text("host", "\rpid=").await;
            let number = visitor.number("host");
            visitor
                .until("a pid", |visitor| {
                    visitor.text(number).matches('=').count() >= 4
                })
                .await;
            let text = visitor.text(number);
            let (_, pid) = text.rsplit_once("\rpid=").unwrap();
            shells.push(pid.split('=').next().unwrap().to_owned());
        }
        let instance = visitor.lab.instance.clone();
        visitor.execute("katapod.start", Value::Null).await.unwrap();
        visitor
            .until("a new lab", |visitor| visitor.lab.instance != instance)
            .await;
        visitor.notifications.clear();
        visitor.size_all(80, 24).await;
    }
    check_terminal(&mut visitor, "api", "last").await;
    for pid in &shells {
        eventually("the old shells end", || !crate::harness::is_running(pid)).await;
    }
    eventually("all files are closed", || program.open_files() <= files).await;
    let grown = program.resident_bytes().saturating_sub(memory);
    assert!(grown < 16_000_000, "100 labs left {grown} bytes behind");
}
