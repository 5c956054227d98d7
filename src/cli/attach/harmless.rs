//! What may be written to the person's own terminal, of all that a program wrote to its.
//!
//! The server answers a program's questions. The person's terminal would answer what it is shown
//! as well, and its answer would be typed into the shell. So only what the terminal of a lab's
//! page does is passed on (xterm.js: ECMA-48, xterm's control sequences), less its questions, and
//! less what reaches beyond the screen: printing, programmable keys, keyboards that encode keys in
//! other ways. It is a list of what may pass, because terminals invent further questions.

/// The longest control sequence that is passed on; real ones are far shorter.
const SEQUENCE_BYTES: usize = 1024;

/// The longest string (a title, a link, text for the clipboard) that is passed on.
const STRING_BYTES: usize = 128 * 1024;

const BELL: u8 = 0x07;
const CANCEL: u8 = 0x18;
const SUBSTITUTE: u8 = 0x1a;
const ESCAPE: u8 = 0x1b;

/// What may pass beside what the screen shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Beyond {
    pub(super) bell: bool,
    /// Text that a program puts on the person's clipboard.
    pub(super) clipboard: bool,
}

/// Follows a stream of output, cut anywhere, and leaves out what must not pass.
#[derive(Debug, Default)]
pub(super) struct Harmless {
    state: State,
    /// The unfinished sequence.
    held: Vec<u8>,
    /// How many bytes of a character are still to come.
    continued: u8,
    /// The first byte of a character that may be a control: C2.
    latin: bool,
    alternate: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum State {
    #[default]
    Ground,
    Escape,
    Csi,
    /// OSC, DCS, SOS, PM or APC.
    String,
    /// An escape within a string, which ends it.
    StringEscape,
}

impl Harmless {
    /// Whether the alternate screen is shown.
    pub(super) fn is_alternate(&self) -> bool {
        self.alternate
    }

    /// Takes in `bytes` and returns those that may pass.
    pub(super) fn pass(&mut self, bytes: &[u8], beyond: Beyond) -> Vec<u8> {
        let mut out = Vec::with_capacity(bytes.len());
        for byte in bytes {
            self.decode(*byte, beyond, &mut out);
        }
        out
    }

    /// Sees to it that controls are ASCII: those between U+0080 and U+009F are left out, and bytes
    /// that are no UTF-8 become the character that is shown for them.
    fn decode(&mut self, byte: u8, beyond: Beyond, out: &mut Vec<u8>) {
        match byte {
            0x80..=0xbf if self.latin => {
                self.latin = false;
                if byte >= 0xa0 {
                    self.step(0xc2, beyond, out);
                    self.step(byte, beyond, out);
                }
                return;
            }
            0x80..=0xbf if self.continued > 0 => {
                self.continued -= 1;
                return self.step(byte, beyond, out);
            }
            0x80..=0xbf => {}
            _ => self.continued = 0,
        }
        self.latin = byte == 0xc2;
        self.continued = match byte {
            0xc3..=0xdf => 1,
            0xe0..=0xef => 2,
            0xf0..=0xf4 => 3,
            _ => 0,
        };
        match byte {
            0xc2 => {}
            0x80..=0xc1 | 0xf5.. => {
                for byte in "\u{fffd}".bytes() {
                    self.step(byte, beyond, out);
                }
            }
            _ => self.step(byte, beyond, out),
        }
    }

    fn step(&mut self, byte: u8, beyond: Beyond, out: &mut Vec<u8>) {
        if matches!(byte, CANCEL | SUBSTITUTE) {
            self.end();
            return;
        }
        // No sequence holds a character beyond ASCII: it is text again.
        if byte >= 0x80 && matches!(self.state, State::Escape | State::Csi) {
            self.end();
        }
        match self.state {
            State::Ground | State::Escape | State::Csi if byte == ESCAPE => {
                self.end();
                self.state = State::Escape;
            }
            // Within a sequence, controls are carried out at once (ECMA-48 leaves that open).
            State::Ground | State::Escape | State::Csi if byte < 0x20 || byte == 0x7f => {
                // ENQ is a question too.
                if byte != 0x05 && (byte != BELL || beyond.bell) {
                    out.push(byte);
                }
            }
            State::Ground => out.push(byte),
            State::Escape => self.escape(byte, out),
            State::Csi => {
                self.hold(byte, SEQUENCE_BYTES);
                if !(0x20..=0x3f).contains(&byte) {
                    self.finish_csi(byte, out);
                }
            }
            State::String if byte == ESCAPE => self.state = State::StringEscape,
            State::String if byte == BELL && self.held.first() == Some(&b']') => {
                self.finish_string(beyond, out);
            }
            State::String => self.hold(byte, STRING_BYTES),
            State::StringEscape => {
                self.finish_string(beyond, out);
                if byte != b'\\' {
                    self.state = State::Escape;
                    self.step(byte, beyond, out);
                }
            }
        }
    }

    /// Keeps a byte of a sequence; one that is too long is held no more and will not pass.
    fn hold(&mut self, byte: u8, limit: usize) {
        if self.held.len() <= limit {
            self.held.push(byte);
        }
    }

    fn end(&mut self) {
        self.state = State::Ground;
        self.held.clear();
    }

    fn escape(&mut self, byte: u8, out: &mut Vec<u8>) {
        self.held.push(byte);
        match byte {
            _ if byte < 0x30 && self.held.len() < SEQUENCE_BYTES => {}
            b'[' if self.held.len() == 1 => {
                self.held.clear();
                self.state = State::Csi;
            }
            b']' | b'P' | b'X' | b'^' | b'_' if self.held.len() == 1 => self.state = State::String,
            _ => {
                let passes = match self.held.as_slice() {
                    // RIS, which also leaves the alternate screen.
                    b"c" => {
                        self.alternate = false;
                        true
                    }
                    [
                        b'7' | b'8' | b'=' | b'>' | b'D' | b'E' | b'H' | b'M' | b'n' | b'o' | b'|'
                        | b'}' | b'~',
                    ]
                    | [b'(' | b')' | b'*' | b'+' | b'-' | b'.' | b'/', _]
                    | [b'#', b'8'] => true,
                    _ => false,
                };
                if passes {
                    out.push(ESCAPE);
                    out.extend(&self.held);
                }
                self.end();
            }
        }
    }

    fn finish_csi(&mut self, last: u8, out: &mut Vec<u8>) {
        if self.held.len() <= SEQUENCE_BYTES && self.may_pass(last) {
            out.extend(b"\x1b[");
            out.extend(&self.held);
        }
        self.end();
    }

    fn may_pass(&mut self, last: u8) -> bool {
        let Some((_, before)) = self.held.split_last() else {
            return false;
        };
        let (mark, before) = match before {
            [b'?', rest @ ..] => (true, rest),
            _ => (false, before),
        };
        let params = before.iter().take_while(|byte| matches!(byte, b'0'..=b';'));
        let (params, between) = before.split_at(params.count());
        let mut numbers = params
            .split(|byte| *byte == b';')
            .map(|number| std::str::from_utf8(number).ok()?.parse::<u16>().ok());
        match (mark, between, last) {
            (
                false,
                b"",
                b'@'..=b'I'
                | b'J'..=b'M'
                | b'P'
                | b'S'
                | b'T'
                | b'X'
                | b'Z'
                | b'^'..=b'b'
                | b'd'..=b'h'
                | b'l'
                | b'm'
                | b'r'
                | b's'
                | b'u',
            )
            | (true, b"", b'J' | b'K')
            | (false, b" ", b'@' | b'A' | b'q')
            | (false, b"!", b'p')
            | (false, b"\"", b'q')
            | (false, b"'", b'}' | b'~') => true,
            // The stack of titles; all else moves windows or asks.
            (false, b"", b't') => matches!(numbers.next(), Some(Some(22 | 23))),
            (true, b"", b'h' | b'l') => {
                let numbers: Vec<_> = numbers.collect();
                if numbers
                    .iter()
                    .any(|mode| matches!(mode, Some(47 | 1047 | 1049)))
                {
                    self.alternate = last == b'h';
                }
                // Those in which a terminal reports by itself what nobody asked.
                !numbers
                    .iter()
                    .any(|mode| matches!(mode, Some(2031 | 2048 | 5522)))
            }
            _ => false,
        }
    }

    fn finish_string(&mut self, beyond: Beyond, out: &mut Vec<u8>) {
        if let Some((b']', text)) = self.held.split_first()
            && text.len() < STRING_BYTES
        {
            let mut parts = text.split(|byte| *byte == b';');
            let number = parts.next().and_then(|part| std::str::from_utf8(part).ok());
            let asks = parts.any(|part| part == b"?");
            let passes = match number {
                Some("0" | "1" | "2" | "8" | "104" | "110" | "111" | "112") => true,
                Some("4" | "10" | "11" | "12") => !asks,
                Some("52") => !asks && beyond.clipboard,
                _ => false,
            };
            if passes {
                out.extend(b"\x1b]");
                out.extend(text);
                out.extend(b"\x1b\\");
            }
        }
        self.end();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::terminal::query::QueryScanner;

    const LIVE: Beyond = Beyond {
        bell: true,
        clipboard: true,
    };

    fn pass(bytes: &[u8]) -> Vec<u8> {
        Harmless::default().pass(bytes, LIVE)
    }

    /// Checks that nothing passes but the text around it, wherever the stream is cut.
    fn check_dropped(sequence: &str) {
        let bytes = format!("a{sequence}b");
        for cut in 0..=bytes.len() {
            let (one, other) = bytes.as_bytes().split_at(cut);
            let mut harmless = Harmless::default();
            let passed = [harmless.pass(one, LIVE), harmless.pass(other, LIVE)].concat();
            assert_eq!(passed, b"ab", "{sequence:?} cut at {cut}");
        }
    }

    fn check_passed(text: &str) {
        assert_eq!(String::from_utf8(pass(text.as_bytes())).unwrap(), text);
    }

    #[test]
    fn questions_do_not_pass() {
        for sequence in [
            "\x1b[c",
            "\x1b[0c",
            "\x1b[>c",
            "\x1b[=c",
            "\x1bZ",
            "\x1b[5n",
            "\x1b[6n",
            "\x1b[?6n",
            "\x1b[?15n",
            "\x1b[4$p",
            "\x1b[?2004$p",
            "\x1b[>q",
            "\x1b[>0q",
            "\x1b[18t",
            "\x1b[14t",
            "\x1b[21t",
            "\x1b[?u",
            "\x1b[x",
            "\x1b[?4m",
            "\x1b[1;1;1;1;1;1*y",
            "\x1bP$qm\x1b\\",
            "\x1bP+q544e\x1b\\",
            "\x1b_Gi=1,a=q;\x1b\\",
            "\x1b]4;1;?\x07",
            "\x1b]10;?\x1b\\",
            "\x1b]11;#000;?\x07",
            "\x1b]52;c;?\x07",
            "\x1b]1337;ReportCellSize\x07",
            "\x05",
            "\u{9b}",
            "\u{9d}",
            "\x1b[>4;2m",
            "\x1b[>1u",
            "\x1b[?2048h",
            "\x1b[5i",
            "\x1b[8;10;10t",
            "\x1bP0;1|17/6c73\x1b\\",
            "\x1b G",
            "\x1b[12\x18",
            "\x1b[12\x1b[6n",
        ] {
            check_dropped(sequence);
        }
    }

    #[test]
    fn a_control_of_eight_bits_does_not_hide_in_a_title() {
        assert_eq!(
            pass("\x1b]0;a\u{9c}\u{9b}6n\x07".as_bytes()),
            b"\x1b]0;a6n\x1b\\"
        );
        assert_eq!(pass(b"a\x9b6n"), "a\u{fffd}6n".as_bytes());
        assert_eq!(pass(b"\xe2\x9b\x1b[6n"), b"\xe2\x9b");
    }

    #[test]
    fn what_a_screen_shows_passes() {
        for text in [
            "plain, ümläuts, 漢字 ⛀ 👍\r\n\ttab\x08",
            "\x1b[1;31mred\x1b[0m\x1b[38:2::1:2:3m\x1b[H\x1b[2J\x1b[10;20r\x1b[?1049h\x1b[?25l",
            "\x1b(0lqk\x1b(B\x1b7\x1b8\x1bM\x1b=\x1b[2 q\x1b[!p\x1b[4h",
            "\x1b]0;title?\x1b\\\x1b]8;;https://example.com/?a;?b\x1b\\",
            "\x1b]11;#ffffff\x1b\\\x1b]52;c;aGk=\x1b\\\x07",
        ] {
            check_passed(text);
        }
    }

    #[test]
    fn bell_and_clipboard_are_reached_only_where_that_is_allowed() {
        let output = b"a\x07\x1b]52;c;aGk=\x07b\x1b]0;t\x07";
        let pass = |bell, clipboard| Harmless::default().pass(output, Beyond { bell, clipboard });
        assert_eq!(pass(false, false), b"ab\x1b]0;t\x1b\\");
        assert_eq!(pass(true, false), b"a\x07b\x1b]0;t\x1b\\");
        assert_eq!(
            pass(true, true),
            b"a\x07\x1b]52;c;aGk=\x1b\\b\x1b]0;t\x1b\\"
        );
    }

    #[test]
    fn alternate_screen_is_followed() {
        let mut harmless = Harmless::default();
        harmless.pass(b"\x1b[?1049;25h", LIVE);
        assert!(harmless.is_alternate());
        harmless.pass(b"\x1b[?1049l", LIVE);
        assert!(!harmless.is_alternate());
    }

    proptest! {
        #[test]
        fn prop_no_question_passes(
            parts in prop::collection::vec(prop::sample::select(vec![
                "\x1b", "[", "]", "P", "?", ">", "$", "q", "p", "c", "n", "6", "5", "t", "18", ";", "4",
                "11", "\\", "\x07", "\x18", "\u{9b}", "Z", " ", "a", "\u{e9}",
            ]), 0..40),
            cut in 0usize..40,
        ) {
            let bytes = parts.concat().into_bytes();
            let (one, other) = bytes.split_at(cut.min(bytes.len()));
            let mut harmless = Harmless::default();
            let passed = [harmless.pass(one, LIVE), harmless.pass(other, LIVE)].concat();
            let (_, query) = QueryScanner::default().scan(&passed);
            prop_assert_eq!(query, None, "{:?}", String::from_utf8_lossy(&passed));
        }
    }
}
