//! What a test tells people, and GitHub.

use super::{
    plan::Act,
    verdict::{Case, How, Suite, Verdict},
};

/// How wide the column of times is.
const TIME_CHARS: usize = 15;

/// What stands on a terminal's last line while an act runs. It does not wrap (DECAWM), so that
/// [`OVER`] takes all of it away.
pub(super) fn running(act: &Act) -> String {
    // Not the verdict that it will have: only its words are used.
    let Case {
        step, what, title, ..
    } = Case::of(act, Verdict::Skipped(""));
    format!(
        "\x1b[?7l  running {:>TIME_CHARS$}  {step} {what}  {title}\x1b[?7h",
        ""
    )
}

/// Goes to the beginning of the line, and clears it (CUB, EL).
pub(super) const OVER: &str = "\r\x1b[K";

/// A line of progress for a case; what failed is explained below it.
pub(super) fn progress(case: &Case, prefix: &str, source: Option<&str>) -> String {
    let seconds = case.took.map(|took| format!("{:.2} s", took.as_secs_f64()));
    let seconds = seconds.unwrap_or_default();
    let word = case.verdict.word();
    let note = match &case.verdict {
        Verdict::Passed(How::StillRuns) | Verdict::Skipped(_) => String::new(),
        Verdict::Passed(how) => how.word().map_or(seconds, str::to_owned),
        Verdict::Failed(_) => seconds,
    };
    let what = format!("{} {}", case.step, case.what);
    let title = match &case.verdict {
        Verdict::Skipped(why) if case.title.is_empty() => why,
        _ => case.title.as_str(),
    };
    let line = format!("  {word:<7} {note:>TIME_CHARS$}  {}  {title}", what.trim());
    let mut text = format!("{}\n", line.trim_end());
    text += &explanation(case, prefix, source);
    text
}

/// Why a case failed, with the place, the line, what to do, and what was written.
fn explanation(case: &Case, prefix: &str, source: Option<&str>) -> String {
    let Some(problem) = case.failed() else {
        return String::new();
    };
    let place = format!("{prefix}{}", case.place);
    let mut text = format!("error: {}\n", problem.message);
    if !place.is_empty() {
        text += &format!("  --> {place}\n");
    }
    let line = case.place.line.and_then(|number| {
        let line = source?.lines().nth(number.checked_sub(1)?)?;
        Some((number, line.trim_end()))
    });
    if let Some((number, line)) = line {
        text += &format!("   |\n{number:>2} | {line}\n");
    }
    for line in problem.output.lines() {
        text += &format!("   > {}\n", plain(line));
    }
    if let Some(hint) = &problem.hint {
        text += &format!("   = hint: {hint}\n");
    }
    text
}

/// The failures of a suite as annotations, as GitHub's workflow commands have it.
pub(super) fn annotations(suite: &Suite) -> String {
    let mut text = String::new();
    for case in &suite.cases {
        let Some(problem) = case.failed() else {
            continue;
        };
        let file = property(&suite.file(case));
        let line = case.place.line.map(|line| format!(",line={line}"));
        let title = property(&format!("{} {} {}", suite.scenario, case.step, case.what));
        let mut message = problem.message.clone();
        if let Some(hint) = &problem.hint {
            message += &format!("\nhint: {hint}");
        }
        if !problem.output.is_empty() {
            message += &format!("\n{}", problem.output);
        }
        text += &format!(
            "::error file={file}{},title={title}::{}\n",
            line.unwrap_or_default(),
            data(&message)
        );
    }
    text
}

/// Escapes the message of a workflow command.
fn data(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

/// Escapes a property of a workflow command.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

/// Text that does nothing to the terminal that it is printed to.
fn plain(text: &str) -> String {
    let plain = |letter: char| if letter.is_control() { ' ' } else { letter };
    text.chars().map(plain).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::cli::test::{plan::Place, verdict::Problem};

    fn failed() -> Case {
        Case {
            step: "more/a,b".to_owned(),
            what: "block 0".to_owned(),
            block: Some(0),
            title: "ls".to_owned(),
            terminal: Some("host".to_owned()),
            place: Place {
                file: "more/a,b.md".to_owned(),
                line: Some(2),
            },
            took: Some(Duration::from_millis(1250)),
            exit_code: Some(1),
            verdict: Verdict::Failed(Problem {
                message: "it ended with exit code 1".to_owned(),
                hint: Some("100% sure?".to_owned()),
                output: "one\ntwo\u{1b}[0m".to_owned(),
            }),
        }
    }

    #[test]
    fn failure_is_shown_with_its_place_and_output() {
        let text = progress(&failed(), "lab/", Some("```\nls\n```\n"));
        assert_eq!(
            text,
            "  FAILED           1.25 s  more/a,b block 0  ls\n\
             error: it ended with exit code 1\n  --> lab/more/a,b.md:2\n   |\n 2 | ls\n   \
             > one\n   > two [0m\n   = hint: 100% sure?\n"
        );
    }

    #[test]
    fn annotation_is_one_line_whatever_it_says() {
        let suite = Suite {
            scenario: "lab".to_owned(),
            prefix: "labs/".to_owned(),
            steps: Vec::new(),
            is_one_of_many: false,
            took: Duration::ZERO,
            cases: vec![failed()],
        };
        assert_eq!(
            annotations(&suite),
            "::error file=labs/more/a%2Cb.md,line=2,title=lab more/a%2Cb block 0::it ended with \
             exit code 1%0Ahint: 100%25 sure?%0Aone%0Atwo\u{1b}[0m\n"
        );
    }
}
