//! A viewer: a connection whose frames are counted, and which acknowledges as a page does.
//!
//! A person's browser costs the server nothing but its socket; so viewers parse no more than the
//! heads of frames, and share one buffer.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use katahost::{
    protocol::{SUBPROTOCOL, frame::FrameKind},
    terminal::screen::Screen,
};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::spawn_local,
};

use crate::{
    Fault,
    audience::Place,
    hall::Hall,
    machine::number,
    pace::{STAMP, now_us},
    wire::{Parser, text_frame},
};

/// As katahost's front end acknowledges in a flood.
const ACK_BYTES: u64 = 64 * 1024;

/// How much of a sample's stream is kept: a screen is in far less.
const KEPT_BYTES: usize = 1024 * 1024;

/// One viewer.
#[derive(Debug)]
pub(crate) struct Seat {
    pub(crate) socket: TcpStream,
    /// Nothing before the first checkpoint.
    pub(crate) end: Cell<Option<u64>>,
    pub(crate) acknowledged: Cell<u64>,
    /// A sample keeps what it got since the last checkpoint.
    pub(crate) kept: Option<RefCell<Vec<u8>>>,
}

impl Hall {
    /// Lets one more viewer come.
    pub(crate) async fn seat(self: &Rc<Self>, number: usize, sample: bool) -> Result<(), Fault> {
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

    /// Tells the server how far a viewer is, where that is at least so many bytes further.
    pub(crate) fn acknowledge(&self, seat: &Seat, least: u64) {
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
}

/// What a terminal shows that was sent these bytes.
pub(crate) fn screen(bytes: &[u8]) -> String {
    let mut screen = Screen::new(80, 24, 0);
    screen.feed(&bytes[bytes.len().saturating_sub(KEPT_BYTES)..]);
    screen.text()
}
