//! Integration tests, in one binary so that they are linked once.

#![expect(
    unreachable_pub,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test binary is read by nobody but its tests, prints what it measured, and fails by panicking"
)]

mod architecture;
mod attach;
mod attacks;
mod audience;
mod authors;
mod busy;
mod check;
mod checks;
mod dependencies;
mod exec;
mod export;
mod faults;
mod fix;
mod golden;
mod harness;
mod keystrokes;
mod lab;
mod new;
mod other_client;
mod play;
mod play_broken;
mod playback;
mod program;
mod progress;
mod protocol;
mod reload;
mod scenarios;
mod screen;
mod security;
mod shells;
mod soak;
mod terminals;
mod transcript;
mod trust;
