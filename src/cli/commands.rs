//! `katahost commands`: what can be executed on a lab.

use clap::Args;
use serde::Serialize;

use super::{Failure, output};
use crate::command::{Role, registry::REGISTRY};

/// List the commands of a lab: ids, arguments, and who may execute them
///
/// A page's links and blocks execute them, and so does `katahost exec`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Print an array of {id, title, arguments, role, forPages}
    #[arg(long)]
    json: bool,
}

/// A command, as the JSON has it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    id: &'static str,
    title: &'static str,
    arguments: &'static str,
    role: &'static str,
    for_pages: bool,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let entries: Vec<Entry> = REGISTRY
        .iter()
        .map(|command| Entry {
            id: command.id,
            title: command.title,
            arguments: command.arguments,
            role: match command.role {
                Role::Viewer => "viewer",
                Role::Remote => "remote",
                Role::Guest => "guest",
                Role::Driver => "driver",
            },
            for_pages: command.for_pages,
        })
        .collect();
    if arguments.json {
        return output::print_json(&entries);
    }
    output::print(&table(&entries));
    Ok(())
}

/// The commands for people, in columns.
fn table(entries: &[Entry]) -> String {
    let id = width(entries, |entry| entry.id);
    let title = width(entries, |entry| entry.title);
    let mut text = format!("{:id$}  {:title$}  ROLE    ARGUMENTS\n", "COMMAND", "DOES");
    for entry in entries {
        text += &format!(
            "{:id$}  {:title$}  {:6}  {}\n",
            entry.id, entry.title, entry.role, entry.arguments
        );
    }
    text
}

fn width(entries: &[Entry], column: fn(&Entry) -> &str) -> usize {
    let lengths = entries.iter().map(|entry| column(entry).chars().count());
    lengths.max().unwrap_or_default()
}
