//! `.katapod_config.json`: terminals and on-load commands.

use super::block::Invocation;
use super::diagnostic::Diagnostic;
use serde::Serialize;

/// The layout and navigation of a scenario.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// At least one terminal, in the order of the layout, ids unique.
    pub terminals: Vec<TerminalSpec>,
    /// On-load commands, by step.
    pub on_load: Vec<OnLoad>,
}

/// A terminal of the layout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TerminalSpec {
    /// The id that headers name.
    pub id: String,
    /// The name that people see.
    pub name: String,
}

/// What loading a step types.
#[derive(Debug, Clone, PartialEq)]
pub struct OnLoad {
    /// The step.
    pub step: String,
    /// The commands of all its terminals, in the order in which they are typed.
    pub commands: Vec<Invocation>,
}

/// The files of a scenario that say what it is, as texts; `None` where there is no such file.
#[derive(Debug, Clone, Copy, Default)]
pub struct ConfigFiles<'a> {
    /// `.katapod_config.json`.
    pub config: Option<&'a str>,
    /// `.gitpod.yml`.
    pub gitpod: Option<&'a str>,
    /// Whether there is a `wait.sh`.
    pub has_wait_script: bool,
}

impl Config {
    /// Reads the config, or makes the default one.
    #[must_use]
    pub fn read(_files: ConfigFiles<'_>) -> (Self, Vec<Diagnostic>) {
        unimplemented!()
    }

    /// The on-load commands of `step`, in order.
    #[must_use]
    pub fn on_load(&self, _step: &str) -> &[Invocation] {
        unimplemented!()
    }

    /// The terminal that `id` means: itself where the layout has it, otherwise the first.
    #[must_use]
    pub fn resolve_terminal(&self, _id: &str) -> &TerminalSpec {
        unimplemented!()
    }
}

/// Whether the files make a folder a scenario, as the original judged it.
#[must_use]
pub fn is_scenario(_files: ConfigFiles<'_>) -> bool {
    unimplemented!()
}
