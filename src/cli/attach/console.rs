//! The person's own terminal: raw while it is lent, and given back as it was.

use std::{
    io::{self, IsTerminal, Read, Write},
    sync::Arc,
    time::Duration,
};

use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};
use tokio::sync::{Notify, mpsc};

/// How many pieces of what was typed may wait; a person who pastes more waits.
const KEYS: usize = 16;

/// How long a terminal that does not read may hold up the end.
const FAREWELL: Duration = Duration::from_secs(1);

/// Takes back what a program may have set: mouse, focus and paste reports, application keys,
/// synchronised updates, reverse video, insert mode, margins, a hidden cursor and its shape,
/// character sets, colours, an open link.
const RESET: &str = "\x1b[?9l\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1004l\x1b[?1005l\x1b[?1006l\
    \x1b[?1015l\x1b[?1016l\x1b[?2004l\x1b[?2026l\x1b[?1l\x1b[?5l\x1b[?45l\x1b[4l\x1b[20l\x1b>\
    \x1b[!p\x1b[?7h\x1b[?25h\x1b[0 q\x1b(B\x0f\x1b[0m\x1b]104\x1b\\\x1b]110\x1b\\\x1b]111\x1b\\\
    \x1b]112\x1b\\\x1b]8;;\x1b\\";

/// Something that came from the keyboard.
#[derive(Debug)]
pub(super) enum Key {
    /// These bytes were typed.
    Typed(Vec<u8>),
    /// The person wants to leave, or the terminal is gone.
    Leave,
}

/// A terminal that is lent. Dropping it gives it back.
#[derive(Debug)]
pub(super) struct Console {
    /// How it was set, where it was made raw.
    before: Option<Termios>,
    /// Whether output goes to a terminal.
    pub(super) is_screen: bool,
}

impl Console {
    /// Borrows the terminal; `raw` where keys are to come as they are pressed.
    pub(super) fn open(raw: bool) -> io::Result<Self> {
        let is_screen = io::stdout().is_terminal();
        let mut before = None;
        if raw {
            let was = tcgetattr(io::stdin())?;
            let mut now = was.clone();
            now.make_raw();
            tcsetattr(io::stdin(), OptionalActions::Now, &now)?;
            before = Some(was);
        }
        let console = Self { before, is_screen };
        if is_screen {
            // The title is kept, to come back at the end.
            write(b"\x1b[22;0t\x1b[0m\x1b[H\x1b[2J")?;
        }
        Ok(console)
    }

    /// How large the terminal is.
    pub(super) fn size() -> Option<(u16, u16)> {
        let size = tcgetwinsize(io::stdout())
            .or_else(|_| tcgetwinsize(io::stdin()))
            .ok()?;
        (size.ws_col > 0 && size.ws_row > 0).then_some((size.ws_col, size.ws_row))
    }

    /// What begins a new screen.
    pub(super) fn fresh(alternate: bool) -> Vec<u8> {
        let leave = if alternate { "\x1b[?1049l" } else { "" };
        format!("{leave}{RESET}\x1b[H\x1b[2J").into_bytes()
    }

    /// Gives the terminal back.
    pub(super) fn close(mut self, alternate: bool) {
        self.restore(alternate);
    }

    fn restore(&mut self, alternate: bool) {
        if let Some(before) = self.before.take()
            && let Err(error) = tcsetattr(io::stdin(), OptionalActions::Now, &before)
        {
            tracing::debug!(%error, "the terminal has gone away");
        }
        if std::mem::take(&mut self.is_screen) {
            let leave = if alternate { "\x1b[?1049l" } else { "" };
            let text = format!("{leave}{RESET}\x1b[23;0t\r\n\x1b[J");
            let (done, waiting) = std::sync::mpsc::sync_channel(1);
            // A terminal that was stopped takes nothing, and must not hold up the end.
            std::thread::spawn(move || {
                drop(write(text.as_bytes()));
                done.send(())
            });
            if waiting.recv_timeout(FAREWELL).is_err() {
                tracing::debug!("the terminal takes nothing");
            }
        }
    }
}

impl Drop for Console {
    fn drop(&mut self) {
        // Only a panic comes here without `close`; who knows which screen is shown.
        self.restore(true);
    }
}

/// Writes to standard output, all of it.
pub(super) fn write(bytes: &[u8]) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(bytes)?;
    stdout.flush()
}

/// Reads the keyboard. `left` tells at once of the key to leave, also when nobody takes keys.
pub(super) fn keys(leave_keys: Vec<u8>, left: Arc<Notify>) -> mpsc::Receiver<Key> {
    let (sender, receiver) = mpsc::channel(KEYS);
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        loop {
            let count = match io::stdin().lock().read(&mut buffer) {
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(_) => 0,
            };
            let typed = buffer.get(..count).unwrap_or_default();
            let end = typed.iter().position(|byte| leave_keys.contains(byte));
            let leaves = count == 0 || end.is_some();
            if leaves {
                left.notify_one();
            }
            let typed = typed
                .get(..end.unwrap_or(count))
                .unwrap_or_default()
                .to_vec();
            if !typed.is_empty() && sender.blocking_send(Key::Typed(typed)).is_err() {
                return;
            }
            if leaves {
                drop(sender.blocking_send(Key::Leave));
                return;
            }
        }
    });
    receiver
}
