//! What is wrong with what an author expects of a block, given what the block is.

use super::block::{Block, BlockKind, Limit};
use super::diagnostic::Reporter;
use super::expectation::{Required, VerifyOn};
use super::header::Header;

/// What a header says that matters only here.
#[derive(Debug)]
pub(super) struct Written {
    /// The keys that mean nothing for a check.
    typing: Vec<&'static str>,
    not_executable: bool,
    /// Whether a block that runs comes before it.
    follows: bool,
}

impl Written {
    /// Looks at a header; `follows` says whether a block that runs comes before its block.
    pub(super) fn of(header: &Header, follows: bool) -> Self {
        let typing = [
            ("terminalId", header.terminal.is_some()),
            ("macrosBefore", !header.macros.is_empty()),
            ("maxInvocations", header.limit.is_some()),
        ];
        let written = typing.into_iter().filter(|(_, is_written)| *is_written);
        Self {
            typing: written.map(|(key, _)| key).collect(),
            not_executable: header.not_executable,
            follows,
        }
    }
}

/// Reports keys of a block's header that have no effect on that block.
pub(super) fn report(block: &Block, written: &Written, reporter: &mut Reporter<'_>) {
    let expectation = &block.expectation;
    let why = if written.not_executable {
        "`execute` is false, so that it is for reading; remove one of both"
    } else {
        "a diagram is never run; remove the key"
    };
    if expectation.verify.is_some() && block.kind != BlockKind::Check {
        reporter.warn("check-never-runs", "a check never runs", why);
    } else if expectation.required.is_some() && !may_run(block) {
        let why = if block.kind == BlockKind::Executable {
            "its limit is 0 runs; remove one of both"
        } else {
            why
        };
        let problem = "a block with `required` never runs";
        let hint = format!("no link waits for it: {why}");
        reporter.warn("required-never-runs", problem, &hint);
    } else if let Some(limit) = block.invocation.max_invocations.0
        && block.kind == BlockKind::Executable
        && expectation.required == Some(Required::Always)
    {
        let times = if limit == 1 { "once" } else { "a few times" };
        reporter.warn(
            "required-with-limit",
            &format!("a block with `required` may run {times} only"),
            "who fails then can only start the lab over; remove `maxInvocations`, or add \
             `\"skippable\": true`",
        );
    }
    if block.kind == BlockKind::Check {
        check(block, written, reporter);
    }
}

/// Whether the block can run at all, and so be waited for.
fn may_run(block: &Block) -> bool {
    match block.kind {
        BlockKind::Executable => block.invocation.max_invocations != Limit(Some(0)),
        BlockKind::Check => true,
        BlockKind::Text | BlockKind::Mermaid => false,
    }
}

fn check(block: &Block, written: &Written, reporter: &mut Reporter<'_>) {
    for key in &written.typing {
        reporter.warn(
            "check-key",
            &format!("`{key}` means nothing for a check"),
            "a check runs in a shell of its own, as often as it is asked for; remove the key",
        );
    }
    if block.expectation.verify == Some(VerifyOn::Block) && !written.follows {
        reporter.warn(
            "check-without-block",
            "`verifyOn` is `block`, and no block that runs comes before the check",
            "it runs only when it is asked for; put it behind the block that it looks at",
        );
    }
    if block.invocation.command.trim().is_empty() {
        reporter.warn(
            "check-without-text",
            "a check has nothing to run",
            "it always passes; write what it runs, such as a script of the scenario",
        );
    }
}

#[cfg(test)]
mod tests {
    use super::super::config::ConfigFiles;
    use super::super::{BlockKind, Config, Page};

    /// The codes that are reported for a page of these fences, and what its blocks are.
    fn read(fences: &[(&str, &str)]) -> (Vec<&'static str>, Vec<BlockKind>) {
        let (config, _) = Config::read(ConfigFiles::default());
        let text: Vec<String> = fences
            .iter()
            .map(|(language, text)| format!("```{language}\n{text}\n```\n\n"))
            .collect();
        let page = Page::parse("intro", &text.concat(), &config);
        let codes = page.diagnostics.iter().map(|found| found.code).collect();
        (codes, page.blocks.iter().map(|block| block.kind).collect())
    }

    #[test]
    fn check_is_a_kind_of_its_own_that_nothing_types() {
        let (codes, kinds) = read(&[("bash", "### {\"verify\": true}\ntest -e x")]);
        assert_eq!((codes, kinds), (vec![], vec![BlockKind::Check]));
        let (config, _) = Config::read(ConfigFiles::default());
        let page = Page::parse("intro", "```\n### {\"verify\": true}\nx\n```\n", &config);
        assert!(!page.blocks[0].invocation.executable);
    }

    #[test]
    fn what_never_runs_stays_what_it_is() {
        for (language, header) in [
            ("mermaid", r#"{"verify": true}"#),
            ("plantuml", r#"{"verify": true}"#),
            ("bash", r#"{"verify": true, "execute": false}"#),
        ] {
            let (codes, kinds) = read(&[(language, &format!("### {header}\nx"))]);
            assert_eq!(codes, ["check-never-runs"], "{language}");
            assert_ne!(kinds, [BlockKind::Check], "{language}");
        }
    }

    #[test]
    fn keys_without_effect_are_reported() {
        for (header, code) in [
            (
                r#"{"required": true, "execute": false}"#,
                "required-never-runs",
            ),
            (
                r#"{"required": true, "maxInvocations": 0}"#,
                "required-never-runs",
            ),
            (
                r#"{"required": true, "maxInvocations": 1}"#,
                "required-with-limit",
            ),
            (
                r#"{"verify": true, "macrosBefore": ["ctrl_c"]}"#,
                "check-key",
            ),
            (r#"{"verify": true, "terminalId": "cqlsh"}"#, "check-key"),
            (r#"{"verify": true, "maxInvocations": 2}"#, "check-key"),
            (
                r#"{"verify": true, "verifyOn": "block"}"#,
                "check-without-block",
            ),
        ] {
            let (codes, _) = read(&[("", &format!("### {header}\nx"))]);
            assert!(codes.contains(&code), "{header}: {codes:?}");
        }
        let limited = r#"{"required": true, "maxInvocations": 1, "skippable": true}"#;
        assert_eq!(read(&[("", &format!("### {limited}\nx"))]).0, [""; 0]);
        let empty = read(&[("", "### {\"verify\": true}\n")]).0;
        assert_eq!(empty, ["check-without-text"]);
    }

    #[test]
    fn check_behind_a_block_may_wait_for_it() {
        let check = ("", "### {\"verify\": true, \"verifyOn\": \"block\"}\nx");
        assert_eq!(read(&[("", "date"), ("mermaid", "x"), check]).0, [""; 0]);
        assert_eq!(read(&[check, ("", "date")]).0, ["check-without-block"]);
    }
}
