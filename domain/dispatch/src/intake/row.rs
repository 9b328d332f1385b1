//! One row: what it must have, and every way in which it does not.

use crate::calendar;
use crate::intake::Identity;
use ionveil_kernel::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// Sorted.
const REQUIRED: [&str; 6] = ["command_id", "deadline", "intent", "issued_by", "satellite_id", "signature"];
/// In the order in which faults are told.
const TEXTS: [&str; 4] = ["intent", "signature", "command_id", "satellite_id"];

/// A command that was taken in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IntakeCommand {
    /// Names it.
    pub command_id: Arc<str>,
    /// What it is for.
    pub satellite_id: Arc<str>,
    /// What it wants.
    pub intent: Arc<str>,
    /// Who sent it.
    pub issued_by: String,
    /// By which right.
    pub signature: String,
    /// When it must be done; not before the batch's now.
    pub deadline: Timestamp,
    /// `trace-<row>` if the row had none.
    pub trace_id: String,
    /// Whatever it is about.
    pub payload: Map<String, Value>,
    /// What else was noted.
    pub annotations: BTreeMap<String, String>,
}

impl IntakeCommand {
    /// What it has in common with a row that means the same.
    #[must_use]
    pub fn identity(&self) -> Identity {
        (Arc::clone(&self.command_id), Arc::clone(&self.satellite_id), Arc::clone(&self.intent))
    }
}

/// What is wrong with a row. Shown as `row <place>: <message>`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RowError {
    /// The place in the batch, from 0.
    pub row: usize,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for RowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "row {}: {}", self.row, self.message)
    }
}

/// Checks the row at place `row`. Independent of all other rows.
///
/// # Errors
/// Every fault of its shape; of a row of the right shape the first of: deadline, annotations, payload, expiry.
pub fn validate(row: usize, value: Value, now: Timestamp) -> Result<IntakeCommand, Vec<RowError>> {
    let told = |messages: Vec<String>| messages.into_iter().map(|message| RowError { row, message }).collect::<Vec<_>>();
    let Value::Object(mut fields) = value else { return Err(told(vec!["command must be object".to_owned()])) };
    let faults = shape(&fields);
    if !faults.is_empty() {
        return Err(told(faults));
    }
    command(row, &mut fields, now).map_err(|message| told(vec![message]))
}

fn shape(fields: &Map<String, Value>) -> Vec<String> {
    let missing: Vec<_> = REQUIRED.into_iter().filter(|name| !fields.contains_key(*name)).collect();
    let missing = (!missing.is_empty()).then(|| format!("missing required fields: {}", missing.join(", ")));
    let wrong = TEXTS.into_iter().filter(|name| fields.get(*name).is_some_and(|value| !value.is_string()));
    missing.into_iter().chain(wrong.map(|name| format!("{name} must be a string"))).collect()
}

fn command(row: usize, fields: &mut Map<String, Value>, now: Timestamp) -> Result<IntakeCommand, String> {
    let deadline = deadline(fields.get("deadline")).map_err(|reason| format!("invalid deadline ({reason})"))?;
    let annotations = object(fields, "annotations")?.into_iter().map(|(key, value)| (key, text(value))).collect();
    let payload = object(fields, "payload")?;
    if deadline < now {
        return Err("deadline already expired".to_owned());
    }
    let mut taken = |name| fields.remove(name).map(text).unwrap_or_default();
    let trace_id = taken("trace_id");
    Ok(IntakeCommand {
        command_id: taken("command_id").into(),
        satellite_id: taken("satellite_id").into(),
        intent: taken("intent").into(),
        issued_by: taken("issued_by"),
        signature: taken("signature"),
        deadline,
        trace_id: if trace_id.is_empty() { format!("trace-{row}") } else { trace_id },
        payload,
        annotations,
    })
}

/// A text as it is, nothing as an empty one, anything else as its JSON.
fn text(value: Value) -> String {
    match value {
        Value::String(text) => text,
        Value::Null => String::new(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    }
}

/// An object, which may be absent or null.
fn object(fields: &mut Map<String, Value>, name: &str) -> Result<Map<String, Value>, String> {
    match fields.remove(name) {
        None | Some(Value::Null) => Ok(Map::new()),
        Some(Value::Object(object)) => Ok(object),
        Some(Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_)) => Err(format!("{name} must be object")),
    }
}

/// ISO 8601 text, without an offset in UTC, or seconds since 1970.
fn deadline(value: Option<&Value>) -> Result<Timestamp, &'static str> {
    const YEARS: &str = "it is not within the years 1 to 9999";
    match value {
        Some(Value::String(text)) => calendar::instant(text).ok_or("it is no ISO 8601 time within the years 1 to 9999"),
        Some(Value::Number(number)) => {
            // Whole seconds stay exact beyond what a float can hold.
            let micros = match number.as_i64() {
                Some(seconds) => seconds.checked_mul(1_000_000),
                None => {
                    number.as_f64().map(|seconds| (seconds * 1e6).floor()).filter(|micros| micros.abs() < 1e18).map(|micros| micros as i64)
                }
            };
            let lawful = Timestamp::MIN.micros()..=Timestamp::MAX.micros();
            micros.filter(|micros| lawful.contains(micros)).map(Timestamp::from_micros).ok_or(YEARS)
        }
        Some(Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_)) | None => Err("it is neither a text nor a number"),
    }
}
