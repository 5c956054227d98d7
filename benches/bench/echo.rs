//! From a key to its echo, which here is the kernel's: alone, and beside a flood.
//!
//! The peers take turns within a round, some keys each, so that a busy moment of the machine hits
//! all of them.

use std::{
    future::pending,
    time::{Duration, Instant},
};

use futures_util::future::join_all;

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

/// What a turn takes at most, on a machine with much else to do.
const TURN_PATIENCE: Duration = Duration::from_secs(120);

/// The pause between two keys: longer than an echo takes, so that each finds the server idle.
const KEY_PAUSE: Duration = Duration::from_millis(2);

/// Who types into one server, and the times of the keys: alone, and beside a flood.
#[derive(Debug)]
struct Typist {
    session: Session,
    times: [Vec<f64>; 2],
}

pub(crate) async fn measure(bench: &mut Bench) -> Result<(), Fault> {
    let flood = format!(
        "while :; do cat '{}'; done\r",
        bench.fixture.log().display()
    );
    for round in 0..bench.rounds {
        let mut sessions = Vec::new();
        for peer in bench.turns(round) {
            match Session::open(peer, &bench.fixture.lab()).await {
                Ok(session) => sessions.push(Typist {
                    session,
                    times: Default::default(),
                }),
                Err(fault) => bench.figures.miss(format!("{}: {fault}", peer.name())),
            }
        }
        for _ in 0..TURNS {
            for number in 0..sessions.len() {
                // The others wait their turn; what they are sent must be read all the same.
                let (before, rest) = sessions.split_at_mut(number);
                let Some((Typist { session, times }, after)) = rest.split_first_mut() else {
                    continue;
                };
                let others = before.iter_mut().chain(after);
                let others = others.map(|other| other.session.link.pause(TURN_PATIENCE));
                let waiting = async {
                    join_all(others).await;
                    pending().await
                };
                let peer = session.server.peer;
                bench.say_round(round, peer.name());
                let typed = tokio::select! {
                    typed = part("echo", take_turn(session, &flood, times)) => typed,
                    never = waiting => never,
                };
                if let Err(fault) = typed {
                    bench
                        .figures
                        .miss(format!("echo of {}: {fault}", peer.name()));
                }
            }
            // Whoever came last is first in the next turn.
            sessions.reverse();
        }
        for Typist { session, times } in &mut sessions {
            for (row, times) in ["echo", "echo beside a flood"].iter().zip(times) {
                times.sort_by(f64::total_cmp);
                for part in [50, 95, 99] {
                    if !times.is_empty() {
                        let row = format!("{row}/p{part}, µs");
                        let value = quantile(times, part, 100);
                        bench.figures.add(&row, session.server.peer.name(), value);
                    }
                }
            }
        }
    }
    Ok(())
}

async fn take_turn(
    session: &mut Session,
    flood: &str,
    [alone, beside]: &mut [Vec<f64>; 2],
) -> Result<(), Fault> {
    let keys = if matches!(session.server.peer, Peer::Katahost | Peer::Bare) {
        KEYS
    } else {
        PEER_KEYS
    };
    alone.extend(echo(&mut session.link, keys).await?);
    beside.extend(beside_flood(session, flood, keys).await?);
    Ok(())
}

/// Types keys into the first terminal, and says how long each took to come back.
pub(crate) async fn echo(link: &mut Link, keys: usize) -> Result<Vec<f64>, Fault> {
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
