//! Something that is wrong with a scenario, and where.

use serde::Serialize;

/// Something that is wrong with a scenario.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// The stable name of this kind of diagnostic, in kebab case.
    pub code: &'static str,
    /// What is wrong, as a sentence without capital and full stop, literals in backticks.
    pub message: String,
    /// The file, relative to the scenario.
    pub file: String,
    /// The line, from 1, where one can be named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// The column in that line, in characters from 1, where one can be named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<usize>,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl Diagnostic {
    /// Something in `file` that works, but perhaps not as meant.
    #[must_use]
    pub fn warning(code: &'static str, file: &str, message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, code, file, message.into())
    }

    /// Something in `file` that does not work.
    #[must_use]
    pub fn error(code: &'static str, file: &str, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, code, file, message.into())
    }

    fn new(severity: Severity, code: &'static str, file: &str, message: String) -> Self {
        Self {
            severity,
            code,
            message,
            file: file.to_owned(),
            line: None,
            column: None,
            hint: None,
        }
    }

    /// Names the line, where one is known.
    #[must_use]
    pub fn at(mut self, line: Option<usize>) -> Self {
        self.line = line;
        self
    }

    /// Names the place, where one is known.
    #[must_use]
    pub fn at_place(mut self, place: Option<Place>) -> Self {
        self.line = place.map(|place| place.line);
        self.column = place.map(|place| place.column);
        self
    }

    /// The part of its line that it is about: the first character, from 0, and how many.
    ///
    /// That is the literal of the message that stands in the line, behind the column if one is
    /// known; the last such literal, as messages go from the place to the matter.
    #[must_use]
    pub fn underlined(&self, line: &str) -> Option<(usize, usize)> {
        let start = self.column.map_or(0, |column| column.saturating_sub(1));
        let tail: String = line.chars().skip(start).collect();
        let literals: Vec<&str> = self.message.split('`').skip(1).step_by(2).collect();
        let found = literals.iter().rev().find_map(|literal| {
            let literal = literal.trim_end_matches('…');
            let at = Some(tail.find(literal)?).filter(|_| !literal.is_empty())?;
            let before = tail.get(..at)?.chars().count();
            Some((start + before, literal.chars().count()))
        });
        found.or_else(|| self.column.map(|column| (column.saturating_sub(1), 1)))
    }

    /// Names the column, given the file's lines.
    pub fn locate(&mut self, lines: &[&str]) {
        let line = self.line.and_then(|line| lines.get(line.checked_sub(1)?));
        if let Some((start, _)) = line.and_then(|line| self.underlined(line)) {
            self.column = Some(start + 1);
        }
    }

    /// Says what to do about it.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// A place in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The line, from 1.
    pub line: usize,
    /// The column, in characters from 1.
    pub column: usize,
}

/// What `read` reports of line 7 of `intro.md`, behind what it reads.
#[cfg(test)]
pub(super) fn reported<T>(read: impl FnOnce(&mut Reporter<'_>) -> T) -> (T, Vec<Diagnostic>) {
    let mut diagnostics = Vec::new();
    let mut reporter = Reporter {
        file: "intro.md",
        line: Some(7),
        keys: &[],
        place: "block 0",
        diagnostics: &mut diagnostics,
    };
    (read(&mut reporter), diagnostics)
}

/// Where in a scenario something is read, so that whoever reads it can report without knowing.
#[derive(Debug)]
pub(super) struct Reporter<'a> {
    /// The file, relative to the scenario.
    pub(super) file: &'a str,
    /// The line, from 1, where one can be named.
    pub(super) line: Option<usize>,
    /// The lines of the keys that are read, where each stands in a line of its own.
    pub(super) keys: &'a [(&'static str, usize)],
    /// What is being read, such as `block 3`.
    pub(super) place: &'a str,
    /// Collects what is reported.
    pub(super) diagnostics: &'a mut Vec<Diagnostic>,
}

impl Reporter<'_> {
    /// The line of the key that a problem names, or of the whole.
    fn line_of(&self, problem: &str) -> Option<usize> {
        let named = |key: &str| problem.contains(&format!("`{key}`"));
        let key = self.keys.iter().find(|(key, _)| named(key));
        key.map(|(_, line)| *line).or(self.line)
    }

    /// Reports that something works, but perhaps not as meant.
    pub(super) fn warn(&mut self, code: &'static str, problem: &str, hint: &str) {
        let message = format!("{problem} in {}", self.place);
        let diagnostic = Diagnostic::warning(code, self.file, message);
        self.diagnostics
            .push(diagnostic.at(self.line_of(problem)).with_hint(hint));
    }

    /// Reports that something does not work.
    pub(super) fn error(&mut self, code: &'static str, problem: &str, hint: &str) {
        let message = format!("{problem} in {}", self.place);
        let diagnostic = Diagnostic::error(code, self.file, message);
        self.diagnostics
            .push(diagnostic.at(self.line_of(problem)).with_hint(hint));
    }
}

/// How bad a diagnostic is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// It works, but perhaps not as meant.
    Warning,
    /// It does not work.
    Error,
}
