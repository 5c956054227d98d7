//! Text on its way to the screen: runs of plain characters are found and written at once.

use vte::{Parser, Perform};

use super::OSC_BYTES;
use super::filter::Sink;
use super::state::State;

/// A byte in all eight of a word.
const EVERY: u64 = 0x0101_0101_0101_0101;

/// Writes text itself and has `vte` read the sequences.
pub(super) struct Writer<'a> {
    pub(super) parser: &'a mut Parser<OSC_BYTES>,
    pub(super) state: &'a mut State,
}

impl Sink for Writer<'_> {
    fn text(&mut self, text: &str) -> usize {
        let bytes = text.as_bytes();
        let mut at = 0;
        while at < bytes.len() {
            let plain = printable(&bytes[at..]);
            if plain > 0 {
                let end = at + plain;
                self.state
                    .print_ascii(text.get(at..end).unwrap_or_default());
                at = end;
            }
            match bytes.get(at) {
                None | Some(0x1b) => break,
                Some(&byte @ ..0x80) => {
                    self.ascii(byte);
                    at += 1;
                }
                Some(_) => at += self.other(text.get(at..).unwrap_or_default()),
            }
        }
        at
    }

    fn sequence(&mut self, bytes: &[u8]) {
        self.parser.advance(self.state, bytes);
    }
}

impl Writer<'_> {
    /// What is ASCII but not printable.
    fn ascii(&mut self, byte: u8) {
        if byte < b' ' {
            self.state.execute(byte);
        } else {
            Perform::print(self.state, byte.into());
        }
    }

    /// Characters beyond ASCII at the start of `text`; returns their length.
    fn other(&mut self, text: &str) -> usize {
        let mut length = 0;
        for c in text.chars().take_while(|c| !c.is_ascii()) {
            length += c.len_utf8();
            match u8::try_from(c) {
                Ok(control @ 0x80..=0x9f) => self.state.execute(control),
                _ => Perform::print(self.state, c),
            }
        }
        length
    }
}

/// Number of printable ASCII characters at the start of `bytes`.
fn printable(bytes: &[u8]) -> usize {
    let (words, rest) = bytes.as_chunks();
    for (index, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        // A byte below the space borrows, DEL carries, and what is not ASCII is negative. Either
        // may spill into the bytes behind, but the first hit is one.
        let hits =
            (word.wrapping_sub(EVERY * 0x20) | word.wrapping_add(EVERY) | word) & (EVERY << 7);
        if hits != 0 {
            return index * 8 + hits.trailing_zeros() as usize / 8;
        }
    }
    let plain = |byte: &u8| (b' '..=b'~').contains(byte);
    bytes.len() - rest.len() + rest.iter().take_while(|byte| plain(byte)).count()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn prop_printable_is_what_it_says(
            bytes in prop::collection::vec(prop_oneof![9 => 0x20u8..0x7f, 1 => any::<u8>()], 0..60)
        ) {
            let count = bytes.iter().take_while(|byte| (b' '..=b'~').contains(byte)).count();
            prop_assert_eq!(printable(&bytes), count);
        }
    }
}
