//! The scenario that is built into the program, so that the first run needs nothing.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use rust_embed::RustEmbed;
use tempfile::TempDir;

#[derive(RustEmbed)]
#[folder = "scenarios/quickstart"]
struct Quickstart;

/// The quickstart as an ordinary folder, which is removed when this is dropped.
#[derive(Debug)]
pub(super) struct Unpacked {
    _temp: TempDir,
    path: PathBuf,
}

impl Unpacked {
    /// Unpacks the quickstart.
    pub(super) fn new() -> io::Result<Self> {
        let temp = TempDir::with_prefix("katahost-")?;
        let path = temp.path().join("quickstart");
        for name in Quickstart::iter() {
            let Some(file) = Quickstart::get(&name) else {
                continue;
            };
            let target = path.join(&*name);
            if let Some(folder) = target.parent() {
                fs::create_dir_all(folder)?;
            }
            fs::write(&target, &file.data)?;
            if name.ends_with(".sh") {
                use std::os::unix::fs::PermissionsExt;
                fs::set_permissions(&target, fs::Permissions::from_mode(0o755))?;
            }
        }
        Ok(Self { _temp: temp, path })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}
