//! One terminal of a lab, held over lost connections: every byte of its output once, in order, and
//! every byte that was typed once.

use std::{
    collections::BTreeMap,
    future::pending,
    pin::Pin,
    time::{Duration, Instant},
};

use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::time::{sleep, timeout, timeout_at};

use super::{Address, Client, ClientError, Incident, Received, typed::Typed};
use crate::protocol::{
    audience::{Role, RoleChanged, ViewParams},
    client::{ExecuteCommandParams, Resume, ResumeTerminal, method as ask},
    frame::{FrameKind, Header, decode_size},
    rpc::Call,
    server::{LabState, LabTerminals, ShowMessage, TerminalInfo, TerminalStatus, close, method},
};

/// A server that says nothing for this long, heartbeats included, is taken for lost.
const SILENCE: Duration = Duration::from_secs(25);

/// How long one try to connect may take.
const CONNECT_PATIENCE: Duration = Duration::from_secs(10);

/// The pauses between tries to connect grow from the first to the second.
const PAUSES: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(5));

/// How long a lost server is looked for: a laptop changes its network, a server is started again.
const PATIENCE: Duration = Duration::from_secs(600);

/// What happened to the terminal.
#[derive(Debug)]
pub enum Event {
    /// It wrote `bytes`, which end at the offset `end`.
    Output {
        /// What it wrote.
        bytes: Bytes,
        /// The offset behind them.
        end: u64,
        /// Whether they were written before this client came.
        replay: bool,
    },
    /// Forget all output and begin with these bytes; the stream goes on at `end`.
    Snapshot {
        /// Columns and rows.
        size: (u16, u16),
        /// What rebuilds the screen.
        bytes: Bytes,
        /// Where the stream goes on.
        end: u64,
    },
    /// It has this many columns and rows now.
    Size(u16, u16),
    /// Its shell was started or ended.
    Shell(TerminalStatus),
    /// The lab was started over, and the terminal with it.
    StartedOver,
    /// This client may do more or less than before; `true` where a request was declined.
    Role(Role, bool),
    /// Something that a person should read.
    Message(String),
    /// The connection was lost and is looked for.
    Lost,
    /// It was found again.
    Found,
}

/// Why there will be nothing more.
#[derive(Debug, thiserror::Error)]
pub enum End {
    /// The link that was used is not valid any more.
    #[error("the link was revoked")]
    Revoked,
    /// The lab has no such terminal; these are its terminals.
    #[error("the lab has no such terminal")]
    NoTerminal(Vec<TerminalInfo>),
    /// The server can't be talked to.
    #[error(transparent)]
    Failed(ClientError),
}

impl From<ClientError> for End {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::Closed(close::REVOKED, _) => Self::Revoked,
            error => Self::Failed(error),
        }
    }
}

type Connecting = Pin<Box<dyn Future<Output = Result<(Client, LabState), ClientError>> + Send>>;

enum Link {
    Open(Box<Client>),
    Lost {
        since: Instant,
        pause: Duration,
    },
    Connecting {
        since: Instant,
        pause: Duration,
        connecting: Connecting,
    },
}

/// A terminal that is watched.
pub struct Attachment {
    address: Address,
    client_id: String,
    link: Link,
    heard: Instant,
    instance: String,
    terminal: TerminalInfo,
    role: Role,
    /// How far each terminal's output was received: the server sends that of all.
    received: BTreeMap<u16, u64>,
    typed: Typed,
    acknowledged: Option<u64>,
    size: Option<(u16, u16)>,
    command: Option<ExecuteCommandParams>,
    view: ViewParams,
    /// Whether the server was told of the view.
    view_told: bool,
    /// Whether what was received may be resumed.
    exact: bool,
}

impl std::fmt::Debug for Attachment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Attachment").finish_non_exhaustive()
    }
}

impl Attachment {
    /// Begins to watch the terminal with that id, or else that name.
    ///
    /// # Errors
    ///
    /// The server refuses, nobody answers, or the lab has no such terminal.
    pub async fn open(address: Address, client_id: String, terminal: &str) -> Result<Self, End> {
        let (client, lab) = connect(address.clone(), client_id.clone(), None).await?;
        let find = |is: fn(&TerminalInfo) -> &str| {
            lab.terminals
                .iter()
                .find(|one| is(one) == terminal)
                .cloned()
        };
        let Some(terminal) = find(|one| &one.id).or_else(|| find(|one| &one.name)) else {
            return Err(End::NoTerminal(lab.terminals));
        };
        Ok(Self {
            address,
            client_id,
            link: Link::Open(Box::new(client)),
            heard: Instant::now(),
            instance: lab.instance,
            typed: Typed::new(terminal.generation),
            terminal,
            role: lab.role,
            received: BTreeMap::new(),
            acknowledged: None,
            size: None,
            command: None,
            view: ViewParams::default(),
            view_told: true,
            exact: true,
        })
    }

    /// What this client may do.
    #[must_use]
    pub fn role(&self) -> Role {
        self.role
    }

    /// The terminal, as last heard of.
    #[must_use]
    pub fn terminal(&self) -> &TerminalInfo {
        &self.terminal
    }

    /// Whether the connection is open.
    #[must_use]
    pub fn is_open(&self) -> bool {
        matches!(self.link, Link::Open(_))
    }

    /// Whether more may be typed now; less waits to be sent than [`type_bytes`](Self::type_bytes)
    /// can keep.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.typed.has_room()
    }

    /// Types; what can't be sent yet is kept. Returns whether there was room for it.
    pub fn type_bytes(&mut self, bytes: &[u8]) -> bool {
        self.typed.push(bytes)
    }

    /// Says that all output before `offset` has been shown.
    pub fn acknowledge(&mut self, offset: u64) {
        self.acknowledged = Some(offset);
    }

    /// Says how large the terminal is shown; only a driver may.
    pub fn resize(&mut self, cols: u16, rows: u16) {
        self.size = Some((cols, rows));
    }

    /// Asks for another shell in place of the one that ended.
    pub fn restart(&mut self) {
        let argument = json!({ "terminalId": self.terminal.id });
        self.execute("katahost.restartTerminal", vec![argument]);
    }

    /// Asks for the keyboard, which the lab's driver may grant.
    pub fn ask_for_keyboard(&mut self) {
        self.execute("katahost.askForKeyboard", Vec::new());
    }

    /// Has a command executed; what went wrong comes as an [`Event::Message`].
    fn execute(&mut self, command: &str, arguments: Vec<Value>) {
        self.command = Some(ExecuteCommandParams {
            command: command.to_owned(),
            arguments,
            execution_id: None,
        });
    }

    /// Says by which name others see this client, and whether its terminal is cut off here.
    pub fn set_view(&mut self, view: ViewParams) {
        self.view_told &= self.view == view;
        self.view = view;
    }

    /// Asks for a snapshot, not the bytes since, when the connection is found again.
    pub fn forget_screen(&mut self) {
        self.exact = false;
    }

    /// Sends what is to be sent, and waits for what happens.
    ///
    /// # Errors
    ///
    /// There will be nothing more.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost: what was cut off is sent again, and typed once.
    pub async fn next(&mut self) -> Result<Event, End> {
        loop {
            let lost = match &mut self.link {
                Link::Open(_) => match self.converse().await {
                    Ok(Some(event)) => return Ok(event),
                    Ok(None) => continue,
                    Err(End::Failed(error)) => error,
                    Err(end) => return Err(end),
                },
                Link::Lost { since, pause } => {
                    let (since, pause) = (*since, *pause);
                    let resume = Some(self.resume());
                    let (address, id) = (self.address.clone(), self.client_id.clone());
                    let connecting = Box::pin(async move {
                        sleep(pause).await;
                        connect(address, id, resume).await
                    });
                    self.link = Link::Connecting {
                        since,
                        pause,
                        connecting,
                    };
                    continue;
                }
                Link::Connecting {
                    since,
                    pause,
                    connecting,
                } => match connecting.await {
                    Ok((client, lab)) => {
                        self.link = Link::Open(Box::new(client));
                        self.heard = Instant::now();
                        return self.come_back(lab);
                    }
                    Err(error) => {
                        let (since, pause) = (*since, (*pause * 2).min(PAUSES.1));
                        self.link = Link::Lost { since, pause };
                        if since.elapsed() > PATIENCE {
                            return Err(error.into());
                        }
                        error
                    }
                },
            };
            if is_final(&lost) {
                return Err(lost.into());
            }
            if self.is_open() {
                let (since, pause) = (Instant::now(), PAUSES.0);
                self.link = Link::Lost { since, pause };
                return Ok(Event::Lost);
            }
        }
    }

    /// Sends what is to be sent, as far as there is a connection, for one that leaves.
    pub async fn flush(&mut self) {
        if let Err(error) = self.send().await {
            tracing::debug!(%error, "what was typed last could not be sent");
        }
    }

    fn resume(&self) -> Resume {
        let terminals = self.received.iter();
        let terminals = terminals
            .filter(|(terminal, _)| self.exact || **terminal != self.terminal.terminal)
            .map(|(terminal, offset)| ResumeTerminal {
                terminal: *terminal,
                offset: *offset,
            })
            .collect();
        let instance = self.instance.clone();
        Resume {
            instance,
            terminals,
        }
    }

    fn come_back(&mut self, lab: LabState) -> Result<Event, End> {
        self.exact = true;
        self.view_told = false;
        let number = self.terminal.terminal;
        let is_there = lab.terminals.iter().any(|one| one.terminal == number);
        if lab.instance != self.instance || !is_there {
            return self.start_over(lab);
        }
        self.role = lab.role;
        let mut input = lab.input.iter();
        let received = input
            .find(|input| input.terminal == number && input.generation == self.typed.generation());
        if let Some(input) = received {
            self.typed.received(input.bytes);
        }
        if let Some(terminal) = lab.terminals.into_iter().find(|one| one.terminal == number) {
            self.set_terminal(terminal);
        }
        Ok(Event::Found)
    }

    fn start_over(&mut self, lab: LabState) -> Result<Event, End> {
        let LabState {
            instance,
            terminals,
            role,
            ..
        } = lab;
        let same = terminals
            .iter()
            .find(|one| one.id == self.terminal.id)
            .cloned();
        let Some(terminal) = same else {
            return Err(End::NoTerminal(terminals));
        };
        (self.instance, self.role) = (instance, role);
        self.received.clear();
        self.acknowledged = None;
        self.typed = Typed::new(terminal.generation);
        self.terminal = terminal;
        Ok(Event::StartedOver)
    }

    fn set_terminal(&mut self, terminal: TerminalInfo) {
        if terminal.generation != self.typed.generation() {
            self.typed.begin(terminal.generation);
        }
        self.terminal = terminal;
    }

    /// Sends what is to be sent and takes in one message.
    async fn converse(&mut self) -> Result<Option<Event>, End> {
        timeout(SILENCE, self.send())
            .await
            .unwrap_or_else(|_| Err(silent()))?;
        let Link::Open(client) = &mut self.link else {
            return pending().await;
        };
        let deadline = (self.heard + SILENCE).into();
        let received = timeout_at(deadline, client.receive());
        let received = received.await.unwrap_or_else(|_| Err(silent()))?;
        self.heard = Instant::now();
        match received {
            Received::Answer(_, Ok(_)) => Ok(None),
            Received::Answer(_, Err(error)) => Ok(Some(Event::Message(error.message))),
            Received::Incident(Incident::Closed(code, reason)) => {
                Err(ClientError::Closed(code, reason).into())
            }
            Received::Incident(Incident::Frame(header, payload)) => {
                Ok(self.frame(header, &payload)?)
            }
            Received::Incident(Incident::Notification { method, params }) => {
                self.notification(&method, params)
            }
        }
    }

    /// Each thing is forgotten only once it is on its way.
    async fn send(&mut self) -> Result<(), ClientError> {
        let Link::Open(client) = &mut self.link else {
            return Ok(());
        };
        let number = self.terminal.terminal;
        if let Some((cols, rows)) = self.size {
            client.resize(number, cols, rows).await?;
            self.size = None;
        }
        if let Some(offset) = self.acknowledged {
            client.acknowledge(number, offset).await?;
            self.acknowledged = None;
        }
        if !self.view_told {
            let call = Call::notification(ask::VIEW, &self.view);
            client.send_text(&call).await?;
            self.view_told = true;
        }
        if let Some(params) = &self.command {
            client.next_id += 1;
            let call = Call::request(client.next_id, ask::EXECUTE_COMMAND, params);
            client.send_text(&call).await?;
            self.command = None;
        }
        while self.terminal.status == TerminalStatus::Running
            && let Some((offset, bytes)) = self.typed.unsent()
        {
            let generation = self.typed.generation();
            client.input(number, generation, offset, &bytes).await?;
            self.typed.sent(bytes.len());
        }
        Ok(())
    }

    fn frame(&mut self, header: Header, payload: &Bytes) -> Result<Option<Event>, ClientError> {
        let end = header.offset + payload.len() as u64;
        let is_own = header.terminal == self.terminal.terminal;
        let known = self.received.get(&header.terminal).copied();
        let event = match header.kind {
            FrameKind::Output => {
                let known = known.unwrap_or(header.offset);
                if header.offset > known {
                    self.exact &= !is_own;
                    return Err(ClientError::Protocol("bytes are missing".to_owned()));
                }
                let new = usize::try_from(known - header.offset).unwrap_or(usize::MAX);
                let bytes = payload.slice(new.min(payload.len())..);
                self.received.insert(header.terminal, end.max(known));
                let replay = header.replay;
                Event::Output { bytes, end, replay }
            }
            FrameKind::Snapshot => {
                let (cols, rows, bytes) = decode_size(payload)?;
                let (bytes, end) = (bytes, header.offset);
                self.received.insert(header.terminal, end);
                let size = (cols, rows);
                Event::Snapshot { size, bytes, end }
            }
            FrameKind::Resize => {
                let (cols, rows, _) = decode_size(payload)?;
                Event::Size(cols, rows)
            }
            FrameKind::Input => return Err(ClientError::Protocol("input came back".to_owned())),
            FrameKind::Preview => {
                return Err(ClientError::Protocol(
                    "nobody asked for a preview".to_owned(),
                ));
            }
        };
        Ok(is_own.then_some(event))
    }

    fn notification(&mut self, name: &str, params: Value) -> Result<Option<Event>, End> {
        Ok(match name {
            method::TERMINAL_OPENED | method::TERMINAL_EXITED => {
                let terminal: TerminalInfo = from_json(params)?;
                if terminal.terminal != self.terminal.terminal {
                    return Ok(None);
                }
                let status = terminal.status.clone();
                self.set_terminal(terminal);
                Some(Event::Shell(status))
            }
            method::LAB_TERMINALS => {
                let LabTerminals { terminals } = from_json(params)?;
                let number = self.terminal.terminal;
                let own = terminals.iter().find(|one| one.terminal == number);
                let Some(own) = own.cloned() else {
                    return Err(End::NoTerminal(terminals));
                };
                self.set_terminal(own);
                None
            }
            method::LAB_STATE => Some(self.start_over(from_json(params)?)?),
            method::LAB_ROLE => {
                let RoleChanged { role, declined } = from_json(params)?;
                self.role = role;
                Some(Event::Role(role, declined))
            }
            method::SHOW_MESSAGE => {
                let ShowMessage { message, .. } = from_json(params)?;
                Some(Event::Message(message))
            }
            _ => None,
        })
    }
}

/// Opens a connection that watches terminals.
async fn connect(
    address: Address,
    client_id: String,
    resume: Option<Resume>,
) -> Result<(Client, LabState), ClientError> {
    let connecting = async {
        let mut client = Client::connect(&address).await?;
        let lab = client.initialize(&client_id, true, resume, None).await?;
        Ok((client, lab))
    };
    timeout(CONNECT_PATIENCE, connecting)
        .await
        .unwrap_or_else(|_| Err(silent()))
}

fn from_json<T: DeserializeOwned>(params: Value) -> Result<T, ClientError> {
    Ok(serde_json::from_value(params)?)
}

fn silent() -> ClientError {
    ClientError::Closed(1006, "the server says nothing".to_owned())
}

/// Whether trying again would not help.
fn is_final(error: &ClientError) -> bool {
    match error {
        ClientError::Closed(code, _) => [
            close::REVOKED,
            close::PROTOCOL_ERROR,
            close::TOO_LARGE,
            close::TOO_MANY,
        ]
        .contains(code),
        ClientError::Refused(_) => true,
        ClientError::Connection(_) => matches!(error.http_status(), Some(400..500)),
        ClientError::Protocol(_) => false,
    }
}
