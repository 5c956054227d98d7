//! How far a lab is: which steps were seen, which blocks ran and how, which checks passed. It
//! lives as long as the lab's instance.

use std::{sync::Arc, time::SystemTime};

use super::{
    event::{BlockPlace, BlockRun, CheckResult, StepProgress, Waits},
    judge::Verdict,
};
use crate::{
    command::state::{State, is_required},
    scenario::{Block, BlockKind, Page, Required},
};

/// How far a lab is since it was begun.
#[derive(Debug, Clone)]
pub struct Progress {
    began: SystemTime,
    steps: Vec<StepSeen>,
}

/// A step that was seen.
#[derive(Debug, Clone)]
pub struct StepSeen {
    /// Its name.
    pub step: Arc<str>,
    /// Its page's title.
    pub title: String,
    /// When it was first shown.
    pub at: SystemTime,
    /// Its blocks that run, checks among them, as they were when it was last shown.
    pub blocks: Vec<BlockSeen>,
}

/// A block that runs, of a step that was seen.
#[derive(Debug, Clone)]
pub struct BlockSeen {
    /// Its index in the page.
    pub index: usize,
    /// What people call it.
    pub name: String,
    /// Its title, where its author gave one.
    pub title: Option<String>,
    /// Whether it is a check.
    pub is_check: bool,
    /// How the way on waits for it, if it does.
    pub required: Option<Required>,
    /// How often it ran.
    pub runs: u64,
    /// Its last run, of a block that is typed.
    pub last_run: Option<BlockRun>,
    /// Its last result, of a check.
    pub last_check: Option<CheckResult>,
    /// When it first did what is expected of it, where somebody can know.
    pub passed_at: Option<SystemTime>,
    /// When it was skipped.
    pub skipped_at: Option<SystemTime>,
}

impl Progress {
    /// Begins with nothing.
    pub(super) fn new(began: SystemTime) -> Self {
        Self {
            began,
            steps: Vec::new(),
        }
    }

    /// When the lab was begun.
    #[must_use]
    pub fn began(&self) -> SystemTime {
        self.began
    }

    /// The steps that were seen, the first first.
    #[must_use]
    pub fn steps(&self) -> &[StepSeen] {
        &self.steps
    }

    /// Notes that a step is shown, with the blocks that it has now.
    pub(super) fn show(&mut self, page: &Page) {
        let step: Arc<str> = page.step.as_str().into();
        let index = self.steps.iter().position(|seen| seen.step == step);
        let before = index.map(|index| self.steps.remove(index));
        let known = before.as_ref().map(|seen| &seen.blocks[..]);
        let seen = StepSeen {
            at: before.as_ref().map_or_else(SystemTime::now, |seen| seen.at),
            title: page.title.clone(),
            blocks: blocks_of(page, known.unwrap_or_default()),
            step,
        };
        self.steps.insert(index.unwrap_or(self.steps.len()), seen);
    }

    /// Notes that a block is run.
    pub(super) fn run(&mut self, run: &BlockRun) {
        if let Some(block) = self.block(&run.block) {
            block.runs += 1;
            block.last_run = Some(run.clone());
        }
    }

    /// Notes that a run of a block was never typed; `last` is what there is to say of the block.
    pub(super) fn dropped(&mut self, last: &BlockRun) {
        if let Some(block) = self.block(&last.block) {
            block.runs = block.runs.saturating_sub(1);
            block.last_run = Some(last.clone());
        }
    }

    /// Notes what became of a run of a block.
    pub(super) fn became(&mut self, run: &BlockRun) {
        if let Some(block) = self.block(&run.block) {
            block.last_run = Some(run.clone());
            if run.verdict.as_ref().is_some_and(Verdict::has_passed) {
                block.passed_at.get_or_insert_with(SystemTime::now);
            }
        }
    }

    /// Notes that a check has ended.
    pub(super) fn checked(&mut self, place: &BlockPlace, result: &CheckResult) {
        if let Some(block) = self.block(place) {
            block.runs += 1;
            if result.verdict.has_passed() {
                block.passed_at.get_or_insert(result.ended);
            }
            block.last_check = Some(result.clone());
        }
    }

    /// Notes that a block was skipped.
    pub(super) fn skip(&mut self, place: &BlockPlace) {
        if let Some(block) = self.block(place) {
            block.skipped_at = Some(SystemTime::now());
        }
    }

    /// Forgets what a block did that is another one by now.
    pub(super) fn forget(&mut self, place: &BlockPlace) {
        if let Some(block) = self.block(place) {
            block.runs = 0;
            block.last_run = None;
            block.last_check = None;
            block.passed_at = None;
            block.skipped_at = None;
        }
    }

    /// How it stands at a step that was seen.
    pub(super) fn summary(&self, step: &str, state: &State) -> Option<StepProgress> {
        let seen = self.steps.iter().find(|seen| &*seen.step == step)?;
        Some(seen.summary(state))
    }

    /// How it stands at all steps that were seen.
    pub(super) fn summaries(&self, state: &State) -> Vec<StepProgress> {
        let seen = self.steps.iter();
        seen.map(|seen| seen.summary(state)).collect()
    }

    fn block(&mut self, place: &BlockPlace) -> Option<&mut BlockSeen> {
        let mut steps = self.steps.iter_mut();
        let seen = steps.find(|seen| seen.step == place.step)?;
        let mut blocks = seen.blocks.iter_mut();
        blocks.find(|block| block.index == place.index)
    }
}

impl StepSeen {
    fn summary(&self, state: &State) -> StepProgress {
        let required = || self.blocks.iter().filter(|block| block.required.is_some());
        let is_done = |block: &&BlockSeen| state.is_fulfilled(&self.step, block.index);
        let checks = || self.blocks.iter().filter(|block| block.is_check);
        let waits = required().filter(|block| !is_done(block));
        let waits: Vec<Waits> = waits
            .filter(|_| !state.holds_nobody())
            .map(|block| Waits {
                block: block.index,
                name: block.name.clone(),
            })
            .collect();
        let is_way_back_told = *self.step == *state.step && !waits.is_empty();
        let before = state.unseen_before().filter(|_| is_way_back_told);
        StepProgress {
            step: self.step.clone(),
            seen_at: self.at,
            required: required().count(),
            done: required().filter(is_done).count(),
            checks: checks().count(),
            passed: checks().filter(|block| block.passed_at.is_some()).count(),
            skipped: self
                .blocks
                .iter()
                .filter(|block| block.skipped_at.is_some() && block.passed_at.is_none())
                .map(|block| block.index)
                .collect(),
            waits,
            before: before.map(str::to_owned).collect(),
        }
    }
}

/// The blocks of a page that run, with what is known of them.
fn blocks_of(page: &Page, known: &[BlockSeen]) -> Vec<BlockSeen> {
    let runs = |block: &&Block| matches!(block.kind, BlockKind::Executable | BlockKind::Check);
    let seen = |block: &Block| {
        let before = known.iter().find(|known| known.index == block.index);
        BlockSeen {
            index: block.index,
            name: page.block_name(block),
            title: block.expectation.title.clone(),
            is_check: block.kind == BlockKind::Check,
            required: block.expectation.required.filter(|_| is_required(block)),
            runs: before.map_or(0, |before| before.runs),
            last_run: before.and_then(|before| before.last_run.clone()),
            last_check: before.and_then(|before| before.last_check.clone()),
            passed_at: before.and_then(|before| before.passed_at),
            skipped_at: before.and_then(|before| before.skipped_at),
        }
    };
    page.blocks.iter().filter(runs).map(seen).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{Config, config::ConfigFiles};

    fn page(step: &str, markdown: &str) -> Page {
        let (config, _) = Config::read(ConfigFiles::default());
        Page::parse(step, markdown, &config)
    }

    const PAGE: &str = "# One\n\n```\n### {\"required\": true}\na\n```\n\n```mermaid\nx\n```\n\n\
        ```\n### {\"verify\": true, \"required\": true, \"title\": \"Rows\"}\nb\n```\n";

    fn place(step: &str, index: usize) -> BlockPlace {
        BlockPlace {
            step: step.into(),
            index,
        }
    }

    #[test]
    fn step_is_seen_once_and_keeps_its_time() {
        let mut progress = Progress::new(SystemTime::now());
        for step in ["intro", "one", "intro"] {
            progress.show(&page(step, PAGE));
        }
        let steps: Vec<&str> = progress.steps().iter().map(|seen| &*seen.step).collect();
        assert_eq!(steps, ["intro", "one"]);
        let first = progress.steps()[0].at;
        progress.show(&page("intro", PAGE));
        assert_eq!(progress.steps()[0].at, first);
    }

    #[test]
    fn summary_counts_what_is_required_and_names_what_is_missing() {
        let (config, _) = Config::read(ConfigFiles::default());
        let mut state = State::new(config);
        let mut progress = Progress::new(SystemTime::now());
        progress.show(&page("one", PAGE));
        let summary = progress.summary("one", &state).unwrap();
        assert_eq!((summary.required, summary.done), (2, 0));
        assert_eq!((summary.checks, summary.passed), (1, 0));
        let names: Vec<&str> = summary.waits.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(names, ["block 1", "`Rows`"]);
        progress.skip(&place("one", 2));
        state.fulfil("one", 2);
        let summary = progress.summary("one", &state).unwrap();
        assert_eq!((summary.done, &summary.skipped[..]), (1, &[2][..]));
        assert!(progress.summary("two", &state).is_none());
        state.hold_nobody();
        let waits = progress.summary("one", &state).unwrap().waits;
        assert!(waits.is_empty(), "{waits:?}");
    }
}
