//! The real binary, run as a user runs it.

use std::{
    io::{BufRead, BufReader, Read},
    net::SocketAddr,
    process::{Child, ChildStdout, Command, ExitStatus, Output, Stdio},
    time::{Duration, Instant},
};

use katahost::client::Address;
use rustix::process::{Pid, Signal, kill_process};
use tokio::signal::unix::{SignalKind, signal};

use super::{DEADLINE, eventually};

/// Lets programs that start from now on end with their terminal, even where these tests were told
/// not to, by `nohup`: a signal that is handled here is an ordinary one for them (execve(2)).
pub fn heed_hangups() {
    drop(signal(SignalKind::hangup()).unwrap());
}

/// A program that serves. Dropping it ends it.
#[derive(Debug)]
pub struct Program {
    child: Child,
    stdout: BufReader<ChildStdout>,
    /// Everything it has printed.
    pub printed: String,
    /// The URL that it printed.
    pub url: String,
}

/// The binary with these arguments and variables, and nothing of the tests' own configuration. Labs
/// may run their on-load commands unless a variable says otherwise.
pub fn command(arguments: &[&str], variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_katahost"));
    for (name, _) in std::env::vars_os() {
        if name.as_encoded_bytes().starts_with(b"KATAHOST_") {
            command.env_remove(name);
        }
    }
    // What asks before it runs something has tests of its own.
    command.env("KATAHOST_TRUST", "true");
    command
        .args(arguments)
        .env("SHELL", super::program("shell"));
    command.envs(variables.iter().copied()).stdin(Stdio::null());
    command
}

/// Runs the program to its end.
pub fn run(arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    run_for(DEADLINE, arguments, variables)
}

/// Runs a program to its end that may take so long.
pub fn run_for(limit: Duration, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut child = command(arguments, variables)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let deadline = Instant::now() + limit;
    let mut stdout = child.stdout.take().unwrap();
    let reader = std::thread::spawn(move || {
        let mut all = Vec::new();
        stdout.read_to_end(&mut all).map(|_| all)
    });
    while child.try_wait().unwrap().is_none() {
        if Instant::now() > deadline {
            child.kill().unwrap();
            panic!("`katahost {}` does not end", arguments.join(" "));
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    let stdout = reader.join().unwrap().unwrap();
    let output = child.wait_with_output().unwrap();
    Output { stdout, ..output }
}

impl Program {
    /// Starts the program and waits for its URL.
    pub fn start(arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        Self::from(command(arguments, variables))
    }

    /// Starts the program as a command that was made elsewhere, and waits for its URL.
    pub fn from(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut printed = String::new();
        while !printed.contains("to stop") {
            let count = stdout.read_line(&mut printed).unwrap();
            assert_ne!(count, 0, "the program ended after {printed:?}");
        }
        let url = printed.split_whitespace().find(|word| word.contains("://"));
        let url = url.expect("a URL").to_owned();
        Self {
            child,
            stdout,
            printed,
            url,
        }
    }

    pub fn address(&self) -> SocketAddr {
        let (_, rest) = self.url.split_once("://").unwrap();
        let (address, _) = rest.split_once('/').unwrap();
        address.parse().unwrap()
    }

    /// The path that the URL names, without its query.
    pub fn path(&self) -> &str {
        let (_, rest) = self.url.split_once("://").unwrap();
        let start = rest.find('/').unwrap();
        rest.get(start..).unwrap().split('?').next().unwrap()
    }

    pub fn token(&self) -> Option<&str> {
        self.url.split_once("?token=").map(|(_, token)| token)
    }

    /// Where the socket of the lab `name` is.
    pub fn socket(&self, name: &str) -> Address {
        Address {
            url: format!("ws://{}{}labs/{name}/ws", self.address(), self.path()),
            token: self.token().map(str::to_owned),
            headers: Vec::new(),
        }
    }

    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.child.id().cast_signed()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    /// Waits for the program's end; afterwards `printed` is all it ever printed.
    pub async fn ended(&mut self) -> ExitStatus {
        let mut status = None;
        eventually("the program ends", || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        })
        .await;
        self.stdout.read_to_string(&mut self.printed).unwrap();
        status.unwrap()
    }

    /// How many files the program has open.
    pub fn open_files(&self) -> usize {
        let files = std::fs::read_dir(format!("/proc/{}/fd", self.child.id()));
        files.unwrap().count()
    }

    /// How much memory the program has in use.
    pub fn resident_bytes(&self) -> u64 {
        self.status("VmRSS:") * 1024
    }

    /// How many threads the program has.
    pub fn threads(&self) -> u64 {
        self.status("Threads:")
    }

    /// A number of proc(5)'s `status`.
    fn status(&self, key: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with(key));
        let number = line.unwrap().split_whitespace().nth(1).unwrap();
        number.parse().unwrap()
    }

    /// The processes that the program has started, those that wait to be buried included.
    pub fn children(&self) -> Vec<String> {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.child.id())).unwrap();
        let children = |task: std::io::Result<std::fs::DirEntry>| {
            // A thread may have ended meanwhile.
            std::fs::read_to_string(task.unwrap().path().join("children")).unwrap_or_default()
        };
        let all: String = tasks.map(children).collect();
        all.split_whitespace().map(str::to_owned).collect()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // A program that is killed can't end what runs in its terminals; so it is asked first.
        let deadline = Instant::now() + Duration::from_secs(3);
        while let Ok(None) = self.child.try_wait() {
            if Instant::now() > deadline {
                drop(self.child.kill());
                break;
            }
            self.signal(Signal::TERM);
            std::thread::sleep(Duration::from_millis(10));
        }
        drop(self.child.wait());
    }
}
