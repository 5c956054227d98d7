//! Terminals as a learner has them, through the socket.

use serde_json::json;

use crate::harness::{House, HouseOptions, Visitor};

const CONFIG: &str = r#"{"layout": {"terminals": [{"id": "host"}, {"id": "api"}]}}"#;

fn house(intro: &str) -> House {
    let files = [
        (".katapod_config.json", CONFIG),
        ("intro.md", intro),
        ("next.md", "# Next"),
    ];
    House::with_files(&files, HouseOptions::default())
}

#[tokio::test(flavor = "multi_thread")]
async fn block_runs_in_its_terminal() {
    let house = house("```\n### api\necho $((6 * 7))\n```");
    let mut visitor = house.enter("lab").await;
    let result = visitor.run_block("intro", 0).await.unwrap();
    assert_eq!(result.terminals, [visitor.number("api")]);
    visitor.until_text("api", "\r42\r\n").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn typed_text_reaches_the_shell() {
    let house = house("# Lab");
    let mut visitor = house.enter("lab").await;
    visitor.type_text("host", "echo typed-$((1 + 1))\r").await;
    visitor.until_text("host", "typed-2").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn second_client_sees_the_whole_past() {
    let house = house("```\necho $((6 * 7))\n```");
    let mut first = house.enter("lab").await;
    first.run_block("intro", 0).await.unwrap();
    first.until_text("host", "\r42\r\n").await;
    let mut second = Visitor::connect(&house.socket("lab"), None, None)
        .await
        .unwrap();
    second.until_text("host", "\r42\r\n").await;
    assert_eq!(second.lab.page.as_ref().unwrap().blocks[0].state.runs, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn reconnected_client_gets_exactly_what_it_missed() {
    let house = house("# Lab");
    let mut visitor = house.enter("lab").await;
    visitor
        .type_text("host", "for i in 1 2 3; do sleep 0.1; echo line-$i; done\r")
        .await;
    visitor.until_text("host", "line-1").await;
    let (resume, id) = (visitor.resume(), visitor.id.clone());
    drop(visitor);
    let mut again = Visitor::connect_as(&house.socket("lab"), &id, Some(resume), None)
        .await
        .unwrap();
    again.until_text("host", "line-3\r\n").await;
    assert_eq!(again.snapshots, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn interrupt_waits_for_a_slow_program() {
    let intro = "```\nbash -c 'trap \"sleep 1; echo bye; exit\" INT; echo up; while true; do sleep 0.1; done'\n```\n\n\
        ```\n### {\"macrosBefore\": [\"ctrl_c\"]}\necho after-$((1 + 1))\n```";
    let house = house(intro);
    let mut visitor = house.enter("lab").await;
    visitor.run_block("intro", 0).await.unwrap();
    visitor.until_text("host", "\rup\r\n").await;
    visitor.run_block("intro", 1).await.unwrap();
    visitor.until_text("host", "after-2").await;
    let text = visitor.text(visitor.number("host"));
    let (bye, after) = (text.find("bye").unwrap(), text.find("echo after").unwrap());
    assert!(
        bye < after,
        "the command was typed while the program still ran: {text:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn interrupted_python_prompt_takes_the_next_command() {
    let intro = "```\npython3 -q\n```\n\n```\nimport time\nwhile True:\n    print('Looping')\n    time.sleep(0.1)\n\n```\n\n\
        ```\n### {\"macrosBefore\": [\"ctrl_c\"]}\nexit()\necho after-$((1 + 1))\n```";
    let house = house(intro);
    let mut visitor = house.enter("lab").await;
    visitor.run_block("intro", 0).await.unwrap();
    visitor.until_text("host", ">>> ").await;
    visitor.run_block("intro", 1).await.unwrap();
    visitor.until_text("host", "Looping\r\nLooping").await;
    visitor.run_block("intro", 2).await.unwrap();
    visitor.until_text("host", "\rafter-2").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn flood_is_stopped_by_an_interrupt() {
    let house = house("# Lab");
    let mut visitor = house.enter("lab").await;
    visitor.type_text("host", "yes katahost\r").await;
    visitor.until_text("host", "katahost\r\nkatahost\r\n").await;
    visitor.type_text("host", "\x03").await;
    visitor.type_text("host", "echo stopped-$((1 + 1))\r").await;
    visitor.until_text("host", "stopped-2").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cursor_question_is_answered_once_with_two_clients_and_without_any() {
    let house = house("# Lab");
    let mut visitor = house.enter("lab").await;
    let mut other = Visitor::connect(&house.socket("lab"), None, None)
        .await
        .unwrap();
    let ask = "printf '\\033[5;7H\\033[6n'; IFS= read -rsd R answer; read -t 0.5 -rn 1 more; \
               printf '\\n<%q|%q>\\n' \"$answer\" \"$more\"\r";
    visitor.type_text("host", ask).await;
    visitor.until_text("host", "<$'\\E[5;7'|''>").await;
    other.until_text("host", "<$'\\E[5;7'|''>").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn start_over_gives_fresh_terminals_and_counts() {
    let house = house("```\n### {\"maxInvocations\": 1}\necho once\n```");
    let mut visitor = house.enter("lab").await;
    visitor.run_block("intro", 0).await.unwrap();
    visitor.until_text("host", "\ronce\r\n").await;
    assert!(visitor.run_block("intro", 0).await.is_err());
    let instance = visitor.lab.instance.clone();
    visitor
        .client
        .execute("katapod.start", vec![], None)
        .await
        .unwrap();
    visitor.until_notified("lab/state").await;
    assert_ne!(visitor.lab.instance, instance);
    visitor.size_all(80, 24).await;
    visitor.run_block("intro", 0).await.unwrap();
    visitor.until_text("host", "\ronce\r\n").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ended_shell_says_how_and_starts_again_for_a_block() {
    let house = house("```\necho again-$((1 + 1))\n```");
    let mut visitor = house.enter("lab").await;
    visitor.type_text("host", "echo kept; exit 3\r").await;
    let ended = visitor.until_notified("terminal/exited").await;
    assert_eq!(ended["status"]["code"], json!(3));
    visitor.run_block("intro", 0).await.unwrap();
    visitor.until_text("host", "again-2").await;
    assert!(
        visitor.text(visitor.number("host")).contains("kept"),
        "the past is kept"
    );
}
