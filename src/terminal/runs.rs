//! The runs that wait for a terminal, in the order of their clicks.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use bytes::Bytes;
use regex::Regex;

use super::{
    film::Film,
    occupation::{Occupation, Steady, When},
    settle::{Cause, Settling, Verdict, View},
};

/// A run's number, unique within a lab.
pub type RunNumber = u64;

/// Something to type, in parts.
#[derive(Debug, Clone)]
pub struct Run {
    /// The number under which the lab hears of it.
    pub number: RunNumber,
    /// What is typed, in order.
    pub parts: VecDeque<Part>,
    /// How patiently it waits for the terminal.
    pub when: When,
    /// The prompt of the program that it is typed into, where its author named one.
    pub prompt: Option<Regex>,
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
    /// Those that go as soon as they can.
    queue: VecDeque<Run>,
    /// Those that are typed or refused, as the terminal stands.
    asking: VecDeque<Run>,
    /// Those that wait for a prompt.
    patient: VecDeque<Run>,
    steady: Steady,
    settling: Option<Settling>,
    /// How long a wait may last.
    patience: Duration,
}

/// What to do next.
#[derive(Debug, Clone)]
pub enum Next {
    /// Type Ctrl-C.
    Interrupt(Bytes),
    /// Type this text of a run, and look for this prompt afterwards.
    Type(RunNumber, Bytes, Option<Regex>),
    /// Show this film; that is all of the run.
    Play(RunNumber, Film),
    /// All of this run was typed.
    Finished(RunNumber),
    /// These runs wait on, for a prompt or a program that reads.
    Deferred(Vec<RunNumber>),
    /// Look again soon.
    Wait,
    /// There is nothing to do.
    Idle,
}

/// What becomes of a run that looks at how its terminal stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// It is typed next.
    Accepted(RunNumber),
    /// It is given up, because the terminal is busy.
    Refused(RunNumber),
    /// It waits on. Look again soon.
    Wait,
}

impl Runs {
    /// Makes an empty queue whose waits last at most `patience`.
    #[must_use]
    pub fn new(patience: Duration) -> Self {
        Self {
            queue: VecDeque::new(),
            asking: VecDeque::new(),
            patient: VecDeque::new(),
            steady: Steady::default(),
            settling: None,
            patience,
        }
    }

    /// Adds a run behind those that are as patient. One that begins with an interrupt goes before
    /// those that wait for a prompt: it is what brings the prompt back.
    pub fn push(&mut self, run: Run) {
        let interrupts = matches!(run.parts.front(), Some(Part::Interrupt));
        match run.when {
            When::Now => self.queue.push_back(run),
            _ if interrupts => self.queue.push_back(run),
            When::Ask => self.asking.push_back(run),
            When::Prompt | When::Reader => self.patient.push_back(run),
        }
    }

    /// Takes back a run that waits to see how the terminal stands. Says whether there was one.
    pub fn cancel(&mut self, number: RunNumber) -> bool {
        let before = self.patient.len();
        self.patient.retain(|run| run.number != number);
        self.patient.len() < before
    }

    /// Whether no run waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty() && !self.looks()
    }

    /// Whether a run waits to see how the terminal stands.
    pub(super) fn looks(&self) -> bool {
        !self.asking.is_empty() || !self.patient.is_empty()
    }

    /// Whether somebody waits for an answer.
    pub(super) fn asks(&self) -> bool {
        !self.asking.is_empty()
    }

    /// Says what becomes of the first run that looks at how the terminal stands, given that no
    /// other is to be typed before it.
    pub(super) fn admit(
        &mut self,
        view: impl FnOnce() -> View,
        reads: impl Fn() -> Option<bool>,
        occupation: impl FnOnce() -> Occupation,
        now: Instant,
    ) -> Admission {
        if let Some(settling) = &self.settling {
            if settling.verdict(view(), reads, now).is_none() {
                return Admission::Wait;
            }
            self.settling = None;
        }
        let runs = if self.asking.is_empty() {
            &mut self.patient
        } else {
            &mut self.asking
        };
        let Some(when) = runs.front().map(|run| run.when) else {
            return Admission::Wait;
        };
        self.steady.note(occupation(), now);
        let Some(typed) = self.steady.verdict(when, now) else {
            return Admission::Wait;
        };
        let Some(mut run) = runs.pop_front() else {
            return Admission::Wait;
        };
        let number = run.number;
        if typed {
            self.steady.forget();
            run.when = When::Now;
            self.queue.push_back(run);
            Admission::Accepted(number)
        } else {
            Admission::Refused(number)
        }
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
        self.steady.forget();
        let all = [&mut self.queue, &mut self.asking, &mut self.patient];
        let runs = all.into_iter().flat_map(|runs| runs.drain(..));
        runs.map(|run| run.number).collect()
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

    /// Says what to do next; `view` and `reads` are asked only when a wait may be over.
    pub(super) fn next(
        &mut self,
        view: impl FnOnce() -> View,
        reads: impl Fn() -> Option<bool>,
        now: Instant,
    ) -> Next {
        let Some(run) = self.queue.front() else {
            return Next::Idle;
        };
        if let Some(settling) = &self.settling {
            let Some(verdict) = settling.verdict(view(), reads, now) else {
                return Next::Wait;
            };
            let goes = match verdict {
                Verdict::Ready => true,
                // Only a person may give up waiting for the prompt.
                Verdict::Impatient => run.when == When::Now,
                Verdict::Deaf => false,
            };
            self.settling = None;
            if !goes && self.has_text_next() {
                return Next::Deferred(self.defer());
            }
        }
        let Some(run) = self.queue.front_mut() else {
            return Next::Idle;
        };
        match run.parts.pop_front() {
            Some(Part::Text(text)) => Next::Type(run.number, text, run.prompt.take()),
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

    /// Has the texts at the front of the queue wait for as long as it takes, before those that do
    /// so already. What else is typed, such as another interrupt, goes as ever.
    fn defer(&mut self) -> Vec<RunNumber> {
        let is_text = |run: &Run| matches!(run.parts.front(), Some(Part::Text(_)));
        let first_other = self.queue.iter().position(|run| !is_text(run));
        let texts = first_other.unwrap_or(self.queue.len());
        let mut deferred: VecDeque<Run> = self.queue.drain(..texts).collect();
        for run in &mut deferred {
            if run.when == When::Now {
                run.when = When::Reader;
            }
        }
        let numbers = deferred.iter().map(|run| run.number).collect();
        deferred.append(&mut self.patient);
        self.patient = deferred;
        numbers
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
            when: When::Now,
            prompt: None,
        }
    }

    fn text(text: &'static str) -> Part {
        Part::Text(Bytes::from_static(text.as_bytes()))
    }

    /// What is to be done, in a word, where the system does not tell whether a program reads.
    fn next(runs: &mut Runs, view: View, now: Instant) -> String {
        next_with(runs, view, None, now)
    }

    fn next_with(runs: &mut Runs, view: View, reads: Option<bool>, now: Instant) -> String {
        match runs.next(|| view, || reads, now) {
            Next::Interrupt(_) => "interrupt".to_owned(),
            Next::Type(number, ..) => format!("type {number}"),
            Next::Play(number, _) => format!("play {number}"),
            Next::Finished(number) => format!("finished {number}"),
            Next::Deferred(numbers) => format!("deferred {numbers:?}"),
            Next::Wait => "wait".to_owned(),
            Next::Idle => "idle".to_owned(),
        }
    }

    #[test]
    fn later_runs_keep_their_order_behind_a_wait() {
        let start = Instant::now();
        let mut runs = Runs::new(Duration::from_secs(5));
        runs.push(run(1, [Part::Interrupt, text("one\r")]));
        runs.push(run(2, [text("two\r")]));
        assert_eq!(next(&mut runs, BUSY, start), "interrupt");
        assert_eq!(next(&mut runs, BUSY, start), "wait");
        runs.output(b"^C\r\n$ ", start);
        let later = start + Duration::from_millis(100);
        for done in ["type 1", "finished 1", "type 2", "finished 2", "idle"] {
            assert_eq!(next(&mut runs, PROMPT, later), done);
        }
    }

    #[test]
    fn ended_shell_names_the_runs_it_leaves() {
        let mut runs = Runs::new(Duration::from_secs(5));
        runs.push(run(7, [text("x")]));
        let queued = Run {
            when: When::Prompt,
            ..run(8, [text("x")])
        };
        runs.push(queued);
        assert_eq!(runs.clear(), [7, 8]);
        assert!(runs.is_empty());
    }

    /// What becomes of the runs of a terminal that has been so for a minute.
    fn admit(runs: &mut Runs, occupation: Occupation) -> Admission {
        let now = Instant::now();
        runs.admit(|| PROMPT, || None, || occupation, now);
        let later = now + Duration::from_secs(60);
        runs.admit(|| PROMPT, || None, || occupation, later)
    }

    #[test]
    fn queue_is_kept_in_order_and_one_can_be_taken_back() {
        let mut runs = Runs::new(Duration::from_secs(5));
        for number in 1..4 {
            runs.push(Run {
                when: When::Prompt,
                ..run(number, [text("x")])
            });
        }
        assert_eq!(admit(&mut runs, Occupation::Busy), Admission::Wait);
        assert!(runs.cancel(2) && !runs.cancel(2));
        assert_eq!(next(&mut runs, BUSY, Instant::now()), "idle");
        assert_eq!(admit(&mut runs, Occupation::Prompt), Admission::Accepted(1));
        assert_eq!(next(&mut runs, PROMPT, Instant::now()), "type 1");
        assert_eq!(admit(&mut runs, Occupation::Prompt), Admission::Accepted(3));
        assert!(!runs.looks());
    }

    #[test]
    fn interrupt_goes_before_what_waits_and_its_text_waits_for_ever() {
        let start = Instant::now();
        let mut runs = Runs::new(Duration::from_secs(5));
        let patient = |number, parts: Vec<Part>| Run {
            when: When::Prompt,
            ..run(number, parts)
        };
        runs.push(patient(1, vec![text("one")]));
        runs.push(patient(2, vec![Part::Interrupt, text("two")]));
        assert_eq!(next(&mut runs, BUSY, start), "interrupt");
        let late = start + Duration::from_secs(6);
        assert_eq!(next(&mut runs, BUSY, late), "deferred [2]");
        assert_eq!(next(&mut runs, BUSY, late), "idle");
        assert_eq!(admit(&mut runs, Occupation::Busy), Admission::Wait);
        assert_eq!(admit(&mut runs, Occupation::Prompt), Admission::Accepted(2));
    }

    #[test]
    fn text_behind_an_ignored_interrupt_waits_for_a_program_that_reads() {
        let start = Instant::now();
        let late = start + Duration::from_secs(6);
        for (reads, wanted) in [(Some(true), "type 1"), (None, "type 1")] {
            let mut runs = Runs::new(Duration::from_secs(5));
            runs.push(run(1, [Part::Interrupt, text("one\r")]));
            assert_eq!(next(&mut runs, BUSY, start), "interrupt");
            assert_eq!(next_with(&mut runs, BUSY, reads, late), wanted);
        }
        let mut runs = Runs::new(Duration::from_secs(5));
        runs.push(run(1, [Part::Interrupt, Part::Interrupt, text("one\r")]));
        runs.push(run(2, [text("two\r")]));
        runs.push(run(3, [Part::Interrupt, text("three\r")]));
        let mut deaf = |seconds| {
            let now = start + Duration::from_secs(seconds);
            next_with(&mut runs, BUSY, Some(false), now)
        };
        assert_eq!(deaf(0), "interrupt");
        assert_eq!(deaf(5), "interrupt", "the block's second one");
        assert_eq!(deaf(10), "deferred [1, 2]");
        assert_eq!(deaf(10), "interrupt", "the next block's");
        assert_eq!(deaf(15), "deferred [3]");
        assert_eq!(deaf(15), "idle");
        let reads = Occupation::Reads { editor: false };
        assert_eq!(admit(&mut runs, Occupation::Busy), Admission::Wait);
        assert_eq!(admit(&mut runs, reads), Admission::Accepted(3));
    }
}
