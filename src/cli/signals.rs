//! The signals that ask the program to end.

use std::fs;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::Failure;

/// Cancels `stop` when somebody wants the program to end: by Ctrl-C, by `kill`, by closing its
/// terminal.
///
/// # Errors
///
/// The system does not tell of signals.
pub(super) fn stop_on_signals(stop: &CancellationToken) -> Result<(), Failure> {
    let mut kinds = vec![SignalKind::interrupt(), SignalKind::terminate()];
    if minds_hangup() {
        kinds.push(SignalKind::hangup());
    }
    for kind in kinds {
        let mut signal = signal(kind).map_err(|error| Failure::broken(error.to_string()))?;
        let stop = stop.clone();
        tokio::spawn(async move {
            signal.recv().await;
            stop.cancel();
        });
    }
    Ok(())
}

/// Whether the program ends with its terminal. Who starts it with `nohup` wants it to go on; where
/// the system does not tell of that (proc(5)), the signal does what it does.
fn minds_hangup() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|bits| u64::from_str_radix(bits.trim(), 16).ok());
    let hangup = 1 << (SignalKind::hangup().as_raw_value() - 1);
    ignored.is_some_and(|ignored| ignored & hangup == 0)
}
