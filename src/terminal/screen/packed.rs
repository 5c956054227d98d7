//! The cells of a line that was written from left to right, as most lines are, kept as text.

use super::cell::{Cell, Colour, Extra, Flags, Style};
use super::number;
use super::width::width;

/// Columns of one style that end before `end`.
#[derive(Debug, Clone, Copy)]
struct Run {
    style: Style,
    end: u16,
}

/// Cells as text: each by its character and what has joined that, an empty one by `'\0'`. Plain
/// text takes a byte a column, where cells would take 24.
#[derive(Debug, Clone, Default)]
pub(super) struct Packed {
    text: String,
    /// The styles from the left to the right; columns behind the last run have the default one.
    runs: Vec<Run>,
    cols: usize,
}

impl Packed {
    pub(super) const fn cols(&self) -> usize {
        self.cols
    }

    /// Whether every column is a byte: any other character takes more bytes than columns.
    pub(super) const fn is_ascii(&self) -> bool {
        self.text.len() == self.cols
    }

    pub(super) fn clear(&mut self) {
        self.text.clear();
        self.runs.clear();
        self.cols = 0;
    }

    pub(super) fn shrink(&mut self) {
        self.text.shrink_to_fit();
        self.runs.shrink_to_fit();
    }

    /// Appends printable ASCII.
    pub(super) fn push_ascii(&mut self, text: &str, style: Style) {
        self.text.push_str(text);
        self.paint(style, text.len());
    }

    /// Appends a character that takes `width` columns, at least one.
    pub(super) fn push(&mut self, c: char, width: usize, style: Style) {
        self.text.push(c);
        self.paint(style, width);
    }

    /// Appends empty cells up to the column `cols`.
    pub(super) fn extend_to(&mut self, cols: usize, style: Style) {
        let count = cols.saturating_sub(self.cols);
        self.text.extend(std::iter::repeat_n('\0', count));
        self.paint(style, count);
    }

    /// Writes printable ASCII over plain ASCII, and returns whether that was possible.
    pub(super) fn overwrite(&mut self, col: usize, text: &str, style: Style) -> bool {
        let plain = self.is_ascii() && self.runs.is_empty() && style == Style::DEFAULT;
        let covered = text.len().min(self.cols.saturating_sub(col));
        let parts = text.split_at_checked(covered).filter(|_| plain);
        let Some((over, behind)) = parts else {
            return false;
        };
        self.text.replace_range(col..col + covered, over);
        self.push_ascii(behind, style);
        true
    }

    /// Removes the cells from `cols` on, and returns whether that was possible.
    pub(super) fn truncate(&mut self, cols: usize) -> bool {
        if cols >= self.cols {
            return true;
        }
        if !self.is_ascii() {
            return false;
        }
        self.text.truncate(cols);
        self.cols = cols;
        let end = number(cols);
        let kept = self.runs.partition_point(|run| run.end < end) + 1;
        self.runs.truncate(kept);
        if let Some(last) = self.runs.last_mut() {
            last.end = last.end.min(end);
        }
        self.runs
            .pop_if(|last| last.style == Style::DEFAULT || cols == 0);
        true
    }

    /// Number of cells up to the last one a program wrote to.
    pub(super) fn written(&self) -> usize {
        self.cols
            - self
                .text
                .bytes()
                .rev()
                .take_while(|&byte| byte == 0)
                .count()
    }

    /// Number of cells up to the last one that looks different from an empty one.
    pub(super) fn painted(&self) -> usize {
        let styled = self.runs.last().map_or(0, |run| usize::from(run.end));
        self.written().max(styled)
    }

    /// The cell at `col`.
    pub(super) fn get(&self, col: usize) -> Cell {
        if col >= self.cols {
            return Cell::NULL;
        }
        if self.is_ascii() {
            let style = self.runs.iter().find(|run| col < usize::from(run.end));
            return Cell {
                c: char::from(self.text.as_bytes()[col]),
                style: style.map_or(Style::DEFAULT, |run| run.style),
                extra: None,
            };
        }
        self.cells().swap_remove(col)
    }

    /// The first cell, without what has joined it.
    pub(super) fn first(&self) -> Cell {
        let Some(c) = self.text.chars().next() else {
            return Cell::NULL;
        };
        let mut style = self.runs.first().map_or(Style::DEFAULT, |run| run.style);
        style.flags.set(Flags::WIDE, width(c) == 2);
        Cell {
            c,
            style,
            extra: None,
        }
    }

    /// The text in pieces of one style, if no cell is empty.
    pub(super) fn pieces(&self) -> Option<impl Iterator<Item = (&str, Style)>> {
        let mut rest = self.text.as_str();
        let mut col = 0;
        let behind = Run {
            style: Style::DEFAULT,
            end: number(self.cols),
        };
        let runs = self.runs.iter().copied().chain(std::iter::once(behind));
        let (ascii, cols) = (self.is_ascii(), self.cols);
        (!self.text.contains('\0')).then(|| {
            runs.map(move |run| {
                let count = usize::from(run.end).saturating_sub(col);
                col += count;
                let bytes = match col == cols {
                    true => rest.len(),
                    false if ascii => count,
                    false => bytes_of(rest, count),
                };
                let (piece, behind) = rest.split_at_checked(bytes).unwrap_or((rest, ""));
                rest = behind;
                (piece, run.style)
            })
        })
    }

    /// The cells one by one.
    pub(super) fn cells(&self) -> Vec<Cell> {
        let mut cells: Vec<Cell> = Vec::with_capacity(self.cols);
        let mut runs = self.runs.iter().peekable();
        for c in self.text.chars() {
            let width = if c == '\0' { 1 } else { width(c) };
            if width == 0 {
                let base = cells.iter_mut().rfind(|cell| !cell.is_spacer());
                if let Some(base) = base {
                    base.push_combining(c);
                }
                continue;
            }
            while runs
                .next_if(|run| usize::from(run.end) <= cells.len())
                .is_some()
            {}
            let style = runs.peek().map_or(Style::DEFAULT, |run| run.style);
            cells.push(Cell {
                c,
                style,
                extra: None,
            });
            if width == 2 {
                widen(&mut cells);
            }
        }
        cells
    }

    /// Packs cells, if they can be told from the text and their styles alone.
    pub(super) fn pack(cells: &[Cell]) -> Option<Self> {
        let mut packed = Self {
            text: String::with_capacity(cells.len()),
            ..Self::default()
        };
        let mut rest = cells.iter();
        while let Some(cell) = rest.next() {
            let columns = match cell.c {
                '\0' => 1,
                c => width(c),
            };
            let halves = columns == 2;
            if columns == 0 || cell.is_wide() != halves || cell.is_spacer() {
                return None;
            }
            if halves && !rest.next().is_some_and(|half| is_half_of(half, cell)) {
                return None;
            }
            packed.push(cell.c, columns, cell.style.visible());
            match cell.extra.as_deref() {
                None => {}
                Some(_) if cell.c == '\0' => return None,
                Some(Extra {
                    combining,
                    underline_colour: Colour::Default,
                    link: None,
                }) => packed.text.push_str(combining),
                Some(_) => return None,
            }
        }
        packed.shrink();
        Some(packed)
    }

    /// Says how the next `count` columns look.
    fn paint(&mut self, style: Style, count: usize) {
        let start = number(self.cols);
        self.cols += count;
        if style == Style::DEFAULT || count == 0 {
            return;
        }
        let end = number(self.cols);
        let painted = match self.runs.last_mut() {
            Some(last) if last.end == start && last.style == style => {
                last.end = end;
                return;
            }
            last => last.map_or(0, |last| last.end),
        };
        if painted < start {
            self.runs.push(Run {
                style: Style::DEFAULT,
                end: start,
            });
        }
        self.runs.push(Run { style, end });
    }
}

/// Makes the last cell the left half of a wide character, and adds the right half.
fn widen(cells: &mut Vec<Cell>) {
    if let Some(left) = cells.last_mut() {
        let half = right_half(left);
        left.style.flags.set(Flags::WIDE, true);
        cells.push(half);
    }
}

/// The right half of a wide character; what has joined that is kept on the left.
fn right_half(left: &Cell) -> Cell {
    let style = left.style.visible();
    Cell::blank(Style {
        flags: style.flags.with(Flags::SPACER),
        ..style
    })
}

fn is_half_of(half: &Cell, left: &Cell) -> bool {
    *half == right_half(left)
}

/// How many bytes of `text` the first `cols` columns take.
fn bytes_of(text: &str, cols: usize) -> usize {
    let mut col = 0;
    text.char_indices()
        .find(|(_, c)| {
            let width = width(*c);
            col += width;
            width > 0 && col > cols
        })
        .map_or(text.len(), |(at, _)| at)
}
