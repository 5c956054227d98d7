//! `katahost inspect`: what the server makes of a scenario.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;
use serde_json::Map;

use super::{
    Failure,
    output::{self, count},
    report,
    source::unpack,
};
use crate::{
    command::State,
    lab::{Folder, Listing, Scan, archive::Unpacked, listing::CoveredFile},
    scenario::{
        Block, Config, Diagnostic, Link, Occasion, Page, TerminalSpec, Unattended,
        page::{Heading, Image},
    },
};

/// Show what katahost makes of a scenario: steps, blocks, links, what is typed and what is wrong
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The scenario's folder, or a file that `katahost export` wrote
    path: PathBuf,
    /// Print everything as JSON
    #[arg(long)]
    json: bool,
}

/// A whole scenario, as the JSON has it.
#[derive(Debug, Serialize)]
struct Report<'a> {
    scenario: String,
    is_scenario: bool,
    terminals: &'a [TerminalSpec],
    /// By name, in the order of the steps.
    steps: Map<String, serde_json::Value>,
    /// What it runs without a click, where there is something.
    unattended: Option<Listing>,
    diagnostics: &'a [Diagnostic],
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
    let archive = unpack(&arguments.path)?;
    let path = archive.as_ref().map_or(&*arguments.path, Unpacked::path);
    let folder = Folder::open(path).map_err(|error| {
        Failure::usage(
            format!(
                "the folder `{}` can't be opened: {error}",
                arguments.path.display()
            ),
            "name a scenario's folder",
        )
    })?;
    if folder.steps().is_empty() {
        return Err(Failure::usage(
            format!("there is no step in `{}`", arguments.path.display()),
            "a scenario's folder holds an `intro.md`",
        ));
    }
    let scan = Scan::new(&folder);
    let report = inspect(&folder, &scan)?;
    if arguments.json {
        output::print_json(&report)?;
    } else {
        output::print(&summary(&report, &scan));
    }
    Ok(())
}

fn inspect<'a>(folder: &Folder, scan: &'a Scan) -> Result<Report<'a>, Failure> {
    let config = &scan.description.config;
    let mut steps = Map::new();
    for page in &scan.pages {
        let report = serde_json::to_value(step_report(page, config));
        let report = report.map_err(|error| Failure::broken(error.to_string()))?;
        steps.insert(page.step.clone(), report);
    }
    Ok(Report {
        scenario: folder.name().to_owned(),
        is_scenario: scan.description.is_scenario,
        terminals: &config.terminals,
        steps,
        unattended: Listing::read(folder, config, None),
        diagnostics: &scan.diagnostics,
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

/// The report for people.
fn summary(report: &Report<'_>, scan: &Scan) -> String {
    let terminals: Vec<&str> = report.terminals.iter().map(|one| one.id.as_str()).collect();
    let mut text = format!(
        "{}: {}, terminals {}\n",
        report.scenario,
        count(report.steps.len(), "step"),
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
            "  {name}: {title} ({}, {}, {} on load)\n",
            count(length("blocks"), "block"),
            count(length("links"), "link"),
            length("on_load")
        );
    }
    text += &report
        .unattended
        .as_ref()
        .map_or_else(String::new, unattended);
    for diagnostic in report.diagnostics {
        let source = scan
            .sources
            .iter()
            .find(|(name, _)| *name == diagnostic.file);
        let source = source.map(|(_, text)| text.as_str());
        text += &report::render(diagnostic, "", source);
    }
    text
}

/// What runs without a click, as the page asks about it.
fn unattended(listing: &Listing) -> String {
    let mut text = format!("runs by itself, as `{}`:\n", listing.hash);
    for item in &listing.items {
        let line = item
            .line
            .map_or_else(String::new, |line| format!(":{line}"));
        text += &format!("  {} ({}{line})\n", occasion(item), item.file);
        let lines = item.text.trim_end().lines();
        text += &lines
            .map(|line| format!("    {}\n", visible(line)))
            .collect::<String>();
    }
    let name = |file: &CoveredFile| {
        let part = if file.whole { "" } else { " (its beginning)" };
        format!("{}{part}", visible(&file.path))
    };
    let files: Vec<String> = listing.files.iter().map(name).collect();
    if !files.is_empty() {
        text += &format!("  with what is in {}\n", files.join(", "));
    }
    text
}

fn occasion(item: &Unattended) -> String {
    let step = visible(&item.step);
    match (item.occasion, &item.terminal) {
        (Occasion::Load, Some(terminal)) => {
            let terminal = visible(terminal);
            format!("when `{step}` is loaded, in `{terminal}`")
        }
        (Occasion::Load, None) => format!("when `{step}` is loaded"),
        (Occasion::Block, _) => format!("a check in `{step}`, after the block before it"),
        (Occasion::Open, _) => format!("a check in `{step}`, again and again"),
    }
}

/// Text without what a terminal would obey, or what would hide a part of it.
fn visible(text: &str) -> String {
    let plain = |letter: char| {
        let hides = matches!(letter, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}')
            || matches!(letter, '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
        match letter {
            '\t' => " ".to_owned(),
            _ if hides || letter.is_control() => letter.escape_unicode().to_string(),
            _ => letter.to_string(),
        }
    };
    text.chars().map(plain).collect()
}
