//! Prints what is in force and where each value is from, as TOML that could be used again, without secrets.

use crate::config::Raw;
use std::fmt::Write as _;
use toml::Value;

/// What stands for a secret.
const REDACTED: &str = "[redacted]";

/// The effective settings as TOML, each with a comment that names its origin.
#[must_use]
pub fn show(raw: &Raw) -> String {
    let mut out = String::new();
    for (section, keys) in &raw.table {
        let Value::Table(keys) = keys else { continue };
        let _ = writeln!(out, "[{section}]");
        for (key, value) in keys {
            let path = format!("{section}.{key}");
            let origin = raw.origin(&path).map(ToString::to_string).unwrap_or_default();
            let _ = writeln!(out, "{} = {}  # {origin}", quoted(key), redacted(&path, value));
        }
        out.push('\n');
    }
    out.trim_end().to_owned() + "\n"
}

/// Replaces the password of `scheme://user:password@host`, and of `password=` in a query.
pub(super) fn without_password(url: &str) -> String {
    let (head, query) = url.split_once('?').map_or((url, None), |(head, query)| (head, Some(query)));
    let head = match head.split_once("://").and_then(|(scheme, rest)| Some((scheme, rest.rsplit_once('@')?))) {
        Some((scheme, (user, host))) => match user.split_once(':') {
            Some((user, _)) => format!("{scheme}://{user}:{REDACTED}@{host}"),
            None => format!("{scheme}://{user}@{host}"),
        },
        None => head.to_owned(),
    };
    let Some(query) = query else { return head };
    let pairs = query.split('&').map(|pair| match pair.split_once('=') {
        Some((name, _)) if name.to_ascii_lowercase().contains("password") => format!("{name}={REDACTED}"),
        Some(_) | None => pair.to_owned(),
    });
    format!("{head}?{}", pairs.collect::<Vec<_>>().join("&"))
}

/// Nothing, or where a secret is.
fn tells_nothing(text: &str) -> bool {
    text.is_empty() || text.starts_with("env:") || text.starts_with("file:")
}

fn redacted(path: &str, value: &Value) -> Value {
    match value {
        Value::String(text) if path == "store.url" => Value::String(without_password(text)),
        Value::String(text) if is_secret(path) && !tells_nothing(text) => Value::String(REDACTED.to_owned()),
        Value::Array(items) => Value::Array(items.iter().map(|item| redacted(path, item)).collect()),
        Value::Table(table) => {
            Value::Table(table.iter().map(|(key, value)| (key.clone(), redacted(&format!("{path}.{key}"), value))).collect())
        }
        Value::String(_) | Value::Integer(_) | Value::Float(_) | Value::Boolean(_) | Value::Datetime(_) => value.clone(),
    }
}

/// A hash of a strong key is no secret to speak of, but nobody needs to see it either. Unknown names that sound like
/// secrets are covered because a wrong configuration is shown as well.
fn is_secret(path: &str) -> bool {
    let key = path.rsplit('.').next().unwrap_or(path).to_ascii_lowercase();
    let names_a_file = key.ends_with("_file") || key.ends_with("_dir");
    !names_a_file && ["sha256", "secret", "password", "token"].iter().any(|word| key.contains(word))
}

fn quoted(key: &str) -> String {
    let bare = !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    if bare { key.to_owned() } else { Value::String(key.to_owned()).to_string() }
}
