//! The table as it is printed: each row of katahost's beside its limits and peers.

use std::{
    io::{self, Write, stdout},
    path::Path,
};

use serde_json::{Map, Value, json};

use crate::{
    ROOT,
    figures::{Figures, Row, Subject},
    target::Target,
};

/// The heads of the columns.
const HEADS: [&str; 7] = [
    "what",
    "katahost",
    "beside",
    "its figure",
    "ratio",
    "target",
    "met",
];

/// Where all rounds are written.
const RESULTS: &str = "target/bench-results.json";

#[derive(Debug)]
pub(crate) struct Table<'a> {
    figures: &'a Figures,
}

impl<'a> Table<'a> {
    pub(crate) fn new(figures: &'a Figures) -> Self {
        Self { figures }
    }

    /// Prints the table, `notes`, and all rounds where they are wanted.
    pub(crate) fn print(&self, notes: &str, verbose: bool) -> io::Result<()> {
        let lines: Vec<[String; 7]> = self.figures.rows.iter().flat_map(lines).collect();
        let mut widths = HEADS.map(|head| head.chars().count());
        for line in &lines {
            for (width, cell) in widths.iter_mut().zip(line) {
                *width = (*width).max(cell.chars().count());
            }
        }
        let mut text = String::new();
        push_line(&mut text, &widths, &HEADS.map(str::to_owned));
        let rule = widths.map(|width| "-".repeat(width));
        push_line(&mut text, &widths, &rule);
        for line in &lines {
            push_line(&mut text, &widths, line);
        }
        text.push('\n');
        for missing in &self.figures.missing {
            text.push_str(&format!("*** MISSING: {missing}\n"));
        }
        if verbose {
            for row in &self.figures.rows {
                for subject in &row.subjects {
                    let values: Vec<String> = subject.values.iter().map(|v| figure(*v)).collect();
                    text.push_str(&format!("{} {}: ", row.name, subject.name));
                    text.push_str(&format!("{}\n", values.join(" ")));
                }
            }
        }
        text.push_str(notes);
        stdout().write_all(text.as_bytes())
    }

    /// Writes the values of all rounds.
    pub(crate) fn save(&self, notes: &str) -> io::Result<()> {
        let rows = self.figures.rows.iter().map(|row| {
            let subjects = row.subjects.iter();
            let subjects = subjects.map(|one| (one.name.clone(), json!(one.values)));
            let subjects: Map<String, Value> = subjects.collect();
            (row.name.clone(), Value::Object(subjects))
        });
        let rows: Map<String, Value> = rows.collect();
        let all = json!({ "notes": notes, "missing": self.figures.missing, "rows": rows });
        std::fs::write(Path::new(ROOT).join(RESULTS), format!("{all:#}\n"))
    }
}

fn push_line(text: &mut String, widths: &[usize; 7], cells: &[String; 7]) {
    for (cell, width) in cells.iter().zip(widths) {
        text.push_str(&format!("| {cell:<width$} "));
    }
    text.push_str("|\n");
}

/// The lines of one row: one for each subject beside katahost, whose own figure stands in the first.
fn lines(row: &Row) -> Vec<[String; 7]> {
    let own = row.subject("katahost");
    let target = Target::of(row);
    let others: Vec<&Subject> = row
        .subjects
        .iter()
        .filter(|one| one.name != "katahost")
        .collect();
    let mut name = row.name.replacen('/', ": ", 1);
    let mut lines = Vec::new();
    for index in 0..others.len().max(1) {
        let other = others.get(index);
        let ratio = own
            .zip(other.copied())
            .and_then(|(own, other)| own.ratio_to(other));
        // A bound for katahost alone stands beside its own figure.
        let judged = target.filter(|target| match target.peer() {
            None => index == 0,
            Some(peer) => other.is_some_and(|other| other.name == peer),
        });
        let met = judged.and_then(|target| target.is_met(row));
        lines.push([
            std::mem::take(&mut name),
            own.filter(|_| index == 0).map(spread).unwrap_or_default(),
            other.map(|other| other.name.clone()).unwrap_or_default(),
            other.map(|other| spread(other)).unwrap_or_default(),
            ratio
                .filter(|ratio| ratio.is_finite())
                .map(|ratio| format!("{ratio:.2}"))
                .unwrap_or_default(),
            judged.map(Target::text).unwrap_or_default(),
            met.map(|met| if met { "yes" } else { "NO" }.to_owned())
                .unwrap_or_default(),
        ]);
    }
    lines
}

/// The median, and what the rounds lay between.
fn spread(subject: &Subject) -> String {
    let (median, least, most) = subject.summary();
    if subject.values.len() == 1 {
        return figure(median);
    }
    format!("{} ({} – {})", figure(median), figure(least), figure(most))
}

/// A figure with as many digits as it deserves.
fn figure(value: f64) -> String {
    if value.abs() >= 100.0 {
        format!("{value:.0}")
    } else if value.abs() >= 10.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.2}")
    }
}
