//! Errors as clients see them: a stable code, a message, a hint.

use serde::{Deserialize, Serialize};

use super::{rpc::RpcError, run::Busy};

/// What an error carries beyond its message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct ErrorData {
    /// The stable code, in kebab case.
    pub code: ErrorCode,
    /// What to do about it, where there is something to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub hint: Option<String>,
    /// What keeps the terminal busy, where that is the reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub busy: Option<Box<Busy>>,
}

/// The stable codes of errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum ErrorCode {
    /// The frame is not JSON.
    ParseError,
    /// The frame is JSON but no JSON-RPC 2.0 call.
    InvalidRequest,
    /// The method is not in the protocol.
    UnknownMethod,
    /// The method's parameters do not have its shape.
    InvalidParams,
    /// Something else was sent before `initialize`, or `initialize` twice.
    NotInitialized,
    /// The client speaks another version of the protocol.
    UnsupportedVersion,
    /// No command has this id.
    UnknownCommand,
    /// The command's arguments do not have its shape.
    InvalidArguments,
    /// The client's role may not do this.
    NotAllowed,
    /// The command carries free text, which a page's link may not run.
    NotForPages,
    /// The scenario has no such step.
    UnknownStep,
    /// The step shown requires something before this one is shown.
    StepLocked,
    /// The block is not one that may be skipped.
    NotSkippable,
    /// The check runs already.
    CheckRuns,
    /// The step's page could not be read.
    UnreadableStep,
    /// The page has no such block.
    UnknownBlock,
    /// The page has no such link.
    UnknownLink,
    /// The page changed since the client got it.
    PageChanged,
    /// The lab has no such terminal.
    UnknownTerminal,
    /// The block is not executable.
    NotExecutable,
    /// The block has run as often as its limit allows.
    LimitReached,
    /// The block has no recording, or none of its present text.
    NoRecording,
    /// The block does not run now, as far as anybody knows.
    NotRunning,
    /// The block does not wait for a prompt.
    NotQueued,
    /// A program runs in the terminal that does not read what is typed.
    TerminalBusy,
    /// All blocks of a step are being run already.
    StepRuns,
    /// The terminal has more input waiting than it may.
    InputFull,
    /// There is as much of it as there may be.
    TooMany,
    /// No client that came by a link has this number.
    UnknownClient,
    /// What the lab runs by itself is something else by now.
    TrustChanged,
    /// The lab ended.
    LabClosed,
    /// The server is at fault.
    Internal,
}

impl ErrorCode {
    /// The number that JSON-RPC 2.0 gives to errors of this kind, or -32000 for those of the lab.
    #[must_use]
    pub fn number(self) -> i32 {
        match self {
            Self::ParseError => -32700,
            Self::InvalidRequest => -32600,
            Self::UnknownMethod => -32601,
            Self::InvalidParams => -32602,
            Self::Internal => -32603,
            Self::NotInitialized => -32002,
            _ => -32000,
        }
    }
}

impl RpcError {
    /// Makes an error with the number that belongs to `code`.
    pub fn new(code: ErrorCode, message: impl Into<String>, hint: Option<String>) -> Self {
        Self {
            code: code.number(),
            message: message.into(),
            data: ErrorData {
                code,
                hint,
                busy: None,
            },
        }
    }
}
