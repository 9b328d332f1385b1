//! What can be asked of an aggregator.

use crate::observation::Observation;
use serde::{Deserialize, Serialize};

/// The most events of one command: they fit into one append.
pub const EVENTS_MAX: usize = 10_000;

/// A wish. Unknown fields are refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Command {
    /// Takes in events whose ids belong to this entity; repeats are passed over.
    Ingest {
        /// At most [`EVENTS_MAX`].
        events: Vec<Observation>,
    },
}

impl Command {
    /// The stable name.
    #[must_use]
    pub const fn command_type(&self) -> &'static str {
        match self {
            Self::Ingest { .. } => "ingest",
        }
    }
}
