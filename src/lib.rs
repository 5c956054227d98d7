//! katahost runs Katapod labs anywhere: steps on the left, named terminals on the right.
//!
//! Modules, in reading order:
//!
//! - [`scenario`]: what a folder of Markdown means; pure.
//! - [`command`]: what executing a command asks a lab to do; pure.
//! - [`protocol`]: every message on the wire; pure.
//! - [`terminal`]: a shell in a pseudo-terminal, its past, and who watches it.
//! - [`lab`]: a running instance of a scenario, and the store of them.
//! - [`server`]: routes, who gets in, and each client's socket.
//! - [`client`]: a client of the protocol, for programs.
//! - [`cli`]: the command line.

pub mod cli;
pub mod client;
pub mod command;
pub mod lab;
pub mod protocol;
pub mod scenario;
pub mod server;
pub mod terminal;
