//! The task that owns a lab: its place in the steps, its counts, its terminals, its clients.

mod busy;
mod checks;
mod playing;
mod refresh;
mod step_run;
mod unattended;

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use regex::Regex;
use tokio::{sync::mpsc, time::sleep_until};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use self::refresh::Refresh;
pub use self::step_run::SENT_PATIENCE;
pub(super) use self::step_run::StepRunner;
use super::{
    asks::Answer,
    clients::{Client, Clients, Standing},
    event::{BlockPlace, BlockState, LabEvent, LabSnapshot, Notice, PageView, Place, RunState},
    executions::Executions,
    folder::Folder,
    handle::{Executed, Execution, INBOX, LabError, LabHandle, Request, Visitor},
    instance::Instance,
    links::{Link, Links},
    load::Reader,
    trust::{Consent, Trust},
    watch::watch,
};
use crate::{
    command::{Call, Effect, Origin, Role, State, registry, resolve, state::ENTRY_STEP},
    scenario::{Block, Invocation, Macro, Page},
    terminal::{
        Integration, Status, TerminalEvent,
        handle::News,
        occupation::When,
        runs::{Part, Run, RunNumber},
    },
};

/// How many words of the folder's watch may wait: one says that it is time to look.
const LOOKS: usize = 1;

/// How a lab runs its shells.
#[derive(Debug, Clone)]
pub struct LabOptions {
    /// The shell, or the user's own.
    pub shell: Option<std::path::PathBuf>,
    /// What has shells tell of their prompts and commands, unless they are not to.
    pub integration: Option<Integration>,
    /// How long a command waits after an interrupt before it is typed anyway.
    pub interrupt_patience: Duration,
    /// How long a run of all blocks waits for what nobody tells the end of.
    pub sent_patience: Duration,
    /// Whether who drives the lab writes it, and wants to know what is wrong with its pages.
    pub author: bool,
    /// Whether a saved file is shown at once.
    pub watch: bool,
    /// Who says that the lab may run something by itself.
    pub trust: Trust,
    /// Whether what terminals write is kept for transcripts, as long as the lab lives.
    pub record: bool,
}

pub(super) struct Lab {
    folder: Folder,
    reader: Reader,
    options: LabOptions,
    state: State,
    instance: Instance,
    clients: Clients,
    links: Arc<Links>,
    /// Where the driver is.
    place: Option<Place>,
    executions: Executions,
    refresh: Refresh,
    trust: Consent,
    cancel: CancellationToken,
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
        let links = Arc::<Links>::default();
        let (looks, looks_due) = mpsc::channel(LOOKS);
        if options.watch {
            tracker.spawn(watch(folder.clone(), looks, cancel.clone()));
        }
        let handle = LabHandle {
            inbox,
            folder: folder.clone(),
            links: links.clone(),
            closed: closed.clone(),
        };
        let guard = closed.drop_guard();
        tracker.spawn(async move {
            let _closed = guard;
            let state = begin_state(&folder, &options);
            let instance = Instance::begin(&folder, &options, &state, 0);
            let mut lab = Self {
                reader: Reader::new(folder.clone(), options.author),
                trust: Consent::new(options.trust.clone(), &folder),
                folder,
                options,
                state,
                instance,
                clients: Clients::default(),
                links,
                place: None,
                executions: Executions::default(),
                refresh: Refresh::default(),
                cancel,
            };
            lab.look_through().await;
            lab.run(requests, looks_due).await;
        });
        handle
    }

    async fn run(
        mut self,
        mut requests: mpsc::Receiver<Request>,
        mut looks_due: mpsc::Receiver<()>,
    ) {
        let cancel = self.cancel.clone();
        loop {
            let headcount_due = self.clients.headcount_due();
            let due = headcount_due.unwrap_or_else(Instant::now);
            let step_due = self.instance.step_runner.due();
            let step_look = step_due.unwrap_or_else(Instant::now);
            let alarm = self.alarm();
            let rings_at = alarm.unwrap_or_else(Instant::now);
            tokio::select! {
                () = cancel.cancelled() => break,
                () = sleep_until(due.into()), if headcount_due.is_some() => {
                    self.clients.tell_headcount(Instant::now());
                }
                () = sleep_until(rings_at.into()), if alarm.is_some() => self.ring(),
                Some(end) = self.instance.checked.recv() => self.check_ended(end),
                () = sleep_until(step_look.into()), if step_due.is_some() => self.look_at_step_run(),
                Some(()) = looks_due.recv() => self.look_again().await,
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
                visitor,
                events,
                answer,
            } => {
                let attached = self.attach(client, visitor, events).await;
                if answer.send(attached).is_err() {
                    self.clients.remove(client);
                }
            }
            Request::Detach { client } => {
                tracing::info!(lab = self.folder.name(), client, "client detached");
                self.clients.remove(client);
            }
            Request::View {
                client,
                name,
                cramped,
            } => self.clients.view(client, name, cramped),
            Request::Place { client, place } => self.follow(client, place),
            // Whoever asked these may have left meanwhile.
            Request::Config { answer } => drop(answer.send(self.state.config.clone())),
            Request::PageView { page, answer } => drop(answer.send(self.page_view(&page))),
            Request::Progress { answer } => {
                let snapshot = self.snapshot().await;
                drop(answer.send((snapshot, self.instance.progress.clone())));
            }
            Request::Record { answer } => drop(answer.send(self.instance.record(&self.folder))),
            Request::Execute { execution, answer } => self.execute(execution, answer).await,
        }
    }

    async fn attach(
        &mut self,
        number: u64,
        visitor: Visitor,
        events: mpsc::Sender<Arc<LabEvent>>,
    ) -> Result<(LabSnapshot, Arc<Standing>), LabError> {
        let role = visitor.role;
        if let Some(link) = &visitor.link
            && !self.links.has(link)
        {
            return Err(LabError::LinkRevoked);
        }
        tracing::info!(
            lab = self.folder.name(),
            client = number,
            ?role,
            "client attached"
        );
        let notice = match role {
            Role::Driver => self.arrive(visitor.step).await,
            // Who comes by a link sees the lab as it is.
            _ => None,
        };
        let standing = Arc::new(Standing::new(role));
        let client = Client {
            events,
            standing: standing.clone(),
            role,
            id: visitor.id,
            link: visitor.link,
            name: visitor.name,
            cramped: visitor.cramped,
            asks: false,
        };
        self.clients.insert(number, client);
        let snapshot = LabSnapshot {
            notice,
            ..self.snapshot().await
        };
        Ok((snapshot, standing))
    }

    /// Tells everybody where a driver is.
    fn follow(&mut self, client: u64, place: Place) {
        if self.clients.role(client) == Role::Driver && self.place.as_ref() != Some(&place) {
            self.place = Some(place.clone());
            self.clients.tell_others(client, LabEvent::Place(place));
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
        if let Err(locked) = self.state.admit_step(&wanted) {
            return Some(failure(&locked.into()));
        }
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

    async fn execute(&mut self, execution: Execution, answer: Answer) {
        // Who may do less by now learns nothing of what was done before.
        let role = self.clients.role(execution.client);
        if let Err(error) = registry::find(&execution.command, role) {
            drop(answer.send(Err(error.into())));
            return;
        }
        let id = execution.id.clone();
        if let Some(known) = id.as_ref().and_then(|id| self.executions.repeat(id)) {
            drop(answer.send(known));
            return;
        }
        let Some(answer) = self.instance.asks.join(id.as_ref(), answer) else {
            return;
        };
        let result = self.execute_new(&execution).await;
        if let Ok(Executed {
            asks: Some(run), ..
        }) = &result
        {
            self.instance.asks.wait(*run, id, answer);
            return;
        }
        if let Some(id) = id {
            self.executions.remember(id, result.clone());
        }
        // The asker may have lost its connection; it will ask again.
        drop(answer.send(result));
    }

    async fn execute_new(&mut self, execution: &Execution) -> Result<Executed, LabError> {
        let call = Call {
            command: &execution.command,
            arguments: &execution.arguments,
            role: self.clients.role(execution.client),
            origin: Origin::Client,
        };
        let effects = resolve(call, &self.state)?;
        tracing::info!(
            lab = self.folder.name(),
            command = execution.command,
            "command executed"
        );
        let mut executed = Executed {
            repeated: false,
            terminals: Vec::new(),
            link: None,
            asks: None,
        };
        for effect in effects {
            self.apply(effect, execution, &mut executed).await?;
        }
        Ok(executed)
    }

    fn create_link(&mut self, role: Role) -> Result<Link, LabError> {
        let link = self.links.create(role).ok_or(LabError::TooManyLinks)?;
        self.clients
            .tell_drivers(LabEvent::Links(self.links.list()));
        Ok(link)
    }

    /// Does one thing, and notes in `executed` what came of it.
    async fn apply(
        &mut self,
        effect: Effect,
        execution: &Execution,
        executed: &mut Executed,
    ) -> Result<(), LabError> {
        match effect {
            Effect::LoadStep { step } => {
                let terminals = self.load_step(&step, execution.id.as_ref()).await?;
                executed.terminals.extend(terminals);
            }
            Effect::Run(invocation) => {
                let terminal = self.run_invocation(&invocation)?;
                executed.terminals.push(terminal);
            }
            Effect::PlayRecording { block } => {
                let number = self.play_recording(block).await?;
                executed.terminals.push(number);
            }
            Effect::RunWhen { invocation, when } => {
                let terminal = self.run_when(&invocation, when, executed)?;
                executed.terminals.push(terminal);
            }
            Effect::Cancel { block } => {
                let terminal = self.cancel_block(block)?;
                executed.terminals.push(terminal);
            }
            Effect::RunStep => self.run_step()?,
            Effect::StopStep => self.stop_step()?,
            Effect::Check { block } => self.check(block)?,
            Effect::Skip { block } => self.skip(block),
            Effect::Interrupt { block } => {
                let number = self.interrupt(block)?;
                executed.terminals.push(number);
            }
            Effect::Type { terminal, text } => {
                let parts = VecDeque::from([Part::Text(text.into())]);
                let number = self.instance.number_of(&terminal);
                self.enqueue(number, parts)?;
                self.state.active_terminal = terminal;
                executed.terminals.push(number);
            }
            Effect::Clear { terminal } => {
                let full = |_| LabError::TerminalFull(terminal.clone());
                self.instance
                    .view(self.instance.number_of(&terminal))
                    .handle
                    .clear()
                    .map_err(full)?;
            }
            Effect::Restart { terminal } => {
                let full = |_| LabError::TerminalFull(terminal.clone());
                self.instance
                    .view(self.instance.number_of(&terminal))
                    .handle
                    .restart()
                    .map_err(full)?;
            }
            Effect::Focus { terminal } => {
                let number = self.instance.number_of(&terminal);
                self.clients
                    .tell_one(execution.client, LabEvent::Focus(number));
            }
            Effect::OpenDocument { uri } => {
                self.clients
                    .tell_one(execution.client, LabEvent::OpenDocument(uri));
            }
            Effect::StartOver => self.start_over().await?,
            Effect::CreateLink { role } => executed.link = Some(self.create_link(role)?),
            Effect::RevokeLink { link } => {
                if !self.links.revoke(&link) {
                    return Err(LabError::UnknownLink(link));
                }
                self.clients.revoke(&link);
                self.clients
                    .tell_drivers(LabEvent::Links(self.links.list()));
            }
            Effect::AskForKeyboard => self.clients.ask(execution.client),
            Effect::ReturnKeyboard => self.clients.return_keyboard(execution.client),
            Effect::GrantKeyboard { client } => {
                if !self.clients.grant(client) {
                    return Err(LabError::UnknownClient(client));
                }
            }
            Effect::DeclineKeyboard { client } => {
                if !self.clients.decline(client) {
                    return Err(LabError::UnknownClient(client));
                }
            }
            Effect::TakeKeyboard => self.clients.take_keyboard(),
            Effect::GiveTrust { hash } => {
                let terminals = self.give_trust(&hash).await?;
                executed.terminals.extend(terminals);
            }
        }
        Ok(())
    }

    /// Shows a step to everybody and runs its on-load commands, where the lab may.
    async fn load_step(
        &mut self,
        step: &str,
        execution: Option<&Arc<str>>,
    ) -> Result<Vec<u16>, LabError> {
        let look = self.look_before().await;
        let page = self.reader.load(&self.state.config, step).await?;
        self.instance.begun = true;
        self.leave_step(&page.step);
        let before = self.reader.before(&self.state.config, &page).await;
        self.state.show(page.clone());
        self.state.comes_after(before);
        self.instance.note_step(&page);
        self.clients.tell(LabEvent::Page {
            view: self.page_view(&page),
            execution: execution.cloned(),
            reload: None,
        });
        self.note_look(look).await;
        self.look_at(&page).await;
        self.loaded(&page);
        self.run_on_load()
    }

    /// Types an invocation into its terminal and counts it.
    fn run_invocation(&mut self, invocation: &Invocation) -> Result<u16, LabError> {
        let number = self.instance.number_of(&invocation.terminal);
        let run = self.enqueue_invocation(number, invocation, None, When::Now)?;
        self.note_run(run, number, invocation, RunState::Waiting);
        Ok(number)
    }

    /// Gives an invocation to its terminal, with an interrupt `before` its text or those that it
    /// has itself.
    fn enqueue_invocation(
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

    /// Counts a run, and tells of it.
    fn note_run(&mut self, run: RunNumber, number: u16, invocation: &Invocation, state: RunState) {
        let block = self.state.count(invocation).map(|index| BlockPlace {
            step: self.state.step.as_str().into(),
            index,
        });
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

    /// Types Ctrl-C for a block of the current step, before all that waits there.
    fn interrupt(&mut self, index: usize) -> Result<u16, LabError> {
        let place = BlockPlace {
            step: self.state.step.as_str().into(),
            index,
        };
        let running = self.instance.runs.running(&place);
        let number = running.ok_or(LabError::NotRunning)?.terminal;
        let view = self.instance.view(number);
        let full = |_| LabError::TerminalFull(view.id.clone());
        view.handle.interrupt().map_err(full)?;
        Ok(number)
    }

    fn enqueue(&mut self, terminal: u16, parts: VecDeque<Part>) -> Result<RunNumber, LabError> {
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
        let view = self.instance.view(terminal);
        let full = |_| LabError::TerminalFull(view.id.clone());
        let run = Run {
            number,
            parts,
            when,
            prompt,
        };
        view.handle.run(run).map_err(full)?;
        self.instance.next_run += 1;
        Ok(number)
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
                let failed = matches!(view.status, Status::Failed { .. });
                self.clients.tell(LabEvent::Terminal(view));
                if failed {
                    self.refuse_asks(terminal);
                }
            }
            News::Accepted(run) => self.ask_accepted(run),
            News::Busy(run, occupant) => self.ask_refused(run, occupant),
            News::Cancelled(run) => self.drop_run(run, "it was cancelled"),
            News::Typed(run) => {
                self.instance.note_typed(terminal, run);
                if let Some((id, block)) = self.instance.runs.typed(run) {
                    self.tell_block(&id, block.as_ref());
                }
                self.step_run_typed(terminal, run);
            }
            News::Stage(run, stage) => {
                if let Some(loose) = self.instance.runs.loose_stage(run, stage) {
                    self.clients.tell(LabEvent::Loose(loose));
                }
                let verdict = self.judge(run, stage);
                self.instance.history.stage(run, stage, verdict.as_ref());
                let known = verdict.clone();
                if let Some((id, changed)) = self.instance.runs.stage(run, stage, known) {
                    self.tell_block(&id, Some(&changed.block));
                    self.became(&changed, stage);
                }
                self.step_run_stage(run, stage, verdict);
            }
            News::Dropped(runs) => {
                let name = self.instance.view(terminal).name.clone();
                self.refuse_asks(terminal);
                for run in runs {
                    self.drop_run(run, "its shell ended");
                }
                self.clients.tell(LabEvent::Notice(Notice::failure(
                    format!("the shell of `{name}` ended before everything was typed"),
                    Some("start the terminal again and run the block again".to_owned()),
                )));
            }
            News::InputFull => {
                let name = &self.instance.view(terminal).name;
                self.clients.tell(LabEvent::Notice(Notice::failure(
                    format!("`{name}` reads no input; what you typed last was not taken"),
                    Some("interrupt what runs there, or start the terminal again".to_owned()),
                )));
            }
        }
    }

    /// Tells how it stands with the blocks of an id, and with the last run of one of them.
    fn tell_block(&mut self, id: &str, block: Option<&BlockPlace>) {
        let runs = &self.instance.runs;
        let state = BlockState {
            id: id.to_owned(),
            runs: self.state.runs(id),
            waiting: runs.waiting_of(id),
            last: block.and_then(|block| runs.last(block)).cloned(),
            earlier: block.and_then(|block| runs.earlier(block)).cloned(),
        };
        self.clients.tell(LabEvent::Block(state));
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
        let state = begin_state(&self.folder, &self.options);
        let generation = self.instance.last_generation();
        let fresh = Instance::begin(&self.folder, &self.options, &state, generation);
        self.refuse_all_asks();
        std::mem::replace(&mut self.instance, fresh).end().await;
        self.state = state;
        self.look_through().await;
        self.place = None;
        // The new page goes with the new terminals, not before them.
        let clients = std::mem::take(&mut self.clients);
        let notice = self.arrive(None).await;
        self.clients = clients;
        let snapshot = LabSnapshot {
            notice,
            ..self.snapshot().await
        };
        self.clients.tell(LabEvent::Restarted(Box::new(snapshot)));
        Ok(())
    }

    async fn snapshot(&self) -> LabSnapshot {
        LabSnapshot {
            instance: self.instance.name.clone(),
            scenario: self.folder.name().into(),
            title: self.reader.title().await,
            terminals: self.instance.terminals.clone(),
            steps: self.reader.steps().await,
            clients: self.clients.headcount(),
            audience: self.clients.audience(),
            place: self.place.clone(),
            last_block: self.state.last_block(),
            step_run: self.instance.step_runner.told(),
            links: self.links.list(),
            trust: self.trust.pending().cloned(),
            progress: self.progress(),
            page: self.state.page.as_ref().map(|page| self.page_view(page)),
            notice: None,
        }
    }

    fn page_view(&self, page: &Arc<Page>) -> PageView {
        let invocations = || page.blocks.iter().map(|block| &block.invocation);
        // Counting for each block anew would make a page of many blocks slow.
        let waiting = self.instance.runs.waiting();
        let step: Arc<str> = page.step.as_str().into();
        let state = |block: &Block| {
            let id = &block.invocation.id;
            let place = BlockPlace {
                step: step.clone(),
                index: block.index,
            };
            BlockState {
                id: id.clone(),
                runs: self.state.runs(id),
                waiting: waiting.get(id.as_str()).copied().unwrap_or_default(),
                last: self.instance.runs.last(&place).cloned(),
                earlier: self.instance.runs.earlier(&place).cloned(),
            }
        };
        PageView {
            page: page.clone(),
            terminals: invocations()
                .map(|block| self.instance.number_of(&block.terminal))
                .collect(),
            states: page.blocks.iter().map(state).collect(),
            checks: self.checks_of(page),
        }
    }
}

/// Reads the folder's config. Who writes the lab is held by nothing that its steps require.
fn begin_state(folder: &Folder, options: &LabOptions) -> State {
    let mut state = State::new(folder.describe().config);
    if options.author {
        state.hold_nobody();
    }
    state
}
