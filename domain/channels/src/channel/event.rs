//! What can happen to a channel: stable type names, one schema version each.

use super::driver::Driver;
use crate::breaker::{BreakerPolicy, Change, Mode, Permit, Transition};
use crate::detector::{Detector, Verdict};
use ionveil_kernel::Timestamp;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

ionveil_kernel::events! {
    /// What happened.
    #[derive(Clone, Debug, PartialEq)]
    pub enum Event {
        /// It was set up.
        Created = "created" v 1,
        /// It is made of something else.
        Changed = "changed" v 1,
        /// It was taken away.
        Deleted = "deleted" v 1,
        /// Somebody blocked it.
        Blocked = "blocked" v 1,
        /// A block ended.
        Unblocked = "unblocked" v 1,
        /// A mode of the breaker is in force.
        BreakerForced = "breaker_forced" v 1,
        /// None is any more.
        BreakerReleased = "breaker_released" v 1,
        /// The breaker changed its state.
        BreakerTransitioned = "breaker_transitioned" v 1,
        /// What the breaker had counted was forgotten.
        BreakerCleared = "breaker_cleared" v 1,
        /// A probe was let in.
        ProbeAdmitted = "probe_admitted" v 1,
        /// An outcome was taken in: its breaker, its reliability, or both have moved.
        OutcomeRecorded = "outcome_recorded" v 1,
    }
}

/// What a channel is made of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Setup {
    /// How it sends.
    pub driver: Driver,
    /// Its breaker.
    pub breaker: BreakerPolicy,
    /// What judges its outcomes.
    pub detector: Detector,
}

/// Payload of [`Event::Created`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Created {
    /// What it is made of.
    pub setup: Arc<Setup>,
}

/// Payload of [`Event::Changed`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Changed {
    /// What it is made of now.
    pub setup: Arc<Setup>,
}

/// Payload of [`Event::Deleted`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deleted {
    /// When.
    pub at: Timestamp,
}

/// Payload of [`Event::Blocked`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Blocked {
    /// Why.
    pub reason: String,
    /// Who.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// When it ends by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

/// Payload of [`Event::Unblocked`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unblocked {
    /// Who; `timer` where nobody did.
    pub by: String,
}

/// Payload of [`Event::BreakerForced`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BreakerForced {
    /// Which.
    pub mode: Mode,
    /// When it ends by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Who.
    pub by: String,
}

/// Payload of [`Event::BreakerReleased`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BreakerReleased {
    /// Who; `timer` where nobody did.
    pub by: String,
}

/// Payload of [`Event::BreakerTransitioned`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BreakerTransitioned {
    /// The channel.
    pub breaker_id: String,
    /// From where to where, when and why.
    pub transition: Transition,
}

/// Payload of [`Event::BreakerCleared`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BreakerCleared {
    /// Who.
    pub by: String,
}

/// Payload of [`Event::ProbeAdmitted`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProbeAdmitted {
    /// Which attempt it is.
    pub attempt: String,
    /// When.
    pub at: Timestamp,
}

/// Payload of [`Event::OutcomeRecorded`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutcomeRecorded {
    /// Whose it was.
    pub attempt: String,
    /// Whether it was delivered.
    pub delivered: bool,
    /// How the detector judged it.
    pub verdict: Verdict,
    /// The reason of a failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The HTTP status, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http_status: Option<u16>,
    /// How long it took, if that is known, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency_ms: Option<f64>,
    /// The leave that it had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permit: Option<Permit>,
    /// What it is to the breaker, if anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<Change>,
    /// The reliability after it.
    pub reliability: f64,
    /// The channel is left alone until then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skip_until: Option<Timestamp>,
    /// When.
    pub at: Timestamp,
}
