//! Whether what ran did what its author expects of it, and what the learner reads if it did not.

use std::time::Duration;

use crate::{
    scenario::{Block, ExitCode, Expectation},
    terminal::{
        aftermath::{How, Settled},
        echo::EchoFilter,
        plain::plain_text,
        pty::Exit,
        quiet::QuietEnd,
    },
};

/// How a line begins that says why a check failed.
const FAIL: &str = "FAIL:";

/// How a line begins that says what to do about it.
const HINT: &str = "HINT:";

/// How much of a message is kept; a check that says more has a log to write.
const MESSAGE_CHARS: usize = 1_000;

/// How many lines make up a message.
const MESSAGE_LINES: usize = 8;

/// What is known of a block that ran to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It did what is expected.
    Passed,
    /// It did not.
    Failed {
        /// Why, as people read it.
        reason: String,
        /// What to do about it.
        hint: Option<String>,
    },
    /// Nobody can know: its output is not there any more.
    Unknown,
}

impl Verdict {
    /// Whether it did what is expected.
    #[must_use]
    pub fn has_passed(&self) -> bool {
        *self == Self::Passed
    }

    pub(super) fn failed(expectation: &Expectation, reason: String) -> Self {
        Self::Failed {
            reason,
            hint: expectation.hint.clone(),
        }
    }
}

/// Judges a block that was typed, by its last command's exit code and its output, if that is still
/// there.
pub(super) fn judge_run(
    expectation: &Expectation,
    code: i32,
    output: impl FnOnce() -> Option<Vec<u8>>,
) -> Verdict {
    if !expectation.exit_code.allows(code) {
        return Verdict::failed(expectation, wrong_code(expectation.exit_code, code));
    }
    if expectation.expect.is_none() {
        return Verdict::Passed;
    }
    match output() {
        None => Verdict::Unknown,
        Some(output) if expectation.accepts_output(&text(&output)) => Verdict::Passed,
        Some(_) => Verdict::failed(expectation, WRONG_OUTPUT.to_owned()),
    }
}

/// Judges a block that was typed where nobody tells its end, once it looks settled. Nothing is said
/// where it may still write what is expected. Where others wrote in between, only what is missing
/// says something.
pub(super) fn judge_sent(
    block: &Block,
    settled: Settled,
    output: impl FnOnce() -> Option<Vec<u8>>,
) -> Option<Verdict> {
    block.expectation.expect.as_ref()?;
    match (has_written(block, output), settled.how) {
        (None, _) => Some(Verdict::Unknown),
        (Some(true), _) if settled.shared => Some(Verdict::Unknown),
        (Some(true), _) => Some(Verdict::Passed),
        (Some(false), How::Prompt) => {
            Some(Verdict::failed(&block.expectation, WRONG_OUTPUT.to_owned()))
        }
        (Some(false), How::Input | How::Quiet) => None,
    }
}

/// Whether a block has written what is expected of it, if anything is, besides the echo of its own
/// text; nothing where the output is gone.
pub(super) fn has_written(block: &Block, output: impl FnOnce() -> Option<Vec<u8>>) -> Option<bool> {
    if block.expectation.expect.is_none() {
        return Some(true);
    }
    let text = without_echo(&text(&output()?), &block.invocation.command);
    Some(block.expectation.accepts_output(&text))
}

/// What commands wrote, without the prompts and echoes that a shell tells of: a block's own later
/// lines are no output.
fn text(output: &[u8]) -> String {
    plain_text(&EchoFilter::filter(output))
}

pub(super) const WRONG_OUTPUT: &str = "its output does not match";

/// Leaves out of a program's output the lines that were typed into it.
#[must_use]
pub fn without_echo(text: &str, command: &str) -> String {
    let mut typed = command
        .lines()
        .filter(|line| !line.trim().is_empty())
        .peekable();
    let kept = text.lines().filter(|line| {
        let is_echo = typed
            .peek()
            .is_some_and(|typed| line.trim_end().ends_with(typed.trim_end()));
        !(is_echo && typed.next().is_some())
    });
    let mut kept: Vec<&str> = kept.collect();
    if text.ends_with('\n') {
        kept.push("");
    }
    kept.join("\n")
}

/// Judges a check by how it ended, with its output as text.
pub(super) fn judge_check(
    expectation: &Expectation,
    end: &QuietEnd,
    limit: Duration,
    output: &str,
) -> Verdict {
    let reason = match end {
        QuietEnd::Exited(Exit {
            code: Some(code), ..
        }) => match expectation.exit_code {
            wanted if !wanted.allows(*code) => wrong_code(wanted, *code),
            _ if !expectation.accepts_output(output) => WRONG_OUTPUT.to_owned(),
            _ => return Verdict::Passed,
        },
        QuietEnd::Exited(exit) => {
            let signal = exit.signal.as_deref().unwrap_or("a signal");
            format!("it was ended by {signal}")
        }
        QuietEnd::TimedOut => format!("it took longer than {} s", limit.as_secs_f64()),
        QuietEnd::Cancelled => "it was not run to its end".to_owned(),
    };
    Verdict::Failed {
        reason: told(output, FAIL).unwrap_or(reason),
        hint: told(output, HINT).or_else(|| expectation.hint.clone()),
    }
}

fn wrong_code(wanted: ExitCode, code: i32) -> String {
    match wanted {
        ExitCode::Is(wanted) => format!("exit code {code}, where {wanted} is expected"),
        ExitCode::Success | ExitCode::Any => format!("exit code {code}"),
    }
}

/// What the lines of an output that begin with `mark` say, if there are any.
fn told(output: &str, mark: &str) -> Option<String> {
    let lines = output.lines().filter_map(|line| {
        let text = line.trim_start().strip_prefix(mark)?.trim();
        (!text.is_empty()).then_some(text)
    });
    let lines: Vec<&str> = lines.take(MESSAGE_LINES).collect();
    if lines.is_empty() {
        return None;
    }
    Some(lines.join("\n").chars().take(MESSAGE_CHARS).collect())
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use proptest::prelude::*;

    use super::*;
    use crate::{
        scenario::{Config, Page, config::ConfigFiles},
        terminal::tracking::Moment,
    };

    fn expecting(expect: Option<&str>, exit_code: ExitCode) -> Expectation {
        Expectation {
            expect: expect.map(str::to_owned),
            exit_code,
            hint: Some("start the API".to_owned()),
            ..Expectation::default()
        }
    }

    fn exited(code: i32) -> QuietEnd {
        QuietEnd::Exited(Exit {
            code: Some(code),
            signal: None,
        })
    }

    fn check(expectation: &Expectation, end: &QuietEnd, output: &str) -> (String, String) {
        match judge_check(expectation, end, Duration::from_secs(60), output) {
            Verdict::Failed { reason, hint } => (reason, hint.unwrap_or_default()),
            other => (format!("{other:?}"), String::new()),
        }
    }

    #[test]
    fn check_says_why_it_failed_in_its_own_words_or_in_ours() {
        let plain = expecting(None, ExitCode::Success);
        let own = "noise\nFAIL: no rows\n  HINT: load them\nFAIL: and no table\n";
        let cases = [
            (exited(1), "", ("exit code 1", "start the API")),
            (exited(1), own, ("no rows\nand no table", "load them")),
            (QuietEnd::TimedOut, "FAIL: slow", ("slow", "start the API")),
            (
                QuietEnd::TimedOut,
                "",
                ("it took longer than 60 s", "start the API"),
            ),
            (
                QuietEnd::Exited(Exit {
                    code: None,
                    signal: Some("SIGKILL".to_owned()),
                }),
                "",
                ("it was ended by SIGKILL", "start the API"),
            ),
            (exited(0), own, ("Passed", "")),
        ];
        for (end, output, (reason, hint)) in cases {
            let found = check(&plain, &end, output);
            assert_eq!(found, (reason.to_owned(), hint.to_owned()), "{end:?}");
        }
    }

    #[test]
    fn check_needs_its_code_and_its_output() {
        let both = expecting(Some("^ok$"), ExitCode::Is(3));
        assert_eq!(check(&both, &exited(3), "ok\n").0, "Passed");
        assert_eq!(check(&both, &exited(3), "no\n").0, WRONG_OUTPUT);
        assert_eq!(
            check(&both, &exited(0), "ok\n").0,
            "exit code 0, where 3 is expected"
        );
        let any = expecting(None, ExitCode::Any);
        assert_eq!(check(&any, &exited(77), "").0, "Passed");
    }

    #[test]
    fn echo_of_what_was_typed_is_no_output() {
        assert_eq!(
            without_echo(">>> print(42)\n42\n>>> ", "print(42)\n"),
            "42\n>>> "
        );
        assert_eq!(without_echo("a\nb", "x\n"), "a\nb");
    }

    #[test]
    fn output_that_is_gone_proves_nothing() {
        let expectation = expecting(Some("rows"), ExitCode::Success);
        let judge = |output: Option<&str>| {
            judge_run(&expectation, 0, || {
                output.map(|text| text.as_bytes().to_vec())
            })
        };
        assert_eq!(judge(None), Verdict::Unknown);
        assert_eq!(judge(Some("12 \x1b[1mrows\x1b[m")), Verdict::Passed);
        assert!(matches!(judge(Some("none")), Verdict::Failed { .. }));
    }

    #[test]
    fn sent_block_that_shares_its_output_can_only_fail() {
        let (config, _) = Config::read(ConfigFiles::default());
        let text = "```\n### {\"expect\": \"^42$\"}\na\n```\n";
        let page = Page::parse("intro", text, &config);
        let moment = Moment {
            at: SystemTime::UNIX_EPOCH,
            offset: 0,
        };
        let judged = |shared, output: &str| {
            let settled = Settled {
                how: How::Prompt,
                ended: moment,
                shared,
            };
            let output = output.to_owned().into_bytes();
            judge_sent(&page.blocks[0], settled, || Some(output)).unwrap()
        };
        assert_eq!(judged(false, "a\n42\n"), Verdict::Passed);
        assert_eq!(judged(true, "a\n42\n"), Verdict::Unknown);
        for shared in [false, true] {
            let verdict = judged(shared, "a\n43\n");
            assert!(matches!(verdict, Verdict::Failed { .. }), "{verdict:?}");
        }
    }

    proptest! {
        #[test]
        fn prop_success_takes_the_code_and_the_output(
            code in -2i32..5, wanted in -2i32..5, output in "[ab\\n]{0,6}"
        ) {
            let expectation = expecting(Some("a"), ExitCode::Is(wanted));
            let passes = code == wanted && output.contains('a');
            let bytes = output.clone().into_bytes();
            prop_assert_eq!(judge_run(&expectation, code, || Some(bytes)).has_passed(), passes);
            let limit = Duration::from_secs(1);
            let verdict = judge_check(&expectation, &exited(code), limit, &output);
            prop_assert_eq!(verdict.has_passed(), passes);
        }

        #[test]
        fn prop_messages_have_a_bound(output in "(FAIL: \\PC{0,400}\n){0,30}") {
            let text = told(&output, FAIL).unwrap_or_default();
            prop_assert!(text.chars().count() <= MESSAGE_CHARS);
        }
    }
}
