//! What a scenario's files mean: config, pages, blocks, links. Pure: texts in, plain data out.
//!
//! Nothing here fails: what is wrong with a scenario becomes a [`Diagnostic`] beside the best
//! reading of it, as the original's behaviour asks for.

pub mod block;
pub mod config;
pub mod diagnostic;
pub mod link;
pub mod page;

pub use block::{Block, BlockKind, Invocation, Limit, Macro};
pub use config::{Config, OnLoad, TerminalSpec};
pub use diagnostic::{Diagnostic, Severity};
pub use link::{CommandLink, Link};
pub use page::Page;
