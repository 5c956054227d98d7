//! Who says that labs may run something by themselves, as the command line has it.

use std::{
    env,
    path::{Path, PathBuf},
};

use clap::{Args, builder::BoolishValueParser};

use crate::lab::{Trust, trust::Answers};

// What labs may run without a click.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// Let labs run their on-load commands and checks by themselves at once, without asking whoever
    /// drives them. For hosts and CI
    #[arg(long, env = "KATAHOST_TRUST", value_parser = BoolishValueParser::new())]
    trust: bool,
}

impl Options {
    /// What goes for the labs at `path`; the quickstart without it. The path may be of an archive.
    pub(super) fn trust(&self, path: Option<&Path>, is_archive: bool) -> Trust {
        let Some(path) = path.filter(|_| !self.trust) else {
            return Trust::Given;
        };
        let answers = Answers::new(state_folder().map(|folder| folder.join("katahost/trust")));
        Trust::Asked(if is_archive {
            answers.for_archive(path)
        } else {
            answers
        })
    }
}

/// Where programs keep what they remember of their user (XDG Base Directory Specification).
fn state_folder() -> Option<PathBuf> {
    let absolute = |name: &str| {
        let path = PathBuf::from(env::var_os(name)?);
        path.is_absolute().then_some(path)
    };
    absolute("XDG_STATE_HOME").or_else(|| Some(absolute("HOME")?.join(".local/state")))
}
