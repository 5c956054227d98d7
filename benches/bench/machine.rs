//! What the kernel says of the machine and of a process (proc(5)).

use std::fs;

use rustix::process::{Resource, getrlimit, setrlimit};

use crate::Fault;

/// Ticks are counted in these (`sysconf(_SC_CLK_TCK)`, 100 a second on every Linux).
const TICK_MS: f64 = 10.0;

/// The load averages of the last 1, 5 and 15 minutes.
pub(crate) fn load() -> String {
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    load.split(' ').take(3).collect::<Vec<_>>().join(" ")
}

/// Whether others had used more than a fifth of a processor in the last minute.
pub(crate) fn is_busy(load: &str) -> bool {
    let last = load.split(' ').next().and_then(|load| load.parse().ok());
    last.is_some_and(|last: f64| last > 0.2)
}

/// Lets this process, and those it starts, have a thousand sockets.
pub(crate) fn raise_descriptor_limit() -> Result<(), Fault> {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    Ok(setrlimit(Resource::Nofile, limit)?)
}

/// The processor time that a process has used, in milliseconds: exact where all its threads still
/// run, and otherwise in ticks.
pub(crate) fn cpu_ms(process: u32) -> Result<f64, Fault> {
    let mut nanoseconds = 0;
    for thread in fs::read_dir(format!("/proc/{process}/task"))? {
        // One that ends meanwhile is in the ticks.
        let times = fs::read_to_string(thread?.path().join("schedstat")).unwrap_or_default();
        let own = times.split(' ').next().and_then(|time| time.parse().ok());
        nanoseconds += own.unwrap_or(0);
    }
    let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
    let (_, fields) = stat.rsplit_once(')').ok_or("no process name")?;
    // Behind the name: state is the third field, utime and stime are the 14th and 15th.
    let ticks = fields.split_ascii_whitespace().skip(11).take(2);
    let ticks: u64 = ticks.map(|ticks| ticks.parse().unwrap_or(0)).sum();
    Ok((number(nanoseconds) / 1e6).max(number(ticks) * TICK_MS))
}

/// The memory of a process that is in use, in MB.
pub(crate) fn resident_mb(process: u32) -> Result<f64, Fault> {
    status_mb(process, "VmRSS:")
}

/// Begins to watch for the most memory that a process uses.
pub(crate) fn watch_peak(process: u32) -> Result<(), Fault> {
    Ok(fs::write(format!("/proc/{process}/clear_refs"), "5")?)
}

/// The most memory that a process has used since [`watch_peak`], in MB.
pub(crate) fn peak_mb(process: u32) -> Result<f64, Fault> {
    status_mb(process, "VmHWM:")
}

fn status_mb(process: u32, field: &str) -> Result<f64, Fault> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    let kib = line.and_then(|line| line.split_ascii_whitespace().next());
    Ok(kib.ok_or("no such field")?.parse::<f64>()? * 1024.0 / 1e6)
}

/// A count as a figure.
#[expect(clippy::cast_precision_loss, reason = "counts here are far below 2^52")]
pub(crate) fn number(count: u64) -> f64 {
    count as f64
}
