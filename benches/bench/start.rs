//! From the start of a program to its prompt, and from a click on a block to its first byte.

use std::time::{Duration, Instant};

use crate::{
    Bench, Fault,
    figures::quantile,
    link::Link,
    peer::Peer,
    session::{Session, part},
};

/// Clicks a round.
const CLICKS: usize = 40;

/// The pause after a click, in which the shell runs the command and prompts again.
const CLICK_PAUSE: Duration = Duration::from_millis(15);

/// A run waits until a fresh shell has been quiet for 200 ms (`terminal::settle`); that is not
/// what is measured here.
const FRESH_SHELL: Duration = Duration::from_millis(400);

/// Starts are short, and vary; so there are more of them.
const STARTS_A_ROUND: usize = 3;

pub(crate) async fn measure(bench: &mut Bench) -> Result<(), Fault> {
    for round in 0..bench.rounds * STARTS_A_ROUND {
        for peer in bench.turns(round) {
            bench.say_round(round / STARTS_A_ROUND, peer.name());
            match Session::open(peer, &bench.fixture.lab()).await {
                Ok(mut session) => {
                    let start = session.start.as_secs_f64() * 1e3;
                    bench
                        .figures
                        .add("start/first prompt byte, ms", peer.name(), start);
                    if peer == Peer::Katahost && round % STARTS_A_ROUND == 0 {
                        let clicks = part("clicks", clicks(&mut session.link)).await?;
                        for (name, part) in [("p50", 50), ("p99", 99)] {
                            let row = format!("click/first byte {name}, µs");
                            bench
                                .figures
                                .add(&row, peer.name(), quantile(&clicks, part, 100));
                        }
                    }
                }
                Err(fault) => bench.figures.miss(format!("{}: {fault}", peer.name())),
            }
        }
    }
    Ok(())
}

async fn clicks(link: &mut Link) -> Result<Vec<f64>, Fault> {
    link.pause(FRESH_SHELL).await?;
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
