//! What became of a block's run.

use serde::{Deserialize, Serialize};

/// The last run of a block, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct BlockRun {
    /// The name of the block's step.
    pub step: String,
    /// The block's index in that step.
    pub block: usize,
    /// The number of the terminal that it was typed into.
    pub terminal: u16,
    /// How it stands.
    pub state: RunState,
    /// The exit code of its last command, where it is done or failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub exit_code: Option<i32>,
    /// Why it failed: the exit code, or what else is not as its author expects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub reason: Option<String>,
    /// What its author says to do about a failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub hint: Option<String>,
    /// Whether it took longer than its author expects. It was not ended for that.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[cfg_attr(test, ts(optional, as = "Option<bool>"))]
    pub late: bool,
    /// When its first command began, in milliseconds since 1970, where the shell told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional, type = "number"))]
    pub started_at: Option<u64>,
    /// When its last command ended, in milliseconds since 1970, where the shell told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional, type = "number"))]
    pub ended_at: Option<u64>,
    /// The offset in the terminal's output at which its own begins, where the shell told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional, type = "number"))]
    pub start: Option<u64>,
    /// The offset at which its output ends, where the shell told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional, type = "number"))]
    pub end: Option<u64>,
}

/// How a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum RunState {
    /// It waits for its terminal, or the shell has not yet begun it.
    Waiting,
    /// Its commands run.
    Running,
    /// They have ended as their author expects: without a word, the last one with exit code 0.
    Done,
    /// They have ended in another way.
    Failed,
    /// It was typed, and nobody can know what became of it: the shell does not tell, or what was
    /// typed went to another program.
    Sent,
}
