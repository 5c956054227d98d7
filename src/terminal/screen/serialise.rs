//! From the state of a terminal to the bytes that bring a fresh xterm.js into it.
//!
//! The order matters, as most sequences do more than one thing: lines first, while the modes are
//! still those of a fresh terminal; then what belongs to each screen; then what is common; and
//! the cursor last, since nearly everything moves it.

use std::borrow::Cow;
use std::sync::Arc;

use super::buffer::{Buffer, SavedCursor};
use super::cell::{Cell, Flags, Link, Style};
use super::charset::Charsets;
use super::modes::Mode;
use super::row::Row;
use super::sgr::{self, push};
use super::state::State;
use super::width::width;

/// Returns the bytes that restore `state` in a fresh terminal of the same size, with no more than the
/// newest `lines` of its scrollback. When they are more than `limit`, the older half of these is left
/// out, and again, as long as there are any.
pub(super) fn serialise(state: &State, lines: usize, limit: usize) -> String {
    let (main, scrollback) = (&state.main, state.main.base());
    let mut first = scrollback.saturating_sub(lines);
    loop {
        match serialise_from(state, main, first, limit) {
            Some(out) => return out,
            None if first < scrollback => first += (scrollback - first).div_ceil(2),
            None => return serialise_from(state, main, scrollback, usize::MAX).unwrap_or_default(),
        }
    }
}

/// Returns the bytes that restore `state` but for the lines of its scrollback, which are empty.
pub(super) fn emptied(state: &State) -> String {
    serialise_from(state, &state.main.emptied(), 0, usize::MAX).unwrap_or_default()
}

/// Writes the lines of `main`, the main screen, from the `first` one on; nothing when that is too
/// much.
fn serialise_from(state: &State, main: &Buffer, first: usize, limit: usize) -> Option<String> {
    let mut writer = Writer {
        rows: main.rows,
        ..Writer::default()
    };
    if !state.on_alternate {
        writer.alternate_saved(&state.alternate);
    }
    writer.lines(main, first, limit)?;
    writer.settings(main);
    if state.on_alternate {
        // A new size treats the hidden screen according to the line its cursor was left on.
        push(&mut writer.out, format_args!("\x1b[{}H", main.y + 1));
        // Not 1049, which would save the cursor anew.
        writer.out.push_str("\x1b[?1047h\x1b[H");
        writer.lines(&state.alternate, 0, usize::MAX)?;
        writer.settings(&state.alternate);
    }
    writer.common(state);
    writer.cursor(state);
    Some(writer.out)
}

/// Writes cells, keeping in mind what the terminal that reads them has set.
#[derive(Default)]
struct Writer {
    out: String,
    /// The last cell written, for its looks and its link.
    pen: Cell,
    /// The empty cell at the end of a line in whose place a space is, for the next line to wrap.
    filled: Option<Cell>,
    /// How many rows the screen has.
    rows: usize,
}

impl Writer {
    /// The alternate screen is gone while the main one is shown, but not the cursor saved on it.
    fn alternate_saved(&mut self, buffer: &Buffer) {
        if buffer.saved != SavedCursor::HOME {
            self.out.push_str("\x1b[?1047h");
            let y = buffer.saved.line.min(buffer.rows - 1);
            if y > 0 {
                push(&mut self.out, format_args!("\x1b[{y}B"));
            }
            self.saved_cursor(buffer, 0);
            self.out.push_str("\x1b[?1047l\x1b[H");
        }
    }

    /// Writes the lines of a buffer from the `first` one on, those of the scrollback first, so that
    /// they end up there. Gives up when that takes more than `limit` bytes.
    fn lines(&mut self, buffer: &Buffer, first: usize, limit: usize) -> Option<()> {
        for (index, row) in buffer.lines.iter().enumerate().skip(first) {
            if self.out.len() > limit {
                return None;
            }
            if index > first && !row.wrapped {
                // A coloured background would spread over the line that comes into view.
                self.plain_background();
                self.out.push_str("\r\n");
            }
            self.row(buffer, index, first);
        }
        self.style_of(&Cell::NULL);
        Some(())
    }

    /// Writes one line. When the next one continues it, the terminal is left where the next
    /// character wraps.
    fn row(&mut self, buffer: &Buffer, index: usize, first: usize) {
        let (row, cols) = (&buffer.lines[index], buffer.cols);
        let next = buffer.lines.get(index + 1).filter(|next| next.wrapped);
        // The cursor is saved on a line that is remembered by its number, and so has to be saved
        // from there: later the line may be out of reach, in the scrollback.
        let line = buffer.saved.line.min(buffer.lines.len() - 1).max(first);
        let mut save = index == line && buffer.saved != SavedCursor::HOME;
        let wraps = self.begin_row(row, cols, index > first);
        if save && !wraps {
            self.saved_cursor(buffer, 0);
            save = false;
        }
        let mut col = 0;
        let end = if next.is_some() {
            cols
        } else {
            row.painted().min(cols)
        };
        if !save && let Some(pieces) = row.pieces(end) {
            for (text, style) in pieces.filter(|(text, _)| !text.is_empty()) {
                self.style_of(&Cell::blank(style));
                self.out.push_str(text);
            }
            return;
        }
        let row = &*row.unpacked();
        while col < end {
            col += self.step(row, col, end, next.filter(|_| end == cols));
            if save && col < cols {
                self.saved_cursor(buffer, col);
                save = false;
            }
        }
    }

    /// Goes to the first column of a line, and returns whether that still waits for a character.
    fn begin_row(&mut self, row: &Row, cols: usize, continues: bool) -> bool {
        if !(continues && row.wrapped) {
            return false;
        }
        let (first, filled) = (row.first(), self.filled.take());
        if filled.is_none() && first.has_content() && width(first.c) > 0 {
            return true;
        }
        // Only a character with a width wraps; it is taken away again at once.
        self.style_of(&Cell::NULL);
        self.out.push(' ');
        if let Some(empty) = filled {
            push(&mut self.out, format_args!("\x1b[A\x1b[{cols}G"));
            self.style_of(&empty);
            self.out.push_str("\x1b[X\x1b[B");
            self.style_of(&Cell::NULL);
        }
        self.out.push_str("\r\x1b[X");
        false
    }

    /// Writes the character at `col`, or moves over the empty cells there; returns their number.
    fn step(&mut self, row: &Row, col: usize, end: usize, next: Option<&Row>) -> usize {
        let cell = &*row.get(col);
        let cut_off = cell.is_wide() && col + 1 == end;
        if cell.has_content() && !cut_off {
            self.cell(cell);
            let next = &*row.get(col + 1);
            if cell.is_wide() && next.c != '\0' && col + 2 == end {
                // Without autowrap, a character can take the right half of another away.
                self.style_of(next);
                self.out.push_str("\x1b[?7l");
                self.cell(next);
                self.out.push_str("\x1b[?7h");
            }
            return if cell.is_wide() { 2 } else { 1 };
        }
        let run = (col..end)
            .take_while(|&at| is_gap(&row.get(at), cell))
            .count()
            .max(1);
        match next {
            Some(next) if col + run == end => self.gap_before_wrap(cell, run, next),
            _ => self.gap(cell, run),
        }
        run
    }

    /// Moves over `run` empty cells.
    fn gap(&mut self, cell: &Cell, run: usize) {
        if cell.style.flags.has(Flags::SEEN_ON_BLANKS) {
            // Erasing would keep the background only.
            self.style_of(cell);
            self.out.extend(std::iter::repeat_n(' ', run));
            return;
        }
        if cell.style != Style::DEFAULT {
            self.style_of(cell);
            push(&mut self.out, format_args!("\x1b[{run}X"));
        }
        push(&mut self.out, format_args!("\x1b[{run}C"));
    }

    /// Fills `run` empty cells at the end of a line, so that the next character wraps.
    fn gap_before_wrap(&mut self, cell: &Cell, run: usize, next: &Row) {
        // A wide character wraps one column early of itself, and leaves its own style there.
        let first = next.first();
        let early = run == 1 && first.is_wide() && first.style.visible() == cell.style;
        let spaces = usize::from(!early);
        if run > spaces {
            self.gap(cell, run - spaces);
        }
        if spaces > 0 {
            self.style_of(cell);
            self.out.push(' ');
            let erasable = !cell.style.flags.has(Flags::SEEN_ON_BLANKS);
            // What is above a single line is out of reach.
            self.filled = (self.rows > 1 && erasable).then(|| cell.clone());
        }
    }

    fn cell(&mut self, cell: &Cell) {
        self.style_of(cell);
        if width(cell.c) == 0 {
            // Any sequence keeps a zero-width character from joining the cell before it; nothing
            // can join it in turn.
            self.force_style(cell);
            self.out.push(cell.c);
            return;
        }
        self.out.push(if cell.c == '\0' { ' ' } else { cell.c });
        self.out.push_str(cell.combining());
    }

    /// Makes the terminal write what looks like `cell`.
    fn style_of(&mut self, cell: &Cell) {
        let looks = |cell: &Cell| (cell.style.visible(), cell.underline_colour());
        if looks(cell) != looks(&self.pen) {
            self.force_style(cell);
        }
        if !same_link(cell.link(), self.pen.link()) {
            self.link(cell.link());
        }
        if cell.style != self.pen.style || cell.extra != self.pen.extra {
            self.pen = Cell {
                c: ' ',
                ..cell.clone()
            };
        }
    }

    fn force_style(&mut self, cell: &Cell) {
        let plain = cell.style.visible() == Style::DEFAULT
            && cell.underline_colour() == Cell::NULL.underline_colour();
        if plain {
            self.out.push_str("\x1b[m");
        } else {
            sgr::write(cell, &mut self.out);
        }
    }

    fn link(&mut self, link: Option<&Arc<Link>>) {
        let (params, uri) = link.map_or(("", ""), |link| (&link.params, &link.uri));
        push(&mut self.out, format_args!("\x1b]8;{params};{uri}\x1b\\"));
    }

    fn plain_background(&mut self) {
        if self.pen.style.bg != Style::DEFAULT.bg {
            self.style_of(&Cell {
                style: Style::DEFAULT,
                ..self.pen.clone()
            });
        }
    }

    /// Tab stops and margins of a screen.
    fn settings(&mut self, buffer: &Buffer) {
        if !buffer.tabs.is_default(buffer.cols) {
            self.out.push_str("\x1b[3g");
            for col in (0..buffer.cols).filter(|&col| buffer.tabs.is_stop(col)) {
                push(&mut self.out, format_args!("\x1b[{}G\x1bH", col + 1));
            }
        }
        if (buffer.top, buffer.bottom) != (0, buffer.rows - 1) {
            push(
                &mut self.out,
                format_args!("\x1b[{};{}r", buffer.top + 1, buffer.bottom + 1),
            );
        }
    }

    /// Saves the cursor on the line the terminal is at, and goes to column `back`.
    fn saved_cursor(&mut self, buffer: &Buffer, back: usize) {
        let SavedCursor {
            x, style, charset, ..
        } = buffer.saved;
        let mut charsets = Charsets::default();
        charsets.designate(0, charset);
        push(
            &mut self.out,
            format_args!("\x1b[{}G", x.min(buffer.cols - 1) + 1),
        );
        self.style_of(&Cell::blank(style));
        charsets.write(&mut self.out);
        self.out.push_str("\x1b7");
        self.style_of(&Cell::NULL);
        if charsets != Charsets::default() {
            self.out.push_str("\x1b(B");
        }
        push(&mut self.out, format_args!("\x1b[{}G", back + 1));
    }

    /// What both screens share, but for pen and cursor.
    fn common(&mut self, state: &State) {
        if let Some(title) = &state.title {
            push(&mut self.out, format_args!("\x1b]2;{title}\x1b\\"));
        }
        for (number, colour) in &state.colours {
            push(&mut self.out, format_args!("\x1b]{number};{colour}\x1b\\"));
        }
        state.modes.write(&mut self.out);
    }

    /// Character sets, cursor and pen. The character before the cursor is written again, last of
    /// all, when the terminal has to remember that it was the last one written, or that the next
    /// one wraps: nothing else brings about either.
    fn cursor(&mut self, state: &State) {
        let buffer = state.buffer();
        let origin = state.modes.has(Mode::ORIGIN);
        if origin {
            self.out.push_str("\x1b[?6h");
        }
        let again = Again::before_cursor(state);
        // A character set must not change the character that is written again.
        let early = again
            .as_ref()
            .is_none_or(|again| state.charsets.keeps(again.cell.c));
        if early {
            self.charsets(state);
        }
        let x = again
            .as_ref()
            .map_or(buffer.x, |again| again.col)
            .min(buffer.cols - 1);
        let y = if origin {
            buffer.y.saturating_sub(buffer.top)
        } else {
            buffer.y
        };
        push(&mut self.out, format_args!("\x1b[{};{}H", y + 1, x + 1));
        if let Some(again) = &again {
            if state.modes.has(Mode::INSERT) && buffer.x < buffer.cols {
                // It makes room for itself.
                push(
                    &mut self.out,
                    format_args!("\x1b[{}P", buffer.x - again.col),
                );
            }
            self.cell(&again.cell);
        }
        let pen = state.pen.cell(' ');
        self.style_of(&pen);
        if again.is_some_and(|again| !again.is_last) {
            // Any sequence makes the terminal forget that this was the last character.
            self.force_style(&pen);
        }
        if !early {
            state.charsets.write(&mut self.out);
        }
    }

    fn charsets(&mut self, state: &State) {
        state.charsets.write(&mut self.out);
        let saved = state.buffer().saved;
        if !state.charsets.is_invoked() && state.charsets.active == saved.charset {
            // Only restoring a cursor leaves a set in use that is not the designated one.
            self.out.push_str("\x1b8\x1b[m");
            self.pen = Cell::NULL;
        }
    }
}

/// The cell before the cursor, to be written again.
struct Again<'a> {
    cell: Cow<'a, Cell>,
    col: usize,
    /// Whether it is the last character written, with nothing after it.
    is_last: bool,
}

impl<'a> Again<'a> {
    fn before_cursor(state: &'a State) -> Option<Self> {
        let buffer = state.buffer();
        let row = buffer.line(buffer.y);
        // A lone zero-width character can push the cursor further out still.
        let mut col = buffer.x.min(buffer.cols).checked_sub(1)?;
        if row.is_spacer(col) {
            col = col.checked_sub(1)?;
        }
        let cell = row.get(col);
        let pen = state.pen.cell(' ');
        let is_last = state.joins > 0
            && width(cell.c) == state.joins
            && cell.has_content()
            && cell.style.visible() == pen.style
            && same_link(cell.link(), pen.link())
            && cell.underline_colour() == pen.underline_colour();
        let wraps = buffer.x >= buffer.cols;
        (wraps || is_last).then_some(Self { cell, col, is_last })
    }
}

/// Whether `cell` is empty and has the background of `first`; no other attribute shows.
fn is_gap(cell: &Cell, first: &Cell) -> bool {
    !cell.has_content() && cell.style == first.style
}

fn same_link(one: Option<&Arc<Link>>, other: Option<&Arc<Link>>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => Arc::ptr_eq(one, other),
        (one, other) => one.is_none() && other.is_none(),
    }
}
