//! The audience's process: hundreds of viewers on one thread, which count what they get.
//!
//! They run apart from the server and from the driver, whose time and memory are measured.

use std::{
    cell::{Cell, RefCell},
    collections::HashSet,
    io::{BufRead, Write, stdin, stdout},
    rc::Rc,
    time::Duration,
};

use serde_json::{Value, json};
use tokio::{
    sync::{Notify, mpsc},
    task::{LocalSet, spawn_local},
    time::{interval, timeout},
};

use crate::{
    Fault,
    audience::Place,
    figures::quantile,
    machine::raise_descriptor_limit,
    viewer::{Seat, screen},
};

/// The argument that makes this program an audience.
pub(crate) const MODE: &str = "audience";

/// How often a viewer that has caught up says so.
const ACK_PAUSE: Duration = Duration::from_secs(1);

/// What one read takes at most.
const READ_BYTES: usize = 256 * 1024;

/// How many commands may wait.
const COMMANDS: usize = 16;

/// All viewers.
#[derive(Debug)]
pub(crate) struct Hall {
    pub(crate) place: Place,
    pub(crate) seats: RefCell<Vec<Rc<Seat>>>,
    pub(crate) buffer: RefCell<Vec<u8>>,
    pub(crate) target: Cell<u64>,
    pub(crate) reached: Cell<usize>,
    pub(crate) news: Notify,
    pub(crate) stalled: Cell<bool>,
    pub(crate) resumed: Notify,
    pub(crate) faults: RefCell<Vec<String>>,
    pub(crate) received: Cell<u64>,
    pub(crate) checkpoints: Cell<u64>,
    pub(crate) checkpoint_bytes: Cell<u64>,
    pub(crate) checkpoint_places: RefCell<HashSet<u64>>,
    pub(crate) delays_us: RefCell<Vec<f64>>,
}

/// Sits down as `arguments` say, then does what standard input says.
pub(crate) fn run(arguments: &[String]) -> Result<(), Fault> {
    let [place, count, samples] = arguments else {
        return Err("usage: audience PLACE COUNT SAMPLES".into());
    };
    let place: Place = serde_json::from_str(place)?;
    let (count, samples): (usize, usize) = (count.parse()?, samples.parse()?);
    raise_descriptor_limit()?;
    let (sender, mut commands) = mpsc::channel(COMMANDS);
    std::thread::spawn(move || {
        for line in stdin().lock().lines().map_while(Result::ok) {
            if sender.blocking_send(line).is_err() {
                break;
            }
        }
    });
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    LocalSet::new().block_on(&runtime, async {
        let hall = Rc::new(Hall::new(place));
        for number in 0..count {
            hall.seat(number, number < samples).await?;
        }
        spawn_local(acknowledge_lazily(hall.clone()));
        while let Some(line) = commands.recv().await {
            let answer = hall.obey(&serde_json::from_str(&line)?).await?;
            writeln!(stdout(), "{answer}")?;
        }
        Ok(())
    })
}

async fn acknowledge_lazily(hall: Rc<Hall>) {
    let mut ticks = interval(ACK_PAUSE);
    loop {
        ticks.tick().await;
        if !hall.stalled.get() {
            for seat in &*hall.seats.borrow() {
                hall.acknowledge(seat, 1);
            }
        }
    }
}

impl Hall {
    fn new(place: Place) -> Self {
        Self {
            place,
            seats: RefCell::default(),
            buffer: RefCell::new(vec![0; READ_BYTES]),
            target: Cell::new(u64::MAX),
            reached: Cell::default(),
            news: Notify::new(),
            stalled: Cell::default(),
            resumed: Notify::new(),
            faults: RefCell::default(),
            received: Cell::default(),
            checkpoints: Cell::default(),
            checkpoint_bytes: Cell::default(),
            checkpoint_places: RefCell::default(),
            delays_us: RefCell::default(),
        }
    }

    async fn obey(&self, command: &Value) -> Result<Value, Fault> {
        match command["do"].as_str().unwrap_or_default() {
            "sit" => {
                let seated = async {
                    while !self
                        .seats
                        .borrow()
                        .iter()
                        .all(|seat| seat.end.get().is_some())
                        && self.faults.borrow().is_empty()
                    {
                        self.news.notified().await;
                    }
                };
                drop(timeout(Duration::from_secs(20), seated).await);
                self.received.set(0);
                self.checkpoints.set(0);
                self.checkpoint_bytes.set(0);
                self.checkpoint_places.borrow_mut().clear();
                self.delays_us.borrow_mut().clear();
            }
            "reach" => {
                self.target
                    .set(command["offset"].as_u64().ok_or("no offset")?);
                let there =
                    |seat: &&Rc<Seat>| seat.end.get().is_some_and(|end| end >= self.target.get());
                let reached = self.seats.borrow().iter().filter(there).count();
                self.reached.set(reached);
                let all = async {
                    while self.reached.get() < self.seats.borrow().len()
                        && self.faults.borrow().is_empty()
                    {
                        self.news.notified().await;
                    }
                };
                let patience = Duration::from_millis(command["ms"].as_u64().ok_or("no ms")?);
                drop(timeout(patience, all).await);
            }
            "type" => {
                let text = command["text"].as_str().ok_or("no text")?;
                let first = self.seats.borrow().first().cloned().ok_or("no viewer")?;
                first.socket.try_write(text.as_bytes())?;
            }
            "stall" => self.stalled.set(true),
            "resume" => {
                self.stalled.set(false);
                self.resumed.notify_waiters();
            }
            "look" => return Ok(self.texts()),
            other => return Err(format!("unknown command `{other}`").into()),
        }
        Ok(self.report())
    }

    /// What the samples show.
    fn texts(&self) -> Value {
        let seats = self.seats.borrow();
        let kept = seats.iter().filter_map(|seat| seat.kept.as_ref());
        kept.map(|kept| screen(&kept.borrow())).collect()
    }

    fn report(&self) -> Value {
        let seats = self.seats.borrow();
        let mut delays = self.delays_us.borrow_mut();
        delays.sort_by(f64::total_cmp);
        json!({
            "reached": self.reached.get(),
            "end": seats.iter().filter_map(|seat| seat.end.get()).max(),
            "received": self.received.get(),
            "checkpoints": self.checkpoints.get(),
            "checkpointBytes": self.checkpoint_bytes.get(),
            "checkpointPlaces": self.checkpoint_places.borrow().len(),
            "delays": delays.len(),
            "delayP50": quantile(&delays, 1, 2),
            "delayP99": quantile(&delays, 99, 100),
            "faults": *self.faults.borrow(),
        })
    }
}
