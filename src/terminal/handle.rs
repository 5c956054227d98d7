//! What others hold of a terminal: a way to type, to watch, and to hear of its shell.

use std::{
    collections::HashMap,
    panic::AssertUnwindSafe,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use futures_util::FutureExt;
use tokio::sync::{mpsc, oneshot};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    Launcher,
    journal::TerminalSize,
    occupation::Occupant,
    output::{Checkpoint, Output},
    pace::Pace,
    pty::Sessions,
    runs::{Part, Run, RunNumber},
    task,
    tracking::Stage,
};

/// How many requests may wait for a terminal's task. A client that types faster waits; a run that
/// finds no room is refused.
const INBOX: usize = 256;

/// How much of runs may wait for one terminal, the largest block of the largest page twice. A run
/// that finds no room is refused.
const WAITING_RUN_BYTES: usize = 8 * 1024 * 1024;

/// What a run counts beyond its text, so that no more than 512 can wait.
const RUN_BYTES: usize = 16 * 1024;

/// How many clients' input is remembered; the one that typed longest ago is forgotten first.
const REMEMBERED_CLIENTS: usize = 64;

/// Holds a terminal. The terminal ends when the token of all of them is cancelled, or by
/// [`end`](Self::end).
#[derive(Debug, Clone)]
pub struct TerminalHandle {
    inbox: mpsc::Sender<Request>,
    output: Arc<Output>,
    pace: Arc<Pace>,
    received: Arc<Received>,
    waiting_run_bytes: Arc<AtomicUsize>,
    end: CancellationToken,
}

/// The text of a run, which counts as waiting until the terminal has let go of it.
#[derive(Debug)]
struct Waiting {
    text: Bytes,
    all: Arc<AtomicUsize>,
}

impl AsRef<[u8]> for Waiting {
    fn as_ref(&self) -> &[u8] {
        &self.text
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.all
            .fetch_sub(self.text.len() + RUN_BYTES, Ordering::Relaxed);
    }
}

/// What a terminal is asked to do.
#[derive(Debug)]
pub(super) enum Request {
    Run(Run),
    Input {
        client: Arc<str>,
        generation: u32,
        offset: u64,
        bytes: Bytes,
    },
    Resize(TerminalSize),
    Interrupt,
    Cancel(RunNumber),
    Restart,
    Retire(bool),
    Clear,
    StopPlaying,
    Checkpoint(oneshot::Sender<Checkpoint>),
}

/// What a terminal tells its lab.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TerminalEvent {
    /// The terminal's number.
    pub terminal: u16,
    /// What happened.
    pub news: News,
}

/// What happened in a terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// Its shell started, ended or failed to start.
    Status {
        /// Names the shell: grows with each, over instances of a lab too.
        generation: u32,
        /// How it stands now.
        status: Status,
    },
    /// A run that looks at how its terminal stands is typed next.
    Accepted(RunNumber),
    /// A run that asked is given up, because this stands in the terminal.
    Busy(RunNumber, Occupant),
    /// A run that waited for a prompt was taken back.
    Cancelled(RunNumber),
    /// Runs that were to be typed wait on, because what was interrupted goes on and does not read.
    Deferred(Vec<RunNumber>, Occupant),
    /// All of a run was typed.
    Typed(RunNumber),
    /// Something became of a run that was typed.
    Stage(RunNumber, Stage),
    /// Runs were given up, because the shell they waited for ended or did not start.
    Dropped(Vec<RunNumber>),
    /// What that client typed, or an interrupt of a command, was refused, because too much is
    /// waiting for a program that reads none.
    InputFull(Option<Arc<str>>),
}

/// Whether a shell runs in a terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// It starts as soon as a size is known.
    Waiting,
    /// It runs.
    Running,
    /// It ended.
    Exited(super::pty::Exit),
    /// It could not be started.
    Failed {
        /// Why.
        message: String,
        /// What to do about it.
        hint: String,
    },
}

/// How many bytes of each client's input the terminal's present shell was given.
#[derive(Debug, Default)]
pub(super) struct Received(Mutex<Counts>);

#[derive(Debug, Default)]
struct Counts {
    generation: u32,
    /// Bytes, and when they last grew, counted in inputs.
    clients: HashMap<Arc<str>, (u64, u64)>,
    inputs: u64,
}

/// What a terminal needs to live.
#[derive(Debug, Clone)]
pub struct Surroundings {
    /// Its number.
    pub number: u16,
    /// What starts its shells.
    pub launcher: Launcher,
    /// The generation before that of its first shell.
    pub last_generation: u32,
    /// How long a run waits after an interrupt.
    pub patience: Duration,
    /// Who hears of it. The terminal waits when this is full.
    pub events: mpsc::Sender<TerminalEvent>,
    /// Where its shells' sessions are noted, to be ended with the lab.
    pub sessions: Arc<Sessions>,
    /// Ends it.
    pub cancel: CancellationToken,
    /// Counts it, so that the end can be waited for.
    pub tracker: TaskTracker,
}

/// The terminal has no room for a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Full;

impl TerminalHandle {
    /// Brings a terminal to life. Its shell starts with the first [`resize`](Self::resize).
    #[must_use]
    pub fn spawn(mut surroundings: Surroundings) -> Self {
        let (inbox, requests) = mpsc::channel(INBOX);
        let end = surroundings.cancel.child_token();
        surroundings.cancel = end.clone();
        let handle = Self {
            inbox,
            output: Arc::new(Output::new()),
            pace: Arc::default(),
            received: Arc::default(),
            waiting_run_bytes: Arc::default(),
            end,
        };
        let tracker = surroundings.tracker.clone();
        let (output, pace) = (handle.output.clone(), handle.pace.clone());
        let received = handle.received.clone();
        let (number, events) = (surroundings.number, surroundings.events.clone());
        let counts = received.clone();
        let terminal = task::Terminal::new(surroundings, output, pace, received);
        // Each future that holds another by value has room for it twice.
        let terminal = Box::pin(terminal.run(requests));
        tracker.spawn(async move {
            if let Some(status) = failure(terminal).await {
                let generation = counts.lock().generation;
                let news = News::Status { generation, status };
                let event = TerminalEvent {
                    terminal: number,
                    news,
                };
                // Without a lab there is nobody to be told.
                drop(events.send(event).await);
            }
        });
        handle
    }

    /// Ends this terminal alone. What it wrote can still be read.
    pub fn end(&self) {
        self.end.cancel();
    }

    /// What the terminal wrote.
    #[must_use]
    pub fn output(&self) -> &Arc<Output> {
        &self.output
    }

    /// Who sets its pace.
    #[must_use]
    pub fn pace(&self) -> &Arc<Pace> {
        &self.pace
    }

    /// How many bytes of `client`'s input arrived, and in which generation.
    #[must_use]
    pub fn received(&self, client: &str) -> (u32, u64) {
        let counts = self.received.lock();
        (
            counts.generation,
            counts.clients.get(client).map_or(0, |(bytes, _)| *bytes),
        )
    }

    /// Adds a run. It starts the shell where none runs.
    ///
    /// # Errors
    ///
    /// [`Full`] when the terminal has too much waiting, or has ended.
    pub fn run(&self, mut run: Run) -> Result<(), Full> {
        for part in &mut run.parts {
            if let Part::Text(text) = part {
                let count = text.len() + RUN_BYTES;
                let all = self.waiting_run_bytes.clone();
                let others = all.fetch_add(count, Ordering::Relaxed);
                let text = std::mem::take(text);
                // Dropping it takes the count back.
                let waiting = Waiting { text, all };
                if others > 0 && others + count > WAITING_RUN_BYTES {
                    return Err(Full);
                }
                *part = Part::Text(Bytes::from_owner(waiting));
            }
        }
        self.inbox.try_send(Request::Run(run)).map_err(|_| Full)
    }

    /// Types what a person typed. `offset` counts the client's earlier bytes in this generation.
    pub async fn input(&self, client: Arc<str>, generation: u32, offset: u64, bytes: Bytes) {
        self.ask(Request::Input {
            client,
            generation,
            offset,
            bytes,
        })
        .await;
    }

    /// Changes the size, and starts the shell where none ran yet.
    pub async fn resize(&self, size: TerminalSize) {
        self.ask(Request::Resize(size)).await;
    }

    /// Types Ctrl-C, before all runs that wait.
    ///
    /// # Errors
    ///
    /// [`Full`] when the terminal has too many requests waiting, or has ended.
    pub fn interrupt(&self) -> Result<(), Full> {
        self.inbox.try_send(Request::Interrupt).map_err(|_| Full)
    }

    /// Takes back a run that waits for a prompt; one that is typed by now is not.
    ///
    /// # Errors
    ///
    /// [`Full`] when the terminal has too many requests waiting, or has ended.
    pub fn cancel(&self, run: RunNumber) -> Result<(), Full> {
        self.inbox.try_send(Request::Cancel(run)).map_err(|_| Full)
    }

    /// Ends the shell, if one runs, and starts another.
    ///
    /// # Errors
    ///
    /// [`Full`] when the terminal has too many requests waiting, or has ended.
    pub fn restart(&self) -> Result<(), Full> {
        self.inbox.try_send(Request::Restart).map_err(|_| Full)
    }

    /// Has the shell end as soon as nothing else has run in the terminal for a moment, or live on.
    ///
    /// # Errors
    ///
    /// [`Full`] when the terminal has too many requests waiting, or has ended.
    pub fn retire(&self, retires: bool) -> Result<(), Full> {
        self.inbox
            .try_send(Request::Retire(retires))
            .map_err(|_| Full)
    }

    /// Clears screen and scrollback for everybody.
    ///
    /// # Errors
    ///
    /// [`Full`] when the terminal has too many requests waiting, or has ended.
    pub fn clear(&self) -> Result<(), Full> {
        self.inbox.try_send(Request::Clear).map_err(|_| Full)
    }

    /// Ends a recording that is shown, or that waits to be.
    ///
    /// # Errors
    ///
    /// [`Full`] when the terminal has too many requests waiting, or has ended.
    pub fn stop_playing(&self) -> Result<(), Full> {
        self.inbox.try_send(Request::StopPlaying).map_err(|_| Full)
    }

    /// The state from which a client can follow; nothing when the terminal has ended.
    pub async fn checkpoint(&self) -> Option<Checkpoint> {
        let (answer, checkpoint) = oneshot::channel();
        self.ask(Request::Checkpoint(answer)).await;
        checkpoint.await.ok()
    }

    /// Waits for room; a terminal that has ended needs no requests.
    async fn ask(&self, request: Request) {
        if self.inbox.send(request).await.is_err() {
            tracing::trace!("terminal has ended");
        }
    }
}

/// Runs a terminal to its end; says how the terminal stands if that was a fault of ours.
async fn failure(terminal: impl Future<Output = ()>) -> Option<Status> {
    // What the terminal shares is behind locks that outlive a panic, and nothing else of it stays.
    AssertUnwindSafe(terminal).catch_unwind().await.err()?;
    Some(Status::Failed {
        message: "katahost failed in this terminal".to_owned(),
        hint: "start the lab over; and please report what you did".to_owned(),
    })
}

impl Received {
    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins to count anew for another shell.
    pub(super) fn begin(&self, generation: u32) {
        *self.lock() = Counts {
            generation,
            ..Counts::default()
        };
    }

    /// What of `bytes` is new, given that they stand at `offset` in the client's input.
    pub(super) fn accept(&self, client: Arc<str>, offset: u64, bytes: &Bytes) -> Bytes {
        let mut counts = self.lock();
        counts.inputs += 1;
        let now = counts.inputs;
        if counts.clients.len() >= REMEMBERED_CLIENTS && !counts.clients.contains_key(&client) {
            let oldest = counts.clients.iter().min_by_key(|(_, (_, at))| *at);
            if let Some(oldest) = oldest.map(|(client, _)| client.clone()) {
                counts.clients.remove(&oldest);
            }
        }
        let (received, at) = counts.clients.entry(client).or_default();
        *at = now;
        let known = usize::try_from(received.saturating_sub(offset)).unwrap_or(usize::MAX);
        let new = bytes.slice(known.min(bytes.len())..);
        *received = (*received).max(offset.saturating_add(bytes.len() as u64));
        new
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::terminal::occupation::When;

    #[test]
    fn repeated_input_is_taken_once() {
        let received = Received::default();
        let accept = |offset, text: &'static str| {
            received.accept(
                "client".into(),
                offset,
                &Bytes::from_static(text.as_bytes()),
            )
        };
        assert_eq!(accept(0, "abc"), "abc");
        assert_eq!(accept(0, "abc"), "");
        assert_eq!(accept(2, "cde"), "de");
        assert_eq!(accept(9, "x"), "x");
    }

    #[tokio::test]
    async fn terminal_that_fails_says_so() {
        assert_eq!(failure(async {}).await, None);
        let broken = async { assert!(std::hint::black_box(false), "a fault made by a test") };
        assert!(matches!(failure(broken).await, Some(Status::Failed { .. })));
    }

    fn text(bytes: usize) -> Run {
        Run {
            number: 0,
            parts: [Part::Text(vec![b'x'; bytes].into())].into(),
            when: When::Now,
            prompt: None,
        }
    }

    #[test]
    fn runs_that_wait_have_a_bound() {
        let (inbox, mut requests) = mpsc::channel(INBOX);
        let handle = TerminalHandle {
            inbox,
            output: Arc::new(Output::new()),
            pace: Arc::default(),
            received: Arc::default(),
            waiting_run_bytes: Arc::default(),
            end: CancellationToken::new(),
        };
        assert_eq!(handle.run(text(WAITING_RUN_BYTES * 2)), Ok(()), "the first");
        assert_eq!(handle.run(text(1)), Err(Full));
        drop(requests.try_recv().unwrap());
        let mut waiting = Vec::new();
        while handle.run(text(1)) == Ok(()) {
            waiting.push(requests.try_recv().unwrap());
        }
        assert_eq!(waiting.len(), WAITING_RUN_BYTES / (RUN_BYTES + 1));
        drop(waiting);
        assert_eq!(handle.waiting_run_bytes.load(Ordering::Relaxed), 0);
    }

    proptest! {
        /// Frames repeat and overlap as after lost connections, but skip nothing.
        #[test]
        fn prop_whatever_is_repeated_is_typed_once(
            steps in prop::collection::vec((0usize..200, 0usize..60), 1..60)
        ) {
            let whole: Vec<u8> = (0..=255).cycle().take(8_000).collect();
            let received = Received::default();
            let mut typed = Vec::new();
            for (back, length) in steps {
                let start = typed.len().saturating_sub(back);
                let frame = Bytes::copy_from_slice(&whole[start..start + length]);
                typed.extend_from_slice(&received.accept("c".into(), start as u64, &frame));
            }
            prop_assert_eq!(&typed[..], &whole[..typed.len()]);
        }

        #[test]
        fn prop_any_offset_is_taken_without_panic_and_memory_has_a_bound(
            inputs in prop::collection::vec((any::<u16>(), any::<u64>(), 0usize..9), 0..300)
        ) {
            let received = Received::default();
            for (client, offset, length) in inputs {
                let bytes = Bytes::from(vec![0; length]);
                let new = received.accept(client.to_string().into(), offset, &bytes);
                prop_assert!(new.len() <= length);
            }
            prop_assert!(received.lock().clients.len() <= REMEMBERED_CLIENTS);
        }
    }

    #[test]
    fn absurd_offset_does_no_harm() {
        let received = Received::default();
        let bytes = Bytes::from_static(b"x");
        assert_eq!(received.accept("client".into(), u64::MAX, &bytes), "x");
        assert_eq!(received.accept("client".into(), 0, &bytes), "");
    }
}
