//! Why the simulator refuses: stable codes, and the request field that each concerns.

use super::pattern::{EVENTS_MAX, GIVEN_EVENTS_MAX};
use super::scenario::{KEY_CHARS_MAX, LEVELS_MAX, METADATA_MAX, VALUE_CHARS_MAX};
use super::span::SECONDS_MAX;
use super::state::Status;
use std::fmt;

/// A refusal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// Created before.
    #[error("a simulation of this id exists")]
    DuplicateEntity,
    /// Never created.
    #[error("there is no simulation of this id")]
    NotFound,
    /// The request makes no sense, whatever the state.
    #[error("{0}")]
    Invalid(Faults),
    /// A run is under way.
    #[error("the simulation is running")]
    AlreadyRunning,
    /// It was cancelled or it failed.
    #[error("the simulation has ended as {0}: create another to run it again")]
    NotRunnable(Status),
    /// It was never started, so that nothing can be started again, be completed or fail.
    #[error("the simulation is not running")]
    NotRunning,
    /// The outcome is one of another scenario or duration.
    #[error("the outcome is not one of this simulation's scenario and duration")]
    ForeignOutcome,
    /// Nothing to recommend from.
    #[error("none of the simulations has completed")]
    NoCompletedResults,
}

/// What a refusal is at heart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RejectionClass {
    /// The request is wrong by itself (HTTP 400).
    Invalid,
    /// There is nothing to command (HTTP 404).
    NotFound,
    /// The present state speaks against it (HTTP 409).
    Conflict,
}

impl Rejection {
    /// What it is at heart.
    #[must_use]
    pub const fn class(&self) -> RejectionClass {
        match self {
            Self::Invalid(_) => RejectionClass::Invalid,
            Self::NotFound => RejectionClass::NotFound,
            Self::DuplicateEntity
            | Self::AlreadyRunning
            | Self::NotRunnable(_)
            | Self::NotRunning
            | Self::ForeignOutcome
            | Self::NoCompletedResults => RejectionClass::Conflict,
        }
    }

    /// The request field that it concerns (the first, of several), if it is one of the request's.
    #[must_use]
    pub fn field(&self) -> Option<&str> {
        match self {
            Self::Invalid(faults) => Some(&faults.first.field),
            Self::DuplicateEntity => Some("id"),
            Self::NotFound
            | Self::AlreadyRunning
            | Self::NotRunnable(_)
            | Self::NotRunning
            | Self::ForeignOutcome
            | Self::NoCompletedResults => None,
        }
    }

    /// The single faults of an invalid request; empty for the other refusals.
    pub fn faults(&self) -> impl Iterator<Item = &Fault> {
        let faults = if let Self::Invalid(faults) = self { Some(faults) } else { None };
        faults.into_iter().flat_map(Faults::iter)
    }
}

impl ionveil_kernel::Rejection for Rejection {
    fn code(&self) -> &'static str {
        match self {
            Self::DuplicateEntity => "duplicate_entity",
            Self::NotFound => "not_found",
            Self::Invalid(faults) => faults.first.kind.code(),
            Self::AlreadyRunning => "already_running",
            Self::NotRunnable(_) => "not_runnable",
            Self::NotRunning => "not_running",
            Self::ForeignOutcome => "foreign_outcome",
            Self::NoCompletedResults => "no_completed_results",
        }
    }
}

/// One thing that is wrong with a request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {kind}")]
pub struct Fault {
    /// The request field, such as `scenario.policy_order[2]`.
    pub field: String,
    /// What is wrong with it.
    pub kind: FaultKind,
}

impl Fault {
    /// A fault of one field.
    pub(crate) fn new(field: impl Into<String>, kind: FaultKind) -> Self {
        Self { field: field.into(), kind }
    }
}

/// What can be wrong with a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FaultKind {
    /// NaN or infinite.
    #[error("not a finite number")]
    InvalidNumber,
    /// A text is empty, too long, or has control characters.
    #[error("a text here has 1 to {0} characters, none of them a control character")]
    InvalidText(usize),
    /// The scenario has no name.
    #[error("a scenario needs a name")]
    MissingName,
    /// Fewer than two levels.
    #[error("at least 2 levels are needed")]
    PolicyOrderTooShort,
    /// More than [`LEVELS_MAX`] levels.
    #[error("at most {LEVELS_MAX} levels are possible")]
    PolicyOrderTooLong,
    /// A level stands in the order twice.
    #[error("this level stands in the order twice")]
    DuplicatePolicy,
    /// The escalation threshold is below 1.
    #[error("the escalation threshold is at least 1")]
    InvalidEscalationThreshold,
    /// A threshold is given for a level that is not in the order.
    #[error("the order has no such level")]
    UnknownPolicy,
    /// A de-escalation threshold is below 1.
    #[error("a de-escalation threshold is at least 1")]
    InvalidDeescalationThreshold,
    /// The dwell time is negative or too long.
    #[error("a dwell time is 0 to {SECONDS_MAX} seconds")]
    InvalidDwell,
    /// Too many entries, or a key or a value that is too long.
    #[error("metadata has at most {METADATA_MAX} entries, keys of 1 to {KEY_CHARS_MAX} and values of at most {VALUE_CHARS_MAX} characters")]
    InvalidMetadata,
    /// The offset of an event is negative or too large.
    #[error("an offset is 0 to {SECONDS_MAX} seconds")]
    InvalidOffset,
    /// More events than are lawful.
    #[error("at most {EVENTS_MAX} events are possible, {GIVEN_EVENTS_MAX} if they are given one by one")]
    PatternTooLong,
    /// A rate of failures is not from 0 to 1.
    #[error("a rate is from 0 to 1")]
    InvalidRate,
    /// A run takes no time or too much, or a generator is to fill less than a second.
    #[error("a run lasts longer than 0 s, a generated pattern at least 1 s, both at most {SECONDS_MAX} s")]
    InvalidDuration,
    /// Events per second are not above 0.
    #[error("events per second are more than 0")]
    InvalidEventRate,
    /// A burst is shorter than 1 s.
    #[error("a burst lasts at least 1 s")]
    InvalidBurstSize,
    /// Bursts are less than 1 s apart.
    #[error("the interval is at least 1 s")]
    InvalidInterval,
    /// A factor is below 1.
    #[error("the factor is at least 1")]
    InvalidFactor,
    /// The recovery lies before the start, or too far ahead.
    #[error("the recovery is 0 to {SECONDS_MAX} seconds after the start")]
    InvalidRecovery,
    /// A range of history does not end after it began.
    #[error("the range ends after it begins")]
    InvalidRange,
    /// Two scenarios have the name.
    #[error("two scenarios have this name")]
    DuplicateScenario,
    /// Too many scenarios are to be compared.
    #[error("at most {} scenarios can be compared", super::SCENARIOS_MAX)]
    TooManyScenarios,
    /// A point in time lies outside the run.
    #[error("this point lies outside the run")]
    OutsideRun,
}

impl FaultKind {
    /// The stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::InvalidNumber => "invalid_number",
            Self::InvalidText(_) => "invalid_text",
            Self::MissingName => "missing_name",
            Self::PolicyOrderTooShort => "policy_order_too_short",
            Self::PolicyOrderTooLong => "policy_order_too_long",
            Self::DuplicatePolicy => "duplicate_policy",
            Self::InvalidEscalationThreshold => "invalid_escalation_threshold",
            Self::UnknownPolicy => "unknown_policy",
            Self::InvalidDeescalationThreshold => "invalid_deescalation_threshold",
            Self::InvalidDwell => "invalid_dwell",
            Self::InvalidMetadata => "invalid_metadata",
            Self::InvalidOffset => "invalid_offset",
            Self::PatternTooLong => "pattern_too_long",
            Self::InvalidRate => "invalid_rate",
            Self::InvalidDuration => "invalid_duration",
            Self::InvalidEventRate => "invalid_event_rate",
            Self::InvalidBurstSize => "invalid_burst_size",
            Self::InvalidInterval => "invalid_interval",
            Self::InvalidFactor => "invalid_factor",
            Self::InvalidRecovery => "invalid_recovery",
            Self::InvalidRange => "invalid_range",
            Self::DuplicateScenario => "duplicate_scenario",
            Self::TooManyScenarios => "too_many_scenarios",
            Self::OutsideRun => "outside_run",
        }
    }
}

/// At least one [`Fault`], in the order of the specification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Faults {
    first: Fault,
    rest: Vec<Fault>,
}

impl Faults {
    /// A refusal if there is anything in `faults`.
    pub(crate) fn refuse(faults: Vec<Fault>) -> Result<(), Self> {
        let mut faults = faults.into_iter();
        let Some(first) = faults.next() else { return Ok(()) };
        Err(Self { first, rest: faults.collect() })
    }

    /// A refusal for one fault.
    pub(crate) const fn one(fault: Fault) -> Self {
        Self { first: fault, rest: Vec::new() }
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Fault> {
        std::iter::once(&self.first).chain(&self.rest)
    }
}

impl From<Fault> for Rejection {
    fn from(fault: Fault) -> Self {
        Self::Invalid(Faults::one(fault))
    }
}

impl From<Faults> for Rejection {
    fn from(faults: Faults) -> Self {
        Self::Invalid(faults)
    }
}

impl std::error::Error for Faults {}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.first.fmt(f)?;
        self.rest.iter().try_for_each(|fault| write!(f, "; {fault}"))
    }
}
