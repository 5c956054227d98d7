//! Questions that programs ask their terminal, and the answers; and the marks of shells, which are
//! found in the same pass over the output.
//!
//! The server answers, so that a program gets exactly one answer with any number of clients or
//! none, and never another one on replay; clients swallow the questions. The answers are those of
//! xterm.js, the terminal that learners see (xterm's control sequences, ECMA-48).

use std::collections::BTreeSet;

use bytes::Bytes;
use vte::{Params, Parser, Perform};

use super::mark::Mark;

/// Finds questions and marks in a terminal's output.
#[derive(Default)]
pub struct QueryScanner {
    parser: Parser<OSC_BYTES>,
    scan: Scan,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// A question.
    Query(Query),
    /// A shell's mark.
    Mark(Mark),
}

/// A question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Query {
    /// The answer does not depend on the screen: these bytes.
    Fixed(Vec<u8>),
    /// Where is the cursor? (`CSI 6 n`, or `CSI ? 6 n` when private)
    Cursor {
        /// Whether the DEC form was asked, which is answered in the same form.
        private: bool,
    },
    /// How large is the terminal? (`CSI 18 t`)
    Size,
}

/// The colours that programs are told of: those of the page's terminals (`web/src/terminal.ts`).
pub mod colour {
    /// Text.
    pub const FOREGROUND: [u8; 3] = [0xd7, 0xdd, 0xe5];
    /// Background, dark in every theme of the page.
    pub const BACKGROUND: [u8; 3] = [0x12, 0x16, 0x1c];
    /// The cursor.
    pub const CURSOR: [u8; 3] = [0x7c, 0xc4, 0xff];
    /// The first of the palette: eight colours, and the bright ones of the same names.
    pub(super) const NAMED: [[u8; 3]; 16] = [
        [0x1d, 0x23, 0x2b],
        [0xf4, 0x79, 0x83],
        [0x84, 0xcf, 0x96],
        [0xe3, 0xc0, 0x78],
        [0x79, 0xb4, 0xf7],
        [0xc9, 0xa0, 0xf0],
        [0x6f, 0xce, 0xd1],
        [0xcb, 0xd3, 0xdc],
        [0x76, 0x81, 0x8f],
        [0xff, 0x9a, 0xa2],
        [0xa5, 0xe3, 0xb3],
        [0xf2, 0xd7, 0x9b],
        [0xa2, 0xcc, 0xff],
        [0xdc, 0xbd, 0xfb],
        [0x98, 0xe5, 0xe6],
        [0xf4, 0xf7, 0xfa],
    ];
}

/// Private modes that xterm.js knows, which `DECRQM` reports as set or reset.
const KNOWN_PRIVATE_MODES: [u16; 23] = [
    1, 3, 6, 7, 9, 12, 25, 45, 47, 66, 1000, 1002, 1003, 1004, 1005, 1006, 1015, 1016, 1047, 1048,
    1049, 2004, 2026,
];

/// Public modes that xterm.js knows.
const KNOWN_PUBLIC_MODES: [u16; 2] = [4, 20];

/// How much of an operating system command is kept. The library's own growing buffer, behind its
/// feature `std`, would keep all of a title that never ends.
const OSC_BYTES: usize = 256;

/// Every question begins with it.
const ESCAPE: u8 = 0x1b;

/// The controls that end any sequence.
const CAN: u8 = 0x18;
const SUB: u8 = 0x1a;

/// The longest string control that is kept to be looked at; questions are far shorter.
const STRING_BYTES: usize = 64;

impl QueryScanner {
    /// Scans `bytes` up to the end of the first question or mark. Returns how many bytes that
    /// took, and what was found, or all bytes and nothing.
    pub fn scan(&mut self, bytes: &[u8]) -> (usize, Option<Found>) {
        let mut taken = 0;
        while let Some(rest) = bytes.get(taken..).filter(|rest| !rest.is_empty()) {
            if self.scan.in_text {
                // Most output is text, which is passed over faster than it is parsed.
                let Some(text) = memchr::memchr(ESCAPE, rest) else {
                    break;
                };
                taken += text;
                self.scan.in_text = false;
                continue;
            }
            taken += self.parser.advance_until_terminated(&mut self.scan, rest);
            if let Some(found) = self.scan.found.take() {
                return (taken, Some(found));
            }
        }
        (bytes.len(), None)
    }

    /// Whether no sequence may have begun that has not ended.
    #[must_use]
    pub fn in_text(&self) -> bool {
        self.scan.in_text
    }

    /// Whether a program shows a screen of its own, beside the one with the scrollback.
    #[must_use]
    pub fn full_screen(&self) -> bool {
        self.scan.full_screen()
    }

    /// Bytes that take back the modes a program left behind, for the shell that comes next.
    /// Nothing on the screen or in the scrollback is lost.
    #[must_use]
    pub fn reset_sequence(&self) -> Bytes {
        let set = self
            .scan
            .private_modes
            .iter()
            .filter(|mode| ![7, 25].contains(*mode));
        let mut sequence: String = set.map(|mode| format!("\x1b[?{mode}l")).collect();
        sequence += "\x1b[?7h\x1b[?25h\x1b>\x1b[!p\x1b[0m\r\n";
        sequence.into()
    }
}

impl std::fmt::Debug for QueryScanner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("QueryScanner").finish_non_exhaustive()
    }
}

struct Scan {
    found: Option<Found>,
    /// Whether a sequence has just ended, and no other has begun.
    in_text: bool,
    private_modes: BTreeSet<u16>,
    public_modes: BTreeSet<u16>,
    /// The text of a `DECRQSS` that is being received.
    setting: Option<Vec<u8>>,
}

impl Default for Scan {
    fn default() -> Self {
        Self {
            found: None,
            in_text: true,
            // A terminal starts with autowrap and a visible cursor.
            private_modes: BTreeSet::from([7, 25]),
            public_modes: BTreeSet::new(),
            setting: None,
        }
    }
}

impl Scan {
    fn ask(&mut self, query: Query) {
        self.found = Some(Found::Query(query));
    }

    fn fixed(&mut self, answer: impl Into<Vec<u8>>) {
        self.ask(Query::Fixed(answer.into()));
    }

    /// Whether a program shows a screen of its own, beside the one with the scrollback.
    fn full_screen(&self) -> bool {
        [47, 1047, 1049]
            .iter()
            .any(|mode| self.private_modes.contains(mode))
    }

    fn set_modes(&mut self, private: bool, params: &Params, on: bool) {
        let (modes, known) = if private {
            (&mut self.private_modes, &KNOWN_PRIVATE_MODES[..])
        } else {
            (&mut self.public_modes, &KNOWN_PUBLIC_MODES[..])
        };
        for mode in params.iter().filter_map(|param| param.first().copied()) {
            if !on {
                modes.remove(&mode);
            } else if known.contains(&mode) {
                modes.insert(mode);
            }
        }
    }

    /// `DECRPM`: 0 unknown, 1 set, 2 reset.
    fn report_mode(&mut self, private: bool, mode: u16) {
        let (modes, known, mark) = if private {
            (&self.private_modes, &KNOWN_PRIVATE_MODES[..], "?")
        } else {
            (&self.public_modes, &KNOWN_PUBLIC_MODES[..], "")
        };
        let state = match (known.contains(&mode), modes.contains(&mode)) {
            (false, _) => 0,
            (true, true) => 1,
            (true, false) => 2,
        };
        self.fixed(format!("\x1b[{mark}{mode};{state}$y"));
    }

    /// `OSC 10`, `11` and `12` with `?`: one question may ask for several in a row.
    fn report_colours(&mut self, first: u16, specs: &[&[u8]], terminator: &str) {
        let mut answer = String::new();
        for (number, spec) in (first..=12).zip(specs) {
            if *spec == b"?" {
                let colour = match number {
                    10 => colour::FOREGROUND,
                    11 => colour::BACKGROUND,
                    _ => colour::CURSOR,
                };
                answer += &format!("\x1b]{number};{}{terminator}", rgb(colour));
            }
        }
        if !answer.is_empty() {
            self.fixed(answer);
        }
    }
}

impl Perform for Scan {
    fn execute(&mut self, byte: u8) {
        // Both end a sequence that has begun.
        self.in_text |= matches!(byte, CAN | SUB);
    }

    fn csi_dispatch(&mut self, params: &Params, intermediates: &[u8], ignore: bool, action: char) {
        self.in_text = true;
        if ignore {
            return;
        }
        let first = params
            .iter()
            .next()
            .and_then(|param| param.first().copied())
            .unwrap_or(0);
        match (intermediates, action) {
            (b"", 'c') if first == 0 => self.fixed("\x1b[?1;2c"),
            (b">", 'c') if first == 0 => self.fixed("\x1b[>0;276;0c"),
            (b"", 'n') if first == 5 => self.fixed("\x1b[0n"),
            (b"", 'n') if first == 6 => self.ask(Query::Cursor { private: false }),
            (b"?", 'n') if first == 6 => self.ask(Query::Cursor { private: true }),
            (b"", 't') if first == 18 => self.ask(Query::Size),
            (b"$", 'p') => self.report_mode(false, first),
            (b"?$", 'p') => self.report_mode(true, first),
            (b">", 'q') if first == 0 => {
                self.fixed(concat!(
                    "\x1bP>|katahost ",
                    env!("CARGO_PKG_VERSION"),
                    "\x1b\\"
                ));
            }
            (b"?", 'h' | 'l') => self.set_modes(true, params, action == 'h'),
            (b"", 'h' | 'l') => self.set_modes(false, params, action == 'h'),
            _ => {}
        }
    }

    fn esc_dispatch(&mut self, intermediates: &[u8], _ignore: bool, byte: u8) {
        self.in_text = true;
        if (intermediates, byte) == (b"", b'c') {
            *self = Self::default();
        }
    }

    fn hook(&mut self, _params: &Params, intermediates: &[u8], ignore: bool, action: char) {
        self.setting = (!ignore && intermediates == b"$" && action == 'q').then(Vec::new);
    }

    fn put(&mut self, byte: u8) {
        if let Some(setting) = &mut self.setting
            && setting.len() < STRING_BYTES
        {
            setting.push(byte);
        }
    }

    fn unhook(&mut self) {
        let Some(setting) = self.setting.take() else {
            return;
        };
        let answer = match setting.as_slice() {
            b"\"p" => "\x1bP1$r61;1\"p\x1b\\",
            b"\"q" => "\x1bP1$r0\"q\x1b\\",
            b"m" => "\x1bP1$r0m\x1b\\",
            b" q" => "\x1bP1$r2 q\x1b\\",
            _ => "\x1bP0$r\x1b\\",
        };
        self.fixed(answer);
    }

    fn osc_dispatch(&mut self, params: &[&[u8]], bell_terminated: bool) {
        // Otherwise it was ended by an escape, which may begin something else.
        self.in_text = bell_terminated;
        let terminator = if bell_terminated { "\x07" } else { "\x1b\\" };
        let number = params
            .first()
            .and_then(|number| std::str::from_utf8(number).ok());
        match (number, params.get(1..).unwrap_or_default()) {
            (Some("4"), [index, b"?"]) => {
                let index = std::str::from_utf8(index)
                    .ok()
                    .and_then(|text| text.parse().ok());
                if let Some(index) = index {
                    let colour = rgb(palette(index));
                    self.fixed(format!("\x1b]4;{index};{colour}{terminator}"));
                }
            }
            (Some(number @ ("10" | "11" | "12")), specs) => {
                let first = number.parse().unwrap_or_default();
                self.report_colours(first, specs, terminator);
            }
            // VS Code's own say the same, and more besides.
            (Some("133" | "633"), params) => self.found = Mark::read(params).map(Found::Mark),
            _ => {}
        }
    }

    fn terminated(&self) -> bool {
        self.in_text || self.found.is_some()
    }
}

/// A colour as X11 writes it, which `OSC` answers use.
fn rgb([red, green, blue]: [u8; 3]) -> String {
    format!("rgb:{red:02x}{red:02x}/{green:02x}{green:02x}/{blue:02x}{blue:02x}")
}

/// The 256 colours of the palette: the page's 16, and xterm's cube of 216 and 24 greys.
fn palette(index: u8) -> [u8; 3] {
    let level = |step: u8| if step == 0 { 0 } else { 55 + 40 * step };
    match index {
        0..16 => colour::NAMED[usize::from(index)],
        16..232 => {
            let cube = index - 16;
            [level(cube / 36), level(cube / 6 % 6), level(cube % 6)]
        }
        232.. => [8 + 10 * (index - 232); 3],
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::terminal::mark::MarkKind;

    /// All questions in `bytes`.
    fn queries(bytes: &[u8]) -> Vec<Query> {
        let query = |found| match found {
            Found::Query(query) => Some(query),
            Found::Mark(_) => None,
        };
        found(bytes).into_iter().filter_map(query).collect()
    }

    fn found(bytes: &[u8]) -> Vec<Found> {
        let mut scanner = QueryScanner::default();
        let mut rest = bytes;
        let mut found = Vec::new();
        while !rest.is_empty() {
            let (taken, one) = scanner.scan(rest);
            rest = &rest[taken..];
            found.extend(one);
        }
        found
    }

    #[test]
    fn colours_are_those_of_the_page() {
        let source = include_str!("../../web/src/terminal.ts");
        let theme = source.split("const THEME = {").nth(1).unwrap();
        let of_page = |name: &str| {
            let value = theme.split(&format!("\n  {name}: \"")).nth(1).unwrap();
            value.split('"').next().unwrap().to_owned()
        };
        let named = "black red green yellow blue magenta cyan white brightBlack brightRed \
                     brightGreen brightYellow brightBlue brightMagenta brightCyan brightWhite";
        let others = [
            ("foreground", colour::FOREGROUND),
            ("background", colour::BACKGROUND),
            ("cursor", colour::CURSOR),
        ];
        let palette = named.split_ascii_whitespace().zip((0..16).map(palette));
        for (name, [red, green, blue]) in palette.chain(others) {
            let told = format!("#{red:02x}{green:02x}{blue:02x}");
            assert_eq!(told, of_page(name), "{name}");
        }
    }

    fn check(bytes: &[u8], answer: &str) {
        assert_eq!(queries(bytes), [Query::Fixed(answer.into())]);
    }

    #[test]
    fn device_attributes_are_those_of_xterm_js() {
        check(b"\x1b[c", "\x1b[?1;2c");
        check(b"\x1b[0c", "\x1b[?1;2c");
        check(b"\x1b[>c", "\x1b[>0;276;0c");
    }

    #[test]
    fn cursor_questions_stop_right_behind_themselves() {
        let mut scanner = QueryScanner::default();
        let query = Found::Query(Query::Cursor { private: false });
        let scanned = scanner.scan(b"ab\x1b[6ncd\x1b[?6n");
        assert_eq!(scanned, (6, Some(query)));
    }

    #[test]
    fn question_split_over_reads_is_found_once() {
        let mut scanner = QueryScanner::default();
        assert_eq!(scanner.scan(b"\x1b["), (2, None));
        let query = Found::Query(Query::Cursor { private: false });
        assert_eq!(scanner.scan(b"6n"), (2, Some(query)));
        assert_eq!(scanner.scan(b"x"), (1, None));
    }

    #[test]
    fn marks_are_found_wherever_reads_are_cut() {
        let bytes = b"$ \x1b]133;C;aid=7\x07out\x1b]133;D;1;aid=7\x1b\\";
        for cut in 0..bytes.len() {
            let mut scanner = QueryScanner::default();
            let mut ends = Vec::new();
            let (first, second) = bytes.split_at(cut);
            for (end, mut rest) in [(cut, first), (bytes.len(), second)] {
                while !rest.is_empty() {
                    let (taken, found) = scanner.scan(rest);
                    rest = &rest[taken..];
                    ends.extend(found.map(|found| (end - rest.len(), found)));
                }
            }
            let mark = |kind| {
                let shell = Some(7);
                Found::Mark(Mark { kind, shell })
            };
            let wanted = [
                (16, mark(MarkKind::Executes)),
                (35, mark(MarkKind::Ended(Some(1)))),
            ];
            assert_eq!(ends, wanted, "cut at {cut}");
        }
    }

    #[test]
    fn modes_are_reported_as_they_were_set() {
        check(b"\x1b[?2004$p", "\x1b[?2004;2$y");
        check(b"\x1b[?2004h\x1b[?2004$p", "\x1b[?2004;1$y");
        check(b"\x1b[?25$p", "\x1b[?25;1$y");
        check(b"\x1b[?9999h\x1b[?9999$p", "\x1b[?9999;0$y");
        check(b"\x1b[4h\x1b[4$p", "\x1b[4;1$y");
    }

    #[test]
    fn colours_are_answered_with_the_terminator_of_the_question() {
        check(b"\x1b]11;?\x07", "\x1b]11;rgb:1212/1616/1c1c\x07");
        check(b"\x1b]4;196;?\x1b\\", "\x1b]4;196;rgb:ffff/0000/0000\x1b\\");
    }

    #[test]
    fn setting_a_colour_or_a_title_is_no_question() {
        assert_eq!(
            queries(b"\x1b]11;#ffffff\x07\x1b]0;title?\x07\x1b[31m?\x1b[2J"),
            []
        );
    }

    #[test]
    fn unknown_setting_is_answered_as_invalid() {
        check(b"\x1bP$qz\x1b\\", "\x1bP0$r\x1b\\");
    }

    proptest! {
        #[test]
        fn prop_text_is_passed_over_without_missing_a_question(
            pieces in prop::collection::vec(
                prop::sample::select(vec![
                    &b"\x1b"[..], b"\x1b[", b"6n", b"\x1b[6n", b"\x1b[c", b"\x1b]11;?", b"\x07", b"\x1b\\", b"\x18", b"\n", b"\x1bP$qm", b"text", b"\xc3", b"\xa4", b"\x1b[?25", b"l", b"\x1b[?25$p", b"\x1bX", b"\x9b", b"\x1bc",
                ]),
                0..40,
            ),
            cuts in prop::collection::vec(1usize..20, 1..8),
        ) {
            let bytes = pieces.concat();
            let scanned = |pass_over: bool| {
                let mut scanner = QueryScanner::default();
                let (mut rest, mut found) = (&bytes[..], Vec::new());
                let mut cuts = cuts.iter().cycle();
                while !rest.is_empty() {
                    let part = &rest[..rest.len().min(*cuts.next().unwrap())];
                    let part = if pass_over { part } else { &part[..1] };
                    scanner.scan.in_text &= pass_over;
                    let (taken, query) = scanner.scan(part);
                    rest = &rest[taken..];
                    found.extend(query.map(|query| (bytes.len() - rest.len(), query)));
                }
                found
            };
            prop_assert_eq!(scanned(true), scanned(false));
        }

        #[test]
        fn prop_any_bytes_are_taken_whole(bytes: Vec<u8>) {
            let mut scanner = QueryScanner::default();
            let mut rest = &bytes[..];
            while !rest.is_empty() {
                let (taken, _) = scanner.scan(rest);
                prop_assert!(taken > 0);
                rest = &rest[taken..];
            }
        }
    }
}
