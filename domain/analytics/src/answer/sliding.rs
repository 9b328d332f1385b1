//! A metric over windows that end at each minute. Each minute enters once and leaves once: counts and sums run along, and for
//! percentiles the values stand in a tree of counts by rank (Fenwick, *A new data structure for cumulative frequency tables*,
//! 1994), so that a day of windows costs about what sorting its values costs.

use crate::answer::sample::{Sample, plain, rank, shown};
use crate::answer::windows::{Point, Windows};
use crate::metric::{at_minute, minute_after, minute_of};
use crate::query::{Query, Range};
use crate::store::Reading;
use std::collections::BTreeMap;

pub(super) fn windows(reading: &Reading<'_>, query: &Query) -> Windows {
    let length = query.window.minutes();
    let Some((first, last)) = reading.bounds() else { return Windows::default() };
    // Before the first minute and long after the last there is nothing to slide over.
    let from = (minute_of(query.range.start) + 1).max(first + 1);
    let to = minute_after(query.range.end).min(last + length);
    let range = Range { start: at_minute(from - length), end: query.range.end };
    let mut minutes: BTreeMap<i64, Sample> = BTreeMap::new();
    let accuracy = reading.parts(&range, &query.filter, |minute, part| {
        minutes.entry(minute).or_insert_with(|| Sample::of(query.aggregation)).take(query.metric, part);
    });
    let mut slide = Slide::over(minutes.values());
    let mut points = Vec::new();
    minutes.range(..from - 1).for_each(|(_, sample)| slide.enter(sample));
    for end in from..=to {
        if let Some(sample) = minutes.get(&(end - 1)) {
            slide.enter(sample);
        }
        if let Some(sample) = minutes.get(&(end - 1 - length)) {
            slide.leave(sample);
        }
        if slide.count > 0 {
            points.push(Point { start: at_minute(end - length), end: at_minute(end), value: slide.value(query), count: slide.count });
        }
    }
    Windows { points, accuracy }
}

/// What is in the window.
struct Slide {
    count: u64,
    sum: i128,
    /// All values that ever enter, ascending, each once.
    values: Vec<i64>,
    /// From 1; a place holds the counts of the values up to it that its lowest bit spans.
    tree: Vec<u64>,
}

impl Slide {
    fn over<'a>(samples: impl Iterator<Item = &'a Sample>) -> Self {
        let mut values: Vec<_> = samples.flat_map(Sample::weighed).map(|(value, _)| value).collect();
        values.sort_unstable();
        values.dedup();
        Self { count: 0, sum: 0, tree: vec![0; values.len() + 1], values }
    }

    fn enter(&mut self, sample: &Sample) {
        self.count += sample.count();
        self.sum += sample.sum();
        sample.weighed().for_each(|(value, count)| self.add(value, count));
    }

    fn leave(&mut self, sample: &Sample) {
        self.count -= sample.count();
        self.sum -= sample.sum();
        sample.weighed().for_each(|(value, count)| self.add(value, count.wrapping_neg()));
    }

    fn add(&mut self, value: i64, count: u64) {
        let mut place = self.values.partition_point(|known| *known <= value);
        while let Some(counts) = self.tree.get_mut(place).filter(|_| place > 0) {
            *counts = counts.wrapping_add(count);
            place += place & place.wrapping_neg();
        }
    }

    fn value(&self, query: &Query) -> f64 {
        let Some(percent) = query.aggregation.percent() else { return plain(query.aggregation, self.count, self.sum) };
        let at = self.place_of(rank(self.count, percent));
        self.values.get(at).map_or(0.0, |value| shown((*value).into()))
    }

    /// The place of the value at a rank from 0: the tree is gone down by halves.
    fn place_of(&self, rank: u64) -> usize {
        let (mut place, mut left) = (0, rank);
        let mut step = self.tree.len().next_power_of_two() / 2;
        while step > 0 {
            if let Some(counts) = self.tree.get(place + step).filter(|counts| **counts <= left) {
                left -= counts;
                place += step;
            }
            step /= 2;
        }
        place
    }
}
