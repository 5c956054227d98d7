//! Between the lab's own words and those of the wire; no other module knows both.

mod people;
pub(super) mod progress;
mod trust;

use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;

use crate::{
    command::{Command, CommandError, Role},
    lab::{
        LabError, LabEvent, LabSnapshot,
        clients::Standing,
        event::{
            BlockRun, BlockState, Busy, Notice, PageView, RunState, StepRun, StepRunState,
            StepTitle, TerminalView,
        },
        handle::Executed,
        judge::Verdict,
    },
    protocol::{
        VERSION,
        audience::{LabLinks, RoleChanged},
        error::ErrorCode,
        rpc::{Call, RpcError},
        run::{self, BlockRun as BlockRunInfo},
        server::{self as wire, method},
        trust::LabTrust,
    },
    scenario::{Block, BlockKind, Diagnostic, Page, Severity},
    terminal::{Status, aftermath::How, tracking::Moment},
};

/// Who a message is for.
#[derive(Debug)]
pub(super) struct Identity {
    /// The client's number.
    pub(super) number: u64,
    /// The name that the client made for itself.
    pub(super) id: Arc<str>,
    pub(super) standing: Arc<Standing>,
    /// The lab's name in addresses.
    pub(super) lab: Arc<str>,
    /// The server's address as others reach it, base path included, where that is known.
    pub(super) public_url: Option<Arc<str>>,
}

/// A text frame of a notification.
pub(super) fn notification(method: &str, params: impl Serialize) -> String {
    text(&Call::notification(method, params))
}

/// A text frame of any message.
pub(super) fn text(message: &impl Serialize) -> String {
    // Messages are plain data with string keys, which always have a JSON form.
    serde_json::to_string(message).unwrap_or_default()
}

/// The text frame that tells a client of `event`, where there is one. `client` is the client's own id.
pub(super) fn event(event: &LabEvent, client: &Identity) -> Option<String> {
    let told = match event {
        LabEvent::Restarted(snapshot) => {
            notification(method::LAB_STATE, lab_state(snapshot, client))
        }
        LabEvent::Page {
            view,
            execution,
            reload,
        } => {
            let execution_id = execution.as_deref().map(str::to_owned);
            notification(
                method::PAGE_SHOW,
                wire::PageShow {
                    page: page(view, client.standing.role()),
                    execution_id,
                    reload: reload.clone().map(|files| wire::Reload { files }),
                },
            )
        }
        LabEvent::Steps(steps) => {
            let steps = steps.iter().map(step).collect();
            notification(method::LAB_STEPS, wire::LabSteps { steps })
        }
        LabEvent::Block(state) => notification(method::BLOCK_STATE, block_state(state)),
        LabEvent::StepRun(told) => notification(method::STEP_RUN, step_run(told)),
        LabEvent::Check(state) => notification(method::CHECK_STATE, progress::check(state)),
        LabEvent::Progress(step) => notification(method::LAB_PROGRESS, progress::step(step)),
        LabEvent::Terminals(views) => {
            let terminals = views.iter().map(terminal).collect();
            notification(method::LAB_TERMINALS, wire::LabTerminals { terminals })
        }
        LabEvent::Terminal(view) => {
            let method = match view.status {
                Status::Waiting | Status::Running => method::TERMINAL_OPENED,
                Status::Exited(_) | Status::Failed { .. } => method::TERMINAL_EXITED,
            };
            notification(method, terminal(view))
        }
        LabEvent::Focus(terminal) => notification(
            method::TERMINAL_FOCUS,
            wire::TerminalFocus {
                terminal: *terminal,
            },
        ),
        LabEvent::Clients(headcount) => {
            notification(method::LAB_CLIENTS, people::headcount(*headcount))
        }
        LabEvent::Audience(audience) => {
            notification(method::LAB_AUDIENCE, people::audience(audience))
        }
        LabEvent::Links(links) => {
            let links = people::links(links, client);
            notification(method::LAB_LINKS, LabLinks { links })
        }
        LabEvent::Trust(pending) => {
            let trust = pending.as_deref().map(trust::pending);
            notification(method::LAB_TRUST, LabTrust { trust })
        }
        LabEvent::Role { role, declined } => notification(
            method::LAB_ROLE,
            RoleChanged {
                role: people::role(*role),
                declined: *declined,
            },
        ),
        LabEvent::Place(place) => notification(method::LAB_PLACE, people::place(place)),
        // Clients are told of no runs but those of blocks.
        LabEvent::Loose(_) => return None,
        LabEvent::Notice(notice) => notification(method::SHOW_MESSAGE, message(notice)),
        LabEvent::OpenDocument(uri) => notification(
            method::SHOW_DOCUMENT,
            wire::ShowDocument { uri: uri.clone() },
        ),
    };
    Some(told)
}

pub(super) fn heartbeat() -> String {
    notification(method::HEARTBEAT, Value::Null)
}

pub(super) fn lab_state(lab: &LabSnapshot, client: &Identity) -> wire::LabState {
    let received = |view: &TerminalView| {
        let (generation, bytes) = view.handle.received(&client.id);
        wire::InputReceived {
            terminal: view.number,
            generation,
            bytes,
        }
    };
    let role = client.standing.role();
    let owns = role == Role::Driver;
    wire::LabState {
        protocol_version: VERSION,
        server_version: env!("CARGO_PKG_VERSION").to_owned(),
        instance: lab.instance.to_string(),
        role: people::role(role),
        scenario: lab.scenario.to_string(),
        title: lab.title.clone(),
        terminals: lab.terminals.iter().map(terminal).collect(),
        input: lab.terminals.iter().map(received).collect(),
        steps: lab.steps.iter().map(step).collect(),
        progress: lab.progress.iter().map(progress::step).collect(),
        client: client.number,
        clients: people::headcount(lab.clients),
        audience: owns.then(|| people::audience(&lab.audience)),
        links: if owns {
            people::links(&lab.links, client)
        } else {
            Vec::new()
        },
        trust: lab.trust.as_deref().filter(|_| owns).map(trust::pending),
        place: lab.place.as_ref().map(people::place),
        last_block: lab.last_block,
        step_run: lab.step_run.as_ref().map(|told| Box::new(step_run(told))),
        page: lab.page.as_ref().map(|view| page(view, role)),
        message: lab.notice.as_ref().map(message),
    }
}

pub(super) fn executed(executed: Executed, client: &Identity) -> wire::ExecuteCommandResult {
    let Executed {
        repeated,
        terminals,
        link,
        ..
    } = executed;
    wire::ExecuteCommandResult {
        repeated,
        terminals,
        link: link.map(|link| people::link(&link, client)),
    }
}

pub(super) fn command(command: &Command) -> wire::CommandInfo {
    wire::CommandInfo {
        id: command.id.to_owned(),
        title: command.title.to_owned(),
        arguments: command.arguments.to_owned(),
        role: people::role(command.role),
    }
}

pub(super) fn error(error: &LabError) -> RpcError {
    let code = match error {
        LabError::Command(error) => match error {
            CommandError::UnknownCommand { .. } => ErrorCode::UnknownCommand,
            CommandError::InvalidArguments { .. } => ErrorCode::InvalidArguments,
            CommandError::NotAllowed { .. } => ErrorCode::NotAllowed,
            CommandError::NotForPages { .. } => ErrorCode::NotForPages,
            CommandError::UnknownStep { .. }
            | CommandError::NoNextStep
            | CommandError::NoPreviousStep => ErrorCode::UnknownStep,
            CommandError::PageChanged => ErrorCode::PageChanged,
            CommandError::UnknownBlock { .. }
            | CommandError::NoNextBlock
            | CommandError::NoLastBlock => ErrorCode::UnknownBlock,
            CommandError::NoRecording { .. } => ErrorCode::NoRecording,
            CommandError::UnknownLink { .. } => ErrorCode::UnknownLink,
            CommandError::UnknownTerminal { .. } => ErrorCode::UnknownTerminal,
            CommandError::NotExecutable => ErrorCode::NotExecutable,
            CommandError::LimitReached { .. } => ErrorCode::LimitReached,
            CommandError::StepLocked { .. } => ErrorCode::StepLocked,
            CommandError::NotSkippable => ErrorCode::NotSkippable,
        },
        LabError::UnknownLink(_) | LabError::LinkRevoked => ErrorCode::UnknownLink,
        LabError::NotALinkToAStep => ErrorCode::NotAllowed,
        LabError::TooManyLinks | LabError::TooManyChecks => ErrorCode::TooMany,
        LabError::CheckRuns => ErrorCode::CheckRuns,
        LabError::UnknownClient(_) => ErrorCode::UnknownClient,
        LabError::UnreadableStep(_) | LabError::FolderGone(_) => ErrorCode::UnreadableStep,
        LabError::NotRunning | LabError::NoStepRuns | LabError::ShellEnded(_) => {
            ErrorCode::NotRunning
        }
        LabError::NotQueued => ErrorCode::NotQueued,
        LabError::TerminalBusy(_) => ErrorCode::TerminalBusy,
        LabError::StepRuns(_) => ErrorCode::StepRuns,
        LabError::TerminalFull(_) => ErrorCode::InputFull,
        LabError::TrustChanged => ErrorCode::TrustChanged,
        LabError::Closed => ErrorCode::LabClosed,
        LabError::Internal(_) => ErrorCode::Internal,
    };
    let mut told = RpcError::new(code, error.to_string(), error.hint());
    if let LabError::TerminalBusy(busy) = error {
        told.data.busy = Some(Box::new(self::busy(busy)));
    }
    told
}

fn busy(busy: &Busy) -> run::Busy {
    let block = busy.block.as_ref();
    run::Busy {
        terminal: busy.terminal,
        program: busy.program.clone(),
        since: busy.since.map(progress::ms),
        step: block.map(|block| block.step.as_ref().to_owned()),
        block: block.map(|block| block.index),
        wanted: busy.wanted,
    }
}

fn step_run(told: &StepRun) -> run::StepRun {
    let notice = told.notice.as_ref();
    run::StepRun {
        step: told.step.clone(),
        block: told.block,
        done: told.done,
        total: told.total,
        state: match told.state {
            StepRunState::Running => run::StepRunState::Running,
            StepRunState::Finished => run::StepRunState::Finished,
            StepRunState::Failed => run::StepRunState::Failed,
            StepRunState::Stopped => run::StepRunState::Stopped,
        },
        message: notice.map(|notice| notice.message.clone()),
        hint: notice.and_then(|notice| notice.hint.clone()),
    }
}

fn message(notice: &Notice) -> wire::ShowMessage {
    let severity = if notice.failed {
        wire::Severity::Error
    } else {
        wire::Severity::Info
    };
    wire::ShowMessage {
        severity,
        message: notice.message.clone(),
        hint: notice.hint.clone(),
        code: None,
    }
}

fn terminal(view: &TerminalView) -> wire::TerminalInfo {
    let status = match &view.status {
        Status::Waiting => wire::TerminalStatus::Waiting,
        Status::Running => wire::TerminalStatus::Running,
        Status::Exited(exit) => wire::TerminalStatus::Exited {
            message: match (&exit.code, &exit.signal) {
                (Some(code), _) => format!("exited with code {code}"),
                (None, Some(signal)) => format!("ended by signal {signal}"),
                (None, None) => "ended".to_owned(),
            },
            code: exit.code,
            signal: exit.signal.clone(),
        },
        Status::Failed { message, hint } => wire::TerminalStatus::Failed {
            message: message.clone(),
            hint: hint.clone(),
        },
    };
    wire::TerminalInfo {
        terminal: view.number,
        id: view.id.clone(),
        name: view.name.clone(),
        generation: view.generation,
        status,
    }
}

fn step(StepTitle { step, title }: &StepTitle) -> wire::StepInfo {
    wire::StepInfo {
        step: step.clone(),
        title: title.clone(),
    }
}

/// The page for a client of that role: what is wrong with it is no matter for those who only watch.
pub(super) fn page(view: &PageView, role: Role) -> wire::Page {
    let found = &view.page.diagnostics[..];
    let diagnostics = if role == Role::Driver { found } else { &[] };
    let blocks = view
        .page
        .blocks
        .iter()
        .zip(&view.terminals)
        .zip(&view.states);
    wire::Page {
        step: view.page.step.clone(),
        title: view.page.title.clone(),
        revision: view.page.revision.clone(),
        html: view.page.html.clone(),
        blocks: blocks
            .map(|((block, terminal), state)| self::block(block, *terminal, state))
            .collect(),
        checks: view.checks.iter().map(progress::check).collect(),
        ways: progress::ways(&view.page),
        diagnostics: diagnostics
            .iter()
            .map(|found| diagnostic(found, &view.page))
            .collect(),
    }
}

fn diagnostic(found: &Diagnostic, page: &Page) -> wire::Diagnostic {
    let own = found.file.strip_suffix(".md") == Some(&page.step);
    let line = found.line.filter(|_| own);
    wire::Diagnostic {
        severity: match found.severity {
            Severity::Warning => wire::Severity::Warning,
            Severity::Error => wire::Severity::Error,
        },
        code: found.code.to_owned(),
        message: found.message.clone(),
        file: found.file.clone(),
        line: found.line,
        column: found.column,
        hint: found.hint.clone(),
        block: line.and_then(|line| Some(page.block_at(line)?.index)),
    }
}

fn block(block: &Block, terminal: u16, state: &BlockState) -> wire::Block {
    let invocation = &block.invocation;
    wire::Block {
        index: block.index,
        id: invocation.id.clone(),
        language: block.language.clone(),
        kind: match block.kind {
            BlockKind::Executable => wire::BlockKind::Executable,
            BlockKind::Check => wire::BlockKind::Check,
            BlockKind::Text => wire::BlockKind::Text,
            BlockKind::Mermaid => wire::BlockKind::Mermaid,
        },
        terminal,
        title: block.expectation.title.clone(),
        required: progress::required(block),
        command: invocation.command.clone(),
        interrupts: !invocation.macros_before.is_empty(),
        limit: invocation.max_invocations.0,
        background_color: invocation.background_color.clone(),
        recorded: block.recorded,
        state: block_state(state),
    }
}

fn block_state(state: &BlockState) -> wire::BlockState {
    wire::BlockState {
        id: state.id.clone(),
        runs: state.runs,
        waiting: state.waiting,
        last: state.last.as_ref().map(block_run),
        earlier: state.earlier.as_ref().map(block_run),
    }
}

fn block_run(run: &BlockRun) -> BlockRunInfo {
    let ms = |moment: Moment| progress::ms(moment.at);
    let (state, exit_code) = progress::run_state(run);
    let (reason, hint) = run.verdict.as_ref().map(progress::why).unwrap_or_default();
    BlockRunInfo {
        step: run.block.step.as_ref().to_owned(),
        block: run.block.index,
        terminal: run.terminal,
        state,
        exit_code,
        reason,
        hint,
        late: run.late,
        matched: run.state == RunState::Sent && run.verdict == Some(Verdict::Passed),
        started_at: run.began.map(ms),
        ended_at: run.ended.map(ms),
        start: run.began.map(|moment| moment.offset),
        end: run.ended.map(|moment| moment.offset),
        settled: run.settled.map(|how| match how {
            How::Prompt => run::Settled::Prompt,
            How::Input => run::Settled::Input,
            How::Quiet => run::Settled::Quiet,
        }),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::scenario::{Config, config::ConfigFiles};

    #[test]
    fn viewers_are_told_nothing_of_what_is_wrong() {
        let (config, _) = Config::read(ConfigFiles::default());
        let page = Page::parse_for_author("intro", "<b onclick='x'>y</b>", &config);
        assert_eq!(page.diagnostics.len(), 1);
        let view = PageView {
            page: Arc::new(page),
            terminals: Vec::new(),
            states: Vec::new(),
            checks: Vec::new(),
        };
        let told = |role| super::page(&view, role).diagnostics.len();
        assert_eq!((told(Role::Driver), told(Role::Viewer)), (1, 0));
    }
}
