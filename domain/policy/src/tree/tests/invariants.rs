//! What may follow what: the numbered invariants.

use super::*;
use crate::tree::{EngineChanged, EngineConfirmed, NodeMoved, NodeRemoved, OverrideCleared, OverrideExpiring};
use PolicyLevel::{Halted, Normal, Watch};
use ionveil_kernel::Decider;

/// Name, number of the invariant, events of which the last breaks it.
type Row = (&'static str, u16, Vec<(NodeStream, Event)>);

#[test]
fn every_invariant_is_guarded() {
    let moved = |node, from, to| at(node, Event::NodeMoved(NodeMoved { from: id(from), to: id(to) }));
    let removed = |node, parent: &str, term| {
        let parent = (!parent.is_empty()).then(|| id(parent));
        at(node, Event::NodeRemoved(NodeRemoved { parent, term }))
    };
    let engine = |node, from, to, engine_version| {
        at(node, Event::EngineChanged(EngineChanged { seq: 1, from, to, by: by_user(), term: 0, engine_version }))
    };
    let confirmed = |node, level, term, engine_version| at(node, Event::EngineConfirmed(EngineConfirmed { level, term, engine_version }));
    let cleared = |node, from| at(node, Event::OverrideCleared(OverrideCleared { seq: 1, from, by: by_user() }));
    let with_term = |term| at("x", Event::NodeAdded(NodeAdded { kind: NodeKind::Zone, parent: Some(id("a")), term }));
    let by_engine = |node| {
        at(node, Event::BaseChanged(BaseChanged { seq: 1, from: Normal, to: Watch, by: by_user(), term: 0, engine_version: Some(0) }))
    };
    let cases: Vec<Row> = vec![
        ("a move of nothing", 1, vec![moved("odd", "a", "b")]),
        ("a move to nothing", 1, vec![moved("b", "a", "odd")]),
        ("an end of nothing", 1, vec![removed("odd", "a", 7)]),
        ("an override of nothing", 1, vec![set("odd", 1, Watch)]),
        ("an engine of nothing", 1, vec![engine("odd", Normal, Watch, 1)]),
        ("added twice", 2, vec![added("a", "root")]),
        ("a second root", 2, vec![added("x", "")]),
        ("under nothing", 2, vec![added("x", "odd")]),
        ("under itself", 3, vec![moved("a", "root", "a")]),
        ("under one below", 3, vec![moved("a", "root", "d")]),
        ("where it is", 3, vec![moved("b", "a", "a")]),
        ("an end with children", 3, vec![removed("a", "root", 7)]),
        ("a move from elsewhere", 4, vec![moved("b", "e", "root")]),
        ("an end elsewhere", 4, vec![removed("d", "e", 7)]),
        ("set onto another", 4, vec![set("a", 1, Watch), set("a", 2, Halted)]),
        ("cleared without one", 4, vec![cleared("a", Watch)]),
        ("notice without one", 4, vec![at("a", Event::OverrideExpiring(OverrideExpiring { level: Watch, expires_at: NOW }))]),
        ("a base from elsewhere", 4, vec![base(1, Watch, Halted, 7)]),
        ("a base that stays", 4, vec![base(1, Normal, Normal, 7)]),
        ("an engine from elsewhere", 4, vec![engine("a", Watch, Halted, 1)]),
        ("confirmed elsewhere", 4, vec![confirmed("a", Watch, 0, 1)]),
        ("an override of the root", 5, vec![set("root", 1, Watch)]),
        ("a rejection of the root", 5, vec![rejected("root", 1, RefusedCode::NoEffect, (None, Watch), Watch)]),
        ("the root's engine as another's", 5, vec![engine("root", Normal, Watch, 1)]),
        ("another's as the root's", 5, vec![by_engine("a")]),
        ("an audit number left out", 6, vec![set("a", 2, Watch)]),
        ("an audit number twice", 6, vec![set("a", 1, Watch), set("b", 1, Watch)]),
        ("a term out of nothing", 7, vec![with_term(7)]),
        ("a term that is missing", 7, vec![removed("e", "root", 7), with_term(0)]),
        ("an end in the wrong term", 7, vec![removed("e", "root", 8)]),
        ("a base in the wrong term", 7, vec![base(1, Normal, Watch, 8)]),
        ("a base by an engine unheard", 7, vec![by_engine("root")]),
        ("an engine twice", 7, vec![confirmed("a", Normal, 0, 1), engine("a", Normal, Watch, 1)]),
        ("an engine of another term", 7, vec![confirmed("a", Normal, 1, 1)]),
    ];
    for (case, number, events) in cases {
        let (last, before) = events.split_last().expect("an event");
        let state = fold(&[tree(), before.to_vec()].concat());
        let broken = Tree::default().evolve(state, &last.0, &last.1).expect_err(case);
        assert_eq!((broken.kind, broken.number), ("policy-tree", number), "{case}: {}", broken.detail);
    }
}
