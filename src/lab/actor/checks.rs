//! What is expected of blocks: checks that run, runs that are judged, and what opens the way on.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::Lab;
use crate::{
    lab::{
        LabError,
        checker::{CheckEnd, MAX_CHECKS},
        checks::{Due, REPEAT, RETRY, SETTLE},
        event::{BlockPlace, BlockRun, CheckState, LabEvent, RunState, StepProgress},
        judge::{Verdict, has_written, judge_run, judge_sent},
    },
    scenario::{Block, BlockKind, Expectation, Page, VerifyOn},
    terminal::{journal::Event, runs::RunNumber, tracking::Stage},
};

/// How long after a look at what a settled run has written the next one is.
const AGAIN: Duration = Duration::from_secs(1);

impl Lab {
    /// When something is to be done that nobody asks for.
    pub(super) fn alarm(&self) -> Option<Instant> {
        let checks = self.instance.checks.next_due(self.is_watched());
        let late = self.instance.runs.next_late();
        let again = self.instance.judge_again_at;
        checks.into_iter().chain(late).chain(again).min()
    }

    /// Does what is due.
    pub(super) fn ring(&mut self) {
        let now = Instant::now();
        for (id, block) in self.instance.runs.take_late(now) {
            self.tell_block(&id, Some(&block));
        }
        if self
            .instance
            .judge_again_at
            .take_if(|at| *at <= now)
            .is_some()
        {
            self.judge_again();
        }
        let is_watched = self.is_watched();
        for (block, why) in self.instance.checks.take_due(now, is_watched) {
            self.run_due(block, why, now);
        }
    }

    fn is_watched(&self) -> bool {
        self.clients.headcount().clients > 0
    }

    fn run_due(&mut self, block: usize, why: Due, now: Instant) {
        // A page that was saved meanwhile may have brought what nobody was asked about.
        if !self.trust.holds() {
            return;
        }
        // It may also run already, as somebody was faster.
        if let Err(LabError::TooManyChecks) = self.check(block) {
            self.instance.checks.arm(block, now + RETRY, why);
        }
    }

    /// Runs a check of the page shown.
    pub(super) fn check(&mut self, index: usize) -> Result<(), LabError> {
        let block = self.state.block(&self.state.step, None, index)?;
        let place = self.place_of(index);
        let checks = &mut self.instance.checks;
        if checks.state(&place).running {
            return Err(LabError::CheckRuns);
        }
        if checks.running() >= MAX_CHECKS {
            return Err(LabError::TooManyChecks);
        }
        checks.begin(&place);
        self.instance.checker.start(place.clone(), block);
        let state = self.instance.checks.state(&place);
        self.clients.tell(LabEvent::Check(state));
        Ok(())
    }

    /// Notes how a check ended.
    pub(super) fn check_ended(&mut self, CheckEnd { place, result }: CheckEnd) {
        let passed = result.verdict.has_passed();
        let known = result.clone();
        let counts = self.instance.checks.end(&place, result);
        let state = self.instance.checks.state(&place);
        if !counts {
            self.clients.tell(LabEvent::Check(state));
            self.step_run_checked(&place);
            return;
        }
        self.instance.progress.checked(&place, &known);
        let page = self.state.page.as_deref();
        self.instance.history.check(&place, &known, page);
        if passed {
            self.state.fulfil(&place.step, place.index);
        }
        self.clients.tell(LabEvent::Check(state));
        self.tell_progress(&place.step);
        self.step_run_checked(&place);
        if !passed && self.is_open_check(&place) {
            let at = Instant::now() + REPEAT;
            self.instance.checks.arm(place.index, at, Due::Open);
        }
    }

    /// Whether it is a check of the step shown that runs again and again until it passes.
    fn is_open_check(&self, place: &BlockPlace) -> bool {
        let block = self.state.block(&place.step, None, place.index);
        block.is_ok_and(is_open_check) && self.trust.holds()
    }

    /// Notes that somebody goes on without a block of the step shown.
    pub(super) fn skip(&mut self, index: usize) {
        let place = self.place_of(index);
        if self.state.fulfil(&place.step, index) {
            self.instance.progress.skip(&place);
            self.tell_progress(&place.step);
        }
    }

    /// Notes that a step was loaded, and has its checks run that run while it is open.
    pub(super) fn loaded(&mut self, page: &Page) {
        self.instance.checks.disarm();
        self.arm_open_checks();
        self.judge_later();
        self.instance.progress.show(page);
        self.tell_progress(&page.step);
    }

    /// Has the checks of the step shown run that run while it is open, where the lab may.
    pub(super) fn arm_open_checks(&mut self) {
        if !self.trust.holds() {
            return;
        }
        let (now, page) = (Instant::now(), self.state.page.clone());
        let blocks = page.iter().flat_map(|page| &page.blocks);
        for check in blocks.filter(|block| is_open_check(block)) {
            self.instance.checks.arm(check.index, now, Due::Open);
        }
    }

    /// Notes that the page shown is another one, because its author saved it: nothing is known of
    /// the blocks that have changed.
    pub(super) fn reloaded(&mut self, before: &Page, now: &Page) {
        let is_same = |index: usize| match (before.blocks.get(index), now.blocks.get(index)) {
            (Some(before), Some(now)) => {
                before.invocation == now.invocation && before.expectation == now.expectation
            }
            _ => false,
        };
        for index in 0..before.blocks.len().max(now.blocks.len()) {
            if !is_same(index) {
                let place = self.place_of(index);
                self.state.forget(&place.step, index);
                self.instance.checks.forget(&place);
                self.instance.progress.forget(&place);
            }
        }
        self.instance.progress.show(now);
        self.tell_progress(&now.step);
    }

    /// Notes that a block is run.
    pub(super) fn began(&mut self, block: &BlockPlace) {
        if let Some(run) = self.instance.runs.last(block) {
            self.instance.progress.run(run);
        }
    }

    /// What the author expects of a block of the page shown.
    pub(super) fn expectation(&self, index: usize) -> Expectation {
        let block = self.state.block(&self.state.step, None, index);
        block.map_or_else(
            |_| Expectation::default(),
            |block| block.expectation.clone(),
        )
    }

    /// Whether a run that has ended did what is expected of it, where somebody can know.
    pub(super) fn judge(&self, number: RunNumber, stage: Stage) -> Option<Verdict> {
        match stage {
            Stage::Ended(Some(code), end) => {
                let run = self.instance.runs.going(number)?;
                let output = || self.output(run.terminal, run.began?.offset, end.offset);
                Some(judge_run(&run.expectation, code, output))
            }
            Stage::Settled(settled) => {
                let run = self.instance.runs.sent(number)?;
                let block = self.state.block(&run.block.step, None, run.block.index);
                let output = || self.output(run.terminal, run.began?.offset, settled.ended.offset);
                judge_sent(block.ok()?, settled, output)
            }
            _ => None,
        }
    }

    /// What the output of a run, which goes on or was sent, says by now of what is expected of its
    /// block of the page shown; nothing as long as that is missing, or the output is not known.
    pub(super) fn judge_so_far(&self, number: RunNumber, index: usize) -> Option<Verdict> {
        let block = self.state.block(&self.state.step, None, index);
        let Some(block) = block
            .ok()
            .filter(|block| block.expectation.expect.is_some())
        else {
            return Some(Verdict::Unknown);
        };
        let run = self.instance.runs.told(number)?;
        let (terminal, began) = (run.terminal, run.began?.offset);
        let end = self.instance.view(terminal).handle.output().end();
        match has_written(block, || self.output(terminal, began, end)) {
            None => Some(Verdict::Unknown),
            Some(true) => Some(Verdict::Passed),
            Some(false) => None,
        }
    }

    /// Has what was sent judged again in a moment, by what is written until then.
    fn judge_later(&mut self) {
        self.instance.judge_again_at = Some(Instant::now() + AGAIN);
        self.instance.judged_ends.clear();
    }

    /// Looks whether what the way on waits for was written by a run that was sent, also after it had
    /// looked settled, as by a program at the other end of a line. Looks again as long as it was not.
    fn judge_again(&mut self) {
        let terminals = self.instance.terminals.iter();
        let ends = terminals.map(|terminal| terminal.handle.output().end());
        let ends: Vec<u64> = ends.collect();
        if std::mem::replace(&mut self.instance.judged_ends, ends.clone()) == ends {
            self.instance.judge_again_at = Some(Instant::now() + AGAIN);
            return;
        }
        let waits = self.state.waits_for().map(|block| block.index);
        let waits: Vec<usize> = waits.filter(|index| self.expects_output(*index)).collect();
        for index in waits {
            let Some(number) = self.instance.runs.unjudged(&self.place_of(index)) else {
                continue;
            };
            match self.judge_so_far(number, index) {
                Some(verdict) if self.instance.runs.is_latest(number) => {
                    self.note_verdict(number, &verdict);
                }
                // Another one may have written it.
                Some(_) => self.note_verdict(number, &Verdict::Unknown),
                None => self.instance.judge_again_at = Some(Instant::now() + AGAIN),
            }
        }
    }

    /// Whether a block of the page shown is expected to write something.
    fn expects_output(&self, index: usize) -> bool {
        self.expectation(index).expect.is_some()
    }

    /// Notes the verdict on a run that nobody tells the end of, where it came after it had settled.
    pub(super) fn note_verdict(&mut self, number: RunNumber, verdict: &Verdict) {
        let Some((id, run)) = self.instance.runs.judged(number, verdict) else {
            return;
        };
        self.instance.history.judged(number, verdict);
        self.instance.progress.became(&run);
        self.tell_block(&id, Some(&run.block));
        let is_refuted = matches!(verdict, Verdict::Failed { .. });
        if !is_refuted && self.state.fulfil(&run.block.step, run.block.index) {
            self.tell_progress(&run.block.step);
        }
    }

    /// What was written in a terminal between two offsets, if it is still there as a whole.
    fn output(&self, terminal: u16, began: u64, ended: u64) -> Option<Vec<u8>> {
        let output = self.instance.view(terminal).handle.output();
        let mut cursor = output.cursor_at(began)?;
        let mut left = usize::try_from(ended.checked_sub(began)?).ok()?;
        let mut bytes = Vec::new();
        while left > 0 {
            let entries = output.read(&mut cursor, left).ok()?;
            if entries.is_empty() {
                return None;
            }
            for entry in entries {
                if let Event::Output(piece) = entry.event {
                    left = left.checked_sub(piece.len())?;
                    bytes.extend_from_slice(&piece);
                }
            }
        }
        Some(bytes)
    }

    /// Notes what became of a block's run: what is required may be done, and checks may follow.
    pub(super) fn became(&mut self, run: &BlockRun, stage: Stage) {
        // What was recorded was not done.
        if matches!(stage, Stage::Playing(_) | Stage::Played(_)) {
            return;
        }
        let block = &run.block;
        self.instance.progress.became(run);
        let expects_output = *block.step == *self.state.step && self.expects_output(block.index);
        let is_news =
            is_done(run, stage, expects_output) && self.state.fulfil(&block.step, block.index);
        let settle = match stage {
            Stage::Settled(_) => {
                if is_news {
                    self.tell_progress(&block.step);
                }
                if expects_output {
                    self.judge_later();
                }
                return;
            }
            Stage::Running(_) | Stage::Playing(_) | Stage::Played(_) => return,
            Stage::Sent(_) => {
                if expects_output {
                    self.judge_later();
                }
                SETTLE
            }
            Stage::Ended(..) => Duration::ZERO,
        };
        self.tell_progress(&block.step);
        if *block.step == *self.state.step && self.trust.holds() {
            let at = Instant::now() + settle;
            let page = self.state.page.clone();
            for check in page.iter().flat_map(|page| page.checks_behind(block.index)) {
                self.instance.checks.arm(check.index, at, Due::Block);
            }
        }
    }

    /// How it stands with the checks of a page.
    pub(super) fn checks_of(&self, page: &Page) -> Vec<CheckState> {
        let step: Arc<str> = page.step.as_str().into();
        let checks = page
            .blocks
            .iter()
            .filter(|block| block.kind == BlockKind::Check);
        let state = |check: &Block| {
            let (step, index) = (step.clone(), check.index);
            self.instance.checks.state(&BlockPlace { step, index })
        };
        checks.map(state).collect()
    }

    /// How it stands at all steps that were seen.
    pub(super) fn progress(&self) -> Vec<StepProgress> {
        self.instance.progress.summaries(&self.state)
    }

    fn tell_progress(&mut self, step: &str) {
        if let Some(summary) = self.instance.progress.summary(step, &self.state) {
            self.clients.tell(LabEvent::Progress(summary));
        }
    }

    /// Where a block of the current step is.
    pub(super) fn place_of(&self, index: usize) -> BlockPlace {
        BlockPlace {
            step: self.state.step.as_str().into(),
            index,
        }
    }
}

fn is_open_check(block: &Block) -> bool {
    block.kind == BlockKind::Check && block.expectation.verify == Some(VerifyOn::Open)
}

/// Whether a run counts for what a step requires: it did what is expected, or it was typed where
/// nobody can know. Where its output is expected to say something, that is waited for.
fn is_done(run: &BlockRun, stage: Stage, expects_output: bool) -> bool {
    let is_refuted = || matches!(run.verdict, Some(Verdict::Failed { .. }) | None);
    match stage {
        Stage::Running(_) | Stage::Playing(_) | Stage::Played(_) => false,
        Stage::Sent(_) => !expects_output,
        Stage::Settled(_) => run.state == RunState::Sent && !is_refuted(),
        Stage::Ended(None, _) => true,
        Stage::Ended(Some(_), _) => !is_refuted(),
    }
}
