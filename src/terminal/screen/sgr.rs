//! Select Graphic Rendition: reading it, and writing it back.

use std::fmt::Write as _;

use vte::Params;

use super::cell::{Cell, Colour, Flags, Pen, Style};

/// The attributes that one parameter sets and one parameter resets.
const ATTRIBUTES: [(u16, u16, Flags); 8] = [
    (1, 22, Flags::BOLD),
    (2, 22, Flags::DIM),
    (3, 23, Flags::ITALIC),
    (5, 25, Flags::BLINK),
    (7, 27, Flags::INVERSE),
    (8, 28, Flags::HIDDEN),
    (9, 29, Flags::STRIKE),
    (53, 55, Flags::OVERLINE),
];

/// Changes `pen` as the parameters of `CSI … m` say.
pub(super) fn apply(pen: &mut Pen, params: &Params) {
    let mut params = params.iter();
    while let Some(param) = params.next() {
        let code = param.first().copied().unwrap_or(0);
        match code {
            0 => pen.reset(),
            4 => set_underline(pen, param.get(1).copied().unwrap_or(1)),
            21 => set_underline(pen, 2),
            24 => set_underline(pen, 0),
            30..=37 => pen.style.fg = Colour::Ansi(low(code - 30)),
            40..=47 => pen.style.bg = Colour::Ansi(low(code - 40)),
            90..=97 => pen.style.fg = Colour::Ansi(low(code - 90 + 8)),
            100..=107 => pen.style.bg = Colour::Ansi(low(code - 100 + 8)),
            39 => pen.style.fg = Colour::Default,
            49 => pen.style.bg = Colour::Default,
            59 => pen.set_underline_colour(Colour::Default),
            38 | 48 | 58 => {
                let colour = if param.len() > 1 {
                    colour_of_parts(&param[1..])
                } else {
                    next_colour(&mut params)
                };
                set_colour(pen, code, colour);
            }
            _ => set_attribute(pen, code),
        }
    }
}

fn set_attribute(pen: &mut Pen, code: u16) {
    for (on, off, flag) in ATTRIBUTES {
        if code == on || code == off {
            pen.style.flags.set(flag, code == on);
        }
    }
}

fn set_underline(pen: &mut Pen, kind: u16) {
    let kind = if kind > 5 { 1 } else { low(kind) };
    pen.style.underline = kind;
    pen.style.flags.set(Flags::UNDERLINE, kind != 0);
}

fn set_colour(pen: &mut Pen, code: u16, colour: Option<Colour>) {
    match (code, colour) {
        (38, Some(colour)) => pen.style.fg = colour,
        (48, Some(colour)) => pen.style.bg = colour,
        (58, Some(colour)) => pen.set_underline_colour(colour),
        _ => {}
    }
}

/// A colour in the form of ITU T.416, all in one parameter: `2:r:g:b`, `2::r:g:b` or `5:n`.
fn colour_of_parts(parts: &[u16]) -> Option<Colour> {
    match parts {
        [5, index, ..] => Some(Colour::Palette(low(*index))),
        [2, _, red, green, blue, ..] | [2, red, green, blue] => {
            Some(Colour::Rgb(low(*red), low(*green), low(*blue)))
        }
        _ => None,
    }
}

/// A colour in the form that uses several parameters: `2;r;g;b` or `5;n`.
fn next_colour<'a>(params: &mut impl Iterator<Item = &'a [u16]>) -> Option<Colour> {
    let mut next = || {
        params
            .next()
            .and_then(|param| param.first().copied())
            .unwrap_or(0)
    };
    match next() {
        5 => Some(Colour::Palette(low(next()))),
        2 => Some(Colour::Rgb(low(next()), low(next()), low(next()))),
        _ => None,
    }
}

/// The low eight bits, which is all of a colour's parts that xterm.js looks at.
const fn low(value: u16) -> u8 {
    value.to_le_bytes()[0]
}

/// Writes the sequence that makes a fresh pen write what looks like `cell`; its link is not part
/// of it.
pub(super) fn write(cell: &Cell, out: &mut String) {
    out.push_str("\x1b[0");
    write_attributes(cell.style, out);
    write_colour(cell.style.fg, 38, out);
    write_colour(cell.style.bg, 48, out);
    write_colour(cell.underline_colour(), 58, out);
    out.push('m');
}

fn write_attributes(style: Style, out: &mut String) {
    for (on, _, flag) in ATTRIBUTES {
        if style.flags.has(flag) {
            push(out, format_args!(";{on}"));
        }
    }
    if style.flags.has(Flags::UNDERLINE) {
        match style.underline {
            0 | 1 => out.push_str(";4"),
            kind => push(out, format_args!(";4:{kind}")),
        }
    }
}

fn write_colour(colour: Colour, base: u16, out: &mut String) {
    match colour {
        Colour::Default => {}
        Colour::Ansi(index @ 0..8) if base != 58 => {
            push(out, format_args!(";{}", base - 8 + u16::from(index)));
        }
        Colour::Ansi(index) if base != 58 => {
            push(out, format_args!(";{}", base + 52 + u16::from(index) - 8));
        }
        Colour::Ansi(index) | Colour::Palette(index) => {
            push(out, format_args!(";{base};5;{index}"));
        }
        Colour::Rgb(red, green, blue) => {
            push(out, format_args!(";{base};2;{red};{green};{blue}"));
        }
    }
}

/// Appends formatted text; writing to a string cannot fail.
pub(super) fn push(out: &mut String, text: std::fmt::Arguments<'_>) {
    let written = out.write_fmt(text);
    debug_assert!(written.is_ok());
}
