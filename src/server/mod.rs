//! What answers browsers.

pub mod assets;
