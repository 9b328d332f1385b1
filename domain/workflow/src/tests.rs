//! Tests of the whole context, by subject. Shared here: events, machines and records in few words.

mod commands;
mod golden;
mod histories;
mod laws;
mod machines;
mod migration;
mod policy;
mod refusals;
mod replays;
mod rows;
mod snapshots;

use crate::{
    Attributes, Cancelled, Cloned, Event, MachineDefinition, Machines, Reconciled, Registered, RolledBack, StateDefinition, StepCompleted,
    StepFailed, StepStarted, Transitioned, Workflow,
};
use ionveil_kernel::testkit::{Given, given};
use ionveil_kernel::{CorrelationId, EntityId, EventCodec, EventId, Recorded, Timestamp};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use uuid::Uuid;

/// A table from `a > b c, b! > , c >`; `!` marks a state that assigns.
fn table(initial: &str, rows: &str) -> MachineDefinition {
    let row = |row: &str| {
        let (name, to) = row.split_once('>').expect("a row has a >");
        let (name, assigns) = name.trim().strip_suffix('!').map_or((name.trim(), false), |name| (name, true));
        StateDefinition { name: name.to_owned(), to: to.split_whitespace().map(str::to_owned).collect(), assigns }
    };
    MachineDefinition { initial: initial.to_owned(), terminal: None, states: rows.split(',').map(row).collect() }
}

/// A machine with a circle, without `cancelled` and `failed`.
fn rescue() -> MachineDefinition {
    table("called", "called > moving, moving > safe called, safe >")
}

fn workflow() -> Workflow {
    let machines = Machines::new([
        ("rescue".to_owned(), rescue()),
        ("drill".to_owned(), table("planned", "planned > aborted cancelled, aborted >, cancelled >")),
    ]);
    Workflow::new(Arc::new(machines.expect("sound machines")))
}

fn past(events: impl IntoIterator<Item = Event>) -> Given<Workflow> {
    given(workflow(), then(events))
}

fn then(events: impl IntoIterator<Item = Event>) -> Vec<((), Event)> {
    events.into_iter().map(|event| ((), event)).collect()
}

fn values(json: Value) -> BTreeMap<String, Value> {
    serde_json::from_value(json).expect("an object")
}

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

fn source() -> EntityId {
    EntityId::new("source").expect("a lawful id")
}

fn registered(machine: &str, to: &str) -> Event {
    let definition = workflow().machines().get(machine).and_then(|machine| machine.embedded().cloned());
    Event::Registered(Registered { machine: machine.into(), definition, to: to.into(), attributes: Attributes::default() })
}

fn cloned(machine: &str, stack: &[&str]) -> Event {
    let definition = workflow().machines().get(machine).and_then(|machine| machine.embedded().cloned());
    let stack = stack.iter().map(|state| (*state).to_owned()).collect();
    let attributes = Attributes::default();
    Event::Cloned(Cloned { source: source(), source_version: 7, machine: machine.into(), definition, stack, attributes })
}

fn moved(from: &str, to: &str) -> Event {
    Event::Transitioned(Transitioned { from: from.into(), to: to.into(), reason: None, policy: None })
}

fn rolled_back(from: &str, to: &str) -> Event {
    Event::RolledBack(RolledBack { from: from.into(), to: to.into(), reason: None })
}

fn cancelled(from: &str, to: &str) -> Event {
    Event::Cancelled(Cancelled { from: from.into(), to: to.into(), reason: None })
}

fn reconciled(from: &str, to: &str) -> Event {
    Event::Reconciled(Reconciled { from: from.into(), to: to.into(), reason: None })
}

fn started(step: &str) -> Event {
    Event::StepStarted(StepStarted { step: step.into() })
}

fn completed(from: &str, to: &str) -> Event {
    Event::StepCompleted(StepCompleted { step: to.into(), from: from.into(), to: to.into(), policy: None })
}

fn failed(step: &str, from: &str, reason: Option<&str>) -> Event {
    Event::StepFailed(StepFailed { step: step.into(), from: from.into(), to: "failed".into(), reason: reason.map(str::to_owned) })
}

/// The events as the journal holds them: event `n` happened at `10 n` and was recorded at `100 n` microseconds.
fn recorded(events: &[Event]) -> Vec<Recorded> {
    let record = |(event, n): (&Event, u64)| {
        let id = Uuid::from_u128(u128::from(n));
        let time = |scale: i64| Timestamp::from_micros(scale * i64::try_from(n).expect("small"));
        Recorded {
            event_id: EventId(id),
            stream: "workflow:test:x".parse().expect("a lawful name"),
            owner: "workflow:test:x".parse().expect("a lawful name"),
            sequence_number: n,
            partition: 0,
            position: n,
            event_type: event.event_type().into(),
            schema_version: event.schema_version(),
            data: event.encode().expect("a stored form"),
            occurred_at: time(10),
            recorded_at: time(100),
            correlation_id: CorrelationId(id),
            causation_id: id,
            actor: "user:test".into(),
            traceparent: None,
        }
    };
    events.iter().zip(1..).map(record).collect()
}
