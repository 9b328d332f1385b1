//! How a fall of a level goes down the tree (specification of IonVeil §5.1 "Cascade"): what it reverts, in which order, and
//! what caused what.

use crate::tree::event::{Event, OverrideAutoReverted};
use crate::tree::state::{Node, Setting, State};
use crate::tree::{AUTHORIZED_BY_SYSTEM, NodeStream};
use ionveil_kernel::{EntityId, PolicyLevel, Timestamp};
use std::collections::BTreeSet;

/// A decision in the making.
pub(crate) struct Draft<'a> {
    state: &'a State,
    at: Timestamp,
    audits: u64,
    /// The nodes whose override the decision takes away by itself.
    reverted: BTreeSet<&'a EntityId>,
    decision: Vec<(NodeStream, Event)>,
}

/// A node whose parent's level fell.
struct Visit<'a> {
    node: &'a EntityId,
    parent: &'a EntityId,
    /// The parent's effective level before.
    old: PolicyLevel,
    /// The parent's effective level after, below `old`.
    new: PolicyLevel,
    /// The node of the nearest event above.
    above: &'a EntityId,
}

impl<'a> Draft<'a> {
    pub(crate) fn new(state: &'a State, at: Timestamp) -> Self {
        Self { state, at, audits: state.audits, reverted: BTreeSet::new(), decision: Vec::new() }
    }

    pub(crate) fn finish(self) -> Vec<(NodeStream, Event)> {
        self.decision
    }

    pub(crate) fn emit(&mut self, node: &EntityId, event: Event) {
        self.decision.push((NodeStream(node.clone()), event));
    }

    /// The next audit number.
    pub(crate) const fn audit(&mut self) -> u64 {
        self.audits += 1;
        self.audits
    }

    /// The effective level of a node as far as the decision has come.
    pub(crate) fn effective(&self, id: &'a EntityId) -> PolicyLevel {
        self.state.path(id).map(|(id, node)| self.own(id, node)).max().unwrap_or_default()
    }

    /// The level of a node's own as far as the decision has come.
    fn own(&self, id: &EntityId, node: &Node) -> PolicyLevel {
        if self.reverted.contains(id) { node.engine.level } else { node.own() }
    }

    /// The override of `id` ends; an override that the decision took away before stays gone.
    pub(crate) fn expire(&mut self, id: &'a EntityId) {
        if self.reverted.contains(id) {
            return;
        }
        let old = self.effective(id);
        self.revert(id, "timer".to_owned(), None);
        let new = self.effective(id);
        self.fell(id, old, new);
    }

    /// The effective level of `id`, which the decision has just brought about, changed from `old` to `new`.
    pub(crate) fn fell(&mut self, id: &'a EntityId, old: PolicyLevel, new: PolicyLevel) {
        if let Some(node) = self.state.node(id).filter(|_| new < old) {
            self.descend(children(id, node, (old, new), id).collect());
        }
    }

    /// The node got another parent: to it that is a parent whose level changed.
    pub(crate) fn moved(&mut self, node: &'a EntityId, from: &'a EntityId, to: &'a EntityId) {
        let (old, new) = (self.effective(from), self.effective(to));
        if new < old {
            self.descend(vec![Visit { node, parent: to, old, new, above: node }]);
        }
    }

    /// Takes the next visit from the end of `open`, so that children are put there last one first.
    fn descend(&mut self, mut open: Vec<Visit<'a>>) {
        while let Some(Visit { node: id, parent, old, new, above }) = open.pop() {
            let Some(node) = self.state.node(id) else { continue };
            let before = old.max(self.own(id, node));
            let reverts = node.told.as_ref().is_some_and(|told| told.level > new) && !self.reverted.contains(id);
            if reverts {
                self.revert(id, format!("parent:{parent}"), Some(above.clone()));
            }
            let after = new.max(self.own(id, node));
            if after < before {
                open.extend(children(id, node, (before, after), if reverts { id } else { above }));
            }
        }
    }

    fn revert(&mut self, id: &'a EntityId, source: String, above: Option<EntityId>) {
        let Some(told) = self.state.node(id).and_then(|node| node.told.as_ref()) else { return };
        let by = Setting { source, authorization: AUTHORIZED_BY_SYSTEM.to_owned(), reason: None, at: self.at };
        let seq = self.audit();
        self.emit(id, Event::OverrideAutoReverted(OverrideAutoReverted { seq, from: told.level, by, above }));
        self.reverted.insert(id);
    }
}

/// The visits to a node's children, last one first.
fn children<'a>(
    parent: &'a EntityId,
    node: &'a Node,
    (old, new): (PolicyLevel, PolicyLevel),
    above: &'a EntityId,
) -> impl Iterator<Item = Visit<'a>> {
    node.children.iter().rev().map(move |node| Visit { node, parent, old, new, above })
}
