//! What others hold of a lab.

use std::sync::{Arc, atomic::AtomicU64, atomic::Ordering};

use serde_json::Value;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::{
    checker::MAX_CHECKS,
    clients::{Departure, Standing},
    event::{Busy, LabEvent, LabSnapshot, PageView, Place},
    folder::{Folder, StepError, UNREADABLE_HINT},
    links::{Link, Links, MAX_LINKS},
    load::Reader,
    progress::Progress,
    record::Record,
};
use crate::{
    command::{CommandError, Role},
    scenario::{Config, Page},
    terminal::runs::RunNumber,
};

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
    pub(super) links: Arc<Links>,
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
    /// The check runs already.
    #[error("this check runs already")]
    CheckRuns,
    /// Too many checks run.
    #[error("{MAX_CHECKS} checks run, and no more are possible at once")]
    TooManyChecks,
    /// The block does not run, as far as anybody knows.
    #[error("this block does not run now")]
    NotRunning,
    /// A program runs in the terminal that does not read what is typed.
    #[error("{} is running in `{}`", occupant(.0), .0.name)]
    TerminalBusy(Box<Busy>),
    /// The terminal's shell ended before it could be asked.
    #[error("the shell of `{0}` ended")]
    ShellEnded(String),
    /// The block does not wait for a prompt.
    #[error("this block is not queued")]
    NotQueued,
    /// All blocks of a step are being run already.
    #[error("the blocks of `{0}` are being run")]
    StepRuns(String),
    /// No step's blocks are being run.
    #[error("no step is being run")]
    NoStepRuns,
    /// The link is not valid any more.
    #[error("the link is not valid any more")]
    LinkRevoked,
    /// No link has this id.
    #[error("there is no link `{0}`")]
    UnknownLink(String),
    /// There are too many links.
    #[error("the lab has {MAX_LINKS} links, and no more are possible")]
    TooManyLinks,
    /// No client that came by a link has this number.
    #[error("there is no viewer {0}")]
    UnknownClient(u64),
    /// The link executes a command, and is not for reading on.
    #[error("this link does more than to show a step")]
    NotALinkToAStep,
    /// A yes to something else than what the lab runs by itself.
    #[error("this is not what the lab runs by itself now")]
    TrustChanged,
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
            Self::CheckRuns => Some("wait for its result".to_owned()),
            Self::TooManyChecks => Some("wait for one of them".to_owned()),
            Self::NotRunning => Some("type Ctrl-C into its terminal if it does".to_owned()),
            Self::TerminalBusy(_) => {
                Some("queue the block, interrupt what runs there, or type it anyway".to_owned())
            }
            Self::ShellEnded(_) => Some("start the terminal again".to_owned()),
            Self::NotQueued => Some("it may have been typed meanwhile".to_owned()),
            Self::StepRuns(_) => Some("stop that first, or wait until it is through".to_owned()),
            Self::NoStepRuns => Some("it may have ended meanwhile".to_owned()),
            Self::LinkRevoked => Some("ask the instructor for a new one".to_owned()),
            Self::UnknownLink(_) => Some("it may have been revoked before".to_owned()),
            Self::TooManyLinks => Some("revoke one that nobody needs".to_owned()),
            Self::UnknownClient(_) => Some("it may have left".to_owned()),
            Self::NotALinkToAStep => Some("you are watching; ask for the keyboard".to_owned()),
            Self::TrustChanged => {
                Some("look at it again; `katahost inspect` lists it, with its hash".to_owned())
            }
            Self::Closed => Some("start katahost again".to_owned()),
            Self::Internal(_) => None,
        }
    }
}

fn occupant(busy: &Busy) -> String {
    match &busy.program {
        Some(program) => format!("`{program}`"),
        None => "a command".to_owned(),
    }
}

/// What executing a command gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Executed {
    /// Whether this execution was done before, so that nothing ran now.
    pub repeated: bool,
    /// The terminals that were typed into.
    pub terminals: Vec<u16>,
    /// The link that was made.
    pub link: Option<Link>,
    /// The run that must ask its terminal first.
    pub(super) asks: Option<RunNumber>,
}

/// A command to execute.
#[derive(Debug, Clone)]
pub struct Execution {
    /// The client's number.
    pub client: u64,
    /// The command's id.
    pub command: String,
    /// Its arguments.
    pub arguments: Vec<Value>,
    /// The same id is executed once.
    pub id: Option<Arc<str>>,
}

/// Who comes to a lab.
#[derive(Debug, Clone)]
pub struct Visitor {
    /// The name it made for itself, which stays over lost connections.
    pub id: Arc<str>,
    /// What it may do.
    pub role: Role,
    /// The id of the link it comes by, if it does.
    pub link: Option<Arc<str>>,
    /// The name it gives.
    pub name: Option<String>,
    /// Whether it can't read a terminal as a whole.
    pub cramped: bool,
    /// Whether it takes part in the terminals, as a person does.
    pub attends: bool,
    /// The step that a driver comes for; loaded where it is another than the current one.
    pub step: Option<String>,
}

/// What a lab is asked.
#[derive(Debug)]
pub(super) enum Request {
    Attach {
        client: u64,
        visitor: Visitor,
        events: mpsc::Sender<Arc<LabEvent>>,
        leave: oneshot::Sender<Departure>,
        answer: oneshot::Sender<Result<(LabSnapshot, Arc<Standing>), LabError>>,
    },
    Detach {
        client: u64,
    },
    /// How a client sees the lab.
    View {
        client: u64,
        name: Option<String>,
        cramped: bool,
    },
    /// Where a driver is.
    Place {
        client: u64,
        place: Place,
    },
    /// What it takes to read a page.
    Config {
        answer: oneshot::Sender<Config>,
    },
    /// How it stands with the blocks of a page.
    PageView {
        page: Arc<Page>,
        answer: oneshot::Sender<PageView>,
    },
    /// What happened so far.
    Progress {
        answer: oneshot::Sender<(LabSnapshot, Progress)>,
    },
    /// All that happened until now.
    Record {
        answer: oneshot::Sender<Record>,
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
    /// What it may do, now and later.
    pub standing: Arc<Standing>,
    /// What happens from then on.
    pub events: mpsc::Receiver<Arc<LabEvent>>,
    /// Why the client must leave, once it must; it fails when the lab has ended.
    pub departure: oneshot::Receiver<Departure>,
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

    /// The links by which others come in.
    #[must_use]
    pub fn links(&self) -> &Links {
        &self.links
    }

    /// Lets a client in.
    ///
    /// # Errors
    ///
    /// [`LabError::Closed`], or [`LabError::LinkRevoked`].
    pub async fn attach(&self, visitor: Visitor) -> Result<Attachment, LabError> {
        static CLIENTS: AtomicU64 = AtomicU64::new(1);
        let client = CLIENTS.fetch_add(1, Ordering::Relaxed);
        let (events, receiver) = mpsc::channel(CLIENT_EVENTS);
        let (leave, departure) = oneshot::channel();
        let attached = self.ask(|answer| Request::Attach {
            client,
            visitor,
            events,
            leave,
            answer,
        });
        let (snapshot, standing) = attached.await??;
        Ok(Attachment {
            client,
            snapshot,
            standing,
            events: receiver,
            departure,
            inbox: self.inbox.clone(),
        })
    }

    /// Executes a command.
    ///
    /// # Errors
    ///
    /// The command was refused, or the lab could not do it.
    pub async fn execute(&self, execution: Execution) -> Result<Executed, LabError> {
        self.ask(|answer| Request::Execute { execution, answer })
            .await?
    }

    /// Notes how a client sees the lab.
    pub async fn view(&self, client: u64, name: Option<String>, cramped: bool) {
        let request = Request::View {
            client,
            name,
            cramped,
        };
        // A lab that has ended needs to know no more.
        drop(self.inbox.send(request).await);
    }

    /// Notes where a driver is; others are ignored.
    pub async fn place(&self, client: u64, place: Place) {
        drop(self.inbox.send(Request::Place { client, place }).await);
    }

    /// Reads a step, or the one that its link number `link` leads to, without showing it.
    ///
    /// # Errors
    ///
    /// The step can't be read, or the link leads to none.
    pub async fn read_page(&self, step: &str, link: Option<usize>) -> Result<PageView, LabError> {
        let config = self.ask(|answer| Request::Config { answer }).await?;
        // Whoever only reads is told of no problems.
        let reader = Reader::new(self.folder.clone(), false);
        let mut page = reader.load(&config, step).await?;
        if let Some(index) = link {
            let link = page.links.get(index).and_then(|link| link.command.as_ref());
            let target = link.and_then(|command| command.step());
            let target = target.ok_or(LabError::NotALinkToAStep)?.to_owned();
            page = reader.load(&config, &target).await?;
        }
        self.ask(|answer| Request::PageView { page, answer }).await
    }

    /// What happened in the lab so far, and how it is now.
    ///
    /// # Errors
    ///
    /// [`LabError::Closed`].
    pub async fn progress(&self) -> Result<(LabSnapshot, Progress), LabError> {
        self.ask(|answer| Request::Progress { answer }).await
    }

    /// All that happened since the lab began or was started over.
    ///
    /// # Errors
    ///
    /// [`LabError::Closed`].
    pub async fn record(&self) -> Result<Record, LabError> {
        self.ask(|answer| Request::Record { answer }).await
    }

    /// Asks the lab something and waits for the answer.
    async fn ask<T>(
        &self,
        request: impl FnOnce(oneshot::Sender<T>) -> Request,
    ) -> Result<T, LabError> {
        let (answer, answered) = oneshot::channel();
        let sent = self.inbox.send(request(answer)).await;
        sent.map_err(|_| LabError::Closed)?;
        answered.await.map_err(|_| LabError::Closed)
    }
}
