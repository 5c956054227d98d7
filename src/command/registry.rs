//! The commands: ids as VS Code has them, what they take, who may execute them, what they do.

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{
    Effect, State,
    arguments::{
        self, BlockArgument, ClientArgument, HashArgument, LabLinkArgument, LinkArgument,
        NextArgument, RoleArgument, RunArgument, SequenceArgument, StepArgument, TerminalArgument,
        WhenBusy,
    },
    error::CommandError,
};
use crate::scenario::{BlockKind, CommandLink, Invocation, link::SEND_TEXT, nearest};

/// What a client may do. Each role may do what those before it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Role {
    /// Watches, and may ask for the keyboard.
    Viewer,
    /// Goes through the steps and runs the next block: a phone in a presenter's hand.
    Remote,
    /// Was given the keyboard: types, and runs commands.
    Guest,
    /// Owns the lab: sizes its terminals, hands out links and the keyboard.
    Driver,
}

/// Who says what is executed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// A person or program, by an explicit call.
    Client,
    /// The content of a page, by a link that was followed.
    Page,
}

/// A command of the registry.
#[derive(Debug)]
pub struct Command {
    /// Its id.
    pub id: &'static str,
    /// What it does, in one line.
    pub title: &'static str,
    /// The shape of its arguments, for people.
    pub arguments: &'static str,
    /// The role it needs.
    pub role: Role,
    /// Whether a page's link may execute it: not where it carries free text.
    pub for_pages: bool,
    resolve: fn(Call<'_>, &Self, &State) -> Result<Vec<Effect>, CommandError>,
}

/// A command to execute, as somebody asks for it.
#[derive(Debug, Clone, Copy)]
pub struct Call<'a> {
    /// The command's id.
    pub command: &'a str,
    /// Its arguments.
    pub arguments: &'a [Value],
    /// What the asker may do.
    pub role: Role,
    /// Who says what is executed.
    pub origin: Origin,
}

/// All commands.
pub static REGISTRY: &[Command] = &[
    Command {
        id: "katapod.loadPage",
        title: "Show a step and run its on-load commands",
        arguments: r#"[{"step": "step2"}]"#,
        role: Role::Guest,
        for_pages: true,
        resolve: |call, command, state| {
            let step = command.one::<StepArgument>(call)?.into_step();
            state.admit_step(&step)?;
            Ok(vec![Effect::LoadStep { step }])
        },
    },
    Command {
        id: "katapod.sendText",
        title: "Run text in a terminal, as a code block does",
        arguments: r#"[{"command": "date", "terminalId": "host"}]"#,
        role: Role::Guest,
        for_pages: true,
        resolve: |call, command, state| {
            let text = CommandLink {
                command: call.command.to_owned(),
                arguments: call.arguments.to_vec(),
            };
            send_text(&text, "", 0, command, state)
        },
    },
    Command {
        id: "katapod.reloadPage",
        title: "Load the current step again, on-load commands included",
        arguments: "no arguments",
        role: Role::Guest,
        for_pages: true,
        resolve: |call, command, state| {
            command.none(call)?;
            Ok(vec![Effect::LoadStep {
                step: state.step.clone(),
            }])
        },
    },
    Command {
        id: "katapod.start",
        title: "Read the scenario anew and start the lab over",
        arguments: "no arguments",
        role: Role::Driver,
        for_pages: true,
        resolve: |call, command, _| {
            command.none(call)?;
            Ok(vec![Effect::StartOver])
        },
    },
    Command {
        id: "katahost.runBlock",
        title: "Run a code block or a check of the page shown",
        arguments: r#"[{"step": "step2", "block": 0}], or with "whenBusy": "ask", "queue", "interrupt", "type""#,
        role: Role::Guest,
        for_pages: false,
        resolve: |call, command, state| {
            let RunArgument {
                step,
                revision,
                block,
                when_busy,
            } = command.one(call)?;
            let block = state.block(&step, revision.as_deref(), block)?;
            if block.kind == BlockKind::Check {
                return Ok(vec![Effect::Check { block: block.index }]);
            }
            state.admit(&block.invocation)?;
            Ok(vec![run(&block.invocation, when_busy)])
        },
    },
    Command {
        id: "katahost.cancelBlock",
        title: "Take back a block that is queued",
        arguments: r#"[{"step": "step2", "block": 0}]"#,
        role: Role::Guest,
        for_pages: false,
        resolve: |call, command, state| {
            let argument: BlockArgument = command.one(call)?;
            let BlockArgument {
                step,
                revision,
                block,
            } = argument;
            state.block(&step, revision.as_deref(), block)?;
            Ok(vec![Effect::Cancel { block }])
        },
    },
    Command {
        id: "katahost.runStep",
        title: "Run all blocks of the current step, one after the other",
        arguments: "no arguments",
        role: Role::Guest,
        for_pages: false,
        resolve: |call, command, _| {
            command.none(call)?;
            Ok(vec![Effect::RunStep])
        },
    },
    Command {
        id: "katahost.stopStep",
        title: "Stop running all blocks",
        arguments: "no arguments",
        role: Role::Guest,
        for_pages: false,
        resolve: |call, command, _| {
            command.none(call)?;
            Ok(vec![Effect::StopStep])
        },
    },
    Command {
        id: "katahost.skipBlock",
        title: "Go on without a block that the step requires and that may be skipped",
        arguments: r#"[{"step": "step2", "block": 0}]"#,
        role: Role::Guest,
        for_pages: false,
        resolve: |call, command, state| {
            let argument: BlockArgument = command.one(call)?;
            let revision = argument.revision.as_deref();
            let block = state.block(&argument.step, revision, argument.block)?;
            state.admit_skip(block)?;
            Ok(vec![Effect::Skip { block: block.index }])
        },
    },
    Command {
        id: "katahost.interruptBlock",
        title: "Type Ctrl-C for a block that runs",
        arguments: r#"[{"step": "step2", "block": 0}]"#,
        role: Role::Guest,
        for_pages: false,
        resolve: |call, command, state| {
            let argument: BlockArgument = command.one(call)?;
            let BlockArgument {
                step,
                revision,
                block,
            } = argument;
            state.block(&step, revision.as_deref(), block)?;
            Ok(vec![Effect::Interrupt { block }])
        },
    },
    Command {
        id: "katahost.playRecording",
        title: "Show a block's recorded output in its terminal, or end that",
        arguments: r#"[{"step": "step2", "block": 0}], or none for the block that ran last"#,
        role: Role::Remote,
        for_pages: false,
        resolve: play_recording,
    },
    Command {
        id: "katahost.runNextBlock",
        title: "Run the block after the one that was run last in this step",
        arguments: r#"none, or [{"whenBusy": "ask", "block": 0}]"#,
        role: Role::Remote,
        for_pages: false,
        resolve: |call, command, state| {
            let NextArgument { block, when_busy } =
                arguments::optional(call.arguments).map_err(|reason| command.wrong(reason))?;
            let next = state.next_block()?;
            if block.is_some_and(|block| block != next.index) {
                return Err(CommandError::PageChanged);
            }
            Ok(vec![run(&next.invocation, when_busy)])
        },
    },
    Command {
        id: "katahost.nextStep",
        title: "Show the step that this step's links lead on to",
        arguments: "no arguments",
        role: Role::Remote,
        for_pages: false,
        resolve: |call, command, state| {
            command.none(call)?;
            let step = state.next_step()?.to_owned();
            state.admit_step(&step)?;
            Ok(vec![Effect::LoadStep { step }])
        },
    },
    Command {
        id: "katahost.previousStep",
        title: "Show the step that was shown before this one",
        arguments: "no arguments",
        role: Role::Remote,
        for_pages: false,
        resolve: |call, command, state| {
            command.none(call)?;
            let step = state.previous_step()?.to_owned();
            Ok(vec![Effect::LoadStep { step }])
        },
    },
    Command {
        id: "katahost.followLink",
        title: "Execute the command of a link of the page shown",
        arguments: r#"[{"step": "step2", "link": 0}]"#,
        role: Role::Guest,
        for_pages: false,
        resolve: follow_link,
    },
    Command {
        id: "katahost.restartTerminal",
        title: "End a terminal's shell and start another",
        arguments: r#"[{"terminalId": "host"}]"#,
        role: Role::Guest,
        for_pages: false,
        resolve: |call, command, state| {
            let terminal = command.terminal(call, state)?;
            Ok(vec![Effect::Restart { terminal }])
        },
    },
    Command {
        id: "workbench.action.terminal.sendSequence",
        title: "Type text into a terminal as it is",
        arguments: r#"[{"text": "ls\r", "terminalId": "host"}]"#,
        role: Role::Guest,
        for_pages: false,
        resolve: |call, command, state| {
            let SequenceArgument { text, terminal_id } = command.one(call)?;
            let terminal = state.terminal(terminal_id)?;
            Ok(vec![Effect::Type { terminal, text }])
        },
    },
    Command {
        id: "workbench.action.terminal.clear",
        title: "Clear a terminal's screen and scrollback",
        arguments: r#"[{"terminalId": "host"}], or none for the active terminal"#,
        role: Role::Remote,
        for_pages: true,
        resolve: |call, command, state| {
            let terminal = command.terminal(call, state)?;
            Ok(vec![Effect::Clear { terminal }])
        },
    },
    Command {
        id: "workbench.action.terminal.focus",
        title: "Bring a terminal into view",
        arguments: r#"[{"terminalId": "host"}], or none for the active terminal"#,
        role: Role::Viewer,
        for_pages: true,
        resolve: |call, command, state| {
            let terminal = command.terminal(call, state)?;
            Ok(vec![Effect::Focus { terminal }])
        },
    },
    Command {
        id: "vscode.open",
        title: "Open an address in a new browser tab",
        arguments: r#"["https://example.com/"]"#,
        role: Role::Viewer,
        for_pages: true,
        resolve: open_document,
    },
    Command {
        id: "simpleBrowser.show",
        title: "Open an address in a new browser tab",
        arguments: r#"["https://example.com/"]"#,
        role: Role::Viewer,
        for_pages: true,
        resolve: open_document,
    },
    Command {
        id: "katahost.createLink",
        title: "Make a link by which others watch, or a remote control",
        arguments: r#"[{"role": "viewer"}] or [{"role": "remote"}]"#,
        role: Role::Driver,
        for_pages: false,
        resolve: |call, command, _| {
            let role = command.one::<RoleArgument>(call)?.role.into();
            Ok(vec![Effect::CreateLink { role }])
        },
    },
    Command {
        id: "katahost.revokeLink",
        title: "Make a link invalid, and send away who came by it",
        arguments: r#"[{"link": "4f2a91c07be3"}]"#,
        role: Role::Driver,
        for_pages: false,
        resolve: |call, command, _| {
            let link = command.one::<LabLinkArgument>(call)?.link;
            Ok(vec![Effect::RevokeLink { link }])
        },
    },
    Command {
        id: "katahost.askForKeyboard",
        title: "Ask the driver for the keyboard",
        arguments: "no arguments",
        role: Role::Viewer,
        for_pages: false,
        resolve: |call, command, _| {
            command.none(call)?;
            Ok(vec![Effect::AskForKeyboard])
        },
    },
    Command {
        id: "katahost.returnKeyboard",
        title: "Give the keyboard back, or ask for it no more",
        arguments: "no arguments",
        role: Role::Viewer,
        for_pages: false,
        resolve: |call, command, _| {
            command.none(call)?;
            Ok(vec![Effect::ReturnKeyboard])
        },
    },
    Command {
        id: "katahost.grantKeyboard",
        title: "Let a viewer type and run commands, one at a time",
        arguments: r#"[{"client": 7}]"#,
        role: Role::Driver,
        for_pages: false,
        resolve: |call, command, _| {
            let client = command.one::<ClientArgument>(call)?.client;
            Ok(vec![Effect::GrantKeyboard { client }])
        },
    },
    Command {
        id: "katahost.declineKeyboard",
        title: "Tell a viewer that it does not get the keyboard",
        arguments: r#"[{"client": 7}]"#,
        role: Role::Driver,
        for_pages: false,
        resolve: |call, command, _| {
            let client = command.one::<ClientArgument>(call)?.client;
            Ok(vec![Effect::DeclineKeyboard { client }])
        },
    },
    Command {
        id: "katahost.takeKeyboard",
        title: "Take the keyboard back",
        arguments: "no arguments",
        role: Role::Driver,
        for_pages: false,
        resolve: |call, command, _| {
            command.none(call)?;
            Ok(vec![Effect::TakeKeyboard])
        },
    },
    Command {
        id: "katahost.trust",
        title: "Let the lab run by itself what this hash stands for",
        arguments: r#"[{"hash": "4f2a…"}]"#,
        role: Role::Driver,
        for_pages: false,
        resolve: |call, command, _| {
            let hash = command.one::<HashArgument>(call)?.hash;
            Ok(vec![Effect::GiveTrust { hash }])
        },
    },
];

/// The command with that id, given that the role may execute it.
///
/// # Errors
///
/// There is none, or it takes another role.
pub fn find(id: &str, role: Role) -> Result<&'static Command, CommandError> {
    let Some(command) = REGISTRY.iter().find(|command| command.id == id) else {
        let known: Vec<&'static str> = REGISTRY.iter().map(|command| command.id).collect();
        return Err(CommandError::UnknownCommand {
            id: id.to_owned(),
            nearest: nearest(id, &known),
        });
    };
    if role < command.role {
        return Err(CommandError::NotAllowed {
            id: command.id,
            needs: command.role,
        });
    }
    Ok(command)
}

/// Says what executing a command asks the lab to do.
///
/// # Errors
///
/// The command is unknown, its arguments are wrong, the asker may not execute it, or the state
/// does not allow it. Nothing is to be done then.
pub fn resolve(call: Call<'_>, state: &State) -> Result<Vec<Effect>, CommandError> {
    let command = find(call.command, call.role)?;
    if call.origin == Origin::Page && !command.for_pages {
        return Err(CommandError::NotForPages { id: command.id });
    }
    (command.resolve)(call, command, state)
}

impl Command {
    fn wrong(&self, reason: String) -> CommandError {
        CommandError::InvalidArguments {
            id: self.id,
            reason,
            usage: self.arguments,
        }
    }

    fn one<T: DeserializeOwned>(&self, call: Call<'_>) -> Result<T, CommandError> {
        arguments::one(call.arguments).map_err(|reason| self.wrong(reason))
    }

    fn none(&self, call: Call<'_>) -> Result<(), CommandError> {
        arguments::none(call.arguments).map_err(|reason| self.wrong(reason))
    }

    /// The terminal that the call names, or the active one.
    fn terminal(&self, call: Call<'_>, state: &State) -> Result<String, CommandError> {
        let argument: TerminalArgument =
            arguments::optional(call.arguments).map_err(|reason| self.wrong(reason))?;
        state.terminal(argument.terminal_id)
    }
}

fn play_recording(
    call: Call<'_>,
    command: &Command,
    state: &State,
) -> Result<Vec<Effect>, CommandError> {
    let block = if matches!(call.arguments, [] | [Value::Null]) {
        let last = state.last_block().ok_or(CommandError::NoLastBlock)?;
        state.block(&state.step, None, last)?
    } else {
        let BlockArgument {
            step,
            revision,
            block,
        } = command.one(call)?;
        state.block(&step, revision.as_deref(), block)?
    };
    if !block.recorded {
        return Err(CommandError::NoRecording {
            step: state.step.clone(),
            block: block.index,
        });
    }
    Ok(vec![Effect::PlayRecording { block: block.index }])
}

/// Runs an invocation that was admitted.
fn run(invocation: &Invocation, when_busy: Option<WhenBusy>) -> Effect {
    let invocation = invocation.clone();
    match when_busy {
        // It interrupts whatever runs there.
        Some(when) if invocation.macros_before.is_empty() => Effect::RunWhen { invocation, when },
        _ => Effect::Run(invocation),
    }
}

fn follow_link(
    call: Call<'_>,
    command: &Command,
    state: &State,
) -> Result<Vec<Effect>, CommandError> {
    let LinkArgument {
        step,
        revision,
        link: index,
    } = command.one(call)?;
    let link = state.link(&step, revision.as_deref(), index)?;
    let unknown = || CommandError::UnknownLink {
        step: step.clone(),
        link: index,
    };
    let target = link.command.as_ref().ok_or_else(unknown)?;
    if target.command == SEND_TEXT {
        return send_text(target, &step, index, command, state);
    }
    let call = Call {
        command: &target.command,
        arguments: &target.arguments,
        role: call.role,
        origin: Origin::Page,
    };
    resolve(call, state)
}

/// Runs the text of a `katapod.sendText`. Without an id of its own it is counted under its place:
/// link `index` of `step`.
fn send_text(
    text: &CommandLink,
    step: &str,
    index: usize,
    command: &Command,
    state: &State,
) -> Result<Vec<Effect>, CommandError> {
    let (invocation, diagnostics) = text.invocation(step, index, &state.config);
    let reason = diagnostics
        .first()
        .map_or("there is no text", |first| &first.message);
    let invocation = invocation.ok_or_else(|| command.wrong(reason.to_owned()))?;
    state.admit(&invocation)?;
    Ok(vec![Effect::Run(invocation)])
}

/// Addresses that a browser may be sent to, and files of the scenario.
fn open_document(
    call: Call<'_>,
    command: &Command,
    _state: &State,
) -> Result<Vec<Effect>, CommandError> {
    let uri = match call.arguments {
        // VS Code passes options behind the address; they have no meaning here.
        [Value::String(uri), ..] => uri.trim(),
        _ => return Err(command.wrong("the address is missing".to_owned())),
    };
    let has_scheme = |scheme: &str| {
        uri.get(..scheme.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    };
    let known = ["http://", "https://", "mailto:"]
        .into_iter()
        .any(has_scheme);
    let absolute = uri
        .split(['/', '?', '#'])
        .next()
        .is_some_and(|first| first.contains(':'));
    if known {
        return Ok(vec![Effect::OpenDocument {
            uri: uri.to_owned(),
        }]);
    }
    if absolute || uri.starts_with("//") || uri.is_empty() {
        let reason = format!("`{uri}` is no http, https or mailto address");
        return Err(command.wrong(reason));
    }
    Ok(vec![Effect::OpenDocument {
        uri: format!("files/{}", uri.trim_start_matches('/')),
    }])
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;
    use crate::scenario::{Config, Page, config::ConfigFiles};

    const CONFIG: &str = r#"{"layout": {"terminals": [{"id": "host"}, {"id": "api"}]}}"#;
    const PAGE: &str = "```\n### {\"terminalId\": \"api\", \"maxInvocations\": 1}\ndate\n```\n\n\
        ```\n### {\"execute\": false}\nread me\n```\n\n\
        [next](command:katapod.loadPage?step2) \
        <a href='command:workbench.action.terminal.sendSequence?[{\"text\":\"rm\"}]'>no</a> \
        <a href='command:katapod.sendText?[{\"command\":\"ls\"}]'>list</a> [web](https://x.org)";

    fn state() -> State {
        let files = ConfigFiles {
            config: Some(CONFIG),
            ..ConfigFiles::default()
        };
        let (config, _) = Config::read(files);
        let page = Page::parse("intro", PAGE, &config);
        let mut state = State::new(config);
        state.page = Some(Arc::new(page));
        state
    }

    fn execute(command: &str, arguments: &Value) -> Result<Vec<Effect>, CommandError> {
        let arguments = arguments.as_array().unwrap();
        let call = Call {
            command,
            arguments,
            role: Role::Driver,
            origin: Origin::Client,
        };
        resolve(call, &state())
    }

    #[test]
    fn load_page_takes_an_object_or_a_bare_name() {
        let expected = Ok(vec![Effect::LoadStep {
            step: "step2".into(),
        }]);
        assert_eq!(
            execute("katapod.loadPage", &json!([{"step": "step2"}])),
            expected
        );
        assert_eq!(execute("katapod.loadPage", &json!(["step2"])), expected);
    }

    #[test]
    fn unknown_command_names_the_nearest() {
        let error = execute("katapod.loadpag", &json!([])).unwrap_err();
        assert_eq!(error.hint().unwrap(), "did you mean `katapod.loadPage`?");
    }

    #[test]
    fn wrong_arguments_name_the_right_shape() {
        let error = execute("katapod.loadPage", &json!([])).unwrap_err();
        assert!(matches!(error, CommandError::InvalidArguments { .. }));
        assert_eq!(error.hint().unwrap(), "expected [{\"step\": \"step2\"}]");
    }

    #[test]
    fn block_runs_what_the_server_found_in_the_page() {
        let effects = execute("katahost.runBlock", &json!([{"step": "intro", "block": 0}]));
        let Ok([Effect::Run(invocation)]) = effects.as_deref() else {
            panic!("{effects:?}")
        };
        assert_eq!(
            (invocation.terminal.as_str(), invocation.command.as_str()),
            ("api", "date\n")
        );
    }

    #[test]
    fn limit_is_kept_over_clicks() {
        let mut state = state();
        let block = state.block("intro", None, 0).unwrap().invocation.clone();
        state.admit(&block).unwrap();
        state.count(&block);
        let error = state.admit(&block).unwrap_err();
        assert_eq!(error.to_string(), "this block runs once, and it has run");
    }

    #[test]
    fn run_of_a_block_is_told_from_that_of_its_twin() {
        let mut state = state();
        let twins = "```\n### {\"codeBlockId\": \"x\"}\ndate\n```\n\n".repeat(2);
        state.page = Some(Arc::new(Page::parse("intro", &twins, &state.config)));
        for index in [0, 1] {
            let block = state
                .block("intro", None, index)
                .unwrap()
                .invocation
                .clone();
            assert_eq!(state.count(&block), Some(index));
        }
        assert_eq!(state.runs("x"), 2);
        let typed = Invocation {
            block: None,
            ..state.block("intro", None, 1).unwrap().invocation.clone()
        };
        assert_eq!(state.count(&typed), Some(0), "the first types the same");
    }

    #[test]
    fn block_of_another_step_or_revision_is_refused() {
        for argument in [
            json!([{"step": "step9", "block": 0}]),
            json!([{"step": "intro", "revision": "old", "block": 0}]),
        ] {
            let error = execute("katahost.runBlock", &argument).unwrap_err();
            assert_eq!(error, CommandError::PageChanged);
        }
    }

    #[test]
    fn block_that_is_not_executable_is_refused() {
        let error = execute("katahost.runBlock", &json!([{"step": "intro", "block": 1}]));
        assert_eq!(error, Err(CommandError::NotExecutable));
    }

    #[test]
    fn link_of_a_page_may_not_type_free_text() {
        let error = execute(
            "katahost.followLink",
            &json!([{"step": "intro", "link": 1}]),
        );
        let id = "workbench.action.terminal.sendSequence";
        assert_eq!(error, Err(CommandError::NotForPages { id }));
    }

    #[test]
    fn send_text_link_runs_without_a_limit_under_its_own_id() {
        let effects = execute(
            "katahost.followLink",
            &json!([{"step": "intro", "link": 2}]),
        );
        let Ok([Effect::Run(invocation)]) = effects.as_deref() else {
            panic!("{effects:?}")
        };
        assert_eq!(invocation.id, "link_intro_2");
        assert_eq!(invocation.max_invocations.0, None);
    }

    #[test]
    fn ordinary_link_is_no_command() {
        let error = execute(
            "katahost.followLink",
            &json!([{"step": "intro", "link": 3}]),
        );
        assert!(matches!(error, Err(CommandError::UnknownLink { .. })));
    }

    #[test]
    fn viewer_may_look_but_not_run() {
        let arguments = [json!({"step": "intro", "block": 0})];
        for command in REGISTRY {
            let call = Call {
                command: command.id,
                arguments: &arguments,
                role: Role::Viewer,
                origin: Origin::Client,
            };
            let refused = matches!(
                resolve(call, &state()),
                Err(CommandError::NotAllowed { .. })
            );
            assert_eq!(refused, command.role > Role::Viewer, "{}", command.id);
        }
    }

    #[test]
    fn open_document_refuses_schemes_that_run() {
        for uri in [
            "javascript:alert(1)",
            "data:text/html,x",
            "//evil.example",
            "file:///etc",
        ] {
            assert!(execute("vscode.open", &json!([uri])).is_err(), "{uri}");
        }
        let effects = execute("vscode.open", &json!(["images/a.png"])).unwrap();
        assert_eq!(
            effects,
            [Effect::OpenDocument {
                uri: "files/images/a.png".into()
            }]
        );
    }

    #[test]
    fn unknown_terminal_names_the_known_ones() {
        let error = execute(
            "workbench.action.terminal.clear",
            &json!([{"terminalId": "x"}]),
        );
        assert_eq!(
            error.unwrap_err().hint().unwrap(),
            "this scenario has `host`, `api`"
        );
    }

    #[test]
    fn each_role_may_do_what_those_before_it_may() {
        let may = |id: &str, role| find(id, role).is_ok();
        for (id, least) in [
            ("katahost.askForKeyboard", Role::Viewer),
            ("katahost.runNextBlock", Role::Remote),
            ("katahost.playRecording", Role::Remote),
            ("katahost.runBlock", Role::Guest),
            ("katahost.createLink", Role::Driver),
        ] {
            for role in [Role::Viewer, Role::Remote, Role::Guest, Role::Driver] {
                assert_eq!(may(id, role), role >= least, "{id} {role:?}");
            }
        }
    }

    #[test]
    fn next_block_follows_the_one_that_ran_last() {
        let mut state = state();
        let first = state.next_block().unwrap();
        assert_eq!(first.index, 0);
        let invocation = first.invocation.clone();
        state.count(&invocation);
        // The second one is for reading.
        assert_eq!(state.next_block(), Err(CommandError::NoNextBlock));
    }

    #[test]
    fn next_step_is_new_and_back_is_where_one_came_from() {
        let config = state().config;
        let page = |step: &str, markdown: &str| Arc::new(Page::parse(step, markdown, &config));
        let link = |step: &str| format!("[{step}](command:katapod.loadPage?{step}) ");
        let mut state = State::new(config.clone());
        assert_eq!(state.next_step(), Err(CommandError::NoNextStep));
        assert_eq!(state.previous_step(), Err(CommandError::NoPreviousStep));
        state.show(page("intro", &link("one")));
        assert_eq!(state.next_step(), Ok("one"));
        state.show(page("one", &[link("intro"), link("two")].concat()));
        assert_eq!(state.next_step(), Ok("two"));
        state.show(page("two", &[link("one"), link("three")].concat()));
        assert_eq!(state.previous_step(), Ok("one"));
        state.show(page("one", &[link("intro"), link("two")].concat()));
        assert_eq!(state.previous_step(), Ok("intro"));
        // All were shown: on goes what does not lead back.
        assert_eq!(state.next_step(), Ok("two"));
    }
}
