//! What waits to be written to a terminal's program.

use std::collections::VecDeque;

use bytes::{Buf, Bytes, BytesMut};

/// How many bytes may wait for a program that reads none.
///
/// A full queue refuses what people type, with a message; answers to a program's own questions are
/// dropped, as the program reads none; runs stay in their own queue until there is room.
pub(super) const WAITING_BYTES: usize = 1024 * 1024;

/// Pieces up to this size are copied together: a byte that was typed must not keep the whole buffer
/// of the frame it came in.
const COPIED_BYTES: usize = 4 * 1024;

/// How large a joined piece grows.
const JOINED_BYTES: usize = 64 * 1024;

/// Bytes in the order in which they are written.
#[derive(Debug, Default)]
pub(super) struct Writes {
    pieces: VecDeque<Piece>,
    len_bytes: usize,
}

#[derive(Debug)]
enum Piece {
    Whole(Bytes),
    Joined(BytesMut),
}

impl Writes {
    pub(super) fn is_empty(&self) -> bool {
        self.len_bytes == 0
    }

    /// Whether nothing but a run that has begun may be added.
    pub(super) fn is_full(&self) -> bool {
        self.len_bytes >= WAITING_BYTES
    }

    /// Whether `count` more bytes may wait. An empty queue takes anything.
    pub(super) fn has_room(&self, count: usize) -> bool {
        self.is_empty() || self.len_bytes + count <= WAITING_BYTES
    }

    /// Adds bytes at the end.
    pub(super) fn push(&mut self, bytes: Bytes) {
        self.len_bytes += bytes.len();
        match self.pieces.back_mut() {
            _ if bytes.is_empty() => {}
            _ if bytes.len() > COPIED_BYTES => self.pieces.push_back(Piece::Whole(bytes)),
            Some(Piece::Joined(last)) if last.len() < JOINED_BYTES => {
                last.extend_from_slice(&bytes);
            }
            _ => self
                .pieces
                .push_back(Piece::Joined(BytesMut::from(&bytes[..]))),
        }
    }

    /// The next bytes to write.
    pub(super) fn front(&self) -> Option<&[u8]> {
        self.pieces.front().map(|piece| match piece {
            Piece::Whole(bytes) => bytes.as_ref(),
            Piece::Joined(bytes) => bytes.as_ref(),
        })
    }

    /// Takes the first `count` bytes of [`front`](Self::front) away.
    pub(super) fn advance(&mut self, count: usize) {
        let rest = match self.pieces.front_mut() {
            Some(Piece::Whole(bytes)) => {
                bytes.advance(count);
                bytes.len()
            }
            Some(Piece::Joined(bytes)) => {
                bytes.advance(count);
                bytes.len()
            }
            None => return,
        };
        self.len_bytes -= count;
        if rest == 0 {
            self.pieces.pop_front();
        }
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn single_bytes_are_joined() {
        let mut writes = Writes::default();
        for _ in 0..100_000 {
            writes.push(Bytes::from_static(b"x"));
        }
        assert!(writes.pieces.len() <= 2);
        assert_eq!(writes.len_bytes, 100_000);
    }

    #[test]
    fn full_queue_has_no_room_and_an_empty_one_has() {
        let mut writes = Writes::default();
        assert!(writes.has_room(WAITING_BYTES * 4));
        writes.push(Bytes::from(vec![0; WAITING_BYTES]));
        assert!(writes.is_full() && !writes.has_room(1));
    }

    proptest! {
        #[test]
        fn prop_bytes_come_out_as_they_went_in(
            pieces in prop::collection::vec((0usize..9000, 1usize..9000), 1..20)
        ) {
            let mut writes = Writes::default();
            let (mut given, mut taken) = (Vec::new(), Vec::new());
            let mut take = |writes: &mut Writes, most: usize| {
                if let Some(front) = writes.front() {
                    let count = front.len().min(most);
                    taken.extend_from_slice(&front[..count]);
                    writes.advance(count);
                }
            };
            for (number, (push, pull)) in pieces.into_iter().enumerate() {
                let bytes = vec![u8::try_from(number).unwrap(); push];
                given.extend_from_slice(&bytes);
                writes.push(bytes.into());
                take(&mut writes, pull);
            }
            while !writes.is_empty() {
                take(&mut writes, usize::MAX);
            }
            prop_assert!(writes.front().is_none());
            prop_assert_eq!(taken, given);
        }
    }
}
