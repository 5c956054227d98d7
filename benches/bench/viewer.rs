//! The audience's process: hundreds of connections on one thread, which count what they get.
//!
//! A person's browser costs the server nothing but its socket; so these clients parse no more than
//! the heads of frames, and share one buffer. They run apart from the server and from the driver,
//! whose time and memory are measured.

use std::{
    cell::{Cell, RefCell},
    collections::HashSet,
    io::{BufRead, Write, stdin, stdout},
    rc::Rc,
    time::Duration,
};

use katahost::{
    protocol::{SUBPROTOCOL, frame::FrameKind},
    terminal::screen::Screen,
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::{Notify, mpsc},
    task::{LocalSet, spawn_local},
    time::{interval, timeout},
};

use crate::{
    Fault,
    audience::Place,
    figures::quantile,
    machine::{number, raise_descriptor_limit},
    pace::{STAMP, now_us},
    wire::{Parser, text_frame},
};

/// The argument that makes this program an audience.
pub(crate) const MODE: &str = "audience";

/// As katahost's front end acknowledges in a flood.
const ACK_BYTES: u64 = 64 * 1024;

/// How often a viewer that has caught up says so.
const ACK_PAUSE: Duration = Duration::from_millis(100);

/// What one read takes at most.
const READ_BYTES: usize = 256 * 1024;

/// How much of a sample's stream is kept: a screen is in far less.
const KEPT_BYTES: usize = 1024 * 1024;

/// How many commands may wait.
const COMMANDS: usize = 16;

/// All viewers.
#[derive(Debug)]
struct Hall {
    place: Place,
    seats: RefCell<Vec<Rc<Seat>>>,
    buffer: RefCell<Vec<u8>>,
    target: Cell<u64>,
    reached: Cell<usize>,
    news: Notify,
    stalled: Cell<bool>,
    resumed: Notify,
    faults: RefCell<Vec<String>>,
    received: Cell<u64>,
    checkpoints: Cell<u64>,
    checkpoint_bytes: Cell<u64>,
    checkpoint_places: RefCell<HashSet<u64>>,
    delays_us: RefCell<Vec<f64>>,
}

/// One viewer.
#[derive(Debug)]
struct Seat {
    socket: TcpStream,
    /// Nothing before the first checkpoint.
    end: Cell<Option<u64>>,
    acknowledged: Cell<u64>,
    /// A sample keeps what it got since the last checkpoint.
    kept: Option<RefCell<Vec<u8>>>,
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

    async fn seat(self: &Rc<Self>, number: usize, sample: bool) -> Result<(), Fault> {
        let mut socket = TcpStream::connect(("127.0.0.1", self.place.port)).await?;
        socket.set_nodelay(true)?;
        let web = self.place.path.is_some();
        if web {
            self.shake_hands(&mut socket, number).await?;
        }
        let seat = Rc::new(Seat {
            socket,
            end: Cell::new((!web).then_some(0)),
            acknowledged: Cell::new(0),
            kept: sample.then(RefCell::default),
        });
        self.seats.borrow_mut().push(seat.clone());
        let hall = self.clone();
        spawn_local(async move {
            if let Err(fault) = hall.watch(&seat).await {
                hall.faults
                    .borrow_mut()
                    .push(format!("viewer {number}: {fault}"));
                hall.news.notify_one();
            }
        });
        Ok(())
    }

    async fn shake_hands(&self, socket: &mut TcpStream, number: usize) -> Result<(), Fault> {
        let Place {
            port, path, token, ..
        } = &self.place;
        let path = path.as_deref().unwrap_or_default();
        let request = format!(
            "GET /{path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\n\
             Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: {SUBPROTOCOL}\r\n\
             Authorization: Bearer {token}\r\n\r\n"
        );
        socket.write_all(request.as_bytes()).await?;
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\n") {
            answer.push(socket.read_u8().await?);
        }
        if !answer.starts_with(b"HTTP/1.1 101") {
            return Err(String::from_utf8_lossy(&answer).into_owned().into());
        }
        let initialize = json!({
            "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
                "protocolVersion": 1, "attach": true,
                "clientId": format!("viewer-{}-{number}", std::process::id()),
            }
        });
        Ok(socket
            .write_all(&text_frame(&initialize.to_string()))
            .await?)
    }

    async fn watch(&self, seat: &Seat) -> Result<(), Fault> {
        let mut parser = Parser::default();
        loop {
            seat.socket.readable().await?;
            while self.stalled.get() {
                self.resumed.notified().await;
            }
            let mut buffer = self.buffer.borrow_mut();
            let length = match seat.socket.try_read(&mut buffer) {
                Ok(0) => return Err("the server left".into()),
                Ok(length) => length,
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => continue,
                Err(error) => return Err(error.into()),
            };
            let bytes = &buffer[..length];
            if self.place.path.is_some() {
                self.take_frames(seat, &mut parser, bytes)?;
                self.acknowledge(seat, ACK_BYTES);
            } else {
                self.take_payload(seat, &mut parser, bytes);
                self.reach(seat, seat.end.get().unwrap_or(0) + length as u64);
            }
        }
    }

    fn take_frames(&self, seat: &Seat, parser: &mut Parser, mut bytes: &[u8]) -> Result<(), Fault> {
        while !bytes.is_empty() {
            if parser.left == 0 {
                let Some(rest) = parser.begin(bytes)? else {
                    return Ok(());
                };
                bytes = rest;
                self.begin_frame(seat, parser)?;
            }
            let length = bytes
                .len()
                .min(usize::try_from(parser.left).unwrap_or(usize::MAX));
            let (payload, rest) = bytes.split_at(length);
            bytes = rest;
            parser.left -= length as u64;
            let Some(frame) = parser.frame else {
                continue;
            };
            if frame.kind == FrameKind::Output {
                self.take_payload(seat, parser, payload);
            } else if let (FrameKind::Snapshot, Some(kept)) = (frame.kind, &seat.kept) {
                let content = parser.pass_size(payload);
                kept.borrow_mut().extend_from_slice(content);
            }
            if frame.kind == FrameKind::Output && length > 0 {
                self.reach(seat, seat.end.get().unwrap_or(0) + length as u64);
            }
        }
        Ok(())
    }

    /// Takes note of a frame whose head has come.
    fn begin_frame(&self, seat: &Seat, parser: &mut Parser) -> Result<(), Fault> {
        let Some(frame) = parser.frame.take_if(|frame| frame.terminal == 0) else {
            return Ok(());
        };
        parser.frame = Some(frame);
        match frame.kind {
            FrameKind::Snapshot => {
                self.checkpoints.set(self.checkpoints.get() + 1);
                self.checkpoint_bytes
                    .set(self.checkpoint_bytes.get() + parser.left);
                self.checkpoint_places.borrow_mut().insert(frame.offset);
                if let Some(kept) = &seat.kept {
                    kept.borrow_mut().clear();
                }
                if seat.end.get().is_none() {
                    self.news.notify_one();
                }
                self.reach(seat, frame.offset);
                Ok(())
            }
            FrameKind::Output if seat.end.get() != Some(frame.offset) => {
                let end = seat.end.get();
                Err(format!("output at {} came to one who was at {end:?}", frame.offset).into())
            }
            _ => Ok(()),
        }
    }

    fn take_payload(&self, seat: &Seat, parser: &mut Parser, payload: &[u8]) {
        self.received
            .set(self.received.get() + payload.len() as u64);
        if let Some(kept) = &seat.kept {
            let mut kept = kept.borrow_mut();
            kept.extend_from_slice(payload);
            if kept.len() > 8 * KEPT_BYTES {
                let old = kept.len() - KEPT_BYTES;
                kept.drain(..old);
            }
        }
        if self.place.paced {
            for byte in payload {
                parser.stamp = match (byte, parser.stamp) {
                    (&STAMP, _) => Some(0),
                    (b'0'..=b'9', Some(stamp)) => Some(stamp * 10 + u64::from(byte - b'0')),
                    (_, Some(stamp)) => {
                        let delay = now_us().saturating_sub(stamp);
                        self.delays_us.borrow_mut().push(number(delay));
                        None
                    }
                    (_, None) => None,
                };
            }
        }
    }

    fn reach(&self, seat: &Seat, end: u64) {
        let before = seat.end.replace(Some(end)).unwrap_or(0);
        if before < self.target.get() && end >= self.target.get() {
            self.reached.set(self.reached.get() + 1);
            self.news.notify_one();
        }
    }

    fn acknowledge(&self, seat: &Seat, least: u64) {
        let end = seat.end.get().unwrap_or(0);
        if self.place.path.is_none() || end < seat.acknowledged.get() + least {
            return;
        }
        let call = format!(
            r#"{{"jsonrpc":"2.0","method":"terminal/ack","params":{{"terminal":0,"offset":{end}}}}}"#
        );
        let frame = text_frame(&call);
        // What finds no room now is said later; half a frame would be a fault.
        match seat.socket.try_write(&frame) {
            Ok(length) if length == frame.len() => seat.acknowledged.set(end),
            Ok(_) => self
                .faults
                .borrow_mut()
                .push("half a frame was sent".to_owned()),
            Err(_) => {}
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

/// What a terminal shows that was sent these bytes.
pub(crate) fn screen(bytes: &[u8]) -> String {
    let mut screen = Screen::new(80, 24, 0);
    screen.feed(&bytes[bytes.len().saturating_sub(KEPT_BYTES)..]);
    screen.text()
}
