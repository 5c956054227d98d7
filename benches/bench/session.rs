//! One server from its start to its end: prompt, clicks, keys, keys beside a flood, a log.

use std::time::{Duration, Instant};

use tokio::time::timeout;

use crate::{
    Fault, bare,
    figures::{Figures, quantile},
    fixture::Fixture,
    link::Link,
    machine::{cpu_ms, number},
    peer::{Peer, Server},
    say,
};

/// Keys and clicks a round.
const KEYS: usize = 250;
const CLICKS: usize = 40;

/// The pause between two keys: longer than an echo takes, so that each finds the server idle.
const KEY_PAUSE: Duration = Duration::from_millis(2);

/// The pause after a click, in which the shell runs the command and prompts again.
const CLICK_PAUSE: Duration = Duration::from_millis(15);

/// A run waits until a fresh shell has been quiet for 200 ms (`terminal::settle`); that is not
/// what is measured here.
const FRESH_SHELL: Duration = Duration::from_millis(400);

/// The pause after which a shell has said what it had to say.
const SETTLE: Duration = Duration::from_millis(150);

/// What one part of a session takes at most, on a machine with much else to do.
const PART_PATIENCE: Duration = Duration::from_secs(60);

/// Makes a shell write the end's marker, which the echo of the line itself does not hold.
const MARK: &str = "printf 'THE%s\\n' -END-\r";
const MARKER: &[u8] = b"THE-END-";

/// Looks for the end of a log in pieces of it.
#[derive(Debug, Default)]
pub(crate) struct Marker {
    pub(crate) bytes: u64,
    tail: Vec<u8>,
}

impl Marker {
    /// Takes the next piece; whether the marker stands near its end.
    pub(crate) fn seen(&mut self, piece: &[u8]) -> bool {
        self.bytes += piece.len() as u64;
        // A prompt may follow it.
        self.tail
            .extend_from_slice(&piece[piece.len().saturating_sub(64)..]);
        let seen = self
            .tail
            .windows(MARKER.len())
            .any(|window| window == MARKER);
        self.tail.drain(..self.tail.len().saturating_sub(64));
        seen
    }
}

pub(crate) async fn measure(
    fixture: &Fixture,
    peers: &[Peer],
    rounds: usize,
    figures: &mut Figures,
) -> Result<(), Fault> {
    for peer in Peer::absent() {
        let why = "is not installed (see above what the package manager said)";
        figures.miss(format!("{} {why}", peer.name()));
    }
    let log = format!("cat '{}'; {MARK}", fixture.log().display());
    let count = format!("seq 1 5000000; {MARK}");
    for round in 0..rounds {
        for turn in 0..peers.len() {
            let peer = peers[(round + turn) % peers.len()];
            say(&format!("round {} of {rounds}: {}", round + 1, peer.name()));
            if let Err(fault) = session(peer, fixture, &log, &count, figures).await {
                figures.miss(format!("{}: {fault}", peer.name()));
            }
        }
        say(&format!("round {} of {rounds}: read loop", round + 1));
        let rate = tokio::task::block_in_place(|| bare::read_loop(&log))?;
        figures.add("log/64 MiB, MB/s", "read loop", rate);
        let rate = tokio::task::block_in_place(|| bare::read_loop(&count))?;
        figures.add("log/seq 1 5000000, MB/s", "read loop", rate);
    }
    Ok(())
}

async fn session(
    peer: Peer,
    fixture: &Fixture,
    log: &str,
    count: &str,
    figures: &mut Figures,
) -> Result<(), Fault> {
    let name = peer.name();
    let server = peer.start(&fixture.lab())?;
    let mut link = part("start", async {
        let mut link = Link::open(&server, "lab", 2).await?;
        link.show(0).await?;
        link.output_of(0).await?;
        Ok(link)
    })
    .await?;
    let start = server.started.elapsed().as_secs_f64() * 1e3;
    figures.add("start/first prompt byte, ms", name, start);
    link.pause(SETTLE).await?;
    if peer == Peer::Katahost {
        link.pause(FRESH_SHELL).await?;
        let clicks = part("clicks", clicks(&mut link)).await?;
        figures.add("click/first byte p50, µs", name, quantile(&clicks, 1, 2));
        figures.add("click/first byte p99, µs", name, quantile(&clicks, 99, 100));
    }
    let echo = part("echo", echo(&mut link, 0)).await?;
    figures.add("echo/p50, µs", name, quantile(&echo, 1, 2));
    figures.add("echo/p99, µs", name, quantile(&echo, 99, 100));
    let echo = part("echo beside a flood", beside_flood(&server, &mut link, log)).await?;
    figures.add("echo beside a flood/p50, µs", name, quantile(&echo, 1, 2));
    figures.add(
        "echo beside a flood/p99, µs",
        name,
        quantile(&echo, 99, 100),
    );
    for (row, line) in [("64 MiB", log), ("seq 1 5000000", count)] {
        if row != "64 MiB" && !matches!(peer, Peer::Katahost | Peer::Bare) {
            continue;
        }
        let (rate, cpu) = part(row, transfer(&server, &mut link, line)).await?;
        figures.add(&format!("log/{row}, MB/s"), name, rate);
        figures.add(&format!("log/{row}, server CPU ms/MB"), name, cpu);
    }
    if link.snapshots > 2 {
        say(&format!("{name} sent {} snapshots", link.snapshots));
    }
    Ok(())
}

/// From the click on a block to the first byte of what was typed.
async fn clicks(link: &mut Link) -> Result<Vec<f64>, Fault> {
    let mut times = Vec::new();
    for _ in 0..CLICKS {
        let began = Instant::now();
        link.click().await?;
        link.output_of(0).await?;
        times.push(began.elapsed().as_secs_f64() * 1e6);
        link.pause(CLICK_PAUSE).await?;
    }
    times.sort_by(f64::total_cmp);
    Ok(times)
}

/// From a key to its echo, which here is the kernel's.
async fn echo(link: &mut Link, terminal: usize) -> Result<Vec<f64>, Fault> {
    let mut times = Vec::new();
    for _ in 0..KEYS {
        let began = Instant::now();
        link.type_text(terminal, "x").await?;
        while !link.output_of(terminal).await?.contains(&b'x') {}
        times.push(began.elapsed().as_secs_f64() * 1e6);
        link.pause(KEY_PAUSE).await?;
    }
    // Takes the line back.
    link.type_text(terminal, "\x03").await?;
    link.pause(SETTLE).await?;
    times.sort_by(f64::total_cmp);
    Ok(times)
}

/// The same while a second terminal writes without end. With katahost both share a socket, as in
/// a lab's page; the others have one a terminal.
async fn beside_flood(server: &Server, link: &mut Link, log: &str) -> Result<Vec<f64>, Fault> {
    let (cat, _) = log.split_once(';').unwrap_or_default();
    let flood = format!("while :; do {cat}; done\r");
    if server.peer == Peer::Katahost {
        link.show(1).await?;
        link.type_text(1, &flood).await?;
        link.pause(SETTLE).await?;
        let times = echo(link, 0).await?;
        link.type_text(1, "\x03").await?;
        link.pause(SETTLE).await?;
        return Ok(times);
    }
    let mut other = Link::open(server, "", 1).await?;
    other.output_of(0).await?;
    other.type_text(0, &flood).await?;
    let draining = tokio::spawn(async move { while other.next().await.is_ok() {} });
    link.pause(SETTLE).await?;
    let times = echo(link, 0).await;
    // Leaving ends the shell.
    draining.abort();
    link.pause(SETTLE).await?;
    times
}

/// A log from the key that starts it to its end: MB a second, and the server's time per MB.
async fn transfer(server: &Server, link: &mut Link, line: &str) -> Result<(f64, f64), Fault> {
    let cpu = cpu_ms(server.process())?;
    let began = Instant::now();
    link.type_text(0, line).await?;
    let mut marker = Marker::default();
    while !marker.seen(&link.output_of(0).await?) {}
    let megabytes = number(marker.bytes) / 1e6;
    let rate = megabytes / began.elapsed().as_secs_f64();
    let cpu = (cpu_ms(server.process())? - cpu) / megabytes;
    link.pause(SETTLE).await?;
    Ok((rate, cpu))
}

async fn part<T>(name: &str, work: impl Future<Output = Result<T, Fault>>) -> Result<T, Fault> {
    timeout(PART_PATIENCE, work)
        .await
        .map_err(|_| format!("{name}: not done in {} s", PART_PATIENCE.as_secs()))?
        .map_err(|fault| format!("{name}: {fault}").into())
}
