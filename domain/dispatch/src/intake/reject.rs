//! Why a batch refuses a command: stable codes.

/// A refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// Other rows came under this name before.
    #[error("other rows came under this batch_id before")]
    OtherRows,
    /// There is no such batch.
    #[error("there is no batch of this id")]
    NotFound,
    /// The items before these are missing, or there are too many of them.
    #[error("item {next} of the batch comes next, not these")]
    OutOfOrder {
        /// How many are there.
        next: u64,
    },
}

impl ionveil_kernel::Rejection for Rejection {
    fn code(&self) -> &'static str {
        match self {
            Self::OtherRows => "idempotency_key_reused",
            Self::NotFound => "entity_not_found",
            Self::OutOfOrder { .. } => "version_conflict",
        }
    }
}
