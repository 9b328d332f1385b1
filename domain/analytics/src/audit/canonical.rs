//! JSON in one form only: keys sorted by code point, no spaces, texts escaped one way. Numbers stay as they are written: to
//! read and write them again could change their last digit, and with it a checksum.

use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::fmt::Write;

/// Nothing is nested deeper than what the house reads from outside.
const DEPTH_MAX: u32 = 128;

/// Why a text has no canonical form.
#[derive(Debug, thiserror::Error)]
pub enum NotCanonical {
    /// It is not JSON.
    #[error("it is not JSON")]
    Malformed(#[source] serde_json::Error),
    /// It is nested too deeply.
    #[error("it is nested more than {DEPTH_MAX} deep")]
    TooDeep,
}

/// The canonical form of JSON text. Of a key that is there twice the last value counts.
///
/// # Errors
/// [`NotCanonical`] if it is not JSON, or nested too deeply.
pub fn canonical(text: &str) -> Result<String, NotCanonical> {
    let mut out = String::with_capacity(text.len());
    write_value(text, 0, &mut out)?;
    Ok(out)
}

fn write_value(text: &str, depth: u32, out: &mut String) -> Result<(), NotCanonical> {
    let text = text.trim();
    match text.as_bytes().first() {
        Some(_) if depth > DEPTH_MAX => Err(NotCanonical::TooDeep),
        Some(b'{') => write_object(&read(text)?, depth, out),
        Some(b'[') => write_list(&read::<Vec<&RawValue>>(text)?, depth, out),
        Some(b'"') => {
            out.push_str(&escaped(&read::<String>(text)?));
            Ok(())
        }
        _ => {
            out.push_str(read::<&RawValue>(text)?.get());
            Ok(())
        }
    }
}

fn read<'a, T: serde::Deserialize<'a>>(text: &'a str) -> Result<T, NotCanonical> {
    serde_json::from_str(text).map_err(NotCanonical::Malformed)
}

fn write_object(fields: &BTreeMap<String, &RawValue>, depth: u32, out: &mut String) -> Result<(), NotCanonical> {
    for (place, (key, value)) in fields.iter().enumerate() {
        // Writing to a text cannot fail.
        let _ = write!(out, "{}{}:", if place == 0 { '{' } else { ',' }, escaped(key));
        write_value(value.get(), depth + 1, out)?;
    }
    out.push_str(if fields.is_empty() { "{}" } else { "}" });
    Ok(())
}

fn write_list(values: &[&RawValue], depth: u32, out: &mut String) -> Result<(), NotCanonical> {
    for (place, value) in values.iter().enumerate() {
        out.push(if place == 0 { '[' } else { ',' });
        write_value(value.get(), depth + 1, out)?;
    }
    out.push_str(if values.is_empty() { "[]" } else { "]" });
    Ok(())
}

/// A text as JSON.
pub(super) fn escaped(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
