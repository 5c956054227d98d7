//! The reading end of a terminal, shared by all its clients.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use bytes::Bytes;
use tokio::sync::Notify;

use super::{
    flood::Flood,
    journal::{Cursor, Entry, Event, Journal, Lost, TerminalSize},
    preview::LastPreview,
};

/// A terminal's journal, and who is told that it grew.
#[derive(Debug)]
pub struct Output {
    journal: Mutex<Journal>,
    listeners: Mutex<Vec<Ear>>,
    flood: Mutex<Flood>,
    last_preview: LastPreview,
}

#[derive(Debug)]
struct Ear {
    news: Arc<Notify>,
    waits_for_turns: bool,
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
            flood: Mutex::new(Flood::new(Instant::now())),
            last_preview: LastPreview::new(),
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

    /// The place of the oldest event that is still kept.
    #[must_use]
    pub fn first_cursor(&self) -> Cursor {
        self.journal().first_cursor()
    }

    /// Reads at `cursor`, as [`Journal::read`] does.
    ///
    /// # Errors
    ///
    /// [`Lost`] when the cursor is older than the journal; a [`Checkpoint`] helps.
    pub fn read(&self, cursor: &mut Cursor, max_bytes: usize) -> Result<Vec<Entry>, Lost> {
        self.journal().read(cursor, max_bytes)
    }

    /// All events from `cursor` to the end, and the place there.
    pub(super) fn events(&self, mut cursor: Cursor) -> Result<(Vec<Event>, Cursor), Lost> {
        let journal = self.journal();
        let mut events = Vec::new();
        loop {
            let entries = journal.read(&mut cursor, usize::MAX)?;
            if entries.is_empty() {
                return Ok((events, cursor));
            }
            events.extend(entries.into_iter().map(|entry| entry.event));
        }
    }

    /// Says until when a viewer must wait for `bytes`, because the terminal floods and others are
    /// before it; nothing when it may go on. The viewer keeps its `turn`.
    pub fn wait(&self, turn: &mut Option<Instant>, bytes: usize) -> Option<Instant> {
        self.flood().wait(turn, bytes, Instant::now())
    }

    /// Counts the checkpoint that a viewer was sent instead of what it waited for.
    pub fn charge_checkpoint(&self, checkpoint: &Checkpoint) {
        let offset = checkpoint.cursor.offset();
        self.flood()
            .charge_checkpoint(offset, checkpoint.dump.len());
    }

    pub(super) fn last_preview(&self) -> &LastPreview {
        &self.last_preview
    }

    pub(super) fn push(&self, event: Event) {
        let now = Instant::now();
        if let Event::Output(bytes) = &event {
            self.flood().wrote(bytes.len(), now);
        }
        self.last_preview.leave(now);
        self.journal().push(event);
    }

    /// Wakes all readers, but not the viewers of a flood: they have their turns, and are woken by
    /// another call when the flood is over. Returns when that is.
    pub(super) fn announce(&self) -> Option<Instant> {
        let flood_ends_at = self.flood().ends_at(Instant::now());
        for ear in &*self.listeners() {
            if flood_ends_at.is_none() || !ear.waits_for_turns {
                ear.news.notify_one();
            }
        }
        flood_ends_at
    }

    pub(super) fn journal(&self) -> MutexGuard<'_, Journal> {
        self.journal.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn count_viewers(&self, listeners: &[Ear]) {
        let viewers = listeners.iter().filter(|ear| ear.waits_for_turns);
        self.flood().set_viewers(viewers.count());
    }

    fn flood(&self) -> MutexGuard<'_, Flood> {
        self.flood.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn listeners(&self) -> MutexGuard<'_, Vec<Ear>> {
        self.listeners
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Listener {
    /// Has `news` woken whenever `output` grows; one who waits for turns is spared during floods.
    #[must_use]
    pub fn new(output: Arc<Output>, news: Arc<Notify>, waits_for_turns: bool) -> Self {
        let ear = Ear {
            news: news.clone(),
            waits_for_turns,
        };
        let mut listeners = output.listeners();
        listeners.push(ear);
        output.count_viewers(&listeners);
        drop(listeners);
        Self { output, news }
    }

    /// Says whether it waits for turns from now on.
    pub fn wait_for_turns(&self, waits_for_turns: bool) {
        let mut listeners = self.output.listeners();
        if let Some(at) = self.place(&listeners)
            && let Some(ear) = listeners.get_mut(at)
        {
            ear.waits_for_turns = waits_for_turns;
        }
        self.output.count_viewers(&listeners);
    }

    fn place(&self, listeners: &[Ear]) -> Option<usize> {
        let mut listeners = listeners.iter();
        listeners.position(|ear| Arc::ptr_eq(&ear.news, &self.news))
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let mut listeners = self.output.listeners();
        if let Some(at) = self.place(&listeners) {
            listeners.swap_remove(at);
        }
        self.output.count_viewers(&listeners);
    }
}
