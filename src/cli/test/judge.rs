//! Whether a run went as its author says, by what can be seen of it.

use std::time::Duration;

use regex::Regex;

use super::{
    plan::{Act, Next},
    verdict::{How, Problem, Verdict},
};
use crate::{
    lab::event::{How as Seen, RunState},
    scenario::ExitCode,
};

/// How long a program is quiet that the next block in its terminal interrupts, when it is taken to
/// run on; and after how long it is so even if it writes all the time.
const RUNS_ON_QUIET: Duration = Duration::from_millis(500);
const RUNS_ON: Duration = Duration::from_secs(2);

/// The same of a program after which nothing comes in its terminal. It may be a server, or a
/// command that takes its time: what was not expected of it is waited for at the end.
const LAST_QUIET: Duration = Duration::from_secs(5);
const LAST: Duration = Duration::from_secs(10);

/// How long a program is quiet that is taken to wait for input, when its last line looks like a
/// prompt.
const PROMPT_QUIET: Duration = Duration::from_secs(1);

/// The same where the system tells who reads, and has not told it of this one: it may be another
/// user's, or have stopped in the middle of a line.
const UNSEEN_PROMPT_QUIET: Duration = Duration::from_secs(10);

/// How long the output is quiet after what was typed into a program of which nothing can be seen.
const SENT_QUIET: Duration = Duration::from_millis(1500);

/// With what prompts end, apart from spaces.
const PROMPT_ENDS: &str = ">:?$#%])";

/// How many lines of output are told with a failure.
const TOLD_LINES: usize = 20;

/// How long such a line may be.
const TOLD_CHARS: usize = 500;

/// What can be seen of a run.
#[derive(Debug)]
pub(super) struct Sight<'a> {
    pub(super) act: &'a Act,
    pub(super) state: RunState,
    /// What it wrote.
    pub(super) text: &'a str,
    /// Whether its last line has no end, as that of a prompt.
    pub(super) open_line: bool,
    /// Since when nothing was written.
    pub(super) quiet: Duration,
    /// For how long it has been as it is.
    pub(super) since: Duration,
    /// What the terminal says of a run that nobody tells the end of.
    pub(super) settled: Option<Seen>,
    /// Whether the shell waits for the rest of a command.
    pub(super) continues: bool,
    /// Whether the system tells of a program that waits for input.
    pub(super) is_seen: bool,
}

impl Sight<'_> {
    /// The verdict, as soon as there is one.
    pub(super) fn judge(&self) -> Option<Verdict> {
        match self.state {
            RunState::Ended(code) => Some(self.ended(code)),
            RunState::Sent => self.sent(),
            RunState::Running => self.running().map(Verdict::Passed),
            RunState::Queued | RunState::Waiting | RunState::Recorded => None,
            RunState::Dropped => Some(self.failed(Problem::new("it was never typed"))),
        }
    }

    /// The verdict on a run that has not come to an end within `limit`.
    pub(super) fn late(&self, limit: Duration) -> Verdict {
        let seconds = limit.as_secs_f64();
        let terminal = &self.act.invocation.terminal;
        let problem = match (&self.act.expectation.expect, &self.act.next) {
            _ if matches!(self.state, RunState::Waiting | RunState::Queued) => Problem::new(
                format!("it was not begun within {seconds} s: something else runs in `{terminal}`"),
            )
            .with_hint("look at what ran there before"),
            (Some(pattern), next) if self.state == RunState::Sent || *next == Next::Interrupts => {
                unmatched(pattern, &format!("within {seconds} s"))
            }
            (_, Next::Types(place)) => Problem::new(format!(
                "it still runs after {seconds} s, and {place} is typed into `{terminal}` next"
            ))
            .with_hint(
                "a program that is to run on is ended by a block with \
                 `\"macrosBefore\": [\"ctrl_c\"]`; one that takes input is known by its `prompt`; \
                 and what takes long needs a `timeout`",
            ),
            _ => Problem::new(format!("it still runs after {seconds} s")).with_hint(
                "give it more time with `timeout`, or say with `expect` what to wait for",
            ),
        };
        self.failed(problem)
    }

    /// The verdict on a run that ended.
    pub(super) fn ended(&self, code: i32) -> Verdict {
        let wanted = self.act.expectation.exit_code;
        if !wanted.allows(code) {
            let wanted = match wanted {
                ExitCode::Is(wanted) => format!(", not with {wanted}"),
                ExitCode::Success | ExitCode::Any => String::new(),
            };
            return self.failed(Problem::new(format!(
                "it ended with exit code {code}{wanted}"
            )));
        }
        match &self.act.expectation.expect {
            Some(pattern) if !matches(pattern, self.text) => {
                self.failed(unmatched(pattern, "before it ended"))
            }
            _ => Verdict::Passed(How::Ended),
        }
    }

    fn running(&self) -> Option<How> {
        let expectation = &self.act.expectation;
        if self.prompts() || self.settled == Some(Seen::Input) {
            return self.is_as_expected().then_some(How::Waits);
        }
        let (quiet, any, how) = match &self.act.next {
            // What is typed next is for this program, or waits for ever.
            Next::Types(_) => {
                let asks = expectation.prompt.is_none()
                    && self.open_line
                    && self
                        .last_line()
                        .trim_end()
                        .ends_with(|end| PROMPT_ENDS.contains(end));
                let patience = if self.is_seen {
                    UNSEEN_PROMPT_QUIET
                } else {
                    PROMPT_QUIET
                };
                let waits = asks && self.quiet >= patience && self.is_as_expected();
                return waits.then_some(How::Waits);
            }
            Next::Interrupts => (RUNS_ON_QUIET, RUNS_ON, How::RunsOn),
            // An on-load command can't say what it is, and may be a server: it costs no more time.
            Next::Nothing if self.act.block.is_none() => (LAST_QUIET, LAST, How::RunsOn),
            Next::Nothing => (LAST_QUIET, LAST, How::StillRuns),
        };
        if expectation.expect.is_some() {
            // With nothing behind it, it may be about to end.
            let ready = self.act.next == Next::Interrupts || self.quiet >= RUNS_ON_QUIET;
            return (ready && self.is_as_expected()).then_some(How::RunsOn);
        }
        let settled = !self.text.is_empty() && self.quiet >= quiet;
        (settled || self.since >= any).then_some(how)
    }

    fn sent(&self) -> Option<Verdict> {
        if self.continues {
            return Some(self.failed(
                Problem::new("the shell waits for the rest of the command").with_hint(
                    "a quote, a bracket or a `done` is missing; what comes next is typed into it",
                ),
            ));
        }
        let settled = match &self.act.expectation.prompt {
            Some(_) => self.prompts(),
            None => self.settled.is_some() || self.quiet.min(self.since) >= SENT_QUIET,
        };
        (settled && self.is_as_expected()).then_some(Verdict::Passed(How::Sent))
    }

    /// Whether the prompt that the block names is back.
    fn prompts(&self) -> bool {
        let prompt = self.act.expectation.prompt.as_ref();
        let is_back = |prompt: &String| self.open_line && matches(prompt, self.last_line());
        self.settled == Some(Seen::Prompt) || prompt.is_some_and(is_back)
    }

    fn is_as_expected(&self) -> bool {
        let expect = self.act.expectation.expect.as_deref();
        expect.is_none_or(|pattern| matches(pattern, self.text))
    }

    fn last_line(&self) -> &str {
        self.text.rsplit('\n').next().unwrap_or_default()
    }

    /// Adds what the author says and what the run wrote.
    pub(super) fn failed(&self, mut problem: Problem) -> Verdict {
        if let Some(hint) = &self.act.expectation.hint {
            problem.hint = Some(hint.clone());
        }
        problem.output = tail(self.text);
        Verdict::Failed(problem)
    }
}

fn unmatched(pattern: &str, when: &str) -> Problem {
    Problem::new(format!("nothing that it wrote {when} matches `{pattern}`"))
}

/// Whether an author's pattern matches somewhere; `^` and `$` mean lines. It was read before, so
/// that it is one.
fn matches(pattern: &str, text: &str) -> bool {
    let regex = regex::RegexBuilder::new(pattern).multi_line(true).build();
    regex.is_ok_and(|regex: Regex| regex.is_match(text))
}

/// The last lines of an output.
pub(super) fn tail(text: &str) -> String {
    let lines: Vec<&str> = text.trim_end().lines().collect();
    let from = lines.len().saturating_sub(TOLD_LINES);
    let told = lines.iter().skip(from).map(|line| {
        let line: String = line.chars().take(TOLD_CHARS).collect();
        line
    });
    told.collect::<Vec<String>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        cli::test::plan::Place,
        scenario::{Expectation, Invocation, Limit},
    };

    fn act(expectation: Expectation, next: Next) -> Act {
        Act {
            step: "intro".to_owned(),
            block: Some(0),
            invocation: Invocation {
                id: "x".to_owned(),
                executable: true,
                command: "x\n".to_owned(),
                terminal: "host".to_owned(),
                macros_before: Vec::new(),
                max_invocations: Limit::UNLIMITED,
                background_color: None,
                block: Some(0),
            },
            expectation,
            place: place(),
            next,
            is_check: false,
            left_out: None,
        }
    }

    fn place() -> Place {
        Place {
            file: "intro.md".to_owned(),
            line: Some(3),
        }
    }

    /// What is said of a program that runs, and has written `text` and then been quiet.
    fn running(act: &Act, text: &str, quiet_ms: u64) -> Option<How> {
        let quiet = Duration::from_millis(quiet_ms);
        let sight = Sight {
            act,
            state: RunState::Running,
            text: text.trim_end_matches('\n'),
            open_line: !text.ends_with('\n'),
            quiet,
            since: quiet,
            settled: None,
            continues: false,
            is_seen: false,
        };
        match sight.judge()? {
            Verdict::Passed(how) => Some(how),
            other => panic!("{other:?}"),
        }
    }

    fn expecting(expect: Option<&str>, prompt: Option<&str>) -> Expectation {
        Expectation {
            expect: expect.map(str::to_owned),
            prompt: prompt.map(str::to_owned),
            ..Expectation::default()
        }
    }

    #[test]
    fn program_that_is_interrupted_next_runs_on() {
        let server = act(Expectation::default(), Next::Interrupts);
        assert_eq!(running(&server, "listening\n", 100), None);
        assert_eq!(running(&server, "listening\n", 600), Some(How::RunsOn));
        assert_eq!(running(&server, "", 600), None, "it may not have begun");
        assert_eq!(running(&server, "", 2_100), Some(How::RunsOn));
    }

    #[test]
    fn program_with_nothing_behind_it_gets_more_time() {
        let last = act(Expectation::default(), Next::Nothing);
        assert_eq!(running(&last, "listening\n", 600), None);
        assert_eq!(running(&last, "listening\n", 5_100), Some(How::StillRuns));
        let on_load = Act {
            block: None,
            ..last
        };
        assert_eq!(running(&on_load, "listening\n", 600), None);
        assert_eq!(running(&on_load, "listening\n", 5_100), Some(How::RunsOn));
    }

    #[test]
    fn what_was_never_typed_is_not_told_to_take_long() {
        let act = act(Expectation::default(), Next::Nothing);
        for state in [RunState::Waiting, RunState::Queued] {
            let sight = Sight {
                act: &act,
                state,
                text: "",
                open_line: false,
                quiet: Duration::ZERO,
                since: Duration::ZERO,
                settled: None,
                continues: false,
                is_seen: false,
            };
            let Verdict::Failed(problem) = sight.late(Duration::from_secs(9)) else {
                panic!("{state:?} passed");
            };
            let said = "it was not begun within 9 s: something else runs in `host`";
            assert_eq!(problem.message, said, "{state:?}");
        }
    }

    #[test]
    fn program_that_says_what_is_expected_runs_on_at_once() {
        let server = act(expecting(Some("^ready"), None), Next::Interrupts);
        assert_eq!(running(&server, "starting\n", 9_000), None);
        assert_eq!(running(&server, "starting\nready\n", 0), Some(How::RunsOn));
    }

    #[test]
    fn program_must_end_before_something_is_typed_unless_it_asks() {
        let next = Next::Types(place());
        let command = act(Expectation::default(), next.clone());
        assert_eq!(running(&command, "working\n", 50_000), None);
        assert_eq!(running(&command, "working...", 50_000), None);
        assert_eq!(
            running(&command, "welcome\ncqlsh> ", 1_100),
            Some(How::Waits)
        );
        let named = act(expecting(None, Some("go on, please$")), next);
        assert_eq!(running(&named, "go on, please", 0), Some(How::Waits));
        assert_eq!(running(&named, "cqlsh> ", 9_000), None);
    }

    #[test]
    fn tail_is_short() {
        let text: String = (0..100).map(|line| format!("{line}\n")).collect();
        let told = tail(&text);
        assert_eq!(told.lines().count(), TOLD_LINES);
        assert!(told.ends_with("99"));
    }
}
