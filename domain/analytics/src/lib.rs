//! Analytics: the city's numbers as they move, and the audit trail of all that changed.
//!
//! Posted events are journaled first, by `analytics:<org>:<shard>`, an entity that accepts each event id once
//! (`aggregator/`). All else reads: a [`store::Store`] holds the last 24 hours of an organisation exactly, within a bound of
//! bytes, and answers; a [`hub::Hub`] hands new values to whoever follows them; [`audit`] chains what happened, so that what
//! was taken out or altered shows. Time is an argument everywhere.
//!
//! | to read | folder or file |
//! |---|---|
//! | metrics, windows, aggregations; amounts and places | `metric.rs`, `amount.rs`, `place.rs` |
//! | reports and questions from outside, and what is wrong with them | `observation.rs`, `query.rs`, `reject.rs` |
//! | which events are accepted | `aggregator/` |
//! | the events of a day | `store/` |
//! | windows, snapshot, trend, anomalies, regions, heatmap | `answer/` |
//! | subscriptions | `hub.rs` |
//! | the audit trail | `audit/` |
//!
//! The invariants of the entity are numbered in `aggregator/mod.rs`; `evolve` names them when a stored history breaks one.
//!
//! Architecture invariant: no clock, no I/O, no randomness; nothing here depends on another context, nor on the library of
//! H3: which cell a place is in is told by whoever asks.

pub mod aggregator;
mod amount;
pub mod answer;
pub mod audit;
pub mod hub;
mod metric;
mod observation;
mod place;
pub mod query;
mod reject;
pub mod store;

#[cfg(test)]
mod tests;

pub use amount::{Amount, InvalidAmount};
pub use metric::{Aggregation, Metric, Window};
pub use observation::{
    AHEAD_MAX, DISTANCE_KM_MAX, Metadata, Observation, OutOfScale, RETENTION_DEFAULT, Report, Severity, UNKNOWN, check_all,
};
pub use place::{InvalidPosition, Place, Position};
pub use reject::{Fault, FaultKind, Faults, Rejection};
