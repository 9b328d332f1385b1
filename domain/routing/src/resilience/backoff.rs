//! How long to wait before another try.

/// Waits that double from a base up to a cap, both in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// Before the first retry.
    pub base_ms: u64,
    /// No wait is longer.
    pub cap_ms: u64,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { base_ms: 80, cap_ms: 5_000 }
    }
}

impl Backoff {
    /// The wait before attempt `attempt`, from 1, in milliseconds: `min(base · 2^(attempt − 1), cap)`; of attempts below 1 the
    /// base, which the cap limits as well.
    #[must_use]
    pub fn delay_ms(&self, attempt: i64) -> u64 {
        let doublings = u32::try_from(attempt.saturating_sub(1).max(0)).unwrap_or(u32::MAX);
        let factor = 1_u64.checked_shl(doublings).unwrap_or(u64::MAX);
        self.base_ms.saturating_mul(factor).min(self.cap_ms)
    }

    /// The waits before the attempts 1 to `attempts`; none below 1.
    pub fn schedule(&self, attempts: i64) -> impl Iterator<Item = u64> + use<> {
        let backoff = *self;
        (1..=attempts).map(move |attempt| backoff.delay_ms(attempt))
    }
}
