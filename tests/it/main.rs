//! Integration tests, in one binary so that they are linked once.

#![expect(
    clippy::unwrap_used,
    unreachable_pub,
    reason = "a test that fails says where, and one crate needs no visibility"
)]

mod dependencies;
mod golden;
mod harness;
mod keystrokes;
mod screen;
mod terminals;
