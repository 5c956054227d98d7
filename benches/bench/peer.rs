//! The servers that are compared, and how each is started.

use std::{
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};

use tokio::{net::TcpStream, time::sleep};

use crate::{Fault, KATAHOST, ROOT, bare, broadcast, fixture::SHELL, say};

/// Where `make bench` installs the peers.
const TOOLS: &str = "target/bench-tools";

/// The token of a katahost that is measured.
pub(crate) const TOKEN: &str = "a-token-for-the-bench";

/// How long a server may take to listen.
pub(crate) const START_PATIENCE: Duration = Duration::from_secs(10);

/// How long a server may take to end before it is made to.
const END_PATIENCE: Duration = Duration::from_secs(2);

/// A server of terminals over a WebSocket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Peer {
    /// The program that is measured.
    Katahost,
    /// The limit: the same pseudo-terminal, each read sent as one frame, and nothing else.
    Bare,
    /// The limit of an audience: the same, over plain TCP to all who are connected.
    Broadcast,
    /// Jupyter's terminals, in Python.
    Terminado,
    /// Terminals over socket.io, in Node.
    Wetty,
}

/// A running one. Dropping it ends it.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) peer: Peer,
    pub(crate) port: u16,
    pub(crate) started: Instant,
    child: Child,
}

impl Peer {
    /// All that serve one client a terminal, and can be started here.
    pub(crate) fn available() -> Vec<Self> {
        let all = [Self::Katahost, Self::Bare, Self::Terminado, Self::Wetty];
        all.into_iter().filter(|peer| peer.is_installed()).collect()
    }

    /// All that are not installed.
    pub(crate) fn absent() -> Vec<Self> {
        let all = [Self::Terminado, Self::Wetty];
        all.into_iter()
            .filter(|peer| !peer.is_installed())
            .collect()
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Katahost => "katahost",
            Self::Bare => "bare WebSocket",
            Self::Broadcast => "plain TCP",
            Self::Terminado => "terminado",
            Self::Wetty => "WeTTY",
        }
    }

    fn is_installed(self) -> bool {
        match self {
            Self::Katahost | Self::Bare | Self::Broadcast => true,
            Self::Terminado => tool("python/installed").exists(),
            // Its terminal is a native module, which may not have been built.
            Self::Wetty => {
                wetty().is_file() && tool("node/node_modules/node-pty/build/Release").is_dir()
            }
        }
    }

    /// Starts it; `path` is what katahost serves.
    pub(crate) fn start(self, path: &Path) -> Result<Server, Fault> {
        self.start_with(path, &["--shell", SHELL])
    }

    /// Starts it; katahost also takes `options`.
    pub(crate) fn start_with(self, path: &Path, options: &[&str]) -> Result<Server, Fault> {
        // Nothing else takes the port in the moment between.
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let mut command = match self {
            Self::Katahost => {
                let mut command = Command::new(KATAHOST);
                command.args(["serve", "--trust"]).arg(path);
                command.args(["--token", TOKEN]).args(options);
                command.args(["--listen", &format!("127.0.0.1:{port}")]);
                command
            }
            Self::Bare | Self::Broadcast => {
                let mut command = Command::new(std::env::current_exe()?);
                let mode = if self == Self::Bare {
                    bare::MODE
                } else {
                    broadcast::MODE
                };
                command.args([mode, &port.to_string()]);
                command
            }
            Self::Terminado => {
                let mut command = Command::new(tool("python/bin/python"));
                command.arg(Path::new(ROOT).join("benches/peers/terminado_server.py"));
                command.args([&port.to_string(), SHELL]);
                command
            }
            Self::Wetty => {
                let mut command = Command::new("node");
                command.arg(wetty());
                command.args(["--host", "127.0.0.1", "--port", &port.to_string()]);
                command.args(["--base", "/", "--command", SHELL, "--log-level", "error"]);
                command
            }
        };
        command.stdin(Stdio::null()).stdout(Stdio::null());
        if std::env::var_os("KATAHOST_BENCH_LOG").is_none() {
            command.stderr(Stdio::null());
        }
        let started = Instant::now();
        let child = command.spawn()?;
        Ok(Server {
            peer: self,
            port,
            started,
            child,
        })
    }
}

impl Server {
    pub(crate) fn process(&self) -> u32 {
        self.child.id()
    }

    /// Waits until it takes connections.
    pub(crate) async fn listens(&self) -> Result<(), Fault> {
        while TcpStream::connect(("127.0.0.1", self.port)).await.is_err() {
            if self.started.elapsed() > START_PATIENCE {
                return Err(format!("{} does not listen", self.peer.name()).into());
            }
            sleep(Duration::from_millis(5)).await;
        }
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let process = Pid::from_raw(self.child.id().cast_signed());
        let asked = process.map(|process| kill_process(process, Signal::TERM));
        let deadline = Instant::now() + END_PATIENCE;
        while matches!(self.child.try_wait(), Ok(None)) {
            if Instant::now() > deadline {
                say(&format!("{} did not end ({asked:?})", self.peer.name()));
                drop(self.child.kill());
                drop(self.child.wait());
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

fn tool(path: &str) -> PathBuf {
    Path::new(ROOT).join(TOOLS).join(path)
}

fn wetty() -> PathBuf {
    tool("node/node_modules/wetty/build/main.js")
}
