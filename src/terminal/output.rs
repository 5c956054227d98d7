//! The reading end of a terminal, shared by all its clients.

use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::watch;

use super::journal::{Cursor, Entry, Event, Journal, Lost, TerminalSize};

/// A terminal's journal, and the news that it grew.
#[derive(Debug)]
pub struct Output {
    journal: Mutex<Journal>,
    grown: watch::Sender<()>,
}

/// A terminal's state at some offset, from which a client starts again.
#[derive(Debug, Clone)]
pub struct Checkpoint {
    /// The size at that offset.
    pub size: TerminalSize,
    /// Bytes that rebuild the screen in a fresh terminal of that size.
    pub dump: Bytes,
    /// Where the stream goes on.
    pub cursor: Cursor,
}

impl Output {
    pub(super) fn new() -> Self {
        Self {
            journal: Mutex::new(Journal::new()),
            grown: watch::Sender::new(()),
        }
    }

    /// A receiver that is woken when the journal grows.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<()> {
        self.grown.subscribe()
    }

    /// The offset after the last byte.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.journal().end()
    }

    /// The place of a reader that has all bytes before `offset`, if the journal reaches back.
    #[must_use]
    pub fn cursor_at(&self, offset: u64) -> Option<Cursor> {
        self.journal().cursor_at(offset)
    }

    /// Reads at `cursor`, as [`Journal::read`] does.
    ///
    /// # Errors
    ///
    /// [`Lost`] when the cursor is older than the journal; a [`Checkpoint`] helps.
    pub fn read(&self, cursor: &mut Cursor, max_bytes: usize) -> Result<Vec<Entry>, Lost> {
        self.journal().read(cursor, max_bytes)
    }

    pub(super) fn push(&self, event: Event) {
        self.journal().push(event);
    }

    /// Wakes all readers.
    pub(super) fn announce(&self) {
        self.grown.send_replace(());
    }

    pub(super) fn journal(&self) -> MutexGuard<'_, Journal> {
        self.journal.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
