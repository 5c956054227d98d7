//! `.katapod_config.json`: terminals and on-load commands.

use super::block::{Invocation, Limit};
use super::diagnostic::{Diagnostic, Place};
use super::places::Places;
use super::text::quote;
use super::{javascript, on_load};
use regex::Regex;
use serde::Serialize;
use serde_json::Value;
use std::collections::HashSet;
use std::sync::LazyLock;

/// The layout and navigation of a scenario.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// At least one terminal, in the order of the layout, ids unique.
    pub terminals: Vec<TerminalSpec>,
    /// On-load commands, by step.
    pub on_load: Vec<OnLoad>,
}

/// A terminal of the layout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TerminalSpec {
    /// The id that headers name.
    pub id: String,
    /// The name that people see.
    pub name: String,
}

/// What loading a step types.
#[derive(Debug, Clone, PartialEq)]
pub struct OnLoad {
    /// The step.
    pub step: String,
    /// Where the config names it.
    pub place: Option<Place>,
    /// The commands of all its terminals, in the order in which they are typed.
    pub commands: Vec<Invocation>,
    /// The lines of the config where they stand, in the same order.
    pub lines: Vec<Option<usize>>,
}

/// The files of a scenario that say what it is, as texts; `None` where there is no such file.
#[derive(Debug, Clone, Copy, Default)]
pub struct ConfigFiles<'a> {
    /// `.katapod_config.json`.
    pub config: Option<&'a str>,
    /// `.gitpod.yml`.
    pub gitpod: Option<&'a str>,
    /// Whether there is a `wait.sh`.
    pub has_wait_script: bool,
}

/// The file that a scenario's layout and navigation are read from.
pub const CONFIG_FILE: &str = ".katapod_config.json";

/// The file that says, in the original, how a scenario's workspace is prepared.
pub const GITPOD_FILE: &str = ".gitpod.yml";

/// The script that a scenario of the original may wait with before its first page.
pub const WAIT_SCRIPT: &str = "wait.sh";

/// How many terminals a lab opens, far more than anybody can look at; each may cost a shell.
pub const MAX_TERMINALS: usize = 100;

/// How often an on-load command runs that does not say.
pub(super) const ON_LOAD_LIMIT: Limit = Limit(Some(1));

/// A line of `.gitpod.yml` that installs the extension, in whichever order it names the parts.
#[expect(
    clippy::expect_used,
    reason = "the pattern is a constant, and tests use it"
)]
static EXTENSION_LINE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)\.vsix.*katapod|katapod.*\.vsix").expect("the pattern is valid")
});

/// The terminal of a scenario whose config names none.
const DEFAULT_TERMINAL: (&str, &str) = ("cqlsh", "cqlsh-editor");

/// What `intro` types in a scenario with this script and without a config.
const WAIT_COMMAND: &str = "./wait.sh;";

impl Config {
    /// Reads the config, or makes the default one.
    #[must_use]
    pub fn read(files: ConfigFiles<'_>) -> (Self, Vec<Diagnostic>) {
        let mut diagnostics = Vec::new();
        let config = match files.config {
            None => Self::without_file(files.has_wait_script),
            Some(text) => Self::from_text(text, &mut diagnostics),
        };
        (config, diagnostics)
    }

    /// The on-load commands of `step`, in order.
    #[must_use]
    pub fn on_load(&self, step: &str) -> &[Invocation] {
        self.on_load
            .iter()
            .find(|on_load| on_load.step == step)
            .map_or(&[], |on_load| &on_load.commands)
    }

    /// The terminal that `id` means: itself where the layout has it, otherwise the first.
    ///
    /// # Panics
    ///
    /// Panics if `terminals` is empty, which [`Config::read`] never makes it.
    #[must_use]
    pub fn resolve_terminal(&self, id: &str) -> &TerminalSpec {
        self.terminals
            .iter()
            .find(|terminal| terminal.id == id)
            .unwrap_or(&self.terminals[0])
    }

    fn with_default_terminal() -> Self {
        let (id, name) = DEFAULT_TERMINAL;
        let terminal = TerminalSpec {
            id: id.to_owned(),
            name: name.to_owned(),
        };
        Self {
            terminals: vec![terminal],
            on_load: Vec::new(),
        }
    }

    fn without_file(has_wait_script: bool) -> Self {
        let mut config = Self::with_default_terminal();
        if has_wait_script {
            let command = Invocation {
                id: on_load_id("intro", DEFAULT_TERMINAL.0),
                executable: true,
                command: WAIT_COMMAND.to_owned(),
                terminal: DEFAULT_TERMINAL.0.to_owned(),
                macros_before: Vec::new(),
                max_invocations: ON_LOAD_LIMIT,
                background_color: None,
                block: None,
            };
            config.on_load.push(OnLoad {
                step: "intro".to_owned(),
                place: None,
                commands: vec![command],
                lines: vec![None],
            });
        }
        config
    }

    fn from_text(text: &str, diagnostics: &mut Vec<Diagnostic>) -> Self {
        let mut config = Self::with_default_terminal();
        match javascript::parse(text) {
            Ok(value) => {
                let places = Places::of(text);
                if let Some(terminals) = read_terminals(&value, &places, diagnostics) {
                    config.terminals = terminals;
                }
                config.on_load = on_load::read(&value, &config, &places, diagnostics);
            }
            Err(error) => diagnostics.push(
                Diagnostic::error(
                    "config-not-json",
                    CONFIG_FILE,
                    format!("the config is not valid JSON: {error}"),
                )
                .at(Some(error.line()))
                .with_hint("until it is repaired, there is one terminal, `cqlsh`"),
            ),
        }
        config
    }
}

/// The id under which the on-load commands of one step and one key of the config are counted.
pub(super) fn on_load_id(step: &str, terminal_key: &str) -> String {
    format!("onLoad_{step}_{terminal_key}")
}

/// The terminals of `layout.terminals`; `None` where there is not a single one.
fn read_terminals(
    config: &Value,
    places: &Places,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<Vec<TerminalSpec>> {
    let Some(entries) = config
        .pointer("/layout/terminals")
        .and_then(Value::as_array)
    else {
        diagnostics.push(
            Diagnostic::error(
                "config-without-terminals",
                CONFIG_FILE,
                "the config has no list `layout.terminals`",
            )
            .at_place(
                places
                    .get("/layout/terminals")
                    .or_else(|| places.get("/layout")),
            )
            .with_hint("there is one terminal, `cqlsh`, instead"),
        );
        return None;
    };
    let mut terminals = Vec::new();
    let mut ids = HashSet::new();
    for (index, entry) in entries.iter().enumerate() {
        let place = places.get(&format!("/layout/terminals/{index}"));
        let before = diagnostics.len();
        let terminal = read_terminal(entry, index, diagnostics);
        for diagnostic in &mut diagnostics[before..] {
            diagnostic.line = place.map(|place| place.line);
            diagnostic.column = place.map(|place| place.column);
        }
        let Some(terminal) = terminal else {
            continue;
        };
        if ids.insert(terminal.id.clone()) {
            terminals.push(terminal);
        } else {
            let message = format!("terminal {index} repeats the id {}", quote(&terminal.id));
            diagnostics.push(
                Diagnostic::error("terminal-repeated", CONFIG_FILE, message)
                    .at_place(place)
                    .with_hint("the first terminal of that id is kept"),
            );
        }
    }
    if terminals.is_empty() {
        diagnostics.push(
            Diagnostic::error(
                "config-without-terminals",
                CONFIG_FILE,
                "the layout has no terminal",
            )
            .at_place(places.get("/layout/terminals"))
            .with_hint("there is one terminal, `cqlsh`, instead"),
        );
        return None;
    }
    if terminals.len() > MAX_TERMINALS {
        let count = terminals.len();
        let message = format!("the layout has {count} terminals, and {MAX_TERMINALS} is the limit");
        diagnostics.push(
            Diagnostic::error("too-many-terminals", CONFIG_FILE, message)
                .at_place(places.get("/layout/terminals"))
                .with_hint("the others are left out"),
        );
        terminals.truncate(MAX_TERMINALS);
    }
    Some(terminals)
}

/// A terminal of the layout; one without a usable id is left out.
fn read_terminal(
    entry: &Value,
    index: usize,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<TerminalSpec> {
    let id = match entry.get("id") {
        Some(Value::String(id)) if !id.is_empty() => id.clone(),
        Some(number @ Value::Number(_)) => {
            let id = javascript::to_string(number);
            let message = format!("the id of terminal {index} is a number");
            diagnostics.push(
                Diagnostic::warning("terminal-id-not-string", CONFIG_FILE, message)
                    .with_hint(format!("write it in quotes; it is read as {}", quote(&id))),
            );
            id
        }
        Some(_) => {
            let message = format!("the id of terminal {index} is not a name");
            diagnostics.push(
                Diagnostic::error("terminal-id-not-string", CONFIG_FILE, message)
                    .with_hint("the terminal is left out; write a string in quotes"),
            );
            return None;
        }
        None => {
            let message = format!("terminal {index} has no id");
            diagnostics.push(
                Diagnostic::error("terminal-without-id", CONFIG_FILE, message)
                    .with_hint("the terminal is left out; write {\"id\": \"…\"}"),
            );
            return None;
        }
    };
    let name = entry
        .get("name")
        .and_then(Value::as_str)
        .filter(|name| !name.is_empty());
    let name = name.unwrap_or(&id).to_owned();
    Some(TerminalSpec { id, name })
}

/// Whether the files make a folder a scenario, as the original judged it.
#[must_use]
pub fn is_scenario(files: ConfigFiles<'_>) -> bool {
    files.config.is_some()
        || files
            .gitpod
            .is_some_and(|text| EXTENSION_LINE.is_match(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(config: &str) -> (Config, Vec<&'static str>) {
        let files = ConfigFiles {
            config: Some(config),
            ..ConfigFiles::default()
        };
        let (config, diagnostics) = Config::read(files);
        (
            config,
            diagnostics
                .into_iter()
                .map(|diagnostic| diagnostic.code)
                .collect(),
        )
    }

    fn ids(config: &Config) -> Vec<&str> {
        config
            .terminals
            .iter()
            .map(|terminal| terminal.id.as_str())
            .collect()
    }

    #[test]
    fn missing_config_gives_the_default_terminal() {
        let (config, diagnostics) = Config::read(ConfigFiles::default());
        let default = TerminalSpec {
            id: "cqlsh".to_owned(),
            name: "cqlsh-editor".to_owned(),
        };
        assert_eq!((config.terminals, config.on_load), (vec![default], vec![]));
        assert!(diagnostics.is_empty());
    }

    #[test]
    fn wait_script_runs_only_without_a_config() {
        let waiting = ConfigFiles {
            has_wait_script: true,
            ..ConfigFiles::default()
        };
        let (config, _) = Config::read(waiting);
        let [command] = config.on_load("intro") else {
            panic!("one command is expected")
        };
        assert_eq!(command.command, "./wait.sh;");
        assert_eq!(command.id, "onLoad_intro_cqlsh");
        assert_eq!(command.max_invocations, ON_LOAD_LIMIT);

        let (config, _) = Config::read(ConfigFiles {
            config: Some("not json"),
            ..waiting
        });
        assert!(config.on_load("intro").is_empty());
    }

    #[test]
    fn broken_configs_fall_back_to_the_default_terminal() {
        let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
        let cases = [
            ("", "config-not-json"),
            ("{", "config-not-json"),
            (&*deep, "config-not-json"),
            ("null", "config-without-terminals"),
            ("[]", "config-without-terminals"),
            ("{}", "config-without-terminals"),
            (
                r#"{"layout": {"terminals": {}}}"#,
                "config-without-terminals",
            ),
            (
                r#"{"layout": {"terminals": []}}"#,
                "config-without-terminals",
            ),
        ];
        for (text, code) in cases {
            let (config, codes) = read(text);
            assert_eq!(ids(&config), ["cqlsh"], "{text:.40}");
            assert_eq!(codes, [code], "{text:.40}");
        }
    }

    #[test]
    fn terminal_without_a_name_is_shown_under_its_id() {
        let (config, codes) =
            read(r#"{"layout": {"terminals": [{"id": "a"}, {"id": "b", "name": ""}]}}"#);
        assert_eq!(config.terminals[0].name, "a");
        assert_eq!(config.terminals[1].name, "b");
        assert!(codes.is_empty());
    }

    #[test]
    fn unusable_terminals_are_left_out_with_a_word() {
        let (config, codes) = read(
            r#"{"layout": {"terminals": [{"id": "a"}, {"id": "a", "name": "again"}, {"name": "b"},
                {"id": null}, {"id": ""}, {"id": 7}, "c"]}}"#,
        );
        assert_eq!(ids(&config), ["a", "7"]);
        assert_eq!(
            codes,
            [
                "terminal-repeated",
                "terminal-without-id",
                "terminal-id-not-string",
                "terminal-id-not-string",
                "terminal-id-not-string",
                "terminal-without-id"
            ]
        );
    }

    #[test]
    fn byte_order_mark_is_tolerated() {
        let (config, codes) = read("\u{feff}{\"layout\": {\"terminals\": [{\"id\": \"a\"}]}}");
        assert_eq!((ids(&config), codes), (vec!["a"], vec![]));
    }

    #[test]
    fn terminal_ids_are_case_sensitive() {
        let (config, _) = read(r#"{"layout": {"terminals": [{"id": "a"}, {"id": "b"}]}}"#);
        assert_eq!(config.resolve_terminal("b").id, "b");
        assert_eq!(config.resolve_terminal("B").id, "a");
        assert_eq!(config.resolve_terminal("").id, "a");
    }

    #[test]
    fn scenario_is_known_by_its_files() {
        let gitpod = |text| ConfigFiles {
            gitpod: Some(text),
            ..ConfigFiles::default()
        };
        assert!(!is_scenario(ConfigFiles::default()));
        assert!(is_scenario(ConfigFiles {
            config: Some(""),
            ..ConfigFiles::default()
        }));
        assert!(is_scenario(gitpod(
            "vscode:\n  - https://host/KataPod-1.VSIX\n"
        )));
        assert!(!is_scenario(gitpod("- a.vsix\n- katapod\n")));
    }
}
