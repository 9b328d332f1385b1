//! A node, given its past, when a command comes; and the laws that every history keeps.

mod golden;
mod invariants;
mod laws;
mod phases;
mod refusals;

use super::*;
use crate::tests::{TYPICAL, at, id};
use crate::{Sample, Settings};
use ionveil_kernel::Decider;
use ionveil_kernel::testkit::{Given, fold, given};

pub(super) fn registered() -> Event {
    Event::NodeRegistered(NodeRegistered { service: id("s"), load: TYPICAL, at: at(0) })
}

pub(super) fn sampled(second: u32, value: f64) -> Event {
    Event::HealthSampled(HealthSampled { sample: Sample { at: at(second), value }, heard_at: at(second) })
}

pub(super) fn excluded(second: u32, health: f64) -> Event {
    Event::NodeExcluded(NodeExcluded { health, at: at(second) })
}

pub(super) fn readmitted(second: u32, health: f64) -> Event {
    Event::NodeReadmitted(NodeReadmitted { health, at: at(second) })
}

pub(super) fn warmup(since: u32) -> Event {
    Event::WarmupStarted(WarmupStarted { warmup: Warmup { since: at(since), period_ms: 300_000 } })
}

pub(super) fn completed(second: u32) -> Event {
    Event::WarmupCompleted(WarmupCompleted { at: at(second) })
}

pub(super) fn cancelled(second: u32) -> Event {
    Event::WarmupCancelled(WarmupCancelled { at: at(second) })
}

pub(super) fn degraded(second: u32) -> Event {
    Event::NodeDegraded(NodeDegraded { at: at(second) })
}

pub(super) fn in_maintenance(second: u32) -> Event {
    Event::MaintenanceEntered(MaintenanceEntered { at: at(second) })
}

pub(super) fn recovered(second: u32) -> Event {
    Event::NodeRecovered(NodeRecovered { at: at(second) })
}

pub(super) fn sample(value: f64) -> Command {
    Command::ReportHealthSample { value, at: None }
}

pub(super) fn review(second: u32) -> Command {
    Command::Review { due: at(second) }
}

/// A registered node with this past.
pub(super) fn past(events: impl IntoIterator<Item = Event>) -> Given<RoutingNode> {
    given(RoutingNode::default(), std::iter::once(registered()).chain(events).map(|event| ((), event)))
}

/// What follows from a command at a second.
#[track_caller]
pub(super) fn follows(past_events: &[Event], second: u32, command: Command, expected: &[Event]) {
    past(past_events.to_vec()).at(at(second)).when(command).then(expected.iter().map(|event| ((), event.clone())));
}

/// When the timer of a node with this past is due.
pub(super) fn due(events: &[Event]) -> Option<Timestamp> {
    let decider = RoutingNode::default();
    let history: Vec<_> = std::iter::once(registered()).chain(events.iter().cloned()).map(|event| ((), event)).collect();
    let state = fold(&decider, &"routing-node:test:x".parse().unwrap(), &history);
    decider.timers(&state).first().map(|timer| timer.due)
}
