//! A config that is saved: terminals come, go and are named anew in place, and what runs goes on.

use std::{fs, time::Duration};

use katahost::{
    client::attachment::{Attachment, End},
    lab::{Trust, trust::Answers},
    protocol::server::TerminalStatus,
};
use serde_json::{Value, json};

use super::{CONFIG, enter, reloaded, rename_over, watch, watching};
use crate::harness::{House, HouseOptions, Visitor, http};

const FIRST: &str = r#"{"layout": {"terminals": [{"id": "host"}, {"id": "api"}]},
    "navigation": {"onLoadCommands": {"intro": {"host": [{"command": "echo loaded >> loads"}]}}}}"#;

const LAB: [(&str, &str); 3] = [
    (CONFIG, FIRST),
    (
        "intro.md",
        "# Lab\n\nText\n\n```\n### {\"terminalId\": \"new\"}\necho $((40 + 2))\n```\n\n\
         ```\n### {\"terminalId\": \"api\"}\necho $((50 + 2))\n```\n",
    ),
    ("step1.md", "# One\n"),
];

/// A config with terminals of these ids.
fn layout(ids: &[&str]) -> String {
    let terminals: Vec<Value> = ids.iter().map(|id| json!({ "id": id })).collect();
    json!({"layout": {"terminals": terminals}}).to_string()
}

/// The numbers and names of a visitor's terminals.
fn shown(visitor: &Visitor) -> Vec<(u16, &str)> {
    let terminals = visitor.lab.terminals.iter();
    terminals
        .map(|one| (one.terminal, one.name.as_str()))
        .collect()
}

/// Saves a config, and waits until the visitor has other terminals.
async fn save(house: &House, visitor: &mut Visitor, config: &str) {
    rename_over(&house.root, CONFIG, config);
    visitor.until_notified("lab/terminals").await;
}

/// The next message that a person should read.
async fn message(visitor: &mut Visitor) -> String {
    let told = visitor.until_notified("window/showMessage").await;
    told["message"].as_str().unwrap().to_owned()
}

/// Starts a program that tells what it reads.
async fn start_reader(visitor: &mut Visitor, id: &str) {
    let reader = "while read -r line; do echo \"got $line\"; done\n";
    visitor.type_text(id, reader).await;
    reads(visitor, id, "begun").await;
}

/// Checks that it still does.
async fn reads(visitor: &mut Visitor, id: &str, word: &str) {
    visitor.type_text(id, &format!("{word}\n")).await;
    visitor.until_text(id, &format!("got {word}\r\n")).await;
}

fn loads(house: &House) -> String {
    fs::read_to_string(house.root.join("loads")).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn terminals_are_added_named_anew_and_moved_in_place() {
    let house = House::with_files(&LAB, watching(false));
    let mut driver = enter(&house).await;
    let mut viewer = watch(&house, &mut driver).await;
    start_reader(&mut driver, "host").await;
    viewer.until_text("host", "got begun\r\n").await;
    let (instance, generation) = (driver.lab.instance.clone(), driver.generation(0));
    let blocks = |page: &Value| -> Vec<Value> {
        let blocks = page["page"]["blocks"].as_array().unwrap().iter();
        blocks.map(|block| block["terminal"].clone()).collect()
    };

    let config = r#"{"layout": {"terminals": [
        {"id": "api", "name": "The API"}, {"id": "new"}, {"id": "host"}]}}"#;
    rename_over(&house.root, CONFIG, config);
    for visitor in [&mut driver, &mut viewer] {
        visitor.until_notified("lab/terminals").await;
        assert_eq!(shown(visitor), [(1, "The API"), (2, "new"), (0, "host")]);
        let page = reloaded(visitor, "Text").await;
        assert_eq!(blocks(&page), [2, 1]);
        visitor
            .until("a snapshot of the new one", |visitor| {
                visitor.offsets.contains_key(&2)
            })
            .await;
        // Those that stay go on where they were.
        assert_eq!(visitor.snapshots, 3);
        assert_eq!(visitor.lab.instance, instance);
        assert_eq!(visitor.generation(0), generation);
    }
    reads(&mut driver, "host", "on").await;
    driver.client.resize(2, 80, 24).await.unwrap();
    driver.run_block("intro", 0).await.unwrap();
    viewer.until_text("new", "42\r\n").await;
    let late = house.enter("lab").await;
    assert_eq!(shown(&late), [(1, "The API"), (2, "new"), (0, "host")]);
    assert_eq!(loads(&house), "loaded\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn removed_terminal_stays_as_long_as_something_runs_in_it() {
    let house = House::with_files(&LAB, watching(false));
    let mut visitor = Visitor::connect(&house.socket("lab"), None, None)
        .await
        .unwrap();
    save(&house, &mut visitor, &layout(&["host", "idle", "api"])).await;
    for terminal in [0, 1] {
        visitor.client.resize(terminal, 80, 24).await.unwrap();
    }
    start_reader(&mut visitor, "api").await;
    visitor.notifications.clear();

    // One that never had a shell goes at once, wherever it stands.
    save(&house, &mut visitor, &layout(&["host"])).await;
    assert_eq!(shown(&visitor), [(0, "host"), (1, "api (removed)")]);
    let told = message(&mut visitor).await;
    assert_eq!(told, "no longer in the config: `api`");
    let page = reloaded(&mut visitor, "Text").await;
    assert_eq!(page["page"]["blocks"][1]["terminal"], 0);
    reads(&mut visitor, "api", "on").await;
    // Who names it acts on it.
    let api = json!({"terminalId": "api"});
    let clear = "workbench.action.terminal.clear";
    visitor.execute(clear, api).await.unwrap();
    visitor.until_text("api", "\x1b[3J").await;

    save(&house, &mut visitor, &layout(&["api", "host"])).await;
    assert_eq!(shown(&visitor), [(1, "api"), (0, "host")]);
    save(&house, &mut visitor, &layout(&["host"])).await;
    visitor.notifications.clear();
    visitor.type_text("api", "\x04exit\n").await;
    visitor.until_notified("lab/terminals").await;
    assert_eq!(shown(&visitor), [(0, "host")]);

    // Numbers are never used again, and what was written is still there to be taken away.
    save(&house, &mut visitor, &layout(&["host", "api"])).await;
    assert_eq!(shown(&visitor), [(0, "host"), (3, "api")]);
    visitor.client.resize(3, 80, 24).await.unwrap();
    visitor.type_text("api", "echo $((60 + 2))\n").await;
    visitor.until_text("api", "62\r\n").await;
    for (cast, text) in [("api", "62"), ("api-2", "begun")] {
        let answer = http::get(&house, &format!("/labs/lab/casts/{cast}.cast")).await;
        assert!(answer.text().contains(text), "{cast}: {}", answer.text());
    }
    visitor.load("step1").await;
    visitor.start_over().await;
    assert_eq!(shown(&visitor), [(0, "host"), (1, "api")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn removed_terminal_goes_when_nothing_but_its_shell_has_run_for_a_moment() {
    let house = House::with_files(&LAB, watching(false));
    let mut visitor = enter(&house).await;
    let all = layout(&["host", "api", "job", "idle"]);
    save(&house, &mut visitor, &all).await;
    let job = "sleep 1000 & echo $((60 + 2))\n";
    for (terminal, id, line) in [(1, "api", "\n"), (2, "job", job), (3, "idle", "\n")] {
        visitor.client.resize(terminal, 80, 24).await.unwrap();
        visitor.type_text(id, line).await;
    }
    visitor.until_text("job", "62\r\n").await;
    let [api, job, idle] = [(1, "api"), (2, "job (removed)"), (3, "idle (removed)")];
    save(&house, &mut visitor, &layout(&["host"])).await;
    assert_eq!(
        shown(&visitor),
        [(0, "host"), (1, "api (removed)"), job, idle]
    );
    save(&house, &mut visitor, &layout(&["host", "api"])).await;
    assert_eq!(shown(&visitor), [(0, "host"), api, job, idle]);
    visitor.until_notified("lab/terminals").await;
    assert_eq!(shown(&visitor), [(0, "host"), api, job]);

    visitor.type_text("job", "kill $!\n").await;
    visitor.until_notified("lab/terminals").await;
    assert_eq!(shown(&visitor), [(0, "host"), api]);
    visitor.type_text("api", "echo $((60 + 3))\n").await;
    visitor.until_text("api", "63\r\n").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn run_that_waits_for_the_first_shell_keeps_its_terminal() {
    let house = House::with_files(&LAB, watching(false));
    let mut visitor = enter(&house).await;
    save(&house, &mut visitor, &layout(&["host", "new"])).await;
    reloaded(&mut visitor, "Text").await;
    // Nobody has given it a size, so that its shell waits for one for a moment.
    visitor.run_block("intro", 0).await.unwrap();
    save(&house, &mut visitor, &layout(&["host"])).await;
    assert_eq!(shown(&visitor)[1], (2, "new (removed)"));
    visitor.until_text("new", "42\r\n").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn changed_on_load_command_is_asked_about_and_not_run_by_the_save() {
    let options = HouseOptions {
        trust: Trust::Asked(Answers::new(None)),
        ..watching(false)
    };
    let house = House::with_files(&LAB, options);
    let mut visitor = house.enter("lab").await;
    let hash = visitor.lab.trust.as_ref().unwrap().hash.clone();
    let yes = json!({ "hash": hash });
    visitor.execute("katahost.trust", yes).await.unwrap();
    house.written("loads").await;
    visitor.notifications.clear();

    let config = FIRST.replace("\"intro\": {\"host\": [{", "\"step1\": {\"host\": [{");
    let config = config.replace("echo loaded", "echo other");
    rename_over(&house.root, CONFIG, &config);
    let told = loop {
        let told = visitor.until_notified("lab/trust").await;
        // The first one may be of the yes.
        if told["trust"].is_object() {
            break told;
        }
    };
    assert_eq!(told["trust"]["items"][0]["text"], "echo other >> loads");
    visitor.load("step1").await;
    visitor.type_text("host", "echo typed >> loads\n").await;
    while !loads(&house).ends_with("typed\n") {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(loads(&house), "loaded\ntyped\n");
    let yes = json!({ "hash": told["trust"]["hash"] });
    visitor.execute("katahost.trust", yes).await.unwrap();
    while loads(&house) != "loaded\ntyped\nother\n" {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn config_that_is_saved_while_a_step_is_loaded_is_not_missed() {
    let house = House::with_files(&LAB, watching(false));
    let mut visitor = enter(&house).await;
    house.write(CONFIG, &layout(&["host"]));
    visitor.load("step1").await;
    visitor.until_notified("lab/terminals").await;
    assert_eq!(shown(&visitor), [(0, "host"), (1, "api (removed)")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn config_with_a_mistake_changes_nothing_and_says_why() {
    let house = House::with_files(&LAB, watching(true));
    let mut visitor = enter(&house).await;
    let unusable = [
        ("{", "config-not-json"),
        (r#"{"layout": {}}"#, "config-without-terminals"),
    ];
    for (config, code) in unusable {
        rename_over(&house.root, CONFIG, config);
        let told = message(&mut visitor).await;
        let start = "`.katapod_config.json` can't be used: ";
        assert!(told.starts_with(start), "{told}");
        let page = reloaded(&mut visitor, "Text").await;
        let found = &page["page"]["diagnostics"];
        assert_eq!(found[0]["code"], code, "{found}");
        assert_eq!(shown(&visitor), [(0, "host"), (1, "api")]);
    }
    rename_over(&house.root, CONFIG, FIRST);
    let page = reloaded(&mut visitor, "Text").await;
    let found = page["page"]["diagnostics"].to_string();
    assert!(!found.contains("config"), "{found}");
    let others = visitor.notifications.iter();
    assert!(!others.clone().any(|(method, _)| method == "lab/terminals"));
}

#[tokio::test(flavor = "multi_thread")]
async fn config_that_is_gone_for_a_moment_tears_nothing_down() {
    let house = House::with_files(&LAB, watching(true));
    let mut visitor = enter(&house).await;
    house.write(CONFIG, "");
    tokio::time::sleep(Duration::from_millis(400)).await;
    house.write(CONFIG, &layout(&["host", "api", "third"]));
    visitor.until_notified("lab/terminals").await;
    assert_eq!(shown(&visitor), [(0, "host"), (1, "api"), (2, "third")]);

    fs::remove_file(house.root.join(CONFIG)).unwrap();
    tokio::time::sleep(Duration::from_millis(400)).await;
    house.write(CONFIG, &layout(&["host", "api"]));
    visitor.until_notified("lab/terminals").await;
    assert_eq!(shown(&visitor), [(0, "host"), (1, "api")]);
    let others = visitor.notifications.iter();
    let told = others.filter(|(method, _)| method == "window/showMessage");
    assert_eq!(told.count(), 0);

    // One that stays away is meant to be.
    fs::remove_file(house.root.join(CONFIG)).unwrap();
    visitor.until_notified("lab/terminals").await;
    let now = shown(&visitor);
    assert_eq!(now[0], (3, "cqlsh-editor"));
    assert_eq!(now[1..], [(0, "host (removed)"), (1, "api (removed)")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn client_that_comes_back_finds_what_there_is_now() {
    let house = House::with_files(&LAB, watching(false));
    let mut present = enter(&house).await;
    let mut away = house.enter("lab").await;
    away.type_text("host", "cat\n").await;
    away.until_text("host", "cat\r\n").await;
    let (id, resume) = (away.id.clone(), away.resume());
    drop(away);

    present.type_text("api", "exit\n").await;
    present.until_notified("terminal/exited").await;
    save(&house, &mut present, &layout(&["new", "host"])).await;
    present.type_text("host", "meanwhile\n").await;
    present.until_text("host", "meanwhile\r\nmeanwhile").await;

    let socket = house.socket("lab");
    let back = Visitor::connect_as(&socket, &id, Some(resume), None).await;
    let mut back = back.unwrap();
    assert_eq!(shown(&back), [(2, "new"), (0, "host")]);
    back.until_text("host", "meanwhile\r\nmeanwhile").await;
    back.until("a snapshot", |back| back.offsets.contains_key(&2))
        .await;
    assert_eq!(back.snapshots, 1, "of the new terminal alone");
    let input = back.lab.input.iter().find(|input| input.terminal == 0);
    assert_eq!(input.unwrap().bytes, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn lab_has_never_more_terminals_than_it_may() {
    let house = House::with_files(&LAB, watching(false));
    let mut visitor = enter(&house).await;
    for round in 0..3 {
        let ids: Vec<String> = (0..100).map(|one| format!("{round}-{one}")).collect();
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        save(&house, &mut visitor, &layout(&ids)).await;
        assert_eq!(visitor.lab.terminals.len(), 100);
        let ends = &shown(&visitor)[98..];
        assert_eq!(ends, [(0, "host (removed)"), (1, "api (removed)")]);
        visitor
            .until("the reason", |visitor| {
                let mut told = visitor.notifications.iter();
                told.any(|(_, told)| told["message"].to_string().contains("2 are left out"))
            })
            .await;
        visitor.notifications.clear();
    }
    // The end of one makes room for another.
    visitor.type_text("api", "exit\n").await;
    visitor.until_notified("lab/terminals").await;
    assert_eq!(shown(&visitor)[98].1, "2-98");
}

#[tokio::test(flavor = "multi_thread")]
async fn attached_terminal_goes_on_until_it_is_gone() {
    let house = House::with_files(&LAB, watching(false));
    let mut driver = enter(&house).await;
    let opened = Attachment::open(house.socket("lab"), "attached".to_owned(), "api").await;
    let mut attached = opened.unwrap();
    let named = r#"{"layout": {"terminals": [{"id": "api", "name": "The API"}, {"id": "host"}]}}"#;
    save(&house, &mut driver, named).await;
    driver.type_text("api", "echo $((70 + 2))\n").await;
    let mut seen = Vec::new();
    while !String::from_utf8_lossy(&seen).contains("72\r\n") {
        if let katahost::client::attachment::Event::Output { bytes, .. } =
            attached.next().await.unwrap()
        {
            seen.extend_from_slice(&bytes);
        }
    }
    assert_eq!(attached.terminal().name, "The API");
    assert_eq!(attached.terminal().status, TerminalStatus::Running);
    save(&house, &mut driver, &layout(&["host"])).await;
    driver.type_text("api", "exit\n").await;
    let end = loop {
        if let Err(end) = attached.next().await {
            break end;
        }
    };
    assert!(matches!(end, End::NoTerminal(left) if left.len() == 1));
}
