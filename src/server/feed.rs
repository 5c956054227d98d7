//! One client's reading of one terminal: from a place it names, or a checkpoint, to the end.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use tokio::sync::watch;

use crate::{
    lab::event::TerminalView,
    protocol::frame::{FrameKind, Header, encode_size},
    terminal::{
        TerminalHandle, TerminalSize,
        journal::{Cursor, Entry, Event},
        pty::READ_BYTES,
    },
};

/// How many bytes may be sent beyond what the client has parsed. A client that parses slowly is
/// sent no more; when it falls off the journal it gets a checkpoint.
const CLIENT_WINDOW_BYTES: u64 = 1024 * 1024;

/// A client gets at most one checkpoint of a terminal in this time, the first one excepted.
const CHECKPOINT_PAUSE: Duration = Duration::from_millis(250);

/// A client's place in a terminal's output.
#[derive(Debug)]
pub(super) struct Feed {
    number: u16,
    generation: u32,
    terminal: TerminalHandle,
    grown: watch::Receiver<()>,
    /// Nothing before the first checkpoint.
    cursor: Option<Cursor>,
    parsed: Arc<AtomicU64>,
    /// Where the output begins that was written after the client came.
    live_from: u64,
    last_checkpoint: Option<Instant>,
}

/// What a feed has for its client.
#[derive(Debug)]
pub(super) enum Turn {
    /// A frame to send.
    Frame(Bytes),
    /// Nothing now.
    Nothing,
    /// Nothing before that time.
    Later(Instant),
}

impl Feed {
    /// Begins at `resume`, where the terminal's journal still reaches back to it.
    pub(super) fn new(view: &TerminalView, resume: Option<u64>) -> Self {
        let cursor = resume.and_then(|offset| view.handle.output().cursor_at(offset));
        let offset = cursor.map_or(0, Cursor::offset);
        let mut grown = view.handle.output().watch();
        grown.mark_changed();
        Self {
            number: view.number,
            generation: view.generation,
            terminal: view.handle.clone(),
            grown,
            cursor,
            parsed: Arc::new(AtomicU64::new(offset)),
            // Who comes back has missed the rest; who comes first gets a past.
            live_from: cursor.map_or_else(|| view.handle.output().end(), Cursor::offset),
            last_checkpoint: None,
        }
    }

    pub(super) fn number(&self) -> u16 {
        self.number
    }

    pub(super) fn set_generation(&mut self, generation: u32) {
        self.generation = generation;
    }

    /// Where the client's acknowledgements are noted.
    pub(super) fn parsed(&self) -> Arc<AtomicU64> {
        self.parsed.clone()
    }

    /// Waits until the terminal has written more.
    ///
    /// # Cancel safety
    ///
    /// News between two calls is not lost.
    pub(super) async fn grown(&mut self) {
        if self.grown.changed().await.is_err() {
            // The terminal has ended; what it wrote has been sent.
            std::future::pending::<()>().await;
        }
    }

    /// Takes the next frame.
    pub(super) async fn next(&mut self) -> Turn {
        self.grown.mark_unchanged();
        let Some(mut cursor) = self.cursor else {
            return self.checkpoint().await;
        };
        if cursor
            .offset()
            .saturating_sub(self.parsed.load(Ordering::Relaxed))
            >= CLIENT_WINDOW_BYTES
        {
            return Turn::Nothing;
        }
        // A frame is either of the past or live.
        let past = self.live_from.saturating_sub(cursor.offset());
        let past = usize::try_from(past).unwrap_or(READ_BYTES);
        let room = if past == 0 {
            READ_BYTES
        } else {
            past.min(READ_BYTES)
        };
        let Ok(entries) = self.terminal.output().read(&mut cursor, room) else {
            return self.checkpoint().await;
        };
        self.cursor = Some(cursor);
        self.frame(&entries).map_or(Turn::Nothing, Turn::Frame)
    }

    fn frame(&self, entries: &[Entry]) -> Option<Bytes> {
        let first = entries.first()?;
        Some(match &first.event {
            Event::Resize(TerminalSize { cols, rows }) => self
                .header(FrameKind::Resize, first.offset)
                .frame(&[&encode_size(*cols, *rows)]),
            Event::Output(_) => {
                let pieces: Vec<&[u8]> = entries
                    .iter()
                    .filter_map(|entry| match &entry.event {
                        Event::Output(bytes) => Some(bytes.as_ref()),
                        Event::Resize(_) => None,
                    })
                    .collect();
                self.header(FrameKind::Output, first.offset).frame(&pieces)
            }
        })
    }

    async fn checkpoint(&mut self) -> Turn {
        let now = Instant::now();
        match self.last_checkpoint.map(|last| last + CHECKPOINT_PAUSE) {
            Some(next) if next > now => return Turn::Later(next),
            _ => self.last_checkpoint = Some(now),
        }
        let Some(checkpoint) = self.terminal.checkpoint().await else {
            return Turn::Nothing;
        };
        let offset = checkpoint.cursor.offset();
        self.cursor = Some(checkpoint.cursor);
        self.parsed.fetch_max(offset, Ordering::Relaxed);
        self.live_from = self.terminal.output().end();
        let TerminalSize { cols, rows } = checkpoint.size;
        let payload = [&encode_size(cols, rows)[..], &checkpoint.dump];
        // More follows at once, and nobody will say that the terminal has grown.
        self.grown.mark_changed();
        Turn::Frame(self.header(FrameKind::Snapshot, offset).frame(&payload))
    }

    fn header(&self, kind: FrameKind, offset: u64) -> Header {
        Header {
            kind,
            replay: offset < self.live_from,
            terminal: self.number,
            generation: self.generation,
            offset,
        }
    }
}
