//! A shell that runs a text to its end without a terminal, quietly: its output is kept, not shown.

use std::{
    io,
    os::unix::process::ExitStatusExt,
    process::{Child, Command, ExitStatus, Stdio},
    sync::Arc,
    time::Duration,
};

use rustix::{
    io::Errno,
    process::{Pid, WaitId, WaitIdOptions, waitid},
};
use tokio::{io::AsyncReadExt, net::unix::pipe, task::JoinHandle, time::timeout};
use tokio_util::sync::CancellationToken;

use super::{
    descriptor,
    guard::Guard,
    launcher::{LaunchError, Launcher},
    open_files,
    pty::{Exit, Sessions},
};

/// How much of the output is kept from its beginning, and as much from its end.
const KEPT_BYTES: usize = 32 * 1024;

/// How long the last output may take to come through once the shell has ended.
const LAST_OUTPUT: Duration = Duration::from_millis(100);

/// How a quiet run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum QuietEnd {
    /// The shell ended.
    Exited(Exit),
    /// It took longer than it may, and was ended with all that it had started.
    TimedOut,
    /// Nobody waits for it any more; it was ended likewise.
    Cancelled,
}

/// The output of a quiet run: its beginning and its end, if it is long.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeptOutput {
    head: Vec<u8>,
    tail: Vec<u8>,
    left_out: u64,
}

impl KeptOutput {
    /// Takes in what comes next.
    pub fn push(&mut self, bytes: &[u8]) {
        let room = KEPT_BYTES - self.head.len();
        let (first, rest) = bytes.split_at(room.min(bytes.len()));
        self.head.extend_from_slice(first);
        self.tail.extend_from_slice(rest);
        // Cut seldom, as each cut moves all that stays.
        if self.tail.len() > 2 * KEPT_BYTES {
            self.cut();
        }
    }

    fn cut(&mut self) {
        let excess = self.tail.len().saturating_sub(KEPT_BYTES);
        self.tail.drain(..excess);
        self.left_out += excess as u64;
    }

    /// The bytes, with a line between beginning and end where something was left out.
    #[must_use]
    pub fn into_bytes(mut self) -> Vec<u8> {
        self.cut();
        let mut bytes = self.head;
        if self.left_out > 0 {
            let note = format!("\n… {} bytes are left out …\n", self.left_out);
            bytes.extend_from_slice(note.as_bytes());
        }
        bytes.append(&mut self.tail);
        bytes
    }
}

/// Runs `text` in a shell of its own, in a session of its own that is noted in `sessions`. What it
/// leaves running ends with it.
///
/// # Errors
///
/// The shell could not be started.
pub async fn run(
    launcher: &Launcher,
    text: &str,
    limit: Duration,
    sessions: &Arc<Sessions>,
    cancel: &CancellationToken,
) -> Result<(QuietEnd, KeptOutput), LaunchError> {
    let mut command = launcher.quiet(text);
    let (child, output) = launcher.check(start(&mut command))?;
    // The command holds the writing ends of the pipe, which would never be at its end.
    drop(command);
    let mut process = Quiet::new(child, sessions.clone());
    let mut kept = KeptOutput::default();
    let ended = read_until(output, &mut kept, async {
        tokio::select! {
            () = process.ended() => QuietEnd::Exited(Exit { code: None, signal: None }),
            () = tokio::time::sleep(limit) => QuietEnd::TimedOut,
            () = cancel.cancelled() => QuietEnd::Cancelled,
        }
    })
    .await;
    let exit = process.end().await;
    let ended = match ended {
        QuietEnd::Exited(_) => QuietEnd::Exited(exit),
        other => other,
    };
    Ok((ended, kept))
}

fn start(command: &mut Command) -> io::Result<(Child, pipe::Receiver)> {
    let (reader, writer) = io::pipe()?;
    // One pipe for both, so that what is written stays in its order.
    command
        .stdin(Stdio::null())
        .stdout(writer.try_clone()?)
        .stderr(writer);
    descriptor::lead_a_session(command);
    let output = pipe::Receiver::from_owned_fd(reader.into())?;
    let child = command.spawn()?;
    Ok((child, output))
}

/// Reads all that comes until `ended`, and what came before that.
async fn read_until(
    mut output: pipe::Receiver,
    kept: &mut KeptOutput,
    ended: impl Future<Output = QuietEnd>,
) -> QuietEnd {
    let mut buffer = vec![0; 16 * 1024];
    tokio::pin!(ended);
    let end = loop {
        tokio::select! {
            end = &mut ended => break end,
            read = output.read(&mut buffer) => match read {
                Ok(count) if count > 0 => kept.push(buffer.get(..count).unwrap_or_default()),
                // All that write have closed it, and yet the shell may go on.
                _ => break ended.await,
            },
        }
    };
    // What was left running may hold it open.
    let rest = async {
        while let Ok(count) = output.read(&mut buffer).await {
            if count == 0 {
                break;
            }
            kept.push(buffer.get(..count).unwrap_or_default());
        }
    };
    drop(timeout(LAST_OUTPUT, rest).await);
    end
}

/// A process and its session; dropping it ends both.
struct Quiet {
    child: Child,
    leader: Option<Pid>,
    sessions: Arc<Sessions>,
    /// Waits for the end without taking it, so that the session's number stays its own.
    waiting: JoinHandle<()>,
    reaped: bool,
    /// Ends it when the server is killed.
    guard: Option<Guard>,
}

impl Quiet {
    fn new(child: Child, sessions: Arc<Sessions>) -> Self {
        let leader = Pid::from_raw(child.id().cast_signed());
        leader.into_iter().for_each(open_files::give_back);
        sessions.extend(leader);
        let guard = leader.and_then(|leader| {
            let guard = Guard::of(leader);
            let told = |error: &io::Error| tracing::warn!(%error, "check unguarded");
            guard.inspect_err(told).ok()
        });
        let waiting = tokio::task::spawn_blocking(move || {
            let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
            while let Some(leader) = leader
                && waitid(WaitId::Pid(leader), options).is_err_and(|error| error == Errno::INTR)
            {
            }
        });
        Self {
            child,
            leader,
            sessions,
            waiting,
            reaped: false,
            guard,
        }
    }

    async fn ended(&mut self) {
        // It does not panic, and is not aborted.
        drop((&mut self.waiting).await);
    }

    /// Ends what still runs, and says how the process ended.
    async fn end(mut self) -> Exit {
        self.kill();
        if !self.waiting.is_finished() {
            self.ended().await;
        }
        self.reap()
    }

    fn kill(&self) {
        if let Some(leader) = self.leader {
            self.sessions.end(leader);
        }
    }

    fn reap(&mut self) -> Exit {
        self.reaped = true;
        // As long as its process is not waited for, nobody else has the group's number.
        drop(self.guard.take());
        let status = self.child.wait().ok();
        Exit {
            code: status.and_then(|status| status.code()),
            signal: status.and_then(signal_name),
        }
    }
}

/// The name of the signal that ended a process, where one did: `SIGKILL`.
fn signal_name(status: ExitStatus) -> Option<String> {
    let number = status.signal()?;
    // The standard library knows the names, and tells them in no other way.
    let told = status.to_string();
    let name = told.split(['(', ')']).find(|part| part.starts_with("SIG"));
    Some(name.map_or_else(|| number.to_string(), str::to_owned))
}

impl Drop for Quiet {
    fn drop(&mut self) {
        if !self.reaped {
            self.kill();
            self.reap();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{path::Path, time::Instant};

    use proptest::prelude::*;

    use super::*;

    async fn ran(text: &str, limit: Duration) -> (QuietEnd, String) {
        let launcher = Launcher::new(Some("/bin/sh".into()), Path::new("/"), None);
        let (sessions, cancel) = (Arc::default(), CancellationToken::new());
        let run = run(&launcher, text, limit, &sessions, &cancel);
        let (end, output) = run.await.unwrap();
        let output = String::from_utf8_lossy(&output.into_bytes()).into_owned();
        (end, output)
    }

    fn exited(code: i32) -> QuietEnd {
        QuietEnd::Exited(Exit {
            code: Some(code),
            signal: None,
        })
    }

    const LONG: Duration = Duration::from_secs(60);

    #[tokio::test]
    async fn output_comes_in_order_with_the_exit_code() {
        let (end, output) = ran("echo out; echo err >&2; echo more; exit 3", LONG).await;
        assert_eq!((end, output.as_str()), (exited(3), "out\nerr\nmore\n"));
    }

    #[tokio::test]
    async fn there_is_nothing_to_read_and_no_terminal() {
        let (end, output) = ran("cat; test -t 1 || echo none; : </dev/tty", LONG).await;
        assert!(output.starts_with("none\n"), "{output}");
        assert_ne!(end, exited(0));
    }

    #[tokio::test]
    async fn what_takes_too_long_is_ended_with_all_that_it_started() {
        let text = "echo $$; (sleep 1000 & echo $!; wait)";
        let (end, output) = ran(text, Duration::from_millis(700)).await;
        assert_eq!(end, QuietEnd::TimedOut);
        let is_there = |pid: &str| {
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            !stat.is_empty() && !stat.contains(") Z")
        };
        let deadline = Instant::now() + LONG;
        while output.lines().any(is_there) {
            assert!(Instant::now() < deadline, "{output}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    #[tokio::test]
    async fn what_is_left_running_is_not_waited_for() {
        let (end, output) = ran("sleep 1000 & echo started", LONG).await;
        assert_eq!((end, output.as_str()), (exited(0), "started\n"));
    }

    #[tokio::test]
    async fn signal_is_named() {
        let (end, _) = ran("kill -9 $$", LONG).await;
        let signal = Some("SIGKILL".to_owned());
        assert_eq!(end, QuietEnd::Exited(Exit { code: None, signal }));
    }

    proptest! {
        #[test]
        fn prop_beginning_and_end_are_kept_and_the_rest_is_counted(
            pieces in prop::collection::vec(0usize..60_000, 0..8)
        ) {
            let mut whole = Vec::new();
            let mut kept = KeptOutput::default();
            for (number, length) in pieces.into_iter().enumerate() {
                let piece = vec![b'a' + u8::try_from(number).unwrap(); length];
                kept.push(&piece);
                whole.extend(piece);
            }
            let bytes = kept.into_bytes();
            if whole.len() <= 2 * KEPT_BYTES {
                prop_assert_eq!(bytes, whole);
            } else {
                prop_assert!(bytes.starts_with(&whole[..KEPT_BYTES]));
                prop_assert!(bytes.ends_with(&whole[whole.len() - KEPT_BYTES..]));
                let note = format!("… {} bytes are left out …", whole.len() - 2 * KEPT_BYTES);
                let text = String::from_utf8(bytes).unwrap();
                prop_assert!(text.contains(&note));
            }
        }
    }
}
