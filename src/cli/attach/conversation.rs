//! What goes to and fro between a terminal of a lab and the person's own.

use std::{io, sync::Arc, time::Duration};

use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::{Notify, mpsc},
    time::{Instant, sleep, sleep_until, timeout},
};

use super::{
    console::{self, Console, Key},
    display::Display,
    harmless::Beyond,
};
use crate::client::{
    Role, TerminalStatus, ViewParams,
    attachment::{Attachment, End, Event},
};

/// After this time at the latest the restored screen has its size, and one can say whether it fits.
const SETTLED: Duration = Duration::from_millis(500);

/// How long what was typed before the key to leave may take to be sent.
const LEAVING: Duration = Duration::from_millis(500);

/// How long the last output may take to be written.
const LAST_OUTPUT: Duration = Duration::from_secs(1);

/// Why it is over.
#[derive(Debug)]
pub(super) enum Left {
    /// The person left.
    ByKey,
    /// The program was told to end, by this signal.
    Signal(u8),
    /// There is nothing more to watch.
    End(End),
    /// Nobody reads what is shown any more.
    OutputGone(io::Error),
}

/// How the person takes part.
#[derive(Debug, Clone)]
pub(super) struct Manner {
    pub(super) read_only: bool,
    /// Whether keys are read at all.
    pub(super) keys: bool,
    /// The name that others see.
    pub(super) name: Option<String>,
    /// The byte of the key to leave, and its name.
    pub(super) leave_key: u8,
    pub(super) leave_name: String,
}

struct Conversation<'a> {
    attachment: &'a mut Attachment,
    console: &'a Console,
    display: Display,
    manner: Manner,
    /// The terminal's size.
    size: (u16, u16),
    told_watching: bool,
    written: Option<u64>,
}

/// What asks for the keyboard where nothing may be typed: Ctrl-K.
const ASK_KEY: u8 = 0x0b;

/// Signals that end the program, with their numbers as everywhere (POSIX).
const ENDING: [u8; 4] = [1, 2, 3, 15];

/// Goes on until it is over; tells whether the alternate screen is shown then.
pub(super) async fn converse(
    attachment: &mut Attachment,
    console: &Console,
    manner: Manner,
) -> io::Result<(Left, bool)> {
    let [hangup, interrupt, quit, terminate] =
        ENDING.map(|number| signal(SignalKind::from_raw(number.into())));
    let mut ending = [hangup?, interrupt?, quit?, terminate?];
    let mut resized = signal(SignalKind::window_change())?;
    let left = Arc::new(Notify::new());
    let mut keys = manner.keys.then(|| {
        let mut leave_keys = vec![manner.leave_key];
        // Where nothing is typed, the key that ends programs is no program's.
        leave_keys.extend(manner.read_only.then_some(0x03));
        console::keys(leave_keys, left.clone())
    });
    let read_only = manner.read_only;
    let mut conversation = Conversation {
        display: Display::new(console.is_screen),
        attachment,
        console,
        manner,
        size: (80, 24),
        told_watching: false,
        written: None,
    };
    let left = tokio::select! {
        biased;
        number = any(&mut ending) => match number {
            2 if read_only => Left::ByKey,
            _ => Left::Signal(number),
        },
        () = async { left.notified().await; sleep(LEAVING).await } => Left::ByKey,
        left = conversation.run(&mut keys, &mut resized) => left,
    };
    let alternate = conversation.display.is_alternate();
    if !matches!(left, Left::OutputGone(_)) {
        drop(timeout(LAST_OUTPUT, conversation.display.finish()).await);
    }
    Ok((left, alternate))
}

/// The number of the signal that came.
async fn any(signals: &mut [Signal; 4]) -> u8 {
    let [hangup, interrupt, quit, terminate] = signals;
    tokio::select! {
        _ = hangup.recv() => ENDING[0],
        _ = interrupt.recv() => ENDING[1],
        _ = quit.recv() => ENDING[2],
        _ = terminate.recv() => ENDING[3],
    }
}

async fn next_key(keys: &mut Option<mpsc::Receiver<Key>>) -> Key {
    match keys {
        Some(keys) => keys.recv().await.unwrap_or(Key::Leave),
        None => std::future::pending().await,
    }
}

impl Conversation<'_> {
    async fn run(&mut self, keys: &mut Option<mpsc::Receiver<Key>>, resized: &mut Signal) -> Left {
        self.send_size();
        self.send_view();
        self.tell_shell(false);
        let mut settled = Some(Instant::now() + SETTLED);
        loop {
            // While nothing can be sent, keys are taken all the same, so that one can leave.
            let takes_keys = self.attachment.has_room() || !self.attachment.is_open();
            tokio::select! {
                written = self.display.written() => match written {
                    Ok(Some(offset)) => {
                        self.written = Some(offset);
                        self.attachment.acknowledge(offset);
                    }
                    Ok(None) => {}
                    Err(error) => return Left::OutputGone(error),
                },
                event = self.attachment.next() => match event {
                    Ok(event) => self.show(event),
                    Err(end) => return Left::End(end),
                },
                key = next_key(keys), if takes_keys => match key {
                    Key::Typed(bytes) => self.typed(&bytes),
                    Key::Leave => {
                        self.attachment.flush().await;
                        return Left::ByKey;
                    }
                },
                _ = resized.recv() => {
                    self.send_size();
                    self.send_view();
                }
                () = sleep_until(settled.unwrap_or_else(Instant::now)), if settled.is_some() => {
                    settled = None;
                    self.send_view();
                    self.tell_size();
                }
            }
        }
    }

    fn may_type(&self) -> bool {
        !self.manner.read_only && self.attachment.role() >= Role::Guest
    }

    fn sizes(&self) -> bool {
        !self.manner.read_only && self.attachment.role() == Role::Driver
    }

    fn send_size(&mut self) {
        if let Some((cols, rows)) = Console::size().filter(|_| self.sizes()) {
            self.attachment.resize(cols, rows);
        }
    }

    /// Tells the driver whether the terminal is cut off here, and who this is.
    fn send_view(&mut self) {
        self.attachment.set_view(ViewParams {
            name: self.manner.name.clone(),
            cramped: self.own_size_if_cramped().is_some(),
        });
    }

    fn typed(&mut self, bytes: &[u8]) {
        if !self.may_type() {
            self.watch(bytes);
            return;
        }
        if let TerminalStatus::Exited { .. } | TerminalStatus::Failed { .. } =
            self.attachment.terminal().status
        {
            if bytes.contains(&b'\r') {
                self.attachment.restart();
            }
            return;
        }
        if !self.attachment.type_bytes(bytes) {
            self.display
                .status("too much waits to be sent; this was not typed");
        }
    }

    /// Takes a key of somebody who only watches.
    fn watch(&mut self, bytes: &[u8]) {
        // A key that leaves can't ask.
        let may_ask = !self.manner.read_only && self.manner.leave_key != ASK_KEY;
        if may_ask && bytes == [ASK_KEY] {
            self.attachment.ask_for_keyboard();
            self.display.status("asked for the keyboard");
        } else if !std::mem::replace(&mut self.told_watching, true) {
            let ask = if may_ask {
                "Ctrl-K asks for the keyboard, "
            } else {
                ""
            };
            let leave = &self.manner.leave_name;
            self.display
                .status(&format!("you are watching; {ask}{leave} leaves"));
        }
    }

    fn show(&mut self, event: Event) {
        match event {
            Event::Output { bytes, end, replay } => {
                let beyond = Beyond {
                    bell: !replay,
                    // Who only watches did not start the program.
                    clipboard: !replay && self.may_type(),
                };
                self.display.output(&bytes, end, beyond);
            }
            Event::Snapshot { size, bytes, end } => {
                self.size = size;
                self.display.snapshot(&bytes, end);
            }
            Event::Size(cols, rows) => {
                self.size = (cols, rows);
                self.send_view();
            }
            Event::Shell(_) => self.tell_shell(true),
            Event::StartedOver => {
                self.display.forget_offsets();
                self.written = None;
                self.display.status("the lab was started over");
                self.send_size();
            }
            Event::Role(role, declined) => self.tell_role(role, declined),
            Event::Message(message) => self.display.status(&message),
            Event::Lost => {
                let leave = &self.manner.leave_name;
                // A full screen would be spoilt by this line, and is painted again.
                if self.console.is_screen && self.display.is_alternate() {
                    self.attachment.forget_screen();
                }
                self.display
                    .status(&format!("reconnecting…; {leave} leaves"));
            }
            Event::Found => {
                if let Some(offset) = self.written {
                    self.attachment.acknowledge(offset);
                }
                self.display.status("connected again");
                self.send_size();
            }
        }
    }

    fn tell_role(&mut self, role: Role, declined: bool) {
        self.told_watching = false;
        let text = match role {
            _ if declined => "the keyboard was not given",
            Role::Viewer | Role::Remote => "you are watching now",
            Role::Guest | Role::Driver if self.manner.read_only => return,
            Role::Guest | Role::Driver => "you have the keyboard",
        };
        self.display.status(text);
    }

    /// Tells how it stands with the shell; that it was started only shows itself.
    fn tell_shell(&mut self, changed: bool) {
        let leave = &self.manner.leave_name;
        let restart = if self.may_type() {
            "Enter starts another, "
        } else {
            ""
        };
        let text = match &self.attachment.terminal().status {
            TerminalStatus::Running => return,
            TerminalStatus::Waiting if changed || self.sizes() => return,
            TerminalStatus::Waiting => format!("no shell has been started here; {leave} leaves"),
            TerminalStatus::Exited { message, .. } => {
                format!("{message}; {restart}{leave} leaves")
            }
            TerminalStatus::Failed { message, hint } => {
                format!("{message} ({hint}); {restart}{leave} leaves")
            }
        };
        self.display.status(&text);
    }

    /// The size of the window, if the terminal is larger and the person can't change that.
    fn own_size_if_cramped(&self) -> Option<(u16, u16)> {
        let own = Console::size().filter(|_| self.console.is_screen && !self.sizes())?;
        (self.size.0 > own.0 || self.size.1 > own.1).then_some(own)
    }

    /// Tells once that the terminal is larger than the window.
    fn tell_size(&mut self) {
        let (cols, rows) = self.size;
        if let Some(own) = self.own_size_if_cramped() {
            self.display.status(&format!(
                "this terminal has {cols} columns and {rows} rows; your window has {} and {}",
                own.0, own.1
            ));
        }
    }
}
