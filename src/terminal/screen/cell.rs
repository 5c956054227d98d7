//! One cell of the screen, and the pen that writes cells.

use std::sync::Arc;

/// A colour as a program chose it; which colour it is on screen is the browser's theme.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Colour {
    /// The theme's own foreground or background.
    #[default]
    Default,
    /// One of the 16 colours of SGR 30–37, 40–47, 90–97 and 100–107.
    Ansi(u8),
    /// One of the 256 colours of SGR 38;5 and 48;5.
    Palette(u8),
    /// Red, green and blue of SGR 38;2 and 48;2.
    Rgb(u8, u8, u8),
}

/// The attributes that are on or off, as bits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Flags(u16);

impl Flags {
    pub(super) const BOLD: Self = Self(1);
    pub(super) const DIM: Self = Self(1 << 1);
    pub(super) const ITALIC: Self = Self(1 << 2);
    pub(super) const UNDERLINE: Self = Self(1 << 3);
    pub(super) const BLINK: Self = Self(1 << 4);
    pub(super) const INVERSE: Self = Self(1 << 5);
    pub(super) const HIDDEN: Self = Self(1 << 6);
    pub(super) const STRIKE: Self = Self(1 << 7);
    pub(super) const OVERLINE: Self = Self(1 << 8);
    /// The cell holds the left half of a wide character.
    pub(super) const WIDE: Self = Self(1 << 9);
    /// The cell is the right half of a wide character.
    pub(super) const SPACER: Self = Self(1 << 10);

    /// What shows where there is no character.
    pub(super) const SEEN_ON_BLANKS: Self = Self::UNDERLINE
        .with(Self::INVERSE)
        .with(Self::STRIKE)
        .with(Self::OVERLINE);

    /// Whether any of `other` is set.
    pub(super) const fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    pub(super) fn set(&mut self, other: Self, on: bool) {
        if on {
            self.0 |= other.0;
        } else {
            self.0 &= !other.0;
        }
    }

    pub(super) const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(super) const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }
}

/// Colours and attributes that fit into a cell.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Style {
    pub(super) fg: Colour,
    pub(super) bg: Colour,
    pub(super) flags: Flags,
    /// The kind of underline, SGR 4:1 to 4:5, shown when [`Flags::UNDERLINE`] is set.
    pub(super) underline: u8,
}

impl Style {
    pub(super) const DEFAULT: Self = Self {
        fg: Colour::Default,
        bg: Colour::Default,
        flags: Flags(0),
        underline: 0,
    };

    /// The style without what says how wide the cell is.
    pub(super) const fn visible(self) -> Self {
        let flags = self.flags.without(Flags::WIDE.with(Flags::SPACER));
        Self { flags, ..self }
    }
}

/// An OSC 8 hyperlink, shared by the cells it covers.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Link {
    /// The `key=value` pairs before the address.
    pub(super) params: String,
    pub(super) uri: String,
}

/// What few cells have, kept outside the cell to keep it small.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Extra {
    /// Zero-width characters after the first one.
    pub(super) combining: String,
    pub(super) underline_colour: Colour,
    pub(super) link: Option<Arc<Link>>,
}

impl Extra {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// One cell: a character, `'\0'` when nothing was ever written there, and how it looks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Cell {
    pub(super) c: char,
    pub(super) style: Style,
    pub(super) extra: Option<Arc<Extra>>,
}

impl Cell {
    pub(super) const NULL: Self = Self {
        c: '\0',
        style: Style::DEFAULT,
        extra: None,
    };

    /// A cell without a character but with a style.
    pub(super) const fn blank(style: Style) -> Self {
        Self {
            c: '\0',
            style,
            extra: None,
        }
    }

    pub(super) const fn is_wide(&self) -> bool {
        self.style.flags.has(Flags::WIDE)
    }

    pub(super) const fn is_spacer(&self) -> bool {
        self.style.flags.has(Flags::SPACER)
    }

    /// Whether a program wrote here, counting the right half of a wide character.
    pub(super) const fn has_content(&self) -> bool {
        self.c != '\0' || self.is_spacer()
    }

    pub(super) fn combining(&self) -> &str {
        self.extra
            .as_ref()
            .map_or("", |extra| extra.combining.as_str())
    }

    pub(super) fn push_combining(&mut self, c: char) {
        if !self.has_content() {
            self.c = c;
            return;
        }
        let extra = Arc::make_mut(self.extra.get_or_insert_default());
        if extra.combining.len() < COMBINING_BYTES {
            extra.combining.push(c);
        }
    }

    pub(super) fn link(&self) -> Option<&Arc<Link>> {
        self.extra.as_ref()?.link.as_ref()
    }

    pub(super) fn underline_colour(&self) -> Colour {
        self.extra
            .as_ref()
            .map_or(Colour::Default, |extra| extra.underline_colour)
    }
}

/// How many bytes of zero-width characters one cell keeps; people stack a few, programs that write
/// without end must not fill the memory.
const COMBINING_BYTES: usize = 128;

/// How the next character will look.
#[derive(Debug, Clone, Default)]
pub(super) struct Pen {
    pub(super) style: Style,
    extra: Option<Arc<Extra>>,
}

impl Pen {
    /// The cell that writing `c` leaves behind.
    pub(super) fn cell(&self, c: char) -> Cell {
        Cell {
            c,
            style: self.style,
            extra: self.extra.clone(),
        }
    }

    /// Whether its cells have nothing that is kept outside of them.
    pub(super) const fn is_plain(&self) -> bool {
        self.extra.is_none()
    }

    /// The cell that erasing leaves behind: only the background is kept, as xterm does.
    pub(super) const fn erased(&self) -> Cell {
        Cell::blank(Style {
            bg: self.style.bg,
            ..Style::DEFAULT
        })
    }

    pub(super) fn set_link(&mut self, link: Option<Arc<Link>>) {
        self.change(|extra| extra.link = link);
    }

    pub(super) fn set_underline_colour(&mut self, colour: Colour) {
        self.change(|extra| extra.underline_colour = colour);
    }

    /// SGR 0, which leaves a hyperlink open.
    pub(super) fn reset(&mut self) {
        self.style = Style::DEFAULT;
        if !self.is_plain() {
            self.set_underline_colour(Colour::Default);
        }
    }

    fn change(&mut self, change: impl FnOnce(&mut Extra)) {
        let mut extra = self.extra.as_deref().cloned().unwrap_or_default();
        change(&mut extra);
        self.extra = (!extra.is_empty()).then(|| Arc::new(extra));
    }
}
