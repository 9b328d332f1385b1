//! Simulations as clients see them. The shapes say for OpenAPI what the domain's own result looks like in JSON.

use crate::simulations::Progress;
use ionveil_policy::simulation::{Live, SimulationResult};
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// A simulation. The figures are 0 until it has completed.
#[derive(Serialize, ToSchema)]
#[schema(as = Simulation)]
pub struct SimulationShape {
    /// Its id; in a comparison the scenario's name.
    id: String,
    /// How many events it has; rises by one with each. Absent in a comparison.
    version: Option<u64>,
    /// What is tried, with all defaults.
    scenario: ResultScenario,
    /// On what.
    pattern: ResultPattern,
    /// How long a run is, in seconds.
    duration_s: f64,
    /// How far it came.
    #[schema(pattern = "^(pending|running|completed|failed|cancelled)$", example = "completed")]
    status: String,
    /// How far the run has come; only while it runs.
    progress: Option<Progress>,
    /// Why it failed.
    error: Option<String>,
    /// The first 10,000 transitions, in order.
    transitions: Vec<ResultTransition>,
    /// The level at the end.
    final_policy: Option<String>,
    /// Counts.
    totals: ResultTotals,
    /// Each level with the seconds in it, in the scenario's order; they sum to the duration.
    #[schema(value_type = BTreeMap<String, f64>)]
    seconds_in_level: BTreeMap<String, f64>,
    /// The share of successes among the outcomes that counted, 4 decimals.
    #[schema(minimum = 0, maximum = 1)]
    sla_compliance_rate: f64,
}

/// The scenario of a result.
#[derive(Serialize, ToSchema)]
pub struct ResultScenario {
    /// Its name.
    name: String,
    /// The levels, the mildest first.
    policy_order: Vec<String>,
    /// So many failures in a row lead one level up.
    escalation_threshold: u64,
    /// By level: more than so many successes in a row lead one level down.
    #[schema(value_type = BTreeMap<String, u64>)]
    deescalation_thresholds: BTreeMap<String, u64>,
    /// Seconds that a level is kept before it is left downwards.
    dwell_s: f64,
    /// What the client keeps with it; absent if nothing.
    #[schema(value_type = Option<BTreeMap<String, String>>)]
    metadata: Option<BTreeMap<String, String>>,
}

/// The pattern of a result, without its events.
#[derive(Serialize, ToSchema)]
pub struct ResultPattern {
    /// Its name.
    id: String,
    /// What it is.
    description: String,
    /// `events`, `constant`, `burst`, `cascade` or `history`.
    kind: String,
    /// How many events it has; null of a history.
    events: Option<u64>,
}

/// A step from a level to its neighbour.
#[derive(Serialize, ToSchema)]
pub struct ResultTransition {
    /// The level before.
    from: String,
    /// The level after.
    to: String,
    /// Seconds from the start of the run.
    timestamp: f64,
    /// `escalation` or `deescalation`.
    kind: String,
    /// Why.
    #[schema(example = "3 failures in a row")]
    reason: String,
}

/// The counts of a run.
#[derive(Serialize, ToSchema)]
pub struct ResultTotals {
    /// Outcomes that counted.
    considered: u64,
    /// Of these, successes.
    successes: u64,
    /// Of these, failures.
    failures: u64,
    /// Outcomes that did not count, at or after the end of the run.
    ignored: u64,
    /// All transitions, also those that are not shown.
    transitions: u64,
    /// Of these, up.
    escalations: u64,
    /// Of these, down.
    deescalations: u64,
}

/// Settings that are recommended.
#[derive(Serialize, ToSchema)]
#[schema(as = Recommendation)]
pub struct RecommendationShape {
    /// The scenario's name.
    scenario: String,
    /// So many failures in a row lead one level up.
    escalation_threshold: u64,
    /// By level: more than so many successes in a row lead one level down.
    #[schema(value_type = BTreeMap<String, u64>)]
    deescalation_thresholds: BTreeMap<String, u64>,
    /// Why, a sentence each: how it stands against the next best.
    reasons: Vec<String>,
    /// How many completed simulations were considered.
    considered: u64,
}

/// The level at a point of a run.
#[derive(Serialize, ToSchema)]
pub struct PolicyAt {
    /// The point, in seconds.
    pub(super) at: f64,
    /// The level in force, after all that happened up to and including that point.
    pub(super) policy: String,
}

/// Whether there was something to call off.
#[derive(Serialize, ToSchema)]
pub struct CancelBody {
    /// `true`: it was pending or running, and is no more. `false`: it had ended before.
    pub(super) cancelled: bool,
}

/// A simulation as it is sent; its form is that of [`SimulationShape`].
#[derive(Serialize)]
pub(super) struct Shown<'a> {
    #[serde(flatten)]
    result: SimulationResult<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    progress: Option<Progress>,
}

impl<'a> Shown<'a> {
    pub(super) fn stored(id: &'a str, live: &'a Live, version: u64, progress: Option<Progress>) -> Self {
        Self { result: SimulationResult::new(id, live), version: Some(version), progress }
    }

    pub(super) fn compared(name: &'a str, live: &'a Live) -> Self {
        Self { result: SimulationResult::new(name, live), version: None, progress: None }
    }
}
