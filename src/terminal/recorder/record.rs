//! A record of a recording: how it stands in the file, and the way back from there.

use std::{
    fs::File,
    io::{self, BufReader, Read},
    os::unix::fs::FileExt,
    sync::Arc,
    time::Duration,
};

use crate::terminal::{journal::TerminalSize, pty::READ_BYTES};

/// A record's head: kind, microseconds since 1970, offset, length.
pub(super) const HEAD_BYTES: usize = 1 + 8 + 8 + 4;

// What a record may hold.
pub(super) const OUTPUT: u8 = 0;
pub(super) const RESIZE: u8 = 1;
pub(super) const GAP: u8 = 2;

/// A record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// When, since 1970.
    pub at: Duration,
    /// Bytes that the terminal wrote before it.
    pub offset: u64,
    /// What happened.
    pub event: Stretch<Vec<u8>>,
}

/// What is found in a stretch of a recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stretch<B> {
    /// A program wrote bytes.
    Output(B),
    /// The size changed.
    Resize(TerminalSize),
    /// That many bytes before it were not recorded.
    Gap(u64),
}

/// Writes a record of what happened at an offset, at a time since 1970.
pub(super) fn encode(kind: u8, at: Duration, offset: u64, pieces: &[&[u8]]) -> Vec<u8> {
    let length: usize = pieces.iter().map(|piece| piece.len()).sum();
    let at = u64::try_from(at.as_micros()).unwrap_or(u64::MAX);
    let mut record = Vec::with_capacity(HEAD_BYTES + length);
    record.push(kind);
    record.extend_from_slice(&at.to_be_bytes());
    record.extend_from_slice(&offset.to_be_bytes());
    record.extend_from_slice(&u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes());
    for piece in pieces {
        record.extend_from_slice(piece);
    }
    record
}

impl Recorded {
    /// How many bytes before it were not recorded.
    pub(super) fn missing(&self) -> u64 {
        match self.event {
            Stretch::Gap(missing) => missing.min(self.offset),
            _ => 0,
        }
    }
}

/// The records of a recording, one after the other.
#[derive(Debug)]
pub struct Records {
    reader: Option<BufReader<Section>>,
    /// Where in the file the next record begins.
    pub(super) at: u64,
}

impl Records {
    /// Reads the records of a file from `at`, where one begins, to `end`.
    pub(super) fn new(file: Option<Arc<File>>, at: u64, end: u64) -> Self {
        let section = file.map(|file| Section { file, at, end });
        Self {
            reader: section.map(|section| BufReader::with_capacity(READ_BYTES, section)),
            at,
        }
    }

    /// Reads the next record; nothing at the end.
    ///
    /// # Errors
    ///
    /// The file can't be read.
    pub fn read(&mut self) -> io::Result<Option<Recorded>> {
        let Some(reader) = &mut self.reader else {
            return Ok(None);
        };
        let mut kind = [0; 1];
        if reader.read(&mut kind)? == 0 {
            return Ok(None);
        }
        let (mut at, mut offset, mut length) = ([0; 8], [0; 8], [0; 4]);
        reader.read_exact(&mut at)?;
        reader.read_exact(&mut offset)?;
        reader.read_exact(&mut length)?;
        let length = u64::from(u32::from_be_bytes(length));
        let mut bytes = Vec::new();
        reader.take(length).read_to_end(&mut bytes)?;
        self.at += HEAD_BYTES as u64 + length;
        let event = match (kind, &bytes[..]) {
            ([RESIZE], &[a, b, c, d]) => Stretch::Resize(TerminalSize {
                cols: u16::from_be_bytes([a, b]),
                rows: u16::from_be_bytes([c, d]),
            }),
            ([GAP], &[a, b, c, d, e, f, g, h]) => {
                Stretch::Gap(u64::from_be_bytes([a, b, c, d, e, f, g, h]))
            }
            _ => Stretch::Output(bytes),
        };
        Ok(Some(Recorded {
            at: Duration::from_micros(u64::from_be_bytes(at)),
            offset: u64::from_be_bytes(offset),
            event,
        }))
    }
}

/// A part of a file that others may go on writing.
#[derive(Debug)]
struct Section {
    file: Arc<File>,
    at: u64,
    end: u64,
}

impl Read for Section {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let rest = usize::try_from(self.end.saturating_sub(self.at)).unwrap_or(usize::MAX);
        let most = buffer.len().min(rest);
        let Some(buffer) = buffer.get_mut(..most) else {
            return Ok(0);
        };
        let read = self.file.read_at(buffer, self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}
