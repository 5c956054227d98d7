//! Ends what a quiet run has started where the server can't: when it was killed itself.

use std::{
    io,
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
        // As long as the pipe is open, it ends nothing; and it must not end before its reader does.
        let pipe = self.0.stdin.take();
        // Nobody waits for an answer of its own: this is done among what must not wait.
        drop(self.0.kill());
        drop(self.0.wait());
        drop(pipe);
    }
}

#[cfg(test)]
mod tests {
    use std::{os::unix::process::ExitStatusExt, sync::mpsc, thread, time::Duration};

    use rustix::process::{Signal, kill_process};

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
    fn guard_that_does_not_answer_is_let_go_at_once() {
        let (mut child, guard) = sleeper();
        let pid = Pid::from_raw(guard.0.id().cast_signed()).unwrap();
        kill_process(pid, Signal::STOP).unwrap();
        let (told, gone) = mpsc::channel();
        thread::spawn(move || {
            drop(guard);
            told.send(()).unwrap();
        });
        let is_gone = gone.recv_timeout(Duration::from_secs(30)).is_ok();
        kill_process(pid, Signal::CONT).ok();
        assert!(is_gone);
        assert!(child.try_wait().unwrap().is_none());
        child.kill().unwrap();
        child.wait().unwrap();
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
