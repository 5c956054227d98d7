//! The recordings of a scenario's blocks, in its folder.

use std::{
    fs::{self, File, Permissions},
    io::{self, Read, Write},
    os::unix::fs::PermissionsExt,
};

use super::folder::Folder;
use crate::{
    scenario::{
        Block, Diagnostic, Page,
        recording::{FOLDER, Header, MAX_BYTES, Recording, block_of, path_of},
    },
    terminal::Film,
};

/// How much of a recording is read to know of what it is one.
const HEADER_BYTES: u64 = 16 * 1024;

/// Marks the blocks of a page of which the folder has recordings.
pub(super) fn note(folder: &Folder, page: &mut Page) {
    if !has_any(folder) {
        return;
    }
    for block in &mut page.blocks {
        let header = || header(folder, &path_of(&page.step, block.index));
        let command = &block.invocation.command;
        block.recorded =
            block.invocation.executable && header().is_some_and(|header| header.is_of(command));
    }
}

/// The recording of a block, where there is one that can be read.
pub(super) fn read(folder: &Folder, step: &str, block: usize) -> Option<Recording> {
    let file = File::open(folder.asset(&path_of(step, block))?).ok()?;
    let mut text = String::new();
    let limit = u64::try_from(MAX_BYTES).unwrap_or(u64::MAX);
    file.take(limit + 1).read_to_string(&mut text).ok()?;
    (text.len() <= MAX_BYTES).then_some(())?;
    Recording::parse(&text)
        .inspect_err(|error| tracing::warn!(step, block, %error, "recording can't be read"))
        .ok()
}

/// A recording as a terminal shows it.
pub(super) fn film_of(recording: &Recording) -> Film {
    let pieces = recording.pieces.iter();
    Film::new(
        recording.header.title.clone(),
        pieces.map(|(at, text)| (*at, text.as_str())),
    )
}

/// Keeps a recording in the scenario's folder, in place of an older one, as a whole or not at all.
///
/// # Errors
///
/// The folder can't be written to, or the way to the file leads out of it.
pub fn keep(folder: &Folder, recording: &Recording) -> io::Result<()> {
    let subject = &recording.header.katahost;
    let file = folder.root().join(path_of(&subject.step, subject.block));
    let beside = file.parent().unwrap_or(folder.root());
    fs::create_dir_all(beside)?;
    if !beside.canonicalize()?.starts_with(folder.root()) {
        let message = format!("`{FOLDER}` leads out of the lab's folder");
        return Err(io::Error::other(message));
    }
    let mut written = tempfile::Builder::new()
        .permissions(Permissions::from_mode(0o644))
        .tempfile_in(beside)?;
    written.write_all(recording.to_text().as_bytes())?;
    written.persist(file).map_err(|error| error.error)?;
    Ok(())
}

/// Recordings of what the pages do not say any more.
pub(super) fn stale(folder: &Folder, files: &[String], pages: &[Page]) -> Vec<Diagnostic> {
    let recordings = files
        .iter()
        .filter_map(|path| Some((path, block_of(path)?)));
    let judged = recordings.filter_map(|(path, (step, index))| {
        let page = pages.iter().find(|page| page.step == step);
        let block = page.and_then(|page| page.blocks.get(index));
        let header = header(folder, path);
        let (message, hint) = match (block, header) {
            (_, None) => (
                "this is no recording".to_owned(),
                "remove it, or make it anew with `katahost test --record`",
            ),
            (None, _) => (
                format!("there is no block {index} in `{step}` any more"),
                "remove it, or move it to where its block is now",
            ),
            (Some(block), Some(header)) if !is_current(block, &header) => (
                format!("the text of block {index} of `{step}` has changed since it was recorded"),
                "it is not played; make it anew with `katahost test --record`",
            ),
            _ => return None,
        };
        Some(Diagnostic::warning("stale-recording", path, message).with_hint(hint))
    });
    judged.collect()
}

fn is_current(block: &Block, header: &Header) -> bool {
    block.invocation.executable && header.is_of(&block.invocation.command)
}

fn has_any(folder: &Folder) -> bool {
    folder.root().join(FOLDER).is_dir()
}

fn header(folder: &Folder, path: &str) -> Option<Header> {
    let file = File::open(folder.asset(path)?).ok()?;
    let mut head = Vec::new();
    file.take(HEADER_BYTES).read_to_end(&mut head).ok()?;
    let line = head.split(|byte| *byte == b'\n').next()?;
    Header::read(std::str::from_utf8(line).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{
        Config,
        config::ConfigFiles,
        recording::{Subject, hash_of},
    };

    fn recording(command: &str) -> Recording {
        Recording {
            header: Header {
                version: 2,
                width: 80,
                height: 24,
                timestamp: 0,
                title: "intro".to_owned(),
                katahost: Subject {
                    step: "sub/intro".to_owned(),
                    block: 0,
                    command_hash: hash_of(command),
                    exit_code: Some(0),
                },
            },
            pieces: Vec::new(),
        }
    }

    #[test]
    fn block_has_a_recording_until_its_text_changes() {
        let temp = tempfile::tempdir().unwrap();
        let folder = Folder::open(temp.path()).unwrap();
        let (config, _) = Config::read(ConfigFiles::default());
        let parse = || Page::parse("sub/intro", "```\nls\n```\n", &config);
        let noted = || {
            let mut page = parse();
            note(&folder, &mut page);
            page.blocks[0].recorded
        };
        assert!(!noted());
        keep(&folder, &recording("ls\n")).unwrap();
        assert!(noted());
        assert!(read(&folder, "sub/intro", 0).is_some());
        let files = ["recordings/sub/intro.0.cast".to_owned()];
        assert_eq!(stale(&folder, &files, &[parse()]), []);
        keep(&folder, &recording("rm\n")).unwrap();
        assert!(!noted());
        let found = stale(&folder, &files, &[parse()]);
        assert_eq!(found[0].code, "stale-recording");
        assert_eq!(stale(&folder, &files, &[]).len(), 1);
    }

    #[test]
    fn recording_is_not_written_out_of_the_folder() {
        let (temp, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let folder = Folder::open(temp.path()).unwrap();
        std::os::unix::fs::symlink(other.path(), temp.path().join(FOLDER)).unwrap();
        assert!(keep(&folder, &recording("ls\n")).is_err());
        assert_eq!(
            fs::read_dir(other.path())
                .unwrap()
                .flatten()
                .filter(|entry| entry.path().is_file())
                .count(),
            0
        );
    }
}
