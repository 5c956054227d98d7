//! The task that owns a lab: its place in the steps, its counts, its terminals, its clients.

mod busy;
mod checks;
mod execution;
mod invocation;
mod layout;
mod news;
mod playing;
mod refresh;
mod snapshot;
mod step_run;
mod unattended;

use std::{sync::Arc, time::Instant};

use tokio::{
    sync::{mpsc, oneshot},
    time::sleep_until,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use self::refresh::Refresh;
pub use self::step_run::SENT_PATIENCE;
pub(super) use self::step_run::StepRunner;
use super::{
    clients::{Client, Clients, Departure, Standing},
    event::{LabEvent, LabSnapshot, Notice, Place},
    executions::Executions,
    folder::Folder,
    handle::{INBOX, LabError, LabHandle, Request, Visitor},
    instance::Instance,
    links::Links,
    load::Reader,
    options::LabOptions,
    trust::Consent,
    watch::watch,
};
use crate::command::{Role, State, state::ENTRY_STEP};

/// How many words of the folder's watch may wait: one says that it is time to look.
const LOOKS: usize = 1;

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
                leave,
                answer,
            } => {
                let attached = self.attach(client, visitor, events, leave).await;
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
        leave: oneshot::Sender<Departure>,
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
            leave,
            standing: standing.clone(),
            role,
            id: visitor.id,
            link: visitor.link,
            name: visitor.name,
            cramped: visitor.cramped,
            attends: visitor.attends,
            asks: false,
            refused_at: None,
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
}

/// Reads the folder's config. Who writes the lab is held by nothing that its steps require.
fn begin_state(folder: &Folder, options: &LabOptions) -> State {
    let mut state = State::new(folder.describe().config);
    if options.author {
        state.hold_nobody();
    }
    state
}
