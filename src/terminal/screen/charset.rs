//! The character sets G0 to G3.

use super::sgr::push;

/// What a terminal starts with: US ASCII, which changes nothing.
const ASCII: u8 = b'B';

/// VT100 line drawing, for the characters from `` ` `` to `~`.
const LINE_DRAWING: [char; 31] = [
    '◆', '▒', '␉', '␌', '␍', '␊', '°', '±', '␤', '␋', '┘', '┐', '┌', '└', '┼', '⎺', '⎻', '─', '⎼',
    '⎽', '├', '┤', '┴', '┬', '│', '≤', '≥', 'π', '≠', '£', '·',
];

/// The designated character sets and the one in use, each by its final byte in `ESC (`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Charsets {
    designated: [u8; 4],
    level: usize,
    /// The set in use, which restoring a cursor changes without touching the designations.
    pub(super) active: u8,
}

impl Default for Charsets {
    fn default() -> Self {
        Self {
            designated: [ASCII; 4],
            level: 0,
            active: ASCII,
        }
    }
}

impl Charsets {
    /// Designates `set` as G`level`.
    pub(super) fn designate(&mut self, level: usize, set: u8) {
        self.designated[level] = set;
        if level == self.level {
            self.active = set;
        }
    }

    /// Makes G`level` the set in use.
    pub(super) fn invoke(&mut self, level: usize) {
        self.level = level;
        self.active = self.designated[level];
    }

    /// ISO 2022's way back to where a terminal starts.
    pub(super) fn select_default(&mut self) {
        self.invoke(0);
        self.designate(0, ASCII);
    }

    /// The character that a program means by `c`.
    pub(super) fn map(self, c: char) -> char {
        match (self.active, c) {
            (b'0', '`'..='~') => LINE_DRAWING[c as usize - '`' as usize],
            (b'A', '#') => '£',
            _ => c,
        }
    }

    /// Whether all ASCII characters stay what they are.
    pub(super) const fn keep_ascii(&self) -> bool {
        !matches!(self.active, b'0' | b'A')
    }

    /// Whether `c` stays what it is.
    pub(super) fn keeps(self, c: char) -> bool {
        self.map(c) == c
    }

    /// Whether the set in use is the one that was designated for it.
    pub(super) fn is_invoked(&self) -> bool {
        self.active == self.designated[self.level]
    }

    /// Writes the sequences that take a fresh terminal to these sets.
    pub(super) fn write(&self, out: &mut String) {
        for (set, slot) in self.designated.iter().zip(['(', ')', '*', '+']) {
            if *set != ASCII {
                push(out, format_args!("\x1b{slot}{}", char::from(*set)));
            }
        }
        out.push_str(["", "\x0e", "\x1bn", "\x1bo"][self.level]);
    }
}
