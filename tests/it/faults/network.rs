//! Networks that are cut at any byte, or stand still.

use std::time::Duration;

use tokio::time::Instant;

use crate::harness::{
    asked,
    chance::Chance,
    program,
    proxy::{Network, Proxy},
    watcher::Watcher,
    workshop::{MEGABYTE, Workshop},
    written,
};

/// How long the network is cut again and again, where `CUT_SECONDS` does not say otherwise.
const SECONDS: u64 = 10;

#[tokio::test(flavor = "multi_thread")]
async fn network_that_is_cut_again_and_again_loses_nothing_and_types_nothing_twice() {
    let time = Duration::from_secs(asked("CUT_SECONDS").unwrap_or(SECONDS));
    let mut chance = Chance::drawn("CUT_SEED");
    let workshop = Workshop::open();
    let network = Network {
        delay: Duration::from_millis(3),
        cut_after: Some(200..300_000),
        ..Network::default()
    };
    let proxy = Proxy::open(workshop.program.address(), network, chance.split()).await;
    let mut truth = Watcher::enter(&workshop.socket()).await;
    truth.resize_all(80, 24).await;
    truth
        .type_text(
            "api",
            "stty -echo; echo ready-$((1 + 1)); cat > a; mv a typed\r",
        )
        .await;
    truth.until_text("api", "ready-2").await;
    let restless = program("restless.py");
    let line = format!("python3 {} 7\r", restless.display());
    truth.type_text("host", &line).await;
    let mut typist = Watcher::enter(&workshop.socket()).await;
    typist.address = proxy.way_to(&typist.address);
    typist.hang_up();

    let watching = tokio::spawn(async move {
        // Waiting for text has a deadline.
        truth.step_for(time).await;
        truth.until_text("host", "the-end").await;
        truth
    });
    let host = typist.number("host");
    let end = Instant::now() + time;
    let mut lines = String::new();
    for number in 0.. {
        if Instant::now() > end {
            break;
        }
        typist
            .step_for(Duration::from_millis(chance.within(1..15)))
            .await;
        typist.type_text("api", &format!("{number}\r")).await;
        lines += &format!("{number}\n");
        if chance.is_true(20) {
            let (cols, rows) = (chance.small(20..120), chance.small(5..40));
            typist.resize(host, cols, rows).await;
        }
    }
    proxy.mend();
    std::fs::write(workshop.root.join("stop"), "").unwrap();
    typist.type_text("api", "\x04").await;
    typist.until_text("host", "the-end").await;
    let root = workshop.root.clone();
    typist
        .until("the typed lines", |_| root.join("typed").exists())
        .await;
    assert_eq!(written(&workshop.root, "typed").await, lines);

    let mut truth = watching.await.unwrap();
    let mut late = Watcher::enter(&workshop.socket()).await;
    // The prompt after the program's end comes in a frame of its own.
    for watcher in [&mut truth, &mut typist, &mut late] {
        watcher.until_text("host", "the-end").await;
        watcher.step_for(Duration::from_millis(500)).await;
    }
    assert!(typist.returns > 10, "cut {} times", typist.returns);
    assert!(proxy.connections() > 10);
    assert_eq!(truth.returns, 0);
    assert_eq!(typist.endings, []);
    assert_eq!(typist.picture(host), truth.picture(host));
    assert_eq!(late.picture(host), truth.picture(host));
    workshop.check_log();
}

/// How much is written past a viewer who stands still.
const FLOOD: &str = "seq 1 400000 | sed 's/$/ of a flood that passes by/'; echo past-$((1 + 1))\r";

#[tokio::test(flavor = "multi_thread")]
async fn viewer_who_stands_still_slows_nobody_and_ends_with_the_right_screen() {
    let workshop = Workshop::open();
    let proxy = Proxy::open(
        workshop.program.address(),
        Network::default(),
        Chance::new(1),
    )
    .await;
    let mut driver = Watcher::enter(&workshop.socket()).await;
    driver.resize_all(80, 24).await;
    let role = serde_json::json!({"role": "viewer"});
    let made = driver.execute("katahost.createLink", role).await.unwrap();
    let link = workshop.socket_of(made["link"]["address"].as_str().unwrap());
    let mut viewer = Watcher::enter(&proxy.way_to(&link)).await;
    viewer.step_for(Duration::from_millis(200)).await;

    let host = driver.number("host");
    let began = Instant::now();
    driver.type_text("host", FLOOD).await;
    driver.until_text("host", "past-2").await;
    let alone = began.elapsed();
    viewer.until_text("host", "past-2").await;

    driver.type_text("host", "clear\r").await;
    driver
        .until("a clear screen", |driver| {
            !driver.text(host).contains("past-2")
        })
        .await;
    viewer
        .until("a clear screen", |viewer| {
            !viewer.text(host).contains("past-2")
        })
        .await;
    proxy.stall(true);
    let snapshots = viewer.snapshots.len();
    let began = Instant::now();
    driver.type_text("host", FLOOD).await;
    let waiting = viewer.step_for(Duration::from_secs(1));
    tokio::join!(driver.until_text("host", "past-2"), waiting);
    let beside = began.elapsed();
    proxy.stall(false);
    viewer.until_text("host", "past-2").await;
    viewer.step_for(Duration::from_millis(500)).await;
    driver.step_for(Duration::from_millis(100)).await;
    assert_eq!(viewer.picture(host), driver.picture(host));
    println!("flood alone {alone:?}, beside a viewer who stands still {beside:?}");
    assert!(
        beside < alone * 3 + Duration::from_secs(5),
        "{alone:?}, {beside:?}"
    );
    let most = began.elapsed().as_millis() / 250 + 2;
    let snapshots = viewer.snapshots.len() - snapshots;
    assert!(snapshots as u128 <= most, "{snapshots} of {most}");
    assert_eq!((viewer.returns, driver.returns), (0, 0));
    workshop.check_log();
}

#[tokio::test(flavor = "multi_thread")]
async fn interrupt_over_a_slow_link_waits_for_little_that_is_on_its_way() {
    let workshop = Workshop::open();
    let network = Network {
        delay: Duration::from_millis(50),
        bytes_per_second: Some(1_250_000),
        cut_after: None,
    };
    let proxy = Proxy::open(workshop.program.address(), network, Chance::new(1)).await;
    // Somebody was there before, so that there is a past.
    let mut earlier = Watcher::enter(&workshop.socket()).await;
    earlier.resize_all(80, 24).await;
    let past = "seq 1 1000000; echo past-$((1 + 1))\r";
    earlier.type_text("host", past).await;
    earlier.until_text("host", "past-2").await;
    drop(earlier);
    let mut driver = Watcher::enter(&proxy.way_to(&workshop.socket())).await;
    driver.until_text("host", "past-2").await;
    let host = driver.number("host");
    for _ in 0..3 {
        driver.type_text("host", "yes flooded\r").await;
        driver.until_text("host", "flooded\n").await;
        driver.step_for(Duration::from_millis(1500)).await;
        let (asked, began) = (driver.offset(host), Instant::now());
        driver.type_text("host", "\x03").await;
        driver
            .until("a prompt", |driver| {
                driver.text(host).trim_end().ends_with(['$', '#'])
            })
            .await;
        let rest = driver.offset(host) - asked;
        println!(
            "{:?}, {rest} bytes, {} snapshots",
            began.elapsed(),
            driver.snapshots.len()
        );
        // What the window allows, and some that was read before the key arrived.
        assert!(rest < 2 * MEGABYTE, "{rest} bytes after the interrupt");
    }
    assert_eq!(driver.snapshots.len(), 0);
    workshop.check_log();
}
