//! Ends what a quiet run has started where the server can't: when it was killed itself.

use std::{
    io::{self, Write},
    process::{Child, Command, Stdio},
};

use rustix::process::Pid;

use super::descriptor;

/// Waits for a line from the server. Without one the server is gone, and the group is ended.
const WAIT: &str = "read -r over || kill -s KILL -- \"-$1\"";

/// A process that outlives the server for a moment. Dropping it lets it go without doing anything.
#[derive(Debug)]
pub(super) struct Guard(Child);

impl Guard {
    /// Guards the process group of `leader`, in a session of its own, so that what ends the
    /// server's group does not end it.
    ///
    /// # Errors
    ///
    /// The system's shell did not start.
    pub(super) fn of(leader: Pid) -> io::Result<Self> {
        let group = leader.as_raw_pid().to_string();
        let mut command = Command::new("sh");
        command
            .args(["-c", WAIT, "katahost-guard", &group])
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        descriptor::lead_a_session(&mut command);
        Ok(Self(command.spawn()?))
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some(mut line) = self.0.stdin.take() {
            // One that is gone already needs no word.
            drop(line.write_all(b"\n"));
        }
        drop(self.0.wait());
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;

    use super::*;

    fn sleeper() -> (Child, Guard) {
        let mut command = Command::new("sleep");
        command.arg("1000");
        descriptor::lead_a_session(&mut command);
        let child = command.spawn().unwrap();
        let leader = Pid::from_raw(child.id().cast_signed()).unwrap();
        (child, Guard::of(leader).unwrap())
    }

    #[test]
    fn group_is_ended_when_the_server_is_gone_without_a_word() {
        let (mut child, mut guard) = sleeper();
        drop(guard.0.stdin.take());
        assert_eq!(child.wait().unwrap().signal(), Some(9));
    }

    #[test]
    fn guard_that_is_let_go_ends_nothing() {
        let (mut child, guard) = sleeper();
        drop(guard);
        assert!(child.try_wait().unwrap().is_none());
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
