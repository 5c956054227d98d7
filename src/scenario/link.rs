//! Links: ordinary addresses, and `command:` URIs as VS Code writes them.

use serde::Serialize;
use serde_json::Value;

/// A link of a page.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Link {
    /// Its text, white space folded.
    pub text: String,
    /// Its address as rendered.
    pub href: String,
    /// What it executes, where it is a command link.
    #[serde(flatten)]
    pub command: Option<CommandLink>,
}

/// What a command link executes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CommandLink {
    /// The command's id.
    pub command: String,
    /// Its arguments.
    pub arguments: Vec<Value>,
}
