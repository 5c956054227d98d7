//! Binary frames: the bytes of terminals, with their place in the stream.
//!
//! ```text
//! byte  0      1      2..4       4..8         8..16     16..
//!       kind   flags  terminal   generation   offset    payload
//! ```
//!
//! Numbers are unsigned and big-endian (network order, as in RFC 6455). Flags: [`REPLAY`] and
//! [`MORE`]; others are 0, and to be ignored.

use bytes::{BufMut, Bytes, BytesMut};
use thiserror::Error;

/// The length of the header that every frame starts with.
pub const HEADER_BYTES: usize = 16;

/// The flag of output that was written before the client came: its effects beyond the screen, such
/// as bells and copies to the clipboard, happened already.
pub const REPLAY: u8 = 1;

/// The flag of a frame behind which more follows that was written before the client came, so that
/// there is no use in drawing yet.
pub const MORE: u8 = 2;

/// The length of the size that resize, snapshot and preview payloads start with.
const SIZE_BYTES: usize = 4;

/// What a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum FrameKind {
    /// Server: bytes that a program wrote; `offset` is that of the first one.
    Output = 1,
    /// Server: forget the terminal's content and start again from this state at `offset`. The
    /// payload is `cols: u16, rows: u16` and bytes that rebuild the screen.
    Snapshot = 2,
    /// Server: the terminal has a new size from `offset` on. The payload is `cols: u16, rows: u16`.
    Resize = 3,
    /// Client: bytes that a person typed; `offset` counts this client's earlier bytes to this
    /// generation of the terminal, so that a repeated frame is typed once.
    Input = 4,
    /// Server, to those who asked for it: what the terminal showed at `offset`, to be shown while the
    /// past up to there is still read. A snapshot follows, and what would have come without a
    /// preview. The payload is laid out as a snapshot's.
    Preview = 5,
}

/// The start of every frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// What the frame is.
    pub kind: FrameKind,
    /// Whether it repeats what happened before the client came; see [`REPLAY`].
    pub replay: bool,
    /// Whether more follows of what was written before the client came; see [`MORE`].
    pub more: bool,
    /// The terminal's number.
    pub terminal: u16,
    /// Which shell of the terminal the frame is about.
    pub generation: u32,
    /// Where the payload stands in the stream, in bytes.
    pub offset: u64,
}

/// A frame that can't be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum FrameError {
    /// Shorter than a header, or than what its kind needs.
    #[error("a binary frame of {0} bytes is too short")]
    TooShort(usize),
    /// A kind that this protocol does not have.
    #[error("binary frames of kind {0} do not exist")]
    UnknownKind(u8),
}

impl FrameKind {
    fn from_byte(byte: u8) -> Result<Self, FrameError> {
        match byte {
            1 => Ok(Self::Output),
            2 => Ok(Self::Snapshot),
            3 => Ok(Self::Resize),
            4 => Ok(Self::Input),
            5 => Ok(Self::Preview),
            other => Err(FrameError::UnknownKind(other)),
        }
    }
}

/// Makes the frame of bytes that a person typed; `offset` counts this client's earlier ones.
#[must_use]
pub fn input(terminal: u16, generation: u32, offset: u64, bytes: &[u8]) -> Bytes {
    let header = Header {
        kind: FrameKind::Input,
        replay: false,
        more: false,
        terminal,
        generation,
        offset,
    };
    header.frame(&[bytes])
}

impl Header {
    /// Makes the frame of this header and `payload`, given in pieces.
    #[must_use]
    pub fn frame(&self, payload: &[&[u8]]) -> Bytes {
        let length = payload.iter().map(|piece| piece.len()).sum::<usize>();
        let mut frame = BytesMut::with_capacity(HEADER_BYTES + length);
        frame.put_slice(&self.encode());
        for piece in payload {
            frame.put_slice(piece);
        }
        frame.freeze()
    }

    /// The bytes that a frame starts with.
    #[must_use]
    pub fn encode(&self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        let mut rest = &mut bytes[..];
        rest.put_u8(self.kind as u8);
        let flag = |set, flag| if set { flag } else { 0 };
        rest.put_u8(flag(self.replay, REPLAY) | flag(self.more, MORE));
        rest.put_u16(self.terminal);
        rest.put_u32(self.generation);
        rest.put_u64(self.offset);
        bytes
    }

    /// Splits a frame into its header and its payload.
    ///
    /// # Errors
    ///
    /// The frame is shorter than a header, or its kind is unknown.
    pub fn parse(frame: &Bytes) -> Result<(Self, Bytes), FrameError> {
        let too_short = FrameError::TooShort(frame.len());
        let (header, _) = frame.split_first_chunk::<HEADER_BYTES>().ok_or(too_short)?;
        let [kind, flags, t0, t1, g0, g1, g2, g3, offset @ ..] = *header;
        let header = Self {
            kind: FrameKind::from_byte(kind)?,
            replay: flags & REPLAY != 0,
            more: flags & MORE != 0,
            terminal: u16::from_be_bytes([t0, t1]),
            generation: u32::from_be_bytes([g0, g1, g2, g3]),
            offset: u64::from_be_bytes(offset),
        };
        Ok((header, frame.slice(HEADER_BYTES..)))
    }
}

/// Encodes a size as the payload of resize, snapshot and preview frames starts with.
#[must_use]
pub fn encode_size(cols: u16, rows: u16) -> [u8; SIZE_BYTES] {
    let ([c0, c1], [r0, r1]) = (cols.to_be_bytes(), rows.to_be_bytes());
    [c0, c1, r0, r1]
}

/// Splits the payload of a resize, snapshot or preview frame into columns, rows and the rest.
///
/// # Errors
///
/// The payload is shorter than a size.
pub fn decode_size(payload: &Bytes) -> Result<(u16, u16, Bytes), FrameError> {
    let too_short = FrameError::TooShort(payload.len());
    let (size, _) = payload.split_first_chunk::<SIZE_BYTES>().ok_or(too_short)?;
    let [c0, c1, r0, r1] = *size;
    let size = (u16::from_be_bytes([c0, c1]), u16::from_be_bytes([r0, r1]));
    Ok((size.0, size.1, payload.slice(SIZE_BYTES..)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn prop_any_frame_survives_a_round_trip(
            replay: bool, more: bool, terminal: u16, generation: u32, offset: u64, payload: Vec<u8>
        ) {
            let kind = FrameKind::Output;
            let header = Header { kind, replay, more, terminal, generation, offset };
            let (parsed, rest) = Header::parse(&header.frame(&[&payload])).unwrap();
            prop_assert_eq!(parsed, header);
            prop_assert_eq!(&rest[..], &payload[..]);
        }

        #[test]
        fn prop_any_bytes_parse_or_fail_without_panic(bytes: Vec<u8>) {
            if let Ok((_, payload)) = Header::parse(&Bytes::from(bytes)) {
                drop(decode_size(&payload));
            }
        }
    }

    #[test]
    fn header_layout_is_the_documented_one() {
        let header = Header {
            kind: FrameKind::Input,
            replay: true,
            more: true,
            terminal: 0x0102,
            generation: 0x0304_0506,
            offset: 7,
        };
        let frame = header.frame(&[b"x", b"y"]);
        assert_eq!(
            &frame[..],
            b"\x04\x03\x01\x02\x03\x04\x05\x06\0\0\0\0\0\0\0\x07xy"
        );
    }

    #[test]
    fn unknown_kind_is_an_error() {
        let frame = Bytes::from_static(&[9; HEADER_BYTES]);
        assert_eq!(Header::parse(&frame), Err(FrameError::UnknownKind(9)));
    }
}
