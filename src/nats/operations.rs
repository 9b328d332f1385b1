//! Which commands there are: the operations of `/openapi.json` that are no plain reads, by their `operationId`. So what is built
//! for HTTP is there for NATS, under the same name.

use crate::http::fields::{Fields, FromFields};
use crate::http::json;
use crate::http::openapi::ApiDoc;
use crate::http::problem::{Code, Fault, Problem};
use actix_web::http::Method;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use utoipa::OpenApi;

/// What stands before every path.
const ROOT: &str = "/api/v1/";
/// What an envelope may have beside the body.
const ENVELOPE_BYTES: usize = 8_192;
/// The most characters of one value of a path or query.
const VALUE_CHARS_MAX: usize = 1_024;

/// An operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Operation {
    method: Method,
    /// With `{name}` where something is to be put in.
    path: String,
}

/// The operations of each kind, by their names.
pub(super) type Kinds = BTreeMap<String, BTreeMap<String, Operation>>;

/// A command as it comes: `{"command", "path"?, "query"?, "body"?}`.
struct Envelope {
    command: String,
    path: Map<String, Value>,
    query: Map<String, Value>,
    body: Option<Value>,
}

impl FromFields for Envelope {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let command = fields.line("command", 64);
        let (path, query) = (fields.optional_object("path"), fields.optional_object("query"));
        Some(Self { command: command?, path: path.unwrap_or_default(), query: query.unwrap_or_default(), body: fields.optional("body") })
    }
}

/// All operations. The kind is the first part of the path, in the singular: `/workflows/{id}/cancel` is of `workflow`.
pub(super) fn all() -> Kinds {
    let mut kinds = Kinds::new();
    for (path, item) in ApiDoc::openapi().paths.paths {
        let Some(rest) = path.strip_prefix(ROOT) else { continue };
        let first = rest.split('/').next().unwrap_or_default();
        let kind = first.strip_suffix('s').unwrap_or(first).to_owned();
        for (method, operation) in
            [(Method::POST, item.post), (Method::PUT, item.put), (Method::PATCH, item.patch), (Method::DELETE, item.delete)]
        {
            if let Some(name) = operation.and_then(|operation| operation.operation_id) {
                kinds.entry(kind.clone()).or_default().insert(name, Operation { method, path: path.clone() });
            }
        }
    }
    kinds
}

/// Reads a command: method, target and body of the request that stands for it.
///
/// # Errors
/// A [`Problem`] with all faults of the envelope; those of the body are found by the route.
pub(super) fn read(
    operations: &BTreeMap<String, Operation>,
    payload: &[u8],
    (bytes_max, depth_max): (usize, usize),
) -> Result<(Method, String, Vec<u8>), Problem> {
    if payload.len() > bytes_max.saturating_add(ENVELOPE_BYTES) {
        return Err(Problem::new(Code::BodyTooLarge, format!("the body may have at most {bytes_max} bytes")));
    }
    // The envelope is a level of its own; the parser's own guard stops at 128.
    let value = json::parse(payload, depth_max.saturating_add(1).min(120))?;
    let Envelope { command, path, query, body } = Fields::read_body(value)?;
    let operation = operations.get(&command).ok_or_else(|| {
        let known = operations.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
        Problem::field(Code::InvalidField, "command", format!("must be one of {known}"))
    })?;
    let target = operation.target(path, query)?;
    let body = body.map(|body| serde_json::to_vec(&body).unwrap_or_default()).unwrap_or_default();
    Ok((operation.method.clone(), target, body))
}

impl Operation {
    fn target(&self, mut path: Map<String, Value>, query: Map<String, Value>) -> Result<String, Problem> {
        let (mut target, mut faults) = (String::with_capacity(self.path.len()), Vec::new());
        let mut left = self.path.as_str();
        while let Some((before, (name, after))) = left.split_once('{').and_then(|(before, rest)| Some((before, rest.split_once('}')?))) {
            target.push_str(before);
            match path.remove(name) {
                Some(value) => push(&mut target, &format!("path.{name}"), &value, &mut faults),
                None => faults.push(Fault::field(Code::MissingField, format!("path.{name}"), "is required")),
            }
            left = after;
        }
        target.push_str(left);
        faults.extend(path.keys().map(|name| Fault::field(Code::UnknownField, format!("path.{name}"), "is unknown")));
        for (index, (name, value)) in query.iter().enumerate() {
            target.push(if index == 0 { '?' } else { '&' });
            encode(&mut target, name);
            target.push('=');
            push(&mut target, &format!("query.{name}"), value, &mut faults);
        }
        if faults.is_empty() { Ok(target) } else { Err(Problem::of_faults(faults)) }
    }
}

fn push(target: &mut String, field: &str, value: &Value, faults: &mut Vec<Fault>) {
    match value {
        Value::String(text) if (1..=VALUE_CHARS_MAX).contains(&text.chars().count()) => encode(target, text),
        Value::Number(number) => encode(target, &number.to_string()),
        Value::Bool(flag) => encode(target, if *flag { "true" } else { "false" }),
        Value::String(_) | Value::Null | Value::Array(_) | Value::Object(_) => {
            faults.push(Fault::field(Code::InvalidField, field, format!("must be a text of 1 to {VALUE_CHARS_MAX} characters")));
        }
    }
}

/// Percent-encodes everything but letters, digits, `-` and `_`: dots too, so that no part of a path is `..`.
fn encode(target: &mut String, text: &str) {
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' => target.push(char::from(byte)),
            _other => target.push_str(&format!("%{byte:02X}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Code and field of each.
    type Faults = Vec<(Code, Option<String>)>;

    /// Method, target and body.
    fn target(envelope: &str) -> Result<(String, String, String), Faults> {
        let kinds = all();
        let read = read(&kinds["workflow"], envelope.as_bytes(), (1_000, 8));
        read.map(|(method, target, body)| (method.to_string(), target, String::from_utf8(body).unwrap())).map_err(|problem| {
            let one = vec![(problem.code, None)];
            if problem.errors.is_empty() { one } else { problem.errors.into_iter().map(|fault| (fault.code, fault.field)).collect() }
        })
    }

    #[test]
    fn what_can_be_asked_over_http_can_be_asked_here() {
        let kinds = all();
        assert!(kinds["workflow"].contains_key("create_workflow") && kinds["incident"].contains_key("create_incident"));
        let reads = ["get_workflow", "list_workflows", "stream_events"];
        assert!(kinds.values().all(|operations| reads.iter().all(|read| !operations.contains_key(*read))));
        let token = |kind: &String| kind.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
        assert!(kinds.keys().all(token), "{:?}", kinds.keys());
    }

    #[test]
    fn a_command_becomes_the_request_that_stands_for_it() {
        let made = target(r#"{"command": "transition_workflow", "path": {"id": "a/../b?c"}, "body": {"to": "x"}}"#);
        assert_eq!(made, Ok(("POST".into(), "/api/v1/workflows/a%2F%2E%2E%2Fb%3Fc/transitions".into(), r#"{"to":"x"}"#.into())));
        let made = target(r#"{"command": "create_workflow", "query": {"a b": 1, "c": true}, "body": {}}"#);
        assert_eq!(made, Ok(("POST".into(), "/api/v1/workflows?a%20b=1&c=true".into(), "{}".into())));
    }

    #[test]
    fn all_faults_of_an_envelope_are_named() {
        let field = |code, name: &str| (code, Some(name.to_owned()));
        for (envelope, faults) in [
            ("{", vec![(Code::MalformedJson, None)]),
            (r#"{"comand": "x"}"#, vec![field(Code::MissingField, "command"), field(Code::UnknownField, "comand")]),
            (r#"{"command": "get_workflow"}"#, vec![field(Code::InvalidField, "command")]),
            (r#"{"command": "cancel_workflow"}"#, vec![field(Code::MissingField, "path.id")]),
            (
                r#"{"command": "cancel_workflow", "path": {"id": [], "di": "x"}}"#,
                vec![field(Code::InvalidField, "path.id"), field(Code::UnknownField, "path.di")],
            ),
            (r#"{"command": "cancel_workflow", "path": {"id": ""}}"#, vec![field(Code::InvalidField, "path.id")]),
        ] {
            assert_eq!(target(envelope), Err(faults), "{envelope}");
        }
        assert_eq!(target(&" ".repeat(10_000)), Err(vec![(Code::BodyTooLarge, None)]));
    }
}
