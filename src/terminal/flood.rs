//! Whether a terminal writes more than a large audience can be sent, and who may be sent it then.
//!
//! Every viewer of a flood takes time from the driver, whose acknowledgements set the pace. So while
//! it lasts, all viewers together get a fixed rate: a few of them see all of it, and hundreds see
//! some of it, each in its turn. When it is over they are all told.

use std::time::{Duration, Instant};

/// What a terminal may write at once before it floods. To send each of hundreds what a journal holds
/// would stop the driver for some tenths of a second.
const BURST_BYTES: f64 = 256.0 * 1024.0;

/// What a terminal and its viewers may be sent for long, in bytes a second: about a third of what
/// two processors deliver.
const STEADY_BYTES: f64 = 400e6;

/// How long a flood counts as one after the last byte.
const PAUSE: Duration = Duration::from_millis(100);

/// How much a flood has written that counts as one for so long. A shorter one is over sooner, as
/// those who watch want to see it.
const LONG_BYTES: f64 = 4.0 * 1024.0 * 1024.0;

/// How long the shortest flood counts as one: its program may have to wait for a processor.
const LEAST_PAUSE: Duration = Duration::from_millis(30);

/// What all viewers of a flooding terminal get, in bytes a second: about a twentieth of a
/// processor.
const VIEWERS_BYTES: f64 = 64e6;

/// How much dearer a byte of a checkpoint is than one of the journal, for the first who is sent it.
const CHECKPOINT_COST: usize = 8;

/// A terminal's recent speed (a leaky bucket), and the turns of its viewers.
#[derive(Debug)]
pub(super) struct Flood {
    level: f64,
    /// What was written since the last flood was over.
    written: f64,
    viewers: usize,
    at: Instant,
    next_turn: Instant,
    /// Where the checkpoint stands that was sent last.
    checkpoint_at: Option<u64>,
}

impl Flood {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            level: 0.0,
            written: 0.0,
            viewers: 0,
            at: now,
            next_turn: now,
            checkpoint_at: None,
        }
    }

    /// Notes how many viewers there are.
    pub(super) fn set_viewers(&mut self, viewers: usize) {
        self.viewers = viewers;
    }

    /// What the terminal may write for long, in bytes a second.
    fn steady(&self) -> f64 {
        STEADY_BYTES / count(self.viewers.max(1))
    }

    /// Notes that the terminal wrote `bytes`.
    pub(super) fn wrote(&mut self, bytes: usize, now: Instant) {
        if self.ends_at(now).is_none() {
            self.written = 0.0;
        }
        self.written += count(bytes);
        let pause = PAUSE.mul_f64((self.written / LONG_BYTES).min(1.0));
        let pause = pause.max(LEAST_PAUSE).as_secs_f64();
        let leaked = self.steady() * now.saturating_duration_since(self.at).as_secs_f64();
        let most = BURST_BYTES + self.steady() * pause;
        self.level = ((self.level - leaked).max(0.0) + count(bytes)).min(most);
        self.at = now;
    }

    /// When the flood is over, if no more is written; nothing where there is none.
    pub(super) fn ends_at(&self, now: Instant) -> Option<Instant> {
        let above = (self.level - BURST_BYTES) / self.steady();
        let ends_at = self.at + Duration::from_secs_f64(above.max(0.0));
        Some(ends_at).filter(|ends_at| *ends_at > now)
    }

    /// Says until when a viewer must wait that wants to be sent `bytes`; nothing when it may go on.
    /// `turn` is the viewer's, and is kept by it.
    pub(super) fn wait(
        &mut self,
        turn: &mut Option<Instant>,
        bytes: usize,
        now: Instant,
    ) -> Option<Instant> {
        if self.ends_at(now).is_none() {
            self.next_turn = now;
            *turn = None;
            return None;
        }
        let at = turn.unwrap_or_else(|| {
            let at = self.next_turn.max(now);
            self.next_turn = at;
            self.charge(bytes);
            at
        });
        *turn = Some(at).filter(|at| *at > now);
        *turn
    }

    /// Counts the checkpoint at `offset` that a viewer was sent instead of what it waited for. To
    /// make one takes several times as long as to send it; those who come next are sent the same.
    pub(super) fn charge_checkpoint(&mut self, offset: u64, bytes: usize) {
        let is_shared = self.checkpoint_at.replace(offset) == Some(offset);
        let cost = if is_shared { 1 } else { CHECKPOINT_COST };
        self.charge(cost * bytes);
    }

    fn charge(&mut self, bytes: usize) {
        self.next_turn += Duration::from_secs_f64(count(bytes) / VIEWERS_BYTES);
    }
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
fn count(bytes: usize) -> f64 {
    bytes as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    const MEGABYTE: usize = 1_000_000;

    fn flooded(now: Instant) -> Flood {
        let mut flood = Flood::new(now);
        flood.set_viewers(500);
        flood.wrote(5 * MEGABYTE, now);
        flood
    }

    #[test]
    fn short_burst_is_no_flood() {
        let now = Instant::now();
        let mut flood = Flood::new(now);
        flood.set_viewers(500);
        flood.wrote(MEGABYTE / 4, now);
        assert_eq!(flood.ends_at(now), None);
        let mut turns = [None; 500];
        assert!(
            turns
                .iter_mut()
                .all(|turn| flood.wait(turn, MEGABYTE, now).is_none())
        );
    }

    #[test]
    fn short_flood_is_over_sooner_than_a_long_one() {
        let now = Instant::now();
        let mut flood = Flood::new(now);
        flood.set_viewers(500);
        flood.wrote(MEGABYTE, now);
        assert!(flood.ends_at(now).unwrap() < now + PAUSE / 3);
    }

    #[test]
    fn flood_ends_soon_after_the_last_byte() {
        let now = Instant::now();
        let flood = flooded(now);
        assert_eq!(flood.ends_at(now), Some(now + PAUSE));
        assert_eq!(flood.ends_at(now + PAUSE), None);
    }

    #[test]
    fn viewers_of_a_flood_take_turns_and_keep_them() {
        let now = Instant::now();
        let mut flood = flooded(now);
        let (mut first, mut second) = (None, None);
        assert_eq!(flood.wait(&mut first, MEGABYTE, now), None);
        let at = flood.wait(&mut second, MEGABYTE, now).unwrap();
        assert!(at > now && at < now + PAUSE);
        assert_eq!(flood.wait(&mut second, MEGABYTE, now), Some(at));
        assert_eq!(flood.wait(&mut second, MEGABYTE, at), None);
    }

    #[test]
    fn checkpoint_is_made_once_for_all_who_are_sent_it() {
        let now = Instant::now();
        let wait_after = |offsets: &[u64]| {
            let mut flood = flooded(now);
            for offset in offsets {
                flood.charge_checkpoint(*offset, MEGABYTE);
            }
            flood.wait(&mut None, MEGABYTE, now).unwrap() - now
        };
        let (alone, shared) = (wait_after(&[7]), wait_after(&[7, 7]));
        assert!(shared > alone && shared < alone * 2);
        assert_eq!(wait_after(&[7, 8]), alone * 2);
    }

    #[test]
    fn end_of_a_flood_lets_everybody_go_on() {
        let now = Instant::now();
        let mut flood = flooded(now);
        let mut turns = [None; 500];
        for turn in &mut turns {
            flood.wait(turn, MEGABYTE, now);
        }
        let over = now + PAUSE;
        assert!(
            turns
                .iter_mut()
                .all(|turn| flood.wait(turn, MEGABYTE, over).is_none())
        );
    }
}
