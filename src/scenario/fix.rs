//! Mistakes that can be mended without knowing what the author meant.

use super::text::nearest;
use super::{Diagnostic, Place};
use regex::Regex;

/// A part of one line, and what should stand there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// Where the part begins.
    pub place: Place,
    /// How long it is, in characters.
    pub width: usize,
    /// What takes its place.
    pub text: String,
}

impl Edit {
    /// The line with the part replaced.
    #[must_use]
    pub fn apply(&self, line: &str) -> String {
        let start = self.place.column.saturating_sub(1);
        let before = line.chars().take(start);
        let behind = line.chars().skip(start + self.width);
        before.chain(self.text.chars()).chain(behind).collect()
    }
}

/// What a scenario has, by name.
#[derive(Debug, Clone, Copy)]
pub struct Names<'a> {
    /// All steps.
    pub steps: &'a [String],
    /// All files that pages may show.
    pub files: &'a [String],
}

/// The edit that mends a mistake, given its line; nothing where there is any doubt: another name as
/// near, another place in the line that could be meant, or a number that may be a step not yet
/// written.
#[must_use]
pub fn fix(found: &Diagnostic, line: &str, names: Names<'_>) -> Option<Edit> {
    match found.code {
        "limit-not-number" => {
            let pattern = r#""maxInvocations"\s*:\s*(?<part>"(?<text>[1-9]\d{0,8})")"#;
            edit(found, line, pattern, None)
        }
        "unknown-step" => {
            let step = last_literal(found)?.trim_start_matches("./");
            let pattern = format!(
                r#"(?:loadPage\?["']?|["']step["']\s*:\s*["'])(?:\./)?(?<part>{})(?:["'\s)>\]}}]|$)"#,
                regex::escape(step)
            );
            edit(found, line, &pattern, Some(meant(step, names.steps)?))
        }
        "missing-file" => {
            let path = last_literal(found)?;
            let pattern = format!(
                r#"["'(]\s*(?:\./|/)?(?<part>{})["')\s?\#]"#,
                regex::escape(path)
            );
            edit(
                found,
                line,
                &pattern,
                Some(same_but_for_case(path, names.files)?),
            )
        }
        _ => None,
    }
}

/// What the message is about: its last literal.
fn last_literal(found: &Diagnostic) -> Option<&str> {
    found.message.rsplit('`').nth(1)
}

/// The edit of the one place in the line that the pattern finds. Without `text`, the pattern has it.
fn edit(found: &Diagnostic, line: &str, pattern: &str, text: Option<&str>) -> Option<Edit> {
    let pattern = Regex::new(pattern).ok()?;
    let mut matches = pattern.captures_iter(line);
    let only = matches.next().filter(|_| matches.next().is_none())?;
    let part = only.name("part")?;
    let text = text.or_else(|| Some(only.name("text")?.as_str()))?;
    Some(Edit {
        place: Place {
            line: found.line?,
            column: line.get(..part.start())?.chars().count() + 1,
        },
        width: part.as_str().chars().count(),
        text: text.to_owned(),
    })
}

/// The one name that can be meant.
fn meant<'a>(name: &str, names: &'a [String]) -> Option<&'a str> {
    if let Some(same) = same_but_for_case(name, names) {
        return Some(same);
    }
    let all: Vec<&str> = names.iter().map(String::as_str).collect();
    let near = nearest(name, &all)?;
    let others: Vec<&str> = all.into_iter().filter(|other| *other != near).collect();
    let digits = |name: &str| {
        name.chars()
            .filter(char::is_ascii_digit)
            .collect::<String>()
    };
    // `step4` beside `step3` is no typing mistake.
    let alone = nearest(name, &others).is_none() && digits(name) == digits(near);
    alone.then_some(near)
}

fn same_but_for_case<'a>(name: &str, names: &'a [String]) -> Option<&'a str> {
    let name = name.to_lowercase();
    let mut same = names.iter().filter(|other| other.to_lowercase() == name);
    let first = same.next()?;
    same.next().is_none().then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks what becomes of a line in which a link leads to `step`.
    fn check_step(line: &str, step: &str, steps: &[&str], expected: Option<&str>) {
        let steps: Vec<String> = steps.iter().map(|step| (*step).to_owned()).collect();
        let message = format!("the link `x` loads `{step}`, a step that does not exist");
        let found = Diagnostic::error("unknown-step", "intro.md", message).at(Some(1));
        let names = Names {
            steps: &steps,
            files: &[],
        };
        let mended = fix(&found, line, names).map(|edit| edit.apply(line));
        assert_eq!(mended.as_deref(), expected, "{line}");
    }

    #[test]
    fn link_gets_the_only_step_that_can_be_meant() {
        let steps = ["intro", "step1", "step2", "Setup", "finish"];
        let check = |line, step, expected| check_step(line, step, &steps, expected);
        check(
            "é [stpe1](command:katapod.loadPage?stpe1)",
            "stpe1",
            Some("é [stpe1](command:katapod.loadPage?step1)"),
        );
        check(
            r#"<a href='command:katapod.loadPage?[{"step":"setup"}]'>x</a>"#,
            "setup",
            Some(r#"<a href='command:katapod.loadPage?[{"step":"Setup"}]'>x</a>"#),
        );
        check("[x](command:katapod.loadPage?step3)", "step3", None);
        check("[x](command:katapod.loadPage?step)", "step", None);
        check("[x](command:katapod.loadPage?elsewhere)", "elsewhere", None);
        // Twice in the line, or not as such.
        let twice = "[a](command:katapod.loadPage?stpe1) [b](command:katapod.loadPage?stpe1)";
        check(twice, "stpe1", None);
        check("[x](command:katapod.loadPage?stpe12)", "stpe1", None);
        let both = ["intro", "SETUP", "Setup"];
        check_step("[x](command:katapod.loadPage?setup)", "setup", &both, None);
    }
}
