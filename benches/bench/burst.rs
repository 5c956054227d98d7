//! Output that the journal holds completely: a burst in each of many fresh terminals, so that
//! nothing is ever folded.

use crate::{
    Bench, Fault,
    fixture::{BURST_BYTES, TERMINALS, lab_name},
    link::Link,
    peer::Peer,
    session::{MARK, SETTLE, Transfer, part, transfer},
};

pub(crate) async fn measure(bench: &mut Bench) -> Result<(), Fault> {
    let line = format!(
        "head -c {BURST_BYTES} '{}'; {MARK}",
        bench.fixture.log().display()
    );
    for round in 0..bench.rounds {
        let mut peers = bench.turns(round);
        peers.retain(|peer| matches!(peer, Peer::Katahost | Peer::Bare));
        for peer in peers {
            bench.say_round(round, peer.name());
            match part("bursts", bursts(bench, peer, &line)).await {
                Ok(sum) => {
                    let (name, figures) = (peer.name(), &mut bench.figures);
                    figures.add("bursts of 800 kB/MB/s", name, sum.megabytes / sum.seconds);
                    let row = "bursts of 800 kB/server CPU ms/MB";
                    figures.add(row, name, sum.cpu_ms / sum.megabytes);
                }
                Err(fault) => bench.figures.miss(format!("{}: {fault}", peer.name())),
            }
        }
    }
    Ok(())
}

async fn bursts(bench: &Bench, peer: Peer, line: &str) -> Result<Transfer, Fault> {
    let server = peer.start(&bench.fixture.labs())?;
    let mut links = Vec::new();
    let sockets = if peer == Peer::Katahost { 1 } else { TERMINALS };
    for _ in 0..sockets {
        let mut link = Link::open(&server, &lab_name(0), TERMINALS / sockets).await?;
        for terminal in 0..TERMINALS / sockets {
            link.show(terminal).await?;
            link.output_of(terminal).await?;
        }
        links.push(link);
    }
    for link in &mut links {
        link.pause(SETTLE / u32::try_from(sockets)?).await?;
    }
    let mut sum = Transfer::default();
    for link in &mut links {
        for terminal in 0..TERMINALS / sockets {
            let one = transfer(&server, link, terminal, line).await?;
            sum.megabytes += one.megabytes;
            sum.seconds += one.seconds;
            sum.cpu_ms += one.cpu_ms;
        }
    }
    Ok(sum)
}
