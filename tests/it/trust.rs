//! What a lab runs by itself waits for one yes, which holds for what was seen and nothing else.

use std::{
    fs,
    path::{Path, PathBuf},
};

use katahost::{
    client::{Address, ClientError},
    lab::{Trust, trust::Answers},
    protocol::{
        error::ErrorCode,
        trust::{Occasion, Trust as Waiting},
    },
};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::{
    House, HouseOptions, Visitor, eventually,
    program::{Program, run},
};

const CONFIG: &str = r#"{"layout": {"terminals": [{"id": "host", "name": "console"}]},
"navigation": {"onLoadCommands": {
  "intro": {"host": [{"command": "sh start.sh"}]},
  "step1": {"host": [{"command": "echo again >> ran", "maxInvocations": "unlimited"}]}}}}"#;

const FILES: [(&str, &str); 5] = [
    (".katapod_config.json", CONFIG),
    (
        "intro.md",
        "# Lab\n\n```\necho clicked >> ran\n```\n\n[Next](command:katapod.loadPage?step1)\n",
    ),
    (
        "step1.md",
        "# One\n\n[Back](command:katapod.loadPage?intro)\n",
    ),
    ("start.sh", "echo started >> ran\n"),
    ("other.sh", "echo other\n"),
];

/// A check that runs again and again.
const CHECK: &str =
    "# One\n\n```\n### {\"verify\": true, \"verifyOn\": \"open\"}\necho yes >> checked\n```\n";

/// A lab and a place for its user's answers, both of which outlive the server.
struct Home {
    temp: TempDir,
}

impl Home {
    fn new() -> Self {
        let temp = tempfile::tempdir().unwrap();
        let home = Self { temp };
        fs::create_dir(home.root()).unwrap();
        for (name, text) in FILES {
            home.write(name, text);
        }
        home
    }

    fn root(&self) -> PathBuf {
        self.temp.path().join("lab")
    }

    fn state(&self) -> PathBuf {
        self.temp.path().join("state")
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.root().join(name), text).unwrap();
    }

    /// Serves the lab as a user does who is asked.
    fn open(&self) -> House {
        let answers = Answers::new(Some(self.state().join("katahost/trust")));
        let options = HouseOptions {
            trust: Trust::Asked(answers),
            ..HouseOptions::default()
        };
        House::open(&self.root(), options)
    }

    /// Starts the program as such a user does.
    fn start(&self, path: &[&str]) -> Program {
        let arguments = [path, &["--listen", "127.0.0.1:0"]].concat();
        Program::start(&arguments, &self.variables())
    }

    fn variables(&self) -> [(&str, &str); 2] {
        let state = self.temp.path().join("state");
        // The program is told once, and the path lives as long as the test.
        let state: &'static str = Box::leak(state.to_str().unwrap().to_owned().into_boxed_str());
        [("KATAHOST_TRUST", "false"), ("XDG_STATE_HOME", state)]
    }

    /// What ran so far, a word for each.
    fn ran(&self) -> String {
        fs::read_to_string(self.root().join("ran")).unwrap_or_default()
    }

    async fn until_ran(&self, what: &str) {
        eventually(what, || self.ran() == what).await;
    }
}

fn waiting(visitor: &Visitor) -> &Waiting {
    visitor.lab.trust.as_ref().expect("something waits")
}

async fn give(visitor: &mut Visitor, hash: &str) -> Result<Vec<u16>, ClientError> {
    let executed = visitor.execute("katahost.trust", json!({"hash": hash}));
    executed.await.map(|executed| executed.terminals)
}

fn code(error: ClientError) -> ErrorCode {
    match error {
        ClientError::Refused(error) => error.data.code,
        other => panic!("{other}"),
    }
}

/// Clicks the block of the intro.
async fn click(visitor: &mut Visitor) {
    let block = json!({"step": "intro", "block": 0});
    visitor.execute("katahost.runBlock", block).await.unwrap();
}

async fn start_over(visitor: &mut Visitor) {
    let executed = visitor.client.execute("katapod.start", Vec::new(), None);
    executed.await.unwrap();
    visitor.until_notified("lab/state").await;
    visitor.size_all(80, 24).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_runs_by_itself_before_the_yes_and_then_it_runs_once() {
    let home = Home::new();
    let house = home.open();
    let mut driver = house.enter("lab").await;
    let trust = waiting(&driver).clone();
    let items: Vec<_> = trust
        .items
        .iter()
        .map(|item| {
            assert_eq!(item.occasion, Occasion::Load);
            let place = (item.file.as_str(), item.line);
            let terminal = item.terminal.as_deref();
            (item.step.as_str(), terminal, item.text.as_str(), place)
        })
        .collect();
    let file = ".katapod_config.json";
    let console = Some("console");
    assert_eq!(
        items,
        [
            ("intro", console, "sh start.sh", (file, Some(3))),
            ("step1", console, "echo again >> ran", (file, Some(4))),
        ]
    );
    let files: Vec<_> = trust.files.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(files, ["start.sh"]);
    // A click is a yes of its own, to that block.
    click(&mut driver).await;
    home.until_ran("clicked\n").await;
    driver.load("step1").await;
    driver.load("intro").await;
    driver.notifications.clear();
    assert_eq!(give(&mut driver, &trust.hash).await.unwrap(), [0]);
    assert_eq!(
        driver.until_notified("lab/trust").await,
        json!({"trust": null})
    );
    home.until_ran("clicked\nstarted\n").await;
    // Said twice, it means no more; what could not run before was not counted.
    assert_eq!(give(&mut driver, &trust.hash).await.unwrap(), [0_u16; 0]);
    driver.load("step1").await;
    home.until_ran("clicked\nstarted\nagain\n").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn yes_is_kept_over_starts_and_asked_for_again_when_what_it_covers_has_changed() {
    let home = Home::new();
    let house = home.open();
    let mut driver = house.enter("lab").await;
    let hash = waiting(&driver).hash.clone();
    give(&mut driver, &hash).await.unwrap();
    home.until_ran("started\n").await;
    house.close().await;

    let house = home.open();
    let mut driver = house.enter("lab").await;
    assert!(driver.lab.trust.is_none());
    home.until_ran("started\nstarted\n").await;
    let changes = [
        ("intro.md", "# Other words\n", false),
        ("other.sh", "echo changed\n", false),
        ("start.sh", "echo changed >> ran\n", true),
        (
            ".katapod_config.json",
            &CONFIG.replace("sh start", "bash start"),
            true,
        ),
        ("step1.md", CHECK, true),
        ("step1.md", &format!("Moved.\n\n{CHECK}"), false),
    ];
    for (name, text, asks) in changes {
        home.write(name, text);
        start_over(&mut driver).await;
        let trust = driver.lab.trust.clone();
        assert_eq!(trust.is_some(), asks, "{name}: {trust:?}");
        if let Some(trust) = trust {
            give(&mut driver, &trust.hash).await.unwrap();
        }
    }
    home.write("start.sh", "echo once more >> ran\n");
    house.close().await;
    let house = home.open();
    let driver = house.enter("lab").await;
    assert_ne!(waiting(&driver).hash, hash);
}

#[tokio::test(flavor = "multi_thread")]
async fn script_that_changes_under_a_running_lab_is_asked_about_before_it_runs() {
    let home = Home::new();
    let config = CONFIG.replace("echo again >> ran", "sh start.sh; test -e data");
    home.write(".katapod_config.json", &config);
    let house = home.open();
    let mut driver = house.enter("lab").await;
    let hash = waiting(&driver).hash.clone();
    give(&mut driver, &hash).await.unwrap();
    driver.until_notified("lab/trust").await;
    home.until_ran("started\n").await;
    home.write("other.sh", "echo changed\n");
    driver.load("step1").await;
    home.until_ran("started\nstarted\n").await;
    driver.load("intro").await;
    home.write("start.sh", "echo changed >> ran\n");
    driver.load("step1").await;
    let trust = driver.until_notified("lab/trust").await;
    let changed = trust["trust"]["hash"].as_str();
    let changed = changed.unwrap_or_else(|| panic!("{trust}")).to_owned();
    assert_ne!(changed, hash);
    assert_eq!(home.ran(), "started\nstarted\n");
    assert_eq!(give(&mut driver, &changed).await.unwrap(), [0]);
    home.until_ran("started\nstarted\nchanged\n").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn yes_to_something_else_is_refused_and_runs_nothing() {
    let home = Home::new();
    let house = home.open();
    let mut driver = house.enter("lab").await;
    let seen = waiting(&driver).hash.clone();
    for wrong in ["", "4f2a", &seen.to_uppercase()] {
        let refused = give(&mut driver, wrong).await.unwrap_err();
        assert_eq!(code(refused), ErrorCode::TrustChanged, "{wrong}");
    }
    // The script is another one than when it was looked at.
    home.write("start.sh", "echo stolen >> ran\n");
    let refused = give(&mut driver, &seen).await.unwrap_err();
    assert_eq!(code(refused), ErrorCode::TrustChanged);
    let told = driver.until_notified("lab/trust").await;
    let now = told["trust"]["hash"].as_str().unwrap().to_owned();
    assert_ne!(now, seen);
    click(&mut driver).await;
    home.until_ran("clicked\n").await;
    give(&mut driver, &now).await.unwrap();
    home.until_ran("clicked\nstolen\n").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn check_that_a_page_brings_is_asked_about() {
    let home = Home::new();
    let house = home.open();
    let mut driver = house.enter("lab").await;
    let hash = waiting(&driver).hash.clone();
    give(&mut driver, &hash).await.unwrap();
    let told = driver.until_notified("lab/trust").await;
    assert_eq!(told, json!({"trust": null}));
    home.until_ran("started\n").await;
    home.write("step1.md", CHECK);
    driver.load("step1").await;
    let told = driver.until_notified("lab/trust").await;
    let check = &told["trust"]["items"][2];
    assert_eq!(
        *check,
        json!({"occasion": "open", "step": "step1", "terminal": null, "interrupts": false,
            "text": "echo yes >> checked\n", "file": "step1.md", "line": 5})
    );
    // Until then its step's commands wait, too.
    driver.load("intro").await;
    click(&mut driver).await;
    home.until_ran("started\nclicked\n").await;
    driver.load("step1").await;
    assert!(!home.root().join("checked").exists());
    let hash = told["trust"]["hash"].as_str().unwrap();
    give(&mut driver, hash).await.unwrap();
    home.until_ran("started\nclicked\nagain\n").await;
    eventually("the check", || home.root().join("checked").exists()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_came_by_a_link_is_told_nothing_and_can_not_say_yes() {
    let home = Home::new();
    let house = home.open();
    let mut driver = house.enter("lab").await;
    let hash = waiting(&driver).hash.clone();
    let mut link = async |role: &str| {
        let executed = driver.execute("katahost.createLink", json!({"role": role}));
        let link = executed.await.unwrap().link.unwrap();
        let (path, token) = link.address.split_once("?token=").unwrap();
        let address = Address {
            url: format!("ws://{}/{path}ws", house.address),
            token: Some(token.to_owned()),
            headers: Vec::new(),
        };
        Visitor::connect(&address, None, None).await.unwrap()
    };
    let (mut viewer, mut remote, mut guest) = (
        link("viewer").await,
        link("remote").await,
        link("viewer").await,
    );
    let client = json!({"client": guest.lab.client});
    driver
        .execute("katahost.grantKeyboard", client)
        .await
        .unwrap();
    guest.until_notified("lab/role").await;
    for visitor in [&mut viewer, &mut remote, &mut guest] {
        assert!(visitor.lab.trust.is_none());
        let refused = give(visitor, &hash).await.unwrap_err();
        assert_eq!(code(refused), ErrorCode::NotAllowed);
    }
    // Nor does a page of the guest's own loading run anything.
    guest
        .execute("katapod.loadPage", json!("step1"))
        .await
        .unwrap();
    guest
        .execute("katapod.loadPage", json!("intro"))
        .await
        .unwrap();
    click(&mut driver).await;
    home.until_ran("clicked\n").await;
    give(&mut driver, &hash).await.unwrap();
    home.until_ran("clicked\nstarted\n").await;
    for visitor in [&mut viewer, &mut remote, &mut guest] {
        let of_what_ran = |visitor: &Visitor| {
            let mut told = visitor.notifications.iter();
            told.any(|(_, params)| params["id"] == "onLoad_intro_host")
        };
        visitor.until("what ran by itself", of_what_ran).await;
        let mut told = visitor.notifications.iter();
        assert!(!told.any(|(method, _)| method == "lab/trust"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lab_that_runs_nothing_by_itself_asks_nothing() {
    let home = Home::new();
    home.write(
        ".katapod_config.json",
        r#"{"layout": {"terminals": [{"id": "host"}]}}"#,
    );
    let house = home.open();
    let mut driver = house.enter("lab").await;
    assert!(driver.lab.trust.is_none());
    let refused = give(&mut driver, "4f2a").await.unwrap_err();
    assert_eq!(code(refused), ErrorCode::TrustChanged);
    assert!(!home.state().exists());
}

/// What waits in the lab of a program.
async fn asked(program: &Program, lab: &str) -> Option<Waiting> {
    let visitor = Visitor::connect(&program.socket(lab), None, None).await;
    visitor.unwrap().lab.trust
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn program_asks_for_a_folder_and_not_for_its_own_quickstart_or_with_trust() {
    let home = Home::new();
    let root = home.root();
    let root = text(&root);
    assert!(asked(&home.start(&[]), "quickstart").await.is_none());
    assert!(
        asked(&home.start(&[root, "--trust"]), "lab")
            .await
            .is_none()
    );
    let trusting = [("KATAHOST_TRUST", "1")];
    let program = Program::start(&[root, "--listen", "127.0.0.1:0"], &trusting);
    assert!(asked(&program, "lab").await.is_none());
    assert!(!home.state().exists());
    assert!(asked(&home.start(&[root]), "lab").await.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn yes_can_be_given_from_a_terminal() {
    let home = Home::new();
    let root = home.root();
    let root = text(&root);
    let program = home.start(&[root]);
    let exec = |arguments: &[&str]| {
        let output = run(&[&["exec", "--url", &program.url], arguments].concat(), &[]);
        let told = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8(told).unwrap())
    };
    let (code, told) = exec(&["katapod.loadPage", "step1"]);
    assert_eq!(code, Some(0));
    assert!(
        told.contains("the lab runs nothing by itself yet"),
        "{told}"
    );
    let (code, told) = exec(&["katahost.trust", r#"{"hash": "4f2a"}"#]);
    assert_eq!(code, Some(1));
    assert!(
        told.contains("hint: look at it again; `katahost inspect` lists it"),
        "{told}"
    );

    let output = run(&["inspect", root], &[]);
    let listing = String::from_utf8(output.stdout).unwrap();
    assert!(
        listing.contains(
            "when `intro` is loaded, in `console` (.katapod_config.json:3)\n    sh start.sh\n"
        ),
        "{listing}"
    );
    assert!(
        listing.contains("  with what is in start.sh\n"),
        "{listing}"
    );
    let output = run(&["inspect", root, "--json"], &[]);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let hash = report["unattended"]["hash"].as_str().unwrap();
    assert!(listing.contains(hash), "{listing}");
    let (code, told) = exec(&["katahost.trust", &json!({"hash": hash}).to_string()]);
    assert_eq!(
        (code, &*told),
        (
            Some(0),
            "executed `katahost.trust` on `lab`, typed into `host`\n"
        )
    );
    home.until_ran("again\n").await;
    drop(program);
    assert!(asked(&home.start(&[root]), "lab").await.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn archive_is_asked_for_once() {
    let home = Home::new();
    let (root, archive) = (home.root(), home.temp.path().join("given.zip"));
    let archive = text(&archive);
    let output = run(&["export", text(&root), "--out", archive], &[]);
    assert!(output.status.success(), "{output:?}");
    let program = home.start(&[archive]);
    let mut driver = Visitor::connect(&program.socket("lab"), None, None)
        .await
        .unwrap();
    let hash = waiting(&driver).hash.clone();
    give(&mut driver, &hash).await.unwrap();
    drop(program);
    assert!(asked(&home.start(&[archive]), "lab").await.is_none());
    assert!(asked(&home.start(&[text(&root)]), "lab").await.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn yes_holds_for_the_run_where_it_can_not_be_kept() {
    let home = Home::new();
    fs::write(home.state(), "this is no folder").unwrap();
    let root = home.root();
    let program = home.start(&[text(&root)]);
    let mut driver = Visitor::connect(&program.socket("lab"), None, None)
        .await
        .unwrap();
    let hash = waiting(&driver).hash.clone();
    give(&mut driver, &hash).await.unwrap();
    home.until_ran("started\n").await;
    start_over(&mut driver).await;
    assert!(driver.lab.trust.is_none());
    home.until_ran("started\nstarted\n").await;
    drop(program);
    assert!(asked(&home.start(&[text(&root)]), "lab").await.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_answer_is_asked_for_again() {
    let home = Home::new();
    let house = home.open();
    let mut driver = house.enter("lab").await;
    let hash = waiting(&driver).hash.clone();
    give(&mut driver, &hash).await.unwrap();
    house.close().await;
    let kept: Vec<_> = fs::read_dir(home.state().join("katahost/trust"))
        .unwrap()
        .collect();
    let [Ok(kept)] = &kept[..] else {
        panic!("{kept:?}")
    };
    fs::write(kept.path(), "{\"hash\": 1").unwrap();
    let house = home.open();
    let driver = house.enter("lab").await;
    assert_eq!(waiting(&driver).hash, hash);
}
