//! What a pager has to do: notifications that are under way, digests that wait, and how many were sent lately.

use crate::pager::event::{About, Member};
use crate::words::Channel;
use ionveil_kernel::{EntityId, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};

/// The state.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// What is under way.
    pub under_way: BTreeMap<EntityId, Notification>,
    /// By channel: the digest that waits.
    pub digests: BTreeMap<Channel, Digest>,
    /// By channel: when what counts was queued lately, the oldest first.
    pub queued: BTreeMap<Channel, VecDeque<Timestamp>>,
}

/// A notification that is under way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Notification {
    /// What it is about.
    pub about: About,
    /// Over what.
    pub channel: Channel,
    /// The present attempt, from 1.
    pub attempt: u32,
    /// Whether that has begun, and has not ended.
    pub begun: bool,
    /// When the next one is due, if the present one has ended.
    pub next: Option<Timestamp>,
    /// Whether the outcome of an attempt is not known.
    pub unknown: bool,
}

/// A digest that waits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Digest {
    /// Its own id as a notification.
    pub id: EntityId,
    /// When it is sent.
    pub due: Timestamp,
    /// What is in it.
    pub members: Vec<Member>,
}

impl State {
    /// When the next attempt is due.
    #[must_use]
    pub fn next_retry(&self) -> Option<Timestamp> {
        self.under_way.values().filter_map(|notification| notification.next).min()
    }

    /// When the next digest is.
    #[must_use]
    pub fn next_digest(&self) -> Option<Timestamp> {
        self.digests.values().map(|digest| digest.due).min()
    }

    /// Whether it is known: under way or in a digest.
    #[must_use]
    pub fn knows(&self, id: &EntityId) -> bool {
        let is_held = || self.digests.values().flat_map(|digest| &digest.members).any(|member| member.notification == *id);
        self.under_way.contains_key(id) || is_held()
    }
}
