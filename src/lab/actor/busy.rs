//! Clicks on terminals in which a program may run.

use super::Lab;
use crate::{
    command::{CommandError, Role, arguments::WhenBusy},
    lab::{
        asks::Ask,
        event::{Busy, RunState},
        handle::{Executed, LabError},
    },
    scenario::Invocation,
    terminal::{
        occupation::{Occupant, When},
        runs::{Part, RunNumber},
    },
};

impl Lab {
    /// Types an invocation into its terminal, with regard to what stands there. One that asks is
    /// noted in `executed`, and counts when the terminal has taken it.
    pub(super) fn run_when(
        &mut self,
        invocation: &Invocation,
        when: WhenBusy,
        executed: &mut Executed,
    ) -> Result<u16, LabError> {
        let terminal = self.instance.number_of(&invocation.terminal);
        let (before, when) = match when {
            WhenBusy::Ask => return self.ask(terminal, invocation, executed),
            WhenBusy::Queue => (None, When::Prompt),
            WhenBusy::Interrupt => (Some(Part::Interrupt), When::Prompt),
            WhenBusy::Type => (None, When::Now),
        };
        let run = self.enqueue_invocation(terminal, invocation, before, when)?;
        let state = if when == When::Now {
            RunState::Waiting
        } else {
            RunState::Queued
        };
        self.note_run(run, terminal, invocation, state);
        Ok(terminal)
    }

    fn ask(
        &mut self,
        terminal: u16,
        invocation: &Invocation,
        executed: &mut Executed,
    ) -> Result<u16, LabError> {
        // Those that ask already will count if they are taken.
        let runs = self.state.runs(&invocation.id) + self.instance.asks.of(&invocation.id);
        if let Some(limit) = invocation.max_invocations.0
            && runs >= limit
        {
            let id = invocation.id.clone();
            return Err(CommandError::LimitReached { id, limit }.into());
        }
        let run = self.enqueue_invocation(terminal, invocation, None, When::Ask)?;
        let ask = Ask {
            invocation: invocation.clone(),
            terminal,
            execution: None,
            answers: Vec::new(),
        };
        self.instance.asks.add(run, ask);
        executed.asks = Some(run);
        Ok(terminal)
    }

    /// Notes that a run that asked is typed next.
    pub(super) fn ask_accepted(&mut self, run: RunNumber) {
        let Some(ask) = self.instance.asks.take(run) else {
            return;
        };
        self.note_run(run, ask.terminal, &ask.invocation, RunState::Waiting);
        let executed = Executed {
            repeated: false,
            terminals: vec![ask.terminal],
            link: None,
            asks: None,
        };
        self.answer(ask, &Ok(executed));
    }

    /// Tells who asked what keeps the terminal busy.
    pub(super) fn ask_refused(&mut self, run: RunNumber, occupant: Occupant) {
        let Some(ask) = self.instance.asks.take(run) else {
            return;
        };
        let block = self.instance.runs.running_in(ask.terminal);
        let busy = Busy {
            terminal: ask.terminal,
            name: self.instance.view(ask.terminal).name.clone(),
            program: occupant.program,
            since: occupant.since,
            block: block.map(|run| run.block.clone()),
            wanted: self
                .state
                .block_of(&ask.invocation)
                .map(|block| block.index),
        };
        self.answer(ask, &Err(LabError::TerminalBusy(Box::new(busy))));
    }

    /// Answers all that asked a terminal whose shell has ended.
    pub(super) fn refuse_asks(&mut self, terminal: u16) {
        let name = self.instance.view(terminal).name.clone();
        for ask in self.instance.asks.take_of(terminal) {
            self.answer(ask, &Err(LabError::ShellEnded(name.clone())));
        }
    }

    /// Answers all that asked, because the lab is started over.
    pub(super) fn refuse_all_asks(&mut self) {
        let terminals = self.instance.terminals.iter().map(|view| view.number);
        for terminal in terminals.collect::<Vec<_>>() {
            self.refuse_asks(terminal);
        }
    }

    fn answer(&mut self, ask: Ask, outcome: &Result<Executed, LabError>) {
        if let Some(id) = ask.execution {
            // No viewer runs anything.
            self.executions.remember(id, Role::Remote, outcome.clone());
        }
        for answer in ask.answers {
            // The asker may have lost its connection; it will ask again.
            drop(answer.send(outcome.clone()));
        }
    }

    /// Takes back all runs of a block of the current step that wait for a prompt.
    pub(super) fn cancel_block(&mut self, index: usize) -> Result<u16, LabError> {
        let place = self.place_of(index);
        let queued = self.instance.runs.queued(&place);
        let (runs, terminal) = queued.ok_or(LabError::NotQueued)?;
        for run in runs {
            self.cancel_run(run, terminal)?;
        }
        Ok(terminal)
    }

    pub(super) fn cancel_run(&self, run: RunNumber, terminal: u16) -> Result<(), LabError> {
        self.instance.request(terminal, |handle| handle.cancel(run))
    }

    /// Notes that a run was never typed: it does not count.
    pub(super) fn drop_run(&mut self, run: RunNumber, why: &str) {
        self.instance.history.dropped(run);
        if let Some((id, block)) = self.instance.runs.dropped(run) {
            self.state.uncount(&id);
            self.tell_block(&id, block.as_ref());
            if let Some(run) = block.and_then(|block| self.instance.runs.last(&block)) {
                self.instance.progress.dropped(run);
            }
        }
        self.step_run_dropped(run, why);
    }
}
