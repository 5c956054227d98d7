//! Takes in what programs write: records it, answers what it asks, and notes the shell's marks.

use std::time::Instant;

use bytes::Bytes;

use super::{DEFAULT_SIZE, Terminal};
use crate::terminal::{
    interruption,
    journal::Event,
    mark::{Mark, MarkKind},
    pty::Read,
    query::{Found, Query},
    tracking::Moment,
};

impl Terminal {
    /// Reads one turn's worth of output, `most` bytes, and says how many that was.
    pub(super) async fn read(&mut self, most: usize) -> usize {
        match self.pty.as_ref().map(|pty| pty.read(most)) {
            Some(Read::Bytes(bytes)) => {
                let length = bytes.len();
                if self.pace.is_interrupted(self.output.end()) {
                    self.wrote_interrupted(bytes).await;
                } else {
                    self.wrote(bytes).await;
                }
                return length;
            }
            Some(Read::End) => self.drained = true,
            Some(Read::Pending) | None => {}
        }
        0
    }

    /// Records what came soon after Ctrl-C. A sequence that it has cut off would swallow the prompt.
    async fn wrote_interrupted(&mut self, bytes: Bytes) {
        for piece in interruption::cut(&bytes) {
            if interruption::is_echo(&piece) && !self.scanner.in_text() {
                self.wrote(interruption::CANCEL).await;
            }
            self.wrote(piece).await;
        }
    }

    /// Records what a program wrote and answers what it asked.
    pub(super) async fn wrote(&mut self, mut bytes: Bytes) {
        self.runs.output(&bytes, Instant::now());
        self.tracking.output();
        let written = bytes.clone();
        while !bytes.is_empty() {
            let (taken, found) = self.scanner.scan(&bytes);
            self.history.push(Event::Output(bytes.split_to(taken)));
            match found {
                Some(Found::Query(query)) => {
                    let answer = self.answer(query).await;
                    // A program that asks a megabyte of questions reads no answers.
                    if self.writes.has_room(answer.len()) {
                        self.writes.push(answer);
                    }
                }
                Some(Found::Mark(mark)) => self.marked(mark),
                None => {}
            }
        }
        let moment = || Moment::now(&self.output);
        self.aftermath.output(&written, moment, Instant::now());
        self.history.fold();
        self.announce();
    }

    fn marked(&mut self, mark: Mark) {
        let Some(pty) = &self.pty else { return };
        if mark.kind == MarkKind::Prompt {
            self.prompt_at = Some(self.output.end());
        }
        let leader = pty.leader();
        self.tracking
            .mark(mark, self.moment(), leader, Instant::now());
    }

    async fn answer(&mut self, query: Query) -> Bytes {
        match query {
            Query::Fixed(answer) => answer.into(),
            Query::Cursor { private } => {
                let (row, col) = self.history.cursor().await;
                let mark = if private { "?" } else { "" };
                format!("\x1b[{mark}{row};{col}R").into()
            }
            Query::Size => {
                let size = self.size.unwrap_or(DEFAULT_SIZE);
                format!("\x1b[8;{};{}t", size.rows, size.cols).into()
            }
        }
    }
}
