//! One server with a shell that has prompted, and what is asked of it.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use tokio::time::timeout;

use crate::{
    Fault,
    link::Link,
    machine::{cpu_ms, number},
    peer::{Peer, Server},
};

/// The pause after which a shell has said what it had to say.
pub(crate) const SETTLE: Duration = Duration::from_millis(150);

/// What one part of a measurement takes at most, on a machine with much else to do.
const PART_PATIENCE: Duration = Duration::from_secs(120);

/// Makes a shell write the end's marker, which the echo of the line itself does not hold.
pub(crate) const MARK: &str = "printf 'THE%s\\n' -END-\r";
const MARKER: &[u8] = b"THE-END-";

/// A server and a client of its first terminal.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) server: Server,
    pub(crate) link: Link,
    /// From the start of the program to the first byte of the prompt.
    pub(crate) start: Duration,
}

/// What became of a line that makes a shell write much.
#[derive(Debug, Default)]
pub(crate) struct Transfer {
    pub(crate) megabytes: f64,
    pub(crate) seconds: f64,
    /// The server's processor time.
    pub(crate) cpu_ms: f64,
}

impl Session {
    /// Starts a server and waits for its prompt; `path` is what katahost serves.
    pub(crate) async fn open(peer: Peer, path: &Path) -> Result<Self, Fault> {
        Self::of(peer.start(path)?).await
    }

    /// Waits for the prompt of a server that was started.
    pub(crate) async fn of(server: Server) -> Result<Self, Fault> {
        let (link, start) = part("start", async {
            let mut link = Link::open(&server, "lab", 2).await?;
            link.show(0).await?;
            link.output_of(0).await?;
            let start = server.started.elapsed();
            link.pause(SETTLE).await?;
            Ok((link, start))
        })
        .await?;
        Ok(Self {
            server,
            link,
            start,
        })
    }

    /// Runs a line that ends with [`MARK`], and takes what comes.
    pub(crate) async fn transfer(&mut self, line: &str) -> Result<Transfer, Fault> {
        part("output", transfer(&self.server, &mut self.link, 0, line)).await
    }
}

/// From the key that starts a line to its end.
pub(crate) async fn transfer(
    server: &Server,
    link: &mut Link,
    terminal: usize,
    line: &str,
) -> Result<Transfer, Fault> {
    let cpu = cpu_ms(server.process())?;
    let began = Instant::now();
    link.type_text(terminal, line).await?;
    let mut marker = Marker::default();
    while !marker.seen(&link.output_of(terminal).await?) {}
    Ok(Transfer {
        megabytes: number(marker.bytes) / 1e6,
        seconds: began.elapsed().as_secs_f64(),
        cpu_ms: cpu_ms(server.process())? - cpu,
    })
}

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

/// Gives up what hangs.
pub(crate) async fn part<T>(
    name: &str,
    work: impl Future<Output = Result<T, Fault>>,
) -> Result<T, Fault> {
    timeout(PART_PATIENCE, work)
        .await
        .map_err(|_| format!("{name}: not done in {} s", PART_PATIENCE.as_secs()))?
        .map_err(|fault| format!("{name}: {fault}").into())
}
