//! Rules, their trials and checks, and suppressions as clients see them.

use crate::http::alert_bodies::names;
use crate::time::Rfc3339;
use ionveil_alerts::condition::Condition;
use ionveil_alerts::rule::Rule;
use ionveil_alerts::suppression::Suppression;
use ionveil_alerts::trial::Trial;
use ionveil_kernel::{EntityId, Timestamp};
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// A rule.
#[derive(Serialize, ToSchema)]
#[schema(as = AlertRule)]
pub struct RuleBody {
    /// Its id; rules run in the order of their ids.
    id: String,
    /// What it is called.
    name: String,
    /// What it is for.
    description: String,
    /// When it fires.
    condition: String,
    /// What the condition needs to know.
    #[schema(value_type = Object)]
    threshold_config: Value,
    /// How bad that is.
    severity: String,
    /// Over what the first level is told.
    channels: Vec<String>,
    /// After so long the alert goes to the second level.
    #[serde(skip_serializing_if = "Option::is_none")]
    escalation_after_minutes: Option<u32>,
    /// So long there is no second alert of the same incident.
    suppression_window_minutes: u32,
    /// Whether it fires at all.
    enabled: bool,
}

impl From<&Rule> for RuleBody {
    fn from(rule: &Rule) -> Self {
        // A condition is an object with its kind as the only key.
        let inner = serde_json::to_value(&rule.condition).ok().and_then(|value| value.as_object()?.values().next().cloned());
        let mut config = inner.unwrap_or_else(|| json!({}));
        if matches!(rule.condition, Condition::BurnRate(_)) {
            config["metric"] = json!("slo_burn_rate");
        }
        Self {
            id: rule.id.to_string(),
            name: rule.name.clone(),
            description: rule.description.clone(),
            condition: rule.condition.kind().to_owned(),
            threshold_config: config,
            severity: rule.severity.to_string(),
            channels: names(&rule.channels),
            escalation_after_minutes: rule.escalation_after_minutes,
            suppression_window_minutes: rule.suppression_window_minutes,
            enabled: rule.enabled,
        }
    }
}

/// All rules of an organisation.
#[derive(Serialize, ToSchema)]
pub struct AlertRules {
    /// In the order in which they run.
    pub(super) items: Vec<RuleBody>,
}

/// What a rule would have done.
#[derive(Serialize, ToSchema)]
#[schema(as = AlertRuleTrial)]
pub struct TrialBody {
    /// How many incidents were looked at.
    incidents: u64,
    /// How often it would have fired.
    alerts: u64,
    /// How often nobody of the first level would have been there.
    undelivered: u64,
    /// How often each recipient would have been told, by `channel:recipient`.
    pages: BTreeMap<String, u64>,
    /// At what hours (0 to 23) of their own clocks.
    #[schema(min_items = 24, max_items = 24)]
    by_hour: Vec<u64>,
    /// The first firings.
    firings: Vec<FiringBody>,
}

/// A firing.
#[derive(Serialize, ToSchema)]
#[schema(as = AlertRuleFiring)]
pub struct FiringBody {
    /// When.
    #[schema(value_type = String, format = DateTime)]
    at: Rfc3339,
    /// For which incident.
    #[serde(skip_serializing_if = "Option::is_none")]
    incident: Option<String>,
}

impl TrialBody {
    /// What came of a trial on so many incidents.
    #[must_use]
    pub fn new(incidents: u64, trial: &Trial) -> Self {
        let firing = |(at, incident): &(Timestamp, Option<EntityId>)| FiringBody {
            at: Rfc3339(*at),
            incident: incident.as_ref().map(ToString::to_string),
        };
        Self {
            incidents,
            alerts: trial.alerts,
            undelivered: trial.undelivered,
            pages: trial.pages.iter().map(|((recipient, channel), count)| (format!("{channel}:{recipient}"), *count)).collect(),
            by_hour: trial.by_hour.to_vec(),
            firings: trial.firings.iter().map(firing).collect(),
        }
    }
}

/// What a check came to.
#[derive(Serialize, ToSchema)]
pub struct CheckedIncident {
    /// The alerts that were raised by it.
    pub(super) alerts: Vec<RaisedBody>,
}

/// An alert that was raised.
#[derive(Serialize, ToSchema)]
#[schema(as = RaisedAlert)]
pub struct RaisedBody {
    /// Its id.
    pub(super) id: String,
    /// The rule.
    pub(super) rule: String,
    /// Whether it is suppressed.
    pub(super) suppressed: bool,
}

/// A suppression.
#[derive(Serialize, ToSchema)]
#[schema(as = Suppression)]
pub struct SuppressionBody {
    /// Its id.
    id: String,
    /// Matches the whole id of the rules that it means.
    pattern: String,
    /// Why.
    reason: String,
    /// Who.
    by: String,
    /// From then on.
    #[schema(value_type = String, format = DateTime)]
    from: Rfc3339,
    /// Until then, which is not in it.
    #[schema(value_type = String, format = DateTime)]
    until: Rfc3339,
    /// Whether it is in force now.
    active: bool,
}

impl SuppressionBody {
    /// As it stands at `now`.
    #[must_use]
    pub fn new(one: &Suppression, now: Timestamp) -> Self {
        let (id, pattern) = (one.id.to_string(), one.pattern.as_str().to_owned());
        let (from, until, active) = (Rfc3339(one.from), Rfc3339(one.until), now < one.until);
        Self { id, pattern, reason: one.reason.clone(), by: one.by.clone(), from, until, active }
    }
}

/// The suppressions that were not lifted.
#[derive(Serialize, ToSchema)]
pub struct Suppressions {
    /// By id.
    pub(super) items: Vec<SuppressionBody>,
}
