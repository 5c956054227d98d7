//! A bare socket, for tests that say every frame themselves.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use katahost::{
    client::Address,
    protocol::{SUBPROTOCOL, frame::Header},
};
use serde_json::{Value, json};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Error, Message, client::IntoClientRequest},
};

use super::DEADLINE;

/// A socket that speaks nothing by itself.
#[derive(Debug)]
pub struct Wire {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

/// What came over the socket.
#[derive(Debug)]
pub enum Heard {
    Json(Value),
    Frame,
    /// The close code; 1006 when the connection broke.
    Closed(u16),
}

impl Wire {
    pub async fn open(address: &Address) -> Self {
        let mut request = address.url.as_str().into_client_request().unwrap();
        let headers = request.headers_mut();
        let mut insert = |name: &'static str, value: &str| {
            headers.insert(name, value.parse().unwrap());
        };
        insert("sec-websocket-protocol", SUBPROTOCOL);
        if let Some(token) = &address.token {
            insert("authorization", &format!("Bearer {token}"));
        }
        let (socket, _) = connect_async(request).await.unwrap();
        Self { socket }
    }

    /// Opens a socket and initializes it under `client`.
    pub async fn enter(address: &Address, client: &str) -> Self {
        let mut wire = Self::open(address).await;
        wire.say(&initialize(1, client)).await;
        let welcome = wire.answer().await;
        assert!(welcome["result"]["instance"].is_string(), "{welcome}");
        wire
    }

    pub async fn say(&mut self, message: &Value) {
        self.say_text(&message.to_string()).await;
    }

    pub async fn say_text(&mut self, text: &str) {
        self.socket.send(Message::text(text)).await.unwrap();
    }

    /// Sends a binary frame; the server may close before it has all of it.
    pub async fn say_bytes(&mut self, bytes: impl Into<Bytes>) {
        drop(self.socket.send(Message::Binary(bytes.into())).await);
    }

    pub async fn hear(&mut self) -> Heard {
        self.hear_within(DEADLINE).await
    }

    pub async fn hear_within(&mut self, patience: Duration) -> Heard {
        loop {
            let message = timeout(patience, self.socket.next());
            match message.await.expect("the server says something") {
                Some(Ok(Message::Text(text))) => {
                    return Heard::Json(serde_json::from_str(&text).unwrap());
                }
                Some(Ok(Message::Binary(frame))) => {
                    Header::parse(&frame).unwrap();
                    return Heard::Frame;
                }
                Some(Ok(Message::Close(frame))) => {
                    return Heard::Closed(frame.map_or(1005, |frame| frame.code.into()));
                }
                Some(Ok(_)) => {}
                None | Some(Err(Error::ConnectionClosed | Error::Protocol(_) | Error::Io(_))) => {
                    return Heard::Closed(1006);
                }
                Some(Err(error)) => panic!("{error}"),
            }
        }
    }

    /// The next answer; notifications and frames before it are passed over.
    pub async fn answer(&mut self) -> Value {
        loop {
            match self.hear().await {
                Heard::Json(message) if message.get("method").is_none() => return message,
                Heard::Closed(code) => panic!("closed with {code} instead of an answer"),
                Heard::Json(_) | Heard::Frame => {}
            }
        }
    }

    /// The next notification of that method; everything before it is passed over.
    pub async fn notified(&mut self, method: &str) -> Value {
        loop {
            match self.hear().await {
                Heard::Json(mut message) if message["method"] == method => {
                    return message["params"].take();
                }
                Heard::Closed(code) => panic!("closed with {code} instead of {method}"),
                Heard::Json(_) | Heard::Frame => {}
            }
        }
    }

    /// Says something and takes the answer.
    pub async fn ask(
        &mut self,
        id: impl Into<Value>,
        method: &str,
        params: impl Into<Value>,
    ) -> Value {
        self.say(&call(id, method, params)).await;
        self.answer().await
    }

    /// The code that the socket is closed with; everything before is passed over.
    pub async fn ending(&mut self) -> u16 {
        loop {
            if let Heard::Closed(code) = self.hear().await {
                return code;
            }
        }
    }
}

/// A request.
pub fn call(id: impl Into<Value>, method: &str, params: impl Into<Value>) -> Value {
    json!({"jsonrpc": "2.0", "id": id.into(), "method": method, "params": params.into()})
}

/// A right `initialize`.
pub fn initialize(id: i64, client: &str) -> Value {
    let params = json!({"protocolVersion": 1, "clientId": client, "attach": true});
    call(id, "initialize", params)
}

/// The code and the hint of an error, once its message is known to be of the right form.
pub fn refusal(answer: &Value) -> (String, Option<String>) {
    let error = &answer["error"];
    let message = error["message"].as_str().unwrap_or_default();
    assert!(!message.is_empty(), "no error: {answer}");
    assert!(!message.ends_with('.'), "{message:?} ends like a sentence");
    let capital = message.starts_with(char::is_uppercase);
    assert!(!capital, "{message:?} begins like a sentence");
    let text = |key: &str| error["data"][key].as_str().map(str::to_owned);
    (text("code").expect("a code"), text("hint"))
}
