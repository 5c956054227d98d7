//! The one place with unsafe code: a library's bare descriptor becomes one that we own and watch,
//! and a program without a terminal leads a session of its own.
#![expect(
    unsafe_code,
    reason = "two system interfaces take descriptors on trust, and one a function"
)]

use std::{
    io,
    os::{
        fd::{BorrowedFd, OwnedFd, RawFd},
        unix::process::CommandExt,
    },
    process::Command,
};

use tokio::io::unix::AsyncFd;

/// Duplicates `raw`, which must be open, and watches the duplicate.
///
/// # Errors
///
/// There is no descriptor, or none left to duplicate it.
pub(super) fn watch(raw: Option<RawFd>) -> io::Result<AsyncFd<OwnedFd>> {
    let raw = raw.ok_or_else(|| io::Error::other("the pseudo-terminal has no descriptor"))?;
    // SAFETY: the caller holds the library's open terminal, from which the number comes.
    let owned = unsafe { BorrowedFd::borrow_raw(raw) }.try_clone_to_owned()?;
    // SAFETY: the runtime owns the duplicate until it is dropped, and nothing else closes it.
    Ok(unsafe { AsyncFd::register(owned) }?)
}

/// Has `command` begin a session of its own when it is started: it has no terminal then, and all
/// that it starts can be found and ended (setsid(2)).
pub(super) fn lead_a_session(command: &mut Command) {
    let begin = || rustix::process::setsid().map(drop).map_err(io::Error::from);
    // SAFETY: between fork and exec it makes one system call, and takes neither memory nor locks.
    unsafe { command.pre_exec(begin) };
}
