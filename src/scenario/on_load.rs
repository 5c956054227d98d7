//! On-load commands: what `navigation.onLoadCommands` of the config types when a step is shown.

use super::block::Invocation;
use super::config::{CONFIG_FILE, Config, ON_LOAD_LIMIT, OnLoad, on_load_id};
use super::diagnostic::{Diagnostic, Reporter};
use super::header::{Defaults, Header};
use super::javascript::entries;
use serde_json::{Map, Value};

/// Reads the commands of all steps, in the order in which JavaScript iterates the config.
pub(super) fn read(
    config_file: &Value,
    config: &Config,
    diagnostics: &mut Vec<Diagnostic>,
) -> Vec<OnLoad> {
    let commands = config_file.pointer("/navigation/onLoadCommands");
    let Some(steps) = object(commands, "`navigation.onLoadCommands`", diagnostics) else {
        return Vec::new();
    };
    entries(steps)
        .into_iter()
        .map(|(step, terminals)| OnLoad {
            step: step.to_owned(),
            commands: read_step(step, terminals, config, diagnostics),
        })
        .collect()
}

fn read_step(
    step: &str,
    terminals: &Value,
    config: &Config,
    diagnostics: &mut Vec<Diagnostic>,
) -> Vec<Invocation> {
    let name = format!("`navigation.onLoadCommands.{step}`");
    let Some(terminals) = object(Some(terminals), &name, diagnostics) else {
        return Vec::new();
    };
    let mut commands = Vec::new();
    for (key, list) in entries(terminals) {
        let place = format!("the on-load commands of step `{step}` and terminal `{key}`");
        let mut reporter = Reporter {
            file: CONFIG_FILE,
            line: None,
            place: &place,
            diagnostics,
        };
        let Some(list) = list.as_array() else {
            reporter.error(
                "on-load-not-list",
                "there is no list",
                "nothing is typed; write [{\"command\": \"…\"}]",
            );
            continue;
        };
        let read = list.iter().filter_map(|entry| {
            read_command(entry, on_load_id(step, key), key, config, &mut reporter)
        });
        commands.extend(read);
    }
    commands
}

/// One command; an entry without a text to type is left out.
fn read_command(
    entry: &Value,
    id: String,
    terminal: &str,
    config: &Config,
    reporter: &mut Reporter<'_>,
) -> Option<Invocation> {
    let Some(command) = entry.get("command").and_then(Value::as_str) else {
        reporter.error(
            "on-load-without-command",
            "an entry has no text `command`",
            "it is left out; write {\"command\": \"…\"}",
        );
        return None;
    };
    let header = Header::from_keys(entry.as_object()?, reporter);
    let defaults = Defaults {
        id,
        terminal: Some(terminal),
        limit: ON_LOAD_LIMIT,
    };
    Some(header.into_invocation(command.to_owned(), defaults, config, reporter))
}

/// A value that should be an object where it is present at all.
fn object<'a>(
    value: Option<&'a Value>,
    name: &str,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<&'a Map<String, Value>> {
    let value = value.filter(|value| !value.is_null())?;
    if !value.is_object() {
        diagnostics.push(
            Diagnostic::error(
                "on-load-not-object",
                CONFIG_FILE,
                format!("{name} is not an object"),
            )
            .with_hint("nothing of it is typed; write {\"<step>\": {\"<terminal>\": […]}}"),
        );
    }
    value.as_object()
}

#[cfg(test)]
mod tests {
    use super::super::block::{Limit, Macro};
    use super::super::config::ConfigFiles;
    use super::*;

    fn parse(on_load: &str) -> (Config, Vec<&'static str>) {
        let text = format!(
            r#"{{"layout": {{"terminals": [{{"id": "a"}}, {{"id": "b"}}]}},
                "navigation": {{"onLoadCommands": {on_load}}}}}"#
        );
        let (config, diagnostics) = Config::read(ConfigFiles {
            config: Some(&text),
            ..ConfigFiles::default()
        });
        (
            config,
            diagnostics
                .into_iter()
                .map(|diagnostic| diagnostic.code)
                .collect(),
        )
    }

    #[test]
    fn commands_take_the_keys_of_a_block() {
        let (config, codes) = parse(
            r#"{"intro": {"b": [{"command": "x", "maxInvocations": "1", "execute": false,
                "macrosBefore": ["ctrl_c"], "terminalId": "a", "codeBlockId": "mine"}]}}"#,
        );
        let [command] = config.on_load("intro") else {
            panic!("one command is expected")
        };
        assert_eq!(
            (command.id.as_str(), command.terminal.as_str()),
            ("mine", "a")
        );
        assert_eq!(command.max_invocations, Limit(Some(1)));
        assert_eq!(command.macros_before, [Macro::CtrlC]);
        assert!(!command.executable);
        assert_eq!(codes, ["limit-not-number"]);
    }

    #[test]
    fn id_keeps_the_key_of_a_terminal_that_falls_back() {
        let (config, codes) = parse(r#"{"intro": {"nosuch": [{"command": "x"}]}}"#);
        let [command] = config.on_load("intro") else {
            panic!("one command is expected")
        };
        assert_eq!(command.id, "onLoad_intro_nosuch");
        assert_eq!(command.terminal, "a");
        assert_eq!(command.max_invocations, ON_LOAD_LIMIT);
        assert_eq!(codes, ["unknown-terminal"]);
    }

    #[test]
    fn terminals_come_in_the_order_of_javascript() {
        let (config, _) = parse(
            r#"{"intro": {"b": [{"command": "1"}, {"command": "2"}], "a": [{"command": "3"}],
                "7": [{"command": "0"}]}}"#,
        );
        let typed: String = config
            .on_load("intro")
            .iter()
            .map(|c| c.command.as_str())
            .collect();
        assert_eq!(typed, "0123");
        assert!(config.on_load("step1").is_empty());
    }

    #[test]
    fn unusable_commands_are_reported_and_left_out() {
        let cases = [
            ("[]", "on-load-not-object"),
            (r#"{"intro": 5}"#, "on-load-not-object"),
            (r#"{"intro": {"a": {"command": "x"}}}"#, "on-load-not-list"),
            (r#"{"intro": {"a": ["x"]}}"#, "on-load-without-command"),
            (
                r#"{"intro": {"a": [{"command": 5}]}}"#,
                "on-load-without-command",
            ),
        ];
        for (text, code) in cases {
            let (config, codes) = parse(text);
            assert!(config.on_load("intro").is_empty(), "{text}");
            assert_eq!(codes, [code], "{text}");
        }
        assert_eq!(parse("null").1, Vec::<&str>::new());
    }
}
