//! What the program says on its own terminal.

use std::io::{self, Write};

use serde::Serialize;

use super::Failure;

/// Prints text to standard output. A reader that has gone away needs nothing more.
pub(super) fn print(text: &str) {
    write(io::stdout().lock(), text);
}

/// Prints a value as JSON.
pub(super) fn print_json(value: &impl Serialize) -> Result<(), Failure> {
    let json = serde_json::to_string_pretty(value);
    let mut json = json.map_err(|error| Failure::broken(error.to_string()))?;
    json.push('\n');
    print(&json);
    Ok(())
}

/// Prints an error, and what to do about it, to standard error.
pub(super) fn error(message: &str, hint: Option<&str>) {
    let hint = hint
        .map(|hint| format!("hint: {hint}\n"))
        .unwrap_or_default();
    write(io::stderr().lock(), &format!("error: {message}\n{hint}"));
}

/// Prints text to standard error.
pub(super) fn note(text: &str) {
    write(io::stderr().lock(), text);
}

/// Prints a warning to standard error.
pub(super) fn warning(message: &str) {
    write(io::stderr().lock(), &format!("warning: {message}\n"));
}

/// So many of something: `1 step`, `2 steps`.
pub(super) fn count(number: usize, noun: &str) -> String {
    match number {
        1 => format!("1 {noun}"),
        _ => format!("{number} {noun}s"),
    }
}

fn write(mut stream: impl Write, text: &str) {
    if let Err(error) = stream
        .write_all(text.as_bytes())
        .and_then(|()| stream.flush())
    {
        tracing::debug!(%error, "output has gone away");
    }
}
