//! Why a node refuses: stable codes, and the request field that each concerns.

use std::fmt;

/// A refusal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// Never registered.
    #[error("no node of this endpoint was registered")]
    UnknownEndpoint,
    /// It is registered with another service.
    #[error("this endpoint is a node of the service {0}")]
    DuplicateEntity(String),
    /// It is so already; or there is nothing to recover from.
    #[error("the node is {0} already")]
    NoChange(&'static str),
    /// The request makes no sense, whatever the state.
    #[error("{0}")]
    Invalid(Fault),
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
            Self::UnknownEndpoint => RejectionClass::NotFound,
            Self::DuplicateEntity(_) | Self::NoChange(_) => RejectionClass::Conflict,
            Self::Invalid(_) => RejectionClass::Invalid,
        }
    }

    /// The request field that it concerns, if it is one of the request's.
    #[must_use]
    pub const fn field(&self) -> Option<&'static str> {
        match self {
            Self::DuplicateEntity(_) => Some("service"),
            Self::Invalid(fault) => Some(fault.field),
            Self::UnknownEndpoint | Self::NoChange(_) => None,
        }
    }
}

impl ionveil_kernel::Rejection for Rejection {
    fn code(&self) -> &'static str {
        match self {
            Self::UnknownEndpoint => "unknown_endpoint",
            Self::DuplicateEntity(_) => "duplicate_entity",
            Self::NoChange(_) => "no_change",
            Self::Invalid(fault) => fault.kind.code(),
        }
    }
}

/// What is wrong with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The request field.
    pub field: &'static str,
    /// What is wrong with it.
    pub kind: FaultKind,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.kind)
    }
}

/// What can be wrong with a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FaultKind {
    /// A saturation is negative, beyond all measure, or not finite.
    #[error("a saturation is a number from 0 to 1,000,000; 1 is fully busy")]
    InvalidSaturation,
    /// The value of a sample is not from 0 to 1.
    #[error("a sample is from 0, a failure, to 1, a success")]
    InvalidHealth,
    /// A sample is of a time to come.
    #[error("lies more than five minutes ahead")]
    OccurredInFuture,
}

impl FaultKind {
    /// The stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::InvalidSaturation => "invalid_saturation",
            Self::InvalidHealth => "invalid_health",
            Self::OccurredInFuture => "occurred_in_future",
        }
    }
}
