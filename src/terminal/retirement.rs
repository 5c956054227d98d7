//! A terminal that is not wanted any more: it ends as soon as nothing is lost by that.

use std::time::{Duration, Instant};

/// How long nothing but the shell must have run. Who has just typed, or wants to see what a block
/// wrote, is there still.
const PATIENCE: Duration = Duration::from_secs(3);

/// Whether a terminal retires, and since when it could.
#[derive(Debug, Default)]
pub(super) struct Retirement {
    retires: bool,
    unused_since: Option<Instant>,
}

impl Retirement {
    pub(super) fn set(&mut self, retires: bool) {
        self.retires = retires;
        self.unused_since = None;
    }

    /// Begins to wait anew, as the terminal was used.
    pub(super) fn put_off(&mut self) {
        self.unused_since = None;
    }

    /// When the terminal ends, unless it is used before; nothing where it does not end.
    pub(super) fn due(&mut self, is_used: impl FnOnce() -> bool, now: Instant) -> Option<Instant> {
        if !self.retires {
            return None;
        }
        if is_used() {
            self.unused_since = None;
            return None;
        }
        Some(*self.unused_since.get_or_insert(now) + PATIENCE)
    }
}
