//! The half of a socket that sends: answers, events, and what terminals wrote.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use tokio::{
    sync::mpsc,
    task::yield_now,
    time::{MissedTickBehavior, interval, sleep_until},
};

use super::{client::Client, connection::Sink};
use crate::{
    lab::LabEvent,
    protocol::HEARTBEAT_SECONDS,
    server::{
        feed::{Feed, Turn},
        translate,
    },
    terminal::pty::READ_BYTES,
};

/// The half that sends, until the client takes nothing any more: answers and events first, then a frame of each terminal in turn.
pub(super) async fn transmit(
    sink: &mut Sink,
    client: &Client,
    attached: bool,
    mut feeds: Vec<Feed>,
    events: &mut mpsc::Receiver<Arc<LabEvent>>,
    mut answers: mpsc::Receiver<String>,
) {
    let mut heartbeat = interval(Duration::from_secs(HEARTBEAT_SECONDS));
    heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // Whether a terminal may have something for the client.
    let mut look = true;
    let mut later: Option<Instant> = None;
    loop {
        let alarm = later.unwrap_or_else(Instant::now);
        tokio::select! {
            biased;
            Some(answer) = answers.recv() => sink.text(answer),
            Some(event) = events.recv() => {
                match &*event {
                    LabEvent::Terminal(view) => {
                        let of_it = feeds.iter_mut().filter(|feed| feed.number() == view.number);
                        of_it.for_each(|feed| feed.set_generation(view.generation));
                    }
                    LabEvent::Role { role, .. } => {
                        for feed in &mut feeds {
                            feed.set_role(*role);
                        }
                        look = true;
                    }
                    LabEvent::Restarted(lab) if attached => {
                        feeds = client.feeds(Vec::new(), &lab.terminals, |_| None);
                        look = true;
                    }
                    LabEvent::Terminals(terminals) if attached => {
                        feeds = client.feeds(std::mem::take(&mut feeds), terminals, |_| None);
                        look = true;
                    }
                    _ => {}
                }
                if let Some(text) = translate::event(&event, &client.identity) {
                    sink.text(text);
                }
            }
            _ = heartbeat.tick() => sink.text(translate::heartbeat()),
            () = client.news.notified() => look = true,
            () = sleep_until(alarm.into()), if later.is_some() => {
                later = None;
                look = true;
            }
            () = std::future::ready(()), if look => {}
        }
        let mut sent_bytes = 0;
        if std::mem::take(&mut look) {
            for one in &mut feeds {
                if one.may_draw() {
                    // Else the first screen would come with the last one.
                    if sink.flush().await.is_err() {
                        return;
                    }
                }
                match one.next().await {
                    Turn::Frame(frame) => {
                        sent_bytes += frame.payload.iter().map(Bytes::len).sum::<usize>();
                        sink.binary(&frame.header, &frame.payload);
                        look = true;
                    }
                    Turn::Nothing => {}
                    Turn::Later(when) => {
                        later = Some(later.map_or(when, |later| later.min(when)));
                    }
                }
            }
        }
        if sink.flush().await.is_err() {
            return;
        }
        if sent_bytes >= READ_BYTES {
            // A flooding terminal must not own its worker.
            yield_now().await;
        }
    }
}
