//! One viewer that reads nothing, beside others that read all they can.

use std::time::Instant;

use crate::{
    Bench, Fault,
    audience::Audience,
    fanout::{beside, place},
    machine::{number, peak_mb, resident_mb, watch_peak},
    peer::Peer,
    session::{MARK, SETTLE, Session, part},
};

/// Who reads.
const READERS: usize = 5;

/// How long the readers may take.
const PATIENCE_MS: u64 = 20_000;

pub(crate) async fn measure(bench: &mut Bench) -> Result<(), Fault> {
    for round in 0..bench.rounds {
        bench.say_round(round, "five readers, and one stalled");
        if let Err(fault) = part("stalled viewer", Box::pin(stall(bench, round))).await {
            bench.figures.miss(format!("stalled viewer: {fault}"));
        }
    }
    Ok(())
}

async fn stall(bench: &mut Bench, round: usize) -> Result<(), Fault> {
    let line = format!("cat '{}'; {MARK}", bench.fixture.log().display());
    let mut session = Session::open(Peer::Katahost, &bench.fixture.lab()).await?;
    let process = session.server.process();
    let place = place(&session.server, false).await?;
    let seating = async {
        let readers = Audience::seat(&place, READERS, 0).await?;
        Ok((readers, Audience::seat(&place, 1, 0).await?))
    };
    let (mut readers, mut one) = beside(Some(&mut session.link), seating).await?;
    // What a flood leaves behind is there before memory is compared.
    session.transfer(&line).await?;
    for turn in 0..2 {
        let stalled = (round + turn) % 2 == 1;
        session.link.pause(SETTLE).await?;
        beside(Some(&mut session.link), one.stall(stalled)).await?;
        if !stalled {
            let end = session.link.received(0);
            let there = beside(Some(&mut session.link), one.reach(end, PATIENCE_MS)).await?;
            if there.reached == 0 {
                return Err("the viewer did not come back after it was stalled".into());
            }
        }
        let before = resident_mb(process)?;
        watch_peak(process)?;
        let received = readers.reach(0, 0).await?.received;
        let began = Instant::now();
        session.transfer(&line).await?;
        let end = session.link.received(0);
        let reaching = readers.reach(end, PATIENCE_MS);
        let report = beside(Some(&mut session.link), reaching).await?;
        let rate = number(report.received - received) / 1e6 / began.elapsed().as_secs_f64();
        let growth = peak_mb(process)? - before;
        let name = if stalled { "katahost" } else { "none stalled" };
        let figures = &mut bench.figures;
        figures.add("one stalled viewer/MB/s to five others", name, rate);
        figures.add("one stalled viewer/memory growth, MB", name, growth);
        let reached = number(report.reached as u64);
        figures.add("one stalled viewer/others at the end", name, reached);
    }
    // Whoever was stalled last must come to the end, too.
    beside(Some(&mut session.link), one.stall(false)).await?;
    let end = session.link.received(0);
    let began = Instant::now();
    let there = beside(Some(&mut session.link), one.reach(end, PATIENCE_MS)).await?;
    if there.reached == 0 {
        return Err("the viewer did not come back after it was stalled".into());
    }
    let row = "one stalled viewer/at the end after it woke, s";
    let took = began.elapsed().as_secs_f64();
    bench.figures.add(row, "katahost", took);
    Ok(())
}
