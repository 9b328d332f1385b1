//! A minute of one series rolled up: counts and sums exactly, percentiles to within [`RELATIVE_ERROR_MAX`]. It is also the row
//! that a view keeps for longer than memory does: a row is added to the row that is there, and the sum of all rows is what one
//! pass over all events would have made.
//!
//! [`RELATIVE_ERROR_MAX`]: super::RELATIVE_ERROR_MAX

use crate::amount::STEPS;
use crate::metric::{Metric, at_minute, minute_of};
use crate::observation::Observation;
use crate::store::histogram::Histogram;
use crate::store::totals::Totals;
use ionveil_kernel::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What is kept of events that are not kept one by one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rolled {
    pub(crate) totals: Totals,
    response: Histogram,
    distance: Histogram,
}

impl Rolled {
    pub(crate) fn add(&mut self, response: i64, distance: i64, met: bool) {
        self.totals.add(response, distance, met);
        self.response.add(response);
        self.distance.add(distance);
    }

    /// Adds what another holds.
    pub fn merge(&mut self, other: &Self) {
        self.totals.merge(&other.totals);
        self.response.merge(&other.response);
        self.distance.merge(&other.distance);
    }

    /// How many events it stands for.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.totals.count
    }

    /// The values of a metric, each with how often it is there.
    pub(crate) fn values(&self, metric: Metric) -> Vec<(i64, u64)> {
        let Totals { count, met, response, distance } = self.totals;
        match metric {
            Metric::ResponseTime => self.response.values(response.min, response.max),
            Metric::Distance => self.distance.values(distance.min, distance.max),
            Metric::DispatchCount => vec![(STEPS, count)],
            Metric::SlaCompliance => [(0, count - met), (STEPS, met)].into_iter().filter(|(_, count)| *count > 0).collect(),
        }
    }

    /// What it takes in memory as an entry of a map, about.
    pub(crate) const fn bytes(&self) -> usize {
        size_of::<(u32, Self)>() * 3 / 2 + self.response.bytes() + self.distance.bytes()
    }
}

/// What events have in common that are rolled up together.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RowKey {
    /// The start of the minute.
    pub minute: Timestamp,
    /// The region.
    pub region: Arc<str>,
    /// 1 to 5.
    pub severity: u8,
    /// The unit type.
    pub unit_type: Arc<str>,
}

/// A row of a view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Of which events.
    pub key: RowKey,
    /// What is known of them.
    pub rolled: Rolled,
}

/// What a view has read and not yet written: flushed every ten seconds, or by hand, in one transaction with its checkpoint.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Buffer {
    rows: BTreeMap<RowKey, Rolled>,
    events: usize,
}

impl Buffer {
    /// Takes in an event.
    pub fn add(&mut self, seen: &Observation) {
        let key = RowKey {
            minute: at_minute(minute_of(seen.timestamp)),
            region: seen.region.clone(),
            severity: seen.severity.number(),
            unit_type: seen.unit_type.clone(),
        };
        let (response, distance) = (seen.response_time_minutes.steps(), seen.distance_km.steps());
        self.rows.entry(key).or_default().add(response, distance, seen.sla_met);
        self.events += 1;
    }

    /// How many events are not flushed.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.events
    }

    /// Whether nothing waits.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.events == 0
    }

    /// The rows, each to be added to the row of its key; as many as aggregates were written.
    pub fn flush(&mut self) -> Vec<Row> {
        self.events = 0;
        std::mem::take(&mut self.rows).into_iter().map(|(key, rolled)| Row { key, rolled }).collect()
    }
}
