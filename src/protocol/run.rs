//! What became of a block's run, what keeps a terminal busy, and the run of all blocks of a step.

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
    /// Whether it was sent, and has written what its author expects. How it ended nobody knows.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[cfg_attr(test, ts(optional, as = "Option<bool>"))]
    pub matched: bool,
    /// When its first command began, in milliseconds since 1970, where the shell told; or when it
    /// was typed, where it was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional, type = "number"))]
    pub started_at: Option<u64>,
    /// When its last command ended, in milliseconds since 1970, where the shell told; or when its
    /// last output came, where it has settled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional, type = "number"))]
    pub ended_at: Option<u64>,
    /// The offset in the terminal's output at which its own begins, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional, type = "number"))]
    pub start: Option<u64>,
    /// The offset at which its output ends, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional, type = "number"))]
    pub end: Option<u64>,
    /// What was seen of a run that is sent or running, where nobody tells its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub settled: Option<Settled>,
}

/// What was seen of a run that nobody tells the end of. None of it says that it succeeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum Settled {
    /// A prompt is back: the one that the block names, or a shell's.
    Prompt,
    /// The program that it started waits for input.
    Input,
    /// Nothing was written for a while, and the program reads, as far as anybody knows.
    Quiet,
}

/// What keeps a terminal busy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Busy {
    /// The number of the terminal.
    pub terminal: u16,
    /// The program's command line, shortened; absent for what the shell does by itself, and where
    /// the system does not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub program: Option<String>,
    /// Since when it runs, in milliseconds since 1970, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional, type = "number"))]
    pub since: Option<u64>,
    /// The step of the block that started it, where one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub step: Option<String>,
    /// The index of that block.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub block: Option<usize>,
    /// The index of the block that was to run, where it is one of the page shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub wanted: Option<usize>,
}

/// A run of all blocks of a step, one after the other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct StepRun {
    /// The name of the step.
    pub step: String,
    /// The index of the block that runs, or that it stopped at.
    pub block: Option<usize>,
    /// How many blocks it is through with.
    pub done: usize,
    /// How many there are.
    pub total: usize,
    /// How it stands.
    pub state: StepRunState,
    /// Why it failed or stopped: words about the block, as in `it failed with exit code 1`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub message: Option<String>,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub hint: Option<String>,
}

/// How a run of all blocks stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum StepRunState {
    /// It goes on.
    Running,
    /// It is through.
    Finished,
    /// A block failed.
    Failed,
    /// Somebody stopped it, or it could not go on.
    Stopped,
}

/// How a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum RunState {
    /// It waits until a prompt is back, and can be cancelled.
    Queued,
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
    /// Recorded output is shown in its place, or was.
    Recorded,
    /// It was never typed: somebody cancelled it, or the shell ended that it waited for.
    Dropped,
}
