//! What a scenario's files mean: config, pages, blocks, links. Pure: texts in, plain data out.
//!
//! Nothing here fails: what is wrong with a scenario becomes a [`Diagnostic`] beside the best
//! reading of it, as the original's behaviour asks for.
//!
//! A page goes through `markdown` (source to `token`s), `attach` (`{.class}` lists, read by
//! `curly`), `blocks` (fences, with their `header`), `render` (HTML), `nesting`, `stray` and
//! `sanitise`, and is read back by `extract`, which finds its links and makes its `address`es work.

mod address;
mod attach;
pub mod block;
mod blocks;
pub mod check;
pub mod config;
mod curly;
pub mod diagnostic;
pub mod expectation;
mod expected;
mod extract;
pub mod fix;
mod header;
mod javascript;
pub mod link;
mod mark;
mod markdown;
mod nesting;
mod on_load;
pub mod page;
mod places;
pub mod recording;
mod removed;
mod render;
mod sanitise;
mod stray;
mod tag;
mod text;
mod token;
pub mod unattended;

pub use block::{Block, BlockKind, Invocation, Limit, Macro};
pub use config::{Config, OnLoad, TerminalSpec};
pub use diagnostic::{Diagnostic, Place, Severity};
pub use expectation::{ExitCode, Expectation, Required, VerifyOn};
pub use link::{CommandLink, Link};
pub use page::Page;
pub(crate) use text::nearest;
pub use unattended::{Occasion, Unattended};
