//! From the state of a terminal to the bytes that bring a fresh xterm.js into it.
//!
//! The order matters, as most sequences do more than one thing: lines first, while the modes are
//! still those of a fresh terminal; then what belongs to each screen; then what is common; and
//! the cursor last, since nearly everything moves it.

use std::sync::Arc;

use super::buffer::{Buffer, SavedCursor};
use super::cell::{Cell, Link, Style};
use super::charset::Charsets;
use super::modes::Mode;
use super::row::Row;
use super::sgr::{self, push};
use super::state::State;
use super::width::width;

/// Returns the bytes that restore `state` in a fresh terminal of the same size.
pub(super) fn serialise(state: &State) -> String {
    let mut writer = Writer::default();
    if !state.on_alternate {
        writer.alternate_saved(&state.alternate);
    }
    writer.lines(&state.main);
    writer.settings(&state.main);
    if state.on_alternate {
        // Not 1049, which would save the cursor anew.
        writer.out.push_str("\x1b[?1047h\x1b[H");
        writer.lines(&state.alternate);
        writer.settings(&state.alternate);
    }
    writer.common(state);
    writer.cursor(state);
    writer.out
}

/// Writes cells, keeping in mind what the terminal that reads them has set.
#[derive(Default)]
struct Writer {
    out: String,
    /// The last cell written, for its looks and its link.
    pen: Cell,
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

    /// Writes all lines of a buffer, those of the scrollback first, so that they end up there.
    fn lines(&mut self, buffer: &Buffer) {
        let mut wrapped = false;
        let mut unsaved = buffer.saved != SavedCursor::HOME;
        let saved_line = buffer.saved.line.min(buffer.lines.len() - 1);
        for (index, row) in buffer.lines.iter().enumerate() {
            if index > 0 && !wrapped {
                // A coloured background would spread over the line that comes into view.
                self.plain_background();
                self.out.push_str("\r\n");
            }
            let next = buffer.lines.get(index + 1).filter(|next| next.wrapped);
            self.row(row, wrapped, next, buffer.cols);
            wrapped = next.is_some();
            // The line is remembered by its number, and so has to be saved from here: later it may
            // be out of reach, in the scrollback.
            if unsaved && !wrapped && index >= saved_line {
                self.saved_cursor(buffer, index - saved_line);
                unsaved = false;
            }
        }
        self.style_of(&Cell::NULL);
    }

    /// Writes one line from its first column. When the line `next` continues it, the terminal has
    /// to be left where the next character wraps.
    fn row(&mut self, row: &Row, wrapped: bool, next: Option<&Row>, cols: usize) {
        let mut col = 0;
        let first = row.get(0);
        if wrapped && (!first.has_content() || width(first.c) == 0) {
            // Only a character with a width wraps; it is taken away again at once.
            self.style_of(&Cell::NULL);
            self.out.push_str(" \r\x1b[X");
        }
        let end = if next.is_some() {
            cols
        } else {
            row.painted().min(cols)
        };
        while col < end {
            let cell = row.get(col);
            let cut_off = cell.is_wide() && col + 1 == cols;
            if cell.has_content() && !cut_off {
                self.cell(cell);
                col += if cell.is_wide() { 2 } else { 1 };
                continue;
            }
            let run = (col..end)
                .take_while(|&at| is_gap(row.get(at), cell))
                .count();
            col += run;
            if col == cols
                && let Some(next) = next
            {
                self.gap_before_wrap(cell, run, next);
            } else {
                self.gap(cell, run);
            }
        }
    }

    /// Moves over `run` empty cells.
    fn gap(&mut self, cell: &Cell, run: usize) {
        if cell.style != Style::DEFAULT {
            self.style_of(cell);
            push(&mut self.out, format_args!("\x1b[{run}X"));
        }
        push(&mut self.out, format_args!("\x1b[{run}C"));
    }

    /// Fills `run` empty cells at the end of a line, so that the next character wraps.
    fn gap_before_wrap(&mut self, cell: &Cell, run: usize, next: &Row) {
        // A wide character wraps one column early of itself.
        let spaces = usize::from(!(run == 1 && next.get(0).is_wide()));
        if run > spaces {
            self.gap(cell, run - spaces);
        }
        if spaces > 0 {
            self.style_of(cell);
            self.out.push(' ');
        }
    }

    fn cell(&mut self, cell: &Cell) {
        if width(cell.c) == 0 && !cell.is_spacer() {
            // Any sequence keeps a zero-width character from joining the cell before it.
            self.force_style(cell);
        }
        self.style_of(cell);
        self.out.push(cell.c);
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

    /// Saves the cursor `above` lines further up, and comes back to the line, in any column.
    fn saved_cursor(&mut self, buffer: &Buffer, above: usize) {
        let SavedCursor {
            x, style, charset, ..
        } = buffer.saved;
        let mut charsets = Charsets::default();
        charsets.designate(0, charset);
        if above > 0 {
            push(&mut self.out, format_args!("\x1b[{above}A"));
        }
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
        if above > 0 {
            push(&mut self.out, format_args!("\x1b[{above}B"));
        }
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
        match again {
            Some(again) if again.is_last => {
                state.charsets.write(&mut self.out);
                self.cell(again.cell);
            }
            again => {
                if let Some(again) = again {
                    self.cell(again.cell);
                }
                state.charsets.write(&mut self.out);
            }
        }
        self.style_of(&state.pen.cell(' '));
    }
}

/// The cell before the cursor, to be written again.
struct Again<'a> {
    cell: &'a Cell,
    col: usize,
    /// Whether it is the last character written, with nothing after it.
    is_last: bool,
}

impl<'a> Again<'a> {
    fn before_cursor(state: &'a State) -> Option<Self> {
        let buffer = state.buffer();
        let row = buffer.line(buffer.y);
        let mut col = buffer.x.checked_sub(1)?;
        if row.get(col).is_spacer() {
            col = col.checked_sub(1)?;
        }
        let cell = row.get(col);
        let pen = state.pen.cell(' ');
        let is_last = state.joins > 0
            && cell.has_content()
            && cell.style.visible() == pen.style
            && same_link(cell.link(), pen.link())
            && cell.underline_colour() == pen.underline_colour();
        let wraps = buffer.x >= buffer.cols;
        // In insert mode, writing it again would move what follows.
        let possible = wraps || (is_last && !state.modes.has(Mode::INSERT));
        possible.then_some(Self { cell, col, is_last })
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
