//! A store filled and asked: the specification's figures and edges, and plain models worked out from scratch.

mod answers;
mod approximate;
mod cells;
mod model;
mod store;

use crate::query::{Filter, Query, Range};
use crate::store::{Limits, Store};
use crate::{Aggregation, Amount, Metric, Observation, Place, Severity, Window};
use ionveil_kernel::Timestamp;

/// 2026-11-26T12:00:00Z, on the grid of every window but the day's.
pub(super) const NOON: i64 = 1_795_694_400;

/// So many seconds after noon.
pub(super) fn at(second: f64) -> Timestamp {
    Timestamp::from_micros(NOON * 1_000_000 + (second * 1e6).round() as i64)
}

pub(super) fn seen(event_id: &str, second: f64, response: f64) -> Observation {
    Observation {
        event_id: event_id.into(),
        dispatch_id: "d".into(),
        timestamp: at(second),
        severity: Severity::new(3).unwrap(),
        response_time_minutes: Amount::new(response).unwrap(),
        distance_km: Amount::new(2.0).unwrap(),
        region: "north".into(),
        unit_type: "engine".into(),
        sla_met: true,
        place: Place::None,
    }
}

/// A store with an event for each pair of second and response time, at the last second.
pub(super) fn filled(events: &[(f64, f64)]) -> Store {
    let mut store = Store::new(Limits::default());
    let now = events.iter().fold(at(0.0), |now, (second, _)| now.max(at(*second)));
    for (second, response) in events {
        store.ingest(&seen("", *second, *response), now);
    }
    store
}

pub(super) fn query(metric: Metric, window: Window, aggregation: Aggregation, from: f64, to: f64) -> Query {
    Query { metric, window, aggregation, range: Range { start: at(from), end: at(to) }, sliding: false, filter: Filter::default() }
}
