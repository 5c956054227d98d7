//! `make bench`: what katahost costs, each figure beside its limit or its peers.
//!
//! It only prints: a figure on a shared machine is a measurement, never a test.
//!
//! - `machine`: load, processor time and memory, as the kernel tells them;
//! - `fixture`: the labs and the log that everything is measured with;
//! - `peer`: the servers that are compared; `bare`: the two that are ours, and the read loop;
//! - `link`: a client of each, over the same WebSocket library;
//! - `session`: start, echo, flood and log through one server; `memory`: idle terminals;
//! - `pages`: Markdown; `browser`: what Chromium sees;
//! - `figures`, `table`: medians, spread, ratios, and how they are printed.

mod bare;
mod browser;
mod figures;
mod fixture;
mod link;
mod machine;
mod memory;
mod pages;
mod peer;
mod session;
mod table;

use std::{
    io::{Write, stderr},
    path::Path,
    time::Instant,
};

use figures::Figures;
use fixture::Fixture;
use peer::Peer;
use table::Table;

/// What stops a measurement.
pub(crate) type Fault = Box<dyn std::error::Error + Send + Sync>;

/// How often everything is measured, unless `KATAHOST_BENCH_ROUNDS` says otherwise.
const ROUNDS: usize = 5;

/// The program that is measured.
pub(crate) const KATAHOST: &str = env!("CARGO_BIN_EXE_katahost");

/// The source's folder.
pub(crate) const ROOT: &str = env!("CARGO_MANIFEST_DIR");

fn main() -> Result<(), Fault> {
    let runtime = tokio::runtime::Runtime::new()?;
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [mode, port] = &arguments[..]
        && mode == bare::MODE
    {
        return runtime.block_on(bare::serve(port.parse()?));
    }
    // `cargo bench` passes `--bench`; words choose rows.
    let wanted: Vec<&String> = arguments
        .iter()
        .filter(|word| !word.starts_with('-'))
        .collect();
    let wants = |row: &str| wanted.is_empty() || wanted.iter().any(|word| *word == row);
    machine::raise_descriptor_limit()?;
    let rounds = std::env::var("KATAHOST_BENCH_ROUNDS")
        .ok()
        .and_then(|rounds| rounds.parse().ok())
        .unwrap_or(ROUNDS);
    let (began, load) = (Instant::now(), machine::load());
    let mut figures = Figures::default();
    let fixture = Fixture::new()?;
    let peers = Peer::available();
    if wants("sessions") {
        runtime.block_on(session::measure(&fixture, &peers, rounds, &mut figures))?;
    }
    if wants("memory") {
        runtime.block_on(memory::measure(&fixture, &peers, &mut figures))?;
    }
    if wants("pages") {
        pages::measure(rounds, &mut figures)?;
    }
    if wants("browser") {
        browser::measure(&mut figures);
    }
    let size = std::fs::metadata(Path::new(KATAHOST))?.len();
    figures.add("size/binary, MB", "katahost", machine::number(size) / 1e6);
    Table::new(&figures).print(rounds, &load, &machine::load(), began.elapsed())?;
    Ok(())
}

/// Tells whoever waits what is being done.
pub(crate) fn say(what: &str) {
    // Nobody may be listening.
    drop(writeln!(stderr(), "bench: {what}"));
}
