//! `katahost exec` and what belongs to it: a running lab, driven by the real binary.

use std::{fs, net::TcpListener, path::Path};

use serde_json::Value;
use tempfile::TempDir;

use crate::harness::{
    program::{Program, run},
    written,
};

const FREE: [&str; 2] = ["--listen", "127.0.0.1:0"];

/// Labs `one` and `two words` in a folder, each with two steps and a terminal.
fn labs() -> (TempDir, String) {
    let temp = tempfile::tempdir().unwrap();
    let config = r#"{"layout": {"terminals": [{"id": "host"}]}}"#;
    for name in ["one", "two words"] {
        let root = temp.path().join(name);
        fs::create_dir(&root).unwrap();
        fs::write(root.join(".katapod_config.json"), config).unwrap();
        fs::write(
            root.join("intro.md"),
            "# Lab\n\n```\n### {\"maxInvocations\": 0}\nls\n```\n",
        )
        .unwrap();
        fs::write(root.join("step2.md"), "# Two").unwrap();
    }
    let path = temp.path().to_str().unwrap().to_owned();
    (temp, path)
}

/// Runs `exec` with these arguments: its exit code, and what it says on both streams.
fn exec(arguments: &[&str], variables: &[(&str, &str)]) -> (Option<i32>, String, String) {
    let output = run(&[&["exec"], arguments].concat(), variables);
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (
        output.status.code(),
        text(output.stdout),
        text(output.stderr),
    )
}

/// Checks that `exec` ends with `code`, one error that says `error`, and a hint.
fn check_refused(arguments: &[&str], code: i32, error: &str) {
    let (status, stdout, stderr) = exec(arguments, &[]);
    assert_eq!(status, Some(code), "{arguments:?}: {stderr}");
    assert_eq!(stdout, "", "{arguments:?}");
    let lines: Vec<&str> = stderr.lines().collect();
    let [first, second] = lines[..] else {
        panic!("{arguments:?}: {stderr}");
    };
    assert!(
        first.starts_with("error: ") && first.contains(error),
        "{stderr}"
    );
    assert!(second.starts_with("hint: "), "{stderr}");
}

#[tokio::test(flavor = "multi_thread")]
async fn command_is_executed_on_the_lab_of_the_printed_url() {
    let (_temp, path) = labs();
    let root = format!("{path}/one");
    let program = Program::start(
        &[&[root.as_str(), "--base-path", "/x/"], &FREE[..]].concat(),
        &[],
    );
    let url = program.url.as_str();
    let (code, stdout, stderr) = exec(&["--url", url, "katapod.loadPage", "step2"], &[]);
    assert_eq!(stderr, "");
    assert_eq!(
        (code, stdout.as_str()),
        (Some(0), "executed `katapod.loadPage` on `one`\n")
    );

    let text = r#"{"command": "echo ok > made.part; mv made.part made", "terminalId": "host"}"#;
    let arguments = ["--json", "katapod.sendText", text];
    let (code, stdout, _) = exec(&arguments, &[("KATAHOST_URL", url)]);
    let answer: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(
        (code, &answer["terminals"][0]),
        (Some(0), &Value::from("host"))
    );
    assert_eq!(written(Path::new(&root), "made").await, "ok\n");

    let token = program.token().unwrap();
    let lab = format!("http://{}/x/labs/one/?step=intro", program.address());
    for address in [lab.as_str(), &lab.replace("?step=intro", "")] {
        let arguments = ["--url", address, "--token", token, "katapod.reloadPage"];
        assert_eq!(exec(&arguments, &[]).0, Some(0), "{address}");
    }
    let with_token = format!("{lab}&token={token}");
    assert_eq!(
        exec(&["--url", &with_token, "katapod.start"], &[]).0,
        Some(0)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_lab_refuses_ends_with_code_1_and_its_hint() {
    let (_temp, path) = labs();
    let program = Program::start(
        &[&[format!("{path}/one").as_str()], &FREE[..]].concat(),
        &[],
    );
    let url = program.url.as_str();
    check_refused(
        &["--url", url, "katapod.loadPage", "stpe2"],
        1,
        "no step `stpe2`",
    );
    check_refused(
        &["--url", url, "katapod.lodaPage"],
        1,
        "no command `katapod.lodaPage`",
    );
    check_refused(
        &["--url", url, "katapod.loadPage"],
        1,
        "arguments of `katapod.loadPage`",
    );
    exec(&["--url", url, "katapod.loadPage", "intro"], &[]);
    let block = r#"{"step": "intro", "block": 0}"#;
    check_refused(&["--url", url, "katahost.runBlock", block], 1, "0 runs");
}

#[tokio::test(flavor = "multi_thread")]
async fn lab_is_named_where_there_are_several() {
    let (_temp, path) = labs();
    let program = Program::start(&[&[path.as_str()], &FREE[..]].concat(), &[]);
    let url = program.url.as_str();
    check_refused(&["--url", url, "katapod.start"], 2, "several labs");
    check_refused(
        &["--url", url, "--lab", "three", "katapod.start"],
        2,
        "no lab `three`",
    );
    let arguments = [
        "--url",
        url,
        "--lab",
        "two words",
        "katapod.loadPage",
        "intro",
    ];
    let (code, stdout, stderr) = exec(&arguments, &[]);
    assert_eq!(code, Some(0), "{stderr}");
    assert!(stdout.contains("`two words`"), "{stdout}");
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_addresses_are_told_with_code_2() {
    let (_temp, path) = labs();
    let program = Program::start(
        &[&[format!("{path}/one").as_str()], &FREE[..]].concat(),
        &[],
    );
    let bare = format!("http://{}/", program.address());
    check_refused(&["--url", &bare, "katapod.start"], 2, "another token");
    let lab = format!("{bare}labs/one/");
    check_refused(
        &["--url", &lab, "--token", "x", "katapod.start"],
        2,
        "another token",
    );
    let other = format!("{bare}x/?token={}", program.token().unwrap());
    check_refused(&["--url", &other, "katapod.start"], 2, "no katahost");
    check_refused(&["--url", "https://example.com/", "x"], 2, "TLS");
    check_refused(&["--url", "example.com", "x"], 2, "no address");
    let free = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    check_refused(
        &["--url", &format!("http://{free}/"), "x"],
        2,
        "nobody answers",
    );
    check_refused(
        &["--url", &format!("http://{free}/labs/a/"), "x"],
        2,
        "nobody answers",
    );
}

#[test]
fn commands_lists_the_registry() {
    let output = run(&["commands", "--json"], &[]);
    let commands: Value = serde_json::from_slice(&output.stdout).unwrap();
    let first = &commands[0];
    assert_eq!(first["id"], "katapod.loadPage");
    assert_eq!(first["role"], "guest");
    assert!(first["title"].is_string() && first["arguments"].is_string());
    let text = String::from_utf8(run(&["commands"], &[]).stdout).unwrap();
    let roles = commands.as_array().unwrap().iter();
    let roles = roles.map(|command| format!("{} ", command["role"].as_str().unwrap()));
    let heads = std::iter::once("ROLE".to_owned()).chain(roles);
    let columns: Vec<Option<usize>> = text
        .lines()
        .zip(heads)
        .map(|(line, head)| line.rfind(&head))
        .collect();
    assert_eq!(columns.len(), text.lines().count());
    assert_eq!(columns.len(), commands.as_array().unwrap().len() + 1);
    assert!(columns.iter().all(|column| *column == columns[0]), "{text}");
}

#[test]
fn shell_and_manual_know_every_subcommand() {
    for arguments in [
        &["completions", "bash"][..],
        &["completions", "zsh"],
        &["man"],
        &["--help"],
    ] {
        let output = run(arguments, &[]);
        assert!(output.status.success(), "{arguments:?}");
        let text = String::from_utf8(output.stdout).unwrap().to_lowercase();
        for name in [
            "serve",
            "check",
            "inspect",
            "exec",
            "commands",
            "completions",
            "man",
        ] {
            assert!(text.contains(name), "{arguments:?} without {name}");
        }
    }
}
