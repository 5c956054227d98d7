//! Recorded output, made fit to be shown in a living terminal.
//!
//! What a program wrote once must neither ask the terminal anything now, nor tell of prompts and
//! commands that are not there, nor change how it takes keys. So only what draws is kept (ECMA-48,
//! xterm's control sequences): a list of what may pass, as terminals invent further questions.

use std::{collections::VecDeque, time::Duration};

use bytes::Bytes;
use vte::{Params, Parser, Perform};

/// The longest pause that is kept: an audience has seen that something takes long.
const MAX_PAUSE: Duration = Duration::from_secs(2);

/// How much a film may hold.
pub const MAX_BYTES: usize = 4 * 1024 * 1024;

/// The dim line before and behind it, and what ends each.
const DIM: &str = "\x1b[0;2m";
const END_OF_LINE: &str = "\x1b[0m\r\n";

/// Private modes that only concern how things are drawn: column 80/132 is none of them, as it
/// changes the size.
const DRAWING_MODES: [u16; 5] = [7, 25, 47, 1047, 1049];

/// The final bytes of control sequences that draw or move, without private ones.
const DRAWING: &str = "@ABCDEFGHIJKLMPSTXZ`abdefgmrsu";

/// Output with its pauses, harmless.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Film {
    /// What it is called.
    pub title: String,
    /// Its output.
    pub pieces: VecDeque<Piece>,
}

/// A piece of output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// How long to wait before it.
    pub pause: Duration,
    /// What is drawn.
    pub bytes: Bytes,
    /// The private mode by which the other screen is shown behind it, if it is.
    pub other_screen: Option<u16>,
}

impl Film {
    /// Makes a film of recorded output, of which each piece has its time since the beginning. What
    /// is beyond the bound is left out.
    pub fn new<'a>(
        title: impl Into<String>,
        recorded: impl IntoIterator<Item = (Duration, &'a str)>,
    ) -> Self {
        let mut parser: Parser<0> = Parser::new_with_size();
        let mut drawn = Drawn::default();
        let mut pieces = VecDeque::new();
        let (mut before, mut bytes) = (Duration::ZERO, 0);
        for (at, text) in recorded {
            parser.advance(&mut drawn, text.as_bytes());
            let piece = Bytes::from(std::mem::take(&mut drawn.bytes));
            let pause = at.saturating_sub(before).min(MAX_PAUSE);
            before = before.max(at);
            bytes += piece.len();
            if bytes > MAX_BYTES {
                break;
            }
            pieces.push_back(Piece {
                pause,
                bytes: piece,
                other_screen: drawn.other_screen,
            });
        }
        let title: String = title.into();
        let title = title.chars().filter(|letter| !letter.is_control());
        Self {
            title: title.collect(),
            pieces,
        }
    }

    /// The line before it. Whatever stands in the cursor's line stays.
    pub(super) fn head(&self) -> Bytes {
        format!("\r\n{DIM}▶ recording of {}{END_OF_LINE}", self.title).into()
    }
}

/// What leaves nothing of a film behind but what was seen, and the line behind it. `other_screen`
/// is that of the last piece shown, and `ends_line` says whether the cursor is known to be at the
/// beginning of a line.
pub(super) fn tail(other_screen: Option<u16>, ends_line: bool, whole: bool) -> Bytes {
    // The other screen first, since each has margins of its own; a soft reset (DECSTR) ends
    // margins, attributes and character sets.
    let back = other_screen.map(|mode| format!("\x1b[?{mode}l"));
    let back = back.unwrap_or_default();
    let line = if ends_line { "" } else { "\r\n" };
    let end = if whole {
        "end of recording"
    } else {
        "recording stopped"
    };
    format!("{back}\x1b[?7h\x1b[?25h\x1b[!p{line}{DIM}■ {end}{END_OF_LINE}").into()
}

/// The text without what must not be shown again: a prompt, to be drawn once more.
pub(super) fn redraw(text: &[u8]) -> Bytes {
    let mut drawn = Drawn::default();
    Parser::<0>::new_with_size().advance(&mut drawn, text);
    drawn.bytes.into()
}

/// Writes down again what draws.
#[derive(Debug, Default)]
struct Drawn {
    bytes: Vec<u8>,
    other_screen: Option<u16>,
}

impl Drawn {
    fn push(&mut self, text: &str) {
        self.bytes.extend_from_slice(text.as_bytes());
    }

    fn private(&mut self, params: &Params, action: char) {
        let modes = params.iter().filter_map(|param| param.first().copied());
        for mode in modes.filter(|mode| DRAWING_MODES.contains(mode)) {
            if matches!(mode, 47 | 1047 | 1049) {
                self.other_screen = (action == 'h').then_some(mode);
            }
            self.push(&format!("\x1b[?{mode}{action}"));
        }
    }
}

impl Perform for Drawn {
    fn print(&mut self, c: char) {
        self.push(c.encode_utf8(&mut [0; 4]));
    }

    fn execute(&mut self, byte: u8) {
        if matches!(byte, b'\n' | b'\r' | b'\t' | 0x08 | 0x0b | 0x0c) {
            self.bytes.push(byte);
        }
    }

    fn csi_dispatch(&mut self, params: &Params, intermediates: &[u8], ignore: bool, action: char) {
        match (intermediates, action) {
            _ if ignore => {}
            (b"?", 'h' | 'l') => self.private(params, action),
            // Clearing the scrollback would take away what came before the recording.
            ([], 'J') if params.iter().any(|param| param == [3]) => {}
            ([], _) if DRAWING.contains(action) => {
                let params: Vec<String> = params
                    .iter()
                    .map(|param| {
                        let parts: Vec<String> = param.iter().map(u16::to_string).collect();
                        parts.join(":")
                    })
                    .collect();
                self.push(&format!("\x1b[{}{action}", params.join(";")));
            }
            _ => {}
        }
    }

    fn esc_dispatch(&mut self, intermediates: &[u8], ignore: bool, byte: u8) {
        let draws = match intermediates {
            [] => b"78DEHM".contains(&byte),
            // Line drawing, and back.
            [b'(' | b')'] => b"0AB".contains(&byte),
            _ => false,
        };
        if draws && !ignore {
            self.bytes.push(0x1b);
            self.bytes.extend_from_slice(intermediates);
            self.bytes.push(byte);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::query::QueryScanner;
    use super::*;

    fn bytes_of(film: &Film) -> Vec<u8> {
        let pieces = film.pieces.iter();
        pieces.flat_map(|piece| piece.bytes.to_vec()).collect()
    }

    fn film(text: &str) -> String {
        let film = Film::new("a", [(Duration::ZERO, text)]);
        String::from_utf8(bytes_of(&film)).unwrap()
    }

    #[test]
    fn what_draws_is_kept() {
        for text in [
            "plain é漢🙂\r\n",
            "\x1b[1;38;5;196mred\x1b[0m",
            "\x1b[38:2:1:2:3mx",
            "50%\r\x1b[K100%",
            "\x1b[2;5r\x1b[3;1H\x1b[?25lx\x1b[?1049h\x1b[2J\x1b7\x1b8\x1b(0qq\x1b(B",
        ] {
            let again = film(text);
            // The same, whether or not parameters are written out.
            assert_eq!(again.replace("\x1b[0K", "\x1b[K"), text, "{text:?}");
        }
    }

    #[test]
    fn questions_marks_and_modes_are_left_out() {
        for text in [
            "\x1b[c",
            "\x1b[>c",
            "\x1b[6n",
            "\x1b[?6n",
            "\x1b[18t",
            "\x1b[?2004h",
            "\x1b[?1000;1006h",
            "\x1b[?1$p",
            "\x1b[>q",
            "\x1b[?u",
            "\x1b[>1u",
            "\x1b[3J",
            "\x1b]133;D;0\x07",
            "\x1b]633;A\x1b\\",
            "\x1b]0;title\x07",
            "\x1b]52;c;eA==\x07",
            "\x1b]11;?\x07",
            "\x1bP$qm\x1b\\",
            "\x1b_x\x1b\\",
            "\x1bc",
            "\x1b=",
            "\x05\x07",
        ] {
            assert_eq!(film(text), "", "{text:?}");
        }
    }

    #[test]
    fn pauses_have_an_end_and_time_never_runs_back() {
        let recorded = [(9, "a"), (10, "b"), (5, "c"), (11, "d")];
        let recorded = recorded.map(|(at, text)| (Duration::from_secs(at), text));
        let pauses: Vec<u64> = Film::new("a", recorded)
            .pieces
            .iter()
            .map(|piece| piece.pause.as_secs())
            .collect();
        assert_eq!(pauses, [2, 1, 0, 1]);
    }

    #[test]
    fn film_has_a_bound() {
        let half = "x".repeat(MAX_BYTES / 2);
        let recorded = [half.as_str(); 3].map(|text| (Duration::ZERO, text));
        assert_eq!(Film::new("a", recorded).pieces.len(), 2);
    }

    proptest! {
        #[test]
        fn prop_nothing_of_a_film_asks_or_marks(
            parts in prop::collection::vec(
                "(\x1b\\[[?>=!]?[0-9;:]{0,6}[$ ]?[@-~]|\x1b[\\]P_X^][0-9;?a-z]{0,9}(\x07|\x1b\\\\)?|\x1b.|.){1,12}",
                0..8,
            )
        ) {
            let recorded = parts.iter().map(|part| (Duration::ZERO, part.as_str()));
            let film = Film::new("\x1b[6n", recorded);
            let mut scanner = QueryScanner::default();
            let mut all = film.head().to_vec();
            all.extend(bytes_of(&film));
            all.extend(tail(Some(1049), false, true));
            let (taken, found) = scanner.scan(&all);
            prop_assert_eq!((taken, found), (all.len(), None));
        }
    }
}
