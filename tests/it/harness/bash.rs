//! A bash of the tests' own, which tells what becomes of commands.

use std::{fs, os::unix::fs::PermissionsExt};

use tempfile::TempDir;

use super::HouseOptions;

/// A bash without anybody's settings; the folder is kept while it is used.
pub fn bash() -> (HouseOptions, TempDir) {
    let home = tempfile::tempdir().unwrap();
    // Integration goes by the name.
    let program = home.path().join("bash");
    let text = format!(
        "#!/bin/sh\nunset BASH_ENV PROMPT_COMMAND\nexport HOME='{}' HISTFILE=\n\
         exec /bin/bash \"$@\"\n",
        home.path().display(),
    );
    fs::write(&program, text).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let options = HouseOptions {
        shell: Some(program),
        ..HouseOptions::default()
    };
    (options, home)
}
