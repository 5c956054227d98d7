//! Starts a terminal's shell, notices its end, and ends it.

use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use super::{LOOK_AGAIN, Terminal};
use crate::terminal::{
    handle::{News, Status},
    history::History,
    journal::{Event, TerminalSize},
    pty::{Exit, Pty, READ_BYTES, Read},
    query::QueryScanner,
};

/// How long processes get between the request to end and the end.
const HANG_UP_GRACE: Duration = Duration::from_millis(800);

/// How many reads empty a terminal whose shell has ended; a job that writes on is cut off there.
const LAST_READS: usize = 64;

impl Terminal {
    /// Starts a shell.
    pub(super) async fn start(&mut self, size: TerminalSize) {
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

    /// Notices that the shell ended.
    pub(super) async fn reap(&mut self) {
        let Some(exit) = self.pty.as_mut().and_then(Pty::try_wait) else {
            return;
        };
        self.ended(exit).await;
    }

    /// Takes in the last output of a shell that ended.
    async fn ended(&mut self, exit: Exit) {
        for _ in 0..LAST_READS {
            match self.pty.as_ref().map(|pty| pty.read(READ_BYTES)) {
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

    /// Ends the shell, by request and then by force.
    pub(super) async fn stop(&mut self) {
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

    /// Ends the shell of a terminal that retires, where nothing else has run for a moment. Returns
    /// when to look again.
    pub(super) async fn retire(&mut self, now: Instant) -> Option<Instant> {
        let Self {
            retirement,
            pty: Some(pty),
            ..
        } = self
        else {
            return None;
        };
        let quiet = self.playback.is_none() && self.tracking.is_idle();
        // A shell that edits no line may run something of its own.
        let is_used =
            || !quiet || pty.is_canonical() || !pty.leader_is_in_foreground() || pty.is_shared();
        let due = retirement.due(is_used, now)?;
        if due > now {
            return Some(due);
        }
        self.stop().await;
        None
    }

    /// Ends the shell; what it left behind is ended with the lab's sessions.
    pub(super) async fn end(mut self) {
        // Nobody needs to hear of it any more.
        let (nobody, _) = mpsc::channel(1);
        self.around.events = nobody;
        self.stop().await;
    }
}
