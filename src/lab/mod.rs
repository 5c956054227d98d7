//! Labs: running instances of scenarios. One task, `actor`, owns a lab; others hold a handle.

mod actor;
pub mod archive;
pub mod capture;
mod checker;
mod checks;
pub mod clients;
pub mod event;
mod executions;
pub mod fix;
pub mod folder;
pub mod handle;
mod instance;
pub mod judge;
pub mod library;
pub mod links;
mod load;
mod look;
pub mod progress;
pub mod recordings;
mod runs;
pub mod scan;
pub mod scratch;
pub mod store;
mod survey;
mod titles;
mod watch;

pub use event::{LabEvent, LabSnapshot};
pub use folder::Folder;
pub use handle::{LabError, LabHandle};
pub use library::Library;
pub use scan::Scan;
pub use store::LabStore;

// What a lab is made with, for those who make one.
pub use crate::terminal::Integration;
