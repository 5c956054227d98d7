//! A terminal's recording as an asciicast, version 2: a header and events, each a line of JSON, as
//! asciinema's players read it.

use std::{
    io::{self, Write},
    time::Duration,
};

use serde_json::json;

use super::{Record, date::since_epoch, shortfall};
use crate::{
    lab::{
        event::TerminalView,
        history::{HistoryEvent, ShownStep},
    },
    terminal::{
        TerminalSize,
        recorder::{Stretch, TapeView},
    },
};

/// The longest pause that players show: nobody wants to see somebody think.
const IDLE_LIMIT_S: f64 = 3.0;

/// Writes the recording of `terminal`, with a marker where each step was shown.
pub(super) fn write(
    record: &Record,
    terminal: &TerminalView,
    view: Option<&TapeView>,
    out: &mut impl Write,
) -> io::Result<()> {
    let began = since_epoch(record.began);
    let (cols, rows) = view.map_or((80, 24), |view| (view.size.cols, view.size.rows));
    let header = json!({
        "version": 2,
        "width": cols,
        "height": rows,
        "timestamp": began.as_secs(),
        "idle_time_limit": IDLE_LIMIT_S,
        "title": format!("{}: {}", record.folder.title(), terminal.name),
        "env": {"TERM": "xterm-256color"},
    });
    writeln!(out, "{header}")?;
    let steps = record.history.events().filter_map(|event| match event {
        HistoryEvent::Step(shown) => Some((shown, offset_of(shown, terminal.number))),
        HistoryEvent::Run(_) | HistoryEvent::Check(_) => None,
    });
    let mut steps = steps.peekable();
    let mut events = Events {
        out,
        began,
        last: Duration::ZERO,
        decoder: Decoder::default(),
    };
    if let Some(view) = view {
        let mut records = view.records();
        while let Some(one) = records.read()? {
            let length = match &one.event {
                Stretch::Output(bytes) => bytes.len() as u64,
                Stretch::Resize(_) | Stretch::Gap(_) => 0,
            };
            let mut taken = 0;
            // What was recorded at once may have been written before and after a step was shown.
            while let Some((step, offset)) =
                steps.next_if(|(_, offset)| *offset < one.offset + length.max(1))
            {
                if let Stretch::Output(bytes) = &one.event {
                    let before = offset.saturating_sub(one.offset);
                    let before = usize::try_from(before).unwrap_or(usize::MAX).max(taken);
                    events.output(one.at, bytes.get(taken..before).unwrap_or_default())?;
                    taken = before;
                }
                events.step(step)?;
            }
            match one.event {
                Stretch::Output(bytes) => {
                    events.output(one.at, bytes.get(taken..).unwrap_or_default())?;
                }
                Stretch::Resize(size) => events.resize(one.at, size)?,
                Stretch::Gap(missing) => {
                    events.end_text(one.at)?;
                    events.marker(one.at, &format!("{missing} bytes were not recorded"))?;
                }
            }
        }
    }
    let end = events.began + events.last;
    events.end_text(end)?;
    if let Some(why) = shortfall(view) {
        events.marker(end, &why)?;
    }
    for (step, _) in steps {
        events.step(step)?;
    }
    Ok(())
}

/// How much a terminal had written when a step was shown.
fn offset_of(shown: &ShownStep, terminal: u16) -> u64 {
    let offset = shown.offsets.get(usize::from(terminal));
    offset.copied().unwrap_or_default()
}

/// The lines behind the header.
struct Events<'a, W> {
    out: &'a mut W,
    began: Duration,
    /// The time of the last event, since the lab began. A clock that is set back moves nothing.
    last: Duration,
    decoder: Decoder,
}

impl<W: Write> Events<'_, W> {
    fn step(&mut self, step: &ShownStep) -> io::Result<()> {
        self.marker(since_epoch(step.at), &step.title)
    }

    fn marker(&mut self, at: Duration, label: &str) -> io::Result<()> {
        self.event(at, "m", label)
    }

    fn resize(&mut self, at: Duration, size: TerminalSize) -> io::Result<()> {
        self.event(at, "r", &format!("{}x{}", size.cols, size.rows))
    }

    fn output(&mut self, at: Duration, bytes: &[u8]) -> io::Result<()> {
        let text = self.decoder.decode(bytes);
        self.text(at, &text)
    }

    /// Writes what is left of a character that never ended.
    fn end_text(&mut self, at: Duration) -> io::Result<()> {
        let text = self.decoder.end();
        self.text(at, text)
    }

    fn text(&mut self, at: Duration, text: &str) -> io::Result<()> {
        if text.is_empty() {
            return Ok(());
        }
        self.event(at, "o", text)
    }

    fn event(&mut self, at: Duration, kind: &str, data: &str) -> io::Result<()> {
        self.last = self.last.max(at.saturating_sub(self.began));
        let seconds = self.last.as_secs_f64();
        let data = serde_json::to_string(data)?;
        writeln!(self.out, "[{seconds:.6}, \"{kind}\", {data}]")
    }
}

/// Decodes UTF-8 that is cut anywhere; what is none becomes U+FFFD.
#[derive(Debug, Default)]
struct Decoder {
    /// The beginning of a character, at most three bytes.
    rest: Vec<u8>,
}

impl Decoder {
    /// Decodes all characters that are whole by now.
    fn decode(&mut self, bytes: &[u8]) -> String {
        let mut all = std::mem::take(&mut self.rest);
        all.extend_from_slice(bytes);
        let mut text = String::with_capacity(all.len());
        let mut rest = &all[..];
        loop {
            match std::str::from_utf8(rest) {
                Ok(valid) => {
                    text.push_str(valid);
                    return text;
                }
                Err(error) => {
                    let (valid, after) = rest.split_at(error.valid_up_to());
                    text.push_str(&String::from_utf8_lossy(valid));
                    let Some(bad) = error.error_len() else {
                        self.rest = after.to_vec();
                        return text;
                    };
                    text.push(char::REPLACEMENT_CHARACTER);
                    rest = after.get(bad..).unwrap_or_default();
                }
            }
        }
    }

    /// What stands for a character that never ended.
    fn end(&mut self) -> &'static str {
        if std::mem::take(&mut self.rest).is_empty() {
            ""
        } else {
            "\u{fffd}"
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn prop_text_is_decoded_the_same_however_it_is_cut(
            pieces in prop::collection::vec(
                prop_oneof![
                    3 => "[a-z漢🙂é\\x1b]{0,6}".prop_map(String::into_bytes),
                    1 => prop::collection::vec(any::<u8>(), 0..6),
                ],
                0..30,
            ),
            cut in 1usize..5,
        ) {
            let whole = pieces.concat();
            let mut decoder = Decoder::default();
            let mut text = String::new();
            for chunk in whole.chunks(cut) {
                text.push_str(&decoder.decode(chunk));
            }
            text.push_str(decoder.end());
            prop_assert_eq!(text, String::from_utf8_lossy(&whole));
        }
    }

    #[test]
    fn clock_that_is_set_back_moves_nothing() {
        let mut out = Vec::new();
        let mut events = Events {
            out: &mut out,
            began: Duration::from_secs(100),
            last: Duration::ZERO,
            decoder: Decoder::default(),
        };
        events
            .output(Duration::from_secs(103), b"a\xe6\xbc")
            .unwrap();
        events
            .output(Duration::from_secs(50), b"\xa2\"\x1b")
            .unwrap();
        events
            .marker(Duration::from_millis(104_500), "Two")
            .unwrap();
        let lines = String::from_utf8(out).unwrap();
        let expected = "[3.000000, \"o\", \"a\"]\n[3.000000, \"o\", \"漢\\\"\\u001b\"]\n\
                        [4.500000, \"m\", \"Two\"]\n";
        assert_eq!(lines, expected);
    }
}
