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
    scenario::Page,
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

/// How long a lab's terminals get to end before it goes on without them.
const END_PATIENCE: Duration = Duration::from_secs(2);

/// One run of a lab, from its start to the next start over.
pub(super) struct Instance {
    pub(super) name: Arc<str>,
    pub(super) terminals: Vec<TerminalView>,
    pub(super) events: mpsc::Receiver<TerminalEvent>,
    /// What was ever started in the terminals.
    sessions: Arc<Sessions>,
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
        let terminals: Vec<TerminalView> = (0..)
            .zip(&state.config.terminals)
            .map(|(number, spec)| TerminalView {
                number,
                id: spec.id.clone(),
                name: spec.name.clone(),
                generation: 0,
                status: Status::Waiting,
                handle: TerminalHandle::spawn(Surroundings {
                    number,
                    launcher: launcher.clone(),
                    last_generation,
                    patience: options.interrupt_patience,
                    events: sender.clone(),
                    sessions: sessions.clone(),
                    cancel: cancel.clone(),
                    tracker: tracker.clone(),
                }),
            })
            .collect();
        let (checker, checked) =
            Checker::new(launcher, sessions.clone(), cancel.clone(), tracker.clone());
        let recorder = options.record.then(|| {
            let handles = terminals.iter().map(|view| &view.handle);
            Recorder::begin(handles, cancel.clone(), &tracker)
        });
        Self {
            name: random_name().into(),
            terminals,
            events,
            sessions,
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
        }
    }

    /// All that happened until now, to be read elsewhere.
    pub(super) fn record(&self, folder: &Folder) -> Record {
        Record {
            folder: folder.clone(),
            began: self.began,
            terminals: self.terminals.clone(),
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
        self.sessions.kill();
    }

    /// The number of the terminal with that id; ids were resolved against the layout before.
    pub(super) fn number_of(&self, id: &str) -> u16 {
        let found = self.terminals.iter().find(|terminal| terminal.id == id);
        found.map_or(0, |terminal| terminal.number)
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
