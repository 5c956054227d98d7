//! A long flood beside 500 viewers: the driver's speed, and the viewers' screens at the end.

use std::time::{Duration, Instant};

use tokio::time::timeout;

use crate::{
    Bench, Fault,
    audience::Audience,
    fanout::{VIEWERS, beside, place},
    machine::{cpu_ms, number, peak_mb, resident_mb, watch_peak},
    peer::Peer,
    session::{MARK, SETTLE, Session, Transfer, part, transfer},
    viewer::screen,
};

/// Of so many viewers the screens are compared with the driver's.
const SAMPLES: usize = 5;

/// By when every viewer's screen should be right, and until when that is waited for.
const SOON_MS: u64 = 1_000;
const PATIENCE_MS: u64 = 20_000;

/// When a flood is interrupted, so that the others are still measured.
const LONGEST: Duration = Duration::from_secs(30);

/// A flood takes long; a few say enough.
const MOST_ROUNDS: usize = 3;

pub(crate) async fn measure(bench: &mut Bench) -> Result<(), Fault> {
    for round in 0..bench.rounds.min(MOST_ROUNDS) {
        bench.say_round(round, "flood with and without viewers");
        if let Err(fault) = part("flood", Box::pin(flood(bench))).await {
            bench.figures.miss(format!("flood of 500 viewers: {fault}"));
        }
    }
    Ok(())
}

async fn flood(bench: &mut Bench) -> Result<(), Fault> {
    let line = format!("cat '{}'; {MARK}", bench.fixture.log().display());
    let mut session = Session::open(Peer::Katahost, &bench.fixture.lab()).await?;
    let process = session.server.process();
    let alone = flow(&mut session, &line).await?;
    settle(&mut session).await?;

    let place = place(&session.server, false).await?;
    let seating = Audience::seat(&place, VIEWERS, SAMPLES);
    let mut audience = beside(Some(&mut session.link), seating).await?;
    let before = resident_mb(process)?;
    watch_peak(process)?;
    let together = flow(&mut session, &line).await?;
    let interrupted = together.seconds >= LONGEST.as_secs_f64();
    if interrupted {
        let far = together.megabytes;
        let what = format!("the end of a flood to 500 viewers: it was interrupted at {far:.0} MB");
        bench.figures.miss(what);
    }
    let ended = Instant::now();
    let offset = session.link.received(0);
    let driver = &mut session.link;
    let soon = beside(Some(&mut *driver), audience.reach(offset, SOON_MS)).await?;
    let last = beside(Some(&mut *driver), audience.reach(offset, PATIENCE_MS)).await?;
    let late = ended.elapsed().as_secs_f64();
    // The prompt comes behind the mark.
    settle(&mut session).await?;
    let driver = &mut session.link;
    let offset = driver.received(0);
    beside(Some(&mut *driver), audience.reach(offset, PATIENCE_MS)).await?;
    let expected = screen(&driver.tail());
    let screens = beside(Some(&mut *driver), audience.texts()).await?;
    let right = screens.iter().filter(|screen| **screen == expected).count();

    let figures = &mut bench.figures;
    let row = "500 viewers, flood/driver, MB/s";
    figures.add(row, "katahost", together.megabytes / together.seconds);
    figures.add(row, "alone", alone.megabytes / alone.seconds);
    let row = "500 viewers, flood/server CPU ms/MB";
    figures.add(row, "katahost", together.cpu_ms / together.megabytes);
    figures.add(row, "alone", alone.cpu_ms / alone.megabytes);
    for (row, value) in [
        (
            "at the end after 20 s, viewers",
            number(last.reached as u64),
        ),
        ("right screens, of 5", number(right as u64)),
        ("checkpoints sent", number(last.checkpoints)),
        ("checkpoints made", number(last.checkpoint_places)),
        ("in checkpoints, MB", number(last.checkpoint_bytes) / 1e6),
        ("in output, MB", number(last.received) / 1e6),
        ("memory growth, MB", peak_mb(process)? - before),
    ] {
        figures.add(&format!("500 viewers, flood/{row}"), "katahost", value);
    }
    if !interrupted {
        let row = "500 viewers, flood/at the end after 1 s, viewers";
        figures.add(row, "katahost", number(soon.reached as u64));
        let row = "500 viewers, flood/last viewer at the end after, s";
        figures.add(row, "katahost", late);
    }
    Ok(())
}

/// Runs the line until its end, or for [`LONGEST`]. What counts is how far the driver comes in the
/// stream, though it may be shown a checkpoint instead of a part.
async fn flow(session: &mut Session, line: &str) -> Result<Transfer, Fault> {
    let Session { server, link, .. } = session;
    let (from, cpu) = (link.received(0), cpu_ms(server.process())?);
    let began = Instant::now();
    let flowing = timeout(LONGEST, transfer(server, link, 0, line)).await;
    let seconds = began.elapsed().as_secs_f64();
    let cpu_ms = cpu_ms(server.process())? - cpu;
    let megabytes = number(link.received(0) - from) / 1e6;
    if let Ok(ended) = flowing {
        ended?;
    } else {
        link.type_text(0, "\x03").await?;
    }
    Ok(Transfer {
        megabytes,
        seconds,
        cpu_ms,
    })
}

/// Reads on until nothing more comes.
async fn settle(session: &mut Session) -> Result<(), Fault> {
    let mut end = None;
    while end.replace(session.link.received(0)) != Some(session.link.received(0)) {
        session.link.pause(SETTLE).await?;
    }
    Ok(())
}
