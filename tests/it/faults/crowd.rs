//! Many who come and leave at once, to terminals with a full past.

use std::time::Duration;

use futures_util::future::join_all;
use katahost::{
    client::{Address, Client, Incident},
    protocol::frame::FrameKind,
};

use crate::harness::{
    DEADLINE,
    chance::Chance,
    eventually,
    watcher::Watcher,
    workshop::{MEGABYTE, Workshop},
};

const CROWD: usize = 200;

/// Comes as a driver, and leaves once it has so many bytes; where it stays to the end, it has all.
async fn visit(address: Address, host: u16, leave_after: usize, end: u64) {
    let mut client = Client::connect(&address).await.unwrap();
    let id = katahost::lab::store::random_name();
    client.initialize(&id, true, None, None).await.unwrap();
    let (mut bytes, mut offset) = (0, 0);
    while bytes < leave_after && offset < end {
        let incident = tokio::time::timeout(3 * DEADLINE, client.next());
        let Incident::Frame(header, payload) = incident.await.expect("something").unwrap() else {
            continue;
        };
        bytes += payload.len();
        if header.terminal == host {
            offset = match header.kind {
                FrameKind::Output => header.offset + payload.len() as u64,
                _ => header.offset,
            };
            client.acknowledge(host, offset).await.unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_drivers_come_to_a_full_past_and_leave_at_once() {
    let mut chance = Chance::new(3);
    let workshop = Workshop::open();
    let mut driver = Watcher::enter(&workshop.socket()).await;
    driver.resize_all(80, 24).await;
    let fill = "for i in $(seq 1 20000); do printf '\\e[3%dmline %d\\e[0m of a past that is \
                longer than what is kept, and has colours of its own\\n' $((i % 8)) $i; done; \
                echo full-$((1 + 1))\r";
    driver.type_text("host", fill).await;
    driver.until_text("host", "full-2").await;
    driver.step_for(Duration::from_millis(300)).await;
    let (host, files) = (driver.number("host"), workshop.program.open_files());
    let (end, before) = (driver.offset(host), workshop.program.resident_bytes());
    assert!(end > 1_500_000, "{end}");
    let visits = (0..CROWD).map(|number| {
        let leave_after = match number % 3 {
            0 => usize::MAX,
            _ => usize::try_from(chance.within(0..2_000_000)).unwrap(),
        };
        visit(workshop.socket(), host, leave_after, end)
    });
    let mut most = before;
    let watching = async {
        loop {
            driver.step_for(Duration::from_millis(20)).await;
            most = most.max(workshop.program.resident_bytes());
        }
    };
    tokio::select! {
        _ = join_all(visits) => {}
        () = watching => {}
    }
    println!("{CROWD} at once: {} MB more", (most - before) / MEGABYTE);
    assert!(most < before + 200 * MEGABYTE, "{before} became {most}");
    driver.type_text("host", "echo still-$((1 + 1))\r").await;
    driver.until_text("host", "still-2").await;
    assert_eq!(driver.returns, 0);
    eventually("sockets are closed", || {
        workshop.program.open_files() <= files
    })
    .await;
    eventually("memory is given back", || {
        workshop.program.resident_bytes() < before + 48 * MEGABYTE
    })
    .await;
    workshop.check_log();
}
