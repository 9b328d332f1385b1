//! What needs no server: how a batch is compared with itself.

use super::options::{Limits, PostgresOptions};
use super::plan::{Flaw, Plan};
use crate::{APPEND_EVENTS_MAX, Append, NewEvent, StoreError};
use ionveil_kernel::{BodyHash, CommandId, CorrelationId, EventId, StreamId, Timestamp, derive_uuid};
use std::time::Duration;
use uuid::Uuid;

fn event(stream: &str, sequence_number: u64) -> NewEvent {
    NewEvent {
        event_id: EventId(Uuid::nil()),
        stream: stream.parse::<StreamId>().unwrap(),
        sequence_number,
        event_type: "moved".into(),
        schema_version: 1,
        data: "{}".to_owned(),
        occurred_at: Timestamp::default(),
        correlation_id: CorrelationId(Uuid::nil()),
        causation_id: Uuid::nil(),
        actor: "user:jane".into(),
        traceparent: None,
    }
}

fn append(owner: &str, command: &str, events: &[(&str, u64)]) -> Append {
    Append {
        owner: owner.parse().unwrap(),
        generation: 1,
        command_id: CommandId(derive_uuid(&[command])),
        body_hash: BodyHash([0; 32]),
        version: 0,
        events: events.iter().map(|(stream, number)| event(stream, *number)).collect(),
        timers: Vec::new(),
    }
}

fn flaws(batch: &[Append]) -> Vec<Flaw> {
    Plan::of(batch, 4).unwrap().appends.iter().map(|append| append.flaw).collect()
}

const A: &str = "workflow:acme:a";
const B: &str = "workflow:acme:b";
const PART: &str = "node:acme:p";

#[test]
fn a_chain_that_goes_on_has_no_flaw_and_is_looked_up_once_per_stream() {
    let batch =
        [append(A, "1", &[(A, 5), (PART, 1)]), append(B, "1", &[(B, 1)]), append(A, "2", &[(PART, 2), (A, 6)]), append(A, "3", &[])];
    let plan = Plan::of(&batch, 4).unwrap();
    assert!(plan.appends.iter().all(|append| append.flaw == Flaw::None));
    assert_eq!(plan.appends.iter().map(|append| append.chain).collect::<Vec<_>>(), [0, 1, 0, 0]);
    let placed: Vec<_> = plan.events.iter().map(|e| (e.append, e.rest, e.first, e.part().is_some())).collect();
    assert_eq!(placed, [(0, 1, true, false), (0, 0, true, true), (1, 0, true, false), (2, 1, false, true), (2, 0, false, false)]);
}

#[test]
fn offsets_count_the_events_of_the_partition() {
    let batch = [append(A, "1", &[(A, 1), (A, 2)]), append(A, "2", &[]), append(A, "3", &[(A, 3)])];
    let plan = Plan::of(&batch, 1).unwrap();
    assert_eq!(plan.appends.iter().map(|append| append.offset).collect::<Vec<_>>(), [2, 2, 3]);
}

#[test]
fn flaws_are_found_without_the_database() {
    let table = [
        ("the same command twice", vec![append(A, "1", &[(A, 1)]), append(A, "1", &[(A, 2)])], [Flaw::None, Flaw::Twice]),
        ("the same command of two owners", vec![append(A, "1", &[(A, 1)]), append(B, "1", &[(B, 1)])], [Flaw::None, Flaw::None]),
        ("a gap inside", vec![append(A, "1", &[(A, 1), (A, 3)]), append(B, "1", &[])], [Flaw::OutOfOrder, Flaw::None]),
        ("a gap between", vec![append(A, "1", &[(A, 1)]), append(A, "2", &[(A, 3)])], [Flaw::None, Flaw::OutOfOrder]),
        ("a number twice", vec![append(A, "1", &[(A, 1)]), append(A, "2", &[(A, 1)])], [Flaw::None, Flaw::OutOfOrder]),
        ("from zero", vec![append(A, "1", &[(A, 0)]), append(B, "1", &[])], [Flaw::OutOfOrder, Flaw::None]),
        ("a stream of two owners", vec![append(A, "1", &[(PART, 1)]), append(B, "1", &[(PART, 2)])], [Flaw::None, Flaw::OutOfOrder]),
    ];
    for (name, batch, expected) in table {
        assert_eq!(flaws(&batch), expected, "{name}");
    }
}

#[test]
fn nothing_of_a_flawed_append_is_sent() {
    let batch = [append(A, "1", &[(A, 1), (A, 3)]), append(B, "1", &[(B, 1)])];
    let plan = Plan::of(&batch, 4).unwrap();
    assert_eq!(plan.events.iter().map(|e| e.append).collect::<Vec<_>>(), [1]);
}

#[test]
fn what_can_never_be_stored_is_invalid() {
    let large: Vec<_> = (1..=APPEND_EVENTS_MAX as u64 + 1).map(|n| (A, n)).collect();
    let mut zero = append(A, "1", &[(A, 1)]);
    zero.events[0].data = "\0".to_owned();
    for (name, append) in
        [("too large", append(A, "1", &large)), ("foreign", append(A, "1", &[("workflow:other:a", 1)])), ("zero byte", zero)]
    {
        assert!(matches!(Plan::of(&[append], 4), Err(StoreError::Invalid(_))), "{name}");
    }
}

#[test]
fn limits_stay_below_the_lease_and_the_server_speaks_first() {
    let lease = PostgresOptions::default().lease;
    let limits = Limits::within(lease);
    assert!(limits.lock < limits.statement && limits.statement < limits.client && limits.client < lease);
    let reading = Limits::reading(Duration::from_secs(30));
    assert!(reading.lock < reading.statement && reading.statement < reading.client);
}
