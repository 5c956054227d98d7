//! Terminals as a learner has them, through the socket.

use std::{
    os::unix::fs::symlink,
    time::{Duration, Instant},
};

use katahost::{
    client::{Client, Incident},
    protocol::{
        VERSION,
        client::{InitializeParams, method},
        frame::{FrameKind, decode_size},
        server::LabState,
    },
    terminal::screen::Screen,
};
use serde_json::json;

use crate::harness::{House, HouseOptions, Visitor, eventually, is_running, wire::Wire};

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
async fn sequence_that_an_interrupt_cuts_off_swallows_nothing() {
    for begun in ["\\033", "\\033]0;title", "\\033P", "\\033[31"] {
        let house = house("# Lab");
        let mut visitor = house.enter("lab").await;
        let line = format!("printf 'be''gun{begun}'; sleep 100\r");
        visitor.type_text("host", &line).await;
        visitor.until_text("host", "begun").await;
        visitor.type_text("host", "\x03").await;
        visitor.until_text("host", "^C").await;
        let mut screen = Screen::new(80, 24, 100);
        screen.feed(visitor.text(visitor.number("host")).as_bytes());
        let text = screen.text();
        assert!(text.contains("begun^C"), "after {begun}: {text}");
    }
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
    visitor.start_over().await;
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

#[tokio::test(flavor = "multi_thread")]
async fn shell_starts_in_the_folder_with_a_modern_terminal() {
    let house = house("# Lab");
    let mut visitor = house.enter("lab").await;
    let text =
        "(pwd; echo $TERM; echo $COLORTERM; echo $TERM_PROGRAM; locale charmap) > a; mv a b\r";
    visitor.type_text("host", text).await;
    let root = house.root.canonicalize().unwrap();
    let wanted = format!(
        "{}\nxterm-256color\ntruecolor\nkatahost\nUTF-8\n",
        root.display()
    );
    assert_eq!(house.written("b").await, wanted);
}

#[tokio::test(flavor = "multi_thread")]
async fn shell_starts_in_the_size_of_the_first_client() {
    let house = house("# Lab");
    let address = house.socket("lab");
    let mut visitor = Visitor::connect(&address, None, None).await.unwrap();
    visitor.size_all(101, 31).await;
    visitor.type_text("host", "stty size\r").await;
    visitor.until_text("host", "\r31 101\r\n").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn resize_reaches_the_program_that_runs() {
    let house = house("# Lab");
    let mut visitor = house.enter("lab").await;
    let text = "python3 -c 'import os, signal; \
        signal.signal(signal.SIGWINCH, lambda *_: print(\"now\", *os.get_terminal_size())); \
        print(\"u\" + \"p\"); signal.pause()'\r";
    visitor.type_text("host", text).await;
    visitor.until_text("host", "up\r\n").await;
    visitor.size_all(90, 20).await;
    visitor.until_text("host", "now 90 20").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn absurd_size_is_clamped() {
    let house = house("# Lab");
    let mut visitor = house.enter("lab").await;
    visitor.size_all(0, 0).await;
    visitor.type_text("host", "stty size > a; mv a b\r").await;
    assert_eq!(house.written("b").await, "1 2\n");
    visitor.size_all(u16::MAX, u16::MAX).await;
    visitor.type_text("host", "stty size > a; mv a c\r").await;
    assert_eq!(house.written("c").await, "1000 1000\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn block_of_200_lines_arrives_whole() {
    let line = |line: usize| format!("line {line}: {}\n", "grüße ".repeat(line % 20));
    let lines = (0..200).map(line).collect::<Vec<_>>().concat();
    let house = house(&format!("```\ncat > a << 'END'\n{lines}END\nmv a b\n```"));
    let mut visitor = house.enter("lab").await;
    visitor.run_block("intro", 0).await.unwrap();
    // Somebody has to read what the shell echoes.
    let root = house.root.clone();
    visitor.until("the file", |_| root.join("b").exists()).await;
    assert_eq!(house.written("b").await, lines);
}

#[tokio::test(flavor = "multi_thread")]
async fn shell_ended_by_a_signal_says_so() {
    let house = house("# Lab");
    let mut visitor = house.enter("lab").await;
    visitor.type_text("host", "kill -KILL $$\r").await;
    let ended = visitor.until_notified("terminal/exited").await;
    let status = &ended["status"];
    assert_eq!(
        (&status["state"], &status["code"]),
        (&json!("exited"), &json!(null))
    );
    assert!(
        status["signal"]
            .as_str()
            .is_some_and(|signal| !signal.is_empty())
    );
    let message = status["message"].as_str().unwrap();
    assert!(message.contains("signal"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn restart_ends_the_shell_and_starts_another() {
    let house = house("# Lab");
    let mut visitor = house.enter("lab").await;
    visitor
        .type_text("host", "kept=yes; echo old-$((1 + 1))\r")
        .await;
    visitor.until_text("host", "\rold-2").await;
    visitor
        .execute("katahost.restartTerminal", json!({"terminalId": "host"}))
        .await
        .unwrap();
    let number = visitor.number("host");
    visitor
        .until("another shell", |visitor| visitor.generation(number) == 2)
        .await;
    visitor
        .type_text("host", "echo new-$kept-$((1 + 1))\r")
        .await;
    visitor.until_text("host", "\rnew--2").await;
    assert!(visitor.text(number).contains("old-2"), "the past is kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_shell_is_reported_and_starts_once_it_is_there() {
    let temp = tempfile::tempdir().unwrap();
    let shell = temp.path().join("shell");
    let options = HouseOptions {
        shell: Some(shell.clone()),
        ..HouseOptions::default()
    };
    let house = House::with_files(&[("intro.md", "```\necho ran-$((1 + 1))\n```")], options);
    let mut visitor = house.enter("lab").await;
    let failed = visitor.until_notified("terminal/exited").await;
    assert_eq!(failed["status"]["state"], "failed");
    let text = |key: &str| failed["status"][key].as_str().unwrap().to_owned();
    assert!(
        text("message").contains(shell.to_str().unwrap()),
        "{failed}"
    );
    assert!(text("hint").contains("--shell"), "{failed}");
    symlink("/bin/bash", &shell).unwrap();
    visitor.run_block("intro", 0).await.unwrap();
    let id = visitor.lab.terminals[0].id.clone();
    visitor.until_text(&id, "\rran-2").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn shell_that_ends_at_once_is_not_started_again_and_again() {
    let options = HouseOptions {
        shell: Some("/bin/true".into()),
        ..HouseOptions::default()
    };
    let house = House::with_files(&[("intro.md", "```\ndate\n```")], options);
    let mut visitor = house.enter("lab").await;
    let ended = visitor.until_notified("terminal/exited").await;
    assert_eq!(
        (&ended["status"]["code"], &ended["generation"]),
        (&json!(0), &json!(1))
    );
    visitor.run_block("intro", 0).await.unwrap();
    let ended = visitor.until_notified("terminal/exited").await;
    assert_eq!(ended["generation"], 2);
    let told = visitor.until_notified("window/showMessage").await;
    assert!(
        told["message"]
            .as_str()
            .unwrap()
            .contains("before everything was typed")
    );
    visitor
        .until("no run that waits", |visitor| {
            let mut told = visitor.notifications.iter();
            let last = told.rfind(|(name, _)| name == "block/state");
            last.is_some_and(|(_, state)| state["waiting"] == 0)
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stalled_client_does_not_slow_the_others() {
    let house = house("# Lab");
    let _stalled = Wire::enter(&house.socket("lab"), "client-1").await;
    let mut visitor = house.enter("lab").await;
    visitor.type_text("api", "yes katahost\r").await;
    let api = visitor.number("api");
    // More than the stalled client's window, so that it stands still by now.
    visitor
        .until("a flood", |visitor| {
            visitor.offsets.get(&api) > Some(&3_000_000)
        })
        .await;
    for round in 0..5 {
        let began = Instant::now();
        visitor
            .type_text("host", &format!("echo round-{round}-$((1 + 1))\r"))
            .await;
        let echo = format!("\rround-{round}-2");
        let number = visitor.number("host");
        // Only the end of the flood is kept, as a terminal does.
        while !visitor.text(number).contains(&echo) {
            assert_eq!(visitor.step().await, None);
            visitor.output.remove(&api);
        }
        let took = began.elapsed();
        assert!(took < Duration::from_secs(2), "an echo took {took:?}");
    }
    visitor.type_text("api", "\x03").await;
}

/// Follows a terminal until `text` comes, without keeping all it wrote; returns the offset. Each
/// step checks that offsets follow one another, or start again at a snapshot.
async fn follow(visitor: &mut Visitor, number: u16, text: &str) -> u64 {
    while !visitor.text(number).contains(text) {
        assert_eq!(visitor.step().await, None);
        if let Some(output) = visitor.output.get_mut(&number) {
            output.drain(..output.len().saturating_sub(256));
        }
    }
    visitor.offsets[&number]
}

/// How much is written at once in the test of floods.
const FLOOD_BYTES: u64 = 100_000_000;

#[tokio::test(flavor = "multi_thread")]
async fn flood_reaches_two_clients_whole() {
    let house = house("# Lab");
    let mut first = house.enter("lab").await;
    let mut second = house.enter("lab").await;
    let text =
        format!("head -c {FLOOD_BYTES} /dev/zero | tr '\\0' x; echo; echo done-$((1 + 1))\r");
    first.type_text("host", &text).await;
    let number = first.number("host");
    let end = "done-2";
    let both = async {
        tokio::join!(
            follow(&mut first, number, end),
            follow(&mut second, number, end)
        )
    };
    let (one, other) = tokio::time::timeout(Duration::from_secs(60), both)
        .await
        .expect("the flood ends");
    assert!(one >= FLOOD_BYTES && other >= FLOOD_BYTES, "{one}, {other}");
}

#[tokio::test(flavor = "multi_thread")]
async fn client_that_missed_more_than_is_kept_starts_from_a_snapshot() {
    let house = house("# Lab");
    let mut visitor = house.enter("lab").await;
    visitor.type_text("host", "echo before-$((1 + 1))\r").await;
    visitor.until_text("host", "\rbefore-2").await;
    let (resume, id) = (visitor.resume(), visitor.id.clone());
    drop(visitor);
    let mut other = house.enter("lab").await;
    let text = "head -c 10000000 /dev/zero | tr '\\0' x; echo; echo missed-$((1 + 1))\r";
    other.type_text("host", text).await;
    let number = other.number("host");
    follow(&mut other, number, "missed-2").await;
    let address = house.socket("lab");
    let mut again = Visitor::connect_as(&address, &id, Some(resume), None)
        .await
        .unwrap();
    again.offsets.clear();
    follow(&mut again, number, "missed-2").await;
    other.type_text("host", "echo after-$((1 + 1))\r").await;
    follow(&mut again, number, "\rafter-2").await;
    assert!(again.offsets[&number] >= 10_000_000);
    let of_host = again.snapshots;
    assert!(
        (1..=2).contains(&of_host),
        "one for each terminal: {of_host}"
    );
}

/// A client that asks for previews.
async fn previewing(house: &House) -> Client {
    let mut client = Client::connect(&house.socket("lab")).await.unwrap();
    let params = InitializeParams {
        protocol_version: VERSION,
        client_id: "one-that-previews".to_owned(),
        attach: true,
        preview: true,
        resume: None,
        view: None,
        step: None,
    };
    let _: LabState = client.request(method::INITIALIZE, params).await.unwrap();
    client
}

/// What a client that asks for previews is sent of a terminal, until the past is over: the kinds of
/// the frames, and the screens of preview and past.
async fn restored(house: &House, number: u16) -> (Vec<FrameKind>, Option<Screen>, Screen) {
    let mut client = previewing(house).await;
    let (mut kinds, mut preview, mut past) = (Vec::new(), None, None::<Screen>);
    loop {
        let incident = tokio::time::timeout(Duration::from_secs(30), client.next()).await;
        let Incident::Frame(header, payload) = incident.expect("more comes").unwrap() else {
            continue;
        };
        if header.terminal != number {
            continue;
        }
        kinds.push(header.kind);
        match header.kind {
            FrameKind::Preview | FrameKind::Snapshot => {
                let (cols, rows, dump) = decode_size(&payload).unwrap();
                let mut screen = Screen::new(cols, rows, 10_000);
                screen.feed(&dump);
                if header.kind == FrameKind::Preview {
                    client.acknowledge(number, header.offset).await.unwrap();
                    preview = Some(screen);
                    continue;
                }
                past = Some(screen);
            }
            FrameKind::Output => past.as_mut().unwrap().feed(&payload),
            FrameKind::Resize => {
                let (cols, rows, _) = decode_size(&payload).unwrap();
                past.as_mut().unwrap().resize(cols, rows);
            }
            FrameKind::Input => panic!("the server sent input"),
        }
        if !header.more && header.kind != FrameKind::Resize {
            return (kinds, preview, past.unwrap());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn preview_comes_before_a_long_past_and_shows_its_end() {
    let house = house("# Lab");
    let mut visitor = house.enter("lab").await;
    let number = visitor.number("host");
    visitor.type_text("host", "echo short-$((1 + 1))\r").await;
    follow(&mut visitor, number, "short-2").await;
    let (kinds, preview, _) = Box::pin(restored(&house, number)).await;
    assert_eq!(kinds[0], FrameKind::Snapshot);
    assert!(preview.is_none(), "a short past needs no preview");

    // Part of it is in the journal, and more than that in the emulator.
    let text = "seq 400000; printf '\\033[31mred'; echo -n end-$((1 + 1))\r";
    visitor.type_text("host", text).await;
    follow(&mut visitor, number, "end-2").await;
    // The second one is sent what was drawn for the first.
    for _ in 0..2 {
        let (kinds, preview, past) = Box::pin(restored(&house, number)).await;
        assert_eq!(kinds[..2], [FrameKind::Preview, FrameKind::Snapshot]);
        let preview = preview.unwrap();
        assert!(preview.text().contains("end-2"), "{}", preview.text());
        assert_eq!(preview.text(), past.text());
        assert_eq!(preview.cursor(), past.cursor());
        assert_eq!(preview.size(), past.size());
        assert!(preview.lines().len() < past.lines().len() / 100);
    }
    visitor.type_text("host", "echo later-$((1 + 1))\r").await;
    follow(&mut visitor, number, "later-2").await;
    // One that was drawn a moment ago may come again, but not for long.
    loop {
        let (_, preview, _) = Box::pin(restored(&house, number)).await;
        if preview.unwrap().text().contains("later-2") {
            break;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn closed_house_leaves_no_process_behind() {
    let house = house("# Lab");
    let mut visitor = house.enter("lab").await;
    let text = "sleep 1000 & (trap '' HUP TERM INT; exec sleep 1002) & echo $! $$ $(jobs -p) > a; \
        mv a pids; bash -c 'echo $$ > a; mv a pid; exec sleep 1001'\r";
    visitor.type_text("host", text).await;
    let pids = house.written("pids").await + &house.written("pid").await;
    let pids: Vec<&str> = pids.split_whitespace().collect();
    assert!(pids.len() >= 4, "{pids:?}");
    assert!(pids.iter().all(|pid| is_running(pid)));
    house.close().await;
    for pid in pids {
        eventually("the processes are gone", || !is_running(pid)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn questions_are_answered_while_nobody_watches() {
    let house = house("# Lab");
    let mut visitor = house.enter("lab").await;
    let text = "echo ready-$((1 + 1)); until [ -e go ]; do sleep 0.02; done; \
        printf '\\033[c'; IFS= read -rsd c attributes; \
        printf '\\033[3;9H\\033[6n'; IFS= read -rsd R cursor; read -t 0.3 -rn 1 more; \
        printf '%q|%q|%q\\n' \"$attributes\" \"$cursor\" \"$more\" > a; mv a answers\r";
    visitor.type_text("host", text).await;
    visitor.until_text("host", "ready-2").await;
    drop(visitor);
    // One that watches no terminal sees when the other has left.
    let mut counter = Client::connect(&house.socket("lab")).await.unwrap();
    let mut clients = counter
        .initialize("client-1", false, None, None)
        .await
        .unwrap()
        .clients
        .clients;
    while clients > 1 {
        if let katahost::client::Incident::Notification { method, params } =
            counter.next().await.unwrap()
            && method == "lab/clients"
        {
            clients = serde_json::from_value(params["clients"].clone()).unwrap();
        }
    }
    house.write("go", "");
    assert_eq!(
        house.written("answers").await,
        "$'\\E[?1;2'|$'\\E[3;9'|''\n"
    );
}
