//! What became of the runs that were typed at a shell's prompt, as far as the shell tells.
//!
//! A shell's marks say when a command begins and ends, and the terminal says whether all that was
//! typed has been read. A run of several lines ends with the last command that they make. What is
//! seen from outside is newer than the mark that was read last, by what is still on its way; so it
//! counts only when it stays the same for a moment in which nothing comes.
//!
//! Whatever else was typed was *sent*: nobody can know what became of it, and nothing is claimed.

use std::{
    mem,
    time::{Duration, Instant, SystemTime},
};

use super::{
    aftermath::Settled,
    mark::{Mark, MarkKind},
    occupation::{Occupation, Outside, Program},
    output::Output,
    runs::RunNumber,
};

/// How long a run waits for the one before it: most commands end, or take what was typed for
/// them, sooner than that, and what comes next is then typed at a prompt.
const HOLD: Duration = Duration::from_millis(500);

/// A shell that has read everything and tells nothing for this long waits for the rest of a
/// command, or tells nothing any more.
const SILENT: Duration = Duration::from_millis(500);

/// How long a run waits for the first prompt of a shell that was asked to tell of it.
const HOLD_FRESH: Duration = Duration::from_secs(3);

/// What stays the same for this long had nothing on its way. The kernel hands over output within
/// a fraction of it.
const STEADY: Duration = Duration::from_millis(30);

/// How long the mark may be on its way that a shell wrote before its line editor came up.
const ON_ITS_WAY: Duration = Duration::from_millis(100);

/// How often a run that needs to be looked after is looked at.
const LOOK: Duration = Duration::from_millis(15);

/// How often a run is looked at whose end the shell will tell.
const LOOK_SELDOM: Duration = Duration::from_millis(250);

/// How many runs, and shells within shells, are followed at once; older ones are given up.
const MOST: usize = 32;

/// What became of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// It was typed, then and there, and nobody can know more.
    Sent(Moment),
    /// Its first command runs.
    Running(Moment),
    /// Its last command ended, with this exit code where one is known.
    Ended(Option<i32>, Moment),
    /// A recording is shown in its place.
    Playing(Moment),
    /// The recording is over, or was stopped.
    Played(Moment),
    /// It was sent, or still runs, and this can be seen of it.
    Settled(Settled),
}

/// When and where in the terminal's output something happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// The time.
    pub at: SystemTime,
    /// Bytes of output before it.
    pub offset: u64,
}

impl Moment {
    /// Now, behind all that was written.
    pub(super) fn now(output: &Output) -> Self {
        Self {
            at: SystemTime::now(),
            offset: output.end(),
        }
    }
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
    /// Whether any of them gave its process id.
    named: bool,
    last_code: Option<i32>,
    runs: Vec<Tracked>,
    news: Vec<(RunNumber, Stage)>,
    /// Since when the terminal looks the same, and how.
    steady: Option<(Instant, Look)>,
    /// When something was typed last.
    input_at: Option<Instant>,
    /// Since when the shell at its prompt looks as if it had nothing more to do.
    ready_since: Option<(Instant, i32)>,
    /// Since when a shell's line editor is up, though it has not told that its command ended.
    back_since: Option<Instant>,
    /// Until when a first prompt is waited for.
    fresh_until: Option<Instant>,
    /// When the command began that a shell executes.
    running_since: Option<SystemTime>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Place {
    /// No shell has told anything.
    #[default]
    Unknown,
    /// A shell shows its prompt.
    Prompt { shell: i32, since: Instant },
    /// A shell waits for the rest of a command.
    Continues,
    /// A shell executes a command.
    Running { shell: i32 },
    /// A command has ended, and the prompt is about to come.
    Between { shell: i32, since: Instant },
}

/// What a terminal looks like, for the run that was typed last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Look {
    /// Nothing can be said yet.
    Busy,
    /// A program runs, and nothing that was typed is left.
    LastCommand,
    /// The shell waits for a command, and nothing that was typed is left.
    Prompt,
    /// The shell waits, and it has not said so, or not for a command.
    Silent,
}

/// A run that was typed at a prompt and has not ended.
#[derive(Debug)]
struct Tracked {
    number: RunNumber,
    shell: i32,
    typed: Moment,
    typed_at: Instant,
    /// Whether it is one line, which makes one command at most.
    one_line: bool,
    began: bool,
    /// Whether the present command is the last one.
    last: bool,
    /// The end of its latest command.
    end: Option<(Option<i32>, Moment)>,
}

impl Tracking {
    /// Waits for a fresh shell that was asked to tell of its first prompt.
    pub(super) fn expect(&mut self, now: Instant) {
        self.fresh_until = Some(now + HOLD_FRESH);
    }

    /// What was found out since the last call.
    pub(super) fn take_news(&mut self) -> Vec<(RunNumber, Stage)> {
        mem::take(&mut self.news)
    }

    /// Notes what was seen of a run that nobody tells the end of.
    pub(super) fn settled(&mut self, number: RunNumber, settled: Settled) {
        self.news.push((number, Stage::Settled(settled)));
    }

    /// Whether there is anything to look after.
    pub(super) fn is_idle(&self) -> bool {
        self.runs.is_empty()
    }

    /// Notes that something is typed, by whomever.
    pub(super) fn input(&mut self, now: Instant) {
        self.input_at = Some(now);
        self.ready_since = None;
    }

    /// The shell whose line editor waits for a command, where that is sure: what was typed before
    /// may still be on its way to it, and its mark on the way to us.
    fn prompt(&self, now: Instant) -> Option<i32> {
        let (since, shell) = self.ready_since?;
        let settled = self
            .input_at
            .is_none_or(|at| now.duration_since(at) >= HOLD);
        (settled || now.duration_since(since) >= STEADY).then_some(shell)
    }

    /// Whether the next run should wait a little: a prompt is about to come.
    pub(super) fn holds(
        &mut self,
        sight: Sight,
        sleeps: impl Fn(i32) -> bool,
        now: Instant,
    ) -> bool {
        let recent = |since: Instant| now.duration_since(since) < HOLD;
        let waits = |shell| sight.editor && sight.foreground == Some(shell) && sight.read_up;
        match self.place {
            Place::Unknown => self.fresh_until.is_some_and(|until| now < until),
            Place::Prompt { shell, .. } if waits(shell) && sleeps(shell) => {
                self.ready_since.get_or_insert((now, shell));
                let unended = self.runs.last().is_some_and(|run| recent(run.typed_at));
                unended || self.prompt(now).is_none()
            }
            Place::Prompt { since, .. } | Place::Between { since, .. } => {
                self.ready_since = None;
                recent(since) || self.input_at.is_some_and(recent)
            }
            Place::Running { shell }
                if waits(shell)
                    && now.duration_since(*self.back_since.get_or_insert(now)) < ON_ITS_WAY =>
            {
                true
            }
            _ => self.runs.last().is_some_and(|run| recent(run.typed_at)),
        }
    }

    /// What stands in the terminal. `reads` says whether a process group sleeps in a read of it.
    pub(super) fn occupation(
        &mut self,
        sight: Sight,
        full_screen: bool,
        sleeps: impl Fn(i32) -> bool,
        reads: impl Fn(i32) -> Option<bool>,
        now: Instant,
    ) -> Occupation {
        let Some(foreground) = sight.foreground else {
            return Occupation::Unknown;
        };
        let is_shell = sight.leader == Some(foreground) || self.shells.contains(&foreground);
        let told = match self.place {
            Place::Prompt { shell, .. } | Place::Between { shell, .. } => shell == foreground,
            _ => false,
        };
        let holds = self.holds(sight, sleeps, now);
        match self.place {
            Place::Running { .. } => {}
            _ if holds => return Occupation::Unsettled,
            Place::Continues if is_shell => {
                return Occupation::Reads {
                    editor: sight.editor,
                };
            }
            Place::Prompt { .. } if told && self.prompt(now) == Some(foreground) => {
                return Occupation::Prompt;
            }
            _ => {}
        }
        let idle_shell = match self.place {
            Place::Unknown => is_shell,
            Place::Running { shell } => is_shell && shell != foreground,
            _ => told,
        };
        let program = match (full_screen, idle_shell) {
            (true, _) => Program::FullScreen,
            (false, true) => Program::IdleShell,
            (false, false) => Program::Other,
        };
        let outside = Outside {
            program,
            editor: sight.editor,
            read_up: sight.read_up,
        };
        Occupation::judge(outside, || reads(foreground))
    }

    /// Since when a shell executes a command, where one does and told.
    pub(super) fn running_since(&self) -> Option<SystemTime> {
        let runs = matches!(self.place, Place::Running { .. });
        self.running_since.filter(|_| runs)
    }

    /// Notes that a run's text is typed, at `moment`.
    pub(super) fn typed(&mut self, number: RunNumber, text: &[u8], moment: Moment, now: Instant) {
        // What the run before has left unread and this one are one text to the shell.
        if let Some(before) = self.runs.pop_if(|run| !run.last) {
            self.news.push((before.number, before.sent()));
        }
        let first_line = text.iter().position(|byte| *byte == b'\r');
        let (Some(shell), Some(first_line)) = (self.prompt(now), first_line) else {
            self.news.push((number, Stage::Sent(moment)));
            self.input(now);
            return;
        };
        self.input(now);
        self.steady = None;
        self.runs.push(Tracked {
            number,
            shell,
            typed: moment,
            typed_at: now,
            one_line: first_line + 1 == text.len(),
            began: false,
            last: false,
            end: None,
        });
        if self.runs.len() > MOST {
            let oldest = self.runs.remove(0);
            self.news.push((oldest.number, oldest.sent()));
        }
    }

    /// Takes in a mark.
    pub(super) fn mark(&mut self, mark: Mark, moment: Moment, leader: Option<i32>, now: Instant) {
        // Where shells give their names, a mark without one is what some program wrote.
        self.named |= mark.shell.is_some();
        let unnamed = leader.filter(|_| !self.named);
        let Some(shell) = mark.shell.or(unnamed) else {
            return;
        };
        self.steady = None;
        self.ready_since = None;
        self.back_since = None;
        match mark.kind {
            MarkKind::Prompt => {
                let told_end = !matches!(self.place, Place::Running { shell: it } if it == shell);
                self.back_in(shell, Tracked::sent);
                if !told_end {
                    // Another program took the shell's place, and it is a shell too.
                    self.end_where(|run| run.shell == shell && run.began, Tracked::sent);
                }
                self.place = Place::Prompt { shell, since: now };
            }
            MarkKind::Continues => self.place = Place::Continues,
            MarkKind::Executes => {
                self.place = Place::Running { shell };
                self.running_since = Some(moment.at);
                if let Some(run) = self.runs.last_mut().filter(|run| run.shell == shell) {
                    run.last = run.one_line;
                    if !mem::replace(&mut run.began, true) {
                        self.news.push((run.number, Stage::Running(moment)));
                    }
                }
            }
            MarkKind::Ended(code) => {
                self.back_in(shell, |_| Stage::Ended(code, moment));
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
    fn back_in(&mut self, shell: i32, stage: impl Fn(&Tracked) -> Stage) {
        match self.shells.iter().position(|known| *known == shell) {
            Some(index) => {
                let inner = self.shells.split_off(index + 1);
                self.end_where(|run| inner.contains(&run.shell), stage);
            }
            None if self.shells.len() < MOST => self.shells.push(shell),
            None => {}
        }
    }

    /// When to look at the terminal again, as long as there are runs to look after.
    pub(super) fn next_look(&self, now: Instant) -> Option<Instant> {
        let run = self.runs.last()?;
        Some(now + if run.last { LOOK_SELDOM } else { LOOK })
    }

    /// Looks at the terminal.
    pub(super) fn look(&mut self, sight: Sight, sleeps: impl Fn(i32) -> bool, now: Instant) {
        let Some(run) = self.runs.last_mut() else {
            return;
        };
        let shell = run.shell;
        let looks = run.looks(self.place, sight, sleeps);
        let since = match self.steady {
            Some((since, before)) if before == looks => since,
            _ => now,
        };
        self.steady = Some((since, looks));
        let steady = now.duration_since(since);
        match looks {
            Look::LastCommand if steady >= STEADY => run.last = true,
            Look::Prompt if steady >= STEADY && run.end.is_some() => {
                self.end_where(|run| run.shell == shell, Tracked::ended);
            }
            Look::Prompt if steady >= SILENT => {
                self.end_where(|run| run.shell == shell, Tracked::sent);
            }
            Look::Silent if steady >= SILENT => {
                self.place = Place::Unknown;
                self.fresh_until = None;
                self.end_where(|run| run.shell == shell, Tracked::sent);
            }
            _ => {}
        }
    }

    /// Notes that output came: the terminal does not look the same.
    pub(super) fn output(&mut self) {
        if !matches!(self.place, Place::Running { .. }) {
            self.steady = None;
        }
    }

    /// Notes that the terminal's shell has ended.
    pub(super) fn shell_ended(&mut self, code: Option<i32>, moment: Moment) {
        // The mark of a command that ends the shell may be lost with it.
        let last = self.runs.last().map(|run| run.number);
        self.end_where(
            |run| run.began || Some(run.number) == last,
            |_| Stage::Ended(code, moment),
        );
        self.end_where(|_| true, Tracked::sent);
        *self = Self {
            news: mem::take(&mut self.news),
            ..Self::default()
        };
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
    fn looks(&self, place: Place, sight: Sight, sleeps: impl Fn(i32) -> bool) -> Look {
        let waits = sight.editor && sight.foreground == Some(self.shell);
        match place {
            Place::Running { .. } if !waits && sight.read_up => Look::LastCommand,
            Place::Running { shell } if waits && shell == self.shell => Look::Silent,
            Place::Prompt { shell, .. } | Place::Between { shell, .. }
                if waits && sight.read_up && shell == self.shell && sleeps(shell) =>
            {
                Look::Prompt
            }
            Place::Continues | Place::Unknown if waits && sight.read_up => Look::Silent,
            _ => Look::Busy,
        }
    }

    fn ended(&self) -> Stage {
        self.end
            .map_or_else(|| self.sent(), |(code, moment)| Stage::Ended(code, moment))
    }

    fn sent(&self) -> Stage {
        Stage::Sent(self.typed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHELL: i32 = 7;

    #[test]
    fn text_waits_for_the_mark_of_a_shell_whose_line_editor_is_up() {
        let mut tracking = Tracking::default();
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let tell = |tracking: &mut Tracking, kind, ms| {
            let moment = Moment {
                at: SystemTime::now(),
                offset: ms,
            };
            let shell = Some(SHELL);
            tracking.mark(Mark { kind, shell }, moment, shell, at(ms));
        };
        let sight = |foreground| Sight {
            leader: Some(SHELL),
            foreground: Some(foreground),
            editor: true,
            read_up: true,
        };
        tell(&mut tracking, MarkKind::Prompt, 0);
        tell(&mut tracking, MarkKind::Executes, 10);
        // A program's own line editor.
        assert!(!tracking.holds(sight(8), |_| true, at(20)));
        assert!(tracking.holds(sight(SHELL), |_| true, at(30)));
        tell(&mut tracking, MarkKind::Ended(Some(130)), 35);
        tell(&mut tracking, MarkKind::Prompt, 36);
        assert!(!tracking.holds(sight(SHELL), |_| true, at(50)));
        // One that tells nothing is not waited for.
        tell(&mut tracking, MarkKind::Executes, 200);
        assert!(tracking.holds(sight(SHELL), |_| true, at(210)));
        assert!(!tracking.holds(sight(SHELL), |_| true, at(320)));
    }
}
