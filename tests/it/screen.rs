//! A screen's dump restores in xterm.js what the stream before it would have built.

#![expect(
    clippy::unwrap_used,
    reason = "a helper of a test fails like the test itself"
)]

mod made;
mod recorded;
mod stream;

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use katahost::terminal::screen::Screen;
use serde_json::{Value, json};

use stream::{Random, Stream};

/// Lines of scrollback on both sides of the comparison.
const SCROLLBACK_LINES: usize = 5000;
/// The random numbers that choose the cuts start here, so that a failure comes again.
const SEED: u64 = 0x5eed_cafe;

/// Shares of cases that have to be equal, in per mille, as reached with all programs present.
const EXACT_PER_MILLE: u64 = 990;
const COMPLETE_PER_MILLE: u64 = 980;

/// Lines above the screen that a preview has here.
const PREVIEW_LINES: usize = 24;

/// What is dumped at each cut of each stream, and how much of it is compared.
struct Comparison {
    name: &'static str,
    /// The offset that is dumped, of a cut.
    dumped: fn(usize) -> usize,
    /// Dumps a stream at that offset, for what follows up to the cut.
    dump: fn(&Stream, usize, usize, &mut Random) -> Vec<u8>,
    /// How many lines of the scrollback count; where that is not all, nothing after the cut does.
    newest: Option<usize>,
}

#[test]
fn dump_restores_screen_in_xterm() {
    check_in_xterm(&Comparison {
        name: "all",
        dumped: |cut| cut,
        dump: |stream, dumped, _, random| played(stream, dumped, random).dump(),
        newest: None,
    });
}

/// As the server sends it to a client that has lost its place: a dump of what was folded, for what
/// comes behind it, and then the last quarter as it was.
#[test]
fn dump_and_raw_rest_restore_screen_in_xterm() {
    check_in_xterm(&Comparison {
        name: "quarter",
        dumped: |cut| cut - cut / 4,
        dump: |stream, dumped, cut, random| {
            let mut screen = Screen::new(stream.cols, stream.rows, SCROLLBACK_LINES);
            stream.fold(dumped, random, &mut screen);
            match stream.between(dumped, cut, random) {
                Some(rest) => screen.dump_before(&rest),
                None => screen.dump(),
            }
        },
        newest: None,
    });
}

/// As a page shows it that has yet to read the past.
#[test]
fn preview_shows_screen_in_xterm() {
    check_in_xterm(&Comparison {
        name: "preview",
        dumped: |cut| cut,
        dump: |stream, dumped, _, random| played(stream, dumped, random).preview(PREVIEW_LINES),
        newest: Some(PREVIEW_LINES),
    });
}

fn played(stream: &Stream, offset: usize, random: &mut Random) -> Screen {
    let mut screen = Screen::new(stream.cols, stream.rows, SCROLLBACK_LINES);
    stream.play(offset, random, &mut screen);
    screen
}

fn check_in_xterm(comparison: &Comparison) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    check_tools(root);
    let mut streams = made::streams();
    streams.extend(recorded::streams());
    let report = compare(root, comparison.name, &input(&streams, comparison));
    tell(&summary(&report));
    assert_eq!(
        report["total"]["answers"], 0,
        "a dump asked the terminal something"
    );
    assert_eq!(
        report["total"]["atCut"]["wrong"],
        0,
        "text differs at a cut: {}",
        failures(&report)
    );
    let whens = ["atCut", "atEnd"];
    for when in &whens[..if comparison.newest.is_none() { 2 } else { 1 }] {
        let total = &report["total"][when];
        for (kind, least) in [("exact", EXACT_PER_MILLE), ("complete", COMPLETE_PER_MILLE)] {
            let share = number(&total[kind]) * 1000 / number(&total["cases"]);
            assert!(
                share >= least,
                "{kind} {when}: {share} ‰ of {least} ‰: {}",
                failures(&report)
            );
        }
    }
}

#[test]
fn any_bytes_are_survived() {
    let mut random = Random::new(SEED);
    for _ in 0..300 {
        let (cols, rows) = (random.number(40), random.number(12));
        let mut screen = Screen::new(cols, rows, random.below(30));
        for _ in 0..20 {
            screen.feed(&stream::noise(&mut random, 200));
            if random.below(4) == 0 {
                screen.resize(random.number(60), random.number(16));
            }
            let (cols, rows) = screen.size();
            let mut copy = Screen::new(cols, rows, 30);
            copy.feed(&screen.dump());
            assert_eq!(
                trimmed(&copy),
                trimmed(&screen),
                "{:?}",
                String::from_utf8_lossy(&screen.dump())
            );
            assert_eq!(copy.cursor(), screen.cursor());
        }
    }
}

#[test]
fn screen_can_move_to_another_thread() {
    fn check<T: Send>(_: T) {}
    check(Screen::new(80, 24, 0));
}

#[test]
fn size_is_clamped() {
    assert_eq!(Screen::new(0, 0, 0).size(), (2, 1));
    assert_eq!(Screen::new(u16::MAX, u16::MAX, 0).size(), (1000, 1000));
}

#[test]
fn cursor_is_counted_from_margin_in_origin_mode() {
    let mut screen = Screen::new(80, 24, 0);
    screen.feed(b"\x1b[5;10r\x1b[?6h\x1b[2;3H");
    assert_eq!(screen.cursor(), (2, 3));
    screen.feed(b"\x1b[?6l\x1b[7;80Hx");
    assert_eq!(screen.cursor(), (7, 80));
}

#[test]
fn text_is_visible_screen() {
    let mut screen = Screen::new(10, 2, 5);
    screen.feed("one\r\ntwo\r\n漢e\u{301}".as_bytes());
    assert_eq!(screen.text(), "two\n漢e\u{301}\n");
}

#[test]
fn unfinished_sequence_ends_dump() {
    for cut in [
        "\x1b",
        "\x1b[3",
        "\x1b]0;titl",
        "\x1bP+q",
        "\x1b(",
        "\x1b[?1;",
    ] {
        let mut screen = Screen::new(80, 24, 0);
        screen.feed(b"text\x1b[31m");
        screen.feed(cut.as_bytes());
        assert!(screen.dump().ends_with(cut.as_bytes()), "{cut:?}");
    }
    let mut screen = Screen::new(80, 24, 0);
    screen.feed(b"\xe6\xbc");
    assert!(screen.dump().ends_with(b"\xe6\xbc"));
}

/// The text on screen, where a dump may have turned empty cells at the end of a line into spaces,
/// and loses accents on accents that follow no letter.
fn trimmed(screen: &Screen) -> Vec<String> {
    let text = screen.text().replace('\u{301}', "");
    text.lines()
        .map(|line| line.trim_end_matches(' ').to_owned())
        .collect()
}

/// Without them nothing would be compared, and a test that compares nothing must not pass.
fn check_tools(root: &Path) {
    let node = Command::new("node").arg("--version").output();
    assert!(
        node.is_ok_and(|output| output.status.success()),
        "there is no `node`"
    );
    for package in ["@xterm/headless", "@xterm/addon-unicode11"] {
        assert!(
            root.join("web/node_modules").join(package).is_dir(),
            "`{package}` is not in web/node_modules; `make setup` installs it"
        );
    }
}

fn input(streams: &[Stream], comparison: &Comparison) -> Value {
    let mut random = Random::new(SEED);
    let streams: Vec<Value> = streams
        .iter()
        .map(|stream| with_cases(stream, comparison, &mut random))
        .collect();
    json!({ "scrollback": SCROLLBACK_LINES, "newest": comparison.newest, "streams": streams })
}

fn with_cases(stream: &Stream, comparison: &Comparison, random: &mut Random) -> Value {
    let cases: Vec<Value> = stream
        .cuts(random)
        .into_iter()
        .map(|cut| {
            let dumped = (comparison.dumped)(cut);
            let dump = (comparison.dump)(stream, dumped, cut, random);
            json!({ "cut": cut, "dumped": dumped, "dump": latin1(&dump) })
        })
        .collect();
    let resizes: Vec<Value> = stream
        .resizes
        .iter()
        .map(|resize| json!({ "at": resize.at, "cols": resize.cols, "rows": resize.rows }))
        .collect();
    json!({
        "name": stream.name, "cols": stream.cols, "rows": stream.rows,
        "bytes": latin1(&stream.bytes), "resizes": resizes, "cases": cases,
    })
}

/// JSON has no bytes; every byte becomes the character of that number.
fn latin1(bytes: &[u8]) -> String {
    bytes.iter().map(|&byte| char::from(byte)).collect()
}

fn compare(root: &Path, name: &str, input: &Value) -> Value {
    let mut node = Command::new("node")
        .arg(root.join("tests/screen/compare.mjs"))
        .arg(root.join("web"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = node.stdin.take().unwrap();
    let text = input.to_string();
    let writer = std::thread::spawn(move || stdin.write_all(text.as_bytes()));
    let output = node.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(output.status.success(), "compare.mjs failed");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let kept = root.join(format!("target/screen-report-{name}.json"));
    std::fs::write(kept, report.to_string()).unwrap();
    report
}

fn summary(report: &Value) -> String {
    let line = |name: &str, counts: &Value| {
        let of = |when: &str, kind: &str| number(&counts[when][kind]);
        format!(
            "{name:<16} {:>4} cases; exact {:>4} {:>4}; complete {:>4} {:>4}; text cells wrong {}\n",
            of("atCut", "cases"),
            of("atCut", "exact"),
            of("atEnd", "exact"),
            of("atCut", "complete"),
            of("atEnd", "complete"),
            of("atCut", "wrong"),
        )
    };
    let streams = report["streams"].as_array().unwrap();
    let mut text: String = streams
        .iter()
        .map(|stream| line(stream["name"].as_str().unwrap(), stream))
        .collect();
    text.push_str(&line("total", &report["total"]));
    let total = &report["total"];
    text + &format!("{}\n{}", total["atCut"], total["atEnd"])
}

fn failures(report: &Value) -> String {
    let failures = report["failures"].as_array().unwrap();
    failures
        .iter()
        .take(5)
        .map(Value::to_string)
        .collect::<Vec<_>>()
        .join("\n")
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap()
}

fn tell(text: &str) {
    // Unlike `eprintln!`, this is seen when the test passes as well.
    std::io::stderr()
        .write_all(format!("{text}\n").as_bytes())
        .unwrap();
}
