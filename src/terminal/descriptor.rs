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

use tokio::io::{Interest, unix::AsyncFd};

/// Duplicates `raw`, which must be open.
///
/// # Errors
///
/// There is no descriptor, or none left to duplicate it.
pub(super) fn duplicate(raw: Option<RawFd>) -> io::Result<OwnedFd> {
    let raw = raw.ok_or_else(|| io::Error::other("the pseudo-terminal has no descriptor"))?;
    // SAFETY: the caller holds the library's open terminal, from which the number comes.
    unsafe { BorrowedFd::borrow_raw(raw) }.try_clone_to_owned()
}

/// Has the runtime watch `descriptor`.
///
/// # Errors
///
/// The system can't watch it.
pub(super) fn watch(descriptor: OwnedFd, interest: Interest) -> io::Result<AsyncFd<OwnedFd>> {
    // SAFETY: the runtime owns the descriptor until it is dropped, and nothing else closes it.
    Ok(unsafe { AsyncFd::register_with_interest(descriptor, interest) }?)
}

/// Has `command` begin a session of its own when it is started: it has no terminal then, and all
/// that it starts can be found and ended (setsid(2)).
pub(super) fn lead_a_session(command: &mut Command) {
    let begin = || rustix::process::setsid().map(drop).map_err(io::Error::from);
    // SAFETY: between fork and exec it makes one system call, and takes neither memory nor locks.
    unsafe { command.pre_exec(begin) };
}
