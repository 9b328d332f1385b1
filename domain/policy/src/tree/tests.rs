//! Tests of the tree, by subject. Shared here: nodes, events and commands in few words.

mod cascades;
mod golden;
mod invariants;
mod model;
mod random;
mod refusals;
mod snapshots;
mod timers;

use crate::tree::{
    BaseChanged, Command, Event, NodeAdded, NodeKind, NodeStream, OverrideAutoReverted, OverrideRejected, OverrideReplaced, OverrideSet,
    RefusedCode, Setting, State, Tree,
};
use ionveil_kernel::testkit::{Given, given};
use ionveil_kernel::{CorrelationId, EntityId, EventCodec, EventId, PolicyLevel, Recorded, StreamId, Timestamp};
use uuid::Uuid;

/// The instant of every command that says no other.
const NOW: Timestamp = Timestamp::from_micros(0);

fn id(name: &str) -> EntityId {
    EntityId::new(name).expect("a lawful id")
}

fn owner() -> StreamId {
    "policy-tree:test:x".parse().expect("a lawful name")
}

fn micros(at: i64) -> Timestamp {
    Timestamp::from_micros(at)
}

fn at(node: &str, event: Event) -> (NodeStream, Event) {
    (NodeStream(id(node)), event)
}

fn by(source: &str, authorization: &str) -> Setting {
    Setting { source: source.to_owned(), authorization: authorization.to_owned(), reason: None, at: NOW }
}

fn by_user() -> Setting {
    by("user:test", "T1")
}

fn added(node: &str, parent: &str) -> (NodeStream, Event) {
    let parent = (!parent.is_empty()).then(|| id(parent));
    let kind = if parent.is_some() { NodeKind::Zone } else { NodeKind::Global };
    at(node, Event::NodeAdded(NodeAdded { kind, parent, term: 0 }))
}

/// `root`, below it `a` with `b` and `c`, below `b` `d`; and `e` below the root.
fn tree() -> Vec<(NodeStream, Event)> {
    [("root", ""), ("a", "root"), ("b", "a"), ("c", "a"), ("d", "b"), ("e", "root")].map(|(node, parent)| added(node, parent)).into()
}

fn base(seq: u64, from: PolicyLevel, to: PolicyLevel, term: u64) -> (NodeStream, Event) {
    at("root", Event::BaseChanged(BaseChanged { seq, from, to, by: by_user(), term, engine_version: None }))
}

fn set(node: &str, seq: u64, to: PolicyLevel) -> (NodeStream, Event) {
    at(node, Event::OverrideSet(OverrideSet { seq, to, by: by_user(), expires_at: None, notice_at: None }))
}

fn replaced(node: &str, seq: u64, from: PolicyLevel, to: PolicyLevel) -> (NodeStream, Event) {
    at(node, Event::OverrideReplaced(OverrideReplaced { seq, from, to, by: by_user(), expires_at: None, notice_at: None }))
}

fn reverted(node: &str, seq: u64, from: PolicyLevel, source: &str, above: &str) -> (NodeStream, Event) {
    let above = (!above.is_empty()).then(|| id(above));
    at(node, Event::OverrideAutoReverted(OverrideAutoReverted { seq, from, by: by(source, "system"), above }))
}

fn rejected(
    node: &str,
    seq: u64,
    code: RefusedCode,
    (from, to): (Option<PolicyLevel>, PolicyLevel),
    parent_level: PolicyLevel,
) -> (NodeStream, Event) {
    at(node, Event::OverrideRejected(OverrideRejected { seq, code, from, to, parent_level, by: by_user() }))
}

fn past(more: impl IntoIterator<Item = (NodeStream, Event)>) -> Given<Tree> {
    given(Tree::default(), tree().into_iter().chain(more))
}

fn fold(events: &[(NodeStream, Event)]) -> State {
    ionveil_kernel::testkit::fold(&Tree::default(), &owner(), events)
}

fn set_override(node: &str, level: &str) -> Command {
    Command::SetOverride { node: id(node), level: level.into(), authorization: "T1".into(), reason: None, expires_at: None }
}

fn set_override_until(node: &str, level: &str, expires_at: i64) -> Command {
    let expires_at = Some(micros(expires_at));
    Command::SetOverride { node: id(node), level: level.into(), authorization: "T1".into(), reason: None, expires_at }
}

fn clear(node: &str) -> Command {
    Command::ClearOverride { node: id(node), authorization: "T1".into(), reason: None }
}

fn set_root(level: &str) -> Command {
    Command::SetRoot { level: level.into(), authorization: "T1".into() }
}

fn set_engine(node: &str, level: PolicyLevel, term: u64, engine_version: u64) -> Command {
    Command::SetEngine { node: id(node), level, term, engine_version, reason: "3 failures in a row".into() }
}

fn move_node(node: &str, parent: &str) -> Command {
    Command::MoveNode { node: id(node), parent: id(parent) }
}

fn add_node(node: &str, parent: &str) -> Command {
    let parent = (!parent.is_empty()).then(|| id(parent));
    Command::AddNode { node: id(node), kind: NodeKind::Zone, parent }
}

/// The event as the journal holds it.
fn recorded((part, event): &(NodeStream, Event), sequence_number: u64) -> Recorded {
    use ionveil_kernel::Part;
    let id = Uuid::from_u128(u128::from(sequence_number));
    Recorded {
        event_id: EventId(id),
        stream: part.stream(&owner()),
        owner: owner(),
        sequence_number,
        partition: 0,
        position: sequence_number,
        event_type: event.event_type().into(),
        schema_version: event.schema_version(),
        data: event.encode().expect("a stored form"),
        occurred_at: NOW,
        recorded_at: NOW,
        correlation_id: CorrelationId(id),
        causation_id: id,
        actor: "user:test".into(),
        traceparent: None,
    }
}
