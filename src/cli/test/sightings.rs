//! What the lab has told of its runs, its checks and its shells.

use std::{
    collections::{HashMap, VecDeque},
    time::{Duration, Instant, SystemTime},
};

use crate::lab::{
    LabEvent,
    event::{BlockPlace, CheckState, How as Settled, Moment, RunState},
};

/// What was told, as it is by now.
#[derive(Debug, Default)]
pub(super) struct Sightings {
    /// The last run of each block.
    pub(super) blocks: HashMap<BlockPlace, Seen>,
    /// How it stands with each check.
    pub(super) checks: HashMap<BlockPlace, CheckState>,
    /// The runs of on-load commands, by id, in their order.
    pub(super) loose: HashMap<String, VecDeque<Seen>>,
    /// The terminals whose shells have ended, and why.
    pub(super) gone: Vec<(u16, String)>,
}

/// A run, as far as is known.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub(super) state: RunState,
    /// Since when it is in this state.
    pub(super) at: Instant,
    /// Where its output begins and ends, and when.
    pub(super) began: Option<(u64, SystemTime)>,
    pub(super) ended: Option<(u64, SystemTime)>,
    /// What the terminal says of it where nobody tells its end.
    pub(super) settled: Option<Settled>,
}

/// Which run is meant.
#[derive(Debug, Clone)]
pub(super) enum Run {
    Block(BlockPlace),
    /// An on-load command that has begun, as it was last seen.
    Loose(String),
}

impl Sightings {
    /// Takes in an event.
    pub(super) fn take(&mut self, event: &LabEvent) {
        match event {
            LabEvent::Block(state) => {
                let Some(run) = &state.last else { return };
                let seen = Seen {
                    settled: run.settled,
                    ..Seen::now(run.state, run.began, run.ended)
                };
                let before = self.blocks.insert(run.block.clone(), seen);
                // What is told twice is as old as it was.
                if let Some(before) = before
                    && let Some(seen) = self.blocks.get_mut(&run.block)
                    && before.state == seen.state
                {
                    seen.at = before.at;
                }
            }
            LabEvent::Check(state) => {
                self.checks.insert(state.place.clone(), state.clone());
            }
            LabEvent::Loose(run) => {
                let seen = Seen::now(run.state, run.began, run.ended);
                let runs = self.loose.entry(run.id.clone()).or_default();
                match runs.iter_mut().find(|seen| seen.state == RunState::Running) {
                    Some(running) if run.state != RunState::Running => *running = seen,
                    _ => runs.push_back(seen),
                }
            }
            LabEvent::Terminal(view) => {
                self.gone.extend(view.ended().map(|why| (view.number, why)));
            }
            _ => {}
        }
    }

    pub(super) fn seen(&self, run: &Run) -> Option<&Seen> {
        match run {
            Run::Block(place) => self.blocks.get(place),
            Run::Loose(id) => self.loose.get(id)?.front(),
        }
    }
}

impl Seen {
    fn now(state: RunState, began: Option<Moment>, ended: Option<Moment>) -> Self {
        let place = |moment: Moment| (moment.offset, moment.at);
        Self {
            state,
            at: Instant::now(),
            began: began.map(place),
            ended: ended.map(place),
            settled: None,
        }
    }

    /// How long its commands took, where the shell told.
    pub(super) fn took(&self) -> Option<Duration> {
        let ((_, began), (_, ended)) = (self.began?, self.ended?);
        ended.duration_since(began).ok()
    }
}
