//! What a lab is asked to do.

use super::{arguments::WhenBusy, registry::Role};
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
    /// Does the same, with regard to what runs in the terminal.
    RunWhen {
        /// What to type.
        invocation: Invocation,
        /// What to do where the terminal is busy.
        when: WhenBusy,
    },
    /// Takes back a run of a block of the current step that waits for a prompt.
    Cancel {
        /// The block's index.
        block: usize,
    },
    /// Runs all blocks of the current step that may run, one after the other.
    RunStep,
    /// Stops running all blocks.
    StopStep,
    /// Runs a check of the current step, beside the terminals.
    Check {
        /// The block's index.
        block: usize,
    },
    /// Notes that a required block of the current step is skipped.
    Skip {
        /// The block's index.
        block: usize,
    },
    /// Types Ctrl-C at once for a block of the current step that runs.
    Interrupt {
        /// The block's index.
        block: usize,
    },
    /// Shows the recording of a block of the current step in its terminal, or ends that.
    PlayRecording {
        /// The block's index.
        block: usize,
    },
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
    /// Makes a link by which others come in.
    CreateLink {
        /// What they may do.
        role: Role,
    },
    /// Makes a link invalid.
    RevokeLink {
        /// The link's id.
        link: String,
    },
    /// Notes that whoever asked wants the keyboard.
    AskForKeyboard,
    /// Notes that whoever asked has no need of the keyboard any more.
    ReturnKeyboard,
    /// Gives a viewer the keyboard, which another one may have to give back for it.
    GrantKeyboard {
        /// The viewer's number.
        client: u64,
    },
    /// Tells a viewer that it does not get the keyboard.
    DeclineKeyboard {
        /// The viewer's number.
        client: u64,
    },
    /// Takes the keyboard back from whoever was given it.
    TakeKeyboard,
    /// Lets the lab run by itself what its driver has seen.
    GiveTrust {
        /// The hash of that.
        hash: String,
    },
}
