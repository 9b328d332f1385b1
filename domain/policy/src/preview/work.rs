//! A piece of work that was accepted, as far as policy is concerned.

use ionveil_kernel::{EntityId, PolicyLevel, StreamId, Timestamp};
use serde::{Deserialize, Serialize};

/// What kind of work it is: what *halted* refuses, and what a level's limits bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WorkKind {
    /// A unit or a resource was assigned.
    Assign,
    /// A plan was made.
    Plan,
    /// Something was sent over a channel.
    Send,
}

impl WorkKind {
    /// The stable name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Assign => "assign",
            Self::Plan => "plan",
            Self::Send => "send",
        }
    }
}

/// A piece of work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Work {
    /// What kind of work.
    pub kind: WorkKind,
    /// The stream of the event that records it.
    pub stream: StreamId,
    /// The event's type.
    pub event_type: String,
    /// The nodes that it was subject to, the strictest of which counts; none: the root.
    pub nodes: Vec<EntityId>,
    /// When it happened.
    pub occurred_at: Timestamp,
    /// The mildest level whose limits its calls went over, and with it those of all stricter ones; none: it was accepted, which
    /// only *halted* refuses.
    pub over: Option<PolicyLevel>,
}
