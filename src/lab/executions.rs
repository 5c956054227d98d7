//! What was executed lately, so that an execution that is asked for again runs once.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use super::handle::{Executed, LabError};

/// How many executions are remembered.
const REMEMBERED: usize = 512;

/// The longest refusal that is remembered. Longer ones repeat a name that a client made up; asked
/// again, they are found out again.
const REFUSAL_BYTES: usize = 1024;

/// Executions by id, the oldest forgotten first.
#[derive(Default)]
pub(super) struct Executions {
    results: HashMap<Arc<str>, Result<Executed, LabError>>,
    order: VecDeque<Arc<str>>,
}

impl Executions {
    /// What came of the execution, where it is known.
    pub(super) fn repeat(&self, id: &str) -> Option<Result<Executed, LabError>> {
        let known = self.results.get(id)?.clone();
        Some(known.map(|executed| Executed {
            repeated: true,
            ..executed
        }))
    }

    pub(super) fn remember(&mut self, id: Arc<str>, result: Result<Executed, LabError>) {
        let refusal = result.as_ref().err().map(ToString::to_string);
        if refusal.is_some_and(|text| text.len() > REFUSAL_BYTES) {
            return;
        }
        if self.order.len() >= REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.results.remove(&oldest);
        }
        self.order.push_back(id.clone());
        self.results.insert(id, result);
    }
}
