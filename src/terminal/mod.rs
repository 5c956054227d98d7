//! Terminals: a shell in a pseudo-terminal, what it wrote, and everybody who watches it.
//!
//! One task, `task`, owns a terminal; others hold a [`handle::TerminalHandle`]. Clients read the shared
//! [`output::Output`] at their own pace and ask the task only for a checkpoint.

mod descriptor;
mod flood;
pub mod handle;
mod history;
pub mod journal;
pub mod launcher;
pub mod open_files;
pub mod output;
pub mod pace;
pub mod pty;
pub mod query;
pub mod runs;
pub mod screen;
mod settle;
mod task;
mod writes;

pub use handle::{Status, TerminalEvent, TerminalHandle};
pub use journal::TerminalSize;
pub use launcher::Launcher;
