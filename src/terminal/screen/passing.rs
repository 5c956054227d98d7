//! Lines that a flood writes and pushes out of the scrollback again, before anybody could see them.

use bytes::Bytes;
use memchr::memchr_iter;

/// How many bytes are looked at in one go.
const CHUNK_BYTES: usize = 64;

/// How many bytes at the start of `pieces`, which follow one another, are whole lines of plain
/// text with at least `lines` line feeds behind them in text as plain. Nothing when those lines are
/// fewer than `least`, or when the last of them does not end with CR and LF.
pub(super) fn passing(pieces: &[Bytes], lines: usize, least: usize) -> Option<usize> {
    let mut plain_pieces = Vec::with_capacity(pieces.len());
    for piece in pieces {
        let plain = plain(piece);
        plain_pieces.push(plain);
        if plain.len() < piece.len() {
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

/// The text at the start of `bytes` that does nothing but fill lines.
fn plain(bytes: &[u8]) -> &[u8] {
    let plain = |byte: &u8| matches!(byte, b' '..=b'~' | b'\t' | b'\r' | b'\n');
    // Without a way out in the middle, this is compiled to wide instructions.
    let all = |chunk: &&[u8]| chunk.iter().fold(true, |all, byte| all & plain(byte));
    let chunks = bytes.chunks(CHUNK_BYTES).take_while(all);
    let whole: usize = chunks.map(<[u8]>::len).sum();
    let (before, rest) = bytes.split_at(whole);
    let more = rest.iter().take_while(|byte| plain(byte)).count();
    bytes.get(..before.len() + more).unwrap_or(before)
}

fn count(bytes: &[u8]) -> usize {
    memchr_iter(b'\n', bytes).count()
}
