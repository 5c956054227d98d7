//! Answers a block from its recording.

use std::collections::VecDeque;

use super::Lab;
use crate::{
    command::CommandError,
    lab::{LabError, event::RunState},
    terminal::{TerminalHandle, runs::Part},
};

impl Lab {
    /// Shows the recording of a block of the current step in its terminal, where a run of it that
    /// has not ended is interrupted first; or ends what that terminal shows.
    pub(super) async fn play_recording(&mut self, index: usize) -> Result<u16, LabError> {
        let step = self.state.step.clone();
        let block = self.state.block(&step, None, index)?;
        let invocation = block.invocation.clone();
        let place = self.place_of(index);
        let number = self.instance.number_of(&invocation.terminal);
        if self.instance.runs.plays(number) {
            self.instance
                .request(number, TerminalHandle::stop_playing)?;
            return Ok(number);
        }
        let film = self.reader.film(&step, block).await;
        let film = film.ok_or(CommandError::NoRecording { step, block: index })?;
        let runs = &self.instance.runs;
        let waits = runs
            .last(&place)
            .is_some_and(|run| run.state == RunState::Waiting);
        let mut parts = VecDeque::new();
        if waits || runs.running(&place).is_some() {
            parts.push_back(Part::Interrupt);
        }
        parts.push_back(Part::Play(film));
        let run = self.enqueue(number, parts)?;
        let id = &invocation.id;
        let runs = &mut self.instance.runs;
        runs.add_playing(run, id, number, place.clone());
        let page = self.state.page.as_deref();
        let history = &mut self.instance.history;
        history.run(run, &invocation, number, Some(place.clone()), page);
        self.state.active_terminal.clone_from(&invocation.terminal);
        self.tell_block(id, Some(&place));
        Ok(number)
    }
}
