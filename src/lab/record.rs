//! What there is to take away from a lab: a transcript, and a recording of each terminal.

mod cast;
mod date;
mod excerpt;
mod transcript;

use std::{
    collections::HashSet,
    fs::File,
    io::{self, BufWriter, Write},
    ops::Range,
    sync::Arc,
    time::SystemTime,
};

use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

use self::excerpt::Limits;
use super::{
    event::{BlockPlace, RunState, TerminalView},
    folder::Folder,
    history::{History, PastRun},
};
use crate::terminal::recorder::{MAX_TAPE_BYTES, Recorder, Signs, Stopped, TapeView};

/// How much of one block's output somebody may copy: more than any page or mail takes.
const COPY_LIMITS: Limits = Limits {
    lines: 5_000,
    bytes: 512 * 1024,
};

/// The name of the transcript within an archive.
const TRANSCRIPT: &str = "transcript.md";

/// All that happened in one run of a lab, as it was when it was asked for. Reading it takes time
/// and files, so that it belongs on a thread that may wait.
#[derive(Debug)]
pub struct Record {
    pub(super) folder: Folder,
    pub(super) began: SystemTime,
    /// Those that there are, in the order in which they are shown, and then those that are gone.
    pub(super) terminals: Vec<TerminalView>,
    pub(super) history: History,
    /// None where nothing is recorded.
    pub(super) recorder: Option<Arc<Recorder>>,
}

/// Why there is no output of a block to be read.
#[derive(Debug, thiserror::Error)]
pub enum NoOutput {
    /// The block has not run.
    #[error("this block has not run since the lab began")]
    NotRun,
    /// Nothing is recorded.
    #[error("this lab is not recorded")]
    NotRecorded,
    /// The recording had ended before.
    #[error("the recording of this terminal had ended before")]
    Ended,
    /// The recording can't be read.
    #[error("the recording can't be read: {0}")]
    Unreadable(#[from] io::Error),
}

impl Record {
    /// The scenario's name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.folder.name()
    }

    /// The files that [`Record::write_cast`] gives, by terminal.
    #[must_use]
    pub fn cast_names(&self) -> Vec<String> {
        let mut taken = HashSet::new();
        let name = |terminal: &TerminalView| {
            let plain = plain_name(&terminal.id);
            let mut name = plain.clone();
            for number in 2.. {
                // Some systems tell no capitals from small letters.
                if taken.insert(name.to_lowercase()) {
                    break;
                }
                name = format!("{plain}-{number}");
            }
            name + ".cast"
        };
        self.terminals.iter().map(name).collect()
    }

    /// Writes the transcript, in Markdown.
    ///
    /// # Errors
    ///
    /// A recording can't be read, or `out` not be written.
    pub fn write_transcript(&self, out: &mut impl Write) -> io::Result<()> {
        transcript::write(self, out)
    }

    /// Writes the recording of one terminal, of those that [`Record::cast_names`] names, as an
    /// asciicast; returns whether there is such a terminal.
    ///
    /// # Errors
    ///
    /// The recording can't be read, or `out` not be written.
    pub fn write_cast(&self, terminal: usize, out: &mut impl Write) -> io::Result<bool> {
        match self.terminals.get(terminal) {
            Some(view) => {
                let tapes = self.views();
                let tape = tapes.get(usize::from(view.number));
                cast::write(self, view, tape, out).map(|()| true)
            }
            None => Ok(false),
        }
    }

    /// Writes an archive of the transcript, of all recordings, and of one more file, of this name
    /// and text, where there is one.
    ///
    /// # Errors
    ///
    /// A recording can't be read, or the file not be written.
    pub fn write_archive(&self, more: Option<(&str, &str)>, file: &mut File) -> io::Result<()> {
        let mut archive = ZipWriter::new(file);
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Deflated)
            .unix_permissions(0o644);
        archive.start_file(TRANSCRIPT, options)?;
        // Spares the packer small pieces.
        let mut out = BufWriter::new(&mut archive);
        transcript::write(self, &mut out)?;
        out.flush()?;
        drop(out);
        if let Some((name, text)) = more {
            archive.start_file(name, options)?;
            archive.write_all(text.as_bytes())?;
        }
        let views = self.views();
        for (view, name) in self.terminals.iter().zip(self.cast_names()) {
            archive.start_file(name, options)?;
            let mut out = BufWriter::new(&mut archive);
            cast::write(self, view, views.get(usize::from(view.number)), &mut out)?;
            out.flush()?;
        }
        archive.finish()?;
        Ok(())
    }

    /// What the last run of a block has printed, as a person saw it.
    ///
    /// # Errors
    ///
    /// There is nothing to be read.
    pub fn output(&self, step: &str, block: usize) -> Result<String, NoOutput> {
        let is_it = |place: &BlockPlace| *place.step == *step && place.index == block;
        let mut runs = self.history.runs().rev();
        let run = runs.find(|run| run.block.as_ref().is_some_and(is_it));
        let run = run.ok_or(NoOutput::NotRun)?;
        let recorder = self.recorder.as_ref().ok_or(NoOutput::NotRecorded)?;
        let views = recorder.views();
        let view = views.get(usize::from(run.terminal));
        let view = view.ok_or(NoOutput::NotRecorded)?;
        let range = self.range(run, view).ok_or(NoOutput::NotRun)?;
        if view.stopped.is_some() && range.start >= view.end {
            return Err(NoOutput::Ended);
        }
        let excerpt = excerpt::read(&view.signs()?, &range, COPY_LIMITS)?;
        Ok(excerpt.text())
    }

    fn views(&self) -> Vec<TapeView> {
        self.recorder
            .as_ref()
            .map(|recorder| recorder.views())
            .unwrap_or_default()
    }

    fn signs(&self) -> io::Result<Vec<Signs>> {
        self.views().iter().map(TapeView::signs).collect()
    }

    /// Where a run's output is in its terminal's; nothing for one that was never typed. A run that
    /// nobody saw the end of reaches to the next one.
    fn range(&self, run: &PastRun, view: &TapeView) -> Option<Range<u64>> {
        let start = begin(run)?;
        let end = match (run.ended, run.state) {
            (Some(moment), _) => moment.offset,
            (None, RunState::Running) => view.end,
            (None, _) => {
                let runs = self.history.runs();
                let mut later = runs
                    .skip_while(|one| !one.is(run))
                    .skip(1)
                    .filter(|one| one.terminal == run.terminal);
                later.find_map(begin).unwrap_or(view.end)
            }
        };
        Some(start..end.max(start))
    }
}

fn begin(run: &PastRun) -> Option<u64> {
    run.began.or(run.typed).map(|moment| moment.offset)
}

/// Why a terminal's recording is not whole, in words; nothing where it is.
fn shortfall(view: Option<&TapeView>) -> Option<String> {
    match view {
        None => Some("nothing is recorded, as the server was told to".to_owned()),
        Some(view) => view.stopped.map(|why| match why {
            Stopped::Full => format!(
                "the recording ends here: more than {} MiB are not kept of one terminal",
                MAX_TAPE_BYTES / (1024 * 1024)
            ),
            Stopped::Failed => "the recording ends here: it could not be written".to_owned(),
        }),
    }
}

/// Letters, digits and a few signs alone, which any file and any header may be named by.
#[must_use]
pub fn plain(name: &str) -> String {
    let plain = |c: char| {
        if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') {
            c
        } else {
            '-'
        }
    };
    name.chars().map(plain).collect()
}

/// A name that any system takes for a file.
fn plain_name(id: &str) -> String {
    let name: String = plain(id).chars().take(80).collect();
    match name.trim_matches('.') {
        "" => "terminal".to_owned(),
        name => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn archive_has_no_empty_file_in_place_of_one_that_nobody_could_give() {
        let temp = tempfile::tempdir().unwrap();
        std::fs::write(temp.path().join("intro.md"), "# Lab").unwrap();
        let record = Record {
            folder: Folder::open(temp.path()).unwrap(),
            began: SystemTime::now(),
            terminals: Vec::new(),
            history: History::default(),
            recorder: None,
        };
        for (more, wanted) in [
            (Some(("more.json", "{}")), &[TRANSCRIPT, "more.json"][..]),
            (None, &[TRANSCRIPT]),
        ] {
            let mut file = tempfile::tempfile().unwrap();
            record.write_archive(more, &mut file).unwrap();
            let archive = zip::ZipArchive::new(file).unwrap();
            assert_eq!(archive.file_names().collect::<Vec<_>>(), wanted);
        }
    }

    #[test]
    fn names_of_files_are_plain() {
        for (id, name) in [
            ("host", "host"),
            ("../etc/passwd", "-etc-passwd"),
            ("..", "terminal"),
            ("日本", "--"),
            ("a b", "a-b"),
        ] {
            assert_eq!(plain_name(id), name);
        }
    }
}
