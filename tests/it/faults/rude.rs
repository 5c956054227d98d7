//! Clients that do not read, or claim what never was.

use std::time::Duration;

use katahost::protocol::client::{Resume, ResumeTerminal};
use serde_json::json;

use crate::harness::{
    eventually,
    watcher::Watcher,
    wire::Wire,
    workshop::{MEGABYTE, Workshop},
};

#[tokio::test(flavor = "multi_thread")]
async fn claims_of_what_never_was_are_answered_by_a_snapshot() {
    let workshop = Workshop::open();
    let mut driver = Watcher::enter(&workshop.socket()).await;
    driver.resize_all(80, 24).await;
    driver
        .type_text(
            "host",
            "seq 1 100; printf here-$((1 + 1)); exec sleep 600\r",
        )
        .await;
    // Nothing comes behind it, so that what is claimed below never was.
    driver.until_text("host", "here-2").await;
    let (host, api) = (driver.number("host"), driver.number("api"));
    let instance = driver.lab.instance.clone();
    let end = driver.offset(host);
    let all = |offset| vec![(host, offset), (api, offset)];
    let many = (0..10_000).map(|number| (number, 1_u64 << 60)).collect();
    let claims = [
        (instance.as_str(), all(end + 1)),
        (instance.as_str(), all(u64::MAX)),
        (
            instance.as_str(),
            vec![(900, 0), (host, u64::MAX), (host, end)],
        ),
        (instance.as_str(), many),
        ("0000000000000000", all(end)),
        ("", all(0)),
    ];
    for (instance, terminals) in claims {
        let terminals = terminals.into_iter();
        let resume = Resume {
            instance: instance.to_owned(),
            terminals: terminals
                .map(|(terminal, offset)| ResumeTerminal { terminal, offset })
                .collect(),
        };
        // It fails where anything comes before a snapshot.
        let mut claimer = Watcher::enter_claiming(&workshop.socket(), Some(resume)).await;
        claimer.until_text("host", "here-2").await;
        claimer.step_for(Duration::from_millis(100)).await;
        driver.step_for(Duration::from_millis(100)).await;
        assert_eq!(claimer.picture(host), driver.picture(host));
    }
    workshop.check_log();
}

/// How many clients read nothing.
const DEAF: usize = 20;

#[tokio::test(flavor = "multi_thread")]
async fn clients_that_read_nothing_or_acknowledge_the_future_harm_nobody() {
    let workshop = Workshop::open();
    let mut driver = Watcher::enter(&workshop.socket()).await;
    driver.resize_all(80, 24).await;
    driver.type_text("host", "echo up-$((1 + 1))\r").await;
    driver.until_text("host", "up-2").await;
    let before = workshop.program.resident_bytes();
    let mut deaf = Vec::new();
    for number in 0..DEAF {
        deaf.push(Wire::enter(&workshop.socket(), &format!("deaf-one-{number}")).await);
    }
    let mut liar = Wire::enter(&workshop.socket(), "a-liar-1").await;
    driver
        .type_text("host", "seq 1 3000000; echo past-$((1 + 1))\r")
        .await;
    let mut most = before;
    let host = driver.number("host");
    driver
        .until("the flood's end", |driver| {
            most = most.max(workshop.program.resident_bytes());
            driver.text(host).contains("past-2")
        })
        .await;
    let place = json!({"terminal": host, "offset": u64::MAX});
    let ack = json!({"jsonrpc": "2.0", "method": "terminal/ack", "params": place});
    driver
        .type_text("host", "seq 1 2000000; echo over-$((1 + 1))\r")
        .await;
    for _ in 0..200 {
        liar.say(&ack).await;
        driver.step_for(Duration::from_millis(5)).await;
    }
    driver.until_text("host", "over-2").await;
    let mut late = Watcher::enter(&workshop.socket()).await;
    late.until_text("host", "over-2").await;
    for watcher in [&mut late, &mut driver] {
        watcher.step_for(Duration::from_millis(300)).await;
    }
    assert_eq!(late.picture(host), driver.picture(host));
    assert_eq!(driver.returns, 0);
    println!(
        "{DEAF} deaf clients: {} MB more",
        (most - before) / MEGABYTE
    );
    let bound = before + 16 * MEGABYTE + DEAF as u64 * 4 * MEGABYTE;
    assert!(most < bound, "{before} became {most}");
    drop((deaf, liar));
    eventually("memory is given back", || {
        workshop.program.resident_bytes() < before + 40 * MEGABYTE
    })
    .await;
    workshop.check_log();
}
