//! What a client sends in text frames.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::audience::ViewParams;

/// Methods of client messages.
pub mod method {
    macro_rules! methods {
        ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
            $($(#[$doc])* pub const $name: &str = $text;)*

            /// All of them.
            pub const ALL: &[&str] = &[$($text),*];
        };
    }

    methods! {
        /// Request, [`InitializeParams`](super::InitializeParams) →
        /// [`LabState`](crate::protocol::server::LabState); first, and once.
        INITIALIZE = "initialize";
        /// Request, [`ExecuteCommandParams`](super::ExecuteCommandParams) →
        /// [`ExecuteCommandResult`](crate::protocol::server::ExecuteCommandResult).
        EXECUTE_COMMAND = "workspace/executeCommand";
        /// Request, no parameters → a list of
        /// [`CommandInfo`](crate::protocol::server::CommandInfo).
        LIST_COMMANDS = "workspace/listCommands";
        /// Notification, [`ResizeParams`](super::ResizeParams).
        RESIZE = "terminal/resize";
        /// Notification, [`AckParams`](super::AckParams).
        ACK = "terminal/ack";
        /// Request, [`ReadPageParams`](crate::protocol::audience::ReadPageParams) →
        /// [`Page`](crate::protocol::server::Page): nothing runs, and nobody else sees it.
        READ_PAGE = "page/read";
        /// Notification, [`ViewParams`](crate::protocol::audience::ViewParams).
        VIEW = "lab/view";
        /// Notification of a driver, [`Place`](crate::protocol::audience::Place).
        PLACE = "lab/place";
    }
}

/// Who the client is, and what it wants to go on with.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct InitializeParams {
    /// The version of the protocol, [`VERSION`](crate::protocol::VERSION).
    pub protocol_version: u32,
    /// A name of this client that is its own and stays over reconnects, 8 to 64 characters.
    pub client_id: String,
    /// Whether the client watches terminals; a program that only executes commands does not.
    #[serde(default)]
    pub attach: bool,
    /// Whether the client shows a preview of each terminal with a long past while it reads that.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[cfg_attr(test, ts(as = "Option<bool>", optional))]
    pub preview: bool,
    /// What the client already has, after a lost connection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub resume: Option<Resume>,
    /// How the client sees the lab.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub view: Option<ViewParams>,
    /// The step that the client's address names, on a fresh visit only: another one than the
    /// lab's current step is loaded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub step: Option<String>,
}

/// How far a client got before it lost its connection.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Resume {
    /// The lab instance that the offsets belong to.
    pub instance: String,
    /// One entry for each terminal the client holds.
    pub terminals: Vec<ResumeTerminal>,
}

/// How far a client got in one terminal's output.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct ResumeTerminal {
    /// The terminal's number.
    pub terminal: u16,
    /// The offset after the last byte that the client received.
    #[cfg_attr(test, ts(type = "number"))]
    pub offset: u64,
}

/// A command to execute.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct ExecuteCommandParams {
    /// The command's id.
    pub command: String,
    /// The command's arguments, in order.
    #[serde(default)]
    pub arguments: Vec<Value>,
    /// An id made by the client, 8 to 64 characters: the same one runs once, however often sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub execution_id: Option<String>,
}

/// The size that a client shows a terminal in.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct ResizeParams {
    /// The terminal's number.
    pub terminal: u16,
    /// Width in cells.
    pub cols: u16,
    /// Height in cells.
    pub rows: u16,
}

/// How far a client has parsed a terminal's output.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct AckParams {
    /// The terminal's number.
    pub terminal: u16,
    /// The offset after the last parsed byte.
    #[cfg_attr(test, ts(type = "number"))]
    pub offset: u64,
}
