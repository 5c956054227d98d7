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
            hint: None,
        }
    }

    /// Names the line, where one is known.
    #[must_use]
    pub fn at(mut self, line: Option<usize>) -> Self {
        self.line = line;
        self
    }

    /// Says what to do about it.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// Where in a scenario something is read, so that whoever reads it can report without knowing.
#[derive(Debug)]
pub(super) struct Reporter<'a> {
    /// The file, relative to the scenario.
    pub(super) file: &'a str,
    /// The line, from 1, where one can be named.
    pub(super) line: Option<usize>,
    /// What is being read, such as `block 3`.
    pub(super) place: &'a str,
    /// Collects what is reported.
    pub(super) diagnostics: &'a mut Vec<Diagnostic>,
}

impl Reporter<'_> {
    /// Reports that something works, but perhaps not as meant.
    pub(super) fn warn(&mut self, code: &'static str, problem: &str, hint: &str) {
        let message = format!("{problem} in {}", self.place);
        let diagnostic = Diagnostic::warning(code, self.file, message);
        self.diagnostics
            .push(diagnostic.at(self.line).with_hint(hint));
    }

    /// Reports that something does not work.
    pub(super) fn error(&mut self, code: &'static str, problem: &str, hint: &str) {
        let message = format!("{problem} in {}", self.place);
        let diagnostic = Diagnostic::error(code, self.file, message);
        self.diagnostics
            .push(diagnostic.at(self.line).with_hint(hint));
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
