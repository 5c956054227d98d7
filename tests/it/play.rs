//! `katahost test`: the shipped scenarios pass, and what a test leaves behind.

use std::{
    fs,
    io::{Read, Write},
    path::Path,
    process::{Output, Stdio},
    time::{Duration, Instant},
};

use katahost::terminal::screen::Screen;
use portable_pty::{CommandBuilder, PtySize, native_pty_system};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::harness::program::{command, heed_hangups, run_for};

/// How long a lab may take to be played, on a loaded machine.
const LONG: Duration = Duration::from_secs(240);

/// Plays what is in `path` in a bash without anybody's settings.
pub(crate) fn play(path: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    let home = tempfile::tempdir().unwrap();
    let home = home.path().to_str().unwrap();
    let mut all = vec!["test", path.to_str().unwrap()];
    all.extend(arguments);
    let mut known = vec![
        ("SHELL", "/bin/bash"),
        ("HOME", home),
        ("GITHUB_ACTIONS", ""),
    ];
    known.extend(variables);
    run_for(LONG, &all, &known)
}

pub(crate) fn text(output: &Output) -> String {
    let stdout = String::from_utf8_lossy(&output.stdout);
    let stderr = String::from_utf8_lossy(&output.stderr);
    format!("{stdout}{stderr}")
}

fn shipped(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("scenarios")
        .join(name)
}

/// A lab of these files.
pub(crate) fn lab(files: &[(&str, &str)]) -> tempfile::TempDir {
    let temp = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = temp.path().join("lab").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    temp
}

/// The files of a folder, with their contents.
fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push((path.display().to_string(), fs::read(&path).unwrap()));
            }
        }
    }
    found.sort();
    found
}

#[test]
fn quickstart_passes() {
    let output = play(&shipped("quickstart"), &[], &[]);
    assert!(output.status.success(), "{}", text(&output));
    assert!(text(&output).contains(" 0 failed"), "{}", text(&output));
}

#[test]
fn migration_passes_and_leaves_nothing_behind() {
    let temp = tempfile::tempdir().unwrap();
    let variables = [
        ("TMPDIR", temp.path().to_str().unwrap()),
        // Other tests may play it as well.
        ("LAB_PORT", "8043"),
    ];
    let before = files(&shipped("zero-downtime-migration"));
    let output = play(&shipped("zero-downtime-migration"), &[], &variables);
    assert!(output.status.success(), "{}", text(&output));
    assert!(text(&output).contains(" 0 failed"), "{}", text(&output));
    assert!(files(&shipped("zero-downtime-migration")) == before);
    let left = fs::read_dir(temp.path()).unwrap().count();
    assert_eq!(left, 0, "temporary files stay");
}

#[test]
fn terminal_is_told_what_runs_until_it_is_interrupted() {
    let long = "sleep 1000; echo this is wider than the terminal is";
    let page = format!("# Lab\n\n```\ntrue\n```\n\n```\n{long}\n```\n");
    let temp = lab(&[("intro.md", &page)]);
    let size = PtySize {
        rows: 24,
        cols: 50,
        ..PtySize::default()
    };
    let pair = native_pty_system().openpty(size).unwrap();
    let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_katahost"));
    command.args(["test", temp.path().join("lab").to_str().unwrap()]);
    command.args(["--shell", "/bin/bash"]);
    command.env("HOME", temp.path());
    command.env_remove("GITHUB_ACTIONS");
    let mut child = pair.slave.spawn_command(command).unwrap();
    drop(pair.slave);
    let mut reader = pair.master.try_clone_reader().unwrap();
    let mut keyboard = pair.master.take_writer().unwrap();
    let mut screen = Screen::new(50, 24, 100);
    let (mut buffer, mut pressed) = ([0; 4096], false);
    while let Ok(count @ 1..) = reader.read(&mut buffer) {
        screen.feed(&buffer[..count]);
        if !pressed && screen.text().contains("block 1") {
            keyboard.write_all(b"\x03").unwrap();
            pressed = true;
        }
    }
    assert_eq!(child.wait().unwrap().exit_code(), 130);
    let shown = screen.text();
    let lines: Vec<&str> = shown.lines().map(str::trim_end).collect();
    assert_eq!(lines[0], "lab", "{shown}");
    assert!(lines[1].starts_with("  ok ") && lines[1].ends_with("block 0  true"));
    assert!(lines[2].starts_with("  running ") && lines[2].contains("block 1  sleep"));
    assert!(
        lines.contains(&"error: the test was interrupted"),
        "{shown}"
    );
}

#[test]
fn results_that_can_not_be_kept_are_refused_before_anything_is_played() {
    let temp = lab(&[("intro.md", "# Lab\n\n```\ntrue\n```\n")]);
    for option in ["--junit=/no/such/results", "--json=/no/such/results"] {
        let output = play(&temp.path().join("lab"), &[option], &[]);
        assert_eq!(output.status.code(), Some(2), "{option}");
        assert!(output.stdout.is_empty(), "{}", text(&output));
        let said = text(&output);
        assert!(said.contains("there is no folder `/no/such`"), "{said}");
    }
}

#[test]
fn results_are_written_for_machines() {
    let temp = lab(&[
        (
            "intro.md",
            "# Lab\n\n```\necho '<one> & two'\n```\n\n[a](command:katapod.loadPage?a)\n",
        ),
        (
            "a.md",
            "```\n### {\"title\": \"It fails, of course\", \"hint\": \"100 %\"}\necho seen; false\n```\n",
        ),
    ]);
    let junit = temp.path().join("junit.xml");
    let arguments = ["--junit", junit.to_str().unwrap(), "--json"];
    let output = play(
        &temp.path().join("lab"),
        &arguments,
        &[("GITHUB_ACTIONS", "true")],
    );
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json["passed"], 1);
    assert_eq!(json["failed"], 1);
    let case = &json["suites"][0]["cases"][1];
    assert_eq!(case["step"], "a");
    assert_eq!(case["line"], 3);
    assert_eq!(case["exitCode"], 1);
    assert_eq!(case["output"], "seen");
    let xml = fs::read_to_string(junit).unwrap();
    assert!(xml.contains("tests=\"2\" failures=\"1\""), "{xml}");
    assert!(xml.contains("echo '&lt;one&gt; &amp; two'"), "{xml}");
    let people = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(people.contains("::error file="), "{people}");
    assert!(people.contains(",line=3,title=lab a block 0::"), "{people}");
    assert!(people.contains("%0Ahint: 100 %25"), "{people}");
    assert!(people.contains("1 passed, 1 failed, 0 skipped"), "{people}");
}

#[test]
fn all_ways_are_played_and_one_can_be_named() {
    let link = |step: &str| format!("[x](command:katapod.loadPage?{step})\n\n");
    let block = "```\necho x >> seen; wc -l < seen\n```\n\n";
    let temp = lab(&[
        ("intro.md", &(block.to_owned() + &link("a") + &link("b"))),
        ("a.md", &(block.to_owned() + &link("end"))),
        ("apart.md", "# Nowhere\n"),
        ("b.md", &(block.to_owned() + &link("end"))),
        (
            "end.md",
            "```\n### {\"expect\": \"^2$\"}\nwc -l < seen\n```\n",
        ),
    ]);
    let root = temp.path().join("lab");
    let junit = temp.path().join("junit.xml");
    let arguments = ["--all-paths", "--junit", junit.to_str().unwrap()];
    let output = play(&root, &arguments, &[]);
    let said = text(&output);
    assert!(output.status.success(), "{said}");
    for way in [
        "by intro, a, end",
        "by intro, b, end",
        "6 passed, 0 failed, 1 skipped",
    ] {
        assert!(said.contains(way), "{way}: {said}");
    }
    assert!(
        said.contains("apart step  no way that was played leads there"),
        "{said}"
    );
    let xml = fs::read_to_string(&junit).unwrap();
    for suite in ["lab by intro, a, end", "lab by intro, b, end"] {
        assert!(
            xml.contains(&format!("<testsuite name=\"{suite}\"")),
            "{xml}"
        );
    }
    let output = play(&root, &["--path", "intro,b,end"], &[]);
    let said = text(&output);
    assert!(
        said.contains("b block 0") && !said.contains("a block 0"),
        "{said}"
    );
    let output = play(&root, &["--path", "intro,c"], &[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output).contains("there is no step `c`"));
}

#[test]
fn folder_of_labs_and_an_archive_are_tested() {
    let temp = lab(&[("intro.md", "```\necho one\n```\n")]);
    fs::create_dir(temp.path().join("other")).unwrap();
    fs::write(temp.path().join("other/intro.md"), "```\nfalse\n```\n").unwrap();
    let output = play(temp.path(), &[], &[]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        text(&output).contains("/other/intro.md:2"),
        "{}",
        text(&output)
    );
    assert!(
        text(&output).contains("1 passed, 1 failed"),
        "{}",
        text(&output)
    );
    let archive = temp.path().join("lab.zip");
    let lab = temp.path().join("lab");
    let arguments = [
        "export",
        lab.to_str().unwrap(),
        "--out",
        archive.to_str().unwrap(),
    ];
    assert!(run_for(LONG, &arguments, &[]).status.success());
    let output = play(&archive, &[], &[]);
    assert!(output.status.success(), "{}", text(&output));
}

#[tokio::test]
async fn interrupted_test_ends_what_it_started() {
    heed_hangups();
    let temp = lab(&[(
        "intro.md",
        "```\n### {\"timeout\": 300}\necho $$ > \"$MARK\"; sleep 300\n```\n\n```\ntrue\n```\n",
    )]);
    let scratch = tempfile::tempdir().unwrap();
    let mark = temp.path().join("pid");
    let root = temp.path().join("lab");
    let junit = temp.path().join("junit.xml");
    let arguments = [
        "test",
        root.to_str().unwrap(),
        "--junit",
        junit.to_str().unwrap(),
    ];
    let variables = [
        ("SHELL", "/bin/bash"),
        ("MARK", mark.to_str().unwrap()),
        ("TMPDIR", scratch.path().to_str().unwrap()),
    ];
    let mut child = command(&arguments, &variables)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let deadline = Instant::now() + LONG;
    let wait = |what: &str, done: &mut dyn FnMut() -> bool| {
        while !done() {
            assert!(Instant::now() < deadline, "{what}");
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    let mut shell = String::new();
    wait("the block begins", &mut || {
        shell = fs::read_to_string(&mark)
            .unwrap_or_default()
            .trim()
            .to_owned();
        !shell.is_empty()
    });
    let pid = Pid::from_raw(child.id().cast_signed()).unwrap();
    kill_process(pid, Signal::HUP).unwrap();
    wait("the test ends", &mut || child.try_wait().unwrap().is_some());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    wait("its shell ends", &mut || {
        !crate::harness::is_running(&shell)
    });
    assert_eq!(fs::read_dir(scratch.path()).unwrap().count(), 0);
    let xml = fs::read_to_string(junit).unwrap();
    assert!(xml.contains("tests=\"2\" failures=\"0\""), "{xml}");
    assert!(
        xml.contains("<skipped message=\"the test was interrupted\"/>"),
        "{xml}"
    );
}

#[test]
fn what_still_runs_is_waited_for_once_at_the_end() {
    let config = r#"{"layout": {"terminals": [{"id": "a"}, {"id": "b"}, {"id": "c"}]}}"#;
    let block = |terminal: &str, text: &str| format!("```\n### {terminal}\n{text}\n```\n\n");
    let page = block("a", "echo up; sleep 1000")
        + &block("b", "echo up; sleep 1000")
        + &block("c", "echo slow; sleep 9; echo over");
    let temp = lab(&[(".katapod_config.json", config), ("intro.md", &page)]);
    let began = Instant::now();
    let output = play(
        &temp.path().join("lab"),
        &["--timeout", "20", "--record"],
        &[],
    );
    let said = text(&output);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("3 passed, 0 failed"), "{said}");
    assert_eq!(
        said.matches("ok              runs on  ").count(),
        2,
        "{said}"
    );
    assert!(
        said.contains("runs                     intro block 2"),
        "{said}"
    );
    let took = began.elapsed();
    assert!(took >= Duration::from_secs(20), "{took:?}");
    let cast = fs::read_to_string(temp.path().join("lab/recordings/intro.2.cast")).unwrap();
    assert!(cast.contains("over"), "{cast}");
}

#[test]
fn server_that_an_on_load_command_interrupts_runs_on() {
    let config = r#"{"layout": {"terminals": [{"id": "api"}, {"id": "host"}]},
        "navigation": {"onLoadCommands": {"b": {
        "api": [{"command": "sleep 1; echo over", "macrosBefore": ["ctrl_c"]}]}}}}"#;
    let page = "```\n### {\"terminalId\": \"api\", \"expect\": \"^up\"}\necho up; sleep 1000\n```\n\n\
        [x](command:katapod.loadPage?b)\n";
    let after = "```\n### host\nsleep 2\n```\n";
    let files = [
        (".katapod_config.json", config),
        ("intro.md", page),
        ("b.md", after),
    ];
    let temp = lab(&files);
    let output = play(&temp.path().join("lab"), &[], &[]);
    assert!(output.status.success(), "{}", text(&output));
    assert!(text(&output).contains("3 passed"), "{}", text(&output));
}

#[test]
fn what_may_not_be_written_to_is_removed_as_well() {
    let page = "```\nmkdir -p cache/deep; touch cache/deep/file; chmod -R a-w cache\n```\n";
    let temp = lab(&[("intro.md", page)]);
    let scratch = tempfile::tempdir().unwrap();
    let variables = [("TMPDIR", scratch.path().to_str().unwrap())];
    let output = play(&temp.path().join("lab"), &[], &variables);
    assert!(output.status.success(), "{}", text(&output));
    assert_eq!(fs::read_dir(scratch.path()).unwrap().count(), 0);
}

#[test]
fn recordings_are_kept_told_stale_and_exported() {
    let temp = lab(&[
        (
            "intro.md",
            "```\necho first; sleep 0.2; echo second\n```\n\n[s](command:katapod.loadPage?sub/s)\n",
        ),
        ("sub/s.md", "```\necho third\n```\n\n```\nfalse\n```\n"),
    ]);
    let root = temp.path().join("lab");
    let output = play(&root, &["--record"], &[]);
    assert_eq!(output.status.code(), Some(1), "the last block fails");
    let cast = fs::read_to_string(root.join("recordings/intro.0.cast")).unwrap();
    let mut lines = cast.lines();
    let header: Value = serde_json::from_str(lines.next().unwrap()).unwrap();
    assert_eq!(header["version"], 2);
    assert_eq!(header["katahost"]["exitCode"], 0);
    let events: Vec<(f64, String, String)> = lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let all: String = events.iter().map(|(_, _, text)| text.as_str()).collect();
    assert!(all.contains("first") && all.contains("second"), "{all:?}");
    assert!(events.last().unwrap().0 >= 0.1, "{events:?}");
    assert!(root.join("recordings/sub/s.0.cast").exists());
    assert!(!root.join("recordings/sub/s.1.cast").exists());
    let check = || {
        let output = run_for(LONG, &["check", root.to_str().unwrap()], &[]);
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(!check().contains("recordings/"), "{}", check());
    let page = fs::read_to_string(root.join("intro.md")).unwrap();
    fs::write(root.join("intro.md"), page.replace("first", "another")).unwrap();
    assert!(
        check().contains("--> recordings/intro.0.cast"),
        "{}",
        check()
    );
    let archive = temp.path().join("lab.zip");
    let arguments = [
        "export",
        root.to_str().unwrap(),
        "--out",
        archive.to_str().unwrap(),
    ];
    let output = run_for(LONG, &arguments, &[]);
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains(": 4 files"), "{said}");
}
