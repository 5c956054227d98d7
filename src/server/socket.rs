//! One client's WebSocket: two halves, one that reads what the client asks and one that sends
//! what the lab and its terminals have for it. Neither waits for the other.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use axum::extract::ws::{CloseFrame, Message, WebSocket};
use bytes::Bytes;
use futures_util::{
    FutureExt, SinkExt, StreamExt,
    future::select_all,
    stream::{SplitSink, SplitStream},
};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::{
    sync::{Notify, mpsc},
    time::{MissedTickBehavior, interval, sleep_until, timeout},
};
use tokio_tungstenite::tungstenite;
use tokio_util::sync::CancellationToken;

use super::{
    feed::{Feed, Turn},
    limits::{Allowance, TooMany},
    translate,
};
use crate::{
    command::{REGISTRY, Role},
    lab::{
        LabEvent, LabHandle, LabSnapshot,
        handle::{Attachment, Execution},
    },
    protocol::{
        HEARTBEAT_SECONDS, VERSION,
        client::{AckParams, ExecuteCommandParams, InitializeParams, ResizeParams, method},
        error::ErrorCode,
        frame::{FrameKind, Header},
        rpc::{Incoming, JSONRPC, RequestId, Response, RpcError},
        server::close,
    },
    terminal::{TerminalHandle, TerminalSize, pace::ClientNumber},
};

/// How long a client may take to say who it is.
const INITIALIZE_PATIENCE: Duration = Duration::from_secs(10);

/// How long a client may take to read what was sent to it.
const SEND_PATIENCE: Duration = Duration::from_secs(60);

/// How long a client may take to answer the end of its connection (RFC 6455, section 7.1.1).
const CLOSE_PATIENCE: Duration = Duration::from_secs(1);

/// How many answers may wait to be sent; a client that asks without reading waits.
const ANSWERS: usize = 64;

/// Lengths of the ids that clients make: long enough to be their own, short enough to keep.
const ID_LENGTHS: std::ops::RangeInclusive<usize> = 8..=64;

type Sink = SplitSink<WebSocket, Message>;

/// Why a socket ends: a close code and a reason for the client.
type Ending = (u16, &'static str);

/// What both halves know.
#[derive(Debug)]
struct Client {
    lab: LabHandle,
    number: ClientNumber,
    id: Arc<str>,
    role: Role,
    /// The terminals of the present instance, and how far the client has parsed each.
    terminals: Mutex<Vec<Watched>>,
    /// Wakes the sending half after an acknowledgement.
    acknowledged: Notify,
}

/// A terminal that the client watches. Dropping it leaves the terminal's pace.
#[derive(Debug)]
struct Watched {
    number: u16,
    terminal: TerminalHandle,
    parsed: Arc<AtomicU64>,
    client: ClientNumber,
}

impl Watched {
    fn new(feed: &Feed, terminal: TerminalHandle, client: ClientNumber, role: Role) -> Self {
        let parsed = feed.parsed();
        if role == Role::Driver {
            terminal.pace().join(client, parsed.load(Ordering::Relaxed));
        }
        Self {
            number: feed.number(),
            terminal,
            parsed,
            client,
        }
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.terminal.pace().leave(self.client);
    }
}

/// Serves a client until it leaves, breaks the protocol, or the server stops.
pub(super) async fn serve(socket: WebSocket, lab: LabHandle, role: Role, stop: CancellationToken) {
    let (mut sink, mut stream) = socket.split();
    let ending = tokio::select! {
        biased;
        () = stop.cancelled() => Some((close::SERVER_STOPS, "the server stops")),
        ending = converse(&mut sink, &mut stream, lab, role) => ending,
    };
    if let Some((code, reason)) = ending {
        let frame = CloseFrame {
            code,
            reason: reason.into(),
        };
        let closing = async {
            sink.send(Message::Close(Some(frame))).await?;
            // A connection that is cut with bytes unread may take the reason with it.
            while let Some(Ok(_)) = stream.next().await {}
            Ok::<(), axum::Error>(())
        };
        if !matches!(timeout(CLOSE_PATIENCE, closing).await, Ok(Ok(()))) {
            tracing::debug!(code, "client left before it was told why");
        }
    }
}

async fn converse(
    sink: &mut Sink,
    stream: &mut SplitStream<WebSocket>,
    lab: LabHandle,
    role: Role,
) -> Option<Ending> {
    let mut allowance = Allowance::new(Instant::now());
    let introduction = introduce(sink, stream, &mut allowance);
    let Ok(introduced) = timeout(INITIALIZE_PATIENCE, introduction).await else {
        return Some((close::NOT_INITIALIZED, "no `initialize` came in time"));
    };
    let (request, params) = match introduced {
        Ok(introduced) => introduced,
        Err(ending) => return ending,
    };
    let Ok(attachment) = lab.attach(role, params.step.clone()).await else {
        return Some((close::SERVER_STOPS, "the lab has ended"));
    };
    let client = Client {
        lab,
        number: attachment.client,
        id: params.client_id.as_str().into(),
        role,
        terminals: Mutex::default(),
        acknowledged: Notify::new(),
    };
    let state = translate::lab_state(&attachment.snapshot, role, &client.id);
    let welcome = translate::text(&Response::result(request, state));
    send(sink, Message::Text(welcome.into())).await.ok()?;
    let feeds = if params.attach {
        client.watch(&attachment.snapshot, &params)
    } else {
        Vec::new()
    };
    let (answers, waiting) = mpsc::channel(ANSWERS);
    tokio::select! {
        ending = receive(stream, &client, &answers, allowance) => ending,
        ending = transmit(sink, &client, params.attach, feeds, attachment, waiting) => ending,
    }
}

/// Waits for a right `initialize`; wrong ones are answered, and another may follow.
async fn introduce(
    sink: &mut Sink,
    stream: &mut SplitStream<WebSocket>,
    allowance: &mut Allowance,
) -> Result<(RequestId, InitializeParams), Option<Ending>> {
    while let Some(message) = stream.next().await {
        let text = match message.map_err(broken)? {
            Message::Text(text) => text,
            Message::Close(_) => return Err(None),
            _ => {
                allowance
                    .signal(Instant::now())
                    .map_err(|refused| Some(too_many(refused)))?;
                continue;
            }
        };
        allowance
            .call(None, Instant::now())
            .map_err(|refused| Some(too_many(refused)))?;
        let (id, error) = match initialize_params(&text) {
            Ok(introduction) => return Ok(introduction),
            Err(refused) => refused,
        };
        let answer = translate::text(&Response::<()>::error(id, error));
        let answer = sink.send(Message::Text(answer.into()));
        answer.await.map_err(|_| None)?;
    }
    Err(None)
}

/// How a socket ends whose client sends too much.
fn too_many(_: TooMany) -> Ending {
    (close::TOO_MANY, "too many messages in too little time")
}

fn initialize_params(
    text: &str,
) -> Result<(RequestId, InitializeParams), (Option<RequestId>, RpcError)> {
    let call = parse(text).map_err(|error| (None, error))?;
    let (Some(id), Some(method::INITIALIZE)) = (call.id.clone(), call.method.as_deref()) else {
        let hint = "send `initialize` with an id first".to_owned();
        let message = "the connection is not initialized";
        return Err((
            call.id,
            RpcError::new(ErrorCode::NotInitialized, message, Some(hint)),
        ));
    };
    let refuse = |error| (Some(id.clone()), error);
    let params: InitializeParams = self::params(call.params).map_err(refuse)?;
    if params.protocol_version != VERSION {
        let message = format!(
            "version {} of the protocol is not spoken here",
            params.protocol_version
        );
        let hint = format!("this server speaks version {VERSION}; reload the page");
        return Err(refuse(RpcError::new(
            ErrorCode::UnsupportedVersion,
            message,
            Some(hint),
        )));
    }
    check_id("clientId", &params.client_id).map_err(refuse)?;
    Ok((id, params))
}

impl Client {
    /// Begins to watch all terminals, where the client left off if it can.
    fn watch(&self, lab: &LabSnapshot, params: &InitializeParams) -> Vec<Feed> {
        let resume = params
            .resume
            .as_ref()
            .filter(|resume| *resume.instance == *lab.instance);
        let resume_at = |number: u16| {
            let terminals = resume.map_or(&[][..], |resume| &resume.terminals);
            let found = terminals
                .iter()
                .find(|terminal| terminal.terminal == number);
            found.map(|terminal| terminal.offset)
        };
        self.feeds(lab, resume_at)
    }

    /// Feeds for all terminals of an instance; what was watched before is let go.
    fn feeds(&self, lab: &LabSnapshot, resume_at: impl Fn(u16) -> Option<u64>) -> Vec<Feed> {
        let feeds: Vec<Feed> = lab
            .terminals
            .iter()
            .map(|view| Feed::new(view, resume_at(view.number)))
            .collect();
        let watched = feeds
            .iter()
            .zip(&lab.terminals)
            .map(|(feed, view)| Watched::new(feed, view.handle.clone(), self.number, self.role));
        *self.lock() = watched.collect();
        feeds
    }

    fn terminal(&self, number: u16) -> Option<TerminalHandle> {
        let watched = self.lock();
        watched
            .iter()
            .find(|watched| watched.number == number)
            .map(|one| one.terminal.clone())
    }

    fn acknowledge(&self, AckParams { terminal, offset }: AckParams) {
        if let Some(watched) = self
            .lock()
            .iter()
            .find(|watched| watched.number == terminal)
        {
            let end = watched.terminal.output().end();
            watched
                .terminal
                .pace()
                .acknowledge(self.number, offset, end);
            watched.parsed.fetch_max(offset.min(end), Ordering::Relaxed);
        }
        self.acknowledged.notify_one();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Watched>> {
        self.terminals
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// The half that reads.
async fn receive(
    stream: &mut SplitStream<WebSocket>,
    client: &Client,
    answers: &mpsc::Sender<String>,
    mut allowance: Allowance,
) -> Option<Ending> {
    while let Some(message) = stream.next().await {
        let message = match message {
            Ok(message) => message,
            Err(error) => return broken(error),
        };
        match message {
            Message::Text(text) => {
                let parsed = parse(&text);
                let method = parsed.as_ref().ok().and_then(|call| call.method.as_deref());
                if let Err(refused) = allowance.call(method, Instant::now()) {
                    return Some(too_many(refused));
                }
                if let Some(answer) = call(client, parsed).await
                    && answers.send(answer).await.is_err()
                {
                    return None;
                }
            }
            Message::Close(_) => return None,
            _ if allowance.signal(Instant::now()).is_err() => return Some(too_many(TooMany)),
            Message::Binary(frame) => {
                if input(client, &frame).await.is_err() {
                    return Some((close::PROTOCOL_ERROR, "a binary frame could not be read"));
                }
            }
            Message::Ping(_) | Message::Pong(_) => {}
        }
    }
    None
}

/// How a socket ends of which nothing more can be read.
fn broken(error: axum::Error) -> Option<Ending> {
    let error = error.into_inner();
    match error.downcast_ref::<tungstenite::Error>()? {
        tungstenite::Error::Capacity(_) => Some((close::TOO_LARGE, "the message is too large")),
        tungstenite::Error::Protocol(_) | tungstenite::Error::Utf8(_) => {
            Some((close::PROTOCOL_ERROR, "the frame is none of a WebSocket"))
        }
        _ => None,
    }
}

/// Does what a text frame asks; returns the answer, where one is due.
async fn call(client: &Client, parsed: Result<Incoming, RpcError>) -> Option<String> {
    let incoming = match parsed {
        Ok(incoming) => incoming,
        Err(error) => return Some(translate::text(&Response::<()>::error(None, error))),
    };
    let id = incoming.id.clone();
    let outcome = match incoming.method.as_deref() {
        Some(method::EXECUTE_COMMAND) => execute(client, incoming.params).await,
        Some(method::LIST_COMMANDS) => {
            let commands: Vec<_> = REGISTRY.iter().map(translate::command).collect();
            serde_json::to_value(commands).map_err(|error| internal(&error))
        }
        Some(method::RESIZE) => resize(client, incoming.params).await,
        Some(method::ACK) => params(incoming.params).map(|ack| {
            client.acknowledge(ack);
            Value::Null
        }),
        Some(method::INITIALIZE) => {
            let message = "the connection is initialized already";
            Err(RpcError::new(ErrorCode::NotInitialized, message, None))
        }
        Some(method) => {
            let message = format!("there is no method `{method}`");
            Err(RpcError::new(ErrorCode::UnknownMethod, message, None))
        }
        // A response to nothing we asked.
        None => return None,
    };
    match (id, outcome) {
        (Some(id), Ok(result)) => Some(translate::text(&Response::result(id, result))),
        (id, Err(error)) => Some(translate::text(&Response::<()>::error(id, error))),
        (None, Ok(_)) => None,
    }
}

async fn execute(client: &Client, given: Option<Value>) -> Result<Value, RpcError> {
    let ExecuteCommandParams {
        command,
        arguments,
        execution_id,
    } = params(given)?;
    if let Some(id) = &execution_id {
        check_id("executionId", id)?;
    }
    let execution = Execution {
        client: client.number,
        role: client.role,
        command,
        arguments,
        id: execution_id.map(Into::into),
    };
    let executed = client
        .lab
        .execute(execution)
        .await
        .map_err(|error| translate::error(&error))?;
    serde_json::to_value(translate::executed(executed)).map_err(|error| internal(&error))
}

async fn resize(client: &Client, given: Option<Value>) -> Result<Value, RpcError> {
    let ResizeParams {
        terminal,
        cols,
        rows,
    } = params(given)?;
    if client.role < Role::Driver {
        let message = "a viewer does not size terminals";
        return Err(RpcError::new(ErrorCode::NotAllowed, message, None));
    }
    // A terminal that is unknown belongs to an instance that has just ended.
    if let Some(handle) = client.terminal(terminal) {
        handle.resize(TerminalSize { cols, rows }).await;
    }
    Ok(Value::Null)
}

/// Types what a person typed.
async fn input(client: &Client, frame: &Bytes) -> Result<(), crate::protocol::frame::FrameError> {
    let (header, bytes) = Header::parse(frame)?;
    if header.kind != FrameKind::Input || client.role < Role::Driver {
        return Ok(());
    }
    if let Some(terminal) = client.terminal(header.terminal) {
        terminal
            .input(client.id.clone(), header.generation, header.offset, bytes)
            .await;
    }
    Ok(())
}

/// The half that sends: answers and events first, then a frame of each terminal in turn.
async fn transmit(
    sink: &mut Sink,
    client: &Client,
    attached: bool,
    mut feeds: Vec<Feed>,
    mut attachment: Attachment,
    mut answers: mpsc::Receiver<String>,
) -> Option<Ending> {
    let mut heartbeat = interval(Duration::from_secs(HEARTBEAT_SECONDS));
    heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut ready = vec![true; feeds.len()];
    let mut later: Option<Instant> = None;
    loop {
        let idle = !ready.contains(&true);
        let alarm = later.unwrap_or_else(Instant::now);
        tokio::select! {
            biased;
            Some(answer) = answers.recv() => {
                feed(sink, Message::Text(answer.into())).await.ok()?;
            }
            event = attachment.events.recv() => {
                let Some(event) = event else {
                    return Some(if client.lab.is_closed() {
                        (close::SERVER_STOPS, "the lab has ended")
                    } else {
                        (close::TOO_SLOW, "the client did not read in time")
                    });
                };
                match &event {
                    LabEvent::Terminal(view) => {
                        let of_it = feeds.iter_mut().filter(|feed| feed.number() == view.number);
                        of_it.for_each(|feed| feed.set_generation(view.generation));
                    }
                    LabEvent::Restarted(lab) if attached => {
                        feeds = client.feeds(lab, |_| None);
                        ready = vec![true; feeds.len()];
                    }
                    _ => {}
                }
                let text = translate::event(&event, client.role, &client.id);
                feed(sink, Message::Text(text.into())).await.ok()?;
            }
            _ = heartbeat.tick() => {
                feed(sink, Message::Text(translate::heartbeat().into())).await.ok()?;
            }
            () = client.acknowledged.notified() => ready.fill(true),
            () = sleep_until(alarm.into()), if later.is_some() => {
                later = None;
                ready.fill(true);
            }
            grown = any_grown(&mut feeds), if idle && !feeds.is_empty() => {
                ready.get_mut(grown).into_iter().for_each(|ready| *ready = true);
            }
            () = std::future::ready(()), if !idle => {}
        }
        for (one, ready) in feeds
            .iter_mut()
            .zip(&mut ready)
            .filter(|(_, ready)| **ready)
        {
            match one.next().await {
                Turn::Frame(frame) => feed(sink, Message::Binary(frame)).await.ok()?,
                Turn::Nothing => *ready = false,
                Turn::Later(when) => {
                    *ready = false;
                    later = Some(later.map_or(when, |later| later.min(when)));
                }
            }
        }
        patiently(sink.flush()).await.ok()?;
    }
}

/// The index of a feed whose terminal has written more.
async fn any_grown(feeds: &mut [Feed]) -> usize {
    select_all(feeds.iter_mut().map(|feed| feed.grown().boxed()))
        .map(|((), index, _)| index)
        .await
}

async fn feed(sink: &mut Sink, message: Message) -> Result<(), axum::Error> {
    patiently(sink.feed(message)).await
}

async fn send(sink: &mut Sink, message: Message) -> Result<(), axum::Error> {
    patiently(sink.send(message)).await
}

/// Gives up on a client that reads nothing any more.
async fn patiently(
    sending: impl Future<Output = Result<(), axum::Error>>,
) -> Result<(), axum::Error> {
    timeout(SEND_PATIENCE, sending)
        .await
        .map_err(axum::Error::new)?
}

fn parse(text: &str) -> Result<Incoming, RpcError> {
    let value: Value = serde_json::from_str(text).map_err(|error| {
        RpcError::new(
            ErrorCode::ParseError,
            format!("the frame is not JSON: {error}"),
            None,
        )
    })?;
    let invalid = |reason: String| {
        let hint = Some("one frame carries one JSON-RPC 2.0 object".to_owned());
        RpcError::new(
            ErrorCode::InvalidRequest,
            format!("the frame is no call: {reason}"),
            hint,
        )
    };
    if !value.is_object() {
        return Err(invalid("it is no object".to_owned()));
    }
    let incoming: Incoming =
        serde_json::from_value(value).map_err(|error| invalid(error.to_string()))?;
    if incoming.jsonrpc != JSONRPC {
        return Err(invalid(format!("`jsonrpc` is not `{JSONRPC}`")));
    }
    Ok(incoming)
}

fn params<T: DeserializeOwned>(params: Option<Value>) -> Result<T, RpcError> {
    serde_json::from_value(params.unwrap_or_default()).map_err(|error| {
        let message = format!("the parameters are wrong: {error}");
        RpcError::new(ErrorCode::InvalidParams, message, None)
    })
}

fn check_id(name: &str, id: &str) -> Result<(), RpcError> {
    if ID_LENGTHS.contains(&id.len()) {
        return Ok(());
    }
    let (least, most) = (ID_LENGTHS.start(), ID_LENGTHS.end());
    let message = format!("`{name}` has {} bytes, not {least} to {most}", id.len());
    Err(RpcError::new(ErrorCode::InvalidParams, message, None))
}

fn internal(error: &serde_json::Error) -> RpcError {
    RpcError::new(
        ErrorCode::Internal,
        format!("the answer has no JSON form: {error}"),
        None,
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            "(2.0|.{0,8})".prop_map(Value::from),
        ];
        let key = "(jsonrpc|id|method|params|result|error|code|message|data|[a-z]{1,4})";
        leaf.prop_recursive(4, 24, 6, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::hash_map(key, inner, 0..6)
                    .prop_map(|map| map.into_iter().collect::<serde_json::Map<_, _>>().into()),
            ]
        })
    }

    fn check(text: &str) -> Result<(), TestCaseError> {
        match parse(text) {
            Ok(call) => prop_assert_eq!(call.jsonrpc, JSONRPC),
            Err(error) => {
                let known = [ErrorCode::ParseError, ErrorCode::InvalidRequest];
                prop_assert!(known.contains(&error.data.code));
            }
        }
        if let Err((_, error)) = initialize_params(text) {
            prop_assert!(!error.message.is_empty());
        }
        Ok(())
    }

    proptest! {
        #[test]
        fn prop_any_text_is_a_call_or_an_error(text in any::<String>()) {
            check(&text)?;
        }

        #[test]
        fn prop_any_json_is_a_call_or_an_error(value in json()) {
            check(&value.to_string())?;
        }

        #[test]
        fn prop_a_call_cut_short_or_changed_is_no_other_call(at in 0usize..90, byte in any::<u8>()) {
            let right = r#"{"jsonrpc":"2.0","id":7,"method":"terminal/ack","params":{"terminal":1,"offset":2}}"#;
            let mut bytes = right.as_bytes().to_vec();
            if let Some(place) = bytes.get_mut(at) {
                *place = byte;
            }
            check(&String::from_utf8_lossy(&bytes))?;
            bytes.truncate(at);
            check(&String::from_utf8_lossy(&bytes))?;
        }

        #[test]
        fn prop_any_parameters_are_taken_or_refused(value in json()) {
            drop(params::<ExecuteCommandParams>(Some(value.clone())));
            drop(params::<ResizeParams>(Some(value.clone())));
            drop(params::<AckParams>(Some(value.clone())));
            drop(params::<InitializeParams>(Some(value)));
        }
    }
}
