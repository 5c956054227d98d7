//! The functions that erase, insert, delete and move what is on the screen.

use super::buffer::Buffer;
use super::cell::{Cell, Style};
use super::modes::Mode;
use super::state::State;

impl State {
    /// EL.
    pub(super) fn erase_in_line(&mut self, mode: u16) {
        let erased = self.pen.erased();
        let buffer = self.buffer_mut();
        let (x, cols) = (buffer.x, buffer.cols);
        let row = buffer.current();
        match mode {
            0 => row.erase(x, cols, &erased),
            1 => row.erase(0, (x + 1).min(cols), &erased),
            2 => row.erase(0, cols, &erased),
            _ => return,
        }
        if mode == 2 || (mode == 0 && x == 0) {
            row.wrapped = false;
        }
    }

    /// ED.
    pub(super) fn erase_in_display(&mut self, mode: u16) {
        let (y, rows) = (self.buffer().y, self.buffer().rows);
        match mode {
            0 => {
                self.erase_in_line(0);
                self.erase_lines(y + 1, rows);
            }
            1 => {
                self.erase_in_line(1);
                self.buffer_mut().current().wrapped = false;
                self.erase_lines(0, y);
            }
            2 => self.erase_lines(0, rows),
            3 => self.buffer_mut().clear_scrollback(),
            _ => {}
        }
    }

    fn erase_lines(&mut self, start: usize, end: usize) {
        let erased = self.pen.erased();
        let buffer = self.buffer_mut();
        let cols = buffer.cols;
        for y in start..end {
            buffer.line_mut(y).reset(&erased, cols);
        }
    }

    /// ECH.
    pub(super) fn erase_chars(&mut self, count: usize) {
        self.restrict();
        let erased = self.pen.erased();
        let buffer = self.buffer_mut();
        let (x, cols) = (buffer.x, buffer.cols);
        buffer.current().erase(x, (x + count).min(cols), &erased);
    }

    /// ICH.
    pub(super) fn insert_chars(&mut self, count: usize) {
        self.restrict();
        let erased = self.pen.erased();
        let buffer = self.buffer_mut();
        let (x, cols) = (buffer.x, buffer.cols);
        buffer.current().insert(x, count, cols, &erased);
    }

    /// DCH.
    pub(super) fn delete_chars(&mut self, count: usize) {
        self.restrict();
        let erased = self.pen.erased();
        let buffer = self.buffer_mut();
        let (x, cols) = (buffer.x, buffer.cols);
        buffer.current().delete(x, count, cols, &erased);
    }

    /// IL.
    pub(super) fn insert_lines(&mut self, count: usize) {
        self.restrict();
        if self.in_region() {
            let erased = self.pen.erased();
            let buffer = self.buffer_mut();
            buffer.insert_lines(buffer.y, count, &erased);
            buffer.x = 0;
        }
    }

    /// DL.
    pub(super) fn delete_lines(&mut self, count: usize) {
        self.restrict();
        if self.in_region() {
            let erased = self.pen.erased();
            let buffer = self.buffer_mut();
            buffer.delete_lines(buffer.y, count, &erased);
            buffer.x = 0;
        }
    }

    /// SU, which unlike a line feed keeps nothing in the scrollback.
    pub(super) fn scroll_up(&mut self, count: usize) {
        let erased = self.pen.erased();
        let buffer = self.buffer_mut();
        buffer.delete_lines(buffer.top, count, &erased);
    }

    /// SD.
    pub(super) fn scroll_down(&mut self, count: usize) {
        let buffer = self.buffer_mut();
        buffer.insert_lines(buffer.top, count, &Cell::NULL);
    }

    /// DECIC and SR: inserts `count` columns at `col`.
    pub(super) fn insert_columns(&mut self, col: usize, count: usize) {
        let erased = self.pen.erased();
        self.each_line_of_region(|row, cols| row.insert(col % cols, count, cols, &erased));
    }

    /// DECDC and SL: deletes `count` columns at `col`.
    pub(super) fn delete_columns(&mut self, col: usize, count: usize) {
        let erased = self.pen.erased();
        self.each_line_of_region(|row, cols| row.delete(col % cols, count, cols, &erased));
    }

    fn each_line_of_region(&mut self, mut change: impl FnMut(&mut super::row::Row, usize)) {
        if !self.in_region() {
            return;
        }
        let buffer = self.buffer_mut();
        let cols = buffer.cols;
        for y in buffer.top..=buffer.bottom {
            let row = buffer.line_mut(y);
            change(row, cols);
            row.wrapped = false;
        }
    }

    /// IND.
    pub(super) fn index(&mut self) {
        self.restrict();
        let erased = self.pen.erased();
        let buffer = self.buffer_mut();
        if buffer.y == buffer.bottom {
            buffer.scroll(&erased, false);
        } else {
            buffer.y += 1;
        }
        self.restrict();
    }

    /// RI.
    pub(super) fn reverse_index(&mut self) {
        self.restrict();
        let erased = self.pen.erased();
        let buffer = self.buffer_mut();
        if buffer.y == buffer.top {
            buffer.insert_lines(buffer.y, 1, &erased);
        } else {
            buffer.y = buffer.y.saturating_sub(1);
        }
        self.restrict();
    }

    /// CUU and CUD, which stop at the margin the cursor is within.
    pub(super) fn move_vertically(&mut self, up: bool, count: usize) {
        let buffer = self.buffer();
        let Buffer {
            x,
            y,
            top,
            bottom,
            rows,
            ..
        } = *buffer;
        let y = if up {
            let first = if y >= top { top } else { 0 };
            y - count.min(y - first)
        } else {
            let last = if y <= bottom { bottom } else { rows - 1 };
            y + count.min(last - y)
        };
        self.go_from_here(x, y);
    }

    /// CUF and CUB.
    pub(super) fn move_horizontally(&mut self, left: bool, count: usize) {
        self.restrict();
        let Buffer { x, y, .. } = *self.buffer();
        self.go_from_here(
            if left {
                x.saturating_sub(count)
            } else {
                x + count
            },
            y,
        );
    }

    /// Goes to a place counted from the top left corner. In origin mode xterm.js adds the margin
    /// to the line here too, where the cursor was within it already; so do we, to stay in step.
    pub(super) fn go_from_here(&mut self, x: usize, y: usize) {
        self.restrict();
        self.go_to(x, y);
    }

    /// HT and CHT.
    pub(super) fn tab_forward(&mut self, count: usize) {
        let buffer = self.buffer_mut();
        for _ in 0..count.min(buffer.cols) {
            if buffer.x < buffer.cols {
                buffer.x = buffer.tabs.next(buffer.x, buffer.cols);
            }
        }
    }

    /// CBT.
    pub(super) fn tab_backward(&mut self, count: usize) {
        let buffer = self.buffer_mut();
        for _ in 0..count.min(buffer.cols) {
            if buffer.x < buffer.cols {
                buffer.x = buffer.tabs.previous(buffer.x);
            }
        }
    }

    /// DECSTBM; `top` counts from 1, and a `bottom` of 0 is the last line.
    pub(super) fn set_margins(&mut self, top: usize, bottom: usize) {
        let buffer = self.buffer_mut();
        let bottom = if bottom == 0 || bottom > buffer.rows {
            buffer.rows
        } else {
            bottom
        };
        if bottom > top {
            buffer.top = top - 1;
            buffer.bottom = bottom - 1;
            self.go_to(0, 0);
        }
    }

    /// DECALN.
    pub(super) fn fill_with_e(&mut self) {
        let style = Style {
            underline: 0,
            ..self.pen.style
        };
        self.go_to(0, 0);
        let first = self.buffer().y;
        let buffer = self.buffer_mut();
        let cols = buffer.cols;
        for y in first..buffer.rows {
            buffer.line_mut(y).reset(
                &Cell {
                    c: 'E',
                    style,
                    extra: None,
                },
                cols,
            );
        }
        self.go_to(0, 0);
    }

    /// Sets or resets a DEC private mode.
    pub(super) fn set_private_mode(&mut self, number: u16, on: bool) {
        match number {
            2 if on => (0..4).for_each(|level| self.charsets.designate(level, b'B')),
            6 => {
                self.modes.set(Mode::ORIGIN, on);
                self.go_to(0, 0);
            }
            1048 if on => self.save_cursor(),
            1048 => self.restore_cursor(),
            1049 if on => {
                self.save_cursor();
                self.show_alternate(true);
            }
            1049 => {
                self.show_alternate(false);
                self.restore_cursor();
            }
            47 | 1047 => self.show_alternate(on),
            _ => self.modes.set_private(number, on),
        }
    }

    fn in_region(&self) -> bool {
        let buffer = self.buffer();
        (buffer.top..=buffer.bottom).contains(&buffer.y)
    }
}
