//! A film that is being shown in a terminal.

use std::{collections::VecDeque, time::Instant};

use bytes::Bytes;

use super::{
    film::{Film, Piece, tail},
    runs::RunNumber,
};

/// A film that is being shown, and where it is.
#[derive(Debug)]
pub(super) struct Playback {
    /// The run that shows it.
    pub(super) run: RunNumber,
    pieces: VecDeque<Piece>,
    /// When the next piece is due.
    due: Instant,
    other_screen: Option<u16>,
    ends_line: bool,
    /// What draws the prompt again that stood there before.
    prompt: Bytes,
}

impl Playback {
    /// Begins to show a film, behind which `prompt` is drawn again.
    pub(super) fn begin(run: RunNumber, film: Film, prompt: Bytes, now: Instant) -> Self {
        let mut playback = Self {
            run,
            pieces: film.pieces,
            due: now,
            other_screen: None,
            ends_line: true,
            prompt,
        };
        playback.schedule();
        playback
    }

    /// When to come again.
    pub(super) fn due(&self) -> Instant {
        self.due
    }

    /// The next piece, where it is time for it.
    pub(super) fn next(&mut self, now: Instant) -> Option<Bytes> {
        if now < self.due {
            return None;
        }
        let piece = self.pieces.pop_front()?;
        if let Some(last) = piece.bytes.last() {
            self.ends_line = *last == b'\n' && piece.other_screen.is_none();
        }
        self.other_screen = piece.other_screen;
        self.schedule();
        Some(piece.bytes)
    }

    /// Whether all of it was shown.
    pub(super) fn is_over(&self) -> bool {
        self.pieces.is_empty()
    }

    /// What stands behind it.
    pub(super) fn tail(&self) -> [Bytes; 2] {
        [
            tail(self.other_screen, self.ends_line, self.is_over()),
            self.prompt.clone(),
        ]
    }

    fn schedule(&mut self) {
        if let Some(piece) = self.pieces.front() {
            self.due += piece.pause;
        }
    }
}

/// What redraws the line in which a line editor waits, of the last bytes that a terminal wrote:
/// those from the latest prompt on, or else its last line.
pub(super) fn prompt_of(last: &[u8], from_prompt: Option<usize>) -> &[u8] {
    let line = last.iter().rposition(|byte| *byte == b'\n');
    let start = from_prompt.or(line.map(|at| at + 1)).unwrap_or_default();
    last.get(start..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn pieces_come_when_they_are_due() {
        let at = |ms| Duration::from_millis(ms);
        let recorded = [(at(0), "a"), (at(100), "b"), (at(100), "c")];
        let now = Instant::now();
        let mut playback = Playback::begin(1, Film::new("x", recorded), Bytes::new(), now);
        assert_eq!(playback.next(now), Some("a".into()));
        assert_eq!(playback.next(now + at(99)), None);
        assert_eq!(playback.due(), now + at(100));
        assert_eq!(playback.next(now + at(100)), Some("b".into()));
        assert!(!playback.is_over());
        assert_eq!(playback.next(now + at(100)), Some("c".into()));
        assert!(playback.is_over());
    }

    #[test]
    fn prompt_is_the_last_line_where_no_shell_tells() {
        assert_eq!(prompt_of(b"one\r\n$ ls", None), b"$ ls");
        assert_eq!(prompt_of(b"$ ", None), b"$ ");
        assert_eq!(prompt_of(b"x\r\nyou\r\n> ", Some(3)), b"you\r\n> ");
    }
}
