//! What single JSON values can be read as: numbers, texts, times, names, lists.
//!
//! Objects with fields of their own are read by `fields`.

use crate::http::problem::{Code, Fault};
use crate::time::{self, TimeError};
use ionveil_kernel::{EntityId, Kind, NameError, Org, Timestamp};
use serde_json::{Map, Value};
use std::fmt;

/// A value that a field can hold.
pub trait FromValue: Sized {
    /// Whether an empty body stands for `{}`.
    const EMPTY_OK: bool = false;

    /// Reads `value`, which stands at `at`.
    ///
    /// # Errors
    /// All that is wrong with it.
    fn from_value(value: Value, at: &At) -> Result<Self, Vec<Fault>>;
}

/// So many faults of one list are named: nobody reads more, and a large body must not lead to a larger answer.
const FAULTS_MAX: usize = 1_000;

/// Where a value stands, and how it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct At {
    pub(super) path: String,
    /// Query strings know no types, so numbers and booleans are read from text there.
    pub(super) text_only: bool,
}

impl At {
    pub(super) fn key(&self, name: &str) -> Self {
        let path = if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) };
        Self { path, text_only: self.text_only }
    }

    pub(super) fn index(&self, index: usize) -> Self {
        Self { path: format!("{}[{index}]", self.path), text_only: self.text_only }
    }

    /// A fault of the value that stands here.
    #[must_use]
    pub fn fault(&self, code: Code, detail: impl Into<String>) -> Vec<Fault> {
        let field = (!self.path.is_empty()).then(|| self.path.clone());
        vec![Fault { code, field, index: None, detail: detail.into() }]
    }

    pub(super) fn wrong_type(&self, expected: &str, value: &Value) -> Vec<Fault> {
        self.fault(Code::InvalidField, format!("must be {expected}, not {}", Described(value)))
    }
}

impl FromValue for Value {
    fn from_value(value: Value, _: &At) -> Result<Self, Vec<Fault>> {
        Ok(value)
    }
}

impl FromValue for Map<String, Value> {
    fn from_value(value: Value, at: &At) -> Result<Self, Vec<Fault>> {
        match value {
            Value::Object(object) => Ok(object),
            other => Err(at.wrong_type("an object", &other)),
        }
    }
}

impl FromValue for String {
    fn from_value(value: Value, at: &At) -> Result<Self, Vec<Fault>> {
        match value {
            Value::String(text) => Ok(text),
            other => Err(at.wrong_type("a string", &other)),
        }
    }
}

impl FromValue for bool {
    fn from_value(value: Value, at: &At) -> Result<Self, Vec<Fault>> {
        let read = match &value {
            Value::Bool(flag) => Some(*flag),
            Value::String(text) if at.text_only => text.parse().ok(),
            Value::String(_) | Value::Null | Value::Number(_) | Value::Array(_) | Value::Object(_) => None,
        };
        read.ok_or_else(|| at.wrong_type("true or false", &value))
    }
}

macro_rules! integer {
    ($type:ty, $as:ident) => {
        impl FromValue for $type {
            fn from_value(value: Value, at: &At) -> Result<Self, Vec<Fault>> {
                let read = match &value {
                    Value::Number(number) => number.$as().and_then(|wide| <$type>::try_from(wide).ok()),
                    Value::String(text) if at.text_only => text.parse().ok(),
                    Value::String(_) | Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
                };
                read.ok_or_else(|| at.wrong_type(&format!("an integer from {} to {}", <$type>::MIN, <$type>::MAX), &value))
            }
        }
    };
}

integer!(u16, as_u64);
integer!(u32, as_u64);
integer!(u64, as_u64);
integer!(i32, as_i64);
integer!(i64, as_i64);

impl FromValue for f64 {
    fn from_value(value: Value, at: &At) -> Result<Self, Vec<Fault>> {
        let read = match &value {
            Value::Number(number) => number.as_f64(),
            Value::String(text) if at.text_only => text.parse().ok(),
            Value::String(_) | Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        };
        read.filter(|number: &f64| number.is_finite()).ok_or_else(|| at.wrong_type("a number", &value))
    }
}

impl FromValue for Timestamp {
    fn from_value(value: Value, at: &At) -> Result<Self, Vec<Fault>> {
        let Value::String(text) = &value else { return Err(at.wrong_type("a time as in RFC 3339", &value)) };
        time::parse(text).map_err(|error: TimeError| at.fault(Code::InvalidTime, error.to_string()))
    }
}

macro_rules! named {
    ($($type:ty),*) => {$(
        impl FromValue for $type {
            fn from_value(value: Value, at: &At) -> Result<Self, Vec<Fault>> {
                let Value::String(text) = &value else { return Err(at.wrong_type("a string", &value)) };
                <$type>::new(text).map_err(|error: NameError| at.fault(Code::InvalidId, format!("must match {}", error.pattern)))
            }
        }
    )*};
}

named!(Org, Kind, EntityId);

impl<T: FromValue> FromValue for Vec<T> {
    fn from_value(value: Value, at: &At) -> Result<Self, Vec<Fault>> {
        let Value::Array(items) = value else { return Err(at.wrong_type("an array", &value)) };
        let mut read = Self::with_capacity(items.len());
        let mut faults = Vec::new();
        for (index, item) in items.into_iter().enumerate() {
            match T::from_value(item, &at.index(index)) {
                Ok(item) => read.push(item),
                Err(found) => faults.extend(found),
            }
            if faults.len() >= FAULTS_MAX {
                break;
            }
        }
        if faults.is_empty() { Ok(read) } else { Err(faults) }
    }
}

/// Names what a value is without repeating more than a few characters of it.
struct Described<'a>(&'a Value);

impl fmt::Display for Described<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Value::Null => f.write_str("null"),
            Value::Bool(flag) => write!(f, "{flag}"),
            Value::Number(number) => write!(f, "{number}"),
            Value::String(_) => f.write_str("this text"),
            Value::Array(_) => f.write_str("an array"),
            Value::Object(_) => f.write_str("an object"),
        }
    }
}
