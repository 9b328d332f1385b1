//! What a client may attach to a workflow: a small flat map of scalars.

use serde::{Deserialize, Deserializer, Serialize, de::Error};
use serde_json::value::RawValue;
use serde_json::{Number, Value};
use std::collections::BTreeMap;

/// The most entries.
pub const ATTRIBUTES_MAX: usize = 64;
/// The pattern of a key.
pub const KEY_PATTERN: &str = "[A-Za-z0-9_][A-Za-z0-9_.:-]{0,63}";
/// The most bytes of a text.
pub const TEXT_BYTES_MAX: usize = 1_024;

/// A value: never null, a list or an object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Scalar {
    /// True or false.
    Bool(bool),
    /// A finite number.
    Number(Number),
    /// A text.
    Text(String),
}

/// Reads the very number that was written. The JSON parser alone may miss a long fraction by its last bit, and then a
/// state that was decided would differ from the state that is folded after a restart.
impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        match serde_json::from_str(raw.get()).map_err(D::Error::custom)? {
            Value::Bool(value) => Ok(Self::Bool(value)),
            Value::String(text) => Ok(Self::Text(text)),
            Value::Number(number) => Ok(Self::Number(exact(number, raw.get()))),
            Value::Null | Value::Array(_) | Value::Object(_) => Err(D::Error::custom("an attribute must be a text, a number or a bool")),
        }
    }
}

fn exact(number: Number, text: &str) -> Number {
    if !number.is_f64() {
        return number;
    }
    text.parse().ok().and_then(Number::from_f64).unwrap_or(number)
}

impl Scalar {
    fn check(value: &Value) -> Result<Self, AttributeFaultKind> {
        match value {
            Value::Bool(value) => Ok(Self::Bool(*value)),
            Value::Number(number) => Ok(Self::Number(number.clone())),
            Value::String(text) if text.len() > TEXT_BYTES_MAX => Err(AttributeFaultKind::TextTooLong),
            Value::String(text) if text.chars().any(is_hostile) => Err(AttributeFaultKind::ControlCharacter),
            Value::String(text) => Ok(Self::Text(text.clone())),
            Value::Null | Value::Array(_) | Value::Object(_) => Err(AttributeFaultKind::NotScalar),
        }
    }
}

fn is_hostile(c: char) -> bool {
    c.is_control() && !matches!(c, '\n' | '\r' | '\t')
}

/// The attributes of a workflow, by key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Attributes(BTreeMap<String, Scalar>);

impl Attributes {
    /// Checks and takes what a client sent.
    ///
    /// # Errors
    /// Every fault, by key; of a map with too many entries just that.
    pub fn check(raw: &BTreeMap<String, Value>) -> Result<Self, Vec<AttributeFault>> {
        if raw.len() > ATTRIBUTES_MAX {
            return Err(vec![AttributeFault { key: None, kind: AttributeFaultKind::TooMany(raw.len()) }]);
        }
        let mut taken = BTreeMap::new();
        let mut faults = Vec::new();
        let mut fault = |key: &str, kind| faults.push(AttributeFault { key: Some(key.chars().take(64).collect()), kind });
        for (key, value) in raw {
            if !is_lawful_key(key) {
                fault(key, AttributeFaultKind::InvalidKey);
            }
            match Scalar::check(value) {
                Ok(scalar) => drop(taken.insert(key.clone(), scalar)),
                Err(kind) => fault(key, kind),
            }
        }
        if faults.is_empty() { Ok(Self(taken)) } else { Err(faults) }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The value of a key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Scalar> {
        self.0.get(key)
    }

    /// All entries, by key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Scalar)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value))
    }

    /// As JSON values, the form in which a command carries them.
    #[must_use]
    pub fn to_values(&self) -> BTreeMap<String, Value> {
        self.0.iter().map(|(key, value)| (key.clone(), value.clone().into())).collect()
    }
}

impl From<Scalar> for Value {
    fn from(scalar: Scalar) -> Self {
        match scalar {
            Scalar::Bool(value) => Self::Bool(value),
            Scalar::Number(number) => Self::Number(number),
            Scalar::Text(text) => Self::String(text),
        }
    }
}

fn is_lawful_key(key: &str) -> bool {
    let word = |b: &u8| b.is_ascii_alphanumeric() || *b == b'_';
    let bytes = key.as_bytes();
    bytes.len() <= 64 && bytes.first().is_some_and(word) && bytes.iter().all(|b| word(b) || b".:-".contains(b))
}

/// One fault of the attributes that a client sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind}")]
pub struct AttributeFault {
    /// The key, cut to 64 characters; none if the fault is not of one entry.
    pub key: Option<String>,
    /// What is wrong.
    pub kind: AttributeFaultKind,
}

/// What can be wrong with attributes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AttributeFaultKind {
    /// More than [`ATTRIBUTES_MAX`] entries.
    #[error("{0} attributes are more than {ATTRIBUTES_MAX}")]
    TooMany(usize),
    /// The key does not match [`KEY_PATTERN`].
    #[error("an attribute's key must match {KEY_PATTERN}")]
    InvalidKey,
    /// A null, a list or an object.
    #[error("an attribute must be a text, a number or a bool")]
    NotScalar,
    /// More than [`TEXT_BYTES_MAX`] bytes.
    #[error("an attribute's text may have at most {TEXT_BYTES_MAX} bytes of UTF-8")]
    TextTooLong,
    /// A control character other than tab and line ends.
    #[error("an attribute's text may not contain control characters")]
    ControlCharacter,
}
