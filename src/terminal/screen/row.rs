//! One line of a screen or of its scrollback.

use std::borrow::Cow;

use super::cell::{Cell, Flags, Pen, Style};
use super::packed::Packed;

/// A line of cells. Cells to the right of the last stored one are empty, so a short line of
/// output costs little memory however wide the terminal is. A line may also be longer than the
/// terminal is wide, after it was narrowed.
#[derive(Debug, Clone, Default)]
pub(super) struct Row {
    content: Content,
    /// Whether the line goes on where the one above ended, for want of room.
    pub(super) wrapped: bool,
}

/// A line stays packed until something is changed in its midst.
#[derive(Debug, Clone)]
enum Content {
    Packed(Packed),
    Cells(Vec<Cell>),
}

impl Default for Content {
    fn default() -> Self {
        Self::Packed(Packed::default())
    }
}

impl Row {
    /// Makes the row empty again, keeping its memory.
    pub(super) fn reset(&mut self, fill: &Cell, cols: usize) {
        self.wrapped = false;
        match &mut self.content {
            Content::Packed(packed) => packed.clear(),
            Content::Cells(_) => self.content = Content::default(),
        }
        if *fill != Cell::NULL {
            self.cells_mut().resize(cols, fill.clone());
        }
    }

    /// A row of the cells given, one that continues the row above.
    pub(super) fn continued(cells: Vec<Cell>) -> Self {
        let mut row = Self {
            content: Content::Cells(cells),
            wrapped: true,
        };
        row.pack();
        row
    }

    /// Packs the cells, if they allow it.
    pub(super) fn pack(&mut self) {
        if let Content::Cells(cells) = &self.content
            && let Some(packed) = Packed::pack(cells)
        {
            self.content = Content::Packed(packed);
        }
    }

    /// Gives spare memory back.
    pub(super) fn shrink(&mut self) {
        match &mut self.content {
            Content::Packed(packed) => packed.shrink(),
            Content::Cells(cells) => cells.shrink_to_fit(),
        }
    }

    /// The cells that are stored.
    pub(super) fn cells(&self) -> Cow<'_, [Cell]> {
        match &self.content {
            Content::Packed(packed) => packed.cells().into(),
            Content::Cells(cells) => cells.into(),
        }
    }

    /// The row with cells that are quick to look at one by one.
    pub(super) fn unpacked(&self) -> Cow<'_, Self> {
        match &self.content {
            Content::Packed(packed) => Cow::Owned(Self {
                content: Content::Cells(packed.cells()),
                wrapped: self.wrapped,
            }),
            Content::Cells(_) => Cow::Borrowed(self),
        }
    }

    /// The cells, no longer packed.
    fn cells_mut(&mut self) -> &mut Vec<Cell> {
        if let Content::Packed(packed) = &self.content {
            self.content = Content::Cells(packed.cells());
        }
        match &mut self.content {
            Content::Cells(cells) => cells,
            Content::Packed(_) => unreachable!("it was unpacked"),
        }
    }

    /// The text of exactly the first `cols` columns in pieces of one style, if the row is packed
    /// and none of them is empty.
    pub(super) fn pieces(&self, cols: usize) -> Option<impl Iterator<Item = (&str, Style)>> {
        match &self.content {
            Content::Packed(packed) if packed.cols() == cols => packed.pieces(),
            _ => None,
        }
    }

    pub(super) fn get(&self, col: usize) -> Cow<'_, Cell> {
        match &self.content {
            Content::Packed(packed) => Cow::Owned(packed.get(col)),
            Content::Cells(cells) => Cow::Borrowed(cells.get(col).unwrap_or(&Cell::NULL)),
        }
    }

    pub(super) fn first(&self) -> Cow<'_, Cell> {
        match &self.content {
            Content::Packed(packed) => Cow::Owned(packed.first()),
            Content::Cells(_) => self.get(0),
        }
    }

    pub(super) fn is_wide(&self, col: usize) -> bool {
        self.has(col, Flags::WIDE)
    }

    pub(super) fn is_spacer(&self, col: usize) -> bool {
        self.has(col, Flags::SPACER)
    }

    /// Asks for half of a wide character. What is cheap here is what every character asks for.
    fn has(&self, col: usize, half: Flags) -> bool {
        match &self.content {
            Content::Cells(cells) => cells
                .get(col)
                .is_some_and(|cell| cell.style.flags.has(half)),
            // The last column is never the left half.
            Content::Packed(packed) if packed.is_ascii() || col >= packed.cols() => false,
            Content::Packed(packed) if col + 1 == packed.cols() && half == Flags::WIDE => false,
            Content::Packed(packed) => packed.get(col).style.flags.has(half),
        }
    }

    pub(super) fn get_mut(&mut self, col: usize) -> &mut Cell {
        let cells = self.cells_mut();
        if col >= cells.len() {
            cells.resize(col + 1, Cell::NULL);
        }
        &mut cells[col]
    }

    pub(super) fn set(&mut self, col: usize, cell: Cell) {
        let cells = self.cells_mut();
        if col == cells.len() {
            cells.push(cell);
        } else {
            *self.get_mut(col) = cell;
        }
    }

    /// Writes a character of `width` columns at `x` and returns the column after it.
    pub(super) fn write(&mut self, x: usize, c: char, width: usize, pen: &Pen) -> usize {
        if let Content::Packed(packed) = &mut self.content
            && width > 0
            && x >= packed.cols()
            && pen.is_plain()
        {
            packed.extend_to(x, Style::DEFAULT);
            packed.push(c, width, pen.style);
            return x + width;
        }
        let mut cell = pen.cell(c);
        if width < 2 {
            self.set(x, cell);
            return x + 1;
        }
        let mut half = pen.cell('\0');
        half.style.flags.set(Flags::SPACER, true);
        cell.style.flags.set(Flags::WIDE, true);
        self.set(x, cell);
        self.set(x + 1, half);
        x + 2
    }

    /// Writes printable ASCII at `x`, which has room before `cols`; halves of wide characters that
    /// are cut in two become empty.
    pub(super) fn write_ascii(&mut self, x: usize, text: &str, pen: &Pen, cols: usize) {
        if let Content::Packed(packed) = &mut self.content
            && pen.is_plain()
        {
            if x >= packed.cols() {
                packed.extend_to(x, Style::DEFAULT);
                packed.push_ascii(text, pen.style);
                return;
            }
            if packed.overwrite(x, text, pen.style) {
                return;
            }
        }
        let null = Cell::blank(pen.style);
        let end = x + text.len();
        let cells = self.cells_mut();
        if cells.len() < end {
            cells.resize(end, Cell::NULL);
        }
        if let Some(before) = cells[..x].last_mut().filter(|before| before.is_wide()) {
            *before = null.clone();
        }
        for (cell, byte) in cells[x..end].iter_mut().zip(text.bytes()) {
            *cell = pen.cell(char::from(byte));
        }
        if end < cols
            && let Some(after) = cells.get_mut(end).filter(|after| after.is_spacer())
        {
            *after = null;
        }
    }

    /// Empties the columns from `start` up to `end`, leaving them in a style.
    pub(super) fn blank(&mut self, start: usize, end: usize, style: Style) {
        match &mut self.content {
            Content::Packed(packed) if start >= packed.cols() && start < end => {
                packed.extend_to(start, Style::DEFAULT);
                packed.extend_to(end, style);
            }
            _ => (start..end).for_each(|col| self.set(col, Cell::blank(style))),
        }
    }

    /// Number of cells up to the last one a program wrote to.
    pub(super) fn written(&self) -> usize {
        match &self.content {
            Content::Packed(packed) => packed.written(),
            Content::Cells(cells) => end_of(cells, Cell::has_content),
        }
    }

    /// Number of cells up to the last one that looks different from an empty one.
    pub(super) fn painted(&self) -> usize {
        match &self.content {
            Content::Packed(packed) => packed.painted(),
            Content::Cells(cells) => end_of(cells, |cell| *cell != Cell::NULL),
        }
    }

    /// Writes `fill` to the columns from `start` up to `end`; halves of wide characters that are
    /// cut in two become `fill` as well.
    pub(super) fn erase(&mut self, start: usize, end: usize, fill: &Cell) {
        if start >= end {
            return;
        }
        if self.is_spacer(start) && start > 0 {
            self.set(start - 1, fill.clone());
        }
        if self.is_spacer(end) {
            self.set(end, fill.clone());
        }
        if *fill == Cell::NULL {
            if let Content::Packed(packed) = &mut self.content
                && end >= packed.cols()
                && packed.truncate(start)
            {
                return;
            }
            let cells = self.cells_mut();
            if end >= cells.len() {
                cells.truncate(start);
                return;
            }
        }
        for col in start..end {
            self.set(col, fill.clone());
        }
    }

    /// Moves the cells from `col` on to the right by `count`; what leaves the row is lost.
    pub(super) fn insert(&mut self, col: usize, count: usize, cols: usize, fill: &Cell) {
        if self.is_spacer(col) && col > 0 {
            self.set(col - 1, fill.clone());
        }
        let count = count.min(cols.saturating_sub(col));
        let cells = self.cells_mut();
        let longest = cells.len().max(cols);
        if col < cells.len() || *fill != Cell::NULL {
            cells.resize(cells.len().max(col), Cell::NULL);
            cells.splice(col..col, std::iter::repeat_n(fill.clone(), count));
            cells.truncate(longest);
        }
        if self.is_wide(cols - 1) {
            self.set(cols - 1, fill.clone());
        }
    }

    /// Removes `count` cells at `col`; `fill` comes in at the right edge.
    pub(super) fn delete(&mut self, col: usize, count: usize, cols: usize, fill: &Cell) {
        let count = count.min(cols.saturating_sub(col));
        let cells = self.cells_mut();
        if *fill != Cell::NULL {
            cells.resize(cells.len().max(cols), Cell::NULL);
        }
        let end = (col + count).min(cells.len());
        if col < end {
            cells.drain(col..end);
        }
        if *fill != Cell::NULL && cells.len() < cols {
            cells.resize(cols, fill.clone());
        }
        if col > 0 && self.is_wide(col - 1) {
            self.set(col - 1, fill.clone());
        }
        if self.is_spacer(col) {
            self.set(col, fill.clone());
        }
    }

    /// Cuts the row off after `cols` cells.
    pub(super) fn truncate(&mut self, cols: usize) {
        if let Content::Packed(packed) = &mut self.content
            && packed.truncate(cols)
        {
            return;
        }
        self.cells_mut().truncate(cols);
        if self.is_wide(cols - 1) {
            self.set(cols - 1, Cell::NULL);
        }
        self.pack();
    }

    /// Appends the text of the first `cols` cells to `out`, without the empty ones at the end.
    pub(super) fn push_text(&self, cols: usize, out: &mut String) {
        let cells = self.cells();
        let cells = &cells[..self.written().min(cols)];
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
}

/// Number of cells up to the last one that is `wanted`.
fn end_of(cells: &[Cell], wanted: impl Fn(&Cell) -> bool) -> usize {
    cells.iter().rposition(wanted).map_or(0, |col| col + 1)
}
