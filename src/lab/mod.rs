//! Labs: running instances of scenarios. One task, `actor`, owns a lab; others hold a handle.

mod actor;
mod answers;
pub mod archive;
mod asks;
pub mod capture;
mod checker;
mod checks;
pub mod clients;
pub mod event;
mod executions;
pub mod fix;
pub mod folder;
pub mod handle;
mod history;
mod instance;
pub mod judge;
pub mod library;
pub mod links;
pub mod listing;
mod load;
mod look;
mod options;
pub mod progress;
pub mod record;
pub mod recordings;
pub mod replacement;
mod runs;
pub mod scan;
pub mod scratch;
pub mod store;
mod survey;
mod titles;
pub mod trust;
mod watch;
mod ways;

pub use event::{LabEvent, LabSnapshot};
pub use folder::Folder;
pub use handle::{LabError, LabHandle};
pub use library::Library;
pub use listing::Listing;
pub use record::Record;
pub use scan::Scan;
pub use store::LabStore;
pub use trust::Trust;

// What a lab is made with, for those who make one.
pub use crate::terminal::Integration;
