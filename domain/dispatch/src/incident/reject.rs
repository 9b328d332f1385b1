//! Why an incident refuses a command: stable codes.

use crate::fault::Faults;
use crate::incident::state::Status;

/// A refusal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// Reported before.
    #[error("an incident of this id exists")]
    DuplicateEntity,
    /// Never reported.
    #[error("there is no incident of this id")]
    EntityNotFound,
    /// The command makes no sense.
    #[error("{0}")]
    Invalid(Faults),
    /// It is so already.
    #[error("nothing would change")]
    NoChange,
    /// The table has no such edge.
    #[error("an incident does not go from {} to {}", .from.as_str(), .to.as_str())]
    InvalidTransition {
        /// The present status.
        from: Status,
        /// The one that was asked for.
        to: Status,
    },
    /// It has ended.
    #[error("the incident has ended")]
    TerminalIncident,
    /// It is being worked on.
    #[error("an incident that is {} is resolved before it is closed", .0.as_str())]
    MustResolveFirst(Status),
    /// It is about to take in another.
    #[error("the incident is about to take in another one")]
    MergePending,
    /// It cannot take in itself.
    #[error("an incident is not merged with itself")]
    SelfMerge,
}

/// What a refusal is at heart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RejectionClass {
    /// The command is wrong by itself (HTTP 400).
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
            Self::Invalid(_) | Self::SelfMerge => RejectionClass::Invalid,
            Self::EntityNotFound => RejectionClass::NotFound,
            Self::DuplicateEntity
            | Self::NoChange
            | Self::InvalidTransition { .. }
            | Self::TerminalIncident
            | Self::MustResolveFirst(_)
            | Self::MergePending => RejectionClass::Conflict,
        }
    }
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
            Self::TerminalIncident => "terminal_incident",
            Self::MustResolveFirst(_) => "must_resolve_first",
            Self::MergePending => "merge_pending",
            Self::SelfMerge => "self_merge",
        }
    }
}
