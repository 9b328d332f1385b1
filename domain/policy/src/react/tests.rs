//! Tree and engines agree in the end, whatever is delivered when, how often and in which order.

use super::{EngineToTree, TreeToEngine};
use crate::engine::{self, Engine};
use crate::level::{LEVELS, name};
use crate::tree::{self, NodeKind, NodeStream, Tree};
use ionveil_kernel::testkit::{CountingIds, meta};
use ionveil_kernel::{
    CorrelationId, DecideEnv, Decider, EntityId, EventCodec, EventId, Part, Policy, Reaction, Reactor, Recorded, StreamId, Timestamp,
};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use std::collections::BTreeMap;
use uuid::Uuid;

/// A tree, the engines of its nodes, and the messages between them that may still arrive.
#[derive(Default)]
struct World {
    tree: tree::State,
    engines: BTreeMap<EntityId, engine::State>,
    /// By stream, how many events it has.
    lengths: BTreeMap<StreamId, u64>,
    sent: Vec<(StreamId, String)>,
    now: i64,
}

fn id(node: usize) -> EntityId {
    EntityId::new(&format!("n{node}")).expect("a lawful id")
}

impl World {
    fn decide<D: Decider>(
        &mut self,
        decider: &D,
        state: D::State,
        owner: &StreamId,
        command: &D::Command,
        reactor: &dyn Reactor,
    ) -> D::State {
        let (cause, policy, now) = (meta(1), Policy::default(), Timestamp::from_micros(self.now));
        let env = DecideEnv { now, occurred_at: now, ids: &CountingIds::default(), cause: &cause, policy: &policy };
        let decision = decider.decide(&state, command, &env).unwrap_or_default();
        decision.into_iter().fold(state, |state, (part, event)| {
            self.publish(&part.stream(owner), &event, reactor);
            decider.evolve(state, &part, &event).expect("what was decided can follow")
        })
    }

    fn publish(&mut self, stream: &StreamId, event: &impl EventCodec, reactor: &dyn Reactor) {
        let length = self.lengths.entry(stream.clone()).or_default();
        *length += 1;
        let reactions = reactor.react(&recorded(stream, *length, event)).expect("it reads what was written");
        let send = |reaction| if let Reaction::Command { to, command } = reaction { (to, command) } else { panic!("no effects") };
        self.sent.extend(reactions.into_iter().map(send));
    }

    fn tell_tree(&mut self, command: &tree::Command) {
        let owner = tree::stream(&"test".parse().expect("a lawful name")).expect("a lawful name");
        let state = std::mem::take(&mut self.tree);
        self.tree = self.decide(&Tree::default(), state, &owner, command, &TreeToEngine);
    }

    fn tell_engine(&mut self, node: &EntityId, command: &engine::Command) {
        let owner = format!("policy-engine:test:{node}").parse().expect("a lawful name");
        let state = self.engines.remove(node).unwrap_or_default();
        let state = self.decide(&Engine::new(2, [1, 1, 1], std::time::Duration::ZERO), state, &owner, command, &EngineToTree);
        self.engines.insert(node.clone(), state);
    }

    fn deliver(&mut self, place: Index, again: bool) {
        if self.sent.is_empty() {
            return;
        }
        let place = place.index(self.sent.len());
        let (to, command) = if again { self.sent[place].clone() } else { self.sent.remove(place) };
        match to.kind.as_str() {
            tree::KIND => self.tell_tree(&serde_json::from_str(&command).expect("a command of the tree")),
            engine::KIND => self.tell_engine(&to.id, &serde_json::from_str(&command).expect("a command of an engine")),
            other => panic!("nobody listens to {other}"),
        }
    }
}

fn recorded(stream: &StreamId, sequence_number: u64, event: &impl EventCodec) -> Recorded {
    let id = Uuid::from_u128(u128::from(sequence_number));
    Recorded {
        event_id: EventId(id),
        stream: stream.clone(),
        owner: stream.clone(),
        sequence_number,
        partition: 0,
        position: sequence_number,
        event_type: event.event_type().to_owned().into(),
        schema_version: event.schema_version(),
        data: event.encode().expect("a stored form"),
        occurred_at: Timestamp::from_micros(0),
        recorded_at: Timestamp::from_micros(0),
        correlation_id: CorrelationId(id),
        causation_id: id,
        actor: "user:test".into(),
        traceparent: None,
    }
}

#[derive(Clone, Debug)]
enum Step {
    Outcomes(usize, bool, u8),
    SetRoot(&'static str),
    Add(usize),
    Remove(usize),
    /// Delivers a message; it may be delivered again later.
    Deliver(Index, bool),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => (0..3_usize, any::<bool>(), 1..4_u8).prop_map(|(node, success, count)| Step::Outcomes(node, success, count)),
        1 => select(LEVELS.as_slice()).prop_map(|level| Step::SetRoot(name(level))),
        1 => (1..3_usize).prop_map(Step::Add),
        1 => (1..3_usize).prop_map(Step::Remove),
        5 => (any::<Index>(), any::<bool>()).prop_map(|(place, again)| Step::Deliver(place, again)),
    ]
}

fn add(node: usize) -> tree::Command {
    let (kind, parent) = if node == 0 { (NodeKind::Global, None) } else { (NodeKind::Zone, Some(id(0))) };
    tree::Command::AddNode { node: id(node), kind, parent }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn tree_and_engines_agree_in_the_end(steps in prop::collection::vec(step(), 1..60), rest in prop::collection::vec(any::<Index>(), 1..20)) {
        let mut world = World::default();
        (0..3).for_each(|node| world.tell_tree(&add(node)));
        for step in steps {
            world.now += 1;
            match step {
                Step::Outcomes(node, success, count) => {
                    (0..count).for_each(|_| world.tell_engine(&id(node), &engine::Command::Observe { success }));
                }
                Step::SetRoot(level) => {
                    world.tell_tree(&tree::Command::SetRoot { level: level.to_owned(), authorization: "T1".to_owned() });
                }
                Step::Add(node) => world.tell_tree(&add(node)),
                Step::Remove(node) => world.tell_tree(&tree::Command::RemoveNode { node: id(node) }),
                Step::Deliver(place, again) => world.deliver(place, again),
            }
        }
        for place in rest.iter().cycle() {
            if world.sent.is_empty() {
                break;
            }
            world.deliver(*place, false);
        }
        for node in (0..3).map(id) {
            let engine = world.engines.get(&node).cloned().unwrap_or_default();
            if let Some(found) = world.tree.node(&node) {
                prop_assert_eq!((found.engine().level, found.engine().term), (engine.level, engine.term), "{}", node);
            }
        }
    }
}

#[test]
fn reactors_answer_to_what_concerns_them() {
    let node: StreamId = "policy-node:test:n1".parse().expect("a lawful name");
    let added = |term| tree::Event::NodeAdded(tree::NodeAdded { kind: NodeKind::Zone, parent: Some(id(0)), term });
    let moved = tree::Event::NodeMoved(tree::NodeMoved { from: id(0), to: id(2) });
    for (case, event, expected) in [
        ("a name that comes again", added(7), Some(r#"{"type":"reset","level":"normal","term":7}"#)),
        ("a new name", added(0), None),
        ("a move", moved, None),
    ] {
        let to = "policy-engine:test:n1".parse().expect("a lawful name");
        let expected: Vec<_> = expected.map(|command| Reaction::Command { to, command: command.to_owned() }).into_iter().collect();
        assert_eq!(TreeToEngine.react(&recorded(&node, 1, &event)).expect("readable"), expected, "{case}");
    }
    let stream: StreamId = "policy-engine:test:n1".parse().expect("a lawful name");
    let reset = engine::Event::Reset(engine::Reset { level: LEVELS[1], term: 3, at: Timestamp::from_micros(0) });
    assert_eq!(EngineToTree.react(&recorded(&stream, 1, &reset)).expect("readable"), []);
    let names = [EngineToTree.name(), TreeToEngine.name()];
    assert_eq!(
        (names, EngineToTree.kind(), TreeToEngine.kind()),
        (["policy-engine-to-tree", "policy-tree-to-engine"], Some("policy-engine"), Some("policy-node"),)
    );
    let unreadable = Recorded { event_type: "teleported".into(), ..recorded(&stream, 1, &reset) };
    assert!(EngineToTree.react(&unreadable).is_err() && TreeToEngine.react(&unreadable).is_err());
    assert_eq!(NodeStream::of(&tree::stream(&stream.org).expect("lawful"), &node), Some(NodeStream(id(1))));
}
