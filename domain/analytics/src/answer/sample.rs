//! The values of a window, and how they become one.

use crate::amount::number;
use crate::answer::PLACES;
use crate::metric::{Aggregation, Metric};
use crate::store::Part;
use ionveil_kernel::statistics::{nearest_rank, round};

/// Values in steps. Only counted and summed unless it was made to keep them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sample {
    keeps: bool,
    count: u64,
    sum: i128,
    /// Exact ones.
    values: Vec<i64>,
    /// Those out of roll-ups, each with how often it is there.
    weighed: Vec<(i64, u64)>,
}

impl Sample {
    /// An empty one for percentiles and bounds, or for counts and sums only.
    pub(crate) fn new(keeps_values: bool) -> Self {
        Self { keeps: keeps_values, ..Self::default() }
    }

    /// One for an aggregation.
    pub(crate) fn of(aggregation: Aggregation) -> Self {
        Self::new(aggregation.percent().is_some())
    }

    /// Takes in what a minute has of a metric.
    pub(crate) fn take(&mut self, metric: Metric, part: Part<'_>) {
        let totals = match part {
            Part::Exact(events, cut) => {
                if self.keeps {
                    events.collect(metric, cut, &mut self.values);
                }
                events.totals_of(cut)
            }
            Part::Rolled(_, rolled) => {
                if self.keeps {
                    self.weighed.extend(rolled.values(metric));
                }
                rolled.totals
            }
        };
        self.count += totals.count;
        self.sum += totals.sum(metric);
    }

    pub(crate) const fn count(&self) -> u64 {
        self.count
    }

    pub(crate) const fn sum(&self) -> i128 {
        self.sum
    }

    /// All values, each with how often it is there, in no order.
    pub(crate) fn weighed(&self) -> impl Iterator<Item = (i64, u64)> {
        self.values.iter().map(|value| (*value, 1)).chain(self.weighed.iter().copied())
    }

    /// The one value.
    pub(crate) fn value(&mut self, aggregation: Aggregation) -> f64 {
        match aggregation.percent() {
            Some(percent) => {
                let [value] = self.percentiles([percent]);
                value
            }
            None => plain(aggregation, self.count, self.sum),
        }
    }

    /// Percentiles at their nearest ranks, asked for in ascending order.
    pub(crate) fn percentiles<const N: usize>(&mut self, percents: [f64; N]) -> [f64; N] {
        if self.weighed.is_empty() {
            return self.exact(percents);
        }
        let mut all: Vec<_> = self.weighed().collect();
        all.sort_unstable();
        percents.map(|percent| at_rank(&all, rank(self.count, percent)))
    }

    /// Each search goes on in what the last one has found to be no smaller.
    fn exact<const N: usize>(&mut self, percents: [f64; N]) -> [f64; N] {
        let mut from = 0;
        percents.map(|percent| {
            let Some(place) = nearest_rank(self.values.len(), percent) else { return 0.0 };
            let (_, value, _) = self.values[from..].select_nth_unstable(place - from);
            from = place;
            shown((*value).into())
        })
    }
}

/// What needs no single values.
pub(crate) fn plain(aggregation: Aggregation, count: u64, sum: i128) -> f64 {
    match aggregation {
        Aggregation::Count => count as f64,
        Aggregation::Avg => average(sum, count),
        _ => shown(sum),
    }
}

/// The mean; 0 of nothing.
pub(crate) fn average(sum: i128, count: u64) -> f64 {
    if count == 0 { 0.0 } else { round(number(sum) / count as f64, PLACES) }
}

/// So many steps, as they are answered.
pub(crate) fn shown(steps: i128) -> f64 {
    round(number(steps), PLACES)
}

/// The rank, from 0.
pub(crate) fn rank(count: u64, percent: f64) -> u64 {
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    nearest_rank(count, percent).unwrap_or(0) as u64
}

fn at_rank(sorted: &[(i64, u64)], rank: u64) -> f64 {
    let mut below = 0;
    let found = sorted.iter().find(|(_, count)| {
        below += count;
        below > rank
    });
    found.map_or(0.0, |(value, _)| shown((*value).into()))
}
