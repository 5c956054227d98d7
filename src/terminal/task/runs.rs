//! Looks after the runs of a terminal: lets them in, follows them, and tells of their stages.

use std::time::{Duration, Instant};

use super::Terminal;
use crate::terminal::{
    foreground,
    handle::News,
    occupation::Occupant,
    pty::{self, Pty},
    runs::{Admission, Run},
    settle::View,
    tracking::{Moment, Sight},
};

/// How long a run waits for a client's size before the shell starts without one.
const SIZE_PATIENCE: Duration = Duration::from_millis(1500);

impl Terminal {
    /// Takes a run, for which the shell starts if it has to.
    pub(super) async fn accept(&mut self, run: Run) {
        self.runs.push(run);
        if self.pty.is_some() {
            return;
        }
        match self.size {
            Some(size) => self.start(size).await,
            None => self.start_at = self.start_at.or(Some(Instant::now() + SIZE_PATIENCE)),
        }
    }

    /// Lets in a run that looks at how the terminal stands, or refuses it; nothing without one.
    pub(super) fn admit(&mut self, now: Instant) -> Option<Admission> {
        let pty = self.pty.as_ref().filter(|_| self.runs.looks())?;
        let sight = self.sight(pty);
        let full_screen = self.scanner.full_screen();
        let tracking = &mut self.tracking;
        let occupation =
            || tracking.occupation(sight, full_screen, pty::sleeps, foreground::reads, now);
        Some(
            self.runs
                .admit(|| view(pty), || reads(pty), occupation, now),
        )
    }

    /// What keeps the terminal busy.
    pub(super) fn occupant(&self) -> Occupant {
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
    pub(super) fn look(&mut self, now: Instant) -> Option<Instant> {
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

    pub(super) fn sight(&self, pty: &Pty) -> Sight {
        Sight {
            leader: pty.leader(),
            foreground: pty.foreground_leader(),
            editor: !pty.is_canonical(),
            read_up: self.writes.is_empty() && pty.is_read_up(),
        }
    }

    pub(super) async fn tell_stages(&mut self) {
        for (run, stage) in self.tracking.take_news() {
            self.aftermath.stage(run, stage);
            self.tell(News::Stage(run, stage)).await;
        }
    }

    pub(super) fn moment(&self) -> Moment {
        Moment::now(&self.output)
    }

    pub(super) async fn drop_runs(&mut self) {
        let dropped = self.runs.clear();
        if !dropped.is_empty() {
            self.tell(News::Dropped(dropped)).await;
        }
    }
}

/// What a run that waits looks at.
pub(super) fn view(pty: &Pty) -> View {
    View {
        shell_in_foreground: pty.leader_is_in_foreground(),
        canonical: pty.is_canonical(),
    }
}

/// Whether the program in the foreground sleeps in a read of the terminal; nothing where the
/// system does not tell.
pub(super) fn reads(pty: &Pty) -> Option<bool> {
    pty.foreground_leader().and_then(foreground::reads)
}
