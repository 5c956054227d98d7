//! What a new size does to a screen.
//!
//! The browser resizes its own copy of the terminal, so this follows xterm.js where terminals
//! differ: lines come back from the scrollback only when the cursor is on the last line, and the
//! line the cursor is on is left to the program, which will draw it again.

use super::buffer::Buffer;
use super::cell::Cell;
use super::row::Row;

/// A resize under way. The number of lines above the screen is a field here, for it is not what
/// follows from the number of lines until the end.
struct Resize<'a> {
    buffer: &'a mut Buffer,
    base: usize,
    cols: usize,
    rows: usize,
}

impl Buffer {
    /// Changes the size; with `reflow`, wrapped lines are wrapped anew.
    pub(super) fn resize(&mut self, cols: usize, rows: usize, reflow: bool) {
        let base = self.base();
        let mut resize = Resize {
            buffer: self,
            base,
            cols,
            rows,
        };
        resize.change_rows();
        if reflow && cols > resize.buffer.cols {
            resize.join_lines();
        } else if reflow && cols < resize.buffer.cols {
            resize.split_lines();
        }
        if reflow {
            resize.cut_lines();
        }
        resize.finish();
    }
}

impl Resize<'_> {
    fn change_rows(&mut self) {
        let buffer = &mut *self.buffer;
        let mut pulled = 0;
        for _ in buffer.rows..self.rows {
            if self.base > 0 && buffer.lines.len() <= self.base + buffer.y + pulled + 1 {
                self.base -= 1;
                pulled += 1;
            } else {
                buffer.lines.push_back(Row::default());
            }
        }
        for _ in self.rows..buffer.rows {
            if buffer.lines.len() > self.base + buffer.y + 1 {
                buffer.lines.pop_back();
            } else {
                self.base += 1;
            }
        }
        let excess = buffer.lines.len().saturating_sub(buffer.limit + self.rows);
        buffer.lines.drain(..excess);
        self.base = self.base.saturating_sub(excess);
        buffer.saved.line = buffer.saved.line.saturating_sub(excess);
        buffer.x = buffer.x.min(self.cols - 1);
        buffer.y = buffer.y.min(self.rows - 1) + pulled;
        buffer.saved.x = buffer.saved.x.min(self.cols - 1);
    }

    /// Wraps lines anew for a wider screen.
    fn join_lines(&mut self) {
        let old = std::mem::take(&mut self.buffer.lines);
        let count = old.len();
        let cursor = self.base + self.buffer.y;
        let mut first = 0;
        let mut block: Vec<Row> = Vec::new();
        for (index, row) in old.into_iter().enumerate() {
            if !row.wrapped && !block.is_empty() {
                self.push_joined(std::mem::take(&mut block), first, cursor);
            }
            if block.is_empty() {
                first = index;
            }
            block.push(row);
        }
        self.push_joined(block, first, cursor);
        self.close_gap(count - self.buffer.lines.len());
    }

    fn push_joined(&mut self, mut block: Vec<Row>, first: usize, cursor: usize) {
        if block.len() > 1 && !(first..first + block.len()).contains(&cursor) {
            let wrapped = block[0].wrapped;
            block = wrap(&joined(&block, self.buffer.cols), self.cols);
            while block.len() > 1 && block.last().is_some_and(|row| row.written() == 0) {
                block.pop();
            }
            if let Some(row) = block.first_mut() {
                row.wrapped = wrapped;
            }
        }
        self.buffer.lines.extend(block);
    }

    /// Moves the screen up over lines that are gone.
    fn close_gap(&mut self, removed: usize) {
        let buffer = &mut *self.buffer;
        for _ in 0..removed {
            if self.base > 0 {
                self.base -= 1;
                continue;
            }
            buffer.y = buffer.y.saturating_sub(1);
            if buffer.lines.len() < self.rows {
                buffer.lines.push_back(Row::default());
            }
        }
        buffer.saved.line = buffer.saved.line.saturating_sub(removed);
    }

    /// Wraps lines anew for a narrower screen, from the last line to the first.
    fn split_lines(&mut self) {
        let mut inserts: Vec<(usize, Vec<Row>)> = Vec::new();
        let mut inserted = 0;
        let mut end = self.buffer.lines.len();
        while end > 0 {
            let mut first = end - 1;
            while first > 0 && self.buffer.lines[first].wrapped {
                first -= 1;
            }
            let added = self.split_block(first, end);
            if !added.is_empty() {
                inserted += added.len();
                self.open_gap(added.len(), inserted);
                inserts.push((end, added));
            }
            end = first.min(self.buffer.lines.len());
        }
        self.insert_rows(inserts);
    }

    /// Wraps the lines from `first` up to `end` in place and returns those that found no place.
    fn split_block(&mut self, first: usize, end: usize) -> Vec<Row> {
        let lines = &mut self.buffer.lines;
        let fits = end - first == 1 && lines[first].written() <= self.cols;
        if fits || (first..end).contains(&(self.base + self.buffer.y)) {
            return Vec::new();
        }
        let block: Vec<Row> = lines.range(first..end).cloned().collect();
        let mut rows = wrap(&joined(&block, self.buffer.cols), self.cols);
        let added = rows.split_off(rows.len().min(end - first));
        rows[0].wrapped = lines[first].wrapped;
        for (line, row) in lines.range_mut(first..end).zip(rows) {
            *line = row;
        }
        added
    }

    /// Moves the screen down over `added` new lines; `inserted` counts those of all blocks.
    fn open_gap(&mut self, added: usize, inserted: usize) {
        let buffer = &mut *self.buffer;
        let most = buffer.limit + self.rows;
        let filled = if self.base == 0 && buffer.y + 1 != buffer.lines.len() {
            buffer.y
        } else {
            buffer.lines.len()
        };
        let trimmed = (filled + added).saturating_sub(most);
        for _ in trimmed..added {
            if self.base > 0 {
                let last = most
                    .min(buffer.lines.len() + inserted)
                    .saturating_sub(self.rows);
                self.base += usize::from(self.base < last);
            } else if buffer.y + 1 < self.rows {
                buffer.y += 1;
                buffer.lines.pop_back();
            } else {
                self.base += 1;
            }
        }
        buffer.saved.line = (buffer.saved.line + added).min(self.base + self.rows - 1);
    }

    /// Puts the new lines where they belong; `inserts` goes from the last to the first.
    fn insert_rows(&mut self, mut inserts: Vec<(usize, Vec<Row>)>) {
        if inserts.is_empty() {
            return;
        }
        let old = std::mem::take(&mut self.buffer.lines);
        let lines = &mut self.buffer.lines;
        for (index, row) in old.into_iter().enumerate() {
            while inserts.last().is_some_and(|(before, _)| *before <= index) {
                lines.extend(inserts.pop().unwrap_or_default().1);
            }
            lines.push_back(row);
        }
        lines.extend(inserts.into_iter().rev().flat_map(|(_, rows)| rows));
    }

    /// Cuts off what is beyond the right edge. xterm.js keeps it on the alternate screen, where it
    /// is seen again when the terminal grows before the program draws anew.
    fn cut_lines(&mut self) {
        if self.cols < self.buffer.cols {
            self.buffer
                .lines
                .iter_mut()
                .for_each(|row| row.truncate(self.cols));
        }
    }

    fn finish(self) {
        let buffer = self.buffer;
        let excess = buffer.lines.len().saturating_sub(buffer.limit + self.rows);
        buffer.lines.drain(..excess);
        let scrollback = buffer.lines.len().saturating_sub(self.rows);
        buffer.lines.range_mut(..scrollback).for_each(Row::pack);
        let missing = self.rows.saturating_sub(buffer.lines.len());
        buffer
            .lines
            .extend(std::iter::repeat_with(Row::default).take(missing));
        buffer.cols = self.cols;
        buffer.rows = self.rows;
        buffer.y = buffer.y.min(self.rows - 1);
        buffer.top = 0;
        buffer.bottom = self.rows - 1;
        buffer.tabs.resize(self.cols);
    }
}

/// The cells of a line that was wrapped over `block`.
fn joined(block: &[Row], cols: usize) -> Vec<Cell> {
    let mut cells = Vec::new();
    for (index, row) in block.iter().enumerate() {
        let len = block.get(index + 1).map_or_else(
            || row.written(),
            |next| {
                // A wide character that did not fit left an empty cell behind.
                let gap = next.first().is_wide() && !row.get(cols - 1).has_content();
                cols - usize::from(gap)
            },
        );
        let stored = row.cells();
        cells.extend(stored.iter().take(len).cloned());
        cells.extend(std::iter::repeat_n(
            Cell::NULL,
            len.saturating_sub(stored.len()),
        ));
    }
    cells
}

/// Cuts `cells` into lines of `cols` cells, at least one, never through a wide character.
fn wrap(cells: &[Cell], cols: usize) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut rest = cells;
    while rest.len() > cols {
        let len = if rest[cols - 1].is_wide() {
            cols - 1
        } else {
            cols
        };
        let (line, next) = rest.split_at(len);
        rows.push(Row::continued(line.to_vec()));
        rest = next;
    }
    rows.push(Row::continued(rest.to_vec()));
    rows
}
