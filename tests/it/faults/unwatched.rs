//! Output that nobody watches.

use std::time::{Duration, Instant};

use crate::harness::{
    asked, eventually,
    watcher::Watcher,
    workshop::{MEGABYTE, Workshop},
};

/// How many lines of 100 bytes are written, where `FLOOD_LINES` does not say otherwise.
const LINES: u64 = 500_000;

#[tokio::test(flavor = "multi_thread")]
async fn flood_that_nobody_watches_is_kept_small_and_its_end_is_shown() {
    let lines = asked("FLOOD_LINES").unwrap_or(LINES);
    let workshop = Workshop::open();
    let mut driver = Watcher::enter(&workshop.socket()).await;
    driver.resize_all(80, 24).await;
    driver.type_text("host", "echo up-$((1 + 1))\r").await;
    driver.until_text("host", "up-2").await;
    let before = workshop.program.resident_bytes();
    let text = format!(
        "until [ -e go ]; do sleep 0.02; done; seq -f 'line %08.0f {}' 1 {lines}; touch done\r",
        "x".repeat(85)
    );
    driver.type_text("host", &text).await;
    let id = driver.number("host");
    // What a server has not read when its client goes is lost.
    driver.until_text("host", "until [ -e go ]").await;
    drop(driver);
    std::fs::write(workshop.root.join("go"), "").unwrap();
    let mut most = before;
    // A debug build folds more slowly than a person would wait for.
    let patience = Instant::now() + Duration::from_secs(300 + lines / 20_000);
    while !workshop.root.join("done").exists() {
        assert!(Instant::now() < patience, "the flood does not end");
        most = most.max(workshop.program.resident_bytes());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    println!("{lines} lines: {} MB more", (most - before) / MEGABYTE);
    assert!(most < before + 48 * MEGABYTE, "{before} became {most}");
    let mut late = Watcher::enter(&workshop.socket()).await;
    let last = format!("line {lines:08} ");
    late.until("the last line", |late| late.text(id).contains(&last))
        .await;
    let (text, before_last) = (late.text(id), format!("line {:08} ", lines - 1));
    assert!(text.find(&before_last) < text.find(&last), "{text}");
    assert!(late.offset(id) > lines * 100);
    eventually("memory stays small", || {
        workshop.program.resident_bytes() < before + 48 * MEGABYTE
    })
    .await;
    workshop.check_log();
}
