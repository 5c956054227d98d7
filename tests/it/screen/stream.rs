//! A stream of terminal output, and where to cut it.

use bytes::Bytes;
use katahost::terminal::screen::Screen;

/// Cuts of a stream, and of one that is long.
const CUTS: usize = 24;
const CUTS_OF_LONG_STREAM: usize = 8;
const LONG_STREAM_BYTES: usize = 300_000;

/// The most that the server reads of a terminal at once.
const PIECE_BYTES: usize = 64 * 1024;

/// A new size, at an offset of the stream.
pub(super) struct Resize {
    pub(super) at: usize,
    pub(super) cols: u16,
    pub(super) rows: u16,
}

/// What a terminal got to see.
pub(super) struct Stream {
    pub(super) name: &'static str,
    pub(super) cols: u16,
    pub(super) rows: u16,
    pub(super) bytes: Vec<u8>,
    pub(super) resizes: Vec<Resize>,
}

impl Stream {
    pub(super) fn new(name: &'static str, bytes: impl Into<Vec<u8>>) -> Self {
        Self {
            name,
            cols: 80,
            rows: 24,
            bytes: bytes.into(),
            resizes: Vec::new(),
        }
    }

    /// Offsets to cut at: a third anywhere, a third inside escape sequences and a third inside
    /// characters, as far as there are any.
    pub(super) fn cuts(&self, random: &mut Random) -> Vec<usize> {
        let escapes = self.offsets(|byte| byte == 0x1b);
        let inside = self.offsets(|byte| byte & 0xc0 == 0x80);
        let long = self.bytes.len() > LONG_STREAM_BYTES;
        let count = if long { CUTS_OF_LONG_STREAM } else { CUTS };
        let cut = |index: usize, random: &mut Random| match index % 3 {
            1 if !escapes.is_empty() => escapes[random.below(escapes.len())] + 1 + random.below(6),
            2 if !inside.is_empty() => inside[random.below(inside.len())],
            _ => random.below(self.bytes.len()),
        };
        (0..count)
            .map(|index| cut(index, random).min(self.bytes.len()))
            .collect()
    }

    /// Feeds the stream up to `cut`, in pieces of any length.
    pub(super) fn play(&self, cut: usize, random: &mut Random, screen: &mut Screen) {
        self.follow(cut, screen, |bytes, screen| {
            for piece in pieces(bytes, 4096, random) {
                screen.feed(&piece);
            }
        });
    }

    /// Feeds the stream up to `cut` as the server folds what its journal holds too much: in bites
    /// of several pieces, of which lines may be passed over.
    pub(super) fn fold(&self, cut: usize, random: &mut Random, screen: &mut Screen) {
        self.follow(cut, screen, |bytes, screen| {
            for bite in pieces(bytes, self.bytes.len(), random) {
                screen.feed_all(&pieces(&bite, PIECE_BYTES, random));
            }
        });
    }

    /// What was written between two offsets, in pieces; nothing where the size changed there.
    pub(super) fn between(
        &self,
        from: usize,
        to: usize,
        random: &mut Random,
    ) -> Option<Vec<Bytes>> {
        let resized = self
            .resizes
            .iter()
            .any(|resize| (from + 1..=to).contains(&resize.at));
        (!resized).then(|| pieces(&self.bytes[from..to], PIECE_BYTES, random))
    }

    fn follow(&self, cut: usize, screen: &mut Screen, mut feed: impl FnMut(&[u8], &mut Screen)) {
        let mut at = 0;
        for resize in self.resizes.iter().filter(|resize| resize.at <= cut) {
            feed(&self.bytes[at..resize.at], screen);
            screen.resize(resize.cols, resize.rows);
            at = resize.at;
        }
        feed(&self.bytes[at..cut], screen);
    }

    fn offsets(&self, wanted: impl Fn(u8) -> bool) -> Vec<usize> {
        (0..self.bytes.len())
            .filter(|&at| wanted(self.bytes[at]))
            .collect()
    }
}

/// Cuts bytes into pieces of any length up to `most`.
fn pieces(mut bytes: &[u8], most: usize, random: &mut Random) -> Vec<Bytes> {
    let mut pieces = Vec::new();
    while !bytes.is_empty() {
        let (piece, rest) = bytes.split_at((1 + random.below(most)).min(bytes.len()));
        pieces.push(Bytes::copy_from_slice(piece));
        bytes = rest;
    }
    pieces
}

/// Bytes that look like terminal output to something that does not look closely.
pub(super) fn noise(random: &mut Random, len: usize) -> Vec<u8> {
    const PIECES: [&str; 16] = [
        "\x1b[",
        "\x1b",
        ";",
        "?",
        "1049h",
        "47l",
        "r",
        "\x1b]8;;x\x07",
        "漢",
        "e\u{301}",
        "\r\n",
        "\x1b[?6h",
        "\x1b(0",
        "\x1b[4h",
        "\t",
        "\x1b[3b",
    ];
    let mut bytes = Vec::new();
    while bytes.len() < len {
        match random.below(4) {
            0 => bytes.extend(PIECES[random.below(PIECES.len())].as_bytes()),
            1 => bytes.extend(format!("\x1b[{};{}", random.below(50), random.below(50)).bytes()),
            2 => bytes.push(b'@' + random.number(63).to_le_bytes()[0]),
            _ => bytes.push(random.number(256).to_le_bytes()[0]),
        }
    }
    bytes
}

/// Random numbers that are the same every time (xorshift64*).
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) fn number(&mut self, end: u16) -> u16 {
        u16::try_from(self.below(end.into())).unwrap_or(end)
    }

    pub(super) fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let high = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(high).unwrap_or(0) % end
    }
}
