//! What the routing routes answer.

use crate::time::Rfc3339;
use ionveil_kernel::Timestamp;
use ionveil_routing::node::{Phase, Warmup};
use ionveil_routing::{Available, BlockedNode, Candidate, Route, Selection, intent};
use serde::Serialize;
use utoipa::ToSchema;

/// A node that work is sent to.
#[derive(Serialize, ToSchema)]
#[schema(as = RoutingNode)]
pub struct NodeBody {
    /// Its endpoint, unique in the organisation.
    #[schema(example = "gw-1:8443")]
    endpoint: String,
    /// The service that it belongs to.
    #[schema(example = "intake")]
    service: String,
    /// How it stands.
    #[schema(value_type = String, pattern = "^(active|degraded|maintenance|excluded|warming)$", example = "active")]
    state: &'static str,
    /// How long it takes to answer, in milliseconds, as reported.
    latency_ms: u32,
    /// How many wait there, as reported.
    queue_depth: u32,
    /// How busy it is, as reported; 1 is fully.
    saturation: f64,
    /// From 0 to 1; 1 where nothing is known.
    health: f64,
    /// Health less its mean over the window: negative when it gets worse.
    trend: f64,
    /// How many samples health rests on.
    sample_count: usize,
    /// What it costs by load alone.
    base_score: f64,
    /// What it costs with its health: the lower, the better.
    score: f64,
    /// Where it warms up: since when, and how far it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    warmup: Option<WarmupBody>,
    /// Why it gets nothing, if so.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, pattern = "^(maintenance|unhealthy)$")]
    out: Option<&'static str>,
}

/// How a node comes back.
#[derive(Serialize, ToSchema)]
#[schema(as = RoutingWarmup)]
pub struct WarmupBody {
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    started_at: Rfc3339,
    /// When it is over, if the node is stable then.
    #[schema(value_type = String, format = DateTime)]
    ends_at: Rfc3339,
    /// The part of its full share that it gets now, from 0.1 to 1.
    fraction: f64,
}

impl WarmupBody {
    fn of(one: &Candidate<'_>) -> Option<Self> {
        let body = |warmup: Warmup| Self { started_at: Rfc3339(warmup.since), ends_at: Rfc3339(warmup.end()), fraction: one.fraction };
        match one.node.phase {
            Phase::Warming(warmup) => Some(body(warmup)),
            Phase::Active | Phase::Degraded | Phase::Maintenance | Phase::Excluded => None,
        }
    }
}

impl NodeBody {
    pub(super) fn of(one: &Candidate<'_>) -> Self {
        Self {
            endpoint: one.endpoint.to_string(),
            service: one.node.service.to_string(),
            state: one.node.phase.name(),
            latency_ms: one.node.load.latency_ms,
            queue_depth: one.node.load.queue_depth,
            saturation: one.node.load.saturation,
            health: one.health.health,
            trend: one.health.trend,
            sample_count: one.health.samples,
            base_score: one.base_score,
            score: one.score,
            warmup: WarmupBody::of(one),
            out: one.out.map(ionveil_routing::Out::name),
        }
    }
}

/// A page of nodes.
#[derive(Serialize, ToSchema)]
pub struct RoutingNodeList {
    /// In the order of endpoints.
    pub(super) items: Vec<NodeBody>,
    /// Asks for the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) next_cursor: Option<String>,
    /// How many there are on all pages.
    pub(super) total: usize,
}

/// The nodes of a service, as whoever chooses sees them.
#[derive(Serialize, ToSchema)]
#[schema(as = RoutingCandidates)]
pub struct CandidatesBody {
    /// The service.
    service: String,
    /// When this was so.
    #[schema(value_type = String, format = DateTime)]
    as_of: Rfc3339,
    /// How much there is to choose from: `none` (the service has no nodes), `all_out`, `all_new` (of each nothing is known yet, or
    /// it warms up) or `some`.
    #[schema(value_type = String, pattern = "^(none|all_out|all_new|some)$", example = "some")]
    available: &'static str,
    /// The one that costs least; absent if all are out.
    #[serde(skip_serializing_if = "Option::is_none")]
    primary: Option<String>,
    /// In the order of endpoints.
    candidates: Vec<CandidateBody>,
}

/// A node, with its share or with why it is out.
#[derive(Serialize, ToSchema)]
#[schema(as = RoutingCandidate)]
pub struct CandidateBody {
    /// Its endpoint.
    endpoint: String,
    /// How it stands.
    #[schema(value_type = String, pattern = "^(active|degraded|maintenance|excluded|warming)$", example = "active")]
    state: &'static str,
    /// Its part of the traffic, from 0 to 1.
    share: f64,
    /// The part of its full share that it gets while it warms up, else 1.
    fraction: f64,
    /// What it costs with its health: the lower, the better.
    score: f64,
    /// What it costs by load alone.
    base_score: f64,
    /// From 0 to 1; 1 where nothing is known.
    health: f64,
    /// Health less its mean over the window: negative when it gets worse.
    trend: f64,
    /// How many samples health rests on.
    sample_count: usize,
    /// How long it takes to answer, in milliseconds, as reported.
    latency_ms: u32,
    /// Why it is out; absent if it is in.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, pattern = "^(blocked|saturated|maintenance|unhealthy)$")]
    reason: Option<&'static str>,
    /// The same for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
}

impl CandidateBody {
    fn of(one: &Candidate<'_>) -> Self {
        Self {
            endpoint: one.endpoint.to_string(),
            state: one.node.phase.name(),
            share: one.share,
            fraction: one.fraction,
            score: one.score,
            base_score: one.base_score,
            health: one.health.health,
            trend: one.health.trend,
            sample_count: one.health.samples,
            latency_ms: one.node.load.latency_ms,
            reason: one.out.map(ionveil_routing::Out::name),
            why: one.out.map(|out| out.to_string()),
        }
    }
}

impl CandidatesBody {
    pub(super) fn new(service: &str, now: Timestamp, available: Available, all: &[Candidate<'_>], primary: Option<Candidate<'_>>) -> Self {
        Self {
            service: service.to_owned(),
            as_of: Rfc3339(now),
            available: available.name(),
            primary: primary.map(|one| one.endpoint.to_string()),
            candidates: all.iter().map(CandidateBody::of).collect(),
        }
    }
}

/// Whom a draw fell on.
#[derive(Serialize, ToSchema)]
#[schema(as = RoutingSelection)]
pub struct SelectionBody {
    /// The service.
    service: String,
    /// The draw: given, or made here. The same one on the same nodes falls on the same one.
    draw: f64,
    /// How much there was to choose from: `all_new` (of each nothing is known yet, or it warms up) or `some`.
    #[schema(value_type = String, pattern = "^(all_new|some)$", example = "some")]
    available: &'static str,
    /// How many nodes the service has.
    nodes: usize,
    /// How many of them are in.
    candidates: usize,
    /// When this was so.
    #[schema(value_type = String, format = DateTime)]
    as_of: Rfc3339,
    /// The chosen node's endpoint.
    endpoint: String,
    /// The chosen node.
    chosen: CandidateBody,
}

impl SelectionBody {
    pub(super) fn new(service: &str, draw: f64, now: Timestamp, selection: &Selection<'_>) -> Self {
        Self {
            service: service.to_owned(),
            draw,
            available: selection.available.name(),
            nodes: selection.nodes,
            candidates: selection.candidates,
            as_of: Rfc3339(now),
            endpoint: selection.chosen.endpoint.to_string(),
            chosen: CandidateBody::of(&selection.chosen),
        }
    }
}

/// Where an intent's chain leads.
#[derive(Serialize, ToSchema)]
#[schema(as = RoutingRoute)]
pub struct RouteBody {
    /// The intent.
    intent: String,
    /// Whether it has a chain of its own; else the chain is that of unknown ones.
    known_intent: bool,
    /// Always `true`.
    routed: bool,
    /// One node of each service, in the order of the chain.
    chain: Vec<StopBody>,
    /// How many services take part.
    chain_length: usize,
    /// The sum of the latencies as reported, in milliseconds.
    total_latency_ms: u64,
    /// From which risk on, itself included, nodes that are more than half busy are blocked.
    risk_gate: f64,
    /// Whether they are.
    gated: bool,
    /// How many endpoints of the whole topology are blocked.
    blocked_count: usize,
    /// Those, service by service; at most 1,000 of them.
    blocked: Vec<BlockedBody>,
    /// The regions that the intent reaches, in the order of the request; absent if none was named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) regions: Option<Vec<String>>,
    /// The ground station; absent if none was named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) station: Option<String>,
    /// When this was so.
    #[schema(value_type = String, format = DateTime)]
    as_of: Rfc3339,
}

/// A service on the way.
#[derive(Serialize, ToSchema)]
#[schema(as = RoutingStop)]
pub struct StopBody {
    /// The service.
    service: String,
    /// The node of it that costs least.
    endpoint: String,
    /// What it costs: the lower, the better.
    score: f64,
    /// Its health.
    health: f64,
    /// How long it takes to answer, in milliseconds, as reported.
    latency_ms: u32,
}

/// An endpoint that was blocked.
#[derive(Serialize, ToSchema)]
#[schema(as = RoutingBlocked)]
pub struct BlockedBody {
    /// The endpoint.
    endpoint: String,
    /// Its service.
    service: String,
    /// Why.
    #[schema(value_type = String, pattern = "^(blocked|saturated)$")]
    reason: &'static str,
}

/// So many blocked endpoints are named.
const BLOCKED_MAX: usize = 1_000;

impl RouteBody {
    pub(super) fn new(intent: &str, now: Timestamp, route: &Route<'_>) -> Self {
        let stop = |stop: &ionveil_routing::Stop<'_>| StopBody {
            service: stop.service.to_owned(),
            endpoint: stop.node.endpoint.to_string(),
            score: stop.node.score,
            health: stop.node.health.health,
            latency_ms: stop.node.node.load.latency_ms,
        };
        let blocked = |one: &BlockedNode<'_>| BlockedBody {
            endpoint: one.endpoint.to_string(),
            service: one.service.to_string(),
            reason: one.why.name(),
        };
        Self {
            intent: intent.to_owned(),
            known_intent: intent::is_known(intent),
            routed: true,
            chain: route.stops.iter().map(stop).collect(),
            chain_length: route.stops.len(),
            total_latency_ms: route.total_latency_ms,
            risk_gate: route.risk_gate,
            gated: route.gated,
            blocked_count: route.blocked.len(),
            blocked: route.blocked.iter().take(BLOCKED_MAX).map(blocked).collect(),
            regions: None,
            station: None,
            as_of: Rfc3339(now),
        }
    }
}
