//! The modes of a terminal that outlive the sequence that set them.

use super::sgr::push;

/// Modes that are on or off, as bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mode(u32);

impl Mode {
    pub(super) const ORIGIN: Self = Self(1);
    pub(super) const WRAP: Self = Self(1 << 1);
    pub(super) const REVERSE_WRAP: Self = Self(1 << 2);
    pub(super) const INSERT: Self = Self(1 << 3);
    pub(super) const NEW_LINE: Self = Self(1 << 4);
    pub(super) const APP_CURSOR: Self = Self(1 << 5);
    pub(super) const APP_KEYPAD: Self = Self(1 << 6);
    pub(super) const BRACKETED_PASTE: Self = Self(1 << 7);
    pub(super) const FOCUS: Self = Self(1 << 8);
    pub(super) const SHOW_CURSOR: Self = Self(1 << 9);
    pub(super) const REVERSE_VIDEO: Self = Self(1 << 10);
    pub(super) const BLINK_CURSOR: Self = Self(1 << 11);
    pub(super) const ALTERNATE_SCROLL: Self = Self(1 << 12);

    const NONE: Self = Self(0);
    const DEFAULT: Self = Self(Self::WRAP.0 | Self::SHOW_CURSOR.0);
    /// What a soft reset and xterm.js's own reset leave alone, because they are options there.
    const OPTIONS: Self = Self(Self::NEW_LINE.0 | Self::BLINK_CURSOR.0);
}

/// The DEC private modes that are on or off, by number.
const PRIVATE: [(u16, Mode); 10] = [
    (1, Mode::APP_CURSOR),
    (5, Mode::REVERSE_VIDEO),
    (7, Mode::WRAP),
    (12, Mode::BLINK_CURSOR),
    (25, Mode::SHOW_CURSOR),
    (45, Mode::REVERSE_WRAP),
    (66, Mode::APP_KEYPAD),
    (1004, Mode::FOCUS),
    (1007, Mode::ALTERNATE_SCROLL),
    (2004, Mode::BRACKETED_PASTE),
];

/// All modes of a terminal.
#[derive(Debug, Clone)]
pub(super) struct Modes {
    on: Mode,
    /// The mouse protocol in use, a DEC private mode, 0 for none.
    mouse: u16,
    /// The encoding of mouse reports, a DEC private mode, 0 for the original one.
    mouse_encoding: u16,
    /// The parameter of DECSCUSR.
    pub(super) cursor_style: u16,
}

impl Default for Modes {
    fn default() -> Self {
        Self {
            on: Mode::DEFAULT,
            mouse: 0,
            mouse_encoding: 0,
            cursor_style: 0,
        }
    }
}

impl Modes {
    pub(super) const fn has(&self, mode: Mode) -> bool {
        self.on.0 & mode.0 != 0
    }

    pub(super) fn set(&mut self, mode: Mode, on: bool) {
        let base = self.on.0 & !mode.0;
        self.on = Mode(if on { base | mode.0 } else { base });
    }

    /// Sets or resets the DEC private mode `number`, when it has no effect but being remembered.
    pub(super) fn set_private(&mut self, number: u16, on: bool) {
        match number {
            9 | 1000 | 1002 | 1003 => self.mouse = if on { number } else { 0 },
            1006 | 1016 => self.mouse_encoding = if on { number } else { 0 },
            _ => {
                let known = PRIVATE.iter().find(|(private, _)| *private == number);
                self.set(known.map_or(Mode::NONE, |(_, mode)| *mode), on);
            }
        }
    }

    /// DECSTR: the modes a program can break the screen with go back; the mouse stays.
    pub(super) fn soft_reset(&mut self) {
        self.on = Mode(Mode::DEFAULT.0 | (self.on.0 & Mode::OPTIONS.0));
        self.cursor_style = 0;
    }

    /// RIS.
    pub(super) fn hard_reset(&mut self) {
        self.soft_reset();
        self.mouse = 0;
        self.mouse_encoding = 0;
    }

    /// Writes the sequences that take a fresh terminal to these modes, but for origin mode, which
    /// moves the cursor.
    pub(super) fn write(&self, out: &mut String) {
        for (number, mode) in PRIVATE {
            let default = Mode::DEFAULT.0 & mode.0 != 0;
            if self.has(mode) != default {
                push(
                    out,
                    format_args!("\x1b[?{number}{}", if default { 'l' } else { 'h' }),
                );
            }
        }
        for (number, mode) in [(4, Mode::INSERT), (20, Mode::NEW_LINE)] {
            if self.has(mode) {
                push(out, format_args!("\x1b[{number}h"));
            }
        }
        for number in [self.mouse, self.mouse_encoding] {
            if number != 0 {
                push(out, format_args!("\x1b[?{number}h"));
            }
        }
        if self.cursor_style != 0 {
            push(out, format_args!("\x1b[{} q", self.cursor_style));
        }
    }
}
