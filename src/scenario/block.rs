//! Blocks: fenced code, its `### ` header lines, and what running it types.

use serde::Serialize;

use super::expectation::Expectation;

/// A fenced code block of a page.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Block {
    /// The block's index over all fences of the page, from 0.
    #[serde(skip)]
    pub index: usize,
    /// The fence's first line within the page, from 1.
    #[serde(skip)]
    pub line: usize,
    /// The first line of its text, from 1.
    #[serde(skip)]
    pub text_line: usize,
    /// The first word of the fence's info string, as written; empty without one.
    pub language: String,
    /// Whether a click runs it, and if not, what it is for.
    #[serde(skip)]
    pub kind: BlockKind,
    /// What running it does.
    #[serde(flatten)]
    pub invocation: Invocation,
    /// What its author expects of it.
    #[serde(flatten)]
    pub expectation: Expectation,
    /// Whether a recording of it lies in the folder, which only who reads the folder knows.
    #[serde(skip)]
    pub recorded: bool,
}

/// What a block is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlockKind {
    /// A click runs it.
    Executable,
    /// It is a check: it runs quietly, beside the terminals, and is never typed.
    Check,
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
    /// The index of the page's block that it is of: blocks may share id and text.
    #[serde(skip)]
    pub block: Option<usize>,
}

impl Invocation {
    /// What a run types, in order: each macro, then the text.
    #[must_use]
    pub fn keystrokes(&self) -> Vec<Vec<u8>> {
        let macros = self.macros_before.iter().map(|key| key.bytes().to_vec());
        macros.chain([self.typed_text().into_bytes()]).collect()
    }

    /// The text as it is typed: each line ended by the return key, the last one too.
    #[must_use]
    pub fn typed_text(&self) -> String {
        let mut text = self.command.replace("\r\n", "\r").replace('\n', "\r");
        if !text.ends_with('\r') {
            text.push('\r');
        }
        text
    }
}

/// What is typed before a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Macro {
    /// Byte 0x03.
    CtrlC,
}

impl Macro {
    /// The bytes that it types.
    #[must_use]
    pub const fn bytes(self) -> &'static [u8] {
        match self {
            Self::CtrlC => b"\x03",
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn invocation(command: &str, macros_before: &[Macro]) -> Invocation {
        Invocation {
            id: "inPage_intro_0".to_owned(),
            executable: true,
            command: command.to_owned(),
            terminal: "cqlsh".to_owned(),
            macros_before: macros_before.to_vec(),
            max_invocations: Limit::UNLIMITED,
            background_color: None,
            block: None,
        }
    }

    #[test]
    fn typed_text_ends_every_line_with_the_return_key() {
        let cases = [
            ("", "\r"),
            ("a", "a\r"),
            ("a\n", "a\r"),
            ("a\r\nb\n\n", "a\rb\r\r"),
            ("a\r", "a\r"),
        ];
        for (command, typed) in cases {
            assert_eq!(invocation(command, &[]).typed_text(), typed, "{command:?}");
        }
    }

    #[test]
    fn macros_are_typed_before_the_text() {
        let keystrokes = invocation("ls\n", &[Macro::CtrlC, Macro::CtrlC]).keystrokes();
        assert_eq!(
            keystrokes,
            [b"\x03".to_vec(), b"\x03".to_vec(), b"ls\r".to_vec()]
        );
    }

    #[test]
    fn limit_allows_that_many_runs() {
        assert!(Limit::UNLIMITED.allows(u64::MAX));
        assert!(Limit(Some(1)).allows(0));
        assert!(!Limit(Some(1)).allows(1));
        assert!(!Limit(Some(0)).allows(0));
    }
}
