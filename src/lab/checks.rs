//! How it stands with a lab's checks, and when those run next that run by themselves.

use std::{
    collections::{HashMap, HashSet},
    time::{Duration, Instant},
};

use super::event::{BlockPlace, CheckResult, CheckState};

/// How long after its last run a check runs again that runs while its step is open.
pub(super) const REPEAT: Duration = Duration::from_secs(5);

/// How long after a block was typed of which nobody can know when it ends, its check runs.
pub(super) const SETTLE: Duration = Duration::from_secs(2);

/// How long a check that is due waits where too many run.
pub(super) const RETRY: Duration = Duration::from_secs(1);

/// Why a check is to run by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Due {
    /// The block before it has ended.
    Block,
    /// Its step is open; it runs only while somebody watches.
    Open,
}

/// The checks of one instance of a lab.
#[derive(Debug, Default)]
pub(super) struct LabChecks {
    states: HashMap<BlockPlace, CheckState>,
    /// Those that run and are others by now: what comes of them says nothing.
    stale: HashSet<BlockPlace>,
    /// The checks of the step shown that are to run, by block.
    due: HashMap<usize, (Instant, Due)>,
}

impl LabChecks {
    /// How it stands with a check.
    pub(super) fn state(&self, place: &BlockPlace) -> CheckState {
        let known = self.states.get(place).cloned();
        known.unwrap_or_else(|| CheckState {
            place: place.clone(),
            running: false,
            last: None,
        })
    }

    /// How many run now.
    pub(super) fn running(&self) -> usize {
        self.states.values().filter(|state| state.running).count()
    }

    /// Notes that a check runs. It is due no more.
    pub(super) fn begin(&mut self, place: &BlockPlace) {
        let mut state = self.state(place);
        state.running = true;
        self.states.insert(place.clone(), state);
        self.due.remove(&place.index);
    }

    /// Notes how a check ended. Says whether that counts: not where it is another check by now.
    pub(super) fn end(&mut self, place: &BlockPlace, result: CheckResult) -> bool {
        let counts = !self.stale.remove(place);
        if let Some(state) = self.states.get_mut(place) {
            state.running = false;
            state.last = Some(result).filter(|_| counts);
        }
        counts
    }

    /// Forgets the result of a check that is another one by now.
    pub(super) fn forget(&mut self, place: &BlockPlace) {
        self.due.remove(&place.index);
        if let Some(state) = self.states.get_mut(place) {
            state.last = None;
            if state.running {
                self.stale.insert(place.clone());
            }
        }
    }

    /// Has nothing run by itself any more, as another step is shown.
    pub(super) fn disarm(&mut self) {
        self.due.clear();
    }

    /// Has a check of the step shown run at a time.
    pub(super) fn arm(&mut self, block: usize, at: Instant, why: Due) {
        self.due.insert(block, (at, why));
    }

    /// When the next one is due.
    pub(super) fn next_due(&self, is_watched: bool) -> Option<Instant> {
        let due = self.due.values();
        let due = due.filter(|(_, why)| is_watched || *why != Due::Open);
        due.map(|(at, _)| *at).min()
    }

    /// Takes out those that are due.
    pub(super) fn take_due(&mut self, now: Instant, is_watched: bool) -> Vec<(usize, Due)> {
        let is_due = |at: Instant, why: Due| at <= now && (is_watched || why != Due::Open);
        let due = self.due.iter().filter(|(_, (at, why))| is_due(*at, *why));
        let mut taken: Vec<(usize, Due)> = due.map(|(block, (_, why))| (*block, *why)).collect();
        taken.sort_unstable_by_key(|(block, _)| *block);
        for (block, _) in &taken {
            self.due.remove(block);
        }
        taken
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;
    use crate::lab::judge::Verdict;

    fn place(index: usize) -> BlockPlace {
        BlockPlace {
            step: "intro".into(),
            index,
        }
    }

    #[test]
    fn check_that_runs_is_not_due() {
        let mut checks = LabChecks::default();
        let now = Instant::now();
        checks.arm(3, now, Due::Block);
        checks.begin(&place(3));
        assert_eq!(checks.next_due(true), None);
        assert_eq!(checks.running(), 1);
        assert!(checks.state(&place(3)).running);
    }

    #[test]
    fn result_of_a_check_that_is_another_one_by_now_does_not_count() {
        let mut checks = LabChecks::default();
        let now = SystemTime::now();
        let result = CheckResult {
            verdict: Verdict::Passed,
            output: "".into(),
            began: now,
            ended: now,
        };
        checks.begin(&place(0));
        checks.forget(&place(0));
        assert!(!checks.end(&place(0), result.clone()));
        assert_eq!(checks.state(&place(0)).last, None);
        checks.begin(&place(0));
        assert!(checks.end(&place(0), result.clone()));
        assert_eq!(checks.state(&place(0)).last, Some(result));
    }

    #[test]
    fn open_checks_wait_for_somebody_who_watches() {
        let mut checks = LabChecks::default();
        let now = Instant::now();
        checks.arm(1, now, Due::Open);
        assert_eq!(checks.next_due(false), None);
        assert_eq!(checks.take_due(now, false), []);
        checks.arm(2, now + RETRY, Due::Block);
        assert_eq!(checks.next_due(false), Some(now + RETRY));
        assert_eq!(checks.take_due(now, true), [(1, Due::Open)]);
        assert_eq!(checks.take_due(now + RETRY, true), [(2, Due::Block)]);
        assert_eq!(checks.next_due(true), None);
    }
}
