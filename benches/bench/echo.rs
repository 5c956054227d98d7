//! From a key to its echo, which here is the kernel's: alone, and beside a flood.
//!
//! The peers take turns within a round, some keys each, so that a busy moment of the machine hits
//! all of them.

use std::time::{Duration, Instant};

use crate::{
    Bench, Fault,
    figures::quantile,
    link::Link,
    peer::Peer,
    session::{SETTLE, Session, part},
};

/// Turns a round.
const TURNS: usize = 4;

/// Keys of one turn: 2,000 a round, so that a p99 stands on 20 of them.
const KEYS: usize = 500;

/// Keys of one turn of the peers, which need much longer for each.
const PEER_KEYS: usize = 100;

/// The pause between two keys: longer than an echo takes, so that each finds the server idle.
const KEY_PAUSE: Duration = Duration::from_millis(2);

pub(crate) async fn measure(bench: &mut Bench) -> Result<(), Fault> {
    let flood = format!(
        "while :; do cat '{}'; done\r",
        bench.fixture.log().display()
    );
    for round in 0..bench.rounds {
        let mut sessions = Vec::new();
        for peer in bench.turns(round) {
            match Session::open(peer, &bench.fixture.lab()).await {
                Ok(session) => sessions.push((session, Vec::new(), Vec::new())),
                Err(fault) => bench.figures.miss(format!("{}: {fault}", peer.name())),
            }
        }
        for turn in 0..TURNS {
            for (session, alone, beside) in &mut sessions {
                let peer = session.server.peer;
                let keys = if matches!(peer, Peer::Katahost | Peer::Bare) {
                    KEYS
                } else {
                    PEER_KEYS
                };
                if turn == 0 {
                    bench.say_round(round, peer.name());
                }
                let typed = async {
                    alone.extend(part("echo", echo(&mut session.link, keys)).await?);
                    let flooded = part("echo beside a flood", beside_flood(session, &flood, keys));
                    beside.extend(flooded.await?);
                    Ok::<(), Fault>(())
                };
                if let Err(fault) = typed.await {
                    bench.figures.miss(format!("{}: {fault}", peer.name()));
                }
            }
            // Whoever came last is first in the next turn.
            sessions.reverse();
        }
        for (session, alone, beside) in &mut sessions {
            for (row, times) in [("echo", alone), ("echo beside a flood", beside)] {
                times.sort_by(f64::total_cmp);
                for part in [50, 95, 99] {
                    let row = format!("{row}/p{part}, µs");
                    let value = quantile(times, part, 100);
                    bench.figures.add(&row, session.server.peer.name(), value);
                }
            }
        }
    }
    Ok(())
}

async fn echo(link: &mut Link, keys: usize) -> Result<Vec<f64>, Fault> {
    let mut times = Vec::new();
    for _ in 0..keys {
        let began = Instant::now();
        link.type_text(0, "x").await?;
        while !link.output_of(0).await?.contains(&b'x') {}
        times.push(began.elapsed().as_secs_f64() * 1e6);
        link.pause(KEY_PAUSE).await?;
    }
    // Takes the line back.
    link.type_text(0, "\x03").await?;
    link.pause(SETTLE).await?;
    Ok(times)
}

/// The same while a second terminal writes without end. With katahost both share a socket, as in
/// a lab's page; the others have one a terminal.
async fn beside_flood(session: &mut Session, flood: &str, keys: usize) -> Result<Vec<f64>, Fault> {
    let Session { server, link, .. } = session;
    if server.peer == Peer::Katahost {
        link.show(1).await?;
        link.type_text(1, flood).await?;
        link.pause(SETTLE).await?;
        let times = echo(link, keys).await?;
        link.type_text(1, "\x03").await?;
        link.pause(SETTLE).await?;
        return Ok(times);
    }
    let mut other = Link::open(server, "", 1).await?;
    other.output_of(0).await?;
    other.type_text(0, flood).await?;
    let draining = tokio::spawn(async move { while other.next().await.is_ok() {} });
    link.pause(SETTLE).await?;
    let times = echo(link, keys).await;
    // Leaving ends the shell.
    draining.abort();
    link.pause(SETTLE).await?;
    times
}
