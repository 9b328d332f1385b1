//! What health and the passing of time do to a phase (the state machine of `latticeforge.md` L1), and when.

use super::event::{Event, NodeExcluded, NodeReadmitted, WarmupCancelled, WarmupCompleted, WarmupStarted};
use super::state::{Node, Phase, Warmup};
use crate::Settings;
use ionveil_kernel::Timestamp;

/// A change of phase that nobody asks for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Passage {
    /// From active, or from a warm-up that is cancelled.
    Exclude,
    Readmit,
    Complete,
}

/// What follows from the health that a node in this phase has at `now`.
pub(crate) fn passage(phase: Phase, health: f64, now: Timestamp, settings: &Settings) -> Option<Passage> {
    let sick = health < settings.exclude_below;
    match phase {
        Phase::Active | Phase::Warming(_) if sick => Some(Passage::Exclude),
        Phase::Warming(warmup) => (now >= warmup.end() && health >= settings.stable_at).then_some(Passage::Complete),
        Phase::Excluded => (!sick).then_some(Passage::Readmit),
        Phase::Active | Phase::Degraded | Phase::Maintenance => None,
    }
}

/// The passage, told in events.
pub(crate) fn told(passage: Passage, phase: Phase, health: f64, at: Timestamp, settings: &Settings) -> Vec<Event> {
    match passage {
        Passage::Exclude => cancelled(phase, at).into_iter().chain([Event::NodeExcluded(NodeExcluded { health, at })]).collect(),
        Passage::Readmit => std::iter::once(Event::NodeReadmitted(NodeReadmitted { health, at })).chain(started(at, settings)).collect(),
        Passage::Complete => vec![Event::WarmupCompleted(WarmupCompleted { at })],
    }
}

/// A warm-up that is under way ends.
pub(crate) fn cancelled(phase: Phase, at: Timestamp) -> Option<Event> {
    match phase {
        Phase::Warming(_) => Some(Event::WarmupCancelled(WarmupCancelled { at })),
        Phase::Active | Phase::Degraded | Phase::Maintenance | Phase::Excluded => None,
    }
}

/// A warm-up begins, unless there is none.
pub(crate) fn started(since: Timestamp, settings: &Settings) -> Option<Event> {
    let period_ms = u64::try_from(settings.warmup.as_millis()).unwrap_or(u64::MAX);
    (period_ms > 0).then_some(Event::WarmupStarted(WarmupStarted { warmup: Warmup { since, period_ms } }))
}

/// The first passage that time alone brings about after the node was last heard of: when, and the health then.
pub(crate) fn next(node: &Node, settings: &Settings) -> Option<(Timestamp, f64)> {
    let (samples, from) = (&node.samples, node.as_of);
    let end = match node.phase {
        Phase::Degraded | Phase::Maintenance => return None,
        // Health is an average: it is never below all that it is made of.
        Phase::Active if samples.all_at_least(settings.exclude_below, from, settings.window) => return None,
        Phase::Active | Phase::Excluded => None,
        Phase::Warming(warmup) => Some(warmup.end()).filter(|end| *end > from),
    };
    let mut instants = samples.ageing(from, settings);
    if let Some(end) = end {
        let place = instants.partition_point(|(instant, _)| *instant <= end);
        instants.insert(place, (end, samples.health(end, settings).health));
    }
    instants.into_iter().find(|(instant, health)| passage(node.phase, *health, *instant, settings).is_some())
}
