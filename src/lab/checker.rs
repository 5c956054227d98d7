//! Runs a lab's checks: quietly, each in a shell of its own beside the terminals.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use tokio::sync::mpsc;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    event::{BlockPlace, CheckResult},
    judge::{Verdict, judge_check},
};
use crate::{
    scenario::Block,
    terminal::{
        Launcher,
        plain::plain_text,
        pty::Sessions,
        quiet::{self, QuietEnd},
    },
};

/// How many checks of a lab run at once; one more waits, or is refused where somebody asked.
pub(super) const MAX_CHECKS: usize = 4;

/// How long a check may take whose author says nothing.
const LIMIT: Duration = Duration::from_secs(60);

/// A check that has ended.
#[derive(Debug)]
pub(super) struct CheckEnd {
    pub(super) place: BlockPlace,
    pub(super) result: CheckResult,
}

/// Starts checks, and hears of their ends.
#[derive(Debug)]
pub(super) struct Checker {
    launcher: Launcher,
    sessions: Arc<Sessions>,
    cancel: CancellationToken,
    tracker: TaskTracker,
    /// Holds the ends of all that may run at once, so that no check waits to tell of its own.
    ends: mpsc::Sender<CheckEnd>,
}

impl Checker {
    /// Makes a checker whose shells end with `cancel`, and what hears of its checks' ends.
    pub(super) fn new(
        launcher: Launcher,
        sessions: Arc<Sessions>,
        cancel: CancellationToken,
        tracker: TaskTracker,
    ) -> (Self, mpsc::Receiver<CheckEnd>) {
        let (ends, ended) = mpsc::channel(MAX_CHECKS);
        let checker = Self {
            launcher,
            sessions,
            cancel,
            tracker,
            ends,
        };
        (checker, ended)
    }

    /// Runs a check. Its end is told in any case, unless the lab ends before.
    pub(super) fn start(&self, place: BlockPlace, block: &Block) {
        let (launcher, sessions) = (self.launcher.clone(), self.sessions.clone());
        let (cancel, ends) = (self.cancel.clone(), self.ends.clone());
        let expectation = block.expectation.clone();
        let text = block.invocation.command.clone();
        self.tracker.spawn(async move {
            let began = SystemTime::now();
            let limit = expectation.timeout.unwrap_or(LIMIT);
            let ran = quiet::run(&launcher, &text, limit, &sessions, &cancel).await;
            let (verdict, output) = match ran {
                Ok((QuietEnd::Cancelled, _)) => return,
                Ok((end, output)) => {
                    let output = plain_text(&output.into_bytes());
                    (judge_check(&expectation, &end, limit, &output), output)
                }
                Err(error) => {
                    let (reason, hint) = (error.to_string(), Some(error.hint()));
                    (Verdict::Failed { reason, hint }, String::new())
                }
            };
            let result = CheckResult {
                verdict,
                output: output.into(),
                began,
                ended: SystemTime::now(),
            };
            // A lab that has ended needs no results.
            drop(ends.send(CheckEnd { place, result }).await);
        });
    }
}
