//! Long output to one client: how fast it comes, and the server's time for it, folding included.

use crate::{
    Bench, Fault, bare,
    peer::Peer,
    session::{MARK, SETTLE, Session, Transfer},
};

pub(crate) async fn measure(bench: &mut Bench) -> Result<(), Fault> {
    let log = format!("cat '{}'; {MARK}", bench.fixture.log().display());
    let lines = [
        ("64 MiB", log),
        ("seq 1 5000000", format!("seq 1 5000000; {MARK}")),
    ];
    for round in 0..bench.rounds {
        for peer in bench.turns(round) {
            bench.say_round(round, peer.name());
            if let Err(fault) = transfers(bench, peer, &lines).await {
                bench.figures.miss(format!("{}: {fault}", peer.name()));
            }
        }
        bench.say_round(round, "read loop");
        for (row, line) in &lines {
            let rate = tokio::task::block_in_place(|| bare::read_loop(line))?;
            let row = format!("log/{row}, MB/s");
            bench.figures.add(&row, "read loop", rate);
        }
    }
    Ok(())
}

async fn transfers(bench: &mut Bench, peer: Peer, lines: &[(&str, String)]) -> Result<(), Fault> {
    let mut session = Session::open(peer, &bench.fixture.lab()).await?;
    for (row, line) in lines {
        // Counting takes the others long, and says nothing new.
        if *row != "64 MiB" && !matches!(peer, Peer::Katahost | Peer::Bare) {
            continue;
        }
        let Transfer {
            megabytes,
            seconds,
            cpu_ms,
        } = session.transfer(line).await?;
        session.link.pause(SETTLE).await?;
        let figures = &mut bench.figures;
        figures.add(
            &format!("log/{row}, MB/s"),
            peer.name(),
            megabytes / seconds,
        );
        let row = format!("log/{row}, server CPU ms/MB");
        figures.add(&row, peer.name(), cpu_ms / megabytes);
    }
    Ok(())
}
