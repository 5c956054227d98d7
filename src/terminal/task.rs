//! The task that owns a terminal: its shell, its history, and the order of what is typed.

mod output;
mod playing;
mod runs;
mod shell;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::mpsc,
    time::sleep_until,
};

use self::runs::{reads, view};
use super::{
    aftermath::Aftermath,
    handle::{News, Received, Request, Surroundings, TerminalEvent},
    history::History,
    interruption,
    journal::{Event, TerminalSize},
    output::Output,
    pace::{Pace, Permission},
    playback::Playback,
    pty::{self, Pty},
    query::QueryScanner,
    retirement::Retirement,
    runs::{Admission, INTERRUPT, Next, Runs},
    tracking::Tracking,
    writes::Writes,
};

/// The size of a terminal that no client shows.
const DEFAULT_SIZE: TerminalSize = TerminalSize { cols: 80, rows: 24 };

/// How often a waiting run looks whether it may go on.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// How often a run looks that waits for a prompt for as long as it takes.
const LOOK_PATIENTLY: Duration = Duration::from_millis(100);

/// How soon a recording goes on that comes in many small pieces.
const PLAY_PAUSE: Duration = Duration::from_millis(5);

/// What a person types to end a recording, as well as a program.
const CTRL_C: u8 = 0x03;

pub(super) struct Terminal {
    around: Surroundings,
    output: Arc<Output>,
    pace: Arc<Pace>,
    received: Arc<Received>,
    history: History,
    scanner: QueryScanner,
    runs: Runs,
    tracking: Tracking,
    aftermath: Aftermath,
    writes: Writes,
    size: Option<TerminalSize>,
    /// The recording that is shown. Programs are not read meanwhile.
    playback: Option<Playback>,
    /// Where the latest prompt begins.
    prompt_at: Option<u64>,
    pty: Option<Pty>,
    /// Whether the last process has closed the terminal, so that there is nothing left to read.
    drained: bool,
    generation: u32,
    /// When the shell starts even without a client's size.
    start_at: Option<Instant>,
    retirement: Retirement,
    /// When the viewers of a flood are told that it is over.
    flood_ends_at: Option<Instant>,
}

impl Terminal {
    pub(super) fn new(
        around: Surroundings,
        output: Arc<Output>,
        pace: Arc<Pace>,
        received: Arc<Received>,
    ) -> Self {
        Self {
            history: History::new(output.clone(), DEFAULT_SIZE),
            runs: Runs::new(around.patience),
            scanner: QueryScanner::default(),
            tracking: Tracking::default(),
            aftermath: Aftermath::default(),
            writes: Writes::default(),
            size: None,
            playback: None,
            prompt_at: None,
            pty: None,
            drained: false,
            generation: 0,
            start_at: None,
            retirement: Retirement::default(),
            flood_ends_at: None,
            around,
            output,
            pace,
            received,
        }
    }

    /// Lives until the token is cancelled.
    pub(super) async fn run(mut self, mut requests: mpsc::Receiver<Request>) {
        let cancel = self.around.cancel.clone();
        // Before the first shell starts, or its end could be missed.
        let mut children = signal(SignalKind::child()).ok();
        loop {
            let look_again = self.advance().await;
            let full = self.history.is_full();
            let permission = self.pace.permission(self.output.end(), Instant::now());
            let playing = self.playback.is_some();
            let (room, awake_by) = match permission {
                Permission::Read(room) => (room, None),
                Permission::WaitUntil(deadline) => (0, Some(deadline)),
            };
            let may_read = room > 0 && !self.drained && !full && !playing;
            let alarm = [look_again, awake_by, self.start_at, self.flood_ends_at]
                .into_iter()
                .flatten()
                .min();
            tokio::select! {
                () = cancel.cancelled() => break,
                request = requests.recv() => match request {
                    Some(request) => self.handle(request).await,
                    None => break,
                },
                () = readable(self.pty.as_ref()), if may_read => {
                    if self.read(room).await >= room {
                        // A flooding terminal must not own its worker.
                        tokio::task::yield_now().await;
                    }
                }
                () = self.history.folded(), if full => {}
                () = writable(self.pty.as_ref()), if !self.writes.is_empty() => {}
                () = self.pace.acknowledged(), if awake_by.is_some() => {}
                () = child_changed(children.as_mut()), if self.pty.is_some() => self.reap().await,
                () = sleep_until(alarm.unwrap_or_else(Instant::now).into()), if alarm.is_some() => {}
            }
        }
        self.end().await;
    }

    /// Starts what is due and types what may be typed. Returns when to look again.
    async fn advance(&mut self) -> Option<Instant> {
        let now = Instant::now();
        if self.start_at.is_some_and(|start_at| now >= start_at) {
            self.start(self.size.unwrap_or(DEFAULT_SIZE)).await;
        }
        if self.flood_ends_at.is_some_and(|ends_at| now >= ends_at) {
            self.announce();
        }
        let mut look_again = self.look(now);
        let retires_at = self.retire(now).await;
        self.play(now).await;
        while let Some(pty) = self.pty.as_ref().filter(|_| self.may_type()) {
            if self.runs.has_text_next() {
                let sight = self.sight(pty);
                if self.tracking.holds(sight, pty::sleeps, now) {
                    look_again = Some(now + LOOK_AGAIN);
                    break;
                }
            }
            match self.runs.next(|| view(pty), || reads(pty), now) {
                Next::Interrupt(bytes) => {
                    self.pace.interrupt(self.output.end());
                    self.tracking.input(now);
                    self.writes.push(bytes);
                }
                Next::Type(run, text, prompt) => {
                    let moment = self.moment();
                    self.aftermath.typed(run, &text, prompt, moment, now);
                    self.tracking.typed(run, &text, moment, now);
                    self.writes.push(text);
                }
                Next::Play(run, film) => {
                    self.begin_to_play(run, film, now).await;
                    self.tell(News::Typed(run)).await;
                }
                Next::Finished(run) => self.tell(News::Typed(run)).await,
                Next::Deferred(runs) => {
                    let occupant = self.occupant();
                    self.tell(News::Deferred(runs, occupant)).await;
                }
                Next::Wait => {
                    look_again = Some(now + LOOK_AGAIN);
                    break;
                }
                Next::Idle => match self.admit(now) {
                    None => break,
                    Some(Admission::Wait) => {
                        let patiently = if self.runs.asks() {
                            LOOK_AGAIN
                        } else {
                            LOOK_PATIENTLY
                        };
                        let again = now + patiently;
                        look_again = Some(look_again.map_or(again, |look| look.min(again)));
                        break;
                    }
                    Some(Admission::Accepted(run)) => self.tell(News::Accepted(run)).await,
                    Some(Admission::Refused(run)) => {
                        let occupant = self.occupant();
                        self.tell(News::Busy(run, occupant)).await;
                    }
                },
            }
        }
        self.write();
        self.tell_stages().await;
        let playing = self.playback.as_ref().map(|playback| {
            // A full history takes more as soon as it was folded.
            playback.due().max(now + PLAY_PAUSE)
        });
        [look_again, playing, retires_at]
            .into_iter()
            .flatten()
            .min()
    }

    fn may_type(&self) -> bool {
        self.playback.is_none() && !self.writes.is_full()
    }

    async fn handle(&mut self, request: Request) {
        match request {
            Request::Run(run) => self.accept(run).await,
            Request::Input {
                client,
                generation,
                offset,
                bytes,
            } => {
                if generation == self.generation && self.pty.is_some() {
                    let bytes = self.received.accept(client.clone(), offset, &bytes);
                    self.type_input(bytes, Some(client)).await;
                }
            }
            Request::Resize(size) => self.resize(size).await,
            Request::Interrupt => self.type_input(INTERRUPT, None).await,
            Request::Cancel(run) => {
                if self.runs.cancel(run) {
                    self.tell(News::Cancelled(run)).await;
                }
            }
            Request::Restart => {
                self.stop().await;
                self.start(self.size.unwrap_or(DEFAULT_SIZE)).await;
            }
            Request::Retire(retires) => self.retirement.set(retires),
            Request::Clear => self.clear(),
            Request::StopPlaying => self.stop_playing().await,
            Request::Checkpoint(answer) => self.history.checkpoint(answer),
        }
    }

    async fn type_input(&mut self, bytes: Bytes, client: Option<Arc<str>>) {
        if bytes.contains(&CTRL_C) && self.playback.is_some() {
            return self.stop_playing().await;
        }
        if interruption::interrupts(&bytes) {
            self.pace.interrupt(self.output.end());
        }
        self.retirement.put_off();
        if self.writes.has_room(bytes.len()) {
            self.tracking.input(Instant::now());
            self.writes.push(bytes);
        } else {
            self.tell(News::InputFull(client)).await;
        }
    }

    async fn resize(&mut self, size: TerminalSize) {
        let size = size.clamped();
        let first = self.size.is_none();
        if self.size.replace(size) == Some(size) {
            return;
        }
        if let Some(pty) = &self.pty {
            if let Err(error) = pty.resize(size.cols, size.rows) {
                tracing::debug!(terminal = self.around.number, %error, "resize failed");
            }
            self.resized(size).await;
        } else if first {
            self.start(size).await;
        } else {
            self.resized(size).await;
        }
    }

    async fn resized(&mut self, size: TerminalSize) {
        self.history.push(Event::Resize(size));
        self.history.fold();
        self.announce();
        while self.history.is_full() {
            self.history.folded().await;
        }
    }

    fn announce(&mut self) {
        self.flood_ends_at = self.output.announce();
    }

    /// Writes what the terminal takes now.
    fn write(&mut self) {
        let Some(pty) = &self.pty else { return };
        while let Some(front) = self.writes.front() {
            match pty.write(front) {
                Ok(written) => self.writes.advance(written),
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return,
                Err(error) => {
                    tracing::debug!(terminal = self.around.number, %error, "write failed");
                    self.writes.clear();
                }
            }
        }
    }

    /// Clears screen and scrollback. A line editor is asked to draw its prompt again.
    fn clear(&mut self) {
        let editor_waits = self.pty.as_ref().is_some_and(|pty| !pty.is_canonical());
        let sequence: &'static [u8] = if editor_waits {
            if self.writes.has_room(1) {
                self.writes.push(Bytes::from_static(b"\x0c"));
            }
            b"\x1b[3J"
        } else {
            b"\x1b[H\x1b[2J\x1b[3J"
        };
        self.history
            .push(Event::Output(Bytes::from_static(sequence)));
        self.announce();
    }

    async fn tell(&self, news: News) {
        let event = TerminalEvent {
            terminal: self.around.number,
            news,
        };
        if self.around.events.send(event).await.is_err() {
            tracing::trace!(terminal = self.around.number, "lab has ended");
        }
    }
}

async fn readable(pty: Option<&Pty>) {
    match pty {
        Some(pty) if pty.readable().await.is_ok() => {}
        _ => std::future::pending().await,
    }
}

async fn writable(pty: Option<&Pty>) {
    match pty {
        Some(pty) if pty.writable().await.is_ok() => {}
        _ => std::future::pending().await,
    }
}

async fn child_changed(children: Option<&mut Signal>) {
    match children {
        Some(children) => {
            children.recv().await;
        }
        None => std::future::pending().await,
    }
}
