//! One burst to 500 viewers, beside the same bytes over plain TCP.

use std::time::Instant;

use katahost::client::{Address, Client};
use serde_json::json;

use crate::{
    Bench, Fault,
    audience::{Audience, Place, Report},
    fixture::BURST_BYTES,
    link::Link,
    machine::{cpu_ms, number, resident_mb, watch_peak},
    peer::{Peer, Server, TOKEN},
    session::{SETTLE, part},
};

/// How many watch.
pub(crate) const VIEWERS: usize = 500;

/// Bursts a round, after one that tells how long they are.
const BURSTS: usize = 3;

/// How long the last viewer may take to get all of a burst.
const PATIENCE_MS: u64 = 20_000;

pub(crate) async fn measure(bench: &mut Bench) -> Result<(), Fault> {
    for round in 0..bench.rounds {
        let mut peers = [Peer::Katahost, Peer::Broadcast];
        peers.rotate_left(round % 2);
        for peer in peers {
            bench.say_round(round, peer.name());
            let measured = part("fan-out", bursts(bench, peer)).await;
            if let Err(fault) = measured {
                bench.figures.miss(format!("{}: {fault}", peer.name()));
            }
        }
    }
    Ok(())
}

async fn bursts(bench: &mut Bench, peer: Peer) -> Result<(), Fault> {
    let name = peer.name();
    let mut stage = Stage::open(bench, peer, VIEWERS, false).await?;
    let line = format!(
        "head -c {BURST_BYTES} '{}'\r",
        bench.fixture.log().display()
    );
    let before = resident_mb(stage.server.process())?;
    watch_peak(stage.server.process())?;
    // The first burst tells how long one is.
    let mut end = stage.end().await?;
    stage.run(&line, end + BURST_BYTES as u64).await?;
    let length = stage.end().await? - end;
    end += length;
    let (mut rates, mut cpu, mut reached) = (Vec::new(), 0.0, VIEWERS);
    for _ in 0..BURSTS {
        let used = cpu_ms(stage.server.process())?;
        let began = Instant::now();
        let report = stage.run(&line, end + length).await?;
        let seconds = began.elapsed().as_secs_f64();
        let megabytes = number(length) * number(VIEWERS as u64) / 1e6;
        rates.push(megabytes / seconds);
        cpu += (cpu_ms(stage.server.process())? - used) / megabytes / number(BURSTS as u64);
        reached = reached.min(report.reached);
        end += length;
    }
    rates.sort_by(f64::total_cmp);
    let growth = crate::machine::peak_mb(stage.server.process())? - before;
    let figures = &mut bench.figures;
    let rate = rates[rates.len() / 2];
    figures.add("500 viewers, burst/delivered, MB/s", name, rate);
    figures.add("500 viewers, burst/server CPU ms/MB", name, cpu);
    figures.add("500 viewers, burst/memory growth, MB", name, growth);
    let reached = number(reached as u64);
    figures.add("500 viewers, burst/who got all", name, reached);
    Ok(())
}

/// A server, whoever types into it, and who watches.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) server: Server,
    /// Nobody with a broadcaster; there the first viewer types.
    pub(crate) driver: Option<Link>,
    pub(crate) audience: Audience,
}

impl Stage {
    pub(crate) async fn open(
        bench: &Bench,
        peer: Peer,
        viewers: usize,
        paced: bool,
    ) -> Result<Self, Fault> {
        let server = peer.start(&bench.fixture.lab())?;
        let mut driver = None;
        if peer == Peer::Katahost {
            let mut link = Link::open(&server, "lab", 2).await?;
            link.show(0).await?;
            link.output_of(0).await?;
            driver = Some(link);
        } else {
            server.listens().await?;
        }
        let place = place(&server, paced).await?;
        let audience = Audience::seat(&place, viewers, 0);
        let audience = beside(driver.as_mut(), audience).await?;
        let mut stage = Self {
            server,
            driver,
            audience,
        };
        stage.end().await?;
        Ok(stage)
    }

    /// Where the output ends, once nothing more comes.
    pub(crate) async fn end(&mut self) -> Result<u64, Fault> {
        let mut end = None;
        loop {
            let quiet = async {
                tokio::time::sleep(SETTLE).await;
                self.audience.reach(0, 0).await
            };
            let report = beside(self.driver.as_mut(), quiet).await?;
            if end.replace(report.end) == Some(report.end) {
                return Ok(report.end);
            }
        }
    }

    /// Types a line, and waits until everybody is at `end`.
    pub(crate) async fn run(&mut self, line: &str, end: u64) -> Result<Report, Fault> {
        if let Some(driver) = &mut self.driver {
            driver.type_text(0, line).await?;
        } else {
            self.audience.type_text(line).await?;
        }
        let reached = self.audience.reach(end, PATIENCE_MS);
        beside(self.driver.as_mut(), reached).await
    }
}

/// Where an audience of that server goes: with katahost, by a watch link.
pub(crate) async fn place(server: &Server, paced: bool) -> Result<Place, Fault> {
    let mut place = Place {
        port: server.port,
        path: None,
        token: String::new(),
        paced,
    };
    if server.peer == Peer::Katahost {
        let address = Address {
            url: format!("ws://127.0.0.1:{}/labs/lab/ws", server.port),
            token: Some(TOKEN.to_owned()),
            headers: Vec::new(),
        };
        let mut driver = Client::connect(&address).await?;
        driver.initialize("bench-host", false, None, None).await?;
        let role = vec![json!({"role": "viewer"})];
        let executed = driver.execute("katahost.createLink", role, None).await?;
        let link = executed.link.ok_or("no link")?;
        let (path, token) = link.address.split_once("?token=").ok_or("no token")?;
        place.path = Some(format!("{path}ws"));
        token.clone_into(&mut place.token);
    }
    Ok(place)
}

/// Waits for something while the driver reads on.
pub(crate) async fn beside<T>(
    driver: Option<&mut Link>,
    work: impl Future<Output = Result<T, Fault>>,
) -> Result<T, Fault> {
    let Some(driver) = driver else {
        return work.await;
    };
    let reading = async {
        loop {
            if let Err(fault) = driver.next().await {
                return fault;
            }
        }
    };
    tokio::select! {
        done = work => done,
        fault = reading => Err(format!("driver: {fault}").into()),
    }
}
