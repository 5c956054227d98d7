//! The table as it is printed: a line a subject, katahost's first, each beside what it is judged by.

use std::{
    io::{self, Write, stdout},
    time::Duration,
};

use crate::figures::{Figures, Row, Subject};

/// The heads of the columns.
const HEADS: [&str; 5] = ["what", "who", "median", "min – max", "katahost ÷ this"];

#[derive(Debug)]
pub(crate) struct Table<'a> {
    figures: &'a Figures,
}

impl<'a> Table<'a> {
    pub(crate) fn new(figures: &'a Figures) -> Self {
        Self { figures }
    }

    pub(crate) fn print(
        &self,
        rounds: usize,
        load_before: &str,
        load_after: &str,
        took: Duration,
    ) -> io::Result<()> {
        let lines: Vec<[String; 5]> = self.figures.rows.iter().flat_map(lines).collect();
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
        text.push_str(&format!(
            "{rounds} interleaved rounds, {} s; ratios are medians of those within a round.\n\
             Load average before: {load_before}; after: {load_after}.\n",
            took.as_secs()
        ));
        stdout().write_all(text.as_bytes())
    }
}

fn push_line(text: &mut String, widths: &[usize; 5], cells: &[String; 5]) {
    for (cell, width) in cells.iter().zip(widths) {
        text.push_str(&format!("| {cell:<width$} "));
    }
    text.push_str("|\n");
}

/// The lines of one row: its name stands in the first only.
fn lines(row: &Row) -> Vec<[String; 5]> {
    let own = row.subjects.iter().find(|one| one.name == "katahost");
    let others = row.subjects.iter().filter(|one| one.name != "katahost");
    let mut name = row.name.replacen('/', ": ", 1);
    own.into_iter()
        .chain(others)
        .map(|subject| {
            let (median, least, most) = subject.summary();
            let spread = if subject.values.len() > 1 {
                format!("{} – {}", figure(least), figure(most))
            } else {
                String::new()
            };
            let ratio = own.and_then(|own| ratio(own, subject)).unwrap_or_default();
            [
                std::mem::take(&mut name),
                subject.name.clone(),
                figure(median),
                spread,
                ratio,
            ]
        })
        .collect()
}

fn ratio(own: &Subject, other: &Subject) -> Option<String> {
    if own.name == other.name {
        return None;
    }
    own.ratio_to(other).map(|ratio| format!("{ratio:.2}"))
}

/// A figure with as many digits as it deserves.
fn figure(value: f64) -> String {
    if value >= 100.0 {
        format!("{value:.0}")
    } else if value >= 10.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.2}")
    }
}
