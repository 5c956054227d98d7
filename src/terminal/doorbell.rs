//! Tells that a pseudo-terminal may be read: once for each time that somebody waits.
//!
//! A program that floods its terminal wakes whoever watches it with every piece of 4 kB, also while
//! the pieces before are being read. A runtime's worker that wakes for nothing so often costs more
//! than the reading. So on Linux an epoll instance of its own watches each terminal, tells of one
//! piece, and of nothing more until it is armed again (`EPOLLONESHOT` in `epoll_ctl(2)`).

use std::{
    io,
    os::fd::{AsFd, OwnedFd},
    sync::atomic::{AtomicBool, Ordering::Relaxed},
};

use tokio::io::{Interest, unix::AsyncFd};

use super::descriptor;

/// Watches one descriptor for something to read.
#[derive(Debug)]
pub(super) struct Doorbell {
    watched: AsyncFd<OwnedFd>,
    /// Whether it will ring.
    armed: AtomicBool,
    /// Whether it has rung, and not all was read since.
    rung: AtomicBool,
}

impl Doorbell {
    /// Watches `door`.
    ///
    /// # Errors
    ///
    /// There is no descriptor left for it.
    pub(super) fn new(door: impl AsFd) -> io::Result<Self> {
        Ok(Self {
            watched: descriptor::watch(system::watch(door)?, Interest::READABLE)?,
            armed: AtomicBool::new(false),
            rung: AtomicBool::new(false),
        })
    }

    /// Waits until there may be something to read at `door`.
    ///
    /// # Cancel safety
    ///
    /// Who waits again is told again, until [`quiet`](Self::quiet).
    ///
    /// # Errors
    ///
    /// The runtime is shutting down, or the system can't watch the descriptor.
    pub(super) async fn rings(&self, door: impl AsFd) -> io::Result<()> {
        while !self.rung.load(Relaxed) {
            if !self.armed.load(Relaxed) {
                system::arm(&self.watched, &door)?;
                self.armed.store(true, Relaxed);
            }
            let mut guard = self.watched.readable().await?;
            // What comes from now on is told of anew, or found by who reads now.
            guard.clear_ready();
            if system::rang(guard.get_inner())? {
                self.armed.store(false, Relaxed);
                self.rung.store(true, Relaxed);
            }
        }
        Ok(())
    }

    /// Notes that everything was read.
    pub(super) fn quiet(&self) {
        self.rung.store(false, Relaxed);
    }
}

#[cfg(target_os = "linux")]
mod system {
    use std::{
        io,
        os::fd::{AsFd, OwnedFd},
    };

    use rustix::event::{
        Timespec,
        epoll::{self, CreateFlags, Event, EventData, EventFlags},
    };

    pub(super) fn watch(door: impl AsFd) -> io::Result<OwnedFd> {
        let bell = epoll::create(CreateFlags::CLOEXEC)?;
        epoll::add(&bell, door, EventData::new_u64(0), EventFlags::ONESHOT)?;
        Ok(bell)
    }

    pub(super) fn arm(bell: impl AsFd, door: impl AsFd) -> io::Result<()> {
        let flags = EventFlags::IN | EventFlags::ONESHOT;
        Ok(epoll::modify(bell, door, EventData::new_u64(0), flags)?)
    }

    pub(super) fn rang(bell: &OwnedFd) -> io::Result<bool> {
        let mut events = [Event {
            flags: EventFlags::empty(),
            data: EventData::new_u64(0),
        }];
        let at_once = Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        Ok(epoll::wait(bell, &mut events, Some(&at_once))? > 0)
    }
}

/// Where there is no epoll, every piece is told of.
#[cfg(not(target_os = "linux"))]
mod system {
    use std::{
        io,
        os::fd::{AsFd, OwnedFd},
    };

    pub(super) fn watch(door: impl AsFd) -> io::Result<OwnedFd> {
        door.as_fd().try_clone_to_owned()
    }

    pub(super) fn arm(_bell: impl AsFd, _door: impl AsFd) -> io::Result<()> {
        Ok(())
    }

    pub(super) fn rang(_bell: &OwnedFd) -> io::Result<bool> {
        Ok(true)
    }
}
