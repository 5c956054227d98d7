//! Many people who do anything in any order, over a network that breaks: at the end all see the
//! same, and nothing is left of them.
//!
//! `SOAK_SECONDS` says how long, `SOAK_SEED` repeats what people did. The network and the machine
//! decide the rest, so a seed repeats a run's actions and not its every byte.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use katahost::{client::Address, protocol::audience::Role};
use rustix::process::Signal;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout};

use crate::harness::{
    DEADLINE, asked,
    chance::Chance,
    eventually, is_running,
    proxy::{Network, Proxy},
    watcher::Watcher,
    workshop::{MEGABYTE, Workshop},
};

/// How long people go on, where nothing else is asked for.
const SECONDS: u64 = 60;

/// How many people there are at most at the same time, besides the one who stays.
const PEOPLE: usize = 8;

/// What memory may have grown by: full terminals, and what an allocator keeps.
const LEFT_BEHIND: u64 = 160 * MEGABYTE;

const TERMINALS: [&str; 2] = ["host", "api"];

/// What people type: whole lines, keys, and halves of either.
const TYPED: [&str; 18] = [
    "echo $((6 * 7))\r",
    "seq 1 300\r",
    "seq 1 60000\r",
    "yes 'a flood of 日本語'\r",
    // Not one line of it all: where that is cut for the scrollback depends on how it was wrapped.
    "head -c 3000000 /dev/zero | tr '\\0' x | fold -w 3000; echo\r",
    "printf '\\033[?1049h\\033[31mother screen'\r",
    "printf '\\033[?1049l\\033[0m'\r",
    "printf '\\033[3;9r\\033[?1h\\033[?2004h'\r",
    "printf '\\033[6n\\033[c'\r",
    "ls -l --color\r",
    "vim -u NONE -N\r",
    ":q!\r",
    "clear\r",
    "exit\r",
    "\x03",
    "\x03",
    "\x1b[A",
    "grüße ",
];

/// What all know of.
struct Around {
    workshop: Workshop,
    proxy: Proxy,
    /// The id and the address of each link that somebody made.
    links: Mutex<Vec<(String, String)>>,
    until: Instant,
}

/// One of the people: somebody else each time they come.
struct Person {
    around: Arc<Around>,
    chance: Chance,
    watcher: Option<Watcher>,
}

impl Person {
    /// Does one thing after the other until the time is over.
    async fn live(mut self) -> Option<Watcher> {
        while Instant::now() < self.around.until {
            match self.watcher.take() {
                None => self.watcher = self.come().await,
                Some(mut watcher) => {
                    if !self.chance.is_true(25) {
                        self.act(&mut watcher).await;
                        self.watcher = Some(watcher);
                    }
                }
            }
        }
        self.watcher
    }

    /// Comes as a driver or by a link, over a good network or a bad one.
    async fn come(&mut self) -> Option<Watcher> {
        let links = self.around.links.lock().unwrap().clone();
        let mut address = if links.is_empty() || self.chance.is_true(2) {
            self.around.workshop.socket()
        } else {
            self.around.workshop.socket_of(&self.chance.pick(&links).1)
        };
        if !self.chance.is_true(3) {
            address = self.around.proxy.way_to(&address);
        }
        sleep(Duration::from_millis(self.chance.within(0..200))).await;
        // The link may have been revoked, the network cut.
        Watcher::try_enter(&address).await.ok()
    }

    async fn act(&mut self, watcher: &mut Watcher) {
        let chance = &mut self.chance;
        let id = *chance.pick(&TERMINALS);
        match chance.within(0..100) {
            0..30 => {
                let time = Duration::from_millis(chance.within(0..400));
                watcher.step_for(time).await;
            }
            30..60 if watcher.may_type(id) => {
                let text = *chance.pick(&TYPED);
                watcher.type_text(id, text).await;
            }
            60..68 => {
                let (cols, rows) = (chance.small(2..180), chance.small(1..60));
                watcher.resize(watcher.number(id), cols, rows).await;
            }
            68..72 => watcher.hang_up(),
            // It reads nothing for a while.
            72..77 => sleep(Duration::from_millis(chance.within(0..2_500))).await,
            77..79 => self.around.proxy.cut(),
            79 => {
                self.around.proxy.stall(true);
                sleep(Duration::from_millis(chance.within(0..1_000))).await;
                self.around.proxy.stall(false);
            }
            80..99 => self.command(watcher, id).await,
            99 if chance.is_true(4) => {
                watcher.execute("katapod.start", Value::Null).await;
            }
            _ => watcher.step_for(Duration::from_millis(20)).await,
        }
    }

    /// Executes some command, which the lab may refuse.
    async fn command(&mut self, watcher: &mut Watcher, id: &str) {
        let chance = &mut self.chance;
        let other = json!({"client": chance.within(0..60)});
        let step = *chance.pick(&["intro", "step2"]);
        let block = json!({"step": step, "block": chance.within(0..2)});
        let (command, argument) = match chance.within(0..13) {
            0 => ("katahost.runBlock", block),
            1 => {
                let mut patient = block;
                patient["whenBusy"] = json!(chance.pick(&["ask", "queue", "interrupt", "type"]));
                ("katahost.runBlock", patient)
            }
            2 => match chance.within(0..3) {
                0 => ("katahost.cancelBlock", block),
                1 => ("katahost.runStep", Value::Null),
                _ => ("katahost.stopStep", Value::Null),
            },
            3 => ("katapod.loadPage", json!({"step": step})),
            4 => ("katahost.askForKeyboard", Value::Null),
            5 => ("katahost.grantKeyboard", other),
            6 => ("katahost.declineKeyboard", other),
            7 => ("katahost.takeKeyboard", Value::Null),
            8 => ("katahost.returnKeyboard", Value::Null),
            9 => ("katahost.restartTerminal", json!({"terminalId": id})),
            10 => ("workbench.action.terminal.clear", json!({"terminalId": id})),
            11 => return self.revoke(watcher).await,
            _ => return self.make_link(watcher).await,
        };
        watcher.execute(command, argument).await;
    }

    async fn make_link(&mut self, watcher: &mut Watcher) {
        let role = *self.chance.pick(&["viewer", "viewer", "remote"]);
        let made = watcher
            .execute("katahost.createLink", json!({"role": role}))
            .await;
        if let Some(link) = made.as_ref().and_then(|made| made.get("link")) {
            let text = |key: &str| link[key].as_str().unwrap().to_owned();
            self.around
                .links
                .lock()
                .unwrap()
                .push((text("id"), text("address")));
        }
    }

    async fn revoke(&mut self, watcher: &mut Watcher) {
        let first = self.around.links.lock().unwrap().first().cloned();
        if watcher.lab.role == Role::Driver
            && let Some((id, _)) = first
        {
            watcher
                .execute("katahost.revokeLink", json!({"link": id}))
                .await;
            self.around
                .links
                .lock()
                .unwrap()
                .retain(|(other, _)| *other != id);
        }
    }
}

/// The one who stays all the time, sizes what waits for a size, and stops floods.
async fn stay(mut owner: Watcher, around: Arc<Around>, mut chance: Chance) -> Watcher {
    while Instant::now() < around.until {
        owner
            .step_for(Duration::from_millis(chance.within(50..500)))
            .await;
        owner
            .resize_all(chance.small(60..120), chance.small(20..40))
            .await;
        let id = *chance.pick(&TERMINALS);
        if owner.may_type(id) {
            owner.type_text(id, "\x03").await;
        }
    }
    owner
}

#[tokio::test(flavor = "multi_thread")]
async fn people_who_do_anything_all_see_the_same_and_leave_nothing_behind() {
    let seconds = asked("SOAK_SECONDS").unwrap_or(SECONDS);
    println!("SOAK_SECONDS={seconds}");
    let mut chance = Chance::drawn("SOAK_SEED");
    let workshop = Workshop::open();
    let mut owner = Watcher::enter(&workshop.socket()).await;
    owner.resize_all(80, 24).await;
    for id in TERMINALS {
        owner.type_text(id, "echo up-$((1 + 1))\r").await;
        owner.until_text(id, "up-2").await;
    }
    let program = &workshop.program;
    let (bytes, files, threads) = (
        program.resident_bytes(),
        program.open_files(),
        program.threads(),
    );
    let network = Network {
        delay: Duration::from_millis(2),
        bytes_per_second: Some(5_000_000),
        cut_after: Some(1_000..4_000_000),
    };
    let around = Arc::new(Around {
        proxy: Proxy::open(program.address(), network, chance.split()).await,
        workshop,
        links: Mutex::default(),
        until: Instant::now() + Duration::from_secs(seconds),
    });
    let staying = tokio::spawn(stay(owner, around.clone(), chance.split()));
    let people: Vec<_> = (0..PEOPLE)
        .map(|_| Person {
            around: around.clone(),
            chance: chance.split(),
            watcher: None,
        })
        .map(|person| tokio::spawn(person.live()))
        .collect();
    let mut watchers = vec![staying.await.unwrap()];
    for person in people {
        let ended = timeout(Duration::from_secs(60), person).await;
        watchers.extend(ended.expect("nobody is stuck").unwrap());
    }
    let around = Arc::into_inner(around).unwrap();
    check_screens(&around, &mut watchers).await;
    check_left_behind(around.workshop, watchers, (bytes, files, threads)).await;
}

/// All who are still there show the same as one who comes now.
async fn check_screens(around: &Around, watchers: &mut Vec<Watcher>) {
    let Around {
        workshop, proxy, ..
    } = around;
    proxy.stall(false);
    proxy.mend();
    let waiting = watchers
        .iter_mut()
        .map(|watcher| watcher.step_for(Duration::from_secs(1)));
    futures_util::future::join_all(waiting).await;
    // Those whose link was revoked may not come back.
    watchers.retain(|watcher| !watcher.refused);
    for watcher in &*watchers {
        assert_eq!(watcher.endings, [], "nobody else was sent away");
    }
    let address: Address = workshop.socket();
    watchers.push(Watcher::enter(&address).await);
    let owner = &mut watchers[0];
    assert_eq!(owner.returns, 0, "the owner's connection held");
    owner.resize_all(80, 24).await;
    for id in TERMINALS {
        owner
            .execute("katahost.restartTerminal", json!({"terminalId": id}))
            .await;
        owner.step_for(Duration::from_secs(2)).await;
        owner.type_text(id, "echo end-$((1 + 1))\r").await;
    }
    let settling = watchers.iter_mut().map(async |watcher| {
        for id in TERMINALS {
            watcher.until_text(id, "end-2").await;
        }
        watcher.step_for(Duration::from_secs(1)).await;
    });
    futures_util::future::join_all(settling).await;
    for id in TERMINALS {
        let number = watchers[0].number(id);
        let truth = watchers[0].picture(number);
        for watcher in &watchers[1..] {
            assert_eq!(watcher.picture(number), truth);
        }
    }
    println!("{} screens agree", watchers.len());
}

/// Memory, files, threads and processes are as before, and an end ends everything.
async fn check_left_behind(
    mut workshop: Workshop,
    mut watchers: Vec<Watcher>,
    (bytes, files, threads): (u64, usize, u64),
) {
    watchers.truncate(1);
    let program = &workshop.program;
    // The recording of a terminal that had not written anything at first is a file, too.
    let most = files + TERMINALS.len();
    eventually("sockets are closed", || program.open_files() <= most).await;
    let alive = |pid: &str| std::fs::read_to_string(format!("/proc/{pid}/stat"));
    for _ in 0..200 {
        if program.children().len() <= TERMINALS.len() {
            break;
        }
        sleep(Duration::from_millis(50)).await;
    }
    let children = program.children();
    let seen: Vec<_> = children.iter().map(|pid| alive(pid)).collect();
    assert_eq!(children.len(), TERMINALS.len(), "children: {seen:#?}");
    eventually("threads have ended", || program.threads() <= threads).await;
    let now = program.resident_bytes();
    println!(
        "memory: {} MB, then {} MB",
        bytes / MEGABYTE,
        now / MEGABYTE
    );
    assert!(now < bytes + LEFT_BEHIND, "{bytes} became {now}");
    workshop.check_log();
    workshop.program.signal(Signal::TERM);
    let ended = timeout(DEADLINE, workshop.program.ended()).await;
    assert_eq!(ended.expect("the program ends").code(), Some(0));
    for child in children {
        eventually("the shells are gone", || !is_running(&child)).await;
    }
    workshop.check_log();
}
