//! A pseudo-terminal with a process in it: spawn, read, write, resize, interrupt, end.
//!
//! Reads and writes never block: the descriptor is watched by the runtime, and bytes are read
//! into one buffer per worker thread, so that an idle terminal costs a descriptor and no memory.

use std::{
    cell::RefCell,
    ffi::OsStr,
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    path::PathBuf,
    sync::{Mutex, PoisonError},
};

use bytes::Bytes;
use portable_pty::{Child, CommandBuilder, PtySize, native_pty_system};
use rustix::{
    fs::{Mode, OFlags},
    io::Errno,
    process::{Pid, Signal},
    termios::{LocalModes, Winsize},
};
use tokio::io::{Interest, unix::AsyncFd};

use super::{descriptor, doorbell::Doorbell, open_files};

/// How much one turn reads at most: large enough for speed, small enough to be fair to others.
pub const READ_BYTES: usize = 64 * 1024;

thread_local! {
    static READ_BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; READ_BYTES]);
}

/// A pseudo-terminal and the process that leads its session.
#[derive(Debug)]
pub struct Pty {
    /// Watched for room to write.
    master: AsyncFd<OwnedFd>,
    output: Doorbell,
    child: Box<dyn Child + Send + Sync>,
    leader: Option<Pid>,
    /// The name of the side that programs hold.
    name: Option<PathBuf>,
}

/// What reading a pseudo-terminal gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Read {
    /// Bytes that a program wrote.
    Bytes(Bytes),
    /// Nothing more now.
    Pending,
    /// Nothing more ever: no process holds the terminal.
    End,
}

/// How a process ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exit {
    /// Its exit code, unless a signal ended it.
    pub code: Option<i32>,
    /// The signal in the system's words (strsignal(3)), where one ended it.
    pub signal: Option<String>,
}

impl Pty {
    /// Starts `command` in a new pseudo-terminal of `cols` × `rows` cells.
    ///
    /// # Errors
    ///
    /// There is no pseudo-terminal left, or the program can't be started.
    pub fn spawn(command: CommandBuilder, cols: u16, rows: u16) -> io::Result<Self> {
        let size = PtySize {
            rows,
            cols,
            pixel_width: 0,
            pixel_height: 0,
        };
        let pair = native_pty_system()
            .openpty(size)
            .map_err(io::Error::other)?;
        let master = descriptor::duplicate(pair.master.as_raw_fd())?;
        let flags = rustix::fs::fcntl_getfl(&master)?;
        rustix::fs::fcntl_setfl(&master, flags | OFlags::NONBLOCK)?;
        let child = pair
            .slave
            .spawn_command(command)
            .map_err(io::Error::other)?;
        let name = pair.master.tty_name();
        // The slave must be closed here, or the end of the last process is never seen.
        drop(pair);
        let leader = child
            .process_id()
            .and_then(|id| Pid::from_raw(id.cast_signed()));
        // Before the shell reads anything, and what it starts inherits it.
        leader.into_iter().for_each(open_files::give_back);
        Ok(Self {
            output: Doorbell::new(&master)?,
            master: descriptor::watch(master, Interest::WRITABLE)?,
            child,
            leader,
            name,
        })
    }

    /// Waits until there may be something to read.
    ///
    /// # Cancel safety
    ///
    /// Nothing is consumed before [`read`](Self::read).
    ///
    /// # Errors
    ///
    /// The runtime is shutting down.
    pub async fn readable(&self) -> io::Result<()> {
        self.output.rings(self.fd()).await
    }

    /// Reads until there is nothing left or `most` bytes are reached, [`READ_BYTES`] at most, without
    /// waiting.
    #[must_use]
    pub fn read(&self, most: usize) -> Read {
        READ_BUFFER.with_borrow_mut(|buffer| {
            let mut filled = 0;
            let mut ended = false;
            let most = most.min(READ_BYTES);
            while let Some(rest) = buffer.get_mut(filled..most).filter(|rest| !rest.is_empty()) {
                match rustix::io::read(&self.master, rest) {
                    Ok(0) => ended = true,
                    Ok(count) => {
                        filled += count;
                        continue;
                    }
                    Err(Errno::AGAIN) => self.output.quiet(),
                    Err(Errno::INTR) => continue,
                    // Linux reports the end of the last process as EIO.
                    Err(_) => ended = true,
                }
                break;
            }
            match buffer.get(..filled) {
                Some(bytes) if filled > 0 => Read::Bytes(Bytes::copy_from_slice(bytes)),
                _ if ended => Read::End,
                _ => Read::Pending,
            }
        })
    }

    /// Waits until something may be written.
    ///
    /// # Cancel safety
    ///
    /// Nothing is written before [`write`](Self::write).
    ///
    /// # Errors
    ///
    /// The runtime is shutting down.
    pub async fn writable(&self) -> io::Result<()> {
        self.master
            .writable()
            .await
            .map(|mut guard| guard.retain_ready())
    }

    /// Writes what fits, without waiting, and says how much that was.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::WouldBlock`] when nothing fits now; others when the terminal is gone.
    pub fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        self.master.try_io(tokio::io::Interest::WRITABLE, |fd| {
            Ok(rustix::io::write(fd, bytes)?)
        })
    }

    /// Tells the programs their terminal's new size.
    ///
    /// # Errors
    ///
    /// The terminal is gone.
    pub fn resize(&self, cols: u16, rows: u16) -> io::Result<()> {
        let size = Winsize {
            ws_row: rows,
            ws_col: cols,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        Ok(rustix::termios::tcsetwinsize(self.fd(), size)?)
    }

    /// Whether the program in the foreground is the one the terminal was started with.
    #[must_use]
    pub fn leader_is_in_foreground(&self) -> bool {
        self.leader.is_some() && self.foreground() == self.leader
    }

    /// Whether the terminal hands over whole lines: shells and line editors switch this off while
    /// they wait at a prompt.
    #[must_use]
    pub fn is_canonical(&self) -> bool {
        rustix::termios::tcgetattr(self.fd())
            .is_ok_and(|modes| modes.local_modes.contains(LocalModes::ICANON))
    }

    /// The process that leads the terminal's session: its shell.
    #[must_use]
    pub fn leader(&self) -> Option<i32> {
        self.leader.map(Pid::as_raw_pid)
    }

    /// The leader of the process group that reads what is typed. A shell at its prompt is its own.
    #[must_use]
    pub fn foreground_leader(&self) -> Option<i32> {
        self.foreground().map(Pid::as_raw_pid)
    }

    /// Whether programs have read all that was written.
    ///
    /// Only the other side tells how much waits there. It is held for this moment, as the end of
    /// the last process could not be seen otherwise.
    #[must_use]
    pub fn is_read_up(&self) -> bool {
        let flags = OFlags::RDONLY | OFlags::NOCTTY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let other = self.name.as_ref();
        let other = other.and_then(|name| rustix::fs::open(name, flags, Mode::empty()).ok());
        other.is_some_and(|other| rustix::io::ioctl_fionread(other) == Ok(0))
    }

    /// Whether processes besides the leader live in its session, or are not known to be gone.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        let leader = self.leader();
        processes().is_none_or(|mut processes| {
            processes.any(|process| Some(process.session) == leader && Some(process.id) != leader)
        })
    }

    /// How the leading process ended, if it did.
    pub fn try_wait(&mut self) -> Option<Exit> {
        let status = self.child.try_wait().ok()??;
        let signal = status.signal().map(str::to_owned);
        let code = signal.is_none().then(|| status.exit_code().cast_signed());
        Some(Exit { code, signal })
    }

    /// Asks all of the terminal's processes to end, as closing a terminal's window does.
    pub fn hang_up(&self) {
        for group in [self.foreground(), self.leader].into_iter().flatten() {
            signal_group(group, Signal::HUP);
            signal_group(group, Signal::CONT);
        }
    }

    /// Ends the leading process and the one in the foreground, by force.
    pub fn kill(&self) {
        for group in [self.foreground(), self.leader].into_iter().flatten() {
            signal_group(group, Signal::KILL);
        }
    }

    fn foreground(&self) -> Option<Pid> {
        rustix::termios::tcgetpgrp(self.fd()).ok()
    }

    fn fd(&self) -> BorrowedFd<'_> {
        self.master.get_ref().as_fd()
    }
}

/// The sessions of one or more terminals: all processes that were started there and did not leave
/// on purpose.
#[derive(Debug, Default)]
pub struct Sessions(Mutex<Vec<Pid>>);

impl Sessions {
    /// Takes the terminal's session in.
    pub fn add(&self, pty: &Pty) {
        self.lock().extend(pty.leader);
    }

    /// Takes the session of this leader in.
    pub(super) fn extend(&self, leader: Option<Pid>) {
        self.lock().extend(leader);
    }

    /// Ends every process of one session, and forgets it. Its leader must not have been waited
    /// for, or another session may have its number by now.
    pub(super) fn end(&self, leader: Pid) {
        for group in std::iter::once(leader).chain(groups_of(&[leader])) {
            signal_group(group, Signal::KILL);
        }
        self.lock().retain(|known| *known != leader);
    }

    /// Ends every process of the sessions at once, background jobs included.
    ///
    /// Linux tells the session of each process; elsewhere the leaders' groups are ended.
    pub fn kill(&self) {
        let leaders = self.lock();
        for group in leaders.iter().copied().chain(groups_of(&leaders)) {
            signal_group(group, Signal::KILL);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Pid>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The process groups of the leaders' sessions.
fn groups_of(leaders: &[Pid]) -> Vec<Pid> {
    let mut groups: Vec<Pid> = processes()
        .into_iter()
        .flatten()
        .filter(|process| {
            leaders
                .iter()
                .any(|leader| leader.as_raw_pid() == process.session)
        })
        .filter_map(|process| Pid::from_raw(process.group))
        .collect();
    groups.sort_unstable_by_key(|group| group.as_raw_pid());
    groups.dedup();
    groups
}

/// A process as the system lists it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Process {
    pub(super) id: i32,
    pub(super) group: i32,
    session: i32,
}

/// All processes, as `/proc/*/stat` lists them (proc(5)); nothing where the system has no such list.
pub(super) fn processes() -> Option<impl Iterator<Item = Process>> {
    let entries = std::fs::read_dir("/proc").ok()?;
    let is_process = |name: &OsStr| name.as_encoded_bytes().iter().all(u8::is_ascii_digit);
    let stats = entries
        .flatten()
        .filter(move |entry| is_process(&entry.file_name()))
        .filter_map(|entry| std::fs::read_to_string(entry.path().join("stat")).ok());
    Some(stats.filter_map(|stat| process(&stat)))
}

/// The process that a `stat` line tells of.
fn process(stat: &str) -> Option<Process> {
    // The program's name is in parentheses and may itself hold some.
    let (name, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_ascii_whitespace().skip(2);
    Some(Process {
        id: name.split(' ').next()?.parse().ok()?,
        group: fields.next()?.parse().ok()?,
        session: fields.next()?.parse().ok()?,
    })
}

/// Whether a process sleeps: one that waits for input does, and one that works on what it read
/// does not (proc(5)). Where the system does not tell, it is taken to.
#[must_use]
pub(super) fn sleeps(process: i32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat"));
    stat.map_or(true, |stat| {
        stat.rsplit_once(')')
            .is_some_and(|(_, rest)| rest.trim_start().starts_with('S'))
    })
}

/// Signals a group; one that is already gone needs none.
fn signal_group(group: Pid, signal: Signal) {
    if let Err(error) = rustix::process::kill_process_group(group, signal) {
        tracing::trace!(%error, "process group is gone");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn process_is_read_behind_any_name() {
        let read = |id, group, session| Some(Process { id, group, session });
        assert_eq!(process("42 (sh) S 1 42 7 34816"), read(42, 42, 7));
        assert_eq!(process("42 (a) b) (c) S 1 43 8 0"), read(42, 43, 8));
        assert_eq!(process("42 (sh) S 1"), None);
        assert_eq!(process("nonsense"), None);
    }
}
