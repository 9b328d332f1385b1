//! The tree of supervisors and entities, as whoever looks at it sees it: organisation → kind → entity.

use crate::slot::Phase;
use ionveil_kernel::{Org, StreamId};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// One entity in memory.
#[derive(Clone, Debug)]
pub(crate) struct EntityNode {
    pub(crate) owner: StreamId,
    pub(crate) phase: Phase,
    pub(crate) mailbox_depth: usize,
    pub(crate) oldest_waiting: Duration,
    pub(crate) in_flight: u32,
    pub(crate) restarts: u32,
    pub(crate) last_fault: Option<String>,
    pub(crate) events_per_s: u64,
}

/// What is to be looked at.
#[derive(Clone, Debug)]
pub struct TreeQuery {
    /// Only this organisation.
    pub org: Option<Org>,
    /// Only entities of this kind.
    pub kind: Option<String>,
    /// 1: organisations; 2: and their kinds; 3: and their entities.
    pub depth: u8,
    /// The most entities of each kind; the most noteworthy (in trouble, then with the longest queue) come first.
    pub entities_max: usize,
}

/// The tree: parents before their children.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tree {
    /// All nodes that were asked for.
    pub nodes: Vec<TreeNode>,
    /// Whether there are more entities than are listed.
    pub truncated: bool,
}

/// One node of the tree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TreeNode {
    /// `organisation`, `kind`, or the entity's kind.
    pub kind: String,
    /// `acme`, `acme/workflow`, or the entity's id.
    pub id: String,
    /// The id of the node above; none at the top.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// Of a supervisor: `running`.
    pub state: Phase,
    /// Commands that wait, everything below included.
    pub mailbox_depth: u64,
    /// How long the one that waits longest has waited.
    pub oldest_waiting_ms: u64,
    /// Appends under way.
    pub in_flight: u64,
    /// How often it was restarted, or has restarted something below it, since it is in memory.
    pub restarts: u64,
    /// Its last failure, or the last one that climbed to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_fault: Option<String>,
    /// Events that were committed in the last second.
    pub events_per_s: u64,
    /// Nodes directly below it; those in memory.
    pub children: u64,
}

/// What comes first: trouble, then long queues, then names.
pub(crate) fn rank(node: &EntityNode) -> (u8, std::cmp::Reverse<usize>, StreamId) {
    let trouble = match node.phase {
        Phase::Quarantined => 0,
        Phase::Restarting => 1,
        Phase::Suspended => 2,
        Phase::Starting | Phase::Running | Phase::Passive => 3,
    };
    (trouble, std::cmp::Reverse(node.mailbox_depth), node.owner.clone())
}

impl TreeNode {
    /// A supervisor without anything below it yet.
    pub(crate) fn supervisor(kind: &str, id: String, parent: Option<String>, status: crate::SupervisorStatus) -> Self {
        Self {
            kind: kind.to_owned(),
            id,
            parent,
            state: Phase::Running,
            mailbox_depth: 0,
            oldest_waiting_ms: 0,
            in_flight: 0,
            restarts: status.restarts,
            last_fault: status.last_fault,
            events_per_s: 0,
            children: 0,
        }
    }

    /// An entity.
    pub(crate) fn entity(node: &EntityNode) -> Self {
        Self {
            kind: node.owner.kind.to_string(),
            id: node.owner.id.to_string(),
            parent: Some(format!("{}/{}", node.owner.org, node.owner.kind)),
            state: node.phase,
            mailbox_depth: node.mailbox_depth as u64,
            oldest_waiting_ms: u64::try_from(node.oldest_waiting.as_millis()).unwrap_or(u64::MAX),
            in_flight: u64::from(node.in_flight),
            restarts: u64::from(node.restarts),
            last_fault: node.last_fault.clone(),
            events_per_s: node.events_per_s,
            children: 0,
        }
    }

    /// Adds what is below it.
    pub(crate) fn add(&mut self, below: &Self) {
        self.mailbox_depth += below.mailbox_depth;
        self.oldest_waiting_ms = self.oldest_waiting_ms.max(below.oldest_waiting_ms);
        self.in_flight += below.in_flight;
        self.events_per_s += below.events_per_s;
    }
}
