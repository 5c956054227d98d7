//! Blocks: fenced code, its `### ` header lines, and what running it types.

use serde::Serialize;

/// A fenced code block of a page.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Block {
    /// The block's index over all fences of the page, from 0.
    #[serde(skip)]
    pub index: usize,
    /// The fence's first line within the page, from 1.
    #[serde(skip)]
    pub line: usize,
    /// The first word of the fence's info string, as written; empty without one.
    pub language: String,
    /// Whether a click runs it, and if not, what it is for.
    #[serde(skip)]
    pub kind: BlockKind,
    /// What running it does.
    #[serde(flatten)]
    pub invocation: Invocation,
}

/// What a block is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlockKind {
    /// A click runs it.
    Executable,
    /// It is for reading.
    Text,
    /// It is a mermaid diagram, drawn by the front end.
    Mermaid,
}

/// Something that can be typed into a terminal, with the rules for it: a block, an on-load
/// command, a `katapod.sendText` link.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Invocation {
    /// The id under which runs are counted.
    pub id: String,
    /// Whether it may run at all.
    pub executable: bool,
    /// The text, without header lines.
    pub command: String,
    /// The id of the terminal it goes to, fallback applied: always one of the layout.
    pub terminal: String,
    /// What is typed before the text.
    pub macros_before: Vec<Macro>,
    /// How often it may run.
    pub max_invocations: Limit,
    /// The block's background, as written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub background_color: Option<String>,
}

/// What is typed before a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Macro {
    /// Byte 0x03.
    CtrlC,
}

/// How often an invocation may run: a number of runs, or `None` without a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Limit(pub Option<u64>);

impl Limit {
    /// No limit.
    pub const UNLIMITED: Self = Self(None);

    /// Whether one more run is allowed after `runs`.
    #[must_use]
    pub fn allows(self, runs: u64) -> bool {
        self.0.is_none_or(|limit| runs < limit)
    }
}
