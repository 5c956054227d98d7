//! A lab's place in its scenario: what loads a step and what only shows it, and what is counted.

use std::{fs, time::Duration};

use katahost::protocol::server::{LabState, Severity};
use serde_json::json;

use crate::harness::{House, HouseOptions, Visitor, hex, program, wire::Wire};

/// Types `a` once when `intro` is loaded, `b` twice, and `c` whenever `step2` is.
const CONFIG: &str = r#"{
    "layout": {"terminals": [{"id": "host"}, {"id": "api"}]},
    "navigation": {"onLoadCommands": {
        "intro": {
            "host": [{"command": "a"}],
            "api": [{"command": "b", "maxInvocations": 2}]
        },
        "step2": {"host": [{"command": "c", "maxInvocations": "unlimited"}]}
    }}
}"#;

const INTRO: &str = "# Lab\n\n```\n### {\"codeBlockId\": \"shared\", \"maxInvocations\": 2}\none\n```\n\n\
    ```\n### {\"codeBlockId\": \"shared\", \"maxInvocations\": 2}\ntwo\n```\n";

const FILES: [(&str, &str); 3] = [
    (".katapod_config.json", CONFIG),
    ("intro.md", INTRO),
    ("step2.md", "# Two"),
];

/// Terminals show in hexadecimal what is typed into them.
fn recording() -> HouseOptions {
    HouseOptions {
        shell: Some(program("recorder")),
        ..HouseOptions::default()
    }
}

fn house() -> House {
    House::with_files(&FILES, recording())
}

/// Waits until `typed` has been typed into a terminal, and nothing else was.
async fn check_typed(visitor: &mut Visitor, terminal: &str, typed: &str) {
    let wanted = format!("ready;{}", hex(typed.as_bytes()));
    let number = visitor.number(terminal);
    let what = format!("{typed:?} in {terminal}");
    let long_enough = |visitor: &Visitor| visitor.text(number).len() >= wanted.len();
    visitor.until(&what, long_enough).await;
    assert_eq!(visitor.text(number), wanted, "{what}");
}

/// Types a mark as a person, so that everything before it must have been typed as well.
async fn mark(visitor: &mut Visitor, terminal: &str) {
    // Before that, the terminal itself echoes.
    visitor.until_text(terminal, "ready;").await;
    visitor.type_text(terminal, "|").await;
}

fn step(lab: &LabState) -> &str {
    &lab.page.as_ref().expect("a page").step
}

async fn visit(house: &House, step: Option<&str>) -> Visitor {
    let address = house.socket("lab");
    let mut visitor = Visitor::connect(&address, None, step).await.unwrap();
    visitor.size_all(80, 24).await;
    visitor
}

#[tokio::test(flavor = "multi_thread")]
async fn first_visit_loads_the_entry_page() {
    let house = house();
    let mut visitor = visit(&house, None).await;
    assert_eq!(step(&visitor.lab), "intro");
    check_typed(&mut visitor, "host", "a\r").await;
    check_typed(&mut visitor, "api", "b\r").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn coming_back_runs_what_its_count_still_allows() {
    let house = house();
    let mut visitor = visit(&house, None).await;
    check_typed(&mut visitor, "host", "a\r").await;
    for _ in 0..2 {
        visitor.load("step2").await;
        visitor.load("intro").await;
    }
    check_typed(&mut visitor, "host", "a\rc\rc\r").await;
    check_typed(&mut visitor, "api", "b\rb\r").await;
    mark(&mut visitor, "api").await;
    check_typed(&mut visitor, "api", "b\rb\r|").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reload_loads_the_step_again() {
    let house = house();
    let mut visitor = visit(&house, Some("step2")).await;
    visitor
        .client
        .execute("katapod.reloadPage", vec![], None)
        .await
        .unwrap();
    check_typed(&mut visitor, "host", "c\rc\r").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn deep_link_on_the_first_visit_loads_only_its_step() {
    let house = house();
    let mut visitor = visit(&house, Some("step2")).await;
    assert_eq!(step(&visitor.lab), "step2");
    check_typed(&mut visitor, "host", "c\r").await;
    mark(&mut visitor, "host").await;
    check_typed(&mut visitor, "host", "c\r|").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn deep_link_to_the_step_shown_loads_nothing() {
    let house = house();
    let mut first = visit(&house, Some("step2")).await;
    check_typed(&mut first, "host", "c\r").await;
    let mut second = visit(&house, Some("step2")).await;
    mark(&mut second, "host").await;
    check_typed(&mut second, "host", "c\r|").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn deep_link_to_another_step_loads_it_for_everybody() {
    let house = house();
    let mut first = visit(&house, None).await;
    check_typed(&mut first, "host", "a\r").await;
    let second = visit(&house, Some("step2")).await;
    assert_eq!(step(&second.lab), "step2");
    let shown = first.until_notified("page/show").await;
    assert_eq!(shown["page"]["step"], "step2");
    check_typed(&mut first, "host", "a\rc\r").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn second_visit_and_reconnect_only_show_the_step() {
    let house = house();
    let mut first = visit(&house, None).await;
    check_typed(&mut first, "host", "a\r").await;
    first.load("step2").await;
    check_typed(&mut first, "host", "a\rc\r").await;
    let mut second = visit(&house, None).await;
    assert_eq!(step(&second.lab), "step2");
    mark(&mut second, "host").await;
    check_typed(&mut second, "host", "a\rc\r|").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn deep_link_to_nowhere_shows_the_entry_page_and_says_so() {
    let house = house();
    let mut visitor = visit(&house, Some("stepp2")).await;
    assert_eq!(step(&visitor.lab), "intro");
    let message = visitor.lab.message.clone().expect("a message");
    assert_eq!(message.severity, Severity::Error);
    assert_eq!(message.message, "there is no step `stepp2`");
    assert_eq!(message.hint.unwrap(), "did you mean `step2`?");
    check_typed(&mut visitor, "host", "a\r").await;
    let later = visit(&house, Some("nowhere")).await;
    assert_eq!(step(&later.lab), "intro", "the page stays");
    assert!(later.lab.message.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn scenario_without_an_intro_says_so_and_works_on() {
    let files = [(".katapod_config.json", CONFIG), ("step2.md", "# Two")];
    let house = House::with_files(&files, recording());
    let mut visitor = visit(&house, None).await;
    assert!(visitor.lab.page.is_none());
    let message = visitor.lab.message.clone().expect("a message");
    assert_eq!(message.message, "there is no step `intro`");
    assert_eq!(visitor.steps(), ["step2"]);
    visitor.load("step2").await;
    check_typed(&mut visitor, "host", "c\r").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn page_deleted_while_shown_stays_for_all_who_come() {
    let house = house();
    let mut visitor = visit(&house, Some("step2")).await;
    fs::remove_file(house.root.join("step2.md")).unwrap();
    let reload = visitor
        .client
        .execute("katapod.reloadPage", vec![], None)
        .await;
    let refused = reload.unwrap_err().to_string();
    assert_eq!(refused, "there is no step `step2`");
    let second = visit(&house, None).await;
    assert_eq!(step(&second.lab), "step2");
}

#[tokio::test(flavor = "multi_thread")]
async fn changed_page_is_read_when_it_is_loaded() {
    let house = house();
    let mut visitor = visit(&house, Some("step2")).await;
    let revision = visitor.lab.page.as_ref().unwrap().revision.clone();
    house.write("step2.md", "# Two, better\n\n```\nnew\n```\n");
    let stale = json!({"step": "step2", "block": 0, "revision": revision});
    assert!(
        visitor
            .execute("katahost.runBlock", stale.clone())
            .await
            .is_err()
    );
    visitor.load("step2").await;
    let shown = visitor.until_notified("page/show").await;
    assert_eq!(shown["page"]["title"], "Two, better");
    assert_ne!(shown["page"]["revision"], json!(revision));
    let refused = visitor
        .execute("katahost.runBlock", stale)
        .await
        .unwrap_err();
    assert_eq!(
        refused.to_string(),
        "the page has changed since it was shown"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn start_over_reads_the_config_anew() {
    let house = house();
    let mut visitor = visit(&house, Some("step2")).await;
    check_typed(&mut visitor, "host", "c\r").await;
    let config = r#"{"layout": {"terminals": [{"id": "host"}, {"id": "web", "name": "Web"}, {"id": "x"}]},
        "navigation": {"onLoadCommands": {"intro": {"web": [{"command": "new"}]}}}}"#;
    house.write(".katapod_config.json", config);
    visitor.start_over().await;
    assert_eq!(step(&visitor.lab), "intro");
    let names = visitor
        .lab
        .terminals
        .iter()
        .map(|terminal| terminal.name.as_str());
    assert_eq!(names.collect::<Vec<_>>(), ["host", "Web", "x"]);
    visitor.size_all(80, 24).await;
    check_typed(&mut visitor, "web", "new\r").await;
    mark(&mut visitor, "host").await;
    check_typed(&mut visitor, "host", "|").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn blocks_of_one_id_share_a_count_over_page_loads() {
    let house = house();
    let mut visitor = visit(&house, None).await;
    visitor.run_block("intro", 0).await.unwrap();
    visitor.load("step2").await;
    visitor.load("intro").await;
    visitor.run_block("intro", 1).await.unwrap();
    for block in 0..2 {
        let refused = visitor.run_block("intro", block).await.unwrap_err();
        assert_eq!(
            refused.to_string(),
            "this block runs 2 times, and it has run 2 times"
        );
    }
    let second = visit(&house, None).await;
    for block in second.lab.page.unwrap().blocks {
        assert_eq!((block.state.id.as_str(), block.state.runs), ("shared", 2));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn clicks_keep_their_order_while_an_interrupt_waits() {
    let intro = "```\n### {\"macrosBefore\": [\"ctrl_c\"]}\nfirst\n```\n\n```\nsecond\n```\n\n\
        ```\n### {\"terminalId\": \"api\"}\nelsewhere\n```\n";
    let config = r#"{"layout": {"terminals": [{"id": "host"}, {"id": "api"}]}}"#;
    let files = [(".katapod_config.json", config), ("intro.md", intro)];
    let options = HouseOptions {
        interrupt_patience: Duration::from_millis(1500),
        // A program that never shows a prompt after an interrupt.
        shell: Some(program("deaf")),
        ..HouseOptions::default()
    };
    let house = House::with_files(&files, options);
    let mut watcher = Wire::enter(&house.socket("lab"), "client-1").await;
    let mut visitor = visit(&house, None).await;
    for terminal in ["host", "api"] {
        visitor.until_text(terminal, "ready\r\n").await;
    }
    for block in 0..3 {
        visitor.run_block("intro", block).await.unwrap();
    }
    visitor.until_text("api", "elsewhere\r\n").await;
    let number = visitor.number("host");
    assert!(
        !visitor.text(number).contains("first"),
        "the other terminal waits not"
    );
    visitor.until_text("host", "second\r\n").await;
    let text = visitor.text(number);
    let typed: Vec<&str> = text
        .lines()
        .filter(|line| !line.contains("ready"))
        .collect();
    assert_eq!(typed.join(","), "^Cfirst,second");
    let mut waits = Vec::new();
    while waits.len() < 6 {
        let state = watcher.notified("block/state").await;
        if state["last"]["state"] == "sent" {
            // What became of a run, once it was typed.
            continue;
        }
        waits.push((
            state["id"].as_str().unwrap().to_owned(),
            state["waiting"].clone(),
        ));
    }
    let of = |index: usize| {
        let id = format!("inPage_intro_{index}");
        let own = waits.iter().filter(|(one, _)| *one == id);
        own.map(|(_, waiting)| waiting.as_u64().unwrap())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        [of(0), of(1), of(2)],
        [[1, 0], [1, 0], [1, 0]].map(Vec::from)
    );
}
