//! A real server on a free port, and a client that sees what its terminals show.

pub mod bash;
pub mod chance;
pub mod http;
pub mod program;
pub mod proxy;
pub mod sshd;
pub mod watcher;
pub mod wire;
pub mod workshop;

use std::{
    collections::BTreeMap,
    fs,
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use katahost::{
    client::{Address, Client, ClientError, Incident},
    lab::{
        LabStore, Library, Trust,
        store::{LabOptions, SENT_PATIENCE},
    },
    protocol::{
        client::{Resume, ResumeTerminal},
        frame::{FrameKind, decode_size},
        server::{ExecuteCommandResult, LabState},
    },
    server::{
        self, Server,
        auth::{Gate, GateOptions},
    },
    terminal::Integration,
};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// How long a condition may take to come true. Far more than it needs, even on a loaded machine.
pub const DEADLINE: Duration = Duration::from_secs(20);

/// The token of every test's server.
pub const TOKEN: &str = "a-token-for-tests";

/// A server that runs for one test. Dropping it ends its labs.
#[derive(Debug)]
pub struct House {
    pub address: SocketAddr,
    pub base_path: String,
    /// The folder that is served.
    pub root: PathBuf,
    stop: CancellationToken,
    /// Counts the open sockets.
    pub sockets: TaskTracker,
    serving: JoinHandle<std::io::Result<()>>,
    temp: Option<TempDir>,
}

/// How a test's server differs from the usual one.
#[derive(Debug, Clone)]
pub struct HouseOptions {
    pub shell: Option<PathBuf>,
    pub base_path: String,
    pub token: Option<String>,
    pub interrupt_patience: Duration,
    pub sent_patience: Duration,
    pub author: bool,
    pub watch: bool,
    pub trust: Trust,
    pub record: bool,
}

impl Default for HouseOptions {
    fn default() -> Self {
        Self {
            shell: Some(program("shell")),
            base_path: "/".to_owned(),
            token: Some(TOKEN.to_owned()),
            interrupt_patience: Duration::from_secs(5),
            sent_patience: SENT_PATIENCE,
            author: false,
            watch: false,
            trust: Trust::Given,
            record: true,
        }
    }
}

/// A program of the tests' own.
pub fn program(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures/programs")
        .join(name)
}

impl House {
    /// Serves the scenario, or the folder of scenarios, at `path`.
    pub fn open(path: &Path, options: HouseOptions) -> Self {
        let HouseOptions {
            shell,
            base_path,
            token,
            interrupt_patience,
            sent_patience,
            author,
            watch,
            trust,
            record,
        } = options;
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, sockets) = (CancellationToken::new(), TaskTracker::new());
        let gate = GateOptions {
            token,
            port: address.port(),
            base_path: base_path.clone(),
            ..GateOptions::default()
        };
        let server = Server {
            labs: LabStore::new(
                Library::open(path).unwrap(),
                LabOptions {
                    shell,
                    integration: Some(Integration::new().unwrap()),
                    interrupt_patience,
                    sent_patience,
                    author,
                    watch,
                    trust,
                    record,
                },
            ),
            gate: Gate::new(gate),
            base_path: base_path.clone(),
            stop: stop.clone(),
            sockets: sockets.clone(),
        };
        let serving = tokio::spawn(server::serve(listener, None, server));
        Self {
            address,
            base_path,
            root: path.to_owned(),
            stop,
            sockets,
            serving,
            temp: None,
        }
    }

    /// Serves a scenario made of these files; its name is `lab`.
    pub fn with_files(files: &[(&str, &str)], options: HouseOptions) -> Self {
        let temp = tempfile::tempdir().unwrap();
        let root = temp.path().join("lab");
        for (name, text) in files {
            let file = root.join(name);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        }
        let mut house = Self::open(&root, options);
        house.temp = Some(temp);
        house
    }

    /// Writes a file of the scenario while it is served.
    pub fn write(&self, name: &str, text: &str) {
        fs::write(self.root.join(name), text).unwrap();
    }

    /// Waits until a program in a terminal has written a file of the scenario, whole lines of it.
    pub async fn written(&self, name: &str) -> String {
        written(&self.root, name).await
    }

    /// Where the socket of the lab `name` is.
    pub fn socket(&self, name: &str) -> Address {
        Address {
            url: format!("ws://{}{}labs/{name}/ws", self.address, self.base_path),
            token: Some(TOKEN.to_owned()),
            headers: Vec::new(),
        }
    }

    /// Enters the lab `name` as a browser of 80 × 24 would.
    pub async fn enter(&self, name: &str) -> Visitor {
        let mut visitor = Visitor::connect(&self.socket(name), None, None)
            .await
            .unwrap();
        visitor.size_all(80, 24).await;
        visitor
    }

    /// Tells the server to stop and waits until it has.
    pub async fn close(mut self) {
        self.stop.cancel();
        (&mut self.serving).await.unwrap().unwrap();
    }
}

impl Drop for House {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Bytes as `tests/fixtures/programs/recorder` shows them.
pub fn hex(bytes: &[u8]) -> String {
    let digits = b"0123456789abcdef";
    let pairs = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    pairs
        .map(|digit| char::from(digits[usize::from(digit)]))
        .collect()
}

/// Waits until a program has written whole lines to a file, and reads them.
pub async fn written(folder: &Path, name: &str) -> String {
    let path = folder.join(name);
    let read = || fs::read_to_string(&path).unwrap_or_default();
    eventually(name, || read().ends_with('\n')).await;
    read()
}

/// Whether a process runs; one that only waits to be buried does not (proc(5)).
pub fn is_running(pid: &str) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat.rsplit_once(')').map(|(_, rest)| rest.trim_start());
    state.is_some_and(|state| !state.starts_with(['Z', 'X']))
}

/// Asks again and again until `done`.
pub async fn eventually(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !done() {
        assert!(Instant::now() < deadline, "waited too long for {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// A client that watches a lab.
#[derive(Debug)]
pub struct Visitor {
    pub client: Client,
    pub id: String,
    pub lab: LabState,
    /// What each terminal wrote since the last snapshot, by number.
    pub output: BTreeMap<u16, Vec<u8>>,
    /// The offset after the last byte of each terminal.
    pub offsets: BTreeMap<u16, u64>,
    /// Notifications that no one has looked at.
    pub notifications: Vec<(String, Value)>,
    pub snapshots: usize,
    typed: BTreeMap<(u16, u32), u64>,
}

impl Visitor {
    /// Connects and initializes.
    pub async fn connect(
        address: &Address,
        resume: Option<Resume>,
        step: Option<&str>,
    ) -> Result<Self, ClientError> {
        let id = katahost::lab::store::random_name();
        Self::connect_as(address, &id, resume, step).await
    }

    /// Connects under a known client id, as one that lost its connection does.
    pub async fn connect_as(
        address: &Address,
        id: &str,
        resume: Option<Resume>,
        step: Option<&str>,
    ) -> Result<Self, ClientError> {
        let mut client = Client::connect(address).await?;
        let offsets = resume
            .iter()
            .flat_map(|resume| &resume.terminals)
            .map(|terminal| (terminal.terminal, terminal.offset))
            .collect();
        let lab = client
            .initialize(id, true, resume, step.map(str::to_owned))
            .await?;
        Ok(Self {
            client,
            id: id.to_owned(),
            lab,
            output: BTreeMap::new(),
            offsets,
            notifications: Vec::new(),
            snapshots: 0,
            typed: BTreeMap::new(),
        })
    }

    /// How far this visitor got, to come back with.
    pub fn resume(&self) -> Resume {
        let terminals = self.offsets.iter();
        let terminals = terminals
            .map(|(terminal, offset)| ResumeTerminal {
                terminal: *terminal,
                offset: *offset,
            })
            .collect();
        Resume {
            instance: self.lab.instance.clone(),
            terminals,
        }
    }

    pub async fn size_all(&mut self, cols: u16, rows: u16) {
        for terminal in self.lab.terminals.clone() {
            self.client
                .resize(terminal.terminal, cols, rows)
                .await
                .unwrap();
        }
    }

    /// The names of all steps.
    pub fn steps(&self) -> Vec<&str> {
        let steps = self.lab.steps.iter();
        steps.map(|step| step.step.as_str()).collect()
    }

    /// The number of the terminal with that id.
    pub fn number(&self, id: &str) -> u16 {
        let found = self.lab.terminals.iter().find(|terminal| terminal.id == id);
        found.unwrap_or_else(|| panic!("no terminal {id}")).terminal
    }

    /// Takes in the next thing that the server sends. Returns the end's code and reason.
    pub async fn step(&mut self) -> Option<(u16, String)> {
        let incident = tokio::time::timeout(DEADLINE, self.client.next()).await;
        match incident.expect("the server sends something").unwrap() {
            Incident::Frame(header, payload) => {
                let terminal = header.terminal;
                let output = self.output.entry(terminal).or_default();
                let end = header.offset + payload.len() as u64;
                match header.kind {
                    FrameKind::Output => {
                        if let Some(offset) = self.offsets.get(&terminal) {
                            assert_eq!(*offset, header.offset, "a gap or an overlap");
                        }
                        output.extend_from_slice(&payload);
                        self.offsets.insert(terminal, end);
                        // A server that closes takes no more; why it does comes next.
                        drop(self.client.acknowledge(terminal, end).await);
                    }
                    FrameKind::Snapshot => {
                        let (_, _, dump) = decode_size(&payload).unwrap();
                        *output = dump.to_vec();
                        self.offsets.insert(terminal, header.offset);
                        self.snapshots += 1;
                    }
                    FrameKind::Resize => {}
                    FrameKind::Input => panic!("the server sent input"),
                    FrameKind::Preview => panic!("nobody asked for a preview"),
                }
                None
            }
            Incident::Notification { method, params } => {
                if method == "terminal/opened" || method == "terminal/exited" {
                    let info = serde_json::from_value(params.clone()).unwrap();
                    self.set_terminal(info);
                }
                if method == "lab/terminals" {
                    let now = params["terminals"].clone();
                    self.lab.terminals = serde_json::from_value(now).unwrap();
                }
                if method == "lab/state" {
                    self.lab = serde_json::from_value(params.clone()).unwrap();
                    self.output.clear();
                    self.offsets.clear();
                }
                self.notifications.push((method, params));
                None
            }
            Incident::Closed(code, reason) => Some((code, reason)),
        }
    }

    fn set_terminal(&mut self, info: katahost::protocol::server::TerminalInfo) {
        let mut known = self.lab.terminals.iter_mut();
        if let Some(known) = known.find(|known| known.terminal == info.terminal) {
            *known = info;
        }
    }

    /// Takes things in until `done`; panics with what was seen when that takes too long.
    pub async fn until(&mut self, what: &str, mut done: impl FnMut(&Self) -> bool) {
        let waiting = async {
            while !done(self) {
                if let Some(end) = self.step().await {
                    panic!("closed while waiting for {what}: {end:?}");
                }
            }
        };
        let waited = tokio::time::timeout(DEADLINE, waiting).await;
        if waited.is_err() {
            let seen: Vec<_> = self.output.keys().map(|key| self.text(*key)).collect();
            panic!(
                "waited too long for {what}; terminals: {seen:#?}\n{:#?}",
                self.notifications
            );
        }
    }

    /// Waits until a terminal's output holds `text`.
    pub async fn until_text(&mut self, id: &str, text: &str) {
        let number = self.number(id);
        self.until(&format!("{text:?} in {id}"), |visitor| {
            visitor.text(number).contains(text)
        })
        .await;
    }

    /// Starts the lab over, and waits until it has begun anew.
    pub async fn start_over(&mut self) {
        let started = self.client.execute("katapod.start", vec![], None);
        started.await.unwrap();
        self.until_notified("lab/state").await;
    }

    /// Waits for a notification and takes it.
    pub async fn until_notified(&mut self, method: &str) -> Value {
        self.until(method, |visitor| {
            visitor.notifications.iter().any(|(name, _)| name == method)
        })
        .await;
        let index = self
            .notifications
            .iter()
            .position(|(name, _)| name == method)
            .unwrap();
        self.notifications.remove(index).1
    }

    /// What a terminal wrote, as text.
    pub fn text(&self, number: u16) -> String {
        let output = self
            .output
            .get(&number)
            .map(Vec::as_slice)
            .unwrap_or_default();
        String::from_utf8_lossy(output).into_owned()
    }

    /// Types as a person.
    pub async fn type_text(&mut self, id: &str, text: &str) {
        let number = self.number(id);
        let name = format!("a shell in {id}");
        self.until(&name, |visitor| visitor.generation(number) > 0)
            .await;
        let generation = self.generation(number);
        let typed = self.typed.entry((number, generation)).or_default();
        self.client
            .input(number, generation, *typed, text.as_bytes())
            .await
            .unwrap();
        *typed += text.len() as u64;
    }

    pub fn generation(&self, number: u16) -> u32 {
        let mut terminals = self.lab.terminals.iter();
        terminals
            .find(|one| one.terminal == number)
            .map_or(0, |one| one.generation)
    }

    pub async fn execute(
        &mut self,
        command: &str,
        argument: Value,
    ) -> Result<ExecuteCommandResult, ClientError> {
        let id = katahost::lab::store::random_name();
        self.client.execute(command, vec![argument], Some(id)).await
    }

    pub async fn load(&mut self, step: &str) {
        self.execute("katapod.loadPage", json!({ "step": step }))
            .await
            .unwrap();
    }

    pub async fn run_block(
        &mut self,
        step: &str,
        block: usize,
    ) -> Result<ExecuteCommandResult, ClientError> {
        self.execute("katahost.runBlock", json!({ "step": step, "block": block }))
            .await
    }
}

/// The number that an environment variable asks for.
pub fn asked(name: &str) -> Option<u64> {
    let asked = std::env::var(name).ok()?;
    Some(
        asked
            .parse()
            .unwrap_or_else(|_| panic!("{name} is no number")),
    )
}
