//! A terminal whose size changes all the time.

use std::time::Duration;

use crate::harness::{
    chance::Chance,
    watcher::Watcher,
    workshop::{MEGABYTE, Workshop},
};

/// How often the size changes.
const TIMES: usize = 1_000;

/// Resizes the terminal under what `start` starts, ends that with `stop`, and compares what two
/// clients and one that comes afterwards show.
async fn check(start: &str, up: &str, stop: &[&str]) {
    let mut chance = Chance::new(5);
    let workshop = Workshop::open();
    let mut driver = Box::pin(Watcher::enter(&workshop.socket())).await;
    driver.resize_all(80, 24).await;
    let mut other = Watcher::enter(&workshop.socket()).await;
    driver.type_text("host", start).await;
    driver.until_text("host", up).await;
    let before = workshop.program.resident_bytes();
    let host = driver.number("host");
    let changing = Box::pin(async {
        for _ in 0..TIMES {
            // A single row can't be restored so that lines above it wrap anew in the same way.
            let (cols, rows) = (chance.small(2..200), chance.small(2..60));
            driver.resize(host, cols, rows).await;
            driver
                .step_for(Duration::from_millis(chance.within(0..4)))
                .await;
        }
        driver.resize(host, 90, 30).await;
        for keys in stop {
            driver.type_text("host", keys).await;
            driver.step_for(Duration::from_millis(300)).await;
        }
        driver.until_text("host", "done-2").await;
    });
    tokio::join!(changing, other.until_text("host", "done-2"));
    let mut late = Watcher::enter(&workshop.socket()).await;
    late.until_text("host", "done-2").await;
    for watcher in [&mut driver, &mut other, &mut late] {
        watcher.step_for(Duration::from_millis(500)).await;
    }
    let truth = driver.picture(host);
    assert_eq!(truth.size, (90, 30));
    assert_eq!(other.picture(host), truth);
    assert_eq!(late.picture(host), truth);
    let after = workshop.program.resident_bytes();
    // What the threads that fold and record have used stays with the allocator: four times as many
    // sizes take no more.
    assert!(after < before + 64 * MEGABYTE, "{before} became {after}");
    workshop.check_log();
}

#[tokio::test(flavor = "multi_thread")]
async fn vim_resized_a_thousand_times_shows_the_same_to_all() {
    let start = "seq 1 500 > lines; vim -u NONE -N lines\r";
    check(start, "\n20\n", &["\x1b", ":echo 'done-' .. (1 + 1)\r"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn flood_resized_a_thousand_times_shows_the_same_to_all() {
    check(
        "yes 'flooded line'\r",
        "flooded line\n",
        &["\x03", "echo done-$((1 + 1))\r"],
    )
    .await;
}
