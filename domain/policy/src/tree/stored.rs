//! The form of a tree's snapshot: the nodes, parents before children. What follows from them is not stored; what does not
//! make a tree is refused.

use crate::tree::state::{EngineLevel, Node, NodeKind, Override, Refused, State};
use ionveil_kernel::EntityId;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::Arc;

/// A stored tree.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Stored {
    version: u64,
    audits: u64,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pruned: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    refused: Option<Refused>,
    nodes: Vec<StoredNode>,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredNode {
    id: EntityId,
    kind: NodeKind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    parent: Option<EntityId>,
    #[serde(default, rename = "override", skip_serializing_if = "Option::is_none")]
    told: Option<Override>,
    engine: EngineLevel,
}

impl From<State> for Stored {
    fn from(state: State) -> Self {
        let store = |(id, node): (&EntityId, &Arc<Node>)| StoredNode {
            id: id.clone(),
            kind: node.kind,
            parent: node.parent.clone(),
            told: node.told.clone(),
            engine: node.engine.clone(),
        };
        let nodes = state.below(state.root()).map(store).collect();
        Self { version: state.version, audits: state.audits, pruned: state.pruned, refused: state.refused, nodes }
    }
}

impl TryFrom<Stored> for State {
    type Error = String;

    fn try_from(stored: Stored) -> Result<Self, String> {
        let Stored { version, audits, pruned, refused, nodes } = stored;
        let mut state = Self { version, audits, pruned, refused, ..Self::default() };
        for StoredNode { id, kind, parent, told, engine } in nodes {
            state.attach(&id, Node { kind, parent, children: Vec::new(), told: None, engine })?;
            state.tell(&id, told);
        }
        Ok(state)
    }
}

impl State {
    /// Puts a node without children into the tree, as its parent's last child.
    ///
    /// # Errors
    /// If it is there already, has a parent that is not, or would be a second root.
    pub(crate) fn attach(&mut self, id: &EntityId, node: Node) -> Result<(), String> {
        let nodes: &mut HashMap<_, _, _> = Arc::make_mut(&mut self.nodes);
        if nodes.contains_key(id) {
            return Err(format!("the tree has the node {id} already"));
        }
        match &node.parent {
            None if self.root.is_some() => return Err(format!("{id} would be a second root")),
            None => self.root = Some(id.clone()),
            Some(parent) => {
                let parent = nodes.get_mut(parent).ok_or_else(|| format!("the tree has no node {parent}"))?;
                Arc::make_mut(parent).children.push(id.clone());
            }
        }
        nodes.insert(id.clone(), Arc::new(node));
        Ok(())
    }
}
