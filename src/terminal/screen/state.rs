//! The state of a terminal and the functions that write text to it.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::buffer::{Buffer, SavedCursor};
use super::cell::{Cell, Link, Pen, Style};
use super::charset::Charsets;
use super::modes::{Mode, Modes};
use super::width::width;

/// All that a terminal remembers. What a function does at the edges follows xterm.js.
#[derive(Debug, Clone)]
pub(super) struct State {
    pub(super) main: Buffer,
    /// Its lines are dropped while it is not shown.
    pub(super) alternate: Buffer,
    pub(super) on_alternate: bool,
    pub(super) pen: Pen,
    pub(super) charsets: Charsets,
    pub(super) modes: Modes,
    pub(super) title: Option<String>,
    /// Colours that a program changed, by the number of the OSC that did.
    pub(super) colours: BTreeMap<String, String>,
    /// Width of the character written last, 0 when anything came after it: what a zero-width
    /// character joins and REP repeats.
    pub(super) joins: usize,
}

impl State {
    pub(super) fn new(cols: usize, rows: usize, scrollback: usize) -> Self {
        let mut state = Self {
            main: Buffer::new(cols, rows, scrollback),
            alternate: Buffer::new(cols, rows, 0),
            on_alternate: false,
            pen: Pen::default(),
            charsets: Charsets::default(),
            modes: Modes::default(),
            title: None,
            colours: BTreeMap::new(),
            joins: 0,
        };
        state.alternate.lines.clear();
        state
    }

    pub(super) const fn buffer(&self) -> &Buffer {
        if self.on_alternate {
            &self.alternate
        } else {
            &self.main
        }
    }

    pub(super) const fn buffer_mut(&mut self) -> &mut Buffer {
        if self.on_alternate {
            &mut self.alternate
        } else {
            &mut self.main
        }
    }

    /// The buffer shown and the pen that writes to it.
    const fn buffer_and_pen(&mut self) -> (&mut Buffer, &Pen) {
        let buffer = if self.on_alternate {
            &mut self.alternate
        } else {
            &mut self.main
        };
        (buffer, &self.pen)
    }

    pub(super) fn resize(&mut self, cols: usize, rows: usize) {
        self.main.resize(cols, rows, true);
        if self.on_alternate {
            self.alternate.resize(cols, rows, false);
        } else {
            let saved = self.alternate.saved;
            self.alternate = Buffer {
                saved,
                ..Buffer::new(cols, rows, 0)
            };
            self.alternate.lines.clear();
        }
    }

    /// Writes one character at the cursor.
    pub(super) fn print(&mut self, c: char) {
        let c = if c.is_ascii() {
            self.charsets.map(c)
        } else {
            c
        };
        let width = width(c);
        if width == 0 && self.joins > 0 && self.join(c) {
            return;
        }
        self.joins = width;
        self.clear_half();
        if !self.make_room(width) {
            return;
        }
        let insert = self.modes.has(Mode::INSERT);
        let (buffer, pen) = self.buffer_and_pen();
        let null = Cell::blank(pen.style);
        let (x, cols) = (buffer.x, buffer.cols);
        let row = buffer.current();
        if insert {
            row.insert(x, width, cols, &null);
        }
        let end = row.write(x, c, width, pen);
        if end < cols && row.is_spacer(end) {
            row.set(end, null);
        }
        buffer.x = end;
    }

    /// Writes printable ASCII at the cursor, a line at a time where that does the same.
    pub(super) fn print_ascii(&mut self, text: &str) {
        let line_by_line = self.charsets.keep_ascii()
            && self.modes.has(Mode::WRAP)
            && !self.modes.has(Mode::INSERT);
        if !line_by_line {
            return text.chars().for_each(|c| self.print(c));
        }
        self.joins = 1;
        let mut rest = text;
        while !rest.is_empty() {
            if self.buffer().x >= self.buffer().cols {
                self.clear_half();
                self.wrap();
            }
            let (buffer, pen) = self.buffer_and_pen();
            let (x, cols) = (buffer.x, buffer.cols);
            let (line, behind) = rest.split_at_checked(cols - x).unwrap_or((rest, ""));
            buffer.current().write_ascii(x, line, pen, cols);
            buffer.x += line.len();
            rest = behind;
        }
    }

    /// Clears the left half of a wide character when the cursor is on its right half.
    fn clear_half(&mut self) {
        let null = Cell::blank(self.pen.style);
        let buffer = self.buffer_mut();
        if let Some(before) = buffer.x.checked_sub(1)
            && buffer.current().is_wide(before)
        {
            buffer.current().set(before, null);
        }
    }

    /// Adds a zero-width character to the cell before the cursor.
    fn join(&mut self, c: char) -> bool {
        let buffer = self.buffer_mut();
        let Some(mut col) = buffer.x.checked_sub(1) else {
            return false;
        };
        let row = buffer.current();
        if row.is_spacer(col) && col > 0 {
            col -= 1;
        }
        row.get_mut(col).push_combining(c);
        true
    }

    /// Goes to the next line when a character of this width does not fit, and returns whether
    /// there is a place for it.
    fn make_room(&mut self, width: usize) -> bool {
        let buffer = self.buffer();
        if buffer.x + width <= buffer.cols {
            return true;
        }
        if self.modes.has(Mode::WRAP) {
            self.wrap();
            return true;
        }
        let buffer = self.buffer_mut();
        buffer.x = buffer.cols - 1;
        width < 2
    }

    fn wrap(&mut self) {
        let (style, erased) = (self.pen.style, self.pen.erased());
        let buffer = self.buffer_mut();
        let (x, cols) = (buffer.x, buffer.cols);
        buffer.current().blank(x, cols, style);
        buffer.x = 0;
        if buffer.y == buffer.bottom {
            buffer.scroll(&erased, true);
        } else {
            buffer.y = (buffer.y + 1).min(buffer.rows - 1);
            buffer.current().wrapped = true;
        }
    }

    /// REP: writes the last character again.
    pub(super) fn repeat(&mut self, count: usize) {
        let buffer = self.buffer();
        let Some(col) = buffer.x.checked_sub(self.joins).filter(|_| self.joins > 0) else {
            return;
        };
        let cell = buffer.line(buffer.y).get(col);
        let text: String = std::iter::once(cell.c)
            .chain(cell.combining().chars())
            .collect();
        for _ in 0..count {
            text.chars().for_each(|c| self.print(c));
        }
    }

    /// LF, VT and FF.
    pub(super) fn line_feed(&mut self) {
        let erased = self.pen.erased();
        let new_line = self.modes.has(Mode::NEW_LINE);
        let buffer = self.buffer_mut();
        if new_line {
            buffer.x = 0;
        }
        if buffer.y == buffer.bottom {
            buffer.scroll(&erased, false);
        } else if buffer.y + 1 < buffer.rows {
            buffer.y += 1;
            buffer.current().wrapped = false;
        }
        buffer.x = buffer.x.min(buffer.cols - 1);
    }

    pub(super) fn backspace(&mut self) {
        let reverse_wrap = self.modes.has(Mode::REVERSE_WRAP);
        if !reverse_wrap {
            self.restrict();
        }
        let buffer = self.buffer_mut();
        let inside = buffer.y > buffer.top && buffer.y <= buffer.bottom;
        if buffer.x > 0 {
            buffer.x -= 1;
        } else if reverse_wrap && inside && buffer.current().wrapped {
            buffer.current().wrapped = false;
            buffer.y -= 1;
            buffer.x = buffer.cols - 1;
            let x = buffer.x;
            if !buffer.current().get(x).has_content() {
                buffer.x -= 1;
            }
        }
    }

    /// Takes the cursor back to where a program may place it, out of a pending wrap too.
    pub(super) fn restrict(&mut self) {
        let origin = self.modes.has(Mode::ORIGIN);
        let buffer = self.buffer_mut();
        buffer.x = buffer.x.min(buffer.cols - 1);
        buffer.y = if origin {
            buffer.y.clamp(buffer.top, buffer.bottom)
        } else {
            buffer.y.min(buffer.rows - 1)
        };
    }

    /// Goes to a place counted from the top left corner, or from the margin in origin mode.
    pub(super) fn go_to(&mut self, x: usize, y: usize) {
        let origin = self.modes.has(Mode::ORIGIN);
        let buffer = self.buffer_mut();
        buffer.x = x;
        buffer.y = if origin { buffer.top + y } else { y };
        self.restrict();
    }

    pub(super) fn save_cursor(&mut self) {
        let (style, charset) = (self.pen.style, self.charsets.active);
        let buffer = self.buffer_mut();
        buffer.saved = SavedCursor {
            x: buffer.x,
            line: buffer.base() + buffer.y,
            style,
            charset,
        };
    }

    pub(super) fn restore_cursor(&mut self) {
        let buffer = self.buffer_mut();
        let saved = buffer.saved;
        buffer.x = saved.x;
        buffer.y = buffer.saved_y();
        // xterm.js saves colours and attributes, but not the kind of underline.
        let underline = self.pen.style.underline;
        self.pen.style = Style {
            underline,
            ..saved.style
        };
        self.charsets.active = saved.charset;
        self.restrict();
    }

    /// Shows the alternate screen, empty, or the main screen again.
    pub(super) fn show_alternate(&mut self, on: bool) {
        if on == self.on_alternate {
            return;
        }
        let (x, y) = (self.buffer().x, self.buffer().y);
        self.on_alternate = on;
        self.alternate.clear(&self.pen.erased());
        if !on {
            self.alternate.lines.clear();
        }
        let buffer = self.buffer_mut();
        (buffer.x, buffer.y) = (x, y);
    }

    pub(super) fn set_link(&mut self, link: Option<Link>) {
        self.pen.set_link(link.map(Arc::new));
    }

    /// DECSTR.
    pub(super) fn soft_reset(&mut self) {
        self.pen = Pen::default();
        self.charsets = Charsets::default();
        self.modes.soft_reset();
        let buffer = self.buffer_mut();
        buffer.top = 0;
        buffer.bottom = buffer.rows - 1;
        buffer.saved = SavedCursor {
            line: buffer.base(),
            ..SavedCursor::HOME
        };
    }

    /// RIS. The title stays, as it does in xterm.js.
    pub(super) fn hard_reset(&mut self) {
        let Buffer {
            cols, rows, limit, ..
        } = self.main;
        let mut modes = self.modes.clone();
        modes.hard_reset();
        let title = self.title.take();
        let colours = std::mem::take(&mut self.colours);
        *self = Self {
            modes,
            title,
            colours,
            ..Self::new(cols, rows, limit)
        };
    }
}
