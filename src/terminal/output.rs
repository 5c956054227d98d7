//! The reading end of a terminal, shared by all its clients.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::Notify;

use super::journal::{Cursor, Entry, Event, Journal, Lost, TerminalSize};

/// A terminal's journal, and who is told that it grew.
#[derive(Debug)]
pub struct Output {
    journal: Mutex<Journal>,
    listeners: Mutex<Vec<Arc<Notify>>>,
}

/// Somebody who is told of each growth. Dropping it ends that.
///
/// One who is told while looking is told again, so that nothing is missed; and one `Notify` may
/// listen to many terminals.
#[derive(Debug)]
pub struct Listener {
    output: Arc<Output>,
    news: Arc<Notify>,
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
            listeners: Mutex::default(),
        }
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
        for news in &*self.listeners() {
            news.notify_one();
        }
    }

    pub(super) fn journal(&self) -> MutexGuard<'_, Journal> {
        self.journal.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn listeners(&self) -> MutexGuard<'_, Vec<Arc<Notify>>> {
        self.listeners
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Listener {
    /// Has `news` woken whenever `output` grows.
    #[must_use]
    pub fn new(output: Arc<Output>, news: Arc<Notify>) -> Self {
        output.listeners().push(news.clone());
        Self { output, news }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let mut listeners = self.output.listeners();
        if let Some(at) = listeners
            .iter()
            .position(|news| Arc::ptr_eq(news, &self.news))
        {
            listeners.swap_remove(at);
        }
    }
}
