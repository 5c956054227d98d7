//! The recent past of a terminal: its bytes as they were, and its resizes, by offset.
//!
//! Every client reads the journal through a [`Cursor`] of its own; nothing is queued per client.
//! What is older has been folded into the terminal's checkpoint.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};

/// Small outputs are joined up to this size, so that single keystrokes do not cost an entry each.
const JOIN_BYTES: usize = 4 * 1024;

/// The size of a terminal, in cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TerminalSize {
    /// Width.
    pub cols: u16,
    /// Height.
    pub rows: u16,
}

impl TerminalSize {
    /// The smallest that a terminal has: a wide character needs two columns.
    const LEAST: Self = Self { cols: 2, rows: 1 };

    /// The largest that it has, far more than a wall shows.
    const MOST: Self = Self {
        cols: 1000,
        rows: 1000,
    };

    /// The nearest size that a terminal may have.
    pub(super) fn clamped(self) -> Self {
        Self {
            cols: self.cols.clamp(Self::LEAST.cols, Self::MOST.cols),
            rows: self.rows.clamp(Self::LEAST.rows, Self::MOST.rows),
        }
    }
}

/// Something that happened in a terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A program wrote bytes.
    Output(Bytes),
    /// The size changed.
    Resize(TerminalSize),
}

/// An event, or the rest of one, with the offset where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Bytes written before it, since the terminal's beginning.
    pub offset: u64,
    /// What happened.
    pub event: Event,
}

/// A reader's place in a journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    /// The number of the event it reads next.
    sequence: u64,
    /// Bytes before it.
    offset: u64,
}

/// The reader's place is older than the journal: it needs the checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lost;

/// The recent events of a terminal.
#[derive(Debug)]
pub struct Journal {
    events: VecDeque<Entry>,
    /// The number of the first event.
    first: u64,
    start: u64,
    end: u64,
    /// Whether a resize that stood right at the start was taken out: who has all bytes before the
    /// start may not have that.
    size_before_start: bool,
}

impl Cursor {
    /// Bytes before the cursor, since the terminal's beginning.
    #[must_use]
    pub fn offset(self) -> u64 {
        self.offset
    }

    /// The number of the event it reads next, or reads on.
    pub(super) fn sequence(self) -> u64 {
        self.sequence
    }
}

impl Journal {
    /// Makes an empty journal.
    #[must_use]
    pub fn new() -> Self {
        Self {
            events: VecDeque::new(),
            first: 0,
            start: 0,
            end: 0,
            size_before_start: false,
        }
    }

    /// The offset after the last byte.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.end
    }

    /// How many bytes the journal holds.
    #[must_use]
    pub fn len_bytes(&self) -> u64 {
        self.end - self.start
    }

    /// How many events the journal holds.
    #[must_use]
    pub fn len_events(&self) -> usize {
        self.events.len()
    }

    /// How many events there were since the terminal's beginning.
    pub(super) fn events_ever(&self) -> u64 {
        self.first + self.events.len() as u64
    }

    /// The place of the first event.
    #[must_use]
    pub fn first_cursor(&self) -> Cursor {
        Cursor {
            sequence: self.first,
            offset: self.start,
        }
    }

    /// The place of a reader that already has all bytes before `offset`, if the journal still
    /// reaches back that far. Resizes at that very offset are read again, which does no harm.
    #[must_use]
    pub fn cursor_at(&self, offset: u64) -> Option<Cursor> {
        let misses_size = offset == self.start && self.size_before_start;
        if offset < self.start || misses_size || offset > self.end {
            return None;
        }
        let index = self.events.partition_point(|entry| entry.end() < offset);
        Some(Cursor {
            sequence: self.first + index as u64,
            offset,
        })
    }

    /// Adds an event at the end.
    pub fn push(&mut self, event: Event) {
        let offset = self.end;
        if let Event::Output(bytes) = &event {
            self.end += bytes.len() as u64;
            if self.join(bytes) {
                return;
            }
        }
        self.events.push_back(Entry { offset, event });
    }

    /// Takes the oldest event out, to be folded into the checkpoint.
    pub fn pop(&mut self) -> Option<Event> {
        let entry = self.events.pop_front()?;
        self.first += 1;
        self.size_before_start = match &entry.event {
            Event::Resize(_) => true,
            Event::Output(_) => self.size_before_start && entry.end() == self.start,
        };
        self.start = entry.end();
        Some(entry.event)
    }

    /// The oldest events that are too many when `keep_bytes` and `keep_events` are to be kept, but
    /// not many more than `most_bytes`, and the place behind them.
    #[must_use]
    pub fn excess(
        &self,
        keep_bytes: u64,
        keep_events: usize,
        most_bytes: u64,
    ) -> (Vec<Event>, Cursor) {
        let mut behind = self.first_cursor();
        let mut events = Vec::new();
        // The last one may still grow.
        let whole = self.events.len().saturating_sub(1);
        for (index, entry) in self.events.iter().take(whole).enumerate() {
            let too_much = self.end - entry.offset > keep_bytes;
            let too_many = self.events.len() - index > keep_events;
            if !(too_much || too_many) || entry.offset - self.start >= most_bytes {
                break;
            }
            events.push(entry.event.clone());
            behind = Cursor {
                sequence: behind.sequence + 1,
                offset: entry.end(),
            };
        }
        (events, behind)
    }

    /// Takes out the events before `cursor`.
    pub fn drop_before(&mut self, cursor: Cursor) {
        while self.first < cursor.sequence && self.pop().is_some() {}
    }

    /// Reads the next events at `cursor`: either one resize, or at most `max_bytes` of output in
    /// pieces that follow one another. Empty at the journal's end.
    ///
    /// # Errors
    ///
    /// [`Lost`] when the cursor is older than the journal.
    pub fn read(&self, cursor: &mut Cursor, max_bytes: usize) -> Result<Vec<Entry>, Lost> {
        let mut entries = Vec::new();
        let mut room = max_bytes;
        loop {
            let index = cursor.sequence.checked_sub(self.first).ok_or(Lost)?;
            let Some(entry) = usize::try_from(index)
                .ok()
                .and_then(|at| self.events.get(at))
            else {
                return Ok(entries);
            };
            let rest = entry.after(cursor.offset);
            match &rest.event {
                Event::Resize(_) if entries.is_empty() => {
                    cursor.sequence += 1;
                    return Ok(vec![rest]);
                }
                Event::Output(bytes) if bytes.is_empty() => {
                    // The last entry may still grow; only a later one shows that it is done.
                    if index + 1 == self.events.len() as u64 {
                        return Ok(entries);
                    }
                    cursor.sequence += 1;
                }
                Event::Output(bytes) if room > 0 => {
                    let piece = bytes.slice(..bytes.len().min(room));
                    room -= piece.len();
                    cursor.offset += piece.len() as u64;
                    entries.push(Entry {
                        offset: rest.offset,
                        event: Event::Output(piece),
                    });
                }
                Event::Output(_) | Event::Resize(_) => return Ok(entries),
            }
        }
    }

    /// Appends `bytes` to the last entry where both are small.
    fn join(&mut self, bytes: &Bytes) -> bool {
        match self.events.back_mut() {
            Some(Entry {
                event: Event::Output(last),
                ..
            }) if last.len() + bytes.len() <= JOIN_BYTES => {
                let mut joined = BytesMut::with_capacity(last.len() + bytes.len());
                joined.extend_from_slice(last);
                joined.extend_from_slice(bytes);
                *last = joined.freeze();
                true
            }
            _ => false,
        }
    }
}

impl Default for Journal {
    fn default() -> Self {
        Self::new()
    }
}

impl Entry {
    /// The offset after it.
    fn end(&self) -> u64 {
        match &self.event {
            Event::Output(bytes) => self.offset + bytes.len() as u64,
            Event::Resize(_) => self.offset,
        }
    }

    /// What of it stands at or after `offset`.
    fn after(&self, offset: u64) -> Self {
        match &self.event {
            Event::Output(bytes) => {
                let seen = offset.saturating_sub(self.offset);
                let seen = usize::try_from(seen).map_or(bytes.len(), |seen| seen.min(bytes.len()));
                Self {
                    offset: self.offset + seen as u64,
                    event: Event::Output(bytes.slice(seen..)),
                }
            }
            Event::Resize(_) => self.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SMALL: TerminalSize = TerminalSize { cols: 20, rows: 5 };

    fn output(text: &str) -> Event {
        Event::Output(Bytes::copy_from_slice(text.as_bytes()))
    }

    fn read_all(journal: &Journal, cursor: &mut Cursor, max_bytes: usize) -> Vec<Entry> {
        let mut all = Vec::new();
        loop {
            let entries = journal.read(cursor, max_bytes).unwrap();
            if entries.is_empty() {
                return all;
            }
            all.extend(entries);
        }
    }

    #[test]
    fn resize_stands_between_the_bytes_around_it() {
        let mut journal = Journal::new();
        journal.push(output("ab"));
        journal.push(Event::Resize(SMALL));
        journal.push(output("cd"));
        let mut cursor = journal.first_cursor();
        let entries = read_all(&journal, &mut cursor, 64);
        let offsets: Vec<u64> = entries.iter().map(|entry| entry.offset).collect();
        assert_eq!(offsets, [0, 2, 2]);
        assert_eq!(entries[1].event, Event::Resize(SMALL));
        assert_eq!(cursor.offset(), 4);
    }

    #[test]
    fn reader_at_the_end_gets_bytes_joined_to_the_entry_it_has_read() {
        let mut journal = Journal::new();
        journal.push(output("ab"));
        let mut cursor = journal.first_cursor();
        read_all(&journal, &mut cursor, 64);
        journal.push(output("cd"));
        let entries = read_all(&journal, &mut cursor, 64);
        assert_eq!(
            entries,
            [Entry {
                offset: 2,
                event: output("cd")
            }]
        );
    }

    #[test]
    fn reader_older_than_the_journal_is_lost() {
        let mut journal = Journal::new();
        let mut cursor = journal.first_cursor();
        journal.push(output(&"x".repeat(JOIN_BYTES)));
        journal.push(output("tail"));
        assert!(journal.pop().is_some());
        assert_eq!(journal.read(&mut cursor, 64), Err(Lost));
        assert_eq!(journal.cursor_at(1), None);
        assert!(journal.cursor_at(JOIN_BYTES as u64).is_some());
    }

    #[test]
    fn offset_from_the_future_is_refused() {
        let mut journal = Journal::new();
        journal.push(output("ab"));
        assert_eq!(journal.cursor_at(3), None);
    }

    /// What may happen to a journal and to a client of it.
    #[derive(Debug, Clone)]
    enum Step {
        Write(usize),
        Resize(u16),
        Fold,
        Read(usize),
        Reconnect,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => (0usize..6_000).prop_map(Step::Write),
            1 => (2u16..100).prop_map(Step::Resize),
            3 => Just(Step::Fold),
            3 => (1usize..9_000).prop_map(Step::Read),
            1 => Just(Step::Reconnect),
        ]
    }

    /// A client as the front end is one: it has bytes and a size, and begins again when lost.
    struct Reader {
        cursor: Cursor,
        seen: Vec<u8>,
        cols: u16,
    }

    impl Reader {
        /// Takes what was folded, as a checkpoint carries it.
        fn begin(journal: &Journal, folded: &(Vec<u8>, u16)) -> Self {
            Self {
                cursor: journal.first_cursor(),
                seen: folded.0.clone(),
                cols: folded.1,
            }
        }

        fn read(&mut self, journal: &Journal, max_bytes: usize) -> Option<bool> {
            let entries = journal.read(&mut self.cursor, max_bytes).ok()?;
            for entry in &entries {
                assert_eq!(entry.offset, self.seen.len() as u64, "a gap or an overlap");
                match &entry.event {
                    Event::Output(bytes) => self.seen.extend_from_slice(bytes),
                    Event::Resize(size) => self.cols = size.cols,
                }
            }
            Some(!entries.is_empty())
        }
    }

    proptest! {
        #[test]
        fn prop_client_assembles_the_truth_whatever_happens(
            steps in prop::collection::vec(step(), 1..60)
        ) {
            let mut journal = Journal::new();
            let (mut truth, mut cols) = (Vec::new(), 80);
            let mut folded = (Vec::new(), 80);
            let mut reader = Reader::begin(&journal, &folded);
            for (number, step) in steps.into_iter().enumerate() {
                match step {
                    Step::Write(count) => {
                        let bytes: Vec<u8> = (0..=255).cycle().skip(number).take(count).collect();
                        truth.extend_from_slice(&bytes);
                        journal.push(Event::Output(bytes.into()));
                    }
                    Step::Resize(wide) => {
                        cols = wide;
                        journal.push(Event::Resize(TerminalSize { cols, rows: 5 }));
                    }
                    Step::Fold => match journal.pop() {
                        Some(Event::Output(bytes)) => folded.0.extend_from_slice(&bytes),
                        Some(Event::Resize(size)) => folded.1 = size.cols,
                        None => {}
                    },
                    Step::Read(most) => {
                        if reader.read(&journal, most).is_none() {
                            reader = Reader::begin(&journal, &folded);
                        }
                    }
                    Step::Reconnect => match journal.cursor_at(reader.seen.len() as u64) {
                        Some(cursor) => reader.cursor = cursor,
                        None => reader = Reader::begin(&journal, &folded),
                    },
                }
                prop_assert_eq!(reader.cursor.offset(), reader.seen.len() as u64);
                prop_assert_eq!(journal.end(), truth.len() as u64);
            }
            loop {
                match reader.read(&journal, 4_000) {
                    Some(true) => {}
                    Some(false) => break,
                    None => reader = Reader::begin(&journal, &folded),
                }
            }
            prop_assert!(reader.seen == truth, "bytes differ");
            prop_assert_eq!(reader.cols, cols);
        }

        #[test]
        fn prop_any_resume_offset_gives_exactly_the_bytes_since(
            chunks in prop::collection::vec("[a-z]{0,3000}", 1..12),
            at in 0.0..1.0f64,
            max_bytes in 1usize..9000,
        ) {
            let mut journal = Journal::new();
            for chunk in &chunks {
                journal.push(output(chunk));
                journal.push(Event::Resize(SMALL));
            }
            let whole = chunks.concat();
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "picks a place in a short text")]
            let offset = (whole.len() as f64 * at) as usize;
            let mut cursor = journal.cursor_at(offset as u64).unwrap();
            let mut seen = Vec::new();
            for entry in read_all(&journal, &mut cursor, max_bytes) {
                if let Event::Output(bytes) = entry.event {
                    prop_assert_eq!(entry.offset, (offset + seen.len()) as u64);
                    seen.extend_from_slice(&bytes);
                }
            }
            prop_assert_eq!(&seen[..], &whole.as_bytes()[offset..]);
        }
    }
}
