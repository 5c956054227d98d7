//! What goes over the socket, frame by frame: the rules of the connection and its errors.

use std::time::Duration;

use katahost::protocol::{
    HEARTBEAT_SECONDS, MAX_CLIENT_MESSAGE_BYTES, client::Resume, frame::input,
};
use serde_json::{Value, json};

use crate::harness::{
    House, HouseOptions, Visitor,
    wire::{Heard, Wire, call, initialize, refusal},
};

const CONFIG: &str = r#"{"layout": {"terminals": [{"id": "host"}, {"id": "api"}]}}"#;
const INTRO: &str = "# Lab\n\n```\n### {\"maxInvocations\": 1}\necho once\n```\n\n\
    ```\n### {\"execute\": false}\nread me\n```\n\n\
    ```\n### api\necho again\n```\n\n[web](https://example.org)\n";

fn house() -> House {
    let files = [
        (".katapod_config.json", CONFIG),
        ("intro.md", INTRO),
        ("step2.md", "# Two"),
    ];
    House::with_files(&files, HouseOptions::default())
}

fn execute(command: &str, arguments: impl Into<Value>, execution: &str) -> Value {
    json!({"command": command, "arguments": arguments.into(), "executionId": execution})
}

/// Says something before `initialize`: it is refused with that code, and the connection goes on.
async fn check_first(first: &str, code: &str) -> Value {
    let house = house();
    let mut wire = Wire::open(&house.socket("lab")).await;
    wire.say_bytes(&b"ignored"[..]).await;
    wire.say_text(first).await;
    let answer = wire.answer().await;
    assert_eq!(refusal(&answer).0, code, "{answer}");
    let welcome = wire
        .ask(9, "initialize", initialize(0, "client-1")["params"].take())
        .await;
    assert_eq!(welcome["id"], 9);
    assert_eq!(welcome["result"]["scenario"], "lab");
    answer
}

/// Says something after `initialize`: it is refused with that code, and the connection goes on.
async fn check_then(said: &str, code: &str) -> Value {
    let house = house();
    let mut wire = Wire::enter(&house.socket("lab"), "client-1").await;
    wire.say_text(said).await;
    let answer = wire.answer().await;
    assert_eq!(refusal(&answer).0, code, "{answer}");
    let commands = wire.ask(2, "workspace/listCommands", Value::Null).await;
    assert!(commands["result"].is_array());
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn anything_before_initialize_is_refused() {
    let list = call(3, "workspace/listCommands", Value::Null).to_string();
    let answer = check_first(&list, "not-initialized").await;
    assert_eq!(answer["id"], 3);
    assert_eq!(answer["error"]["code"], -32002);
    assert_eq!(
        refusal(&answer).1.unwrap(),
        "send `initialize` with an id first"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn initialize_without_an_id_is_refused() {
    let mut notification = initialize(1, "client-1");
    notification.as_object_mut().unwrap().remove("id");
    let answer = check_first(&notification.to_string(), "not-initialized").await;
    assert_eq!(answer["id"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn other_version_is_refused_with_ours() {
    let mut wrong = initialize(1, "client-1");
    wrong["params"]["protocolVersion"] = json!(2);
    let answer = check_first(&wrong.to_string(), "unsupported-version").await;
    assert!(refusal(&answer).1.unwrap().contains("version 1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn short_or_long_client_id_is_refused() {
    for id in ["short".to_owned(), "x".repeat(65)] {
        check_first(&initialize(1, &id).to_string(), "invalid-params").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn text_that_is_not_json_is_refused_without_an_id() {
    for answer in [
        check_first("{nonsense", "parse-error").await,
        check_then("{nonsense", "parse-error").await,
    ] {
        assert_eq!(answer["id"], Value::Null);
        assert_eq!(answer["error"]["code"], -32700);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn json_that_is_no_call_is_refused() {
    for said in [
        "[]",
        "7",
        r#"{"id": 1, "method": "workspace/listCommands"}"#,
        r#"{"jsonrpc": "1.0", "id": 1, "method": "workspace/listCommands"}"#,
        r#"{"jsonrpc": "2.0", "id": {}, "method": "workspace/listCommands"}"#,
    ] {
        let answer = check_then(said, "invalid-request").await;
        assert_eq!(answer["error"]["code"], -32600, "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_method_is_refused_as_a_notification_too() {
    let answer = check_then(
        &call(5, "lab/nonsense", Value::Null).to_string(),
        "unknown-method",
    )
    .await;
    assert_eq!(
        (&answer["id"], &answer["error"]["code"]),
        (&json!(5), &json!(-32601))
    );
    let notification = json!({"jsonrpc": "2.0", "method": "lab/nonsense"}).to_string();
    let answer = check_then(&notification, "unknown-method").await;
    assert_eq!(answer["id"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_parameters_are_refused() {
    for (method, params) in [
        ("workspace/executeCommand", json!({})),
        ("workspace/executeCommand", json!({"command": 1})),
        (
            "workspace/executeCommand",
            json!({"command": "x", "executionId": "short"}),
        ),
        (
            "terminal/resize",
            json!({"terminal": 0, "cols": -1, "rows": 24}),
        ),
        (
            "terminal/resize",
            json!({"terminal": 70_000, "cols": 80, "rows": 24}),
        ),
        ("terminal/ack", json!({"terminal": 0})),
        ("terminal/ack", Value::Null),
    ] {
        let answer = check_then(&call(1, method, params).to_string(), "invalid-params").await;
        assert_eq!(answer["error"]["code"], -32602, "{method}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn second_initialize_is_refused() {
    check_then(&initialize(1, "client-1").to_string(), "not-initialized").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ids_come_back_as_they_were() {
    let house = house();
    let mut wire = Wire::enter(&house.socket("lab"), "client-1").await;
    for id in [json!("a string"), json!(0), json!(-7), json!(i64::MAX)] {
        let answer = wire
            .ask(id.clone(), "workspace/listCommands", Value::Null)
            .await;
        assert_eq!(answer["id"], id);
        assert_eq!(answer["jsonrpc"], "2.0");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_are_listed_with_what_they_take() {
    let house = house();
    let mut wire = Wire::enter(&house.socket("lab"), "client-1").await;
    let answer = wire.ask(1, "workspace/listCommands", Value::Null).await;
    let commands = answer["result"].as_array().unwrap();
    let load = commands.iter().find(|one| one["id"] == "katapod.loadPage");
    let load = load.expect("katapod.loadPage");
    assert_eq!(load["role"], "guest");
    for key in ["title", "arguments"] {
        assert!(!load[key].as_str().unwrap().is_empty(), "{key}");
    }
    assert_eq!(commands.len(), katahost::command::REGISTRY.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_commands_say_why_and_what_to_do() {
    let house = house();
    let mut wire = Wire::enter(&house.socket("lab"), "client-1").await;
    let block = |number: usize| json!([{"step": "intro", "block": number}]);
    let did_you_mean = "did you mean";
    for (command, arguments, code, hint) in [
        (
            "katapod.loadpage",
            json!([]),
            "unknown-command",
            did_you_mean,
        ),
        (
            "katapod.loadPage",
            json!([]),
            "invalid-arguments",
            "expected",
        ),
        (
            "katapod.loadPage",
            json!(["stepp2"]),
            "unknown-step",
            did_you_mean,
        ),
        ("katapod.loadPage", json!(["../x"]), "unknown-step", ""),
        ("katahost.runBlock", block(1), "not-executable", "copy"),
        ("katahost.runBlock", block(9), "unknown-block", "reload"),
        (
            "katahost.runBlock",
            json!([{"step": "step2", "block": 0}]),
            "page-changed",
            "reload",
        ),
        (
            "katahost.runBlock",
            json!([{"step": "intro", "block": 0, "revision": "old"}]),
            "page-changed",
            "reload",
        ),
        (
            "katahost.followLink",
            json!([{"step": "intro", "link": 9}]),
            "unknown-link",
            "reload",
        ),
        (
            "workbench.action.terminal.focus",
            json!([{"terminalId": "nosuch"}]),
            "unknown-terminal",
            "`host`, `api`",
        ),
        (
            "vscode.open",
            json!(["javascript:alert(1)"]),
            "invalid-arguments",
            "expected",
        ),
    ] {
        let params = json!({"command": command, "arguments": arguments});
        let answer = wire.ask(1, "workspace/executeCommand", params).await;
        let (found, told) = refusal(&answer);
        assert_eq!(found, code, "{command} {arguments}: {answer}");
        assert_eq!(answer["error"]["code"], -32000);
        let told = told.unwrap_or_default();
        assert!(told.contains(hint), "{command} {arguments}: {told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn block_that_has_run_enough_is_refused() {
    let house = house();
    let mut wire = Wire::enter(&house.socket("lab"), "client-1").await;
    let run = |execution| {
        let block = json!([{"step": "intro", "block": 0}]);
        execute("katahost.runBlock", block, execution)
    };
    let first = wire
        .ask(1, "workspace/executeCommand", run("execution-1"))
        .await;
    assert_eq!(
        first["result"],
        json!({"repeated": false, "terminals": [0]})
    );
    let second = wire
        .ask(2, "workspace/executeCommand", run("execution-2"))
        .await;
    assert_eq!(refusal(&second).0, "limit-reached");
    let again = wire
        .ask(3, "workspace/executeCommand", run("execution-2"))
        .await;
    assert_eq!(again["error"], second["error"], "a refusal is remembered");
    let known = wire
        .ask(4, "workspace/executeCommand", run("execution-1"))
        .await;
    assert_eq!(known["result"], json!({"repeated": true, "terminals": [0]}));
}

#[tokio::test(flavor = "multi_thread")]
async fn execution_repeated_over_another_connection_runs_once() {
    let house = house();
    let run = |execution| {
        let block = json!([{"step": "intro", "block": 2}]);
        call(
            1,
            "workspace/executeCommand",
            execute("katahost.runBlock", block, execution),
        )
    };
    let mut first = Wire::enter(&house.socket("lab"), "client-1").await;
    first.say(&run("execution-1")).await;
    first.notified("block/state").await;
    drop(first);
    let mut second = Wire::enter(&house.socket("lab"), "client-1").await;
    second.say(&run("execution-1")).await;
    let answer = second.answer().await;
    assert_eq!(
        answer["result"],
        json!({"repeated": true, "terminals": [1]})
    );
    let visitor = house.enter("lab").await;
    assert_eq!(visitor.lab.page.unwrap().blocks[2].state.runs, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn all_clients_hear_of_pages_blocks_and_each_other() {
    let house = house();
    let mut first = Wire::enter(&house.socket("lab"), "client-1").await;
    let mut second = Wire::enter(&house.socket("lab"), "client-2").await;
    assert_eq!(
        first.notified("lab/clients").await,
        json!({"clients": 2, "viewers": 0, "drivers": 2})
    );
    let load = execute("katapod.loadPage", json!(["step2"]), "execution-1");
    second.say(&call(1, "workspace/executeCommand", load)).await;
    for wire in [&mut first, &mut second] {
        let shown = wire.notified("page/show").await;
        assert_eq!(shown["page"]["step"], "step2");
        assert_eq!(shown["executionId"], "execution-1");
    }
    let back = execute("katapod.loadPage", json!(["intro"]), "execution-2");
    second.say(&call(2, "workspace/executeCommand", back)).await;
    let block = json!([{"step": "intro", "block": 2}]);
    let run = execute("katahost.runBlock", block, "execution-3");
    second.say(&call(3, "workspace/executeCommand", run)).await;
    for wire in [&mut first, &mut second] {
        let state = wire.notified("block/state").await;
        assert_eq!(state["id"], "inPage_intro_2");
        assert_eq!(state["runs"], 1);
    }
    drop(second);
    assert_eq!(
        first.notified("lab/clients").await,
        json!({"clients": 1, "viewers": 0, "drivers": 1})
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn silent_stranger_is_sent_away_and_silent_clients_get_heartbeats() {
    let house = house();
    let mut stranger = Wire::open(&house.socket("lab")).await;
    let mut client = Wire::enter(&house.socket("lab"), "client-1").await;
    client.notified("lab/heartbeat").await;
    let patience = Duration::from_secs(HEARTBEAT_SECONDS) * 2;
    match stranger.hear_within(patience).await {
        Heard::Closed(code) => assert_eq!(code, 4002),
        other => panic!("{other:?}"),
    }
    client.notified("lab/heartbeat").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_binary_frame_closes_the_socket() {
    let house = house();
    for frame in [&b"short"[..], &[9; 16]] {
        let mut wire = Wire::enter(&house.socket("lab"), "client-1").await;
        wire.say_bytes(frame.to_vec()).await;
        assert_eq!(wire.ending().await, 1002, "{frame:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn oversized_message_closes_the_socket() {
    let house = house();
    let mut wire = Wire::enter(&house.socket("lab"), "client-1").await;
    wire.say_bytes(vec![0; MAX_CLIENT_MESSAGE_BYTES + 1]).await;
    assert_eq!(wire.ending().await, 1009);
}

#[tokio::test(flavor = "multi_thread")]
async fn input_for_nobody_is_ignored() {
    let house = house();
    let mut visitor = house.enter("lab").await;
    visitor.type_text("host", "echo one-$((1 + 0))\r").await;
    visitor.until_text("host", "\rone-1").await;
    let frames = [
        input(99, 1, 0, b"echo lost\r"),
        input(0, 0, 0, b"echo lost\r"),
        input(0, 7, 0, b"echo lost\r"),
    ];
    for frame in frames {
        let message = tokio_tungstenite::tungstenite::Message::Binary(frame);
        visitor.client.send_raw(message).await.unwrap();
    }
    visitor.type_text("host", "echo two-$((1 + 1))\r").await;
    visitor.until_text("host", "\rtwo-2").await;
    assert!(!visitor.text(0).contains("lost"));
}

#[tokio::test(flavor = "multi_thread")]
async fn repeated_input_is_typed_once_and_counted_for_the_client() {
    let house = house();
    let mut visitor = house.enter("lab").await;
    let text = "echo typed-$((1 + 1))\r";
    visitor.type_text("host", text).await;
    visitor.until_text("host", "\rtyped-2").await;
    let id = visitor.id.clone();
    drop(visitor);
    let mut again = Visitor::connect_as(&house.socket("lab"), &id, None, None)
        .await
        .unwrap();
    let counted = again.lab.input[0];
    assert_eq!((counted.generation, counted.bytes), (1, text.len() as u64));
    let repeated = format!("{text}echo more-$((1 + 1))\r");
    again
        .client
        .input(0, 1, 0, repeated.as_bytes())
        .await
        .unwrap();
    again.until_text("host", "\rmore-2").await;
    assert_eq!(again.text(0).matches("\rtyped-2").count(), 1);
    let stranger = house.enter("lab").await;
    assert_eq!(
        stranger.lab.input[0].bytes, 0,
        "others count for themselves"
    );
}

/// Comes back with a changed resume and says how many snapshots that cost.
async fn check_resume(change: impl FnOnce(&mut Resume)) -> usize {
    let one = r#"{"layout": {"terminals": [{"id": "host"}]}}"#;
    let files = [(".katapod_config.json", one), ("intro.md", "# Lab")];
    let house = House::with_files(&files, HouseOptions::default());
    let mut visitor = house.enter("lab").await;
    visitor.type_text("host", "echo typed-$((1 + 1))\r").await;
    visitor.until_text("host", "\rtyped-2").await;
    let (mut resume, id) = (visitor.resume(), visitor.id.clone());
    drop(visitor);
    change(&mut resume);
    let address = house.socket("lab");
    let mut again = Visitor::connect_as(&address, &id, Some(resume), None)
        .await
        .unwrap();
    again.offsets.clear();
    again
        .client
        .input(0, 1, 22, b"echo back-$((1 + 1))\r")
        .await
        .unwrap();
    again.until_text("host", "\rback-2").await;
    again.snapshots
}

#[tokio::test(flavor = "multi_thread")]
async fn resume_of_this_instance_needs_no_snapshot() {
    assert_eq!(check_resume(|_| ()).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn resume_of_another_instance_starts_from_snapshots() {
    assert_eq!(
        check_resume(|resume| resume.instance = "another".to_owned()).await,
        1
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn resume_from_the_future_starts_from_a_snapshot() {
    let future = |resume: &mut Resume| {
        for terminal in &mut resume.terminals {
            terminal.offset = u64::MAX;
        }
    };
    assert_eq!(check_resume(future).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn resume_of_unknown_terminals_starts_from_snapshots() {
    let unknown = |resume: &mut Resume| {
        for terminal in &mut resume.terminals {
            terminal.terminal += 40;
        }
    };
    assert_eq!(check_resume(unknown).await, 1);
}
