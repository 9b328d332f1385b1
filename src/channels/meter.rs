//! What a channel did lately, in memory: for people, not for decisions. It begins anew with the process.

use std::collections::VecDeque;

/// Calls that are looked at.
const CALLS_MAX: usize = 100;

/// The last calls.
#[derive(Default)]
pub(super) struct Meter {
    calls: VecDeque<(Option<f64>, bool)>,
}

/// The last calls of a channel, up to 100, since this process began.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Window {
    /// How many.
    pub calls: usize,
    /// How many of them failed.
    pub failures: usize,
    /// The latency that 95 of 100 answers did not exceed (nearest rank), in milliseconds.
    pub p95_ms: Option<f64>,
    /// The latency of the last answer, in milliseconds.
    pub last_ms: Option<f64>,
}

impl Meter {
    pub(super) fn note(&mut self, latency_ms: Option<f64>, delivered: bool) {
        if self.calls.len() == CALLS_MAX {
            self.calls.pop_front();
        }
        self.calls.push_back((latency_ms, delivered));
    }

    pub(super) fn window(&self) -> Window {
        let last_ms = self.calls.iter().rev().find_map(|(latency, _)| *latency);
        let mut latencies: Vec<f64> = self.calls.iter().filter_map(|(latency, _)| *latency).collect();
        latencies.sort_by(f64::total_cmp);
        let rank = (latencies.len() * 95).div_ceil(100);
        let failures = self.calls.iter().filter(|(_, delivered)| !delivered).count();
        let p95_ms = rank.checked_sub(1).and_then(|index| latencies.get(index).copied());
        Window { calls: self.calls.len(), failures, p95_ms, last_ms }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_hundred_calls_are_shown() {
        let mut meter = Meter::default();
        assert_eq!(meter.window(), Window::default());
        (1..=150).for_each(|n| meter.note(Some(f64::from(n)), n % 2 == 0));
        assert_eq!(meter.window(), Window { calls: 100, failures: 50, p95_ms: Some(145.0), last_ms: Some(150.0) });
        meter.note(None, false);
        assert_eq!(meter.window().calls, 100);
    }
}
