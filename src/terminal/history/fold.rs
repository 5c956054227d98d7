//! Folding: what the journal holds too much goes into the emulator, on a thread of its own.
//!
//! The terminal's task only adds to the journal; one task per busy terminal reads it in large bites,
//! as a client does, and lends the emulator to a blocking thread for each. An event leaves the
//! journal only when the emulator has it, so that checkpoint and journal always meet. Whoever lost
//! their place gets a checkpoint of the present rather than of the journal's start: the lines of a
//! flood that are to be seen are far fewer than its bytes.

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

use super::apply;
use crate::terminal::{
    journal::{Cursor, Entry, Event, Journal, TerminalSize},
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
    /// How many bytes more there are before the journal is cut to what it keeps.
    pub(super) trim_bytes: u64,
    /// How many bytes are folded at once. Less is not worth a thread, and more would keep those
    /// waiting who ask for a checkpoint.
    pub(super) bite_bytes: usize,
    /// How close to the end a checkpoint is made: in a flood the end goes on meanwhile.
    pub(super) near_bytes: u64,
    /// How many bytes more the journal keeps for a dump's sake, so that in a flood all who have
    /// lost their place share one dump instead of having one made each.
    pub(super) hold_bytes: u64,
    /// How many bytes may wait to be folded. When there are more, the terminal is not read, and
    /// its program waits.
    pub(super) waiting_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            keep_bytes: 1024 * 1024,
            most_events: 4096,
            trim_bytes: 512 * 1024,
            bite_bytes: 512 * 1024,
            near_bytes: 64 * 1024,
            hold_bytes: 2 * 1024 * 1024,
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

/// What was folded so far.
#[derive(Debug)]
struct State {
    /// Up to where that is: the journal's first event, or later.
    reached: Cursor,
    /// The size there.
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

/// What is to be done next.
enum Job {
    /// Give the emulator these events, which reach up to there.
    Fold(Vec<Event>, Cursor),
    /// Answer those who ask.
    Dump,
    /// Drop what is before that from the journal.
    Trim(Cursor),
}

impl Fold {
    pub(super) fn new(limits: Limits, output: Arc<Output>, size: TerminalSize) -> Self {
        let reached = output.journal().first_cursor();
        Self {
            limits,
            state: Mutex::new(State {
                reached,
                size,
                emulator: Emulator::None,
                last: None,
                askers: Vec::new(),
                running: false,
            }),
            output,
            work: Notify::new(),
            folded: Notify::new(),
        }
    }

    /// Whether there is enough to fold.
    pub(super) fn is_due(&self) -> bool {
        self.is_due_in(&self.state())
    }

    fn is_due_in(&self, state: &State) -> bool {
        let more = if state.last.is_some() {
            self.limits.hold_bytes
        } else {
            self.limits.trim_bytes
        };
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
            self.work_off().await;
            if timeout(QUIET, self.work.notified()).await.is_ok() {
                continue;
            }
            // Nobody has lost their place for long, and the next dump will be another.
            self.state().last = None;
            self.work_off().await;
            self.lend(Screen::shrink).await;
            if self.stop() {
                return;
            }
        }
    }

    /// Does everything that is due.
    async fn work_off(&self) {
        while let Some(job) = self.next() {
            match job {
                Job::Fold(events, reached) => self.fold(events, reached).await,
                Job::Dump => self.dump().await,
                Job::Trim(behind) => self.trim(behind),
            }
        }
    }

    fn next(&self) -> Option<Job> {
        let state = self.state();
        let asked = !state.askers.is_empty();
        if !asked && !self.is_due_in(&state) {
            return None;
        }
        let journal = self.output.journal();
        let goal = journal.excess(self.limits.keep_bytes, self.limits.most_events / 2);
        let behind_by = journal.end() - state.reached.offset();
        if state.reached < goal || asked && behind_by > self.limits.near_bytes {
            let (events, reached) = self.bite(&journal, state.reached);
            return Some(Job::Fold(events, reached));
        }
        Some(if asked { Job::Dump } else { Job::Trim(goal) })
    }

    /// What the emulator takes next, and up to where that reaches.
    fn bite(&self, journal: &Journal, mut reached: Cursor) -> (Vec<Event>, Cursor) {
        let (mut events, mut room) = (Vec::new(), self.limits.bite_bytes);
        // The journal has everything from there on.
        while let Ok(entries) = journal.read(&mut reached, room) {
            if entries.is_empty() {
                break;
            }
            for Entry { event, .. } in entries {
                if let Event::Output(bytes) = &event {
                    room -= bytes.len();
                }
                events.push(event);
            }
        }
        (events, reached)
    }

    async fn fold(&self, events: Vec<Event>, reached: Cursor) {
        let size = events.iter().rev().find_map(|event| match event {
            Event::Resize(size) => Some(*size),
            Event::Output(_) => None,
        });
        self.state().begin();
        self.lend(move |screen| {
            for (index, event) in events.iter().enumerate() {
                // A size that lasted for nothing needs no drawing, which takes long.
                let passing = matches!(
                    events.get(index..index + 2),
                    Some([Event::Resize(_), Event::Resize(_)])
                );
                if !passing {
                    apply(screen, event);
                }
            }
        })
        .await;
        let mut state = self.state();
        state.size = size.unwrap_or(state.size);
        state.reached = reached;
    }

    fn trim(&self, behind: Cursor) {
        let mut state = self.state();
        state.last.take_if(|last| last.cursor < behind);
        self.output.journal().drop_before(behind);
        drop(state);
        self.folded.notify_one();
    }

    async fn dump(&self) {
        let dump = self.lend(|screen| Bytes::from(screen.dump())).await;
        let mut state = self.state();
        let checkpoint = Checkpoint {
            size: state.size,
            dump: dump.unwrap_or_default(),
            cursor: state.reached,
        };
        for asker in state.askers.drain(..) {
            drop(asker.send(checkpoint.clone()));
        }
        state.last = Some(checkpoint);
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
        state.running = !state.askers.is_empty() || self.is_due_in(&state);
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
