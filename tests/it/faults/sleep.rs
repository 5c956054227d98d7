//! Computers that sleep: a client's, and the server's own.

use std::time::Duration;

use rustix::process::Signal;
use tokio::time::sleep;

use crate::harness::{asked, watcher::Watcher, workshop::Workshop};

/// Longer than a driver may be silent and still set the pace. `SLEEP_SECONDS` asks for another time.
const SECONDS: u64 = 4;

/// One who takes nothing for so long is sent away, and comes back.
const SEND_PATIENCE: Duration = Duration::from_secs(60);

fn sleep_time() -> Duration {
    Duration::from_secs(asked("SLEEP_SECONDS").unwrap_or(SECONDS))
}

#[tokio::test(flavor = "multi_thread")]
async fn server_that_sleeps_goes_on_with_the_same_connections() {
    let workshop = Workshop::open();
    let mut driver = Watcher::enter(&workshop.socket()).await;
    let mut other = Watcher::enter(&workshop.socket()).await;
    driver.resize_all(80, 24).await;
    driver.type_text("api", "yes flooded\r").await;
    driver.until_text("api", "flooded\n").await;
    driver.type_text("host", "echo up-$((1 + 1))\r").await;
    driver.until_text("host", "up-2").await;
    for _ in 0..2 {
        workshop.program.signal(Signal::STOP);
        // What is typed meanwhile is typed afterwards.
        driver.type_text("host", "echo typed").await;
        sleep(sleep_time()).await;
        driver
            .type_text("host", "-$((1 + 1)); clear; echo woken-$((1 + 1))\r")
            .await;
        workshop.program.signal(Signal::CONT);
        tokio::join!(
            driver.until_text("host", "woken-2"),
            other.until_text("host", "woken-2")
        );
    }
    driver.type_text("api", "\x03").await;
    driver
        .type_text("api", "clear; echo stopped-$((1 + 1))\r")
        .await;
    tokio::join!(
        driver.until_text("api", "stopped-2"),
        other.until_text("api", "stopped-2")
    );
    if sleep_time() < SEND_PATIENCE {
        assert_eq!((driver.returns, other.returns), (0, 0));
    }
    for watcher in [&mut driver, &mut other] {
        watcher.step_for(Duration::from_millis(300)).await;
    }
    for id in ["host", "api"] {
        let number = driver.number(id);
        assert_eq!(driver.picture(number), other.picture(number));
    }
    workshop.check_log();
}

#[tokio::test(flavor = "multi_thread")]
async fn driver_that_sleeps_stops_nobody_and_sets_the_pace_when_it_wakes() {
    let workshop = Workshop::open();
    let mut driver = Watcher::enter(&workshop.socket()).await;
    driver.resize_all(80, 24).await;
    driver
        .type_text(
            "host",
            "touch began; seq 1 1500000; touch ended; yes flooded\r",
        )
        .await;
    let root = workshop.root.clone();
    driver
        .until("the flood", |_| root.join("began").exists())
        .await;
    // It neither reads nor acknowledges, and the program runs to its end all the same.
    let patience = tokio::time::Instant::now() + Duration::from_secs(60);
    while !root.join("ended").exists() {
        assert!(
            tokio::time::Instant::now() < patience,
            "a sleeper holds the program up"
        );
        sleep(Duration::from_millis(20)).await;
    }
    sleep(sleep_time()).await;
    let host = driver.number("host");
    driver
        .until("the present", |driver| {
            driver.text(host).contains("flooded\n")
        })
        .await;
    // Awake it sets the pace again: little is left to read once the program is interrupted.
    driver.step_for(Duration::from_secs(1)).await;
    driver.type_text("host", "\x03").await;
    let asked = driver.offset(host);
    driver.type_text("host", "echo stopped-$((1 + 1))\r").await;
    driver.until_text("host", "stopped-2").await;
    let rest = driver.offset(host) - asked;
    println!("{rest} bytes after the interrupt");
    assert!(rest < 64 * 1024 * 1024, "{rest}");
    if sleep_time() < SEND_PATIENCE {
        assert_eq!(driver.returns, 0);
    }
    workshop.check_log();
}
