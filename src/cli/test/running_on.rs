//! What goes on while a test does: it is watched, and at the end it is waited for.

use std::time::{Duration, Instant};

use super::{
    judge::Sight,
    plan::Act,
    player::{LOOK, Player, Stopped},
    sightings::{Run, Seen},
    verdict::{How, Problem, Verdict},
};
use crate::lab::event::{How as Settled, RunState};

/// How long news may be on their way at the end.
const LAST_NEWS: Duration = Duration::from_millis(150);

/// A run that goes on while others are played.
#[derive(Debug, Clone)]
pub(super) struct RunningOn {
    pub(super) case: usize,
    pub(super) act: Act,
    pub(super) run: Run,
    pub(super) terminal: u16,
    /// Where its terminal's output ended before it.
    pub(super) start: u64,
    /// Until when it is waited for, where nothing is known of it but that it runs.
    pub(super) until: Option<Instant>,
}

impl Player<'_> {
    /// No longer minds how that ends which runs in a terminal, as it is interrupted.
    pub(super) fn let_be_interrupted(&mut self, terminal: u16) {
        self.running_on.retain(|other| other.terminal != terminal);
    }

    /// Waits for those of which nothing is known but that they run, for all at once, each until its
    /// time is over; and for the end of shells that may be on its way.
    pub(super) async fn outlast(&mut self) -> Result<(), Stopped> {
        let news = Instant::now() + LAST_NEWS;
        loop {
            self.review();
            let now = Instant::now();
            let is_open = self.running_on.iter().any(|one| one.until.is_some());
            if !is_open && now >= news {
                return Ok(());
            }
            self.pump(now + LOOK).await?;
        }
    }

    /// Finds out what became of cases that go on.
    pub(super) fn review(&mut self) {
        self.drain();
        let running_on = std::mem::take(&mut self.running_on);
        for mut one in running_on {
            let Some(seen) = self.sightings.seen(&one.run).cloned() else {
                continue;
            };
            let verdict = match seen.state {
                RunState::Ended(code) => Some(self.sight(&one, &seen, |sight| sight.ended(code))),
                _ => self.still_runs(&one, &seen),
            };
            if let Some(verdict) = verdict {
                self.decide(&one, &seen, verdict);
                one.until = None;
            }
            if !matches!(seen.state, RunState::Ended(_)) {
                self.running_on.push(one);
            }
        }
        for (number, message) in std::mem::take(&mut self.sightings.gone) {
            let latest = self.latest.get(&number);
            if let Some(case) = latest.and_then(|index| self.cases.get_mut(*index))
                && matches!(case.verdict, Verdict::Passed(_))
            {
                let hint = "a learner's terminal is gone then; run in a subshell what exits";
                case.verdict = Verdict::Failed(Problem::new(message).with_hint(hint));
            }
        }
    }

    /// The verdict on a run of which nothing was known but that it goes on, once there is one.
    fn still_runs(&self, one: &RunningOn, seen: &Seen) -> Option<Verdict> {
        let until = one.until?;
        if seen.settled == Some(Settled::Input) {
            return Some(Verdict::Passed(How::Waits));
        }
        if self.has_failed() {
            return Some(Verdict::Skipped("something failed before it ended"));
        }
        if Instant::now() < until {
            return None;
        }
        match one.act.expectation.timeout {
            Some(timeout) => Some(self.sight(one, seen, |sight| sight.late(timeout))),
            None => Some(Verdict::Passed(How::RunsOn)),
        }
    }

    /// Takes in the verdict on a run that goes on, or went on.
    fn decide(&mut self, one: &RunningOn, seen: &Seen, verdict: Verdict) {
        let was_open = one.until.is_some();
        let exit_code = match seen.state {
            RunState::Ended(code) => Some(code),
            _ => None,
        };
        if was_open && matches!(verdict, Verdict::Passed(_)) {
            self.record(&one.act, Some(seen), one.terminal, one.start, exit_code);
        }
        if let Some(case) = self.cases.get_mut(one.case)
            && (was_open || matches!(verdict, Verdict::Failed(_)))
        {
            case.exit_code = exit_code;
            case.took = seen.took().or(case.took);
            case.verdict = verdict;
        }
    }

    fn sight(
        &self,
        one: &RunningOn,
        seen: &Seen,
        judge: impl FnOnce(Sight<'_>) -> Verdict,
    ) -> Verdict {
        let (from, to) = self.range(Some(seen), one.terminal, one.start);
        let text = self.text(&one.act, seen.state, one.terminal, from, to);
        judge(Sight {
            act: &one.act,
            state: seen.state,
            text: &text.text,
            open_line: false,
            quiet: Duration::ZERO,
            since: Duration::ZERO,
            settled: None,
            continues: false,
            is_seen: true,
        })
    }
}
