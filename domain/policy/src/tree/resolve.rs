//! The published tree: every node with the level in force, the node that decides it and who set it, all of one version.
//! Immutable, so that any number of readers share it without a lock; it keeps what the state keeps, not copies.

use crate::tree::state::{EngineLevel, Fixed, Node, NodeKind, Override, Setting, State};
use ionveil_kernel::{EntityId, PolicyLevel};
use std::collections::HashMap;
use std::sync::Arc;

/// A tree at one version.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    version: u64,
    /// Parents before children, so that a subtree is a range.
    entries: Box<[Entry]>,
    places: HashMap<EntityId, usize, Fixed>,
}

#[derive(Clone, Debug)]
struct Entry {
    id: EntityId,
    node: Arc<Node>,
    effective: PolicyLevel,
    /// The place of the deciding node.
    deciding: usize,
    /// The place behind the last node below.
    end: usize,
}

/// A node of a [`Snapshot`].
#[derive(Clone, Copy, Debug)]
pub struct Resolved<'a> {
    snapshot: &'a Snapshot,
    entry: &'a Entry,
}

impl Snapshot {
    /// The tree as it stands.
    #[must_use]
    pub fn of(state: &State) -> Self {
        let mut entries: Vec<Entry> = Vec::with_capacity(state.len());
        let mut places = HashMap::with_capacity_and_hasher(state.len(), Fixed::default());
        // The places of the nodes on the way down to the one at hand.
        let mut way: Vec<usize> = Vec::new();
        for (depth, id, node) in state.descend() {
            way.truncate(depth);
            let place = entries.len();
            let above = way.last().map(|above| &entries[*above]);
            let (effective, deciding) = above.map_or((node.own(), place), |above| {
                (node.own().max(above.effective), if node.own() > above.effective { place } else { above.deciding })
            });
            entries.push(Entry { id: id.clone(), node: Arc::clone(node), effective, deciding, end: place + 1 });
            way.iter().for_each(|above| entries[*above].end = place + 1);
            way.push(place);
            places.insert(id.clone(), place);
        }
        Self { version: state.version(), entries: entries.into(), places }
    }

    /// The version of the tree: how many events it had.
    #[must_use]
    pub const fn version(&self) -> u64 {
        self.version
    }

    /// The node of this id, with what is in force there.
    #[must_use]
    pub fn resolve(&self, id: &EntityId) -> Option<Resolved<'_>> {
        self.places.get(id).map(|place| self.at(*place))
    }

    /// The root; none of an empty tree.
    #[must_use]
    pub fn root(&self) -> Option<Resolved<'_>> {
        self.entries.first().map(|entry| Resolved { snapshot: self, entry })
    }

    /// The node and all below it, parents before children, siblings in the order in which they came; empty if there is no
    /// such node.
    pub fn resolve_all(&self, top: &EntityId) -> impl Iterator<Item = Resolved<'_>> {
        let range = self.places.get(top).map_or(0..0, |place| *place..self.entries[*place].end);
        self.entries[range].iter().map(|entry| Resolved { snapshot: self, entry })
    }

    /// Every node, the root first.
    pub fn all(&self) -> impl Iterator<Item = Resolved<'_>> {
        self.entries.iter().map(|entry| Resolved { snapshot: self, entry })
    }

    /// The strictest of some nodes, of equal ones the first. A node that is not in the tree counts as the root, and so do no
    /// nodes at all; none only of an empty tree.
    #[must_use]
    pub fn stricter<'a>(&self, ids: impl IntoIterator<Item = &'a EntityId>) -> Option<Resolved<'_>> {
        let mut strictest: Option<Resolved<'_>> = None;
        for id in ids {
            let found = self.resolve(id).or_else(|| self.root())?;
            strictest = strictest.filter(|best| best.effective() >= found.effective()).or(Some(found));
        }
        strictest.or_else(|| self.root())
    }

    fn at(&self, place: usize) -> Resolved<'_> {
        Resolved { snapshot: self, entry: &self.entries[place] }
    }
}

impl<'a> Resolved<'a> {
    /// The node's id.
    #[must_use]
    pub const fn id(&self) -> &'a EntityId {
        &self.entry.id
    }

    /// What it stands for.
    #[must_use]
    pub fn kind(&self) -> NodeKind {
        self.entry.node.kind
    }

    /// The node above; none of the root.
    #[must_use]
    pub fn parent(&self) -> Option<&'a EntityId> {
        self.entry.node.parent.as_ref()
    }

    /// The nodes right below, in the order in which they came.
    #[must_use]
    pub fn children(&self) -> &'a [EntityId] {
        &self.entry.node.children
    }

    /// The level in force.
    #[must_use]
    pub const fn effective(&self) -> PolicyLevel {
        self.entry.effective
    }

    /// The nearest node at or above it that decides the level: its own exceeds what is in force above it; else the root.
    #[must_use]
    pub fn deciding_node(&self) -> &'a EntityId {
        &self.snapshot.entries[self.entry.deciding].id
    }

    /// Who set the level in force, and since when; none if nobody ever set one.
    #[must_use]
    pub fn decided_by(&self) -> Option<&'a Setting> {
        self.snapshot.entries[self.entry.deciding].node.setting()
    }

    /// What a person told this node.
    #[must_use]
    pub fn told(&self) -> Option<&'a Override> {
        self.entry.node.told.as_ref()
    }

    /// What this node's engine asked for; of the root also what a person set.
    #[must_use]
    pub fn engine(&self) -> &'a EngineLevel {
        &self.entry.node.engine
    }
}
