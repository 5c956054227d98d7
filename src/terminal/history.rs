//! A terminal's whole past: the checkpoint, an emulator's state at some offset, and the journal,
//! the bytes since then.
//!
//! Recent bytes are replayed as they were, which is exact. Older ones are folded into the
//! emulator, which exists only when there is something to fold: an idle terminal has none.

mod fold;

use std::{mem, sync::Arc};

use bytes::Bytes;
use tokio::{sync::oneshot, task::spawn_blocking};
use tokio_util::task::AbortOnDropHandle;

use self::fold::{Fold, Limits};
use super::{
    journal::{Cursor, Event, Lost, TerminalSize},
    output::{Checkpoint, Output},
    screen::Screen,
};

/// A probe that was asked nothing for this many bytes is dropped.
const PROBE_IDLE_BYTES: u64 = 4 * 1024 * 1024;

/// The past of a terminal.
#[derive(Debug)]
pub(super) struct History {
    output: Arc<Output>,
    fold: Arc<Fold>,
    /// The task that folds; none while there was nothing to do for it.
    folding: Option<AbortOnDropHandle<()>>,
    /// An emulator of the present screen, without scrollback, for questions about the cursor.
    probe: Option<Probe>,
}

#[derive(Debug)]
struct Probe {
    screen: Box<Screen>,
    asked_at: u64,
}

impl History {
    /// Begins the history of a terminal of `size`.
    #[must_use]
    pub(super) fn new(output: Arc<Output>, size: TerminalSize) -> Self {
        Self::within(Limits::default(), output, size)
    }

    fn within(limits: Limits, output: Arc<Output>, size: TerminalSize) -> Self {
        Self {
            fold: Arc::new(Fold::new(limits, output.clone(), size)),
            folding: None,
            output,
            probe: None,
        }
    }

    /// Adds an event. Readers are not woken yet.
    pub(super) fn push(&mut self, event: Event) {
        let end = self.output.end();
        self.probe
            .take_if(|probe| end - probe.asked_at > PROBE_IDLE_BYTES);
        if let Some(probe) = &mut self.probe {
            apply(&mut probe.screen, &event);
        }
        self.output.push(event);
    }

    /// Has what the journal holds too much folded, beside this task.
    pub(super) fn fold(&mut self) {
        if self.fold.is_due() {
            self.wake();
        }
    }

    /// Whether so much waits to be folded that the terminal should not be read for now.
    pub(super) fn is_full(&self) -> bool {
        self.fold.is_full()
    }

    /// Waits until something was folded.
    ///
    /// # Cancel safety
    ///
    /// What was folded between two calls is not missed.
    pub(super) async fn folded(&self) {
        self.fold.folded().await;
    }

    /// Answers with a state from which a client can follow, at once or when the emulator is free.
    pub(super) fn checkpoint(&mut self, answer: oneshot::Sender<Checkpoint>) {
        if self.fold.ask(answer) {
            self.wake();
        }
    }

    /// Where the cursor is now: row and column, from 1.
    pub(super) async fn cursor(&mut self) -> (u16, u16) {
        let end = self.output.end();
        let screen = match self.probe.take() {
            Some(probe) => probe.screen,
            // It is rarely asked for, and every terminal would carry it.
            None => Box::pin(self.present()).await,
        };
        let cursor = screen.cursor();
        self.probe = Some(Probe {
            screen,
            asked_at: end,
        });
        cursor
    }

    /// The present screen, without scrollback.
    async fn present(&mut self) -> Box<Screen> {
        loop {
            let (answer, checkpoint) = oneshot::channel();
            self.checkpoint(answer);
            // Either fails only when more is folded meanwhile, of which there is an end.
            let Ok(checkpoint) = checkpoint.await else {
                continue;
            };
            let (output, size) = (self.output.clone(), checkpoint.size);
            // A flood leaves megabytes to draw, which must keep no other terminal waiting.
            let drawn = spawn_blocking(move || {
                let replayed = replay(&output, &checkpoint, 0);
                replayed.map(|(screen, _)| Box::new(screen))
            });
            match drawn.await {
                Ok(Ok(screen)) => return screen,
                Ok(Err(Lost)) => {}
                Err(error) => {
                    tracing::error!(%error, "emulator failed, a terminal's cursor is not known");
                    return Box::new(Screen::new(size.cols, size.rows, 0));
                }
            }
        }
    }

    fn wake(&mut self) {
        if self.fold.wake() {
            let folding = tokio::spawn(self.fold.clone().run());
            self.folding = Some(AbortOnDropHandle::new(folding));
        }
    }
}

/// Follows from a checkpoint to what is the end now, and returns the screen there and that place.
pub(super) fn replay(
    output: &Output,
    checkpoint: &Checkpoint,
    scrollback: usize,
) -> Result<(Screen, Cursor), Lost> {
    let Checkpoint { size, dump, cursor } = checkpoint;
    let (events, cursor) = output.events(*cursor)?;
    let mut screen = Screen::new(size.cols, size.rows, scrollback);
    screen.feed(dump);
    apply_all(&mut screen, &events);
    Ok((screen, cursor))
}

/// Applies events without drawing lines that leave no trace. Every size leaves one.
fn apply_all(screen: &mut Screen, events: &[Event]) {
    let mut outputs: Vec<Bytes> = Vec::new();
    for event in events {
        match event {
            Event::Output(bytes) => outputs.push(bytes.clone()),
            Event::Resize(_) => {
                screen.feed_all(&mem::take(&mut outputs));
                apply(screen, event);
            }
        }
    }
    screen.feed_all(&outputs);
}

fn apply(screen: &mut Screen, event: &Event) {
    match event {
        Event::Output(bytes) => screen.feed(bytes),
        Event::Resize(size) => screen.resize(size.cols, size.rows),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Small, but larger than the entries of a journal.
    const SMALL: Limits = Limits {
        keep_bytes: 10_000,
        most_events: 12,
        bite_bytes: 20_000,
        waiting_bytes: 30_000,
    };

    const SIZE: TerminalSize = TerminalSize { cols: 20, rows: 30 };

    /// A history and the screen that its program means.
    struct Pair {
        history: History,
        truth: Screen,
    }

    impl Pair {
        fn new() -> Self {
            Self {
                history: History::within(SMALL, Arc::new(Output::new()), SIZE),
                truth: Screen::new(SIZE.cols, SIZE.rows, 10_000),
            }
        }

        async fn push(&mut self, event: Event) {
            apply(&mut self.truth, &event);
            self.history.push(event);
            self.history.fold();
            while self.history.is_full() {
                self.history.folded().await;
            }
        }

        async fn write(&mut self, text: &str) {
            self.push(Event::Output(Bytes::copy_from_slice(text.as_bytes())))
                .await;
        }

        fn ask(&mut self) -> oneshot::Receiver<Checkpoint> {
            let (answer, checkpoint) = oneshot::channel();
            self.history.checkpoint(answer);
            checkpoint
        }

        /// Follows from a checkpoint and compares what is seen.
        async fn check(&mut self) {
            loop {
                let checkpoint = self.ask().await.unwrap();
                // More may have been folded meanwhile, as in the server.
                if let Ok((screen, _)) = replay(&self.history.output, &checkpoint, 10_000) {
                    assert_eq!(seen(&screen), seen(&self.truth));
                    return;
                }
            }
        }
    }

    fn seen(screen: &Screen) -> (Vec<String>, (u16, u16)) {
        let text = screen.text();
        let lines = text.lines().map(|line| line.trim_end().to_owned());
        (lines.collect(), screen.cursor())
    }

    #[derive(Debug, Clone)]
    enum Step {
        Write(String),
        Resize(u16),
        Check,
        Yield,
    }

    fn step() -> impl Strategy<Value = Step> {
        let text = "([a-z]{1,30}|漢字|🙂|\x1b\\[3[0-9]m|\x1b\\[([AK]|[0-9];1H)|\r\n|\t){1,20}";
        prop_oneof![
            12 => text.prop_map(|text| Step::Write(text.repeat(60))),
            2 => (1u16..40).prop_map(Step::Resize),
            1 => Just(Step::Check),
            1 => Just(Step::Yield),
        ]
    }

    proptest! {
        #[test]
        fn prop_checkpoint_and_journal_meet(steps in prop::collection::vec(step(), 1..40)) {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
            runtime.unwrap().block_on(async {
                let mut pair = Pair::new();
                for step in steps {
                    match step {
                        Step::Write(text) => pair.write(&text).await,
                        // Wrapping lines anew is not exact after a dump.
                        Step::Resize(rows) => {
                            pair.push(Event::Resize(TerminalSize { rows, ..SIZE })).await;
                        }
                        Step::Check => pair.check().await,
                        Step::Yield => tokio::task::yield_now().await,
                    }
                }
                pair.check().await;
            });
        }
    }

    #[tokio::test]
    async fn flood_is_bounded_and_those_who_lost_their_place_share_a_dump() {
        let mut pair = Pair::new();
        for line in 0..2_000 {
            pair.write(&format!("line {line} of a flood\r\n")).await;
            let most = SMALL.keep_bytes + SMALL.waiting_bytes;
            assert!(pair.history.output.journal().len_bytes() <= most);
        }
        let asked: Vec<_> = (0..100).map(|_| pair.ask()).collect();
        let mut dumps = Vec::new();
        for checkpoint in asked {
            dumps.push(checkpoint.await.unwrap().dump);
        }
        assert!(!dumps[0].is_empty());
        assert!(dumps.iter().all(|dump| dump.as_ptr() == dumps[0].as_ptr()));
        pair.check().await;
        assert_eq!(pair.history.cursor().await, pair.truth.cursor());
    }

    #[tokio::test]
    async fn resizes_without_end_do_not_fill_the_memory() {
        let mut pair = Pair::new();
        for cols in (10..40).cycle().take(500) {
            pair.push(Event::Resize(TerminalSize { cols, rows: 10 }))
                .await;
            assert!(pair.history.output.journal().len_events() <= SMALL.most_events * 2);
        }
        pair.write("text").await;
        assert_eq!(pair.history.cursor().await, pair.truth.cursor());
    }

    #[tokio::test]
    async fn terminal_with_little_output_has_no_emulator() {
        let mut pair = Pair::new();
        pair.write("$ ").await;
        let checkpoint = pair.ask().await.unwrap();
        assert!(checkpoint.dump.is_empty());
        assert!(pair.history.folding.is_none());
    }
}
