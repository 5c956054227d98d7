//! katahost runs Katapod labs anywhere: steps on the left, named terminals on the right.
//!
//! Modules, in reading order:
//!
//! - [`scenario`]: what a folder of Markdown means; pure.
//! - [`command`]: what executing a command asks a lab to do; pure.
//! - [`protocol`]: every message on the wire; pure.

pub mod protocol;
pub mod scenario;
pub mod server;
