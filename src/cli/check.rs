//! `katahost check`: what is wrong with a scenario, as a compiler says it.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::{
    Failure, Outcome,
    output::{self, count},
    report,
    source::Source,
};
use crate::{
    lab::{Folder, Scan, fix::mend},
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
    katahost check . --fix           mends what leaves no doubt\n  \
    katahost check . --json | jq     for editors and CI")]
pub(super) struct Arguments {
    /// A scenario's folder, a folder of such folders, or a file that `katahost export` wrote
    path: PathBuf,
    /// Print an array of {severity, code, message, file, line, column, endLine, endColumn, hint,
    /// fix}, of which all from `line` on may be null. Lines and columns count from 1, columns in
    /// characters, and an end is behind the last one. `fix` is {line, column, endLine, endColumn,
    /// newText}
    #[arg(long)]
    json: bool,
    /// Mend what leaves no doubt, say which lines changed, and check again: links to steps and
    /// files that differ in case, steps with one near name, limits that are numbers in quotes
    #[arg(long, conflicts_with = "json")]
    fix: bool,
}

/// A diagnostic as the JSON has it: with the scenario's folder before the file, where there are
/// several.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry<'a> {
    severity: Severity,
    code: &'static str,
    message: &'a str,
    file: String,
    line: Option<usize>,
    column: Option<usize>,
    end_line: Option<usize>,
    end_column: Option<usize>,
    hint: Option<&'a str>,
    fix: Option<Fix>,
}

/// What an editor may do about it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Fix {
    line: usize,
    column: usize,
    end_line: usize,
    end_column: usize,
    new_text: String,
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
    if arguments.fix {
        if source.is_archive() {
            let message = "an archive is not mended";
            return Err(Failure::usage(
                message,
                "mend its folder, and export it again",
            ));
        }
        for folder in library.scenarios() {
            fix(folder, single)?;
        }
    }
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
    Ok(if found(&checked, Severity::Error) > 0 {
        Outcome::Faults
    } else {
        Outcome::Done
    })
}

/// What stands before the names of a scenario's files.
fn prefix_of(folder: &Folder, single: bool) -> String {
    if single {
        String::new()
    } else {
        format!("{}/", folder.name())
    }
}

/// Mends a scenario, and prints the lines that changed.
fn fix(folder: &Folder, single: bool) -> Result<(), Failure> {
    let changes = mend(folder, &Scan::new(folder)).map_err(|error| {
        Failure::broken(format!("`{}` can't be mended: {error}", folder.name()))
    })?;
    let prefix = prefix_of(folder, single);
    for change in changes {
        output::print(&format!(
            "fixed: {prefix}{}:{}\n  - {}\n  + {}\n\n",
            change.file, change.line, change.before, change.after
        ));
    }
    Ok(())
}

fn check(folder: &Folder, single: bool) -> Checked {
    Checked {
        prefix: prefix_of(folder, single),
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
    let line = checked.scan.line(found);
    let underlined = line.and_then(|line| found.underlined(line));
    let fix = checked.scan.fix(found).map(|edit| Fix {
        line: edit.place.line,
        column: edit.place.column,
        end_line: edit.place.line,
        end_column: edit.place.column + edit.width,
        new_text: edit.text,
    });
    Entry {
        severity: found.severity,
        code: found.code,
        message: &found.message,
        file: format!("{}{}", checked.prefix, found.file),
        line: found.line,
        column: found.column,
        end_line: underlined.and(found.line),
        end_column: underlined.map(|(start, width)| start + width + 1),
        hint: found.hint.as_deref(),
        fix,
    }
}

/// Everything for people.
fn text(checked: &[Checked]) -> String {
    let mut text = String::new();
    for Checked { prefix, scan } in checked {
        for found in &scan.diagnostics {
            text += &report::render(found, prefix, scan.source(&found.file));
            text.push('\n');
        }
    }
    let pages: usize = checked.iter().map(|one| one.scan.pages.len()).sum();
    let (errors, warnings) = (
        found(checked, Severity::Error),
        found(checked, Severity::Warning),
    );
    text += &format!(
        "{}, {}: {}\n",
        count(checked.len(), "scenario"),
        count(pages, "step"),
        report::sum(errors, warnings)
    );
    text
}

fn found(checked: &[Checked], severity: Severity) -> usize {
    let all = checked.iter().flat_map(|one| &one.scan.diagnostics);
    all.filter(|found| found.severity == severity).count()
}
