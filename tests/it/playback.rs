//! A block that fails or hangs is answered from its recording, in its terminal and for everybody.

use std::{fs, os::unix::fs::PermissionsExt, time::Duration};

use katahost::scenario::recording::{Header, Recording, Subject, hash_of, path_of};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::{House, HouseOptions, Visitor};

/// A recording of a block of `intro`, with each piece of output at its time in milliseconds.
fn recording(block: usize, command: &str, pieces: &[(u64, &str)]) -> String {
    let pieces = pieces.iter();
    Recording {
        header: Header {
            version: 2,
            width: 80,
            height: 24,
            timestamp: 0,
            title: format!("intro, block {block}"),
            katahost: Subject {
                step: "intro".to_owned(),
                block,
                command_hash: hash_of(command),
                exit_code: Some(0),
            },
        },
        pieces: pieces
            .map(|(at, text)| (Duration::from_millis(*at), (*text).to_owned()))
            .collect(),
    }
    .to_text()
}

/// A lab in a bash without anybody's settings.
struct Desk {
    house: House,
    _home: TempDir,
}

/// A lab of these blocks, with the recordings of some of them.
async fn enter(blocks: &[&str], recordings: &[String]) -> (Desk, Visitor) {
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join(".bashrc"), "PS1='$ '\n").unwrap();
    // Integration goes by the name.
    let shell = home.path().join("bash");
    let own = format!(
        "#!/bin/sh\nunset BASH_ENV PROMPT_COMMAND\nexport HOME='{}' HISTFILE=\n\
         exec /usr/bin/bash \"$@\"\n",
        home.path().display()
    );
    fs::write(&shell, own).unwrap();
    fs::set_permissions(&shell, fs::Permissions::from_mode(0o755)).unwrap();
    let page: String = blocks
        .iter()
        .map(|block| format!("```\n{block}\n```\n\n"))
        .collect();
    let mut files = vec![("intro.md".to_owned(), page)];
    for (block, text) in recordings.iter().enumerate() {
        files.push((path_of("intro", block), text.clone()));
    }
    let files: Vec<(&str, &str)> = files
        .iter()
        .map(|(name, text)| (name.as_str(), text.as_str()))
        .collect();
    let options = HouseOptions {
        shell: Some(shell),
        ..HouseOptions::default()
    };
    let house = House::with_files(&files, options);
    let mut visitor = house.enter("lab").await;
    let first = terminal(&visitor);
    visitor.until_text(&first, "$").await;
    (Desk { house, _home: home }, visitor)
}

fn terminal(visitor: &Visitor) -> String {
    visitor.lab.terminals[0].id.clone()
}

/// Waits until the last run of block 0 is as it should be.
async fn until_run(visitor: &mut Visitor, what: &str, is_it: impl Fn(&Value) -> bool) -> Value {
    let mut found = Value::Null;
    visitor
        .until(what, |visitor| {
            let told = visitor.notifications.iter().rev();
            let mut runs = told
                .filter(|(method, _)| method == "block/state")
                .filter_map(|(_, state)| state.get("last"))
                .filter(|run| run["block"] == 0);
            let latest = runs.next().filter(|run| is_it(run));
            found = latest.cloned().unwrap_or_default();
            latest.is_some()
        })
        .await;
    found
}

async fn until_state(visitor: &mut Visitor, state: &str) -> Value {
    until_run(visitor, state, |run| run["state"] == state).await
}

async fn until_text(visitor: &mut Visitor, text: &str) {
    let terminal = terminal(visitor);
    visitor.until_text(&terminal, text).await;
}

async fn play(visitor: &mut Visitor) {
    let argument = json!({"step": "intro", "block": 0});
    let played = visitor.execute("katahost.playRecording", argument).await;
    assert_eq!(played.unwrap().terminals, [0]);
}

/// Types at the prompt and sees the shell's answer.
async fn check_shell(visitor: &mut Visitor) {
    let terminal = terminal(visitor);
    visitor
        .type_text(&terminal, "echo usable-$((40 + 2))\r")
        .await;
    until_text(visitor, "usable-42").await;
}

fn is_over(run: &Value) -> bool {
    run["state"] == "recorded" && run["endedAt"].is_u64()
}

#[tokio::test(flavor = "multi_thread")]
async fn block_that_fails_is_answered_from_its_recording_for_all() {
    let recorded = recording(
        0,
        "false\n",
        &[(0, "\x1b[32mrehearsed"), (50, " output\r\n")],
    );
    let (desk, mut visitor) = enter(&["false"], &[recorded]).await;
    assert!(visitor.lab.page.as_ref().unwrap().blocks[0].recorded);
    visitor.run_block("intro", 0).await.unwrap();
    until_state(&mut visitor, "failed").await;
    play(&mut visitor).await;
    let run = until_run(&mut visitor, "a recording that is over", is_over).await;
    assert!(run["exitCode"].is_null(), "{run}");
    until_text(&mut visitor, "■ end of recording").await;
    check_shell(&mut visitor).await;
    let text = visitor.text(0);
    let (_, shown) = text
        .split_once("▶ recording of intro, block 0")
        .expect("a mark before it");
    let (shown, after) = shown.split_once("■ end of recording").unwrap();
    assert!(shown.contains("rehearsed output"), "{shown:?}");
    // The prompt stands there again, in front of what was typed.
    let (prompt, _) = after.split_once("echo usable").unwrap();
    assert!(prompt.contains('$'), "{after:?}");
    // It is part of the terminal's past.
    let mut late = Visitor::connect(&desk.house.socket("lab"), None, None)
        .await
        .unwrap();
    until_text(&mut late, "■ end of recording").await;
    let state = &late.lab.page.as_ref().unwrap().blocks[0].state;
    let state = serde_json::to_value(state).unwrap();
    assert_eq!(state["last"]["state"], "recorded");
    assert_eq!(state["runs"], 1, "a recording is no run");
}

#[tokio::test(flavor = "multi_thread")]
async fn block_that_hangs_is_interrupted_first() {
    // A Ctrl-C that comes before the program does is lost.
    let hangs = "sh -c 'echo hanging-$((1 + 1)); exec sleep 1000'";
    let recorded = recording(0, &format!("{hangs}\n"), &[(0, "rehearsed\r\n")]);
    let (_desk, mut visitor) = enter(&[hangs], &[recorded]).await;
    visitor.run_block("intro", 0).await.unwrap();
    until_state(&mut visitor, "running").await;
    until_text(&mut visitor, "hanging-2").await;
    // Without arguments it is the block that ran last.
    visitor
        .execute("katahost.playRecording", Value::Null)
        .await
        .unwrap();
    until_run(&mut visitor, "a recording that is over", is_over).await;
    check_shell(&mut visitor).await;
    let text = visitor.text(0);
    let interrupted = text.find("^C").unwrap();
    assert!(interrupted < text.find("rehearsed").unwrap(), "{text:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn second_press_ends_a_recording() {
    let pieces: Vec<(u64, String)> = (0..1_000)
        .map(|number| (number * 1_000, format!("piece {number}\r\n")))
        .collect();
    let pieces: Vec<(u64, &str)> = pieces
        .iter()
        .map(|(at, text)| (*at, text.as_str()))
        .collect();
    let recorded = recording(0, "false\n", &pieces);
    let (_desk, mut visitor) = enter(&["false"], &[recorded]).await;
    play(&mut visitor).await;
    until_text(&mut visitor, "piece 1").await;
    play(&mut visitor).await;
    until_text(&mut visitor, "■ recording stopped").await;
    until_run(&mut visitor, "a recording that is over", is_over).await;
    check_shell(&mut visitor).await;
    // So does Ctrl-C.
    play(&mut visitor).await;
    let terminal = terminal(&visitor);
    let again = |visitor: &Visitor| visitor.text(0).matches("piece 0").count() == 2;
    visitor.until("it begins again", again).await;
    visitor.type_text(&terminal, "\x03").await;
    let twice = |visitor: &Visitor| visitor.text(0).matches("■ recording stopped").count() == 2;
    visitor.until("it is stopped again", twice).await;
    check_shell(&mut visitor).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn recording_asks_nothing_and_leaves_a_sane_terminal() {
    let wild =
        "\x1b[6n\x1b]133;D;0\x07\x1b]0;title\x07\x1b[?1049h\x1b[?1000h\x1b[?25l\x1b[2;4rwild";
    let recorded = recording(0, "false\n", &[(0, wild)]);
    let (_desk, mut visitor) = enter(&["false"], &[recorded]).await;
    play(&mut visitor).await;
    until_run(&mut visitor, "a recording that is over", is_over).await;
    check_shell(&mut visitor).await;
    let all = String::from_utf8_lossy(&visitor.output[&0]).into_owned();
    let (_, shown) = all.split_once("▶ recording").unwrap();
    let (shown, _) = shown.split_once("■ end").unwrap();
    for sequence in ["\x1b[6n", "]133;", "]0;", "\x1b[?1000h"] {
        assert!(!shown.contains(sequence), "{sequence:?} in {shown:?}");
    }
    for sequence in ["\x1b[?1049h", "\x1b[?1049l", "\x1b[?25h", "\x1b[!p"] {
        assert!(shown.contains(sequence), "no {sequence:?} in {shown:?}");
    }
    // Nobody has answered into the shell.
    let text = visitor.text(0);
    assert!(!text.contains("command not found"), "{text:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn recording_of_another_text_is_not_played() {
    let recorded = recording(0, "true\n", &[(0, "old")]);
    let (_desk, mut visitor) = enter(&["false"], &[recorded, "no recording".to_owned()]).await;
    assert!(!visitor.lab.page.as_ref().unwrap().blocks[0].recorded);
    let argument = json!({"step": "intro", "block": 0});
    let refused = visitor.execute("katahost.playRecording", argument).await;
    let message = refused.unwrap_err().to_string();
    assert!(
        message.contains("block 0 of `intro` has no recording"),
        "{message}"
    );
    let refused = visitor.execute("katahost.playRecording", Value::Null).await;
    assert!(
        refused
            .unwrap_err()
            .to_string()
            .contains("no block of this step has run")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn shell_that_ends_ends_the_recording() {
    let recorded = recording(0, "false\n", &[(0, "one\r\n"), (60_000, "two\r\n")]);
    let (_desk, mut visitor) = enter(&["false"], &[recorded]).await;
    play(&mut visitor).await;
    until_text(&mut visitor, "one").await;
    let argument = json!({"terminalId": terminal(&visitor)});
    visitor
        .execute("katahost.restartTerminal", argument)
        .await
        .unwrap();
    until_run(&mut visitor, "a recording that is over", is_over).await;
    visitor
        .until("a second shell", |visitor| visitor.generation(0) > 1)
        .await;
    check_shell(&mut visitor).await;
}
