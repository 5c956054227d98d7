//! `make bench`: what katahost costs, each figure beside its limit or its peers.
//!
//! It only prints: a figure on a shared machine is a measurement, never a test.
//!
//! - `machine`: load, processor time and memory, as the kernel tells them;
//! - `fixture`: the labs and the log that everything is measured with;
//! - `peer`: the servers that are compared; `bare` and `broadcast`: the limits, which are ours;
//! - `link`: a client of each, over the same WebSocket library; `session`: a server and its client;
//! - `audience`: hundreds of viewers; `hall`: their process; `viewer`: one of them; `wire`: its
//!   frames; `pace`: what they watch;
//! - one module for each row, see [`ROWS`];
//! - `figures`, `target`, `table`: medians, spread, ratios, and how they are judged and printed.

mod audience;
mod bare;
mod broadcast;
mod browser;
mod burst;
mod echo;
mod emulator;
mod fanout;
mod figures;
mod fixture;
mod flood;
mod hall;
mod integration;
mod link;
mod log;
mod machine;
mod memory;
mod pace;
mod paced;
mod pages;
mod peer;
mod play;
mod session;
mod stalled;
mod start;
mod table;
mod target;
mod viewer;
mod wire;

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

/// What can be measured, in this order.
const ROWS: [&str; 14] = [
    "start",
    "echo",
    "log",
    "integration",
    "bursts",
    "emulator",
    "memory",
    "fanout",
    "flood",
    "stalled",
    "paced",
    "pages",
    "play",
    "browser",
];

/// What all rows share.
#[derive(Debug)]
pub(crate) struct Bench {
    pub(crate) rounds: usize,
    pub(crate) fixture: Fixture,
    pub(crate) figures: Figures,
    peers: Vec<Peer>,
}

impl Bench {
    /// Who is measured in a round, each time another one first.
    pub(crate) fn turns(&self, round: usize) -> Vec<Peer> {
        let mut peers = self.peers.clone();
        peers.rotate_left(round % self.peers.len());
        peers
    }

    pub(crate) fn say_round(&self, round: usize, what: &str) {
        say(&format!("round {} of {}: {what}", round + 1, self.rounds));
    }

    async fn measure(&mut self, row: &str) -> Result<(), Fault> {
        match row {
            "start" => start::measure(self).await,
            "echo" => echo::measure(self).await,
            "log" => log::measure(self).await,
            "integration" => integration::measure(self).await,
            "bursts" => burst::measure(self).await,
            "emulator" => emulator::measure(self),
            "memory" => memory::measure(self).await,
            "fanout" => fanout::measure(self).await,
            "flood" => Box::pin(flood::measure(self)).await,
            "stalled" => Box::pin(stalled::measure(self)).await,
            "paced" => paced::measure(self).await,
            "pages" => pages::measure(self),
            "play" => play::measure(self),
            "browser" => {
                browser::measure(self);
                Ok(())
            }
            other => {
                Err(format!("there is no row `{other}`; there are: {}", ROWS.join(" ")).into())
            }
        }
    }
}

fn main() -> Result<(), Fault> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (mode, rest) = arguments
        .split_first()
        .map_or(("", &[][..]), |(mode, rest)| (mode, rest));
    match mode {
        hall::MODE => return hall::run(rest),
        pace::MODE => return pace::write_lines(rest[0].parse()?),
        _ => {}
    }
    let runtime = tokio::runtime::Runtime::new()?;
    match mode {
        bare::MODE => return runtime.block_on(bare::serve(rest[0].parse()?)),
        broadcast::MODE => return runtime.block_on(broadcast::serve(rest[0].parse()?)),
        _ => {}
    }
    // `cargo bench` passes `--bench`; words choose rows.
    let (options, words): (Vec<String>, Vec<String>) = arguments
        .into_iter()
        .partition(|word| word.starts_with('-'));
    let mut rows: Vec<&str> = words.iter().map(String::as_str).collect();
    if rows.is_empty() {
        rows = ROWS.to_vec();
    }
    machine::raise_descriptor_limit()?;
    let rounds = std::env::var("KATAHOST_BENCH_ROUNDS")
        .ok()
        .and_then(|rounds| rounds.parse().ok())
        .unwrap_or(ROUNDS);
    let (began, load) = (Instant::now(), machine::load());
    let mut bench = Bench {
        rounds,
        fixture: Fixture::new()?,
        figures: Figures::default(),
        peers: Peer::available(),
    };
    for peer in Peer::absent() {
        let why = "is not installed (see above what the package manager said)";
        bench.figures.miss(format!("{} {why}", peer.name()));
    }
    for row in rows {
        say(row);
        if let Err(fault) = runtime.block_on(bench.measure(row)) {
            bench.figures.miss(format!("{row}: {fault}"));
        }
    }
    let size = std::fs::metadata(Path::new(KATAHOST))?.len();
    let size = machine::number(size) / 1e6;
    bench.figures.add("size/binary, MB", "katahost", size);
    let busy = if machine::is_busy(&load) {
        "*** The machine was busy with other work: trust ratios more than figures, and p99s little.\n"
    } else {
        ""
    };
    let notes = format!(
        "Medians of up to {rounds} interleaved rounds (least – most); a ratio is katahost's figure ÷ the other's,\n\
         the median of those within a round. All of it ran on this machine, clients included: {} processors, {} s.\n\
         Load average before: {load}; after: {}.\n{busy}",
        std::thread::available_parallelism()?,
        began.elapsed().as_secs(),
        machine::load(),
    );
    let table = Table::new(&bench.figures);
    table.print(&notes, options.iter().any(|option| option == "--verbose"))?;
    Ok(table.save(&notes)?)
}

/// Tells whoever waits what is being done.
pub(crate) fn say(what: &str) {
    // Nobody may be listening.
    drop(writeln!(stderr(), "bench: {what}"));
}
