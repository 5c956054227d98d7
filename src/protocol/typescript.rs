//! Generates `web/src/protocol.ts` from the types of this module.
//!
//! `make types` writes the file; without its variable the test compares.

use std::{fs, path::Path};

use ts_rs::{Config, TS};

use super::{
    HEARTBEAT_SECONDS, MAX_CLIENT_MESSAGE_BYTES, MAX_NAME_CHARS, SUBPROTOCOL, VERSION,
    audience::{
        Audience, LabClients, LabLink, LabLinks, Person, Place, ReadPageParams, Role, RoleChanged,
        ViewParams,
    },
    client::{self, AckParams, ExecuteCommandParams, InitializeParams, ResizeParams, Resume},
    error::{ErrorCode, ErrorData},
    frame::{FrameKind, HEADER_BYTES, MORE, REPLAY},
    progress::{CheckResult, CheckState, Required, StepProgress, Waits, Way},
    rpc::RpcError,
    run::{BlockRun, Busy, RunState, Settled, StepRun, StepRunState},
    server::{
        self, Block, BlockKind, BlockState, CommandInfo, Diagnostic, ExecuteCommandResult,
        InputReceived, LabState, LabSteps, LabTerminals, Page, PageShow, Reload, Severity,
        ShowDocument, ShowMessage, StepInfo, TerminalFocus, TerminalInfo, TerminalStatus,
    },
    trust::{CoveredFile, LabTrust, Occasion, Trust, Unattended},
};

/// A type's doc comment and declaration, as TypeScript.
fn declare<T: TS + ?Sized>(config: &Config) -> String {
    let docs = T::docs().unwrap_or_default();
    format!("{docs}export {}\n\n", T::decl(config))
}

fn constant(name: &str, value: impl std::fmt::Display) -> String {
    format!("export const {name} = {value};\n")
}

/// What the protocol counts by.
fn constants() -> String {
    [
        constant("VERSION", VERSION),
        constant("SUBPROTOCOL", format!("\"{SUBPROTOCOL}\"")),
        constant("MAX_CLIENT_MESSAGE_BYTES", MAX_CLIENT_MESSAGE_BYTES),
        constant("HEARTBEAT_SECONDS", HEARTBEAT_SECONDS),
        constant("MAX_NAME_CHARS", MAX_NAME_CHARS),
        constant("HEADER_BYTES", HEADER_BYTES),
        constant("FRAME_OUTPUT", FrameKind::Output as u8),
        constant("FRAME_SNAPSHOT", FrameKind::Snapshot as u8),
        constant("FRAME_RESIZE", FrameKind::Resize as u8),
        constant("FRAME_INPUT", FrameKind::Input as u8),
        constant("FRAME_PREVIEW", FrameKind::Preview as u8),
        constant("FRAME_REPLAY_FLAG", REPLAY),
        constant("FRAME_MORE_FLAG", MORE),
    ]
    .concat()
}

fn generate() -> String {
    let config = Config::default();
    let quoted = |text: &str| format!("\"{text}\"");
    let mut out = String::from("// Generated from src/protocol by `cargo test`; do not edit.\n\n");
    out += &constants();
    out += "\n";
    for (name, method) in [
        ("INITIALIZE", client::method::INITIALIZE),
        ("EXECUTE_COMMAND", client::method::EXECUTE_COMMAND),
        ("LIST_COMMANDS", client::method::LIST_COMMANDS),
        ("RESIZE", client::method::RESIZE),
        ("ACK", client::method::ACK),
        ("READ_PAGE", client::method::READ_PAGE),
        ("VIEW", client::method::VIEW),
        ("LAB_STATE", server::method::LAB_STATE),
        ("PAGE_SHOW", server::method::PAGE_SHOW),
        ("LAB_STEPS", server::method::LAB_STEPS),
        ("BLOCK_STATE", server::method::BLOCK_STATE),
        ("STEP_RUN", server::method::STEP_RUN),
        ("CHECK_STATE", server::method::CHECK_STATE),
        ("LAB_PROGRESS", server::method::LAB_PROGRESS),
        ("LAB_TERMINALS", server::method::LAB_TERMINALS),
        ("TERMINAL_OPENED", server::method::TERMINAL_OPENED),
        ("TERMINAL_EXITED", server::method::TERMINAL_EXITED),
        ("TERMINAL_FOCUS", server::method::TERMINAL_FOCUS),
        ("LAB_CLIENTS", server::method::LAB_CLIENTS),
        ("LAB_AUDIENCE", server::method::LAB_AUDIENCE),
        ("LAB_LINKS", server::method::LAB_LINKS),
        ("LAB_TRUST", server::method::LAB_TRUST),
        ("LAB_ROLE", server::method::LAB_ROLE),
        ("LAB_PLACE", server::method::LAB_PLACE),
        ("HEARTBEAT", server::method::HEARTBEAT),
        ("SHOW_MESSAGE", server::method::SHOW_MESSAGE),
        ("SHOW_DOCUMENT", server::method::SHOW_DOCUMENT),
    ] {
        out += &constant(name, quoted(method));
    }
    out += "\n/** Any JSON value. */\nexport type JsonValue = number | string | boolean | JsonValue[] | { [key: string]: JsonValue } | null;\n\n";
    macro_rules! declare_all { ($($type:ty),* $(,)?) => { $(out += &declare::<$type>(&config);)* } }
    declare_all!(
        InitializeParams,
        Resume,
        client::ResumeTerminal,
        ExecuteCommandParams,
        ResizeParams,
        AckParams,
        ReadPageParams,
        ViewParams,
        Place,
        LabState,
        StepInfo,
        Role,
        InputReceived,
        TerminalInfo,
        TerminalStatus,
        LabSteps,
        LabTerminals,
        PageShow,
        Reload,
        Page,
        Block,
        BlockKind,
        BlockState,
        BlockRun,
        RunState,
        Settled,
        StepRun,
        StepRunState,
        CheckState,
        CheckResult,
        Required,
        StepProgress,
        Waits,
        Way,
        Diagnostic,
        ExecuteCommandResult,
        CommandInfo,
        TerminalFocus,
        LabClients,
        Audience,
        Person,
        LabLink,
        LabLinks,
        RoleChanged,
        LabTrust,
        Trust,
        Unattended,
        Occasion,
        CoveredFile,
        ShowMessage,
        Severity,
        ShowDocument,
        RpcError,
        ErrorData,
        Busy,
        ErrorCode,
    );
    out.trim_end().to_owned() + "\n"
}

#[test]
fn typescript_types_are_those_of_the_protocol() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("web/src/protocol.ts");
    let generated = generate();
    if std::env::var_os("KATAHOST_WRITE").is_some() {
        fs::write(&file, &generated).unwrap();
    }
    let checked_in = fs::read_to_string(&file).unwrap_or_default();
    assert!(
        checked_in == generated,
        "web/src/protocol.ts is stale; run `make types`"
    );
}
