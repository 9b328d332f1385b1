//! The small world of the rules: names, events and appends that follow from what they are called.

use ionveil_journal::{Append, Claim, NewEvent, Receipt, Store, Verdict};
use ionveil_kernel::{
    BodyHash, CommandId, CorrelationId, EntityId, EventId, Kind, NodeId, Org, Recorded, StreamId, Timestamp, derive_uuid,
};
use std::sync::Arc;
use std::time::Duration;

/// Longer than any test.
pub(crate) const LONG: Duration = Duration::from_secs(3600);

/// A stream of organisation `acme` and kind `workflow`.
pub(crate) fn name(id: &str) -> StreamId {
    stream("acme", "workflow", id)
}

/// Any stream.
pub(crate) fn stream(org: &str, kind: &str, id: &str) -> StreamId {
    StreamId::new(Org::new(org).expect(org), Kind::new(kind).expect(kind), EntityId::new(id).expect(id))
}

/// A name like [`name`] whose partition is `partition`.
pub(crate) fn name_in(store: &dyn Store, partition: u16) -> StreamId {
    let mut candidates = (0..).map(|n| name(&format!("p{partition}-{n}")));
    candidates.find(|name| name.partition(store.partitions()) == partition).expect("endless")
}

/// Second `n` of a day in 2026.
pub(crate) fn second(n: i64) -> Timestamp {
    Timestamp::from_micros(1_780_000_000_000_000 + n * 1_000_000)
}

/// A node.
pub(crate) fn node(n: u128) -> NodeId {
    NodeId(uuid::Uuid::from_u128(n))
}

/// A command.
pub(crate) fn command(name: &str) -> CommandId {
    CommandId(derive_uuid(&["command", name]))
}

/// The event at `sequence_number` of `stream`.
pub(crate) fn event(stream: &StreamId, sequence_number: u64) -> NewEvent {
    let name = stream.to_string();
    NewEvent {
        event_id: EventId(derive_uuid(&["event", &name, &sequence_number.to_string()])),
        stream: stream.clone(),
        sequence_number,
        event_type: "moved".into(),
        schema_version: 1,
        data: format!(r#"{{"step":{sequence_number}}}"#),
        occurred_at: second(sequence_number.try_into().expect("small")),
        correlation_id: CorrelationId(derive_uuid(&["correlation", &name])),
        causation_id: derive_uuid(&["cause", &name]),
        actor: Arc::from("user:jane"),
        traceparent: None,
    }
}

/// The events `from..=to` of `stream`.
pub(crate) fn events(stream: &StreamId, from: u64, to: u64) -> Vec<NewEvent> {
    (from..=to).map(|n| event(stream, n)).collect()
}

/// An append of `events` by `owner`; its version is that of the owner's last event among them, else 0.
pub(crate) fn append(owner: &StreamId, name: &str, events: Vec<NewEvent>) -> Append {
    let main = events.iter().filter(|event| event.stream == *owner);
    Append {
        owner: owner.clone(),
        generation: 1,
        command_id: command(name),
        body_hash: BodyHash::of(&[name.as_bytes()]),
        version: main.map(|event| event.sequence_number).max().unwrap_or(0),
        events,
        timers: Vec::new(),
    }
}

/// An append of the one event `n` of the owner's main stream.
pub(crate) fn single(owner: &StreamId, name: &str, n: u64) -> Append {
    append(owner, name, vec![event(owner, n)])
}

/// Takes every partition for node 1.
pub(crate) async fn owned(store: &dyn Store) -> Vec<Claim> {
    let claims = store.claim(node(1), LONG).await.expect("claim");
    assert_eq!(claims.len(), usize::from(store.partitions()));
    claims
}

/// Appends as the owner of everything, at second 0.
pub(crate) async fn put(store: &dyn Store, claims: &[Claim], batch: &[Append]) -> Vec<Verdict> {
    store.append(claims, batch, second(0)).await.expect("append")
}

/// Appends what has to be accepted.
pub(crate) async fn accepted(store: &dyn Store, claims: &[Claim], batch: &[Append]) -> Vec<Receipt> {
    put(store, claims, batch).await.into_iter().map(receipt).collect()
}

/// The receipt of what has to be accepted.
pub(crate) fn receipt(verdict: Verdict) -> Receipt {
    match verdict {
        Verdict::Accepted(receipt) => receipt,
        other @ (Verdict::Duplicate(_) | Verdict::Conflict | Verdict::Fenced) => panic!("accepted, not {other:?}"),
    }
}

/// A verdict without its receipt.
pub(crate) fn word(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Accepted(_) => "accepted",
        Verdict::Duplicate(_) => "duplicate",
        Verdict::Conflict => "conflict",
        Verdict::Fenced => "fenced",
    }
}

/// The verdicts without their receipts.
pub(crate) fn words(verdicts: &[Verdict]) -> Vec<&'static str> {
    verdicts.iter().map(word).collect()
}

/// Everything in a store, by partition.
pub(crate) async fn everything(store: &dyn Store) -> Vec<Vec<Recorded>> {
    let mut all = Vec::new();
    for partition in 0..store.partitions() {
        let page = store.read_partition(partition, 0, usize::MAX, &Default::default()).await.expect("read");
        all.push(page.events);
    }
    all
}

/// The sequence numbers of `events`.
pub(crate) fn numbers(events: &[Recorded]) -> Vec<u64> {
    events.iter().map(|event| event.sequence_number).collect()
}

/// The positions of `events`.
pub(crate) fn positions(events: &[Recorded]) -> Vec<u64> {
    events.iter().map(|event| event.position).collect()
}
