//! A terminal without a window, whose state can be written down as escape sequences.
//!
//! A browser that joins late gets the [`Screen::dump`] of the terminal and then the live stream.
//! The bytes are made for xterm.js 6 with its Unicode 11 widths, the one terminal they are ever
//! written into, and so the functions here follow xterm.js wherever terminals differ: what an
//! erase does to colours, which lines come back from the scrollback on a resize, how wide an
//! emoji is. `vte` does the parsing.
//!
//! The parts, in reading order:
//!
//! - `filter`: whole characters only, and the bytes of what is not finished;
//! - `text`: runs of text, written at once; `passing`: text that need not be written;
//! - `perform`, `sgr`: from sequences to functions;
//! - `state`, `edit`: the functions; `modes`, `charset`: what they depend on;
//! - `buffer`, `row`, `packed`, `tabs`, `cell`, `width`: what they change;
//! - `reflow`: what a new size changes;
//! - `serialise`: the way back to escape sequences.
//!
//! What is not restored: protected cells (DECSCA), national character sets other than the British
//! one, the title stack, images, and the phase of synchronised updates; what a narrowed alternate
//! screen hides beyond its right edge, and a cursor saved below its bottom; that the first line of a
//! full scrollback continues one that is gone; in a terminal of one row, whether an empty cell at
//! the end of a wrapped line was empty or a space. C1 controls in their one-character form are
//! ignored, but for IND, NEL and HTS.

mod buffer;
mod cell;
mod charset;
mod edit;
mod filter;
mod modes;
mod packed;
mod passing;
mod perform;
mod reflow;
mod row;
mod serialise;
mod sgr;
mod state;
mod tabs;
mod text;
mod width;

use bytes::Bytes;
use memchr::memchr_iter;
use vte::Parser;

use self::buffer::SavedCursor;
use self::filter::Filter;
use self::modes::Mode;
use self::passing::{looks, passing};
use self::state::State;
use self::text::Writer;

/// The fewest columns: a wide character has to fit.
const MIN_COLS: u16 = 2;
/// The most columns and rows: more than any window has, and little enough to keep in memory.
const MAX_SIZE: u16 = 1000;

/// How much of a title or a link is kept, as a browser keeps of an address. The library's own
/// growing buffer, behind its feature `std`, would keep all of one that never ends.
const OSC_BYTES: usize = 8 * 1024;
/// The largest dump. With a colour of its own for every cell, 10,000 lines of 1000 columns would
/// have hundreds of megabytes; the oldest lines are left out then.
const DUMP_BYTES: usize = 16 * 1024 * 1024;

/// A terminal emulator that follows a stream of output and can tell its state.
pub struct Screen {
    filter: Filter,
    parser: Parser<OSC_BYTES>,
    state: State,
}

impl std::fmt::Debug for Screen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Screen")
            .field("size", &self.size())
            .finish_non_exhaustive()
    }
}

impl Screen {
    /// Creates an empty terminal that keeps `scrollback_lines` lines above its screen. The size is
    /// clamped to between 2×1 and 1000×1000.
    #[must_use]
    pub fn new(cols: u16, rows: u16, scrollback_lines: usize) -> Self {
        let (cols, rows) = clamped(cols, rows);
        Self {
            filter: Filter::default(),
            parser: Parser::new_with_size(),
            state: State::new(cols, rows, scrollback_lines),
        }
    }

    /// Takes in what a program wrote. The bytes may be cut anywhere and may be anything.
    pub fn feed(&mut self, bytes: &[u8]) {
        let Self {
            filter,
            parser,
            state,
        } = self;
        filter.feed(bytes, &mut Writer { parser, state });
    }

    /// Takes in pieces that follow one another, as [`feed`](Self::feed) does, but draws no lines that
    /// they push out of the scrollback themselves.
    pub fn feed_all(&mut self, pieces: &[Bytes]) {
        let mut skipped = self.skip(pieces);
        for piece in pieces {
            let (passing, rest) = piece.split_at(skipped.min(piece.len()));
            skipped -= passing.len();
            self.feed(rest);
        }
    }

    /// Moves on as if the lines had been drawn that leave no trace, and returns their length.
    fn skip(&mut self, pieces: &[Bytes]) -> usize {
        let Some(length) = self.passing(pieces) else {
            return 0;
        };
        self.feed(&looks(pieces, length));
        let Self { state, .. } = self;
        (state.main.x, state.main.y) = (0, state.main.rows - 1);
        state.joins = 0;
        length
    }

    /// The length of lines that leave no trace, as they are pushed out together with all that was
    /// above them; nothing where there are none.
    fn passing(&self, pieces: &[Bytes]) -> Option<usize> {
        let buffer = &self.state.main;
        let scrolls = buffer.top == 0 && buffer.bottom == buffer.rows - 1;
        if self.state.on_alternate || !scrolls || !self.filter.is_at_rest() {
            return None;
        }
        passing(pieces, buffer.limit + buffer.rows, buffer.rows)
    }

    /// Changes the size, clamped as in [`Screen::new`].
    pub fn resize(&mut self, cols: u16, rows: u16) {
        if (cols, rows) != self.size() {
            let (cols, rows) = clamped(cols, rows);
            self.state.resize(cols, rows);
        }
    }

    /// Gives back memory that was only kept for what comes next.
    pub fn shrink(&mut self) {
        self.state.main.shrink();
    }

    /// Returns the size as columns and rows.
    #[must_use]
    pub fn size(&self) -> (u16, u16) {
        let main = &self.state.main;
        (number(main.cols), number(main.rows))
    }

    /// Returns the cursor as a row and a column, counted from 1 and, in origin mode, from the top
    /// margin: what a cursor position report says.
    #[must_use]
    pub fn cursor(&self) -> (u16, u16) {
        let buffer = self.state.buffer();
        let top = if self.state.modes.has(Mode::ORIGIN) {
            buffer.top
        } else {
            0
        };
        let row = buffer.y.saturating_sub(top) + 1;
        (number(row), number((buffer.x + 1).min(buffer.cols)))
    }

    /// Returns the bytes that bring a fresh terminal of the same size into this state. They hold
    /// no question that a terminal would answer. A state that would need more than `DUMP_BYTES`
    /// loses the oldest lines of its scrollback.
    #[must_use]
    pub fn dump(&self) -> Vec<u8> {
        self.dump_within(DUMP_BYTES)
    }

    /// Returns a dump for a terminal that goes on with `next`: where that pushes all of the scrollback
    /// out again, its lines are empty or left out.
    #[must_use]
    pub fn dump_before(&self, next: &[Bytes]) -> Vec<u8> {
        let main = &self.state.main;
        let passes = self.passing(next).is_some();
        if passes && main.saved == SavedCursor::HOME {
            return self.dump_within(0);
        }
        let breaks = next.iter().map(|bytes| memchr_iter(b'\n', bytes).count());
        if breaks.sum::<usize>() < main.limit {
            return self.dump();
        }
        // The cursor is saved on a line that is counted from the first one of the scrollback.
        let emptied = self.with_unfinished(serialise::emptied(&self.state));
        if passes {
            return emptied;
        }
        let (cols, rows) = self.size();
        let mut later = Self::new(cols, rows, main.limit);
        later.feed(&emptied);
        for bytes in next {
            later.feed(bytes);
        }
        let first = later.state.main.lines.front();
        if first.is_some_and(|row| row.painted() > 0) {
            return emptied;
        }
        self.dump()
    }

    /// Returns a dump for a terminal that only shows it: of the scrollback no more than the newest
    /// `lines`, fewer where they would need more than `DUMP_BYTES`, and nothing of what is not
    /// finished.
    #[must_use]
    pub fn preview(&self, lines: usize) -> Vec<u8> {
        self.preview_within(lines, DUMP_BYTES)
    }

    fn preview_within(&self, lines: usize, limit: usize) -> Vec<u8> {
        serialise::serialise(&self.state, lines, limit).into_bytes()
    }

    fn dump_within(&self, limit: usize) -> Vec<u8> {
        self.with_unfinished(serialise::serialise(&self.state, usize::MAX, limit))
    }

    fn with_unfinished(&self, dump: String) -> Vec<u8> {
        let mut bytes = dump.into_bytes();
        self.filter.write_unfinished(&mut bytes);
        bytes
    }

    /// Returns the text of scrollback and screen. Lines that were wrapped are whole again, and
    /// white space at the ends of lines and of the text is left out.
    #[must_use]
    pub fn transcript(&self) -> String {
        let buffer = self.state.buffer();
        let mut text = String::new();
        for (index, row) in buffer.lines.iter().enumerate() {
            if index > 0 && !row.wrapped {
                text.truncate(text.trim_end_matches(' ').len());
                text.push('\n');
            }
            row.push_text(buffer.cols, &mut text);
        }
        text.truncate(text.trim_end().len());
        text
    }

    /// Returns the text on screen, one line per row, without the empty cells at the ends.
    #[must_use]
    pub fn text(&self) -> String {
        let buffer = self.state.buffer();
        let mut text = String::new();
        for y in 0..buffer.rows {
            buffer.line(y).push_text(buffer.cols, &mut text);
            text.push('\n');
        }
        text
    }

    /// Returns the text of the main screen and its scrollback by lines, those that were wrapped
    /// as one, without the empty ones at the end.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let main = &self.state.main;
        let mut lines: Vec<String> = Vec::new();
        for row in &main.lines {
            if !row.wrapped || lines.is_empty() {
                lines.push(String::new());
            }
            if let Some(line) = lines.last_mut() {
                row.push_text(main.cols, line);
            }
        }
        for line in &mut lines {
            line.truncate(line.trim_end().len());
        }
        while lines.pop_if(|line| line.is_empty()).is_some() {}
        lines
    }
}

fn clamped(cols: u16, rows: u16) -> (usize, usize) {
    (
        cols.clamp(MIN_COLS, MAX_SIZE).into(),
        rows.clamp(1, MAX_SIZE).into(),
    )
}

/// Sizes and positions are at most [`MAX_SIZE`].
fn number(value: usize) -> u16 {
    u16::try_from(value).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use std::ops::Range;

    use proptest::prelude::*;

    use super::filter::Sink;
    use super::*;

    /// Has `vte` read everything and writes characters one by one into rows that are not packed.
    struct Plodder<'a>(&'a mut Parser<OSC_BYTES>, &'a mut State);

    impl Sink for Plodder<'_> {
        fn text(&mut self, text: &str) -> usize {
            let end = text.find('\x1b').unwrap_or(text.len());
            for c in text.chars().take_while(|c| *c != '\x1b') {
                for y in 0..self.1.buffer().rows {
                    self.1.buffer_mut().line_mut(y).get_mut(0);
                }
                self.0
                    .advance(self.1, c.encode_utf8(&mut [0; 4]).as_bytes());
            }
            end
        }

        fn sequence(&mut self, bytes: &[u8]) {
            self.0.advance(self.1, bytes);
        }
    }

    fn feed_plodding(screen: &mut Screen, bytes: &[u8]) {
        let sink = &mut Plodder(&mut screen.parser, &mut screen.state);
        screen.filter.feed(bytes, sink);
    }

    /// A piece of a stream, or a new size.
    #[derive(Debug, Clone)]
    enum Piece {
        Bytes(Vec<u8>),
        Size(u16, u16),
    }

    fn piece() -> impl Strategy<Value = Piece> {
        let text = prop_oneof![
            4 => "[ -~]{1,50}",
            4 => "([a-z]{1,9} ){1,12}\r\n",
            2 => "[\r\n\t\x08\x7f]{1,3}",
            2 => "[a-z漢字🙂ｆé─\u{301}\u{200d}\u{feff}\u{85}]{1,12}",
            2 => "(漢|🙂){8,12}",
            3 => "\x1b\\[[0-9]{0,2}(;[0-9]{1,2})?[@-HJ-MPSTXZabdefgr]",
            3 => "\x1b\\[(0|1|4|7|3[0-9]|4[0-9]|38;5;9|4:3|58;5;7)?m",
            1 => "\x1b\\[(4|20|\\?(6|7|45|47|1047|1049|1048))[hl]",
            1 => "\x1b([78DEMHcno~=>]|\\[!p|[()*+][0AB]|#8|%G)|[\x0e\x0f]",
            1 => "\x1b\\]8;;(http://x)?\x07|\x1b\\[[1-9] ?[@A]|\x1b\\[[1-9]'[}~]",
            1 => "\x1b([\\[PX_^]{0,1}[0-9;?]{0,4}|\\]2;t|[ -~])|\x18",
        ];
        prop_oneof![
            20 => text.prop_map(|text| Piece::Bytes(text.into_bytes())),
            1 => prop::collection::vec(any::<u8>(), 1..4).prop_map(Piece::Bytes),
            1 => (2u16..40, 1u16..9).prop_map(|(cols, rows)| Piece::Size(cols, rows)),
        ]
    }

    fn play(pieces: &[Piece], feed: impl Fn(&mut Screen, &[u8])) -> Screen {
        let mut screen = Screen::new(20, 5, 30);
        play_on(&mut screen, pieces, feed);
        screen
    }

    fn play_on(screen: &mut Screen, pieces: &[Piece], feed: impl Fn(&mut Screen, &[u8])) {
        let mut waiting = Vec::new();
        for piece in pieces {
            match piece {
                Piece::Bytes(bytes) => waiting.extend_from_slice(bytes),
                Piece::Size(cols, rows) => {
                    feed(screen, &std::mem::take(&mut waiting));
                    screen.resize(*cols, *rows);
                }
            }
        }
        feed(screen, &waiting);
    }

    fn told(screen: &Screen) -> (String, (u16, u16), String) {
        let dump = String::from_utf8_lossy(&screen.dump()).into_owned();
        (dump, screen.cursor(), screen.text())
    }

    proptest! {
        #[test]
        fn prop_text_written_at_once_is_as_if_written_one_by_one(
            pieces in prop::collection::vec(piece(), 1..60),
            cut in 1usize..40,
        ) {
            let whole = play(&pieces, Screen::feed);
            let plodding = play(&pieces, feed_plodding);
            prop_assert_eq!(told(&whole), told(&plodding));
            let cut = play(&pieces, |screen, bytes| {
                bytes.chunks(cut).for_each(|chunk| screen.feed(chunk));
            });
            prop_assert_eq!(told(&whole), told(&cut));
        }
    }

    proptest! {
        #[test]
        fn prop_lines_that_are_not_drawn_leave_no_trace(
            before in prop::collection::vec(piece(), 0..20),
            lines in prop::collection::vec(
                "([a-z]{0,50}|(\x1b\\[(|[0-9]|3[0-9]|4[0-9]|4:3|0;38;5;9)m[a-z]{0,9}){1,2})\t?[a-z]{0,9}(\r\n|\r\n|\r\n|\n)",
                20..150,
            ),
            after in prop::collection::vec(piece(), 0..20),
            cut in 1usize..400,
        ) {
            let pieces = lines.concat().into_bytes();
            let pieces: Vec<Bytes> = pieces.chunks(cut).map(Bytes::copy_from_slice).collect();
            let mut screen = play(&before, Screen::feed);
            let mut plodding = play(&before, Screen::feed);
            screen.feed_all(&pieces);
            for piece in &pieces {
                plodding.feed(piece);
            }
            play_on(&mut screen, &after, Screen::feed);
            play_on(&mut plodding, &after, Screen::feed);
            prop_assert_eq!(told(&screen), told(&plodding));
        }
    }

    /// What a shell and a program on the alternate screen do while their window changes its size.
    fn resized_work(cols: Range<u16>, rows: Range<u16>) -> impl Strategy<Value = Vec<Piece>> {
        let text = prop_oneof![
            6 => "([a-z]{1,50}\r\n){1,4}",
            2 => "\r[a-z]{1,9}",
            1 => "\x1b\\[[1-5];[1-9]H",
            3 => "\x1b\\[\\?1047[hl]",
        ];
        let piece = prop_oneof![
            3 => text.prop_map(|text| Piece::Bytes(text.into_bytes())),
            1 => (cols, rows).prop_map(|(cols, rows)| Piece::Size(cols, rows)),
        ];
        prop::collection::vec(piece, 1..40)
    }

    proptest! {
        #[test]
        fn prop_restored_screen_goes_on_like_the_one_that_was_dumped(
            before in resized_work(20..21, 1..9),
            after in resized_work(20..21, 1..9),
        ) {
            let (screen, restored) = both_after(&before, &after);
            let seen = |screen: &Screen| (screen.text(), screen.cursor(), screen.lines());
            prop_assert_eq!(seen(&screen), seen(&restored));
        }

        /// Not where a single row leaves no way back to the end of a line that is wrapped, and not
        /// what the alternate screen keeps beyond its right edge.
        #[test]
        fn prop_restored_lines_are_wrapped_anew_like_those_that_were_dumped(
            before in resized_work(2..40, 2..9),
            after in resized_work(2..40, 2..9),
        ) {
            let (screen, restored) = both_after(&before, &after);
            let seen = |screen: &Screen| (screen.cursor(), screen.lines());
            prop_assert_eq!(seen(&screen), seen(&restored));
        }
    }

    /// A screen after both, and one that was restored in between.
    fn both_after(before: &[Piece], after: &[Piece]) -> (Screen, Screen) {
        let mut screen = play(before, Screen::feed);
        let (cols, rows) = screen.size();
        let mut restored = Screen::new(cols, rows, 30);
        restored.feed(&screen.dump());
        play_on(&mut screen, after, Screen::feed);
        play_on(&mut restored, after, Screen::feed);
        (screen, restored)
    }

    proptest! {
        #[test]
        fn prop_scrollback_that_is_left_out_is_not_missed(
            before in prop::collection::vec(piece(), 0..40),
            next in prop::collection::vec(
                "([a-z]{0,50}\r\n){1,20}|\x1b[78]|\x1b\\[[1-5];[1-9]H|\x1b\\[\\?1049[hl]|\x1b\\[3J|\n{5}",
                1..12,
            ),
            after in prop::collection::vec(piece(), 0..20),
        ) {
            let next = [Bytes::from(next.concat())];
            let screen = play(&before, Screen::feed);
            let (cols, rows) = screen.size();
            let [mut whole, mut restored] = [screen.dump(), screen.dump_before(&next)].map(|dump| {
                let mut restored = Screen::new(cols, rows, 30);
                restored.feed(&dump);
                restored.feed(&next[0]);
                restored
            });
            prop_assert_eq!(told(&whole), told(&restored));
            play_on(&mut whole, &after, Screen::feed);
            play_on(&mut restored, &after, Screen::feed);
            prop_assert_eq!(told(&whole), told(&restored));
        }
    }

    #[test]
    fn lines_that_a_flood_pushes_out_are_not_drawn() {
        let flood: Vec<Bytes> = (0..100)
            .map(|line| format!("\x1b[3{}mline {line}\r\n", line % 8).into())
            .collect();
        let mut screen = Screen::new(20, 5, 30);
        let drawn: usize = flood[65..].iter().map(Bytes::len).sum();
        let all: usize = flood.iter().map(Bytes::len).sum();
        assert_eq!(screen.skip(&flood), all - drawn);
        for unlike in ["\x1b[2;4r", "\x1b[?1049h", "\x1b[3"] {
            let mut screen = Screen::new(20, 5, 30);
            screen.feed(unlike.as_bytes());
            assert_eq!(screen.skip(&flood), 0);
        }
    }

    proptest! {
        #[test]
        fn prop_dump_that_is_cut_shows_the_same_screen(
            words in prop::collection::vec("([a-z]{1,30}|\\x1b\\[3[0-9]m|\r\n|\x1b7| ){1,6}", 1..60),
            limit in 0usize..4_000,
        ) {
            let mut screen = Screen::new(20, 4, 500);
            screen.feed(words.concat().as_bytes());
            let dump = screen.dump_within(limit);
            let mut again = Screen::new(20, 4, 500);
            again.feed(&dump);
            prop_assert_eq!(again.text(), screen.text());
            prop_assert_eq!(again.cursor(), screen.cursor());
            prop_assert!(again.state.main.base() <= screen.state.main.base());
        }
    }

    #[test]
    fn dump_that_is_too_large_loses_its_oldest_lines() {
        let mut screen = Screen::new(20, 4, 500);
        for number in 0..500 {
            screen.feed(format!("\x1b[38;5;{}mline {number}\r\n", number % 200).as_bytes());
        }
        let dump = String::from_utf8(screen.dump_within(5_000)).unwrap();
        assert!(dump.len() < 6_000, "{}", dump.len());
        assert!(
            dump.contains("line 499") && dump.contains("line 400") && !dump.contains("line 99")
        );
        let preview = String::from_utf8(screen.preview_within(400, 5_000)).unwrap();
        assert!(preview.len() < 6_000, "{}", preview.len());
        assert!(preview.contains("line 499") && !preview.contains("line 110"));
    }

    #[test]
    fn scrollback_that_is_pushed_out_is_left_out() {
        let lines = |from: usize, to: usize| {
            let lines = (from..to).map(|line| format!("\x1b[3{}mline {line}\r\n", line % 8));
            lines.collect::<String>().into_bytes()
        };
        let mut screen = Screen::new(20, 4, 500);
        screen.feed(&lines(0, 900));
        for (next, all) in [(499, true), (530, false)] {
            let next = [Bytes::from(lines(900, 900 + next))];
            let dump = screen.dump_before(&next);
            assert_eq!(dump == screen.dump(), all);
            let (mut restored, mut truth) = (Screen::new(20, 4, 500), Screen::new(20, 4, 500));
            restored.feed(&dump);
            restored.feed(&next[0]);
            truth.feed(&screen.dump());
            truth.feed(&next[0]);
            assert_eq!(told(&restored), told(&truth));
        }
        // As many line breaks, of which none scrolls.
        let jumps = [Bytes::from("\x1b[Hx\n".repeat(600))];
        assert_eq!(screen.dump_before(&jumps), screen.dump());
    }

    #[test]
    fn marks_stacked_without_end_are_not_kept() {
        let mut screen = Screen::new(20, 4, 500);
        screen.feed("a".as_bytes());
        screen.feed("\u{301}".repeat(100_000).as_bytes());
        assert!(screen.dump().len() < 1_000);
    }
}
