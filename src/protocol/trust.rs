//! What a lab runs by itself, and a driver's yes to it.

use serde::{Deserialize, Serialize};

/// What waits for a driver's yes has changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct LabTrust {
    /// What waits, or null where nothing does any more.
    pub trust: Option<Trust>,
}

/// Everything that the lab runs without a click, as soon as a driver says yes to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Trust {
    /// Stands for all of it, files' contents included; `katahost.trust` names it.
    pub hash: String,
    /// What runs.
    pub items: Vec<Unattended>,
    /// The files of the scenario that the texts name.
    pub files: Vec<CoveredFile>,
}

/// Something that runs by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Unattended {
    /// When.
    pub occasion: Occasion,
    /// The step.
    pub step: String,
    /// The name of the terminal that it is typed into, or null for a check, which has a shell of
    /// its own.
    pub terminal: Option<String>,
    /// Whether Ctrl-C is typed first.
    pub interrupts: bool,
    /// Its text.
    pub text: String,
    /// The file that it stands in, relative to the scenario's folder.
    pub file: String,
    /// The line there, from 1, where one can be named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub line: Option<usize>,
}

/// When something runs by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum Occasion {
    /// When its step is loaded.
    Load,
    /// Whenever the block before it has ended.
    Block,
    /// Again and again while its step is open.
    Open,
}

/// A file of the scenario whose content the hash stands for, too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct CoveredFile {
    /// Its path in the scenario's folder.
    pub path: String,
    /// Whether all of it is covered: a very large file counts by its beginning and its length.
    pub whole: bool,
}
