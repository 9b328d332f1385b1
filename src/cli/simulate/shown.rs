//! What of a result is drawn, read from its JSON form: the same from here and from a server.

use anyhow::Context;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::BTreeMap;

#[derive(Deserialize)]
pub(super) struct Shown {
    pub(super) scenario: ShownScenario,
    pub(super) pattern: ShownPattern,
    pub(super) duration_s: f64,
    pub(super) transitions: Vec<ShownTransition>,
    pub(super) final_policy: Option<String>,
    pub(super) totals: ShownTotals,
    pub(super) seconds_in_level: BTreeMap<String, f64>,
    pub(super) sla_compliance_rate: f64,
}

#[derive(Deserialize)]
pub(super) struct ShownScenario {
    pub(super) name: String,
    pub(super) policy_order: Vec<String>,
}

#[derive(Deserialize)]
pub(super) struct ShownPattern {
    pub(super) id: String,
}

#[derive(Deserialize)]
pub(super) struct ShownTransition {
    pub(super) from: String,
    pub(super) to: String,
    pub(super) timestamp: f64,
    pub(super) reason: String,
}

#[derive(Deserialize)]
pub(super) struct ShownTotals {
    pub(super) considered: u64,
    pub(super) failures: u64,
    pub(super) ignored: u64,
    pub(super) transitions: u64,
    pub(super) escalations: u64,
    pub(super) deescalations: u64,
}

#[derive(Deserialize)]
pub(super) struct Advice {
    pub(super) scenario: String,
    pub(super) reasons: Vec<String>,
}

pub(super) fn read<T: DeserializeOwned>(value: Value) -> anyhow::Result<T> {
    serde_json::from_value(value).context("read the result; is the server of another release?")
}
