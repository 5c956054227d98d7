//! What both halves of a socket know: who the client is, and which terminals it watches.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use tokio::sync::Notify;

use crate::{
    command::Role,
    lab::{LabHandle, LabSnapshot},
    protocol::client::{AckParams, InitializeParams},
    server::{
        feed::{Feed, Parsed},
        translate::Identity,
    },
    terminal::{TerminalHandle, pace::ClientNumber},
};

/// What both halves know.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) lab: LabHandle,
    pub(super) identity: Identity,
    /// Whether it shows previews of terminals with a long past.
    preview: bool,
    /// The terminals of the present instance, and how far the client has parsed each.
    terminals: Mutex<Vec<Watched>>,
    /// Wakes the sending half: a terminal wrote, or an awaited acknowledgement came.
    pub(super) news: Arc<Notify>,
}

/// A terminal that the client watches. Dropping it leaves the terminal's pace.
#[derive(Debug)]
struct Watched {
    number: u16,
    terminal: TerminalHandle,
    parsed: Arc<Parsed>,
    client: ClientNumber,
}

impl Watched {
    fn new(feed: &Feed, terminal: TerminalHandle, client: ClientNumber, role: Role) -> Self {
        let parsed = feed.parsed();
        if role == Role::Driver {
            terminal.pace().join(client, parsed.offset());
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

impl Client {
    pub(super) fn new(
        lab: LabHandle,
        identity: Identity,
        preview: bool,
        news: Arc<Notify>,
    ) -> Self {
        Self {
            lab,
            identity,
            preview,
            terminals: Mutex::default(),
            news,
        }
    }

    /// Whether the client may do what `role` may.
    pub(super) fn may(&self, role: Role) -> bool {
        self.identity.standing.role() >= role
    }

    /// Begins to watch all terminals, where the client left off if it can.
    pub(super) fn watch(&self, lab: &LabSnapshot, params: &InitializeParams) -> Vec<Feed> {
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
    pub(super) fn feeds(
        &self,
        lab: &LabSnapshot,
        resume_at: impl Fn(u16) -> Option<u64>,
    ) -> Vec<Feed> {
        let feeds: Vec<Feed> = lab
            .terminals
            .iter()
            .map(|view| {
                Feed::new(
                    view,
                    resume_at(view.number),
                    self.preview,
                    self.identity.standing.role(),
                    self.news.clone(),
                )
            })
            .collect();
        let watched = feeds.iter().zip(&lab.terminals).map(|(feed, view)| {
            Watched::new(
                feed,
                view.handle.clone(),
                self.identity.number,
                self.identity.standing.role(),
            )
        });
        *self.lock() = watched.collect();
        feeds
    }

    pub(super) fn terminal(&self, number: u16) -> Option<TerminalHandle> {
        let watched = self.lock();
        watched
            .iter()
            .find(|watched| watched.number == number)
            .map(|one| one.terminal.clone())
    }

    pub(super) fn acknowledge(&self, AckParams { terminal, offset }: AckParams) {
        if let Some(watched) = self
            .lock()
            .iter()
            .find(|watched| watched.number == terminal)
        {
            let end = watched.terminal.output().end();
            watched
                .terminal
                .pace()
                .acknowledge(self.identity.number, offset, end, Instant::now());
            if watched.parsed.advance(offset.min(end)) {
                self.news.notify_one();
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Watched>> {
        self.terminals
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
