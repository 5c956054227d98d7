//! Shows recordings in a terminal. They are part of its past like all output, so that everybody
//! sees them, whoever comes late as well.

use std::time::Instant;

use bytes::Bytes;

use super::Terminal;
use crate::terminal::{
    film::{Film, redraw},
    handle::News,
    journal::Event,
    playback::{Playback, prompt_of},
    pty::Pty,
    runs::RunNumber,
    tracking::Stage,
};

/// How much of a terminal's past is looked at for its prompt.
const PROMPT_BYTES: u64 = 16 * 1024;

impl Terminal {
    pub(super) async fn begin_to_play(&mut self, run: RunNumber, film: Film, now: Instant) {
        let prompt = self.prompt();
        self.show(film.head());
        self.tell(News::Stage(run, Stage::Playing(self.moment())))
            .await;
        self.playback = Some(Playback::begin(run, film, prompt, now));
        self.play(now).await;
    }

    /// Shows what is due.
    pub(super) async fn play(&mut self, now: Instant) {
        while !self.history.is_full()
            && let Some(piece) = self
                .playback
                .as_mut()
                .and_then(|playback| playback.next(now))
        {
            self.show(piece);
        }
        if self.playback.as_ref().is_some_and(Playback::is_over) {
            self.finish_playing().await;
        }
    }

    /// Ends what is shown, and forgets what waits to be.
    pub(super) async fn stop_playing(&mut self) {
        self.finish_playing().await;
        for run in self.runs.clear_films() {
            self.tell(News::Typed(run)).await;
            self.tell(News::Stage(run, Stage::Played(self.moment())))
                .await;
        }
    }

    /// Leaves a terminal in which one can go on.
    pub(super) async fn finish_playing(&mut self) {
        let Some(playback) = self.playback.take() else {
            return;
        };
        let [tail, prompt] = playback.tail();
        let moment = self.moment();
        self.show(tail);
        if self.pty.is_some() && !prompt.is_empty() {
            // From here on, the prompt is this one.
            self.prompt_at = self.prompt_at.map(|_| self.output.end());
            self.show(prompt);
        }
        self.tell(News::Stage(playback.run, Stage::Played(moment)))
            .await;
    }

    fn show(&mut self, bytes: Bytes) {
        self.history.push(Event::Output(bytes));
        self.history.fold();
        self.announce();
    }

    /// What draws the line again in which a line editor waits; nothing where none does.
    fn prompt(&self) -> Bytes {
        if self.pty.as_ref().is_none_or(Pty::is_canonical) {
            return Bytes::new();
        }
        let end = self.output.end();
        let journal = self.output.journal();
        let from = end
            .saturating_sub(PROMPT_BYTES)
            .max(journal.first_cursor().offset());
        let mut last = Vec::new();
        if let Some(mut cursor) = journal.cursor_at(from) {
            while let Ok(entries) = journal.read(&mut cursor, usize::MAX)
                && !entries.is_empty()
            {
                for entry in entries {
                    if let Event::Output(bytes) = entry.event {
                        last.extend_from_slice(&bytes);
                    }
                }
            }
        }
        let known = self.prompt_at.and_then(|at| at.checked_sub(from));
        let known = known.and_then(|at| usize::try_from(at).ok());
        redraw(prompt_of(&last, known))
    }
}
