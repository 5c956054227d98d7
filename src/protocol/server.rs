//! What the server sends in text frames.

use serde::{Deserialize, Serialize};

use super::{
    audience::{Audience, LabClients, LabLink, Place, Role},
    error::ErrorCode,
    progress::{CheckState, Required, StepProgress, Way},
    run::{BlockRun, StepRun},
    trust::Trust,
};

/// Methods of server notifications.
pub mod method {
    /// [`LabState`](super::LabState): the lab was started over; everything before is gone.
    pub const LAB_STATE: &str = "lab/state";
    /// [`PageShow`](super::PageShow): a step is shown.
    pub const PAGE_SHOW: &str = "page/show";
    /// [`LabSteps`](super::LabSteps): steps came or went, or have other titles.
    pub const LAB_STEPS: &str = "lab/steps";
    /// [`BlockState`](super::BlockState): a block waits, was run, or may run no more.
    pub const BLOCK_STATE: &str = "block/state";
    /// [`StepRun`](crate::protocol::run::StepRun): how the run of all blocks of a step stands.
    pub const STEP_RUN: &str = "lab/stepRun";
    /// [`CheckState`](crate::protocol::progress::CheckState): a check began or ended.
    pub const CHECK_STATE: &str = "check/state";
    /// [`StepProgress`](crate::protocol::progress::StepProgress): a step was seen, or something is
    /// done there.
    pub const LAB_PROGRESS: &str = "lab/progress";
    /// [`LabTerminals`](super::LabTerminals): terminals came or went, or have another name or place.
    pub const LAB_TERMINALS: &str = "lab/terminals";
    /// [`TerminalInfo`](super::TerminalInfo): a shell runs in the terminal.
    pub const TERMINAL_OPENED: &str = "terminal/opened";
    /// [`TerminalInfo`](super::TerminalInfo): the terminal's shell ended.
    pub const TERMINAL_EXITED: &str = "terminal/exited";
    /// [`TerminalFocus`](super::TerminalFocus): the terminal should be brought into view.
    pub const TERMINAL_FOCUS: &str = "terminal/focus";
    /// [`LabClients`](crate::protocol::audience::LabClients): somebody came or went; at most
    /// some four times a second.
    pub const LAB_CLIENTS: &str = "lab/clients";
    /// [`Audience`](crate::protocol::audience::Audience), to drivers: who watches.
    pub const LAB_AUDIENCE: &str = "lab/audience";
    /// [`LabLinks`](crate::protocol::audience::LabLinks), to drivers: a link was made or revoked.
    pub const LAB_LINKS: &str = "lab/links";
    /// [`LabTrust`](crate::protocol::trust::LabTrust), to drivers: what waits for a yes.
    pub const LAB_TRUST: &str = "lab/trust";
    /// [`RoleChanged`](crate::protocol::audience::RoleChanged): this client may do more or less.
    pub const LAB_ROLE: &str = "lab/role";
    /// [`Place`](crate::protocol::audience::Place): where the driver is.
    pub const LAB_PLACE: &str = "lab/place";
    /// No parameters: the connection lives.
    pub const HEARTBEAT: &str = "lab/heartbeat";
    /// [`ShowMessage`](super::ShowMessage): something a person should read.
    pub const SHOW_MESSAGE: &str = "window/showMessage";
    /// [`ShowDocument`](super::ShowDocument): an address to open.
    pub const SHOW_DOCUMENT: &str = "window/showDocument";
}

/// Close codes of the socket that this protocol adds to those of RFC 6455.
pub mod close {
    /// The server stops; a client tries again later.
    pub const SERVER_STOPS: u16 = 1001;
    /// The client broke the protocol.
    pub const PROTOCOL_ERROR: u16 = 1002;
    /// The client sent a message larger than
    /// [`MAX_CLIENT_MESSAGE_BYTES`](crate::protocol::MAX_CLIENT_MESSAGE_BYTES).
    pub const TOO_LARGE: u16 = 1009;
    /// The client did not read its messages in time; it may come back and resume.
    pub const TOO_SLOW: u16 = 4000;
    /// The client sent more messages than
    /// [`CALLS_PER_SECOND`](crate::protocol::CALLS_PER_SECOND) and its siblings allow.
    pub const TOO_MANY: u16 = 4001;
    /// The client did not send `initialize` in time.
    pub const NOT_INITIALIZED: u16 = 4002;
    /// The link that the client came by was revoked.
    pub const REVOKED: u16 = 4003;
    /// The client, by its `clientId`, has opened another connection, which takes this one's place.
    pub const REPLACED: u16 = 4004;
}

/// All that a client needs to show the lab as it is.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct LabState {
    /// The version of the protocol that the server speaks.
    pub protocol_version: u32,
    /// The version of katahost.
    pub server_version: String,
    /// Names this run of the lab; a lab started over is another instance.
    pub instance: String,
    /// What this client may do.
    pub role: Role,
    /// The scenario's name, which is its folder's.
    pub scenario: String,
    /// What people call the scenario.
    pub title: String,
    /// All terminals, in the order of the layout.
    pub terminals: Vec<TerminalInfo>,
    /// How many bytes of this client's input each terminal got, for a client that comes back.
    pub input: Vec<InputReceived>,
    /// All steps of the scenario.
    pub steps: Vec<StepInfo>,
    /// How it stands at the steps that were seen, the first first.
    pub progress: Vec<StepProgress>,
    /// This client's own number.
    #[cfg_attr(test, ts(type = "number"))]
    pub client: u64,
    /// How many clients are in the lab.
    pub clients: LabClients,
    /// Who watches, for a driver.
    pub audience: Option<Audience>,
    /// The links of the lab, for a driver.
    pub links: Vec<LabLink>,
    /// What the lab runs by itself as soon as a driver says yes to it, for a driver.
    #[serde(default)]
    pub trust: Option<Trust>,
    /// Where the driver is, once one has said so.
    pub place: Option<Place>,
    /// The page of the lab's current step, or nothing where it could not be read.
    pub page: Option<Page>,
    /// The index of the block of that page that ran last since the step was shown; the next one
    /// is what `katahost.runNextBlock` runs.
    pub last_block: Option<usize>,
    /// The run of all blocks of that step, the last one that was begun.
    pub step_run: Option<Box<StepRun>>,
    /// Why the page is not what the client asked for.
    pub message: Option<ShowMessage>,
}

/// A step, as a list of all steps shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct StepInfo {
    /// The step's name.
    pub step: String,
    /// The title of its page, or its name.
    pub title: String,
}

/// How much of a client's input a terminal received.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct InputReceived {
    /// The terminal's number.
    pub terminal: u16,
    /// The terminal's generation that the count belongs to.
    pub generation: u32,
    /// Bytes received from this client in this generation.
    #[cfg_attr(test, ts(type = "number"))]
    pub bytes: u64,
}

/// A terminal of the lab.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct TerminalInfo {
    /// The number that frames and notifications use; valid within one lab instance.
    pub terminal: u16,
    /// The id in the scenario's config.
    pub id: String,
    /// The name that people see.
    pub name: String,
    /// Names the terminal's shell: 0 before the first, and growing with each, also when the lab is
    /// started over.
    pub generation: u32,
    /// Whether a shell runs in it.
    pub status: TerminalStatus,
}

/// All terminals, in the order of the layout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct LabTerminals {
    /// The terminals.
    pub terminals: Vec<TerminalInfo>,
}

/// Whether a shell runs in a terminal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "state")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum TerminalStatus {
    /// The shell starts as soon as a client says how large the terminal is.
    Waiting,
    /// A shell runs.
    Running,
    /// The shell ended.
    Exited {
        /// How it ended, in words: `the shell ended with code 1`.
        message: String,
        /// Its exit code, where it had one.
        code: Option<i32>,
        /// The signal that ended it, in the system's words (`Killed`), where one did.
        signal: Option<String>,
    },
    /// The shell could not be started.
    Failed {
        /// Why.
        message: String,
        /// What to do about it.
        hint: String,
    },
}

/// A step is shown.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct PageShow {
    /// The page.
    pub page: Page,
    /// The execution that asked for it, so that its client can tell it from others'.
    pub execution_id: Option<String>,
    /// There where the page is the one shown already, which its author has just saved: it takes
    /// the old one's place, and the reader stays where it is. Nothing was run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub reload: Option<Reload>,
}

/// What was saved besides a page's own text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Reload {
    /// The files that the page shows and that have changed: their paths in the scenario's folder,
    /// not encoded.
    pub files: Vec<String>,
}

/// All steps of the scenario, in their order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct LabSteps {
    /// The steps.
    pub steps: Vec<StepInfo>,
}

/// One step, ready to be shown.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Page {
    /// The step's name.
    pub step: String,
    /// The step's first heading, or its name.
    pub title: String,
    /// Changes when the page's content changes; sent back with blocks and links.
    pub revision: String,
    /// Sanitised HTML. Blocks are `<pre data-block="N">`, command links `<a data-link="N">`,
    /// files of the scenario `files/…` relative to the lab's address.
    pub html: String,
    /// The page's blocks, by index.
    pub blocks: Vec<Block>,
    /// How it stands with the page's checks. Left out where it has none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(test, ts(optional, as = "Option<Vec<CheckState>>"))]
    pub checks: Vec<CheckState>,
    /// Where the page's links lead that lead to steps. Left out where the page requires nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(test, ts(optional, as = "Option<Vec<Way>>"))]
    pub ways: Vec<Way>,
    /// What is wrong with the page and with the scenario's config, for its author: a driver of a
    /// lab that is served with `--author`. Left out where there is nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(test, ts(optional, as = "Option<Vec<Diagnostic>>"))]
    pub diagnostics: Vec<Diagnostic>,
}

/// Something that is wrong with a scenario, as `katahost check` says it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Diagnostic {
    /// `warning` or `error`.
    pub severity: Severity,
    /// The stable name of this kind of diagnostic, in kebab case.
    pub code: String,
    /// What is wrong, with literals in backticks.
    pub message: String,
    /// The file, relative to the scenario's folder.
    pub file: String,
    /// The line, from 1, where one can be named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub line: Option<usize>,
    /// The column in that line, in characters from 1, where one can be named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub column: Option<usize>,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub hint: Option<String>,
    /// The index of the block that it is about, where it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub block: Option<usize>,
}

/// A code block of a page.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Block {
    /// The block's index in the page, from 0.
    pub index: usize,
    /// The id under which runs are counted; blocks may share one.
    pub id: String,
    /// The language of the fence, as written.
    pub language: String,
    /// What the block is.
    pub kind: BlockKind,
    /// The number of the terminal it runs in.
    pub terminal: u16,
    /// What its author calls it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub title: Option<String>,
    /// How the way on waits for it, if it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub required: Option<Required>,
    /// The text without its header lines.
    pub command: String,
    /// Whether Ctrl-C is typed before the text.
    pub interrupts: bool,
    /// How often it may run, or null where there is no limit. Compared with `state.runs`.
    #[cfg_attr(test, ts(type = "number | null"))]
    pub limit: Option<u64>,
    /// The block's background, as in CSS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub background_color: Option<String>,
    /// Whether `katahost.playRecording` can show recorded output of the block; left out where not.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[cfg_attr(test, ts(optional, as = "Option<bool>"))]
    pub recorded: bool,
    /// The state under the block's id.
    pub state: BlockState,
}

/// What a block is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum BlockKind {
    /// A click runs it.
    Executable,
    /// A click runs it quietly, beside the terminals, and says whether it passed.
    Check,
    /// It is for reading.
    Text,
    /// It is a mermaid diagram, to be drawn.
    Mermaid,
}

/// How it stands with all blocks of one id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct BlockState {
    /// The block's id.
    pub id: String,
    /// How often it was run.
    #[cfg_attr(test, ts(type = "number"))]
    pub runs: u64,
    /// How many of its runs are not yet completely typed.
    pub waiting: usize,
    /// In a page: the block's last run. In a notification: the run that it tells of, whose block
    /// is one of those with this id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub last: Option<BlockRun>,
    /// The run of the same block whose commands still run while `last` waits, or was typed to them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub earlier: Option<BlockRun>,
}

/// What executing a command gave.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct ExecuteCommandResult {
    /// Whether this execution id was executed before, so that nothing ran now.
    pub repeated: bool,
    /// The terminals that were typed into.
    pub terminals: Vec<u16>,
    /// The link that was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub link: Option<LabLink>,
}

/// A command of the registry.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct CommandInfo {
    /// The command's id.
    pub id: String,
    /// What it does, in one line.
    pub title: String,
    /// The shape of its arguments, for people.
    pub arguments: String,
    /// The role it needs.
    pub role: Role,
}

/// The terminal should be brought into view.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct TerminalFocus {
    /// The terminal's number.
    pub terminal: u16,
}

/// Something a person should read.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct ShowMessage {
    /// How bad it is.
    pub severity: Severity,
    /// The message.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// The stable code, where it is an error.
    pub code: Option<ErrorCode>,
}

/// How bad a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum Severity {
    /// Good to know.
    Info,
    /// Something is not as meant.
    Warning,
    /// Something failed.
    Error,
}

/// An address to open.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct ShowDocument {
    /// An `http`, `https` or `mailto` address, or one relative to the lab's.
    pub uri: String,
}
