//! From parsed sequences to the functions of a terminal.
//!
//! Questions (DA, DSR, DECRQM, OSC with `?` and so on) have no place here: they are answered
//! elsewhere, once, and must not change the state.

use vte::{Params, Perform};

use super::cell::Link;
use super::modes::Mode;
use super::sgr;
use super::state::State;

impl Perform for State {
    fn print(&mut self, c: char) {
        // xterm.js never shows a byte order mark, and DEL only pads.
        if c != '\u{feff}' && c != '\x7f' {
            State::print(self, c);
        }
    }

    fn execute(&mut self, byte: u8) {
        match byte {
            0x08 => self.backspace(),
            0x09 => self.tab_forward(1),
            0x0a..=0x0c => self.line_feed(),
            0x0d => self.buffer_mut().x = 0,
            0x0e => self.charsets.invoke(1),
            0x0f => self.charsets.invoke(0),
            0x84 => self.index(),
            0x85 => self.next_line(),
            0x88 => self.set_tab(),
            _ => {}
        }
        self.joins = 0;
    }

    fn csi_dispatch(&mut self, params: &Params, intermediates: &[u8], ignore: bool, action: char) {
        if !ignore {
            match intermediates {
                [] => self.csi(params, action),
                [b'?'] => self.csi_private(params, action),
                _ => self.csi_rare(params, intermediates, action),
            }
        }
        self.joins = 0;
    }

    fn esc_dispatch(&mut self, intermediates: &[u8], _ignore: bool, byte: u8) {
        match intermediates {
            [] => self.esc(byte),
            [b'('] => self.charsets.designate(0, byte),
            [b')' | b'-'] => self.charsets.designate(1, byte),
            [b'*' | b'.'] => self.charsets.designate(2, byte),
            [b'+'] => self.charsets.designate(3, byte),
            [b'%'] if matches!(byte, b'@' | b'G') => self.charsets.select_default(),
            [b'#'] if byte == b'8' => self.fill_with_e(),
            _ => {}
        }
        self.joins = 0;
    }

    fn osc_dispatch(&mut self, params: &[&[u8]], _bell_terminated: bool) {
        self.joins = 0;
        let Some((number, rest)) = params.split_first() else {
            return;
        };
        let data = printable(&rest.join(&b';'));
        match *number {
            b"0" | b"2" if !rest.is_empty() => self.title = Some(data),
            b"8" => self.hyperlink(&data),
            b"4" | b"10" | b"11" | b"12" => self.set_colours(number, &data),
            b"104" | b"110" | b"111" | b"112" => self.reset_colours(&number[1..], &data),
            _ => {}
        }
    }
}

impl State {
    fn csi(&mut self, params: &Params, action: char) {
        let first = param(params, 0);
        let count = usize::from(first.max(1));
        match action {
            '@' => self.insert_chars(count),
            'A' => self.move_vertically(true, count),
            'B' => self.move_vertically(false, count),
            'C' | 'a' => self.move_horizontally(false, count),
            'D' => self.move_horizontally(true, count),
            'E' | 'F' => {
                self.move_vertically(action == 'F', count);
                self.buffer_mut().x = 0;
            }
            'G' | '`' => self.go_from_here(count - 1, self.buffer().y),
            'H' | 'f' => self.go_to(usize::from(param(params, 1).max(1)) - 1, count - 1),
            'I' => self.tab_forward(count),
            'J' => self.erase_in_display(first),
            'K' => self.erase_in_line(first),
            'L' => self.insert_lines(count),
            'M' => self.delete_lines(count),
            'P' => self.delete_chars(count),
            'S' => self.scroll_up(count),
            'T' if params.len() < 2 => self.scroll_down(count),
            'X' => self.erase_chars(count),
            'Z' => self.tab_backward(count),
            _ => self.csi_settings(params, action),
        }
    }

    fn csi_settings(&mut self, params: &Params, action: char) {
        let first = param(params, 0);
        let count = usize::from(first.max(1));
        match action {
            'b' => self.repeat(count.min(REPEAT_LIMIT)),
            'd' => self.go_to(self.buffer().x, count - 1),
            'e' => self.go_from_here(self.buffer().x, self.buffer().y + count),
            'g' => self.clear_tabs(first),
            'h' | 'l' => self.set_modes(params, action == 'h'),
            'm' => sgr::apply(&mut self.pen, params),
            'r' => self.set_margins(count, usize::from(param(params, 1))),
            's' => self.save_cursor(),
            'u' => self.restore_cursor(),
            _ => {}
        }
    }

    fn csi_private(&mut self, params: &Params, action: char) {
        match action {
            'h' | 'l' => {
                for number in params.iter().filter_map(|param| param.first()) {
                    self.set_private_mode(*number, action == 'h');
                }
            }
            'J' => self.erase_in_display(param(params, 0)),
            'K' => self.erase_in_line(param(params, 0)),
            _ => {}
        }
    }

    fn csi_rare(&mut self, params: &Params, intermediates: &[u8], action: char) {
        let count = usize::from(param(params, 0).max(1));
        match (intermediates, action) {
            ([b' '], '@') => self.delete_columns(0, count),
            ([b' '], 'A') => self.insert_columns(0, count),
            ([b'\''], '}') => self.insert_columns(self.buffer().x, count),
            ([b'\''], '~') => self.delete_columns(self.buffer().x, count),
            ([b' '], 'q') => self.modes.cursor_style = param(params, 0).min(6),
            ([b'!'], 'p') => self.soft_reset(),
            _ => {}
        }
    }

    fn esc(&mut self, byte: u8) {
        match byte {
            b'7' => self.save_cursor(),
            b'8' => self.restore_cursor(),
            b'D' => self.index(),
            b'E' => self.next_line(),
            b'H' => self.set_tab(),
            b'M' => self.reverse_index(),
            b'=' | b'>' => self.modes.set(Mode::APP_KEYPAD, byte == b'='),
            b'c' => self.hard_reset(),
            b'n' | b'}' => self.charsets.invoke(2),
            b'o' | b'|' => self.charsets.invoke(3),
            b'~' => self.charsets.invoke(1),
            _ => {}
        }
    }

    fn next_line(&mut self) {
        self.buffer_mut().x = 0;
        self.index();
    }

    fn set_tab(&mut self) {
        let buffer = self.buffer_mut();
        buffer.tabs.set(buffer.x);
    }

    fn clear_tabs(&mut self, mode: u16) {
        let buffer = self.buffer_mut();
        match mode {
            0 => buffer.tabs.clear(buffer.x),
            3 => buffer.tabs.clear_all(),
            _ => {}
        }
    }

    fn set_modes(&mut self, params: &Params, on: bool) {
        for number in params.iter().filter_map(|param| param.first()) {
            match number {
                4 => self.modes.set(Mode::INSERT, on),
                20 => self.modes.set(Mode::NEW_LINE, on),
                _ => {}
            }
        }
    }

    /// OSC 8: `params;address`, without an address to end the link.
    fn hyperlink(&mut self, data: &str) {
        let Some((params, uri)) = data.split_once(';') else {
            return;
        };
        if !uri.is_empty() {
            self.set_link(Some(Link {
                params: params.trim().to_owned(),
                uri: uri.to_owned(),
            }));
        } else if params.trim().is_empty() {
            self.set_link(None);
        }
    }

    fn set_colours(&mut self, number: &[u8], data: &str) {
        let mut parts = data.split(';');
        if number == b"4" {
            while let (Some(index), Some(value)) = (parts.next(), parts.next()) {
                self.set_colour(format!("4;{index}"), value);
            }
        } else if let Some(value) = parts.next() {
            self.set_colour(String::from_utf8_lossy(number).into_owned(), value);
        }
    }

    fn set_colour(&mut self, key: String, value: &str) {
        if value != "?" && self.colours.len() < COLOURS_LIMIT {
            self.colours.insert(key, value.to_owned());
        }
    }

    fn reset_colours(&mut self, number: &[u8], data: &str) {
        let prefix = format!("{};", String::from_utf8_lossy(number));
        match (number, data) {
            (b"04", "") => self.colours.retain(|key, _| !key.starts_with("4;")),
            (b"04", data) => {
                data.split(';')
                    .for_each(|index| drop(self.colours.remove(&format!("4;{index}"))));
            }
            _ => drop(self.colours.remove(prefix.trim_end_matches(';'))),
        }
    }
}

/// How often REP repeats at most: a full screen of the largest size would be pointless work.
const REPEAT_LIMIT: usize = 4096;

/// How many colours a program may change: the palette and three more.
const COLOURS_LIMIT: usize = 259;

/// The number at `index`, 0 when it is left out.
fn param(params: &Params, index: usize) -> u16 {
    params
        .iter()
        .nth(index)
        .and_then(|param| param.first().copied())
        .unwrap_or(0)
}

/// The text of an OSC without what could end it early when it is written again.
fn printable(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes)
        .chars()
        .filter(|c| !c.is_control())
        .collect()
}
