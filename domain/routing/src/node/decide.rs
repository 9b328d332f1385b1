//! What a command leads to.

use super::command::Command;
use super::event::{Event, HealthSampled, LoadReported, MaintenanceEntered, NodeDegraded, NodeRecovered, NodeRegistered};
use super::evolve::evolve;
use super::passage::{cancelled, next, passage, started, told};
use super::reject::{Fault, FaultKind, Rejection};
use super::state::{Load, Node, PLACES, Phase, SATURATION_MAX, State};
use crate::{Sample, Settings};
use ionveil_kernel::statistics::round;
use ionveil_kernel::{EntityId, Timestamp};
use std::time::Duration;

/// By how much the clocks of those who report may run ahead.
const AHEAD_MAX: Duration = Duration::from_secs(300);
/// So many passages are made up for at once; the timer fires again for the rest.
const CATCH_UP_MAX: usize = 64;

/// The events that follow.
pub(crate) fn decide(settings: &Settings, state: &State, command: &Command, now: Timestamp) -> Result<Vec<Event>, Rejection> {
    if let Command::Report { service, latency_ms, queue_depth, saturation } = command {
        let load = Load { latency_ms: *latency_ms, queue_depth: *queue_depth, saturation: round(*saturation, PLACES) };
        return report(state, service, load, now);
    }
    let node = state.live().ok_or(Rejection::UnknownEndpoint)?;
    match command {
        Command::ReportHealthSample { value, at } => sampled(settings, node, *value, at.unwrap_or(now), now),
        Command::MarkDegraded if node.phase == Phase::Degraded => Err(Rejection::NoChange("degraded")),
        Command::MarkDegraded => Ok(left(node, Event::NodeDegraded(NodeDegraded { at: now }), now)),
        Command::EnterMaintenance if node.phase == Phase::Maintenance => Err(Rejection::NoChange("in maintenance")),
        Command::EnterMaintenance => Ok(left(node, Event::MaintenanceEntered(MaintenanceEntered { at: now }), now)),
        Command::Recover => recovered(settings, node, now),
        Command::Review { due } => Ok(reviewed(settings, node, now.max(*due))),
        Command::Report { .. } => unreachable!("taken above"),
    }
}

fn report(state: &State, service: &EntityId, load: Load, now: Timestamp) -> Result<Vec<Event>, Rejection> {
    if !(0.0..=SATURATION_MAX).contains(&load.saturation) {
        return Err(Rejection::Invalid(Fault { field: "saturation", kind: FaultKind::InvalidSaturation }));
    }
    match state {
        State::Absent => Ok(vec![Event::NodeRegistered(NodeRegistered { service: service.clone(), load, at: now })]),
        State::Live(node) if node.service != *service => Err(Rejection::DuplicateEntity(node.service.to_string())),
        State::Live(node) if node.load == load => Ok(Vec::new()),
        State::Live(_) => Ok(vec![Event::LoadReported(LoadReported { load })]),
    }
}

/// A clock that runs ahead a little is not ours to judge: its sample is of now.
fn sampled(settings: &Settings, node: &Node, value: f64, at: Timestamp, now: Timestamp) -> Result<Vec<Event>, Rejection> {
    let invalid = |field, kind| Err(Rejection::Invalid(Fault { field, kind }));
    if !(0.0..=1.0).contains(&value) {
        return invalid("value", FaultKind::InvalidHealth);
    }
    if at > now.after(AHEAD_MAX) {
        return invalid("at", FaultKind::OccurredInFuture);
    }
    if at.after(settings.window) <= now {
        return Ok(Vec::new());
    }
    let sample = Sample { at: at.min(now), value: round(value, PLACES) };
    let health = node.samples.clone().with(sample).health(now, settings).health;
    let seen = Event::HealthSampled(HealthSampled { sample, heard_at: now });
    let follows = passage(node.phase, health, now, settings).map(|passage| told(passage, node.phase, health, now, settings));
    Ok(std::iter::once(seen).chain(follows.into_iter().flatten()).collect())
}

/// Whatever the node was, it is that no more.
fn left(node: &Node, event: Event, now: Timestamp) -> Vec<Event> {
    cancelled(node.phase, now).into_iter().chain([event]).collect()
}

/// It comes back warming up, or is kept out by its health.
fn recovered(settings: &Settings, node: &Node, now: Timestamp) -> Result<Vec<Event>, Rejection> {
    match node.phase {
        Phase::Active => return Err(Rejection::NoChange("active")),
        Phase::Warming(_) => return Err(Rejection::NoChange("warming up")),
        Phase::Excluded => return Err(Rejection::NoChange("excluded, which ends with its health,")),
        Phase::Degraded | Phase::Maintenance => {}
    }
    let health = node.samples.health(now, settings).health;
    let follows = match passage(Phase::Active, health, now, settings) {
        Some(passage) => told(passage, Phase::Active, health, now, settings),
        None => started(now, settings).into_iter().collect(),
    };
    Ok(std::iter::once(Event::NodeRecovered(NodeRecovered { at: now })).chain(follows).collect())
}

/// Every passage up to `now`, each at its own instant, also when the timer comes late.
fn reviewed(settings: &Settings, node: &Node, now: Timestamp) -> Vec<Event> {
    let (mut node, mut events) = (node.clone(), Vec::new());
    for _ in 0..CATCH_UP_MAX {
        let Some((at, health)) = next(&node, settings).filter(|(at, _)| *at <= now) else { break };
        let Some(passage) = passage(node.phase, health, at, settings) else { break };
        let follows = told(passage, node.phase, health, at, settings);
        let Some(after) = follows.iter().try_fold(State::Live(node.clone()), |state, event| evolve(state, event).ok()) else { break };
        let State::Live(after) = after else { break };
        node = after;
        events.extend(follows);
    }
    events
}
