//! A program for a terminal that writes lines at a steady pace, each with the moment of its writing.

use std::{
    io::{Write, stdout},
    time::Duration,
};

use rustix::time::{ClockId, clock_gettime};

use crate::Fault;

/// The argument that makes this program write.
pub(crate) const MODE: &str = "pace";

/// What stands before the moment in a line, and nowhere else.
pub(crate) const STAMP: u8 = b'@';

/// The pause between two lines, and how long each is.
const PAUSE: Duration = Duration::from_millis(10);
const LINE_BYTES: usize = 180;

/// The time since the machine's start, which all processes share, in microseconds.
pub(crate) fn now_us() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    let micros = now.tv_nsec.cast_unsigned() / 1000;
    now.tv_sec.cast_unsigned() * 1_000_000 + micros
}

/// Writes so many lines. One that comes late does not delay the next.
pub(crate) fn write_lines(lines: u32) -> Result<(), Fault> {
    let began = std::time::Instant::now();
    for line in 0..lines {
        std::thread::sleep((PAUSE * line).saturating_sub(began.elapsed()));
        let text = format!("{}{} ", char::from(STAMP), now_us());
        let text = format!("{text:-<0$}\n", LINE_BYTES - 1);
        stdout().write_all(text.as_bytes())?;
        stdout().flush()?;
    }
    Ok(())
}
