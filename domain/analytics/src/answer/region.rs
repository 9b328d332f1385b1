//! Figures by region.

use crate::answer::sample::average;
use crate::metric::Metric;
use crate::query::{Filter, Range};
use crate::store::{Accuracy, Part, Reading, Totals};
use std::collections::BTreeMap;

/// What a region's dispatches say.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct RegionFigures {
    /// How many there were.
    pub dispatch_count: u64,
    /// The mean, in minutes.
    pub avg_response: f64,
    /// The mean, in kilometres.
    pub avg_distance: f64,
    /// The share that met the SLA, 0 to 1.
    pub sla_compliance_rate: f64,
}

/// Figures by region.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Regions {
    /// Those with dispatches in the range.
    pub regions: BTreeMap<String, RegionFigures>,
    /// How far they can be trusted.
    pub accuracy: Accuracy,
}

impl Reading<'_> {
    /// Figures of a range by region.
    #[must_use]
    pub fn regions(&self, range: &Range) -> Regions {
        let mut by_series = vec![Totals::default(); self.series_len()];
        let mut by_region: BTreeMap<String, Totals> = BTreeMap::new();
        let accuracy = self.parts(range, &Filter::default(), |_, part| match part {
            Part::Exact(events, cut) => events.each(cut, |place| events.add_to(place, &mut by_series[events.series(place)])),
            Part::Rolled(region, rolled) => by_region.entry(region.to_owned()).or_default().merge(&rolled.totals),
        });
        for (series, totals) in by_series.iter().enumerate().filter(|(_, totals)| totals.count > 0) {
            by_region.entry(self.region(series).to_owned()).or_default().merge(totals);
        }
        Regions { regions: by_region.into_iter().map(|(region, totals)| (region, RegionFigures::of(&totals))).collect(), accuracy }
    }
}

impl RegionFigures {
    fn of(totals: &Totals) -> Self {
        Self {
            dispatch_count: totals.count,
            avg_response: average(totals.response.sum, totals.count),
            avg_distance: average(totals.distance.sum, totals.count),
            sla_compliance_rate: average(totals.sum(Metric::SlaCompliance), totals.count),
        }
    }
}
