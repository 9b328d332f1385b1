//! What clients send to the routes of channels: bodies and queries, read strictly. What a value means is judged by the domain.

use crate::http::fields::{Fields, FromFields};
use crate::http::list::page_size;
use crate::http::problem::Code;
use ionveil_channels::breaker::{Mode, PolicyForm, Profile};
use ionveil_channels::channel::{Driver, Form, Login, TIMEOUT_MS_DEFAULT, Text};
use ionveil_channels::detector::Detector;
use ionveil_kernel::{EntityId, Timestamp};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// No limit of form: what is too long is told by the domain.
const ANY_LENGTH: usize = usize::MAX;

/// A channel to be set up.
pub struct Create {
    pub(super) name: EntityId,
    pub(super) form: Form,
}

/// What a channel is to be made of, and the version that the client has seen.
pub struct Change {
    pub(super) form: Form,
    pub(super) expected_version: Option<u64>,
}

impl FromFields for Create {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let (name, form) = (fields.required("name"), form(fields));
        Some(Self { name: name?, form: form? })
    }
}

impl FromFields for Change {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let (form, expected_version) = (form(fields), fields.optional("expected_version"));
        Some(Self { form: form?, expected_version })
    }
}

fn form(fields: &mut Fields) -> Option<Form> {
    let driver = fields.required::<ReadDriver>("driver");
    let breaker = fields.optional::<ReadPolicy>("breaker").map_or_else(PolicyForm::default, |read| read.0);
    let detector = fields.optional_object("detector");
    let detector = match detector.map(|object| serde_json::from_value::<Detector>(Value::Object(object))) {
        None => Some(Detector::default()),
        Some(Ok(detector)) => Some(detector),
        Some(Err(error)) => {
            fields.fault(Code::InvalidField, "detector", format!("is no detector: {error}"));
            None
        }
    };
    Some(Form { driver: driver?.0, breaker, detector: detector? })
}

struct ReadDriver(Driver);

impl FromFields for ReadDriver {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let kind = fields.line("kind", 32)?;
        let driver = match kind.as_str() {
            "http" => http(fields)?,
            "nats" => nats(fields)?,
            "simulated" => {
                let (latency_ms, failing) = (fields.required("latency_ms"), fields.optional("failing"));
                Driver::Simulated { latency_ms: latency_ms?, failing: failing.unwrap_or(false) }
            }
            _other => {
                fields.fault(Code::InvalidField, "kind", "must be `http`, `nats` or `simulated`");
                return None;
            }
        };
        Some(Self(driver))
    }
}

fn http(fields: &mut Fields) -> Option<Driver> {
    let url = fields.line("url", ANY_LENGTH);
    let method = fields.optional_line("method", 16).unwrap_or_else(|| "POST".to_owned());
    let headers = fields.optional_object("headers").unwrap_or_default();
    let headers = headers.into_iter().map(|(name, value)| header(fields, name, value)).collect::<Vec<_>>();
    let (body, timeout_ms) = (fields.optional::<String>("body"), fields.optional("timeout_ms").unwrap_or(TIMEOUT_MS_DEFAULT));
    let headers = headers.into_iter().collect::<Option<BTreeMap<_, _>>>();
    Some(Driver::Http { url: url?, method, headers: headers?, body, timeout_ms })
}

fn nats(fields: &mut Fields) -> Option<Driver> {
    let (server, subject) = (fields.line("server", ANY_LENGTH), fields.line("subject", ANY_LENGTH));
    let headers = fields.optional_object("headers").unwrap_or_default();
    let headers = headers.into_iter().map(|(name, value)| header(fields, name, value)).collect::<Vec<_>>();
    let (body, timeout_ms) = (fields.optional::<String>("body"), fields.optional("timeout_ms").unwrap_or(TIMEOUT_MS_DEFAULT));
    let (reply, login) = (fields.optional("reply").unwrap_or(true), fields.optional_object("login"));
    let login = match login.map(|object| serde_json::from_value::<Login>(Value::Object(object))) {
        None => None,
        Some(Ok(login)) => Some(login),
        Some(Err(_)) => {
            let detail = "must be {\"user\", \"password\"}, {\"token\"} or {\"credentials\"}, where a secret is {\"env\": \"NAME\"} or {\"file\": \"NAME\"}";
            fields.fault(Code::InvalidField, "login", detail);
            None
        }
    };
    let headers = headers.into_iter().collect::<Option<BTreeMap<_, _>>>();
    Some(Driver::Nats { server: Some(server?), subject: subject?, reply, headers: headers?, body, timeout_ms, login })
}

fn header(fields: &mut Fields, name: String, value: Value) -> Option<(String, Text)> {
    let text = match value {
        Value::String(text) => Some(Text::Plain(text)),
        Value::Object(object) => reference(&object),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => None,
    };
    if text.is_none() {
        let detail = "must be a text, {\"env\": \"NAME\"} or {\"file\": \"NAME\"}";
        fields.fault(Code::InvalidField, &format!("headers.{name}"), detail);
    }
    text.map(|text| (name, text))
}

fn reference(object: &Map<String, Value>) -> Option<Text> {
    let mut all = object.iter();
    match (all.next(), all.next()) {
        (Some((kind, Value::String(name))), None) if kind == "env" => Some(Text::Env { env: name.clone() }),
        (Some((kind, Value::String(name))), None) if kind == "file" => Some(Text::File { file: name.clone() }),
        _ => None,
    }
}

struct ReadPolicy(PolicyForm);

impl FromFields for ReadPolicy {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let profile = fields.optional_line("profile", 16);
        let profile = profile.and_then(|text| match text.as_str() {
            "core" => Some(Profile::Core),
            "lattice" => Some(Profile::Lattice),
            "http" => Some(Profile::Http),
            _other => {
                fields.fault(Code::InvalidField, "profile", "must be `core`, `lattice` or `http`");
                None
            }
        });
        Some(Self(PolicyForm {
            profile,
            failure_threshold: fields.optional("failure_threshold"),
            success_threshold: fields.optional("success_threshold"),
            probe_count: fields.optional("probe_count"),
            reset_timeout_ms: fields.optional("reset_timeout_ms"),
            window_ms: fields.optional("window_ms"),
            reset_on_success: fields.optional("reset_on_success"),
            probe_timeout_ms: fields.optional("probe_timeout_ms"),
            permitless_success_closes_open: fields.optional("permitless_success_closes_open"),
            failure_rate: fields.optional("failure_rate"),
            slow_call_rate: fields.optional("slow_call_rate"),
            slow_call_ms: fields.optional("slow_call_ms"),
            min_calls: fields.optional("min_calls"),
            window_calls: fields.optional("window_calls"),
            backoff_factor: fields.optional("backoff_factor"),
            reset_timeout_max_ms: fields.optional("reset_timeout_max_ms"),
            jitter: fields.optional("jitter"),
        }))
    }
}

/// A block.
pub struct Block {
    pub(super) reason: String,
    pub(super) until: Option<Timestamp>,
}

impl FromFields for Block {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let (reason, until) = (fields.line("reason", ANY_LENGTH), fields.optional("until"));
        Some(Self { reason: reason?, until })
    }
}

/// A mode of the breaker; none ends it.
pub struct Force {
    pub(super) mode: Option<Mode>,
    pub(super) until: Option<Timestamp>,
    pub(super) reason: Option<String>,
}

impl FromFields for Force {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let (state, until) = (fields.line("state", 16), fields.optional("until"));
        let reason = fields.optional_line("reason", ANY_LENGTH);
        let mode = match state?.as_str() {
            "open" => Some(Mode::Open),
            "closed" => Some(Mode::Closed),
            "metrics_only" => Some(Mode::MetricsOnly),
            "none" => None,
            _other => {
                fields.fault(Code::InvalidField, "state", "must be `open`, `closed`, `metrics_only` or `none`");
                return None;
            }
        };
        Some(Self { mode, until, reason })
    }
}

/// What is sent to try a channel out.
pub struct Test {
    pub(super) payload: Value,
}

impl FromFields for Test {
    const EMPTY_OK: bool = true;
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        Some(Self { payload: fields.optional("payload").unwrap_or(Value::Null) })
    }
}

/// A page of channels.
pub struct Listing {
    pub(super) cursor: Option<EntityId>,
    pub(super) size: usize,
}

impl FromFields for Listing {
    const EMPTY_OK: bool = true;
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let (size, text) = (page_size(fields), fields.optional::<String>("cursor"));
        let cursor = text.as_deref().and_then(|text| EntityId::new(text.strip_prefix('c')?).ok());
        if text.is_some() && cursor.is_none() {
            fields.fault(Code::InvalidCursor, "cursor", "is no cursor of this list");
        }
        Some(Self { cursor, size: size? })
    }
}
