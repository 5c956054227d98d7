//! One of a terminal's two screens: its lines, its cursor and what belongs to it alone.

use std::collections::VecDeque;

use super::cell::{Cell, Style};
use super::row::Row;
use super::tabs::Tabs;

/// What DECSC remembers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SavedCursor {
    pub(super) x: usize,
    /// Counted from the first line of the scrollback, as xterm.js does.
    pub(super) line: usize,
    pub(super) style: Style,
    pub(super) charset: u8,
}

impl SavedCursor {
    /// What is restored before anything was saved.
    pub(super) const HOME: Self = Self {
        x: 0,
        line: 0,
        style: Style::DEFAULT,
        charset: b'B',
    };
}

/// The main or the alternate screen. Its last `rows` lines are on screen, those before are the
/// scrollback.
#[derive(Debug, Clone)]
pub(super) struct Buffer {
    pub(super) lines: VecDeque<Row>,
    pub(super) cols: usize,
    pub(super) rows: usize,
    /// How many lines the scrollback keeps.
    pub(super) limit: usize,
    /// Column of the cursor; `cols` when the next character wraps to the next line.
    pub(super) x: usize,
    pub(super) y: usize,
    /// First line of the scroll region.
    pub(super) top: usize,
    /// Last line of the scroll region.
    pub(super) bottom: usize,
    pub(super) tabs: Tabs,
    pub(super) saved: SavedCursor,
}

impl Buffer {
    pub(super) fn new(cols: usize, rows: usize, limit: usize) -> Self {
        let mut buffer = Self {
            lines: VecDeque::new(),
            cols,
            rows,
            limit,
            x: 0,
            y: 0,
            top: 0,
            bottom: rows - 1,
            tabs: Tabs::new(cols),
            saved: SavedCursor::HOME,
        };
        buffer.fill(&Cell::NULL);
        buffer
    }

    /// Empties the screen, but not what DECSC saved.
    pub(super) fn clear(&mut self, fill: &Cell) {
        *self = Self {
            saved: self.saved,
            ..Self::new(self.cols, self.rows, self.limit)
        };
        if *fill != Cell::NULL {
            self.lines.clear();
            self.fill(fill);
        }
    }

    /// A copy whose scrollback has as many lines, but empty ones.
    pub(super) fn emptied(&self) -> Self {
        let (base, mut lines) = (self.base(), VecDeque::new());
        lines.resize(base, Row::default());
        lines.extend(self.lines.range(base..).cloned());
        // It would fill the line before it.
        lines[base].wrapped = false;
        Self {
            lines,
            tabs: self.tabs.clone(),
            ..*self
        }
    }

    /// Index of the first line on screen, which is the number of lines in the scrollback.
    pub(super) fn base(&self) -> usize {
        self.lines.len() - self.rows
    }

    pub(super) fn line(&self, y: usize) -> &Row {
        &self.lines[self.base() + y]
    }

    pub(super) fn line_mut(&mut self, y: usize) -> &mut Row {
        let base = self.base();
        &mut self.lines[base + y]
    }

    /// The line the cursor is on.
    pub(super) fn current(&mut self) -> &mut Row {
        self.line_mut(self.y)
    }

    /// Moves the scroll region up by one line; the line that leaves it goes to the scrollback when
    /// it was the first of the screen.
    pub(super) fn scroll(&mut self, fill: &Cell, wrapped: bool) {
        let base = self.base();
        // Where the line is that becomes the region's new last one.
        let mut from = base + self.top;
        if self.top == 0 {
            if self.limit > 0 {
                self.lines[base].pack();
            }
            from = 0;
            if base < self.limit {
                from = self.lines.len();
                self.lines.push_back(Row::default());
            }
        }
        // The region's last line is counted from the end, where nothing moves.
        let to = self.lines.len() - (self.rows - self.bottom);
        if from == 0 && to == self.lines.len() - 1 {
            self.lines.rotate_left(1);
        } else if let Some(row) = self.lines.remove(from) {
            self.lines.insert(to, row);
        }
        let row = &mut self.lines[to];
        row.reset(fill, self.cols);
        row.wrapped = wrapped;
    }

    /// Removes `count` lines at `y` and moves up what follows within the scroll region.
    pub(super) fn delete_lines(&mut self, y: usize, count: usize, fill: &Cell) {
        let (from, to) = (y, self.bottom);
        self.move_lines(from, to, count, fill);
    }

    /// Inserts `count` empty lines at `y` and moves down what follows within the scroll region.
    pub(super) fn insert_lines(&mut self, y: usize, count: usize, fill: &Cell) {
        let (from, to) = (self.bottom, y);
        self.move_lines(from, to, count, fill);
    }

    fn move_lines(&mut self, from: usize, to: usize, count: usize, fill: &Cell) {
        let base = self.base();
        for _ in 0..count.min(from.abs_diff(to) + 1) {
            let mut row = self.lines.remove(base + from).unwrap_or_default();
            row.reset(fill, self.cols);
            self.lines.insert(base + to, row);
        }
    }

    pub(super) fn clear_scrollback(&mut self) {
        self.lines.drain(..self.base());
    }

    /// Gives spare memory back.
    pub(super) fn shrink(&mut self) {
        self.lines.iter_mut().for_each(Row::shrink);
        self.lines.shrink_to_fit();
    }

    /// The line on screen that restoring the cursor goes to.
    pub(super) fn saved_y(&self) -> usize {
        self.saved
            .line
            .saturating_sub(self.base())
            .min(self.rows - 1)
    }

    fn fill(&mut self, fill: &Cell) {
        let cols = self.cols;
        self.lines.resize_with(self.rows, || {
            let mut row = Row::default();
            row.reset(fill, cols);
            row
        });
    }
}
