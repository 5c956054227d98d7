//! Shells that do not want to end.

use std::fs;

use serde_json::json;

use crate::harness::{eventually, watcher::Watcher, workshop::Workshop};

#[tokio::test(flavor = "multi_thread")]
async fn shell_that_had_to_be_killed_is_buried() {
    let workshop = Workshop::open();
    let mut driver = Watcher::enter(&workshop.socket()).await;
    driver.resize_all(80, 24).await;
    driver
        .type_text("host", "trap '' HUP; echo $$ > a; mv a pid\r")
        .await;
    let root = workshop.root.clone();
    driver
        .until("the shell's number", |_| root.join("pid").exists())
        .await;
    let pid = fs::read_to_string(root.join("pid")).unwrap();
    let pid = pid.trim();
    let children = || workshop.program.children();
    assert!(children().iter().any(|child| child == pid));
    driver
        .execute("katahost.restartTerminal", json!({"terminalId": "host"}))
        .await
        .expect("it is restarted");
    eventually("the old shell is buried", || {
        !children().iter().any(|child| child == pid)
    })
    .await;
    eventually("both shells run", || children().len() == 2).await;
    workshop.check_log();
}
