//! Chance that can be repeated: the same seed draws the same numbers.

use std::{
    ops::Range,
    time::{SystemTime, UNIX_EPOCH},
};

use super::asked;

/// Numbers drawn by `SplitMix64` (Steele, Lea and Flood, 2014).
#[derive(Debug, Clone)]
pub struct Chance(u64);

impl Chance {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Another chance each time, whose seed is printed; the variable of that name repeats one.
    pub fn drawn(variable: &str) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let seed = asked(variable).unwrap_or_else(|| now.subsec_nanos().into());
        println!("{variable}={seed}");
        Self::new(seed)
    }

    /// Chance of its own, for another task.
    pub fn split(&mut self) -> Self {
        Self(self.number())
    }

    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub fn within(&mut self, range: Range<u64>) -> u64 {
        range.start + self.number() % (range.end - range.start)
    }

    /// A column or row count, or an index.
    pub fn small(&mut self, range: Range<u16>) -> u16 {
        let number = self.within(range.start.into()..range.end.into());
        u16::try_from(number).unwrap()
    }

    /// True once in so many times.
    pub fn is_true(&mut self, times: u64) -> bool {
        self.within(0..times) == 0
    }

    pub fn pick<'a, T>(&mut self, among: &'a [T]) -> &'a T {
        let index = self.within(0..among.len() as u64);
        &among[usize::try_from(index).unwrap()]
    }
}
