//! What can happen to a tree: stable type names, one schema version each. Each event is of one node and stands in that
//! node's stream.

use crate::tree::state::{NodeKind, RefusedCode, Setting};
use ionveil_kernel::{EntityId, PolicyLevel, Timestamp};
use serde::{Deserialize, Serialize};

ionveil_kernel::events! {
    /// What happened.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub enum Event {
        /// The node was added.
        NodeAdded = "node_added" v 1,
        /// The node was put under another parent.
        NodeMoved = "node_moved" v 1,
        /// The node was removed.
        NodeRemoved = "node_removed" v 1,
        /// The root's engine has another level, by a person or by outcomes.
        BaseChanged = "base_changed" v 1,
        /// The node has an override.
        OverrideSet = "override_set" v 1,
        /// The node has another override, perhaps of the same level.
        OverrideReplaced = "override_replaced" v 1,
        /// A person took the override away.
        OverrideCleared = "override_cleared" v 1,
        /// The override ended by itself: its time was over, or the parent's level fell below it.
        OverrideAutoReverted = "override_auto_reverted" v 1,
        /// An override was asked for that the tree does not allow; nothing changed.
        OverrideRejected = "override_rejected" v 1,
        /// The override will end soon.
        OverrideExpiring = "override_expiring" v 1,
        /// The node's engine has another level.
        EngineChanged = "engine_changed" v 1,
        /// The node's engine reached the level that it is on already: a step that came late, behind a later one. What it was
        /// counts, so that no still older step can win.
        EngineConfirmed = "engine_confirmed" v 1,
    }
}

const fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// Payload of [`Event::NodeAdded`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeAdded {
    /// What it stands for.
    pub kind: NodeKind,
    /// The node above it; none for the root.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<EntityId>,
    /// The term of its engine: 0 as long as no node was ever removed, else the tree's version with this event.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub term: u64,
}

/// Payload of [`Event::NodeMoved`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeMoved {
    /// The parent before.
    pub from: EntityId,
    /// The parent after.
    pub to: EntityId,
}

/// Payload of [`Event::NodeRemoved`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeRemoved {
    /// The node above it; none of the root.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<EntityId>,
    /// The term that its engine begins: the tree's version with this event.
    pub term: u64,
}

/// Payload of [`Event::BaseChanged`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BaseChanged {
    /// The audit number.
    pub seq: u64,
    /// The level before.
    pub from: PolicyLevel,
    /// The level after.
    pub to: PolicyLevel,
    /// By whom.
    pub by: Setting,
    /// The term of the root's engine: a new one, the tree's version with this event, if a person set the level.
    pub term: u64,
    /// The sequence number of the engine's event; none if a person set the level.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engine_version: Option<u64>,
}

/// Payload of [`Event::OverrideSet`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OverrideSet {
    /// The audit number.
    pub seq: u64,
    /// The level.
    pub to: PolicyLevel,
    /// By whom.
    pub by: Setting,
    /// When it ends by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// When notice of that is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notice_at: Option<Timestamp>,
}

/// Payload of [`Event::OverrideReplaced`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OverrideReplaced {
    /// The audit number.
    pub seq: u64,
    /// The level before.
    pub from: PolicyLevel,
    /// The level after.
    pub to: PolicyLevel,
    /// By whom.
    pub by: Setting,
    /// When it ends by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// When notice of that is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notice_at: Option<Timestamp>,
}

/// Payload of [`Event::OverrideCleared`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OverrideCleared {
    /// The audit number.
    pub seq: u64,
    /// The level that it had.
    pub from: PolicyLevel,
    /// By whom.
    pub by: Setting,
}

/// Payload of [`Event::OverrideAutoReverted`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OverrideAutoReverted {
    /// The audit number.
    pub seq: u64,
    /// The level that it had.
    pub from: PolicyLevel,
    /// By `parent:<node>`, the parent whose level fell, or `timer`; authorized by `system`.
    pub by: Setting,
    /// The node of the nearest event above, which caused this one; none if the time was over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub above: Option<EntityId>,
}

/// Payload of [`Event::OverrideRejected`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OverrideRejected {
    /// The audit number.
    pub seq: u64,
    /// Why.
    pub code: RefusedCode,
    /// The level of the override that is there, and stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<PolicyLevel>,
    /// The level that was asked for.
    pub to: PolicyLevel,
    /// The parent's effective level.
    pub parent_level: PolicyLevel,
    /// Who asked.
    pub by: Setting,
}

/// Payload of [`Event::OverrideExpiring`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OverrideExpiring {
    /// The level of the override.
    pub level: PolicyLevel,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// Payload of [`Event::EngineChanged`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EngineChanged {
    /// The audit number.
    pub seq: u64,
    /// The level before.
    pub from: PolicyLevel,
    /// The level after.
    pub to: PolicyLevel,
    /// By `engine:<node>`, authorized by `system`.
    pub by: Setting,
    /// The term that the engine was in.
    pub term: u64,
    /// The sequence number of the engine's event.
    pub engine_version: u64,
}

/// Payload of [`Event::EngineConfirmed`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EngineConfirmed {
    /// The level.
    pub level: PolicyLevel,
    /// The term that the engine was in.
    pub term: u64,
    /// The sequence number of the engine's event.
    pub engine_version: u64,
}
