//! Runs all blocks of a step, one after the other, and stops where one fails.
//!
//! A block is over when its commands have ended, or when what was sent has settled. One that goes
//! on by design holds nothing up: a program that waits for input is typed into by the next block,
//! and one that has been quiet for a while is left alone, where the next block is for another
//! terminal. Nothing is ever typed into a program that does not read.

use std::time::{Duration, Instant};

use super::Lab;
use crate::{
    command::CommandError,
    lab::{
        LabError,
        event::{BlockPlace, LabEvent, Notice, RunState, StepRun, StepRunState},
        judge::{Verdict, WRONG_OUTPUT},
    },
    scenario::{Block, BlockKind},
    terminal::{occupation::When, runs::RunNumber, tracking::Stage},
};

/// How often a block is looked at that does not tell its end.
const LOOK: Duration = Duration::from_millis(250);

/// A block that still runs after this long may be a server.
const SERVER_AFTER: Duration = Duration::from_secs(5);

/// It is one, if it has written nothing for this long.
const SERVER_QUIET: Duration = Duration::from_secs(2);

/// It is taken for one, however much it writes, after this long.
const SERVER_AT_LAST: Duration = Duration::from_secs(60);

/// So long is waited for what was sent to settle, and to write what is expected.
pub const SENT_PATIENCE: Duration = Duration::from_secs(60);

/// The run of all blocks of a step that goes on, or the last one.
#[derive(Debug, Default)]
pub(in crate::lab) struct StepRunner {
    told: Option<StepRun>,
    going: Option<Going>,
}

/// A run of all blocks that goes on.
#[derive(Debug)]
struct Going {
    /// The run; nothing for a check.
    run: Option<RunNumber>,
    block: usize,
    terminal: u16,
    /// Since when its text is typed.
    typed_at: Option<Instant>,
    /// Whether it looks settled, and yet has not written what is expected.
    wanting: bool,
    /// Whether another run was typed into its terminal behind it: what they write can't be told
    /// apart.
    shared: bool,
    /// The end of the terminal's output, and since when it is there.
    output: (u64, Instant),
    look_at: Instant,
}

impl StepRunner {
    /// What clients are to know of it.
    pub(in crate::lab) fn told(&self) -> Option<StepRun> {
        self.told.clone()
    }

    /// When it is to be looked at.
    pub(super) fn due(&self) -> Option<Instant> {
        self.going.as_ref().map(|going| going.look_at)
    }

    /// Notes that a run looks settled, and has not written what is expected.
    fn wants(&mut self, run: RunNumber) {
        if let Some(going) = self.going_with(run) {
            going.wanting = true;
        }
    }

    fn going_with(&mut self, run: RunNumber) -> Option<&mut Going> {
        self.going.as_mut().filter(|going| going.run == Some(run))
    }
}

impl Lab {
    /// Begins to run all blocks of the step that may run.
    pub(super) fn run_step(&mut self) -> Result<(), LabError> {
        if self.instance.step_runner.going.is_some() {
            return Err(LabError::StepRuns(self.state.step.clone()));
        }
        let total = self.blocks_from(0).count();
        if total == 0 {
            return Err(CommandError::NoNextBlock.into());
        }
        self.instance.step_runner.told = Some(StepRun {
            step: self.state.step.clone(),
            block: None,
            done: 0,
            total,
            state: StepRunState::Running,
            notice: None,
        });
        self.run_block_from(0);
        Ok(())
    }

    /// Stops running all blocks; what runs goes on.
    pub(super) fn stop_step(&mut self) -> Result<(), LabError> {
        if self.instance.step_runner.going.is_none() {
            return Err(LabError::NoStepRuns);
        }
        self.end_step_run(StepRunState::Stopped, "it was stopped", None);
        Ok(())
    }

    /// Stops where another step is about to be shown.
    pub(super) fn leave_step(&mut self, step: &str) {
        let told = self.instance.step_runner.told.as_ref();
        if told.is_some_and(|told| told.step != step) {
            if self.instance.step_runner.going.is_some() {
                self.end_step_run(StepRunState::Stopped, "another step was opened", None);
            }
            self.instance.step_runner.told = None;
        }
    }

    /// The blocks that are run: those that a click would run, too.
    fn blocks_from(&self, index: usize) -> impl Iterator<Item = &Block> {
        let blocks = self.state.page.iter().flat_map(|page| &page.blocks);
        blocks.filter(move |block| {
            let runs = match block.kind {
                BlockKind::Executable => self.state.admit(&block.invocation).is_ok(),
                BlockKind::Check => true,
                _ => false,
            };
            block.index >= index && runs
        })
    }

    /// Runs the first block from that index on, or ends.
    fn run_block_from(&mut self, index: usize) {
        let next = self.blocks_from(index).next();
        let next = next.map(|block| (block.index, block.kind, block.invocation.clone()));
        let Some((block, kind, invocation)) = next else {
            self.finish_step_run();
            return;
        };
        if kind == BlockKind::Check {
            self.check_in_step_run(block);
            return;
        }
        let terminal = self.instance.number_of(&invocation.terminal);
        let when = if invocation.macros_before.is_empty() {
            When::Reader
        } else {
            When::Now
        };
        let run = match self.enqueue_invocation(terminal, &invocation, None, when) {
            Ok(run) => run,
            Err(error) => {
                let hint = error.hint();
                self.end_step_run(StepRunState::Stopped, &error.to_string(), hint);
                return;
            }
        };
        let state = if when == When::Now {
            RunState::Waiting
        } else {
            RunState::Queued
        };
        let now = Instant::now();
        let output = self.instance.view(terminal).handle.output().end();
        self.instance.step_runner.going = Some(Going {
            run: Some(run),
            block,
            terminal,
            typed_at: None,
            wanting: false,
            shared: false,
            output: (output, now),
            look_at: now + LOOK,
        });
        self.note_run(run, terminal, &invocation, state);
        self.tell_step_run(|told| told.block = Some(block));
    }

    /// Runs a check beside the terminals; one that runs already is waited for.
    fn check_in_step_run(&mut self, block: usize) {
        self.tell_step_run(|told| told.block = Some(block));
        match self.check(block) {
            Ok(()) | Err(LabError::CheckRuns) => {
                let now = Instant::now();
                self.instance.step_runner.going = Some(Going {
                    run: None,
                    block,
                    terminal: 0,
                    typed_at: Some(now),
                    wanting: false,
                    shared: false,
                    output: (0, now),
                    look_at: now + LOOK,
                });
            }
            Err(error) => {
                let hint = error.hint();
                self.end_step_run(StepRunState::Stopped, &error.to_string(), hint);
            }
        }
    }

    /// Notes that a check has ended: one that the step requires must have passed.
    pub(super) fn step_run_checked(&mut self, place: &BlockPlace) {
        let going = self.instance.step_runner.going.as_ref();
        let waits = going.is_some_and(|going| going.run.is_none() && going.block == place.index);
        if !waits || *place.step != *self.state.step {
            return;
        }
        let required = self.expectation(place.index).required.is_some();
        let state = self.instance.checks.state(place);
        match state.last.map(|last| last.verdict) {
            Some(Verdict::Failed { reason, hint }) if required => {
                self.end_step_run(StepRunState::Failed, &reason, hint);
            }
            _ => self.go_on(),
        }
    }

    /// Goes on behind the present block.
    fn go_on(&mut self) {
        let Some(going) = self.instance.step_runner.going.take() else {
            return;
        };
        self.tell_step_run(|told| told.done += 1);
        self.run_block_from(going.block + 1);
    }

    /// Notes that a run was typed, be it the present block's or another one.
    pub(super) fn step_run_typed(&mut self, terminal: u16, run: RunNumber) {
        match &mut self.instance.step_runner.going {
            Some(going) if going.run == Some(run) => going.typed_at = Some(Instant::now()),
            Some(going) if going.terminal == terminal && going.typed_at.is_some() => {
                going.shared = true;
            }
            _ => {}
        }
    }

    pub(super) fn step_run_stage(
        &mut self,
        run: RunNumber,
        stage: Stage,
        verdict: Option<Verdict>,
    ) {
        let Some(going) = self.instance.step_runner.going_with(run) else {
            return;
        };
        let block = going.block;
        match stage {
            Stage::Ended(Some(code), _) => {
                let Some(Verdict::Failed { reason, hint }) = verdict else {
                    self.go_on();
                    return;
                };
                let why = if self.expectation(block).exit_code.allows(code) {
                    reason
                } else {
                    format!("it failed with exit code {code}")
                };
                self.end_step_run(StepRunState::Failed, &why, hint);
            }
            Stage::Ended(None, _) => self.go_on(),
            Stage::Settled(_) => match verdict {
                Some(Verdict::Failed { reason, hint }) => {
                    self.end_step_run(StepRunState::Failed, &reason, hint);
                }
                Some(_) => self.go_on(),
                None if self.expectation(block).expect.is_none() => self.go_on(),
                // What is expected may still come.
                None => self.instance.step_runner.wants(run),
            },
            Stage::Running(_) | Stage::Sent(_) | Stage::Playing(_) | Stage::Played(_) => {}
        }
    }

    pub(super) fn step_run_dropped(&mut self, run: RunNumber, why: &str) {
        if self.instance.step_runner.going_with(run).is_some() {
            self.end_step_run(StepRunState::Stopped, why, None);
        }
    }

    /// Looks at a block that may go on by design.
    pub(super) fn look_at_step_run(&mut self) {
        let now = Instant::now();
        let Some(mut going) = self.instance.step_runner.going.take() else {
            return;
        };
        let end = self.instance.view(going.terminal).handle.output().end();
        if end != going.output.0 {
            going.output = (end, now);
        }
        going.look_at = now + LOOK;
        let quiet = now.duration_since(going.output.1);
        let typed = going.typed_at.map(|at| now.duration_since(at));
        let (index, terminal, run) = (going.block, going.terminal, going.run);
        let (wanting, shared) = (going.wanting, going.shared);
        self.instance.step_runner.going = Some(going);
        // Checks have a time limit of their own.
        let (Some(typed), Some(run)) = (typed, run) else {
            return;
        };
        if wanting && let Some(verdict) = self.judge_so_far(run, index) {
            let verdict = if shared { Verdict::Unknown } else { verdict };
            self.note_verdict(run, &verdict);
            self.go_on();
            return;
        }
        let expectation = self.expectation(index);
        if let Some(timeout) = expectation.timeout {
            if typed > timeout {
                let why = format!("it took longer than {} s", timeout.as_secs_f64());
                self.end_step_run(StepRunState::Failed, &why, expectation.hint);
            }
            return;
        }
        let state = self.instance.runs.told(run).map(|run| run.state);
        let patience = self.options.sent_patience;
        match state {
            // Its end will be told, however late.
            Some(RunState::Running) => {
                let server = quiet >= SERVER_QUIET || typed >= SERVER_AT_LAST;
                let next = self.blocks_from(index + 1).next();
                let in_its_way = next.is_some_and(|next| {
                    let there = self.instance.number_of(&next.invocation.terminal);
                    there == terminal && next.invocation.macros_before.is_empty()
                });
                let is_up = || self.judge_so_far(run, index).is_some();
                if typed >= SERVER_AFTER && server && !in_its_way && is_up() {
                    self.go_on();
                }
            }
            Some(RunState::Sent) if typed >= patience && wanting => {
                let verdict = Verdict::failed(&expectation, WRONG_OUTPUT.to_owned());
                self.note_verdict(run, &verdict);
                self.end_step_run(StepRunState::Failed, WRONG_OUTPUT, expectation.hint);
            }
            // Of one that was sent nothing is told any more once its block is run again.
            Some(RunState::Sent) | None if typed >= patience => {
                let hint = "see in the terminal, then run the next block".to_owned();
                let why = "nobody can tell whether it is over";
                self.end_step_run(StepRunState::Stopped, why, Some(hint));
            }
            _ => {}
        }
    }

    fn finish_step_run(&mut self) {
        self.instance.step_runner.going = None;
        self.tell_step_run(|told| {
            told.block = None;
            told.state = StepRunState::Finished;
        });
    }

    /// Ends before all blocks were run. What was not yet typed of the present one is taken back.
    fn end_step_run(&mut self, state: StepRunState, why: &str, hint: Option<String>) {
        if let Some(going) = self.instance.step_runner.going.take()
            && going.typed_at.is_none()
            && let Some(run) = going.run
        {
            // A terminal that has no room for this has ended, or types on and tells of it.
            drop(self.cancel_run(run, going.terminal));
        }
        let failed = state == StepRunState::Failed;
        self.tell_step_run(|told| {
            told.state = state;
            told.notice = Some(Notice {
                message: why.to_owned(),
                hint,
                failed,
            });
        });
    }

    fn tell_step_run(&mut self, change: impl FnOnce(&mut StepRun)) {
        if let Some(told) = &mut self.instance.step_runner.told {
            change(told);
            let told = told.clone();
            self.clients.tell(LabEvent::StepRun(told));
        }
    }
}
