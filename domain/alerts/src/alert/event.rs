//! What can happen to an alert: stable type names, one schema version each. They are its history: the envelope says who.

use crate::escalation::Target;
use crate::firing::Firing;
use crate::words::{Level, Severity};
use ionveil_kernel::{EntityId, Timestamp};
use serde::{Deserialize, Serialize};

ionveil_kernel::events! {
    /// What happened.
    #[derive(Clone, Debug, PartialEq)]
    pub enum Event {
        /// It is there; suppressed, nobody is told.
        Raised = "raised" v 1,
        /// Somebody takes care of it.
        Acknowledged = "acknowledged" v 1,
        /// The time to take care of it is over.
        Reopened = "reopened" v 1,
        /// The next level is told.
        Escalated = "escalated" v 1,
        /// The same level is told again.
        Repeated = "repeated" v 1,
        /// Nobody was reached.
        Undelivered = "undelivered" v 1,
        /// Somebody was reached.
        Delivered = "delivered" v 1,
        /// Somebody could not be reached.
        DeliveryFailed = "delivery_failed" v 1,
        /// It is over.
        Resolved = "resolved" v 1,
    }
}

/// Who is told now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Call {
    /// The alert's step, from 1: each time that somebody is to be told is another.
    pub step: u32,
    /// The level that is told.
    pub level: Level,
    /// How bad it is.
    pub severity: Severity,
    /// Who; nobody is on shift, if there is none.
    pub targets: Vec<Target>,
}

/// Payload of [`Event::Raised`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Raised {
    /// What the rule says.
    pub firing: Box<Firing>,
    /// Who is told; none of one that is suppressed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call: Option<Call>,
    /// When.
    pub at: Timestamp,
}

/// Payload of [`Event::Acknowledged`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Acknowledged {
    /// Who: a subject.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// What they say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Then it opens again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

/// Payload of [`Event::Reopened`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reopened {
    /// Who is told.
    pub call: Call,
    /// When.
    pub at: Timestamp,
}

/// Why an alert escalates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// Nobody took care of it in time.
    Timeout,
    /// Somebody wants it.
    Person,
    /// Nobody of the level was reached.
    Undelivered,
}

/// Payload of [`Event::Escalated`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Escalated {
    /// Before.
    pub from: Level,
    /// Why.
    pub cause: Cause,
    /// Who wants it: a subject.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// What they say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Who is told, and of which level.
    pub call: Call,
    /// When.
    pub at: Timestamp,
}

/// Payload of [`Event::Repeated`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Repeated {
    /// Who is told.
    pub call: Call,
    /// When.
    pub at: Timestamp,
}

/// Payload of [`Event::Undelivered`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Undelivered {
    /// The step in which nobody was reached.
    pub step: u32,
    /// The level that was to be told.
    pub level: Level,
    /// When that was certain.
    pub at: Timestamp,
}

/// Payload of [`Event::Delivered`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Delivered {
    /// In which step.
    pub step: u32,
    /// Who, over what.
    pub target: Target,
    /// When that was known.
    pub at: Timestamp,
}

/// Payload of [`Event::DeliveryFailed`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeliveryFailed {
    /// In which step.
    pub step: u32,
    /// Who, over what.
    pub target: Target,
    /// When that was certain.
    pub at: Timestamp,
}

/// Payload of [`Event::Resolved`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resolved {
    /// Who: a subject.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// How.
    pub note: String,
    /// The rule of an alert without an incident, which may then fire again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<EntityId>,
}
