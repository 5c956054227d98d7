//! Integration tests, in one binary so that they are linked once.

#![expect(
    unreachable_pub,
    missing_docs,
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "a test binary is read by nobody but its tests, and fails by panicking"
)]

mod architecture;
mod dependencies;
mod golden;
mod harness;
mod keystrokes;
mod lab;
mod program;
mod protocol;
mod screen;
mod security;
mod terminals;
