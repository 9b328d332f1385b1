//! Alert rules (specification of IonVeil §6.3): what somebody asks for, with every fault at once, and what is kept of it.

use crate::condition::{self, Condition};
use crate::fault::{Check, Fault, NAME_CHARS_MAX};
use crate::reject::Code;
use crate::words::{Channel, Severity};
use ionveil_kernel::EntityId;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How long the same alert is not repeated, in minutes.
pub const SUPPRESSION_WINDOW_MINUTES: u32 = 5;
/// The longest time of a rule or of a level, in minutes: a week.
pub const MINUTES_MAX: u32 = 10_080;
/// The built-in rule that tells of a target about to be missed.
pub const SLA_WARNING: &str = "sla-warning";
/// The built-in rule that tells of a missed target.
pub const SLA_BREACH: &str = "sla-breach";

/// A rule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Names it; rules run in the order of their ids.
    pub id: EntityId,
    /// What it is called.
    pub name: String,
    /// What it is for; may be empty.
    pub description: String,
    /// When it fires.
    pub condition: Condition,
    /// How bad that is.
    pub severity: Severity,
    /// Over what the first level is told; none: what the level says, else what the incident's priority says.
    pub channels: Vec<Channel>,
    /// After so long the alert goes to the second level; none: as the escalation policy says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub escalation_after_minutes: Option<u32>,
    /// So long after an alert of the same incident there is no second one; 0: there always is.
    pub suppression_window_minutes: u32,
    /// Whether it fires at all.
    pub enabled: bool,
}

/// What somebody asks for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleForm {
    /// Names it.
    pub id: String,
    /// What it is called.
    pub name: String,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// `sla_breach`, `sla_warning`, `threshold` or `pattern`.
    pub condition: String,
    /// What the condition needs to know.
    #[serde(default)]
    pub threshold_config: Value,
    /// `info`, `warning`, `critical` or `emergency`.
    pub severity: String,
    /// Over what the first level is told.
    #[serde(default)]
    pub channels: Vec<String>,
    /// After so long the alert goes to the second level.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub escalation_after_minutes: Option<i64>,
    /// So long there is no second alert of the same incident; 5 without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suppression_window_minutes: Option<i64>,
    /// Whether it fires at all; it does without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
}

impl RuleForm {
    /// The rule.
    ///
    /// # Errors
    /// Every fault, in the order of the fields.
    pub fn check(&self) -> Result<Rule, Vec<Fault>> {
        let mut check = Check::new(Code::InvalidRule);
        let id = check.id("id", &self.id);
        check.text("name", &self.name, NAME_CHARS_MAX);
        let description = self.description.clone().unwrap_or_default();
        check.optional_text("description", &description);
        let condition = condition::read(&mut check, &self.condition, &self.threshold_config);
        let severity = self.severity.parse::<Severity>().map_err(|unlisted| check.fault("severity", unlisted.to_string())).ok();
        let channels = check.channels("channels", &self.channels);
        let after = self.escalation_after_minutes.map(|minutes| check.minutes("escalation_after_minutes", minutes, 1, MINUTES_MAX));
        let window = self.suppression_window_minutes.unwrap_or_else(|| SUPPRESSION_WINDOW_MINUTES.into());
        let window = check.minutes("suppression_window_minutes", window, 0, MINUTES_MAX);
        let rule = id.zip(condition).zip(severity).map(|((id, condition), severity)| Rule {
            id,
            name: self.name.clone(),
            description,
            condition,
            severity,
            channels,
            escalation_after_minutes: after,
            suppression_window_minutes: window,
            enabled: self.enabled.unwrap_or(true),
        });
        check.finish(rule)
    }
}

/// The rules that are there and on from the beginning.
#[must_use]
pub fn built_in() -> Vec<Rule> {
    let warning = Condition::SlaWarning { sla_remaining_pct: condition::SLA_REMAINING_PCT };
    let breach = Condition::SlaBreach { min_magnitude: condition::MIN_MAGNITUDE };
    let rules = [(SLA_WARNING, "SLA warning", warning, Severity::Warning), (SLA_BREACH, "SLA breach", breach, Severity::Critical)];
    let rule = |(id, name, condition, severity): (&str, &str, Condition, Severity)| {
        Some(Rule {
            id: EntityId::new(id).ok()?,
            name: name.to_owned(),
            description: String::new(),
            condition,
            severity,
            channels: Vec::new(),
            escalation_after_minutes: None,
            suppression_window_minutes: SUPPRESSION_WINDOW_MINUTES,
            enabled: true,
        })
    };
    rules.into_iter().filter_map(rule).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_built_in_rules_are_on() {
        let rules = built_in();
        assert_eq!(
            rules.iter().map(|rule| (rule.id.as_str(), rule.enabled)).collect::<Vec<_>>(),
            [(SLA_WARNING, true), (SLA_BREACH, true)]
        );
    }

    #[test]
    fn a_form_of_the_least_becomes_a_rule_with_the_defaults() {
        let form: RuleForm =
            serde_json::from_value(json!({"id": "r", "name": "R", "condition": "sla_breach", "severity": "critical"})).unwrap();
        let rule = form.check().unwrap();
        assert_eq!((rule.suppression_window_minutes, rule.enabled, rule.condition), (5, true, Condition::SlaBreach { min_magnitude: 1.0 }));
    }

    #[test]
    fn every_fault_is_said_at_once_in_the_order_of_the_fields() {
        let form: RuleForm = serde_json::from_value(json!({"id": "a b", "name": " ", "description": "\u{1}", "condition": "magic",
            "severity": "bad", "channels": ["fax", "sms", "sms"], "escalation_after_minutes": 0, "suppression_window_minutes": -1}))
        .unwrap();
        let fields = [
            "id",
            "name",
            "description",
            "condition",
            "severity",
            "channels[0]",
            "channels[2]",
            "escalation_after_minutes",
            "suppression_window_minutes",
        ];
        assert_eq!(form.check().unwrap_err().iter().map(|fault| fault.field.as_str()).collect::<Vec<_>>(), fields);
    }
}
