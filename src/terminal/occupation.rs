//! What stands in a terminal: a shell at its prompt, a program that reads what is typed, or one
//! that does not. It decides what becomes of a click.

use std::time::{Duration, Instant, SystemTime};

/// A terminal must be busy for this long before a click is refused: most commands end sooner.
pub(super) const BUSY_FOR: Duration = Duration::from_millis(400);

/// A prompt must stand for this long before a run is typed that waited for it.
const PROMPT_FOR: Duration = Duration::from_millis(100);

/// So long a line editor of another program must be up: it goes and comes with each line.
const EDITOR_FOR: Duration = Duration::from_millis(300);

/// So long another program must wait for a line.
const READER_FOR: Duration = Duration::from_secs(1);

/// What stands in a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Occupation {
    /// A shell waits for a command.
    Prompt,
    /// Nobody can tell; what is typed goes there as ever.
    Unknown,
    /// A program, or a shell in the midst of a command, waits for what is typed.
    Reads {
        /// Whether a line editor is up.
        editor: bool,
    },
    /// A program runs that does not read, as far as the system tells.
    Busy,
    /// It changes right now.
    Unsettled,
}

/// What can be seen of the program in the foreground.
#[derive(Debug, Clone, Copy)]
pub(super) struct Outside {
    /// What it is.
    pub(super) program: Program,
    /// Whether it has switched line mode off, and so reads letter by letter.
    pub(super) editor: bool,
    /// Whether all that was typed has been read.
    pub(super) read_up: bool,
}

/// What stands in the foreground.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Program {
    /// A shell that has told nothing of a command.
    IdleShell,
    /// A program that shows a screen of its own, as an editor or a pager does: no place for a line.
    FullScreen,
    /// Anything else.
    Other,
}

impl Occupation {
    /// Judges from outside; `reads` says whether the program sleeps in a read of the terminal,
    /// where the system tells.
    pub(super) fn judge(outside: Outside, reads: impl FnOnce() -> Option<bool>) -> Self {
        let waits = if outside.editor { Some(true) } else { reads() };
        match (waits, outside.program) {
            (_, Program::FullScreen) => Self::Busy,
            _ if !outside.read_up => Self::Busy,
            (Some(true), Program::IdleShell) => Self::Prompt,
            (Some(true), Program::Other) => Self::Reads {
                editor: outside.editor,
            },
            (None, Program::IdleShell) => Self::Unknown,
            (Some(false) | None, _) => Self::Busy,
        }
    }
}

/// How patiently a run waits for its terminal.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum When {
    /// It is typed as soon as those before it are, whatever stands there.
    #[default]
    Now,
    /// It is typed, or refused where a program stands there that does not read.
    Ask,
    /// It waits until a prompt is back: a shell's, or a line editor's.
    Prompt,
    /// It waits for a prompt, or for any program that has waited for a line for a while.
    Reader,
}

/// What keeps a terminal busy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Occupant {
    /// The program's command line, shortened; nothing for what the shell does by itself, and where
    /// the system does not tell.
    pub program: Option<String>,
    /// Since when it runs, where the shell told.
    pub since: Option<SystemTime>,
}

/// What stood in a terminal at the last look, and since when.
#[derive(Debug, Default)]
pub(super) struct Steady(Option<(Instant, Occupation)>);

impl Steady {
    /// Notes what stands there now.
    pub(super) fn note(&mut self, occupation: Occupation, now: Instant) {
        match self.0 {
            Some((_, before)) if before == occupation => {}
            _ => self.0 = Some((now, occupation)),
        }
    }

    /// Forgets it, because something is typed.
    pub(super) fn forget(&mut self) {
        self.0 = None;
    }

    /// What becomes of a run: whether it may be typed, or is refused; nothing while it must wait.
    pub(super) fn verdict(&self, when: When, now: Instant) -> Option<bool> {
        let (since, occupation) = self.0?;
        let steady = now.duration_since(since);
        let after = |least: Duration| (steady >= least).then_some(true);
        match (when, occupation) {
            (When::Now, _) => Some(true),
            (_, Occupation::Unsettled) => None,
            (When::Ask, Occupation::Busy) => (steady >= BUSY_FOR).then_some(false),
            (When::Ask, _) => Some(true),
            (_, Occupation::Prompt) => after(PROMPT_FOR),
            (_, Occupation::Reads { editor: true }) => after(EDITOR_FOR),
            (When::Reader, Occupation::Reads { .. }) => after(READER_FOR),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const READER: Outside = Outside {
        program: Program::Other,
        editor: false,
        read_up: true,
    };

    fn check(outside: Outside, reads: Option<bool>, wanted: Occupation) {
        assert_eq!(Occupation::judge(outside, || reads), wanted, "{outside:?}");
    }

    #[test]
    fn program_that_waits_for_a_line_reads() {
        check(READER, Some(true), Occupation::Reads { editor: false });
        let editor = Outside {
            editor: true,
            ..READER
        };
        check(editor, None, Occupation::Reads { editor: true });
    }

    #[test]
    fn program_that_does_not_read_or_may_not_is_busy() {
        check(READER, Some(false), Occupation::Busy);
        check(READER, None, Occupation::Busy);
        for outside in [
            Outside {
                read_up: false,
                ..READER
            },
            Outside {
                program: Program::FullScreen,
                editor: true,
                ..READER
            },
        ] {
            check(outside, Some(true), Occupation::Busy);
        }
    }

    #[test]
    fn shell_that_tells_nothing_is_at_its_prompt_where_it_reads() {
        let shell = Outside {
            program: Program::IdleShell,
            ..READER
        };
        check(shell, Some(true), Occupation::Prompt);
        check(shell, Some(false), Occupation::Busy);
        check(shell, None, Occupation::Unknown);
    }

    fn verdict(when: When, occupation: Occupation, after_ms: u64) -> Option<bool> {
        let now = Instant::now();
        let mut steady = Steady::default();
        steady.note(occupation, now);
        steady.verdict(when, now + Duration::from_millis(after_ms))
    }

    #[test]
    fn click_is_refused_only_where_the_terminal_stays_busy() {
        assert_eq!(verdict(When::Ask, Occupation::Busy, 100), None);
        assert_eq!(verdict(When::Ask, Occupation::Busy, 400), Some(false));
        assert_eq!(verdict(When::Ask, Occupation::Unsettled, 9_000), None);
        let reads = Occupation::Reads { editor: false };
        for free in [Occupation::Prompt, Occupation::Unknown, reads] {
            assert_eq!(verdict(When::Ask, free, 0), Some(true));
        }
    }

    #[test]
    fn run_that_waits_for_a_prompt_answers_no_question() {
        let reads = Occupation::Reads { editor: false };
        assert_eq!(verdict(When::Prompt, reads, 60_000), None);
        assert_eq!(verdict(When::Reader, reads, 60_000), Some(true));
        for when in [When::Prompt, When::Reader] {
            assert_eq!(verdict(when, Occupation::Prompt, 200), Some(true));
            assert_eq!(verdict(when, Occupation::Busy, 60_000), None);
            assert_eq!(verdict(when, Occupation::Unknown, 60_000), None);
        }
    }
}
