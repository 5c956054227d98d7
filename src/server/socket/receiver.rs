//! The half of a socket that reads: what the client asks and types.

use std::time::Instant;

use bytes::Bytes;
use serde_json::Value;
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Message;

use super::{
    Ending, broken,
    call::{check_id, internal, params, parse},
    client::Client,
    connection::Source,
    too_many,
};
use crate::{
    command::{REGISTRY, Role},
    lab::handle::Execution,
    protocol::{
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
async fn input(client: &Client, frame: &Bytes) -> Result<(), FrameError> {
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
