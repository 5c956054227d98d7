//! What became of the runs that were typed at a shell's prompt, as far as the shell tells.
//!
//! A shell's marks say when a command begins and ends, and the terminal says whether all that was
//! typed has been read. A run of several lines ends with the last command that they make: when the
//! shell begins a command, or shows its prompt, and nothing typed is left, that is the last one.
//! Whatever else was typed was *sent*: nobody can know what became of it, and nothing is claimed.

use std::{
    mem,
    time::{Duration, Instant, SystemTime},
};

use super::{
    mark::{Mark, MarkKind},
    runs::RunNumber,
};

/// How long a run waits for the one before it: most commands end, or take what was typed for
/// them, sooner than that, and what comes next is then typed at a prompt.
const HOLD: Duration = Duration::from_millis(500);

/// A shell that has read everything and tells nothing for this long waits for the rest of a
/// command, or tells nothing any more.
const SILENT: Duration = Duration::from_millis(500);

/// What a terminal holds for a shell at once (Linux, `N_TTY_BUF_SIZE`), and a little less. What is
/// beyond comes in later, so that nothing left for a moment is not yet nothing left.
const HELD_BYTES: usize = 4000;

/// How many runs, and shells within shells, are followed at once; older ones are given up.
const MOST: usize = 32;

/// What became of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// It was typed, and nobody can know more.
    Sent,
    /// Its first command runs.
    Running(Moment),
    /// Its last command ended, with this exit code where one is known.
    Ended(Option<i32>, Moment),
}

/// When and where in the terminal's output something happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// The time.
    pub at: SystemTime,
    /// Bytes of output before it.
    pub offset: u64,
}

/// What can be seen of a terminal from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sight {
    /// The process that leads the terminal's session.
    pub(super) leader: Option<i32>,
    /// The leader of the process group that reads.
    pub(super) foreground: Option<i32>,
    /// Whether a line editor is up.
    pub(super) editor: bool,
    /// Whether all that was typed has been read.
    pub(super) read_up: bool,
}

/// What a terminal's shells tell, and the runs that it says something of.
#[derive(Debug, Default)]
pub(super) struct Tracking {
    place: Place,
    /// The shells that have shown a prompt, each inside the one before.
    shells: Vec<i32>,
    last_code: Option<i32>,
    runs: Vec<Tracked>,
    news: Vec<(RunNumber, Stage)>,
    /// Since when everything looks as if nothing would be told any more.
    silent_since: Option<Instant>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Place {
    /// No shell has told anything.
    #[default]
    Unknown,
    /// A shell shows its prompt.
    Prompt { shell: i32, since: Instant },
    /// A shell executes a command.
    Running { shell: i32 },
    /// A command has ended, and the prompt is about to come.
    Between { shell: i32, since: Instant },
}

/// A run that was typed at a prompt and has not ended.
#[derive(Debug)]
struct Tracked {
    number: RunNumber,
    shell: i32,
    typed_at: Instant,
    /// Whether it is too long for one look to say that nothing is left.
    long: bool,
    began: bool,
    /// Whether the present command is the last one.
    last: bool,
    /// The end of its latest command.
    end: Option<(Option<i32>, Moment)>,
}

impl Tracking {
    /// What was found out since the last call.
    pub(super) fn take_news(&mut self) -> Vec<(RunNumber, Stage)> {
        mem::take(&mut self.news)
    }

    /// Whether there is anything to look after.
    pub(super) fn is_idle(&self) -> bool {
        self.runs.is_empty()
    }

    /// Whether a shell's line editor waits for a command.
    fn prompt(&self, sight: Sight) -> Option<i32> {
        match self.place {
            Place::Prompt { shell, .. } if sight.editor && sight.foreground == Some(shell) => {
                Some(shell)
            }
            _ => None,
        }
    }

    /// Whether the next run should wait a little: a prompt is about to come.
    pub(super) fn holds(&self, sight: Sight, now: Instant) -> bool {
        let recent = |since: Instant| now.duration_since(since) < HOLD;
        match self.place {
            Place::Prompt { since, .. } | Place::Between { since, .. }
                if self.prompt(sight).is_none() =>
            {
                recent(since)
            }
            _ => self.runs.last().is_some_and(|run| recent(run.typed_at)),
        }
    }

    /// Notes that a run's text of `len` bytes is typed.
    pub(super) fn typed(&mut self, number: RunNumber, len: usize, sight: Sight, now: Instant) {
        // What the run before has left unread and this one are one text to the shell.
        if let Some(before) = self.runs.pop_if(|run| !run.last) {
            self.news.push((before.number, Stage::Sent));
        }
        let Some(shell) = self.prompt(sight) else {
            self.news.push((number, Stage::Sent));
            return;
        };
        self.silent_since = None;
        self.runs.push(Tracked {
            number,
            shell,
            typed_at: now,
            long: len > HELD_BYTES,
            began: false,
            last: false,
            end: None,
        });
        if self.runs.len() > MOST {
            let oldest = self.runs.remove(0);
            self.news.push((oldest.number, Stage::Sent));
        }
    }

    /// Takes in a mark.
    pub(super) fn mark(&mut self, mark: Mark, moment: Moment, sight: Sight, now: Instant) {
        let Some(shell) = mark.shell.or(sight.leader) else {
            return;
        };
        self.silent_since = None;
        match mark.kind {
            MarkKind::Prompt => {
                let told_end = !matches!(self.place, Place::Running { shell: it } if it == shell);
                self.back_in(shell, Stage::Sent);
                if !told_end {
                    // Another program took the shell's place, and it is a shell too.
                    self.end_where(|run| run.shell == shell && run.began, |_| Stage::Sent);
                }
                if sight.read_up {
                    let done = |run: &Tracked| run.shell == shell && !run.long && run.end.is_some();
                    self.end_where(done, Tracked::ended);
                }
                self.place = Place::Prompt { shell, since: now };
            }
            MarkKind::Executes => {
                self.place = Place::Running { shell };
                if let Some(run) = self.runs.last_mut().filter(|run| run.shell == shell) {
                    run.last = sight.read_up && !run.long;
                    if !mem::replace(&mut run.began, true) {
                        self.news.push((run.number, Stage::Running(moment)));
                    }
                }
            }
            MarkKind::Ended(code) => {
                self.back_in(shell, Stage::Ended(code, moment));
                let executed = matches!(self.place, Place::Running { .. });
                // A line that is no command, such as a comment, leaves the last command's code.
                let failed_to_begin = code.is_some_and(|code| code != 0) && code != self.last_code;
                if executed || failed_to_begin {
                    for run in self.runs.iter_mut().filter(|run| run.shell == shell) {
                        run.end = Some((code, moment));
                    }
                }
                self.end_where(|run| run.shell == shell && run.last, Tracked::ended);
                self.last_code = code;
                self.place = Place::Between { shell, since: now };
            }
        }
    }

    /// Notes that `shell` tells something: those inside it have ended.
    fn back_in(&mut self, shell: i32, stage: Stage) {
        match self.shells.iter().position(|known| *known == shell) {
            Some(index) => {
                let inner = self.shells.split_off(index + 1);
                self.end_where(|run| inner.contains(&run.shell), |_| stage);
            }
            None if self.shells.len() < MOST => self.shells.push(shell),
            None => {}
        }
    }

    /// Looks at the terminal, as long as there are runs to look after.
    pub(super) fn look(&mut self, sight: Sight, sleeps: impl Fn(i32) -> bool, now: Instant) {
        let Some(run) = self.runs.last() else { return };
        let shell = run.shell;
        let waits = sight.read_up && sight.editor && sight.foreground == Some(shell);
        let calm = match self.place {
            Place::Running { shell: it } if it == shell && !waits => sight.read_up && !run.last,
            _ => waits && sleeps(shell),
        };
        if !calm {
            self.silent_since = None;
            return;
        }
        let since = *self.silent_since.get_or_insert(now);
        if now.duration_since(since) < SILENT {
            return;
        }
        self.silent_since = None;
        match self.place {
            // A program has taken the rest, or nothing more was on its way.
            Place::Running { .. } if !waits => {
                if let Some(run) = self.runs.last_mut() {
                    run.last = true;
                }
            }
            // The prompt is back and the shell has said nothing of it.
            Place::Running { .. } => {
                self.place = Place::Unknown;
                self.end_where(|run| run.shell == shell, |_| Stage::Sent);
            }
            _ => {
                // A long text that is read up by now; or one that lacks its end.
                let all_told = |run: &Tracked| run.shell == shell && run.long && run.end.is_some();
                self.end_where(all_told, Tracked::ended);
                self.end_where(|run| run.shell == shell, |_| Stage::Sent);
            }
        }
    }

    /// Notes that output came: what looked like silence was none.
    pub(super) fn output(&mut self) {
        if !matches!(self.place, Place::Running { .. }) {
            self.silent_since = None;
        }
    }

    /// Notes that the terminal's shell has ended.
    pub(super) fn shell_ended(&mut self, code: Option<i32>, moment: Moment) {
        self.end_where(|run| run.began, |_| Stage::Ended(code, moment));
        self.end_where(|_| true, |_| Stage::Sent);
        self.place = Place::Unknown;
        self.shells.clear();
    }

    fn end_where(&mut self, which: impl Fn(&Tracked) -> bool, stage: impl Fn(&Tracked) -> Stage) {
        let news = &mut self.news;
        self.runs.retain(|run| {
            let ends = which(run);
            if ends {
                // Inside a shell that ended, what never began was never read.
                news.push((run.number, stage(run)));
            }
            !ends
        });
    }
}

impl Tracked {
    fn ended(&self) -> Stage {
        self.end
            .map_or(Stage::Sent, |(code, moment)| Stage::Ended(code, moment))
    }
}
