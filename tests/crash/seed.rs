//! Randomness that a failed test can repeat.

use std::time::Duration;

fn drawn() -> u64 {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).expect("randomness");
    u64::from_ne_bytes(bytes)
}

/// `SplitMix64` (Steele, Lea, Flood: Fast splittable pseudorandom number generators, OOPSLA 2014).
pub(crate) struct Seed(u64);

impl Seed {
    /// From `IONVEIL_TEST_SEED`, else fresh; printed for the test `name`.
    pub(crate) fn of(name: &str) -> Self {
        let given = std::env::var("IONVEIL_TEST_SEED").ok().map(|text| text.parse().expect("IONVEIL_TEST_SEED is a number"));
        let seed = given.unwrap_or_else(drawn);
        println!("{name}: IONVEIL_TEST_SEED={seed}");
        Self(seed)
    }

    /// Another source whose draws do not depend on how often this one is asked.
    pub(crate) fn fork(&mut self) -> Self {
        Self(self.next())
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Below `end`, which is not 0.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// True so often in a hundred.
    pub(crate) fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    pub(crate) fn millis(&mut self, from: u64, to: u64) -> Duration {
        Duration::from_millis(from + self.below(to - from))
    }
}
