//! An organisation at a glance: its last hour, and what others count of it.

use crate::answer::sample::{Sample, average, shown};
use crate::metric::Metric;
use crate::query::{Filter, RANGE_DEFAULT, Range};
use crate::store::{Accuracy, Part, Reading, Totals};
use ionveil_kernel::Timestamp;

/// What is counted elsewhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gauges {
    /// Workflows that are allocated or departed.
    pub active_dispatches: u64,
    /// Workflows that are queued.
    pub pending_dispatches: u64,
    /// Alerts that are open, acknowledged or escalated.
    pub open_alerts: u64,
}

/// What the values of a metric say; all 0 of none.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Figures {
    /// The mean.
    pub avg: f64,
    /// The smallest.
    pub min: f64,
    /// The greatest.
    pub max: f64,
    /// The 50th percentile.
    pub p50: f64,
    /// The 90th.
    pub p90: f64,
    /// The 95th.
    pub p95: f64,
    /// The 99th.
    pub p99: f64,
}

/// An organisation at a glance.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Snapshot {
    /// The instant; what follows is of the hour before it, `[at − 1 h, at)`.
    pub at: Timestamp,
    /// How many dispatches there were: of so many events are the figures below. With 0 they say nothing.
    pub dispatch_count: u64,
    /// Minutes to arrival.
    pub response_time: Figures,
    /// Kilometres, the mean.
    pub distance_avg: f64,
    /// The share that met the SLA, 0 to 1.
    pub compliance_rate: f64,
    /// What is counted elsewhere, at this instant.
    pub gauges: Gauges,
    /// How far it can be trusted.
    pub accuracy: Accuracy,
}

impl Reading<'_> {
    /// The organisation at `now`. It costs what the last hour holds, whatever the day does.
    #[must_use]
    pub fn snapshot(&self, now: Timestamp, gauges: Gauges) -> Snapshot {
        let (mut totals, mut responses) = (Totals::default(), Sample::new(true));
        let accuracy = self.parts(&Range::last(now, RANGE_DEFAULT), &Filter::default(), |_, part| {
            totals.merge(&match part {
                Part::Exact(events, cut) => events.totals_of(cut),
                Part::Rolled(_, rolled) => rolled.totals,
            });
            responses.take(Metric::ResponseTime, part);
        });
        Snapshot {
            at: now,
            dispatch_count: totals.count,
            response_time: figures(&totals, &mut responses),
            distance_avg: average(totals.distance.sum, totals.count),
            compliance_rate: average(totals.sum(Metric::SlaCompliance), totals.count),
            gauges,
            accuracy,
        }
    }
}

fn figures(totals: &Totals, responses: &mut Sample) -> Figures {
    if totals.count == 0 {
        return Figures::default();
    }
    let [p50, p90, p95, p99] = responses.percentiles([50.0, 90.0, 95.0, 99.0]);
    Figures {
        avg: average(totals.response.sum, totals.count),
        min: shown(totals.response.min.into()),
        max: shown(totals.response.max.into()),
        p50,
        p90,
        p95,
        p99,
    }
}
