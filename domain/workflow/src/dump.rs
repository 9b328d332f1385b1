//! A foreign system's workflows as JSON, and every fault of such a dump.
//!
//! ```json
//! { "entities": { "a": "departed", "b": "queued" },
//!   "history": [
//!     { "entity_id": "a", "from": "queued", "to": "allocated", "timestamp": "2025-01-01T10:00:00Z", "reason": "engine 7" },
//!     { "entity_id": "a", "from": "allocated", "to": "queued", "timestamp": "2025-01-01T10:01:00Z", "rollback": true } ] }
//! ```
//! `id` is taken for `entity_id`; `history` may also be an object of such lists by id, and may be missing. Other fields
//! of a record are passed over; other fields of the dump are faults, lest a misspelt `history` be lost.

use crate::decide::is_lawful_reason;
use crate::machine::Machine;
use ionveil_kernel::{EntityId, Timestamp};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// One fault of a dump.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {detail}")]
pub struct DumpFault {
    /// The field, such as `history[3].to`.
    pub path: String,
    /// `missing_field`, `unknown_field`, `invalid_type`, `invalid_id`, `unknown_machine`, `unknown_state`, `invalid_time`
    /// or `invalid_reason`.
    pub code: &'static str,
    /// What is wrong.
    pub detail: &'static str,
}

impl DumpFault {
    pub(crate) const fn new(path: String, code: &'static str, detail: &'static str) -> Self {
        Self { path, code, detail }
    }
}

/// What a dump says of one workflow.
#[derive(Default)]
pub(crate) struct History {
    /// Where it is now; none of an orphan.
    pub(crate) state: Option<String>,
    /// How it came there, in the order of the dump.
    pub(crate) records: Vec<Record>,
}

/// One move.
pub(crate) struct Record {
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) reason: Option<String>,
    pub(crate) time: Timestamp,
    pub(crate) rollback: bool,
}

/// Reads a dump; times are parsed by `parse_time`, numbers through their text.
pub(crate) fn read(
    machine: &Machine,
    dump: &Value,
    parse_time: &dyn Fn(&str) -> Option<Timestamp>,
) -> Result<BTreeMap<EntityId, History>, Vec<DumpFault>> {
    let mut reader = Reader { machine, parse_time, found: BTreeMap::new(), faults: Vec::new() };
    match dump {
        Value::Object(fields) => reader.dump(fields),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => reader.mistyped("dump", "an object"),
    }
    if reader.faults.is_empty() { Ok(reader.found) } else { Err(reader.faults) }
}

struct Reader<'a> {
    machine: &'a Machine,
    parse_time: &'a dyn Fn(&str) -> Option<Timestamp>,
    found: BTreeMap<EntityId, History>,
    faults: Vec<DumpFault>,
}

impl Reader<'_> {
    fn fault(&mut self, path: impl Into<String>, code: &'static str, detail: &'static str) {
        self.faults.push(DumpFault::new(path.into(), code, detail));
    }

    fn mistyped(&mut self, path: impl Into<String>, wanted: &'static str) {
        self.fault(path, "invalid_type", wanted);
    }

    fn dump(&mut self, fields: &Map<String, Value>) {
        for name in fields.keys().filter(|name| !["entities", "history"].contains(&name.as_str())) {
            self.fault(name, "unknown_field", "a dump has entities and history");
        }
        match fields.get("entities") {
            Some(Value::Object(entities)) => entities.iter().for_each(|(id, state)| self.entity(id, state)),
            Some(_) => self.mistyped("entities", "must be an object of states by id"),
            None => self.fault("entities", "missing_field", "is missing"),
        }
        match fields.get("history") {
            Some(Value::Array(records)) => self.records("history", None, records),
            Some(Value::Object(by_id)) => by_id.iter().for_each(|(id, records)| self.history_of(id, records)),
            Some(_) => self.mistyped("history", "must be a list of records, or an object of such lists by id"),
            None => {}
        }
    }

    fn entity(&mut self, id: &str, state: &Value) {
        let path = format!("entities.{}", shown(id));
        let state = self.state(&path, Some(state));
        if let (Some(id), Some(state)) = (self.id(&path, id), state) {
            self.found.entry(id).or_default().state = Some(state);
        }
    }

    fn history_of(&mut self, id: &str, records: &Value) {
        let path = format!("history.{}", shown(id));
        match records {
            Value::Array(records) => self.records(&path, Some(id), records),
            _ => self.mistyped(path, "must be a list of records"),
        }
    }

    fn records(&mut self, path: &str, id: Option<&str>, records: &[Value]) {
        for (index, record) in records.iter().enumerate() {
            let path = format!("{path}[{index}]");
            match record {
                Value::Object(fields) => self.record(&path, id, fields),
                _ => self.mistyped(path, "must be an object"),
            }
        }
    }

    fn record(&mut self, path: &str, id: Option<&str>, fields: &Map<String, Value>) {
        let id = match (id, fields.get("entity_id").or_else(|| fields.get("id"))) {
            (Some(id), _) => self.id(path, id),
            (None, Some(Value::String(id))) => self.id(&format!("{path}.entity_id"), id),
            (None, Some(_)) => {
                self.mistyped(format!("{path}.entity_id"), "must be a text");
                None
            }
            (None, None) => {
                self.fault(format!("{path}.entity_id"), "missing_field", "is missing");
                None
            }
        };
        let from = self.state(&format!("{path}.from"), fields.get("from"));
        let to = self.state(&format!("{path}.to"), fields.get("to"));
        let time = self.time(&format!("{path}.timestamp"), fields.get("timestamp"));
        let reason = self.reason(&format!("{path}.reason"), fields.get("reason"));
        let rollback = self.flag(&format!("{path}.rollback"), fields.get("rollback"));
        if let (Some(id), Some(from), Some(to), Some(time)) = (id, from, to, time) {
            self.found.entry(id).or_default().records.push(Record { from, to, reason, time, rollback });
        }
    }

    fn id(&mut self, path: &str, id: &str) -> Option<EntityId> {
        let lawful = EntityId::new(id).ok();
        if lawful.is_none() {
            self.fault(path, "invalid_id", "is not a lawful id");
        }
        lawful
    }

    fn state(&mut self, path: &str, state: Option<&Value>) -> Option<String> {
        match state {
            Some(Value::String(state)) if self.machine.has(state) => return Some(state.clone()),
            Some(Value::String(_)) => self.fault(path, "unknown_state", "is no state of the machine"),
            Some(_) => self.mistyped(path, "must be the name of a state"),
            None => self.fault(path, "missing_field", "is missing"),
        }
        None
    }

    fn time(&mut self, path: &str, time: Option<&Value>) -> Option<Timestamp> {
        let parsed = match time {
            Some(Value::String(text)) => (self.parse_time)(text),
            Some(Value::Number(number)) => (self.parse_time)(&number.to_string()),
            Some(_) => None,
            None => {
                self.fault(path, "missing_field", "is missing");
                return None;
            }
        };
        if parsed.is_none() {
            self.fault(path, "invalid_time", "is not an instant");
        }
        parsed
    }

    fn reason(&mut self, path: &str, reason: Option<&Value>) -> Option<String> {
        match reason {
            None | Some(Value::Null) => {}
            Some(Value::String(reason)) if is_lawful_reason(reason) => return Some(reason.clone()),
            Some(Value::String(_)) => self.fault(path, "invalid_reason", "is too long or has control characters"),
            Some(_) => self.mistyped(path, "must be a text"),
        }
        None
    }

    fn flag(&mut self, path: &str, flag: Option<&Value>) -> bool {
        match flag {
            None | Some(Value::Null) => false,
            Some(Value::Bool(flag)) => *flag,
            Some(_) => {
                self.mistyped(path, "must be true or false");
                false
            }
        }
    }
}

/// An id that may be anything, cut for a message.
fn shown(id: &str) -> String {
    id.chars().take(128).collect()
}
