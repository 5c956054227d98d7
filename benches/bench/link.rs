//! A client of each server, over the same WebSocket library, so that only the servers differ.

use std::{collections::VecDeque, time::Duration};

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use katahost::protocol::{
    SUBPROTOCOL,
    frame::{FrameKind, Header},
};
use serde_json::{Value, json};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async_with_config,
    tungstenite::{
        Message,
        client::IntoClientRequest,
        http::{HeaderValue, header},
    },
};

use crate::{
    Fault,
    peer::{Peer, START_PATIENCE, Server, TOKEN},
};

/// Katahost's front end acknowledges this often in a flood, and this long after it has caught up.
const ACK_BYTES: u64 = 128 * 1024;
const ACK_PAUSE: Duration = Duration::from_millis(50);

/// `WeTTY`'s front end commits this often.
const COMMIT_BYTES: usize = 256 * 1024;

/// How many of the last pieces of output are kept: more than a screen in each.
const TAIL_PIECES: usize = 64;

/// A connection to one terminal; with katahost, to all terminals of a lab.
#[derive(Debug)]
pub(crate) struct Link {
    peer: Peer,
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    /// With katahost: what is known of each terminal.
    terminals: Vec<Terminal>,
    /// With `WeTTY`: what was not committed yet.
    uncommitted: usize,
    /// With katahost: what came last from the first terminal.
    tail: VecDeque<Bytes>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Terminal {
    generation: u32,
    typed: u64,
    received: u64,
    acknowledged: u64,
}

impl Link {
    /// Connects as soon as the server listens. With katahost, to `lab` and its `terminals`.
    pub(crate) async fn open(server: &Server, lab: &str, terminals: usize) -> Result<Self, Fault> {
        let path = match server.peer {
            Peer::Katahost => format!("labs/{lab}/ws"),
            Peer::Bare | Peer::Broadcast => String::new(),
            Peer::Terminado => "websocket".to_owned(),
            Peer::Wetty => "socket.io/?EIO=4&transport=websocket".to_owned(),
        };
        let url = format!("ws://127.0.0.1:{}/{path}", server.port);
        let connecting = async {
            loop {
                let mut request = url.as_str().into_client_request()?;
                if server.peer == Peer::Katahost {
                    let headers = request.headers_mut();
                    let protocol = HeaderValue::from_static(SUBPROTOCOL);
                    headers.insert(header::SEC_WEBSOCKET_PROTOCOL, protocol);
                    let bearer = HeaderValue::from_str(&format!("Bearer {TOKEN}"))?;
                    headers.insert(header::AUTHORIZATION, bearer);
                }
                // As browsers do, without Nagle's algorithm.
                match connect_async_with_config(request, None, true).await {
                    Ok((socket, _)) => return Ok::<_, Fault>(socket),
                    Err(_) => tokio::time::sleep(Duration::from_millis(1)).await,
                }
            }
        };
        let socket = timeout(START_PATIENCE, connecting).await;
        let socket = socket.map_err(|_| format!("no {} at {url}", server.peer.name()))??;
        let mut link = Self {
            peer: server.peer,
            socket,
            terminals: vec![Terminal::default(); terminals],
            uncommitted: 0,
            tail: VecDeque::new(),
        };
        link.introduce().await?;
        Ok(link)
    }

    async fn introduce(&mut self) -> Result<(), Fault> {
        match self.peer {
            Peer::Katahost => {
                let params = json!({
                    "protocolVersion": 1, "clientId": "bench-client", "attach": true
                });
                self.request("initialize", &params).await?;
                // The answer comes before everything else.
                self.message().await?;
            }
            Peer::Wetty => self.send(Message::text("40")).await?,
            Peer::Bare | Peer::Broadcast | Peer::Terminado => {}
        }
        Ok(())
    }

    /// Says how large a terminal is shown; with katahost this starts its shell.
    pub(crate) async fn show(&mut self, terminal: usize) -> Result<(), Fault> {
        if self.peer != Peer::Katahost {
            return Ok(());
        }
        let params = json!({ "terminal": terminal, "cols": 80, "rows": 24 });
        self.notify("terminal/resize", &params).await
    }

    /// Types into a terminal.
    pub(crate) async fn type_text(&mut self, terminal: usize, text: &str) -> Result<(), Fault> {
        let message = match self.peer {
            Peer::Katahost => {
                // Its number is known when the shell has started.
                while self.terminals[terminal].generation == 0 {
                    self.step().await?;
                }
                let known = &mut self.terminals[terminal];
                let header = Header {
                    kind: FrameKind::Input,
                    replay: false,
                    more: false,
                    terminal: u16::try_from(terminal)?,
                    generation: known.generation,
                    offset: known.typed,
                };
                known.typed += text.len() as u64;
                Message::Binary(header.frame(&[text.as_bytes()]))
            }
            Peer::Bare | Peer::Broadcast => {
                Message::Binary(Bytes::copy_from_slice(text.as_bytes()))
            }
            Peer::Terminado => Message::text(json!(["stdin", text]).to_string()),
            Peer::Wetty => Message::text(format!("42{}", json!(["input", text]))),
        };
        self.send(message).await
    }

    /// Runs the first block of katahost's page.
    pub(crate) async fn click(&mut self) -> Result<(), Fault> {
        let params = json!({
            "command": "katahost.runBlock", "arguments": [{ "step": "intro", "block": 0 }]
        });
        self.request("workspace/executeCommand", &params).await
    }

    /// Waits for output of any terminal and tells it has been parsed as the front ends do.
    ///
    /// # Cancel safety
    ///
    /// No output is lost.
    pub(crate) async fn next(&mut self) -> Result<(usize, Bytes), Fault> {
        loop {
            if let Some(output) = self.step().await? {
                return Ok(output);
            }
        }
    }

    /// Takes the next message, which may be no output.
    async fn step(&mut self) -> Result<Option<(usize, Bytes)>, Fault> {
        let message = if let Ok(message) = timeout(ACK_PAUSE, self.message()).await {
            message?
        } else {
            self.acknowledge(1).await?;
            self.message().await?
        };
        let output = self.output(message).await?;
        self.acknowledge(ACK_BYTES).await?;
        Ok(output)
    }

    /// With katahost: the offset after the last byte that came from a terminal.
    pub(crate) fn received(&self, terminal: usize) -> u64 {
        self.terminals[terminal].received
    }

    /// With katahost: what came last from the first terminal.
    pub(crate) fn tail(&self) -> Vec<u8> {
        self.tail.iter().flatten().copied().collect()
    }

    /// Waits for output of one terminal.
    pub(crate) async fn output_of(&mut self, terminal: usize) -> Result<Bytes, Fault> {
        loop {
            let (from, bytes) = self.next().await?;
            if from == terminal {
                return Ok(bytes);
            }
        }
    }

    /// Reads on for a while, and passes over what comes.
    pub(crate) async fn pause(&mut self, duration: Duration) -> Result<(), Fault> {
        let reading = async {
            loop {
                if let Err(fault) = self.next().await {
                    return fault;
                }
            }
        };
        timeout(duration, reading).await.map_or(Ok(()), Err)
    }

    async fn output(&mut self, message: Message) -> Result<Option<(usize, Bytes)>, Fault> {
        match (self.peer, message) {
            (Peer::Katahost, Message::Binary(frame)) => {
                let (header, payload) = Header::parse(&frame)?;
                let terminal = usize::from(header.terminal);
                let known = &mut self.terminals[terminal];
                match header.kind {
                    FrameKind::Output => {
                        known.received = header.offset + payload.len() as u64;
                        if terminal == 0 {
                            self.tail.push_back(payload.clone());
                            if self.tail.len() > TAIL_PIECES {
                                self.tail.pop_front();
                            }
                        }
                        return Ok(Some((terminal, payload)));
                    }
                    FrameKind::Snapshot => {
                        known.received = header.offset;
                    }
                    FrameKind::Resize | FrameKind::Input | FrameKind::Preview => {}
                }
            }
            (Peer::Katahost, Message::Text(text)) => {
                let call: Value = serde_json::from_str(&text)?;
                if call["method"] == "terminal/opened"
                    && let Some(number) = call["params"]["terminal"].as_u64()
                    && let Some(generation) = call["params"]["generation"].as_u64()
                {
                    let known = &mut self.terminals[usize::try_from(number)?];
                    known.generation = u32::try_from(generation)?;
                    known.typed = 0;
                }
                if let Some(error) = call.get("error") {
                    return Err(error.to_string().into());
                }
            }
            (Peer::Bare, Message::Binary(bytes)) => return Ok(Some((0, bytes))),
            (Peer::Terminado, Message::Text(text)) => {
                // The other messages are no pairs of strings.
                let said = serde_json::from_str::<(String, String)>(&text);
                if let Ok((_, output)) = said.map_err(drop) {
                    return Ok(Some((0, output.into())));
                }
            }
            (Peer::Wetty, Message::Text(text)) => return self.wetty_output(&text).await,
            (_, Message::Close(_)) => return Err("the server closed the connection".into()),
            _ => {}
        }
        Ok(None)
    }

    /// Reads a packet of engine.io 4 that holds one of socket.io 5.
    async fn wetty_output(&mut self, packet: &str) -> Result<Option<(usize, Bytes)>, Fault> {
        if packet == "2" {
            self.send(Message::text("3")).await?;
        }
        let event = packet.strip_prefix("42").unwrap_or_default();
        let Ok((_, output)) = serde_json::from_str::<(String, String)>(event) else {
            return Ok(None);
        };
        self.uncommitted += output.len();
        if self.uncommitted >= COMMIT_BYTES {
            let commit = format!("42{}", json!(["commit", self.uncommitted]));
            self.uncommitted = 0;
            self.send(Message::text(commit)).await?;
        }
        Ok(Some((0, output.into())))
    }

    /// Acknowledges katahost's terminals of which at least `least` bytes were not yet.
    async fn acknowledge(&mut self, least: u64) -> Result<(), Fault> {
        for number in 0..self.terminals.len() {
            let terminal = &mut self.terminals[number];
            if terminal.received - terminal.acknowledged >= least {
                let offset = terminal.received;
                terminal.acknowledged = offset;
                let params = json!({ "terminal": number, "offset": offset });
                self.notify("terminal/ack", &params).await?;
            }
        }
        Ok(())
    }

    async fn request(&mut self, method: &str, params: &Value) -> Result<(), Fault> {
        let call = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        self.send(Message::text(call.to_string())).await
    }

    async fn notify(&mut self, method: &str, params: &Value) -> Result<(), Fault> {
        let call = json!({ "jsonrpc": "2.0", "method": method, "params": params });
        self.send(Message::text(call.to_string())).await
    }

    async fn send(&mut self, message: Message) -> Result<(), Fault> {
        Ok(self.socket.send(message).await?)
    }

    async fn message(&mut self) -> Result<Message, Fault> {
        Ok(self.socket.next().await.ok_or("the server left")??)
    }
}
