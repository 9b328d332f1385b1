//! Nodes and ways as a server answers with them.

use serde::Deserialize;

/// The nodes of a service.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Candidates {
    pub(super) service: String,
    pub(super) available: String,
    pub(super) primary: Option<String>,
    pub(super) candidates: Vec<Candidate>,
}

/// One of them.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Candidate {
    pub(super) endpoint: String,
    pub(super) state: String,
    pub(super) share: f64,
    pub(super) fraction: f64,
    pub(super) score: f64,
    pub(super) base_score: f64,
    pub(super) health: f64,
    pub(super) trend: f64,
    pub(super) sample_count: u64,
    pub(super) why: Option<String>,
}

/// Whom a draw fell on.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Selection {
    pub(super) endpoint: String,
    pub(super) draw: f64,
}

/// Where an intent's chain leads.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Way {
    pub(super) intent: String,
    pub(super) known_intent: bool,
    pub(super) chain: Vec<Stop>,
    pub(super) total_latency_ms: u64,
    pub(super) risk_gate: f64,
    pub(super) gated: bool,
    pub(super) blocked_count: u64,
    pub(super) blocked: Vec<Blocked>,
}

/// A service on the way.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Stop {
    pub(super) service: String,
    pub(super) endpoint: String,
    pub(super) score: f64,
    pub(super) health: f64,
    pub(super) latency_ms: u64,
}

/// An endpoint that was blocked.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Blocked {
    pub(super) endpoint: String,
    pub(super) service: String,
    pub(super) reason: String,
}
