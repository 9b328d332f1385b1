//! What a rule that fires says: the alert that it wants, whole, so that whoever raises it needs to ask nobody.

use crate::escalation::Plan;
use crate::external::Origin;
use crate::slo::Burn;
use crate::words::{Priority, Severity};
use ionveil_kernel::{EntityId, Timestamp};
use serde::{Deserialize, Serialize};

/// An alert that is wanted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Firing {
    /// The alert's id.
    pub alert: EntityId,
    /// The rule.
    pub rule: EntityId,
    /// How bad it is.
    pub severity: Severity,
    /// In a line, without personal data.
    pub title: String,
    /// In figures, without personal data.
    pub description: String,
    /// The incident, if it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incident: Option<EntityId>,
    /// What keeps it quiet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suppressed_by: Option<EntityId>,
    /// How the incident stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub violation: Option<Violation>,
    /// How the error budget burns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub burn: Option<Burn>,
    /// What an alert of another system was sent with; our own have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
    /// Whom it tells when.
    pub plan: Plan,
    /// When.
    pub at: Timestamp,
}

/// How an incident stands to its target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Violation {
    /// How urgent the incident is.
    pub priority: Priority,
    /// What was promised, in minutes.
    pub target_minutes: u32,
    /// What it has taken so far.
    pub actual_minutes: f64,
    /// When the target is or was missed: dispatch + target.
    pub breach_at: Timestamp,
    /// Actual / target.
    pub magnitude: f64,
}

impl Violation {
    /// How an incident stands so many microseconds after its dispatch.
    #[must_use]
    pub fn new(priority: Priority, target_minutes: u32, dispatched_at: Timestamp, elapsed: i64) -> Self {
        let actual_minutes = elapsed as f64 / 6e7;
        let breach_at = Timestamp::from_micros(dispatched_at.micros() + target_micros(target_minutes));
        Self { priority, target_minutes, actual_minutes, breach_at, magnitude: actual_minutes / f64::from(target_minutes) }
    }
}

/// A target in microseconds.
#[must_use]
pub fn target_micros(minutes: u32) -> i64 {
    i64::from(minutes) * 60_000_000
}
