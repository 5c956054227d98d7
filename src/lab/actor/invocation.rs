//! Gives invocations and other texts to their terminals, counts their runs, and tells of them.

use std::collections::VecDeque;

use bytes::Bytes;
use regex::Regex;

use super::Lab;
use crate::{
    lab::{
        event::{BlockPlace, LabEvent, RunState},
        handle::LabError,
    },
    scenario::{Invocation, Macro},
    terminal::{
        TerminalHandle,
        occupation::When,
        runs::{Part, Run, RunNumber},
    },
};

impl Lab {
    /// Types an invocation into its terminal and counts it.
    pub(super) fn run_invocation(&mut self, invocation: &Invocation) -> Result<u16, LabError> {
        let number = self.instance.number_of(&invocation.terminal);
        let run = self.enqueue_invocation(number, invocation, None, When::Now)?;
        self.note_run(run, number, invocation, RunState::Waiting);
        Ok(number)
    }

    /// Gives an invocation to its terminal, with an interrupt `before` its text or those that it
    /// has itself.
    pub(super) fn enqueue_invocation(
        &mut self,
        terminal: u16,
        invocation: &Invocation,
        before: Option<Part>,
        when: When,
    ) -> Result<RunNumber, LabError> {
        let macros = invocation.macros_before.iter();
        let macros = macros.map(|Macro::CtrlC| Part::Interrupt);
        let text = Part::Text(Bytes::from(invocation.typed_text()));
        let parts = before.into_iter().chain(macros).chain([text]).collect();
        let block = self.state.block_of(invocation);
        let prompt = block.and_then(|block| block.expectation.prompt.as_ref());
        let prompt = prompt.and_then(|prompt| Regex::new(prompt).ok());
        self.enqueue_when(terminal, parts, when, prompt)
    }

    /// Gives parts to a terminal, which types them at once.
    pub(super) fn enqueue(
        &mut self,
        terminal: u16,
        parts: VecDeque<Part>,
    ) -> Result<RunNumber, LabError> {
        self.enqueue_when(terminal, parts, When::Now, None)
    }

    fn enqueue_when(
        &mut self,
        terminal: u16,
        parts: VecDeque<Part>,
        when: When,
        prompt: Option<Regex>,
    ) -> Result<RunNumber, LabError> {
        let number = self.instance.next_run;
        let run = Run {
            number,
            parts,
            when,
            prompt,
        };
        self.instance.request(terminal, |handle| handle.run(run))?;
        self.instance.next_run += 1;
        Ok(number)
    }

    /// Types Ctrl-C for a block of the current step, before all that waits there.
    pub(super) fn interrupt(&mut self, index: usize) -> Result<u16, LabError> {
        let running = self.instance.runs.running(&self.place_of(index));
        let number = running.ok_or(LabError::NotRunning)?.terminal;
        self.instance.request(number, TerminalHandle::interrupt)?;
        Ok(number)
    }

    /// Counts a run, and tells of it.
    pub(super) fn note_run(
        &mut self,
        run: RunNumber,
        number: u16,
        invocation: &Invocation,
        state: RunState,
    ) {
        let block = self
            .state
            .count(invocation)
            .map(|index| self.place_of(index));
        let id = &invocation.id;
        let expected = block.clone().map(|block| {
            let expectation = self.expectation(block.index);
            (block, expectation)
        });
        self.instance.runs.add(run, id, number, expected, state);
        if let Some(block) = &block {
            self.began(block);
        }
        let page = self.state.page.as_deref();
        self.instance
            .history
            .run(run, invocation, number, block.clone(), page);
        self.tell_block(id, block.as_ref());
    }

    /// Tells how it stands with the blocks of an id, and with the last run of one of them.
    pub(super) fn tell_block(&mut self, id: &str, block: Option<&BlockPlace>) {
        let waiting = self.instance.runs.waiting_of(id);
        let state = self.block_state(id, waiting, block);
        self.clients.tell(LabEvent::Block(state));
    }
}
