//! Terminals: a shell in a pseudo-terminal, what it wrote, and everybody who watches it.
//!
//! One task, `task`, owns a terminal; others hold a [`handle::TerminalHandle`]. Clients read the shared
//! [`output::Output`] at their own pace and ask the task only for a checkpoint.

pub mod aftermath;
mod descriptor;
mod doorbell;
pub mod echo;
pub mod film;
mod flood;
pub mod foreground;
mod guard;
pub mod handle;
mod history;
pub mod integration;
mod interruption;
pub mod journal;
pub mod launcher;
pub mod mark;
pub mod occupation;
pub mod open_files;
pub mod output;
pub mod pace;
pub mod plain;
mod playback;
pub mod preview;
pub mod pty;
pub mod query;
pub mod quiet;
pub mod recorder;
mod retirement;
pub mod runs;
pub mod screen;
mod settle;
mod task;
pub mod tracking;
mod writes;

pub use film::Film;
pub use handle::{Status, TerminalEvent, TerminalHandle};
pub use integration::Integration;
pub use journal::TerminalSize;
pub use launcher::Launcher;
