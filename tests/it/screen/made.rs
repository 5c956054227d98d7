//! Streams made by hand, for what programs at hand do not do.

use std::fmt::Write as _;

use super::stream::{Random, Resize, Stream};

pub(super) fn streams() -> Vec<Stream> {
    vec![
        colours(),
        unicode(),
        links(),
        modes(),
        margins(),
        charsets(),
        alternate_screens(),
        saved_cursors(),
        tabs(),
        edits(),
        wraps(),
        progress(),
        log(),
        flood(),
        resized(),
        resized_alternate(),
        random_sequences(),
    ]
}

fn colours() -> Stream {
    let mut text = String::new();
    for code in (0..10)
        .chain(21..30)
        .chain(30..50)
        .chain([53, 55, 90, 97, 100, 107])
    {
        write!(
            text,
            "\x1b[{code}mSGR {code}\x1b[0m \x1b[1;{code}mbold\x1b[m\r\n"
        )
        .unwrap();
    }
    for kind in 0..6 {
        write!(
            text,
            "\x1b[4:{kind};58;2;9;8;7mkind {kind}\x1b[59m plain\x1b[24m\r\n"
        )
        .unwrap();
    }
    for index in 0..256 {
        write!(text, "\x1b[38;5;{index};48;5;{}m{index} ", 255 - index).unwrap();
    }
    for step in 0..100 {
        write!(text, "\x1b[38;2;{step};99;0m\x1b[48:2::0:{step}:255m#").unwrap();
    }
    text.push_str("\x1b[m\r\n\x1b[44m\x1b[Kblue to the end\r\n\x1b[2Jcleared in blue\x1b[5;7;9mX");
    Stream::new("colours", text)
}

fn unicode() -> Stream {
    let mut text = String::new();
    for line in 0..40 {
        write!(
            text,
            "{line} 漢字かな한글 e\u{301}a\u{308}\u{323} 👍🏽 👩‍👩‍👧 ✂️ ｆｕｌｌ ½ −→⇒ 🥲🫠 "
        )
        .unwrap();
        text.push_str(&"🙂".repeat(line));
        text.push_str("\r\n");
    }
    text.push_str(
        "\x1b[1;80H漢\x1b[2;79H漢字\x1b[3;5H漢\x1b[3;6Hx\x1b[4;4H\u{301}\x1b[4;9Hq\x1b[m\u{301}",
    );
    text.push_str("\u{feff}\u{200b}z\u{200d}\r\nend");
    let mut bytes = text.into_bytes();
    bytes.extend(b"bad \xff\xc3(\xe2\x82 \xf0\x9f\x98\x80 \xed\xa0\x80 good\r\n");
    Stream::new("unicode", bytes)
}

fn links() -> Stream {
    let mut text = String::new();
    for line in 0..30 {
        write!(
            text,
            "\x1b]8;id=n{line};https://example.org/{line}?a;b\x1b\\link {line}\x1b]8;;\x1b\\ "
        )
        .unwrap();
        write!(
            text,
            "\x1b]8;;http://plain/{line}\x07\x1b[4mno id\x1b[m\x1b]8;;\x07\r\n"
        )
        .unwrap();
        write!(
            text,
            "\x1b]0;title {line} – ü;;\x07\x1b]2;window {line}\x1b\\"
        )
        .unwrap();
    }
    text.push_str("\x1b]8;;http://open\x1b\\still open over\r\ntwo lines");
    Stream::new("links and titles", text)
}

fn modes() -> Stream {
    let mut text = String::new();
    for number in [
        1, 5, 7, 9, 12, 25, 45, 66, 1000, 1002, 1003, 1004, 1005, 1006, 1016, 2004, 2026,
    ] {
        for end in ['h', 'l', if number % 2 == 0 { 'h' } else { 'l' }] {
            write!(text, "\x1b[?{number}{end}mode {number}{end} ").unwrap();
        }
    }
    for style in 0..7 {
        write!(text, "\x1b[{style} q\x1b={style}\x1b>").unwrap();
    }
    text.push_str("\x1b[?7l\x1b[1;70Hno wrap beyond here\x1b[?7h\x1b[4h\x1b[1;3Hinserted\x1b[4l");
    text.push_str("\x1b[20hnew\nline\x1b[20l\nfeed\x1b[!psoft reset\x1bcfull reset\x1b=\x1b[?1h");
    Stream::new("modes", text)
}

fn margins() -> Stream {
    let mut text = String::new();
    for step in 0..12 {
        write!(text, "\x1b[{};{}r\x1b[{};5H", step + 1, step + 10, step + 8).unwrap();
        for line in 0..6 {
            write!(text, "region {step} line {line}\r\n\x1b[3{}m", line + 1).unwrap();
        }
        text.push_str("\x1bM\x1b[2L\x1b[M\x1b[2S\x1b[T\x1bD\x1bE\x1b[m");
    }
    text.push_str("\x1b[5;15r\x1b[?6h\x1b[1;1Horigin\x1b[99;99Hend\x1b[2A\x1b[Kup\x1b[?6l\x1b[r");
    for line in 0..60 {
        write!(
            text,
            "\x1b[1;20r\x1b[20;1H\nstatus {line}\x1b[24;1H\x1b[7mbar {line}\x1b[m"
        )
        .unwrap();
    }
    Stream::new("margins", text)
}

fn charsets() -> Stream {
    let mut text = String::new();
    for line in 0..20 {
        write!(
            text,
            "\x1b(0lqqk{line}\x1b(B lqqk \x1b)0\x0emqqj\x0f plain \x1b(A#\x1b(B#\r\n"
        )
        .unwrap();
    }
    text.push_str("\x1b*0\x1bnxx\x1b+A\x1bo##\x0f\x1b%G\x1b(0\x1b[4mtqqu\x1b7\x1b(Bqq\x1b8qq");
    Stream::new("charsets", text)
}

fn alternate_screens() -> Stream {
    let mut text = String::new();
    for (round, number) in [47, 1047, 1049, 1049, 1047, 47].into_iter().enumerate() {
        write!(
            text,
            "main {round}\r\n\x1b[3{round}mcoloured\x1b[5;{}H",
            round * 9 + 1
        )
        .unwrap();
        write!(
            text,
            "\x1b[?{number}h\x1b[4{round}m\x1b[2J\x1b[Halternate {round}"
        )
        .unwrap();
        text.push_str("\x1b[3;20r\x1b[20;1H\n\n\nlines\x1b[m\x1b7\x1b[10;10Hmore\x1b8");
        write!(text, "\x1b[?{number}lback {round}\x1b[r\x1b[12;1H\r\n").unwrap();
    }
    text.push_str(
        "\x1b[?1048h\x1b[Hhome\x1b[?1048l\x1b[?1049hlast\x1b[?1049h\x1b[2J\x1b[1;1Htwice",
    );
    Stream::new("alternate screens", text)
}

fn saved_cursors() -> Stream {
    let mut text = String::new();
    for line in 0..30 {
        write!(
            text,
            "\x1b7\x1b[{};{}H\x1b[3{}mwritten {line}\x1b8",
            line % 20,
            line,
            line % 8
        )
        .unwrap();
        write!(text, "on \x1b[4;1m{line}\r\n\x1b[s\x1b[H\x1b[7mhome\x1b[u").unwrap();
    }
    text.push_str("\x1b[24;80Hx\x1b7\x1b[Hy\x1b8z");
    Stream::new("saved cursors", text)
}

fn tabs() -> Stream {
    let mut text = String::from("a\tb\tc\r\n\x1b[3g\x1b[5G\x1bH\x1b[13G\x1bH\x1b[40G\x1bH\r");
    for line in 0..20 {
        write!(text, "{line}\tone\ttwo\tthree\x1b[Zback\x1b[2Iforth\r\n").unwrap();
    }
    text.push_str("\x1b[13G\x1b[g\ra\tb\tc\t\td\te");
    Stream::new("tabs", text)
}

fn edits() -> Stream {
    let mut text = String::new();
    for line in 0..24 {
        write!(
            text,
            "\x1b[{};1Hline {line} 漢字 0123456789 漢字 abcdefghij",
            line + 1
        )
        .unwrap();
    }
    for line in 1..24 {
        write!(text, "\x1b[{line};{}H\x1b[4{}m", line + 5, line % 8).unwrap();
        let edit = ["2P", "3@", "4X", "K", "1K", "2K", "L", "M", "3b", "J", "1J"][line % 11];
        write!(text, "\x1b[{edit}x\x1b[m漢\x1b[2b").unwrap();
    }
    text.push_str("\x1b[10;10H\x1b['}\x1b[2'~\x1b[ @\x1b[2 A\x1b#8\x1b[5;5H\x1b[J\x1b[3J");
    Stream::new("edits", text)
}

fn wraps() -> Stream {
    let mut text = String::new();
    for line in 0..40 {
        text.push_str(&format!("word{line} ").repeat(line));
        text.push_str("\x1b[m\r\n");
        write!(text, "{}\x1b[{}m", "x".repeat(78 + line % 5), 30 + line % 8).unwrap();
        text.push_str("漢\x1b[1;4m字\x1b[m\x08\x08y\r\n");
    }
    text.push_str(&"full line then cursor movement ".repeat(8));
    text.push_str("\x1b[A\x1b[2K\x1b[B\rz\x1b[79G漢\x1b[mé\x1b[80Ge\u{301}\u{302}");
    Stream::new("wraps", text)
}

fn progress() -> Stream {
    let mut text = String::new();
    for percent in 0..=100 {
        let bar = "█".repeat(percent / 2);
        write!(
            text,
            "\r\x1b[K\x1b[32m{bar:░<50}\x1b[m {percent:>3} % \x1b[?25l"
        )
        .unwrap();
    }
    for step in 0..40 {
        for task in 0..5 {
            write!(text, "\x1b[2K\x1b[1mtask {task}\x1b[22m step {step}\r\n").unwrap();
        }
        text.push_str("\x1b[5A");
    }
    Stream::new("progress", text + "\x1b[5B\x1b[?25hdone\r\n")
}

fn log() -> Stream {
    let mut text = String::new();
    for line in 0..5000 {
        write!(
            text,
            "\x1b[2m12:00:{:02}\x1b[m \x1b[3{}m",
            line % 60,
            1 + line % 6
        )
        .unwrap();
        write!(
            text,
            "INFO\x1b[39m compiling crate-{line} v1.{} ",
            line % 40
        )
        .unwrap();
        text.push_str(&"with features ".repeat(line % 9));
        text.push_str("\r\n");
    }
    Stream::new("log", text)
}

/// Longer than any scrollback, and mostly lines that leave no trace.
fn flood() -> Stream {
    let mut text =
        "\x1b]0;flood\x07\x1b[3;33;44m\x1b[5;9H\x1b7\x1b[?2004h\x1b(0before\x1b(B\r\n".to_owned();
    for line in 0..50_000 {
        write!(text, "{line}\r\n").unwrap();
        if line % 16_000 == 15_999 {
            text.push_str("\x1b[1;35mnow \x1b[4mthen\x1b[24m");
        }
    }
    Stream::new("flood", text)
}

fn resized() -> Stream {
    let mut random = Random::new(7);
    let mut stream = Stream::new("resized", "");
    for round in 0..30 {
        for line in 0..random.below(12) {
            let text =
                format!("round {round} line {line} ") + &"and 漢字 on ".repeat(random.below(14));
            stream.bytes.extend(text.bytes());
            stream.bytes.extend(b"\r\n");
        }
        stream
            .bytes
            .extend(format!("\x1b[1m$\x1b[m prompt {round} ").bytes());
        let cols = 20 + random.number(100);
        let rows = 5 + random.number(40);
        stream.resizes.push(Resize {
            at: stream.bytes.len(),
            cols,
            rows,
        });
        stream
            .bytes
            .extend(format!("\r\x1b[K$ prompt {round} again\r\n").bytes());
        if round % 7 == 6 {
            stream.bytes.extend(b"\x1b[H\x1b[2J");
        }
    }
    stream
}

fn resized_alternate() -> Stream {
    let mut random = Random::new(11);
    let mut stream = Stream::new("resized alternate", "");
    for round in 0..20 {
        for line in 0..random.below(20) {
            let text =
                format!("main {round} {line} ") + &"words that wrap ".repeat(random.below(9));
            stream.bytes.extend(text.bytes());
            stream.bytes.extend(b"\r\n");
        }
        stream
            .bytes
            .extend(b"\x1b[?1049h\x1b[H\x1b[2Jfull screen\x1b[5;1Hprogram");
        for step in 0..3 {
            let cols = 30 + random.number(80);
            let rows = 6 + random.number(30);
            stream.resizes.push(Resize {
                at: stream.bytes.len(),
                cols,
                rows,
            });
            stream
                .bytes
                .extend(format!("\x1b[H\x1b[2Jdrawn again {step}").bytes());
        }
        stream.bytes.extend(b"\x1b[?1049lback\r\n");
    }
    stream
}

/// Sequences that mean something, in an order that means nothing.
fn random_sequences() -> Stream {
    let mut random = Random::new(3);
    let mut text = String::new();
    for step in 0..1500 {
        let (a, b) = (random.below(30), random.below(90));
        match random.below(12) {
            0 => write!(text, "\x1b[{a};{b}H"),
            1 => write!(
                text,
                "\x1b[{}m",
                [0, 1, 2, 3, 4, 7, 9, 21, 31, 42, 53, 95][a % 12]
            ),
            2 => write!(text, "\x1b[{}{}", a % 4, ['J', 'K'][b % 2]),
            3 => write!(
                text,
                "\x1b[{a}{}",
                ['@', 'P', 'X', 'L', 'M', 'S', 'T', 'b'][b % 8]
            ),
            4 => write!(
                text,
                "\x1b[{a}{}",
                ['A', 'B', 'C', 'D', 'E', 'F', 'G', 'd'][b % 8]
            ),
            5 => write!(text, "\x1b{}", ['7', '8', 'M', 'D', 'E', 'H'][b % 6]),
            6 => write!(text, "\x1b[{};{}r", a % 10, a % 10 + 8),
            7 => write!(
                text,
                "\x1b[?{}{}",
                [6, 7, 25, 1, 1049, 45][a % 6],
                ['h', 'l'][b % 2]
            ),
            8 => write!(text, "\x1b[4{}", ['h', 'l', 'l'][b % 3]),
            9 => write!(text, "漢字e\u{301}"),
            10 => write!(text, "\r\n\t\x08"),
            _ => write!(text, "text {step} "),
        }
        .unwrap();
    }
    Stream::new("random sequences", text)
}
