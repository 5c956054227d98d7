//! Links: ordinary addresses, and `command:` URIs as VS Code writes them.

use super::address::{decode, encode_component};
use super::block::{Invocation, Limit};
use super::config::Config;
use super::diagnostic::{Diagnostic, Place, Reporter};
use super::expectation::Expectation;
use super::header::{Defaults, Header};
use super::javascript;
use super::page::Page;
use super::text::{list, nearest, quote, trim};
use regex::Regex;
use serde::Serialize;
use serde_json::{Value, json};
use std::sync::LazyLock;

/// The command that shows a step.
pub const LOAD_PAGE: &str = "katapod.loadPage";

/// The command that types into a terminal.
pub const SEND_TEXT: &str = "katapod.sendText";

/// A command's address as VS Code writes it: an id, and arguments behind a question mark.
#[expect(
    clippy::expect_used,
    reason = "the pattern is a constant, and tests use it"
)]
static COMMAND_URI: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?is)^command:(?<id>[^?]*)\??(?<arguments>.*)$").expect("the pattern is valid")
});

/// How many steps a hint lists.
const LISTED_STEPS: usize = 8;

/// A link of a page.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Link {
    /// Its text, white space folded.
    pub text: String,
    /// Its address as rendered.
    pub href: String,
    /// The line where it begins, from 1.
    #[serde(skip)]
    pub line: Option<usize>,
    /// The column where it begins, in characters from 1.
    #[serde(skip)]
    pub column: Option<usize>,
    /// What it executes, where it is a command link.
    #[serde(flatten)]
    pub command: Option<CommandLink>,
}

/// What a command link executes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CommandLink {
    /// The command's id.
    pub command: String,
    /// Its arguments.
    pub arguments: Vec<Value>,
}

/// Why the arguments of a command link can't be used.
#[derive(Debug, thiserror::Error)]
pub enum ArgumentsError {
    /// They are no JSON.
    #[error("its arguments are not valid JSON: {0}")]
    NotJson(#[from] serde_json::Error),
}

impl Link {
    /// Where it begins.
    #[must_use]
    pub fn place(&self) -> Option<Place> {
        let (line, column) = (self.line?, self.column?);
        Some(Place { line, column })
    }
}

impl CommandLink {
    /// Reads a `command:` URI; `None` for any other address.
    ///
    /// A link with arguments that can't be read is still a link, without arguments.
    ///
    /// # Compatibility
    ///
    /// Arguments are a JSON array or a single JSON value, plain or percent-encoded. Those of
    /// `katapod.loadPage` may also be the bare name of a step.
    #[must_use]
    pub fn parse(href: &str) -> Option<(Self, Result<(), ArgumentsError>)> {
        let parts = COMMAND_URI.captures(trim(href))?;
        let command = decode(&parts["id"]);
        let (arguments, result) = match parse_arguments(&command, &parts["arguments"]) {
            Ok(arguments) => (arguments, Ok(())),
            Err(error) => (Vec::new(), Err(error)),
        };
        Some((Self { command, arguments }, result))
    }

    /// The step that a `katapod.loadPage` link loads, by the name that it has here.
    ///
    /// # Compatibility
    ///
    /// The original joined paths, so that `./step2` is `step2`.
    #[must_use]
    pub fn step(&self) -> Option<&str> {
        if self.command != LOAD_PAGE {
            return None;
        }
        let argument = self.arguments.first()?;
        let step = argument.get("step").unwrap_or(argument).as_str()?;
        Some(plain_step(step))
    }

    /// What a `katapod.sendText` link of `step` types, and what is wrong with it; `None` for other
    /// commands, and where there is nothing to type. `index` is the link's place in the page.
    ///
    /// # Compatibility
    ///
    /// Without `maxInvocations` such a link never ran in the original; here it always does.
    #[must_use]
    pub fn invocation(
        &self,
        step: &str,
        index: usize,
        config: &Config,
    ) -> (Option<Invocation>, Vec<Diagnostic>) {
        let mut diagnostics = Vec::new();
        if self.command != SEND_TEXT {
            return (None, diagnostics);
        }
        let file = format!("{step}.md");
        let place = format!("link {index}");
        let mut reporter = Reporter {
            file: &file,
            line: None,
            keys: &[],
            place: &place,
            diagnostics: &mut diagnostics,
        };
        let keys = self.arguments.first().and_then(Value::as_object);
        let text = keys
            .and_then(|keys| keys.get("command"))
            .and_then(Value::as_str);
        let (Some(keys), Some(text)) = (keys, text) else {
            reporter.error(
                "link-without-text",
                "there is no text to type",
                "write command:katapod.sendText?[{\"command\":\"…\"}]",
            );
            return (None, diagnostics);
        };
        Expectation::report_meaningless(keys, "a link that types", &mut reporter);
        let id = format!("link_{step}_{index}");
        let defaults = Defaults {
            id,
            terminal: None,
            limit: Limit::UNLIMITED,
        };
        let invocation = Header::from_keys(keys, &mut reporter).into_invocation(
            text.to_owned(),
            defaults,
            config,
            &mut reporter,
        );
        (Some(invocation), diagnostics)
    }
}

fn parse_arguments(command: &str, written: &str) -> Result<Vec<Value>, ArgumentsError> {
    let decoded = decode(written);
    let text = trim(&decoded);
    if text.is_empty() {
        return Ok(Vec::new());
    }
    // A step may be named `2` or `true`, which is JSON as well.
    if command == LOAD_PAGE && !text.starts_with(['[', '{', '"']) {
        return Ok(vec![json!({ "step": text })]);
    }
    // JSON with a percent sign of its own may be no JSON any more when decoded.
    match javascript::parse(text).or_else(|error| javascript::parse(written).map_err(|_| error))? {
        Value::Array(arguments) => Ok(arguments),
        argument => Ok(vec![argument]),
    }
}

/// The address of a Markdown link to a step, in the form that the original gave it; `None` for
/// addresses that it left alone.
pub(super) fn step_address(href: &str) -> Option<String> {
    let (CommandLink { command, .. }, _) = CommandLink::parse(href)?;
    let (_, written) = href.split_once('?')?;
    let bare = decode(written);
    if command != LOAD_PAGE || bare.is_empty() || bare.starts_with(['[', '{', '"']) {
        return None;
    }
    let arguments = json!([{ "step": bare }]).to_string();
    Some(format!(
        "command:{LOAD_PAGE}?{}",
        encode_component(&arguments)
    ))
}

/// A step's name as its file has it, without `./` before it.
#[must_use]
pub fn plain_step(step: &str) -> &str {
    step.trim_start_matches("./")
}

/// Finds the links of a page that load a step which the scenario does not have.
#[must_use]
pub fn check_links(page: &Page, steps: &[&str]) -> Vec<Diagnostic> {
    let commands = page
        .links
        .iter()
        .filter_map(|link| Some((link, link.command.as_ref()?)));
    commands
        .filter_map(|(link, command)| check_step(page, link, command.step()?, steps))
        .collect()
}

/// Helps somebody who asked for a step that does not exist.
pub(super) fn list_of_steps(step: &str, steps: &[&str]) -> String {
    match nearest(step, steps) {
        Some(near) => format!("did you mean {}?", quote(near)),
        None if steps.len() <= LISTED_STEPS => format!("this scenario has {}", list(steps)),
        None => format!("the scenario has no file {}", quote(&format!("{step}.md"))),
    }
}

fn check_step(page: &Page, link: &Link, step: &str, steps: &[&str]) -> Option<Diagnostic> {
    let file = format!("{}.md", page.step);
    let subject = format!("the link {} loads {}", quote(&link.text), quote(step));
    if step.starts_with('/') || step.split(['/', '\\']).any(|part| part == "..") {
        let message = format!("{subject}, which leads out of the scenario");
        let diagnostic = Diagnostic::error("step-outside", &file, message);
        return Some(
            diagnostic
                .at_place(link.place())
                .with_hint("steps are files of the scenario's folder"),
        );
    }
    if steps.contains(&step) {
        return None;
    }
    let hint = list_of_steps(step, steps);
    let message = format!("{subject}, a step that does not exist");
    Some(
        Diagnostic::error("unknown-step", &file, message)
            .at_place(link.place())
            .with_hint(hint),
    )
}

#[cfg(test)]
mod tests {
    use super::super::config::ConfigFiles;
    use super::*;
    use proptest::prelude::*;

    fn parse(href: &str) -> CommandLink {
        let (link, result) = CommandLink::parse(href).unwrap();
        result.unwrap();
        link
    }

    #[test]
    fn arguments_come_plain_encoded_and_bare() {
        let hrefs = [
            r#"command:katapod.loadPage?[{"step":"step9"}]"#,
            r#" COMMAND:katapod.loadPage? [ {"step" : "step9"} ] "#,
            "command:katapod.loadPage?%5B%7B%22step%22%3A%22step9%22%7D%5D",
            r#"command:katapod.loadPage?{"step":"step9"}"#,
            r#"command:katapod.loadPage?"step9""#,
            "command:katapod.loadPage?step9",
            "command:katapod%2EloadPage?step9",
        ];
        for href in hrefs {
            assert_eq!(parse(href).step(), Some("step9"), "{href}");
        }
    }

    #[test]
    fn bare_steps_may_look_like_json() {
        assert_eq!(parse("command:katapod.loadPage?2").step(), Some("2"));
        assert_eq!(parse("command:katapod.loadPage?true").step(), Some("true"));
        assert_eq!(
            parse("command:katapod.loadPage?my%20step").step(),
            Some("my step")
        );
    }

    #[test]
    fn commands_may_have_no_arguments() {
        let link = parse("command:katapod.reloadPage");
        assert_eq!(
            (link.command.as_str(), link.arguments),
            ("katapod.reloadPage", vec![])
        );
        assert_eq!(parse("command:katapod.loadPage").step(), None);
        assert_eq!(parse("command:x?5").arguments, [json!(5)]);
        assert_eq!(
            parse(r#"command:x?["50%",1]"#).arguments,
            [json!("50%"), json!(1)]
        );
    }

    #[test]
    fn other_addresses_are_no_commands() {
        for href in [
            "",
            "#x",
            "https://example.com/?command:x",
            "commands:x",
            "images/a.png",
        ] {
            assert!(CommandLink::parse(href).is_none(), "{href}");
        }
    }

    #[test]
    fn unreadable_arguments_leave_a_link_without_them() {
        let (link, result) = CommandLink::parse("command:katapod.loadPage?[{step:1}]").unwrap();
        assert_eq!(
            (link.command.as_str(), link.arguments),
            ("katapod.loadPage", vec![])
        );
        assert!(result.is_err());
    }

    #[test]
    fn markdown_links_to_bare_steps_are_rewritten() {
        assert_eq!(
            step_address("command:katapod.loadPage?step-2.b").as_deref(),
            Some("command:katapod.loadPage?%5B%7B%22step%22%3A%22step-2.b%22%7D%5D")
        );
        assert_eq!(step_address("command:katapod.loadPage?%5B%7B%7D%5D"), None);
        assert_eq!(step_address("command:katapod.start"), None);
        assert_eq!(step_address("https://example.com/?x"), None);
    }

    #[test]
    fn send_text_links_become_invocations() {
        let (config, _) = Config::read(ConfigFiles::default());
        let link =
            parse(r#"command:katapod.sendText?[{"command":"ls","macrosBefore":["ctrl_c"]}]"#);
        let (invocation, diagnostics) = link.invocation("intro", 3, &config);
        let invocation = invocation.unwrap();
        assert_eq!(invocation.id, "link_intro_3");
        assert_eq!(invocation.max_invocations, Limit::UNLIMITED);
        assert_eq!(invocation.terminal, "cqlsh");
        assert_eq!(
            invocation.keystrokes(),
            [b"\x03".to_vec(), b"ls\r".to_vec()]
        );
        assert!(diagnostics.is_empty());

        let link = parse(r#"command:katapod.sendText?[{"command":"ls","hint":"no"}]"#);
        let (_, diagnostics) = link.invocation("intro", 0, &config);
        let [found] = &diagnostics[..] else {
            panic!("one diagnostic is expected")
        };
        assert_eq!(found.message, "`hint` means nothing in link 0");

        let (invocation, diagnostics) =
            parse("command:katapod.sendText").invocation("intro", 0, &config);
        assert!(invocation.is_none());
        assert_eq!(diagnostics[0].code, "link-without-text");
    }

    #[test]
    fn links_to_missing_steps_are_reported_with_the_nearest_one() {
        let (config, _) = Config::read(ConfigFiles::default());
        let markdown = "[a](command:katapod.loadPage?step2)\n\n[b](command:katapod.loadPage?stpe2)\n\n\
                        [c](command:katapod.loadPage?../x)\n\n[d](command:katapod.loadPage?unknown)\n";
        let page = Page::parse("intro", markdown, &config);
        let found = check_links(&page, &["intro", "step2"]);
        let found: Vec<(&str, Option<usize>, &str)> = found
            .iter()
            .map(|found| (found.code, found.line, found.hint.as_deref().unwrap()))
            .collect();
        assert_eq!(
            found,
            [
                ("unknown-step", Some(3), "did you mean `step2`?"),
                (
                    "step-outside",
                    Some(5),
                    "steps are files of the scenario's folder"
                ),
                (
                    "unknown-step",
                    Some(7),
                    "this scenario has `intro` and `step2`"
                ),
            ]
        );
    }

    proptest! {
        #[test]
        fn prop_any_address_is_read(href in "(command:[a-z.]{0,9}\\?)?\\PC*") {
            prop_assert!(CommandLink::parse(&href).is_some() || step_address(&href).is_none());
        }
    }
}
