//! Who sets the pace of a terminal: the fastest driver that is awake.
//!
//! Clients acknowledge what they have parsed. A program is read no faster than the fastest awake
//! driver keeps up with, so that Ctrl-C shows its effect soon during a flood. Viewers and drivers
//! that fell asleep are owed nothing: they get a snapshot when they fall behind.

use std::{
    collections::HashMap,
    sync::Mutex,
    time::{Duration, Instant},
};

use tokio::sync::Notify;

/// How many bytes may be on their way to the driver that sets the pace. At the 5 to 35 MB/s that
/// xterm.js parses this is 15 to 100 ms of work.
pub const WINDOW_BYTES: u64 = 512 * 1024;

/// A driver that has acknowledged nothing for this long, with bytes waiting, is asleep.
pub const ASLEEP_AFTER: Duration = Duration::from_secs(2);

/// A client's number, unique in the program's run.
pub type ClientNumber = u64;

/// The drivers of one terminal and how far each has parsed.
#[derive(Debug, Default)]
pub struct Pace {
    drivers: Mutex<HashMap<ClientNumber, Driver>>,
    acknowledged: Notify,
}

#[derive(Debug)]
struct Driver {
    parsed: u64,
    /// Since when bytes wait without a sign of life; `None` when all is parsed.
    behind_since: Option<Instant>,
}

/// Whether a terminal may be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permission {
    /// Read on.
    Read,
    /// Wait for an acknowledgement, at most until then.
    WaitUntil(Instant),
}

impl Pace {
    /// Lets a driver that has everything before `offset` take part.
    pub fn join(&self, client: ClientNumber, offset: u64) {
        self.lock().insert(
            client,
            Driver {
                parsed: offset,
                behind_since: None,
            },
        );
    }

    /// Forgets a client.
    pub fn leave(&self, client: ClientNumber) {
        self.lock().remove(&client);
        self.acknowledged.notify_one();
    }

    /// Notes that `client` has parsed everything before `offset`. An offset beyond `end`, which
    /// was never sent, counts as `end`.
    pub fn acknowledge(&self, client: ClientNumber, offset: u64, end: u64) {
        if let Some(driver) = self.lock().get_mut(&client) {
            let parsed = offset.min(end);
            if parsed > driver.parsed {
                driver.parsed = parsed;
                driver.behind_since = (parsed < end).then(Instant::now);
            }
        }
        self.acknowledged.notify_one();
    }

    /// Waits for the next acknowledgement.
    ///
    /// # Cancel safety
    ///
    /// An acknowledgement between two calls is not lost.
    pub async fn acknowledged(&self) {
        self.acknowledged.notified().await;
    }

    /// Whether the program may be read, its output having reached `end`.
    pub fn permission(&self, end: u64, now: Instant) -> Permission {
        let mut drivers = self.lock();
        let mut fastest: Option<(u64, Instant)> = None;
        for driver in drivers.values_mut().filter(|driver| driver.parsed < end) {
            let since = *driver.behind_since.get_or_insert(now);
            if now.duration_since(since) < ASLEEP_AFTER {
                let candidate = (driver.parsed, since + ASLEEP_AFTER);
                fastest = fastest.max(Some(candidate));
            }
        }
        let caught_up = drivers.values().any(|driver| driver.parsed >= end);
        match fastest {
            Some((parsed, deadline)) if !caught_up && end - parsed >= WINDOW_BYTES => {
                Permission::WaitUntil(deadline)
            }
            _ => Permission::Read,
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<ClientNumber, Driver>> {
        self.drivers
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FULL: u64 = WINDOW_BYTES;

    #[test]
    fn terminal_without_drivers_is_read_freely() {
        let pace = Pace::default();
        assert_eq!(pace.permission(u64::MAX, Instant::now()), Permission::Read);
    }

    #[test]
    fn driver_with_a_full_window_stops_the_reading_until_it_acknowledges() {
        let pace = Pace::default();
        let now = Instant::now();
        pace.join(1, 0);
        assert_eq!(pace.permission(FULL - 1, now), Permission::Read);
        assert_eq!(
            pace.permission(FULL, now),
            Permission::WaitUntil(now + ASLEEP_AFTER)
        );
        pace.acknowledge(1, 1, FULL);
        assert_eq!(pace.permission(FULL, now), Permission::Read);
    }

    #[test]
    fn fastest_driver_sets_the_pace() {
        let pace = Pace::default();
        let now = Instant::now();
        pace.join(1, 0);
        pace.join(2, 0);
        pace.acknowledge(2, FULL, FULL);
        assert_eq!(pace.permission(FULL, now), Permission::Read);
    }

    #[test]
    fn sleeping_driver_stops_nobody() {
        let pace = Pace::default();
        let now = Instant::now();
        pace.join(1, 0);
        assert_ne!(pace.permission(FULL, now), Permission::Read);
        assert_eq!(pace.permission(FULL, now + ASLEEP_AFTER), Permission::Read);
    }

    #[test]
    fn acknowledging_the_future_counts_as_the_end() {
        let pace = Pace::default();
        let now = Instant::now();
        pace.join(1, 0);
        pace.acknowledge(1, u64::MAX, 10);
        assert_ne!(pace.permission(10 + FULL, now), Permission::Read);
    }
}
