//! What a terminal shows now, for somebody who has yet to read its past.

use std::sync::Arc;

use bytes::Bytes;
use tokio::task::spawn_blocking;

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

/// A terminal's screen at its end, without the past.
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
    /// Draws what is seen of a terminal whose past begins with `checkpoint`; nothing where that
    /// past is short, or a part of it is gone already.
    pub async fn draw(output: &Arc<Output>, checkpoint: &Checkpoint) -> Option<Self> {
        let past = output.end().saturating_sub(checkpoint.cursor.offset());
        if past + (checkpoint.dump.len() as u64) < LEAST_PAST_BYTES {
            return None;
        }
        let present = output
            .preview()
            .filter(|preview| preview.is_present(output));
        if present.is_some() {
            return present;
        }
        let (output, checkpoint) = (output.clone(), checkpoint.clone());
        let drawn = spawn_blocking(move || {
            let preview = Self::follow(&output, &checkpoint).ok()?;
            output.keep_preview(preview.clone());
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
        output
            .read(&mut self.cursor.clone(), 1)
            .is_ok_and(|entries| entries.is_empty())
    }
}
