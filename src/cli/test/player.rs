//! Plays one way through a lab, as a learner would who clicks on everything once.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use serde_json::{Value, json};
use tokio::{sync::Notify, time::sleep_until};
use tokio_util::sync::CancellationToken;

use super::{
    judge::{Sight, tail},
    plan::{Act, Stop, Way},
    running_on::RunningOn,
    sightings::{Run, Seen, Sightings},
    verdict::{Case, How, Problem, Verdict, Word},
};
use crate::{
    command::Role,
    lab::{
        LabError, LabHandle,
        capture::{self, Capture, Text},
        event::{BlockPlace, RunState},
        handle::{Attachment, Execution, Visitor},
        judge::{self, without_echo},
        store::random_name,
    },
    scenario::recording::{Header, MAX_BYTES, Recording, Subject, hash_of},
};

/// How often a run is looked at that says nothing.
pub(super) const LOOK: Duration = Duration::from_millis(50);

/// How often what a run has written is read anew.
const READ_AGAIN: Duration = Duration::from_millis(100);

/// How long a check that took its time has to be ended.
const CHECK_GRACE: Duration = Duration::from_secs(5);

/// How long a shell may take to show its prompt, when a command has ended, or to end itself.
const PROMPT_PATIENCE: Duration = Duration::from_secs(1);

/// How a way is played.
#[derive(Debug, Clone)]
pub(super) struct Manner {
    /// How long a block may take that does not say so.
    pub(super) timeout: Duration,
    /// How long Ctrl-C may take.
    pub(super) patience: Duration,
    /// Whether to go on after a failure.
    pub(super) keep_going: bool,
}

/// Why a way was not played to its end.
#[derive(Debug)]
pub(super) enum Stopped {
    /// Somebody pressed Ctrl-C.
    Interrupted,
    /// The lab ended by itself.
    LabEnded,
}

impl Stopped {
    /// Why what was not seen to its end is left out.
    fn reason(&self) -> &'static str {
        match self {
            Self::Interrupted => "the test was interrupted",
            Self::LabEnded => "the lab ended by itself",
        }
    }
}

/// A lab, and who plays it.
pub(super) struct Player<'a> {
    lab: LabHandle,
    me: Attachment,
    terminals: Vec<Capture>,
    news: Arc<Notify>,
    manner: &'a Manner,
    stop: &'a CancellationToken,
    pub(super) sightings: Sightings,
    /// The cases that passed because they run on.
    pub(super) running_on: Vec<RunningOn>,
    /// The last case of each terminal.
    pub(super) latest: HashMap<u16, usize>,
    /// How many acts of the way have a case.
    acts_over: usize,
    pub(super) cases: Vec<Case>,
    recordings: Vec<Recording>,
}

/// What a test tells while it goes on.
#[derive(Debug, Clone, Copy)]
pub(super) enum Told<'a> {
    /// This is run now.
    Begins(&'a Act),
    /// This is known.
    Judged(&'a Case),
}

impl<'a> Player<'a> {
    /// Comes to a lab as its first visitor.
    pub(super) async fn enter(
        lab: LabHandle,
        manner: &'a Manner,
        stop: &'a CancellationToken,
    ) -> Result<Self, LabError> {
        let visitor = Visitor {
            id: random_name().into(),
            role: Role::Driver,
            link: None,
            name: None,
            cramped: false,
            attends: true,
            step: None,
        };
        let me = lab.attach(visitor).await?;
        let news = Arc::<Notify>::default();
        let mut terminals = Vec::new();
        for terminal in &me.snapshot.terminals {
            terminals.push(Capture::new(terminal, news.clone()).await);
        }
        Ok(Self {
            lab,
            me,
            terminals,
            news,
            manner,
            stop,
            sightings: Sightings::default(),
            running_on: Vec::new(),
            latest: HashMap::new(),
            acts_over: 0,
            cases: Vec::new(),
            recordings: Vec::new(),
        })
    }

    /// Plays a way, and tells of each act as it begins, and of each case as it is known.
    pub(super) async fn play(
        &mut self,
        way: &Way,
        tell: &mut dyn FnMut(Told<'_>),
    ) -> Result<(), Stopped> {
        let played = self.play_stops(way, tell).await;
        if let Err(stopped) = &played {
            let reason = stopped.reason();
            let acts = way.stops.iter().flat_map(|stop| &stop.acts);
            for act in acts.skip(self.acts_over) {
                self.cases.push(Case::of(act, Verdict::Skipped(reason)));
            }
            for one in self.running_on.drain(..).filter(|one| one.until.is_some()) {
                if let Some(case) = self.cases.get_mut(one.case) {
                    case.verdict = Verdict::Skipped(reason);
                }
            }
        }
        played
    }

    /// All cases, and the recordings of the blocks that passed.
    pub(super) fn results(self) -> (Vec<Case>, Vec<Recording>) {
        (self.cases, self.recordings)
    }

    async fn play_stops(
        &mut self,
        way: &Way,
        tell: &mut dyn FnMut(Told<'_>),
    ) -> Result<(), Stopped> {
        let mut teller = Teller::default();
        let mut is_there = true;
        for (index, stop) in way.stops.iter().enumerate() {
            let before = index.checked_sub(1).and_then(|index| way.stops.get(index));
            if !self.has_failed()
                && is_there
                && let Some(before) = before
            {
                is_there = self.go(before, stop).await?;
            }
            for act in &stop.acts {
                if is_there {
                    if !self.has_failed() && act.left_out.is_none() {
                        tell(Told::Begins(act));
                    }
                    self.act(act).await?;
                    self.review();
                } else {
                    let skipped = Verdict::Skipped("its step could not be opened");
                    self.cases.push(Case::of(act, skipped));
                }
                self.acts_over += 1;
                teller.tell(&self.cases, tell);
            }
        }
        self.outlast().await?;
        teller.tell(&self.cases, tell);
        Ok(())
    }

    /// How long an act may take.
    pub(super) fn limit(&self, act: &Act) -> Duration {
        act.expectation.timeout.unwrap_or(self.manner.timeout)
    }

    pub(super) fn has_failed(&self) -> bool {
        !self.manner.keep_going && self.cases.iter().any(|case| case.failed().is_some())
    }

    /// Follows the link to the next step. Returns whether it was opened.
    async fn go(&mut self, before: &Stop, stop: &Stop) -> Result<bool, Stopped> {
        self.review();
        let (command, argument) = stop.link.map_or_else(
            || ("katapod.loadPage", json!({"step": stop.step})),
            |link| {
                let argument = json!({"step": before.step, "link": link});
                ("katahost.followLink", argument)
            },
        );
        if let Err(error) = self.execute(command, argument).await? {
            let mut problem = Problem::new(format!("`{}` can't be opened: {error}", stop.step));
            problem.hint = error.hint();
            let file = format!("{}.md", before.step);
            self.cases.push(Case {
                step: before.step.clone(),
                ..Case::outside(
                    &format!("link to {}", stop.step),
                    file,
                    Verdict::Failed(problem),
                )
            });
            return Ok(false);
        }
        // On-load commands run by themselves, and so have interrupted what ran by now.
        for act in stop.acts.iter().filter(|act| act.block.is_none()) {
            if act.interrupts() && act.left_out.is_none() {
                self.let_be_interrupted(self.number_of(&act.invocation.terminal));
            }
        }
        Ok(true)
    }

    async fn act(&mut self, act: &Act) -> Result<(), Stopped> {
        let skipped = |why| Case::of(act, Verdict::Skipped(why));
        if self.has_failed() {
            self.cases.push(skipped("something failed before it"));
            return Ok(());
        }
        if let Some(why) = act.left_out {
            self.cases.push(skipped(why));
            return Ok(());
        }
        if act.is_check {
            return self.check(act).await;
        }
        let number = self.number_of(&act.invocation.terminal);
        let start = self.terminal(number).map_or(0, Capture::end);
        let began = Instant::now();
        let run = match act.block {
            None => Run::Loose(act.invocation.id.clone()),
            Some(index) => {
                if act.interrupts() {
                    self.review();
                    self.let_be_interrupted(number);
                }
                let place = BlockPlace {
                    step: act.step.as_str().into(),
                    index,
                };
                self.drain();
                self.sightings.blocks.remove(&place);
                let argument = json!({"step": act.step, "block": index});
                if let Err(error) = self.execute("katahost.runBlock", argument).await? {
                    let mut problem = Problem::new(error.to_string());
                    problem.hint = error.hint();
                    self.cases.push(Case::of(act, Verdict::Failed(problem)));
                    return Ok(());
                }
                Run::Block(place)
            }
        };
        let verdict = self.wait_for(act, &run, number, start).await?;
        self.wait_for_prompt(&run, number).await?;
        let seen = self.sightings.seen(&run).cloned();
        let index = self.cases.len();
        self.latest.insert(number, index);
        let mut case = Case::of(act, verdict);
        case.took = seen.as_ref().and_then(Seen::took).or(Some(began.elapsed()));
        case.exit_code = match seen.as_ref().map(|seen| seen.state) {
            Some(RunState::Ended(code)) => Some(code),
            _ => None,
        };
        match case.verdict {
            Verdict::Passed(how @ (How::StillRuns | How::RunsOn | How::Waits)) => {
                self.running_on.push(RunningOn {
                    case: index,
                    act: act.clone(),
                    run: run.clone(),
                    terminal: number,
                    start,
                    until: (how == How::StillRuns).then(|| began + self.limit(act)),
                });
            }
            Verdict::Failed(_) if self.manner.keep_going => self.interrupt(act).await?,
            _ => {}
        }
        if matches!(case.verdict, Verdict::Passed(how) if how != How::StillRuns) {
            self.record(act, seen.as_ref(), number, start, case.exit_code);
        }
        self.cases.push(case);
        if let Run::Loose(id) = &run
            && !self.running_on.iter().any(|other| other.case == index)
            && let Some(runs) = self.sightings.loose.get_mut(id)
        {
            runs.pop_front();
        }
        Ok(())
    }

    /// Has a check run, or waits for it where it runs by itself.
    async fn check(&mut self, act: &Act) -> Result<(), Stopped> {
        let place = BlockPlace {
            step: act.step.as_str().into(),
            index: act.block.unwrap_or_default(),
        };
        let began = Instant::now();
        // Those that follow a block may be about to begin.
        self.drain();
        self.sightings.checks.remove(&place);
        let argument = json!({"step": act.step, "block": place.index});
        match self.execute("katahost.runBlock", argument).await? {
            Ok(()) | Err(LabError::CheckRuns) => {}
            Err(error) => {
                let mut problem = Problem::new(error.to_string());
                problem.hint = error.hint();
                self.cases.push(Case::of(act, Verdict::Failed(problem)));
                return Ok(());
            }
        }
        let limit = self.limit(act) + CHECK_GRACE;
        let mut case = Case::of(act, Verdict::Passed(How::Ended));
        loop {
            let told = self
                .sightings
                .checks
                .get(&place)
                .filter(|state| !state.running);
            if let Some(result) = told.and_then(|state| state.last.as_ref()) {
                if let judge::Verdict::Failed { reason, hint } = &result.verdict {
                    let mut problem = Problem::new(format!("the check failed: {reason}"));
                    problem.hint.clone_from(hint);
                    problem.output = tail(&result.output);
                    case.verdict = Verdict::Failed(problem);
                }
                case.took = result.ended.duration_since(result.began).ok();
                break;
            }
            if began.elapsed() >= limit {
                let seconds = limit.as_secs_f64();
                let message = format!("the check has not ended within {seconds} s");
                case.verdict = Verdict::Failed(Problem::new(message));
                break;
            }
            self.pump(Instant::now() + LOOK).await?;
        }
        self.cases.push(case);
        Ok(())
    }

    async fn wait_for(
        &mut self,
        act: &Act,
        run: &Run,
        number: u16,
        start: u64,
    ) -> Result<Verdict, Stopped> {
        let began = Instant::now();
        let limit = self.limit(act);
        let patience = if act.interrupts() {
            self.manner.patience
        } else {
            Duration::ZERO
        };
        let deadline = began + limit + patience;
        let mut text = Text::default();
        let mut read: Option<(Instant, u64, RunState)> = None;
        loop {
            let now = Instant::now();
            let seen = self.sightings.seen(run).cloned();
            let state = seen.as_ref().map_or(RunState::Waiting, |seen| seen.state);
            let (from, to) = self.range(seen.as_ref(), number, start);
            let late = now >= deadline;
            let fresh = read.is_some_and(|(at, end, then)| {
                (end == to || now.duration_since(at) < READ_AGAIN) && then == state
            });
            if !fresh || late {
                text = self.text(act, state, number, from, to);
                read = Some((now, to, state));
            }
            let capture = self.terminal(number);
            let latest = capture.and_then(Capture::latest).unwrap_or(began);
            let at = seen.as_ref().map_or(began, |seen| seen.at);
            let sight = Sight {
                act,
                state,
                text: &text.text,
                open_line: text.open_line,
                quiet: now.saturating_duration_since(latest.max(at)),
                since: now.saturating_duration_since(at),
                settled: seen.as_ref().and_then(|seen| seen.settled),
                continues: capture.is_some_and(Capture::continues),
                is_seen: capture::sees_readers(),
            };
            if let Some(verdict) = sight.judge() {
                return Ok(verdict);
            }
            if late {
                return Ok(sight.late(limit));
            }
            self.pump(deadline.min(now + LOOK)).await?;
        }
    }

    /// Waits, behind a run that has ended, for the prompt, or for the end of the shell.
    async fn wait_for_prompt(&mut self, run: &Run, number: u16) -> Result<(), Stopped> {
        let Some(Seen {
            state: RunState::Ended(_),
            ended: Some((offset, _)),
            ..
        }) = self.sightings.seen(run).cloned()
        else {
            return Ok(());
        };
        let deadline = Instant::now() + PROMPT_PATIENCE;
        let is_back = |player: &Self| {
            let capture = player.terminal(number);
            capture.is_some_and(|capture| capture.prompts_behind(offset))
                || player
                    .sightings
                    .gone
                    .iter()
                    .any(|(gone, _)| *gone == number)
        };
        while !is_back(self) && Instant::now() < deadline {
            self.pump(deadline.min(Instant::now() + LOOK)).await?;
        }
        Ok(())
    }

    /// Where the output of a run begins and ends.
    pub(super) fn range(&self, seen: Option<&Seen>, number: u16, start: u64) -> (u64, u64) {
        let began = seen.and_then(|seen| seen.began).map(|(offset, _)| offset);
        // Of what was only sent, more may follow.
        let told = seen.filter(|seen| seen.state != RunState::Sent);
        let ended = told.and_then(|seen| seen.ended).map(|(offset, _)| offset);
        let end = || self.terminal(number).map_or(start, Capture::end);
        (began.unwrap_or(start), ended.unwrap_or_else(end))
    }

    pub(super) fn text(&self, act: &Act, state: RunState, number: u16, from: u64, to: u64) -> Text {
        let text = self.terminal(number).map(|capture| capture.text(from, to));
        let mut text = text.unwrap_or_default();
        if state == RunState::Sent {
            text.text = without_echo(&text.text, &act.invocation.command);
        }
        text
    }

    pub(super) fn record(
        &mut self,
        act: &Act,
        seen: Option<&Seen>,
        number: u16,
        start: u64,
        exit_code: Option<i32>,
    ) {
        let Some(block) = act.block else { return };
        let (from, to) = self.range(seen, number, start);
        let Some(capture) = self.terminal(number) else {
            return;
        };
        let (width, height) = Capture::size();
        let timed = capture.timed(from, to);
        let bytes: usize = timed.iter().map(|(_, bytes)| bytes.len()).sum();
        // As text, a byte may take six.
        if bytes > MAX_BYTES / 6 {
            return;
        }
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        self.recordings.push(Recording {
            header: Header {
                version: 2,
                width,
                height,
                timestamp: since.map_or(0, |since| since.as_secs()),
                title: format!("{}, block {block}: {}", act.step, act.title()),
                katahost: Subject {
                    step: act.step.clone(),
                    block,
                    command_hash: hash_of(&act.invocation.command),
                    exit_code,
                },
            },
            pieces: Recording::pieces_of(timed.iter().map(|(at, bytes)| (*at, &**bytes))),
        });
    }

    async fn interrupt(&mut self, act: &Act) -> Result<(), Stopped> {
        if let Some(block) = act.block {
            let argument = json!({"step": act.step, "block": block});
            // It may have ended meanwhile.
            drop(self.execute("katahost.interruptBlock", argument).await?);
        }
        Ok(())
    }

    async fn execute(
        &mut self,
        command: &str,
        argument: Value,
    ) -> Result<Result<(), LabError>, Stopped> {
        let execution = Execution {
            client: self.me.client,
            command: command.to_owned(),
            arguments: vec![argument],
            id: None,
        };
        tokio::select! {
            executed = self.lab.execute(execution) => Ok(executed.map(drop)),
            () = self.stop.cancelled() => Err(Stopped::Interrupted),
        }
    }

    /// Waits for news, until then at most.
    pub(super) async fn pump(&mut self, until: Instant) -> Result<(), Stopped> {
        tokio::select! {
            () = self.stop.cancelled() => return Err(Stopped::Interrupted),
            event = self.me.events.recv() => match event {
                Some(event) => self.sightings.take(&event),
                None => return Err(Stopped::LabEnded),
            },
            () = self.news.notified() => {}
            () = sleep_until(until.into()) => {}
        }
        self.drain();
        Ok(())
    }

    /// Takes in all that is there.
    pub(super) fn drain(&mut self) {
        while let Ok(event) = self.me.events.try_recv() {
            self.sightings.take(&event);
        }
        let now = Instant::now();
        for capture in &mut self.terminals {
            capture.read(now);
        }
    }

    fn number_of(&self, id: &str) -> u16 {
        let terminals = &self.me.snapshot.terminals;
        let found = terminals.iter().find(|terminal| terminal.id == id);
        found.map_or(0, |terminal| terminal.number)
    }

    fn terminal(&self, number: u16) -> Option<&Capture> {
        self.terminals.get(usize::from(number))
    }
}

/// Knows which cases were told: once, and again where more has become known.
#[derive(Debug, Default)]
struct Teller {
    told: Vec<Word>,
}

impl Teller {
    fn tell(&mut self, cases: &[Case], tell: &mut dyn FnMut(Told<'_>)) {
        for (index, case) in cases.iter().enumerate() {
            let word = case.verdict.word();
            match self.told.get_mut(index) {
                Some(told) if *told == word => continue,
                Some(told) => *told = word,
                None => self.told.push(word),
            }
            tell(Told::Judged(case));
        }
    }
}
