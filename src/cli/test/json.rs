//! The results of a test as JSON.

use serde::Serialize;

use super::verdict::{Case, Suite, Tally, Verdict};

/// Everything that was tested.
#[derive(Debug, Serialize)]
pub(super) struct Results<'a> {
    passed: usize,
    failed: usize,
    skipped: usize,
    suites: Vec<Played<'a>>,
}

/// A scenario, or a way through it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Played<'a> {
    scenario: &'a str,
    /// The steps of the way.
    path: &'a [String],
    seconds: f64,
    cases: Vec<Entry<'a>>,
}

/// One thing that was tested.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry<'a> {
    step: &'a str,
    what: &'a str,
    block: Option<usize>,
    title: &'a str,
    terminal: Option<&'a str>,
    file: String,
    line: Option<usize>,
    result: &'static str,
    /// How it passed, or why it was skipped.
    note: Option<&'static str>,
    seconds: Option<f64>,
    exit_code: Option<i32>,
    message: Option<&'a str>,
    hint: Option<&'a str>,
    output: Option<&'a str>,
}

impl<'a> Results<'a> {
    pub(super) fn new(suites: &'a [Suite]) -> Self {
        let all = Tally::of(suites.iter().flat_map(|suite| &suite.cases));
        let played = |suite: &'a Suite| Played {
            scenario: &suite.scenario,
            path: &suite.steps,
            seconds: suite.took.as_secs_f64(),
            cases: suite.cases.iter().map(|case| entry(suite, case)).collect(),
        };
        Self {
            passed: all.passed,
            failed: all.failed,
            skipped: all.skipped,
            suites: suites.iter().map(played).collect(),
        }
    }
}

fn entry<'a>(suite: &'a Suite, case: &'a Case) -> Entry<'a> {
    let (result, note) = match &case.verdict {
        Verdict::Passed(how) => ("passed", how.word()),
        Verdict::Failed(_) => ("failed", None),
        Verdict::Skipped(why) => ("skipped", Some(*why)),
    };
    let problem = case.failed();
    Entry {
        step: &case.step,
        what: &case.what,
        block: case.block,
        title: &case.title,
        terminal: case.terminal.as_deref(),
        file: suite.file(case),
        line: case.place.line,
        result,
        note,
        seconds: case.took.map(|took| took.as_secs_f64()),
        exit_code: case.exit_code,
        message: problem.map(|problem| problem.message.as_str()),
        hint: problem.and_then(|problem| problem.hint.as_deref()),
        output: problem.map(|problem| problem.output.as_str()),
    }
}
