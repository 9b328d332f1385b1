//! Where an alert stands.

use crate::escalation::{Plan, Target};
use crate::firing::Firing;
use crate::words::Level;
use ionveil_kernel::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Where nobody was reached and nothing else is due, it is tried again so often.
pub const UNDELIVERED_RETRY: Duration = Duration::from_secs(300);

/// The state.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It was never raised.
    #[default]
    Absent,
    /// It was.
    Raised(Alert),
}

/// Whether somebody has to do something about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// The first level knows, or is to know.
    Open,
    /// A higher level does.
    Escalated,
    /// Somebody takes care of it.
    Acknowledged,
    /// Nobody is told.
    Suppressed,
    /// It is over.
    Resolved,
}

impl Status {
    /// The stable name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Escalated => "escalated",
            Self::Acknowledged => "acknowledged",
            Self::Suppressed => "suppressed",
            Self::Resolved => "resolved",
        }
    }

    /// Whether a list without a filter shows it.
    #[must_use]
    pub const fn is_active(self) -> bool {
        matches!(self, Self::Open | Self::Acknowledged | Self::Escalated)
    }

    /// Whether somebody still has to take care of it.
    #[must_use]
    pub const fn is_waiting(self) -> bool {
        matches!(self, Self::Open | Self::Escalated)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An alert that was raised.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Alert {
    /// What the rule said.
    pub firing: Arc<Firing>,
    /// Whether somebody has to do something about it.
    pub status: Status,
    /// Who is to know.
    pub level: Level,
    /// Since when that level is.
    pub entered_at: Timestamp,
    /// How often it has escalated.
    pub escalations: u32,
    /// How often somebody was to be told.
    pub step: u32,
    /// When somebody was last.
    pub told_at: Timestamp,
    /// Those of the present step of whom nothing is known.
    pub waiting: BTreeSet<Target>,
    /// Whether anybody was reached in the present step.
    pub reached: bool,
    /// Whether nobody was reached when it was last known.
    pub undelivered: bool,
    /// Who takes care of it, or did before it was resolved.
    pub acknowledged: Option<Mark>,
    /// Then it opens again.
    pub until: Option<Timestamp>,
    /// Who says that it is over.
    pub resolved: Option<Mark>,
}

/// Who did something, and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mark {
    /// Who: a subject.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// What they say.
    pub note: Option<String>,
}

/// What is due next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// The next level is told.
    Escalate(Timestamp),
    /// The same level is told again.
    Repeat(Timestamp),
    /// It opens again.
    Reopen(Timestamp),
}

impl Next {
    /// When.
    #[must_use]
    pub const fn due(self) -> Timestamp {
        match self {
            Self::Escalate(due) | Self::Repeat(due) | Self::Reopen(due) => due,
        }
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Escalate(_) => "escalate",
            Self::Repeat(_) => "repeat",
            Self::Reopen(_) => "reopen",
        }
    }
}

impl State {
    /// The alert, if it was raised.
    #[must_use]
    pub const fn alert(&self) -> Option<&Alert> {
        match self {
            Self::Absent => None,
            Self::Raised(alert) => Some(alert),
        }
    }
}

impl Alert {
    /// Whom it tells when.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.firing.plan
    }

    /// Whether a higher level may still be told.
    #[must_use]
    pub fn can_escalate(&self) -> bool {
        self.level < Level::L4 && self.escalations < self.plan().max_escalations
    }

    /// What is due next by itself, if anything is.
    #[must_use]
    pub fn next(&self) -> Option<Next> {
        let after = |at: Timestamp, minutes: u32| at.after(Duration::from_mins(minutes.into()));
        match self.status {
            Status::Open | Status::Escalated => {
                let planned = self.plan().at(self.level).filter(|_| self.can_escalate());
                let escalate = planned.map(|planned| Next::Escalate(after(self.entered_at, planned.timeout_minutes)));
                escalate.or_else(|| self.plan().repeat_after_minutes.map(|minutes| Next::Repeat(after(self.told_at, minutes)))).or_else(
                    || {
                        let is_lost = self.undelivered && !self.plan().levels.is_empty();
                        is_lost.then(|| Next::Repeat(self.told_at.after(UNDELIVERED_RETRY)))
                    },
                )
            }
            Status::Acknowledged => self.until.map(Next::Reopen),
            Status::Suppressed | Status::Resolved => None,
        }
    }
}
