//! The real binary with a lab of two terminals, and a look at what it uses.

use std::{
    fs::{self, File},
    path::PathBuf,
};

use katahost::client::Address;
use tempfile::TempDir;

use super::program::{Program, command};

pub const MEGABYTE: u64 = 1024 * 1024;

const CONFIG: &str = r#"{"layout": {"terminals": [{"id": "host"}, {"id": "api"}]}}"#;
const INTRO: &str = "# Lab\n\n```\n### api\necho block-$((1 + 1))\n```\n\n\
    ```\n### host\nseq 1 50\n```\n\n[Two](command:katapod.loadPage?step2)\n";
const STEP2: &str = "# Two\n\n```\necho second\n```\n\n[One](command:katapod.loadPage?intro)\n";

/// A program that serves the lab `lab`.
#[derive(Debug)]
pub struct Workshop {
    pub program: Program,
    /// The folder that is served, where shells start.
    pub root: PathBuf,
    log: PathBuf,
    _temp: TempDir,
}

impl Workshop {
    pub fn open() -> Self {
        let temp = tempfile::tempdir().unwrap();
        let root = temp.path().join("lab");
        fs::create_dir(&root).unwrap();
        for (name, text) in [
            (".katapod_config.json", CONFIG),
            ("intro.md", INTRO),
            ("step2.md", STEP2),
        ] {
            fs::write(root.join(name), text).unwrap();
        }
        let log = temp.path().join("log");
        let arguments = [root.to_str().unwrap(), "--listen", "127.0.0.1:0"];
        let mut command = command(&arguments, &[]);
        command.stderr(File::create(&log).unwrap());
        Self {
            program: Program::from(command),
            root,
            log,
            _temp: temp,
        }
    }

    /// Where the lab's socket is.
    pub fn socket(&self) -> Address {
        self.program.socket("lab")
    }

    /// Where the socket is that a link leads to, by the link's address.
    pub fn socket_of(&self, link: &str) -> Address {
        let (path, token) = link.split_once("?token=").unwrap();
        Address {
            url: format!("ws://{}/{path}ws", self.program.address()),
            token: Some(token.to_owned()),
            headers: Vec::new(),
        }
    }

    /// Fails where the program has complained about itself.
    pub fn check_log(&self) {
        let log = fs::read_to_string(&self.log).unwrap();
        for word in ["panic", "ERROR", "overflow"] {
            assert!(!log.contains(word), "the server's log has {word}:\n{log}");
        }
    }
}
