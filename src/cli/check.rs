//! `katahost check`: what is wrong with a scenario, as a compiler says it.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::{Failure, Outcome, output, report, source::Source};
use crate::{
    lab::{Folder, Scan},
    scenario::{Diagnostic, Severity},
};

/// Find the mistakes of a scenario, or of all scenarios in a folder
///
/// Errors are what does not work for the learner: dead links, missing images, a config that can't
/// be read. Warnings are what is probably not meant: unknown terminals, commands that never run,
/// steps that no link leads to, HTML that is removed.
///
/// The exit code is 0 without errors, 1 with errors, 2 where there is no scenario to check.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    katahost check .                 the scenario in this folder\n  \
    katahost check labs/             every scenario in a folder of scenarios\n  \
    katahost check . --json | jq     for editors and CI")]
pub(super) struct Arguments {
    /// A scenario's folder, a folder of such folders, or a file that `katahost export` wrote
    path: PathBuf,
    /// Print an array of {severity, code, message, file, line, column, hint}
    #[arg(long)]
    json: bool,
}

/// A diagnostic as the JSON has it: with the scenario's folder before the file, where there are
/// several.
#[derive(Debug, Serialize)]
struct Entry<'a> {
    severity: Severity,
    code: &'static str,
    message: &'a str,
    file: String,
    line: Option<usize>,
    column: Option<usize>,
    hint: Option<&'a str>,
}

/// A scenario that was read, and what stands before its files' names.
struct Checked {
    prefix: String,
    scan: Scan,
}

pub(super) fn run(arguments: &Arguments) -> Result<Outcome, Failure> {
    let source = Source::open(&arguments.path)?;
    let library = &source.library;
    let single = library.single().is_some();
    let checked: Vec<Checked> = library
        .scenarios()
        .iter()
        .map(|folder| check(folder, single))
        .collect();
    if arguments.json {
        print_json(&checked)?;
    } else {
        output::print(&text(&checked));
    }
    Ok(if count(&checked, Severity::Error) > 0 {
        Outcome::Faults
    } else {
        Outcome::Done
    })
}

fn check(folder: &Folder, single: bool) -> Checked {
    let prefix = if single {
        String::new()
    } else {
        format!("{}/", folder.name())
    };
    Checked {
        prefix,
        scan: Scan::new(folder),
    }
}

fn print_json(checked: &[Checked]) -> Result<(), Failure> {
    let entries: Vec<Entry<'_>> = checked
        .iter()
        .flat_map(|one| one.scan.diagnostics.iter().map(|found| entry(one, found)))
        .collect();
    output::print_json(&entries)
}

fn entry<'a>(checked: &Checked, found: &'a Diagnostic) -> Entry<'a> {
    Entry {
        severity: found.severity,
        code: found.code,
        message: &found.message,
        file: format!("{}{}", checked.prefix, found.file),
        line: found.line,
        column: found.column,
        hint: found.hint.as_deref(),
    }
}

/// Everything for people.
fn text(checked: &[Checked]) -> String {
    let mut text = String::new();
    for Checked { prefix, scan } in checked {
        for found in &scan.diagnostics {
            let source = scan.sources.iter().find(|(name, _)| *name == found.file);
            let source = source.map(|(_, text)| text.as_str());
            text += &report::render(found, prefix, source);
            text.push('\n');
        }
    }
    let pages: usize = checked.iter().map(|one| one.scan.pages.len()).sum();
    let scenarios = match checked.len() {
        1 => "1 scenario".to_owned(),
        many => format!("{many} scenarios"),
    };
    let (errors, warnings) = (
        count(checked, Severity::Error),
        count(checked, Severity::Warning),
    );
    let steps = if pages == 1 {
        "1 step"
    } else {
        &format!("{pages} steps")
    };
    text += &format!(
        "{scenarios}, {steps}: {}\n",
        report::count(errors, warnings)
    );
    text
}

fn count(checked: &[Checked], severity: Severity) -> usize {
    let all = checked.iter().flat_map(|one| &one.scan.diagnostics);
    all.filter(|found| found.severity == severity).count()
}
