//! Why an alert refuses a command: stable codes.

use crate::fault::{self, Fault};
use crate::reject::RejectionClass;

/// A refusal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// The command is wrong by itself.
    #[error("{}", fault::line(.0))]
    Invalid(Vec<Fault>),
    /// It was never raised.
    #[error("there is no alert of this id")]
    NotFound,
    /// It is suppressed.
    #[error("the alert is suppressed: nobody has to take care of it")]
    NotAcknowledgeable,
    /// It is acknowledged or suppressed.
    #[error("the alert is acknowledged or suppressed, and does not escalate")]
    NotEscalatable,
    /// It is over.
    #[error("the alert is resolved")]
    AlreadyResolved,
    /// Nobody is above, or it has escalated as often as it may.
    #[error("the alert has gone as high as it may")]
    MaxEscalation,
}

impl Rejection {
    /// What it is at heart.
    #[must_use]
    pub const fn class(&self) -> RejectionClass {
        match self {
            Self::Invalid(_) => RejectionClass::Invalid,
            Self::NotFound => RejectionClass::NotFound,
            Self::NotAcknowledgeable | Self::NotEscalatable | Self::AlreadyResolved | Self::MaxEscalation => RejectionClass::Conflict,
        }
    }

    /// The single faults of an invalid command.
    #[must_use]
    pub fn faults(&self) -> &[Fault] {
        if let Self::Invalid(faults) = self { faults } else { &[] }
    }
}

impl ionveil_kernel::Rejection for Rejection {
    fn code(&self) -> &'static str {
        match self {
            Self::Invalid(faults) => faults.first().map_or("invalid_field", |fault| fault.code.code()),
            Self::NotFound => "not_found",
            Self::NotAcknowledgeable => "not_acknowledgeable",
            Self::NotEscalatable => "not_escalatable",
            Self::AlreadyResolved => "already_resolved",
            Self::MaxEscalation => "max_escalation",
        }
    }
}
