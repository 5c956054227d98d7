//! One client's WebSocket: two halves, one that reads what the client asks and one that sends
//! what the lab and its terminals have for it. Neither waits for the other.

mod call;
mod client;
mod introduction;
mod receiver;
mod transmitter;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use axum::extract::ws::{CloseFrame, Message, WebSocket};
use futures_util::{
    SinkExt, StreamExt,
    stream::{SplitSink, SplitStream},
};
use tokio::{sync::mpsc, time::timeout};
use tokio_tungstenite::tungstenite;
use tokio_util::sync::CancellationToken;

use self::{
    call::tidy_name,
    client::Client,
    introduction::introduce,
    receiver::receive,
    transmitter::{send, transmit},
};
use super::{
    limits::{Allowance, TooMany},
    pass::Pass,
    translate::{self, Identity},
};
use crate::{
    lab::{LabError, LabHandle, handle::Visitor},
    protocol::{rpc::Response, server::close},
};

/// How long a client may take to say who it is.
const INITIALIZE_PATIENCE: Duration = Duration::from_secs(10);

/// How long a client may take to answer the end of its connection (RFC 6455, section 7.1.1).
const CLOSE_PATIENCE: Duration = Duration::from_secs(1);

/// How many answers may wait to be sent; a client that asks without reading waits.
const ANSWERS: usize = 64;

type Sink = SplitSink<WebSocket, Message>;

/// Why a socket ends: a close code and a reason for the client.
type Ending = (u16, &'static str);

/// How a socket ends that came by a link which is valid no more.
const REVOKED: Ending = (close::REVOKED, "the link was revoked");

/// Serves a client until it leaves, breaks the protocol, or the server stops.
pub(super) async fn serve(socket: WebSocket, lab: LabHandle, pass: Pass, stop: CancellationToken) {
    let (mut sink, mut stream) = socket.split();
    let ending = tokio::select! {
        biased;
        () = stop.cancelled() => Some((close::SERVER_STOPS, "the server stops")),
        ending = converse(&mut sink, &mut stream, lab, pass) => ending,
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
    pass: Pass,
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
    let view = params.view.clone().unwrap_or_default();
    let id: Arc<str> = params.client_id.as_str().into();
    let visitor = Visitor {
        id: id.clone(),
        role: pass.role,
        link: pass.link,
        name: view.name.as_deref().map(tidy_name),
        cramped: view.cramped,
        step: params.step.clone(),
    };
    let attachment = match lab.attach(visitor).await {
        Ok(attachment) => attachment,
        Err(LabError::LinkRevoked) => return Some(REVOKED),
        Err(_) => return Some((close::SERVER_STOPS, "the lab has ended")),
    };
    let identity = Identity {
        number: attachment.client,
        id,
        standing: attachment.standing.clone(),
        lab: lab.folder().name().into(),
        public_url: pass.public_url,
    };
    let client = Client::new(lab, identity);
    let state = translate::lab_state(&attachment.snapshot, &client.identity);
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

/// How a socket ends whose client sends too much.
fn too_many(_: TooMany) -> Ending {
    (close::TOO_MANY, "too many messages in too little time")
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
