//! How many files this program may have open, and how many its shells may.

use std::sync::OnceLock;

use rustix::process::{Pid, Resource, Rlimit, getrlimit, setrlimit};

/// The limit that the program was started with.
static ORIGINAL: OnceLock<Rlimit> = OnceLock::new();

/// Raises the soft limit of open files to the hard one: each client and each terminal takes one,
/// and many systems start programs with 1024.
///
/// Only where the limit can be given back to shells: programs that use select(2), or close every
/// descriptor they might have, break or crawl under a high one.
pub fn raise() {
    if !cfg!(target_os = "linux") {
        return;
    }
    let limit = getrlimit(Resource::Nofile);
    ORIGINAL.get_or_init(|| limit);
    let raised = Rlimit {
        current: limit.maximum,
        ..limit
    };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::debug!(%error, "the limit of open files stays");
    }
}

/// Gives a shell that has just been started the limit that it would have had without us.
#[cfg(target_os = "linux")]
pub(super) fn give_back(shell: Pid) {
    let Some(original) = ORIGINAL.get() else {
        return;
    };
    if let Err(error) = rustix::process::prlimit(Some(shell), Resource::Nofile, *original) {
        tracing::debug!(%error, "the shell keeps our limit of open files");
    }
}

/// Elsewhere the limit was not raised.
#[cfg(not(target_os = "linux"))]
pub(super) fn give_back(_shell: Pid) {}
