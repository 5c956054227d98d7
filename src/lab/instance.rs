//! One run of a lab, from its start to the next start over.

use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use tokio::sync::mpsc;
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::TaskTracker,
};

use super::{
    actor::StepRunner,
    asks::Asks,
    checker::{CheckEnd, Checker},
    checks::LabChecks,
    event::TerminalView,
    folder::Folder,
    handle::LabError,
    history::History,
    options::LabOptions,
    progress::Progress,
    record::Record,
    runs::LabRuns,
    store::random_name,
};
use crate::{
    command::State,
    scenario::{
        Page,
        config::{MAX_TERMINALS, TerminalSpec},
    },
    terminal::{
        Launcher, Status, TerminalEvent, TerminalHandle,
        handle::{Full, Surroundings},
        pty::Sessions,
        recorder::Recorder,
        runs::RunNumber,
        tracking::Moment,
    },
};

/// How many events of terminals may wait for the lab; the terminals wait then.
const TERMINAL_EVENTS: usize = 256;

/// How many terminals there may have been; a lab that had more is to be started over. An author who
/// saves another id with each key has typed for long.
const MAX_EVER: usize = 1_000;

/// How long a lab's terminals get to end before it goes on without them.
const END_PATIENCE: Duration = Duration::from_secs(2);

/// One run of a lab, from its start to the next start over.
pub(super) struct Instance {
    pub(super) name: Arc<str>,
    /// All terminals that there ever were, by number.
    pub(super) terminals: Vec<TerminalView>,
    /// The numbers of those that there are, in the order in which they are shown.
    layout: Vec<u16>,
    /// What another terminal needs to live.
    around: Surroundings,
    pub(super) events: mpsc::Receiver<TerminalEvent>,
    /// Ends the terminals, however the instance ends.
    cancel: DropGuard,
    tracker: TaskTracker,
    pub(super) next_run: RunNumber,
    pub(super) runs: LabRuns,
    pub(super) asks: Asks,
    pub(super) step_runner: StepRunner,
    pub(super) checks: LabChecks,
    /// When to look again at the output that the way on waits for.
    pub(super) judge_again_at: Option<Instant>,
    /// How far the terminals had written when that was done last: nothing new says nothing new.
    pub(super) judged_ends: Vec<u64>,
    pub(super) checker: Checker,
    /// Tells of checks that have ended.
    pub(super) checked: mpsc::Receiver<CheckEnd>,
    pub(super) progress: Progress,
    pub(super) history: History,
    began: SystemTime,
    /// None where nothing is to be recorded.
    recorder: Option<Arc<Recorder>>,
    /// Whether the entry step, or another one, has been loaded.
    pub(super) begun: bool,
}

impl Instance {
    /// Makes fresh terminals. Their shells' generations come after `last_generation`, so that input
    /// for an earlier instance's shell is never taken for theirs.
    pub(super) fn begin(
        folder: &Folder,
        options: &LabOptions,
        state: &State,
        last_generation: u32,
    ) -> Self {
        let (sender, events) = mpsc::channel(TERMINAL_EVENTS);
        let (cancel, tracker) = (CancellationToken::new(), TaskTracker::new());
        let sessions = Arc::<Sessions>::default();
        let launcher = Launcher::new(
            options.shell.clone(),
            folder.root(),
            options.integration.clone(),
        );
        let around = Surroundings {
            number: 0,
            launcher: launcher.clone(),
            last_generation,
            patience: options.interrupt_patience,
            events: sender,
            sessions: sessions.clone(),
            cancel: cancel.clone(),
            tracker: tracker.clone(),
        };
        let (checker, checked) = Checker::new(launcher, sessions, cancel.clone(), tracker.clone());
        let recorder = options
            .record
            .then(|| Recorder::begin(cancel.clone(), &tracker));
        let mut instance = Self {
            name: random_name().into(),
            terminals: Vec::new(),
            layout: Vec::new(),
            around,
            events,
            cancel: cancel.drop_guard(),
            tracker,
            next_run: 0,
            runs: LabRuns::default(),
            asks: Asks::default(),
            step_runner: StepRunner::default(),
            checks: LabChecks::default(),
            judge_again_at: None,
            judged_ends: Vec::new(),
            checker,
            checked,
            progress: Progress::new(SystemTime::now()),
            history: History::default(),
            began: SystemTime::now(),
            recorder,
            begun: false,
        };
        instance.arrange(&state.config.terminals);
        instance
    }

    /// The terminals that there are, in the order in which they are shown.
    pub(super) fn layout(&self) -> Vec<TerminalView> {
        let views = self.layout.iter().map(|number| self.view(*number));
        views.cloned().collect()
    }

    /// Whether a terminal is still there.
    pub(super) fn has(&self, number: u16) -> bool {
        self.layout.contains(&number)
    }

    /// Has a terminal for each of the config's, in its order. One that is there already stays as it
    /// is, but for its name. Behind them stay those that the config has no more, until nothing has
    /// run in them for a moment. Returns how many are left out, because the lab has no room for them.
    pub(super) fn arrange(&mut self, specs: &[TerminalSpec]) -> usize {
        let mut others = std::mem::take(&mut self.layout);
        let mut known = Vec::new();
        for spec in specs {
            let found = others.iter().position(|one| self.view(*one).id == spec.id);
            known.push(found.map(|index| others.remove(index)));
        }
        others.retain(|number| self.stays(*number));
        let mut count = others.len() + known.iter().flatten().count();
        let mut left_out = 0;
        for (spec, known) in specs.iter().zip(known) {
            let number = match known {
                Some(number) => {
                    self.retire(number, false);
                    number
                }
                None if count < MAX_TERMINALS && self.terminals.len() < MAX_EVER => {
                    count += 1;
                    self.add(&spec.id)
                }
                None => {
                    left_out += 1;
                    continue;
                }
            };
            self.rename(number, spec.name.clone());
            self.layout.push(number);
        }
        self.layout.extend(others);
        left_out
    }

    /// Whether a terminal stays that the config has no more; else it is ended.
    fn stays(&mut self, number: u16) -> bool {
        let view = self.view(number);
        let waits = self.runs.wait_for(number) || self.asks.wait_for(number);
        let stays = view.status == Status::Running || waits;
        if !stays {
            view.handle.end();
        } else if !view.removed {
            let name = format!("{} (removed)", view.name);
            self.rename(number, name);
            self.retire(number, true);
        }
        stays
    }

    fn add(&mut self, id: &str) -> u16 {
        let number = u16::try_from(self.terminals.len()).unwrap_or(u16::MAX);
        let handle = TerminalHandle::spawn(Surroundings {
            number,
            ..self.around.clone()
        });
        if let Some(recorder) = &self.recorder {
            recorder.add(number, &handle);
        }
        self.terminals.push(TerminalView {
            number,
            id: id.to_owned(),
            name: String::new(),
            removed: false,
            generation: 0,
            status: Status::Waiting,
            handle,
        });
        number
    }

    fn rename(&mut self, number: u16, name: String) {
        if let Some(view) = self.terminals.get_mut(usize::from(number)) {
            view.name = name;
        }
    }

    fn retire(&mut self, number: u16, removed: bool) {
        let Some(view) = self.terminals.get_mut(usize::from(number)) else {
            return;
        };
        if view.removed != removed && view.handle.retire(removed).is_err() {
            tracing::warn!(
                terminal = number,
                removed,
                "terminal has no room to be told"
            );
        }
        view.removed = removed;
    }

    /// All that happened until now, to be read elsewhere.
    pub(super) fn record(&self, folder: &Folder) -> Record {
        let gone = self.terminals.iter().filter(|view| !self.has(view.number));
        let gone = gone.filter(|view| view.handle.output().end() > 0);
        Record {
            folder: folder.clone(),
            began: self.began,
            terminals: self.layout().into_iter().chain(gone.cloned()).collect(),
            history: self.history.clone(),
            recorder: self.recorder.clone(),
        }
    }

    /// Notes that a step is shown now.
    pub(super) fn note_step(&mut self, page: &Page) {
        let terminals = self.terminals.iter();
        let offsets = terminals.map(|view| view.handle.output().end());
        self.history.show(page, offsets);
    }

    /// Notes that all of a run was typed just now.
    pub(super) fn note_typed(&mut self, terminal: u16, run: RunNumber) {
        let moment = Moment {
            at: SystemTime::now(),
            offset: self.view(terminal).handle.output().end(),
        };
        self.history.typed(run, moment);
    }

    /// The highest generation of any terminal's shell so far.
    pub(super) fn last_generation(&self) -> u32 {
        let generations = self.terminals.iter().map(|terminal| terminal.generation);
        generations.max().unwrap_or_default()
    }

    /// Ends all terminals and what runs in them.
    pub(super) async fn end(self) {
        // Terminals that wait to tell something must not wait for ever.
        drop(self.events);
        drop(self.checked);
        drop(self.cancel);
        self.tracker.close();
        if tokio::time::timeout(END_PATIENCE, self.tracker.wait())
            .await
            .is_err()
        {
            tracing::warn!("terminals did not end in time");
        }
        // Jobs that ignored the end of their terminal.
        self.around.sessions.kill();
    }

    /// The number of the terminal with that id, or of the first one: ids were resolved against the
    /// config before, which may have more terminals than there is room for.
    pub(super) fn number_of(&self, id: &str) -> u16 {
        let mut layout = self.layout.iter().copied();
        let found = layout.find(|number| self.view(*number).id == id);
        found.or(self.layout.first().copied()).unwrap_or_default()
    }

    #[expect(
        clippy::indexing_slicing,
        reason = "numbers come from the instance's own terminals"
    )]
    pub(super) fn view(&self, number: u16) -> &TerminalView {
        &self.terminals[usize::from(number)]
    }

    /// Asks something of a terminal, which may have no room for it.
    pub(super) fn request(
        &self,
        number: u16,
        ask: impl FnOnce(&TerminalHandle) -> Result<(), Full>,
    ) -> Result<(), LabError> {
        let view = self.view(number);
        ask(&view.handle).map_err(|Full| LabError::TerminalFull(view.id.clone()))
    }
}
