//! A copy of a scenario's folder, to play it without leaving anything behind in it.

use std::{
    fs::{self, File},
    io::{self, Read},
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
};

use tempfile::TempDir;

use super::{
    archive::{MAX_BYTES, MAX_ENTRIES},
    folder::Folder,
};

/// Folders that are not copied: histories and installed packages, which are large, and not what
/// learners get.
const LEFT_OUT: [&str; 2] = [".git", "node_modules"];

/// A copy of a scenario's folder, under the same name. Dropping it removes it.
#[derive(Debug)]
pub struct Scratch {
    folder: Folder,
    temp: TempDir,
}

/// Why a folder can't be copied.
#[derive(Debug, thiserror::Error)]
pub enum ScratchError {
    /// A file of the folder can't be read.
    #[error("`{}` can't be read: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file of the copy can't be written.
    #[error("`{}` can't be written: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is larger than any scenario.
    #[error("the folder holds more than {} MiB", MAX_BYTES >> 20)]
    TooLarge,
    /// It has more files than any scenario.
    #[error("the folder holds more than {MAX_ENTRIES} files")]
    TooMany,
}

/// A copy that can't be removed.
#[derive(Debug, thiserror::Error)]
#[error("the copy `{}` of the lab stays: {source}", path.display())]
pub struct Remains {
    path: PathBuf,
    source: io::Error,
}

impl ScratchError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Read { .. } => "make it readable for you, or move it out of the lab's folder",
            Self::Write { .. } => {
                "make room in the temporary folder, or name another with `TMPDIR`"
            }
            Self::TooLarge | Self::TooMany => "move what is no part of the lab out of its folder",
        }
    }
}

/// What may still be copied.
struct Room<'a> {
    root: &'a Path,
    bytes: u64,
    entries: usize,
}

impl Scratch {
    /// Copies a folder: its files, its folders, and links that stay inside. `.git` and
    /// `node_modules` are left out, and so is what is no file.
    ///
    /// # Errors
    ///
    /// A file can't be read, there is no room for it, or the folder is too large.
    pub fn new(folder: &Folder) -> Result<Self, ScratchError> {
        let failed = |path: &Path, source| ScratchError::Write {
            path: path.to_owned(),
            source,
        };
        let temp = tempfile::Builder::new()
            .prefix("katahost-test-")
            .tempdir()
            .map_err(|error| failed(&std::env::temp_dir(), error))?;
        let root = temp.path().join(folder.name());
        let mut room = Room {
            root: folder.root(),
            bytes: MAX_BYTES,
            entries: MAX_ENTRIES,
        };
        room.copy_folder(folder.root(), &root)?;
        let folder = Folder::open(&root).map_err(|error| failed(&root, error))?;
        Ok(Self { folder, temp })
    }

    /// The copy.
    #[must_use]
    pub fn folder(&self) -> &Folder {
        &self.folder
    }

    /// Removes it, with folders in it that may not be written to, as package managers make them.
    ///
    /// # Errors
    ///
    /// Something of it can't be removed.
    pub fn remove(self) -> Result<(), Remains> {
        let path = self.temp.keep();
        let removed = fs::remove_dir_all(&path).or_else(|_| {
            open_folders(&path);
            fs::remove_dir_all(&path)
        });
        removed.map_err(|source| Remains { path, source })
    }
}

/// Lets their owner remove what is in a folder, and in those below it.
fn open_folders(folder: &Path) {
    // Removing says what could not be changed.
    drop(fs::set_permissions(
        folder,
        fs::Permissions::from_mode(0o700),
    ));
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    for entry in entries {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            open_folders(&entry.path());
        }
    }
}

impl Room<'_> {
    fn copy_folder(&mut self, from: &Path, to: &Path) -> Result<(), ScratchError> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| ScratchError::Read { path, source }
        };
        let unwritten = |path: &Path| {
            let path = path.to_owned();
            move |source| ScratchError::Write { path, source }
        };
        fs::create_dir(to).map_err(unwritten(to))?;
        for entry in fs::read_dir(from).map_err(failed(from))? {
            let entry = entry.map_err(failed(from))?;
            let name = entry.file_name();
            let path = entry.path();
            if LEFT_OUT.iter().any(|left_out| name == *left_out) {
                continue;
            }
            self.entries = self.entries.checked_sub(1).ok_or(ScratchError::TooMany)?;
            let kind = entry.file_type().map_err(failed(&path))?;
            let target = to.join(&name);
            if kind.is_dir() {
                self.copy_folder(&path, &target)?;
            } else if kind.is_file() {
                self.copy_file(&path, &target)?;
            } else if kind.is_symlink()
                && let Some(link) = self.link(&path)
            {
                symlink(link, &target).map_err(unwritten(&target))?;
            }
        }
        Ok(())
    }

    fn copy_file(&mut self, from: &Path, to: &Path) -> Result<(), ScratchError> {
        let unread = |source| ScratchError::Read {
            path: from.to_owned(),
            source,
        };
        let source = File::open(from).map_err(unread)?;
        let about = source.metadata().map_err(unread)?;
        if about.len() > self.bytes {
            return Err(ScratchError::TooLarge);
        }
        let mode = about.permissions().mode();
        let copy = || -> io::Result<u64> {
            let mut target = File::create(to)?;
            let copied = io::copy(&mut source.take(self.bytes + 1), &mut target)?;
            // Who made it must be able to remove it.
            target.set_permissions(fs::Permissions::from_mode(mode | 0o600))?;
            Ok(copied)
        };
        let copied = copy().map_err(|source| ScratchError::Write {
            path: to.to_owned(),
            source,
        })?;
        self.bytes = self
            .bytes
            .checked_sub(copied)
            .ok_or(ScratchError::TooLarge)?;
        Ok(())
    }

    /// What a link of the copy says, where it leads to something inside.
    fn link(&self, path: &Path) -> Option<PathBuf> {
        let target = path.canonicalize().ok()?;
        target.strip_prefix(self.root).ok()?;
        let says = fs::read_link(path).ok()?;
        // One with an absolute path would lead to the original.
        says.is_relative().then_some(says)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folder_is_copied_without_what_leads_out_of_it() {
        let temp = tempfile::tempdir().unwrap();
        let root = temp.path().join("lab");
        for (file, text) in [
            ("lab/intro.md", "# Lab"),
            ("lab/scripts/run.sh", "echo"),
            ("lab/.hidden", "x"),
            ("lab/.git/config", "x"),
            ("lab/node_modules/x/y.js", "x"),
            ("secret", "x"),
        ] {
            let path = temp.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let script = root.join("scripts/run.sh");
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
        symlink("scripts/run.sh", root.join("inside")).unwrap();
        symlink("../secret", root.join("outside")).unwrap();
        symlink(&script, root.join("absolute")).unwrap();
        symlink("nowhere", root.join("dead")).unwrap();
        let scratch = Scratch::new(&Folder::open(&root).unwrap()).unwrap();
        let copy = scratch.folder().root().to_owned();
        assert_eq!(scratch.folder().name(), "lab");
        let mut names: Vec<String> = fs::read_dir(&copy)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        assert_eq!(names, [".hidden", "inside", "intro.md", "scripts"]);
        let mode = fs::metadata(copy.join("inside"))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o755);
        drop(scratch);
        assert!(!copy.exists());
    }
}
