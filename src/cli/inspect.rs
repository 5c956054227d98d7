//! `katahost inspect`: what the server makes of a scenario.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;
use serde_json::Map;

use super::{Failure, output};
use crate::{
    command::State,
    lab::{Folder, folder::StepError},
    scenario::{
        Block, Config, Diagnostic, Link, Page, Severity, TerminalSpec, link,
        page::{Heading, Image},
    },
};

/// Show what katahost makes of a scenario: steps, blocks, links, what is typed and what is wrong
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The scenario's folder
    path: PathBuf,
    /// Print everything as JSON
    #[arg(long)]
    json: bool,
}

/// A whole scenario, as the JSON has it.
#[derive(Debug, Serialize)]
struct Report {
    scenario: String,
    is_scenario: bool,
    terminals: Vec<TerminalSpec>,
    /// By name, in the order of the steps.
    steps: Map<String, serde_json::Value>,
    diagnostics: Vec<Diagnostic>,
}

/// One step of it.
#[derive(Debug, Serialize)]
struct Step<'a> {
    title: &'a str,
    blocks: &'a [Block],
    links: &'a [Link],
    images: &'a [Image],
    headings: &'a [Heading],
    tables: usize,
    details: usize,
    on_load: Vec<Typed>,
    text: &'a str,
    html: &'a str,
}

/// What is typed into a terminal.
#[derive(Debug, Serialize)]
struct Typed {
    terminal: String,
    types: String,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let folder = Folder::open(&arguments.path).map_err(|error| {
        Failure::usage(
            format!(
                "the folder `{}` can't be opened: {error}",
                arguments.path.display()
            ),
            "name a scenario's folder",
        )
    })?;
    let steps = folder.steps();
    if steps.is_empty() {
        return Err(Failure::usage(
            format!("there is no step in `{}`", arguments.path.display()),
            "a scenario's folder holds an `intro.md`",
        ));
    }
    let report = report(&folder, &steps)?;
    if arguments.json {
        let json = serde_json::to_string_pretty(&report);
        output::print(&json.map_err(|error| Failure::broken(error.to_string()))?);
        output::print("\n");
    } else {
        output::print(&summary(&report));
    }
    Ok(())
}

fn report(folder: &Folder, steps: &[String]) -> Result<Report, Failure> {
    let description = folder.describe();
    let names: Vec<&str> = steps.iter().map(String::as_str).collect();
    let mut diagnostics = description.diagnostics;
    let mut reports = Map::new();
    for step in steps {
        let markdown = match folder.read_step(step) {
            Ok(markdown) => markdown,
            Err(error) => {
                diagnostics.push(unreadable(step, &error));
                continue;
            }
        };
        let page = Page::parse(step, &markdown, &description.config);
        let report = serde_json::to_value(step_report(&page, &description.config));
        reports.insert(
            step.clone(),
            report.map_err(|error| Failure::broken(error.to_string()))?,
        );
        diagnostics.extend(link::check_links(&page, &names));
        diagnostics.extend(page.diagnostics);
    }
    Ok(Report {
        scenario: folder.name().to_owned(),
        is_scenario: description.is_scenario,
        terminals: description.config.terminals,
        steps: reports,
        diagnostics,
    })
}

fn step_report<'a>(page: &'a Page, config: &Config) -> Step<'a> {
    Step {
        title: &page.title,
        blocks: &page.blocks,
        links: &page.links,
        images: &page.images,
        headings: &page.headings,
        tables: page.tables,
        details: page.details,
        on_load: on_load(&page.step, config),
        text: &page.text,
        html: &page.html,
    }
}

/// What a fresh lab types when it loads the step.
fn on_load(step: &str, config: &Config) -> Vec<Typed> {
    let mut state = State::new(config.clone());
    let mut typed = Vec::new();
    for invocation in config.on_load(step) {
        if state.admit(invocation).is_err() {
            continue;
        }
        state.count(invocation);
        typed.extend(invocation.keystrokes().into_iter().map(|keys| Typed {
            terminal: invocation.terminal.clone(),
            types: String::from_utf8_lossy(&keys).into_owned(),
        }));
    }
    typed
}

fn unreadable(step: &str, error: &StepError) -> Diagnostic {
    Diagnostic {
        severity: Severity::Error,
        code: "unreadable-step",
        message: error.to_string(),
        file: format!("{step}.md"),
        line: None,
        hint: None,
    }
}

/// The report for people.
fn summary(report: &Report) -> String {
    let terminals: Vec<&str> = report.terminals.iter().map(|one| one.id.as_str()).collect();
    let mut text = format!(
        "{}: {} steps, terminals {}\n",
        report.scenario,
        report.steps.len(),
        terminals.join(", ")
    );
    for (name, step) in &report.steps {
        let length = |key: &str| {
            step.get(key)
                .and_then(|list| list.as_array())
                .map_or(0, Vec::len)
        };
        let title = step
            .get("title")
            .and_then(|title| title.as_str())
            .unwrap_or_default();
        text += &format!(
            "  {name}: {title} ({} blocks, {} links, {} on load)\n",
            length("blocks"),
            length("links"),
            length("on_load")
        );
    }
    for diagnostic in &report.diagnostics {
        let severity = match diagnostic.severity {
            Severity::Warning => "warning",
            Severity::Error => "error",
        };
        let line = diagnostic
            .line
            .map(|line| format!(":{line}"))
            .unwrap_or_default();
        text += &format!(
            "{severity}: {}\n  --> {}{line}\n",
            diagnostic.message, diagnostic.file
        );
        if let Some(hint) = &diagnostic.hint {
            text += &format!("  hint: {hint}\n");
        }
    }
    text
}
