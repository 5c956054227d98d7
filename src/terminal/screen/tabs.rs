//! Tab stops.

/// Columns between the tab stops a terminal starts with.
const INTERVAL: usize = 8;

/// The tab stops of one screen. Like xterm.js it remembers stops beyond the right edge, which come
/// back when the terminal grows.
#[derive(Debug, Clone)]
pub(super) struct Tabs {
    stops: Vec<bool>,
}

impl Tabs {
    pub(super) fn new(cols: usize) -> Self {
        let mut tabs = Self { stops: Vec::new() };
        tabs.extend_from(0, cols);
        tabs
    }

    pub(super) fn is_stop(&self, col: usize) -> bool {
        self.stops.get(col).copied().unwrap_or(false)
    }

    pub(super) fn set(&mut self, col: usize) {
        if col >= self.stops.len() {
            self.stops.resize(col + 1, false);
        }
        self.stops[col] = true;
    }

    pub(super) fn clear(&mut self, col: usize) {
        if let Some(stop) = self.stops.get_mut(col) {
            *stop = false;
        }
    }

    pub(super) fn clear_all(&mut self) {
        self.stops.clear();
    }

    /// The stop after `col`, or the last column.
    pub(super) fn next(&self, col: usize, cols: usize) -> usize {
        (col + 1..cols)
            .find(|&stop| self.is_stop(stop))
            .unwrap_or(cols - 1)
    }

    /// The stop before `col`, or the first column.
    pub(super) fn previous(&self, col: usize) -> usize {
        (0..col).rev().find(|&stop| self.is_stop(stop)).unwrap_or(0)
    }

    /// Adds the stops that a new width asks for.
    pub(super) fn resize(&mut self, cols: usize) {
        let first = if self.is_stop(cols) {
            cols
        } else {
            self.previous(cols).min(cols - 1)
        };
        self.extend_from(first, cols);
    }

    /// Whether the stops within `cols` are the ones a fresh terminal has.
    pub(super) fn is_default(&self, cols: usize) -> bool {
        (0..cols).all(|col| self.is_stop(col) == (col % INTERVAL == 0))
    }

    fn extend_from(&mut self, first: usize, cols: usize) {
        for col in (first..cols).step_by(INTERVAL) {
            self.set(col);
        }
    }
}
