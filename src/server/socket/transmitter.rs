//! The half of a socket that sends: answers, events, and what terminals wrote.

use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::{
    sync::mpsc,
    task::yield_now,
    time::{MissedTickBehavior, interval, sleep_until},
};

use super::{Ending, REVOKED, client::Client, connection::Sink};
use crate::{
    lab::{LabEvent, handle::Attachment},
    protocol::{HEARTBEAT_SECONDS, server::close},
    server::{
        feed::{Feed, Turn},
        translate,
    },
    terminal::pty::READ_BYTES,
};

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
    // Whether a terminal may have something for the client.
    let mut look = true;
    let mut later: Option<Instant> = None;
    loop {
        let alarm = later.unwrap_or_else(Instant::now);
        tokio::select! {
            biased;
            Some(answer) = answers.recv() => sink.text(answer),
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
                        look = true;
                    }
                    LabEvent::Revoked => return Some(REVOKED),
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
                    sink.flush().await.ok()?;
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
        sink.flush().await.ok()?;
        if sent_bytes >= READ_BYTES {
            // A flooding terminal must not own its worker.
            yield_now().await;
        }
    }
}
