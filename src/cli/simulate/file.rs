//! A file of scenarios and a pattern, in the fields of `POST /api/v1/simulations/compare`; all of its faults at once.

use super::Wrong;
use crate::http::fields::{Fields, FromFields};
use crate::http::json;
use crate::http::simulation_requests::{Form, ScenarioForm};
use anyhow::Context;
use ionveil_policy::simulation::{PatternForm, ScenarioBuilder};
use serde_json::Value;
use std::path::Path;

/// As deep as the HTTP interface takes it.
const DEPTH_MAX: usize = 32;

/// What a file asks for.
#[derive(Default)]
pub(super) struct Asked {
    pub(super) scenarios: Vec<ScenarioBuilder>,
    pub(super) pattern: Option<PatternForm>,
    pub(super) duration_s: Option<f64>,
}

impl FromFields for Asked {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let (one, many) = (fields.optional::<ScenarioForm>("scenario"), fields.optional::<Vec<ScenarioForm>>("scenarios"));
        let pattern = fields.optional("pattern").map(|Form(pattern)| pattern);
        let duration_s = fields.optional("duration_s");
        let scenarios = one.into_iter().chain(many.into_iter().flatten()).map(|ScenarioForm(scenario)| scenario).collect();
        Some(Self { scenarios, pattern, duration_s })
    }
}

pub(super) fn read(path: &Path) -> anyhow::Result<Asked> {
    let name = path.display();
    let text = std::fs::read_to_string(path).with_context(|| format!("read {name}"))?;
    let is_json = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json"));
    let value = if is_json { of_json(&text) } else { of_toml(&text) };
    let asked = value.and_then(|value| Fields::read_body(value).map_err(|problem| Wrong::of(problem.errors)));
    asked.map_err(|Wrong(faults)| Wrong(faults.into_iter().map(|fault| format!("{name}: {fault}")).collect()).into())
}

fn of_json(text: &str) -> Result<Value, Wrong> {
    json::parse(text.as_bytes(), DEPTH_MAX).map_err(|problem| match problem.errors.is_empty() {
        true => Wrong(vec![problem.detail]),
        false => Wrong::of(problem.errors),
    })
}

fn of_toml(text: &str) -> Result<Value, Wrong> {
    let table: toml::Table = toml::from_str(text).map_err(|error| Wrong(vec![error.to_string().trim_end().to_owned()]))?;
    Ok(plain(toml::Value::Table(table)))
}

/// The same in JSON: times are texts there, and what is no finite number is none.
fn plain(value: toml::Value) -> Value {
    match value {
        toml::Value::String(text) => Value::String(text),
        toml::Value::Integer(number) => number.into(),
        toml::Value::Float(number) => number.into(),
        toml::Value::Boolean(flag) => flag.into(),
        toml::Value::Datetime(time) => Value::String(time.to_string()),
        toml::Value::Array(items) => items.into_iter().map(plain).collect(),
        toml::Value::Table(table) => table.into_iter().map(|(key, value)| (key, plain(value))).collect(),
    }
}
