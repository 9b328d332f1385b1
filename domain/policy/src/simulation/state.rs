//! What is known of a simulation: what was set up, and how far it came.

use super::event::Created;
use super::outcome::Outcome;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

/// The most characters of a failure's reason that are kept.
pub const ERROR_CHARS_MAX: usize = 1_024;

/// The state. Cheap to clone.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Never created.
    #[default]
    Absent,
    /// Created; perhaps it has ended.
    Live(Live),
}

/// A simulation that was created.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Live {
    /// What was set up.
    pub setup: Arc<Created>,
    /// How far it came.
    pub phase: Phase,
}

/// How far a simulation came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// It has not run.
    Pending,
    /// It runs.
    Running,
    /// It ran to its end.
    Completed(Arc<Outcome>),
    /// It failed, for this reason.
    Failed(String),
    /// It was called off.
    Cancelled,
}

/// [`Phase`] by name alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It has not run.
    Pending,
    /// It runs.
    Running,
    /// It ran to its end.
    Completed,
    /// It failed.
    Failed,
    /// It was called off.
    Cancelled,
}

impl State {
    /// The simulation, if it was created.
    #[must_use]
    pub const fn live(&self) -> Option<&Live> {
        match self {
            Self::Absent => None,
            Self::Live(live) => Some(live),
        }
    }
}

impl Live {
    /// What came of the run, if it ran to its end.
    #[must_use]
    pub const fn outcome(&self) -> Option<&Arc<Outcome>> {
        match &self.phase {
            Phase::Completed(outcome) => Some(outcome),
            Phase::Pending | Phase::Running | Phase::Failed(_) | Phase::Cancelled => None,
        }
    }
}

impl Phase {
    /// The phase by name alone.
    #[must_use]
    pub const fn status(&self) -> Status {
        match self {
            Self::Pending => Status::Pending,
            Self::Running => Status::Running,
            Self::Completed(_) => Status::Completed,
            Self::Failed(_) => Status::Failed,
            Self::Cancelled => Status::Cancelled,
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        })
    }
}
