//! What can be asked of a tree.

use crate::tree::state::NodeKind;
use ionveil_kernel::{EntityId, PolicyLevel, Timestamp};
use serde::{Deserialize, Serialize};

/// The most nodes that one command adds.
pub const ADDED_MAX: usize = 1_000;

/// A node to be added as its parent's last child.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewNode {
    /// The node's id, new in the tree.
    pub node: EntityId,
    /// What it stands for.
    pub kind: NodeKind,
    /// The node above it; none for the root, the first node of a tree.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<EntityId>,
}

/// A wish. Its serde form is tagged with [`Self::command_type`] in `type`; unknown fields are refused. Levels and
/// authorizations that people give come as they were written, so that they are refused in the specification's order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Command {
    /// Adds a node as its parent's last child.
    AddNode {
        /// The node's id, new in the tree.
        node: EntityId,
        /// What it stands for.
        kind: NodeKind,
        /// The node above it; none for the root, the first node of a tree.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        parent: Option<EntityId>,
    },
    /// Adds 1 to [`ADDED_MAX`] nodes in this order, so that a parent may come with its children: all or none.
    AddNodes {
        /// The nodes.
        nodes: Vec<NewNode>,
    },
    /// Puts a node, with all below it, under another parent, as its last child.
    MoveNode {
        /// The node.
        node: EntityId,
        /// The new parent.
        parent: EntityId,
    },
    /// Removes a node that has no children, with its override and its engine's level.
    RemoveNode {
        /// The node.
        node: EntityId,
    },
    /// Puts the root's engine on a level.
    SetRoot {
        /// The name of the level.
        level: String,
        /// By which right: a role or a ticket.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        authorization: String,
    },
    /// Makes a node stricter than its parent, or its override another one.
    SetOverride {
        /// The node, not the root.
        node: EntityId,
        /// The name of the level, above the parent's effective one.
        level: String,
        /// By which right: a role or a ticket.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        authorization: String,
        /// Why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
        /// When it ends by itself, in the future; none: never.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expires_at: Option<Timestamp>,
    },
    /// Takes a node's override away.
    ClearOverride {
        /// The node.
        node: EntityId,
        /// By which right: a role or a ticket.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        authorization: String,
        /// Why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// Takes over the level that a node's engine has reached. From the reactor only.
    SetEngine {
        /// The node.
        node: EntityId,
        /// The engine's level.
        level: PolicyLevel,
        /// The term that the engine is in.
        term: u64,
        /// The sequence number of the engine's event.
        engine_version: u64,
        /// Why.
        reason: String,
    },
    /// Reverts the overrides that have ended. From the timer only.
    Expire {
        /// When the timer was due.
        due: Timestamp,
    },
    /// Gives notice of the overrides that are about to end. From the timer only.
    Notice {
        /// When the timer was due.
        due: Timestamp,
    },
}

impl Command {
    /// The version of the serde form.
    pub const SCHEMA_VERSION: u32 = 1;

    /// The stable name.
    #[must_use]
    pub const fn command_type(&self) -> &'static str {
        match self {
            Self::AddNode { .. } => "add_node",
            Self::AddNodes { .. } => "add_nodes",
            Self::MoveNode { .. } => "move_node",
            Self::RemoveNode { .. } => "remove_node",
            Self::SetRoot { .. } => "set_root",
            Self::SetOverride { .. } => "set_override",
            Self::ClearOverride { .. } => "clear_override",
            Self::SetEngine { .. } => "set_engine",
            Self::Expire { .. } => "expire",
            Self::Notice { .. } => "notice",
        }
    }
}
