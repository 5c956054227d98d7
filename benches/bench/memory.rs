//! What idle terminals cost a server.

use std::time::Duration;

use tokio::time::timeout;

use crate::{
    Bench, Fault,
    figures::Figures,
    fixture::{LABS, TERMINALS, lab_name},
    link::Link,
    machine::resident_mb,
    peer::{Peer, Server},
    say,
};

/// How many terminals are open when memory is read.
const COUNTS: [usize; 4] = [0, 10, 100, LABS * TERMINALS];

/// How long a server may take to start that many shells.
const PATIENCE: Duration = Duration::from_secs(60);

/// After how many new terminals all connections are read.
const SWEEP: usize = 20;

/// How long the terminals are idle before memory is read.
const IDLE: Duration = Duration::from_millis(500);

/// Memory hardly varies, so that one run says enough.
pub(crate) async fn measure(bench: &mut Bench) -> Result<(), Fault> {
    for peer in bench.turns(0) {
        say(&format!("memory of {}", peer.name()));
        let server = peer.start(&bench.fixture.labs())?;
        if let Err(fault) = idle(&server, &mut bench.figures).await {
            let what = format!("memory of {}: {fault}", peer.name());
            bench.figures.miss(what);
        }
    }
    Ok(())
}

async fn idle(server: &Server, figures: &mut Figures) -> Result<(), Fault> {
    let mut links = Vec::new();
    let mut open = 0;
    for count in COUNTS {
        let opening = async {
            server.listens().await?;
            while open < count {
                add(server, &mut links, open).await?;
                open += 1;
                if open.is_multiple_of(SWEEP) || open == count {
                    // All that was written must be taken, and `WeTTY`'s pings be answered.
                    for link in &mut links {
                        link.pause(Duration::ZERO).await?;
                    }
                }
            }
            Ok::<(), Fault>(())
        };
        timeout(PATIENCE, opening).await.map_err(|_| {
            let within = PATIENCE.as_secs();
            format!("{open} of {count} terminals were open after {within} s")
        })??;
        tokio::time::sleep(IDLE).await;
        let row = format!("memory/{count} idle terminals, MB");
        figures.add(&row, server.peer.name(), resident_mb(server.process())?);
    }
    Ok(())
}

/// Opens one more terminal and waits for its prompt: with katahost the next one of a lab, or the
/// first one of the next lab.
async fn add(server: &Server, links: &mut Vec<Link>, open: usize) -> Result<(), Fault> {
    if server.peer != Peer::Katahost {
        let mut link = Link::open(server, "", 1).await?;
        link.output_of(0).await?;
        links.push(link);
        return Ok(());
    }
    let (lab, terminal) = (open / TERMINALS, open % TERMINALS);
    if terminal == 0 {
        links.push(Link::open(server, &lab_name(lab), TERMINALS).await?);
    }
    let link = links.last_mut().ok_or("no lab is open")?;
    link.show(terminal).await?;
    link.output_of(terminal).await?;
    Ok(())
}
