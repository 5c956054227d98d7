//! What was executed lately, so that an execution that is asked for again runs once.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use super::handle::{Executed, LabError};
use crate::command::Role;

/// How many executions are remembered of viewers, and of all others.
const REMEMBERED: usize = 512;

/// The longest refusal that is remembered. Longer ones repeat a name that a client made up; asked
/// again, they are found out again.
const REFUSAL_BYTES: usize = 1024;

/// What was executed, by id.
///
/// That of viewers is kept apart: as many as they are, they must not make the lab forget what a
/// driver may ask for again.
#[derive(Default)]
pub(super) struct Executions {
    of_viewers: Remembered,
    of_others: Remembered,
}

/// Executions by id, the oldest forgotten first.
#[derive(Default)]
struct Remembered {
    results: HashMap<Arc<str>, Result<Executed, LabError>>,
    order: VecDeque<Arc<str>>,
}

impl Executions {
    /// What came of the execution, where it is known.
    pub(super) fn repeat(&self, id: &str) -> Option<Result<Executed, LabError>> {
        let known = [&self.of_others, &self.of_viewers];
        let known = known.iter().find_map(|known| known.results.get(id))?;
        Some(known.clone().map(|executed| Executed {
            repeated: true,
            ..executed
        }))
    }

    pub(super) fn remember(
        &mut self,
        id: Arc<str>,
        role: Role,
        result: Result<Executed, LabError>,
    ) {
        let refusal = result.as_ref().err().map(ToString::to_string);
        if refusal.is_some_and(|text| text.len() > REFUSAL_BYTES) {
            return;
        }
        if role == Role::Viewer {
            self.of_viewers.add(id, result);
        } else {
            self.of_others.add(id, result);
        }
    }
}

impl Remembered {
    fn add(&mut self, id: Arc<str>, result: Result<Executed, LabError>) {
        if self.order.len() >= REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.results.remove(&oldest);
        }
        self.order.push_back(id.clone());
        self.results.insert(id, result);
    }
}
