//! What was typed into a terminal, kept until the server surely has it.

use std::collections::VecDeque;

/// How many bytes that were sent are kept: more than a connection loses on its way.
const KEPT_BYTES: usize = 64 * 1024;

/// How many bytes may wait to be sent; what is typed beyond is refused.
const WAITING_BYTES: usize = 64 * 1024;

/// How many bytes are sent in one frame.
const FRAME_BYTES: usize = 16 * 1024;

/// The input of one client to one shell.
#[derive(Debug)]
pub(super) struct Typed {
    generation: u32,
    /// The offset of the first byte that is kept.
    start: u64,
    bytes: VecDeque<u8>,
    /// How many of them were sent.
    sent: usize,
}

impl Typed {
    pub(super) fn new(generation: u32) -> Self {
        Self {
            generation,
            start: 0,
            bytes: VecDeque::new(),
            sent: 0,
        }
    }

    /// The shell that the input is for.
    pub(super) fn generation(&self) -> u32 {
        self.generation
    }

    /// Goes over to another shell. What was typed before the first shell is for that one; nothing
    /// else is typed into a shell that the person had not seen.
    pub(super) fn begin(&mut self, generation: u32) {
        if self.generation == 0 {
            self.generation = generation;
        } else {
            *self = Self::new(generation);
        }
    }

    pub(super) fn has_room(&self) -> bool {
        self.bytes.len() - self.sent < WAITING_BYTES / 2
    }

    /// Adds what was typed, all of it or nothing.
    pub(super) fn push(&mut self, bytes: &[u8]) -> bool {
        let fits = self.bytes.len() - self.sent + bytes.len() <= WAITING_BYTES;
        if fits {
            self.bytes.extend(bytes);
        }
        fits
    }

    /// What is to be sent next, and its offset.
    pub(super) fn unsent(&self) -> Option<(u64, Vec<u8>)> {
        let bytes = self.bytes.iter().skip(self.sent).take(FRAME_BYTES);
        let bytes: Vec<u8> = bytes.copied().collect();
        (!bytes.is_empty()).then(|| (self.start + self.sent as u64, bytes))
    }

    /// Notes that so many bytes more were sent.
    pub(super) fn sent(&mut self, count: usize) {
        self.sent += count;
        let old = self.sent.saturating_sub(KEPT_BYTES);
        self.forget(old);
    }

    /// Goes back, or on, to what the server says it received.
    pub(super) fn received(&mut self, bytes: u64) {
        let count = usize::try_from(bytes.saturating_sub(self.start)).unwrap_or(usize::MAX);
        self.sent = count.min(self.bytes.len());
    }

    fn forget(&mut self, count: usize) {
        self.bytes.drain(..count);
        self.start += count as u64;
        self.sent -= count;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn prop_every_byte_is_received_once_over_losses(
            pieces in prop::collection::vec((1usize..30_000, any::<bool>(), 0usize..40_000), 1..40),
        ) {
            let mut typed = Typed::new(1);
            let (mut pushed, mut server) = (Vec::<u8>::new(), Vec::<u8>::new());
            for (number, (length, lost, arrived)) in pieces.into_iter().enumerate() {
                let piece = vec![u8::try_from(number).unwrap(); length];
                if typed.push(&piece) {
                    pushed.extend(piece);
                }
                let mut sent = 0;
                while let Some((offset, bytes)) = typed.unsent() {
                    let offset = usize::try_from(offset).unwrap();
                    if !lost || sent < arrived {
                        prop_assert!(offset <= server.len());
                        server.truncate(offset);
                        server.extend(&bytes);
                    }
                    sent += bytes.len();
                    typed.sent(bytes.len());
                }
                if lost {
                    typed.received(server.len() as u64);
                }
            }
            while let Some((_, bytes)) = typed.unsent() {
                server.extend(&bytes);
                typed.sent(bytes.len());
            }
            prop_assert!(server == pushed);
        }
    }
}
