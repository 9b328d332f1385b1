//! On what a scenario is tried: a pattern that was checked.

use super::events::Events;
use super::form::PatternForm;
use super::generate::Generator;
use super::reject::Faults;
use ionveil_kernel::Timestamp;
use serde::{Deserialize, Serialize};

/// The most events of a pattern.
pub const EVENTS_MAX: usize = 10_000_000;
/// The most events that a client may give one by one.
pub const GIVEN_EVENTS_MAX: usize = 1_000_000;

/// A pattern of outcomes that was checked. Its serde form is that of [`PatternForm`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(into = "PatternForm", try_from = "PatternForm")]
pub struct Pattern {
    pub(crate) id: String,
    pub(crate) description: String,
    pub(crate) source: Source,
}

/// Where the outcomes come from.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    /// The client gave them.
    Given(Events),
    /// A rule makes them.
    Generated(Generator),
    /// They happened: the edge reads them.
    History(History),
}

/// A range of recorded outcomes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct History {
    /// The policy node whose outcomes they are.
    pub scope: String,
    /// The first instant; it is second 0 of the run.
    pub from: Timestamp,
    /// The first instant that is outside.
    pub to: Timestamp,
}

impl Pattern {
    /// Its name.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What it is; may be empty.
    #[must_use]
    pub fn description(&self) -> &str {
        &self.description
    }

    /// Where the outcomes come from.
    #[must_use]
    pub const fn source(&self) -> &Source {
        &self.source
    }

    /// The events, if it takes no history to know them.
    ///
    /// # Errors
    /// None for a pattern that was checked.
    pub fn events(&self) -> Result<Option<Events>, Faults> {
        match &self.source {
            Source::Given(events) => Ok(Some(events.clone())),
            Source::Generated(generator) => generator.events().map(Some),
            Source::History(_) => Ok(None),
        }
    }
}

impl Source {
    /// The stable name: `events`, a generator's, or `history`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Given(_) => "events",
            Self::Generated(generator) => generator.name(),
            Self::History(_) => "history",
        }
    }

    /// How many events there are, where it takes no history to know.
    #[must_use]
    pub fn count(&self) -> Option<u64> {
        match self {
            Self::Given(events) => Some(events.len() as u64),
            Self::Generated(generator) => Some(generator.count()),
            Self::History(_) => None,
        }
    }
}
