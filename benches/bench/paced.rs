//! 1,000 viewers of a program that writes 100 lines a second: from the moment in which a line was
//! written to that in which a viewer has read it.

use std::time::Duration;

use crate::{Bench, Fault, fanout::Stage, machine::number, pace, peer::Peer, session::part};

const VIEWERS: usize = 1_000;

/// Five seconds' worth.
const LINES: u32 = 500;
const LASTS: Duration = Duration::from_secs(5);

/// What a shell needs to start the program, and the last line to arrive.
const GRACE: Duration = Duration::from_millis(700);

const MOST_ROUNDS: usize = 3;

pub(crate) async fn measure(bench: &mut Bench) -> Result<(), Fault> {
    for round in 0..bench.rounds.min(MOST_ROUNDS) {
        let mut peers = [Peer::Katahost, Peer::Broadcast];
        peers.rotate_left(round % 2);
        for peer in peers {
            bench.say_round(round, peer.name());
            if let Err(fault) = part("paced viewers", follow(bench, peer)).await {
                bench.figures.miss(format!("{}: {fault}", peer.name()));
            }
        }
    }
    Ok(())
}

async fn follow(bench: &mut Bench, peer: Peer) -> Result<(), Fault> {
    let mut stage = Stage::open(bench, peer, VIEWERS, true).await?;
    let program = std::env::current_exe()?;
    let line = format!("'{}' {} {LINES}\r", program.display(), pace::MODE);
    // Nobody is ever there: the lines come meanwhile.
    let writing = async {
        if let Some(driver) = &mut stage.driver {
            driver.type_text(0, &line).await?;
            driver.pause(LASTS + GRACE).await
        } else {
            stage.audience.type_text(&line).await?;
            tokio::time::sleep(LASTS + GRACE).await;
            Ok(())
        }
    };
    writing.await?;
    stage.end().await?;
    let report = stage.audience.reach(0, 0).await?;
    let expected = VIEWERS * usize::try_from(LINES)?;
    let (name, figures) = (peer.name(), &mut bench.figures);
    let missing = number(expected.saturating_sub(report.delays) as u64);
    for (row, value) in [
        ("delay p50, ms", report.delay_p50.unwrap_or(f64::NAN) / 1e3),
        ("delay p99, ms", report.delay_p99.unwrap_or(f64::NAN) / 1e3),
        ("lines missing", missing),
    ] {
        figures.add(&format!("1,000 paced viewers/{row}"), name, value);
    }
    Ok(())
}
