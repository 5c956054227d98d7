//! Every message on the wire between a client and the server, and nothing else.
//!
//! One WebSocket carries everything. Text frames are JSON-RPC 2.0 ([`rpc`]): the client's requests
//! and notifications are in [`client`], the server's answers and notifications in [`server`].
//! Binary frames are the bytes of terminals ([`frame`]). `docs/protocol.md` tells the story in
//! order; `web/src/protocol.ts` is generated from these types by a test.

pub mod audience;
pub mod client;
pub mod error;
pub mod frame;
pub mod progress;
pub mod rpc;
pub mod run;
pub mod server;
pub mod trust;
#[cfg(test)]
mod typescript;

/// The version a client names in `initialize`; another one is refused.
pub const VERSION: u32 = 1;

/// The WebSocket subprotocol, named in `Sec-WebSocket-Protocol`.
pub const SUBPROTOCOL: &str = "katahost.v1";

/// The longest name that a client may give itself.
pub const MAX_NAME_CHARS: usize = 40;

/// The largest message a client may send; larger ones close the socket with code 1009.
pub const MAX_CLIENT_MESSAGE_BYTES: usize = 1024 * 1024;

/// How often the server sends `lab/heartbeat`, so that a client notices a dead link.
pub const HEARTBEAT_SECONDS: u64 = 10;

/// How many calls a client may make at once before [`CALLS_PER_SECOND`] counts. A page that runs
/// all its blocks by program stays below; an endless loop does not.
pub const CALLS_BURST: u32 = 2_000;

/// How many calls a client may make for long; a client that makes more is closed with code 4001.
/// People make a few in a second, programs wait for answers.
pub const CALLS_PER_SECOND: u32 = 1_000;

/// As how many calls a `page/read` counts, for which a page is read and parsed.
pub const READ_PAGE_CALLS: u32 = 25;

/// How many signals, which are acknowledgements, sizes, binary frames and pings, a client may send
/// at once before [`SIGNALS_PER_SECOND`] counts.
pub const SIGNALS_BURST: u32 = 20_000;

/// How many signals a client may send for long. A terminal that acknowledges every 64 KiB at
/// 100 MB/s sends 1,600, and several may do so.
pub const SIGNALS_PER_SECOND: u32 = 10_000;
