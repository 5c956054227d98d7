//! The transcript: in Markdown, by steps in the order in which they were shown, what was run and
//! what came of it.

use std::{
    io::{self, Write},
    time::SystemTime,
};

use super::{
    Record,
    date::{date_time, duration, time},
    excerpt::{self, Limits},
    shortfall,
};
use crate::{
    lab::{
        event::RunState,
        history::{HistoryEvent, PastCheck, PastRun},
        judge::Verdict,
    },
    terminal::recorder::{Signs, TapeView},
};

/// How much of a run's output is shown.
const LIMITS: Limits = Limits {
    lines: 200,
    bytes: 128 * 1024,
};

/// The characters that mean something in Markdown text.
const SPECIAL: &str = "\\`*_{}[]<>#|~&!";

pub(super) fn write(record: &Record, out: &mut impl Write) -> io::Result<()> {
    let signs = record.signs()?;
    writeln!(out, "# {}\n", plain(&record.folder.title()))?;
    writeln!(
        out,
        "A transcript of the lab {}, which began on {}. It was written on {} by katahost {}. \
         Times are UTC.",
        literal(record.folder.name()),
        date_time(record.began),
        date_time(SystemTime::now()),
        env!("CARGO_PKG_VERSION"),
    )?;
    if record.recorder.is_none() {
        writeln!(
            out,
            "\nThe lab was not recorded, so that what commands printed is not here."
        )?;
    }
    if record.history.forgotten > 0 {
        writeln!(
            out,
            "\nWhat came first is left out: {} steps and commands.",
            record.history.forgotten
        )?;
    }
    for event in record.history.events() {
        match event {
            HistoryEvent::Step(shown) => writeln!(
                out,
                "\n## {}\n\nStep {}, shown at {}.",
                plain(&shown.title),
                literal(&shown.step),
                time(shown.at),
            )?,
            HistoryEvent::Run(run) => {
                let signs = signs.get(usize::from(run.terminal));
                write_run(record, run, signs, out)?;
            }
            HistoryEvent::Check(check) => write_check(check, out)?,
        }
    }
    Ok(())
}

fn write_run(
    record: &Record,
    run: &PastRun,
    signs: Option<&Signs>,
    out: &mut impl Write,
) -> io::Result<()> {
    let name = plain(&run.name);
    let mut terminals = record.terminals.iter();
    let terminal = terminals.find(|terminal| terminal.number == run.terminal);
    let terminal = terminal.map_or("", |terminal| &terminal.name);
    writeln!(out, "\n### {name} in {}\n", literal(terminal))?;
    writeln!(out, "{}\n", state(run))?;
    write_fenced(&run.command, &run.language, out)?;
    let Some(signs) = signs else { return Ok(()) };
    let Some(range) = record.range(run, &signs.view) else {
        return Ok(());
    };
    let excerpt = excerpt::read(signs, &range, LIMITS)?;
    if !excerpt.is_empty() {
        writeln!(out, "\nOutput:\n")?;
        write_fenced(&excerpt.text(), "text", out)?;
    }
    match shortfall(Some(&signs.view)).filter(|_| is_cut(&signs.view, range.end)) {
        Some(why) => writeln!(out, "\n({why}.)")?,
        None if excerpt.is_empty() => writeln!(out, "\nIt printed nothing.")?,
        None => {}
    }
    Ok(())
}

fn write_check(check: &PastCheck, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "\n### {}\n", plain(&check.name))?;
    let at = time(check.at);
    match &check.verdict {
        Verdict::Passed => writeln!(out, "At {at}: **passed**."),
        Verdict::Unknown => writeln!(out, "At {at}: **unknown**."),
        Verdict::Failed { reason, hint } => {
            writeln!(out, "At {at}: **failed**: {}.", plain(reason))?;
            match hint {
                Some(hint) => writeln!(out, "\nHint: {}.", plain(hint)),
                None => Ok(()),
            }
        }
    }
}

/// Whether a recording that has ended lacks what was written before `end`.
fn is_cut(view: &TapeView, end: u64) -> bool {
    view.stopped.is_some() && end >= view.end
}

/// What became of a run, as a sentence.
fn state(run: &PastRun) -> String {
    let began = run.began.or(run.typed).map(|moment| moment.at);
    let took = run.began.zip(run.ended).map(|(began, ended)| {
        let took = ended.at.duration_since(began.at).unwrap_or_default();
        format!(", took {}", duration(took))
    });
    let state = match run.state {
        RunState::Ended(0) if !did_as_expected(run) => "failed".to_owned(),
        RunState::Ended(_) if run.verdict == Some(Verdict::Passed) => "done".to_owned(),
        RunState::Sent if run.verdict == Some(Verdict::Passed) => {
            "sent; its output is as expected".to_owned()
        }
        RunState::Sent if !did_as_expected(run) => "failed".to_owned(),
        RunState::Queued => "queued until the prompt is back".to_owned(),
        RunState::Dropped => "given up before it was typed".to_owned(),
        RunState::Waiting if run.typed.is_none() => "waiting for its terminal".to_owned(),
        RunState::Waiting => "waiting for the shell".to_owned(),
        RunState::Running => "running".to_owned(),
        RunState::Ended(0) => "done".to_owned(),
        RunState::Ended(code) => format!("failed ({code})"),
        RunState::Recorded => "answered from its recording".to_owned(),
        RunState::Sent => "sent; whether it worked can't be known".to_owned(),
    };
    let at = began
        .map(|at| format!("At {}: ", time(at)))
        .unwrap_or_default();
    let mut sentence = format!("{at}**{state}**{}", took.unwrap_or_default());
    let Some(Verdict::Failed { reason, hint }) = &run.verdict else {
        return sentence + ".";
    };
    // The state has the exit code.
    if !matches!(run.state, RunState::Ended(code) if *reason == format!("exit code {code}")) {
        sentence += &format!(": {}", plain(reason));
    }
    sentence += ".";
    if let Some(hint) = hint {
        sentence += &format!("\n\nHint: {}.", plain(hint));
    }
    sentence
}

/// Whether nothing is known against a run.
fn did_as_expected(run: &PastRun) -> bool {
    !matches!(run.verdict, Some(Verdict::Failed { .. }))
}

/// Writes text as a code block that it can't end.
fn write_fenced(text: &str, language: &str, out: &mut impl Write) -> io::Result<()> {
    let fence = "`".repeat(longest_run(text).max(2) + 1);
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "+-_.#".contains(c);
    let language: String = language.chars().filter(|c| is_plain(*c)).take(30).collect();
    let text = text.replace("\r\n", "\n");
    let shown = |c: &char| !c.is_control() || matches!(c, '\n' | '\t');
    let text: String = text.chars().filter(shown).collect();
    writeln!(
        out,
        "{fence}{language}\n{}\n{fence}",
        text.trim_end_matches('\n')
    )
}

/// The length of the longest run of backticks.
fn longest_run(text: &str) -> usize {
    let (mut longest, mut run) = (0, 0);
    for c in text.chars() {
        run = if c == '`' { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    longest
}

/// A name between backticks.
fn literal(text: &str) -> String {
    let text = one_line(text);
    match longest_run(&text) {
        0 => format!("`{text}`"),
        run => {
            let fence = "`".repeat(run + 1);
            format!("{fence} {text} {fence}")
        }
    }
}

/// Text that means nothing to Markdown.
fn plain(text: &str) -> String {
    let mut escaped = String::new();
    for c in one_line(text).chars() {
        if SPECIAL.contains(c) {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

fn one_line(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use pulldown_cmark::{CodeBlockKind, Event, Parser, Tag};

    use super::*;

    fn fenced(text: &str, language: &str) -> String {
        let mut out = Vec::new();
        write_fenced(text, language, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    proptest! {
        #[test]
        fn prop_fenced_text_is_one_code_block_whatever_it_holds(
            text in "([a-z ]{0,5}|`{1,7}|~{3,5}|\n|\t|<b>|\\\\|    ){0,20}",
            language in "[a-z`~ <>]{0,9}",
        ) {
            let text = format!("x{text}");
            let markdown = fenced(&text, &language);
            let events: Vec<_> = Parser::new(&markdown).collect();
            prop_assert!(matches!(
                events.first(),
                Some(Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(_))))
            ));
            let seen: String = events.iter().filter_map(|event| match event {
                Event::Text(text) => Some(&**text),
                _ => None,
            }).collect();
            prop_assert_eq!(seen.trim_end_matches('\n'), text.trim_end_matches('\n'));
            prop_assert!(events.iter().all(|event| !matches!(event, Event::Html(_))));
        }

        #[test]
        fn prop_titles_are_text(title in "[ -~é\n]{0,40}") {
            let heading = format!("# x {}\n", plain(&title));
            let seen: String = Parser::new(&heading).filter_map(|event| match event {
                Event::Text(text) => Some(text.into_string()),
                Event::Code(_) | Event::Html(_) | Event::InlineHtml(_) => Some("markup".to_owned()),
                _ => None,
            }).collect();
            let expected = format!("x {}", one_line(&title));
            prop_assert_eq!(seen.trim(), expected.trim());
        }
    }

    #[test]
    fn names_with_backticks_stay_names() {
        assert_eq!(literal("host"), "`host`");
        assert_eq!(literal("a`b"), "`` a`b ``");
    }
}
