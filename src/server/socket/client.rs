//! What both halves of a socket know: who the client is, and which terminals it watches.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use tokio::sync::Notify;

use crate::{
    command::Role,
    lab::{LabHandle, LabSnapshot, event::TerminalView},
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
        self.feeds(Vec::new(), &lab.terminals, resume_at)
    }

    /// Feeds for these terminals. Those among `feeds` go on; what else was watched is let go.
    pub(super) fn feeds(
        &self,
        mut feeds: Vec<Feed>,
        terminals: &[TerminalView],
        resume_at: impl Fn(u16) -> Option<u64>,
    ) -> Vec<Feed> {
        let role = self.identity.standing.role();
        feeds.retain(|feed| terminals.iter().any(|view| view.number == feed.number()));
        let mut watched = self.lock();
        watched.retain(|one| feeds.iter().any(|feed| feed.number() == one.number));
        for view in terminals {
            if feeds.iter().any(|feed| feed.number() == view.number) {
                continue;
            }
            let resume = resume_at(view.number);
            let feed = Feed::new(view, resume, self.preview, role, self.news.clone());
            let (terminal, client) = (view.handle.clone(), self.identity.number);
            watched.push(Watched::new(&feed, terminal, client, role));
            feeds.push(feed);
        }
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
