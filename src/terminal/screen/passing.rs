//! Lines that a flood writes and pushes out of the scrollback again, before anybody could see them.
//!
//! Of such lines, only what they say of the looks of text (SGR) is of use later.

use bytes::Bytes;
use memchr::{memchr, memchr_iter};

/// How many bytes are looked at in one go.
const CHUNK_BYTES: usize = 64;

const ESC: u8 = 0x1b;

/// Where text is that does nothing but fill lines and change its looks.
#[derive(Debug, Clone, Copy, Default)]
enum Place {
    #[default]
    Text,
    Escape,
    Parameters,
}

/// How many bytes at the start of `pieces`, which follow one another, are whole lines of such plain
/// text with at least `lines` line feeds behind them in text as plain. Nothing when those lines are
/// fewer than `least`, or when the last of them does not end with CR and LF.
pub(super) fn passing(pieces: &[Bytes], lines: usize, least: usize) -> Option<usize> {
    let mut plain_pieces = Vec::with_capacity(pieces.len());
    let mut place = Place::default();
    for piece in pieces {
        let length = place.follow(piece);
        plain_pieces.push(piece.get(..length)?);
        if length < piece.len() {
            break;
        }
    }
    let feeds = plain_pieces.iter().map(|piece| count(piece));
    let mut before = feeds.sum::<usize>().checked_sub(lines)?;
    if before < least {
        return None;
    }
    let mut passed = 0;
    for piece in plain_pieces {
        let here = count(piece);
        if here >= before {
            let last = memchr_iter(b'\n', piece).nth(before.checked_sub(1)?)?;
            let returned = last.checked_sub(1).and_then(|at| piece.get(at)) == Some(&b'\r');
            return returned.then_some(passed + last + 1);
        }
        before -= here;
        passed += piece.len();
    }
    None
}

/// What the first `length` bytes of `pieces`, which are plain, say of the looks of text.
pub(super) fn looks(pieces: &[Bytes], mut length: usize) -> Vec<u8> {
    let mut looks = Vec::new();
    let mut inside = false;
    for piece in pieces {
        let mut rest = piece.get(..length).unwrap_or(piece);
        length -= rest.len();
        while let Some(at) = memchr(if inside { b'm' } else { ESC }, rest) {
            let (before, after) = rest.split_at(at + usize::from(inside));
            if inside {
                looks.extend_from_slice(before);
            }
            rest = after;
            inside = !inside;
        }
        if inside {
            looks.extend_from_slice(rest);
        }
    }
    looks
}

impl Place {
    /// Goes on through `bytes`, and returns how many of them are plain.
    fn follow(&mut self, bytes: &[u8]) -> usize {
        let mut length = 0;
        while let Some(rest) = bytes.get(length..).filter(|rest| !rest.is_empty()) {
            let (run, end, next) = match self {
                Self::Text => (plain(rest), ESC, Self::Escape),
                Self::Escape => (0, b'[', Self::Parameters),
                Self::Parameters => (parameters(rest), b'm', Self::Text),
            };
            length += run;
            if rest.get(run) != Some(&end) {
                break;
            }
            length += 1;
            *self = next;
        }
        length
    }
}

fn parameters(bytes: &[u8]) -> usize {
    let parameter = |byte: &&u8| matches!(byte, b'0'..=b'9' | b';' | b':');
    bytes.iter().take_while(parameter).count()
}

/// The length of the text at the start of `bytes` that does nothing but fill lines.
fn plain(bytes: &[u8]) -> usize {
    let plain = |byte: &u8| matches!(byte, b' '..=b'~' | b'\t' | b'\r' | b'\n');
    // Without a way out in the middle, this is compiled to wide instructions.
    let all = |chunk: &&[u8]| chunk.iter().fold(true, |all, byte| all & plain(byte));
    let chunks = bytes.chunks(CHUNK_BYTES).take_while(all);
    let whole: usize = chunks.map(<[u8]>::len).sum();
    let rest = bytes.get(whole..).unwrap_or_default();
    whole + rest.iter().take_while(|byte| plain(byte)).count()
}

fn count(bytes: &[u8]) -> usize {
    memchr_iter(b'\n', bytes).count()
}
