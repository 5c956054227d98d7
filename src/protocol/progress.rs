//! What checks found, what is done at each step, and the whole of it as a file.

use serde::{Deserialize, Serialize};

use super::run::RunState;

/// How much of a check's output is told with its state: its beginning, and as much of its end.
pub const CHECK_OUTPUT_BYTES: usize = 4 * 1024;

/// The version of [`ProgressFile`].
pub const PROGRESS_VERSION: u32 = 1;

/// How it stands with a check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct CheckState {
    /// The name of the check's step.
    pub step: String,
    /// The check's index among the blocks of that step.
    pub block: usize,
    /// Whether it runs now.
    pub running: bool,
    /// How it ended last; left out before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub last: Option<CheckResult>,
}

/// How a check ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct CheckResult {
    /// Whether it passed.
    pub passed: bool,
    /// Why it did not pass, as people read it; lines are parted by `\n`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub message: Option<String>,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub hint: Option<String>,
    /// What it wrote, as text; the middle of a long output is left out.
    pub output: String,
    /// When it began, in milliseconds since 1970.
    #[cfg_attr(test, ts(type = "number"))]
    pub started_at: u64,
    /// When it ended, in milliseconds since 1970.
    #[cfg_attr(test, ts(type = "number"))]
    pub ended_at: u64,
}

/// How it stands at a step that was seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct StepProgress {
    /// The step's name.
    pub step: String,
    /// When it was first shown, in milliseconds since 1970.
    #[cfg_attr(test, ts(type = "number"))]
    pub seen_at: u64,
    /// How many blocks it requires before a new step is shown.
    pub required: usize,
    /// How many of those are done, or were skipped.
    pub done: usize,
    /// How many checks it has.
    pub checks: usize,
    /// How many of those have passed.
    pub passed: usize,
    /// The blocks that were skipped and did not pass since, by index.
    pub skipped: Vec<usize>,
    /// The blocks that the way on waits for. None for who writes the lab.
    pub waits: Vec<Waits>,
    /// While it is shown and something waits: the steps before it that were not seen, as by who came
    /// by a deep link. They may be shown nevertheless.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(test, ts(optional, as = "Option<Vec<String>>"))]
    pub before: Vec<String>,
}

/// A block that the way on waits for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Waits {
    /// Its index.
    pub block: usize,
    /// What people call it: its title in backticks, or `block 2`.
    pub name: String,
}

/// A link of a page that leads to a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Way {
    /// The link's number.
    pub link: usize,
    /// The step.
    pub step: String,
}

/// How the way on waits for a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum Required {
    /// Until it has succeeded.
    Always,
    /// Until it has succeeded, or is skipped.
    Skippable,
}

/// What happened in a lab so far: the content of `progress.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProgressFile {
    /// The version of this shape, [`PROGRESS_VERSION`].
    pub version: u32,
    /// The scenario's name.
    pub scenario: String,
    /// What people call it.
    pub title: String,
    /// Names the run of the lab.
    pub instance: String,
    /// When it was begun, in milliseconds since 1970.
    pub began_at: u64,
    /// The step that is shown, if one could be read.
    pub step: Option<String>,
    /// The steps that were seen, the first first.
    pub steps: Vec<StepRecord>,
}

/// What happened at a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StepRecord {
    /// How it stands there.
    #[serde(flatten)]
    pub progress: StepProgress,
    /// Its page's title.
    pub title: String,
    /// Its blocks that run, checks among them.
    pub blocks: Vec<BlockRecord>,
}

/// What became of a block.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BlockRecord {
    /// Its index.
    pub block: usize,
    /// Its title, where its author gave one.
    pub title: Option<String>,
    /// Whether it is a check.
    pub check: bool,
    /// How the way on waits for it, if it does.
    pub required: Option<Required>,
    /// How often it ran.
    pub runs: u64,
    /// How its last run stands: of a check `running`, `done` or `failed`. Null before the first.
    pub state: Option<RunState>,
    /// The exit code of the last run, where one is known.
    pub exit_code: Option<i32>,
    /// Why the last run failed.
    pub message: Option<String>,
    /// When the last run began, in milliseconds since 1970, where that is known.
    pub started_at: Option<u64>,
    /// When the last run ended, in milliseconds since 1970, where that is known.
    pub ended_at: Option<u64>,
    /// When it first did what is expected of it, in milliseconds since 1970.
    pub passed_at: Option<u64>,
    /// When it was skipped, in milliseconds since 1970.
    pub skipped_at: Option<u64>,
}
