//! The half of a socket that reads: what the client asks and types.

use std::time::Instant;

use bytes::Bytes;
use serde_json::Value;
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Message;

use super::{
    Ending, broken,
    call::{check_id, params, parse, tidy_name, to_value},
    client::Client,
    connection::Source,
    too_many,
};
use crate::{
    command::{REGISTRY, Role},
    lab::{event, handle::Execution},
    protocol::{
        audience::{Place, ReadPageParams, ViewParams},
        client::{ExecuteCommandParams, ResizeParams, method},
        error::ErrorCode,
        frame::{FrameError, FrameKind, Header},
        rpc::{Incoming, Response, RpcError},
        server::close,
    },
    server::{
        limits::{Allowance, TooMany},
        translate,
    },
    terminal::TerminalSize,
};

/// The half that reads.
pub(super) async fn receive(
    source: &mut Source,
    client: &Client,
    answers: &mpsc::Sender<String>,
    mut allowance: Allowance,
) -> Option<Ending> {
    while let Some(message) = source.next().await {
        let message = match message {
            Ok(message) => message,
            Err(error) => return broken(&error),
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
            Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => {}
        }
    }
    None
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
            to_value(commands)
        }
        Some(method::RESIZE) => resize(client, incoming.params).await,
        Some(method::ACK) => params(incoming.params).map(|ack| {
            client.acknowledge(ack);
            Value::Null
        }),
        Some(method::READ_PAGE) => read_page(client, incoming.params).await,
        Some(method::VIEW) => view(client, incoming.params).await,
        Some(method::PLACE) => place(client, incoming.params).await,
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
        client: client.identity.number,
        command,
        arguments,
        id: execution_id.map(Into::into),
    };
    let executed = client
        .lab
        .execute(execution)
        .await
        .map_err(|error| translate::error(&error))?;
    to_value(translate::executed(executed, &client.identity))
}

async fn resize(client: &Client, given: Option<Value>) -> Result<Value, RpcError> {
    let ResizeParams {
        terminal,
        cols,
        rows,
    } = params(given)?;
    if !client.may(Role::Driver) {
        return Err(not_allowed("only whoever owns the lab sizes its terminals"));
    }
    // A terminal that is unknown belongs to an instance that has just ended.
    if let Some(handle) = client.terminal(terminal) {
        handle.resize(TerminalSize { cols, rows }).await;
    }
    Ok(Value::Null)
}

async fn read_page(client: &Client, given: Option<Value>) -> Result<Value, RpcError> {
    let ReadPageParams { step, link } = params(given)?;
    let page = client.lab.read_page(&step, link).await;
    let page = page.map_err(|error| translate::error(&error))?;
    to_value(translate::page(&page, client.identity.standing.role()))
}

async fn view(client: &Client, given: Option<Value>) -> Result<Value, RpcError> {
    let ViewParams { name, cramped } = params(given)?;
    let name = name.as_deref().map(tidy_name);
    client.lab.view(client.identity.number, name, cramped).await;
    Ok(Value::Null)
}

async fn place(client: &Client, given: Option<Value>) -> Result<Value, RpcError> {
    let Place {
        step,
        scroll,
        terminal,
    } = params(given)?;
    if !client.may(Role::Driver) {
        return Err(not_allowed("others follow the driver only"));
    }
    let place = event::Place {
        step,
        scroll,
        terminal,
    };
    client.lab.place(client.identity.number, place).await;
    Ok(Value::Null)
}

fn not_allowed(message: &str) -> RpcError {
    RpcError::new(ErrorCode::NotAllowed, message, None)
}

/// Types what a person typed.
async fn input(client: &Client, frame: &Bytes) -> Result<(), FrameError> {
    let (header, bytes) = Header::parse(frame)?;
    if header.kind != FrameKind::Input || !client.may(Role::Guest) {
        return Ok(());
    }
    if let Some(terminal) = client.terminal(header.terminal) {
        terminal
            .input(
                client.identity.id.clone(),
                header.generation,
                header.offset,
                bytes,
            )
            .await;
    }
    Ok(())
}
