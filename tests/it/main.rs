//! Integration tests, in one binary so that they are linked once.

#![expect(
    unreachable_pub,
    clippy::unwrap_used,
    reason = "a test binary is read by nobody but its tests, and fails by panicking"
)]

mod architecture;
mod attacks;
mod audience;
mod authors;
mod check;
mod dependencies;
mod exec;
mod golden;
mod harness;
mod keystrokes;
mod lab;
mod other_client;
mod program;
mod protocol;
mod scenarios;
mod screen;
mod security;
mod shells;
mod terminals;
