//! The runs of a lab's blocks: which are on their way, and what became of the last of each.

use std::{collections::HashMap, time::Instant};

use super::{
    event::{BlockPlace, BlockRun, LooseRun, RunState},
    judge::Verdict,
};
use crate::{
    scenario::Expectation,
    terminal::{
        aftermath::Settled,
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
    /// The runs of no block that have not ended: what was typed without a click.
    loose: HashMap<RunNumber, LooseRun>,
    /// What shows a recording, or waits to, by terminal.
    playing: HashMap<u16, RunNumber>,
    /// The last run of each block, and the id it is counted under.
    last: HashMap<BlockPlace, (RunNumber, String, BlockRun)>,
    /// The run of a block whose commands still run while a later one waits, or was typed to them.
    earlier: HashMap<BlockPlace, (RunNumber, BlockRun)>,
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
    /// Notes a run that waits for its terminal, in that state.
    pub(super) fn add(
        &mut self,
        number: RunNumber,
        id: &str,
        terminal: u16,
        block: Option<(BlockPlace, Expectation)>,
        state: RunState,
    ) {
        self.waiting.insert(number, id.to_owned());
        let Some((block, expectation)) = block else {
            let loose = LooseRun {
                id: id.to_owned(),
                terminal,
                state: RunState::Waiting,
                began: None,
                ended: None,
            };
            self.loose.insert(number, loose);
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
        let run = new_run(block.clone(), terminal, state);
        let last = (number, id.to_owned(), run);
        if let Some((before, _, run)) = self.last.insert(block.clone(), last)
            && run.state == RunState::Running
        {
            self.earlier.insert(block, (before, run));
        }
    }

    /// Notes a run that shows the recording of a block.
    pub(super) fn add_playing(
        &mut self,
        number: RunNumber,
        id: &str,
        terminal: u16,
        block: BlockPlace,
    ) {
        // Nothing is expected of what was recorded.
        let expected = (block, Expectation::default());
        self.add(number, id, terminal, Some(expected), RunState::Waiting);
        self.playing.insert(terminal, number);
    }

    /// Whether a terminal shows a recording, or is about to.
    pub(super) fn plays(&self, terminal: u16) -> bool {
        self.playing.contains_key(&terminal)
    }

    /// Notes what became of a run of no block, and returns it as it is now.
    pub(super) fn loose_stage(&mut self, number: RunNumber, stage: Stage) -> Option<LooseRun> {
        let mut run = match stage {
            Stage::Settled(_) => return None,
            Stage::Running(_) => self.loose.get(&number)?.clone(),
            _ => self.loose.remove(&number)?,
        };
        apply(stage, &mut run.state, &mut run.began, &mut run.ended);
        if matches!(stage, Stage::Running(_)) {
            self.loose.insert(number, run.clone());
        }
        Some(run)
    }

    /// Notes that a run waits on for as long as it takes. Returns the block id that it is counted
    /// under, and the block, where it is its block's last run.
    pub(super) fn deferred(&mut self, number: RunNumber) -> Option<(String, BlockPlace)> {
        let (id, run) = self.last_with(number)?;
        run.state = RunState::Queued;
        Some((id.to_owned(), run.block.clone()))
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
        let block = self.going.remove(&number).map(|going| going.block);
        self.loose.remove(&number);
        self.playing.retain(|_, playing| *playing != number);
        if let Some((_, run)) = self.last_with(number) {
            run.state = RunState::Dropped;
            let block = run.block.clone();
            if let Some((before, run)) = self.earlier.remove(&block) {
                // What still runs is what there is to say of the block.
                self.last.insert(block, (before, id.clone(), run));
            }
        }
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
        let going = self.going.iter().filter(|(_, going)| going.block == *block);
        let waiting = going.map(|(number, _)| *number);
        let waiting = waiting.filter(|number| self.waiting.contains_key(number));
        (last.state == RunState::Queued).then(|| (waiting.collect(), last.terminal))
    }

    /// The run that went on last in a terminal.
    pub(super) fn running_in(&self, terminal: u16) -> Option<&BlockRun> {
        let earlier = self.earlier.values().map(|(_, run)| run);
        let runs = self.last.values().map(|(_, _, run)| run).chain(earlier);
        let running = runs.filter(|run| run.state == RunState::Running && run.terminal == terminal);
        running.max_by_key(|run| run.began.map(|moment| moment.offset))
    }

    /// A run that has not ended.
    pub(super) fn going(&self, number: RunNumber) -> Option<&Going> {
        self.going.get(&number)
    }

    /// The run with this number, if it is its block's last and nobody tells its end.
    pub(super) fn sent(&self, number: RunNumber) -> Option<&BlockRun> {
        // Those of which more is told run, and so were not sent.
        self.told(number).filter(|run| run.state == RunState::Sent)
    }

    /// The last run of a block, where nobody tells its end and nothing was said of it yet.
    pub(super) fn unjudged(&self, block: &BlockPlace) -> Option<RunNumber> {
        let (number, _, run) = self.last.get(block)?;
        let is_open = run.state == RunState::Sent && run.verdict.is_none();
        is_open.then_some(*number)
    }

    /// Whether no block was run in its terminal after a run.
    pub(super) fn is_latest(&self, number: RunNumber) -> bool {
        let terminal = self.told(number).map(|run| run.terminal);
        let mut later = self.last.values().filter(|(other, ..)| *other > number);
        !later.any(|(.., run)| Some(run.terminal) == terminal)
    }

    /// Notes what became of a run, and the verdict on it where there is one. Returns the run and the
    /// id that it is counted under, where it is one that is told of: its block's last, or one whose
    /// commands still ran until now.
    pub(super) fn stage(
        &mut self,
        number: RunNumber,
        stage: Stage,
        verdict: Option<Verdict>,
    ) -> Option<(String, BlockRun)> {
        if let Stage::Settled(settled) = stage {
            return self.settled(number, settled, verdict);
        }
        let going = self.going.get_mut(&number)?;
        if let Stage::Running(moment) = stage {
            going.began = Some(moment);
            let timeout = going.expectation.timeout;
            going.late_at = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        }
        let (id, block, terminal) = (going.id.clone(), going.block.clone(), going.terminal);
        let goes_on = matches!(stage, Stage::Running(_) | Stage::Playing(_));
        if !goes_on {
            self.playing.retain(|_, playing| *playing != number);
            self.going.remove(&number);
        }
        if matches!(stage, Stage::Running(_)) && self.told_with(number, &block).is_none() {
            let run = new_run(block.clone(), terminal, RunState::Running);
            self.earlier.insert(block.clone(), (number, run));
        }
        let run = self.told_with(number, &block)?;
        apply(stage, &mut run.state, &mut run.began, &mut run.ended);
        if matches!(stage, Stage::Ended(..)) {
            run.settled = None;
        }
        run.verdict = verdict;
        let run = run.clone();
        if !goes_on {
            self.earlier.retain(|_, (earlier, _)| *earlier != number);
        }
        Some((id, run))
    }

    fn settled(
        &mut self,
        number: RunNumber,
        settled: Settled,
        verdict: Option<Verdict>,
    ) -> Option<(String, BlockRun)> {
        let (id, run) = self.last_with(number)?;
        run.settled = Some(settled.how);
        if run.state == RunState::Sent {
            run.ended = Some(settled.ended);
            run.verdict = verdict;
        }
        Some((id.to_owned(), run.clone()))
    }

    /// Notes the verdict on a run, if it is its block's last and nobody tells its end. Returns the
    /// run, and the id that it is counted under.
    pub(super) fn judged(
        &mut self,
        number: RunNumber,
        verdict: &Verdict,
    ) -> Option<(String, BlockRun)> {
        let (id, run) = self.last_with(number)?;
        if run.state != RunState::Sent {
            return None;
        }
        run.verdict = Some(verdict.clone());
        Some((id.to_owned(), run.clone()))
    }

    /// The run with this number, where it is one that is told of.
    pub(super) fn told(&self, number: RunNumber) -> Option<&BlockRun> {
        let last = self.last.values().map(|(last, _, run)| (last, run));
        let earlier = self.earlier.values().map(|(earlier, run)| (earlier, run));
        let mut all = last.chain(earlier);
        let (_, run) = all.find(|(told, _)| **told == number)?;
        Some(run)
    }

    /// The run of a block with this number, where it is one that is told of.
    fn told_with(&mut self, number: RunNumber, block: &BlockPlace) -> Option<&mut BlockRun> {
        let last = self.last.get_mut(block);
        let last = last.filter(|(last, ..)| *last == number);
        let earlier = self.earlier.get_mut(block);
        let earlier = earlier.filter(|(earlier, _)| *earlier == number);
        last.map(|(_, _, run)| run).or(earlier.map(|(_, run)| run))
    }

    /// When the next run takes longer than expected.
    pub(super) fn next_late(&self) -> Option<Instant> {
        self.going.values().filter_map(|going| going.late_at).min()
    }

    /// Marks the runs that take longer than expected. Returns their blocks, and the ids they are
    /// counted under.
    pub(super) fn take_late(&mut self, now: Instant) -> Vec<(String, BlockPlace)> {
        let mut late = Vec::new();
        for (number, going) in &mut self.going {
            if going.late_at.take_if(|at| *at <= now).is_some() {
                late.push((*number, going.id.clone(), going.block.clone()));
            }
        }
        late.retain(|(number, _, block)| {
            let run = self.told_with(*number, block);
            run.map(|run| run.late = true).is_some()
        });
        let blocks = late.into_iter().map(|(_, id, block)| (id, block));
        blocks.collect()
    }

    /// The last run of a block.
    pub(super) fn last(&self, block: &BlockPlace) -> Option<&BlockRun> {
        self.last.get(block).map(|(_, _, run)| run)
    }

    /// The run of a block whose commands still run while a later one is its last.
    pub(super) fn earlier(&self, block: &BlockPlace) -> Option<&BlockRun> {
        self.earlier.get(block).map(|(_, run)| run)
    }

    /// The run of a block whose commands run now.
    pub(super) fn running(&self, block: &BlockPlace) -> Option<&BlockRun> {
        let last = self.last(block);
        last.filter(|run| run.state == RunState::Running)
            .or_else(|| self.earlier(block))
    }

    /// How many runs wait, by block id.
    pub(super) fn waiting(&self) -> HashMap<&str, usize> {
        let mut waiting = HashMap::new();
        for id in self.waiting.values() {
            *waiting.entry(id.as_str()).or_default() += 1;
        }
        waiting
    }

    /// Whether runs wait for a terminal.
    pub(super) fn wait_for(&self, terminal: u16) -> bool {
        let going = self.going.iter().map(|(run, going)| (run, going.terminal));
        let loose = self.loose.iter().map(|(run, loose)| (run, loose.terminal));
        let mut there = going.chain(loose).filter(|(_, number)| *number == terminal);
        there.any(|(run, _)| self.waiting.contains_key(run))
    }

    /// How many runs of a block id wait.
    pub(super) fn waiting_of(&self, id: &str) -> usize {
        self.waiting.values().filter(|block| *block == id).count()
    }
}

/// A run of which nothing is known but how it stands.
fn new_run(block: BlockPlace, terminal: u16, state: RunState) -> BlockRun {
    BlockRun {
        block,
        terminal,
        state,
        began: None,
        ended: None,
        settled: None,
        verdict: None,
        late: false,
    }
}

/// Takes in what became of a run.
fn apply(
    stage: Stage,
    state: &mut RunState,
    began: &mut Option<Moment>,
    ended: &mut Option<Moment>,
) {
    match stage {
        Stage::Sent(moment) => {
            *state = RunState::Sent;
            *began = began.or(Some(moment));
        }
        Stage::Running(moment) => {
            *state = RunState::Running;
            *began = Some(moment);
        }
        Stage::Ended(code, moment) => {
            *state = code.map_or(RunState::Sent, RunState::Ended);
            *ended = Some(moment);
        }
        Stage::Playing(moment) => {
            *state = RunState::Recorded;
            *began = Some(moment);
        }
        Stage::Played(moment) => {
            *state = RunState::Recorded;
            *ended = Some(moment);
        }
        Stage::Settled(_) => {}
    }
}
