//! What an author saves is shown at once, however an editor saves it, and nothing runs again.

mod config;

use std::{
    fs::{self, OpenOptions},
    io::Write,
    path::Path,
    time::Duration,
};

use serde_json::{Value, json};

use crate::harness::{House, HouseOptions, Visitor};

const CONFIG: &str = ".katapod_config.json";

const LAB: [(&str, &str); 4] = [
    (
        CONFIG,
        r#"{"layout": {"terminals": [{"id": "host"}]}, "navigation": {"onLoadCommands":
            {"intro": {"host": [{"command": "echo loaded >> loads"}]}}}}"#,
    ),
    (
        "intro.md",
        "# Lab\n\nOld text\n\n![x](images/a.png)\n\n```\necho one\n```\n",
    ),
    ("step1.md", "# One\n"),
    ("images/a.png", "old"),
];

fn watching(author: bool) -> HouseOptions {
    HouseOptions {
        watch: true,
        author,
        ..HouseOptions::default()
    }
}

/// Enters a lab whose files are watched, after its on-load command ran.
async fn enter(house: &House) -> Visitor {
    let mut visitor = house.enter("lab").await;
    house.written("loads").await;
    visitor.notifications.clear();
    visitor
}

/// Has somebody watch by a link.
async fn watch(house: &House, driver: &mut Visitor) -> Visitor {
    let made = driver
        .execute("katahost.createLink", json!({"role": "viewer"}))
        .await
        .unwrap();
    let address = made.link.unwrap().address;
    let token = address.split_once("token=").unwrap().1;
    let socket = katahost::client::Address {
        url: format!("ws://{}/watch/lab/ws", house.address),
        token: Some(token.to_owned()),
        headers: Vec::new(),
    };
    Visitor::connect(&socket, None, None).await.unwrap()
}

/// Waits until the page is shown again with `text` in it.
async fn reloaded(visitor: &mut Visitor, text: &str) -> Value {
    loop {
        let shown = visitor.until_notified("page/show").await;
        assert!(shown["reload"].is_object(), "{shown}");
        assert_eq!(shown["executionId"], Value::Null);
        let html = shown["page"]["html"].as_str().unwrap();
        assert!(!html.trim().is_empty(), "a blank page is shown");
        if html.contains(text) {
            return shown;
        }
    }
}

/// Saves as most editors do: a temporary file beside the old one takes its place.
fn rename_over(root: &Path, name: &str, text: &str) {
    let temporary = root.join(format!(".{name}.swp~"));
    fs::write(&temporary, text).unwrap();
    fs::rename(temporary, root.join(name)).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn saved_page_is_shown_however_it_is_saved() {
    let house = House::with_files(&LAB, watching(false));
    let mut visitor = enter(&house).await;
    let root = &house.root;

    house.write("intro.md", "# Lab\n\nWritten over\n");
    let shown = reloaded(&mut visitor, "Written over").await;
    assert_eq!(shown["reload"]["files"], json!([]));

    // As vim does: a probe, a backup, a new file.
    fs::write(root.join("4913"), "").unwrap();
    fs::remove_file(root.join("4913")).unwrap();
    fs::rename(root.join("intro.md"), root.join("intro.md~")).unwrap();
    house.write("intro.md", "# Lab\n\nMoved away before\n");
    fs::remove_file(root.join("intro.md~")).unwrap();
    reloaded(&mut visitor, "Moved away before").await;

    rename_over(root, "intro.md", "# Lab\n\nRenamed over\n");
    reloaded(&mut visitor, "Renamed over").await;

    let mut file = fs::File::create(root.join("intro.md")).unwrap();
    for piece in ["# Lab\n", "\nIn pie", "ces\n", "\nto the end\n"] {
        file.write_all(piece.as_bytes()).unwrap();
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
    reloaded(&mut visitor, "to the end").await;

    fs::remove_file(root.join("intro.md")).unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    house.write("intro.md", "# Lab\n\nRemoved before\n");
    reloaded(&mut visitor, "Removed before").await;

    // Nothing ran again.
    let loads = fs::read_to_string(root.join("loads")).unwrap();
    assert_eq!(loads, "loaded\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn counts_and_terminals_stay() {
    let house = House::with_files(&LAB, watching(false));
    let mut visitor = enter(&house).await;
    visitor.run_block("intro", 0).await.unwrap();
    visitor.until_text("host", "one\r\n").await;
    let (instance, generation) = (visitor.lab.instance.clone(), visitor.generation(0));
    visitor.notifications.clear();
    rename_over(
        &house.root,
        "intro.md",
        "# Lab\n\nNew\n\n```\necho two\n```\n",
    );
    let shown = reloaded(&mut visitor, "New").await;
    assert_eq!(shown["page"]["blocks"][0]["state"]["runs"], 1);
    visitor.run_block("intro", 0).await.unwrap();
    visitor.until_text("host", "two\r\n").await;
    assert_eq!(visitor.lab.instance, instance);
    assert_eq!(visitor.generation(0), generation);
}

#[tokio::test(flavor = "multi_thread")]
async fn saved_image_is_named_and_others_are_not() {
    let house = House::with_files(&LAB, watching(false));
    let mut visitor = enter(&house).await;
    house.write("images/other.png", "not shown");
    fs::write(house.root.join("images/b"), "new").unwrap();
    fs::rename(house.root.join("images/b"), house.root.join("images/a.png")).unwrap();
    let shown = reloaded(&mut visitor, "Old text").await;
    assert_eq!(shown["reload"]["files"], json!(["images/a.png"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn steps_that_come_and_go_are_told() {
    let house = House::with_files(&LAB, watching(false));
    let mut visitor = enter(&house).await;
    let names = |told: &Value| -> Vec<String> {
        let steps = told["steps"].as_array().unwrap().iter();
        steps
            .map(|step| step["title"].as_str().unwrap().to_owned())
            .collect()
    };
    fs::create_dir(house.root.join("more")).unwrap();
    house.write("more/step2.md", "# Two\n");
    loop {
        let told = visitor.until_notified("lab/steps").await;
        if names(&told) == ["Lab", "Two", "One"] {
            break;
        }
        assert!(names(&told).len() <= 3, "{told}");
    }
    // The new folder is followed as well.
    house.write("more/step2.md", "# Second\n");
    fs::remove_file(house.root.join("step1.md")).unwrap();
    while names(&visitor.until_notified("lab/steps").await) != ["Lab", "Second"] {}
}

#[tokio::test(flavor = "multi_thread")]
async fn page_that_is_gone_stays_and_says_why() {
    let house = House::with_files(&LAB, watching(false));
    let mut visitor = enter(&house).await;
    fs::remove_file(house.root.join("intro.md")).unwrap();
    let told = visitor.until_notified("window/showMessage").await;
    assert_eq!(told["message"], "there is no step `intro`");
    let later = house.enter("lab").await;
    assert!(later.lab.page.unwrap().html.contains("Old text"));
    house.write("intro.md", "# Lab\n\nBack\n");
    reloaded(&mut visitor, "Back").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn author_sees_on_the_page_what_a_save_broke() {
    let house = House::with_files(&LAB, watching(true));
    let mut visitor = enter(&house).await;
    let codes = |shown: &Value| -> Vec<String> {
        let found = shown["page"]["diagnostics"].as_array();
        let found = found.map(Vec::as_slice).unwrap_or_default().iter();
        found
            .map(|one| one["code"].as_str().unwrap().to_owned())
            .collect()
    };
    let dead = "# Lab\n\nDead [x](command:katapod.loadPage?nowhere)\n";
    house.write("intro.md", dead);
    let shown = reloaded(&mut visitor, "Dead").await;
    assert!(
        codes(&shown).contains(&"unknown-step".to_owned()),
        "{shown}"
    );

    // Another file mends it, and this page did not change.
    house.write("nowhere.md", "# There\n");
    let shown = reloaded(&mut visitor, "Dead").await;
    assert!(
        !codes(&shown).contains(&"unknown-step".to_owned()),
        "{shown}"
    );

    fs::remove_file(house.root.join("intro.md")).unwrap();
    let shown = reloaded(&mut visitor, "Dead").await;
    assert_eq!(codes(&shown), ["unreadable-step"]);
    house.write("intro.md", dead);
    let shown = reloaded(&mut visitor, "Dead").await;
    assert!(
        !codes(&shown).contains(&"unreadable-step".to_owned()),
        "{shown}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn folder_that_is_replaced_is_followed_again() {
    let house = House::with_files(&LAB, watching(false));
    let mut visitor = enter(&house).await;
    let aside = house.root.with_file_name("aside");
    fs::rename(&house.root, &aside).unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    fs::create_dir(&house.root).unwrap();
    house.write("intro.md", "# Lab\n\nAnother folder\n");
    reloaded(&mut visitor, "Another folder").await;
    rename_over(&house.root, "intro.md", "# Lab\n\nAnd on\n");
    reloaded(&mut visitor, "And on").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn link_out_of_the_folder_is_not_followed() {
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("secret.md"), "# Secret\n").unwrap();
    let house = House::with_files(&LAB, watching(false));
    let mut visitor = enter(&house).await;
    let (link, target) = (house.root.join("link"), outside.path());
    std::os::unix::fs::symlink(target, &link).unwrap();
    let file = outside.path().join("secret.md");
    std::os::unix::fs::symlink(&file, house.root.join("new.md")).unwrap();
    fs::remove_file(house.root.join("intro.md")).unwrap();
    std::os::unix::fs::symlink(&file, house.root.join("intro.md")).unwrap();
    let told = visitor.until_notified("window/showMessage").await;
    assert_eq!(told["message"], "there is no step `intro`");
    let shown = visitor
        .notifications
        .iter()
        .any(|(method, _)| method == "page/show");
    assert!(!shown);
}

#[tokio::test(flavor = "multi_thread")]
async fn viewer_sees_what_is_saved_and_no_diagnostics() {
    let house = House::with_files(&LAB, watching(true));
    let mut driver = enter(&house).await;
    let mut viewer = watch(&house, &mut driver).await;
    house.write("intro.md", "# Lab\n\nFor all ![x](missing.png)\n");
    let shown = reloaded(&mut viewer, "For all").await;
    assert_eq!(shown["page"]["diagnostics"], Value::Null);
    let shown = reloaded(&mut driver, "For all").await;
    assert_ne!(shown["page"]["diagnostics"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn lab_that_is_not_watched_shows_what_it_showed() {
    let house = House::with_files(&LAB, HouseOptions::default());
    let mut visitor = enter(&house).await;
    house.write("intro.md", "# Lab\n\nNew\n");
    // Whatever would come had a second for it.
    tokio::time::sleep(Duration::from_secs(1)).await;
    visitor.load("step1").await;
    let shown = visitor.until_notified("page/show").await;
    assert_eq!(shown["page"]["step"], "step1");
}

#[tokio::test(flavor = "multi_thread")]
async fn busy_folder_does_not_stop_the_lab() {
    let house = House::with_files(&LAB, watching(false));
    let mut visitor = enter(&house).await;
    let log = house.root.join("busy.log");
    let writing = tokio::task::spawn_blocking(move || {
        let mut file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(log)
            .unwrap();
        for _ in 0..400 {
            file.write_all(b"line\n").unwrap();
            std::thread::sleep(Duration::from_millis(5));
        }
    });
    house.write("intro.md", "# Lab\n\nWhile it is busy\n");
    reloaded(&mut visitor, "While it is busy").await;
    assert!(
        !writing.is_finished(),
        "the page came while the folder was busy"
    );
    writing.await.unwrap();
}
