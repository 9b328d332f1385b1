//! What is known exactly of many dispatches without keeping each.

use crate::amount::STEPS;
use crate::metric::Metric;
use serde::{Deserialize, Serialize};

/// Count, sums and bounds. All are whole numbers, so the order in which events came does not show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Totals {
    pub(crate) count: u64,
    /// How many met their SLA.
    pub(crate) met: u64,
    pub(crate) response: Spread,
    pub(crate) distance: Spread,
}

/// Sum and bounds of values, in steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Spread {
    pub(crate) sum: i128,
    pub(crate) min: i64,
    pub(crate) max: i64,
}

impl Default for Spread {
    fn default() -> Self {
        Self { sum: 0, min: i64::MAX, max: i64::MIN }
    }
}

impl Spread {
    fn add(&mut self, value: i64) {
        self.merge(&Self { sum: value.into(), min: value, max: value });
    }

    fn merge(&mut self, other: &Self) {
        self.sum += other.sum;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
    }
}

impl Totals {
    pub(crate) fn add(&mut self, response: i64, distance: i64, met: bool) {
        self.count += 1;
        self.met += u64::from(met);
        self.response.add(response);
        self.distance.add(distance);
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.met += other.met;
        self.response.merge(&other.response);
        self.distance.merge(&other.distance);
    }

    /// The sum of a metric's values, in steps.
    pub(crate) fn sum(&self, metric: Metric) -> i128 {
        match metric {
            Metric::ResponseTime => self.response.sum,
            Metric::Distance => self.distance.sum,
            Metric::DispatchCount => i128::from(self.count) * i128::from(STEPS),
            Metric::SlaCompliance => i128::from(self.met) * i128::from(STEPS),
        }
    }
}
