//! `katahost attach`: a lab's terminal in one's own.

mod console;
mod conversation;
mod display;
mod harmless;

use std::io::{self, IsTerminal, Write};

use clap::Args;
use percent_encoding::percent_decode_str;

use self::{
    console::Console,
    conversation::{Left, Manner, converse},
};
use super::{
    Failure, output,
    place::{self, Place, within},
    visit::{greet, visit},
};
use crate::{
    client::{
        Role, TerminalInfo, TerminalStatus,
        attachment::{Attachment, End},
    },
    lab::store::random_name,
    scenario::nearest,
};

/// Join a terminal of a running lab from your own terminal
///
/// You see what everybody sees who watches it, and what you type goes to it, Ctrl-C included. With
/// a watch link you only look, until the driver gives you the keyboard; Ctrl-K asks for it. A lost
/// connection is found again, with nothing lost or typed twice. When the shell ends you stay; Enter
/// starts another.
///
/// Without a terminal, it lists those of the lab.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    katahost attach                          the terminals that there are\n  \
    katahost attach host                     join one; Ctrl-] leaves it, and it goes on\n  \
    katahost attach my-lab/host              where the server has several labs\n  \
    katahost attach --url 'http://127.0.0.1:7681/watch/my-lab/?token=…' host\n  \
    katahost attach --read-only host | tee host.log\n\n\
    The exit code is 0 when you left, 1 if the terminal can't be watched any more (the link was \
    revoked, the server is gone), 2 if there is no such lab or terminal, and 128 and its number \
    after a signal.")]
pub(super) struct Arguments {
    #[command(flatten)]
    place: place::Options,
    /// Only look: nothing that you type is sent, and your window's size neither
    #[arg(long)]
    read_only: bool,
    /// The name by which the driver and others see you
    #[arg(long)]
    name: Option<String>,
    /// The key that leaves, such as ctrl-] or ^q
    #[arg(long, env = "KATAHOST_LEAVE_KEY", value_name = "KEY", default_value = "ctrl-]", value_parser = leave_key)]
    leave_key: u8,
    /// The terminal's id or name, behind its lab where the server has several
    #[arg(value_name = "[LAB/]TERMINAL")]
    terminal: Option<String>,
}

pub(super) fn run(mut arguments: Arguments) -> Result<(), Failure> {
    // A terminal's name may hold a slash, a lab's can't.
    let named = arguments.terminal.take();
    let terminal = match named.as_deref().and_then(|name| name.split_once('/')) {
        Some((lab, terminal)) => {
            arguments.place.lab = Some(lab.to_owned());
            Some(terminal.to_owned()).filter(|terminal| !terminal.is_empty())
        }
        None => named,
    };
    visit(&arguments.place, async |place, lab| match &terminal {
        Some(terminal) => attach(&arguments, place, lab, terminal).await,
        None => list(place, lab).await,
    })
}

async fn list(place: &Place, lab: &str) -> Result<(), Failure> {
    let (_, state) = within(greet(place, lab, &random_name())).await?;
    let name = percent_decode_str(lab).decode_utf8_lossy();
    let line = |terminal: &TerminalInfo| {
        let TerminalInfo {
            id, name: title, ..
        } = terminal;
        let title = if title == id {
            String::new()
        } else {
            format!(" ({title})")
        };
        let status = match &terminal.status {
            TerminalStatus::Waiting => "no shell yet",
            TerminalStatus::Running => "a shell runs",
            TerminalStatus::Exited { message, .. } | TerminalStatus::Failed { message, .. } => {
                message
            }
        };
        format!("{name}/{id}{title}: {status}\n")
    };
    let lines: String = state.terminals.iter().map(line).collect();
    output::print(&lines);
    Ok(())
}

async fn attach(
    arguments: &Arguments,
    place: &Place,
    lab: &str,
    terminal: &str,
) -> Result<(), Failure> {
    let read_only = arguments.read_only;
    let keys = io::stdin().is_terminal() && (!read_only || io::stdout().is_terminal());
    if !keys && !read_only {
        return Err(Failure::usage(
            "standard input is no terminal",
            "run it in a terminal, give --read-only to print what the terminal shows, or drive \
             the lab with `katahost exec`",
        ));
    }
    let opened = Attachment::open(place.socket(lab), random_name(), terminal).await;
    let mut attachment = opened.map_err(|end| ended(end, place, lab, terminal))?;
    let id = attachment.terminal().id.clone();
    let leave_name = key_name(arguments.leave_key);
    let console = Console::open(keys).map_err(|error| Failure::broken(error.to_string()))?;
    let watching = read_only || attachment.role() < Role::Guest;
    let verb = if watching { "watching" } else { "attached to" };
    let leaves = if keys { leave_name.as_str() } else { "Ctrl-C" };
    let lab_name = percent_decode_str(lab).decode_utf8_lossy();
    tell(&format!("{verb} {lab_name}/{id}; {leaves} leaves"));
    let manner = Manner {
        read_only,
        keys,
        name: arguments.name.clone(),
        leave_key: arguments.leave_key,
        leave_name: leaves.to_owned(),
    };
    let (left, alternate) = converse(&mut attachment, &console, manner)
        .await
        .map_err(|error| Failure::broken(error.to_string()))?;
    console.close(alternate);
    match left {
        Left::ByKey => {
            tell(&format!("left {id}; the terminal goes on"));
            Ok(())
        }
        // Whoever reads a pipe may stop reading.
        Left::OutputGone(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        Left::OutputGone(error) => Err(Failure::broken(format!(
            "the output can't be written: {error}"
        ))),
        Left::Signal(number) => Err(Failure {
            message: format!("ended by signal {number}; the terminal `{id}` goes on"),
            hint: None,
            code: 128 + number,
        }),
        Left::End(end) => Err(Failure {
            code: 1,
            ..ended(end, place, lab, &id)
        }),
    }
}

fn ended(end: End, place: &Place, lab: &str, terminal: &str) -> Failure {
    match end {
        End::Revoked => Failure {
            message: "the link was revoked".to_owned(),
            hint: Some("ask whoever gave it to you for a new one".to_owned()),
            code: 1,
        },
        End::NoTerminal(terminals) => {
            let ids: Vec<&str> = terminals.iter().map(|one| one.id.as_str()).collect();
            let near = nearest(terminal, &ids)
                .map_or_else(String::new, |id| format!("did you mean `{id}`? "));
            let known = ids.join("`, `");
            Failure::usage(
                format!("there is no terminal `{terminal}`"),
                format!("{near}the lab has `{known}`"),
            )
        }
        End::Failed(error) => place.failure(error, lab),
    }
}

/// Tells the person something beside what the terminal shows.
fn tell(text: &str) {
    // In raw mode a line's end alone does not go back to its beginning.
    if let Err(error) = write!(io::stderr().lock(), "[{text}]\r\n") {
        tracing::debug!(%error, "standard error has gone away");
    }
}

/// Reads a key that is pressed together with Ctrl.
fn leave_key(text: &str) -> Result<u8, String> {
    let lower = text.to_ascii_lowercase();
    let key = ["ctrl-", "c-", "^"]
        .into_iter()
        .find_map(|start| lower.strip_prefix(start));
    match key.map(str::as_bytes) {
        Some([key @ (b'a'..=b'z' | b'[' | b'\\' | b']' | b'^' | b'_')]) => Ok(key & 0x1f),
        _ => Err("a key is written as `ctrl-]` or `^q`".to_owned()),
    }
}

fn key_name(key: u8) -> String {
    format!("Ctrl-{}", char::from(key | 0x40))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leave_key_is_read_in_each_way_of_writing_it() {
        for (text, key, name) in [
            ("ctrl-]", 0x1d, "Ctrl-]"),
            ("^]", 0x1d, "Ctrl-]"),
            ("C-q", 0x11, "Ctrl-Q"),
            ("^Q", 0x11, "Ctrl-Q"),
            ("ctrl-\\", 0x1c, "Ctrl-\\"),
        ] {
            assert_eq!(leave_key(text), Ok(key), "{text}");
            assert_eq!(key_name(key), name);
        }
        for text in ["", "q", "ctrl-", "ctrl-qq", "^1", "alt-q"] {
            assert!(leave_key(text).is_err(), "{text}");
        }
    }
}
