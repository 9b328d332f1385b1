//! What can happen to a notification: stable type names, one schema version each. Neither names, addresses nor texts are in
//! them (trap T74).

use crate::pager::command::Outcome;
use crate::words::{Channel, Severity};
use ionveil_kernel::{EntityId, Timestamp};
use serde::{Deserialize, Serialize};

ionveil_kernel::events! {
    /// What happened.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub enum Event {
        /// It is to be sent at once.
        Queued = "queued" v 1,
        /// It waits for a digest.
        Held = "held" v 1,
        /// An attempt begins.
        AttemptBegun = "attempt_begun" v 1,
        /// An attempt has ended, and with it perhaps the notification.
        AttemptEnded = "attempt_ended" v 1,
        /// The next attempt is due.
        Retried = "retried" v 1,
    }
}

/// A step of an alert.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// The alert.
    pub alert: EntityId,
    /// Its step.
    pub step: u32,
}

/// What a notification is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum About {
    /// A step of an alert.
    Step(Step),
    /// Many, in one.
    Digest(Vec<Member>),
    /// Nothing.
    Test,
}

/// A notification that is in a digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Member {
    /// Which.
    pub notification: EntityId,
    /// What it is about.
    pub about: Step,
}

impl About {
    /// The steps of alerts that it tells of.
    #[must_use]
    pub fn steps(&self) -> Vec<Step> {
        match self {
            Self::Step(step) => vec![step.clone()],
            Self::Digest(members) => members.iter().map(|member| member.about.clone()).collect(),
            Self::Test => Vec::new(),
        }
    }
}

/// Payload of [`Event::Queued`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Queued {
    /// What it is about.
    pub about: About,
    /// Over what.
    pub channel: Channel,
    /// Whether it counts against the limit.
    pub counts: bool,
    /// When.
    pub at: Timestamp,
}

/// Payload of [`Event::Held`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Held {
    /// What it is about.
    pub about: Step,
    /// Over what.
    pub channel: Channel,
    /// How bad it is.
    pub severity: Severity,
    /// The digest that it goes with.
    pub digest: EntityId,
    /// When that is sent.
    pub due: Timestamp,
    /// When.
    pub at: Timestamp,
}

/// Payload of [`Event::AttemptBegun`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AttemptBegun {
    /// From 1.
    pub attempt: u32,
    /// When.
    pub at: Timestamp,
}

/// Payload of [`Event::AttemptEnded`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AttemptEnded {
    /// Which.
    pub attempt: u32,
    /// What came of it.
    pub outcome: Outcome,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When.
    pub at: Timestamp,
    /// How it goes on.
    pub then: Then,
}

/// How it goes on after an attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Then {
    /// With the next attempt, under the same id.
    Retry {
        /// When.
        at: Timestamp,
    },
    /// Not at all.
    Settled {
        /// What came of the notification: unknown, if an attempt was and none is certain.
        outcome: Outcome,
        /// Over what it went.
        channel: Channel,
        /// The steps that it told of, or should have.
        steps: Vec<Step>,
    },
}

/// Payload of [`Event::Retried`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retried {
    /// The attempt that is due.
    pub attempt: u32,
    /// When.
    pub at: Timestamp,
}
