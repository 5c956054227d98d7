//! A file that takes the place of another one as a whole, where that can be.

use std::{
    fs::{self, OpenOptions, Permissions},
    io::{self, Seek, Write},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use tempfile::NamedTempFile;

/// What is written beside a file, to take its place.
///
/// What can't be replaced is written into at last: a pipe, a device, and a file of a folder in which
/// nothing can be made or moved.
#[derive(Debug)]
pub struct Replacement {
    file: NamedTempFile,
    target: PathBuf,
    /// Whether there is something at the target that may be written into.
    exists: bool,
    /// Whether nothing else can be done.
    in_place: bool,
}

impl Replacement {
    /// Begins a file that will stand at `path`. What a link there leads to is what is replaced.
    ///
    /// # Errors
    ///
    /// No file can be made, or a folder stands there.
    pub fn beside(path: &Path) -> io::Result<Self> {
        let target = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let folder = target
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty());
        let before = fs::metadata(&target).ok();
        if before.as_ref().is_some_and(fs::Metadata::is_dir) {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        let exists = before.is_some();
        let plain = before.filter(fs::Metadata::is_file);
        let mut in_place = exists && plain.is_none();
        let file = if in_place {
            NamedTempFile::new()?
        } else {
            let made = tempfile::Builder::new()
                .permissions(Permissions::from_mode(0o644))
                .tempfile_in(folder.unwrap_or(Path::new(".")));
            match made {
                Err(error) if exists && is_fixed(&error) => {
                    in_place = true;
                    NamedTempFile::new()?
                }
                made => made?,
            }
        };
        if let Some(plain) = plain.filter(|_| !in_place) {
            file.as_file().set_permissions(plain.permissions())?;
        }
        Ok(Self {
            file,
            target,
            exists,
            in_place,
        })
    }

    /// Takes the place of what was there.
    ///
    /// # Errors
    ///
    /// It can't be moved there, nor written into what is there.
    pub fn take_place(self) -> io::Result<()> {
        if self.in_place {
            return write_into(self.file, &self.target);
        }
        match self.file.persist(&self.target) {
            Ok(_) => Ok(()),
            Err(error) if self.exists && is_fixed(&error.error) => {
                write_into(error.file, &self.target)
            }
            Err(error) => Err(error.error),
        }
    }
}

/// Whether a file can't be replaced where it is: its folder can't be written, or it is mounted.
fn is_fixed(error: &io::Error) -> bool {
    let kinds = [
        io::ErrorKind::PermissionDenied,
        io::ErrorKind::ReadOnlyFilesystem,
        io::ErrorKind::ResourceBusy,
    ];
    kinds.contains(&error.kind())
}

fn write_into(mut file: NamedTempFile, target: &Path) -> io::Result<()> {
    file.rewind()?;
    let mut target = OpenOptions::new().write(true).truncate(true).open(target)?;
    io::copy(&mut file, &mut target)?;
    Ok(())
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
    use std::os::{fd::AsRawFd, unix::fs::symlink};

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

    #[test]
    fn device_and_pipe_are_written_into() {
        let mut replacement = Replacement::beside(Path::new("/dev/null")).unwrap();
        replacement.write_all(b"new").unwrap();
        replacement.take_place().unwrap();
        assert!(!fs::metadata("/dev/null").unwrap().is_file());

        let (mut reader, writer) = io::pipe().unwrap();
        let path = format!("/dev/fd/{}", writer.as_raw_fd());
        let mut replacement = Replacement::beside(Path::new(&path)).unwrap();
        replacement.write_all(b"new").unwrap();
        replacement.take_place().unwrap();
        drop(writer);
        assert_eq!(io::read_to_string(&mut reader).unwrap(), "new");
    }

    #[test]
    fn file_of_a_folder_that_can_not_be_written_is_written_into() {
        // Nothing is read-only for root.
        if rustix::process::geteuid().is_root() {
            return;
        }
        let temp = tempfile::tempdir().unwrap();
        let page = temp.path().join("page.md");
        fs::write(&page, "what was there before").unwrap();
        fs::set_permissions(temp.path(), Permissions::from_mode(0o555)).unwrap();
        let mut replacement = Replacement::beside(&page).unwrap();
        replacement.write_all(b"new").unwrap();
        replacement.take_place().unwrap();
        assert_eq!(fs::read_to_string(&page).unwrap(), "new");
        assert!(Replacement::beside(&temp.path().join("new.md")).is_err());
        fs::set_permissions(temp.path(), Permissions::from_mode(0o755)).unwrap();
    }
}
