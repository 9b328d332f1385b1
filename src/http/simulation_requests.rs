//! What clients send to the simulation routes: bodies and queries, read strictly. The command line reads its files with the
//! same readers. Their shapes for OpenAPI are in `simulation_shapes.rs`.
//!
//! Form only: what a scenario or a pattern means is for the domain to judge.

use crate::http::fields::{At, Fields, FromFields, FromValue};
use crate::http::problem::{Code, Fault};
use ionveil_kernel::{EntityId, Timestamp};
use ionveil_policy::simulation::{DURATION_S_DEFAULT, Generator, History, PatternForm, Scenario, ScenarioBuilder, SourceForm};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// The most bytes of a body: a million events given one by one have room.
pub const BODY_BYTES_MAX: usize = 16 << 20;
/// The most simulations to recommend from.
pub const RECOMMENDED_MAX: usize = 100;
/// So many bad entries of one list or map are named; nobody reads a million faults.
const BAD_ENTRIES_MAX: usize = 100;

/// What was read of the body of `POST /simulations`.
#[derive(Clone, Debug)]
pub struct Create {
    /// What is tried.
    pub scenario: ScenarioBuilder,
    /// On what.
    pub pattern: PatternForm,
    /// Seconds.
    pub duration_s: f64,
}

/// What was read of the body of `POST /simulations/compare`.
#[derive(Clone, Debug)]
pub struct Compare {
    /// What is tried.
    pub scenarios: Vec<ScenarioBuilder>,
    /// On what.
    pub pattern: PatternForm,
    /// Seconds.
    pub duration_s: f64,
}

/// What was read of the body of `POST /simulations/recommend`.
#[derive(Clone, Debug)]
pub struct Recommend(pub Vec<EntityId>);

/// The point that is asked for, in seconds; it may be no finite number.
#[derive(Clone, Copy, Debug)]
pub struct AtSecond(pub f64);

impl FromFields for Create {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let (scenario, pattern) = (fields.required("scenario"), fields.required("pattern"));
        let duration_s = fields.optional("duration_s").unwrap_or(DURATION_S_DEFAULT);
        let ScenarioForm(scenario) = scenario?;
        Some(Self { scenario, pattern: pattern.map(|Form(pattern)| pattern)?, duration_s })
    }
}

impl FromFields for Compare {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let (scenarios, pattern) = (fields.required::<Vec<ScenarioForm>>("scenarios"), fields.required("pattern"));
        let duration_s = fields.optional("duration_s").unwrap_or(DURATION_S_DEFAULT);
        let scenarios = scenarios?.into_iter().map(|ScenarioForm(scenario)| scenario).collect();
        Some(Self { scenarios, pattern: pattern.map(|Form(pattern)| pattern)?, duration_s })
    }
}

impl FromFields for Recommend {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let ids = fields.required::<Vec<EntityId>>("simulations")?;
        if ids.len() > RECOMMENDED_MAX {
            fields.fault(Code::InvalidField, "simulations", format!("must have at most {RECOMMENDED_MAX} entries"));
            return None;
        }
        Some(Self(ids))
    }
}

impl FromFields for AtSecond {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let text = fields.required::<String>("at")?;
        let read = text.parse().ok();
        if read.is_none() {
            fields.fault(Code::InvalidField, "at", "must be a number of seconds");
        }
        read.map(Self)
    }
}

/// A scenario, unchecked.
#[derive(Clone, Debug)]
pub(crate) struct ScenarioForm(pub(crate) ScenarioBuilder);

impl FromFields for ScenarioForm {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        // Without a name the domain has a code of its own.
        let name = fields.optional::<String>("name").unwrap_or_default();
        let order = fields.optional::<Vec<String>>("policy_order");
        let escalate_at = fields.optional("escalation_threshold");
        let thresholds = fields.optional::<Named<i64>>("deescalation_thresholds");
        let dwell_s = fields.optional("dwell_s");
        let metadata = fields.optional::<Named<String>>("metadata");
        let mut scenario = Scenario::builder(name);
        scenario = order.into_iter().fold(scenario, ScenarioBuilder::policy_order);
        scenario = escalate_at.into_iter().fold(scenario, ScenarioBuilder::escalate_at);
        if let Some(Named(thresholds)) = thresholds {
            let none = scenario.never_deescalate();
            scenario = thresholds.into_iter().fold(none, |scenario, (level, streak)| scenario.deescalate_above(level, streak));
        }
        scenario = dwell_s.into_iter().fold(scenario, ScenarioBuilder::dwell_s);
        let metadata = metadata.map(|Named(metadata)| metadata).unwrap_or_default();
        Some(Self(metadata.into_iter().fold(scenario, |scenario, (key, value)| scenario.metadata(key, value))))
    }
}

/// A pattern, unchecked.
#[derive(Clone, Debug)]
pub(crate) struct Form(pub(crate) PatternForm);

impl FromFields for Form {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let (id, description) = (fields.optional("id"), fields.optional("description"));
        // What belongs to another kind of pattern is not asked for, and so it is unknown.
        let source = if fields.has("events") {
            fields.required("events").map(|Pairs(events)| SourceForm::Given(events))
        } else if fields.has("generator") {
            generator(fields).map(SourceForm::Generated)
        } else if fields.has("from_history") {
            fields.required("from_history").map(|Range(history)| SourceForm::History(history))
        } else {
            fields.fault(Code::MissingField, "events", "is required, unless there is a `generator` or `from_history`");
            None
        };
        Some(Self(PatternForm { id, description, source: source? }))
    }
}

fn generator(fields: &mut Fields) -> Option<Generator> {
    match fields.required::<String>("generator")?.as_str() {
        "constant" => {
            let (rate, duration_s, events_per_s) =
                (fields.required("rate"), fields.required("duration_s"), fields.required("events_per_s"));
            Some(Generator::Constant { rate: rate?, duration_s: duration_s?, events_per_s: events_per_s? })
        }
        "burst" => {
            let (size, interval_s, duration_s) = (fields.required("size"), fields.required("interval_s"), fields.required("duration_s"));
            Some(Generator::Burst { size: size?, interval_s: interval_s?, duration_s: duration_s? })
        }
        "cascade" => {
            let (initial_rate, factor) = (fields.required("initial_rate"), fields.required("factor"));
            let (recovery_at_s, duration_s) = (fields.required("recovery_at_s"), fields.required("duration_s"));
            let (initial_rate, factor, recovery_at_s) = (initial_rate?, factor?, recovery_at_s?);
            Some(Generator::Cascade { initial_rate, factor, recovery_at_s, duration_s: duration_s? })
        }
        _other => {
            fields.fault(Code::InvalidField, "generator", "must be `constant`, `burst` or `cascade`");
            None
        }
    }
}

struct Range(History);

impl FromFields for Range {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let scope = fields.required("scope");
        let (from, to) = (fields.required::<Timestamp>("from"), fields.required::<Timestamp>("to"));
        Some(Self(History { scope: scope?, from: from?, to: to? }))
    }
}

/// Pairs of an offset and whether it was a success, read without a copy of the whole.
struct Pairs(Vec<(f64, bool)>);

impl FromValue for Pairs {
    fn from_value(value: Value, at: &At) -> Result<Self, Vec<Fault>> {
        let Value::Array(items) = value else { return Err(at.wrong_type("an array", &value)) };
        let (mut read, mut faults) = (Vec::with_capacity(items.len()), Vec::new());
        for (index, item) in items.into_iter().enumerate() {
            match pair(&item) {
                Some(pair) => read.push(pair),
                None => faults.extend(at.index(index).wrong_type("a pair [offset_s, success]", &item)),
            }
            if faults.len() >= BAD_ENTRIES_MAX {
                break;
            }
        }
        if faults.is_empty() { Ok(Self(read)) } else { Err(faults) }
    }
}

fn pair(item: &Value) -> Option<(f64, bool)> {
    let [offset, Value::Bool(success)] = item.as_array()?.as_slice() else { return None };
    Some((offset.as_f64()?, *success))
}

/// Values by name.
struct Named<T>(BTreeMap<String, T>);

impl<T: FromValue> FromValue for Named<T> {
    fn from_value(value: Value, at: &At) -> Result<Self, Vec<Fault>> {
        let (mut read, mut faults) = (BTreeMap::new(), Vec::new());
        for (name, value) in Map::from_value(value, at)? {
            match T::from_value(value, &at.key(&shown(&name))) {
                Ok(value) => drop(read.insert(name, value)),
                Err(found) => faults.extend(found),
            }
            if faults.len() >= BAD_ENTRIES_MAX {
                break;
            }
        }
        if faults.is_empty() { Ok(Self(read)) } else { Err(faults) }
    }
}

/// A name of the client's in a path: as long as it helps.
fn shown(name: &str) -> String {
    if name.chars().nth(64).is_none() { name.to_owned() } else { name.chars().take(64).chain(['…']).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn faults<T: FromFields + std::fmt::Debug>(body: Value) -> Vec<String> {
        let problem = Fields::read_body::<T>(body).unwrap_err();
        problem.errors.into_iter().map(|fault| format!("{}: {}", fault.field.unwrap_or_default(), fault.code)).collect()
    }

    #[test]
    fn what_was_sent_is_what_the_domain_gets() {
        let body = json!({
            "scenario": {"name": "s", "policy_order": ["a", "b"], "escalation_threshold": 2, "deescalation_thresholds": {"b": 4},
                "dwell_s": 1.5, "metadata": {"k": "v"}},
            "pattern": {"id": "p", "description": "d", "events": [[1, true], [0.25, false]]}, "duration_s": 60,
        });
        let Create { scenario, pattern, duration_s } = Fields::read_body(body.clone()).unwrap();
        assert_eq!((serde_json::to_value(scenario).unwrap(), duration_s), (body["scenario"].clone(), 60.0));
        let given = PatternForm {
            id: Some("p".to_owned()),
            description: Some("d".to_owned()),
            source: SourceForm::Given(vec![(1.0, true), (0.25, false)]),
        };
        assert_eq!(pattern, given);
        for pattern in [
            json!({"generator": "constant", "rate": 0.5, "duration_s": 10.0, "events_per_s": 2.0}),
            json!({"generator": "burst", "size": 1, "interval_s": 10, "duration_s": 10.0}),
            json!({"generator": "cascade", "initial_rate": 0.5, "factor": 2.0, "recovery_at_s": 5.0, "duration_s": 10.0}),
        ] {
            let expected: PatternForm = serde_json::from_str(&pattern.to_string()).unwrap();
            let Form(read) = Fields::read_body(pattern.clone()).unwrap_or_else(|problem| panic!("{problem}: {pattern}"));
            assert_eq!(read, expected, "{pattern}");
        }
    }

    #[test]
    fn each_kind_of_pattern_has_its_fields_and_no_others() {
        for (pattern, expected) in [
            (json!({}), &["events: missing_field"][..]),
            (json!({"events": 1}), &["events: invalid_field"]),
            (
                json!({"events": [[0, true], [0], [true, 0], ["0", true], {}]}),
                &["events[1]: invalid_field", "events[2]: invalid_field", "events[3]: invalid_field", "events[4]: invalid_field"],
            ),
            (json!({"events": [], "rate": 1, "generator": "burst"}), &["generator: unknown_field", "rate: unknown_field"]),
            (json!({"generator": "burst"}), &["size: missing_field", "interval_s: missing_field", "duration_s: missing_field"]),
            (
                json!({"generator": "constant", "rate": "a", "size": 1}),
                &["rate: invalid_field", "duration_s: missing_field", "events_per_s: missing_field", "size: unknown_field"],
            ),
            (json!({"generator": "random"}), &["generator: invalid_field"]),
            (
                json!({"from_history": {"scope": 1, "from": "now", "until": 1}}),
                &[
                    "from_history.scope: invalid_field",
                    "from_history.from: invalid_time",
                    "from_history.to: missing_field",
                    "from_history.until: unknown_field",
                ],
            ),
        ] {
            assert_eq!(faults::<Form>(pattern.clone()), expected, "{pattern}");
        }
    }

    #[test]
    fn a_flood_of_faults_is_cut_off() {
        assert_eq!(faults::<Form>(json!({"events": vec![0; 5_000]})).len(), BAD_ENTRIES_MAX);
        let names: Map<String, Value> = (0..5_000).map(|n| (format!("{n:0>200}"), Value::Null)).collect();
        let named = faults::<ScenarioForm>(json!({"name": "s", "metadata": names}));
        assert!(named.len() == BAD_ENTRIES_MAX && named.iter().all(|fault| fault.len() < 300), "{}", named.len());
    }
}
