//! Response times: what many of them say (specification of IonVeil §3.7, §4.9), by the one statistics of the house.

use ionveil_kernel::statistics::{Moments, mean, median, percentile, round};
use std::collections::VecDeque;

/// So many of the latest samples are kept.
pub const SAMPLES_MAX: usize = 1_000;

/// The latest response times, in the caller's unit. Whether they are slow is the queue monitor's to say.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tracker {
    samples: VecDeque<f64>,
}

impl Tracker {
    /// Takes in a sample, as it is (trap T42: not cut to a whole number); one that is not finite is passed over.
    pub fn record(&mut self, sample: f64) {
        if !sample.is_finite() {
            return;
        }
        if self.samples.len() == SAMPLES_MAX {
            self.samples.pop_front();
        }
        self.samples.push_back(sample);
    }

    /// The samples that are kept, oldest first.
    #[must_use]
    pub fn samples(&self) -> Vec<f64> {
        self.samples.iter().copied().collect()
    }

    /// What they say.
    #[must_use]
    pub fn summary(&self) -> Summary {
        summary(&self.samples())
    }
}

/// What samples say, 2 places each; all 0 of none.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Summary {
    /// How many there are.
    pub count: usize,
    /// Their mean.
    pub mean: f64,
    /// The middle one, of an even number the mean of the middle two.
    pub median: f64,
    /// The 90th percentile, by nearest rank.
    pub p90: f64,
    /// The 95th.
    pub p95: f64,
    /// The 99th.
    pub p99: f64,
    /// The smallest.
    pub min: f64,
    /// The greatest.
    pub max: f64,
    /// The deviation of a sample (n − 1).
    pub deviation: f64,
}

/// What finite samples say.
#[must_use]
pub fn summary(samples: &[f64]) -> Summary {
    let at = |percent| round(percentile(samples, percent), 2);
    Summary {
        count: samples.len(),
        mean: round(mean(samples), 2),
        median: round(median(samples), 2),
        p90: at(90.0),
        p95: at(95.0),
        p99: at(99.0),
        min: at(0.0),
        max: at(100.0),
        deviation: round(Moments::of(samples).deviation(), 2),
    }
}

/// The share of times that are a breach: at the threshold **or above** (trap T44: a check of one arrival passes at equality),
/// 4 places (trap T45); 0 of none.
#[must_use]
pub fn breach_rate(times: &[f64], threshold: f64) -> f64 {
    let breaches = times.iter().filter(|time| **time >= threshold).count();
    round(breaches as f64 / times.len().max(1) as f64, 4)
}

/// How good a response was, in percent: 10 minutes over it, at most 100, which is also that of none at all (trap T90).
#[must_use]
pub fn efficiency_pct(response_minutes: f64) -> f64 {
    if response_minutes > 0.0 { (10.0 / response_minutes).min(1.0) * 100.0 } else { 100.0 }
}

#[cfg(test)]
mod tests {
    use super::{SAMPLES_MAX, Summary, Tracker, breach_rate, efficiency_pct, summary};

    #[test]
    fn figures_are_by_nearest_rank_and_of_a_sample() {
        let ten: Vec<_> = (1..=10).map(f64::from).collect();
        let expected = Summary { count: 10, mean: 5.5, median: 5.5, p90: 9.0, p95: 10.0, p99: 10.0, min: 1.0, max: 10.0, deviation: 3.03 };
        assert_eq!(summary(&ten), expected);
        assert_eq!(summary(&[]), Summary::default());
        assert_eq!(summary(&[2.5]).deviation, 0.0);
    }

    #[test]
    fn the_latest_samples_are_kept_as_they_are() {
        let mut tracker = Tracker::default();
        (0..=SAMPLES_MAX).for_each(|sample| tracker.record(sample as f64 + 0.5));
        tracker.record(f64::NAN);
        let summary = tracker.summary();
        assert_eq!((summary.count, summary.min, summary.max), (SAMPLES_MAX, 1.5, 1_000.5));
        assert_eq!(tracker.samples()[0], 1.5);
    }

    #[test]
    fn equality_is_a_breach_for_the_rate() {
        assert_eq!(breach_rate(&[4.0, 5.0, 6.0], 5.0), 0.6667);
        assert_eq!(breach_rate(&[], 5.0), 0.0);
    }

    #[test]
    fn an_immediate_response_is_as_good_as_it_gets() {
        assert_eq!([0.0, 5.0, 10.0, 20.0].map(efficiency_pct), [100.0, 100.0, 100.0, 50.0]);
    }
}
