//! What a caller gets: a reply after the commit, or one of four different things that went otherwise.

use ionveil_journal::Receipt;
use ionveil_kernel::{Decider, Rejection, Timestamp};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use uuid::Uuid;

/// A committed decision.
pub struct Reply<D: Decider> {
    /// The proof.
    pub receipt: Receipt,
    /// The state at the receipt's version.
    pub state: D::State,
    /// When the entity's last event up to there happened.
    pub occurred_at: Timestamp,
    /// When the entity's last event up to there was recorded.
    pub recorded_at: Timestamp,
    /// The command had been accepted before; this is what was answered then.
    pub repeated: bool,
}

impl<D: Decider> Clone for Reply<D> {
    fn clone(&self) -> Self {
        Self { receipt: self.receipt.clone(), state: self.state.clone(), ..*self }
    }
}

impl<D: Decider> std::fmt::Debug for Reply<D> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reply").field("receipt", &self.receipt).field("state", &self.state).field("repeated", &self.repeated).finish()
    }
}

/// Why a command was not carried out: refusals and conflicts (ask differently), overload (ask later), faults.
#[derive(Clone, Debug, PartialEq, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AskError<R: Rejection> {
    /// The decider refused.
    #[error("{0}")]
    Rejected(R),
    /// The caller has seen another version.
    #[error("the entity is at version {actual}, not {expected}")]
    VersionConflict {
        /// What the caller had seen.
        expected: u64,
        /// What is.
        actual: u64,
    },
    /// The command happened before the entity's last event.
    #[error("the entity's last event happened later")]
    OccurredBeforePrevious {
        /// When that was.
        last: Timestamp,
    },
    /// The command claims to happen more than five minutes from now.
    #[error("the command lies in the future")]
    OccurredInFuture,
    /// The command's id was used for something else.
    #[error("the command id was used for another command")]
    IdReused,
    /// Too much is waiting already.
    #[error("too many commands are waiting")]
    Overloaded,
    /// The store cannot be reached, or another node owns the entity.
    #[error("the store cannot be reached")]
    Unavailable,
    /// Whether the command was carried out is not known; ask again under the same id.
    #[error("the outcome is not known")]
    OutcomeUnknown,
    /// The answer did not come in time; the command may yet be carried out. Ask again under the same id.
    #[error("no answer within {0:?}")]
    TimedOut(Duration),
    /// The node is shutting down.
    #[error("the node is shutting down")]
    Draining,
    /// The command came to a timer that is not armed any more.
    #[error("the timer is not armed any more")]
    NotArmed,
    /// The decider panicked over this command, twice, or decided what cannot be stored. The command is parked as a dead
    /// letter, where it can be inspected, replayed and discarded; nothing was stored.
    #[error("the decider failed on this command: {fault}")]
    Faulted {
        /// What it said.
        fault: String,
        /// The dead letter; none if there was no room for another one.
        dead_letter: Option<Uuid>,
    },
    /// The entity has failed too often, or its history cannot be folded: a person must look.
    #[error("the entity is quarantined: {0}")]
    Quarantined(String),
}

impl<R: Rejection> AskError<R> {
    /// The decider's refusal, or else what went otherwise, which is the same for every kind.
    pub(crate) fn apart<S: Rejection>(self) -> Result<R, AskError<S>> {
        Err(match self {
            Self::Rejected(rejection) => return Ok(rejection),
            Self::VersionConflict { expected, actual } => AskError::VersionConflict { expected, actual },
            Self::OccurredBeforePrevious { last } => AskError::OccurredBeforePrevious { last },
            Self::OccurredInFuture => AskError::OccurredInFuture,
            Self::IdReused => AskError::IdReused,
            Self::Overloaded => AskError::Overloaded,
            Self::Unavailable => AskError::Unavailable,
            Self::OutcomeUnknown => AskError::OutcomeUnknown,
            Self::TimedOut(after) => AskError::TimedOut(after),
            Self::Draining => AskError::Draining,
            Self::NotArmed => AskError::NotArmed,
            Self::Faulted { fault, dead_letter } => AskError::Faulted { fault, dead_letter },
            Self::Quarantined(fault) => AskError::Quarantined(fault),
        })
    }
}
