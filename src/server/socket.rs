//! One client's WebSocket: two halves, one that reads what the client asks and one that sends
//! what the lab and its terminals have for it. Neither waits for the other.

mod call;
mod client;
mod connection;
mod introduction;
mod receiver;
mod transmitter;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use hyper::upgrade::Upgraded;
use tokio::{
    sync::{Notify, mpsc},
    time::timeout,
};
use tokio_tungstenite::tungstenite;
use tokio_util::sync::CancellationToken;

use self::{
    call::tidy_name,
    client::Client,
    connection::{Sink, Source},
    introduction::introduce,
    receiver::receive,
    transmitter::transmit,
};
use super::{
    limits::{Allowance, TooMany},
    pass::Pass,
    translate::{self, Identity},
};
use crate::{
    lab::{LabError, LabHandle, clients::Departure, handle::Visitor},
    protocol::{rpc::Response, server::close},
};

/// How long a client may take to say who it is.
const INITIALIZE_PATIENCE: Duration = Duration::from_secs(10);

/// How long a client may take to answer the end of its connection (RFC 6455, section 7.1.1).
const CLOSE_PATIENCE: Duration = Duration::from_secs(1);

/// How many answers may wait to be sent; a client that asks without reading waits.
const ANSWERS: usize = 64;

/// Why a socket ends: a close code and a reason for the client.
type Ending = (u16, &'static str);

/// How a socket ends that came by a link which is valid no more.
const REVOKED: Ending = (close::REVOKED, "the link was revoked");

/// How a socket ends whose lab is no more.
const LAB_ENDED: Ending = (close::SERVER_STOPS, "the lab has ended");

/// Serves a client until it leaves, breaks the protocol, or the server stops.
pub(super) async fn serve(
    connection: Upgraded,
    lab: LabHandle,
    pass: Pass,
    stop: CancellationToken,
) {
    let news = Arc::new(Notify::new());
    let (mut sink, mut source) = connection::open(connection, news.clone()).await;
    let ending = tokio::select! {
        biased;
        () = stop.cancelled() => Some((close::SERVER_STOPS, "the server stops")),
        ending = converse(&mut sink, &mut source, news, lab, pass) => ending,
    };
    let closing = async {
        if let Some((code, reason)) = ending {
            sink.close(code, reason);
            sink.flush().await?;
        }
        // A connection that is cut with bytes unread may take the reason with it; and the library
        // replies to a client's close when it is asked for more.
        while let Some(Ok(_)) = source.next().await {}
        if ending.is_none() {
            sink.flush().await?;
        }
        Ok::<(), std::io::Error>(())
    };
    if !matches!(timeout(CLOSE_PATIENCE, closing).await, Ok(Ok(()))) {
        tracing::debug!("client left before it was told why");
    }
}

async fn converse(
    sink: &mut Sink,
    source: &mut Source,
    news: Arc<Notify>,
    lab: LabHandle,
    pass: Pass,
) -> Option<Ending> {
    let mut allowance = Allowance::new(Instant::now());
    let introduction = introduce(sink, source, &mut allowance);
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
        attends: params.attach,
        step: params.step.clone(),
    };
    let mut attachment = match lab.attach(visitor).await {
        Ok(attachment) => attachment,
        Err(LabError::LinkRevoked) => return Some(REVOKED),
        Err(_) => return Some(LAB_ENDED),
    };
    let identity = Identity {
        number: attachment.client,
        id,
        standing: attachment.standing.clone(),
        lab: lab.folder().name().into(),
        public_url: pass.public_url,
    };
    let client = Client::new(lab, identity, params.preview, news);
    let state = translate::lab_state(&attachment.snapshot, &client.identity);
    let welcome = translate::text(&Response::result(request, state));
    sink.text(welcome);
    sink.flush().await.ok()?;
    let feeds = if params.attach {
        client.watch(&attachment.snapshot, &params)
    } else {
        Vec::new()
    };
    let (answers, waiting) = mpsc::channel(ANSWERS);
    tokio::select! {
        // Before all that the client may still have to say, and though it may read nothing.
        biased;
        departure = &mut attachment.departure => Some(departure.map_or(LAB_ENDED, sent_away)),
        ending = receive(source, &client, &answers, allowance) => ending,
        () = transmit(sink, &client, params.attach, feeds, &mut attachment.events, waiting) => None,
    }
}

/// How a socket ends whose client must leave the lab.
fn sent_away(why: Departure) -> Ending {
    match why {
        Departure::Revoked => REVOKED,
        Departure::TooSlow => (close::TOO_SLOW, "the client did not read in time"),
        Departure::Replaced => (
            close::REPLACED,
            "the client came back by another connection",
        ),
    }
}

/// How a socket ends whose client sends too much.
fn too_many(_: TooMany) -> Ending {
    (close::TOO_MANY, "too many messages in too little time")
}

/// How a socket ends of which nothing more can be read.
fn broken(error: &tungstenite::Error) -> Option<Ending> {
    match error {
        tungstenite::Error::Capacity(_) => Some((close::TOO_LARGE, "the message is too large")),
        tungstenite::Error::Protocol(_) | tungstenite::Error::Utf8(_) => {
            Some((close::PROTOCOL_ERROR, "the frame is none of a WebSocket"))
        }
        _ => None,
    }
}
