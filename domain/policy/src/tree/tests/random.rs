//! Random trees and commands against the plain model: events and what caused them, refusals, levels, deciding nodes, audit
//! and timers are the same; and no child is ever below its parent.

use super::model::Model;
use super::*;
use crate::level::{LEVELS, name};
use crate::tree::{NewNode, Snapshot, audit, preview};
use ionveil_kernel::testkit::{CountingIds, check_laws, meta};
use ionveil_kernel::{DecideEnv, Decider, Policy, Rejection};
use proptest::prelude::*;
use proptest::sample::select;
use std::time::Duration;

/// A command before the tree is known that it comes to.
#[derive(Clone, Debug)]
enum Ask {
    Plain(Command),
    /// Node, level, the present term or one beside it, version.
    Engine(usize, PolicyLevel, u64, u64),
    Expire,
    Notice,
}

fn node() -> impl Strategy<Value = EntityId> {
    (0..9_usize).prop_map(|number| id(&format!("n{number}")))
}

fn level_text() -> impl Strategy<Value = String> {
    prop_oneof![1 => Just("panic".to_owned()), 24 => select(LEVELS.as_slice()).prop_map(|level| name(level).to_owned())]
}

fn authorization() -> impl Strategy<Value = String> {
    prop_oneof![1 => Just(String::new()), 24 => Just("T1".to_owned())]
}

fn reason() -> impl Strategy<Value = Option<String>> {
    prop::option::of(Just("because".to_owned()))
}

fn ask() -> impl Strategy<Value = Ask> {
    let end = prop::option::of((0_i64..60).prop_map(micros));
    let command = prop_oneof![
        4 => (node(), prop::option::weighted(0.9, node()))
            .prop_map(|(node, parent)| Command::AddNode { node, kind: NodeKind::Zone, parent }),
        2 => prop::collection::vec((node(), prop::option::weighted(0.9, node())), 0..4).prop_map(|nodes| Command::AddNodes {
            nodes: nodes.into_iter().map(|(node, parent)| NewNode { node, kind: NodeKind::Zone, parent }).collect(),
        }),
        3 => (node(), node()).prop_map(|(node, parent)| Command::MoveNode { node, parent }),
        1 => node().prop_map(|node| Command::RemoveNode { node }),
        3 => (level_text(), authorization()).prop_map(|(level, authorization)| Command::SetRoot { level, authorization }),
        9 => (node(), level_text(), authorization(), reason(), end).prop_map(|(node, level, authorization, reason, expires_at)| {
            Command::SetOverride { node, level, authorization, reason, expires_at }
        }),
        3 => (node(), authorization(), reason())
            .prop_map(|(node, authorization, reason)| Command::ClearOverride { node, authorization, reason }),
    ];
    prop_oneof![
        12 => command.prop_map(Ask::Plain),
        3 => (0..9_usize, select(LEVELS.as_slice()), 0..10_u64, 0..12_u64)
            .prop_map(|(node, level, term, version)| Ask::Engine(node, level, term, version)),
        1 => Just(Ask::Expire),
        1 => Just(Ask::Notice),
    ]
}

/// A tree of up to nine nodes, each under one of those before it.
fn first() -> impl Strategy<Value = Vec<Command>> {
    prop::collection::vec(any::<prop::sample::Index>(), 0..8).prop_map(|parents| {
        let below = parents
            .into_iter()
            .enumerate()
            .map(|(before, parent)| add_node(&format!("n{}", before + 1), &format!("n{}", parent.index(before + 1))));
        std::iter::once(add_node("n0", "")).chain(below).collect()
    })
}

fn command(ask: Ask, model: &Model, now: i64) -> Command {
    match ask {
        Ask::Plain(command) => command,
        // One in ten is of another term.
        Ask::Engine(node, level, term, version) => set_engine(&format!("n{node}"), level, model.term(node) + u64::from(term == 0), version),
        Ask::Expire => Command::Expire { due: micros(now) },
        Ask::Notice => Command::Notice { due: micros(now) },
    }
}

fn check_snapshot(state: &State, model: &Model) {
    let snapshot = Snapshot::of(state);
    assert_eq!(snapshot.root().map(|root| root.id().clone()), model.root());
    assert_eq!((snapshot.all().count(), snapshot.version()), (model.nodes.len(), state.version()));
    for (id, node) in &model.nodes {
        let resolved = snapshot.resolve(id).expect("it is there");
        assert_eq!(resolved.effective(), model.effective(id), "{id}");
        assert_eq!(state.effective(id), Some(resolved.effective()), "{id}");
        assert_eq!(resolved.deciding_node(), &model.deciding(id), "{id}");
        assert_eq!((resolved.children(), resolved.engine().level), (node.children.as_slice(), node.engine), "{id}");
        assert_eq!(resolved.told().map(|told| (told.level, told.expires_at, told.notice_at)), node.told, "{id}");
        assert!(resolved.parent().is_none_or(|parent| snapshot.resolve(parent).expect("there").effective() <= resolved.effective()));
        assert_eq!(snapshot.resolve_all(id).map(|below| below.id().clone()).collect::<Vec<_>>(), model.in_order(id), "below {id}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, ..ProptestConfig::default() })]

    #[test]
    fn a_tree_is_what_the_plain_model_says(first in first(), asks in prop::collection::vec((ask(), 0_i64..4), 1..40)) {
        let tree = Tree { notice_before: Duration::from_micros(9) };
        let (mut model, mut state, mut events, mut now) = (Model::new(9), State::default(), Vec::new(), 0);
        let asks = first.into_iter().map(|command| (Ask::Plain(command), 0)).chain(asks);
        for (ask, later) in asks {
            now += later;
            let command = command(ask, &model, now);
            let cause = meta(1);
            let policy = Policy::default();
            let env = DecideEnv { now: micros(now), occurred_at: micros(now), ids: &CountingIds::default(), cause: &cause, policy: &policy };
            let before = state.clone();
            let decision = tree.decide(&state, &command, &env);
            let expected = model.ask(&command, now);
            prop_assert_eq!(decision.as_ref().map_err(Rejection::code), expected.as_ref().map_err(|code| *code), "{:?}", command);
            let decision = decision.unwrap_or_default();
            if expected.is_ok() {
                let mut causes = tree.causes(&decision);
                causes.resize(decision.len(), None);
                prop_assert_eq!(&causes, &model.causes);
            }
            for (part, event) in &decision {
                state = tree.evolve(state, part, event).expect("what was decided can follow");
            }
            // A preview ends where the command ends.
            match preview(&tree, &before, &command, &env) {
                Ok(preview) => {
                    prop_assert_eq!(&preview.after, &state);
                    let changed = |id: &EntityId| before.effective(id) != state.effective(id);
                    prop_assert!(preview.changes.iter().all(|change| changed(&change.node)));
                    prop_assert_eq!(preview.changes.len(), model.nodes.keys().chain(before.nodes.keys().filter(|id| state.node(id).is_none())).filter(|id| changed(id)).count());
                }
                Err(refusal) => prop_assert_eq!(refusal.code(), expected.err().or_else(|| state.refused().map(|refused| refused.code.as_str()))),
            }
            events.extend(decision);
            let timers: Vec<_> = tree.timers(&state).into_iter().map(|timer| (timer.name, timer.due)).collect();
            prop_assert_eq!(timers, model.timers().into_iter().map(|(name, due)| (name.to_owned(), due)).collect::<Vec<_>>());
            check_snapshot(&state, &model);
        }
        let lines = events.iter().filter_map(|event| audit(&event.1, &recorded(event, 1)));
        let lines: Vec<_> = lines.map(|line| {
            let by = Setting { source: line.source, authorization: line.authorization, reason: line.reason, at: line.time };
            (line.seq, line.node, line.action, line.from, line.to, by)
        }).collect();
        prop_assert_eq!(lines, model.audit);
        check_laws(&tree, &owner(), &events);
    }
}
