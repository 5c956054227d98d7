//! What one connection and all of them together may take.

use std::time::{Duration, Instant};

use crate::protocol::{
    CALLS_BURST, CALLS_PER_SECOND, READ_PAGE_CALLS, SIGNALS_BURST, SIGNALS_PER_SECOND,
    client::method,
};

pub use crate::terminal::open_files::raise as raise_open_files;

/// How many sockets may be open at once. A class of hundreds with several tabs each is far below;
/// one more is answered with 503, before it costs more than a request.
pub const MAX_SOCKETS: usize = 4096;

/// How long a connection may take to send the head of a request, the next one included.
pub(super) const HEAD_PATIENCE: Duration = Duration::from_secs(10);

/// How long a client may take to read what was sent to it, or its network to say that it has come.
pub(super) const SEND_PATIENCE: Duration = Duration::from_secs(60);

/// What a connection may still send: a bucket for calls and one for signals, which both fill again
/// with time.
#[derive(Debug)]
pub(super) struct Allowance {
    calls: Bucket,
    signals: Bucket,
}

/// A message comes too soon after too many others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooMany;

#[derive(Debug)]
struct Bucket {
    left: f64,
    most: f64,
    per_second: f64,
    at: Instant,
}

impl Allowance {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            calls: Bucket::new(CALLS_BURST, CALLS_PER_SECOND, now),
            signals: Bucket::new(SIGNALS_BURST, SIGNALS_PER_SECOND, now),
        }
    }

    /// Takes the price of a call of that method; acknowledgements and sizes are signals.
    ///
    /// # Errors
    ///
    /// [`TooMany`].
    pub(super) fn call(&mut self, method: Option<&str>, now: Instant) -> Result<(), TooMany> {
        match method {
            Some(method::ACK | method::RESIZE) => self.signals.take(1, now),
            Some(method::READ_PAGE) => self.calls.take(READ_PAGE_CALLS, now),
            _ => self.calls.take(1, now),
        }
    }

    /// Takes the price of a binary frame, a ping or a pong.
    ///
    /// # Errors
    ///
    /// [`TooMany`].
    pub(super) fn signal(&mut self, now: Instant) -> Result<(), TooMany> {
        self.signals.take(1, now)
    }
}

impl Bucket {
    fn new(burst: u32, per_second: u32, now: Instant) -> Self {
        Self {
            left: burst.into(),
            most: burst.into(),
            per_second: per_second.into(),
            at: now,
        }
    }

    fn take(&mut self, count: u32, now: Instant) -> Result<(), TooMany> {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        self.at = self.at.max(now);
        self.left = (self.left + passed * self.per_second).min(self.most);
        let count = f64::from(count);
        if self.left < count {
            return Err(TooMany);
        }
        self.left -= count;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn call(allowance: &mut Allowance, now: Instant) -> bool {
        allowance.call(Some(method::EXECUTE_COMMAND), now).is_ok()
    }

    #[test]
    fn burst_is_allowed_and_then_the_steady_rate() {
        let start = Instant::now();
        let mut allowance = Allowance::new(start);
        assert!((0..CALLS_BURST).all(|_| call(&mut allowance, start)));
        assert!(!call(&mut allowance, start));
        let later = start + Duration::from_secs(1);
        let allowed = (0..CALLS_BURST).filter(|_| call(&mut allowance, later));
        assert_eq!(allowed.count(), CALLS_PER_SECOND as usize);
    }

    #[test]
    fn reading_a_page_is_as_dear_as_many_calls() {
        let start = Instant::now();
        let mut allowance = Allowance::new(start);
        let mut read = |now| allowance.call(Some(method::READ_PAGE), now).is_ok();
        let burst = (0..CALLS_BURST).filter(|_| read(start));
        assert_eq!(burst.count(), (CALLS_BURST / READ_PAGE_CALLS) as usize);
        let later = start + Duration::from_secs(1);
        let steady = (0..CALLS_BURST).filter(|_| read(later));
        assert_eq!(
            steady.count(),
            (CALLS_PER_SECOND / READ_PAGE_CALLS) as usize
        );
    }

    #[test]
    fn fast_terminal_is_never_refused() {
        // 100 MB/s, acknowledged every 64 KiB, in bunches of a tenth of a second, for a minute.
        let start = Instant::now();
        let mut allowance = Allowance::new(start);
        for tenth in 0..600 {
            let now = start + Duration::from_millis(100) * tenth;
            assert!((0..160).all(|_| allowance.call(Some(method::ACK), now).is_ok()));
            assert!(allowance.call(Some(method::RESIZE), now).is_ok());
            assert!(call(&mut allowance, now));
        }
    }

    proptest! {
        #[test]
        fn prop_nothing_passes_beyond_burst_and_rate(
            waits in prop::collection::vec(0u64..5_000, 1..4_000)
        ) {
            let start = Instant::now();
            let mut now = start;
            let mut allowance = Allowance::new(start);
            let mut passed = 0_u32;
            for wait in waits {
                now += Duration::from_micros(wait);
                passed += u32::from(call(&mut allowance, now));
            }
            let seconds = now.duration_since(start).as_secs_f64();
            let most = f64::from(CALLS_BURST) + seconds * f64::from(CALLS_PER_SECOND) + 1.0;
            prop_assert!(f64::from(passed) <= most);
        }
    }
}
