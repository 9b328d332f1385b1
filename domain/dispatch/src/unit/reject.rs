//! Why a unit refuses a command: stable codes.

use crate::fault::Faults;
use crate::unit::state::Availability;

/// A refusal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// Registered before.
    #[error("a unit of this id exists")]
    DuplicateEntity,
    /// Never registered.
    #[error("there is no unit of this id")]
    EntityNotFound,
    /// The command makes no sense.
    #[error("{0}")]
    Invalid(Faults),
    /// It is so already.
    #[error("nothing would change")]
    NoChange,
    /// The table has no such edge.
    #[error("a unit does not go from {} to {} by hand", .from.as_str(), .to.as_str())]
    InvalidTransition {
        /// The present status.
        from: Availability,
        /// The one that was asked for.
        to: Availability,
    },
    /// An assignment is about to take it; that is settled in a moment.
    #[error("an assignment has reserved the unit and is not certain yet")]
    AssignmentPending,
    /// It is not on that incident.
    #[error("the unit is not on this incident")]
    NotOnIncident,
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
            Self::Invalid(faults) => faults.code(),
            Self::NoChange => "no_change",
            Self::InvalidTransition { .. } => "invalid_transition",
            Self::AssignmentPending => "assignment_pending",
            Self::NotOnIncident => "not_on_incident",
        }
    }
}
