//! The first words of a client: who it is, and where it left off.

use std::time::Instant;

use tokio_tungstenite::tungstenite::Message;

use super::{
    Ending, broken,
    call::{check_id, params, parse},
    connection::{Sink, Source},
    too_many,
};
use crate::{
    protocol::{
        VERSION,
        client::{InitializeParams, method},
        error::ErrorCode,
        rpc::{RequestId, Response, RpcError},
    },
    server::{limits::Allowance, translate},
};

/// Waits for a right `initialize`; wrong ones are answered, and another may follow.
pub(super) async fn introduce(
    sink: &mut Sink,
    source: &mut Source,
    allowance: &mut Allowance,
) -> Result<(RequestId, InitializeParams), Option<Ending>> {
    while let Some(message) = source.next().await {
        let text = match message.map_err(|error| broken(&error))? {
            Message::Text(text) => text,
            Message::Close(_) => return Err(None),
            _ => {
                allowance
                    .signal(Instant::now())
                    .map_err(|refused| Some(too_many(refused)))?;
                sink.flush().await.map_err(|_| None)?;
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
        sink.text(translate::text(&Response::<()>::error(id, error)));
        sink.flush().await.map_err(|_| None)?;
    }
    Err(None)
}

pub(super) fn initialize_params(
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
    let params: InitializeParams = params(call.params).map_err(refuse)?;
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
