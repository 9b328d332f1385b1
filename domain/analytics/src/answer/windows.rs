//! A metric over windows that lie side by side on the grid of the epoch. Windows without events are left out; their bounds stay
//! on the grid even where the range cuts them.

use crate::answer::sample::Sample;
use crate::answer::sliding;
use crate::metric::{at_minute, floor};
use crate::query::Query;
use crate::store::{Accuracy, Reading};
use ionveil_kernel::Timestamp;
use std::collections::BTreeMap;

/// A window and its one value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// Its first instant.
    pub start: Timestamp,
    /// The first instant after it.
    pub end: Timestamp,
    /// The value.
    pub value: f64,
    /// How many events it is made of.
    pub count: u64,
}

/// What a [`Query`] is answered with.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Windows {
    /// Ascending.
    pub points: Vec<Point>,
    /// How far they can be trusted.
    pub accuracy: Accuracy,
}

impl Reading<'_> {
    /// Answers a question about a metric. Sliding windows end at each whole minute after the start of the range, up to the
    /// first at or after its end, and look back over their whole length, also before the start; what is not before the end of
    /// the range does not count.
    #[must_use]
    pub fn windows(&self, query: &Query) -> Windows {
        if query.sliding { sliding::windows(self, query) } else { self.tumbling(query) }
    }

    fn tumbling(&self, query: &Query) -> Windows {
        let length = query.window.minutes();
        let mut samples: BTreeMap<i64, Sample> = BTreeMap::new();
        let accuracy = self.parts(&query.range, &query.filter, |minute, part| {
            samples.entry(floor(minute, length)).or_insert_with(|| Sample::of(query.aggregation)).take(query.metric, part);
        });
        let points = samples.into_iter().filter(|(_, sample)| sample.count() > 0).map(|(start, mut sample)| Point {
            start: at_minute(start),
            end: at_minute(start + length),
            value: sample.value(query.aggregation),
            count: sample.count(),
        });
        Windows { points: points.collect(), accuracy }
    }
}
