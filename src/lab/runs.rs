//! The runs of a lab's blocks: which are on their way, and what became of the last of each.

use std::collections::HashMap;

use super::event::{BlockPlace, BlockRun, RunState};
use crate::terminal::{runs::RunNumber, tracking::Stage};

/// The runs of one instance of a lab.
#[derive(Debug, Default)]
pub(super) struct LabRuns {
    /// The block id of each run that was not yet typed.
    waiting: HashMap<RunNumber, String>,
    /// The block of each run that has not ended, where it is a page's, and the id it is counted
    /// under.
    going: HashMap<RunNumber, (String, BlockPlace)>,
    /// The last run of each block, and the id it is counted under.
    last: HashMap<BlockPlace, (RunNumber, String, BlockRun)>,
}

impl LabRuns {
    /// Notes a run that waits for its terminal, in that state.
    pub(super) fn add(
        &mut self,
        number: RunNumber,
        id: &str,
        terminal: u16,
        block: Option<BlockPlace>,
        state: RunState,
    ) {
        self.waiting.insert(number, id.to_owned());
        let Some(block) = block else { return };
        self.going.insert(number, (id.to_owned(), block.clone()));
        let run = BlockRun {
            block: block.clone(),
            terminal,
            state,
            began: None,
            ended: None,
            settled: None,
        };
        self.last.insert(block, (number, id.to_owned(), run));
    }

    /// Notes that all of a run was typed. Returns the block id that it is counted under, and the
    /// block, where that had waited for a prompt.
    pub(super) fn typed(&mut self, number: RunNumber) -> Option<(String, Option<BlockPlace>)> {
        let id = self.waiting.remove(&number)?;
        let queued = self.last_with(number);
        let queued = queued.filter(|(_, run)| run.state == RunState::Queued);
        let block = queued.map(|(_, run)| {
            run.state = RunState::Waiting;
            run.block.clone()
        });
        Some((id, block))
    }

    /// Notes that a run was given up before all of it was typed. Returns the block id that it was
    /// counted under, and the block where it is a page's.
    pub(super) fn dropped(&mut self, number: RunNumber) -> Option<(String, Option<BlockPlace>)> {
        let id = self.waiting.remove(&number)?;
        self.going.remove(&number);
        let block = self.last_with(number).map(|(_, run)| {
            run.state = RunState::Dropped;
            run.block.clone()
        });
        Some((id, block))
    }

    /// The block's last run that has this number, and the id that it is counted under.
    fn last_with(&mut self, number: RunNumber) -> Option<(&str, &mut BlockRun)> {
        let mut all = self.last.values_mut();
        let (_, id, run) = all.find(|(last, ..)| *last == number)?;
        Some((id, run))
    }

    /// The runs of a block that are not yet typed, and their terminal, where the last of them waits
    /// for a prompt.
    pub(super) fn queued(&self, block: &BlockPlace) -> Option<(Vec<RunNumber>, u16)> {
        let (.., last) = self.last.get(block)?;
        let going = self.going.iter().filter(|(_, (_, place))| place == block);
        let waiting = going.map(|(number, _)| *number);
        let waiting = waiting.filter(|number| self.waiting.contains_key(number));
        (last.state == RunState::Queued).then(|| (waiting.collect(), last.terminal))
    }

    /// The run that went on last in a terminal.
    pub(super) fn running_in(&self, terminal: u16) -> Option<&BlockRun> {
        let runs = self.last.values().map(|(_, _, run)| run);
        let running = runs.filter(|run| run.state == RunState::Running && run.terminal == terminal);
        running.max_by_key(|run| run.began.map(|moment| moment.offset))
    }

    /// Notes what became of a run. Returns the block and its id, where it is the block's last run.
    pub(super) fn stage(
        &mut self,
        number: RunNumber,
        stage: Stage,
    ) -> Option<(String, BlockPlace)> {
        let block = match stage {
            Stage::Running(_) => self.going.get(&number)?.clone(),
            Stage::Sent | Stage::Ended(..) => self.going.remove(&number)?,
            Stage::Settled(_) => {
                let (id, run) = self.last_with(number)?;
                (id.to_owned(), run.block.clone())
            }
        };
        let (_, _, run) = self
            .last
            .get_mut(&block.1)
            .filter(|(last, ..)| *last == number)?;
        match stage {
            Stage::Sent => run.state = RunState::Sent,
            Stage::Running(moment) => {
                run.state = RunState::Running;
                run.began = Some(moment);
            }
            Stage::Ended(code, moment) => {
                run.state = code.map_or(RunState::Sent, RunState::Ended);
                run.ended = Some(moment);
                run.settled = None;
            }
            Stage::Settled(settled) => {
                run.settled = Some(settled.how);
                if run.state == RunState::Sent {
                    run.began = run.began.or(Some(settled.began));
                    run.ended = Some(settled.ended);
                }
            }
        }
        Some(block)
    }

    /// The last run of a block.
    pub(super) fn last(&self, block: &BlockPlace) -> Option<&BlockRun> {
        self.last.get(block).map(|(_, _, run)| run)
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
