//! When a terminal is ready for the next text: after its shell started, and after an interrupt.
//!
//! A command that is typed while a program still dies can be swallowed by it, or be thrown away by
//! a line editor that handles the interrupt. So a run waits until the shell, or the interrupted
//! program's own prompt, is back. All of this is judgement from outside; a deadline bounds it.

use std::time::{Duration, Instant};

use vte::{Parser, Perform};

/// What the kernel echoes for Ctrl-C; it is no sign of life of the program.
const INTERRUPT_ECHO: &[u8] = b"^C";

/// A line editor that has written something and is quiet for this long has shown its prompt.
const EDITOR_QUIET: Duration = Duration::from_millis(30);

/// A program without a line editor must be quiet for longer before it is taken to wait.
const PROGRAM_QUIET: Duration = Duration::from_millis(200);

/// A line editor that shows no reaction to an interrupt at all had none to show.
const SILENT_EDITOR: Duration = Duration::from_millis(300);

/// What a run waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// A shell has just been started.
    FreshShell,
    /// Ctrl-C was typed.
    Interrupt,
}

/// What can be seen of a terminal's programs.
#[derive(Debug, Clone, Copy)]
pub(super) struct View {
    /// Whether the shell itself is in the foreground.
    pub(super) shell_in_foreground: bool,
    /// Whether the terminal hands over whole lines, so that no line editor is waiting.
    pub(super) canonical: bool,
}

/// How a wait has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The terminal is ready.
    Ready,
    /// It is not, as far as can be seen, and the patience is at its end.
    Impatient,
    /// The patience is at its end, and the interrupted program does not read what is typed.
    Deaf,
}

/// A wait, and what has been seen since it began.
#[derive(Debug)]
pub(super) struct Settling {
    cause: Cause,
    began: Instant,
    /// None where the patience is longer than any clock.
    deadline: Option<Instant>,
    last_output: Instant,
    /// The first bytes since then, as many as the echo has, and one more.
    head: Vec<u8>,
    /// Of what is written after an interrupt.
    last_line: Option<LastLine>,
}

/// Finds out whether the last line that was written has its end, whatever escape sequences are
/// behind that.
struct LastLine {
    parser: Box<Parser<0>>,
    end: LineEnd,
}

#[derive(Debug, Default)]
struct LineEnd {
    ended: bool,
}

impl LastLine {
    fn new() -> Self {
        Self {
            parser: Box::new(Parser::new_with_size()),
            end: LineEnd::default(),
        }
    }

    fn output(&mut self, bytes: &[u8]) {
        self.parser.advance(&mut self.end, bytes);
    }
}

impl std::fmt::Debug for LastLine {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.end.fmt(formatter)
    }
}

impl Perform for LineEnd {
    fn print(&mut self, _: char) {
        self.ended = false;
    }

    fn execute(&mut self, byte: u8) {
        self.ended |= byte == b'\n';
    }
}

impl Settling {
    /// Begins to wait at `now`, for at most `patience`.
    #[must_use]
    pub(super) fn new(cause: Cause, patience: Duration, now: Instant) -> Self {
        let head = Vec::with_capacity(INTERRUPT_ECHO.len() + 1);
        Self {
            cause,
            began: now,
            deadline: now.checked_add(patience),
            last_output: now,
            head,
            last_line: (cause == Cause::Interrupt).then(LastLine::new),
        }
    }

    /// Notes that a program wrote `bytes`.
    pub(super) fn output(&mut self, bytes: &[u8], now: Instant) {
        let room = (INTERRUPT_ECHO.len() + 1).saturating_sub(self.head.len());
        self.head.extend(bytes.iter().take(room));
        if let Some(last_line) = &mut self.last_line {
            last_line.output(bytes);
        }
        self.last_output = now;
    }

    /// Whether the next text may be typed, and why; nothing while it must wait. `reads` says
    /// whether the program in the foreground sleeps in a read of the terminal, where the system
    /// tells.
    #[must_use]
    pub(super) fn verdict(
        &self,
        view: View,
        reads: impl Fn() -> Option<bool>,
        now: Instant,
    ) -> Option<Verdict> {
        let is_deaf = || view.canonical && reads() == Some(false);
        if self.is_ready(view, is_deaf, now) {
            return Some(Verdict::Ready);
        }
        self.deadline.filter(|deadline| now >= *deadline)?;
        let deaf = self.cause == Cause::Interrupt && is_deaf();
        Some(if deaf {
            Verdict::Deaf
        } else {
            Verdict::Impatient
        })
    }

    fn is_ready(&self, view: View, is_deaf: impl Fn() -> bool, now: Instant) -> bool {
        let quiet = now.duration_since(self.last_output);
        let waited = now.duration_since(self.began);
        let editor_waits = !view.canonical;
        match (self.cause, view.shell_in_foreground) {
            (Cause::FreshShell, true) if editor_waits => quiet >= EDITOR_QUIET,
            (Cause::FreshShell, _) => self.reacted() && quiet >= PROGRAM_QUIET,
            (Cause::Interrupt, true) if editor_waits => {
                quiet >= EDITOR_QUIET && (self.reacted() || waited >= SILENT_EDITOR)
            }
            (Cause::Interrupt, true) => quiet >= PROGRAM_QUIET && !is_deaf(),
            // A program that took the interrupt and waits again: its line editor is up, or it
            // wrote a prompt, a line without an end, and reads.
            (Cause::Interrupt, false) => {
                let ends_line = self.last_line.as_ref().is_some_and(|line| line.end.ended);
                let prompts = || !ends_line && !is_deaf();
                self.reacted() && quiet >= PROGRAM_QUIET && (editor_waits || prompts())
            }
        }
    }

    /// Whether a program wrote something, beyond the echo of the interrupt.
    fn reacted(&self) -> bool {
        match self.cause {
            Cause::FreshShell => !self.head.is_empty(),
            Cause::Interrupt => {
                let beyond = self.head.strip_prefix(INTERRUPT_ECHO).unwrap_or(&self.head);
                !beyond.is_empty()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(5);
    const SHELL: View = View {
        shell_in_foreground: true,
        canonical: false,
    };
    const LOOP: View = View {
        shell_in_foreground: false,
        canonical: true,
    };
    const REPL: View = View {
        shell_in_foreground: false,
        canonical: false,
    };

    /// How the wait is over `after_ms` milliseconds after `output` came, byte by byte, of a program
    /// that reads or does not, as far as is known.
    fn verdict(
        cause: Cause,
        output: &[u8],
        view: View,
        reads: Option<bool>,
        after_ms: u64,
    ) -> Option<Verdict> {
        let began = Instant::now();
        let mut settling = Settling::new(cause, PATIENCE, began);
        for byte in output.chunks(1) {
            settling.output(byte, began);
        }
        settling.verdict(view, || reads, began + Duration::from_millis(after_ms))
    }

    /// Whether the wait is over then, where nobody knows whether the program reads.
    fn check(cause: Cause, output: &[u8], view: View, after_ms: u64) -> bool {
        verdict(cause, output, view, None, after_ms).is_some()
    }

    #[test]
    fn shell_that_shows_its_prompt_again_is_ready() {
        assert!(check(Cause::Interrupt, b"^C\r\n$ ", SHELL, 40));
        assert!(!check(Cause::Interrupt, b"^C\r\n$ ", SHELL, 10));
    }

    #[test]
    fn echo_alone_is_no_reaction_of_a_program() {
        assert!(!check(Cause::Interrupt, b"^C", LOOP, 4_000));
    }

    #[test]
    fn program_that_reports_its_shutdown_in_lines_is_not_ready() {
        assert!(!check(
            Cause::Interrupt,
            b"^CINFO: Shutting down\r\n",
            LOOP,
            4_000
        ));
    }

    #[test]
    fn escape_sequences_behind_a_line_are_no_prompt() {
        let stops = b"^C\x1b[33mshutting down\r\n\x1b[0m\x1b]0;bye\x07";
        assert!(!check(Cause::Interrupt, stops, LOOP, 4_000));
        let prompts = b"^C\r\n\x1b[33m> \x1b[0m";
        assert!(check(Cause::Interrupt, prompts, LOOP, 250));
    }

    #[test]
    fn program_that_does_not_read_is_not_ready_and_patience_says_so() {
        let after = |reads, ms| verdict(Cause::Interrupt, b"^CStopping... ", LOOP, reads, ms);
        assert_eq!(after(Some(false), 4_000), None);
        assert_eq!(after(Some(false), 5_000), Some(Verdict::Deaf));
        assert_eq!(after(Some(true), 250), Some(Verdict::Ready));
        assert_eq!(after(None, 250), Some(Verdict::Ready));
        let silent = |reads| verdict(Cause::Interrupt, b"^C", LOOP, reads, 5_000);
        assert_eq!(silent(Some(true)), Some(Verdict::Impatient));
        assert_eq!(silent(None), Some(Verdict::Impatient));
        let shell = verdict(Cause::FreshShell, b"", LOOP, Some(false), 5_000);
        assert_eq!(shell, Some(Verdict::Impatient));
    }

    #[test]
    fn program_that_shows_a_prompt_after_the_interrupt_is_ready() {
        assert!(check(
            Cause::Interrupt,
            b"^CKeyboardInterrupt\r\n>>> ",
            LOOP,
            250
        ));
        assert!(check(
            Cause::Interrupt,
            b"^CKeyboardInterrupt\r\n>>> ",
            REPL,
            250
        ));
    }

    proptest! {
        #[test]
        fn prop_any_times_are_judged_without_panic_and_patience_ends_all(
            fresh: bool,
            patience in prop_oneof![Just(u64::MAX), any::<u64>(), 0u64..10_000],
            outputs in prop::collection::vec((0u64..1 << 40, prop::collection::vec(any::<u8>(), 0..6)), 0..6),
            asked in 0u64..1 << 40,
            shell_in_foreground: bool,
            canonical: bool,
            reads: Option<bool>,
        ) {
            let began = Instant::now();
            let at = |ms| began + Duration::from_millis(ms);
            let cause = if fresh { Cause::FreshShell } else { Cause::Interrupt };
            // From times that a clock cannot reach to those that a person would give.
            let wait = Duration::from_secs(patience);
            let mut settling = Settling::new(cause, wait, at(1 << 20));
            for (ms, bytes) in outputs {
                settling.output(&bytes, at(ms));
            }
            let view = View { shell_in_foreground, canonical };
            let over = settling.verdict(view, || reads, at(asked)).is_some();
            let deadline = at(1 << 20).checked_add(wait);
            prop_assert!(over || deadline.is_none_or(|deadline| at(asked) < deadline));
        }
    }

    #[test]
    fn patience_ends_every_wait() {
        assert!(check(Cause::Interrupt, b"^C", LOOP, 5_000));
        assert!(check(Cause::FreshShell, b"", LOOP, 5_000));
    }

    #[test]
    fn fresh_shell_without_output_is_not_ready() {
        assert!(!check(
            Cause::FreshShell,
            b"",
            View {
                canonical: true,
                ..SHELL
            },
            3_000
        ));
        assert!(check(
            Cause::FreshShell,
            b"$ ",
            View {
                canonical: true,
                ..SHELL
            },
            250
        ));
    }
}
