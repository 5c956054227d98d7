//! The runs that asked whether they may be typed, until their terminals have answered.

use std::{collections::HashMap, sync::Arc};

use tokio::sync::oneshot;

use super::handle::{Executed, LabError};
use crate::{scenario::Invocation, terminal::runs::RunNumber};

/// Who waits for the outcome of an execution.
pub(super) type Answer = oneshot::Sender<Result<Executed, LabError>>;

/// A run that asked.
#[derive(Debug)]
pub(super) struct Ask {
    /// What would be typed.
    pub(super) invocation: Invocation,
    /// The number of its terminal.
    pub(super) terminal: u16,
    /// The execution's id.
    pub(super) execution: Option<Arc<str>>,
    /// Who waits: an execution that is repeated meanwhile has the same outcome.
    pub(super) answers: Vec<Answer>,
}

/// All runs that asked. Terminals bound how many may.
#[derive(Debug, Default)]
pub(super) struct Asks(HashMap<RunNumber, Ask>);

impl Asks {
    /// Notes a run that asks.
    pub(super) fn add(&mut self, number: RunNumber, ask: Ask) {
        self.0.insert(number, ask);
    }

    /// Takes out a run whose answer came.
    pub(super) fn take(&mut self, number: RunNumber) -> Option<Ask> {
        self.0.remove(&number)
    }

    /// Takes out what asks in a terminal that can't answer any more.
    pub(super) fn take_of(&mut self, terminal: u16) -> Vec<Ask> {
        let of_it = |ask: &Ask| ask.terminal == terminal;
        let asks = self.0.extract_if(|_, ask| of_it(ask));
        asks.map(|(_, ask)| ask).collect()
    }

    /// Whether something asks in a terminal.
    pub(super) fn wait_for(&self, terminal: u16) -> bool {
        self.0.values().any(|ask| ask.terminal == terminal)
    }

    /// Has somebody wait for a run's answer.
    pub(super) fn wait(&mut self, number: RunNumber, execution: Option<Arc<str>>, answer: Answer) {
        if let Some(ask) = self.0.get_mut(&number) {
            ask.execution = execution;
            ask.answers.push(answer);
        }
    }

    /// Has somebody wait for an execution that asks already; gives the answer back where none does.
    pub(super) fn join(&mut self, execution: Option<&Arc<str>>, answer: Answer) -> Option<Answer> {
        let mut asks = self.0.values_mut();
        let known = asks.find(|ask| execution.is_some() && ask.execution.as_ref() == execution);
        match known {
            Some(ask) => {
                ask.answers.push(answer);
                None
            }
            None => Some(answer),
        }
    }

    /// How many runs of a block id ask.
    pub(super) fn of(&self, id: &str) -> u64 {
        let asks = self.0.values().filter(|ask| ask.invocation.id == id);
        asks.map(|_| 1).sum()
    }
}
