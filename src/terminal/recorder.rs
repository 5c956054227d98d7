//! Keeps what a lab's terminals wrote, with times, for as long as they live.
//!
//! One task reads all terminals of the lab, each through a cursor of its own, as a viewer does: no
//! terminal waits for it, and nothing is queued. What a terminal has written stays in its journal,
//! with the times noted here, until it is much or somebody asks; then it goes into a file that has
//! no name. Where a flood is faster than the disk, the file has a gap, and says how large it is.

mod record;
mod tape;
mod view;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::Notify, task::spawn_blocking, time::sleep};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use self::tape::Tape;
pub use self::{
    record::{Recorded, Records, Stretch},
    tape::{MAX_TAPE_BYTES, Stopped},
    view::{Signs, TapeView},
};
use super::handle::TerminalHandle;

/// How long more output is waited for, so that what is written in small pieces costs one turn. No
/// eye sees the difference.
const SETTLE: Duration = Duration::from_millis(10);

/// How long, where much waits already: in ten milliseconds a fast flood writes all that a journal
/// holds.
const SETTLE_IN_FLOOD: Duration = Duration::from_millis(2);
const MUCH_BYTES: u64 = 256 * 1024;

/// How much is left to a terminal's journal, which holds half as much again: the output of most
/// terminals is never written to a disk.
const LEFT_BYTES: u64 = 1024 * 1024;

/// How many turns are taken at once; a flood has no end.
const MOST_TURNS: usize = 64;

/// The recordings of a lab's terminals.
#[derive(Debug)]
pub struct Recorder {
    /// By number. Whoever reads them holds up nobody who adds one.
    tapes: Mutex<Vec<Arc<Mutex<Tape>>>>,
    /// Says that a terminal wrote something.
    news: Arc<Notify>,
}

impl Recorder {
    /// Begins to record, as yet no terminal.
    #[must_use]
    pub fn begin(cancel: CancellationToken, tracker: &TaskTracker) -> Arc<Self> {
        let recorder = Arc::new(Self {
            tapes: Mutex::default(),
            news: Arc::default(),
        });
        tracker.spawn(record(recorder.clone(), cancel));
        recorder
    }

    /// Records one terminal more, which has written nothing yet. They come in the order of their
    /// numbers.
    pub fn add(&self, number: u16, terminal: &TerminalHandle) {
        let tape = Tape::new(number, terminal.output().clone(), &self.news);
        lock(&self.tapes).push(Arc::new(Mutex::new(tape)));
    }

    /// The recordings as they are now, by terminal, with what was written until now.
    #[must_use]
    pub fn views(&self) -> Vec<TapeView> {
        self.catch_up();
        self.tapes().iter().map(|tape| lock(tape).view()).collect()
    }

    fn tapes(&self) -> Vec<Arc<Mutex<Tape>>> {
        lock(&self.tapes).clone()
    }

    /// Notes how far each terminal has come by now. Returns how many bytes of one wait at most.
    fn note(&self) -> u64 {
        // One that is being read is noted at its next output.
        let tapes = self.tapes();
        let free = tapes.iter().filter_map(|tape| tape.try_lock().ok());
        free.map(|mut tape| tape.note()).max().unwrap_or(0)
    }

    /// Takes what the terminals wrote until now.
    fn catch_up(&self) {
        for _ in 0..MOST_TURNS {
            if !self.drain() {
                break;
            }
        }
    }

    /// Takes a turn's worth of what the terminals wrote. Returns whether there may be more.
    fn drain(&self) -> bool {
        let mut more = false;
        for tape in self.tapes() {
            more |= lock(&tape).drain();
        }
        more
    }
}

async fn record(recorder: Arc<Recorder>, cancel: CancellationToken) {
    let mut settle = SETTLE;
    loop {
        tokio::select! {
            () = cancel.cancelled() => return,
            () = recorder.news.notified() => {}
        }
        sleep(settle).await;
        let waiting = recorder.note();
        settle = if waiting > MUCH_BYTES {
            SETTLE_IN_FLOOD
        } else {
            SETTLE
        };
        if waiting <= LEFT_BYTES {
            continue;
        }
        let recorder = recorder.clone();
        if spawn_blocking(move || recorder.catch_up()).await.is_err() {
            // A recorder that has failed records nothing more, and harms nobody.
            return;
        }
    }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
