//! What a change of the tree means to work that was accepted, against what the two trees say node by node.

use super::*;
use crate::level;
use crate::tree::{Event, NodeAdded, NodeKind, NodeStream, OverrideSet, Setting, State, Tree};
use ionveil_kernel::PolicyLevel::{Halted, Normal, Restricted, Watch};
use ionveil_kernel::testkit::fold;
use ionveil_kernel::{EntityId, PolicyLevel, Timestamp};
use proptest::prelude::*;
use std::time::Duration;

fn id(name: &str) -> EntityId {
    EntityId::new(name).unwrap()
}

/// `root`, below it `a` with `b`, and `e`; each of `told` has an override.
fn tree(told: &[(&str, PolicyLevel)]) -> State {
    let added = |(node, parent): (&str, &str)| {
        let parent = (!parent.is_empty()).then(|| id(parent));
        let kind = if parent.is_some() { NodeKind::Zone } else { NodeKind::Global };
        (NodeStream(id(node)), Event::NodeAdded(NodeAdded { kind, parent, term: 0 }))
    };
    let set = |((node, level), seq): (&(&str, PolicyLevel), u64)| {
        let by = Setting { source: "user:jane".into(), authorization: "T1".into(), reason: None, at: Timestamp::from_micros(0) };
        (NodeStream(id(node)), Event::OverrideSet(OverrideSet { seq, to: *level, by, expires_at: None, notice_at: None }))
    };
    let nodes = [("root", ""), ("a", "root"), ("b", "a"), ("e", "root")].map(added);
    let events: Vec<_> = nodes.into_iter().chain(told.iter().zip(1..).map(set)).collect();
    fold(&Tree::default(), &"policy-tree:test:tree".parse().unwrap(), &events)
}

fn work(nodes: &[&str], at: i64) -> Work {
    Work {
        kind: WorkKind::Assign,
        stream: format!("workflow:test:w{at}").parse().unwrap(),
        event_type: "transitioned".into(),
        nodes: nodes.iter().map(|node| id(node)).collect(),
        occurred_at: Timestamp::from_micros(at),
        over: None,
    }
}

#[test]
fn kinds_have_stable_names() {
    for (kind, name) in [(WorkKind::Assign, "assign"), (WorkKind::Plan, "plan"), (WorkKind::Send, "send")] {
        assert_eq!((kind.as_str(), serde_json::to_string(&kind).unwrap()), (name, format!("{name:?}")));
    }
}

#[test]
fn the_stricter_node_counts_and_only_what_the_change_halts() {
    let replay = |before: &[_], after: &[_]| Replay::new(&tree(before), &tree(after));
    let halted = replay(&[("e", Halted)], &[("e", Halted), ("a", Halted)]);
    for (name, nodes, node) in [
        ("inside", &["a"][..], Some("a")),
        ("below", &["b"], Some("a")),
        ("beside", &["root"], None),
        ("no zone", &[], None),
        ("a zone that is not in the tree", &["nowhere"], None),
        ("the zone", &["b", "root"], Some("a")),
        ("the agency", &["root", "b"], Some("a")),
        ("halted before", &["e"], None),
        ("halted before by its other node", &["b", "e"], None),
    ] {
        let nodes: Vec<_> = nodes.iter().map(|node| id(node)).collect();
        assert_eq!(halted.reaches(&nodes, Halted).map(EntityId::as_str), node, "{name}");
    }
    assert!(halted.tightens());
    assert!(replay(&[], &[("a", Watch)]).tightens());
    for (name, before, after) in [
        ("nothing", vec![], vec![]),
        ("halted as before", vec![("a", Halted)], vec![("a", Halted)]),
        ("let go", vec![("a", Halted)], vec![("a", Watch)]),
    ] {
        assert!(!replay(&before, &after).tightens(), "{name}");
    }
}

#[test]
fn what_is_refused_is_counted_and_the_first_of_it_shown() {
    let replay = Replay::new(&tree(&[]), &tree(&[("a", Halted)]));
    let all = (0..40).rev().map(|at| work(if at % 2 == 0 { &["b"] } else { &["e"] }, at));
    let (sum, over) = replay.concerned(all);
    assert_eq!(over.total(), 0);
    assert_eq!((sum.total(), sum.by_kind.get(&WorkKind::Assign)), (20, Some(&20)));
    let shown: Vec<_> = sum.examples.iter().map(|one| (one.work.occurred_at.micros(), one.node.as_str())).collect();
    assert_eq!(shown, (0..10).map(|n| (n * 2, "a")).collect::<Vec<_>>());
    let (none, _) = replay.concerned([]);
    assert_eq!((none.total(), none.by_kind.len(), none.examples.len()), (0, 0, 0));
}

#[test]
fn limits_bound_retries_and_timeouts() {
    let over = |after, retries, longest_ms| {
        let told: Vec<_> = (after != Normal).then_some(("a", after)).into_iter().collect();
        let replay = Replay::new(&tree(&[]), &tree(&told));
        let Some(over) = level::over_from(retries, Duration::from_millis(longest_ms)) else { return 0 };
        let (refused, over) = replay.concerned([Work { kind: WorkKind::Send, over: Some(over), ..work(&["b"], 1) }]);
        assert_eq!(refused.total(), 0);
        over.by_kind.get(&WorkKind::Send).copied().unwrap_or(0)
    };
    for (name, after, retries, longest_ms, expected) in [
        ("three retries in 30 s are normal", Normal, 3, 30_000, 0),
        ("and too many retries for watch", Watch, 3, 20_000, 1),
        ("and too long for watch", Watch, 2, 20_001, 1),
        ("kept to", Watch, 2, 20_000, 0),
        ("restricted", Restricted, 1, 10_000, 0),
        ("restricted, retried twice", Restricted, 2, 10_000, 1),
        ("halted", Halted, 0, 5_000, 0),
        ("halted, retried", Halted, 1, 5_000, 1),
        ("over the limits as it is", Watch, 4, 1_000, 0),
    ] {
        assert_eq!(over(after, retries, longest_ms), expected, "{name}");
    }
}

proptest! {
    /// Against the definition: the strictest node of each tree, an unknown one counting as the root.
    #[test]
    fn whatever_the_trees_the_strictest_node_of_each_decides(
        levels in prop::collection::vec(0_usize..4, 2),
        nodes in prop::collection::vec(prop::sample::select(vec!["root", "a", "b", "e", "nowhere"]), 0..3),
    ) {
        let told = |level: usize, node| (level > 0).then(|| (node, crate::level::at(level)));
        let (before, after): (Vec<_>, Vec<_>) = (told(levels[0], "a").into_iter().collect(), told(levels[1], "e").into_iter().collect());
        let (before, after) = (tree(&before), tree(&after));
        let level = |tree: &State| {
            let of = |node: &&str| tree.effective(&id(node)).unwrap_or_default();
            nodes.iter().map(of).max().unwrap_or_default()
        };
        let ids: Vec<_> = nodes.iter().map(|node| id(node)).collect();
        let replay = Replay::new(&before, &after);
        let expected = level(&before) != Halted && level(&after) == Halted;
        prop_assert_eq!(replay.reaches(&ids, Halted).is_some(), expected);
        prop_assert!(replay.tightens() || !expected);
    }
}
