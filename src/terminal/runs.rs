//! The runs that wait for a terminal, in the order of their clicks.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use bytes::Bytes;

use super::{
    film::Film,
    settle::{Cause, Settling, View},
};

/// A run's number, unique within a lab.
pub type RunNumber = u64;

/// Something to type, in parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// The number under which the lab hears of it.
    pub number: RunNumber,
    /// What is typed, in order.
    pub parts: VecDeque<Part>,
}

/// A part of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// Ctrl-C; what follows waits until the program has reacted.
    Interrupt,
    /// Text, typed as it is.
    Text(Bytes),
    /// Recorded output, shown as it once came. It is a run's last part.
    Play(Film),
}

/// Byte 0x03, which the terminal turns into an interrupt (termios, `VINTR`).
pub(super) const INTERRUPT: Bytes = Bytes::from_static(b"\x03");

/// The runs of one terminal.
#[derive(Debug)]
pub struct Runs {
    queue: VecDeque<Run>,
    settling: Option<Settling>,
    /// How long a wait may last.
    patience: Duration,
}

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Type Ctrl-C.
    Interrupt(Bytes),
    /// Type this text of a run.
    Type(RunNumber, Bytes),
    /// Show this film; that is all of the run.
    Play(RunNumber, Film),
    /// All of this run was typed.
    Finished(RunNumber),
    /// Look again soon.
    Wait,
    /// There is nothing to do.
    Idle,
}

impl Runs {
    /// Makes an empty queue whose waits last at most `patience`.
    #[must_use]
    pub fn new(patience: Duration) -> Self {
        Self {
            queue: VecDeque::new(),
            settling: None,
            patience,
        }
    }

    /// Adds a run at the end.
    pub fn push(&mut self, run: Run) {
        self.queue.push_back(run);
    }

    /// Whether no run waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Makes what follows wait for a fresh shell's prompt.
    pub fn shell_started(&mut self, now: Instant) {
        self.settling = Some(Settling::new(Cause::FreshShell, self.patience, now));
    }

    /// Notes what a program wrote.
    pub fn output(&mut self, bytes: &[u8], now: Instant) {
        if let Some(settling) = &mut self.settling {
            settling.output(bytes, now);
        }
    }

    /// Drops all runs, because their shell ended, and names them.
    pub fn clear(&mut self) -> Vec<RunNumber> {
        self.settling = None;
        self.queue.drain(..).map(|run| run.number).collect()
    }

    /// Drops the runs that wait to show a film, and names them.
    pub(super) fn clear_films(&mut self) -> Vec<RunNumber> {
        let shows = |run: &Run| run.parts.iter().any(|part| matches!(part, Part::Play(_)));
        let dropped = self.queue.iter().filter(|run| shows(run));
        let dropped = dropped.map(|run| run.number).collect();
        self.queue.retain(|run| !shows(run));
        dropped
    }

    /// Whether the next thing to do is to type text, for which a prompt may be waited for.
    #[must_use]
    pub(super) fn has_text_next(&self) -> bool {
        let next = self.queue.front().and_then(|run| run.parts.front());
        matches!(next, Some(Part::Text(_)))
    }

    /// Says what to do next; `view` is asked only when a wait may be over.
    pub(super) fn next(&mut self, view: impl FnOnce() -> View, now: Instant) -> Next {
        let Some(run) = self.queue.front_mut() else {
            return Next::Idle;
        };
        if let Some(settling) = &self.settling {
            if !settling.is_over(view(), now) {
                return Next::Wait;
            }
            self.settling = None;
        }
        match run.parts.pop_front() {
            Some(Part::Text(text)) => Next::Type(run.number, text),
            Some(Part::Interrupt) => {
                self.settling = Some(Settling::new(Cause::Interrupt, self.patience, now));
                Next::Interrupt(INTERRUPT)
            }
            Some(Part::Play(film)) => {
                let number = run.number;
                self.queue.pop_front();
                Next::Play(number, film)
            }
            None => {
                let number = run.number;
                self.queue.pop_front();
                Next::Finished(number)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUSY: View = View {
        shell_in_foreground: false,
        canonical: true,
    };
    const PROMPT: View = View {
        shell_in_foreground: true,
        canonical: false,
    };

    fn run(number: RunNumber, parts: impl Into<VecDeque<Part>>) -> Run {
        Run {
            number,
            parts: parts.into(),
        }
    }

    fn text(text: &'static str) -> Part {
        Part::Text(Bytes::from_static(text.as_bytes()))
    }

    #[test]
    fn later_runs_keep_their_order_behind_a_wait() {
        let start = Instant::now();
        let mut runs = Runs::new(Duration::from_secs(5));
        runs.push(run(1, [Part::Interrupt, text("one\r")]));
        runs.push(run(2, [text("two\r")]));
        assert_eq!(runs.next(|| BUSY, start), Next::Interrupt(INTERRUPT));
        assert_eq!(runs.next(|| BUSY, start), Next::Wait);
        runs.output(b"^C\r\n$ ", start);
        let later = start + Duration::from_millis(100);
        assert_eq!(runs.next(|| PROMPT, later), Next::Type(1, "one\r".into()));
        assert_eq!(runs.next(|| PROMPT, later), Next::Finished(1));
        assert_eq!(runs.next(|| PROMPT, later), Next::Type(2, "two\r".into()));
        assert_eq!(runs.next(|| PROMPT, later), Next::Finished(2));
        assert_eq!(runs.next(|| PROMPT, later), Next::Idle);
    }

    #[test]
    fn ended_shell_names_the_runs_it_leaves() {
        let mut runs = Runs::new(Duration::from_secs(5));
        runs.push(run(7, [text("x")]));
        assert_eq!(runs.clear(), [7]);
        assert!(runs.is_empty());
    }
}
