//! When a rule fires (specification of IonVeil §6.3). A condition on one incident is a span of time since its dispatch, in whole
//! microseconds, so that a check and the timer that leads to it can never disagree about an edge.

use crate::fault::Check;
use crate::slo::{Objective, ObjectiveForm};
use ionveil_kernel::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What is left of the target when a warning is due, in percent.
pub const SLA_REMAINING_PCT: f64 = 25.0;
/// The magnitude from which a breach counts.
pub const MIN_MAGNITUDE: f64 = 1.0;
/// Breaches in a row that make a pattern.
pub const CONSECUTIVE_BREACHES: u64 = 3;
const VALUE_MAX: f64 = 1e6;
const MICROS_PER_MINUTE: f64 = 6e7;

/// When a rule fires.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Condition {
    /// The target is missed, and by so much.
    SlaBreach {
        /// Actual time / target; 1 or more.
        min_magnitude: f64,
    },
    /// The target is about to be missed; never together with a breach.
    SlaWarning {
        /// So much of the target is left, in percent, or less.
        sla_remaining_pct: f64,
    },
    /// A figure of the incident compares to a value.
    Threshold {
        /// The figure.
        metric: Metric,
        /// How it compares.
        operator: Operator,
        /// To what.
        value: f64,
    },
    /// So many incidents were breached in a row (decision D36).
    Pattern {
        /// How many.
        consecutive_breaches: u64,
    },
    /// The organisation's error budget burns too fast: a `threshold` whose metric is `slo_burn_rate`.
    BurnRate(Objective),
}

/// A figure of an incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// Since dispatch.
    ElapsedMinutes,
    /// What is left of the target, not below 0.
    RemainingPct,
    /// Actual time / target.
    BreachMagnitude,
}

/// How a figure compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Operator {
    /// Above.
    #[serde(rename = ">")]
    Above,
    /// Above or equal.
    #[serde(rename = ">=")]
    AtLeast,
    /// Below.
    #[serde(rename = "<")]
    Below,
    /// Below or equal.
    #[serde(rename = "<=")]
    AtMost,
}

/// A stretch of time since dispatch in microseconds, half-open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// From here on.
    pub from: i64,
    /// Up to here; none: for ever.
    pub until: Option<i64>,
}

impl Span {
    const fn from(from: i64) -> Self {
        Self { from, until: None }
    }

    const fn until(until: i64) -> Self {
        Self { from: 0, until: Some(until) }
    }

    /// Whether it holds so long after dispatch.
    #[must_use]
    pub fn contains(self, elapsed: i64) -> bool {
        elapsed >= self.from && self.until.is_none_or(|until| elapsed < until)
    }

    /// The first instant not before `anchor` at which it holds for what was dispatched then.
    #[must_use]
    pub fn next(self, dispatched_at: Timestamp, anchor: Timestamp) -> Option<Timestamp> {
        let at = |micros: i64| Timestamp::from_micros(dispatched_at.micros().saturating_add(micros));
        let due = at(self.from).max(anchor);
        self.until.is_none_or(|until| due < at(until)).then_some(due)
    }
}

impl Condition {
    /// When it holds of an incident with this target; none: at no time, or not by one incident alone.
    #[must_use]
    pub fn span(&self, target_micros: i64) -> Option<Span> {
        let share = |share: f64| (target_micros as f64 * share).round() as i64;
        match *self {
            Self::SlaBreach { min_magnitude } => Some(Span::from(share(min_magnitude).max(target_micros))),
            Self::SlaWarning { sla_remaining_pct } => {
                let from = share((100.0 - sla_remaining_pct) / 100.0);
                (from < target_micros).then_some(Span { from, until: Some(target_micros) })
            }
            Self::Threshold { metric: Metric::ElapsedMinutes, operator, value } => {
                compare(operator, (value * MICROS_PER_MINUTE).round() as i64)
            }
            Self::Threshold { metric: Metric::BreachMagnitude, operator, value } => compare(operator, share(value)),
            Self::Threshold { metric: Metric::RemainingPct, operator, value } => remaining(operator, value, share((100.0 - value) / 100.0)),
            Self::Pattern { .. } | Self::BurnRate(_) => None,
        }
    }

    /// The name of its kind, as the interface has it.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::SlaBreach { .. } => "sla_breach",
            Self::SlaWarning { .. } => "sla_warning",
            Self::Threshold { .. } | Self::BurnRate(_) => "threshold",
            Self::Pattern { .. } => "pattern",
        }
    }
}

/// A figure that grows with time, and reaches the value at `edge`.
fn compare(operator: Operator, edge: i64) -> Option<Span> {
    match operator {
        Operator::AtLeast => Some(Span::from(edge)),
        Operator::Above => Some(Span::from(edge + 1)),
        Operator::AtMost => Some(Span::until(edge + 1)),
        Operator::Below => (edge > 0).then_some(Span::until(edge)),
    }
}

/// What is left falls from 100 to 0 and stays there; it reaches the value at `edge`.
fn remaining(operator: Operator, value: f64, edge: i64) -> Option<Span> {
    match operator {
        Operator::AtMost => Some(Span::from(edge)),
        Operator::Below => (value > 0.0).then_some(Span::from(edge + 1)),
        Operator::AtLeast if value <= 0.0 => Some(Span::from(0)),
        Operator::AtLeast => Some(Span::until(edge + 1)),
        Operator::Above => (edge > 0).then_some(Span::until(edge)),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BreachConfig {
    #[serde(default = "min_magnitude")]
    min_magnitude: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WarningConfig {
    #[serde(default = "sla_remaining_pct")]
    sla_remaining_pct: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ThresholdConfig {
    metric: Metric,
    operator: Operator,
    value: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PatternConfig {
    #[serde(default = "consecutive_breaches")]
    consecutive_breaches: u64,
}

const fn min_magnitude() -> f64 {
    MIN_MAGNITUDE
}

const fn sla_remaining_pct() -> f64 {
    SLA_REMAINING_PCT
}

const fn consecutive_breaches() -> u64 {
    CONSECUTIVE_BREACHES
}

const CONFIG: &str = "threshold_config";

fn config<T: serde::de::DeserializeOwned>(check: &mut Check, value: &Value) -> Option<T> {
    if !value.is_null() && !value.is_object() {
        check.fault(CONFIG, "is an object");
        return None;
    }
    let value = if value.is_null() { Value::Object(serde_json::Map::new()) } else { value.clone() };
    serde_json::from_value(value).map_err(|error| check.fault(CONFIG, error.to_string())).ok()
}

/// The condition that a rule names, with its configuration.
pub(crate) fn read(check: &mut Check, condition: &str, value: &Value) -> Option<Condition> {
    match condition {
        "sla_breach" => {
            let BreachConfig { min_magnitude } = config(check, value)?;
            check
                .hold((1.0..=VALUE_MAX).contains(&min_magnitude), "threshold_config.min_magnitude", || "is from 1 to 1,000,000".to_owned());
            Some(Condition::SlaBreach { min_magnitude })
        }
        "sla_warning" => {
            let WarningConfig { sla_remaining_pct } = config(check, value)?;
            let is_sound = sla_remaining_pct > 0.0 && sla_remaining_pct <= 100.0;
            check.hold(is_sound, "threshold_config.sla_remaining_pct", || "is above 0 and at most 100".to_owned());
            Some(Condition::SlaWarning { sla_remaining_pct })
        }
        "threshold" if value["metric"] == "slo_burn_rate" => {
            let form: ObjectiveForm = config(check, value)?;
            form.read(check).map(Condition::BurnRate)
        }
        "threshold" => {
            let ThresholdConfig { metric, operator, value } = config(check, value)?;
            let max = if metric == Metric::RemainingPct { 100.0 } else { VALUE_MAX };
            check.hold((0.0..=max).contains(&value), "threshold_config.value", || format!("is from 0 to {max}"));
            let condition = Condition::Threshold { metric, operator, value };
            let can = condition.span(60_000_000).is_some();
            check.hold(can, "threshold_config.value", || "a comparison that is never true".to_owned());
            Some(condition)
        }
        "pattern" => {
            let PatternConfig { consecutive_breaches } = config(check, value)?;
            let is_sound = (1..=1_000_000).contains(&consecutive_breaches);
            check.hold(is_sound, "threshold_config.consecutive_breaches", || "is from 1 to 1,000,000".to_owned());
            Some(Condition::Pattern { consecutive_breaches })
        }
        _ => {
            check.fault("condition", "is one of sla_breach, sla_warning, threshold, pattern");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reject::Code;
    use serde_json::json;

    const TARGET: i64 = 600_000_000;

    fn condition(name: &str, config: &Value) -> Condition {
        let mut check = Check::new(Code::InvalidRule);
        let read = read(&mut check, name, config);
        check.finish(read).unwrap_or_else(|faults| panic!("{name} {config}: {faults:?}"))
    }

    #[test]
    fn a_warning_starts_at_three_quarters_and_ends_where_the_breach_starts() {
        let warning = condition("sla_warning", &json!({})).span(TARGET).unwrap();
        let breach = condition("sla_breach", &Value::Null).span(TARGET).unwrap();
        for (elapsed, warns, breaches) in [
            (449_999_999, false, false),
            (450_000_000, true, false),
            (599_999_999, true, false),
            (TARGET, false, true),
            (TARGET * 9, false, true),
        ] {
            assert_eq!((warning.contains(elapsed), breach.contains(elapsed)), (warns, breaches), "{elapsed}");
        }
        assert_eq!(condition("sla_breach", &json!({"min_magnitude": 1.5})).span(TARGET), Some(Span::from(900_000_000)));
        let tenth = condition("sla_warning", &json!({"sla_remaining_pct": 30.0})).span(TARGET).unwrap();
        assert_eq!(tenth.from, 420_000_000, "no rounding of (1 - 0.7) x 100 comes in between");
    }

    #[test]
    fn comparisons_hold_exactly_at_their_edges() {
        let span = |metric: &str, operator: &str, value: f64| {
            condition("threshold", &json!({"metric": metric, "operator": operator, "value": value})).span(TARGET).unwrap()
        };
        let at = |span: Span, edge: i64| [edge - 1, edge, edge + 1].map(|elapsed| span.contains(elapsed));
        for (operator, expected) in
            [(">", [false, false, true]), (">=", [false, true, true]), ("<", [true, false, false]), ("<=", [true, true, false])]
        {
            assert_eq!(at(span("elapsed_minutes", operator, 5.0), 300_000_000), expected, "elapsed {operator}");
            assert_eq!(at(span("breach_magnitude", operator, 0.5), 300_000_000), expected, "magnitude {operator}");
        }
        for (operator, expected) in
            [("<", [false, false, true]), ("<=", [false, true, true]), (">", [true, false, false]), (">=", [true, true, false])]
        {
            assert_eq!(at(span("remaining_pct", operator, 40.0), 360_000_000), expected, "remaining {operator}");
        }
        assert!(span("remaining_pct", ">=", 0.0).contains(TARGET * 2) && span("remaining_pct", "<=", 0.0).contains(TARGET));
        assert!(!span("remaining_pct", ">", 0.0).contains(TARGET));
    }

    #[test]
    fn the_next_instant_is_never_before_the_anchor_nor_after_the_end() {
        let at = Timestamp::from_micros;
        let span = Span { from: 10, until: Some(20) };
        assert_eq!([0, 12, 14, 15].map(|anchor| span.next(at(-5), at(anchor)).map(Timestamp::micros)), [Some(5), Some(12), Some(14), None]);
        assert_eq!(Span::from(10).next(at(0), at(99)), Some(at(99)));
    }

    #[test]
    fn what_cannot_be_is_refused() {
        for (name, config) in [
            ("sla", json!({})),
            ("sla_breach", json!({"min_magnitude": 0.9})),
            ("sla_breach", json!({"colour": 1})),
            ("sla_breach", json!([])),
            ("sla_warning", json!({"sla_remaining_pct": 0})),
            ("sla_warning", json!({"sla_remaining_pct": 101})),
            ("threshold", json!({})),
            ("threshold", json!({"metric": "elapsed_minutes", "operator": "==", "value": 1})),
            ("threshold", json!({"metric": "elapsed_minutes", "operator": "<", "value": 0})),
            ("threshold", json!({"metric": "remaining_pct", "operator": "<", "value": 0})),
            ("threshold", json!({"metric": "remaining_pct", "operator": ">", "value": 100})),
            ("threshold", json!({"metric": "remaining_pct", "operator": ">", "value": 101})),
            ("threshold", json!({"metric": "breach_magnitude", "operator": ">", "value": -1})),
            ("pattern", json!({"consecutive_breaches": 0})),
            ("pattern", json!({"consecutive_breaches": 1.5})),
        ] {
            let mut check = Check::new(Code::InvalidRule);
            let read = read(&mut check, name, &config);
            assert!(check.finish(read).is_err(), "{name} {config}");
        }
        assert_eq!(condition("pattern", &json!({"consecutive_breaches": 4})).span(TARGET), None);
        assert_eq!(condition("pattern", &json!({})).kind(), "pattern");
    }
}
