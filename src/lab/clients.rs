//! Who is in a lab, and how they are told what happens.

use std::collections::HashMap;

use tokio::sync::mpsc;

use super::event::LabEvent;

/// The clients of a lab, by number. One that does not read what it is told is cut off.
#[derive(Default)]
pub(super) struct Clients {
    events: HashMap<u64, mpsc::Sender<LabEvent>>,
}

impl Clients {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.events.len()
    }

    pub(super) fn insert(&mut self, client: u64, events: mpsc::Sender<LabEvent>) {
        self.events.insert(client, events);
    }

    /// Forgets a client; says whether it was there.
    pub(super) fn remove(&mut self, client: u64) -> bool {
        self.events.remove(&client).is_some()
    }

    /// Tells all clients.
    pub(super) fn tell(&mut self, event: &LabEvent) {
        self.events
            .retain(|client, events| match events.try_send(event.clone()) {
                Ok(()) => true,
                Err(error) => {
                    tracing::info!(client, %error, "client is cut off");
                    false
                }
            });
    }

    pub(super) fn tell_one(&mut self, client: u64, event: LabEvent) {
        if let Some(events) = self.events.get(&client)
            && let Err(error) = events.try_send(event)
        {
            tracing::info!(client, %error, "client is cut off");
            self.events.remove(&client);
        }
    }

    /// Tells the clients but the newcomer, which knows already, how many there are.
    pub(super) fn tell_others_of_coming(&self, newcomer: u64) {
        let count = self.len();
        let others = self
            .events
            .iter()
            .filter(|(client, _)| **client != newcomer);
        for (_, events) in others {
            // One that is too slow for this is cut off at the next event that matters.
            drop(events.try_send(LabEvent::Clients(count)));
        }
    }
}
