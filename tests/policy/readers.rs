//! Readers beside 10,000 random cascades: whatever they see is a tree that the journal knows, whole, and never older than
//! what was acknowledged before they looked.
#![expect(clippy::disallowed_methods, reason = "readers have threads of their own, and nothing to do with the node's clock")]

use super::given::{ask, fold, grow, in_force, journal, on_node, org, set_override};
use super::wishes::Wishes;
use futures_util::future::join_all;
use ionveil::node::{Kinds, Node};
use ionveil::trees::Trees;
use ionveil_actors::AskError;
use ionveil_kernel::{PolicyLevel, Recorded};
use ionveil_policy::tree::{Command, Snapshot, State};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;

const NODES: u64 = 60;
const CASCADES: u64 = 10_000;
const CALLERS: u64 = 16;
const READERS: usize = 3;

/// Every tree that a reader saw, by version.
type Seen = BTreeMap<u64, Arc<Snapshot>>;

/// What readers and callers tell each other.
#[derive(Default)]
struct Shared {
    /// The greatest version that a caller was answered with.
    acknowledged: AtomicU64,
    accepted: AtomicU64,
    stop: AtomicBool,
}

#[test]
fn readers_see_whole_cascades_only_and_none_that_is_older_than_an_answer() {
    on_node(Kinds::default(), async |node, _| {
        grow(node, NODES).await;
        let shared = Arc::new(Shared::default());
        shared.acknowledged.store(NODES, Ordering::Release);
        let readers: Vec<_> = (0..READERS).map(|_| reader(node.trees.clone(), shared.clone())).collect();
        join_all((0..CALLERS).map(|number| caller(node, &shared, number))).await;
        shared.stop.store(true, Ordering::Relaxed);
        let seen: Vec<Seen> = readers.into_iter().map(|reader| reader.join().expect("a reader found nothing wrong")).collect();
        let events = journal(node).await;
        let reverted = events.iter().filter(|event| event.event_type == "override_auto_reverted").count();
        assert!(reverted > 100, "{reverted} overrides were reverted");
        for seen in &seen {
            assert!(seen.len() > 100, "a reader saw {} trees", seen.len());
        }
        check(&seen, &events);
    });
}

/// Asks for random things until enough was accepted; whatever it is answered with, it finds again at once.
async fn caller(node: &Node, shared: &Shared, number: u64) {
    let mut wishes = Wishes::new(number, NODES);
    while shared.accepted.load(Ordering::Relaxed) < CASCADES {
        match ask(node, wishes.command(&node.trees.of(&org()))).await {
            Ok(reply) => {
                shared.acknowledged.fetch_max(reply.state.version(), Ordering::AcqRel);
                shared.accepted.fetch_add(u64::from(reply.state.refused().is_none()), Ordering::Relaxed);
            }
            Err(AskError::Rejected(_)) => {}
            Err(error) => panic!("{error}"),
        }
    }
}

fn reader(trees: Arc<Trees>, shared: Arc<Shared>) -> JoinHandle<Seen> {
    std::thread::spawn(move || {
        let (mut seen, mut last, org) = (Seen::new(), 0, org());
        while !shared.stop.load(Ordering::Relaxed) {
            let acknowledged = shared.acknowledged.load(Ordering::Acquire);
            let snapshot = trees.of(&org);
            assert!(snapshot.version() >= acknowledged, "{} was acknowledged, {} is seen", acknowledged, snapshot.version());
            assert!(snapshot.version() >= last, "{} was seen before {}", last, snapshot.version());
            last = snapshot.version();
            look_at_all(&snapshot);
            seen.entry(last).or_insert(snapshot);
        }
        seen
    })
}

/// No child is below its parent.
fn look_at_all(snapshot: &Snapshot) {
    for node in snapshot.all() {
        let above = node.parent().map(|parent| snapshot.resolve(parent).expect("a parent is in the tree").effective());
        assert!(above.unwrap_or_default() <= node.effective(), "{} is below its parent", node.id());
    }
}

/// Compares each tree that was seen with the fold of the journal at its version, which is the end of a cascade.
fn check(seen: &[Seen], events: &[Recorded]) {
    let (mut state, mut compared) = (State::default(), 0);
    for (place, event) in events.iter().enumerate() {
        state = fold(state, event);
        let ends = events.get(place + 1).is_none_or(|next| next.correlation_id != event.correlation_id);
        for snapshot in seen.iter().filter_map(|seen| seen.get(&state.version())) {
            assert!(ends, "version {} is the middle of a cascade", state.version());
            compare(snapshot, &state);
            compared += 1;
        }
    }
    assert_eq!(compared, seen.iter().map(Seen::len).sum::<usize>(), "the journal knows every tree that was seen");
}

fn compare(snapshot: &Snapshot, state: &State) {
    assert_eq!(snapshot.all().count(), state.len());
    for node in snapshot.all() {
        let known = state.node(node.id()).expect("it is in the tree");
        assert_eq!((node.effective(), node.deciding_node().clone()), in_force(state, node.id()), "{} at {}", node.id(), state.version());
        assert_eq!((node.parent(), node.children(), node.told()), (known.parent(), known.children(), known.told()));
        let by = state.node(node.deciding_node()).and_then(|deciding| deciding.setting());
        assert_eq!(node.decided_by(), by, "who decided {} at {}", node.id(), state.version());
    }
}

/// The check can fail: a tree in the middle of a cascade, and one that is not what its version says.
#[test]
#[should_panic(expected = "is the middle of a cascade")]
fn half_a_cascade_would_be_found() {
    with_a_tree_seen_at(|events| events.iter().position(|event| event.event_type == "override_auto_reverted").expect("a cascade"));
}

#[test]
fn the_end_of_a_cascade_is_a_tree_that_may_be_seen() {
    with_a_tree_seen_at(<[Recorded]>::len);
}

/// A small cascade, and a reader who saw the tree after so many events.
fn with_a_tree_seen_at(events_of: impl Fn(&[Recorded]) -> usize) {
    on_node(Kinds::default(), async |node, _| {
        grow(node, 3).await;
        ask(node, set_override(1, PolicyLevel::Halted)).await.expect("accepted");
        for level in ["restricted", "normal"] {
            let command = Command::SetRoot { level: level.to_owned(), authorization: "T1".to_owned() };
            ask(node, command).await.expect("accepted");
        }
        let events = journal(node).await;
        let until = events_of(&events);
        let state = events[..until].iter().fold(State::default(), fold);
        check(&[Seen::from([(state.version(), Arc::new(Snapshot::of(&state)))])], &events);
    });
}
