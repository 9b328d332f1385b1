//! The trees of several nodes as one: what each of them has in memory, under supervisors that have the same names everywhere.

use crate::tree::{Tree, TreeNode, trouble};
use std::collections::BTreeMap;

impl Tree {
    /// One tree of those of several nodes, with at most `entities_max` entities of each kind at each place.
    #[must_use]
    pub fn of_several(trees: Vec<Self>, entities_max: usize) -> Self {
        let mut truncated = trees.iter().any(|tree| tree.truncated);
        let mut supervisors: BTreeMap<String, TreeNode> = BTreeMap::new();
        let mut entities: BTreeMap<String, Vec<TreeNode>> = BTreeMap::new();
        for node in trees.into_iter().flat_map(|tree| tree.nodes) {
            match node.parent.clone().filter(|parent| node.is_entity_below(parent)) {
                Some(parent) => entities.entry(parent).or_default().push(node),
                None => _ = supervisors.entry(node.id.clone()).and_modify(|known| known.join(&node)).or_insert(node),
            }
        }
        count_children(&mut supervisors);
        let mut nodes = Vec::new();
        for (id, supervisor) in in_order(supervisors) {
            nodes.push(supervisor);
            let mut below = entities.remove(&id).unwrap_or_default();
            below.sort_by_key(|node| (trouble(node.state), std::cmp::Reverse(node.mailbox_depth), node.id.clone()));
            truncated |= below.len() > entities_max;
            nodes.extend(below.into_iter().take(entities_max));
        }
        Self { nodes, truncated, silent: Vec::new() }
    }
}

impl TreeNode {
    fn is_entity_below(&self, parent: &str) -> bool {
        parent.rsplit_once('/').is_some_and(|(_, kind)| kind == self.kind)
    }

    /// The same supervisor on another node.
    fn join(&mut self, other: &Self) {
        self.add(other);
        self.restarts += other.restarts;
        self.children += other.children;
        if self.last_fault.is_none() {
            self.last_fault.clone_from(&other.last_fault);
        }
    }
}

/// Places have as many children as there are supervisors below them; the entities of a kind are told apart by nobody.
fn count_children(supervisors: &mut BTreeMap<String, TreeNode>) {
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for parent in supervisors.values().filter_map(|node| node.parent.clone()) {
        *counts.entry(parent).or_default() += 1;
    }
    for (id, count) in counts {
        if let Some(node) = supervisors.get_mut(&id) {
            node.children = count;
        }
    }
}

/// Parents before their children, the kinds at a place right after it.
fn in_order(supervisors: BTreeMap<String, TreeNode>) -> Vec<(String, TreeNode)> {
    let mut below: BTreeMap<Option<String>, Vec<(String, TreeNode)>> = BTreeMap::new();
    for (id, node) in supervisors {
        below.entry(node.parent.clone()).or_default().push((id, node));
    }
    let (mut ordered, mut next) = (Vec::new(), below.remove(&None).unwrap_or_default());
    next.reverse();
    while let Some((id, node)) = next.pop() {
        let mut children = below.remove(&Some(id.clone())).unwrap_or_default();
        children.sort_by_key(|(_, child)| std::cmp::Reverse((child.kind != "kind", child.id.clone())));
        next.extend(children);
        ordered.push((id, node));
    }
    ordered
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::slot::Phase;

    fn node(kind: &str, id: &str, parent: Option<&str>, state: Phase, children: u64) -> TreeNode {
        let (kind, id, parent) = (kind.to_owned(), id.to_owned(), parent.map(str::to_owned));
        let (mailbox_depth, oldest_waiting_ms, in_flight, restarts, last_fault, events_per_s) = (1, 5, 1, 2, None, 3);
        TreeNode { kind, id, parent, state, mailbox_depth, oldest_waiting_ms, in_flight, restarts, last_fault, events_per_s, children }
    }

    /// `acme` with entities of the kind `lamp`, as one node has it.
    fn tree(entities: &[(&str, Phase)], more: Vec<TreeNode>) -> Tree {
        let mut nodes = vec![node("organisation", "acme", None, Phase::Running, 1)];
        nodes.push(node("kind", "acme/lamp", Some("acme"), Phase::Running, entities.len() as u64));
        nodes.extend(entities.iter().map(|(id, state)| node("lamp", id, Some("acme/lamp"), *state, 0)));
        nodes.extend(more);
        Tree { nodes, ..Tree::default() }
    }

    #[test]
    fn trees_are_one_with_sums_and_those_in_trouble_first() {
        let zone = node("policy-node", "acme@north", Some("acme"), Phase::Running, 0);
        let several = vec![
            tree(&[("b", Phase::Running), ("d", Phase::Running)], vec![zone]),
            tree(&[("a", Phase::Running), ("c", Phase::Quarantined)], vec![]),
        ];
        let one = Tree::of_several(several.clone(), 10);
        let ids: Vec<_> = one.nodes.iter().map(|node| node.id.as_str()).collect();
        assert_eq!((ids, one.truncated), (vec!["acme", "acme/lamp", "c", "a", "b", "d", "acme@north"], false));
        let of = |id: &str| one.nodes.iter().find(|node| node.id == id).expect("it is there");
        let (top, lamps) = (of("acme"), of("acme/lamp"));
        assert_eq!((top.children, lamps.children), (2, 4), "supervisors below it, entities of it");
        assert_eq!((lamps.mailbox_depth, lamps.oldest_waiting_ms, lamps.restarts, lamps.events_per_s), (2, 5, 4, 6));
        let few = Tree::of_several(several, 1);
        assert_eq!((few.nodes.len(), few.truncated), (4, true));
    }

    #[test]
    fn the_tree_of_one_node_stays_as_it_is() {
        let one = tree(&[("a", Phase::Running)], vec![]);
        assert_eq!(Tree::of_several(vec![one.clone()], 10), one);
    }
}
