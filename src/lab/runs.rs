//! The runs of a lab's blocks: which are on their way, and what became of the last of each.

use std::{collections::HashMap, time::Instant};

use super::{
    event::{BlockPlace, BlockRun, RunState},
    judge::Verdict,
};
use crate::{
    scenario::Expectation,
    terminal::{
        runs::RunNumber,
        tracking::{Moment, Stage},
    },
};

/// The runs of one instance of a lab.
#[derive(Debug, Default)]
pub(super) struct LabRuns {
    /// The block id of each run that was not yet typed.
    waiting: HashMap<RunNumber, String>,
    /// The block of each run that has not ended, where it is a page's, and the id it is counted
    /// under.
    going: HashMap<RunNumber, Going>,
    /// The last run of each block.
    last: HashMap<BlockPlace, (RunNumber, BlockRun)>,
}

/// A run of a page's block that has not ended.
#[derive(Debug, Clone)]
pub(super) struct Going {
    /// The id it is counted under.
    pub(super) id: String,
    pub(super) block: BlockPlace,
    pub(super) terminal: u16,
    pub(super) expectation: Expectation,
    /// When and where its output began.
    pub(super) began: Option<Moment>,
    /// When it takes longer than expected.
    late_at: Option<Instant>,
}

impl LabRuns {
    /// Notes a run that waits for its terminal.
    pub(super) fn add(
        &mut self,
        number: RunNumber,
        id: &str,
        terminal: u16,
        block: Option<(BlockPlace, Expectation)>,
    ) {
        self.waiting.insert(number, id.to_owned());
        let Some((block, expectation)) = block else {
            return;
        };
        let going = Going {
            id: id.to_owned(),
            block: block.clone(),
            terminal,
            expectation,
            began: None,
            late_at: None,
        };
        self.going.insert(number, going);
        let run = BlockRun {
            block: block.clone(),
            terminal,
            state: RunState::Waiting,
            began: None,
            ended: None,
            verdict: None,
            late: false,
        };
        self.last.insert(block, (number, run));
    }

    /// Notes that all of a run was typed. Returns the block id that it is counted under.
    pub(super) fn typed(&mut self, number: RunNumber) -> Option<String> {
        self.waiting.remove(&number)
    }

    /// Notes that a run was given up. Returns the block id that it was counted under.
    pub(super) fn dropped(&mut self, number: RunNumber) -> Option<String> {
        self.stage(number, Stage::Sent, None);
        self.waiting.remove(&number)
    }

    /// A run that has not ended.
    pub(super) fn going(&self, number: RunNumber) -> Option<&Going> {
        self.going.get(&number)
    }

    /// Notes what became of a run, and the verdict on it where it has ended. Returns the block and
    /// its id, where it is the block's last run.
    pub(super) fn stage(
        &mut self,
        number: RunNumber,
        stage: Stage,
        verdict: Option<Verdict>,
    ) -> Option<(String, BlockPlace)> {
        let going = self.going.get_mut(&number)?;
        if let Stage::Running(moment) = stage {
            going.began = Some(moment);
            let timeout = going.expectation.timeout;
            going.late_at = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        }
        let block = (going.id.clone(), going.block.clone());
        if !matches!(stage, Stage::Running(_)) {
            self.going.remove(&number);
        }
        let (_, run) = self
            .last
            .get_mut(&block.1)
            .filter(|(last, _)| *last == number)?;
        match stage {
            Stage::Sent => run.state = RunState::Sent,
            Stage::Running(moment) => {
                run.state = RunState::Running;
                run.began = Some(moment);
            }
            Stage::Ended(code, moment) => {
                run.state = code.map_or(RunState::Sent, RunState::Ended);
                run.ended = Some(moment);
            }
        }
        run.verdict = verdict;
        Some(block)
    }

    /// When the next run takes longer than expected.
    pub(super) fn next_late(&self) -> Option<Instant> {
        self.going.values().filter_map(|going| going.late_at).min()
    }

    /// Marks the runs that take longer than expected. Returns the blocks and their ids, where it is
    /// the block's last run.
    pub(super) fn take_late(&mut self, now: Instant) -> Vec<(String, BlockPlace)> {
        let mut late = Vec::new();
        for (number, going) in &mut self.going {
            if going.late_at.take_if(|at| *at <= now).is_none() {
                continue;
            }
            let last = self.last.get_mut(&going.block);
            if let Some((_, run)) = last.filter(|(last, _)| last == number) {
                run.late = true;
                late.push((going.id.clone(), going.block.clone()));
            }
        }
        late
    }

    /// The last run of a block.
    pub(super) fn last(&self, block: &BlockPlace) -> Option<&BlockRun> {
        self.last.get(block).map(|(_, run)| run)
    }

    /// How many runs wait, by block id.
    pub(super) fn waiting(&self) -> HashMap<&str, usize> {
        let mut waiting = HashMap::new();
        for id in self.waiting.values() {
            *waiting.entry(id.as_str()).or_default() += 1;
        }
        waiting
    }

    /// How many runs of a block id wait.
    pub(super) fn waiting_of(&self, id: &str) -> usize {
        self.waiting.values().filter(|block| *block == id).count()
    }
}
