//! The task that owns a terminal: its shell, its history, and the order of what is typed.

mod playing;

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

use super::{
    aftermath::Aftermath,
    foreground,
    handle::{News, Received, Request, Status, Surroundings, TerminalEvent},
    history::History,
    journal::{Event, TerminalSize},
    mark::{Mark, MarkKind},
    occupation::Occupant,
    output::Output,
    pace::{Pace, Permission},
    playback::Playback,
    pty::{self, Exit, Pty, READ_BYTES, Read},
    query::{Found, Query, QueryScanner},
    runs::{Admission, INTERRUPT, Next, Run, Runs},
    settle::View,
    tracking::{Moment, Sight, Tracking},
    writes::Writes,
};

/// The size of a terminal that no client shows.
const DEFAULT_SIZE: TerminalSize = TerminalSize { cols: 80, rows: 24 };

/// How long a run waits for a client's size before the shell starts without one.
const SIZE_PATIENCE: Duration = Duration::from_millis(1500);

/// How often a waiting run looks whether it may go on.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// How often a run looks that waits for a prompt for as long as it takes.
const LOOK_PATIENTLY: Duration = Duration::from_millis(100);

/// How long processes get between the request to end and the end.
const HANG_UP_GRACE: Duration = Duration::from_millis(800);

/// How soon a recording goes on that comes in many small pieces.
const PLAY_PAUSE: Duration = Duration::from_millis(5);

/// What a person types to end a recording.
const CTRL_C: u8 = 0x03;

/// How much of a terminal's past is looked at for its prompt.
const PROMPT_BYTES: u64 = 16 * 1024;

/// How many reads empty a terminal whose shell has ended; a job that writes on is cut off there.
const LAST_READS: usize = 64;

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
            let (may_read, awake_by) = match permission {
                Permission::Read => (!self.drained && !full && !playing, None),
                Permission::WaitUntil(deadline) => (false, Some(deadline)),
            };
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
                    if self.read().await >= READ_BYTES {
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
        self.play(now).await;
        while let Some(pty) = self.pty.as_ref().filter(|_| self.may_type()) {
            if self.runs.has_text_next() {
                let sight = self.sight(pty);
                if self.tracking.holds(sight, pty::sleeps, now) {
                    look_again = Some(now + LOOK_AGAIN);
                    break;
                }
            }
            let view = || View {
                shell_in_foreground: pty.leader_is_in_foreground(),
                canonical: pty.is_canonical(),
            };
            match self.runs.next(view, now) {
                Next::Interrupt(bytes) => {
                    self.tracking.input(now);
                    self.writes.push(bytes);
                }
                Next::Type(run, text, prompt) => {
                    let moment = self.moment();
                    self.aftermath.typed(run, &text, prompt, moment, now);
                    self.tracking.typed(run, &text, now);
                    self.writes.push(text);
                }
                Next::Play(run, film) => {
                    self.begin_to_play(run, film, now).await;
                    self.tell(News::Typed(run)).await;
                }
                Next::Finished(run) => self.tell(News::Typed(run)).await,
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
        [look_again, playing].into_iter().flatten().min()
    }

    fn may_type(&self) -> bool {
        self.playback.is_none() && !self.writes.is_full()
    }

    /// Lets in a run that looks at how the terminal stands, or refuses it; nothing without one.
    fn admit(&mut self, now: Instant) -> Option<Admission> {
        let pty = self.pty.as_ref().filter(|_| self.runs.looks())?;
        let view = || View {
            shell_in_foreground: pty.leader_is_in_foreground(),
            canonical: pty.is_canonical(),
        };
        let sight = self.sight(pty);
        let full_screen = self.scanner.full_screen();
        let tracking = &mut self.tracking;
        let occupation =
            || tracking.occupation(sight, full_screen, pty::sleeps, foreground::reads, now);
        Some(self.runs.admit(view, occupation, now))
    }

    /// What keeps the terminal busy.
    fn occupant(&self) -> Occupant {
        let leader = self.pty.as_ref().and_then(Pty::leader);
        let foreground = self.pty.as_ref().and_then(Pty::foreground_leader);
        Occupant {
            program: foreground
                .filter(|_| foreground != leader)
                .and_then(foreground::name),
            since: self.tracking.running_since(),
        }
    }

    /// Looks after the runs that were typed. Returns when to look again.
    fn look(&mut self, now: Instant) -> Option<Instant> {
        let pty = self.pty.as_ref()?;
        if !self.tracking.is_idle() {
            let sight = self.sight(pty);
            self.tracking.look(sight, pty::sleeps, now);
        }
        if self.aftermath.is_due(now) {
            let sight = self.sight(pty);
            let full_screen = self.scanner.full_screen();
            let tracking = &mut self.tracking;
            let occupation =
                || tracking.occupation(sight, full_screen, pty::sleeps, foreground::reads, now);
            for (run, settled) in self.aftermath.look(occupation, now) {
                self.tracking.settled(run, settled);
            }
        }
        let looks = [self.tracking.next_look(now), self.aftermath.next_look(now)];
        looks.into_iter().flatten().min()
    }

    fn sight(&self, pty: &Pty) -> Sight {
        Sight {
            leader: pty.leader(),
            foreground: pty.foreground_leader(),
            editor: !pty.is_canonical(),
            read_up: self.writes.is_empty() && pty.is_read_up(),
        }
    }

    async fn tell_stages(&mut self) {
        for (run, stage) in self.tracking.take_news() {
            self.aftermath.stage(run, stage);
            self.tell(News::Stage(run, stage)).await;
        }
    }

    fn moment(&self) -> Moment {
        Moment::now(&self.output)
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
                    let bytes = self.received.accept(client, offset, &bytes);
                    self.type_input(bytes).await;
                }
            }
            Request::Resize(size) => self.resize(size).await,
            Request::Interrupt => self.type_input(INTERRUPT).await,
            Request::Cancel(run) => {
                if self.runs.cancel(run) {
                    self.tell(News::Cancelled(run)).await;
                }
            }
            Request::Restart => {
                self.stop().await;
                self.start(self.size.unwrap_or(DEFAULT_SIZE)).await;
            }
            Request::Clear => self.clear(),
            Request::StopPlaying => self.stop_playing().await,
            Request::Checkpoint(answer) => self.history.checkpoint(answer),
        }
    }

    async fn accept(&mut self, run: Run) {
        self.runs.push(run);
        if self.pty.is_some() {
            return;
        }
        match self.size {
            Some(size) => self.start(size).await,
            None => self.start_at = self.start_at.or(Some(Instant::now() + SIZE_PATIENCE)),
        }
    }

    async fn type_input(&mut self, bytes: Bytes) {
        if self.playback.is_some() && bytes.contains(&CTRL_C) {
            return self.stop_playing().await;
        }
        if self.writes.has_room(bytes.len()) {
            self.tracking.input(Instant::now());
            self.writes.push(bytes);
        } else {
            self.tell(News::InputFull).await;
        }
    }

    async fn resize(&mut self, size: TerminalSize) {
        let size = TerminalSize {
            cols: size.cols.clamp(2, 1000),
            rows: size.rows.clamp(1, 1000),
        };
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

    /// Starts a shell.
    async fn start(&mut self, size: TerminalSize) {
        self.start_at = None;
        self.size = Some(size);
        if self.generation == 0 {
            self.history = History::new(self.output.clone(), size);
            // Who came before the first size was known drew a terminal of the default size.
            self.history.push(Event::Resize(size));
        } else {
            let reset = self.scanner.reset_sequence();
            self.scanner = QueryScanner::default();
            self.history.push(Event::Output(reset));
        }
        self.generation = self.generation.max(self.around.last_generation) + 1;
        self.received.begin(self.generation);
        self.writes.clear();
        self.drained = false;
        let status = match self.around.launcher.launch(size) {
            Ok(pty) => {
                self.around.sessions.add(&pty);
                self.pty = Some(pty);
                let now = Instant::now();
                self.runs.shell_started(now);
                if self.around.launcher.tells_of_prompts() {
                    self.tracking.expect(now);
                }
                Status::Running
            }
            Err(error) => Status::Failed {
                message: error.to_string(),
                hint: error.hint(),
            },
        };
        let failed = self.pty.is_none();
        self.tell(News::Status {
            generation: self.generation,
            status,
        })
        .await;
        if failed {
            self.drop_runs().await;
        }
        self.announce();
    }

    /// Reads one turn's worth of output, and says how many bytes that was.
    async fn read(&mut self) -> usize {
        match self.pty.as_ref().map(Pty::read) {
            Some(Read::Bytes(bytes)) => {
                let length = bytes.len();
                self.wrote(bytes).await;
                return length;
            }
            Some(Read::End) => self.drained = true,
            Some(Read::Pending) | None => {}
        }
        0
    }

    /// Records what a program wrote and answers what it asked.
    async fn wrote(&mut self, mut bytes: Bytes) {
        self.runs.output(&bytes, Instant::now());
        self.tracking.output();
        let written = bytes.clone();
        while !bytes.is_empty() {
            let (taken, found) = self.scanner.scan(&bytes);
            self.history.push(Event::Output(bytes.split_to(taken)));
            match found {
                Some(Found::Query(query)) => {
                    let answer = self.answer(query).await;
                    // A program that asks a megabyte of questions reads no answers.
                    if self.writes.has_room(answer.len()) {
                        self.writes.push(answer);
                    }
                }
                Some(Found::Mark(mark)) => self.marked(mark),
                None => {}
            }
        }
        let moment = || Moment::now(&self.output);
        self.aftermath.output(&written, moment, Instant::now());
        self.history.fold();
        self.announce();
    }

    fn marked(&mut self, mark: Mark) {
        let Some(pty) = &self.pty else { return };
        if mark.kind == MarkKind::Prompt {
            self.prompt_at = Some(self.output.end());
        }
        let leader = pty.leader();
        self.tracking
            .mark(mark, self.moment(), leader, Instant::now());
    }

    async fn answer(&mut self, query: Query) -> Bytes {
        match query {
            Query::Fixed(answer) => answer.into(),
            Query::Cursor { private } => {
                let (row, col) = self.history.cursor().await;
                let mark = if private { "?" } else { "" };
                format!("\x1b[{mark}{row};{col}R").into()
            }
            Query::Size => {
                let size = self.size.unwrap_or(DEFAULT_SIZE);
                format!("\x1b[8;{};{}t", size.rows, size.cols).into()
            }
        }
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

    /// Notices that the shell ended.
    async fn reap(&mut self) {
        let Some(exit) = self.pty.as_mut().and_then(Pty::try_wait) else {
            return;
        };
        self.ended(exit).await;
    }

    /// Takes in the last output of a shell that ended.
    async fn ended(&mut self, exit: Exit) {
        for _ in 0..LAST_READS {
            match self.pty.as_ref().map(Pty::read) {
                Some(Read::Bytes(bytes)) => self.wrote(bytes).await,
                _ => break,
            }
        }
        self.pty = None;
        self.prompt_at = None;
        self.finish_playing().await;
        self.writes.clear();
        self.tracking.shell_ended(exit.code, self.moment());
        self.tell_stages().await;
        self.aftermath.forget();
        let status = Status::Exited(exit);
        self.tell(News::Status {
            generation: self.generation,
            status,
        })
        .await;
        self.drop_runs().await;
    }

    async fn drop_runs(&mut self) {
        let dropped = self.runs.clear();
        if !dropped.is_empty() {
            self.tell(News::Dropped(dropped)).await;
        }
    }

    /// Ends the shell, by request and then by force.
    async fn stop(&mut self) {
        let Some(pty) = &mut self.pty else { return };
        pty.hang_up();
        let mut deadline = Instant::now() + HANG_UP_GRACE;
        let mut killed = false;
        let exit = loop {
            if let Some(exit) = pty.try_wait() {
                break exit;
            }
            if Instant::now() >= deadline {
                if killed {
                    break Exit {
                        code: None,
                        signal: Some("Killed".to_owned()),
                    };
                }
                pty.kill();
                // It is waited for, or it would stay in the system's list of processes.
                killed = true;
                deadline = Instant::now() + HANG_UP_GRACE;
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        };
        self.ended(exit).await;
    }

    /// Ends the shell; what it left behind is ended with the lab's sessions.
    async fn end(mut self) {
        // Nobody needs to hear of it any more.
        let (nobody, _) = mpsc::channel(1);
        self.around.events = nobody;
        self.stop().await;
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
