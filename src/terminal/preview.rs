//! What a terminal shows now, for somebody who has yet to read its past.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use bytes::Bytes;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    task::spawn_blocking,
};

use super::{
    history::replay,
    journal::{Cursor, Lost, TerminalSize},
    output::{Checkpoint, Output},
};

/// A past shorter than this is read before anybody has looked at its preview.
const LEAST_PAST_BYTES: u64 = 64 * 1024;

/// How many lines above the screen are followed: as many as the tallest screen takes back when it
/// grows. The older ones show nowhere.
const FOLLOWED_LINES: usize = 1000;

/// How long one is shown to whoever comes, whatever is written meanwhile: a terminal that never rests
/// must not be drawn for each of them.
const SHARED_FOR: Duration = Duration::from_millis(250);

/// A terminal's screen at its end, or a moment before that, without the past.
#[derive(Debug, Clone)]
pub struct Preview {
    /// The size of the terminal there.
    pub size: TerminalSize,
    /// Bytes that draw it in a fresh terminal of that size: the screen, and as much of the
    /// scrollback again.
    pub dump: Bytes,
    /// The end of the output that it shows.
    cursor: Cursor,
}

impl Preview {
    /// Draws what is seen of a terminal whose past begins with `checkpoint`, or takes what was drawn
    /// just now; nothing where that past is short, or a part of it is gone already.
    pub async fn draw(output: &Arc<Output>, checkpoint: &Checkpoint) -> Option<Self> {
        let past = output.end().saturating_sub(checkpoint.cursor.offset());
        if past + (checkpoint.dump.len() as u64) < LEAST_PAST_BYTES {
            return None;
        }
        let turn = output.last_preview().turn().await;
        let last = output.last_preview().find(output, Instant::now());
        if last.is_some() {
            return last;
        }
        let (output, checkpoint) = (output.clone(), checkpoint.clone());
        let drawn = spawn_blocking(move || {
            // Even where who asked has gone: whoever comes again and again begins no second one.
            let _turn = turn;
            let preview = Self::follow(&output, &checkpoint).ok()?;
            output.last_preview().keep(preview.clone(), Instant::now());
            Some(preview)
        });
        drawn.await.unwrap_or_else(|error| {
            tracing::error!(%error, "emulator failed, a terminal has no preview");
            None
        })
    }

    /// The offset of the output that it shows the end of.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.cursor.offset()
    }

    fn follow(output: &Output, checkpoint: &Checkpoint) -> Result<Self, Lost> {
        let (screen, cursor) = replay(output, checkpoint, FOLLOWED_LINES)?;
        let (cols, rows) = screen.size();
        Ok(Self {
            size: TerminalSize { cols, rows },
            dump: screen.preview(rows.into()).into(),
            cursor,
        })
    }

    /// Whether nothing has happened since.
    fn is_present(&self, output: &Output) -> bool {
        let mut cursor = self.cursor;
        let next = output.read(&mut cursor, 1);
        next.is_ok_and(|entries| entries.is_empty())
    }
}

/// The preview of a terminal that was drawn last: an audience comes all at once.
#[derive(Debug)]
pub(super) struct LastPreview {
    kept: Mutex<Option<Kept>>,
    /// Held by who draws; all others wait, and are shown the same.
    turn: Arc<Semaphore>,
}

#[derive(Debug)]
struct Kept {
    preview: Preview,
    until: Instant,
}

impl LastPreview {
    pub(super) fn new() -> Self {
        Self {
            kept: Mutex::default(),
            turn: Arc::new(Semaphore::new(1)),
        }
    }

    async fn turn(&self) -> Option<OwnedSemaphorePermit> {
        // Nobody closes it.
        self.turn.clone().acquire_owned().await.ok()
    }

    /// What was drawn a moment ago, or of what has not changed since.
    fn find(&self, output: &Output, now: Instant) -> Option<Preview> {
        let kept = self.kept();
        let Kept { preview, until } = kept.as_ref()?;
        (now < *until || preview.is_present(output)).then(|| preview.clone())
    }

    fn keep(&self, preview: Preview, now: Instant) {
        let until = now + SHARED_FOR;
        *self.kept() = Some(Kept { preview, until });
    }

    /// Gives up what is not to be shown any more now that something happens.
    pub(super) fn leave(&self, now: Instant) {
        self.kept().take_if(|kept| kept.until <= now);
    }

    fn kept(&self) -> MutexGuard<'_, Option<Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{FutureExt, future::join_all};

    use super::{super::journal::Event, *};

    /// A terminal with a long past, and where that begins.
    fn terminal() -> (Arc<Output>, Checkpoint) {
        let output = Arc::new(Output::new());
        let checkpoint = Checkpoint {
            size: TerminalSize { cols: 80, rows: 24 },
            dump: Bytes::new(),
            cursor: output.first_cursor(),
        };
        for line in 0..20_000 {
            write(&output, &format!("\x1b[3{}mline {line}\r\n", line % 8));
        }
        (output, checkpoint)
    }

    fn write(output: &Output, text: &str) {
        output.push(Event::Output(Bytes::copy_from_slice(text.as_bytes())));
    }

    #[tokio::test]
    async fn audience_that_comes_at_once_is_drawn_one_preview() {
        let (output, checkpoint) = terminal();
        let all = join_all((0..10).map(|_| Preview::draw(&output, &checkpoint))).await;
        let dumps: Vec<Bytes> = all.into_iter().map(|one| one.unwrap().dump).collect();
        assert!(dumps.iter().all(|dump| dump.as_ptr() == dumps[0].as_ptr()));
    }

    #[tokio::test]
    async fn drawing_goes_on_alone_when_who_asked_has_gone() {
        let (output, checkpoint) = terminal();
        let gone = Preview::draw(&output, &checkpoint).now_or_never();
        assert!(gone.is_none(), "it takes a while");
        let last = output.last_preview();
        let is_over = last.turn.available_permits() == 1;
        // It may be over, but then it has left something.
        assert!(!is_over || last.kept().is_some(), "two may draw");
        assert!(Preview::draw(&output, &checkpoint).await.is_some());
    }

    #[tokio::test]
    async fn preview_is_shared_for_a_moment_and_then_only_while_nothing_happens() {
        let (output, checkpoint) = terminal();
        let drawn = Preview::draw(&output, &checkpoint).await.unwrap();
        let last = output.last_preview();
        let until = last.kept().as_ref().unwrap().until;
        let before = until.checked_sub(Duration::from_millis(1)).unwrap();
        let later = until + SHARED_FOR;
        let offset = |now| last.find(&output, now).map(|preview| preview.offset());
        assert_eq!(offset(later), Some(drawn.offset()));
        output.journal().push(Event::Output(Bytes::from("more")));
        assert_eq!(offset(before), Some(drawn.offset()));
        assert_eq!(offset(later), None);
        last.leave(before);
        assert!(last.kept().is_some());
        last.leave(later);
        assert!(last.kept().is_none(), "nobody needs it any more");
    }
}
