//! The rules of routing with the specification's figures, the traps it names, and laws against plain models.

mod draws;
mod health;
mod places;
mod routes;
mod scores;

use crate::node::{Load, Node, Phase, Warmup};
use crate::{Sample, Samples, Settings, Topology};
use ionveil_kernel::{EntityId, Timestamp};

/// Seconds after an instant of no meaning.
pub(crate) fn at(seconds: u32) -> Timestamp {
    Timestamp::from_micros(1_700_000_000_000_000 + i64::from(seconds) * 1_000_000)
}

pub(crate) fn id(text: &str) -> EntityId {
    EntityId::new(text).unwrap()
}

/// A load of 45: a typical one.
pub(crate) const TYPICAL: Load = Load { latency_ms: 16, queue_depth: 5, saturation: 0.1 };

/// Samples at these seconds.
pub(crate) fn samples(seen: &[(u32, f64)]) -> Samples {
    seen.iter().fold(Samples::default(), |samples, (second, value)| samples.with(Sample { at: at(*second), value: *value }))
}

pub(crate) fn node(service: &str, load: Load, phase: Phase, seen: &[(u32, f64)]) -> Node {
    Node { service: id(service), load, phase, samples: samples(seen), as_of: at(0) }
}

/// Warming up since then, for 300 s.
pub(crate) fn warming(since: u32) -> Phase {
    Phase::Warming(Warmup { since: at(since), period_ms: 300_000 })
}

/// These nodes, as they are at 1,000 s.
pub(crate) fn topology(nodes: &[(&str, Node)]) -> Topology {
    let mut topology = Topology::new(Settings::default());
    nodes.iter().for_each(|(endpoint, node)| topology.put(&id(endpoint), node, at(1_000)));
    topology
}
