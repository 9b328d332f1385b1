//! Events per second, over the last full second that had any: two words, no lock, good enough to look at.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Counts into the present second and keeps the last one. One writer; readers may be a count behind.
#[derive(Default)]
pub(crate) struct Rate {
    /// Second << 32 | count.
    present: AtomicU64,
    last: AtomicU64,
}

impl Rate {
    /// Notes `count` more at `now`.
    pub(crate) fn add(&self, count: u64, now: Duration) {
        let (second, sum) = split(self.present.load(Ordering::Relaxed));
        if second == now.as_secs() {
            return self.present.store(join(second, sum + count), Ordering::Relaxed);
        }
        self.last.store(join(second, sum), Ordering::Relaxed);
        self.present.store(join(now.as_secs(), count), Ordering::Relaxed);
    }

    /// Events in the second before `now`'s.
    pub(crate) fn per_second(&self, now: Duration) -> u64 {
        let before = now.as_secs().wrapping_sub(1);
        let counts = [&self.present, &self.last].map(|word| split(word.load(Ordering::Relaxed)));
        counts.into_iter().find(|(second, _)| *second == before).map_or(0, |(_, count)| count)
    }
}

fn join(second: u64, count: u64) -> u64 {
    (second & 0xffff_ffff) << 32 | count.min(0xffff_ffff)
}

fn split(word: u64) -> (u64, u64) {
    (word >> 32, word & 0xffff_ffff)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_tells_of_the_second_before() {
        let (rate, at) = (Rate::default(), Duration::from_millis);
        rate.add(3, at(1_100));
        rate.add(4, at(1_900));
        assert_eq!(rate.per_second(at(1_950)), 0, "the present one is not over");
        assert_eq!(rate.per_second(at(2_000)), 7);
        rate.add(1, at(2_500));
        assert_eq!(rate.per_second(at(2_600)), 7);
        assert_eq!(rate.per_second(at(3_600)), 1);
        assert_eq!(rate.per_second(at(9_000)), 0);
    }
}
