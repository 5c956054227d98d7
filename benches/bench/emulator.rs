//! The emulator that folds what the journal no longer holds: how fast it reads, and how long a
//! checkpoint takes to write.

use std::time::Instant;

use katahost::terminal::screen::Screen;

use crate::{Bench, Fault, machine::number};

/// How much of each text is read.
const BYTES: usize = 16 * 1024 * 1024;

/// As the server keeps (`terminal::history`).
const SCROLLBACK_LINES: usize = 10_000;

pub(crate) fn measure(bench: &mut Bench) -> Result<(), Fault> {
    let texts = [
        ("log", log(&bench.fixture.log())?),
        ("seq", repeat(|line| format!("{line}\r\n"))),
        ("coloured", repeat(coloured)),
        ("unicode", repeat(unicode)),
    ];
    for round in 0..bench.rounds {
        bench.say_round(round, "emulator");
        for (name, text) in &texts {
            let mut screen = Screen::new(80, 24, SCROLLBACK_LINES);
            let began = Instant::now();
            for piece in text.chunks(64 * 1024) {
                screen.feed(piece);
            }
            let rate = number(text.len() as u64) / 1e6 / began.elapsed().as_secs_f64();
            let began = Instant::now();
            let dump = screen.dump();
            let took = began.elapsed().as_secs_f64() * 1e3;
            let figures = &mut bench.figures;
            figures.add(&format!("emulator/{name}, MB/s"), "katahost", rate);
            figures.add(&format!("emulator/{name}, dump ms"), "katahost", took);
            let length = number(dump.len() as u64) / 1e6;
            figures.add(&format!("emulator/{name}, dump MB"), "katahost", length);
        }
    }
    Ok(())
}

/// The log, as a terminal driver sends it on.
fn log(path: &std::path::Path) -> Result<Vec<u8>, Fault> {
    let mut text = Vec::with_capacity(BYTES * 2);
    for line in std::fs::read(path)?.split_inclusive(|byte| *byte == b'\n') {
        text.extend_from_slice(line.strip_suffix(b"\n").unwrap_or(line));
        text.extend_from_slice(b"\r\n");
        if text.len() > BYTES {
            break;
        }
    }
    Ok(text)
}

fn repeat(line: impl Fn(usize) -> String) -> Vec<u8> {
    let mut text = Vec::with_capacity(BYTES * 2);
    for number in 0.. {
        if text.len() > BYTES {
            break;
        }
        text.extend_from_slice(line(number).as_bytes());
    }
    text
}

/// A colour for each word, as listings and builds have it.
fn coloured(line: usize) -> String {
    let words = (0..8).map(|word| {
        let (colour, bold) = ((line * 7 + word * 13) % 256, word % 2);
        format!("\x1b[{bold};38;5;{colour}mword{word}\x1b[0m ")
    });
    words.collect::<String>() + "\r\n"
}

/// Latin, Greek, Chinese and pictures, half of it wide.
fn unicode(line: usize) -> String {
    format!("{line} Grüße αβγδ 你好世界 e\u{301}tat 🚀✨ ─│┌┐ тест {line}\r\n")
}
