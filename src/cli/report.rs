//! Diagnostics as a compiler prints them.

use super::output::count;
use crate::scenario::{Diagnostic, Severity};

/// The longest source line that is shown whole.
const SHOWN_CHARS: usize = 120;

/// How much of a longer line is shown before the place.
const SHOWN_BEFORE: usize = 40;

/// Renders a diagnostic. `prefix` comes before the file; `source` is the text of the file.
pub(super) fn render(diagnostic: &Diagnostic, prefix: &str, source: Option<&str>) -> String {
    let severity = match diagnostic.severity {
        Severity::Warning => "warning",
        Severity::Error => "error",
    };
    let place: String = [diagnostic.line, diagnostic.column]
        .into_iter()
        .flatten()
        .map(|number| format!(":{number}"))
        .collect();
    let mut text = format!("{severity}: {}\n", diagnostic.message);
    text += &format!("  --> {prefix}{}{place}\n", diagnostic.file);
    let number = diagnostic.line.unwrap_or_default();
    let line = number
        .checked_sub(1)
        .and_then(|index| source?.lines().nth(index));
    let gutter = number.to_string().len().max(2);
    if let Some(line) = line.filter(|line| !line.trim().is_empty()) {
        text += &excerpt(diagnostic, line, gutter);
    }
    if let Some(hint) = &diagnostic.hint {
        text += &format!("{:gutter$} = hint: {hint}\n", "");
    }
    text
}

/// The source line with what is wrong underlined.
fn excerpt(diagnostic: &Diagnostic, line: &str, gutter: usize) -> String {
    let number = diagnostic.line.unwrap_or_default();
    let underlined = diagnostic.underlined(line);
    let (shown, cut) = shorten(line, underlined.map_or(0, |(start, _)| start));
    let mut text = format!("{:gutter$} |\n{number:gutter$} | {shown}\n", "");
    if let Some((start, width)) = underlined {
        let start = start - cut;
        let width = width
            .min(shown.chars().count().saturating_sub(start))
            .max(1);
        text += &format!("{:gutter$} | {:start$}{}\n", "", "", "^".repeat(width));
    }
    text
}

/// The line without tabs, and of a long one the part around `start`; with how much is cut off.
fn shorten(line: &str, start: usize) -> (String, usize) {
    let plain = |letter: char| if letter.is_control() { ' ' } else { letter };
    let cut = if line.chars().count() > SHOWN_CHARS {
        start.saturating_sub(SHOWN_BEFORE)
    } else {
        0
    };
    let mut shown: String = line
        .chars()
        .skip(cut)
        .take(SHOWN_CHARS)
        .map(plain)
        .collect();
    let whole = shown.trim_end().len();
    shown.truncate(whole);
    (shown, cut)
}

/// Sums a list up: `2 errors, 1 warning`.
pub(super) fn sum(errors: usize, warnings: usize) -> String {
    format!("{}, {}", count(errors, "error"), count(warnings, "warning"))
}
