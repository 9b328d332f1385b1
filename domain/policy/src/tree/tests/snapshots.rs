//! What readers see, and the stored form of a state.

use super::*;
use crate::tree::{Snapshot, preview};
use PolicyLevel::{Halted, Normal, Restricted, Watch};
use ionveil_kernel::testkit::{CountingIds, meta};
use ionveil_kernel::{DecideEnv, Policy};

fn snapshot(more: Vec<(NodeStream, Event)>) -> Snapshot {
    Snapshot::of(&fold(&[tree(), more].concat()))
}

#[test]
fn the_nearest_node_that_is_stricter_decides() {
    let snapshot = snapshot(vec![set("a", 1, Watch), set("b", 2, Halted), set("d", 3, Halted)]);
    let table = [
        ("nobody told the root anything", "root", Normal, "root", None),
        ("nothing above it either", "e", Normal, "root", None),
        ("its own", "a", Watch, "a", Some(NOW)),
        ("its parent's", "c", Watch, "a", Some(NOW)),
        ("its own above its parent's", "b", Halted, "b", Some(NOW)),
        ("an override that is no stricter sleeps", "d", Halted, "b", Some(NOW)),
    ];
    for (case, node, level, deciding, since) in table {
        let found = snapshot.resolve(&id(node)).expect(case);
        assert_eq!((found.id(), found.effective(), found.deciding_node()), (&id(node), level, &id(deciding)), "{case}");
        assert_eq!(found.decided_by().map(|by| by.at), since, "{case}");
    }
    assert!(snapshot.resolve(&id("odd")).is_none() && snapshot.resolve_all(&id("odd")).next().is_none());
    assert_eq!(snapshot.resolve(&id("a")).map(|node| node.kind()), Some(NodeKind::Zone));
    let below: Vec<_> = snapshot.resolve_all(&id("a")).map(|node| node.id().to_string()).collect();
    assert_eq!(below, ["a", "b", "d", "c"]);
}

#[test]
fn the_stricter_of_two_counts_and_what_is_unknown_is_the_root() {
    let calm = snapshot(vec![set("c", 1, Restricted), set("e", 2, Watch)]);
    let stricter = |snapshot: &Snapshot, nodes: &[&str]| {
        let nodes: Vec<_> = nodes.iter().map(|node| id(node)).collect();
        snapshot.stricter(&nodes).map(|node| node.id().to_string())
    };
    let table = [
        ("none", vec![], "root"),
        ("one", vec!["e"], "e"),
        ("the second", vec!["e", "c"], "c"),
        ("the first", vec!["c", "e"], "c"),
        ("equal ones", vec!["a", "b"], "a"),
        ("an unknown one", vec!["odd"], "root"),
        ("an unknown one beside", vec!["odd", "e"], "e"),
    ];
    for (case, nodes, expected) in table {
        assert_eq!(stricter(&calm, &nodes).as_deref(), Some(expected), "{case}");
    }
    assert_eq!(stricter(&Snapshot::of(&State::default()), &["a"]), None);
}

#[test]
fn previews_say_what_would_change() {
    let state = fold(&[tree(), vec![base(1, Normal, Watch, 7), set("a", 2, Halted), set("b", 3, Halted)]].concat());
    let (cause, policy) = (meta(1), Policy::default());
    let env = DecideEnv { now: NOW, occurred_at: NOW, ids: &CountingIds::default(), cause: &cause, policy: &policy };
    let seen = preview(&Tree::default(), &state, &set_root("normal"), &env).expect("allowed");
    let changes: Vec<_> = seen.changes.iter().map(|change| (change.node.as_str(), change.from, change.to)).collect();
    let table = [("root", Watch), ("a", Halted), ("b", Halted), ("d", Halted), ("c", Halted), ("e", Watch)];
    assert_eq!(changes, table.map(|(node, from)| (node, Some(from), Some(Normal))));
    let reverted: Vec<_> =
        seen.reverted.iter().map(|reverted| (reverted.node.as_str(), reverted.level, reverted.source.as_str())).collect();
    assert_eq!(reverted, [("a", Halted, "parent:root"), ("b", Halted, "parent:a")]);
    assert_eq!((state.refused(), seen.after.version()), (None, state.version() + 3));
    let gone = preview(&Tree::default(), &state, &Command::RemoveNode { node: id("e") }, &env).expect("allowed");
    assert_eq!(
        gone.changes.iter().map(|change| (change.node.as_str(), change.from, change.to)).collect::<Vec<_>>(),
        [("e", Some(Watch), None)]
    );
}

#[test]
fn damaged_states_are_refused() {
    let node = |id: &str, parent: &str| {
        let parent = if parent.is_empty() { String::new() } else { format!(r#","parent":"{parent}""#) };
        format!(r#"{{"id":"{id}","kind":"zone"{parent},"engine":{{"level":"normal","term":0,"version":0}}}}"#)
    };
    let load = |nodes: &[String]| serde_json::from_str::<State>(&format!(r#"{{"version":1,"audits":0,"nodes":[{}]}}"#, nodes.join(",")));
    assert!(load(&[node("root", ""), node("a", "root")]).is_ok());
    for (case, nodes) in [
        ("twice", vec![node("root", ""), node("a", "root"), node("a", "root")]),
        ("two roots", vec![node("root", ""), node("a", "")]),
        ("no parent", vec![node("root", ""), node("a", "b")]),
        ("a child before its parent", vec![node("a", "root"), node("root", "")]),
    ] {
        assert!(load(&nodes).is_err(), "{case}");
    }
    assert!(serde_json::from_str::<State>(r#"{"version":1,"audits":0,"nodes":[],"colour":1}"#).is_err());
}
