//! What is wrong with an event or a question: all of it at once, each with its field and what it must be.

use std::fmt;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The field or query parameter.
    pub field: &'static str,
    /// What is wrong with it.
    pub kind: FaultKind,
}

/// What can be wrong. The text says what the field must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FaultKind {
    /// An event has no id.
    #[error("every event has an id of its own, by which a repeat is known")]
    MissingEventId,
    /// A severity is not on the scale.
    #[error("it is a whole number from 1 to 5; 5 is worst")]
    SeverityOutOfRange,
    /// A response time cannot be.
    #[error("it is from 0 to 1,000,000 minutes")]
    InvalidResponseTime,
    /// A distance cannot be.
    #[error("it is from 0 to 100,000 kilometres")]
    InvalidDistance,
    /// An event is older than what is kept.
    #[error("it lies within the last {0} hours")]
    TooOld(u64),
    /// An event is of a time to come.
    #[error("it lies at most five minutes ahead")]
    OccurredInFuture,
    /// A number is infinite or none.
    #[error("it is a finite number")]
    InvalidNumber,
    /// A field that is needed is absent.
    #[error("{0}")]
    MissingField(&'static str),
    /// A text is too long or has control characters.
    #[error("it has at most {0} characters, none of them a control character")]
    InvalidText(usize),
    /// A position cannot be.
    #[error("it is from {0}")]
    InvalidPosition(&'static str),
    /// There is no such metric.
    #[error("it is response_time, dispatch_count, distance or sla_compliance")]
    UnknownMetric,
    /// There is no such window.
    #[error("it is 1m, 5m, 15m, 1h, 6h or 1d")]
    UnknownWindow,
    /// There is no such aggregation.
    #[error("it is sum, count, avg, p50, p90, p95, p99, min or max")]
    UnknownAggregation,
    /// There is no such dimension.
    #[error("dimensions are region, severity and unit_type")]
    UnknownDimension,
    /// A range of time is empty.
    #[error("it lies after start")]
    InvalidRange,
    /// A number of windows to look back is out of bounds.
    #[error("it is from 1 to 1,440 windows")]
    InvalidLookback,
    /// A number of hours to look ahead is out of bounds.
    #[error("it is from 1 to 168 hours")]
    InvalidHorizon,
    /// A sensitivity is out of bounds.
    #[error("it is above 0 and at most 100 standard deviations")]
    InvalidSensitivity,
    /// A grid has too few or too many rows or columns.
    #[error("it is from 1 to 1,000")]
    InvalidGrid,
}

impl FaultKind {
    /// The stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::MissingEventId => "missing_event_id",
            Self::SeverityOutOfRange => "severity_out_of_range",
            Self::InvalidResponseTime => "invalid_response_time",
            Self::InvalidDistance => "invalid_distance",
            Self::TooOld(_) => "too_old",
            Self::OccurredInFuture => "occurred_in_future",
            Self::InvalidNumber => "invalid_number",
            Self::MissingField(_) => "missing_field",
            Self::InvalidText(_) => "invalid_text",
            Self::InvalidPosition(_) => "invalid_position",
            Self::UnknownMetric => "unknown_metric",
            Self::UnknownWindow => "unknown_window",
            Self::UnknownAggregation => "unknown_aggregation",
            Self::UnknownDimension => "unknown_dimension",
            Self::InvalidRange => "invalid_range",
            Self::InvalidLookback => "invalid_lookback",
            Self::InvalidHorizon => "invalid_horizon",
            Self::InvalidSensitivity => "invalid_sensitivity",
            Self::InvalidGrid => "invalid_grid",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.kind)
    }
}

/// At least one [`Fault`], in the specification's order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Faults {
    first: Fault,
    rest: Vec<Fault>,
}

impl Faults {
    /// The code of the first.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        self.first.kind.code()
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Fault> {
        std::iter::once(&self.first).chain(&self.rest)
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.first.fmt(f)?;
        self.rest.iter().try_for_each(|fault| write!(f, "; {fault}"))
    }
}

/// Gathers faults while fields are checked.
#[derive(Default)]
pub(crate) struct Check(Vec<Fault>);

impl Check {
    pub(crate) fn fault(&mut self, field: &'static str, kind: FaultKind) {
        self.0.push(Fault { field, kind });
    }

    /// The value; where there is none, the fault, and something to go on with.
    pub(crate) fn need<T>(&mut self, field: &'static str, value: Option<T>, kind: FaultKind, instead: T) -> T {
        value.unwrap_or_else(|| {
            self.fault(field, kind);
            instead
        })
    }

    /// Whether nothing was wrong.
    pub(crate) fn finish(self) -> Result<(), Faults> {
        let mut faults = self.0.into_iter();
        faults.next().map_or(Ok(()), |first| Err(Faults { first, rest: faults.collect() }))
    }
}

/// Why the entity that takes in events refuses a command.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// More events than one append holds.
    #[error("a command holds at most {limit} events")]
    TooManyEvents {
        /// How many it may hold.
        limit: usize,
    },
}

impl ionveil_kernel::Rejection for Rejection {
    fn code(&self) -> &'static str {
        match self {
            Self::TooManyEvents { .. } => "too_many_events",
        }
    }
}
