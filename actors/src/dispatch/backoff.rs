//! What could not be done now, and when it may be tried again. Bounded: where too much fails, everything waits.

use std::collections::BTreeMap;
use std::time::Duration;

const FIRST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(30);
/// The most things that are remembered one by one.
const KEPT_MAX: usize = 10_000;

/// The wait before try number `failures` + 1, doubled with each: 0.1 s to 30 s.
pub(super) fn pause(failures: u32) -> Duration {
    FIRST.saturating_mul(1_u32.checked_shl(failures.saturating_sub(1)).unwrap_or(u32::MAX)).min(LONGEST)
}

/// By key: how often it failed, and when it may be tried again (monotonic clock).
pub(super) struct Deferred<K> {
    kept: BTreeMap<K, (u32, Duration)>,
    /// Whether something failed that could not be remembered.
    overfull: bool,
}

impl<K: Ord> Deferred<K> {
    pub(super) fn new() -> Self {
        Self { kept: BTreeMap::new(), overfull: false }
    }

    /// Whether `key` may be tried at `now`.
    pub(super) fn allows(&self, key: &K, now: Duration) -> bool {
        self.kept.get(key).is_none_or(|(_, until)| now >= *until)
    }

    /// It failed.
    pub(super) fn failed(&mut self, key: K, now: Duration) {
        if self.kept.len() >= KEPT_MAX && !self.kept.contains_key(&key) {
            self.overfull = true;
            return;
        }
        let entry = self.kept.entry(key).or_default();
        entry.0 = entry.0.saturating_add(1);
        entry.1 = now + pause(entry.0);
    }

    /// It is done.
    pub(super) fn done(&mut self, key: &K) {
        self.kept.remove(key);
    }

    /// How long nothing that failed need be looked at; none if nothing did. What was not seen to fail again lately is
    /// forgotten: its row is gone.
    pub(super) fn next(&mut self, now: Duration) -> Option<Duration> {
        self.kept.retain(|_, (_, until)| *until + LONGEST > now);
        let overfull = std::mem::take(&mut self.overfull).then_some(LONGEST / 30);
        let first = self.kept.values().map(|(_, until)| until.saturating_sub(now)).min();
        [overfull, first].into_iter().flatten().min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_and_are_bounded() {
        assert_eq!(pause(1), FIRST);
        assert_eq!(pause(3), FIRST * 4);
        assert_eq!(pause(u32::MAX), LONGEST);
    }

    #[test]
    fn what_failed_is_tried_again_later_and_longer() {
        let (mut deferred, at) = (Deferred::new(), Duration::from_secs(10));
        assert!(deferred.allows(&1, at) && deferred.next(at).is_none());
        deferred.failed(1, at);
        assert!(!deferred.allows(&1, at) && deferred.allows(&1, at + FIRST) && deferred.allows(&2, at));
        deferred.failed(1, at + FIRST);
        assert_eq!(deferred.next(at + FIRST), Some(FIRST * 2));
        deferred.done(&1);
        assert_eq!(deferred.next(at), None);
    }

    #[test]
    fn it_remembers_no_more_than_it_may() {
        let mut deferred = Deferred::new();
        (0..=KEPT_MAX).for_each(|key| deferred.failed(key, Duration::ZERO));
        assert_eq!(deferred.kept.len(), KEPT_MAX);
        assert!(deferred.next(FIRST).is_some(), "and waits for what it cannot remember");
    }
}
