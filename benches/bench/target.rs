//! What each figure should be.

use crate::{
    figures::{Row, Subject},
    integration::WITHOUT,
};

/// A bound for a figure of katahost's, or for its ratio to somebody else's.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Target {
    AtLeast(f64),
    AtMost(f64),
    RatioAtLeast(f64, &'static str),
    RatioAtMost(f64, &'static str),
}

use Target::{AtLeast, AtMost, RatioAtLeast, RatioAtMost};

const BARE: &str = "bare WebSocket";

/// The rows that have one; the others are there to be looked at.
const TARGETS: [(&str, Target); 29] = [
    ("start/first prompt byte, ms", AtMost(40.0)),
    ("echo/p50, µs", RatioAtMost(1.1, BARE)),
    ("echo/p99, µs", RatioAtMost(1.3, BARE)),
    ("echo beside a flood/p50, µs", RatioAtMost(1.1, BARE)),
    ("echo beside a flood/p99, µs", RatioAtMost(1.3, BARE)),
    ("log/64 MiB, MB/s", RatioAtLeast(0.95, BARE)),
    ("log/seq 1 5000000, MB/s", RatioAtLeast(0.95, BARE)),
    ("log/64 MiB, server CPU ms/MB", RatioAtMost(2.5, BARE)),
    (
        "log/seq 1 5000000, server CPU ms/MB",
        RatioAtMost(2.5, BARE),
    ),
    // No cost that can be measured: what is left is how much two runs of the same differ.
    ("shell integration/echo p50, µs", RatioAtMost(1.05, WITHOUT)),
    ("shell integration/echo p99, µs", RatioAtMost(1.1, WITHOUT)),
    (
        "shell integration/64 MiB log, MB/s",
        RatioAtLeast(0.97, WITHOUT),
    ),
    (
        "shell integration/seq 1 5000000, MB/s",
        RatioAtLeast(0.97, WITHOUT),
    ),
    ("bursts of 800 kB/server CPU ms/MB", RatioAtMost(1.3, BARE)),
    ("memory/500 idle terminals, MB", AtMost(30.0)),
    ("500 viewers, burst/delivered, MB/s", AtLeast(1000.0)),
    ("500 viewers, burst/memory growth, MB", AtMost(20.0)),
    ("500 viewers, burst/who got all", AtLeast(500.0)),
    (
        "500 viewers, flood/driver, MB/s",
        RatioAtLeast(0.9, "alone"),
    ),
    (
        "500 viewers, flood/at the end after 1 s, viewers",
        AtLeast(500.0),
    ),
    ("500 viewers, flood/right screens, of 5", AtLeast(5.0)),
    ("one stalled viewer/memory growth, MB", AtMost(4.0)),
    (
        "one stalled viewer/MB/s to five others",
        RatioAtLeast(0.95, "none stalled"),
    ),
    ("1,000 paced viewers/delay p99, ms", AtMost(25.0)),
    ("1,000 paced viewers/lines missing", AtMost(0.0)),
    (
        "test of the migration lab/seconds",
        RatioAtMost(1.05, "its commands alone"),
    ),
    ("browser/restore of 10,000 lines: screen, ms", AtMost(100.0)),
    (
        "browser/Ctrl-C in a flood to prompt, slowest, ms",
        AtMost(200.0),
    ),
    (
        "browser/Ctrl-C over 100 ms and 10 Mbit/s, slowest, ms",
        AtMost(200.0),
    ),
];

impl Target {
    pub(crate) fn of(row: &Row) -> Option<Self> {
        let found = TARGETS.iter().find(|(name, _)| *name == row.name);
        found.map(|(_, target)| *target)
    }

    /// Beside whom it stands in the table: itself where it is a bound for katahost alone.
    pub(crate) fn peer(self) -> Option<&'static str> {
        match self {
            AtLeast(_) | AtMost(_) => None,
            RatioAtLeast(_, peer) | RatioAtMost(_, peer) => Some(peer),
        }
    }

    pub(crate) fn text(self) -> String {
        match self {
            AtLeast(bound) => format!("≥ {bound}"),
            AtMost(bound) => format!("≤ {bound}"),
            RatioAtLeast(bound, _) => format!("ratio ≥ {bound}"),
            RatioAtMost(bound, _) => format!("ratio ≤ {bound}"),
        }
    }

    /// Whether it is met; nothing where what it needs was not measured.
    pub(crate) fn is_met(self, row: &Row) -> Option<bool> {
        let own = row.subject("katahost")?;
        let ratio = |peer| own.ratio_to(row.subject(peer)?);
        let median = Some(Subject::summary(own).0);
        Some(match self {
            AtLeast(bound) => median? >= bound,
            AtMost(bound) => median? <= bound,
            RatioAtLeast(bound, peer) => ratio(peer)? >= bound,
            RatioAtMost(bound, peer) => ratio(peer)? <= bound,
        })
    }
}
