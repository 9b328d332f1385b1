//! How an event changes a node: total over lawful pairs, and loud about all others (the invariants of `lib.rs`).

use super::event::{
    Event, HealthSampled, LoadReported, MaintenanceEntered, NodeDegraded, NodeExcluded, NodeReadmitted, NodeRecovered, NodeRegistered,
    WarmupCancelled, WarmupCompleted, WarmupStarted,
};
use super::state::{Load, Node, Phase, SATURATION_MAX, State};
use crate::Samples;
use ionveil_kernel::{BrokenInvariant, Timestamp};

/// A node, or why the event cannot follow.
type Evolved = Result<Node, BrokenInvariant>;

fn broken<T>(number: u16, detail: impl Into<String>) -> Result<T, BrokenInvariant> {
    Err(BrokenInvariant { kind: super::KIND, number, detail: detail.into() })
}

/// The state after `event`.
pub(crate) fn evolve(state: State, event: &Event) -> Result<State, BrokenInvariant> {
    match (state, event) {
        (State::Absent, Event::NodeRegistered(event)) => registered(event).map(State::Live),
        (State::Absent, _later) => broken(1, "the first event must be node_registered"),
        (State::Live(_), Event::NodeRegistered(_)) => broken(2, "the node was registered before"),
        (State::Live(node), event) => node.evolve(event).map(State::Live),
    }
}

fn registered(NodeRegistered { service, load, at }: &NodeRegistered) -> Evolved {
    check(load)?;
    Ok(Node { service: service.clone(), load: *load, phase: Phase::Active, samples: Samples::default(), as_of: *at })
}

fn check(load: &Load) -> Result<(), BrokenInvariant> {
    if (0.0..=SATURATION_MAX).contains(&load.saturation) { Ok(()) } else { broken(8, "the saturation is none") }
}

impl Node {
    fn evolve(self, event: &Event) -> Evolved {
        match event {
            Event::NodeRegistered(_) => broken(2, "the node was registered before"),
            Event::LoadReported(LoadReported { load }) => check(load).map(|()| Self { load: *load, ..self }),
            Event::HealthSampled(event) => self.sampled(event),
            Event::NodeExcluded(NodeExcluded { at, .. }) => self.from(3, "active", Phase::Excluded, *at),
            Event::NodeReadmitted(NodeReadmitted { at, .. }) => self.from(4, "excluded", Phase::Active, *at),
            Event::WarmupStarted(WarmupStarted { warmup }) => self.from(3, "active", Phase::Warming(*warmup), warmup.since),
            Event::WarmupCompleted(WarmupCompleted { at }) | Event::WarmupCancelled(WarmupCancelled { at }) => {
                self.from(5, "warming", Phase::Active, *at)
            }
            Event::NodeDegraded(NodeDegraded { at }) => self.left(Phase::Degraded, *at),
            Event::MaintenanceEntered(MaintenanceEntered { at }) => self.left(Phase::Maintenance, *at),
            Event::NodeRecovered(NodeRecovered { at }) => match self.phase {
                Phase::Degraded | Phase::Maintenance => Ok(self.to(Phase::Active, *at)),
                other => broken(7, format!("a node that is {} recovered", other.name())),
            },
        }
    }

    fn sampled(self, HealthSampled { sample, heard_at }: &HealthSampled) -> Evolved {
        if !(0.0..=1.0).contains(&sample.value) {
            return broken(8, "a sample is not from 0 to 1");
        }
        let phase = self.phase;
        let mut node = self.to(phase, *heard_at);
        node.samples = std::mem::take(&mut node.samples).with(*sample);
        Ok(node)
    }

    fn from(self, number: u16, phase: &str, to: Phase, at: Timestamp) -> Evolved {
        if self.phase.name() == phase { Ok(self.to(to, at)) } else { broken(number, format!("the node is {}", self.phase.name())) }
    }

    fn left(self, to: Phase, at: Timestamp) -> Evolved {
        let unlawful = self.phase == to || matches!(self.phase, Phase::Warming(_));
        if unlawful { broken(6, format!("the node is {}", self.phase.name())) } else { Ok(self.to(to, at)) }
    }

    /// Clocks may go back; what was known then stays known.
    fn to(self, phase: Phase, at: Timestamp) -> Self {
        Self { phase, as_of: self.as_of.max(at), ..self }
    }
}
