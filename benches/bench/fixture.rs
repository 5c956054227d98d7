//! What everything is measured with: labs, a shell, and a log, the same in each run.

use std::{
    fs::{self, File},
    io::{BufWriter, Write},
    path::{Path, PathBuf},
};

use serde_json::json;
use tempfile::TempDir;

use crate::Fault;

/// The length of the log.
const LOG_BYTES: usize = 64 * 1024 * 1024;

/// The length of a burst: with its line ends and the prompt less than 800 kB.
pub(crate) const BURST_BYTES: usize = 780_000;

/// Labs, and terminals in each, for the memory of idle terminals.
pub(crate) const LABS: usize = 10;
pub(crate) const TERMINALS: usize = 50;

/// The shell of all terminals: small, and with the kernel's own echo.
pub(crate) const SHELL: &str = "/bin/sh";

/// A temporary folder.
#[derive(Debug)]
pub(crate) struct Fixture {
    folder: TempDir,
}

impl Fixture {
    pub(crate) fn new() -> Result<Self, Fault> {
        let fixture = Self {
            folder: tempfile::tempdir()?,
        };
        write_log(&fixture.log())?;
        write_lab(&fixture.lab(), 2)?;
        for lab in 0..LABS {
            write_lab(&fixture.labs().join(lab_name(lab)), TERMINALS)?;
        }
        Ok(fixture)
    }

    /// A lab of two terminals, with a block for the first.
    pub(crate) fn lab(&self) -> PathBuf {
        self.folder.path().join("lab")
    }

    /// A folder of labs with many terminals.
    pub(crate) fn labs(&self) -> PathBuf {
        self.folder.path().join("labs")
    }

    /// A log of 64 MiB.
    pub(crate) fn log(&self) -> PathBuf {
        self.folder.path().join("log")
    }
}

pub(crate) fn lab_name(lab: usize) -> String {
    format!("lab-{lab}")
}

fn write_lab(folder: &Path, terminals: usize) -> Result<(), Fault> {
    fs::create_dir_all(folder)?;
    let terminals: Vec<_> = (0..terminals)
        .map(|number| json!({ "id": format!("terminal-{number}") }))
        .collect();
    let config = json!({ "layout": { "terminals": terminals } });
    fs::write(folder.join(".katapod_config.json"), config.to_string())?;
    let intro = "# Bench\n\n```sh\n### {\"terminalId\": \"terminal-0\"}\n:\n```\n";
    Ok(fs::write(folder.join("intro.md"), intro)?)
}

/// Writes lines as a web server logs them, every eighth one in colour.
fn write_log(path: &Path) -> Result<(), Fault> {
    let mut log = BufWriter::new(File::create(path)?);
    let mut written = 0;
    // Knuth's linear congruential generator (MMIX): the same log everywhere.
    let mut chance: u64 = 1;
    for line in 0_u64.. {
        chance = chance
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let (item, status, took) = (chance >> 40, 200 + (chance >> 32) % 4, (chance >> 24) % 900);
        let (on, off) = if line % 8 == 0 {
            ("\x1b[33m", "\x1b[0m")
        } else {
            ("", "")
        };
        let seconds = line / 1000;
        let text = format!(
            "2026-01-01T{:02}:{:02}:{:02}.{:03}Z {on}INFO{off} GET /items/{item} {status} {took}ms worker={}\n",
            seconds / 3600 % 24,
            seconds / 60 % 60,
            seconds % 60,
            line % 1000,
            item % 16,
        );
        if written + text.len() > LOG_BYTES {
            break;
        }
        written += text.len();
        log.write_all(text.as_bytes())?;
    }
    Ok(log.flush()?)
}
