//! What a terminal writes, followed from inside the program.

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use tokio::sync::Notify;

use super::event::TerminalView;
use crate::terminal::{
    TerminalSize,
    echo::EchoFilter,
    foreground,
    journal::{Cursor, Event},
    mark::MarkKind,
    output::{Listener, Output},
    query::{Found, QueryScanner},
    screen::Screen,
};

/// How much of a terminal's output is kept; the oldest is forgotten first.
const KEPT_BYTES: usize = 4 * 1024 * 1024;

/// How many lines of a block's output are judged.
const LINES: usize = 10_000;

/// The size of a terminal that nobody looks at.
const SIZE: TerminalSize = TerminalSize {
    cols: 120,
    rows: 30,
};

/// Follows what a terminal writes.
#[derive(Debug)]
pub struct Capture {
    output: Arc<Output>,
    cursor: Option<Cursor>,
    pieces: VecDeque<Piece>,
    kept_bytes: usize,
    latest: Option<Instant>,
    scanner: QueryScanner,
    /// Whether the shell told last that it waits for the rest of a command.
    continues: bool,
    /// Where the shell's latest prompt begins.
    prompt_at: Option<u64>,
    _listener: Listener,
}

/// Output as one reads it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Text {
    /// The text, without white space at the end.
    pub text: String,
    /// Whether its last line has no end, as that of a prompt.
    pub open_line: bool,
}

/// Output that came at once.
#[derive(Debug)]
struct Piece {
    at: Instant,
    /// Bytes before it in the terminal's output.
    offset: u64,
    bytes: Bytes,
}

/// Whether the system tells of a program that waits for input.
#[must_use]
pub fn sees_readers() -> bool {
    foreground::tells()
}

impl Capture {
    /// Begins to follow a terminal, and starts its shell. `news` is woken when it writes.
    pub async fn new(terminal: &TerminalView, news: Arc<Notify>) -> Self {
        let output = terminal.handle.output().clone();
        terminal.handle.resize(SIZE).await;
        Self {
            cursor: output.cursor_at(0),
            _listener: Listener::new(output.clone(), news, false),
            output,
            pieces: VecDeque::new(),
            kept_bytes: 0,
            latest: None,
            scanner: QueryScanner::default(),
            continues: false,
            prompt_at: None,
        }
    }

    /// The size that the terminal has: columns and rows.
    #[must_use]
    pub fn size() -> (u16, u16) {
        (SIZE.cols, SIZE.rows)
    }

    /// Takes in what the terminal wrote meanwhile.
    pub fn read(&mut self, now: Instant) {
        loop {
            // What was lost is more than anybody reads.
            let present = || self.output.cursor_at(self.output.end());
            let Some(mut cursor) = self.cursor.or_else(present) else {
                return;
            };
            let read = self.output.read(&mut cursor, usize::MAX);
            self.cursor = read.is_ok().then_some(cursor);
            let entries = read.unwrap_or_default();
            if entries.is_empty() {
                return;
            }
            for entry in entries {
                if let Event::Output(bytes) = entry.event {
                    self.take(entry.offset, bytes, now);
                }
            }
        }
    }

    /// Bytes that the terminal has written.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.output.end()
    }

    /// When the terminal wrote last.
    #[must_use]
    pub fn latest(&self) -> Option<Instant> {
        self.latest
    }

    /// Whether the shell waits for the rest of a command, as far as it tells.
    #[must_use]
    pub fn continues(&self) -> bool {
        self.continues
    }

    /// Whether the shell has told of a prompt behind that offset.
    #[must_use]
    pub fn prompts_behind(&self, offset: u64) -> bool {
        self.prompt_at.is_some_and(|at| at >= offset)
    }

    /// What commands wrote between two offsets, as one reads it: without escape sequences, with
    /// what was overwritten gone, and without prompts and echoes where the shell tells of them.
    #[must_use]
    pub fn text(&self, start: u64, end: u64) -> Text {
        let mut screen = Screen::new(SIZE.cols, SIZE.rows, LINES);
        // A command runs at the beginning.
        let mut filter = EchoFilter::new();
        for piece in self.between(start, end) {
            filter.pass(&piece.bytes, |bytes| screen.feed(bytes));
        }
        Text {
            open_line: screen.cursor().1 > 1,
            text: screen.transcript(),
        }
    }

    /// What was written between two offsets, each piece with its time since the first.
    #[must_use]
    pub fn timed(&self, start: u64, end: u64) -> Vec<(Duration, Bytes)> {
        let pieces: Vec<Piece> = self.between(start, end).collect();
        let first = pieces.first().map(|piece| piece.at);
        let since = |at: Instant| first.map_or(Duration::ZERO, |first| at.duration_since(first));
        pieces
            .into_iter()
            .map(|piece| (since(piece.at), piece.bytes))
            .collect()
    }

    fn between(&self, start: u64, end: u64) -> impl Iterator<Item = Piece> {
        self.pieces.iter().filter_map(move |piece| {
            let length = piece.bytes.len() as u64;
            let from = start.saturating_sub(piece.offset).min(length);
            let to = end.saturating_sub(piece.offset).min(length);
            let bytes = usize::try_from(from).ok()?..usize::try_from(to).ok()?;
            (from < to).then(|| Piece {
                at: piece.at,
                offset: piece.offset + from,
                bytes: piece.bytes.slice(bytes),
            })
        })
    }

    fn take(&mut self, offset: u64, bytes: Bytes, now: Instant) {
        let mut rest = &*bytes;
        while !rest.is_empty() {
            let (taken, found) = self.scanner.scan(rest);
            rest = rest.get(taken..).unwrap_or_default();
            if let Some(Found::Mark(mark)) = found {
                self.continues = mark.kind == MarkKind::Continues;
                if mark.kind == MarkKind::Prompt {
                    let left = rest.len() as u64;
                    self.prompt_at = Some(offset + bytes.len() as u64 - left);
                }
            }
        }
        self.latest = Some(now);
        self.kept_bytes += bytes.len();
        self.pieces.push_back(Piece {
            at: now,
            offset,
            bytes,
        });
        while self.kept_bytes > KEPT_BYTES
            && let Some(oldest) = self.pieces.pop_front()
        {
            self.kept_bytes -= oldest.bytes.len();
        }
    }
}
