//! What can be asked of a simulation.

use super::form::PatternForm;
use super::outcome::Outcome;
use super::scenario::ScenarioBuilder;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// How long a run is unless told otherwise, in seconds.
pub const DURATION_S_DEFAULT: f64 = 3_600.0;

/// A wish. Its serde form is tagged outside, `{"create": {…}}`: a tag inside would hold a million events twice while it
/// looks for the tag. Unknown fields are refused.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Command {
    /// Sets up a simulation; it does not run yet.
    Create {
        /// What is tried.
        scenario: Box<ScenarioBuilder>,
        /// On what.
        pattern: PatternForm,
        /// How long a run is, above 0, in seconds.
        #[serde(default = "default_duration_s")]
        duration_s: f64,
    },
    /// Lets it run. Whoever sent it runs it then, unless it has an outcome already.
    Start {
        /// The run that was under way died with its process. Sent by a node that starts, for what it finds running, never
        /// for a client; where an old run is alive after all, both come to the same outcome and the first one counts.
        #[serde(default)]
        restarted: bool,
    },
    /// Reports what came of the run.
    Complete {
        /// What came of it.
        outcome: Arc<Outcome>,
    },
    /// Reports that the run failed.
    Fail {
        /// Why; kept up to 1,024 characters.
        error: String,
    },
    /// Calls it off.
    Cancel,
}

const fn default_duration_s() -> f64 {
    DURATION_S_DEFAULT
}

impl Command {
    /// The version of the serde form.
    pub const SCHEMA_VERSION: u32 = 1;

    /// The stable name.
    #[must_use]
    pub const fn command_type(&self) -> &'static str {
        match self {
            Self::Create { .. } => "create",
            Self::Start { .. } => "start",
            Self::Complete { .. } => "complete",
            Self::Fail { .. } => "fail",
            Self::Cancel => "cancel",
        }
    }
}
