//! Why a channel refuses: stable codes, and the request field that each concerns.

use crate::breaker::InvalidBreakerPolicy;

/// A refusal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// There is one of this name.
    #[error("a channel of this name exists")]
    DuplicateEntity,
    /// There is none of this name.
    #[error("there is no channel of this name")]
    NotFound,
    /// The request makes no sense, whatever the state: at least one fault.
    #[error("{}", .0.first().map_or("the request is invalid", |fault| fault.detail.as_str()))]
    Invalid(Vec<Fault>),
    /// It is so already.
    #[error("it is so already")]
    NoChange,
    /// The breaker lets nothing through.
    #[error("the breaker lets nothing through")]
    CircuitOpen,
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
            Self::DuplicateEntity | Self::NoChange | Self::CircuitOpen => RejectionClass::Conflict,
        }
    }

    /// The single faults of an invalid request.
    #[must_use]
    pub fn faults(&self) -> &[Fault] {
        match self {
            Self::Invalid(faults) => faults,
            Self::DuplicateEntity | Self::NotFound | Self::NoChange | Self::CircuitOpen => &[],
        }
    }
}

impl ionveil_kernel::Rejection for Rejection {
    fn code(&self) -> &'static str {
        match self {
            Self::DuplicateEntity => "duplicate_entity",
            Self::NotFound => "channel_not_found",
            Self::Invalid(faults) => faults.first().map_or("invalid_field", |fault| fault.code),
            Self::NoChange => "no_change",
            Self::CircuitOpen => "circuit_open",
        }
    }
}

/// One thing that is wrong with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The stable code.
    pub code: &'static str,
    /// The request field, such as `driver.url`.
    pub field: String,
    /// What it must be.
    pub detail: String,
}

impl Fault {
    /// A field that is not as it must be.
    pub fn invalid(field: &str, detail: impl Into<String>) -> Self {
        Self { code: "invalid_field", field: field.to_owned(), detail: detail.into() }
    }

    /// An end that is not in the future.
    pub(super) fn expiry(field: &str) -> Self {
        Self { code: "invalid_expiry", ..Self::invalid(field, "must lie in the future") }
    }

    /// Those of a policy.
    pub fn of_policy(invalid: InvalidBreakerPolicy) -> impl Iterator<Item = Self> {
        let fault = |fault: crate::breaker::PolicyFault| Self {
            code: "invalid_breaker_policy",
            field: format!("breaker.{}", fault.field),
            detail: fault.detail,
        };
        invalid.faults.into_iter().map(fault)
    }
}
