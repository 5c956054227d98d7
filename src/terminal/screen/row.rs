//! One line of a screen or of its scrollback.

use super::cell::Cell;

/// A line of cells. Cells to the right of the last stored one are empty, so a short line of
/// output costs little memory however wide the terminal is. A line may also be longer than the
/// terminal is wide, after it was narrowed.
#[derive(Debug, Clone, Default)]
pub(super) struct Row {
    cells: Vec<Cell>,
    /// Whether the line goes on where the one above ended, for want of room.
    pub(super) wrapped: bool,
}

impl Row {
    /// Makes the row empty again, keeping its memory.
    pub(super) fn reset(&mut self, fill: &Cell, cols: usize) {
        self.cells.clear();
        self.wrapped = false;
        if *fill != Cell::NULL {
            self.cells.resize(cols, fill.clone());
        }
    }

    /// A row of the cells given, one that continues the row above.
    pub(super) const fn continued(cells: Vec<Cell>) -> Self {
        Self {
            cells,
            wrapped: true,
        }
    }

    pub(super) fn get(&self, col: usize) -> &Cell {
        self.cells.get(col).unwrap_or(&Cell::NULL)
    }

    pub(super) fn get_mut(&mut self, col: usize) -> &mut Cell {
        if col >= self.cells.len() {
            self.cells.resize(col + 1, Cell::NULL);
        }
        &mut self.cells[col]
    }

    pub(super) fn set(&mut self, col: usize, cell: Cell) {
        if col == self.cells.len() {
            self.cells.push(cell);
        } else {
            *self.get_mut(col) = cell;
        }
    }

    /// Number of cells up to the last one a program wrote to.
    pub(super) fn written(&self) -> usize {
        self.cells
            .iter()
            .rposition(Cell::has_content)
            .map_or(0, |col| col + 1)
    }

    /// Number of cells up to the last one that looks different from an empty one.
    pub(super) fn painted(&self) -> usize {
        self.cells
            .iter()
            .rposition(|cell| *cell != Cell::NULL)
            .map_or(0, |col| col + 1)
    }

    /// Writes `fill` to the columns from `start` up to `end`; halves of wide characters that are
    /// cut in two become `fill` as well.
    pub(super) fn erase(&mut self, start: usize, end: usize, fill: &Cell) {
        if start >= end {
            return;
        }
        if self.get(start).is_spacer() && start > 0 {
            self.set(start - 1, fill.clone());
        }
        if self.get(end).is_spacer() {
            self.set(end, fill.clone());
        }
        if *fill == Cell::NULL && end >= self.cells.len() {
            self.cells.truncate(start);
            return;
        }
        for col in start..end {
            self.set(col, fill.clone());
        }
    }

    /// Moves the cells from `col` on to the right by `count`; what leaves the row is lost.
    pub(super) fn insert(&mut self, col: usize, count: usize, cols: usize, fill: &Cell) {
        if self.get(col).is_spacer() && col > 0 {
            self.set(col - 1, fill.clone());
        }
        let count = count.min(cols.saturating_sub(col));
        let longest = self.cells.len().max(cols);
        if col < self.cells.len() || *fill != Cell::NULL {
            self.fill_up_to(col);
            self.cells
                .splice(col..col, std::iter::repeat_n(fill.clone(), count));
            self.cells.truncate(longest);
        }
        if self.get(cols - 1).is_wide() {
            self.set(cols - 1, fill.clone());
        }
    }

    /// Removes `count` cells at `col`; `fill` comes in at the right edge.
    pub(super) fn delete(&mut self, col: usize, count: usize, cols: usize, fill: &Cell) {
        let count = count.min(cols.saturating_sub(col));
        if *fill != Cell::NULL {
            self.fill_up_to(cols);
        }
        let end = (col + count).min(self.cells.len());
        if col < end {
            self.cells.drain(col..end);
        }
        if *fill != Cell::NULL && self.cells.len() < cols {
            self.cells.resize(cols, fill.clone());
        }
        if col > 0 && self.get(col - 1).is_wide() {
            self.set(col - 1, fill.clone());
        }
        if self.get(col).is_spacer() {
            self.set(col, fill.clone());
        }
    }

    /// Cuts the row off after `cols` cells.
    pub(super) fn truncate(&mut self, cols: usize) {
        self.cells.truncate(cols);
        if self.cells.len() == cols && self.get(cols - 1).is_wide() {
            self.set(cols - 1, Cell::NULL);
        }
    }

    /// Appends the text of the first `cols` cells to `out`, without the empty ones at the end.
    pub(super) fn push_text(&self, cols: usize, out: &mut String) {
        let cells = &self.cells[..self.written().min(cols)];
        for (col, cell) in cells.iter().enumerate() {
            if cell.is_spacer() && col > 0 && cells[col - 1].is_wide() {
                continue;
            }
            // Half a character at the right edge is not one.
            let shown = cell.c != '\0' && !(cell.is_wide() && col + 1 == cols);
            out.push(if shown { cell.c } else { ' ' });
            out.push_str(cell.combining());
        }
    }

    fn fill_up_to(&mut self, cols: usize) {
        if self.cells.len() < cols {
            self.cells.resize(cols, Cell::NULL);
        }
    }
}
