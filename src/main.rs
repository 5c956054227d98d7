//! The `katahost` program: arguments, logging, exit codes.

use std::process::ExitCode;

fn main() -> ExitCode {
    katahost::cli::run()
}
