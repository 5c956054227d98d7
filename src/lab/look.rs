//! What the files behind a shown step look like, to be compared with how they looked before.

use std::{collections::BTreeMap, fs::Metadata, os::unix::fs::MetadataExt, time::SystemTime};

use super::folder::Folder;
use crate::scenario::{
    Page,
    config::{CONFIG_FILE, GITPOD_FILE, WAIT_SCRIPT},
};

/// The files that a scenario's config is read from.
const CONFIG_FILES: [&str; 3] = [CONFIG_FILE, GITPOD_FILE, WAIT_SCRIPT];

/// Tells a file from what it was before, and from another one that was renamed over it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Trace {
    inode: u64,
    bytes: u64,
    modified: Option<SystemTime>,
    /// When it was changed in any way, in seconds and nanoseconds.
    changed: (i64, i64),
}

impl From<&Metadata> for Trace {
    fn from(about: &Metadata) -> Self {
        Self {
            inode: about.ino(),
            bytes: about.len(),
            modified: about.modified().ok(),
            changed: (about.ctime(), about.ctime_nsec()),
        }
    }
}

/// How the files behind a shown step look.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Look {
    config: [Option<Trace>; CONFIG_FILES.len()],
    steps: BTreeMap<String, Option<Trace>>,
    /// The files that the page shows.
    files: BTreeMap<String, Option<Trace>>,
}

impl Look {
    pub(super) fn new(folder: &Folder, page: Option<&Page>) -> Self {
        let traced = |path: &str| (path.to_owned(), folder.trace(path));
        let steps = folder.steps();
        let shown = page.iter().flat_map(|page| &page.files);
        Self {
            config: CONFIG_FILES.map(|file| folder.trace(file)),
            steps: steps
                .iter()
                .map(|step| traced(&format!("{step}.md")))
                .collect(),
            files: shown
                .filter(|file| file.shown)
                .map(|file| traced(&file.path))
                .collect(),
        }
    }

    /// Takes over how the files of a page look that is shown from now on. The rest stays as it was
    /// seen before the page was read: what is saved meanwhile must differ from it.
    pub(super) fn take_files(&mut self, later: Self) {
        self.files = later.files;
    }

    /// Takes over how the config looked earlier, when it was read: to load a step does not.
    pub(super) fn keep_config(&mut self, earlier: &Self) {
        self.config = earlier.config;
    }

    /// Whether the config is another one than it was.
    pub(super) fn has_other_config(&self, before: &Self) -> bool {
        self.config != before.config
    }

    /// Whether steps came or went, or have other pages.
    pub(super) fn has_other_steps(&self, before: &Self) -> bool {
        self.steps != before.steps
    }

    /// The files that the page showed before in another state.
    pub(super) fn other_files(&self, before: &Self) -> Vec<String> {
        let differs = |(path, trace): &(&String, &Option<Trace>)| {
            before.files.get(*path).is_some_and(|known| known != *trace)
        };
        let files = self.files.iter().filter(differs);
        files.map(|(path, _)| path.clone()).collect()
    }
}
