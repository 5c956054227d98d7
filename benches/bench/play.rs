//! `katahost test` of the migration lab beside its commands alone: the same texts, run by bash one
//! after the other, with the same waiting for servers to be ready and to end. Neither has a home: what
//! somebody's own startup files do in each interactive shell is no part of a test.

use std::{
    collections::HashMap,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use katahost::{
    lab::{Folder, Scan, scratch::Scratch},
    scenario::{Block, Macro},
};
use regex::RegexBuilder;
use rustix::process::{Pid, Signal, kill_process_group};

use crate::{Bench, Fault, KATAHOST, ROOT};

const ROW: &str = "test of the migration lab/seconds";

/// Each takes half a minute.
const MOST_ROUNDS: usize = 3;

/// How long a server may take to end after Ctrl-C.
const END_PATIENCE: Duration = Duration::from_secs(5);

/// Where the lab's service listens, so that one that somebody runs is in nobody's way.
const PORT: &str = "8047";

pub(crate) fn measure(bench: &mut Bench) -> Result<(), Fault> {
    let lab = Path::new(ROOT).join("scenarios/zero-downtime-migration");
    let home = tempfile::tempdir()?;
    let home = home.path();
    for round in 0..bench.rounds.min(MOST_ROUNDS) {
        bench.say_round(round, "test");
        let tested = seconds(|| test(&lab, home))?;
        bench.say_round(round, "its commands alone");
        let alone = seconds(|| Alone::run(&lab, home))?;
        bench.figures.add(ROW, "katahost", tested);
        bench.figures.add(ROW, "its commands alone", alone);
    }
    Ok(())
}

fn seconds(work: impl FnOnce() -> Result<(), Fault>) -> Result<f64, Fault> {
    let began = Instant::now();
    work()?;
    Ok(began.elapsed().as_secs_f64())
}

fn test(lab: &Path, home: &Path) -> Result<(), Fault> {
    let output = Command::new(KATAHOST)
        .arg("test")
        .arg(lab)
        .args(["--shell", "/bin/bash"])
        .env("HOME", home)
        .env("LAB_PORT", PORT)
        .env("PYTHONUNBUFFERED", "1")
        .stdin(Stdio::null())
        .output()?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    Err(format!("the lab fails:\n{said}").into())
}

/// The lab's commands, in a copy of its folder.
struct Alone<'a> {
    folder: PathBuf,
    home: &'a Path,
    /// What runs on, by terminal.
    servers: HashMap<String, Child>,
}

impl<'a> Alone<'a> {
    fn run(lab: &Path, home: &'a Path) -> Result<(), Fault> {
        let scratch = Scratch::new(&Folder::open(lab)?)?;
        let scan = Scan::new(scratch.folder());
        let mut alone = Self {
            folder: scratch.folder().root().to_owned(),
            home,
            servers: HashMap::new(),
        };
        for on_load in scan.description.config.on_load("intro") {
            alone.command(&on_load.command)?;
        }
        // The lab has one way, in the order of its steps.
        let blocks = scan.pages.iter().flat_map(|page| &page.blocks);
        let runs =
            blocks.filter(|block| block.invocation.executable && !block.expectation.untested);
        for block in runs {
            alone.block(block)?;
        }
        Ok(())
    }

    fn block(&mut self, block: &Block) -> Result<(), Fault> {
        let terminal = &block.invocation.terminal;
        if block.invocation.macros_before.contains(&Macro::CtrlC) {
            self.interrupt(terminal)?;
        }
        let text = &block.invocation.command;
        // These two run on; all other commands end.
        if ["app/api.py", "app/client.py"]
            .iter()
            .any(|server| text.contains(server))
        {
            let ready = block.expectation.expect.as_deref().unwrap_or_default();
            let server = self.server(text, ready)?;
            self.servers.insert(terminal.clone(), server);
            Ok(())
        } else {
            self.command(text)
        }
    }

    fn bash(&self, text: &str) -> Command {
        let mut bash = Command::new("bash");
        bash.args(["-c", text])
            .current_dir(&self.folder)
            .env("HOME", self.home)
            .env("LAB_PORT", PORT)
            .env("PYTHONUNBUFFERED", "1")
            .stdin(Stdio::null())
            // A server that is stopped early says so.
            .stderr(Stdio::null());
        bash
    }

    fn command(&self, text: &str) -> Result<(), Fault> {
        let status = self.bash(text).stdout(Stdio::null()).status()?;
        if status.success() {
            Ok(())
        } else {
            Err(format!("`{text}` ended with {status}").into())
        }
    }

    /// Starts a server, and waits until it says that it is ready.
    fn server(&self, text: &str, ready: &str) -> Result<Child, Fault> {
        use std::os::unix::process::CommandExt;
        let ready = RegexBuilder::new(ready).build()?;
        let mut bash = self.bash(&format!("exec {text}"));
        let mut server = bash.stdout(Stdio::piped()).process_group(0).spawn()?;
        let stdout = server.stdout.take().ok_or("a server without output")?;
        let mut lines = BufReader::new(stdout).lines();
        for line in lines.by_ref() {
            if ready.is_match(&line?) {
                // Read on, or it waits for ever.
                std::thread::spawn(move || lines.for_each(drop));
                return Ok(server);
            }
        }
        Err(format!("`{text}` was never ready").into())
    }

    /// Presses Ctrl-C, and waits until what runs there has ended.
    fn interrupt(&mut self, terminal: &str) -> Result<(), Fault> {
        let Some(mut server) = self.servers.remove(terminal) else {
            return Ok(());
        };
        let pid = Pid::from_raw(server.id().cast_signed()).ok_or("a process without id")?;
        kill_process_group(pid, Signal::INT)?;
        let deadline = Instant::now() + END_PATIENCE;
        while server.try_wait()?.is_none() {
            if Instant::now() > deadline {
                server.kill()?;
                server.wait()?;
                // Whoever starts a job behind a script's `&` has it pass Ctrl-C over.
                return Err("a server passes Ctrl-C over; run this in the foreground".into());
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        Ok(())
    }
}

impl Drop for Alone<'_> {
    fn drop(&mut self) {
        for server in self.servers.values_mut() {
            drop(server.kill());
            drop(server.wait());
        }
    }
}
