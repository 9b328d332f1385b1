//! Which node is to own which partition: rendezvous hashing (highest random weight: Thaler, Ravishankar, 1996). Every node
//! finds the same answer from the same list of nodes, and nobody has to be asked. When a node comes, only what it gets
//! moves; when one goes, only what it had. Pure.

use ionveil_kernel::NodeId;

/// Who of `nodes` is to own `partition`; none if there are none. Their order means nothing.
pub(crate) fn owner(nodes: &[NodeId], partition: u16) -> Option<NodeId> {
    nodes.iter().copied().max_by_key(|node| (weight(*node, partition), *node))
}

/// Stable for ever: nodes of different releases must agree.
fn weight(node: NodeId, partition: u16) -> u64 {
    let (high, low) = node.0.as_u64_pair();
    mix(mix(mix(high) ^ low) ^ u64::from(partition))
}

/// The finaliser of splitmix64: every bit of the input moves half of those of the output.
const fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;
    use uuid::Uuid;

    fn node(number: u128) -> NodeId {
        NodeId(Uuid::from_u128(number))
    }

    fn shares(nodes: &[NodeId], partitions: u16) -> Vec<Option<NodeId>> {
        (0..partitions).map(|partition| owner(nodes, partition)).collect()
    }

    #[test]
    fn shares_never_change() {
        let numbers = shares(&[node(1), node(2), node(3)], 8).into_iter().map(|owner| owner.unwrap().0.as_u128());
        assert_eq!(numbers.collect::<Vec<_>>(), [2, 2, 1, 2, 1, 1, 2, 3]);
    }

    #[test]
    fn shares_are_about_equal() {
        let nodes: Vec<_> = (1..=4).map(|number| node(number << 64 | number)).collect();
        let mut counts: BTreeMap<NodeId, u32> = BTreeMap::new();
        for partition in 0..4_000 {
            *counts.entry(owner(&nodes, partition).unwrap()).or_default() += 1;
        }
        assert!(counts.len() == 4 && counts.values().all(|count| (850..1_150).contains(count)), "{counts:?}");
    }

    proptest! {
        /// Only what the newcomer gets moves; seen backwards, only what one who goes had.
        #[test]
        fn few_move_when_a_node_comes_or_goes(ids in prop::collection::btree_set(any::<u128>(), 2..12), partitions in 1_u16..=64) {
            let mut nodes: Vec<NodeId> = ids.into_iter().map(node).collect();
            let after = shares(&nodes, partitions);
            nodes.reverse();
            prop_assert_eq!(&shares(&nodes, partitions), &after, "whoever lists them, in whatever order");
            let newcomer = nodes.remove(nodes.len() / 2);
            let before = shares(&nodes, partitions);
            for (old, new) in before.iter().zip(&after) {
                prop_assert!(old == new || *new == Some(newcomer));
            }
        }

        #[test]
        fn each_partition_has_one_owner_as_long_as_there_is_a_node(ids in prop::collection::btree_set(any::<u128>(), 0..6)) {
            let nodes: Vec<NodeId> = ids.into_iter().map(node).collect();
            prop_assert!(shares(&nodes, 64).iter().all(|owner| owner.map_or(nodes.is_empty(), |owner| nodes.contains(&owner))));
        }
    }
}
