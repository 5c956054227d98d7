//! A client that shows what it gets, as the front end does: it has a screen for each terminal,
//! comes back where it left off whenever its connection breaks, and types everything once.

use std::{collections::BTreeMap, time::Duration};

use katahost::{
    client::{Address, Client, ClientError, Incident},
    protocol::{
        audience::Role,
        client::{Resume, ResumeTerminal},
        frame::{FrameKind, decode_size},
        server::{LabState, TerminalInfo},
    },
    terminal::screen::Screen,
};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::DEADLINE;

/// How many lines above the screen are kept, as many as the server keeps.
const SCROLLBACK_LINES: usize = 10_000;

/// The most rows that a screen has.
const HIGHEST: u16 = 1_000;

/// A client with screens.
#[derive(Debug)]
pub struct Watcher {
    pub address: Address,
    pub id: String,
    pub lab: LabState,
    pub shown: BTreeMap<u16, Shown>,
    /// When snapshots came of terminals that were shown already.
    pub snapshots: Vec<(u16, Instant)>,
    /// How often it had to come back.
    pub returns: usize,
    /// The close code and reason of each connection that the server ended.
    pub endings: Vec<(u16, String)>,
    /// Whether it may not come back, as its link was revoked.
    pub refused: bool,
    client: Option<Client>,
    typed: BTreeMap<u16, Typed>,
}

/// A terminal as a client shows it.
#[derive(Debug)]
pub struct Shown {
    pub screen: Screen,
    /// The offset after the last byte received.
    pub offset: u64,
}

/// What was typed into one shell.
#[derive(Debug, Default)]
struct Typed {
    generation: u32,
    bytes: Vec<u8>,
}

/// What two clients have in common when both show the truth.
#[derive(Debug, PartialEq, Eq)]
pub struct Picture {
    pub offset: u64,
    pub size: (u16, u16),
    pub cursor: (u16, u16),
    pub text: String,
    /// The screen and the last lines above it.
    pub past: String,
    /// What a fresh terminal is told to show the same: colours, modes, title, both screens, and the
    /// last lines above them.
    pub state: String,
}

impl Watcher {
    /// Comes for the first time.
    pub async fn enter(address: &Address) -> Self {
        Self::enter_claiming(address, None).await
    }

    /// Comes for the first time, and claims to have been here before.
    pub async fn enter_claiming(address: &Address, resume: Option<Resume>) -> Self {
        Self::first(address, resume).await.unwrap()
    }

    /// Comes for the first time, where that is possible.
    pub async fn try_enter(address: &Address) -> Result<Self, ClientError> {
        Self::first(address, None).await
    }

    async fn first(address: &Address, resume: Option<Resume>) -> Result<Self, ClientError> {
        let id = katahost::lab::store::random_name();
        let (client, lab) = connect(address, &id, resume).await?;
        Ok(Self {
            address: address.clone(),
            id,
            lab,
            shown: BTreeMap::new(),
            snapshots: Vec::new(),
            returns: 0,
            endings: Vec::new(),
            refused: false,
            client: Some(client),
            typed: BTreeMap::new(),
        })
    }

    /// The number of the terminal with that id.
    pub fn number(&self, id: &str) -> u16 {
        let found = self.lab.terminals.iter().find(|terminal| terminal.id == id);
        found.unwrap_or_else(|| panic!("no terminal {id}")).terminal
    }

    pub fn offset(&self, number: u16) -> u64 {
        self.shown.get(&number).map_or(0, |shown| shown.offset)
    }

    pub fn text(&self, number: u16) -> String {
        let shown = self.shown.get(&number);
        shown.map_or_else(String::new, |shown| shown.screen.text())
    }

    pub fn picture(&self, number: u16) -> Picture {
        let Shown { screen, offset } = &self.shown[&number];
        let size = screen.size();
        // A higher terminal shows what was above.
        let mut higher = Screen::new(size.0, size.1, SCROLLBACK_LINES);
        higher.feed(&screen.dump());
        higher.resize(size.0, HIGHEST);
        Picture {
            offset: *offset,
            size,
            cursor: screen.cursor(),
            text: screen.text(),
            past: higher.text().trim_end().to_owned(),
            state: state(screen),
        }
    }

    /// Takes in the next thing that comes; comes back where the connection is broken.
    ///
    /// # Cancel safety
    ///
    /// Safe while it waits for the next message.
    pub async fn step(&mut self) {
        let Some(client) = &mut self.client else {
            return self.come_back().await;
        };
        match client.next().await {
            Ok(Incident::Frame(header, payload)) => {
                let (number, offset) = (header.terminal, header.offset);
                let end = match header.kind {
                    FrameKind::Snapshot => {
                        let (cols, rows, dump) = decode_size(&payload).unwrap();
                        let mut screen = Screen::new(cols, rows, SCROLLBACK_LINES);
                        screen.feed(&dump);
                        let shown = Shown { screen, offset };
                        if self.shown.insert(number, shown).is_some() {
                            self.snapshots.push((number, Instant::now()));
                        }
                        offset
                    }
                    FrameKind::Output => {
                        let shown = self.shown.get_mut(&number).expect("a snapshot first");
                        assert_eq!(shown.offset, offset, "a gap or an overlap");
                        shown.screen.feed(&payload);
                        shown.offset += payload.len() as u64;
                        shown.offset
                    }
                    FrameKind::Resize => {
                        let shown = self.shown.get_mut(&number).expect("a snapshot first");
                        assert_eq!(shown.offset, offset, "a gap or an overlap");
                        let (cols, rows, _) = decode_size(&payload).unwrap();
                        shown.screen.resize(cols, rows);
                        return;
                    }
                    FrameKind::Input => panic!("the server sent input"),
                    FrameKind::Preview => panic!("nobody asked for a preview"),
                };
                if client.acknowledge(number, end).await.is_err() {
                    self.client = None;
                }
            }
            Ok(Incident::Notification { method, params }) => self.told(&method, params),
            Ok(Incident::Closed(code, reason)) => {
                if code != 1006 {
                    self.endings.push((code, reason));
                }
                self.client = None;
            }
            Err(_) => self.client = None,
        }
    }

    /// Goes on for so long.
    pub async fn step_for(&mut self, time: Duration) {
        let until = Instant::now() + time;
        loop {
            if self.client.is_none() {
                // Coming back takes the time that it takes.
                self.step().await;
            } else if timeout_at(until, self.step()).await.is_err() {
                return;
            }
            if Instant::now() >= until {
                return;
            }
        }
    }

    /// Goes on until `done`.
    pub async fn until(&mut self, what: &str, mut done: impl FnMut(&Self) -> bool) {
        let waiting = async {
            while !done(self) {
                self.step().await;
            }
        };
        if timeout(3 * DEADLINE, waiting).await.is_err() {
            let numbers: Vec<u16> = self.shown.keys().copied().collect();
            let seen: Vec<Picture> = numbers.iter().map(|one| self.picture(*one)).collect();
            panic!("waited too long for {what}: {seen:#?}");
        }
    }

    /// Goes on until the terminal's screen holds `text`.
    pub async fn until_text(&mut self, id: &str, text: &str) {
        let number = self.number(id);
        let what = format!("{text:?} in {id}");
        self.until(&what, |watcher| watcher.text(number).contains(text))
            .await;
    }

    /// Types as a person; what is lost on the way is typed again.
    pub async fn type_text(&mut self, id: &str, text: &str) {
        let number = self.number(id);
        self.until(&format!("a shell in {id}"), |watcher| {
            watcher.generation(number) > 0
        })
        .await;
        let generation = self.generation(number);
        let typed = self.typed.entry(number).or_default();
        typed.begin(generation);
        let offset = typed.bytes.len() as u64;
        typed.bytes.extend_from_slice(text.as_bytes());
        if let Some(client) = &mut self.client {
            let sent = client.input(number, generation, offset, text.as_bytes());
            if sent.await.is_err() {
                self.client = None;
            }
        }
    }

    pub async fn resize(&mut self, number: u16, cols: u16, rows: u16) {
        if let Some(client) = &mut self.client
            && client.resize(number, cols, rows).await.is_err()
        {
            self.client = None;
        }
    }

    pub async fn resize_all(&mut self, cols: u16, rows: u16) {
        for terminal in self.lab.terminals.clone() {
            self.resize(terminal.terminal, cols, rows).await;
        }
    }

    /// Executes a command, where there is a connection; a refusal is an answer too.
    pub async fn execute(&mut self, command: &str, argument: Value) -> Option<Value> {
        let client = self.client.as_mut()?;
        let executing = client.execute(command, vec![argument], None);
        match timeout(DEADLINE, executing).await.expect("an answer") {
            Ok(executed) => Some(json!(executed)),
            Err(ClientError::Refused(_)) => None,
            Err(_) => {
                self.client = None;
                None
            }
        }
    }

    /// Cuts the own connection.
    pub fn hang_up(&mut self) {
        self.client = None;
    }

    /// Whether it may type, and a shell has been started that reads it.
    pub fn may_type(&self, id: &str) -> bool {
        self.lab.role >= Role::Guest && self.generation(self.number(id)) > 0
    }

    fn generation(&self, number: u16) -> u32 {
        let mut terminals = self.lab.terminals.iter();
        terminals
            .find(|one| one.terminal == number)
            .map_or(0, |one| one.generation)
    }

    fn told(&mut self, method: &str, params: Value) {
        match method {
            "terminal/opened" | "terminal/exited" => {
                let info: TerminalInfo = serde_json::from_value(params).unwrap();
                let mut terminals = self.lab.terminals.iter_mut();
                if let Some(one) = terminals.find(|one| one.terminal == info.terminal) {
                    *one = info;
                }
            }
            "lab/terminals" => {
                self.lab.terminals = serde_json::from_value(params["terminals"].clone()).unwrap();
            }
            "lab/role" => self.lab.role = serde_json::from_value(params["role"].clone()).unwrap(),
            "lab/state" => self.begin(serde_json::from_value(params).unwrap()),
            _ => {}
        }
    }

    /// Forgets the past where the lab is another one.
    fn begin(&mut self, lab: LabState) {
        if lab.instance != self.lab.instance {
            self.shown.clear();
            self.typed.clear();
        }
        self.lab = lab;
    }

    /// Tries to connect until it is possible, and goes on where it was.
    async fn come_back(&mut self) {
        let terminals = self.shown.iter().map(|(number, shown)| ResumeTerminal {
            terminal: *number,
            offset: shown.offset,
        });
        let resume = Resume {
            instance: self.lab.instance.clone(),
            terminals: terminals.collect(),
        };
        let (mut client, lab) = match connect(&self.address, &self.id, Some(resume)).await {
            Ok(connected) => connected,
            Err(error) => {
                self.refused = error.http_status() == Some(401);
                return sleep(Duration::from_millis(20)).await;
            }
        };
        self.returns += 1;
        self.begin(lab);
        for received in &self.lab.input {
            let Some(typed) = self.typed.get(&received.terminal) else {
                continue;
            };
            let from = usize::try_from(received.bytes).unwrap();
            assert!(
                typed.generation != received.generation || from <= typed.bytes.len(),
                "the server has more than was typed"
            );
            if typed.generation == received.generation && from < typed.bytes.len() {
                let (number, bytes) = (received.terminal, &typed.bytes[from..]);
                let sent = client.input(number, typed.generation, received.bytes, bytes);
                if sent.await.is_err() {
                    return;
                }
            }
        }
        for (number, shown) in &self.shown {
            if client.acknowledge(*number, shown.offset).await.is_err() {
                return;
            }
        }
        self.client = Some(client);
    }
}

/// A dump of a screen that was itself restored from one, as a late client's is: empty cells and
/// spaces are the same there.
fn state(screen: &Screen) -> String {
    let (cols, rows) = screen.size();
    let mut restored = Screen::new(cols, rows, SCROLLBACK_LINES);
    restored.feed(&screen.dump());
    String::from_utf8(restored.preview(HIGHEST.into())).unwrap()
}

impl Typed {
    /// Starts anew for another shell.
    fn begin(&mut self, generation: u32) {
        if self.generation != generation {
            *self = Self {
                generation,
                bytes: Vec::new(),
            };
        }
    }
}

async fn connect(
    address: &Address,
    id: &str,
    resume: Option<Resume>,
) -> Result<(Client, LabState), ClientError> {
    let connecting = async {
        let mut client = Client::connect(address).await?;
        let lab = client.initialize(id, true, resume, None).await?;
        Ok((client, lab))
    };
    let late = |_| ClientError::Protocol("no answer in time".to_owned());
    timeout(DEADLINE, connecting).await.map_err(late)?
}
