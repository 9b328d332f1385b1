//! What can go wrong with a store, told apart by what the caller must do next.

use std::error::Error;

type Source = Box<dyn Error + Send + Sync>;

/// A fault of the store (a refusal is a [`crate::Verdict`]).
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Nothing was stored; the same call may succeed later.
    #[error("reach the store")]
    Unavailable(#[source] Source),
    /// The connection broke after the call had been sent: it may or may not have been carried out.
    #[error("learn whether the store committed")]
    OutcomeUnknown(#[source] Source),
    /// The store holds something that it cannot have written, or lacks what it must have.
    #[error("trust the store: {0}")]
    Corrupt(String),
    /// The store was made by another release or with other settings.
    #[error("use this store: {0}")]
    Incompatible(String),
    /// The request can never succeed.
    #[error("accept the request: {0}")]
    Invalid(String),
}

impl StoreError {
    /// [`Self::Unavailable`] from any error.
    pub fn unavailable(source: impl Into<Source>) -> Self {
        Self::Unavailable(source.into())
    }

    /// [`Self::OutcomeUnknown`] from any error.
    pub fn unknown(source: impl Into<Source>) -> Self {
        Self::OutcomeUnknown(source.into())
    }

    /// Whether the same call may succeed later.
    #[must_use]
    pub const fn retryable(&self) -> bool {
        match self {
            Self::Unavailable(_) | Self::OutcomeUnknown(_) => true,
            Self::Corrupt(_) | Self::Incompatible(_) | Self::Invalid(_) => false,
        }
    }
}
