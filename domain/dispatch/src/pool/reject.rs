//! Why a pool refuses a command: stable codes, with every fault of a request and the order that it concerns.

use crate::eta::InvalidEta;
use crate::geo::InvalidDistance;
use crate::pool::{AGENCIES_MAX, ORDERS_PER_INSERT_MAX, REQUESTS_PER_WINDOW_MAX};
use std::fmt;

/// A refusal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// The command makes no sense.
    #[error("{0}")]
    Invalid(Faults),
    /// No order of this id waits.
    #[error("no order of this id waits")]
    NotPending,
    /// Urgency and ETA are what was asked for.
    #[error("the order has this urgency and this eta")]
    NoChange,
    /// A request of this id asked for something else.
    #[error("another request was made under this request_id")]
    RequestReused,
    /// So many orders do not fit.
    #[error("the pool has room for {room} more orders of at most {limit}")]
    PoolFull {
        /// How many fit.
        room: usize,
        /// How many may wait at all.
        limit: usize,
    },
    /// Too many requests wait for the end of the window.
    #[error("{REQUESTS_PER_WINDOW_MAX} requests wait for the end of the window")]
    WindowFull,
    /// The policy in force is halted.
    #[error("nothing is assigned while {0}")]
    PolicyHalted(Box<ionveil_kernel::Halt>),
}

impl Rejection {
    /// The single faults of an invalid command; empty for the other refusals.
    pub fn faults(&self) -> impl Iterator<Item = &Fault> {
        let faults = if let Self::Invalid(faults) = self { Some(faults) } else { None };
        faults.into_iter().flat_map(Faults::iter)
    }
}

impl ionveil_kernel::Rejection for Rejection {
    fn code(&self) -> &'static str {
        match self {
            Self::Invalid(faults) => faults.first.kind.code(),
            Self::NotPending => "not_pending",
            Self::NoChange => "no_change",
            Self::RequestReused => "idempotency_key_reused",
            Self::PoolFull { .. } => "pool_full",
            Self::WindowFull => "window_full",
            Self::PolicyHalted(_) => "policy_halted",
        }
    }
}

/// One thing that is wrong with a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The place of the order or agency in the command's list.
    pub index: Option<usize>,
    /// The field.
    pub field: &'static str,
    /// What is wrong.
    pub kind: FaultKind,
}

/// What is wrong with a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FaultKind {
    /// There is no id.
    #[error("it is missing")]
    MissingId,
    /// The id has another form.
    #[error("it must match {}", ionveil_kernel::EntityId::PATTERN)]
    InvalidId,
    /// An order of this id waits, or stands earlier in the list.
    #[error("an order of this id waits already, or stands earlier in the list")]
    DuplicateId,
    /// The urgency is 0 or below.
    #[error("it must be above 0")]
    NonPositiveUrgency,
    /// The ETA has another form.
    #[error("{0}")]
    InvalidEta(InvalidEta),
    /// There is no such distance.
    #[error("{0}")]
    InvalidDistance(InvalidDistance),
    /// The agency stands earlier in the list.
    #[error("an agency is named once")]
    DuplicateAgency,
    /// Nothing is asked for.
    #[error("it is missing")]
    MissingField,
    /// The list is too long.
    #[error("at most {ORDERS_PER_INSERT_MAX} orders come at once")]
    TooManyOrders,
    /// The list is too long.
    #[error("at most {AGENCIES_MAX} agencies ask at once")]
    TooManyAgencies,
}

impl FaultKind {
    /// The stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::MissingId => "missing_id",
            Self::InvalidId => "invalid_id",
            Self::DuplicateId => "duplicate_id",
            Self::NonPositiveUrgency => "non_positive_urgency",
            Self::InvalidEta(_) => "invalid_eta",
            Self::InvalidDistance(_) => "invalid_distance",
            Self::DuplicateAgency => "duplicate_agency",
            Self::MissingField => "missing_field",
            Self::TooManyOrders => "too_many_orders",
            Self::TooManyAgencies => "too_many_agencies",
        }
    }
}

impl Fault {
    /// A fault of a field of the command itself.
    pub(crate) const fn of(field: &'static str, kind: FaultKind) -> Self {
        Self { index: None, field, kind }
    }

    /// The same fault, of the order or agency at this place.
    pub(crate) const fn at(self, index: usize) -> Self {
        Self { index: Some(index), ..self }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.index.map_or(Ok(()), |index| write!(f, "[{index}] "))?;
        write!(f, "{}: {}", self.field, self.kind)
    }
}

/// At least one [`Fault`], in the order of the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Faults {
    first: Fault,
    rest: Vec<Fault>,
}

impl Faults {
    /// A refusal if there is anything in `faults`.
    pub(crate) fn refuse(faults: Vec<Fault>) -> Result<(), Rejection> {
        let mut faults = faults.into_iter();
        let Some(first) = faults.next() else { return Ok(()) };
        Err(Rejection::Invalid(Self { first, rest: faults.collect() }))
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Fault> {
        std::iter::once(&self.first).chain(&self.rest)
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.first.fmt(f)?;
        self.rest.iter().take(9).try_for_each(|fault| write!(f, "; {fault}"))?;
        self.rest.len().checked_sub(10).map_or(Ok(()), |more| write!(f, "; and {} more", more + 1))
    }
}
