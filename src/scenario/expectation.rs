//! What a block's author expects of it: how it ends, what it writes, and what else waits for it.
//!
//! # Compatibility
//!
//! The original ignores these keys of a header, so one file serves both.

// A length of time is no clock.
use core::time::Duration;

use regex::{Regex, RegexBuilder};
use serde::Serialize;
use serde_json::{Map, Value};

use super::diagnostic::Reporter;
use super::text::quote;

/// The keys of a header that say what is expected.
pub(super) const KEYS: [&str; 11] = [
    "title",
    "expect",
    "exitCode",
    "timeout",
    "verify",
    "verifyOn",
    "hint",
    "required",
    "skippable",
    "prompt",
    "test",
];

/// The longest time, in seconds, that a block may be given: a day.
const MAX_TIMEOUT_S: f64 = 86_400.0;

/// What a block's author expects of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Expectation {
    /// What the block is called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// A regular expression, which is valid, that the output matches somewhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expect: Option<String>,
    /// How its last command ends.
    #[serde(skip_serializing_if = "ExitCode::is_default")]
    pub exit_code: ExitCode,
    /// How long it may take.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Duration>,
    /// When it runs as a check, in a shell of its own beside the terminals, if it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verify: Option<VerifyOn>,
    /// What the learner reads after a failure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// Whether the step's forward links wait for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub required: Option<Required>,
    /// A regular expression, which is valid, for the prompt of the program that it is typed into:
    /// when the last line of the output matches, the program waits again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prompt: Option<String>,
    /// Whether a test of the lab leaves it out: it is for a case that the test does not have.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub untested: bool,
}

/// How a block's last command ends.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ExitCode {
    /// With success: 0.
    #[default]
    Success,
    /// With this code.
    Is(i32),
    /// However it likes.
    Any,
}

impl ExitCode {
    /// Whether a command may end with `code`.
    #[must_use]
    pub fn allows(self, code: i32) -> bool {
        match self {
            Self::Success => code == 0,
            Self::Is(wanted) => code == wanted,
            Self::Any => true,
        }
    }

    #[expect(
        clippy::trivially_copy_pass_by_ref,
        reason = "the signature that serde asks for"
    )]
    fn is_default(&self) -> bool {
        *self == Self::Success
    }
}

/// When a check runs, besides on request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum VerifyOn {
    /// Only on request.
    Request,
    /// Whenever the block before it has ended.
    Block,
    /// Again and again while the step is open.
    Open,
}

/// How forward links wait for a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Required {
    /// Until it has succeeded.
    Always,
    /// Until it has succeeded, or the learner skips it.
    Skippable,
}

impl Expectation {
    /// Whether an output is what `expect` asks for, if it asks for anything. `^` and `$` match at
    /// each line.
    #[must_use]
    pub fn accepts_output(&self, text: &str) -> bool {
        let Some(pattern) = &self.expect else {
            return true;
        };
        let pattern = RegexBuilder::new(pattern).multi_line(true).build();
        pattern.is_ok_and(|pattern| pattern.is_match(text))
    }

    /// Reports keys where they mean nothing: `what` is not a block.
    pub(super) fn report_meaningless(
        keys: &Map<String, Value>,
        what: &str,
        reporter: &mut Reporter<'_>,
    ) {
        for key in KEYS.into_iter().filter(|key| keys.contains_key(*key)) {
            reporter.warn(
                "expectation-without-block",
                &format!("`{key}` means nothing"),
                &format!("{what} is no block of a page; write a block, or remove the key"),
            );
        }
    }

    /// Takes the known keys of a header, and ignores the others.
    pub(super) fn from_keys(keys: &Map<String, Value>, reporter: &mut Reporter<'_>) -> Self {
        let mut reader = Reader { keys, reporter };
        Self {
            title: reader.text("title"),
            expect: reader.pattern("expect"),
            exit_code: reader.exit_code(),
            timeout: reader.timeout(),
            verify: reader.verify(),
            hint: reader.text("hint"),
            required: reader.required(),
            prompt: reader.pattern("prompt"),
            untested: !reader.flag("test", true),
        }
    }
}

/// Reads keys of a header.
struct Reader<'a, 'r> {
    keys: &'a Map<String, Value>,
    reporter: &'a mut Reporter<'r>,
}

impl Reader<'_, '_> {
    fn ignored(&mut self, key: &str, is_not: &str, hint: &str) {
        let written = self
            .keys
            .get(key)
            .map_or_else(String::new, Value::to_string);
        let written = quote(&written);
        self.reporter.error(
            "expectation-type",
            &format!("`{key}` is {written}, which is not {is_not}"),
            &format!("it is ignored; {hint}"),
        );
    }

    fn text(&mut self, key: &str) -> Option<String> {
        match self.keys.get(key)? {
            Value::Null => None,
            Value::String(text) => Some(text.clone()),
            _ => {
                self.ignored(key, "a string", "write it in quotes");
                None
            }
        }
    }

    fn flag(&mut self, key: &str, default: bool) -> bool {
        match self.keys.get(key) {
            None | Some(Value::Null) => default,
            Some(Value::Bool(flag)) => *flag,
            Some(_) => {
                self.ignored(key, "a boolean", "write `true` or `false` without quotes");
                default
            }
        }
    }

    fn pattern(&mut self, key: &str) -> Option<String> {
        let pattern = self.text(key)?;
        let error = match Regex::new(&pattern) {
            Ok(_) => return Some(pattern),
            Err(error) => error.to_string(),
        };
        let reason = error.lines().last().unwrap_or_default();
        self.reporter.error(
            "bad-pattern",
            &format!(
                "`{key}` is {}, which is no regular expression",
                quote(&pattern)
            ),
            &format!(
                "it is ignored; {}",
                reason.strip_prefix("error: ").unwrap_or(reason)
            ),
        );
        None
    }

    fn exit_code(&mut self) -> ExitCode {
        match self.keys.get("exitCode") {
            None => ExitCode::Success,
            Some(Value::Null) => ExitCode::Any,
            Some(value) => match value.as_i64().and_then(|code| i32::try_from(code).ok()) {
                Some(0) => ExitCode::Success,
                Some(code) => ExitCode::Is(code),
                None => {
                    let hint = "write the number without quotes, or `null` for any";
                    self.ignored("exitCode", "a whole number", hint);
                    ExitCode::Success
                }
            },
        }
    }

    fn timeout(&mut self) -> Option<Duration> {
        let value = self.keys.get("timeout").filter(|value| !value.is_null())?;
        match value.as_f64() {
            Some(seconds) if seconds > 0.0 && seconds <= MAX_TIMEOUT_S => {
                Some(Duration::from_secs_f64(seconds))
            }
            _ => {
                let hint = "write seconds, more than 0 and a day at most, without quotes";
                self.ignored("timeout", "a time", hint);
                None
            }
        }
    }

    fn verify(&mut self) -> Option<VerifyOn> {
        let verify = self.flag("verify", false);
        let when = match self.text("verifyOn").as_deref() {
            None | Some("request") => VerifyOn::Request,
            Some("block") => VerifyOn::Block,
            Some("open") => VerifyOn::Open,
            Some(_) => {
                let hint = "write \"request\", \"block\" or \"open\"";
                self.ignored("verifyOn", "a time for a check", hint);
                VerifyOn::Request
            }
        };
        if !verify && self.keys.contains_key("verifyOn") {
            self.without("verifyOn", "\"verify\": true");
        }
        verify.then_some(when)
    }

    fn required(&mut self) -> Option<Required> {
        let required = self.flag("required", false);
        let skippable = self.flag("skippable", false);
        if skippable && !required {
            self.without("skippable", "\"required\": true");
        }
        required.then_some(if skippable {
            Required::Skippable
        } else {
            Required::Always
        })
    }

    fn without(&mut self, key: &str, other: &str) {
        self.reporter.warn(
            "expectation-alone",
            &format!("`{key}` means nothing without `{other}`"),
            &format!("add {other}, or remove the key"),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::super::diagnostic::{Diagnostic, reported};
    use super::*;

    fn read(text: &str) -> (Expectation, Vec<Diagnostic>) {
        let keys: Map<String, Value> = serde_json::from_str(text).unwrap();
        reported(|reporter| Expectation::from_keys(&keys, reporter))
    }

    #[test]
    fn all_keys_are_taken() {
        let (expectation, diagnostics) = read(
            r#"{"title": "Rows are there", "expect": "^\\d+ rows", "exitCode": 3, "timeout": 1.5,
                "verify": true, "verifyOn": "open", "hint": "Start the API", "required": true,
                "skippable": true, "prompt": "cqlsh> $", "test": false}"#,
        );
        let expected = Expectation {
            title: Some("Rows are there".to_owned()),
            expect: Some("^\\d+ rows".to_owned()),
            exit_code: ExitCode::Is(3),
            timeout: Some(Duration::from_millis(1500)),
            verify: Some(VerifyOn::Open),
            hint: Some("Start the API".to_owned()),
            required: Some(Required::Skippable),
            prompt: Some("cqlsh> $".to_owned()),
            untested: true,
        };
        assert_eq!((expectation, diagnostics), (expected, vec![]));
        assert_eq!(read("{}"), (Expectation::default(), vec![]));
        assert_eq!(read(r#"{"exitCode": null}"#).0.exit_code, ExitCode::Any);
    }

    #[test]
    fn what_is_not_understood_is_ignored_and_reported() {
        let cases = [
            (r#"{"title": 1}"#, "expectation-type"),
            (r#"{"expect": "(a"}"#, "bad-pattern"),
            (r#"{"prompt": "*"}"#, "bad-pattern"),
            (r#"{"exitCode": "0"}"#, "expectation-type"),
            (r#"{"exitCode": 1.5}"#, "expectation-type"),
            (r#"{"timeout": 0}"#, "expectation-type"),
            (r#"{"timeout": 1e300}"#, "expectation-type"),
            (r#"{"timeout": "5"}"#, "expectation-type"),
            (r#"{"verify": "true"}"#, "expectation-type"),
            (r#"{"test": "no"}"#, "expectation-type"),
            (r#"{"verifyOn": "block"}"#, "expectation-alone"),
            (r#"{"required": 1}"#, "expectation-type"),
            (r#"{"skippable": true}"#, "expectation-alone"),
        ];
        for (text, code) in cases {
            let (expectation, diagnostics) = read(text);
            assert_eq!(expectation, Expectation::default(), "{text}");
            let codes: Vec<&str> = diagnostics.iter().map(|one| one.code).collect();
            assert_eq!(codes, [code], "{text}");
        }
    }

    #[test]
    fn output_is_accepted_line_by_line() {
        let (expectation, _) = read(r#"{"expect": "^\\d+ rows$"}"#);
        assert!(expectation.accepts_output("begin\n12 rows\nend\n"));
        assert!(!expectation.accepts_output("about 12 rows\n"));
        assert!(Expectation::default().accepts_output(""));
    }

    #[test]
    fn messages_say_what_and_what_to_do() {
        let (_, diagnostics) = read(r#"{"expect": "(a"}"#);
        assert_eq!(
            diagnostics[0].message,
            "`expect` is `(a`, which is no regular expression in block 0"
        );
        assert_eq!(
            diagnostics[0].hint.as_deref(),
            Some("it is ignored; unclosed group")
        );
    }
}
