//! A node of the test's own on SQLite, a tree in it, and what the journal says of that tree.

use ionveil::cli::runtime::{self, Threads};
use ionveil::config::{self, Config};
use ionveil::node::{Kinds, Node, Sharing};
use ionveil_actors::{AskError, Reply};
use ionveil_kernel::{
    BodyHash, Caller, CommandId, CorrelationId, Decider, EntityId, EventCodec, IdSource, Meta, NodeId, Org, PolicyLevel, Recorded, Role,
};
use ionveil_policy::level;
use ionveil_policy::tree::{Command, Event, NodeKind, NodeStream, Rejection, State, Tree, stream};
use std::path::Path;
use std::time::Duration;

pub(super) const LEVELS: [PolicyLevel; 4] = [PolicyLevel::Normal, PolicyLevel::Watch, PolicyLevel::Restricted, PolicyLevel::Halted];
const CHUNK: usize = 4_096;

/// Runs `work` with a node on a fresh SQLite file, and with the threads that it runs on.
pub(super) fn on_node(kinds: Kinds, work: impl AsyncFnOnce(&Node, &Threads)) {
    let folder = tempfile::tempdir().expect("a folder");
    on_node_of(folder.path(), |_| {}, kinds, work);
}

/// The same on the data of a folder, with settings of its own.
pub(super) fn on_node_of(folder: &Path, tune: impl FnOnce(&mut Config), kinds: Kinds, work: impl AsyncFnOnce(&Node, &Threads)) {
    let folder = folder.to_str().expect("UTF-8");
    // Some of these tests leave no processor to anybody, and none is about leases.
    let mut config = config::of(&[("store.data_dir", folder), ("store.lease_ms", "30000")]).expect("lawful");
    tune(&mut config);
    let done = runtime::run(async |threads| {
        let (env, arbiters, id) = (threads.env.clone(), Threads::arbiters(), NodeId(threads.env.next_id()));
        let opening = async move { Node::open_with(&config, None, id, env, arbiters, kinds, Sharing::Alone).await };
        let node = threads.journal.spawn(opening).await.expect("no panic")?;
        work(&node, &threads).await;
        assert!(node.close(Duration::from_secs(10)).await, "everything was finished");
        Ok(())
    });
    done.expect("it runs");
}

pub(super) fn org() -> Org {
    Org::new("default").expect("lawful")
}

pub(super) fn id(number: u64) -> EntityId {
    EntityId::new(&format!("zone-{number}")).expect("lawful")
}

/// Metadata of a command that nobody sent before.
pub(super) fn meta(node: &Node) -> Meta {
    Meta {
        command_id: CommandId(node.env.next_id()),
        body_hash: BodyHash([0; 32]),
        correlation_id: CorrelationId(node.env.next_id()),
        causation_id: None,
        caller: Caller { org: org(), subject: "user:supervisor".into(), role: Role::Supervisor },
        occurred_at: None,
        expected_version: None,
        traceparent: None,
    }
}

/// Asks the tree.
pub(super) async fn ask(node: &Node, command: Command) -> Result<Reply<Tree>, AskError<Rejection>> {
    node.policy_trees.ask(stream(&org()).expect("lawful"), command, meta(node)).await
}

/// Adds nodes 0 to `count` - 1, three below each.
pub(super) async fn grow(node: &Node, count: u64) {
    for number in 0..count {
        let parent = number.checked_sub(1).map(|before| id(before / 3));
        ask(node, Command::AddNode { node: id(number), kind: NodeKind::Zone, parent }).await.expect("accepted");
    }
}

pub(super) fn set_override(number: u64, to: PolicyLevel) -> Command {
    let (level, authorization) = (level::name(to).to_owned(), "T1".to_owned());
    Command::SetOverride { node: id(number), level, authorization, reason: None, expires_at: None }
}

pub(super) fn clear_override(number: u64) -> Command {
    Command::ClearOverride { node: id(number), authorization: "T1".to_owned(), reason: None }
}

/// The events of the tree, in their order.
pub(super) async fn journal(node: &Node) -> Vec<Recorded> {
    let (owner, mut events) = (stream(&org()).expect("lawful"), Vec::<Recorded>::new());
    loop {
        let after = events.last().map_or(0, |last| last.position);
        let page = node.store.read_entity(&owner, 0, after, CHUNK).await.expect("read");
        let last = page.len() < CHUNK;
        events.extend(page);
        if last {
            return events;
        }
    }
}

/// The state after one more event.
pub(super) fn fold(state: State, recorded: &Recorded) -> State {
    let event = Event::decode(&recorded.event_type, recorded.schema_version, &recorded.data).expect("lawful");
    evolve(state, &recorded.stream.id, &event)
}

/// The state after an event of a node.
pub(crate) fn evolve(state: State, node: &EntityId, event: &Event) -> State {
    Tree::default().evolve(state, &NodeStream(node.clone()), event).expect("lawful")
}

/// The level in force at a node and the node that decides it, found by climbing.
pub(crate) fn in_force(state: &State, node: &EntityId) -> (PolicyLevel, EntityId) {
    let found = state.node(node).expect("it is there");
    let Some(parent) = found.parent() else { return (found.own(), node.clone()) };
    let above = in_force(state, parent);
    if found.own() > above.0 { (found.own(), node.clone()) } else { above }
}
