//! What one terminal writes on its way into a file of records, each with its time and its place in
//! the terminal's output.

use std::{
    collections::VecDeque,
    fs::File,
    io::{self, Write},
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use tokio::sync::Notify;

use super::{
    record::{GAP, HEAD_BYTES, OUTPUT, RESIZE, encode},
    view::TapeView,
};
use crate::terminal::{
    journal::{Cursor, Entry, Event, Lost, TerminalSize},
    output::{Listener, Output},
    pty::READ_BYTES,
};

/// How large a terminal's file may become. Who writes more than that in one lab reads files, and no
/// transcript needs them.
pub const MAX_TAPE_BYTES: u64 = 16 * 1024 * 1024;

/// How much of one terminal is taken before it is the next one's turn.
const TURN_BYTES: usize = 256 * 1024;

/// How many events are left to the terminal's journal, and how many times are remembered of them. A
/// journal holds twice as many at least.
const LEFT_EVENTS: usize = 1024;

/// The size of a terminal that was never given one.
const DEFAULT_SIZE: TerminalSize = TerminalSize { cols: 80, rows: 24 };

/// Why a terminal is recorded no longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stopped {
    /// It has written more than is kept.
    Full,
    /// The file could not be written.
    Failed,
}

/// What one terminal wrote, while it is recorded.
#[derive(Debug)]
pub(super) struct Tape {
    number: u16,
    output: Arc<Output>,
    /// Wakes the recorder, as long as there is something to record.
    listener: Option<Listener>,
    cursor: Cursor,
    /// When the terminal had written how far, of what was not taken yet.
    marks: VecDeque<TimeMark>,
    /// None before something was taken.
    file: Option<Arc<File>>,
    written: u64,
    /// The offset after the last byte that was taken.
    end: u64,
    /// The size before the first record.
    size: TerminalSize,
    stopped: Option<Stopped>,
}

/// How far a terminal had come at some moment.
#[derive(Debug, Clone, Copy)]
struct TimeMark {
    /// The offset after the last byte.
    offset: u64,
    /// How many events there had been.
    events: u64,
    /// Since 1970.
    at: Duration,
}

impl Tape {
    /// Begins the recording of a terminal that has written nothing yet.
    pub(super) fn new(number: u16, output: Arc<Output>, news: &Arc<Notify>) -> Self {
        Self {
            number,
            listener: Some(Listener::new(output.clone(), news.clone(), false)),
            cursor: output.first_cursor(),
            output,
            marks: VecDeque::new(),
            file: None,
            written: 0,
            end: 0,
            size: DEFAULT_SIZE,
            stopped: None,
        }
    }

    /// Notes how far the terminal has come by now. Returns how many bytes wait to be taken; more than
    /// there are, where they come in too many pieces.
    pub(super) fn note(&mut self) -> u64 {
        if self.stopped.is_some() {
            return 0;
        }
        let journal = self.output.journal();
        let (offset, events) = (journal.end(), journal.events_ever());
        drop(journal);
        let noted = |mark: &TimeMark| (mark.offset, mark.events) == (offset, events);
        if !self.marks.back().is_some_and(noted) {
            let at = now();
            self.marks.push_back(TimeMark { offset, events, at });
        }
        let pieces = events.saturating_sub(self.cursor.sequence());
        if pieces > LEFT_EVENTS as u64 || self.marks.len() > LEFT_EVENTS {
            return u64::MAX;
        }
        offset.saturating_sub(self.cursor.offset())
    }

    /// Takes what the terminal wrote, but not more than is one turn's. Returns whether there may be
    /// more.
    pub(super) fn drain(&mut self) -> bool {
        let mut room = TURN_BYTES;
        while self.stopped.is_none() && room > 0 {
            let mark = self.marks.front();
            let before = mark.map_or(u64::MAX, |mark| mark.offset);
            let before = before.saturating_sub(self.cursor.offset());
            let most = usize::try_from(before).unwrap_or(usize::MAX);
            let at = mark.map_or_else(now, |mark| mark.at);
            let most = most.min(room).min(READ_BYTES);
            let taken = match self.output.read(&mut self.cursor, most) {
                Ok(entries) if entries.is_empty() => {
                    if self.marks.pop_front().is_none() {
                        self.marks.shrink_to_fit();
                        return false;
                    }
                    continue;
                }
                Ok(entries) => self.take(at, &entries),
                Err(Lost) => self.skip(at),
            };
            match taken {
                Ok(bytes) => room = room.saturating_sub(bytes),
                Err(error) => {
                    tracing::warn!(terminal = self.number, %error, "recording failed");
                    self.stop(Stopped::Failed);
                }
            }
        }
        self.stopped.is_none()
    }

    /// The recording as it is now.
    pub(super) fn view(&self) -> TapeView {
        TapeView {
            file: self.file.clone(),
            bytes: self.written,
            end: self.end,
            size: self.size,
            stopped: self.stopped,
        }
    }

    /// Goes on where the terminal's journal begins now.
    fn skip(&mut self, at: Duration) -> io::Result<usize> {
        self.cursor = self.output.first_cursor();
        let missing = self.cursor.offset().saturating_sub(self.end);
        if missing > 0 {
            self.end = self.cursor.offset();
            self.write(GAP, at, self.end, &[&missing.to_be_bytes()])?;
        }
        Ok(0)
    }

    fn take(&mut self, at: Duration, entries: &[Entry]) -> io::Result<usize> {
        let mut pieces = Vec::with_capacity(entries.len());
        for entry in entries {
            match &entry.event {
                Event::Output(bytes) => pieces.push(&bytes[..]),
                Event::Resize(size) if self.file.is_none() => self.size = *size,
                Event::Resize(size) => {
                    // It may have come long after the output before it.
                    let noted = |mark: &&TimeMark| mark.events >= self.cursor.sequence();
                    let at = self
                        .marks
                        .iter()
                        .find(noted)
                        .map_or_else(now, |mark| mark.at);
                    let [a, b] = size.cols.to_be_bytes();
                    let [c, d] = size.rows.to_be_bytes();
                    self.write(RESIZE, at, entry.offset, &[&[a, b, c, d]])?;
                }
            }
        }
        let Some(first) = entries.first().filter(|_| !pieces.is_empty()) else {
            return Ok(0);
        };
        let length: usize = pieces.iter().map(|piece| piece.len()).sum();
        if !self.has_room(length) {
            self.stop(Stopped::Full);
            return Ok(0);
        }
        self.write(OUTPUT, at, first.offset, &pieces)?;
        self.end = first.offset + length as u64;
        Ok(length)
    }

    fn has_room(&self, length: usize) -> bool {
        self.written + (HEAD_BYTES + length) as u64 <= MAX_TAPE_BYTES
    }

    fn write(&mut self, kind: u8, at: Duration, offset: u64, pieces: &[&[u8]]) -> io::Result<()> {
        let length: usize = pieces.iter().map(|piece| piece.len()).sum();
        if !self.has_room(length) {
            self.stop(Stopped::Full);
            return Ok(());
        }
        let file = match &self.file {
            Some(file) => file.clone(),
            // It has no name, so that nobody else can open it, and it is gone with its last holder.
            None => self.file.insert(Arc::new(tempfile::tempfile()?)).clone(),
        };
        (&*file).write_all(&encode(kind, at, offset, pieces))?;
        self.written += (HEAD_BYTES + length) as u64;
        Ok(())
    }

    fn stop(&mut self, why: Stopped) {
        self.stopped = Some(why);
        self.listener = None;
        self.marks.clear();
    }
}

/// The time since 1970.
fn now() -> Duration {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::{super::record::Stretch, *};

    fn tape() -> Tape {
        Tape::new(0, Arc::new(Output::new()), &Arc::default())
    }

    fn write(tape: &Tape, bytes: &[u8]) {
        tape.output
            .push(Event::Output(Bytes::copy_from_slice(bytes)));
    }

    fn drain(tape: &mut Tape) {
        while tape.drain() {}
    }

    fn whole(view: &TapeView) -> Vec<u8> {
        let (mut records, mut bytes) = (view.records(), Vec::new());
        while let Some(record) = records.read().unwrap() {
            if let Stretch::Output(more) = record.event {
                assert_eq!(record.offset, bytes.len() as u64);
                bytes.extend(more);
            }
        }
        bytes
    }

    #[test]
    fn terminal_that_wrote_nothing_has_no_file() {
        let mut tape = tape();
        let size = TerminalSize { cols: 33, rows: 9 };
        tape.output.push(Event::Resize(size));
        drain(&mut tape);
        assert!(tape.file.is_none());
        assert_eq!(tape.view().size, size);
    }

    #[test]
    fn recording_stops_at_its_bound_and_is_woken_no_more() {
        let mut tape = tape();
        let line = vec![b'x'; READ_BYTES];
        for _ in 0..300 {
            write(&tape, &line);
            drain(&mut tape);
        }
        assert_eq!(tape.stopped, Some(Stopped::Full));
        assert!(tape.listener.is_none());
        assert!(tape.written <= MAX_TAPE_BYTES && tape.written > MAX_TAPE_BYTES * 9 / 10);
        assert_eq!(whole(&tape.view()).len() as u64, tape.end);
    }

    #[test]
    fn little_output_is_left_to_the_journal_and_keeps_its_times() {
        let mut tape = tape();
        let noted: Vec<Duration> = [&b"one"[..], b"two"]
            .into_iter()
            .map(|text| {
                write(&tape, text);
                assert!(tape.note() < 10);
                std::thread::sleep(Duration::from_millis(2));
                now()
            })
            .collect();
        assert!(tape.file.is_none());
        drain(&mut tape);
        let mut records = tape.view().records();
        let mut read = || records.read().unwrap().unwrap();
        let (one, two) = (read(), read());
        assert_eq!(one.event, Stretch::Output(b"one".to_vec()));
        assert_eq!(two.event, Stretch::Output(b"two".to_vec()));
        assert!(one.at < noted[0] && two.at > noted[0] && two.at < noted[1]);
        assert!(tape.marks.is_empty());
    }

    #[test]
    fn what_waits_is_counted() {
        let mut tape = tape();
        write(&tape, &vec![b'x'; 300_000]);
        assert_eq!(tape.note(), 300_000);
        drain(&mut tape);
        assert_eq!(tape.note(), 0);
        let asked = (0..LEFT_EVENTS * 2).find(|_| {
            write(&tape, b".");
            tape.note() == u64::MAX
        });
        assert!(asked.is_some_and(|asked| (LEFT_EVENTS - 2..=LEFT_EVENTS).contains(&asked)));
    }

    #[test]
    fn resize_keeps_its_time_between_two_outputs() {
        let mut tape = tape();
        let resize = |tape: &Tape, cols| {
            let size = TerminalSize { cols, rows: 9 };
            tape.output.push(Event::Resize(size));
        };
        let pause = |tape: &mut Tape| {
            tape.note();
            let noted = now();
            std::thread::sleep(Duration::from_millis(2));
            noted
        };
        write(&tape, b"one");
        let one = pause(&mut tape);
        resize(&tape, 50);
        let two = pause(&mut tape);
        write(&tape, b"two");
        let three = pause(&mut tape);
        resize(&tape, 60);
        let four = pause(&mut tape);
        drain(&mut tape);
        let mut records = tape.view().records();
        let mut at = || records.read().unwrap().unwrap().at;
        let times = [at(), at(), at(), at()];
        let bounds = [one, two, three, four];
        for (index, at) in times.into_iter().enumerate() {
            assert!(at <= bounds[index], "record {index} is too late");
            assert!(
                index == 0 || at > bounds[index - 1],
                "record {index} is too early"
            );
        }
    }

    #[test]
    fn tape_that_has_stopped_asks_for_nothing() {
        let mut tape = tape();
        tape.stop(Stopped::Full);
        write(&tape, &vec![b'x'; 300_000]);
        assert_eq!(tape.note(), 0);
    }

    #[test]
    fn recorder_that_is_too_slow_leaves_a_gap() {
        let mut tape = tape();
        write(&tape, b"begin ");
        drain(&mut tape);
        write(&tape, &[b'-'; 5_000]);
        write(&tape, &[b'+'; 5_000]);
        while tape.output.journal().len_events() > 1 {
            tape.output.journal().pop();
        }
        drain(&mut tape);
        let signs = tape.view().signs().unwrap();
        let mut seen = Vec::new();
        let note = |what: Stretch<&[u8]>| {
            seen.push(match what {
                Stretch::Output(bytes) => String::from_utf8_lossy(&bytes[..5]).into_owned(),
                Stretch::Resize(size) => format!("{}", size.cols),
                Stretch::Gap(missing) => format!("gap of {missing}"),
            });
        };
        signs.play(&(0..u64::MAX), note).unwrap();
        assert_eq!(seen, ["80", "begin", "gap of 5000", "+++++"]);
    }

    proptest! {
        #[test]
        fn prop_any_stretch_is_played_as_it_was_written(
            pieces in prop::collection::vec((0usize..9_000, 0u16..4), 1..60),
            from in 0u64..200_000,
            length in 0u64..200_000,
        ) {
            let mut tape = tape();
            let (mut truth, mut cols) = (Vec::new(), 80);
            let mut widths = Vec::new();
            for (number, (count, turn)) in pieces.into_iter().enumerate() {
                let bytes: Vec<u8> = (0..=255).cycle().skip(number).take(count).collect();
                write(&tape, &bytes);
                widths.extend(std::iter::repeat_n(cols, bytes.len()));
                truth.extend(bytes);
                if turn == 0 {
                    cols += 1;
                    tape.output.push(Event::Resize(TerminalSize { cols, rows: 5 }));
                }
                if turn < 3 {
                    drain(&mut tape);
                }
            }
            drain(&mut tape);
            let view = tape.view();
            prop_assert!(whole(&view) == truth, "bytes differ");
            let range = from..from + length;
            let (mut played, mut width) = (Vec::new(), 0);
            let mut seen_widths = Vec::new();
            view.signs().unwrap().play(&range, |what| match what {
                Stretch::Output(bytes) => {
                    played.extend_from_slice(bytes);
                    seen_widths.extend(std::iter::repeat_n(width, bytes.len()));
                }
                Stretch::Resize(size) => width = size.cols,
                Stretch::Gap(_) => unreachable!("nothing is missing"),
            }).unwrap();
            let cut = |at: u64| usize::try_from(at).unwrap().min(truth.len());
            let inside = cut(range.start)..cut(range.end);
            prop_assert!(played == truth[inside.clone()], "another stretch");
            prop_assert!(seen_widths == widths[inside], "another width");
        }
    }
}
