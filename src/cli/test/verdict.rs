//! What became of each thing that a test ran.

use std::time::Duration;

use super::plan::{Act, Place};

/// Something that was tested, and what became of it.
#[derive(Debug, Clone)]
pub(super) struct Case {
    /// The step; empty for what is wrong with the lab as a whole.
    pub(super) step: String,
    /// What it is within the step: `block 2`, `on load`.
    pub(super) what: String,
    pub(super) block: Option<usize>,
    pub(super) title: String,
    pub(super) terminal: Option<String>,
    pub(super) place: Place,
    pub(super) took: Option<Duration>,
    pub(super) exit_code: Option<i32>,
    pub(super) verdict: Verdict,
}

/// What became of it.
#[derive(Debug, Clone)]
pub(super) enum Verdict {
    Passed(How),
    Failed(Problem),
    Skipped(&'static str),
}

/// How it passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    /// It ended as it should.
    Ended,
    /// It goes on, as it should.
    RunsOn,
    /// It goes on, and nobody knows yet whether it should.
    StillRuns,
    /// It waits for input.
    Waits,
    /// It was typed, and nothing speaks against it.
    Sent,
}

/// Why it failed.
#[derive(Debug, Clone, Default)]
pub(super) struct Problem {
    pub(super) message: String,
    pub(super) hint: Option<String>,
    /// What it wrote.
    pub(super) output: String,
}

/// What people read first of a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Word {
    Ok,
    Runs,
    Failed,
    Skipped,
}

/// How many cases came out how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) passed: usize,
    pub(super) failed: usize,
    pub(super) skipped: usize,
}

/// Everything of one scenario, or of one way through it.
#[derive(Debug)]
pub(super) struct Suite {
    pub(super) scenario: String,
    /// What stands before the names of its files.
    pub(super) prefix: String,
    /// The steps of the way; none where only the files were looked at.
    pub(super) steps: Vec<String>,
    /// Whether other ways through the scenario may have suites as well.
    pub(super) is_one_of_many: bool,
    pub(super) took: Duration,
    pub(super) cases: Vec<Case>,
}

impl How {
    /// The word for people; none where the time says it all.
    pub(super) fn word(self) -> Option<&'static str> {
        match self {
            Self::Ended | Self::StillRuns => None,
            Self::RunsOn => Some("runs on"),
            Self::Waits => Some("waits for input"),
            Self::Sent => Some("sent"),
        }
    }
}

impl Verdict {
    pub(super) fn word(&self) -> Word {
        match self {
            Self::Passed(How::StillRuns) => Word::Runs,
            Self::Passed(_) => Word::Ok,
            Self::Failed(_) => Word::Failed,
            Self::Skipped(_) => Word::Skipped,
        }
    }
}

impl std::fmt::Display for Word {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Ok => "ok",
            Self::Runs => "runs",
            Self::Failed => "FAILED",
            Self::Skipped => "skipped",
        })
    }
}

impl Problem {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            ..Self::default()
        }
    }

    pub(super) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl Case {
    /// The case of an act.
    pub(super) fn of(act: &Act, verdict: Verdict) -> Self {
        let what = match act.block {
            Some(index) if act.is_check => format!("check {index}"),
            Some(index) => format!("block {index}"),
            None => "on load".to_owned(),
        };
        Self {
            step: act.step.clone(),
            what,
            block: act.block,
            title: act.title(),
            terminal: (!act.is_check).then(|| act.invocation.terminal.clone()),
            place: act.place.clone(),
            took: None,
            exit_code: None,
            verdict,
        }
    }

    /// The case of something that no act is about.
    pub(super) fn outside(what: &str, file: String, verdict: Verdict) -> Self {
        Self {
            step: String::new(),
            what: what.to_owned(),
            block: None,
            title: String::new(),
            terminal: None,
            place: Place { file, line: None },
            took: None,
            exit_code: None,
            verdict,
        }
    }

    pub(super) fn failed(&self) -> Option<&Problem> {
        match &self.verdict {
            Verdict::Failed(problem) => Some(problem),
            _ => None,
        }
    }
}

impl Tally {
    pub(super) fn of<'a>(cases: impl IntoIterator<Item = &'a Case>) -> Self {
        let mut tally = Self::default();
        for case in cases {
            match case.verdict {
                Verdict::Passed(_) => tally.passed += 1,
                Verdict::Failed(_) => tally.failed += 1,
                Verdict::Skipped(_) => tally.skipped += 1,
            }
        }
        tally
    }
}

impl std::fmt::Display for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            passed,
            failed,
            skipped,
        } = self;
        write!(f, "{passed} passed, {failed} failed, {skipped} skipped")
    }
}

impl Suite {
    /// What it is called: the scenario, and the way where there are several.
    pub(super) fn name(&self) -> String {
        if self.is_one_of_many && !self.steps.is_empty() {
            format!("{} by {}", self.scenario, self.steps.join(", "))
        } else {
            self.scenario.clone()
        }
    }

    /// The place of a case, as one finds it from outside the scenario.
    pub(super) fn file(&self, case: &Case) -> String {
        format!("{}{}", self.prefix, case.place.file)
    }
}
