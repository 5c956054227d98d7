//! The one place with unsafe code: a library's bare descriptor becomes one that we own and watch.
#![expect(
    unsafe_code,
    reason = "two system interfaces take descriptors on trust"
)]

use std::{
    io,
    os::fd::{BorrowedFd, OwnedFd, RawFd},
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
