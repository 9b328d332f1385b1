//! What can happen to a batch.

use crate::intake::{IntakeCommand as CommandAccepted, Stats};
use ionveil_kernel::{BodyHash, Timestamp};
use serde::{Deserialize, Serialize};

ionveil_kernel::events! {
    /// What happened.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub enum Event {
        /// A batch was taken in; its items follow.
        BatchAccepted = "batch_accepted" v 1,
        /// A row has an error.
        CommandRejected = "command_rejected" v 1,
        /// A row repeats an earlier one.
        DuplicateSuppressed = "duplicate_suppressed" v 1,
        /// A row became a command.
        CommandAccepted = "command_accepted" v 1,
        /// All of the batch is there.
        BatchCompleted = "batch_completed" v 1,
    }
}

/// Payload of [`Event::BatchAccepted`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BatchAccepted {
    /// Of the rows as they were sent.
    pub digest: BodyHash,
    /// What decided which rows had expired.
    pub now: Timestamp,
    /// How many rows there are of what.
    pub stats: Stats,
    /// How many errors.
    pub errors: u64,
}

/// Payload of [`Event::CommandRejected`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommandRejected {
    /// The place of the row, from 0.
    pub row: u64,
    /// What is wrong with it.
    pub error: String,
}

/// Payload of [`Event::DuplicateSuppressed`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DuplicateSuppressed {
    /// The place of the row, from 0.
    pub row: u64,
}

/// Payload of [`Event::BatchCompleted`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BatchCompleted {
    /// How many items it has.
    pub items: u64,
}
