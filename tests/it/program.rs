//! The real binary: what it prints, what it refuses, how it ends, what its variables do.

use std::{
    fs,
    io::Write,
    net::TcpListener,
    os::unix::process::ExitStatusExt,
    path::Path,
    process::{Command, Output},
    time::{Duration, Instant},
};

use rustix::process::Signal;
use serde_json::Value;
use tempfile::TempDir;

use crate::harness::{
    Visitor, eventually,
    http::request,
    is_running,
    program::{Program, heed_hangups, run},
    written,
};

const FREE: [&str; 2] = ["--listen", "127.0.0.1:0"];

/// A folder `lab` with an entry page, inside a folder of its own.
fn lab() -> (TempDir, String) {
    let temp = tempfile::tempdir().unwrap();
    let root = temp.path().join("lab");
    fs::create_dir(&root).unwrap();
    let config = r#"{"layout": {"terminals": [{"id": "host"}]}}"#;
    fs::write(root.join(".katapod_config.json"), config).unwrap();
    fs::write(root.join("intro.md"), "# Lab").unwrap();
    (temp, root.to_str().unwrap().to_owned())
}

async fn enter(program: &Program, name: &str) -> Visitor {
    let address = program.socket(name);
    let mut visitor = Visitor::connect(&address, None, None).await.unwrap();
    visitor.size_all(80, 24).await;
    visitor
}

/// Checks that the program ends at once with code 2, one error that says `error`, and one hint.
fn check_refused(arguments: &[&str], variables: &[(&str, &str)], error: &str) {
    let what = arguments.join(" ");
    let Output {
        status,
        stdout,
        stderr,
    } = run(arguments, variables);
    let stderr = String::from_utf8(stderr).unwrap();
    assert_eq!(status.code(), Some(2), "{what}: {stderr}");
    assert!(stdout.is_empty(), "{what} prints {stdout:?}");
    let lines: Vec<&str> = stderr.lines().collect();
    let [first, second] = lines[..] else {
        panic!("{what}: {stderr}");
    };
    assert!(first.starts_with("error: "), "{what}: {stderr}");
    assert!(first.contains(error), "{what}: {stderr}");
    assert!(second.starts_with("hint: "), "{what}: {stderr}");
}

#[tokio::test(flavor = "multi_thread")]
async fn program_prints_one_url_that_lets_in_and_how_to_stop() {
    let (_temp, root) = lab();
    let program = Program::start(&[&[root.as_str()], &FREE[..]].concat(), &[]);
    assert_eq!(program.printed.matches("://").count(), 1);
    assert!(program.printed.contains("Ctrl-C"), "{}", program.printed);
    assert_ne!(program.address().port(), 0);
    let token = program.token().expect("a token");
    assert!(token.len() >= 32, "{token}");
    let path = format!("/?token={token}");
    let answer = request(program.address(), "GET", &path, &[]).await;
    assert_eq!(answer.status, 303);
    assert!(answer.header("set-cookie").is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn two_programs_have_two_tokens() {
    let (_temp, root) = lab();
    let start = || Program::start(&[&[root.as_str()], &FREE[..]].concat(), &[]);
    let (one, other) = (start(), start());
    assert_ne!(one.token(), other.token());
}

/// Checks that a signal ends the program, its clients with a reason, and what ran in terminals.
async fn check_signal(signal: Signal) {
    let (_temp, root) = lab();
    let mut program = Program::start(&[&[root.as_str()], &FREE[..]].concat(), &[]);
    let mut visitor = enter(&program, "lab").await;
    let text = "trap '' HUP; sleep 1000 & echo $$ $! > pids; sleep 1001\r";
    visitor.type_text("host", text).await;
    let pids = written(Path::new(&root), "pids").await;
    let began = Instant::now();
    program.signal(signal);
    let end = loop {
        if let Some(end) = visitor.step().await {
            break end;
        }
    };
    assert_eq!(end, (1001, "the server stops".to_owned()));
    let status = program.ended().await;
    assert_eq!((status.code(), status.signal()), (Some(0), None));
    let took = began.elapsed();
    assert!(took < Duration::from_secs(3), "it took {took:?}");
    for pid in pids.split_whitespace() {
        eventually("the terminals' processes are gone", || !is_running(pid)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn termination_ends_everything_with_code_0() {
    check_signal(Signal::TERM).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn interrupt_ends_everything_with_code_0() {
    check_signal(Signal::INT).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn end_of_its_terminal_ends_everything_with_code_0() {
    heed_hangups();
    check_signal(Signal::HUP).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn check_does_not_outlive_a_program_that_is_killed() {
    let (_temp, root) = lab();
    let check = "# Lab\n\n```\n### {\"verify\": true}\nsleep 1000 & echo $$ $! > pids; wait\n```\n";
    fs::write(Path::new(&root).join("intro.md"), check).unwrap();
    let mut program = Program::start(&[&[root.as_str()], &FREE[..]].concat(), &[]);
    let mut visitor = enter(&program, "lab").await;
    visitor.run_block("intro", 0).await.unwrap();
    let pids = written(Path::new(&root), "pids").await;
    assert!(pids.split_whitespace().all(is_running), "{pids}");
    program.signal(Signal::KILL);
    program.ended().await;
    for pid in pids.split_whitespace() {
        eventually("the check's processes are gone", || !is_running(pid)).await;
    }
}

#[test]
fn taken_port_is_refused() {
    let (_temp, root) = lab();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    check_refused(&[&root, "--listen", &address], &[], "is taken");
}

#[test]
fn folder_that_holds_no_step_is_refused() {
    let (temp, _) = lab();
    let missing = temp.path().join("missing");
    let missing = missing.to_str().unwrap();
    check_refused(&[missing], &[], "can't be opened");
    check_refused(&["inspect", missing], &[], "can't be opened");
    fs::create_dir(missing).unwrap();
    check_refused(&[missing], &[], "there is no step");
    check_refused(&["inspect", missing], &[], "there is no step");
    let file = temp.path().join("lab/intro.md");
    check_refused(&[file.to_str().unwrap()], &[], "can't be opened");
}

#[test]
fn options_that_make_no_sense_are_refused() {
    let (temp, root) = lab();
    let root = root.as_str();
    let nothing = temp.path().join("nothing.pem");
    let nothing = nothing.to_str().unwrap();
    fs::write(temp.path().join("lab/bad.pem"), "no certificate").unwrap();
    let bad = format!("{root}/bad.pem");
    let open = ["--no-token", "--listen", "0.0.0.0:0"];
    let tls = |file| ["--tls-cert", file, "--tls-key", file];
    check_refused(&[&[root], &open[..]].concat(), &[], "--no-token");
    check_refused(&[&[root], &FREE[..], &tls(nothing)].concat(), &[], nothing);
    check_refused(&[&[root], &FREE[..], &tls(&bad)].concat(), &[], &bad);
    check_refused(&[root, "--base-path", "/a b/"], &[], "--base-path");
    check_refused(&[root, "--public-url", "labs.example"], &[], "--public-url");
    check_refused(
        &[root, "--interrupt-seconds=-1"],
        &[],
        "--interrupt-seconds",
    );
    check_refused(&[root, "--log", "no=such=level"], &[], "--log");
    check_refused(&[root, "--token", ""], &[], "token is empty");
    check_refused(&[root], &[("KATAHOST_TOKEN", "")], "token is empty");
    check_refused(&[root, "--tls-cert", "a.pem"], &[], "--tls-key");
    check_refused(&[root, "--tls-key", "a.pem"], &[], "--tls-cert");
}

#[test]
fn options_that_cannot_be_read_are_refused_with_code_2() {
    let (_temp, root) = lab();
    for arguments in [
        &["--token", "x", "--no-token"][..],
        &["--listen", "nowhere"],
        &["--nonsense"],
    ] {
        let output = run(&[&[root.as_str()], arguments].concat(), &[]);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {stderr}");
        assert!(stderr.starts_with("error: "), "{arguments:?}: {stderr}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn variables_work_alone_and_beside_a_path_and_a_subcommand() {
    let (_temp, root) = lab();
    let variables = [
        ("KATAHOST_LISTEN", "127.0.0.1:0"),
        ("KATAHOST_TOKEN", "a-token-of-mine"),
        ("KATAHOST_BASE_PATH", "/x/"),
    ];
    for (arguments, name) in [
        (&[][..], "quickstart"),
        (&[root.as_str()], "lab"),
        (&["serve"], "quickstart"),
        (&["serve", &root], "lab"),
    ] {
        let program = Program::start(arguments, &variables);
        assert_eq!(program.token(), Some("a-token-of-mine"), "{arguments:?}");
        assert_eq!(program.path(), "/x/", "{arguments:?}");
        assert_ne!(program.address().port(), 7681, "{arguments:?}");
        let visitor = enter(&program, name).await;
        assert!(visitor.lab.page.is_some(), "{arguments:?}");
    }
    let output = run(&["inspect", &root], &variables);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "inspect with variables: {stderr}");
}

#[tokio::test(flavor = "multi_thread")]
async fn option_is_stronger_than_its_variable() {
    let (_temp, root) = lab();
    let arguments = [&[root.as_str(), "--token", "from-option"], &FREE[..]].concat();
    let variables = [
        ("KATAHOST_TOKEN", "from-variable"),
        ("KATAHOST_LISTEN", "x"),
    ];
    let program = Program::start(&arguments, &variables[..1]);
    assert_eq!(program.token(), Some("from-option"));
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_do_not_reach_the_shell() {
    let (_temp, root) = lab();
    let variables = [
        ("KATAHOST_TOKEN", "a-secret-token"),
        ("JUPYTERHUB_API_TOKEN", "a-secret-token"),
        ("JPY_API_TOKEN", "a-secret-token"),
        ("CONFIGPROXY_AUTH_TOKEN", "a-secret-token"),
        ("LEARNER", "stays"),
        ("LC_ALL", ""),
        ("LC_CTYPE", ""),
        ("LANG", "C"),
    ];
    let program = Program::start(&[&[root.as_str()], &FREE[..]].concat(), &variables);
    let mut visitor = enter(&program, "lab").await;
    visitor
        .type_text("host", "env > env.part; mv env.part env.txt\r")
        .await;
    let environment = written(Path::new(&root), "env.txt").await;
    let names = ["KATAHOST_", "JUPYTERHUB_", "JPY_", "CONFIGPROXY_"];
    let leaked = environment
        .lines()
        .find(|line| names.iter().any(|name| line.starts_with(name)));
    assert_eq!(leaked, None);
    assert!(!environment.contains("a-secret-token"));
    for line in ["LEARNER=stays", "LC_ALL=C.UTF-8"] {
        assert!(environment.lines().any(|one| one == line), "{environment}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn client_that_reads_nothing_costs_a_fixed_amount_of_memory() {
    const MEGABYTE: u64 = 1024 * 1024;
    let (_temp, root) = lab();
    let program = Program::start(&[&[root.as_str()], &FREE[..]].concat(), &[]);
    let mut stalled = crate::harness::wire::Wire::enter(&program.socket("lab"), "client-1").await;
    let mut visitor = enter(&program, "lab").await;
    let line = "x".repeat(60);
    visitor.type_text("host", &format!("yes {line}\r")).await;
    let mut follow = async |bytes: u64| {
        let reached = |visitor: &mut Visitor| {
            // What was seen is not kept here.
            visitor
                .offsets
                .get(&0)
                .is_some_and(|offset| *offset >= bytes)
        };
        while !reached(&mut visitor) {
            assert_eq!(visitor.step().await, None);
            visitor.output.clear();
        }
        program.resident_bytes()
    };
    let early = follow(8 * MEGABYTE).await;
    let late = follow(40 * MEGABYTE).await;
    let grown = late.saturating_sub(early);
    assert!(grown < 12 * MEGABYTE, "{early} grew to {late}");
    // It is still there, and may go on.
    stalled.notified("lab/heartbeat").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn program_alone_serves_the_quickstart() {
    let program = Program::start(&FREE, &[]);
    let visitor = enter(&program, "quickstart").await;
    assert_eq!(visitor.lab.page.unwrap().step, "intro");
}

#[test]
fn certificate_makes_the_address_https() {
    let (temp, root) = lab();
    let file = |name: &str| temp.path().join(name).to_str().unwrap().to_owned();
    let (certificate, key) = (file("cert.pem"), file("key.pem"));
    let made = Command::new("openssl")
        .args([
            "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1",
        ])
        .args([
            "-subj",
            "/CN=localhost",
            "-keyout",
            &key,
            "-out",
            &certificate,
        ])
        .output();
    if !made.is_ok_and(|made| made.status.success()) {
        writeln!(
            std::io::stderr(),
            "SKIPPED: there is no `openssl` to make a certificate"
        )
        .unwrap();
        return;
    }
    let tls = ["--tls-cert", &certificate, "--tls-key", &key];
    let program = Program::start(&[&[root.as_str()], &FREE[..], &tls[..]].concat(), &[]);
    assert!(
        program.url.starts_with("https://127.0.0.1:"),
        "{}",
        program.url
    );
    let answer = tls_get(&program, &certificate);
    assert!(answer.starts_with("HTTP/1.1 303"), "{answer}");
    assert!(answer.contains("; Secure"), "{answer}");
}

/// Gets the printed URL over TLS.
fn tls_get(program: &Program, certificate: &str) -> String {
    let (path, token) = (program.path(), program.token().unwrap());
    let address = program.address().to_string();
    let mut client = Command::new("openssl")
        .args([
            "s_client",
            "-quiet",
            "-verify_return_error",
            "-CAfile",
            certificate,
        ])
        .args(["-connect", &address])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let mut request = client.stdin.take().unwrap();
    write!(
        request,
        "GET {path}?token={token} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n"
    )
    .unwrap();
    let output = client.wait_with_output().unwrap();
    drop(request);
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn inspection_tells_what_the_original_made_of_it() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let golden = fs::read_to_string(fixtures.join("edge-cases.json")).unwrap();
    let golden: Value = serde_json::from_str(&golden).unwrap();
    let folder = fixtures.join("edge-cases");
    let output = run(&["inspect", folder.to_str().unwrap(), "--json"], &[]);
    assert!(output.status.success());
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    for key in ["scenario", "is_scenario", "terminals"] {
        assert_eq!(report[key], golden[key], "{key}");
    }
    assert!(report["diagnostics"].is_array());
    let steps = |report: &Value| {
        let steps = report["steps"].as_object().unwrap();
        let mut names: Vec<String> = steps.keys().cloned().collect();
        names.sort();
        names
    };
    assert_eq!(steps(&report), steps(&golden));
    for (step, expected) in golden["steps"].as_object().unwrap() {
        let found = &report["steps"][step];
        for key in ["on_load", "images", "headings", "tables", "details"] {
            assert_eq!(found[key], expected[key], "{key} of {step}");
        }
        check_each(
            step,
            "blocks",
            &["id", "executable", "command"],
            found,
            expected,
        );
        check_each(step, "links", &["text", "href"], found, expected);
        for block in found["blocks"].as_array().unwrap() {
            for key in ["language", "terminal", "macros_before", "max_invocations"] {
                assert!(block.get(key).is_some(), "{key} of a block of {step}");
            }
        }
    }
}

/// Compares some fields of each entry of a list.
fn check_each(step: &str, list: &str, keys: &[&str], found: &Value, expected: &Value) {
    let entries = |report: &Value| {
        let entries = report[list].as_array().unwrap().iter();
        entries
            .map(|entry| keys.iter().map(|key| entry[*key].clone()).collect())
            .collect::<Vec<Vec<Value>>>()
    };
    assert_eq!(entries(found), entries(expected), "{list} of {step}");
}
