//! The arguments of commands, as VS Code passes them: a JSON array, most often of one object.

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;

use super::registry::Role;
use crate::scenario::link::plain_step;

/// A step, by name or in an object, as `katapod.loadPage` takes it.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum StepArgument {
    /// `"step2"`.
    Name(String),
    /// `{"step": "step2"}`.
    Object {
        /// The step's name.
        step: String,
    },
}

impl StepArgument {
    /// The step's name.
    #[must_use]
    pub fn into_step(self) -> String {
        let (Self::Name(step) | Self::Object { step }) = self;
        plain_step(&step).to_owned()
    }
}

/// A block of a page.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BlockArgument {
    /// The step's name.
    pub step: String,
    /// The page's revision, where the caller knows it.
    pub revision: Option<String>,
    /// The block's index.
    pub block: usize,
}

/// What a click does where a program runs in the terminal that does not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WhenBusy {
    /// Nothing: it says what runs there.
    Ask,
    /// It waits until a prompt is back.
    Queue,
    /// It types Ctrl-C, and waits until a prompt is back.
    Interrupt,
    /// It types at once.
    Type,
}

/// A block of a page to be run.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct RunArgument {
    /// The step's name.
    pub step: String,
    /// The page's revision, where the caller knows it.
    pub revision: Option<String>,
    /// The block's index.
    pub block: usize,
    /// What to do where the terminal is busy; without it, the text is typed.
    pub when_busy: Option<WhenBusy>,
}

/// How the next block is run.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct NextArgument {
    /// The index that the next block should have.
    pub block: Option<usize>,
    /// What to do where the terminal is busy; without it, the text is typed.
    pub when_busy: Option<WhenBusy>,
}

/// A command link of a page.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinkArgument {
    /// The step's name.
    pub step: String,
    /// The page's revision, where the caller knows it.
    pub revision: Option<String>,
    /// The link's index.
    pub link: usize,
}

/// A terminal, or the active one.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct TerminalArgument {
    /// The terminal's id.
    pub terminal_id: Option<String>,
}

/// Text for a terminal, as `workbench.action.terminal.sendSequence` takes it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct SequenceArgument {
    /// The text, typed as it is.
    pub text: String,
    /// The terminal's id.
    pub terminal_id: Option<String>,
}

/// Whom a link is for.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LinkRole {
    /// For those who watch.
    Viewer,
    /// For a remote control.
    Remote,
}

impl From<LinkRole> for Role {
    fn from(role: LinkRole) -> Self {
        match role {
            LinkRole::Viewer => Self::Viewer,
            LinkRole::Remote => Self::Remote,
        }
    }
}

/// What a new link is for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RoleArgument {
    /// The role of those who come by it.
    pub role: LinkRole,
}

/// A link of the lab.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LabLinkArgument {
    /// The link's id.
    pub link: String,
}

/// A client of the lab.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientArgument {
    /// The client's number.
    pub client: u64,
}

/// What a lab may run by itself.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HashArgument {
    /// The hash of all of it.
    pub hash: String,
}

/// The one argument of a command.
///
/// # Errors
///
/// There is none, there are several, or it has another shape; in words.
pub fn one<T: DeserializeOwned>(arguments: &[Value]) -> Result<T, String> {
    match arguments {
        [argument] => T::deserialize(argument).map_err(|error| error.to_string()),
        _ => Err(format!("there are {}, not 1", arguments.len())),
    }
}

/// The one argument of a command that also works without.
///
/// # Errors
///
/// There are several, or it has another shape; in words.
pub fn optional<T: DeserializeOwned + Default>(arguments: &[Value]) -> Result<T, String> {
    if arguments.is_empty() {
        Ok(T::default())
    } else {
        one(arguments)
    }
}

/// Checks that a command got no arguments; null and empty ones count as none.
///
/// # Errors
///
/// There are some; in words.
pub fn none(arguments: &[Value]) -> Result<(), String> {
    let empty = |argument: &Value| match argument {
        Value::Null => true,
        Value::Object(object) => object.is_empty(),
        Value::Array(array) => array.is_empty(),
        _ => false,
    };
    if arguments.iter().all(empty) {
        Ok(())
    } else {
        Err("it takes none".to_owned())
    }
}
