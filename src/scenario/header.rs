//! What a header line, an on-load entry or the arguments of a link say about an invocation.
//!
//! # Compatibility
//!
//! The original took the keys of a JSON object as they came. Values of another type than it meant
//! get here what its JavaScript would have made of them, and a diagnostic.

use super::block::{Invocation, Limit, Macro};
use super::config::Config;
use super::diagnostic::Reporter;
use super::expectation::{self, Expectation};
use super::javascript;
use super::text::{list, nearest, quote, trim};
use serde_json::{Map, Value};

/// How a fence's header lines begin, at the first column of its content.
const HEADER_PREFIX: &str = "### ";

/// The keys that the original knows.
pub(super) const KEYS: [&str; 6] = [
    "terminalId",
    "execute",
    "maxInvocations",
    "macrosBefore",
    "backgroundColor",
    "codeBlockId",
];

/// A fence's content, parted into command and header.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Parted<'a> {
    /// The text without header lines.
    pub(super) command: String,
    /// The last header line's text, trimmed, and its line within the content, from 0.
    pub(super) header: Option<(usize, &'a str)>,
    /// How many header lines come before the text.
    pub(super) before: usize,
}

/// Parts a fence's content into command and header: the last header line counts, all are removed.
pub(super) fn part(content: &str) -> Parted<'_> {
    let mut header = None;
    let mut lines = Vec::new();
    for (number, line) in content.split('\n').enumerate() {
        match line.strip_prefix(HEADER_PREFIX) {
            Some(text) => header = Some((number, trim(text))),
            None => lines.push(line),
        }
    }
    let lines_of = content.split('\n');
    let before = lines_of.take_while(|line| line.starts_with(HEADER_PREFIX));
    Parted {
        before: before.count(),
        command: lines.join("\n"),
        header,
    }
}

/// What a header says; `None` where it says nothing and the default holds.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Header {
    /// `terminalId`, not yet looked up in the layout.
    pub(super) terminal: Option<String>,
    /// `codeBlockId`.
    pub(super) id: Option<String>,
    /// Whether `execute` is `false`.
    pub(super) not_executable: bool,
    /// `maxInvocations`.
    pub(super) limit: Option<Limit>,
    /// `macrosBefore`, without those that do nothing.
    pub(super) macros: Vec<Macro>,
    /// `backgroundColor`.
    pub(super) background: Option<String>,
    /// What else is expected of the block.
    pub(super) expectation: Expectation,
}

impl Header {
    /// Reads the text of a header line.
    pub(super) fn read(text: &str, reporter: &mut Reporter<'_>) -> Self {
        if text.is_empty() {
            return Self::default();
        }
        match javascript::parse(text) {
            Ok(Value::Object(keys)) => Self::from_keys(&keys, reporter),
            Ok(value) => {
                reporter.warn(
                    "header-sets-nothing",
                    &format!("the header {} sets nothing", quote(&value.to_string())),
                    "write a terminal's id without quotes, or a JSON object",
                );
                Self::default()
            }
            Err(error) => {
                report_broken_json(text, &error, reporter);
                Self {
                    terminal: Some(text.to_owned()),
                    ..Self::default()
                }
            }
        }
    }

    /// Takes the known keys of an object, and ignores the others.
    pub(super) fn from_keys(keys: &Map<String, Value>, reporter: &mut Reporter<'_>) -> Self {
        report_misspelt_keys(keys, reporter);
        Self {
            terminal: text_of(keys, "terminalId", reporter),
            id: text_of(keys, "codeBlockId", reporter),
            not_executable: keys
                .get("execute")
                .is_some_and(|value| not_executable(value, reporter)),
            limit: keys
                .get("maxInvocations")
                .map(|value| limit(value, reporter)),
            macros: keys
                .get("macrosBefore")
                .map_or_else(Vec::new, |value| macros(value, reporter)),
            background: color_of(keys, reporter),
            expectation: Expectation::from_keys(keys, reporter),
        }
    }

    /// Makes an invocation of the header: `id`, `terminal` and `limit` hold where it says nothing.
    pub(super) fn into_invocation(
        self,
        command: String,
        defaults: Defaults<'_>,
        config: &Config,
        reporter: &mut Reporter<'_>,
    ) -> Invocation {
        let wanted = self
            .terminal
            .as_deref()
            .or(defaults.terminal)
            .unwrap_or_default();
        Invocation {
            id: self.id.unwrap_or(defaults.id),
            executable: !self.not_executable,
            command,
            terminal: resolve(wanted, config, reporter),
            macros_before: self.macros,
            max_invocations: self.limit.unwrap_or(defaults.limit),
            background_color: self.background,
            block: None,
        }
    }
}

/// What holds for an invocation where its header says nothing.
#[derive(Debug)]
pub(super) struct Defaults<'a> {
    /// The id under which runs are counted.
    pub(super) id: String,
    /// The terminal; `None` is the first of the layout.
    pub(super) terminal: Option<&'a str>,
    /// How often it may run.
    pub(super) limit: Limit,
}

/// Looks up a terminal, and reports an id that the layout does not have.
fn resolve(wanted: &str, config: &Config, reporter: &mut Reporter<'_>) -> String {
    let found = &config.resolve_terminal(wanted).id;
    // A header that was meant as JSON is reported as such.
    if !wanted.is_empty() && found != wanted && !looks_like_json(wanted) {
        let ids: Vec<&str> = config
            .terminals
            .iter()
            .map(|terminal| terminal.id.as_str())
            .collect();
        let guess = nearest(wanted, &ids)
            .map_or_else(String::new, |id| format!("did you mean {}? ", quote(id)));
        let hint = format!(
            "{guess}this scenario has {}; the first, {}, is used instead",
            list(&ids),
            quote(found)
        );
        reporter.warn(
            "unknown-terminal",
            &format!("unknown terminal {}", quote(wanted)),
            &hint,
        );
    }
    found.clone()
}

/// Reports a header that was probably meant as JSON; others name a terminal.
fn report_broken_json(text: &str, error: &serde_json::Error, reporter: &mut Reporter<'_>) {
    if looks_like_json(text) {
        reporter.warn(
            "header-not-json",
            &format!("the header {} is not valid JSON", quote(text)),
            &format!("it is taken for a terminal's id as a whole; the JSON error is: {error}"),
        );
    }
}

/// Whether a text that is no JSON was probably meant as such: no terminal's id has its signs.
fn looks_like_json(text: &str) -> bool {
    text.starts_with(['{', '[', '"', '\''])
        || text.ends_with(['}', ']'])
        || KEYS.iter().any(|key| text.contains(key))
}

/// Reports keys that are nearly known ones, and so are ignored.
fn report_misspelt_keys(keys: &Map<String, Value>, reporter: &mut Reporter<'_>) {
    let known: Vec<&str> = KEYS.into_iter().chain(expectation::KEYS).collect();
    for key in keys.keys() {
        if known.contains(&key.as_str()) || key == "command" {
            continue;
        }
        if let Some(meant) = nearest(key, &known) {
            reporter.warn(
                "unknown-key",
                &format!("unknown key {}", quote(key)),
                &format!("it is ignored; did you mean {}?", quote(meant)),
            );
        }
    }
}

/// A key that should be a string; numbers and booleans become one, `null` is as good as missing.
fn text_of(keys: &Map<String, Value>, key: &str, reporter: &mut Reporter<'_>) -> Option<String> {
    match keys.get(key)? {
        Value::String(text) => Some(text.clone()),
        Value::Null => None,
        value @ (Value::Number(_) | Value::Bool(_)) => {
            let text = javascript::to_string(value);
            reporter.warn(
                "not-a-string",
                &format!("`{key}` is not a string"),
                &format!("write it in quotes; it is read as {}", quote(&text)),
            );
            Some(text)
        }
        Value::Array(_) | Value::Object(_) => {
            reporter.warn(
                "not-a-string",
                &format!("`{key}` is not a string"),
                "it is ignored; write a string in quotes",
            );
            None
        }
    }
}

/// `backgroundColor`, for which only a string means anything.
fn color_of(keys: &Map<String, Value>, reporter: &mut Reporter<'_>) -> Option<String> {
    match keys.get("backgroundColor")? {
        Value::String(color) => Some(color.clone()),
        Value::Null => None,
        _ => {
            reporter.warn(
                "not-a-string",
                "`backgroundColor` is not a string",
                "it is ignored; write a CSS colour in quotes",
            );
            None
        }
    }
}

/// Whether `execute` is the JSON value `false`; nothing else switches a block off.
fn not_executable(value: &Value, reporter: &mut Reporter<'_>) -> bool {
    if !value.is_boolean() {
        reporter.warn(
            "execute-not-boolean",
            &format!(
                "`execute` is {}, which is not a boolean",
                quote(&value.to_string())
            ),
            "only `false` without quotes switches a block off",
        );
    }
    *value == Value::Bool(false)
}

/// `maxInvocations`, with a word about values that are not what they look like.
fn limit(value: &Value, reporter: &mut Reporter<'_>) -> Limit {
    let limit = javascript::limit(value);
    let written = quote(&value.to_string());
    match value {
        Value::Number(_) if limit == Limit(Some(0)) => reporter.warn(
            "limit-never-runs",
            &format!("`maxInvocations` is {written}, so nothing ever runs"),
            "write a higher number; `\"execute\": false` makes a block that is for reading",
        ),
        Value::Number(_) => {}
        Value::String(text) if text == "unlimited" => {}
        _ if limit == Limit(Some(0)) => reporter.warn(
            "limit-not-number",
            &format!("`maxInvocations` is {written}, so nothing ever runs"),
            "write a number, or \"unlimited\"",
        ),
        _ => reporter.warn(
            "limit-not-number",
            &format!("`maxInvocations` is {written}, which is not a number"),
            "write the number without quotes; it is read as one",
        ),
    }
    limit
}

/// `macrosBefore`: the names that type something, in order.
fn macros(value: &Value, reporter: &mut Reporter<'_>) -> Vec<Macro> {
    match value {
        Value::Array(names) => names
            .iter()
            .filter_map(|name| known_macro(name, reporter))
            .collect(),
        // The original walked a string letter by letter, and no letter is a macro.
        Value::String(name) => {
            reporter.warn(
                "macros-not-array",
                "`macrosBefore` is a string, which types nothing",
                &format!(
                    "write an array: [\"{}\"]",
                    name.chars().take(40).collect::<String>()
                ),
            );
            Vec::new()
        }
        _ => {
            reporter.error(
                "macros-not-array",
                "`macrosBefore` is not an array",
                "the command runs without macros; write an array such as [\"ctrl_c\"]",
            );
            Vec::new()
        }
    }
}

fn known_macro(name: &Value, reporter: &mut Reporter<'_>) -> Option<Macro> {
    match name.as_str() {
        Some("ctrl_c") => Some(Macro::CtrlC),
        Some("no_op") => None,
        _ => {
            reporter.warn(
                "unknown-macro",
                &format!("unknown macro {}", quote(&name.to_string())),
                "the macros are `ctrl_c` and `no_op`",
            );
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::config::ConfigFiles;
    use super::super::diagnostic::{Diagnostic, reported};
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> (Header, Vec<Diagnostic>) {
        reported(|reporter| Header::read(text, reporter))
    }

    fn codes(text: &str) -> Vec<&'static str> {
        read(text)
            .1
            .into_iter()
            .map(|diagnostic| diagnostic.code)
            .collect()
    }

    #[test]
    fn last_header_counts_and_all_are_removed() {
        let parted = part("### a\none\n###  b \n### c\n #### d\n#### e\n###f\n");
        assert_eq!(parted.command, "one\n #### d\n#### e\n###f\n");
        assert_eq!(parted.header, Some((3, "c")));
    }

    #[test]
    fn bare_header_names_terminal() {
        assert_eq!(read("api").0.terminal.as_deref(), Some("api"));
        assert_eq!(
            read("{terminalId: api}").0.terminal.as_deref(),
            Some("{terminalId: api}")
        );
        assert_eq!(codes("{terminalId: api}"), ["header-not-json"]);
    }

    #[test]
    fn json_that_is_no_object_sets_nothing() {
        for text in ["123", "null", "true", "\"api\"", "[1, 2]"] {
            assert_eq!(read(text).0, Header::default(), "{text}");
            assert_eq!(codes(text), ["header-sets-nothing"], "{text}");
        }
        assert_eq!(read(""), (Header::default(), vec![]));
    }

    #[test]
    fn object_sets_its_known_keys() {
        let (header, diagnostics) = read(
            r##"{"terminalId": "api", "codeBlockId": "x", "execute": false, "maxInvocations": 2,
                "macrosBefore": ["ctrl_c", "no_op"], "backgroundColor": "#fff", "extra": 1}"##,
        );
        let expected = Header {
            terminal: Some("api".to_owned()),
            id: Some("x".to_owned()),
            not_executable: true,
            limit: Some(Limit(Some(2))),
            macros: vec![Macro::CtrlC],
            background: Some("#fff".to_owned()),
            expectation: Expectation::default(),
        };
        assert_eq!((header, diagnostics), (expected, vec![]));
    }

    #[test]
    fn values_of_another_type_are_reported() {
        let cases: [(&str, &[&str]); 11] = [
            (r#"{"execute": "false"}"#, &["execute-not-boolean"]),
            (r#"{"execute": 0}"#, &["execute-not-boolean"]),
            (r#"{"maxInvocations": "1"}"#, &["limit-not-number"]),
            (r#"{"maxInvocations": "lots"}"#, &["limit-not-number"]),
            (r#"{"maxInvocations": 0}"#, &["limit-never-runs"]),
            (r#"{"macrosBefore": "ctrl_c"}"#, &["macros-not-array"]),
            (r#"{"macrosBefore": 5}"#, &["macros-not-array"]),
            (r#"{"macrosBefore": ["ctrl_d"]}"#, &["unknown-macro"]),
            (r#"{"terminalId": 1}"#, &["not-a-string"]),
            (r#"{"codeBlockId": {}}"#, &["not-a-string"]),
            (r#"{"backgroundColor": 1}"#, &["not-a-string"]),
        ];
        for (text, expected) in cases {
            assert_eq!(codes(text), expected, "{text}");
        }
    }

    #[test]
    fn unknown_terminal_is_reported_with_the_nearest_one() {
        let config = r#"{"layout": {"terminals": [{"id": "host"}, {"id": "client"}]}}"#;
        let (config, _) = Config::read(ConfigFiles {
            config: Some(config),
            ..ConfigFiles::default()
        });
        let mut diagnostics = Vec::new();
        let mut reporter = Reporter {
            file: "intro.md",
            line: Some(7),
            keys: &[],
            place: "block 3",
            diagnostics: &mut diagnostics,
        };
        let defaults = Defaults {
            id: "x".to_owned(),
            terminal: None,
            limit: Limit::UNLIMITED,
        };
        let header = Header {
            terminal: Some("cliemt".to_owned()),
            ..Header::default()
        };
        let invocation = header.into_invocation(String::new(), defaults, &config, &mut reporter);
        assert_eq!(invocation.terminal, "host");
        assert_eq!(
            diagnostics[0].message,
            "unknown terminal `cliemt` in block 3"
        );
        assert_eq!(
            diagnostics[0].hint.as_deref(),
            Some(
                "did you mean `client`? this scenario has `host` and `client`; \
                 the first, `host`, is used instead"
            )
        );
        assert_eq!(diagnostics[0].line, Some(7));
    }

    proptest! {
        #[test]
        fn prop_any_header_is_read(text in "\\PC*") {
            read(&text);
            part(&text);
        }

        #[test]
        fn prop_any_json_like_header_is_read(text in "[\\[\\]{}\":,0-9a-eE.+-]{0,40}") {
            read(&text);
        }
    }
}
