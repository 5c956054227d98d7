//! What a program wrote, as plain text: for people and patterns, not for a screen.

use vte::{Parser, Perform};

/// The text of what a program wrote: escape sequences are left out, line ends are `\n`, and what
/// was written over an earlier line stands in a line of its own.
#[must_use]
pub fn plain_text(bytes: &[u8]) -> String {
    let mut text = Text::default();
    Parser::new().advance(&mut text, bytes);
    text.turn();
    text.written
}

#[derive(Debug, Default)]
struct Text {
    written: String,
    /// Whether a carriage return was read, and not yet what follows it.
    returned: bool,
}

impl Text {
    /// Begins another line where the cursor went back to the start of one that has text.
    fn turn(&mut self) {
        if std::mem::take(&mut self.returned) && !self.written.is_empty() {
            self.line();
        }
    }

    fn line(&mut self) {
        self.returned = false;
        self.written.push('\n');
    }
}

impl Perform for Text {
    fn print(&mut self, c: char) {
        // DEL only pads.
        if c != '\x7f' {
            self.turn();
            self.written.push(c);
        }
    }

    fn execute(&mut self, byte: u8) {
        match byte {
            b'\n' => self.line(),
            b'\r' => self.returned = true,
            b'\t' => self.print('\t'),
            // Backspace: most often to write over what was there.
            0x08 if !self.written.ends_with('\n') => {
                self.written.pop();
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn escape_sequences_are_left_out() {
        let cases: [(&[u8], &str); 8] = [
            (b"plain\r\n", "plain\n"),
            (b"\x1b[1;31mred\x1b[0m\r\n", "red\n"),
            (b"\x1b]0;title\x07text", "text"),
            (b"\x1b]133;D;0;aid=7\x1b\\", ""),
            (b"10%\r20%\r\ndone", "10%\n20%\ndone"),
            (b"ab\x08c", "ac"),
            (b"one\ntwo\tx\x07", "one\ntwo\tx"),
            (b"th\xc3\xa9 \xff", "th\u{e9} \u{fffd}"),
        ];
        for (bytes, text) in cases {
            assert_eq!(plain_text(bytes), text, "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn prop_plain_text_has_no_controls_and_stays_as_it_is(
            bytes in prop::collection::vec(any::<u8>(), 0..400)
        ) {
            let text = plain_text(&bytes);
            let odd = |c: char| c.is_ascii_control() && c != '\n' && c != '\t';
            prop_assert!(!text.contains(odd), "{:?}", text);
        }

        #[test]
        fn prop_text_without_controls_is_not_changed(text in "[ -~\\n\\té]{0,200}") {
            prop_assert_eq!(plain_text(text.as_bytes()), text);
        }
    }
}
