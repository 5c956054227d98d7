// Generated from src/protocol by `cargo test`; do not edit.

export const VERSION = 1;
export const SUBPROTOCOL = "katahost.v1";
export const MAX_CLIENT_MESSAGE_BYTES = 1048576;
export const HEARTBEAT_SECONDS = 10;
export const MAX_NAME_CHARS = 40;
export const HEADER_BYTES = 16;
export const FRAME_OUTPUT = 1;
export const FRAME_SNAPSHOT = 2;
export const FRAME_RESIZE = 3;
export const FRAME_INPUT = 4;
export const FRAME_PREVIEW = 5;
export const FRAME_REPLAY_FLAG = 1;
export const FRAME_MORE_FLAG = 2;

export const INITIALIZE = "initialize";
export const EXECUTE_COMMAND = "workspace/executeCommand";
export const LIST_COMMANDS = "workspace/listCommands";
export const RESIZE = "terminal/resize";
export const ACK = "terminal/ack";
export const READ_PAGE = "page/read";
export const VIEW = "lab/view";
export const LAB_STATE = "lab/state";
export const PAGE_SHOW = "page/show";
export const LAB_STEPS = "lab/steps";
export const BLOCK_STATE = "block/state";
export const STEP_RUN = "lab/stepRun";
export const CHECK_STATE = "check/state";
export const LAB_PROGRESS = "lab/progress";
export const LAB_TERMINALS = "lab/terminals";
export const TERMINAL_OPENED = "terminal/opened";
export const TERMINAL_EXITED = "terminal/exited";
export const TERMINAL_FOCUS = "terminal/focus";
export const LAB_CLIENTS = "lab/clients";
export const LAB_AUDIENCE = "lab/audience";
export const LAB_LINKS = "lab/links";
export const LAB_TRUST = "lab/trust";
export const LAB_ROLE = "lab/role";
export const LAB_PLACE = "lab/place";
export const HEARTBEAT = "lab/heartbeat";
export const SHOW_MESSAGE = "window/showMessage";
export const SHOW_DOCUMENT = "window/showDocument";

/** Any JSON value. */
export type JsonValue = number | string | boolean | JsonValue[] | { [key: string]: JsonValue } | null;

/**
 * Who the client is, and what it wants to go on with.
 */
export type InitializeParams = { 
/**
 * The version of the protocol, [`VERSION`](crate::protocol::VERSION).
 */
protocolVersion: number, 
/**
 * A name of this client that is its own and stays over reconnects, 8 to 64 characters.
 */
clientId: string, 
/**
 * Whether the client watches terminals; a program that only executes commands does not.
 */
attach: boolean, 
/**
 * Whether the client shows a preview of each terminal with a long past while it reads that.
 */
preview?: boolean, 
/**
 * What the client already has, after a lost connection.
 */
resume?: Resume, 
/**
 * How the client sees the lab.
 */
view?: ViewParams, 
/**
 * The step that the client's address names, on a fresh visit only: another one than the
 * lab's current step is loaded.
 */
step?: string, };

/**
 * How far a client got before it lost its connection.
 */
export type Resume = { 
/**
 * The lab instance that the offsets belong to.
 */
instance: string, 
/**
 * One entry for each terminal the client holds.
 */
terminals: Array<ResumeTerminal>, };

/**
 * How far a client got in one terminal's output.
 */
export type ResumeTerminal = { 
/**
 * The terminal's number.
 */
terminal: number, 
/**
 * The offset after the last byte that the client received.
 */
offset: number, };

/**
 * A command to execute.
 */
export type ExecuteCommandParams = { 
/**
 * The command's id.
 */
command: string, 
/**
 * The command's arguments, in order.
 */
arguments: Array<JsonValue>, 
/**
 * An id made by the client, 8 to 64 characters: the same one runs once, however often sent.
 */
executionId?: string, };

/**
 * The size that a client shows a terminal in.
 */
export type ResizeParams = { 
/**
 * The terminal's number.
 */
terminal: number, 
/**
 * Width in cells.
 */
cols: number, 
/**
 * Height in cells.
 */
rows: number, };

/**
 * How far a client has parsed a terminal's output.
 */
export type AckParams = { 
/**
 * The terminal's number.
 */
terminal: number, 
/**
 * The offset after the last parsed byte.
 */
offset: number, };

/**
 * A step to read without showing it to anybody else.
 */
export type ReadPageParams = { 
/**
 * The step's name.
 */
step: string, 
/**
 * The number of a link of that step, to read the step that it leads to.
 */
link?: number, };

/**
 * How a client sees the lab.
 */
export type ViewParams = { 
/**
 * The name that others see, at most [`MAX_NAME_CHARS`](crate::protocol::MAX_NAME_CHARS)
 * characters; longer ones are cut. Left out, the name stays as it is.
 */
name?: string, 
/**
 * Whether a terminal is too small to read here, or cut off.
 */
cramped: boolean, };

/**
 * Where the driver is, for those who follow.
 */
export type Place = { 
/**
 * The step that the driver reads.
 */
step: string, 
/**
 * What is at the top of the driver's page: the index of the outermost element of the step,
 * and as fraction how far that is scrolled through.
 */
scroll: number, 
/**
 * The number of the terminal that the driver looks at.
 */
terminal: number | null, };

/**
 * All that a client needs to show the lab as it is.
 */
export type LabState = { 
/**
 * The version of the protocol that the server speaks.
 */
protocolVersion: number, 
/**
 * The version of katahost.
 */
serverVersion: string, 
/**
 * Names this run of the lab; a lab started over is another instance.
 */
instance: string, 
/**
 * What this client may do.
 */
role: Role, 
/**
 * The scenario's name, which is its folder's.
 */
scenario: string, 
/**
 * What people call the scenario.
 */
title: string, 
/**
 * All terminals, in the order of the layout.
 */
terminals: Array<TerminalInfo>, 
/**
 * How many bytes of this client's input each terminal got, for a client that comes back.
 */
input: Array<InputReceived>, 
/**
 * All steps of the scenario.
 */
steps: Array<StepInfo>, 
/**
 * How it stands at the steps that were seen, the first first.
 */
progress: Array<StepProgress>, 
/**
 * This client's own number.
 */
client: number, 
/**
 * How many clients are in the lab.
 */
clients: LabClients, 
/**
 * Who watches, for a driver.
 */
audience: Audience | null, 
/**
 * The links of the lab, for a driver.
 */
links: Array<LabLink>, 
/**
 * What the lab runs by itself as soon as a driver says yes to it, for a driver.
 */
trust: Trust | null, 
/**
 * Where the driver is, once one has said so.
 */
place: Place | null, 
/**
 * The page of the lab's current step, or nothing where it could not be read.
 */
page: Page | null, 
/**
 * The index of the block of that page that ran last since the step was shown; the next one
 * is what `katahost.runNextBlock` runs.
 */
lastBlock: number | null, 
/**
 * The run of all blocks of that step, the last one that was begun.
 */
stepRun: StepRun | null, 
/**
 * Why the page is not what the client asked for.
 */
message: ShowMessage | null, };

/**
 * A step, as a list of all steps shows it.
 */
export type StepInfo = { 
/**
 * The step's name.
 */
step: string, 
/**
 * The title of its page, or its name.
 */
title: string, };

/**
 * What a client may do. Each role may do what those before it may.
 */
export type Role = "viewer" | "remote" | "guest" | "driver";

/**
 * How much of a client's input a terminal received.
 */
export type InputReceived = { 
/**
 * The terminal's number.
 */
terminal: number, 
/**
 * The terminal's generation that the count belongs to.
 */
generation: number, 
/**
 * Bytes received from this client in this generation.
 */
bytes: number, };

/**
 * A terminal of the lab.
 */
export type TerminalInfo = { 
/**
 * The number that frames and notifications use; valid within one lab instance.
 */
terminal: number, 
/**
 * The id in the scenario's config.
 */
id: string, 
/**
 * The name that people see.
 */
name: string, 
/**
 * Names the terminal's shell: 0 before the first, and growing with each, also when the lab is
 * started over.
 */
generation: number, 
/**
 * Whether a shell runs in it.
 */
status: TerminalStatus, };

/**
 * Whether a shell runs in a terminal.
 */
export type TerminalStatus = { "state": "waiting" } | { "state": "running" } | { "state": "exited", 
/**
 * How it ended, in words: `the shell ended with code 1`.
 */
message: string, 
/**
 * Its exit code, where it had one.
 */
code: number | null, 
/**
 * The signal that ended it, in the system's words (`Killed`), where one did.
 */
signal: string | null, } | { "state": "failed", 
/**
 * Why.
 */
message: string, 
/**
 * What to do about it.
 */
hint: string, };

/**
 * All steps of the scenario, in their order.
 */
export type LabSteps = { 
/**
 * The steps.
 */
steps: Array<StepInfo>, };

/**
 * All terminals, in the order of the layout.
 */
export type LabTerminals = { 
/**
 * The terminals.
 */
terminals: Array<TerminalInfo>, };

/**
 * A step is shown.
 */
export type PageShow = { 
/**
 * The page.
 */
page: Page, 
/**
 * The execution that asked for it, so that its client can tell it from others'.
 */
executionId: string | null, 
/**
 * There where the page is the one shown already, which its author has just saved: it takes
 * the old one's place, and the reader stays where it is. Nothing was run.
 */
reload?: Reload, };

/**
 * What was saved besides a page's own text.
 */
export type Reload = { 
/**
 * The files that the page shows and that have changed: their paths in the scenario's folder,
 * not encoded.
 */
files: Array<string>, };

/**
 * One step, ready to be shown.
 */
export type Page = { 
/**
 * The step's name.
 */
step: string, 
/**
 * The step's first heading, or its name.
 */
title: string, 
/**
 * Changes when the page's content changes; sent back with blocks and links.
 */
revision: string, 
/**
 * Sanitised HTML. Blocks are `<pre data-block="N">`, command links `<a data-link="N">`,
 * files of the scenario `files/…` relative to the lab's address.
 */
html: string, 
/**
 * The page's blocks, by index.
 */
blocks: Array<Block>, 
/**
 * How it stands with the page's checks. Left out where it has none.
 */
checks?: Array<CheckState>, 
/**
 * Where the page's links lead that lead to steps. Left out where the page requires nothing.
 */
ways?: Array<Way>, 
/**
 * What is wrong with the page and with the scenario's config, for its author: a driver of a
 * lab that is served with `--author`. Left out where there is nothing.
 */
diagnostics?: Array<Diagnostic>, };

/**
 * A code block of a page.
 */
export type Block = { 
/**
 * The block's index in the page, from 0.
 */
index: number, 
/**
 * The id under which runs are counted; blocks may share one.
 */
id: string, 
/**
 * The language of the fence, as written.
 */
language: string, 
/**
 * What the block is.
 */
kind: BlockKind, 
/**
 * The number of the terminal it runs in.
 */
terminal: number, 
/**
 * What its author calls it.
 */
title?: string, 
/**
 * How the way on waits for it, if it does.
 */
required?: Required, 
/**
 * The text without its header lines.
 */
command: string, 
/**
 * Whether Ctrl-C is typed before the text.
 */
interrupts: boolean, 
/**
 * How often it may run, or null where there is no limit. Compared with `state.runs`.
 */
limit: number | null, 
/**
 * The block's background, as in CSS.
 */
backgroundColor?: string, 
/**
 * Whether `katahost.playRecording` can show recorded output of the block; left out where not.
 */
recorded?: boolean, 
/**
 * The state under the block's id.
 */
state: BlockState, };

/**
 * What a block is.
 */
export type BlockKind = "executable" | "check" | "text" | "mermaid";

/**
 * How it stands with all blocks of one id.
 */
export type BlockState = { 
/**
 * The block's id.
 */
id: string, 
/**
 * How often it was run.
 */
runs: number, 
/**
 * How many of its runs are not yet completely typed.
 */
waiting: number, 
/**
 * In a page: the block's last run. In a notification: the run that it tells of, whose block
 * is one of those with this id.
 */
last?: BlockRun, 
/**
 * The run of the same block whose commands still run while `last` waits, or was typed to them.
 */
earlier?: BlockRun, };

/**
 * The last run of a block, and what became of it.
 */
export type BlockRun = { 
/**
 * The name of the block's step.
 */
step: string, 
/**
 * The block's index in that step.
 */
block: number, 
/**
 * The number of the terminal that it was typed into.
 */
terminal: number, 
/**
 * How it stands.
 */
state: RunState, 
/**
 * The exit code of its last command, where it is done or failed.
 */
exitCode?: number, 
/**
 * Why it failed: the exit code, or what else is not as its author expects.
 */
reason?: string, 
/**
 * What its author says to do about a failure.
 */
hint?: string, 
/**
 * Whether it took longer than its author expects. It was not ended for that.
 */
late?: boolean, 
/**
 * Whether it was sent, and has written what its author expects. How it ended nobody knows.
 */
matched?: boolean, 
/**
 * When its first command began, in milliseconds since 1970, where the shell told; or when it
 * was typed, where it was sent.
 */
startedAt?: number, 
/**
 * When its last command ended, in milliseconds since 1970, where the shell told; or when its
 * last output came, where it has settled.
 */
endedAt?: number, 
/**
 * The offset in the terminal's output at which its own begins, where that is known.
 */
start?: number, 
/**
 * The offset at which its output ends, where that is known.
 */
end?: number, 
/**
 * What was seen of a run that is sent or running, where nobody tells its end.
 */
settled?: Settled, };

/**
 * How a run stands.
 */
export type RunState = "queued" | "waiting" | "running" | "done" | "failed" | "sent" | "recorded" | "dropped";

/**
 * What was seen of a run that nobody tells the end of. None of it says that it succeeded.
 */
export type Settled = "prompt" | "input" | "quiet";

/**
 * A run of all blocks of a step, one after the other.
 */
export type StepRun = { 
/**
 * The name of the step.
 */
step: string, 
/**
 * The index of the block that runs, or that it stopped at.
 */
block: number | null, 
/**
 * How many blocks it is through with.
 */
done: number, 
/**
 * How many there are.
 */
total: number, 
/**
 * How it stands.
 */
state: StepRunState, 
/**
 * Why it failed or stopped: words about the block, as in `it failed with exit code 1`.
 */
message?: string, 
/**
 * What to do about it.
 */
hint?: string, };

/**
 * How a run of all blocks stands.
 */
export type StepRunState = "running" | "finished" | "failed" | "stopped";

/**
 * How it stands with a check.
 */
export type CheckState = { 
/**
 * The name of the check's step.
 */
step: string, 
/**
 * The check's index among the blocks of that step.
 */
block: number, 
/**
 * Whether it runs now.
 */
running: boolean, 
/**
 * How it ended last; left out before.
 */
last?: CheckResult, };

/**
 * How a check ended.
 */
export type CheckResult = { 
/**
 * Whether it passed.
 */
passed: boolean, 
/**
 * Why it did not pass, as people read it; lines are parted by `\n`.
 */
message?: string, 
/**
 * What to do about it.
 */
hint?: string, 
/**
 * What it wrote, as text; the middle of a long output is left out.
 */
output: string, 
/**
 * When it began, in milliseconds since 1970.
 */
startedAt: number, 
/**
 * When it ended, in milliseconds since 1970.
 */
endedAt: number, };

/**
 * How the way on waits for a block.
 */
export type Required = "always" | "skippable";

/**
 * How it stands at a step that was seen.
 */
export type StepProgress = { 
/**
 * The step's name.
 */
step: string, 
/**
 * When it was first shown, in milliseconds since 1970.
 */
seenAt: number, 
/**
 * How many blocks it requires before a new step is shown.
 */
required: number, 
/**
 * How many of those are done, or were skipped.
 */
done: number, 
/**
 * How many checks it has.
 */
checks: number, 
/**
 * How many of those have passed.
 */
passed: number, 
/**
 * The blocks that were skipped and did not pass since, by index.
 */
skipped: Array<number>, 
/**
 * The blocks that the way on waits for. None for who writes the lab.
 */
waits: Array<Waits>, 
/**
 * While it is shown and something waits: the steps before it that were not seen, as by who came
 * by a deep link. They may be shown nevertheless.
 */
before?: Array<string>, };

/**
 * A block that the way on waits for.
 */
export type Waits = { 
/**
 * Its index.
 */
block: number, 
/**
 * What people call it: its title in backticks, or `block 2`.
 */
name: string, };

/**
 * A link of a page that leads to a step.
 */
export type Way = { 
/**
 * The link's number.
 */
link: number, 
/**
 * The step.
 */
step: string, };

/**
 * Something that is wrong with a scenario, as `katahost check` says it.
 */
export type Diagnostic = { 
/**
 * `warning` or `error`.
 */
severity: Severity, 
/**
 * The stable name of this kind of diagnostic, in kebab case.
 */
code: string, 
/**
 * What is wrong, with literals in backticks.
 */
message: string, 
/**
 * The file, relative to the scenario's folder.
 */
file: string, 
/**
 * The line, from 1, where one can be named.
 */
line?: number, 
/**
 * The column in that line, in characters from 1, where one can be named.
 */
column?: number, 
/**
 * What to do about it.
 */
hint?: string, 
/**
 * The index of the block that it is about, where it is about one.
 */
block?: number, };

/**
 * What executing a command gave.
 */
export type ExecuteCommandResult = { 
/**
 * Whether this execution id was executed before, so that nothing ran now.
 */
repeated: boolean, 
/**
 * The terminals that were typed into.
 */
terminals: Array<number>, 
/**
 * The link that was made.
 */
link?: LabLink, };

/**
 * A command of the registry.
 */
export type CommandInfo = { 
/**
 * The command's id.
 */
id: string, 
/**
 * What it does, in one line.
 */
title: string, 
/**
 * The shape of its arguments, for people.
 */
arguments: string, 
/**
 * The role it needs.
 */
role: Role, };

/**
 * The terminal should be brought into view.
 */
export type TerminalFocus = { 
/**
 * The terminal's number.
 */
terminal: number, };

/**
 * How many clients are in the lab.
 */
export type LabClients = { 
/**
 * Clients with an open connection.
 */
clients: number, 
/**
 * Those among them that came by a watch link.
 */
viewers: number, 
/**
 * Those among them that are drivers and attached to the terminals, as a program that only
 * executes commands is not.
 */
drivers: number, };

/**
 * Who watches, as drivers see it.
 */
export type Audience = { 
/**
 * How many viewers said that terminals are too small for them to read, or cut off.
 */
cramped: number, 
/**
 * Those who ask for the keyboard, have it, or gave a name; at most 200, in this order.
 */
people: Array<Person>, };

/**
 * A client that came by a watch link.
 */
export type Person = { 
/**
 * The client's number, valid while the server runs.
 */
client: number, 
/**
 * The name it gave.
 */
name: string | null, 
/**
 * Whether it asks for the keyboard.
 */
asks: boolean, 
/**
 * Whether it has the keyboard.
 */
hasKeyboard: boolean, };

/**
 * A link that lets others into the lab.
 */
export type LabLink = { 
/**
 * Names the link, to revoke it.
 */
id: string, 
/**
 * What those may do who come by it: `viewer` or `remote`.
 */
role: Role, 
/**
 * Its address, relative to the base path: `watch/NAME/?token=…`.
 */
address: string, 
/**
 * Its whole address, where the server knows under which name it is reached.
 */
url: string | null, };

/**
 * All links of the lab.
 */
export type LabLinks = { 
/**
 * The links, oldest first.
 */
links: Array<LabLink>, };

/**
 * This client may do more or less than before.
 */
export type RoleChanged = { 
/**
 * What it may do now.
 */
role: Role, 
/**
 * Whether this answers a request for the keyboard by no.
 */
declined: boolean, };

/**
 * What waits for a driver's yes has changed.
 */
export type LabTrust = { 
/**
 * What waits, or null where nothing does any more.
 */
trust: Trust | null, };

/**
 * Everything that the lab runs without a click, as soon as a driver says yes to it.
 */
export type Trust = { 
/**
 * Stands for all of it, files' contents included; `katahost.trust` names it.
 */
hash: string, 
/**
 * What runs.
 */
items: Array<Unattended>, 
/**
 * The files of the scenario that the texts name.
 */
files: Array<CoveredFile>, };

/**
 * Something that runs by itself.
 */
export type Unattended = { 
/**
 * When.
 */
occasion: Occasion, 
/**
 * The step.
 */
step: string, 
/**
 * The name of the terminal that it is typed into, or null for a check, which has a shell of
 * its own.
 */
terminal: string | null, 
/**
 * Whether Ctrl-C is typed first.
 */
interrupts: boolean, 
/**
 * Its text.
 */
text: string, 
/**
 * The file that it stands in, relative to the scenario's folder.
 */
file: string, 
/**
 * The line there, from 1, where one can be named.
 */
line?: number, };

/**
 * When something runs by itself.
 */
export type Occasion = "load" | "block" | "open";

/**
 * A file of the scenario whose content the hash stands for, too.
 */
export type CoveredFile = { 
/**
 * Its path in the scenario's folder.
 */
path: string, 
/**
 * Whether all of it is covered: a very large file counts by its beginning and its length.
 */
whole: boolean, };

/**
 * Something a person should read.
 */
export type ShowMessage = { 
/**
 * How bad it is.
 */
severity: Severity, 
/**
 * The message.
 */
message: string, 
/**
 * What to do about it.
 */
hint: string | null, 
/**
 * The stable code, where it is an error.
 */
code: ErrorCode | null, };

/**
 * How bad a message is.
 */
export type Severity = "info" | "warning" | "error";

/**
 * An address to open.
 */
export type ShowDocument = { 
/**
 * An `http`, `https` or `mailto` address, or one relative to the lab's.
 */
uri: string, };

/**
 * A JSON-RPC error; `data` carries the stable code and the hint.
 */
export type RpcError = { 
/**
 * The number JSON-RPC gives to this kind of error.
 */
code: number, 
/**
 * What went wrong, as a sentence without capital and full stop.
 */
message: string, 
/**
 * What a program and a person need beyond the message.
 */
data: ErrorData, };

/**
 * What an error carries beyond its message.
 */
export type ErrorData = { 
/**
 * The stable code, in kebab case.
 */
code: ErrorCode, 
/**
 * What to do about it, where there is something to do.
 */
hint?: string, 
/**
 * What keeps the terminal busy, where that is the reason.
 */
busy?: Busy, };

/**
 * What keeps a terminal busy.
 */
export type Busy = { 
/**
 * The number of the terminal.
 */
terminal: number, 
/**
 * The program's command line, shortened; absent for what the shell does by itself, and where
 * the system does not tell.
 */
program?: string, 
/**
 * Since when it runs, in milliseconds since 1970, where that is known.
 */
since?: number, 
/**
 * The step of the block that started it, where one did.
 */
step?: string, 
/**
 * The index of that block.
 */
block?: number, 
/**
 * The index of the block that was to run, where it is one of the page shown.
 */
wanted?: number, };

/**
 * The stable codes of errors.
 */
export type ErrorCode = "parse-error" | "invalid-request" | "unknown-method" | "invalid-params" | "not-initialized" | "unsupported-version" | "unknown-command" | "invalid-arguments" | "not-allowed" | "not-for-pages" | "unknown-step" | "step-locked" | "not-skippable" | "check-runs" | "unreadable-step" | "unknown-block" | "unknown-link" | "page-changed" | "unknown-terminal" | "not-executable" | "limit-reached" | "no-recording" | "not-running" | "not-queued" | "terminal-busy" | "step-runs" | "input-full" | "too-many" | "unknown-client" | "trust-changed" | "lab-closed" | "internal";
