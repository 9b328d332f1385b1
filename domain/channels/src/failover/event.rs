//! What can happen to a dispatch that is routed over channels: stable type names. Where there are older forms they read like
//! the newest, with what was not recorded left out.

use crate::breaker::Permit;
use crate::failover::bound::Bound;
use ionveil_kernel::{EntityId, Timestamp};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

ionveil_kernel::events! {
    /// What happened.
    #[derive(Clone, Debug, PartialEq)]
    pub enum Event {
        /// It was asked for.
        Requested = "requested" v 1,
        /// A channel was passed over: nothing was sent.
        ChannelSkipped = "channel_skipped" v 1,
        /// A channel is about to be sent over: recorded before anything is sent.
        AttemptBegun = "attempt_begun" v 1,
        /// It is known what came of an attempt, or that nobody will know.
        ChannelAttempted = "channel_attempted" v 2 read like 1 in form form_of_attempted,
        /// An answer came after its attempt was given up.
        AnsweredLate = "answered_late" v 2 read like 1 in form form_of_late,
        /// A channel has delivered.
        RouteSelected = "route_selected" v 2 read like 1,
        /// No channel has.
        FailoverExhausted = "failover_exhausted" v 2 read like 1,
    }
}

const fn form_of_attempted(event: &ChannelAttempted) -> u32 {
    if event.bound.is_none() && event.waited_ms.is_none() { 1 } else { 2 }
}

fn form_of_late(event: &AnsweredLate) -> u32 {
    form_of_attempted(&event.attempt)
}

/// Payload of [`Event::Requested`]: what was asked for, in the order in which channels are tried. The payload itself is not
/// kept: a repeat brings it again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Requested {
    /// The channels, the primary first; at least one, none twice.
    pub chain: Vec<EntityId>,
    /// An answer that takes longer comes too late, in milliseconds.
    pub latency_threshold_ms: f64,
    /// The most attempts after the first one.
    pub max_failovers: u32,
    /// Channels that are not used.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blocked: Vec<EntityId>,
    /// Where it happens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<EntityId>,
    /// SHA-256 of what the client asked for: tells a repeat from another request under the same id.
    pub body_hash: String,
}

/// What an attempt, or a channel that was passed over, came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Delivered.
    Success,
    /// Not delivered.
    Failed,
    /// Nothing was sent.
    Skipped,
    /// Sent perhaps; under way, or nobody will know.
    Unknown,
}

/// Payload of [`Event::ChannelSkipped`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChannelSkipped {
    /// Its place in the log of the dispatch, from 1.
    pub number: u32,
    /// The channel.
    pub channel: EntityId,
    /// Why: `blocked`, `circuit_open`, `retry_after`.
    pub reason: String,
    /// When.
    pub at: Timestamp,
}

/// Payload of [`Event::AttemptBegun`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AttemptBegun {
    /// Its place in the log of the dispatch, from 1.
    pub number: u32,
    /// The channel.
    pub channel: EntityId,
    /// Whether nothing is really sent.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub simulated: bool,
    /// The leave of the channel's breaker.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permit: Option<Permit>,
    /// When.
    pub at: Timestamp,
    /// Whoever sends has recorded what came of it by then, unless its process died.
    pub deadline: Timestamp,
}

/// Payload of [`Event::ChannelAttempted`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChannelAttempted {
    /// Its place in the log of the dispatch, from 1.
    pub number: u32,
    /// The channel.
    pub channel: EntityId,
    /// What it came to.
    pub outcome: Outcome,
    /// Why it failed, or is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// How long it took, if that is known, in milliseconds, 0 or more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency_ms: Option<f64>,
    /// The HTTP status, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http_status: Option<u16>,
    /// Whether nothing was really sent.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub simulated: bool,
    /// When it began.
    pub begun_at: Timestamp,
    /// For how long it was waited for in vain, in milliseconds, where nothing came back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waited_ms: Option<u64>,
    /// The limits of the level that cut it short.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bound: Option<Bound>,
}

/// Payload of [`Event::AnsweredLate`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnsweredLate {
    /// The attempt as it was concluded.
    pub attempt: Arc<ChannelAttempted>,
    /// Whether it was delivered after all.
    pub delivered: bool,
    /// How long it took, in milliseconds.
    pub latency_ms: f64,
    /// The HTTP status, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http_status: Option<u16>,
}

/// Payload of [`Event::RouteSelected`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RouteSelected {
    /// The channel that delivered.
    pub channel: EntityId,
    /// Attempts before that one.
    pub failovers: u32,
    /// The known latencies of all attempts together, in milliseconds.
    pub total_latency_ms: f64,
    /// Where it happens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<EntityId>,
    /// How long the longest attempt took or was waited for, in whole milliseconds.
    #[serde(default)]
    pub longest_ms: u64,
}

/// Payload of [`Event::FailoverExhausted`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FailoverExhausted {
    /// How many attempts there were.
    pub attempts: u32,
    /// The known latencies of all attempts together, in milliseconds.
    pub total_latency_ms: f64,
    /// Where it happens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<EntityId>,
    /// How long the longest attempt took or was waited for, in whole milliseconds.
    #[serde(default)]
    pub longest_ms: u64,
    /// The limits of the level that left no more channels, where there were more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bound: Option<Bound>,
}
