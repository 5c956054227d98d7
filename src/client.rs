//! A client of the protocol, for programs: it knows the wire and nothing of the server.

pub mod attachment;
mod typed;

use std::collections::VecDeque;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async_with_config,
    tungstenite::{
        Error, Message,
        client::IntoClientRequest,
        http::{HeaderName, HeaderValue, header},
    },
};

use crate::protocol::{
    SUBPROTOCOL, VERSION,
    client::{AckParams, ExecuteCommandParams, InitializeParams, ResizeParams, Resume, method},
    frame::{self, FrameError, Header},
    rpc::{Call, Incoming, RequestId, RpcError},
    server::ExecuteCommandResult,
};

// The command line speaks to labs through this module alone.
pub use crate::protocol::{
    audience::{Role, ViewParams},
    progress::{StepProgress, Waits},
    server::{LabState, TerminalInfo, TerminalStatus},
};

/// A connection to a lab.
#[derive(Debug)]
pub struct Client {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    next_id: i64,
    /// What came while an answer was waited for.
    earlier: VecDeque<Incident>,
}

/// Where a lab is, and what opens it.
#[derive(Debug, Clone)]
pub struct Address {
    /// The socket's URL: `ws://127.0.0.1:7681/labs/NAME/ws`.
    pub url: String,
    /// The token, where the server has one.
    pub token: Option<String>,
    /// Further headers.
    pub headers: Vec<(HeaderName, HeaderValue)>,
}

/// Something that the server sent by itself.
#[derive(Debug, Clone)]
pub enum Incident {
    /// A notification.
    Notification {
        /// Its method.
        method: String,
        /// Its parameters.
        params: Value,
    },
    /// Bytes of a terminal.
    Frame(Header, Bytes),
    /// The end, with its code and reason.
    Closed(u16, String),
}

/// Why something did not work.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The connection failed.
    #[error("the connection failed: {0}")]
    Connection(#[from] Box<Error>),
    /// The server refused a request.
    #[error("{}", .0.message)]
    Refused(RpcError),
    /// The server closed the connection.
    #[error("the server closed the connection: {1} ({0})")]
    Closed(u16, String),
    /// The server broke the protocol.
    #[error("the server broke the protocol: {0}")]
    Protocol(String),
}

impl ClientError {
    /// The HTTP status with which a server refused the connection, where it did.
    #[must_use]
    pub fn http_status(&self) -> Option<u16> {
        match self {
            Self::Connection(error) => match &**error {
                Error::Http(response) => Some(response.status().as_u16()),
                _ => None,
            },
            _ => None,
        }
    }
}

impl From<Error> for ClientError {
    fn from(error: Error) -> Self {
        Self::Connection(Box::new(error))
    }
}

impl From<FrameError> for ClientError {
    fn from(error: FrameError) -> Self {
        Self::Protocol(error.to_string())
    }
}

impl From<serde_json::Error> for ClientError {
    fn from(error: serde_json::Error) -> Self {
        Self::Protocol(error.to_string())
    }
}

impl Client {
    /// Opens a connection. [`initialize`](Self::initialize) comes next.
    ///
    /// # Errors
    ///
    /// The address is wrong, nobody listens there, or the server refuses.
    pub async fn connect(address: &Address) -> Result<Self, ClientError> {
        let mut request = address.url.as_str().into_client_request()?;
        let headers = request.headers_mut();
        let protocol = HeaderValue::from_static(SUBPROTOCOL);
        headers.insert(header::SEC_WEBSOCKET_PROTOCOL, protocol);
        if let Some(token) = &address.token {
            let bearer = HeaderValue::from_str(&format!("Bearer {token}"));
            let bearer = bearer.map_err(|error| ClientError::Protocol(error.to_string()))?;
            headers.insert(header::AUTHORIZATION, bearer);
        }
        for (name, value) in &address.headers {
            headers.insert(name.clone(), value.clone());
        }
        // A key must not wait for the answer to what was sent before it (Nagle).
        let (socket, _) = connect_async_with_config(request, None, true).await?;
        Ok(Self {
            socket,
            next_id: 1,
            earlier: VecDeque::new(),
        })
    }

    /// Says who this is; `attach` for one that watches terminals.
    ///
    /// # Errors
    ///
    /// The server refuses, or the connection fails.
    pub async fn initialize(
        &mut self,
        client_id: &str,
        attach: bool,
        resume: Option<Resume>,
        step: Option<String>,
    ) -> Result<LabState, ClientError> {
        let client_id = client_id.to_owned();
        let params = InitializeParams {
            protocol_version: VERSION,
            client_id,
            attach,
            preview: false,
            resume,
            view: None,
            step,
        };
        self.request(method::INITIALIZE, params).await
    }

    /// Executes a command.
    ///
    /// # Errors
    ///
    /// The server refuses, or the connection fails.
    pub async fn execute(
        &mut self,
        command: &str,
        arguments: Vec<Value>,
        execution_id: Option<String>,
    ) -> Result<ExecuteCommandResult, ClientError> {
        let command = command.to_owned();
        let params = ExecuteCommandParams {
            command,
            arguments,
            execution_id,
        };
        self.request(method::EXECUTE_COMMAND, params).await
    }

    /// Says how large a terminal is shown.
    ///
    /// # Errors
    ///
    /// The connection fails.
    pub async fn resize(&mut self, terminal: u16, cols: u16, rows: u16) -> Result<(), ClientError> {
        let params = ResizeParams {
            terminal,
            cols,
            rows,
        };
        self.send_text(&Call::notification(method::RESIZE, params))
            .await
    }

    /// Says how far a terminal's output was parsed.
    ///
    /// # Errors
    ///
    /// The connection fails.
    pub async fn acknowledge(&mut self, terminal: u16, offset: u64) -> Result<(), ClientError> {
        let params = AckParams { terminal, offset };
        self.send_text(&Call::notification(method::ACK, params))
            .await
    }

    /// Types into a terminal; `offset` counts the bytes typed there before in this generation.
    ///
    /// # Errors
    ///
    /// The connection fails.
    pub async fn input(
        &mut self,
        terminal: u16,
        generation: u32,
        offset: u64,
        bytes: &[u8],
    ) -> Result<(), ClientError> {
        let frame = frame::input(terminal, generation, offset, bytes);
        Ok(self.socket.send(Message::Binary(frame)).await?)
    }

    /// Asks something and waits for the answer; what comes before it is kept for
    /// [`next`](Self::next).
    ///
    /// # Errors
    ///
    /// The server refuses, or the connection fails.
    pub async fn request<R: DeserializeOwned>(
        &mut self,
        method: &str,
        params: impl Serialize,
    ) -> Result<R, ClientError> {
        let id = self.next_id;
        self.next_id += 1;
        self.send_text(&Call::request(id, method, params)).await?;
        loop {
            match self.receive().await? {
                Received::Answer(answered, outcome) if answered == Some(RequestId::Number(id)) => {
                    return Ok(serde_json::from_value(
                        outcome.map_err(ClientError::Refused)?,
                    )?);
                }
                // An answer to a request that nobody waits for any more.
                Received::Answer(..) => {}
                Received::Incident(Incident::Closed(code, reason)) => {
                    return Err(ClientError::Closed(code, reason));
                }
                Received::Incident(incident) => self.earlier.push_back(incident),
            }
        }
    }

    /// Waits for what the server sends by itself. Answers that nobody waits for are passed over.
    ///
    /// # Errors
    ///
    /// The connection fails, or the server breaks the protocol.
    pub async fn next(&mut self) -> Result<Incident, ClientError> {
        if let Some(incident) = self.earlier.pop_front() {
            return Ok(incident);
        }
        loop {
            if let Received::Incident(incident) = self.receive().await? {
                return Ok(incident);
            }
        }
    }

    /// Sends a text frame as it is.
    ///
    /// # Errors
    ///
    /// The connection fails.
    pub async fn send_raw(&mut self, message: Message) -> Result<(), ClientError> {
        Ok(self.socket.send(message).await?)
    }

    async fn send_text(&mut self, message: &impl Serialize) -> Result<(), ClientError> {
        self.send_raw(Message::text(serde_json::to_string(message)?))
            .await
    }

    async fn receive(&mut self) -> Result<Received, ClientError> {
        loop {
            let message = match self.socket.next().await {
                Some(Ok(message)) => message,
                Some(Err(error)) => return Err(error.into()),
                None => Message::Close(None),
            };
            match message {
                Message::Text(text) => return received(&text),
                Message::Binary(frame) => {
                    let (header, payload) = Header::parse(&frame)?;
                    return Ok(Received::Incident(Incident::Frame(header, payload)));
                }
                Message::Close(frame) => {
                    // 1006: the connection ended without a word (RFC 6455, section 7.4.1).
                    let (code, reason) = frame.map_or((1006, String::new()), |frame| {
                        (frame.code.into(), frame.reason.to_string())
                    });
                    return Ok(Received::Incident(Incident::Closed(code, reason)));
                }
                Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => {}
            }
        }
    }
}

enum Received {
    Answer(Option<RequestId>, Result<Value, RpcError>),
    Incident(Incident),
}

fn received(text: &str) -> Result<Received, ClientError> {
    let Incoming {
        id,
        method,
        params,
        result,
        error,
        ..
    } = serde_json::from_str(text)?;
    Ok(match method {
        Some(method) => {
            let params = params.unwrap_or_default();
            Received::Incident(Incident::Notification { method, params })
        }
        None => Received::Answer(id, error.map_or(Ok(result.unwrap_or_default()), Err)),
    })
}
