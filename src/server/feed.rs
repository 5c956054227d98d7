//! One client's reading of one terminal: from a place it names, or a checkpoint, to the end.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use tokio::sync::Notify;

use crate::{
    command::Role,
    lab::event::TerminalView,
    protocol::frame::{FrameKind, HEADER_BYTES, Header, encode_size},
    terminal::{
        TerminalHandle, TerminalSize,
        journal::{Cursor, Event},
        output::{Checkpoint, Listener},
        preview::Preview,
        pty::READ_BYTES,
    },
};

/// How many bytes may be sent beyond what the client has parsed. A client that parses slowly is
/// sent no more; when it falls off the journal it gets a checkpoint.
const CLIENT_WINDOW_BYTES: u64 = 1024 * 1024;

/// A client gets at most one checkpoint of a terminal in this time, the first one excepted.
const CHECKPOINT_PAUSE: Duration = Duration::from_millis(250);

/// A client's place in a terminal's output.
#[derive(Debug)]
pub(super) struct Feed {
    number: u16,
    generation: u32,
    terminal: TerminalHandle,
    listener: Listener,
    /// Nothing before the first checkpoint.
    cursor: Option<Cursor>,
    parsed: Arc<Parsed>,
    /// Where the output begins that was written after the client came.
    live_from: u64,
    last_checkpoint: Option<Instant>,
    /// Whether the client is to see a preview first, if its past is long.
    preview: bool,
    /// The past that the preview just sent is one of.
    previewed: Option<Checkpoint>,
    role: Role,
    /// A viewer's turn in a flood.
    turn: Option<Instant>,
}

/// Whether a client takes turns with others while a terminal floods. Who types does not.
fn waits_for_turns(role: Role) -> bool {
    role < Role::Guest
}

/// How far a client has parsed a terminal's output.
#[derive(Debug)]
pub(super) struct Parsed {
    offset: AtomicU64,
    /// Whether the feed waits for more to be parsed.
    awaited: AtomicBool,
}

impl Parsed {
    pub(super) fn offset(&self) -> u64 {
        self.offset.load(Ordering::SeqCst)
    }

    /// Notes that all before `offset` is parsed. Returns whether that was waited for.
    pub(super) fn advance(&self, offset: u64) -> bool {
        self.offset.fetch_max(offset, Ordering::SeqCst);
        self.awaited.swap(false, Ordering::SeqCst)
    }

    /// Whether `offset` is further ahead than a client is sent anything. If so, it is waited for.
    fn holds_up(&self, offset: u64) -> bool {
        let is_far = || offset.saturating_sub(self.offset()) >= CLIENT_WINDOW_BYTES;
        // Who has parsed more in between looked before it was waited for.
        is_far() && {
            self.awaited.store(true, Ordering::SeqCst);
            is_far()
        }
    }
}

/// A frame to send: its header, and its payload in pieces that all clients share.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) header: [u8; HEADER_BYTES],
    pub(super) payload: Vec<Bytes>,
}

/// What a feed has for its client.
#[derive(Debug)]
pub(super) enum Turn {
    /// A frame to send.
    Frame(Frame),
    /// Nothing now.
    Nothing,
    /// Nothing before that time.
    Later(Instant),
}

impl Feed {
    /// Begins at `resume`, where the terminal's journal still reaches back to it, or else with a
    /// preview where one is wanted. `news` is woken when the terminal has written more.
    pub(super) fn new(
        view: &TerminalView,
        resume: Option<u64>,
        preview: bool,
        role: Role,
        news: Arc<Notify>,
    ) -> Self {
        // Before the first look at the output, or what is written in between is missed.
        let output = view.handle.output().clone();
        let listener = Listener::new(output, news, waits_for_turns(role));
        let cursor = resume.and_then(|offset| view.handle.output().cursor_at(offset));
        let offset = cursor.map_or(0, Cursor::offset);
        Self {
            number: view.number,
            generation: view.generation,
            terminal: view.handle.clone(),
            listener,
            cursor,
            parsed: Arc::new(Parsed {
                offset: AtomicU64::new(offset),
                awaited: AtomicBool::new(false),
            }),
            // Who comes back has missed the rest; who comes first gets a past.
            live_from: cursor.map_or_else(|| view.handle.output().end(), Cursor::offset),
            last_checkpoint: None,
            // Who comes back goes on with the screen that is there.
            preview: preview && cursor.is_none(),
            previewed: None,
            role,
            turn: None,
        }
    }

    pub(super) fn number(&self) -> u16 {
        self.number
    }

    pub(super) fn set_generation(&mut self, generation: u32) {
        self.generation = generation;
    }

    /// Notes what the client may do: who was given the keyboard sees what it types.
    pub(super) fn set_role(&mut self, role: Role) {
        self.role = role;
        self.listener.wait_for_turns(waits_for_turns(role));
    }

    /// Whether the next frame may have to be drawn, which takes long.
    pub(super) fn may_draw(&self) -> bool {
        self.preview
    }

    /// Where the client's acknowledgements are noted.
    pub(super) fn parsed(&self) -> Arc<Parsed> {
        self.parsed.clone()
    }

    /// Takes the next frame.
    pub(super) async fn next(&mut self) -> Turn {
        let Some(mut cursor) = self.cursor else {
            // Who has seen nothing yet need not wait for its turn.
            return self.checkpoint().await;
        };
        if waits_for_turns(self.role)
            && let Some(turn) = self.terminal.output().wait(&mut self.turn, READ_BYTES)
        {
            return Turn::Later(turn);
        }
        if self.parsed.holds_up(cursor.offset()) {
            return Turn::Nothing;
        }
        // A frame is either of the past or live.
        let past = self.live_from.saturating_sub(cursor.offset());
        let past = usize::try_from(past).unwrap_or(READ_BYTES);
        let room = if past == 0 {
            READ_BYTES
        } else {
            past.min(READ_BYTES)
        };
        let Ok(entries) = self.terminal.output().read(&mut cursor, room) else {
            return self.checkpoint().await;
        };
        self.cursor = Some(cursor);
        let Some(first) = entries.first().map(|entry| entry.offset) else {
            return Turn::Nothing;
        };
        let mut kind = FrameKind::Output;
        let payload = entries.into_iter().map(|entry| match entry.event {
            Event::Output(bytes) => bytes,
            Event::Resize(TerminalSize { cols, rows }) => {
                kind = FrameKind::Resize;
                Bytes::copy_from_slice(&encode_size(cols, rows))
            }
        });
        let payload = payload.collect();
        let header = self.header(kind, first, cursor.offset());
        Turn::Frame(Frame { header, payload })
    }

    /// Begins anew: with a preview the first time, where one is of use, and with a snapshot then.
    async fn checkpoint(&mut self) -> Turn {
        if let Some(checkpoint) = self.previewed.take() {
            return self.snapshot(checkpoint);
        }
        let now = Instant::now();
        match self.last_checkpoint.map(|last| last + CHECKPOINT_PAUSE) {
            Some(next) if next > now => return Turn::Later(next),
            _ => self.last_checkpoint = Some(now),
        }
        let Some(checkpoint) = self.terminal.checkpoint().await else {
            return Turn::Nothing;
        };
        if std::mem::take(&mut self.preview)
            && let Some(preview) = Preview::draw(self.terminal.output(), &checkpoint).await
        {
            self.live_from = preview.offset();
            self.previewed = Some(checkpoint);
            return self.state(
                FrameKind::Preview,
                self.live_from,
                preview.size,
                preview.dump,
            );
        }
        self.live_from = self.terminal.output().end();
        self.snapshot(checkpoint)
    }

    fn snapshot(&mut self, checkpoint: Checkpoint) -> Turn {
        let offset = checkpoint.cursor.offset();
        self.cursor = Some(checkpoint.cursor);
        self.parsed.advance(offset);
        if waits_for_turns(self.role) {
            self.terminal.output().charge_checkpoint(&checkpoint);
        }
        self.state(
            FrameKind::Snapshot,
            offset,
            checkpoint.size,
            checkpoint.dump,
        )
    }

    /// A frame with a state of the terminal.
    fn state(&self, kind: FrameKind, offset: u64, size: TerminalSize, dump: Bytes) -> Turn {
        let size = Bytes::copy_from_slice(&encode_size(size.cols, size.rows));
        Turn::Frame(Frame {
            header: self.header(kind, offset, offset),
            payload: vec![size, dump],
        })
    }

    fn header(&self, kind: FrameKind, offset: u64, end: u64) -> [u8; HEADER_BYTES] {
        let header = Header {
            kind,
            replay: offset < self.live_from,
            more: end < self.live_from,
            terminal: self.number,
            generation: self.generation,
            offset,
        };
        header.encode()
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::{sleep, timeout};

    use super::*;
    use crate::{
        lab::{
            LabStore, Library, Trust,
            handle::Visitor,
            store::{LabOptions, SENT_PATIENCE},
        },
        terminal::{
            occupation::When,
            runs::{Part, Run},
        },
    };

    /// Far more than anything takes here.
    const PATIENCE: Duration = Duration::from_secs(60);

    /// A lab whose terminal floods before a large audience, and what holds that together. Nobody's
    /// turn comes for minutes.
    /// What takes all turns of the next minutes.
    const ALL_TURNS: usize = 10_000_000_000;

    async fn flooding() -> (LabStore, tempfile::TempDir, TerminalView, Vec<Listener>) {
        let temp = tempfile::tempdir().unwrap();
        std::fs::write(temp.path().join("intro.md"), "# Lab\n").unwrap();
        let options = LabOptions {
            shell: None,
            integration: None,
            interrupt_patience: PATIENCE,
            sent_patience: SENT_PATIENCE,
            author: false,
            watch: false,
            trust: Trust::Given,
            record: false,
        };
        let store = LabStore::new(Library::open(temp.path()).unwrap(), options);
        let name = store.library().single().unwrap().name().to_owned();
        let visitor = Visitor {
            id: "a-driver".into(),
            role: Role::Driver,
            link: None,
            name: None,
            cramped: false,
            attends: true,
            step: None,
        };
        let attachment = store.lab(&name).unwrap().attach(visitor).await.unwrap();
        let view = attachment.snapshot.terminals[0].clone();
        let output = view.handle.output();
        let crowd = (0..1_000).map(|_| Listener::new(output.clone(), Arc::default(), true));
        let crowd = crowd.collect();
        view.handle
            .resize(TerminalSize { cols: 80, rows: 24 })
            .await;
        let line = Part::Text(Bytes::from_static(b"yes flooded\n"));
        let run = Run {
            number: 0,
            parts: [line].into(),
            when: When::Now,
            prompt: None,
        };
        view.handle.run(run).unwrap();
        let flooding = async {
            while output.wait(&mut None, ALL_TURNS).is_none() {
                sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(PATIENCE, flooding).await.expect("a flood");
        (store, temp, view, crowd)
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn flood_keeps_no_one_from_a_first_screen_and_no_guest_from_the_next() {
        let (store, _temp, view, _crowd) = flooding().await;
        let news = Arc::<Notify>::default();
        let mut late = Feed::new(&view, None, false, Role::Viewer, news.clone());
        assert!(matches!(late.next().await, Turn::Frame(_)));
        let held = async {
            let soon = Instant::now() + PATIENCE;
            while !matches!(late.next().await, Turn::Later(turn) if turn > soon) {
                // On a busy machine the flood may have paused, and its turns been forgotten.
                view.handle.output().wait(&mut None, ALL_TURNS);
            }
        };
        timeout(PATIENCE, held).await.expect("a turn of its own");
        late.set_role(Role::Guest);
        let more = async {
            // What was told before it had the keyboard does not count.
            news.notify_one();
            news.notified().await;
            loop {
                news.notified().await;
                if matches!(late.next().await, Turn::Frame(_)) {
                    break;
                }
            }
        };
        timeout(PATIENCE, more).await.expect("a frame");
        store.end().await;
    }
}
