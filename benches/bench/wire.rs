//! The frames of a WebSocket (RFC 6455, section 5.2), read no further than their heads.

use katahost::protocol::frame::{HEADER_BYTES, Header};

use crate::Fault;

/// The first byte of a frame.
const FINAL: u8 = 0x80;
const OPCODE: u8 = 0x0f;
const TEXT: u8 = 1;
const BINARY: u8 = 2;
const CLOSE: u8 = 8;

/// The second one.
const MASKED: u8 = 0x80;
const WITH_2_BYTES: u8 = 126;
const WITH_8_BYTES: u8 = 127;

/// A checkpoint begins with columns and rows.
const SIZE_BYTES: usize = 4;

/// Where a viewer stands in the frames of its socket (RFC 6455, section 5.2).
#[derive(Debug, Default)]
pub(crate) struct Parser {
    head: Vec<u8>,
    /// The frame whose payload comes, if it is one of a terminal.
    pub(crate) frame: Option<Header>,
    /// What is still to come of the frame's payload.
    pub(crate) left: u64,
    /// What is still to come of the size that a checkpoint begins with.
    size_left: usize,
    /// The digits of a moment that have come so far.
    pub(crate) stamp: Option<u64>,
}

impl Parser {
    /// Collects the head of a frame; returns what follows once the head is complete.
    pub(crate) fn begin<'a>(&mut self, bytes: &'a [u8]) -> Result<Option<&'a [u8]>, Fault> {
        let mut taken = 0;
        loop {
            let missing = self.missing();
            if missing == 0 {
                break;
            }
            let end = bytes.len().min(taken + missing);
            if taken == end {
                return Ok(None);
            }
            self.head.extend_from_slice(&bytes[taken..end]);
            taken = end;
        }
        let length = self.payload_bytes();
        self.frame = None;
        self.left = length;
        match self.head[0] & OPCODE {
            BINARY => {
                let header = &self.head[self.head.len() - HEADER_BYTES..];
                self.frame = Some(Header::parse(&header.to_vec().into())?.0);
                self.left = length - HEADER_BYTES as u64;
            }
            CLOSE => return Err("the server closed the connection".into()),
            _ => {}
        }
        self.size_left = SIZE_BYTES;
        self.head.clear();
        Ok(Some(&bytes[taken..]))
    }

    /// Of a checkpoint's payload, all but the size.
    pub(crate) fn pass_size<'a>(&mut self, payload: &'a [u8]) -> &'a [u8] {
        let size = payload.len().min(self.size_left);
        self.size_left -= size;
        &payload[size..]
    }

    /// How many bytes the head still lacks, as far as can be said yet.
    fn missing(&self) -> usize {
        let Some(&length) = self.head.get(1) else {
            return 2 - self.head.len();
        };
        let extension = match length {
            WITH_2_BYTES => 2,
            WITH_8_BYTES => 8,
            _ => 0,
        };
        let header = if self.head[0] & OPCODE == BINARY {
            HEADER_BYTES
        } else {
            0
        };
        2 + extension + header - self.head.len()
    }

    fn payload_bytes(&self) -> u64 {
        let wide = |bytes: &[u8]| {
            bytes
                .iter()
                .fold(0, |sum, byte| sum << 8 | u64::from(*byte))
        };
        match self.head[1] {
            WITH_2_BYTES => wide(&self.head[2..4]),
            WITH_8_BYTES => wide(&self.head[2..10]),
            short => short.into(),
        }
    }
}

/// A text frame masked with zeros, which changes nothing.
pub(crate) fn text_frame(text: &str) -> Vec<u8> {
    let length = u16::try_from(text.len()).unwrap_or(u16::MAX);
    let mut frame = vec![FINAL | TEXT, MASKED | WITH_2_BYTES];
    frame.extend_from_slice(&length.to_be_bytes());
    frame.extend_from_slice(&[0; 4]);
    frame.extend_from_slice(text.as_bytes());
    frame
}
