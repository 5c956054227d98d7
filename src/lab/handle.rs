//! What others hold of a lab.

use std::sync::{Arc, atomic::AtomicU64, atomic::Ordering};

use serde_json::Value;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::{
    event::{LabEvent, LabSnapshot},
    folder::{Folder, StepError, UNREADABLE_HINT},
};
use crate::command::{CommandError, Role};

/// How many requests may wait for a lab; a client that asks faster waits.
pub(super) const INBOX: usize = 64;

/// How many events may wait for a client. One that does not read them in time is cut off, and may
/// come back and resume.
const CLIENT_EVENTS: usize = 1024;

/// Holds a lab.
#[derive(Debug, Clone)]
pub struct LabHandle {
    pub(super) inbox: mpsc::Sender<Request>,
    pub(super) folder: Folder,
    pub(super) closed: CancellationToken,
}

/// Why a lab did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LabError {
    /// The command was refused.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// The step exists but can't be read.
    #[error(transparent)]
    UnreadableStep(StepError),
    /// The scenario's folder does not exist any more.
    #[error("the folder of `{0}` is gone")]
    FolderGone(String),
    /// A terminal has too much waiting.
    #[error("the terminal `{0}` has too much waiting")]
    TerminalFull(String),
    /// The lab has ended.
    #[error("the lab has ended")]
    Closed,
    /// The server is at fault.
    #[error("the server failed: {0}")]
    Internal(String),
}

impl LabError {
    /// What to do about it, where there is something to do.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Command(error) => error.hint(),
            Self::UnreadableStep(_) => Some(UNREADABLE_HINT.to_owned()),
            Self::FolderGone(_) => {
                Some("put it back, then try again; the terminals go on meanwhile".to_owned())
            }
            Self::TerminalFull(_) => Some("interrupt what runs there, then try again".to_owned()),
            Self::Closed => Some("start katahost again".to_owned()),
            Self::Internal(_) => None,
        }
    }
}

/// What executing a command gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Executed {
    /// Whether this execution was done before, so that nothing ran now.
    pub repeated: bool,
    /// The terminals that were typed into.
    pub terminals: Vec<u16>,
}

/// A command to execute.
#[derive(Debug, Clone)]
pub struct Execution {
    /// The client's number.
    pub client: u64,
    /// What the client may do.
    pub role: Role,
    /// The command's id.
    pub command: String,
    /// Its arguments.
    pub arguments: Vec<Value>,
    /// The same id is executed once.
    pub id: Option<Arc<str>>,
}

/// What a lab is asked.
#[derive(Debug)]
pub(super) enum Request {
    Attach {
        client: u64,
        step: Option<String>,
        role: Role,
        events: mpsc::Sender<LabEvent>,
        answer: oneshot::Sender<LabSnapshot>,
    },
    Detach {
        client: u64,
    },
    Execute {
        execution: Execution,
        answer: oneshot::Sender<Result<Executed, LabError>>,
    },
}

/// A client's presence in a lab; dropping it detaches the client.
#[derive(Debug)]
pub struct Attachment {
    /// The client's number, unique in the program's run.
    pub client: u64,
    /// The lab as it was when the client came.
    pub snapshot: LabSnapshot,
    /// What happens from then on. It ends when the lab ends, or when the client was too slow.
    pub events: mpsc::Receiver<LabEvent>,
    inbox: mpsc::Sender<Request>,
}

impl Drop for Attachment {
    fn drop(&mut self) {
        let (inbox, client) = (self.inbox.clone(), self.client);
        if let Err(mpsc::error::TrySendError::Full(request)) =
            inbox.try_send(Request::Detach { client })
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            runtime.spawn(async move { inbox.send(request).await });
        }
    }
}

impl LabHandle {
    /// The scenario's folder.
    #[must_use]
    pub fn folder(&self) -> &Folder {
        &self.folder
    }

    /// Whether the lab has ended.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.closed.is_cancelled()
    }

    /// Lets a client in. `step` is loaded where it is another than the current one.
    ///
    /// # Errors
    ///
    /// [`LabError::Closed`].
    pub async fn attach(&self, role: Role, step: Option<String>) -> Result<Attachment, LabError> {
        static CLIENTS: AtomicU64 = AtomicU64::new(1);
        let client = CLIENTS.fetch_add(1, Ordering::Relaxed);
        let (events, receiver) = mpsc::channel(CLIENT_EVENTS);
        let (answer, snapshot) = oneshot::channel();
        let request = Request::Attach {
            client,
            step,
            role,
            events,
            answer,
        };
        self.inbox
            .send(request)
            .await
            .map_err(|_| LabError::Closed)?;
        let snapshot = snapshot.await.map_err(|_| LabError::Closed)?;
        Ok(Attachment {
            client,
            snapshot,
            events: receiver,
            inbox: self.inbox.clone(),
        })
    }

    /// Executes a command.
    ///
    /// # Errors
    ///
    /// The command was refused, or the lab could not do it.
    pub async fn execute(&self, execution: Execution) -> Result<Executed, LabError> {
        let (answer, result) = oneshot::channel();
        let request = Request::Execute { execution, answer };
        self.inbox
            .send(request)
            .await
            .map_err(|_| LabError::Closed)?;
        result.await.map_err(|_| LabError::Closed)?
    }
}
