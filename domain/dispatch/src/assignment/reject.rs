//! Why an assignment refuses a command: stable codes.

use crate::assignment::CANDIDATES_MAX;
use crate::fault::Faults;

/// A refusal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// It began before.
    #[error("an assignment of this id exists")]
    DuplicateEntity,
    /// It never began.
    #[error("there is no assignment of this id")]
    EntityNotFound,
    /// Nobody, or too many, can be asked.
    #[error("candidates: from 1 to {CANDIDATES_MAX} units can be asked")]
    InvalidCandidates,
    /// A unit is named twice.
    #[error("candidates: a unit is named once")]
    DuplicateUnit,
    /// Nobody is wanted.
    #[error("wanted: it is 1 or more")]
    InvalidWanted,
    /// The policy in force is halted.
    #[error("nothing is assigned while {0}")]
    PolicyHalted(Box<ionveil_kernel::Halt>),
    /// The report makes no sense.
    #[error("{0}")]
    Invalid(Faults),
}

impl From<Faults> for Rejection {
    fn from(faults: Faults) -> Self {
        Self::Invalid(faults)
    }
}

impl ionveil_kernel::Rejection for Rejection {
    fn code(&self) -> &'static str {
        match self {
            Self::DuplicateEntity => "duplicate_entity",
            Self::EntityNotFound => "entity_not_found",
            Self::InvalidCandidates => "invalid_candidates",
            Self::DuplicateUnit => "duplicate_unit",
            Self::InvalidWanted => "invalid_wanted",
            Self::PolicyHalted(_) => "policy_halted",
            Self::Invalid(faults) => faults.code(),
        }
    }
}
