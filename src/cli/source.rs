//! What a path on the command line holds: a folder, or an archive that is unpacked for a while.

use std::path::Path;

use super::Failure;
use crate::lab::{
    Library,
    archive::{Unpacked, is_archive},
};

/// The scenarios of a path. An archive is removed from the temporary folder when this is dropped.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) library: Library,
    archive: Option<Unpacked>,
}

impl Source {
    /// Opens a folder or an archive.
    pub(super) fn open(path: &Path) -> Result<Self, Failure> {
        let archive = unpack(path)?;
        let folder = archive.as_ref().map_or(path, Unpacked::path);
        let library = Library::open(folder)
            .map_err(|error| Failure::usage(error.to_string(), error.hint()))?;
        Ok(Self { library, archive })
    }

    /// Whether it came from an archive.
    pub(super) fn is_archive(&self) -> bool {
        self.archive.is_some()
    }
}

/// Unpacks a path that is an archive.
pub(super) fn unpack(path: &Path) -> Result<Option<Unpacked>, Failure> {
    let archive = is_archive(path).then(|| Unpacked::new(path)).transpose();
    archive.map_err(|error| {
        let message = format!("the archive `{}` can't be used: {error}", path.display());
        Failure::usage(message, "make it with `katahost export FOLDER`")
    })
}
