//! What a lab is asked to do.

use crate::scenario::Invocation;

/// One thing that a lab does for a command.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Shows a step, and runs its on-load commands.
    LoadStep {
        /// The step's name.
        step: String,
    },
    /// Types an invocation into its terminal and counts it. The state has admitted it.
    Run(Invocation),
    /// Types text as it is.
    Type {
        /// The terminal's id.
        terminal: String,
        /// The text.
        text: String,
    },
    /// Clears a terminal's screen and scrollback.
    Clear {
        /// The terminal's id.
        terminal: String,
    },
    /// Brings a terminal into view for whoever asked.
    Focus {
        /// The terminal's id.
        terminal: String,
    },
    /// Ends a terminal's shell and starts another.
    Restart {
        /// The terminal's id.
        terminal: String,
    },
    /// Opens an address for whoever asked.
    OpenDocument {
        /// The address.
        uri: String,
    },
    /// Reads the scenario anew and begins at `intro`, with fresh terminals and counts.
    StartOver,
}
