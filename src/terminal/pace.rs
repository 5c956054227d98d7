//! Who sets the pace of a terminal: the fastest driver that is awake.
//!
//! Clients acknowledge what they have parsed. A program is read no faster than the fastest awake
//! driver keeps up with, so that Ctrl-C shows its effect soon during a flood. Viewers and drivers
//! that fell asleep are owed nothing: they get a snapshot when they fall behind.

use std::{
    collections::HashMap,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::sync::Notify;

use super::pty::READ_BYTES;

/// How many bytes may be on their way to a driver whose speed is not known yet.
const FIRST_WINDOW_BYTES: u64 = 256 * 1024;

/// The least that is on its way: what a client acknowledges at once.
const LEAST_WINDOW_BYTES: u64 = 128 * 1024;

/// The most that is on its way, which the journal still holds.
pub const MOST_WINDOW_BYTES: u64 = 768 * 1024;

/// How much is read after Ctrl-C, whatever is on its way: the system has discarded what a flood had
/// written, and the prompt need not wait for acknowledgements.
const INTERRUPTED_BYTES: u64 = 64 * 1024;

/// The least that is read at a time: what the system hands over in one piece.
const LEAST_READ_BYTES: usize = 4 * 1024;

/// How many reads fill the window of a driver that is slow, its link or itself. What is read at once
/// comes down a slow link as one piece, is acknowledged as one, and makes room for as much: Ctrl-C
/// would wait for such a piece.
const SLOW_READS: u64 = 16;

/// How long the bytes on their way may take to be parsed: Ctrl-C shows its effect behind them. A
/// driver whose acknowledgements take longer is too distant for that, and is not held up besides.
const WINDOW_TIME: Duration = Duration::from_millis(120);

/// A round trip is measured with no more than this on its way, which tells the time of the way.
const PROBE_BYTES: u64 = 16 * 1024;

/// How long a driver's speed is measured at least: in less, acknowledgements that were held up on
/// their way and come together would count as speed.
const SAMPLE_TIME: Duration = Duration::from_millis(200);

/// A driver that has acknowledged nothing for this long, with bytes waiting, is asleep.
pub const ASLEEP_AFTER: Duration = Duration::from_secs(2);

/// A client's number, unique in the program's run.
pub type ClientNumber = u64;

/// The drivers of one terminal and how far each has parsed.
#[derive(Debug, Default)]
pub struct Pace {
    drivers: Mutex<HashMap<ClientNumber, Driver>>,
    acknowledged: Notify,
    /// Up to where is read as the program was interrupted.
    interrupted_to: AtomicU64,
}

#[derive(Debug)]
struct Driver {
    parsed: u64,
    /// Since when bytes wait without a sign of life; `None` when all is parsed.
    behind_since: Option<Instant>,
    window: u64,
    /// Where the measurement of its speed began, which goes on while it is behind.
    sample: Option<(Instant, u64)>,
    /// An offset, and when the terminal had written that far with next to nothing on its way.
    sent: Option<(u64, Instant)>,
    /// The shortest time from there to the acknowledgement.
    round_trip: Option<Duration>,
}

/// Whether a terminal may be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permission {
    /// Read on, about so many bytes at most.
    Read(usize),
    /// Wait for an acknowledgement, at most until then.
    WaitUntil(Instant),
}

impl Pace {
    /// Lets a driver that has everything before `offset` take part.
    pub fn join(&self, client: ClientNumber, offset: u64) {
        self.lock().insert(client, Driver::new(offset));
    }

    /// Forgets a client.
    pub fn leave(&self, client: ClientNumber) {
        self.lock().remove(&client);
        self.acknowledged.notify_one();
    }

    /// Notes that `client` has parsed everything before `offset`. An offset beyond `end`, which
    /// was never sent, counts as `end`.
    pub fn acknowledge(&self, client: ClientNumber, offset: u64, end: u64, now: Instant) {
        if let Some(driver) = self.lock().get_mut(&client) {
            driver.acknowledge(offset.min(end), end, now);
        }
        self.acknowledged.notify_one();
    }

    /// Notes that the program was interrupted when its output had reached `end`.
    pub fn interrupt(&self, end: u64) {
        self.interrupted_to
            .store(end + INTERRUPTED_BYTES, Ordering::Relaxed);
    }

    /// Whether output that had reached `end` came soon after an interruption.
    pub fn is_interrupted(&self, end: u64) -> bool {
        end < self.interrupted_to.load(Ordering::Relaxed)
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
        let mut fastest: Option<(u64, u64, Instant)> = None;
        for driver in drivers.values_mut().filter(|driver| driver.parsed < end) {
            let since = driver.behind(end, now);
            if now.duration_since(since) < ASLEEP_AFTER {
                let candidate = (driver.parsed, driver.window, since + ASLEEP_AFTER);
                fastest = fastest.max(Some(candidate));
            }
        }
        let caught_up = drivers.values().any(|driver| driver.parsed >= end);
        let Some((parsed, window, deadline)) = fastest.filter(|_| !caught_up) else {
            return Permission::Read(READ_BYTES);
        };
        let interrupted_to = self.interrupted_to.load(Ordering::Relaxed);
        let room = window.saturating_sub(end - parsed);
        // More would be on its way than the window, or much at once, and Ctrl-C wait for it.
        let room = if window < FIRST_WINDOW_BYTES {
            room.min(window / SLOW_READS)
        } else {
            room
        };
        match room.max(interrupted_to.saturating_sub(end)) {
            0 => Permission::WaitUntil(deadline),
            room => Permission::Read(
                usize::try_from(room)
                    .map_or(READ_BYTES, |room| room.clamp(LEAST_READ_BYTES, READ_BYTES)),
            ),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<ClientNumber, Driver>> {
        self.drivers
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Driver {
    fn new(parsed: u64) -> Self {
        Self {
            parsed,
            behind_since: None,
            window: FIRST_WINDOW_BYTES,
            sample: None,
            sent: None,
            round_trip: None,
        }
    }

    /// Notes that output up to `end` waits for this driver. Returns since when it has given no
    /// sign of life.
    fn behind(&mut self, end: u64, now: Instant) -> Instant {
        self.sample.get_or_insert((now, self.parsed));
        if end - self.parsed <= PROBE_BYTES {
            self.sent.get_or_insert((end, now));
        }
        *self.behind_since.get_or_insert(now)
    }

    fn acknowledge(&mut self, parsed: u64, end: u64, now: Instant) {
        if parsed <= self.parsed {
            return;
        }
        self.parsed = parsed;
        self.behind_since = (parsed < end).then_some(now);
        if let Some((_, at)) = self.sent.take_if(|(offset, _)| *offset <= parsed) {
            let round_trip = now.saturating_duration_since(at);
            self.round_trip = Some(
                self.round_trip
                    .map_or(round_trip, |best| best.min(round_trip)),
            );
        }
        let Some((began, from)) = self.sample else {
            return;
        };
        let elapsed = now.saturating_duration_since(began);
        if elapsed >= SAMPLE_TIME {
            let time = WINDOW_TIME.max(self.round_trip.unwrap_or_default());
            let bytes = u128::from(parsed - from) * time.as_micros() / elapsed.as_micros();
            let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
            self.window = bytes.clamp(LEAST_WINDOW_BYTES, MOST_WINDOW_BYTES);
            self.sample = None;
        }
        if parsed >= end {
            // What follows is the program's speed.
            self.sample = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FULL: u64 = FIRST_WINDOW_BYTES;
    const ALL: Permission = Permission::Read(READ_BYTES);

    #[test]
    fn terminal_without_drivers_is_read_freely() {
        let pace = Pace::default();
        assert_eq!(pace.permission(u64::MAX, Instant::now()), ALL);
    }

    #[test]
    fn driver_with_a_full_window_stops_the_reading_until_it_acknowledges() {
        let pace = Pace::default();
        let now = Instant::now();
        pace.join(1, 0);
        assert_eq!(pace.permission(FULL / 2, now), ALL);
        let rest = Permission::Read(5_000);
        assert_eq!(pace.permission(FULL - 5_000, now), rest);
        let least = Permission::Read(LEAST_READ_BYTES);
        assert_eq!(pace.permission(FULL - 1, now), least);
        assert_eq!(
            pace.permission(FULL, now),
            Permission::WaitUntil(now + ASLEEP_AFTER)
        );
        pace.acknowledge(1, 1, FULL, now);
        assert_eq!(pace.permission(FULL, now), least);
    }

    #[test]
    fn interrupted_program_is_read_at_once_but_not_for_long() {
        let pace = Pace::default();
        let now = Instant::now();
        pace.join(1, 0);
        pace.interrupt(FULL);
        assert_eq!(pace.permission(FULL, now), ALL);
        let end = FULL + INTERRUPTED_BYTES;
        assert_eq!(
            pace.permission(end, now),
            Permission::WaitUntil(now + ASLEEP_AFTER)
        );
    }

    #[test]
    fn slow_driver_is_sent_small_pieces() {
        let pace = Pace::default();
        let now = Instant::now();
        pace.join(1, 0);
        let mut permission = pace.permission(FULL, now);
        for ms in 1..1000 {
            let now = now + Duration::from_millis(ms);
            pace.acknowledge(1, ms * 1000, ms * 1000 + FULL, now);
            permission = pace.permission(ms * 1000 + 10_000, now);
        }
        let piece = usize::try_from(LEAST_WINDOW_BYTES / SLOW_READS).unwrap();
        assert_eq!(permission, Permission::Read(piece));
    }

    #[test]
    fn fastest_driver_sets_the_pace() {
        let pace = Pace::default();
        let now = Instant::now();
        pace.join(1, 0);
        pace.join(2, 0);
        pace.acknowledge(2, FULL, FULL, now);
        assert_eq!(pace.permission(FULL, now), ALL);
    }

    #[test]
    fn sleeping_driver_stops_nobody() {
        let pace = Pace::default();
        let now = Instant::now();
        pace.join(1, 0);
        assert_ne!(pace.permission(FULL, now), ALL);
        assert_eq!(pace.permission(FULL, now + ASLEEP_AFTER), ALL);
    }

    #[test]
    fn acknowledging_the_future_counts_as_the_end() {
        let pace = Pace::default();
        let now = Instant::now();
        pace.join(1, 0);
        pace.acknowledge(1, u64::MAX, 10, now);
        assert!(matches!(
            pace.permission(10 + FULL, now),
            Permission::WaitUntil(_)
        ));
    }

    /// The window after a driver has acknowledged `rate` bytes a second for a while, each time
    /// `delay_ms` after they were written.
    fn window(rate: u64, delay_ms: u64) -> u64 {
        let start = Instant::now();
        let mut driver = Driver::new(0);
        let mut end = 0;
        for ms in 0..5_000 {
            let now = start + Duration::from_millis(ms);
            // As much is written as may be on its way.
            end = end.max(driver.parsed + driver.window);
            driver.behind(end, now);
            let parsed = (rate * ms.saturating_sub(delay_ms) / 1000).min(end);
            driver.acknowledge(parsed, end, now);
        }
        driver.window
    }

    #[test]
    fn window_holds_what_the_driver_parses_in_its_time() {
        assert_eq!(window(10_000_000, 1), MOST_WINDOW_BYTES);
        assert_eq!(window(20_000, 1), LEAST_WINDOW_BYTES);
        let slow_link = window(1_250_000, 100);
        assert!((145_000..155_000).contains(&slow_link), "{slow_link}");
    }
}
