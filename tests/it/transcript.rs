//! What one takes away from a lab: the transcript, the recordings, a block's output.

use std::{
    fs,
    io::{Cursor, Read},
    os::unix::fs::PermissionsExt,
};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::{
    House, HouseOptions, Visitor, eventually,
    http::{self, request},
    program::{self, Program},
};

const CONFIG: &str =
    r#"{"layout": {"terminals": [{"id": "host", "name": "The host"}, {"id": "api"}]}}"#;

/// A lab with a bash that tells of its commands.
struct Desk {
    house: House,
    visitor: Visitor,
    _home: TempDir,
}

impl Desk {
    /// Sits down before steps of these blocks: each a header and a command.
    async fn new(steps: &[(&str, &[&str])], record: bool) -> Self {
        let home = tempfile::tempdir().unwrap();
        // Integration goes by the name.
        let shell = home.path().join("bash");
        fs::write(home.path().join(".bashrc"), "PS1='$ '\nunset HISTFILE\n").unwrap();
        let own = format!(
            "#!/bin/sh\nunset BASH_ENV PROMPT_COMMAND\nHOME='{}' exec /bin/bash \"$@\"\n",
            home.path().display()
        );
        fs::write(&shell, own).unwrap();
        fs::set_permissions(&shell, fs::Permissions::from_mode(0o755)).unwrap();
        let pages: Vec<(String, String)> = steps
            .iter()
            .map(|(step, blocks)| {
                let blocks: String = blocks.iter().map(|block| fence(block)).collect();
                (
                    format!("{step}.md"),
                    format!("# Title of {step}\n\n{blocks}"),
                )
            })
            .collect();
        let mut files = vec![(".katapod_config.json", CONFIG)];
        files.extend(
            pages
                .iter()
                .map(|(name, text)| (name.as_str(), text.as_str())),
        );
        let options = HouseOptions {
            shell: Some(shell),
            record,
            ..HouseOptions::default()
        };
        let house = House::with_files(&files, options);
        let mut visitor = house.enter("lab").await;
        visitor.until_text("host", "$ ").await;
        visitor.until_text("api", "$ ").await;
        Self {
            house,
            visitor,
            _home: home,
        }
    }

    /// Runs a block to its end.
    async fn run(&mut self, step: &str, block: usize) -> Value {
        self.visitor.notifications.clear();
        self.visitor.run_block(step, block).await.unwrap();
        let mut found = Value::Null;
        self.visitor
            .until(&format!("block {block} to end"), |visitor| {
                let told = visitor.notifications.iter().rev();
                let mut runs = told
                    .filter(|(method, _)| method == "block/state")
                    .filter_map(|(_, state)| state.get("last"));
                let ended = runs.find(|run| {
                    run["block"] == block
                        && ["done", "failed"].iter().any(|one| run["state"] == **one)
                });
                found = ended.cloned().unwrap_or_default();
                ended.is_some()
            })
            .await;
        found
    }

    async fn get(&self, path: &str) -> http::Answer {
        http::get(&self.house, &format!("/labs/lab/{path}")).await
    }

    async fn transcript(&self) -> String {
        let answer = self.get("transcript.md").await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.text()
    }

    /// The header and the events of a terminal's recording.
    async fn cast(&self, name: &str) -> (Value, Vec<CastEvent>) {
        let answer = self.get(&format!("casts/{name}")).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        read_cast(&String::from_utf8(answer.body).unwrap())
    }
}

/// Time, kind and data.
type CastEvent = (f64, String, String);

/// Reads a recording as players do, and checks what they rely on.
fn read_cast(text: &str) -> (Value, Vec<CastEvent>) {
    assert!(text.ends_with('\n'));
    let mut lines = text.lines();
    let header: Value = serde_json::from_str(lines.next().unwrap()).unwrap();
    assert_eq!(header["version"], 2);
    for key in ["width", "height", "timestamp"] {
        assert!(header[key].as_u64().unwrap() > 0, "{key} in {header}");
    }
    let events: Vec<CastEvent> = lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert!(
        events.is_sorted_by(|one, other| one.0 <= other.0),
        "times go back"
    );
    (header, events)
}

/// All data of the events of one kind.
fn data(events: &[CastEvent], kind: &str) -> Vec<String> {
    let those = events.iter().filter(|(_, of, _)| of == kind);
    those.map(|(_, _, data)| data.clone()).collect()
}

fn fence(text: &str) -> String {
    format!("````bash\n{text}\n````\n\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn transcript_tells_what_was_run_as_a_person_saw_it() {
    let colours = r#"### {"title": "Some *colours*"}
printf '\e[1;31mred\e[0m and plain\n'"#;
    let progress = r#"for i in 10 50 100; do printf "\rloading %3d %%" $i; done; echo"#;
    let wide = "printf '漢字 and 🙂 in %080d columns\\n' 7";
    let check =
        "### {\"title\": \"The file is there\", \"verify\": true}\necho 'FAIL: no file'; exit 1";
    let failing = "### api\n# a fence of ``` in it\nsh -c 'echo lost >&2; exit 3'";
    let mut desk = Desk::new(
        &[
            ("intro", &[colours, progress, wide, failing, check]),
            ("step2", &["true", "seq 1 2000"]),
        ],
        true,
    )
    .await;
    for block in 0..4 {
        desk.run("intro", block).await;
    }
    desk.visitor.run_block("intro", 4).await.unwrap();
    let checked = |visitor: &Visitor| {
        let told = visitor.notifications.iter();
        told.filter(|(method, _)| method == "check/state")
            .any(|(_, state)| state["running"] == false)
    };
    desk.visitor.until("the check to end", checked).await;
    desk.visitor.load("step2").await;
    desk.run("step2", 0).await;
    desk.run("step2", 1).await;
    desk.visitor.load("intro").await;
    let text = desk.transcript().await;
    let parts: Vec<&str> = text.split("\n## ").collect();
    assert_eq!(parts.len(), 4, "three times a step was shown:\n{text}");
    assert!(parts[0].starts_with("# Title of intro\n"), "{text}");
    for part in [
        "### Some \\*colours\\* in `The host`",
        "**done**, took ",
        "```bash\nprintf '\\e[1;31mred",
        "```text\nred and plain\n```",
        "```text\nloading 100 %\n```",
        &format!("```text\n漢字 and 🙂 in {:080} columns\n```", 7),
        "### Block 4 in `api`",
        "**failed (3)**",
        "````bash\n# a fence of ``` in it\n",
        "```text\nlost\n```",
        "### The file is there\n\nAt ",
        "**failed**: no file.",
    ] {
        assert!(parts[1].contains(part), "{part:?} in\n{}", parts[1]);
    }
    assert!(parts[2].starts_with("Title of step2\n\nStep `step2`, shown at "));
    for part in [
        "It printed nothing.",
        "\n200\n… 1600 lines left out …\n1801\n",
    ] {
        assert!(parts[2].contains(part), "{part:?} in\n{}", parts[2]);
    }
    assert!(parts[3].starts_with("Title of intro\n"));
    desk.house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn recording_is_what_the_terminal_wrote() {
    let split = r"printf '\xe6'; sleep 0.2; printf '\xbc'; sleep 0.2; printf '\xa2\n\xff!\n'";
    let mut desk = Desk::new(&[("intro", &[split]), ("step2", &[])], true).await;
    desk.run("intro", 0).await;
    desk.visitor.size_all(100, 30).await;
    desk.visitor.load("step2").await;
    desk.visitor
        .type_text("host", "echo by-hand-$((1+1))\r")
        .await;
    desk.visitor.until_text("host", "by-hand-2").await;
    let (header, events) = desk.cast("host.cast").await;
    assert_eq!(
        (&header["width"], &header["height"]),
        (&json!(80), &json!(24))
    );
    assert_eq!(header["title"], "Title of intro: The host");
    let played = data(&events, "o").concat();
    for part in ["漢", "\u{fffd}!", "by-hand-2"] {
        assert!(played.contains(part), "{part:?} in {played:?}");
    }
    // What came after the export may be more.
    let written = desk.visitor.text(0);
    let common = played.len().min(written.len());
    assert_eq!(played.get(..common), written.get(..common));
    assert!(data(&events, "r").contains(&"100x30".to_owned()));
    assert_eq!(data(&events, "m"), ["Title of intro", "Title of step2"]);
    let marked = events
        .iter()
        .position(|(_, _, data)| data == "Title of step2");
    let typed = events
        .iter()
        .position(|(_, _, data)| data.contains("by-hand-2"));
    let printed = events.iter().position(|(_, _, data)| data.contains("漢"));
    assert!(printed < marked && marked < typed, "the marker's place");
    let (_, events) = desk.cast("api.cast").await;
    assert_eq!(data(&events, "m").len(), 2);
    assert!(!data(&events, "o").concat().contains("by-hand"));
    assert_eq!(desk.get("casts/other.cast").await.status, 404);
    desk.house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn output_that_the_journal_has_dropped_is_still_there() {
    let flood = "seq 1000000 1400000";
    let mut desk = Desk::new(&[("intro", &["echo first-$((1+1))", flood])], true).await;
    desk.run("intro", 0).await;
    desk.run("intro", 1).await;
    let late = desk.house.enter("lab").await;
    let text = desk.transcript().await;
    assert!(text.contains("```text\nfirst-2\n```"), "{text}");
    assert!(text.contains("```text\n1000000\n1000001\n"), "{text}");
    assert!(text.contains("\n1400000\n```"), "{text}");
    let answer = desk.get("output?step=intro&block=0").await;
    assert_eq!(
        (answer.status, answer.text()),
        (200, "first-2\n".to_owned())
    );
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let answer = desk.get("output?step=intro&block=1").await;
    assert!(answer.text().starts_with("1000000\n1000001\n"));
    assert!(answer.text().ends_with("\n1400000\n"));
    assert!(answer.text().contains("lines left out …"));
    drop(late);
    desk.house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn flood_beyond_the_bound_ends_the_recording_and_says_so() {
    let flood = "head -c 24000000 /dev/zero | tr '\\0' x | fold -w 79";
    let mut desk = Desk::new(
        &[(
            "intro",
            &["echo first-$((1+1))", flood, "echo last-$((1+1))"],
        )],
        true,
    )
    .await;
    for block in 0..3 {
        desk.run("intro", block).await;
    }
    let text = desk.transcript().await;
    assert!(text.contains("```text\nfirst-2\n```"), "{text}");
    let says = "the recording ends here: more than 16 MiB are not kept of one terminal";
    assert_eq!(text.matches(says).count(), 2, "{text}");
    assert!(!text.contains("```text\nlast-2"));
    let (_, events) = desk.cast("host.cast").await;
    let bytes: usize = data(&events, "o").iter().map(String::len).sum();
    assert!((10_000_000..=16 * 1024 * 1024).contains(&bytes), "{bytes}");
    assert_eq!(data(&events, "m").last().unwrap(), says);
    let answer = desk.get("output?step=intro&block=2").await;
    assert_eq!(answer.status, 404);
    assert!(answer.text().contains("had ended"), "{}", answer.text());
    desk.house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn restarted_shell_is_recorded_on_and_a_lab_begun_anew_from_its_start() {
    let mut desk = Desk::new(&[("intro", &["echo shell-$((1+1))"])], true).await;
    desk.run("intro", 0).await;
    let restart = json!({"terminalId": "host"});
    let generation = desk.visitor.generation(0);
    desk.visitor
        .execute("katahost.restartTerminal", restart)
        .await
        .unwrap();
    desk.visitor
        .until("another shell", |visitor| {
            visitor.generation(0) > generation
        })
        .await;
    desk.run("intro", 0).await;
    let text = desk.transcript().await;
    assert_eq!(text.matches("```text\nshell-2\n```").count(), 2, "{text}");
    desk.visitor
        .client
        .execute("katapod.start", vec![], None)
        .await
        .unwrap();
    desk.visitor.until_notified("lab/state").await;
    let text = desk.transcript().await;
    assert!(!text.contains("shell-2"), "{text}");
    desk.house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn run_that_nobody_saw_the_end_of_is_shown_until_the_next() {
    let steps: [(&str, &[&str]); 1] = [("intro", &["cat", "one", "two"])];
    let mut desk = Desk::new(&steps, true).await;
    desk.visitor.run_block("intro", 0).await.unwrap();
    // What is typed into the program comes back from it.
    for (block, word) in [(1, "one\r\none"), (2, "two\r\ntwo")] {
        desk.visitor.run_block("intro", block).await.unwrap();
        desk.visitor.until_text("host", word).await;
    }
    let text = desk.transcript().await;
    assert!(text.contains("**running**"), "{text}");
    let (_, second) = text.split_once("### Block 2").unwrap();
    let (second, third) = second.split_once("### Block 3").unwrap();
    for part in [second, third] {
        let sent = "**sent; whether it worked can't be known**";
        assert!(part.contains(sent), "{text}");
    }
    // Where exactly it was typed is not known; but nothing is lost between two runs.
    let (_, outputs) = second.split_once("Output:").unwrap_or_default();
    assert!([outputs, third].concat().contains("two"), "{text}");
    desk.house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn transcript_judges_as_the_page_does() {
    let header = r#"### {"title": "Count", "expect": "^12 rows", "hint": "load them"}"#;
    let wrong = format!("{header}\necho $((1-1)) rows");
    let right = r#"### {"title": "Refuse", "exitCode": 3}"#;
    let right = format!("{right}\nsh -c 'exit 3'");
    let mut desk = Desk::new(&[("intro", &[&wrong, &right])], true).await;
    assert_eq!(desk.run("intro", 0).await["state"], "failed");
    assert_eq!(desk.run("intro", 1).await["state"], "done");
    let text = desk.transcript().await;
    let (_, count) = text.split_once("### Count").unwrap();
    let (count, refuse) = count.split_once("### Refuse").unwrap();
    assert!(count.contains("**failed**"), "{text}");
    assert!(count.contains(": its output does not match."), "{text}");
    assert!(count.contains("Hint: load them."), "{text}");
    assert!(refuse.contains("**done**"), "{text}");
    desk.house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn archive_holds_the_transcript_and_all_recordings() {
    let mut desk = Desk::new(&[("intro", &["echo packed-$((1+1))"])], true).await;
    desk.run("intro", 0).await;
    let answer = desk.get("transcript.zip").await;
    assert_eq!(answer.header("content-type"), Some("application/zip"));
    let disposition = answer.header("content-disposition").unwrap();
    assert_eq!(disposition, "attachment; filename=\"lab-transcript.zip\"");
    let mut archive = zip::ZipArchive::new(Cursor::new(answer.body)).unwrap();
    let mut names: Vec<String> = archive.file_names().map(str::to_owned).collect();
    names.sort();
    assert_eq!(
        names,
        ["api.cast", "host.cast", "progress.json", "transcript.md"]
    );
    let mut text = |name| {
        let mut text = String::new();
        archive
            .by_name(name)
            .unwrap()
            .read_to_string(&mut text)
            .unwrap();
        text
    };
    assert!(text("transcript.md").contains("packed-2"));
    let progress: Value = serde_json::from_str(&text("progress.json")).unwrap();
    assert_eq!(progress["steps"][0]["blocks"][0]["state"], "done");
    let (_, events) = read_cast(&text("host.cast"));
    assert!(data(&events, "o").concat().contains("packed-2"));
    read_cast(&text("api.cast"));
    desk.house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lab_that_is_not_recorded_says_so() {
    let mut desk = Desk::new(&[("intro", &["echo gone-$((1+1))"])], false).await;
    desk.run("intro", 0).await;
    let text = desk.transcript().await;
    assert!(text.contains("The lab was not recorded"), "{text}");
    assert!(
        text.contains("**done**") && !text.contains("gone-2"),
        "{text}"
    );
    let (_, events) = desk.cast("host.cast").await;
    assert!(data(&events, "o").is_empty());
    let answer = desk.get("output?step=intro&block=0").await;
    assert_eq!(answer.status, 404);
    assert_eq!(answer.text(), "this lab is not recorded");
    desk.house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_who_has_the_server_token_takes_anything_away() {
    let mut desk = Desk::new(&[("intro", &["echo secret-$((1+1))"])], true).await;
    desk.run("intro", 0).await;
    let made = desk
        .visitor
        .execute("katahost.createLink", json!({"role": "viewer"}));
    let link = made.await.unwrap().link.unwrap();
    let (_, token) = link.address.split_once("?token=").unwrap();
    let bearer = format!("Bearer {token}");
    for path in [
        "transcript.md",
        "transcript.zip",
        "casts/host.cast",
        "output?step=intro&block=0",
    ] {
        for way in ["labs", "watch"] {
            let path = format!("/{way}/lab/{path}");
            let headers = [("authorization", bearer.as_str())];
            let answer = request(desk.house.address, "GET", &path, &headers).await;
            assert_eq!(answer.status, 401, "{path}");
            assert!(!answer.text().contains("secret"), "{path}");
        }
        let answer = request(desk.house.address, "GET", &format!("/labs/lab/{path}"), &[]).await;
        assert_eq!(answer.status, 401, "{path}");
    }
    assert_eq!(desk.get("output?step=intro").await.status, 400);
    assert_eq!(desk.get("output?step=no&block=0").await.status, 404);
    let nowhere = http::get(&desk.house, "/labs/other/transcript.md").await;
    assert_eq!(nowhere.status, 404);
    desk.house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn command_line_writes_the_transcript() {
    let temp = tempfile::tempdir().unwrap();
    let root = temp.path().join("lab");
    fs::create_dir(&root).unwrap();
    fs::write(root.join("intro.md"), "# Lab\n\n```\necho x > made\n```\n").unwrap();
    let program = Program::start(&[root.to_str().unwrap(), "--listen", "127.0.0.1:0"], &[]);
    let url = program.url.as_str();
    let transcript = |arguments: &[&str]| {
        let all = [&["transcript", "--url", url], arguments].concat();
        let output = program::run(&all, &[]);
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (
            output.status.code(),
            text(output.stdout),
            text(output.stderr),
        )
    };
    let (code, _, stderr) = transcript(&[]);
    assert_eq!(code, Some(2), "{stderr}");
    assert!(stderr.contains("no lab `lab` runs there"), "{stderr}");
    let mut visitor = Visitor::connect(&program.socket("lab"), None, None)
        .await
        .unwrap();
    visitor.run_block("intro", 0).await.unwrap();
    eventually("the block to run", || root.join("made").exists()).await;
    let (code, stdout, stderr) = transcript(&[]);
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    assert!(stdout.contains("```\necho x > made\n```"), "{stdout}");
    // Whoever reads it may have enough, as `head` has.
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = program::command(&["transcript", "--url", url], &[]);
    let output = command.stdout(writer).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let file = temp.path().join("work.zip");
    let (code, stdout, _) = transcript(&["--out", file.to_str().unwrap()]);
    assert_eq!((code, stdout.starts_with("wrote ")), (Some(0), true));
    let archive = zip::ZipArchive::new(fs::File::open(file).unwrap()).unwrap();
    assert!(archive.index_for_name("transcript.md").is_some());
}
