//! A file that takes the place of another one as a whole, or not at all.

use std::{
    fs::{self, Permissions},
    io::{self, Write},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use tempfile::NamedTempFile;

/// What is written beside a file, to take its place.
#[derive(Debug)]
pub struct Replacement {
    file: NamedTempFile,
    target: PathBuf,
}

impl Replacement {
    /// Begins a file that will stand at `path`. What a link there leads to is what is replaced.
    ///
    /// # Errors
    ///
    /// No file can be made beside it, or something else than a file stands there.
    pub fn beside(path: &Path) -> io::Result<Self> {
        let target = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let folder = target
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty());
        let before = fs::metadata(&target).ok();
        if before.as_ref().is_some_and(|before| !before.is_file()) {
            return Err(io::Error::other("it is no plain file"));
        }
        let file = tempfile::Builder::new()
            .permissions(Permissions::from_mode(0o644))
            .tempfile_in(folder.unwrap_or(Path::new(".")))?;
        if let Some(before) = before {
            file.as_file().set_permissions(before.permissions())?;
        }
        Ok(Self { file, target })
    }

    /// Takes the place of what was there.
    ///
    /// # Errors
    ///
    /// It can't be moved there.
    pub fn take_place(self) -> io::Result<()> {
        self.file
            .persist(self.target)
            .map_err(|error| error.error)?;
        Ok(())
    }
}

impl Write for Replacement {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn file_is_replaced_as_a_whole_and_keeps_its_mode() {
        let temp = tempfile::tempdir().unwrap();
        let (page, link) = (temp.path().join("page.md"), temp.path().join("link.md"));
        fs::write(&page, "old").unwrap();
        fs::set_permissions(&page, Permissions::from_mode(0o755)).unwrap();
        symlink("page.md", &link).unwrap();
        let mut replacement = Replacement::beside(&link).unwrap();
        replacement.write_all(b"new").unwrap();
        assert_eq!(fs::read_to_string(&page).unwrap(), "old");
        replacement.take_place().unwrap();
        assert_eq!(fs::read_to_string(&page).unwrap(), "new");
        assert!(link.is_symlink());
        assert_eq!(
            fs::metadata(&page).unwrap().permissions().mode() & 0o777,
            0o755
        );
        assert!(Replacement::beside(temp.path()).is_err());
        // What is given up leaves what was there.
        drop(Replacement::beside(&page).unwrap());
        assert_eq!(fs::read_dir(temp.path()).unwrap().count(), 2);
    }
}
