//! What waits to be written to standard output, and how far that got.

use std::{collections::VecDeque, io};

use tokio::task::{JoinHandle, spawn_blocking};

use super::{
    console::{self, Console},
    harmless::{Beyond, Harmless},
};

/// Output that is still to be written is joined into pieces of about this size.
const PIECE_BYTES: usize = 32 * 1024;

/// The way to standard output. It holds no more than the server sends without acknowledgement.
#[derive(Debug)]
pub(super) struct Display {
    harmless: Harmless,
    waiting: VecDeque<Piece>,
    writing: Option<(JoinHandle<io::Result<()>>, Option<u64>)>,
    is_screen: bool,
    is_begun: bool,
}

#[derive(Debug, Default)]
struct Piece {
    bytes: Vec<u8>,
    /// The offset that is reached once they are written.
    end: Option<u64>,
}

impl Display {
    pub(super) fn new(is_screen: bool) -> Self {
        Self {
            harmless: Harmless::default(),
            waiting: VecDeque::new(),
            writing: None,
            is_screen,
            is_begun: false,
        }
    }

    /// Whether the alternate screen is shown.
    pub(super) fn is_alternate(&self) -> bool {
        self.harmless.is_alternate()
    }

    /// Shows what a program wrote.
    pub(super) fn output(&mut self, bytes: &[u8], end: u64, beyond: Beyond) {
        let bytes = self.harmless.pass(bytes, beyond);
        self.push(&bytes, Some(end));
    }

    /// Shows another screen in place of all before, which need not be written any more.
    pub(super) fn snapshot(&mut self, bytes: &[u8], end: u64) {
        self.waiting.clear();
        // The first screen is empty already, and says how to leave.
        if self.is_screen && (self.is_begun || !bytes.is_empty()) {
            self.push(&Console::fresh(self.is_alternate()), None);
        }
        self.is_begun = true;
        self.harmless = Harmless::default();
        self.output(bytes, end, Beyond::default());
    }

    /// Tells the person something, on a line of its own.
    pub(super) fn status(&mut self, text: &str) {
        if self.is_screen {
            self.push(format!("\r\n[{text}]\r\n").as_bytes(), None);
        } else {
            super::tell(text);
        }
    }

    fn push(&mut self, bytes: &[u8], end: Option<u64>) {
        match self.waiting.back_mut() {
            Some(last) if last.bytes.len() < PIECE_BYTES => {
                last.bytes.extend(bytes);
                last.end = end.or(last.end);
            }
            _ => self.waiting.push_back(Piece {
                bytes: bytes.to_vec(),
                end,
            }),
        }
    }

    /// Forgets which offsets are reached: they were another lab's.
    pub(super) fn forget_offsets(&mut self) {
        self.waiting.iter_mut().for_each(|piece| piece.end = None);
        if let Some((_, end)) = &mut self.writing {
            *end = None;
        }
    }

    /// Writes, and tells the offset that was reached.
    ///
    /// # Cancel safety
    ///
    /// The writing goes on, and is waited for the next time.
    pub(super) async fn written(&mut self) -> io::Result<Option<u64>> {
        if self.writing.is_none() {
            let Some(Piece { bytes, end }) = self.waiting.pop_front() else {
                return std::future::pending().await;
            };
            let writing = spawn_blocking(move || console::write(&bytes));
            self.writing = Some((writing, end));
        }
        let Some((writing, end)) = &mut self.writing else {
            return Ok(None);
        };
        let done = writing.await;
        let end = *end;
        self.writing = None;
        done.map_err(io::Error::other)??;
        Ok(end)
    }

    /// Writes all that waits.
    pub(super) async fn finish(&mut self) -> io::Result<()> {
        while self.writing.is_some() || !self.waiting.is_empty() {
            self.written().await?;
        }
        Ok(())
    }
}
