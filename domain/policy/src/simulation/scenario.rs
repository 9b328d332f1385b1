//! What is tried: levels, thresholds and dwell time. The builder is also the form that a client sends, unchecked.

use super::reject::{Fault, FaultKind, Faults};
use super::span::Span;
use crate::ladder::Rules;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The most levels of an order.
pub const LEVELS_MAX: usize = 64;
/// The most characters of the name of a scenario or a level.
pub const NAME_CHARS_MAX: usize = 128;
/// The most entries of a scenario's metadata.
pub const METADATA_MAX: usize = 64;
pub(crate) const KEY_CHARS_MAX: usize = 64;
pub(crate) const VALUE_CHARS_MAX: usize = 256;

/// The order of the live engine, and after how many successes it leaves a level (§2.3).
const DEFAULT_ORDER: [(&str, Option<i64>); 4] = [("normal", None), ("watch", Some(5)), ("restricted", Some(10)), ("halted", Some(20))];
/// As the live engine's automatic escalation.
const DEFAULT_ESCALATION: i64 = 3;

/// A scenario that was checked. Its serde form is that of its builder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "ScenarioBuilder")]
pub struct Scenario {
    name: String,
    policy_order: Vec<String>,
    escalation_threshold: u64,
    deescalation_thresholds: BTreeMap<String, u64>,
    dwell_s: Span,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    metadata: BTreeMap<String, String>,
}

/// A scenario in the making, unchecked. What is not set has a default: the levels normal, watch, restricted and halted;
/// up after 3 failures; down after more than 5, 10 and 20 successes from those of watch, restricted and halted that are in
/// the order; no dwell time; no metadata. Unknown fields are refused.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScenarioBuilder {
    name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    policy_order: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    escalation_threshold: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    deescalation_thresholds: Option<BTreeMap<String, i64>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    dwell_s: Option<f64>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    metadata: BTreeMap<String, String>,
}

impl Scenario {
    /// Begins to build one.
    #[must_use]
    pub fn builder(name: impl Into<String>) -> ScenarioBuilder {
        ScenarioBuilder { name: name.into(), ..ScenarioBuilder::default() }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The levels, the mildest first; at least 2, distinct.
    #[must_use]
    pub fn policy_order(&self) -> &[String] {
        &self.policy_order
    }

    /// So many failures in a row lead one level up, at least 1.
    #[must_use]
    pub const fn escalation_threshold(&self) -> u64 {
        self.escalation_threshold
    }

    /// By level: more than so many successes in a row lead one level down. A level that is not here is never left downwards.
    #[must_use]
    pub const fn deescalation_thresholds(&self) -> &BTreeMap<String, u64> {
        &self.deescalation_thresholds
    }

    /// A level that was reached is kept for so long before it is left downwards.
    #[must_use]
    pub const fn dwell(&self) -> Span {
        self.dwell_s
    }

    /// What the client keeps with it.
    #[must_use]
    pub const fn metadata(&self) -> &BTreeMap<String, String> {
        &self.metadata
    }

    /// What the ladder is told, its time in microseconds.
    #[must_use]
    pub fn rules(&self) -> Rules {
        Rules {
            escalate_at: self.escalation_threshold,
            deescalate_above: self.policy_order.iter().map(|level| self.deescalation_thresholds.get(level).copied()).collect(),
            dwell: self.dwell_s.micros(),
        }
    }
}

impl ScenarioBuilder {
    /// The levels, the mildest first.
    #[must_use]
    pub fn policy_order<L: Into<String>>(mut self, levels: impl IntoIterator<Item = L>) -> Self {
        self.policy_order = Some(levels.into_iter().map(Into::into).collect());
        self
    }

    /// So many failures in a row lead one level up.
    #[must_use]
    pub fn escalate_at(mut self, failures: i64) -> Self {
        self.escalation_threshold = Some(failures);
        self
    }

    /// More than so many successes in a row lead down from `level`. With the first call the default thresholds are gone.
    #[must_use]
    pub fn deescalate_above(mut self, level: impl Into<String>, successes: i64) -> Self {
        self.deescalation_thresholds.get_or_insert_default().insert(level.into(), successes);
        self
    }

    /// No level is ever left downwards, but for those that are named after this.
    #[must_use]
    pub fn never_deescalate(mut self) -> Self {
        self.deescalation_thresholds = Some(BTreeMap::new());
        self
    }

    /// A level that was reached is kept for so many seconds before it is left downwards.
    #[must_use]
    pub fn dwell_s(mut self, seconds: f64) -> Self {
        self.dwell_s = Some(seconds);
        self
    }

    /// Keeps a text with the scenario.
    #[must_use]
    pub fn metadata(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.metadata.insert(key.into(), value.into());
        self
    }

    /// Checks everything.
    ///
    /// # Errors
    /// All faults, in the order of the fields.
    pub fn build(self) -> Result<Scenario, Faults> {
        self.build_at("")
    }

    /// [`Self::build`] where the scenario stands under `path` in the request.
    pub(crate) fn build_at(self, path: &str) -> Result<Scenario, Faults> {
        let levels = self.policy_order.unwrap_or_else(|| DEFAULT_ORDER.map(|(level, _)| level.to_owned()).to_vec());
        let thresholds = self.deescalation_thresholds.unwrap_or_else(|| default_thresholds(&levels));
        let escalation = self.escalation_threshold.unwrap_or(DEFAULT_ESCALATION);
        let mut faults = Found { path, faults: Vec::new() };
        faults.name(&self.name);
        faults.order(&levels);
        faults.escalation(escalation);
        faults.thresholds(&thresholds, &levels);
        let dwell = faults.dwell(self.dwell_s.unwrap_or_default());
        faults.metadata(&self.metadata);
        Faults::refuse(faults.faults)?;
        Ok(Scenario {
            name: self.name,
            policy_order: levels,
            escalation_threshold: escalation.unsigned_abs(),
            deescalation_thresholds: thresholds.into_iter().map(|(level, streak)| (level, streak.unsigned_abs())).collect(),
            dwell_s: dwell,
            metadata: self.metadata,
        })
    }
}

impl TryFrom<ScenarioBuilder> for Scenario {
    type Error = Faults;

    fn try_from(builder: ScenarioBuilder) -> Result<Self, Faults> {
        builder.build()
    }
}

impl From<Scenario> for ScenarioBuilder {
    fn from(scenario: Scenario) -> Self {
        let number = |threshold: u64| i64::try_from(threshold).unwrap_or(i64::MAX);
        Self {
            name: scenario.name,
            policy_order: Some(scenario.policy_order),
            escalation_threshold: Some(number(scenario.escalation_threshold)),
            deescalation_thresholds: Some(
                scenario.deescalation_thresholds.into_iter().map(|(level, streak)| (level, number(streak))).collect(),
            ),
            dwell_s: Some(scenario.dwell_s.seconds()),
            metadata: scenario.metadata,
        }
    }
}

fn default_thresholds(levels: &[String]) -> BTreeMap<String, i64> {
    let known = DEFAULT_ORDER.into_iter().filter(|(level, _)| levels.iter().any(|other| other == level));
    known.filter_map(|(level, streak)| Some((level.to_owned(), streak?))).collect()
}

/// Whether a text has 1 to `max` characters, none of them a control character.
pub(crate) fn is_text(text: &str, max: usize) -> bool {
    !text.trim().is_empty() && text.chars().nth(max).is_none() && !text.contains(char::is_control)
}

/// The faults of a scenario, each under the path that it stands at.
struct Found<'a> {
    path: &'a str,
    faults: Vec<Fault>,
}

impl Found<'_> {
    fn push(&mut self, field: &str, kind: FaultKind) {
        self.faults.push(Fault::new(format!("{}{field}", self.path), kind));
    }

    fn name(&mut self, name: &str) {
        if name.trim().is_empty() {
            self.push("name", FaultKind::MissingName);
        } else if !is_text(name, NAME_CHARS_MAX) {
            self.push("name", FaultKind::InvalidText(NAME_CHARS_MAX));
        }
    }

    fn order(&mut self, levels: &[String]) {
        if levels.len() < 2 {
            self.push("policy_order", FaultKind::PolicyOrderTooShort);
        }
        if levels.len() > LEVELS_MAX {
            return self.push("policy_order", FaultKind::PolicyOrderTooLong);
        }
        let mut seen = BTreeSet::new();
        for (place, level) in levels.iter().enumerate() {
            if !seen.insert(level) {
                self.push(&format!("policy_order[{place}]"), FaultKind::DuplicatePolicy);
            } else if !is_text(level, NAME_CHARS_MAX) {
                self.push(&format!("policy_order[{place}]"), FaultKind::InvalidText(NAME_CHARS_MAX));
            }
        }
    }

    fn escalation(&mut self, failures: i64) {
        if failures < 1 {
            self.push("escalation_threshold", FaultKind::InvalidEscalationThreshold);
        }
    }

    /// First the unknown levels, then the thresholds, as the specification lists them. Names that could not be a level's
    /// are not echoed, and no more faults are listed than an order could have levels.
    fn thresholds(&mut self, thresholds: &BTreeMap<String, i64>, levels: &[String]) {
        let field = |level: &str| match is_text(level, NAME_CHARS_MAX) {
            true => format!("deescalation_thresholds.{level}"),
            false => "deescalation_thresholds".to_owned(),
        };
        for level in thresholds.keys().filter(|level| !levels.contains(level)).take(LEVELS_MAX) {
            self.push(&field(level), FaultKind::UnknownPolicy);
        }
        for (level, _) in thresholds.iter().filter(|(_, streak)| **streak < 1).take(LEVELS_MAX) {
            self.push(&field(level), FaultKind::InvalidDeescalationThreshold);
        }
    }

    fn dwell(&mut self, seconds: f64) -> Span {
        Span::from_seconds(seconds, FaultKind::InvalidDwell).unwrap_or_else(|kind| {
            self.push("dwell_s", kind);
            Span::default()
        })
    }

    fn metadata(&mut self, metadata: &BTreeMap<String, String>) {
        let is_lawful = |(key, value): (&String, &String)| is_text(key, KEY_CHARS_MAX) && value.chars().nth(VALUE_CHARS_MAX).is_none();
        if metadata.len() > METADATA_MAX || !metadata.iter().all(is_lawful) {
            self.push("metadata", FaultKind::InvalidMetadata);
        }
    }
}
