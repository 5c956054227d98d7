//! Mends a scenario's files, where what is wrong leaves no doubt.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Write},
};

use super::{folder::Folder, replacement::Replacement, scan::Scan};
use crate::scenario::fix::Edit;

/// A line that was mended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The file, relative to the scenario.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// How it was.
    pub before: String,
    /// How it is.
    pub after: String,
}

/// Mends what `scan` found, and says what was changed. Nothing else of a file is touched, and none
/// that has changed since or that is not UTF-8.
///
/// # Errors
///
/// A file can't be read or written.
pub fn mend(folder: &Folder, scan: &Scan) -> io::Result<Vec<Change>> {
    let mut edits: BTreeMap<&str, Vec<Edit>> = BTreeMap::new();
    for found in &scan.diagnostics {
        let of_file = edits.entry(&found.file).or_default();
        of_file.extend(scan.fix(found).filter(|edit| !of_file.contains(edit)));
    }
    let mut changes = Vec::new();
    for (file, mut edits) in edits {
        let source = scan.source(file).unwrap_or_default();
        let Some(path) = folder.part(file).filter(|_| !edits.is_empty()) else {
            continue;
        };
        if fs::read(&path)? != source.as_bytes() {
            continue;
        }
        // From the end of a line to its beginning, so that no edit moves the next one.
        edits.sort_by_key(|edit| std::cmp::Reverse(edit.place));
        let mut lines: Vec<String> = source.split_inclusive('\n').map(str::to_owned).collect();
        for edit in edits {
            if let Some(line) = lines.get_mut(edit.place.line.saturating_sub(1)) {
                let after = edit.apply(line);
                changes.push(Change {
                    file: file.to_owned(),
                    line: edit.place.line,
                    before: line.trim_end().to_owned(),
                    after: after.trim_end().to_owned(),
                });
                *line = after;
            }
        }
        let mut mended = Replacement::beside(&path)?;
        mended.write_all(lines.concat().as_bytes())?;
        mended.take_place()?;
    }
    Ok(changes)
}
