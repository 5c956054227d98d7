//! What a lab tells its clients.

use std::{sync::Arc, time::SystemTime};

use super::{judge::Verdict, links::Link, listing::Listing};
use crate::{
    command::Role,
    scenario::Page,
    terminal::{Status, TerminalHandle},
};

pub use crate::terminal::{aftermath::How, tracking::Moment};

/// All that a client needs to show a lab as it is.
#[derive(Debug, Clone)]
pub struct LabSnapshot {
    /// Names this run of the lab.
    pub instance: Arc<str>,
    /// The scenario's name.
    pub scenario: Arc<str>,
    /// What people call it.
    pub title: String,
    /// All terminals, in the order in which they are shown.
    pub terminals: Vec<TerminalView>,
    /// All steps.
    pub steps: Vec<StepTitle>,
    /// How many clients there are.
    pub clients: Headcount,
    /// Who watches.
    pub audience: Audience,
    /// Where the driver is.
    pub place: Option<Place>,
    /// The links by which others come in.
    pub links: Vec<Link>,
    /// What the lab would run by itself, and what a driver has not yet said yes to.
    pub trust: Option<Arc<Listing>>,
    /// How it stands at the steps that were seen.
    pub progress: Vec<StepProgress>,
    /// The page shown, if one could be read.
    pub page: Option<PageView>,
    /// The index of the block of that page that ran last since it was shown.
    pub last_block: Option<usize>,
    /// The run of all blocks of a step, the last one that was begun.
    pub step_run: Option<StepRun>,
    /// Why the page is not what the client asked for.
    pub notice: Option<Notice>,
}

/// A step, as a list of all steps shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepTitle {
    /// Its name.
    pub step: String,
    /// Its page's title, or its name.
    pub title: String,
}

/// A terminal of a lab.
#[derive(Debug, Clone)]
pub struct TerminalView {
    /// Its number.
    pub number: u16,
    /// Its id in the layout.
    pub id: String,
    /// The name that people see.
    pub name: String,
    /// Whether the config had it and has it no more. It goes when nothing runs in it.
    pub removed: bool,
    /// Names its shell, 0 before the first; grows with each.
    pub generation: u32,
    /// Whether one runs.
    pub status: Status,
    /// The terminal itself.
    pub handle: TerminalHandle,
}

impl TerminalView {
    /// Why no shell runs in it, once one has ended or could not be started.
    #[must_use]
    pub fn ended(&self) -> Option<String> {
        match &self.status {
            Status::Waiting | Status::Running => None,
            Status::Exited(_) => Some(format!("the shell of `{}` has ended", self.name)),
            Status::Failed { message, .. } => Some(message.clone()),
        }
    }
}

/// A page, and how it stands with its blocks.
#[derive(Debug, Clone)]
pub struct PageView {
    /// The page.
    pub page: Arc<Page>,
    /// The number of each block's terminal, by block.
    pub terminals: Vec<u16>,
    /// The state of each block, by block.
    pub states: Vec<BlockState>,
    /// How it stands with its checks.
    pub checks: Vec<CheckState>,
}

/// How it stands with a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckState {
    /// The check.
    pub place: BlockPlace,
    /// Whether it runs now.
    pub running: bool,
    /// How it ended last.
    pub last: Option<CheckResult>,
}

/// How a check ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckResult {
    /// Whether it passed.
    pub verdict: Verdict,
    /// What it wrote, as text; the middle of a long output is left out.
    pub output: Arc<str>,
    /// When it began.
    pub began: SystemTime,
    /// When it ended.
    pub ended: SystemTime,
}

/// How it stands at a step that was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepProgress {
    /// The step.
    pub step: Arc<str>,
    /// When it was first shown.
    pub seen_at: SystemTime,
    /// How many blocks it requires.
    pub required: usize,
    /// How many of those are done, or were skipped.
    pub done: usize,
    /// How many checks it has.
    pub checks: usize,
    /// How many of those have passed.
    pub passed: usize,
    /// The blocks that were skipped and did not pass since.
    pub skipped: Vec<usize>,
    /// The blocks that the way on waits for.
    pub waits: Vec<Waits>,
    /// While it is shown and something waits: the steps before it that were not seen.
    pub before: Vec<String>,
}

/// A block that the way on waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waits {
    /// Its index.
    pub block: usize,
    /// What people call it.
    pub name: String,
}

/// How it stands with all blocks of one id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockState {
    /// The id.
    pub id: String,
    /// How often it was run.
    pub runs: u64,
    /// How many of its runs wait for their terminal.
    pub waiting: usize,
    /// The last run of the block that this was told for.
    pub last: Option<BlockRun>,
    /// The run of that block whose commands still run while a later one is the last.
    pub earlier: Option<BlockRun>,
}

/// A run of a page's block, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockRun {
    /// The block.
    pub block: BlockPlace,
    /// The number of the terminal it was typed into.
    pub terminal: u16,
    /// How it stands.
    pub state: RunState,
    /// When its first command began, and where in the terminal's output; or, where the shell did
    /// not tell, when it was typed.
    pub began: Option<Moment>,
    /// When its last command ended, and where; or, where the shell did not tell, when the last
    /// output came before it settled.
    pub ended: Option<Moment>,
    /// What was seen of a run that nobody told the end of.
    pub settled: Option<How>,
    /// Whether it did what is expected of it, once its end is known; where it was sent, what its
    /// output says of that.
    pub verdict: Option<Verdict>,
    /// Whether it runs for longer than its author expects.
    pub late: bool,
}

/// A block of a step.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct BlockPlace {
    /// The step's name.
    pub step: Arc<str>,
    /// The block's index.
    pub index: usize,
}

/// How a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunState {
    /// It waits until a prompt is back, and can be cancelled.
    Queued,
    /// It was not yet typed, or the shell has not yet begun it.
    Waiting,
    /// Its commands run.
    Running,
    /// They ended with this exit code.
    Ended(i32),
    /// It was typed, and nobody can know what became of it.
    Sent,
    /// Recorded output is shown in its place, or was.
    Recorded,
    /// It was never typed: somebody cancelled it, or the shell ended that it waited for.
    Dropped,
}

/// A run of no block, and what became of it: an on-load command, or the text of a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LooseRun {
    /// The id it is counted under.
    pub id: String,
    /// The number of the terminal it was typed into.
    pub terminal: u16,
    /// How it stands.
    pub state: RunState,
    /// When its first command began, and where in the terminal's output; or, where the shell did
    /// not tell, when it was typed.
    pub began: Option<Moment>,
    /// When its last command ended, and where.
    pub ended: Option<Moment>,
}

/// What keeps a terminal busy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Busy {
    /// The terminal's number.
    pub terminal: u16,
    /// The terminal's name.
    pub name: String,
    /// The program, where the system tells.
    pub program: Option<String>,
    /// Since when it runs, where that is known.
    pub since: Option<SystemTime>,
    /// The block that started it, where one did.
    pub block: Option<BlockPlace>,
    /// The index of the block that was to run, where it is one of the page shown.
    pub wanted: Option<usize>,
}

/// A run of all blocks of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepRun {
    /// The step.
    pub step: String,
    /// The index of the block that runs, or that it stopped at.
    pub block: Option<usize>,
    /// How many blocks it is through with.
    pub done: usize,
    /// How many there are.
    pub total: usize,
    /// How it stands.
    pub state: StepRunState,
    /// Why it stopped.
    pub notice: Option<Notice>,
}

/// How a run of all blocks stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepRunState {
    /// It goes on.
    Running,
    /// It is through.
    Finished,
    /// A block failed.
    Failed,
    /// Somebody stopped it, or it could not go on.
    Stopped,
}

/// Something that happened in a lab.
#[derive(Debug, Clone)]
pub enum LabEvent {
    /// The lab was started over.
    Restarted(Box<LabSnapshot>),
    /// A step is shown.
    Page {
        /// The page.
        view: PageView,
        /// The execution that asked for it.
        execution: Option<Arc<str>>,
        /// The files it shows that have changed, where its author saved something and nobody asked
        /// for it.
        reload: Option<Vec<String>>,
    },
    /// Steps came or went, or have other titles.
    Steps(Vec<StepTitle>),
    /// A block's state changed.
    Block(BlockState),
    /// Something became of what was typed without a click.
    Loose(LooseRun),
    /// How the run of all blocks of a step stands.
    StepRun(StepRun),
    /// A check began or ended.
    Check(CheckState),
    /// Something was done at a step, or it was seen.
    Progress(StepProgress),
    /// Terminals came or went, or have another name or place: all that there are now.
    Terminals(Vec<TerminalView>),
    /// A terminal's shell started, ended or failed to start.
    Terminal(TerminalView),
    /// A terminal should be brought into view.
    Focus(u16),
    /// Somebody came or went.
    Clients(Headcount),
    /// Who watches, for drivers.
    Audience(Audience),
    /// The valid links, for drivers.
    Links(Vec<Link>),
    /// What waits for a driver's yes before it runs by itself, for drivers.
    Trust(Option<Arc<Listing>>),
    /// What this client may do has changed.
    Role {
        /// What it may do now.
        role: Role,
        /// Whether that answers its wish for the keyboard by no.
        declined: bool,
    },
    /// Where the driver is.
    Place(Place),
    /// Something a person should read.
    Notice(Notice),
    /// An address to open.
    OpenDocument(String),
}

/// How many people drivers are told of; those who ask or have the keyboard come first.
pub const MAX_PEOPLE: usize = 200;

/// How many clients a lab has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Headcount {
    /// All of them.
    pub clients: usize,
    /// Those that came by a watch link.
    pub viewers: usize,
    /// Those that own the lab and watch its terminals, as a program that only executes commands
    /// does not.
    pub drivers: usize,
}

/// Who watches.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Audience {
    /// How many viewers can't read a terminal as a whole.
    pub cramped: usize,
    /// Those who ask for the keyboard, have it, or gave a name, at most [`MAX_PEOPLE`].
    pub people: Vec<Person>,
}

/// Somebody who came by a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The client's number.
    pub client: u64,
    /// The name that was given.
    pub name: Option<String>,
    /// Whether it asks for the keyboard.
    pub asks: bool,
    /// Whether it has the keyboard.
    pub has_keyboard: bool,
}

/// Where the driver is, for those who follow.
#[derive(Debug, Clone, PartialEq)]
pub struct Place {
    /// The step.
    pub step: String,
    /// The outermost element at the top of the page, and as fraction how far it is scrolled.
    pub scroll: f64,
    /// The number of the terminal that the driver looks at.
    pub terminal: Option<u16>,
}

/// Something a person should read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// The message.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// Whether something failed, rather than being only good to know.
    pub failed: bool,
}

impl Notice {
    /// Says that something failed.
    pub fn failure(message: impl Into<String>, hint: Option<String>) -> Self {
        Self {
            message: message.into(),
            hint,
            failed: true,
        }
    }
}
