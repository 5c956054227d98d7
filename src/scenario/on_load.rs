//! On-load commands: what `navigation.onLoadCommands` of the config types when a step is shown.

use super::block::{Invocation, Limit};
use super::config::{CONFIG_FILE, Config, ON_LOAD_LIMIT, OnLoad, on_load_id};
use super::diagnostic::{Diagnostic, Reporter};
use super::expectation::{self, Expectation};
use super::header::{Defaults, Header, KEYS};
use super::javascript::entries;
use super::places::Places;
use super::text::quote;
use serde_json::{Map, Value};
use std::collections::HashMap;

/// Where on-load commands stand in the config.
const ROOT: &str = "/navigation/onLoadCommands";

/// Reads the commands of all steps, in the order in which JavaScript iterates the config.
pub(super) fn read(
    config_file: &Value,
    config: &Config,
    places: &Places,
    diagnostics: &mut Vec<Diagnostic>,
) -> Vec<OnLoad> {
    let mut reader = Reader {
        config,
        places,
        diagnostics,
    };
    let commands = config_file.pointer("/navigation/onLoadCommands");
    let Some(steps) = reader.object(commands, "`navigation.onLoadCommands`", ROOT) else {
        return Vec::new();
    };
    entries(steps)
        .into_iter()
        .map(|(step, terminals)| {
            let (commands, lines) = reader.step(step, terminals).into_iter().unzip();
            OnLoad {
                step: step.to_owned(),
                place: places.get(&format!("{ROOT}/{step}")),
                commands,
                lines,
            }
        })
        .collect()
}

/// Reads on-load commands.
struct Reader<'a> {
    config: &'a Config,
    /// Where in the config everything stands.
    places: &'a Places,
    diagnostics: &'a mut Vec<Diagnostic>,
}

impl Reader<'_> {
    /// The commands of a step, each with its line.
    fn step(&mut self, step: &str, terminals: &Value) -> Vec<(Invocation, Option<usize>)> {
        let name = format!("`navigation.onLoadCommands.{step}`");
        let pointer = format!("{ROOT}/{step}");
        let Some(terminals) = self.object(Some(terminals), &name, &pointer) else {
            return Vec::new();
        };
        let mut commands = Vec::new();
        let mut runs = HashMap::new();
        for (key, list) in entries(terminals) {
            let place = format!("the on-load commands of step `{step}` and terminal `{key}`");
            let pointer = format!("{pointer}/{key}");
            let Some(list) = list.as_array() else {
                self.reporter(&place, &pointer, &[]).error(
                    "on-load-not-list",
                    "there is no list",
                    "nothing is typed; write [{\"command\": \"…\"}]",
                );
                continue;
            };
            for (index, entry) in list.iter().enumerate() {
                let pointer = format!("{pointer}/{index}");
                let command = self.command(entry, (step, key), &place, &pointer);
                if let Some(command) = command {
                    self.check_runs(&command, &mut runs, &place, &pointer);
                    let keys = self.keys(&pointer);
                    let line = self.reporter(&place, &pointer, &keys).line;
                    commands.push((command, line));
                }
            }
        }
        commands
    }

    /// One command; an entry without a text to type is left out.
    fn command(
        &mut self,
        entry: &Value,
        (step, terminal): (&str, &str),
        place: &str,
        pointer: &str,
    ) -> Option<Invocation> {
        let config = self.config;
        let keys = self.keys(pointer);
        let mut reporter = self.reporter(place, pointer, &keys);
        let Some(command) = entry.get("command").and_then(Value::as_str) else {
            reporter.error(
                "on-load-without-command",
                "an entry has no text `command`",
                "it is left out; write {\"command\": \"…\"}",
            );
            return None;
        };
        let object = entry.as_object()?;
        Expectation::report_meaningless(object, "an on-load command", &mut reporter);
        let header = Header::from_keys(object, &mut reporter);
        let defaults = Defaults {
            id: on_load_id(step, terminal),
            terminal: Some(terminal),
            limit: ON_LOAD_LIMIT,
        };
        let mut reporter = if header.terminal.is_some() {
            let own = keys.iter().find(|(key, _)| *key == "terminalId");
            self.reporter_at(place, own.map(|(_, line)| *line))
        } else {
            let key = pointer.rsplit_once('/').map_or(pointer, |(key, _)| key);
            self.reporter_at(place, self.places.get(key).map(|place| place.line))
        };
        Some(header.into_invocation(command.to_owned(), defaults, config, &mut reporter))
    }

    /// Reports a command that the first loading of its step does not run. Counts only grow, so
    /// that no later one runs it either.
    fn check_runs<'a>(
        &mut self,
        command: &Invocation,
        runs: &mut HashMap<String, u64>,
        place: &'a str,
        pointer: &'a str,
    ) {
        let before = runs.entry(command.id.clone()).or_default();
        let count = *before;
        let hint = if !command.executable {
            "`execute` is false; remove the entry, or the key".to_owned()
        } else if command.max_invocations == Limit(Some(0)) {
            // That was told of the limit.
            return;
        } else if command.max_invocations.allows(count) {
            *before += 1;
            return;
        } else {
            let uses = if count == 1 { "1 run" } else { "several runs" };
            format!(
                "all commands of one step and terminal share one count, which is {uses} by then; \
                 join them to one, or write a higher `maxInvocations`"
            )
        };
        let problem = match command.command.trim() {
            "" => "a command without text never runs".to_owned(),
            text => format!("{} never runs", quote(text)),
        };
        let keys = self.keys(pointer);
        self.reporter(place, pointer, &keys)
            .warn("on-load-never-runs", &problem, &hint);
    }

    /// The lines of an entry's keys.
    fn keys(&self, pointer: &str) -> Vec<(&'static str, usize)> {
        let known = KEYS.into_iter().chain(expectation::KEYS);
        let keys = known.chain(["command"]);
        let line = |key| self.places.get(&format!("{pointer}/{key}"));
        keys.filter_map(|key| Some((key, line(key)?.line)))
            .collect()
    }

    /// Reports on an entry: at its command, where it has one.
    fn reporter<'a>(
        &'a mut self,
        place: &'a str,
        pointer: &str,
        keys: &'a [(&'static str, usize)],
    ) -> Reporter<'a> {
        let command = keys.iter().find(|(key, _)| *key == "command");
        let whole = || self.places.get(pointer).map(|place| place.line);
        Reporter {
            file: CONFIG_FILE,
            line: command.map(|(_, line)| *line).or_else(whole),
            keys,
            place,
            diagnostics: self.diagnostics,
        }
    }

    fn reporter_at<'a>(&'a mut self, place: &'a str, line: Option<usize>) -> Reporter<'a> {
        Reporter {
            file: CONFIG_FILE,
            line,
            keys: &[],
            place,
            diagnostics: self.diagnostics,
        }
    }

    /// A value that should be an object where it is present at all.
    fn object<'v>(
        &mut self,
        value: Option<&'v Value>,
        name: &str,
        pointer: &str,
    ) -> Option<&'v Map<String, Value>> {
        let value = value.filter(|value| !value.is_null())?;
        if !value.is_object() {
            self.diagnostics.push(
                Diagnostic::error(
                    "on-load-not-object",
                    CONFIG_FILE,
                    format!("{name} is not an object"),
                )
                .at_place(self.places.get(pointer))
                .with_hint("nothing of it is typed; write {\"<step>\": {\"<terminal>\": […]}}"),
            );
        }
        value.as_object()
    }
}

#[cfg(test)]
mod tests {
    use super::super::block::Macro;
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
        assert_eq!(codes, ["limit-not-number", "on-load-never-runs"]);
    }

    #[test]
    fn what_is_expected_of_blocks_means_nothing_here() {
        let (_, codes) = parse(r#"{"intro": {"a": [{"command": "x", "required": true}]}}"#);
        assert_eq!(codes, ["expectation-without-block"]);
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
