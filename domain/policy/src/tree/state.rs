//! What is known of a tree: its nodes, what each was told, and which of that ends when.
//!
//! Effective levels are not kept but follow from the nodes above. How events change it is in `evolve.rs`.

use ionveil_kernel::{EntityId, PolicyLevel, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::hash::{BuildHasherDefault, DefaultHasher};
use std::sync::Arc;

/// The most nodes of a tree: a cascade over all of them still fits into one append.
pub const NODES_MAX: usize = 20_000;
/// The most nodes from the root down to a leaf, both included.
pub const DEPTH_MAX: usize = 64;

/// SipHash with fixed keys: the same in every run.
pub(crate) type Fixed = BuildHasherDefault<DefaultHasher>;

/// What a node stands for. Only a label: the rules are the same for all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NodeKind {
    /// All of the organisation.
    Global,
    /// An agency.
    Agency,
    /// A region.
    Region,
    /// A zone.
    Zone,
}

/// Who set a level, by which right, why and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Setting {
    /// The caller's subject; `parent:<node>`, `timer` or `engine:<node>` where nobody called.
    pub source: String,
    /// The role or ticket; `system` where nobody called.
    pub authorization: String,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When.
    pub at: Timestamp,
}

/// What a person told a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Override {
    /// The level. It is in force while the parent is below it and sleeps while the parent is not.
    pub level: PolicyLevel,
    /// Who set it.
    pub by: Setting,
    /// When it ends by itself; none: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// When notice of its end is given; none: never, or it was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notice_at: Option<Timestamp>,
}

/// What a node's engine asked for; of the root also what a person set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EngineLevel {
    /// The level.
    pub level: PolicyLevel,
    /// Who set it; none: nobody ever did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Setting>,
    /// The term: only an engine that is in it is heard.
    pub term: u64,
    /// The sequence number of the engine's event that was heard last; 0 if none was in this term.
    pub version: u64,
}

/// A node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    pub(crate) kind: NodeKind,
    pub(crate) parent: Option<EntityId>,
    pub(crate) children: Vec<EntityId>,
    pub(crate) told: Option<Override>,
    pub(crate) engine: EngineLevel,
}

impl Node {
    /// What it stands for.
    #[must_use]
    pub const fn kind(&self) -> NodeKind {
        self.kind
    }

    /// The node above; none of the root.
    #[must_use]
    pub const fn parent(&self) -> Option<&EntityId> {
        self.parent.as_ref()
    }

    /// The nodes right below, in the order in which they came.
    #[must_use]
    pub fn children(&self) -> &[EntityId] {
        &self.children
    }

    /// What a person told it.
    #[must_use]
    pub const fn told(&self) -> Option<&Override> {
        self.told.as_ref()
    }

    /// What its engine asked for.
    #[must_use]
    pub const fn engine(&self) -> &EngineLevel {
        &self.engine
    }

    /// The level of its own: the stricter of override and engine.
    #[must_use]
    pub fn own(&self) -> PolicyLevel {
        self.told.as_ref().map_or(self.engine.level, |told| told.level.max(self.engine.level))
    }

    /// Who set the level of its own; the override where both are alike.
    #[must_use]
    pub fn setting(&self) -> Option<&Setting> {
        let told = self.told.as_ref().filter(|told| told.level >= self.engine.level);
        told.map_or(self.engine.by.as_ref(), |told| Some(&told.by))
    }
}

/// Why an override was refused for the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusedCode {
    /// The level lies below the parent's.
    DeescalationForbidden,
    /// The level is the parent's.
    NoEffect,
}

impl RefusedCode {
    /// The stable code.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::DeescalationForbidden => "deescalation_forbidden",
            Self::NoEffect => "no_effect",
        }
    }
}

/// The refusal that the last event of a tree records.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refused {
    /// Why.
    pub code: RefusedCode,
    /// The node that was to have an override.
    pub node: EntityId,
    /// The level that was asked for.
    pub level: PolicyLevel,
    /// The parent's effective level.
    pub parent_level: PolicyLevel,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (level, parent) = (crate::level::name(self.level), crate::level::name(self.parent_level));
        match self.code {
            RefusedCode::DeescalationForbidden => write!(f, "{level} is below the parent's level, {parent}"),
            RefusedCode::NoEffect => write!(f, "the parent's level is {parent} already"),
        }
    }
}

/// A tree. Cheap to clone: what is large is shared until the next event.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "super::stored::Stored", try_from = "super::stored::Stored")]
pub struct State {
    /// Never listed in its own order, only from the root down.
    pub(crate) nodes: Arc<HashMap<EntityId, Arc<Node>, Fixed>>,
    pub(crate) root: Option<EntityId>,
    /// The ends of overrides, soonest first.
    pub(crate) ends: Arc<BTreeSet<(Timestamp, EntityId)>>,
    /// The notices that are to be given of them, soonest first.
    pub(crate) notices: Arc<BTreeSet<(Timestamp, EntityId)>>,
    pub(crate) version: u64,
    pub(crate) audits: u64,
    /// Whether a node was ever removed, so that a name may come again.
    pub(crate) pruned: bool,
    pub(crate) refused: Option<Refused>,
}

impl State {
    /// How many events there were.
    #[must_use]
    pub const fn version(&self) -> u64 {
        self.version
    }

    /// How many of them are in the audit.
    #[must_use]
    pub const fn audits(&self) -> u64 {
        self.audits
    }

    /// What the last command was refused for, if its refusal was recorded.
    #[must_use]
    pub const fn refused(&self) -> Option<&Refused> {
        self.refused.as_ref()
    }

    /// The root; none of an empty tree.
    #[must_use]
    pub const fn root(&self) -> Option<&EntityId> {
        self.root.as_ref()
    }

    /// How many nodes there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether there is no node.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// The node of this id.
    #[must_use]
    pub fn node(&self, id: &EntityId) -> Option<&Node> {
        self.nodes.get(id).map(|node| &**node)
    }

    /// The level in force at a node: the strictest of what it and the nodes above were told.
    #[must_use]
    pub fn effective(&self, id: &EntityId) -> Option<PolicyLevel> {
        self.path(id).map(|(_, node)| node.own()).max()
    }

    /// The node and those above it, up to the root; empty if it is not in the tree.
    pub(crate) fn path<'a>(&'a self, id: &'a EntityId) -> impl Iterator<Item = (&'a EntityId, &'a Node)> {
        let find = |id: &'a EntityId| self.node(id).map(|node| (id, node));
        std::iter::successors(find(id), move |(_, node)| node.parent.as_ref().and_then(find))
    }

    /// The nodes below and with `top`, parents before children, siblings in the order in which they came.
    pub(crate) fn below<'a>(&'a self, top: Option<&'a EntityId>) -> impl Iterator<Item = (&'a EntityId, &'a Arc<Node>)> {
        self.descend_from(top).map(|(_, id, node)| (id, node))
    }

    /// All nodes in the same order, each with the number of nodes above it.
    pub(crate) fn descend(&self) -> impl Iterator<Item = (usize, &EntityId, &Arc<Node>)> {
        self.descend_from(self.root())
    }

    fn descend_from<'a>(&'a self, top: Option<&'a EntityId>) -> impl Iterator<Item = (usize, &'a EntityId, &'a Arc<Node>)> {
        let mut open: Vec<(usize, &EntityId)> = top.map(|top| (0, top)).into_iter().collect();
        std::iter::from_fn(move || {
            let (depth, id) = open.pop()?;
            let node = self.nodes.get(id)?;
            open.extend(node.children.iter().rev().map(|child| (depth + 1, child)));
            Some((depth, id, node))
        })
    }

    /// How many nodes lie on the longest way down from `id`, itself included.
    pub(crate) fn height(&self, id: &EntityId) -> usize {
        let above = self.path(id).count();
        self.below(Some(id)).map(|(lower, _)| self.path(lower).count() + 1 - above).max().unwrap_or(0)
    }

    /// Gives a node another override, or none.
    pub(crate) fn tell(&mut self, id: &EntityId, told: Option<Override>) {
        let Some(node) = Arc::make_mut(&mut self.nodes).get_mut(id).map(Arc::make_mut) else { return };
        let (ends, notices) = (told.as_ref().and_then(|told| told.expires_at), told.as_ref().and_then(|told| told.notice_at));
        let old = std::mem::replace(&mut node.told, told);
        reschedule(&mut self.ends, id, old.as_ref().and_then(|told| told.expires_at), ends);
        reschedule(&mut self.notices, id, old.as_ref().and_then(|told| told.notice_at), notices);
    }
}

fn reschedule(index: &mut Arc<BTreeSet<(Timestamp, EntityId)>>, id: &EntityId, old: Option<Timestamp>, new: Option<Timestamp>) {
    if old == new {
        return;
    }
    let index = Arc::make_mut(index);
    if let Some(old) = old {
        index.remove(&(old, id.clone()));
    }
    if let Some(new) = new {
        index.insert((new, id.clone()));
    }
}
