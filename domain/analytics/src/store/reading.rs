//! What is read of a store: its minutes one by one, exact or rolled up, and how far what is made of them can be trusted.

use crate::metric::{at_minute, minute_after, minute_of};
use crate::query::{Filter, Range};
use crate::store::{Cut, Minute, RELATIVE_ERROR_MAX, Rolled, Row, Slot, Store};
use ionveil_kernel::Timestamp;

/// A store, and rows of a view for what is older.
#[derive(Clone, Copy, Debug)]
pub struct Reading<'a> {
    pub(super) store: &'a Store,
    pub(super) older: &'a [Row],
}

/// What a minute has to say.
#[derive(Clone, Copy)]
pub(crate) enum Part<'a> {
    /// Exact events, of which those count that the cut lets through.
    Exact(&'a Minute, Cut<'a>),
    /// Events rolled up, all of which count, and their region.
    Rolled(&'a str, &'a Rolled),
}

/// How far an answer can be trusted.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Accuracy {
    /// Whether it may differ from what exact events would give.
    pub approximate: bool,
    /// How much percentiles may be off at most, relative to their true value; sums, counts, means and bounds are exact all the
    /// same.
    pub relative_error_max: f64,
    /// How many minutes count whole, or not at all, though the range cuts them: those that are rolled up and lie at its ends.
    pub cut_minutes: u32,
    /// Before this instant nothing is kept, and the range goes further back.
    pub missing_before: Option<Timestamp>,
}

impl Accuracy {
    fn roll(&mut self, minute: i64, range: &Range) -> bool {
        let (start, end) = (at_minute(minute), at_minute(minute + 1));
        if range.start > start || range.end < end {
            self.cut_minutes += 1;
            self.approximate = true;
        }
        let counts = range.contains(start);
        if counts {
            self.relative_error_max = RELATIVE_ERROR_MAX;
            self.approximate = true;
        }
        counts
    }
}

impl<'a> Reading<'a> {
    /// Calls for each minute that the range meets, those from before memory first, with its place since the epoch.
    pub(crate) fn parts(&self, range: &Range, filter: &Filter, mut call: impl FnMut(i64, Part<'_>)) -> Accuracy {
        let mut accuracy = self.gaps(range, filter);
        let mask = self.store.catalogue.mask(filter);
        let (first, end) = (minute_of(range.start), minute_after(range.end));
        if first >= end {
            return accuracy;
        }
        for row in self.older.iter().filter(|row| filter.admits(&row.key.region, row.key.severity, &row.key.unit_type)) {
            let minute = minute_of(row.key.minute);
            if (first..end).contains(&minute) && self.store.kept_from.is_some_and(|from| minute < from) && accuracy.roll(minute, range) {
                call(minute, Part::Rolled(&row.key.region, &row.rolled));
            }
        }
        for (minute, slot) in self.store.minutes.range(first..end) {
            match slot {
                Slot::Exact(events) => {
                    let is_cut = range.start > at_minute(*minute) || range.end < at_minute(minute + 1);
                    let cut = Cut { range: is_cut.then(|| (at_minute(*minute), *range)), mask: mask.as_deref() };
                    call(*minute, Part::Exact(events, cut));
                }
                Slot::Rolled(all) if accuracy.roll(*minute, range) => {
                    let admitted = all.iter().filter(|(series, _)| mask.as_ref().is_none_or(|mask| mask[**series as usize]));
                    admitted.for_each(|(series, rolled)| call(*minute, Part::Rolled(self.region(*series as usize), rolled)));
                }
                Slot::Rolled(_) => {}
            }
        }
        accuracy
    }

    /// What is not there at all.
    fn gaps(&self, range: &Range, filter: &Filter) -> Accuracy {
        let kept_from = self.store.kept_from.map(at_minute);
        let missing_before = kept_from.filter(|from| self.older.is_empty() && range.start < *from);
        let is_folded = self.store.catalogue.is_folded() && !filter.is_open();
        Accuracy { approximate: missing_before.is_some() || is_folded, missing_before, ..Accuracy::default() }
    }

    pub(crate) fn region(&self, series: usize) -> &'a str {
        &self.store.catalogue.series(series).region
    }

    pub(crate) const fn series_len(&self) -> usize {
        self.store.catalogue.len()
    }

    /// The minutes of which something is kept, the first and the last.
    pub(crate) fn bounds(&self) -> Option<(i64, i64)> {
        let kept = self.store.minutes.keys();
        let older = self.older.iter().map(|row| minute_of(row.key.minute));
        let first = kept.clone().next().copied().into_iter().chain(older.clone().min()).min()?;
        let last = kept.last().copied().into_iter().chain(older.max()).max()?;
        Some((first, last))
    }
}
