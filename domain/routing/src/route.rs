//! From an intent to one node of each service that takes part, around what the risk forbids (`latticeforge.md` L1, rules 8
//! and 9).

use crate::intent;
use crate::pool::{Candidate, NoCandidates};
use crate::standing::{Gate, Out};
use crate::topology::Current;
use ionveil_kernel::EntityId;
use std::collections::BTreeSet;

/// From which risk on busy nodes are blocked, and where communications are degraded.
const RISK_GATE: f64 = 70.0;
const RISK_GATE_DEGRADED: f64 = 55.0;

/// From which risk on, itself included, nodes that are more than half busy are blocked.
#[must_use]
pub const fn risk_gate(comms_degraded: bool) -> f64 {
    if comms_degraded { RISK_GATE_DEGRADED } else { RISK_GATE }
}

/// What a route is asked for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Request {
    /// What is wanted; an unknown one has a chain as well.
    pub intent: String,
    /// How risky it is, usually 0 to 100.
    pub risk: f64,
    /// Whether communications are degraded.
    pub comms_degraded: bool,
    /// Endpoints that are not wanted.
    pub blocked: BTreeSet<EntityId>,
}

/// Where a chain leads.
#[derive(Clone, Debug)]
pub struct Route<'a> {
    /// One node of each service, in the order of the chain.
    pub stops: Vec<Stop<'a>>,
    /// The sum of their latencies as reported, in milliseconds.
    pub total_latency_ms: u64,
    /// The endpoints of the whole topology that were blocked, each once, in the order of services and endpoints.
    pub blocked: Vec<BlockedNode<'a>>,
    /// From which risk on busy nodes are blocked.
    pub risk_gate: f64,
    /// Whether they were.
    pub gated: bool,
}

/// A service on the way.
#[derive(Clone, Copy, Debug)]
pub struct Stop<'a> {
    /// The service.
    pub service: &'static str,
    /// The node of it.
    pub node: Candidate<'a>,
}

/// An endpoint that was blocked.
#[derive(Clone, Copy, Debug)]
pub struct BlockedNode<'a> {
    /// The endpoint.
    pub endpoint: &'a EntityId,
    /// Its service.
    pub service: &'a EntityId,
    /// Why: blocked by name, or saturated.
    pub why: Out,
}

/// Nothing leads there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoRoute(pub Vec<RouteFault>);

/// A service that has no node to give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RouteFault {
    /// It has no nodes.
    MissingTopology {
        /// The service.
        service: &'static str,
    },
    /// It has nodes, and each is out.
    NoCandidates {
        /// The service.
        service: &'static str,
        /// Why.
        why: NoCandidates,
    },
}

pub(crate) fn route<'a>(topology: &Current<'a>, request: &Request) -> Result<Route<'a>, NoRoute> {
    let risk_gate = risk_gate(request.comms_degraded);
    let gate = Gate { blocked: &request.blocked, saturated: request.risk >= risk_gate };
    let (mut stops, mut faults) = (Vec::new(), Vec::new());
    for service in intent::chain(&request.intent) {
        match topology.primary_behind(service, gate) {
            Ok(node) => stops.push(Stop { service, node }),
            Err(NoCandidates { nodes: 0, .. }) => faults.push(RouteFault::MissingTopology { service }),
            Err(why) => faults.push(RouteFault::NoCandidates { service, why }),
        }
    }
    if !faults.is_empty() {
        return Err(NoRoute(faults));
    }
    let total_latency_ms = stops.iter().map(|stop| u64::from(stop.node.node.load.latency_ms)).sum();
    let kept_out = topology.every().filter_map(|(endpoint, node)| {
        let why = gate.keeps_out(endpoint, node)?;
        Some(BlockedNode { endpoint, service: &node.service, why })
    });
    Ok(Route { stops, total_latency_ms, blocked: kept_out.collect(), risk_gate, gated: gate.saturated })
}
