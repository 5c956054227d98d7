//! A terminal's whole past: the checkpoint, an emulator's state at some offset, and the journal,
//! the bytes since then.
//!
//! Recent bytes are replayed as they were, which is exact. Older ones are folded into the
//! emulator, which exists only when there is something to fold: an idle terminal has none.

use std::sync::Arc;

use bytes::Bytes;

use super::{
    journal::{Event, TerminalSize},
    output::{Checkpoint, Output},
    screen::Screen,
};

/// How many bytes the journal keeps. A client that was away for less gets exactly these.
const JOURNAL_BYTES: u64 = 1024 * 1024;

/// How many events the journal keeps: a megabyte of output has no more than about 512, and
/// somebody who drags a window adds some; one who does nothing else must not fill the memory.
const JOURNAL_EVENTS: usize = 4096;

/// How many lines above the screen are kept, as many as the front end shows.
const SCROLLBACK_LINES: usize = 10_000;

/// A probe that was asked nothing for this many bytes is dropped.
const PROBE_IDLE_BYTES: u64 = 4 * 1024 * 1024;

/// The past of a terminal.
#[derive(Debug)]
pub(super) struct History {
    output: Arc<Output>,
    /// The size at the journal's start.
    base_size: TerminalSize,
    /// The state at the journal's start; none while nothing was folded.
    base: Option<Box<Screen>>,
    /// The dump of `base`, made when first asked for.
    dump: Option<Bytes>,
    /// An emulator of the present screen, without scrollback, for questions about the cursor.
    probe: Option<Probe>,
}

#[derive(Debug)]
struct Probe {
    screen: Box<Screen>,
    asked_at: u64,
}

impl History {
    /// Begins the history of a terminal of `size`.
    #[must_use]
    pub(super) fn new(output: Arc<Output>, size: TerminalSize) -> Self {
        Self {
            output,
            base_size: size,
            base: None,
            dump: None,
            probe: None,
        }
    }

    /// Adds an event. Readers are not woken yet.
    pub(super) fn push(&mut self, event: Event) {
        let end = self.output.end();
        self.probe
            .take_if(|probe| end - probe.asked_at > PROBE_IDLE_BYTES);
        if let Some(probe) = &mut self.probe {
            apply(&mut probe.screen, &event);
        }
        self.output.push(event);
    }

    /// Folds what the journal holds too much.
    pub(super) fn fold(&mut self) {
        loop {
            let folded = {
                let mut journal = self.output.journal();
                let fits =
                    journal.len_bytes() <= JOURNAL_BYTES && journal.len_events() <= JOURNAL_EVENTS;
                // A size that lasted for nothing needs no drawing, which takes long.
                let passing = journal.starts_with_two_sizes();
                let event = if fits { None } else { journal.pop() };
                event.map(|event| (event, passing))
            };
            let Some((event, passing)) = folded else {
                return;
            };
            if passing && let Event::Resize(_) = event {
                continue;
            }
            let TerminalSize { cols, rows } = self.base_size;
            let new = || Box::new(Screen::new(cols, rows, SCROLLBACK_LINES));
            apply(self.base.get_or_insert_with(new), &event);
            if let Event::Resize(size) = event {
                self.base_size = size;
            }
            self.dump = None;
        }
    }

    /// The state at the journal's start, from which a client can follow.
    pub(super) fn checkpoint(&mut self) -> Checkpoint {
        let base = &mut self.base;
        let dump = self.dump.get_or_insert_with(|| {
            base.as_mut()
                .map_or_else(Bytes::new, |screen| Bytes::from(screen.dump()))
        });
        let cursor = self.output.journal().first_cursor();
        Checkpoint {
            size: self.base_size,
            dump: dump.clone(),
            cursor,
        }
    }

    /// Where the cursor is now: row and column, from 1.
    pub(super) fn cursor(&mut self) -> (u16, u16) {
        let end = self.output.end();
        if self.probe.is_none() {
            self.probe = Some(Probe {
                screen: Box::new(self.present()),
                asked_at: end,
            });
        }
        self.probe.as_mut().map_or((1, 1), |probe| {
            probe.asked_at = end;
            probe.screen.cursor()
        })
    }

    /// Replays the history into an emulator without scrollback.
    fn present(&mut self) -> Screen {
        let Checkpoint {
            size,
            dump,
            mut cursor,
        } = self.checkpoint();
        let mut screen = Screen::new(size.cols, size.rows, 0);
        screen.feed(&dump);
        while let Ok(entries) = self.output.read(&mut cursor, usize::MAX)
            && !entries.is_empty()
        {
            for entry in entries {
                apply(&mut screen, &entry.event);
            }
        }
        screen
    }
}

fn apply(screen: &mut Screen, event: &Event) {
    match event {
        Event::Output(bytes) => screen.feed(bytes),
        Event::Resize(size) => screen.resize(size.cols, size.rows),
    }
}
