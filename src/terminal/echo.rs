//! What commands wrote, told from a shell's prompts and from the echo of what was typed.

use super::{
    mark::MarkKind,
    query::{Found, QueryScanner},
};

/// Lets through what commands wrote, where the shell tells of them; all of it where it does not.
#[derive(Debug)]
pub struct EchoFilter {
    scanner: QueryScanner,
    shown: bool,
    /// Whether a shell that gives no name has told that it executes something.
    unnamed: bool,
}

impl EchoFilter {
    /// Begins where a command runs, or where nobody tells.
    #[must_use]
    pub fn new() -> Self {
        Self {
            scanner: QueryScanner::default(),
            shown: true,
            unnamed: false,
        }
    }

    /// Takes in output, and hands over what commands wrote of it.
    pub fn pass(&mut self, mut bytes: &[u8], mut take: impl FnMut(&[u8])) {
        while !bytes.is_empty() {
            let (taken, found) = self.scanner.scan(bytes);
            let (head, rest) = bytes.split_at_checked(taken).unwrap_or((bytes, &[]));
            if self.shown {
                take(head);
            }
            bytes = rest;
            let Some(Found::Mark(mark)) = found else {
                continue;
            };
            if mark.shell.is_none() {
                self.unnamed |= mark.kind == MarkKind::Executes;
                if !self.unnamed {
                    // A prompt that is marked by itself says nothing of what is executed behind it.
                    continue;
                }
            }
            let shown = match mark.kind {
                MarkKind::Executes => true,
                MarkKind::Ended(_) | MarkKind::Prompt => false,
                MarkKind::Continues => self.shown,
            };
            if shown && !self.shown && head.ends_with(b"\x1b") {
                // The mark's end is two bytes long (ST), and the second one is no output.
                take(b"\x1b");
            }
            self.shown = shown;
        }
    }

    /// What commands wrote of a whole output.
    #[must_use]
    pub fn filter(bytes: &[u8]) -> Vec<u8> {
        let mut kept = Vec::with_capacity(bytes.len());
        Self::new().pass(bytes, |bytes| kept.extend_from_slice(bytes));
        kept
    }
}

impl Default for EchoFilter {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::terminal::plain::plain_text;

    fn text(output: &str) -> String {
        plain_text(&EchoFilter::filter(output.as_bytes()))
    }

    #[test]
    fn prompts_and_echoes_between_commands_are_left_out() {
        for end in ["\x07", "\x1b\\"] {
            let output = format!(
                "one\n\x1b]133;D;0;aid=1{end}\x1b]133;A;aid=1{end}$ echo typed\r\n\
                 \x1b]133;C;aid=1{end}two\n\x1b]133;D;0{end}\x1b]133;A;aid=1{end}$ "
            );
            assert_eq!(text(&output), "one\ntwo\n");
        }
    }

    #[test]
    fn program_of_which_no_shell_tells_is_shown_as_it_is() {
        assert_eq!(text(">>> 6 * 7\r\n42\r\n>>> "), ">>> 6 * 7\n42\n>>> ");
    }

    #[test]
    fn prompts_alone_that_a_program_marks_hide_nothing() {
        let output = "\x1b]133;A\x07db$ ls\r\nfile\r\n\x1b]133;A\x07db$ ";
        assert_eq!(text(output), "db$ ls\nfile\ndb$ ");
    }

    proptest! {
        #[test]
        fn prop_pieces_give_what_the_whole_gives(
            parts in prop::collection::vec("a|b|\n|\x1b\\]133;[ACD](;;aid=1)?\x07|\x1b\\]133;[ACD]\x1b\\\\", 0..12),
            cut in 0_usize..100
        ) {
            let whole = parts.concat();
            let (head, tail) = whole.as_bytes().split_at(cut.min(whole.len()));
            let (mut filter, mut kept) = (EchoFilter::new(), Vec::new());
            for piece in [head, tail] {
                filter.pass(piece, |bytes| kept.extend_from_slice(bytes));
            }
            prop_assert_eq!(plain_text(&kept), text(&whole));
        }
    }
}
