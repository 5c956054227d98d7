//! Folding: what the journal holds too much goes into the emulator, on a thread of its own.
//!
//! The terminal's task only adds to the journal; one task per busy terminal takes the oldest
//! events from there in large bites and lends the emulator to a blocking thread for each. An event
//! leaves the journal in the moment in which the emulator has it, so that checkpoint and journal
//! always meet.

use std::{
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use tokio::{
    sync::{Notify, oneshot},
    task::spawn_blocking,
    time::timeout,
};

use super::apply_all;
use crate::terminal::{
    journal::{Cursor, Event, TerminalSize},
    output::{Checkpoint, Output},
    screen::Screen,
};

/// How many lines above the screen are kept, as many as the front end shows.
const SCROLLBACK_LINES: usize = 10_000;

/// A terminal that was quiet for this long gives back what memory it can.
const QUIET: Duration = Duration::from_secs(5);

/// How much of a terminal's output is kept as it was.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// How many bytes the journal keeps. A client that was away for less gets exactly these.
    pub(super) keep_bytes: u64,
    /// How many events the journal has at most; half of them are kept when there are more. A
    /// megabyte of output has no more than about 512, and somebody who drags a window adds some;
    /// one who does nothing else must not fill the memory.
    pub(super) most_events: usize,
    /// How many bytes more the journal keeps until they are folded at once. Lines that are pushed
    /// out of the scrollback within them are never drawn, those who have lost their place share one
    /// dump, and those who ask for one wait no longer than this takes.
    pub(super) bite_bytes: u64,
    /// How many bytes may wait to be folded. When there are more, the terminal is not read, and
    /// its program waits.
    pub(super) waiting_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            keep_bytes: 1024 * 1024,
            most_events: 4096,
            bite_bytes: 2 * 1024 * 1024,
            waiting_bytes: 4 * 1024 * 1024,
        }
    }
}

/// The older part of a terminal's past, shared by its task and the task that folds.
#[derive(Debug)]
pub(super) struct Fold {
    limits: Limits,
    output: Arc<Output>,
    state: Mutex<State>,
    /// Wakes the task that folds.
    work: Notify,
    /// Wakes the terminal's task.
    folded: Notify,
}

/// What was folded so far. It always reaches up to the journal's first event.
#[derive(Debug)]
struct State {
    size: TerminalSize,
    emulator: Emulator,
    /// The last checkpoint made, while its dump may be of use.
    last: Option<Checkpoint>,
    /// Who waits for a checkpoint: each client once at most.
    askers: Vec<oneshot::Sender<Checkpoint>>,
    /// Whether the task that folds lives.
    running: bool,
}

#[derive(Debug)]
enum Emulator {
    /// Nothing was folded yet.
    None,
    /// A thread works with it.
    Lent,
    Here(Box<Screen>),
}

/// What the emulator is needed for.
enum Job {
    Fold(Vec<Event>, Cursor),
    Dump,
}

impl Fold {
    pub(super) fn new(limits: Limits, output: Arc<Output>, size: TerminalSize) -> Self {
        Self {
            limits,
            output,
            state: Mutex::new(State {
                size,
                emulator: Emulator::None,
                last: None,
                askers: Vec::new(),
                running: false,
            }),
            work: Notify::new(),
            folded: Notify::new(),
        }
    }

    /// Whether there is enough to fold.
    pub(super) fn is_due(&self) -> bool {
        self.exceeds(self.limits.bite_bytes)
    }

    /// Whether the journal holds `more` bytes than it keeps.
    fn exceeds(&self, more: u64) -> bool {
        let journal = self.output.journal();
        journal.len_bytes() > self.limits.keep_bytes + more
            || journal.len_events() > self.limits.most_events
    }

    /// Whether more waits to be folded than may.
    pub(super) fn is_full(&self) -> bool {
        let journal = self.output.journal();
        journal.len_bytes() > self.limits.keep_bytes + self.limits.waiting_bytes
            || journal.len_events() > self.limits.most_events * 2
    }

    /// Waits until something was folded since the last call.
    pub(super) async fn folded(&self) {
        self.folded.notified().await;
    }

    /// Answers with a checkpoint if there is one, and returns whether one has to be made.
    pub(super) fn ask(&self, answer: oneshot::Sender<Checkpoint>) -> bool {
        let mut state = self.state();
        let Some(checkpoint) = self.ready(&state) else {
            state.askers.push(answer);
            return true;
        };
        // The asker may have left meanwhile.
        drop(answer.send(checkpoint));
        false
    }

    /// Wakes the task that folds, and returns whether it has to be started first.
    pub(super) fn wake(&self) -> bool {
        let running = mem::replace(&mut self.state().running, true);
        if running {
            self.work.notify_one();
        }
        !running
    }

    /// Folds and makes checkpoints as long as there is something to do.
    pub(super) async fn run(self: Arc<Self>) {
        loop {
            self.work_off(self.limits.bite_bytes).await;
            if timeout(QUIET, self.work.notified()).await.is_ok() {
                continue;
            }
            // Nobody has lost their place for long, and the next dump will be another.
            self.state().last = None;
            self.work_off(0).await;
            self.lend(Screen::shrink).await;
            if self.stop() {
                return;
            }
        }
    }

    /// Does what is asked for, and folds where the journal holds `more` bytes than it keeps.
    async fn work_off(&self, more: u64) {
        while let Some(job) = self.next(more) {
            match job {
                Job::Fold(events, behind) => self.fold(events, behind).await,
                Job::Dump => self.dump().await,
            }
        }
    }

    /// Whoever asks comes first: a dump takes a few milliseconds.
    fn next(&self, more: u64) -> Option<Job> {
        if !self.state().askers.is_empty() {
            return Some(Job::Dump);
        }
        if !self.exceeds(more) {
            return None;
        }
        let Limits {
            keep_bytes,
            most_events,
            bite_bytes,
            ..
        } = self.limits;
        let journal = self.output.journal();
        let (events, behind) = journal.excess(keep_bytes, most_events / 2, bite_bytes);
        (!events.is_empty()).then_some(Job::Fold(events, behind))
    }

    async fn fold(&self, events: Vec<Event>, behind: Cursor) {
        let size = events.iter().rev().find_map(|event| match event {
            Event::Resize(size) => Some(*size),
            Event::Output(_) => None,
        });
        self.state().begin();
        self.lend(move |screen| apply_all(screen, &events)).await;
        let mut state = self.state();
        state.size = size.unwrap_or(state.size);
        state.last = None;
        self.output.journal().drop_before(behind);
        drop(state);
        self.folded.notify_one();
    }

    async fn dump(&self) {
        let next = self.next_output();
        let dump = self.lend(move |screen| match next {
            Some(next) => Bytes::from(screen.dump_before(&next)),
            None => Bytes::from(screen.dump()),
        });
        let dump = dump.await;
        let mut state = self.state();
        let checkpoint = Checkpoint {
            size: state.size,
            dump: dump.unwrap_or_default(),
            cursor: self.output.journal().first_cursor(),
        };
        for asker in state.askers.drain(..) {
            drop(asker.send(checkpoint.clone()));
        }
        state.last = Some(checkpoint);
    }

    /// What follows a checkpoint, unless a size is among it: that draws the scrollback anew.
    fn next_output(&self) -> Option<Vec<Bytes>> {
        let journal = self.output.journal();
        let entries = journal.read(&mut journal.first_cursor(), usize::MAX).ok()?;
        let outputs = entries.into_iter().map(|entry| match entry.event {
            Event::Output(bytes) => Some(bytes),
            Event::Resize(_) => None,
        });
        outputs.collect()
    }

    /// Lends the emulator, if there is one, to a thread.
    async fn lend<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Screen) -> T + Send + 'static,
    ) -> Option<T> {
        let mut screen = self.state().take()?;
        let worked = spawn_blocking(move || {
            let value = work(&mut screen);
            (screen, value)
        });
        let worked = worked.await;
        let mut state = self.state();
        match worked {
            Ok((screen, value)) => {
                state.emulator = Emulator::Here(screen);
                Some(value)
            }
            Err(error) => {
                tracing::error!(%error, "emulator failed, a terminal loses its older lines");
                state.emulator = Emulator::Here(state.empty());
                None
            }
        }
    }

    /// Ends the task that folds, unless something came in meanwhile.
    fn stop(&self) -> bool {
        let mut state = self.state();
        state.running = !state.askers.is_empty() || self.is_due();
        !state.running
    }

    /// The last checkpoint, or that of a terminal that has everything in its journal.
    fn ready(&self, state: &State) -> Option<Checkpoint> {
        let fresh = || Checkpoint {
            size: state.size,
            dump: Bytes::new(),
            cursor: self.output.journal().first_cursor(),
        };
        let is_fresh = matches!(state.emulator, Emulator::None);
        state.last.clone().or_else(|| is_fresh.then(fresh))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn empty(&self) -> Box<Screen> {
        let TerminalSize { cols, rows } = self.size;
        Box::new(Screen::new(cols, rows, SCROLLBACK_LINES))
    }

    /// Makes the emulator.
    fn begin(&mut self) {
        if matches!(self.emulator, Emulator::None) {
            self.emulator = Emulator::Here(self.empty());
        }
    }

    /// Takes the emulator, to be brought back.
    fn take(&mut self) -> Option<Box<Screen>> {
        match mem::replace(&mut self.emulator, Emulator::Lent) {
            Emulator::Here(screen) => Some(screen),
            other => {
                self.emulator = other;
                None
            }
        }
    }
}
