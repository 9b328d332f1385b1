//! The bodies of the simulation routes for OpenAPI; they are read in `simulation_requests.rs`.

use crate::time::Rfc3339;
use ionveil_kernel::EntityId;
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// What is tried: levels, and what moves from one to the next.
#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Scenario)]
pub struct ScenarioShape {
    /// Its name.
    #[schema(min_length = 1, max_length = 128, example = "strict")]
    name: String,
    /// The levels, the mildest first; absent: normal, watch, restricted, halted.
    #[schema(min_items = 2, max_items = 64, example = json!(["normal", "watch", "restricted", "halted"]))]
    policy_order: Option<Vec<String>>,
    /// So many failures in a row lead one level up; absent: 3.
    #[schema(minimum = 1, example = 2)]
    escalation_threshold: Option<i64>,
    /// By level: more than so many successes in a row lead one level down. A level that is not named is never left downwards.
    /// Absent: watch 5, restricted 10, halted 20, as far as they are in the order.
    #[schema(value_type = Option<BTreeMap<String, i64>>, example = json!({"watch": 5, "restricted": 10, "halted": 20}))]
    deescalation_thresholds: Option<BTreeMap<String, i64>>,
    /// A level that was reached is kept for so many seconds before it is left downwards; absent: 0.
    #[schema(minimum = 0, maximum = 1_000_000_000)]
    dwell_s: Option<f64>,
    /// What you keep with it: up to 64 names with texts.
    #[schema(value_type = Option<BTreeMap<String, String>>)]
    metadata: Option<BTreeMap<String, String>>,
}

/// On what it is tried: exactly one of `events`, `generator` (with the numbers of its kind) and `from_history`.
#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Pattern)]
pub struct PatternShape {
    /// Its name; absent: the name of its kind.
    #[schema(min_length = 1, max_length = 128)]
    id: Option<String>,
    /// What it is.
    #[schema(min_length = 1, max_length = 1024)]
    description: Option<String>,
    /// Pairs `[offset_s, success]`, in any order; up to 1,000,000.
    #[schema(value_type = Option<Vec<Vec<Value>>>, example = json!([[0, false], [1.5, false], [2, true]]))]
    events: Option<Vec<(f64, bool)>>,
    /// `constant`: failures evenly spread (`rate`, `duration_s`, `events_per_s`). `burst`: failures where `second mod interval_s <
    /// size` (`size`, `interval_s`, `duration_s`). `cascade`: ever more failures, until all is well (`initial_rate`, `factor`,
    /// `recovery_at_s`, `duration_s`).
    #[schema(pattern = "^(constant|burst|cascade)$")]
    generator: Option<String>,
    /// The share of failures.
    #[schema(minimum = 0, maximum = 1)]
    rate: Option<f64>,
    /// How many events a second has.
    events_per_s: Option<f64>,
    /// Seconds of a burst.
    #[schema(minimum = 1)]
    size: Option<i64>,
    /// Seconds from the start of a burst to that of the next.
    #[schema(minimum = 1)]
    interval_s: Option<i64>,
    /// The share of failures at the start.
    #[schema(minimum = 0, maximum = 1)]
    initial_rate: Option<f64>,
    /// By so much the share grows each minute.
    #[schema(minimum = 1)]
    factor: Option<f64>,
    /// From this second on all is well.
    #[schema(minimum = 0, maximum = 1_000_000_000)]
    recovery_at_s: Option<f64>,
    /// Seconds that the generator fills.
    #[schema(minimum = 1, maximum = 1_000_000_000)]
    duration_s: Option<f64>,
    /// The outcomes that were recorded.
    from_history: Option<HistoryShape>,
}

/// A range of recorded outcomes: up to 10,000,000 of those that happened from `from` on and before `to`.
#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = HistoryRange)]
pub struct HistoryShape {
    /// The policy node whose outcomes they are, with those of all nodes below it, as the tree stands when they are read; the
    /// root: all there are.
    #[schema(min_length = 1, max_length = 128, example = "north")]
    scope: String,
    /// The first instant; it is second 0 of the run.
    #[schema(value_type = String, format = DateTime)]
    from: Rfc3339,
    /// The first instant that is outside.
    #[schema(value_type = String, format = DateTime)]
    to: Rfc3339,
}

/// Sets a simulation up.
#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateSimulation {
    /// What is tried.
    scenario: ScenarioShape,
    /// On what.
    pattern: PatternShape,
    /// How long a run is, in seconds; absent: 3600.
    #[schema(maximum = 1_000_000_000, example = 3600)]
    duration_s: Option<f64>,
}

/// Runs scenarios side by side.
#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CompareScenarios {
    /// What is tried; their names differ.
    #[schema(max_items = 100)]
    scenarios: Vec<ScenarioShape>,
    /// On what.
    pattern: PatternShape,
    /// How long a run is, in seconds; absent: 3600.
    #[schema(maximum = 1_000_000_000)]
    duration_s: Option<f64>,
}

/// Asks which settings are best.
#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RecommendSettings {
    /// The simulations' ids; those that have not completed do not count.
    #[schema(value_type = Vec<String>, max_items = 100)]
    simulations: Vec<EntityId>,
}
