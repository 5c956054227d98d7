//! How a lab is run.

use std::{path::PathBuf, time::Duration};

use super::trust::Trust;
use crate::terminal::Integration;

/// How a lab runs its shells.
#[derive(Debug, Clone)]
pub struct LabOptions {
    /// The shell, or the user's own.
    pub shell: Option<PathBuf>,
    /// What has shells tell of their prompts and commands, unless they are not to.
    pub integration: Option<Integration>,
    /// How long a command waits after an interrupt before it is typed anyway.
    pub interrupt_patience: Duration,
    /// How long a run of all blocks waits for what nobody tells the end of.
    pub sent_patience: Duration,
    /// Whether who drives the lab writes it, and wants to know what is wrong with its pages.
    pub author: bool,
    /// Whether a saved file is shown at once.
    pub watch: bool,
    /// Who says that the lab may run something by itself.
    pub trust: Trust,
    /// Whether what terminals write is kept for transcripts, as long as the lab lives.
    pub record: bool,
}
