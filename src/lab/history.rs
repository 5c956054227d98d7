//! What happened in a lab, in its order: the steps that were shown, what was run, what was checked.

use std::{collections::VecDeque, sync::Arc, time::SystemTime};

use super::{
    event::{BlockPlace, CheckResult, RunState},
    judge::Verdict,
};
use crate::{
    scenario::{Invocation, Page},
    terminal::{
        runs::RunNumber,
        tracking::{Moment, Stage},
    },
};

/// How many events are remembered; the oldest are forgotten first. A day of clicks has fewer.
const MOST_EVENTS: usize = 10_000;

/// What a check's message counts, which has a bound of its own.
const MESSAGE_BYTES: usize = 2_000;

/// How much text they may have together.
const MOST_BYTES: usize = 8 * 1024 * 1024;

/// What happened, with a bound.
#[derive(Debug, Clone, Default)]
pub(super) struct History {
    events: VecDeque<HistoryEvent>,
    bytes: usize,
    /// How many events were forgotten.
    pub(super) forgotten: usize,
}

/// Something that happened.
#[derive(Debug, Clone)]
pub(super) enum HistoryEvent {
    /// A step was shown.
    Step(ShownStep),
    /// Something was run.
    Run(PastRun),
    /// A check ended in another way than before.
    Check(PastCheck),
}

/// A step that was shown.
#[derive(Debug, Clone)]
pub(super) struct ShownStep {
    pub(super) step: Arc<str>,
    pub(super) title: Arc<str>,
    pub(super) at: SystemTime,
    /// How much each terminal had written by then.
    pub(super) offsets: Box<[u64]>,
}

/// A check that was made.
#[derive(Debug, Clone)]
pub(super) struct PastCheck {
    block: BlockPlace,
    pub(super) name: Arc<str>,
    pub(super) at: SystemTime,
    pub(super) verdict: Verdict,
}

/// Something that was run: a block, an on-load command, a link's command.
#[derive(Debug, Clone)]
pub(super) struct PastRun {
    number: RunNumber,
    /// The block, where it was one.
    pub(super) block: Option<BlockPlace>,
    /// What people call it.
    pub(super) name: Arc<str>,
    /// The language of its text, as written.
    pub(super) language: Arc<str>,
    pub(super) command: Arc<str>,
    pub(super) terminal: u16,
    pub(super) state: RunState,
    /// When all of it had been typed, if it was.
    pub(super) typed: Option<Moment>,
    pub(super) began: Option<Moment>,
    pub(super) ended: Option<Moment>,
    /// Whether it did what is expected of it, where somebody can know.
    pub(super) verdict: Option<Verdict>,
}

impl History {
    /// All that is remembered.
    pub(super) fn events(&self) -> impl DoubleEndedIterator<Item = &HistoryEvent> {
        self.events.iter()
    }

    /// The runs among it.
    pub(super) fn runs(&self) -> impl DoubleEndedIterator<Item = &PastRun> {
        self.events().filter_map(|event| match event {
            HistoryEvent::Run(run) => Some(run),
            HistoryEvent::Step(_) | HistoryEvent::Check(_) => None,
        })
    }

    /// Notes that a step is shown, and how much each terminal has written before. One that is only
    /// loaded again is still the same.
    pub(super) fn show(&mut self, page: &Page, offsets: impl Iterator<Item = u64>) {
        let last = self.events().rev().find_map(|event| match event {
            HistoryEvent::Step(shown) => Some(&*shown.step),
            HistoryEvent::Run(_) | HistoryEvent::Check(_) => None,
        });
        if last != Some(&*page.step) {
            self.push(HistoryEvent::Step(ShownStep {
                step: page.step.as_str().into(),
                title: page.title.as_str().into(),
                at: SystemTime::now(),
                offsets: offsets.collect(),
            }));
        }
    }

    /// Notes that something is to be run; `page` is the one shown.
    pub(super) fn run(
        &mut self,
        number: RunNumber,
        invocation: &Invocation,
        terminal: u16,
        block: Option<BlockPlace>,
        page: Option<&Page>,
    ) {
        let index = block.as_ref().map(|block| block.index);
        let found = index.and_then(|index| page?.blocks.iter().find(|one| one.index == index));
        self.push(HistoryEvent::Run(PastRun {
            number,
            name: name_of(block.as_ref(), page).into(),
            language: found.map_or("", |block| &block.language).into(),
            block,
            command: invocation.command.as_str().into(),
            terminal,
            state: RunState::Waiting,
            typed: None,
            began: None,
            ended: None,
            verdict: None,
        }));
    }

    /// Notes that a check has ended. One that is made again and again is told when it changes.
    pub(super) fn check(&mut self, block: &BlockPlace, result: &CheckResult, page: Option<&Page>) {
        let before = self.events().rev().find_map(|event| match event {
            HistoryEvent::Check(check) if check.block == *block => Some(&check.verdict),
            _ => None,
        });
        if before != Some(&result.verdict) {
            self.push(HistoryEvent::Check(PastCheck {
                block: block.clone(),
                name: name_of(Some(block), page).into(),
                at: result.ended,
                verdict: result.verdict.clone(),
            }));
        }
    }

    /// Notes that all of a run was typed, before this place in the terminal's output or at it.
    pub(super) fn typed(&mut self, number: RunNumber, moment: Moment) {
        if let Some(run) = self.find(number) {
            run.typed = Some(moment);
        }
    }

    /// Notes what became of a run, and the verdict on it where there is one.
    pub(super) fn stage(&mut self, number: RunNumber, stage: Stage, verdict: Option<&Verdict>) {
        let Some(run) = self.find(number) else { return };
        run.verdict = verdict.cloned().or(run.verdict.take());
        match stage {
            // More may follow: its output reaches to the next run.
            Stage::Sent(moment) => {
                run.state = RunState::Sent;
                run.began = run.began.or(Some(moment));
            }
            Stage::Running(moment) => {
                run.state = RunState::Running;
                run.began = Some(moment);
            }
            Stage::Ended(code, moment) => {
                run.state = code.map_or(RunState::Sent, RunState::Ended);
                run.ended = Some(moment);
            }
            Stage::Playing(moment) => {
                run.state = RunState::Recorded;
                run.began = Some(moment);
            }
            Stage::Played(moment) => {
                run.state = RunState::Recorded;
                run.ended = Some(moment);
            }
            Stage::Settled(_) => {}
        }
    }

    /// Notes the verdict on a run, where that came after all else that is known of it.
    pub(super) fn judged(&mut self, number: RunNumber, verdict: &Verdict) {
        if let Some(run) = self.find(number) {
            run.verdict = Some(verdict.clone());
        }
    }

    /// Notes that a run was given up.
    pub(super) fn dropped(&mut self, number: RunNumber) {
        if let Some(run) = self.find(number) {
            run.state = RunState::Dropped;
        }
    }

    fn find(&mut self, number: RunNumber) -> Option<&mut PastRun> {
        // What changes is mostly among the last.
        self.events.iter_mut().rev().find_map(|event| match event {
            HistoryEvent::Run(run) if run.number == number => Some(run),
            _ => None,
        })
    }

    fn push(&mut self, event: HistoryEvent) {
        self.bytes += event.bytes();
        self.events.push_back(event);
        while self.events.len() > MOST_EVENTS || self.bytes > MOST_BYTES && self.events.len() > 1 {
            if let Some(oldest) = self.events.pop_front() {
                self.bytes -= oldest.bytes();
                self.forgotten += 1;
            }
        }
    }
}

/// What people call a block of the page shown, as the beginning of a line.
fn name_of(block: Option<&BlockPlace>, page: Option<&Page>) -> String {
    let Some(place) = block else {
        return "Command".to_owned();
    };
    let page = page.filter(|page| *page.step == *place.step);
    let block = page.and_then(|page| page.blocks.iter().find(|one| one.index == place.index));
    match (page, block) {
        (_, Some(block)) if block.expectation.title.is_some() => {
            block.expectation.title.clone().unwrap_or_default()
        }
        (Some(page), Some(block)) => page.block_name(block).replacen('b', "B", 1),
        _ => "Block".to_owned(),
    }
}

impl PastRun {
    /// Whether it is the same run.
    pub(super) fn is(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

impl HistoryEvent {
    fn bytes(&self) -> usize {
        match self {
            Self::Step(shown) => {
                shown.step.len() + shown.title.len() + size_of_val(&*shown.offsets)
            }
            Self::Run(run) => run.command.len() + run.language.len() + run.name.len(),
            Self::Check(check) => check.name.len() + MESSAGE_BYTES,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{Limit, config::ConfigFiles};

    fn invocation(command: &str) -> Invocation {
        Invocation {
            id: "id".to_owned(),
            executable: true,
            command: command.to_owned(),
            terminal: "host".to_owned(),
            macros_before: Vec::new(),
            max_invocations: Limit::UNLIMITED,
            background_color: None,
            block: None,
        }
    }

    #[test]
    fn oldest_events_are_forgotten_first() {
        let mut history = History::default();
        for number in 0..12_000 {
            history.run(number, &invocation("ls"), 0, None, None);
        }
        assert_eq!(history.events().count(), MOST_EVENTS);
        assert_eq!(history.forgotten, 2_000);
        assert_eq!(history.runs().next().unwrap().number, 2_000);
        let large = "x".repeat(MOST_BYTES / 2 + 1);
        history.run(12_000, &invocation(&large), 0, None, None);
        history.run(12_001, &invocation(&large), 0, None, None);
        assert_eq!(history.events().count(), 1);
        let absurd = "x".repeat(MOST_BYTES * 2);
        history.run(12_002, &invocation(&absurd), 0, None, None);
        assert_eq!(history.runs().last().unwrap().number, 12_002);
        let moment = Moment {
            at: SystemTime::UNIX_EPOCH,
            offset: 0,
        };
        history.stage(12_001, Stage::Sent(moment), None);
    }

    #[test]
    fn step_that_is_loaded_again_is_shown_once() {
        let (config, _) = crate::scenario::Config::read(ConfigFiles::default());
        let mut history = History::default();
        for step in ["intro", "intro", "step2", "intro"] {
            history.show(&Page::parse(step, "# T", &config), std::iter::empty());
        }
        assert_eq!(history.events().count(), 3);
    }
}
