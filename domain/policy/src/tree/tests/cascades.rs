//! What each command leads to, cascades included.

use super::*;
use crate::tree::{EngineChanged, EngineConfirmed, NodeMoved, NodeRemoved, OverrideCleared};
use PolicyLevel::{Halted, Normal, Restricted, Watch};
use ionveil_kernel::{Decider, Part};

/// Name, what came before beside the tree, command, events.
type Row = (&'static str, Vec<(NodeStream, Event)>, Command, Vec<(NodeStream, Event)>);

fn check(rows: Vec<Row>) {
    for (case, before, command, expected) in rows {
        println!("{case}");
        past(before).when(command).then(expected);
    }
}

fn cleared(node: &str, seq: u64, from: PolicyLevel) -> (NodeStream, Event) {
    at(node, Event::OverrideCleared(OverrideCleared { seq, from, by: by_user() }))
}

fn moved(node: &str, from: &str, to: &str) -> (NodeStream, Event) {
    at(node, Event::NodeMoved(NodeMoved { from: id(from), to: id(to) }))
}

fn engine(node: &str, seq: u64, (from, to): (PolicyLevel, PolicyLevel), engine_version: u64) -> (NodeStream, Event) {
    let by = Setting { reason: Some("3 failures in a row".into()), ..by(&format!("engine:{node}"), "system") };
    at(node, Event::EngineChanged(EngineChanged { seq, from, to, by, term: 0, engine_version }))
}

#[test]
fn overrides_only_make_stricter() {
    check(vec![
        ("above the parent", vec![], set_override("a", "watch"), vec![set("a", 1, Watch)]),
        ("repeated", vec![set("a", 1, Watch)], set_override("a", "watch"), vec![replaced("a", 2, Watch, Watch)]),
        ("lowered, still above", vec![set("a", 1, Halted)], set_override("a", "watch"), vec![replaced("a", 2, Halted, Watch)]),
        (
            "as the parent",
            vec![base(1, Normal, Watch, 7)],
            set_override("a", "watch"),
            vec![rejected("a", 2, RefusedCode::NoEffect, (None, Watch), Watch)],
        ),
        (
            "below the parent",
            vec![base(1, Normal, Restricted, 7)],
            set_override("b", "watch"),
            vec![rejected("b", 2, RefusedCode::DeescalationForbidden, (None, Watch), Restricted)],
        ),
        (
            "lowered to the parent's",
            vec![base(1, Normal, Watch, 7), set("a", 2, Halted)],
            set_override("a", "watch"),
            vec![rejected("a", 3, RefusedCode::NoEffect, (Some(Halted), Watch), Watch)],
        ),
        ("cleared", vec![set("a", 1, Watch)], clear("a"), vec![cleared("a", 2, Watch)]),
    ]);
}

#[test]
fn a_fall_goes_down_the_tree() {
    let all = || vec![base(1, Normal, Watch, 7), set("a", 2, Restricted), set("b", 3, Halted)];
    check(vec![
        ("rising reverts nothing", vec![set("a", 1, Watch)], set_root("halted"), vec![base(2, Normal, Halted, 8)]),
        (
            "to exactly the override's level keeps it",
            vec![base(1, Normal, Halted, 7), set("a", 2, Watch)],
            set_root("watch"),
            vec![base(3, Halted, Watch, 9)],
        ),
        (
            "below it reverts, and on",
            all(),
            set_root("normal"),
            vec![
                base(4, Watch, Normal, 10),
                reverted("a", 5, Restricted, "parent:root", "root"),
                reverted("b", 6, Halted, "parent:a", "a"),
            ],
        ),
        (
            "a node between that keeps its own is passed by",
            vec![set("a", 1, Halted), set("d", 2, Halted)],
            clear("a"),
            vec![cleared("a", 3, Halted), reverted("d", 4, Halted, "parent:b", "a")],
        ),
        (
            "an engine below stops it",
            vec![set("a", 1, Restricted), engine("b", 2, (Normal, Restricted), 1), set("d", 3, Halted)],
            clear("a"),
            vec![cleared("a", 4, Restricted)],
        ),
        (
            "siblings in the order in which they came",
            vec![set("a", 1, Watch), set("c", 2, Halted), set("b", 3, Restricted)],
            clear("a"),
            vec![cleared("a", 4, Watch), reverted("b", 5, Restricted, "parent:a", "a"), reverted("c", 6, Halted, "parent:a", "a")],
        ),
        (
            "a replaced override falls, too",
            vec![set("a", 1, Halted), set("b", 2, Restricted)],
            set_override("a", "watch"),
            vec![replaced("a", 3, Halted, Watch), reverted("b", 4, Restricted, "parent:a", "a")],
        ),
        (
            "an engine's level falls, too",
            vec![engine("a", 1, (Normal, Watch), 1), set("b", 2, Restricted)],
            set_engine("a", Normal, 0, 2),
            vec![engine("a", 3, (Watch, Normal), 2), reverted("b", 4, Restricted, "parent:a", "a")],
        ),
        (
            "a moved node has a parent that fell",
            vec![set("a", 1, Watch), set("b", 2, Restricted), set("d", 3, Halted)],
            move_node("b", "e"),
            vec![moved("b", "a", "e"), reverted("b", 4, Restricted, "parent:e", "b"), reverted("d", 5, Halted, "parent:b", "b")],
        ),
        (
            "moved under a stricter one it sleeps",
            vec![set("b", 1, Watch), set("e", 2, Halted)],
            move_node("b", "e"),
            vec![moved("b", "a", "e")],
        ),
    ]);
}

#[test]
fn causes_are_the_events_above() {
    let decision = vec![
        base(4, Watch, Normal, 10),
        reverted("a", 5, Restricted, "parent:root", "root"),
        reverted("b", 6, Halted, "parent:a", "a"),
        reverted("e", 7, Halted, "parent:root", "root"),
        reverted("c", 8, Halted, "timer", ""),
    ];
    assert_eq!(Tree::default().causes(&decision), [None, Some(0), Some(1), Some(0), None]);
}

#[test]
fn engines_are_heard_once_and_in_their_term() {
    let confirmed = at("a", Event::EngineConfirmed(EngineConfirmed { level: Normal, term: 0, engine_version: 9 }));
    check(vec![
        ("a step", vec![], set_engine("a", Watch, 0, 5), vec![engine("a", 1, (Normal, Watch), 5)]),
        ("a step that came before the one that it follows", vec![], set_engine("a", Normal, 0, 9), vec![confirmed.clone()]),
    ]);
    for (case, before, command) in [
        ("the older one, then", vec![confirmed], set_engine("a", Watch, 0, 5)),
        ("the same again", vec![engine("a", 1, (Normal, Watch), 5)], set_engine("a", Watch, 0, 5)),
        ("of before a person set the root", vec![base(1, Normal, Halted, 7)], set_engine("root", Watch, 0, 5)),
        ("of a term that there never was", vec![], set_engine("a", Watch, 1, 5)),
    ] {
        println!("{case}");
        past(before).when(command).then_rejected("stale_engine");
    }
}

#[test]
fn a_name_that_comes_again_begins_a_new_term() {
    let gone = at("e", Event::NodeRemoved(NodeRemoved { parent: Some(id("root")), term: 7 }));
    let again = at("e", Event::NodeAdded(NodeAdded { kind: NodeKind::Zone, parent: Some(id("a")), term: 8 }));
    past([]).when(Command::RemoveNode { node: id("e") }).then([gone.clone()]);
    let state = past([gone.clone()]).when(add_node("e", "a")).then([again.clone()]);
    assert_eq!(state.node(&id("e")).map(|node| node.engine().term), Some(8));
    past([gone.clone(), again.clone()]).when(set_engine("e", Halted, 0, 50)).then_rejected("stale_engine");
    let heard = Event::EngineConfirmed(EngineConfirmed { level: Normal, term: 8, engine_version: 1 });
    past([gone, again]).when(set_engine("e", Normal, 8, 1)).then([at("e", heard)]);
}

#[test]
fn parts_are_the_streams_of_the_nodes() {
    let part = NodeStream(id("B09.39"));
    assert_eq!(part.stream(&owner()).to_string(), "policy-node:test:B09.39");
    assert_eq!(crate::tree::stream(&owner().org).unwrap().to_string(), "policy-tree:test:tree");
    for (case, stream) in [("another kind", "policy-engine:test:a"), ("another organisation", "policy-node:other:a")] {
        assert_eq!(NodeStream::of(&owner(), &stream.parse().unwrap()), None, "{case}");
    }
    assert_eq!(NodeStream::of(&"policy-engine:test:x".parse().unwrap(), &"policy-node:test:a".parse().unwrap()), None);
}
