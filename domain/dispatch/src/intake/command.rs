//! What can be asked of a batch's entity. The rows were validated before: what it is told is what came of them.

use crate::intake::{IntakeCommand, RowError, Stats};
use ionveil_kernel::{BodyHash, Timestamp};
use serde::{Deserialize, Serialize};

/// A wish. Unknown fields are refused.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Command {
    /// Begins a batch. The same batch again changes nothing.
    Begin {
        /// Of the rows as they were sent.
        digest: BodyHash,
        /// What decided which rows had expired.
        now: Timestamp,
        /// How many rows there are of what.
        stats: Stats,
        /// How many errors; a row may have several.
        errors: u64,
    },
    /// Adds what comes next of it. What is there already is passed over.
    Add {
        /// How many items come before these.
        from: u64,
        /// 1 to [`ITEMS_PER_ADD_MAX`](crate::intake::ITEMS_PER_ADD_MAX).
        items: Vec<Item>,
    },
}

/// What came of a row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Item {
    /// An error of it.
    Rejected(RowError),
    /// It repeats an earlier row.
    Duplicate(u64),
    /// It became a command.
    Accepted(Box<IntakeCommand>),
}
