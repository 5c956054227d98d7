//! Checks and progress, in the words of the wire.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::{
    command::state::is_required,
    lab::{
        LabSnapshot, event,
        judge::Verdict,
        progress::{BlockSeen, Progress},
    },
    protocol::{
        progress::{
            BlockRecord, CHECK_OUTPUT_BYTES, CheckResult, CheckState, PROGRESS_VERSION,
            ProgressFile, Required, StepProgress, StepRecord, Waits, Way,
        },
        run::RunState,
    },
    scenario::{self, Block, Page},
};

/// Milliseconds since 1970.
pub(super) fn ms(at: SystemTime) -> u64 {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// How a run stands, and its exit code. Where its output should be judged and is gone, nothing is
/// claimed.
pub(super) fn run_state(run: &event::BlockRun) -> (RunState, Option<i32>) {
    match (run.state, &run.verdict) {
        (event::RunState::Queued, _) => (RunState::Queued, None),
        (event::RunState::Dropped, _) => (RunState::Dropped, None),
        (event::RunState::Waiting, _) => (RunState::Waiting, None),
        (event::RunState::Running, _) => (RunState::Running, None),
        (event::RunState::Recorded, _) => (RunState::Recorded, None),
        (event::RunState::Sent, Some(Verdict::Failed { .. })) => (RunState::Failed, None),
        (event::RunState::Sent, _) | (_, Some(Verdict::Unknown)) => (RunState::Sent, None),
        (event::RunState::Ended(code), Some(Verdict::Passed)) => (RunState::Done, Some(code)),
        (event::RunState::Ended(0), None) => (RunState::Done, Some(0)),
        (event::RunState::Ended(code), _) => (RunState::Failed, Some(code)),
    }
}

/// Why something failed, and what to do about it.
pub(super) fn why(verdict: &Verdict) -> (Option<String>, Option<String>) {
    match verdict {
        Verdict::Failed { reason, hint } => (Some(reason.clone()), hint.clone()),
        Verdict::Passed | Verdict::Unknown => (None, None),
    }
}

pub(super) fn check(state: &event::CheckState) -> CheckState {
    CheckState {
        step: state.place.step.to_string(),
        block: state.place.index,
        running: state.running,
        last: state.last.as_ref().map(result),
    }
}

fn result(result: &event::CheckResult) -> CheckResult {
    let (message, hint) = why(&result.verdict);
    CheckResult {
        passed: result.verdict.has_passed(),
        message,
        hint,
        output: shortened(&result.output),
        started_at: ms(result.began),
        ended_at: ms(result.ended),
    }
}

/// A text without its middle, if it is long.
fn shortened(text: &str) -> String {
    if text.len() <= 2 * CHECK_OUTPUT_BYTES {
        return text.to_owned();
    }
    let (mut head, mut tail) = (CHECK_OUTPUT_BYTES, text.len() - CHECK_OUTPUT_BYTES);
    while !text.is_char_boundary(head) {
        head -= 1;
    }
    while !text.is_char_boundary(tail) {
        tail += 1;
    }
    let part = |part: Option<&str>| part.unwrap_or_default().to_owned();
    [part(text.get(..head)), part(text.get(tail..))].join("\n…\n")
}

pub(super) fn step(step: &event::StepProgress) -> StepProgress {
    let waits = step.waits.iter().map(|waits| Waits {
        block: waits.block,
        name: waits.name.clone(),
    });
    StepProgress {
        step: step.step.to_string(),
        seen_at: ms(step.seen_at),
        required: step.required,
        done: step.done,
        checks: step.checks,
        passed: step.passed,
        skipped: step.skipped.clone(),
        waits: waits.collect(),
        before: step.before.clone(),
    }
}

/// How the way on waits for a block, if it does.
pub(super) fn required(block: &Block) -> Option<Required> {
    let required = block.expectation.required.filter(|_| is_required(block));
    required.map(how_required)
}

fn how_required(required: scenario::Required) -> Required {
    match required {
        scenario::Required::Always => Required::Always,
        scenario::Required::Skippable => Required::Skippable,
    }
}

/// Where the links of a page lead that requires something.
pub(super) fn ways(page: &Page) -> Vec<Way> {
    if !page.blocks.iter().any(is_required) {
        return Vec::new();
    }
    let links = page.links.iter().enumerate();
    let way = |(link, found): (usize, &scenario::Link)| {
        let step = found.command.as_ref()?.step()?.to_owned();
        Some(Way { link, step })
    };
    links.filter_map(way).collect()
}

/// All that happened in a lab, as a file.
pub(in crate::server) fn file(lab: &LabSnapshot, progress: &Progress) -> ProgressFile {
    let records = progress.steps().iter().zip(&lab.progress);
    ProgressFile {
        version: PROGRESS_VERSION,
        scenario: lab.scenario.to_string(),
        title: lab.title.clone(),
        instance: lab.instance.to_string(),
        began_at: ms(progress.began()),
        step: lab.page.as_ref().map(|view| view.page.step.clone()),
        steps: records
            .map(|(seen, summary)| StepRecord {
                progress: step(summary),
                title: seen.title.clone(),
                blocks: seen.blocks.iter().map(record).collect(),
            })
            .collect(),
    }
}

fn record(block: &BlockSeen) -> BlockRecord {
    let mut record = BlockRecord {
        block: block.index,
        title: block.title.clone(),
        check: block.is_check,
        required: block.required.map(how_required),
        runs: block.runs,
        state: None,
        exit_code: None,
        message: None,
        started_at: None,
        ended_at: None,
        passed_at: block.passed_at.map(ms),
        skipped_at: block.skipped_at.map(ms),
    };
    if let Some(check) = &block.last_check {
        record.state = Some(if check.verdict.has_passed() {
            RunState::Done
        } else {
            RunState::Failed
        });
        record.message = why(&check.verdict).0;
        record.started_at = Some(ms(check.began));
        record.ended_at = Some(ms(check.ended));
    } else if let Some(run) = &block.last_run {
        (record.state, record.exit_code) = {
            let (state, code) = run_state(run);
            (Some(state), code)
        };
        record.message = run.verdict.as_ref().and_then(|verdict| why(verdict).0);
        record.started_at = run.began.map(|moment| ms(moment.at));
        record.ended_at = run.ended.map(|moment| ms(moment.at));
    }
    record
}
