//! The state of a workflow from its raw records, in whatever order they come, now or at a past instant (specification
//! of IonVeil §5.5 "Fold" and "Point in time").
//!
//! The runtime folds for itself as it reads; this is for reading beside it: past states, `verify`, foreign dumps.

use crate::event::Event;
use crate::state::State;
use crate::{KIND, Workflow, evolve};
use ionveil_kernel::{BrokenInvariant, DecodeError, EventCodec, Recorded, Timestamp};
use std::collections::BTreeSet;

/// Why records are no history of a workflow.
#[derive(Debug, thiserror::Error)]
pub enum FoldError {
    /// The records are not of one stream, or of no workflow.
    #[error("event {sequence_number} belongs to another stream")]
    ForeignEvent {
        /// The record's.
        sequence_number: u64,
    },
    /// Two events claim one place.
    #[error("two events have the sequence number {sequence_number}")]
    SequenceConflict {
        /// The place.
        sequence_number: u64,
    },
    /// A place is empty.
    #[error("the event with the sequence number {sequence_number} is missing")]
    SequenceGap {
        /// The first empty place.
        sequence_number: u64,
    },
    /// An event happened or became known before the one before it.
    #[error("event {sequence_number} is older than the one before it")]
    NonMonotonicTimestamp {
        /// The later place.
        sequence_number: u64,
    },
    /// A payload cannot be read.
    #[error("event {sequence_number} cannot be read")]
    Unreadable {
        /// The place.
        sequence_number: u64,
        /// Why.
        #[source]
        source: DecodeError,
    },
    /// The event cannot follow.
    #[error("event {sequence_number} cannot follow")]
    InvalidEvent {
        /// The place.
        sequence_number: u64,
        /// Why.
        #[source]
        source: BrokenInvariant,
    },
}

impl FoldError {
    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::ForeignEvent { .. } => "foreign_event",
            Self::SequenceConflict { .. } => "sequence_conflict",
            Self::SequenceGap { .. } => "sequence_gap",
            Self::NonMonotonicTimestamp { .. } => "non_monotonic_timestamp",
            Self::Unreadable { source, .. } => match source {
                DecodeError::UnknownEventType(_) => "unknown_event_type",
                DecodeError::UnsupportedEventVersion { .. } => "unsupported_event_version",
                DecodeError::MissingUpcaster { .. } => "missing_upcaster",
                DecodeError::InvalidData { .. } => "invalid_event",
            },
            Self::InvalidEvent { .. } => "invalid_event",
        }
    }
}

/// A state, and which one it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moment {
    /// The state; never absent.
    pub state: State,
    /// The sequence number of the last event in it.
    pub version: u64,
    /// When that happened.
    pub occurred_at: Timestamp,
    /// When it became known.
    pub recorded_at: Timestamp,
}

/// The records in order of sequence number, complete from 1 and without repeats: of an event id that comes twice, the
/// first record counts.
///
/// # Errors
/// All of [`FoldError`] but the last two.
pub fn ordered(records: &[Recorded]) -> Result<Vec<&Recorded>, FoldError> {
    let mut seen = BTreeSet::new();
    let mut events: Vec<_> = records.iter().filter(|record| seen.insert(record.event_id)).collect();
    events.sort_by_key(|event| event.sequence_number);
    for (event, expected) in events.iter().zip(1..) {
        let sequence_number = event.sequence_number;
        if event.stream != events[0].stream || event.stream.kind.as_str() != KIND {
            return Err(FoldError::ForeignEvent { sequence_number });
        }
        if sequence_number < expected {
            return Err(FoldError::SequenceConflict { sequence_number });
        }
        if sequence_number > expected {
            return Err(FoldError::SequenceGap { sequence_number: expected });
        }
    }
    let back = |pair: &&[&Recorded]| pair[1].occurred_at < pair[0].occurred_at || pair[1].recorded_at < pair[0].recorded_at;
    match events.windows(2).find(back) {
        Some(pair) => Err(FoldError::NonMonotonicTimestamp { sequence_number: pair[1].sequence_number }),
        None => Ok(events),
    }
}

/// The present state; none of no records.
///
/// # Errors
/// [`FoldError`].
pub fn fold(workflow: &Workflow, records: &[Recorded]) -> Result<Option<Moment>, FoldError> {
    state_at(workflow, records, None, None)
}

/// The state after all events that had happened by `at` and were known by `known_at`, both inclusive: both never
/// decrease within a stream, so the shorter prefix. None before the first event.
///
/// # Errors
/// [`FoldError`], also for what lies behind the prefix if the order is broken there.
pub fn state_at(
    workflow: &Workflow,
    records: &[Recorded],
    at: Option<Timestamp>,
    known_at: Option<Timestamp>,
) -> Result<Option<Moment>, FoldError> {
    let mut state = State::Absent;
    let mut last = None;
    let is_in = |event: &&Recorded| at.is_none_or(|at| event.occurred_at <= at) && known_at.is_none_or(|at| event.recorded_at <= at);
    for event in ordered(records)?.into_iter().take_while(is_in) {
        state = step(workflow, state, event)?;
        last = Some(event);
    }
    Ok(last.map(|event| Moment { state, version: event.sequence_number, occurred_at: event.occurred_at, recorded_at: event.recorded_at }))
}

fn step(workflow: &Workflow, state: State, record: &Recorded) -> Result<State, FoldError> {
    let sequence_number = record.sequence_number;
    let event = Event::decode(&record.event_type, record.schema_version, &record.data);
    let event = event.map_err(|source| FoldError::Unreadable { sequence_number, source })?;
    evolve::evolve(workflow.machines(), state, &event).map_err(|source| FoldError::InvalidEvent { sequence_number, source })
}
