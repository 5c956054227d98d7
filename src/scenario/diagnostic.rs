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

/// How bad a diagnostic is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// It works, but perhaps not as meant.
    Warning,
    /// It does not work.
    Error,
}
