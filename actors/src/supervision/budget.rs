//! How often something may be restarted, and how long to wait before each time.

use std::collections::VecDeque;
use std::time::Duration;

/// Limits of restarts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RestartLimits {
    /// The most restarts within `window`; one more is a failure of the supervisor above.
    pub restarts_max: u32,
    /// The time that restarts are counted over.
    pub window: Duration,
    /// The wait before the second restart within the window (there is none before the first); doubled with each.
    pub backoff_min: Duration,
    /// The longest wait.
    pub backoff_max: Duration,
}

impl Default for RestartLimits {
    fn default() -> Self {
        Self {
            restarts_max: 5,
            window: Duration::from_secs(60),
            backoff_min: Duration::from_millis(20),
            backoff_max: Duration::from_secs(5),
        }
    }
}

/// The restarts of one node of the tree that still count.
#[derive(Debug, Default)]
pub(crate) struct Budget(VecDeque<Duration>);

impl Budget {
    /// Spends one restart at `now` (of the monotonic clock); the time to wait before it, or none if the budget is spent.
    /// `random` spreads the wait over the upper half of its length, so that what fell together does not rise together
    /// ("equal jitter": Brooker, Exponential Backoff and Jitter, AWS 2015).
    pub(crate) fn spend(&mut self, limits: &RestartLimits, now: Duration, random: u128) -> Option<Duration> {
        while self.0.front().is_some_and(|at| now.saturating_sub(*at) >= limits.window) {
            self.0.pop_front();
        }
        let earlier = u32::try_from(self.0.len()).unwrap_or(u32::MAX);
        if earlier >= limits.restarts_max {
            return None;
        }
        self.0.push_back(now);
        Some(if earlier == 0 { Duration::ZERO } else { jittered(limits, earlier - 1, random) })
    }

    /// Begins anew.
    pub(crate) fn reset(&mut self) {
        self.0 = VecDeque::new();
    }
}

fn jittered(limits: &RestartLimits, doublings: u32, random: u128) -> Duration {
    let whole = limits.backoff_min.saturating_mul(1_u32.checked_shl(doublings).unwrap_or(u32::MAX)).min(limits.backoff_max);
    let half = whole / 2;
    let spread = u64::try_from(random % 1_001).unwrap_or(0);
    half + half.mul_f64(spread as f64 / 1_000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: RestartLimits = RestartLimits {
        restarts_max: 3,
        window: Duration::from_secs(10),
        backoff_min: Duration::from_millis(100),
        backoff_max: Duration::from_millis(150),
    };

    #[test]
    fn the_first_is_at_once_the_others_wait_longer_and_then_it_is_spent() {
        let mut budget = Budget::default();
        let at = Duration::from_secs(1);
        assert_eq!(budget.spend(&LIMITS, at, 0), Some(Duration::ZERO));
        assert_eq!(budget.spend(&LIMITS, at, 0), Some(Duration::from_millis(50)), "at least half");
        assert_eq!(budget.spend(&LIMITS, at, 1_000), Some(Duration::from_millis(150)), "at most the longest");
        assert_eq!(budget.spend(&LIMITS, at, 0), None);
        assert_eq!(budget.spend(&LIMITS, at + LIMITS.window, 0), Some(Duration::ZERO), "old ones count no more");
    }

    #[test]
    fn a_reset_forgets() {
        let mut budget = Budget::default();
        for _ in 0..3 {
            budget.spend(&LIMITS, Duration::ZERO, 0);
        }
        budget.reset();
        assert_eq!(budget.spend(&LIMITS, Duration::ZERO, 0), Some(Duration::ZERO));
    }
}
