//! What stands between the bytes of a PTY and the parser.
//!
//! It hands on whole characters only and drops what is not UTF-8, as xterm.js does, hides the
//! strings nobody here reads (DCS, APC and the like), and keeps the bytes of whatever sequence or
//! character is not finished: a dump ends with them, so that a cut inside a sequence does no harm.

/// How much of an unfinished sequence is kept. Titles and links are far shorter; a stream of
/// garbage that looks like the start of a title must not fill the memory.
const LONGEST_SEQUENCE_BYTES: usize = 64 * 1024;

const ESC: char = '\x1b';
/// CAN and SUB, which break off any sequence.
const CANCEL: [u8; 2] = [0x18, 0x1a];

/// What is done with the parts of a stream.
pub(super) trait Sink {
    /// Takes in text and control characters, up to an ESC, and returns how many bytes that was.
    fn text(&mut self, text: &str) -> usize;
    /// Takes in a sequence or a part of one.
    fn sequence(&mut self, bytes: &[u8]);
}

/// Where in a sequence the stream is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum State {
    #[default]
    Ground,
    Escape,
    Csi,
    Osc,
    /// A string that is not read: DCS, SOS, PM, APC.
    Ignored,
}

/// Follows the stream as far as needed to know what is unfinished.
#[derive(Debug, Clone, Default)]
pub(super) struct Filter {
    state: State,
    /// The bytes since the last finished sequence.
    sequence: Vec<u8>,
    /// The first bytes of a character.
    character: Vec<u8>,
}

impl Filter {
    /// Takes in `bytes` and hands on what is to be seen of them.
    pub(super) fn feed(&mut self, bytes: &[u8], sink: &mut impl Sink) {
        let mut rest = self.complete_character(bytes, sink);
        while !rest.is_empty() {
            match std::str::from_utf8(rest) {
                Ok(text) => return self.follow(text, sink),
                Err(error) => {
                    let (valid, invalid) = rest.split_at(error.valid_up_to());
                    self.follow(std::str::from_utf8(valid).unwrap_or_default(), sink);
                    let Some(length) = error.error_len() else {
                        self.character.extend_from_slice(invalid);
                        return;
                    };
                    rest = &invalid[length..];
                }
            }
        }
    }

    /// Whether nothing is unfinished.
    pub(super) fn is_at_rest(&self) -> bool {
        self.state == State::Ground && self.character.is_empty()
    }

    /// Writes the bytes of what is not finished.
    pub(super) fn write_unfinished(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.sequence);
        out.extend_from_slice(&self.character);
    }

    /// Ends the character that the last bytes started, and returns the bytes after it.
    fn complete_character<'a>(&mut self, bytes: &'a [u8], sink: &mut impl Sink) -> &'a [u8] {
        let mut rest = bytes;
        while let ([_, ..], Some((next, after))) = (self.character.as_slice(), rest.split_first()) {
            self.character.push(*next);
            if std::str::from_utf8(&self.character).is_ok() {
                let character = std::mem::take(&mut self.character);
                self.follow(std::str::from_utf8(&character).unwrap_or_default(), sink);
            } else if !is_character_start(&self.character) {
                // The byte starts something of its own; what was before it is dropped.
                self.character.clear();
                break;
            }
            rest = after;
        }
        rest
    }

    /// Hands on text and sequences.
    fn follow(&mut self, text: &str, sink: &mut impl Sink) {
        let mut rest = text;
        while !rest.is_empty() {
            let taken = if self.state == State::Ground && !rest.starts_with(ESC) {
                sink.text(rest)
            } else {
                self.follow_sequence(rest.as_bytes(), sink)
            };
            rest = rest.get(taken..).unwrap_or_default();
        }
    }

    /// Hands on a sequence, or a part of one, and returns its length.
    fn follow_sequence(&mut self, bytes: &[u8], sink: &mut impl Sink) -> usize {
        let mut start = 0;
        for (at, &byte) in bytes.iter().enumerate() {
            if self.step(byte) {
                sink.sequence(&bytes[start..at]);
                start = at + 1;
            } else if self.state == State::Ground {
                sink.sequence(&bytes[start..=at]);
                return at + 1;
            }
        }
        sink.sequence(&bytes[start..]);
        bytes.len()
    }

    /// Follows one byte and returns whether to hide it from the parser.
    fn step(&mut self, byte: u8) -> bool {
        if char::from(byte) == ESC {
            self.state = State::Escape;
            self.sequence.clear();
            self.sequence.push(byte);
            return false;
        }
        if CANCEL.contains(&byte) {
            self.finish();
            return false;
        }
        match self.state {
            State::Ground => false,
            State::Escape => self.step_escape(byte),
            State::Csi => {
                self.step_csi(byte);
                false
            }
            State::Osc => self.step_osc(byte),
            State::Ignored => {
                self.remember(byte);
                true
            }
        }
    }

    fn step_escape(&mut self, byte: u8) -> bool {
        // Control characters take effect at once, and so must not come again after a dump; the
        // parser overlooks the others.
        if !(b' '..=b'~').contains(&byte) {
            return false;
        }
        let first = self.sequence.len() == 1;
        self.remember(byte);
        match byte {
            b'[' if first => self.state = State::Csi,
            b']' if first => self.state = State::Osc,
            b'P' | b'X' | b'^' | b'_' if first => {
                self.state = State::Ignored;
                return true;
            }
            0x30..=0x7e => self.finish(),
            _ => {}
        }
        false
    }

    fn step_csi(&mut self, byte: u8) {
        if byte >= b' ' {
            self.remember(byte);
        }
        if (b'@'..=b'~').contains(&byte) {
            self.finish();
        }
    }

    fn step_osc(&mut self, byte: u8) -> bool {
        if byte == 0x07 {
            self.finish();
            return false;
        }
        !self.remember(byte)
    }

    /// Keeps `byte`, and returns whether there was room.
    fn remember(&mut self, byte: u8) -> bool {
        let room = self.sequence.len() < LONGEST_SEQUENCE_BYTES;
        if room {
            self.sequence.push(byte);
        }
        room
    }

    fn finish(&mut self) {
        self.state = State::Ground;
        self.sequence.clear();
    }
}

/// Whether `bytes` may become one UTF-8 character.
fn is_character_start(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes)
        .is_err_and(|error| error.valid_up_to() == 0 && error.error_len().is_none())
}
