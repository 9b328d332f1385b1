//! One minute of exact events, a column for each field: what a question does not ask for is not read.

use crate::amount::STEPS;
use crate::metric::Metric;
use crate::place::Place;
use crate::query::Range;
use crate::store::rolled::Rolled;
use crate::store::totals::Totals;
use ionveil_kernel::Timestamp;
use std::collections::BTreeMap;

/// What is kept of an event.
#[derive(Clone, Copy)]
pub(crate) struct Entry {
    /// Microseconds after the start of the minute.
    pub(crate) offset: u32,
    pub(crate) response: i64,
    pub(crate) distance: i64,
    pub(crate) series: u32,
    pub(crate) met: bool,
    pub(crate) place: Place,
    pub(crate) id: Option<u128>,
}

/// Events in the order in which they came.
#[derive(Debug, Default)]
pub(crate) struct Minute {
    offsets: Vec<u32>,
    responses: Vec<i64>,
    distances: Vec<i64>,
    /// The series, and in the lowest bit whether the SLA was met.
    tags: Vec<u32>,
    places: Vec<Place>,
    /// Those that have one.
    ids: Vec<u128>,
    totals: Totals,
}

/// Which events of a minute count.
#[derive(Clone, Copy)]
pub(crate) struct Cut<'a> {
    /// Of a minute that the range does not cover: the start of the minute, and the range.
    pub(crate) range: Option<(Timestamp, Range)>,
    /// By series; all if there is none.
    pub(crate) mask: Option<&'a [bool]>,
}

impl Cut<'_> {
    const fn is_whole(&self) -> bool {
        self.range.is_none() && self.mask.is_none()
    }
}

impl Minute {
    /// Takes in an event; yields how many bytes of memory that took.
    pub(crate) fn push(&mut self, entry: Entry) -> usize {
        let before = self.bytes();
        self.offsets.push(entry.offset);
        self.responses.push(entry.response);
        self.distances.push(entry.distance);
        self.tags.push(entry.series << 1 | u32::from(entry.met));
        self.places.push(entry.place);
        self.ids.extend(entry.id);
        self.totals.add(entry.response, entry.distance, entry.met);
        self.bytes() - before
    }

    pub(crate) const fn bytes(&self) -> usize {
        let of_each = size_of::<u32>() * 2 + size_of::<i64>() * 2 + size_of::<Place>();
        self.offsets.capacity() * of_each + self.ids.capacity() * size_of::<u128>()
    }

    pub(crate) fn ids(&self) -> &[u128] {
        &self.ids
    }

    /// Calls for the place of each event that counts.
    pub(crate) fn each(&self, cut: Cut<'_>, mut call: impl FnMut(usize)) {
        let is_inside = |place: usize| {
            let at = |(start, range): (Timestamp, Range)| {
                range.contains(Timestamp::from_micros(start.micros() + i64::from(self.offsets[place])))
            };
            cut.range.is_none_or(at) && cut.mask.is_none_or(|mask| mask[self.series(place)])
        };
        (0..self.offsets.len()).filter(|place| cut.is_whole() || is_inside(*place)).for_each(&mut call);
    }

    /// The values of a metric, added to `values`.
    pub(crate) fn collect(&self, metric: Metric, cut: Cut<'_>, values: &mut Vec<i64>) {
        match metric {
            Metric::ResponseTime if cut.is_whole() => values.extend_from_slice(&self.responses),
            Metric::Distance if cut.is_whole() => values.extend_from_slice(&self.distances),
            _ => self.each(cut, |place| values.push(self.value(metric, place))),
        }
    }

    pub(crate) fn value(&self, metric: Metric, place: usize) -> i64 {
        match metric {
            Metric::ResponseTime => self.responses[place],
            Metric::Distance => self.distances[place],
            Metric::DispatchCount => STEPS,
            Metric::SlaCompliance => {
                if self.met(place) {
                    STEPS
                } else {
                    0
                }
            }
        }
    }

    /// The totals of the events that count.
    pub(crate) fn totals_of(&self, cut: Cut<'_>) -> Totals {
        if cut.is_whole() {
            return self.totals;
        }
        let mut totals = Totals::default();
        self.each(cut, |place| totals.add(self.responses[place], self.distances[place], self.met(place)));
        totals
    }

    pub(crate) fn series(&self, place: usize) -> usize {
        (self.tags[place] >> 1) as usize
    }

    pub(crate) fn place(&self, place: usize) -> Place {
        self.places[place]
    }

    /// Adds the event to the totals of its series.
    pub(crate) fn add_to(&self, place: usize, totals: &mut Totals) {
        totals.add(self.responses[place], self.distances[place], self.met(place));
    }

    fn met(&self, place: usize) -> bool {
        self.tags[place] & 1 == 1
    }

    /// Rolled up, by series.
    pub(crate) fn rolled(&self) -> BTreeMap<u32, Rolled> {
        let mut all: BTreeMap<u32, Rolled> = BTreeMap::new();
        for (place, tag) in self.tags.iter().enumerate() {
            all.entry(tag >> 1).or_default().add(self.responses[place], self.distances[place], self.met(place));
        }
        all
    }
}
