//! When what has failed is tried again: a plan as data.

use std::time::Duration;

/// Exponential waits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Backoff {
    /// The wait after the first attempt; each further one is twice as long,
    pub first: Duration,
    /// but never longer than this.
    pub longest: Duration,
    /// So many attempts are made.
    pub attempts: u32,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { first: Duration::from_secs(5), longest: Duration::from_mins(5), attempts: 6 }
    }
}

impl Backoff {
    /// How long to wait after this attempt (from 1); none after the last.
    #[must_use]
    pub fn after(&self, attempt: u32) -> Option<Duration> {
        let doubled = 2_u32.saturating_pow(attempt.saturating_sub(1));
        (attempt < self.attempts).then(|| self.first.saturating_mul(doubled).min(self.longest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest_and_end_with_the_last_attempt() {
        let waits = |backoff: Backoff| (1..=8).map_while(|attempt| backoff.after(attempt)).map(|wait| wait.as_secs()).collect::<Vec<_>>();
        assert_eq!(waits(Backoff::default()), [5, 10, 20, 40, 80]);
        assert_eq!(waits(Backoff { longest: Duration::from_secs(15), ..Backoff::default() }), [5, 10, 15, 15, 15]);
        let endless = Backoff { attempts: u32::MAX, ..Backoff::default() };
        assert_eq!(endless.after(4_000_000), Some(Duration::from_mins(5)));
    }
}
