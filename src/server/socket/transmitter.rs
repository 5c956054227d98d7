//! The half of a socket that sends: answers, events, and what terminals wrote.

use std::time::{Duration, Instant};

use axum::extract::ws::Message;
use futures_util::{FutureExt, SinkExt, future::select_all};
use tokio::{
    sync::mpsc,
    time::{MissedTickBehavior, interval, sleep_until, timeout},
};

use super::{Ending, REVOKED, Sink, client::Client};
use crate::{
    lab::{LabEvent, handle::Attachment},
    protocol::{HEARTBEAT_SECONDS, server::close},
    server::{
        feed::{Feed, Turn},
        translate,
    },
};

/// How long a client may take to read what was sent to it.
const SEND_PATIENCE: Duration = Duration::from_secs(60);

/// The half that sends: answers and events first, then a frame of each terminal in turn.
pub(super) async fn transmit(
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
                match &*event {
                    LabEvent::Terminal(view) => {
                        let of_it = feeds.iter_mut().filter(|feed| feed.number() == view.number);
                        of_it.for_each(|feed| feed.set_generation(view.generation));
                    }
                    LabEvent::Restarted(lab) if attached => {
                        feeds = client.feeds(lab, |_| None);
                        ready = vec![true; feeds.len()];
                    }
                    LabEvent::Revoked => return Some(REVOKED),
                    _ => {}
                }
                let text = translate::event(&event, &client.identity);
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

pub(super) async fn send(sink: &mut Sink, message: Message) -> Result<(), axum::Error> {
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
