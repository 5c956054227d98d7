//! The task that owns a lab: its place in the steps, its counts, its terminals, its clients.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::TaskTracker,
};

use super::{
    event::{BlockState, LabEvent, LabSnapshot, Notice, PageView, TerminalView},
    folder::Folder,
    handle::{Executed, Execution, INBOX, LabError, LabHandle, Request},
    load::load,
};
use crate::{
    command::{Call, Effect, Origin, State, resolve, state::ENTRY_STEP},
    scenario::{Invocation, Macro, Page},
    terminal::{
        Launcher, Status, TerminalEvent, TerminalHandle,
        handle::{News, Surroundings},
        pty::Sessions,
        runs::{Part, Run, RunNumber},
    },
};

/// How many executions are remembered, so that repeated ones run once.
const REMEMBERED_EXECUTIONS: usize = 512;

/// The longest refusal that is remembered. Longer ones repeat a name that a client made up; asked
/// again, they are found out again.
const REMEMBERED_REFUSAL_BYTES: usize = 1024;

/// How many terminals a lab opens, far more than anybody can look at; each may cost a shell.
const MAX_TERMINALS: usize = 100;

/// How many events of terminals may wait for the lab; the terminals wait then.
const TERMINAL_EVENTS: usize = 256;

/// How long a lab's terminals get to end before it goes on without them.
const END_PATIENCE: Duration = Duration::from_secs(2);

/// How a lab runs its shells.
#[derive(Debug, Clone)]
pub struct LabOptions {
    /// The shell, or the user's own.
    pub shell: Option<std::path::PathBuf>,
    /// How long a command waits after an interrupt before it is typed anyway.
    pub interrupt_patience: Duration,
}

pub(super) struct Lab {
    folder: Folder,
    options: LabOptions,
    state: State,
    instance: Instance,
    clients: HashMap<u64, mpsc::Sender<LabEvent>>,
    executions: Executions,
    cancel: CancellationToken,
}

/// One run of a lab, from its start to the next start over.
struct Instance {
    name: Arc<str>,
    terminals: Vec<TerminalView>,
    events: mpsc::Receiver<TerminalEvent>,
    /// What was ever started in the terminals.
    sessions: Arc<Sessions>,
    /// Ends the terminals, however the instance ends.
    cancel: DropGuard,
    tracker: TaskTracker,
    next_run: RunNumber,
    /// The block id of each run that was not yet typed.
    waiting: HashMap<RunNumber, String>,
    /// Whether the entry step, or another one, has been loaded.
    begun: bool,
}

/// Executions by id, the oldest forgotten first.
#[derive(Default)]
struct Executions {
    results: HashMap<Arc<str>, Result<Executed, LabError>>,
    order: VecDeque<Arc<str>>,
}

impl Lab {
    /// Starts a lab of the scenario in `folder`.
    pub(super) fn spawn(
        folder: Folder,
        options: LabOptions,
        cancel: CancellationToken,
        tracker: &TaskTracker,
    ) -> LabHandle {
        let (inbox, requests) = mpsc::channel(INBOX);
        let closed = CancellationToken::new();
        let handle = LabHandle {
            inbox,
            folder: folder.clone(),
            closed: closed.clone(),
        };
        let guard = closed.drop_guard();
        tracker.spawn(async move {
            let _closed = guard;
            let state = begin_state(&folder);
            let instance = Instance::begin(&folder, &options, &state, 0);
            let lab = Self {
                folder,
                options,
                state,
                instance,
                clients: HashMap::new(),
                executions: Executions::default(),
                cancel,
            };
            lab.run(requests).await;
        });
        handle
    }

    async fn run(mut self, mut requests: mpsc::Receiver<Request>) {
        let cancel = self.cancel.clone();
        loop {
            tokio::select! {
                () = cancel.cancelled() => break,
                Some(event) = self.instance.events.recv() => self.terminal_event(event),
                request = requests.recv() => match request {
                    Some(request) => self.handle(request).await,
                    None => break,
                },
            }
        }
        self.instance.end().await;
    }

    async fn handle(&mut self, request: Request) {
        match request {
            Request::Attach {
                client,
                step,
                role,
                events,
                answer,
            } => {
                tracing::info!(lab = self.folder.name(), client, ?role, "client attached");
                let notice = self.arrive(step).await;
                self.clients.insert(client, events);
                let snapshot = LabSnapshot {
                    notice,
                    ..self.snapshot()
                };
                if answer.send(snapshot).is_err() {
                    self.clients.remove(&client);
                }
                self.tell_others(client);
            }
            Request::Detach { client } => {
                tracing::info!(lab = self.folder.name(), client, "client detached");
                if self.clients.remove(&client).is_some() {
                    self.tell(&LabEvent::Clients(self.clients.len()));
                }
            }
            Request::Execute { execution, answer } => {
                let result = self.execute(execution).await;
                // The asker may have lost its connection; it will ask again.
                drop(answer.send(result));
            }
        }
    }

    /// Loads the step that a client comes for, or the entry step for the first one.
    async fn arrive(&mut self, step: Option<String>) -> Option<Notice> {
        let wanted = match step {
            Some(step) if step != self.state.step || !self.instance.begun => step,
            None if !self.instance.begun => ENTRY_STEP.to_owned(),
            _ => return None,
        };
        let failure = |error: &LabError| Notice::failure(error.to_string(), error.hint());
        let mut notice = self
            .load_step(&wanted, None)
            .await
            .as_ref()
            .err()
            .map(failure);
        if !self.instance.begun {
            // A deep link to nowhere must not leave a fresh lab without a page.
            let entry = self.load_step(ENTRY_STEP, None).await;
            notice = notice.or_else(|| entry.as_ref().err().map(failure));
            self.instance.begun = true;
        }
        notice
    }

    async fn execute(&mut self, execution: Execution) -> Result<Executed, LabError> {
        let id = execution.id.clone();
        if let Some(known) = id.as_ref().and_then(|id| self.executions.results.get(id)) {
            return known.clone().map(|executed| Executed {
                repeated: true,
                ..executed
            });
        }
        let result = self.execute_new(&execution).await;
        if let Some(id) = id {
            self.executions.remember(id, result.clone());
        }
        result
    }

    async fn execute_new(&mut self, execution: &Execution) -> Result<Executed, LabError> {
        let call = Call {
            command: &execution.command,
            arguments: &execution.arguments,
            role: execution.role,
            origin: Origin::Client,
        };
        let effects = resolve(call, &self.state)?;
        tracing::info!(
            lab = self.folder.name(),
            command = execution.command,
            "command executed"
        );
        let mut terminals = Vec::new();
        for effect in effects {
            terminals.extend(self.apply(effect, execution).await?);
        }
        Ok(Executed {
            repeated: false,
            terminals,
        })
    }

    /// Does one thing, and names the terminals that were typed into.
    async fn apply(&mut self, effect: Effect, execution: &Execution) -> Result<Vec<u16>, LabError> {
        match effect {
            Effect::LoadStep { step } => return self.load_step(&step, execution.id.as_ref()).await,
            Effect::Run(invocation) => return self.run_invocation(&invocation).map(|n| vec![n]),
            Effect::Type { terminal, text } => {
                let parts = VecDeque::from([Part::Text(text.into())]);
                let number = self.number_of(&terminal);
                self.enqueue(number, None, parts)?;
                self.state.active_terminal = terminal;
                return Ok(vec![number]);
            }
            Effect::Clear { terminal } => {
                let full = |_| LabError::TerminalFull(terminal.clone());
                self.view(self.number_of(&terminal))
                    .handle
                    .clear()
                    .map_err(full)?;
            }
            Effect::Restart { terminal } => {
                let full = |_| LabError::TerminalFull(terminal.clone());
                self.view(self.number_of(&terminal))
                    .handle
                    .restart()
                    .map_err(full)?;
            }
            Effect::Focus { terminal } => {
                let number = self.number_of(&terminal);
                self.tell_one(execution.client, LabEvent::Focus(number));
            }
            Effect::OpenDocument { uri } => {
                self.tell_one(execution.client, LabEvent::OpenDocument(uri));
            }
            Effect::StartOver => self.start_over().await?,
        }
        Ok(Vec::new())
    }

    /// Shows a step to everybody and runs its on-load commands, as far as their counts allow.
    async fn load_step(
        &mut self,
        step: &str,
        execution: Option<&Arc<str>>,
    ) -> Result<Vec<u16>, LabError> {
        let page = load(&self.folder, &self.state.config, step).await?;
        self.instance.begun = true;
        step.clone_into(&mut self.state.step);
        self.state.page = Some(page.clone());
        self.tell(&LabEvent::Page {
            view: self.page_view(&page),
            execution: execution.cloned(),
        });
        let on_load = self.state.config.on_load(step).to_vec();
        let mut terminals = Vec::new();
        for invocation in on_load {
            if self.state.admit(&invocation).is_ok() {
                terminals.push(self.run_invocation(&invocation)?);
            }
        }
        Ok(terminals)
    }

    /// Types an invocation into its terminal and counts it.
    fn run_invocation(&mut self, invocation: &Invocation) -> Result<u16, LabError> {
        let mut parts: VecDeque<Part> = invocation
            .macros_before
            .iter()
            .map(|Macro::CtrlC| Part::Interrupt)
            .collect();
        parts.push_back(Part::Text(Bytes::from(invocation.typed_text())));
        let number = self.number_of(&invocation.terminal);
        self.enqueue(number, Some(invocation.id.clone()), parts)?;
        self.state.count(invocation);
        self.tell(&LabEvent::Block(self.block_state(&invocation.id)));
        Ok(number)
    }

    fn enqueue(
        &mut self,
        terminal: u16,
        block: Option<String>,
        parts: VecDeque<Part>,
    ) -> Result<(), LabError> {
        let number = self.instance.next_run;
        let view = self.view(terminal);
        let full = |_| LabError::TerminalFull(view.id.clone());
        view.handle.run(Run { number, parts }).map_err(full)?;
        self.instance.next_run += 1;
        if let Some(block) = block {
            self.instance.waiting.insert(number, block);
        }
        Ok(())
    }

    fn terminal_event(&mut self, TerminalEvent { terminal, news }: TerminalEvent) {
        match news {
            News::Status { generation, status } => {
                let index = usize::from(terminal);
                let Some(view) = self.instance.terminals.get_mut(index) else {
                    return;
                };
                view.generation = generation;
                view.status = status;
                let view = view.clone();
                self.tell(&LabEvent::Terminal(view));
            }
            News::Typed(run) => self.no_longer_waiting(run),
            News::Dropped(runs) => {
                let name = self.view(terminal).name.clone();
                for run in runs {
                    self.no_longer_waiting(run);
                }
                self.tell(&LabEvent::Notice(Notice::failure(
                    format!("the shell of `{name}` ended before everything was typed"),
                    Some("start the terminal again and run the block again".to_owned()),
                )));
            }
            News::InputFull => {
                let name = &self.view(terminal).name;
                self.tell(&LabEvent::Notice(Notice::failure(
                    format!("`{name}` reads no input; what you typed last was not taken"),
                    Some("interrupt what runs there, or start the terminal again".to_owned()),
                )));
            }
        }
    }

    fn no_longer_waiting(&mut self, run: RunNumber) {
        if let Some(block) = self.instance.waiting.remove(&run) {
            self.tell(&LabEvent::Block(self.block_state(&block)));
        }
    }

    /// Reads the scenario anew and begins again, with fresh terminals and counts.
    ///
    /// # Errors
    ///
    /// The folder is gone; the lab stays as it is.
    async fn start_over(&mut self) -> Result<(), LabError> {
        if self.folder.is_gone() {
            // What runs is better than a lab of nothing.
            return Err(LabError::FolderGone(self.folder.name().to_owned()));
        }
        let state = begin_state(&self.folder);
        let generation = self.instance.last_generation();
        let fresh = Instance::begin(&self.folder, &self.options, &state, generation);
        std::mem::replace(&mut self.instance, fresh).end().await;
        self.state = state;
        // The new page goes with the new terminals, not before them.
        let clients = std::mem::take(&mut self.clients);
        let notice = self.arrive(None).await;
        self.clients = clients;
        let snapshot = LabSnapshot {
            notice,
            ..self.snapshot()
        };
        self.tell(&LabEvent::Restarted(Box::new(snapshot)));
        Ok(())
    }

    fn snapshot(&self) -> LabSnapshot {
        LabSnapshot {
            instance: self.instance.name.clone(),
            scenario: self.folder.name().into(),
            terminals: self.instance.terminals.clone(),
            steps: self.folder.steps(),
            clients: self.clients.len(),
            page: self.state.page.as_ref().map(|page| self.page_view(page)),
            notice: None,
        }
    }

    fn page_view(&self, page: &Arc<Page>) -> PageView {
        let invocations = || page.blocks.iter().map(|block| &block.invocation);
        // Counting for each block anew would make a page of many blocks slow.
        let mut waiting: HashMap<&str, usize> = HashMap::new();
        for block in self.instance.waiting.values() {
            *waiting.entry(block).or_default() += 1;
        }
        let state = |id: &String| BlockState {
            id: id.clone(),
            runs: self.state.runs(id),
            waiting: waiting.get(id.as_str()).copied().unwrap_or_default(),
        };
        PageView {
            page: page.clone(),
            terminals: invocations()
                .map(|block| self.number_of(&block.terminal))
                .collect(),
            states: invocations().map(|block| state(&block.id)).collect(),
        }
    }

    fn block_state(&self, id: &str) -> BlockState {
        let waiting = self
            .instance
            .waiting
            .values()
            .filter(|block| *block == id)
            .count();
        BlockState {
            id: id.to_owned(),
            runs: self.state.runs(id),
            waiting,
        }
    }

    /// The number of the terminal with that id; ids were resolved against the layout before.
    fn number_of(&self, id: &str) -> u16 {
        let found = self
            .instance
            .terminals
            .iter()
            .find(|terminal| terminal.id == id);
        found.map_or(0, |terminal| terminal.number)
    }

    #[expect(
        clippy::indexing_slicing,
        reason = "numbers come from the instance's own terminals"
    )]
    fn view(&self, number: u16) -> &TerminalView {
        &self.instance.terminals[usize::from(number)]
    }

    /// Tells all clients. One that has not read its earlier events is cut off.
    fn tell(&mut self, event: &LabEvent) {
        self.clients
            .retain(|client, events| match events.try_send(event.clone()) {
                Ok(()) => true,
                Err(error) => {
                    tracing::info!(client, %error, "client is cut off");
                    false
                }
            });
    }

    fn tell_one(&mut self, client: u64, event: LabEvent) {
        if let Some(events) = self.clients.get(&client)
            && let Err(error) = events.try_send(event)
        {
            tracing::info!(client, %error, "client is cut off");
            self.clients.remove(&client);
        }
    }

    /// Tells the clients but one, which knows already, how many there are.
    fn tell_others(&self, newcomer: u64) {
        let count = self.clients.len();
        for (_, events) in self
            .clients
            .iter()
            .filter(|(client, _)| **client != newcomer)
        {
            // One that is too slow for this is cut off at the next event that matters.
            drop(events.try_send(LabEvent::Clients(count)));
        }
    }
}

/// Reads the folder's config.
fn begin_state(folder: &Folder) -> State {
    let mut config = folder.describe().config;
    let terminals = config.terminals.len();
    if terminals > MAX_TERMINALS {
        tracing::warn!(
            lab = folder.name(),
            terminals,
            "the lab has too many terminals"
        );
        config.terminals.truncate(MAX_TERMINALS);
    }
    State::new(config)
}

impl Instance {
    /// Makes fresh terminals. Their shells' generations come after `last_generation`, so that input
    /// for an earlier instance's shell is never taken for theirs.
    fn begin(folder: &Folder, options: &LabOptions, state: &State, last_generation: u32) -> Self {
        let (sender, events) = mpsc::channel(TERMINAL_EVENTS);
        let (cancel, tracker) = (CancellationToken::new(), TaskTracker::new());
        let sessions = Arc::<Sessions>::default();
        let launcher = Launcher::new(options.shell.clone(), folder.root());
        let terminals = (0..)
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
        Self {
            name: super::store::random_name().into(),
            terminals,
            events,
            sessions,
            cancel: cancel.drop_guard(),
            tracker,
            next_run: 0,
            waiting: HashMap::new(),
            begun: false,
        }
    }

    /// The highest generation of any terminal's shell so far.
    fn last_generation(&self) -> u32 {
        let generations = self.terminals.iter().map(|terminal| terminal.generation);
        generations.max().unwrap_or_default()
    }

    /// Ends all terminals and what runs in them.
    async fn end(self) {
        // Terminals that wait to tell something must not wait for ever.
        drop(self.events);
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
}

impl Executions {
    fn remember(&mut self, id: Arc<str>, result: Result<Executed, LabError>) {
        let refusal = result.as_ref().err().map(ToString::to_string);
        if refusal.is_some_and(|text| text.len() > REMEMBERED_REFUSAL_BYTES) {
            return;
        }
        if self.order.len() >= REMEMBERED_EXECUTIONS
            && let Some(oldest) = self.order.pop_front()
        {
            self.results.remove(&oldest);
        }
        self.order.push_back(id.clone());
        self.results.insert(id, result);
    }
}
