//! Errors as clients see them: RFC 9457 problem details with one stable code each, all faults of a request at once.
//!
//! What went wrong inside is not told: operators read it in the log under the same `trace_id`.

pub use crate::http::code::Code;

use crate::http::trace::TraceId;
use crate::time::Rfc3339;
use actix_web::HttpResponse;
use actix_web::http::{StatusCode, header};
use ionveil_kernel::Halt;
use serde::Serialize;
use std::fmt;
use utoipa::ToSchema;

/// Media type of every error body (RFC 9457 §3).
pub const MEDIA_TYPE: &str = "application/problem+json";

/// When to come back: what is full or away may be well again in a moment.
pub const RETRY_S: u32 = 1;
/// Before a quarantined entity is resumed, a person has to look.
const QUARANTINED_RETRY_S: u32 = 30;

/// One thing that is wrong with a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Fault {
    /// The stable code.
    #[schema(value_type = String, example = "missing_field")]
    pub code: Code,
    /// The field, as a path such as `a.b[2]`, or the name of a parameter or header.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// The place in the request's array, from 0, if the body is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index: Option<usize>,
    /// What is wrong, for people.
    pub detail: String,
}

impl Fault {
    /// A fault of the field `field`.
    #[must_use]
    pub fn field(code: Code, field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { code, field: Some(field.into()), index: None, detail: detail.into() }
    }
}

/// An error answer. It is a value that handlers return; the edge gives it the trace id of the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The stable code; of several faults the first one's.
    pub code: Code,
    /// What is wrong this time, for people.
    pub detail: String,
    /// All faults, if there may be several.
    pub errors: Vec<Fault>,
    /// What the policy in force halted, if it did.
    pub halted: Option<Box<Halted>>,
    /// What came of the channels, if none has delivered: a list.
    pub attempts: Option<Box<serde_json::Value>>,
    /// When a retry makes sense, as `Retry-After`.
    pub retry_after_s: Option<u32>,
    /// The trace of the request.
    pub trace_id: Option<TraceId>,
}

impl Problem {
    /// An error without single faults.
    #[must_use]
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), errors: Vec::new(), halted: None, attempts: None, retry_after_s: None, trace_id: None }
    }

    /// An error about one field or parameter.
    #[must_use]
    pub fn field(code: Code, field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::of_faults(vec![Fault::field(code, field, detail)])
    }

    /// An error made of `faults`, in the order of the spec: the first gives the code. Without faults it is `internal`,
    /// because nobody should have asked.
    #[must_use]
    pub fn of_faults(faults: Vec<Fault>) -> Self {
        let Some(first) = faults.first() else { return Self::internal() };
        let name = first.field.as_deref().map(|field| format!("{field}: ")).unwrap_or_default();
        let more = match faults.len() {
            1 => String::new(),
            2 => " (and one more fault)".to_owned(),
            n => format!(" (and {} more faults)", n - 1),
        };
        Self { errors: faults.clone(), ..Self::new(first.code, format!("{name}{}{more}", first.detail)) }
    }

    /// A fault of ours. Nothing of the cause is told; log it where it happens.
    #[must_use]
    pub fn internal() -> Self {
        Self::new(Code::Internal, "the request could not be carried out; the trace id names it in the server's log")
    }

    /// The same, with who halted what was asked for.
    #[must_use]
    pub fn halted(mut self, by: Halted) -> Self {
        self.halted = Some(Box::new(by));
        self
    }

    /// The same, with what came of the channels.
    #[must_use]
    pub fn with_attempts(mut self, attempts: serde_json::Value) -> Self {
        self.attempts = Some(Box::new(attempts));
        self
    }

    /// The same, to be retried after `seconds`.
    #[must_use]
    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after_s = Some(seconds);
        self
    }

    /// The same, with the request's trace id, unless it has one.
    #[must_use]
    pub fn traced(mut self, trace_id: TraceId) -> Self {
        self.trace_id.get_or_insert(trace_id);
        self
    }

    /// The body.
    #[must_use]
    pub fn body(&self) -> ProblemBody {
        ProblemBody {
            r#type: format!("/docs/errors/{}", self.code),
            title: self.code.title(),
            status: self.code.status().as_u16(),
            detail: self.detail.clone(),
            code: self.code,
            errors: self.errors.clone(),
            policy: self.halted.as_deref().cloned(),
            attempts: self.attempts.as_deref().cloned(),
            retryable: self.code.retryable(),
            trace_id: self.trace_id,
        }
    }

    /// The response.
    #[must_use]
    pub fn response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.code.status());
        response.content_type(MEDIA_TYPE);
        if let Some(seconds) = self.retry_after_s.or(self.default_retry_after_s()) {
            response.insert_header((header::RETRY_AFTER, seconds.to_string()));
        }
        if self.code == Code::Unauthenticated {
            response.insert_header((header::WWW_AUTHENTICATE, "Bearer"));
        }
        if self.code == Code::Draining {
            response.force_close();
        }
        // Serialising a struct of strings cannot fail; an empty body with the right status is the last resort.
        let mut response = response.body(serde_json::to_vec(&self.body()).unwrap_or_default());
        // So that the edge can add the trace id also where a handler answers with this instead of failing with it.
        response.extensions_mut().insert(self.clone());
        response
    }

    /// Statuses 429 and 503 always say when to come back.
    fn default_retry_after_s(&self) -> Option<u32> {
        let status = self.code.status();
        let later = status == StatusCode::TOO_MANY_REQUESTS || status == StatusCode::SERVICE_UNAVAILABLE;
        later.then_some(if self.code == Code::Quarantined { QUARANTINED_RETRY_S } else { RETRY_S })
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.detail)
    }
}

impl std::error::Error for Problem {}

impl actix_web::ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.code.status()
    }

    fn error_response(&self) -> HttpResponse {
        self.response()
    }
}

/// Who halted what was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Halted {
    /// The node of the policy tree that decides.
    #[schema(example = "B09.39")]
    pub node: String,
    /// Since when it has been halted.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub since: Option<Rfc3339>,
    /// Who halted it: a person's subject, or `engine:<node>`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "user:jane")]
    pub by: Option<String>,
}

impl From<Halt> for Halted {
    fn from(halt: Halt) -> Self {
        Self { node: halt.node, since: halt.since.map(Rfc3339), by: halt.by }
    }
}

/// `application/problem+json` (RFC 9457) as it is sent.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemBody {
    /// The page that explains the code.
    #[schema(example = "/docs/errors/missing_field")]
    pub r#type: String,
    /// One line that never changes with the occurrence.
    #[schema(value_type = String)]
    pub title: &'static str,
    /// The HTTP status again.
    #[schema(example = 400)]
    pub status: u16,
    /// What is wrong this time.
    pub detail: String,
    /// The stable code; of several faults the first one's.
    #[schema(value_type = String, example = "missing_field")]
    pub code: Code,
    /// All faults of the request, if there may be several.
    pub errors: Vec<Fault>,
    /// With `policy_halted`: who halted it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<Halted>,
    /// With `all_channels_failed`: what came of the channels.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<crate::http::failover::AttemptBody>>)]
    pub attempts: Option<serde_json::Value>,
    /// Whether the same request may succeed later without being changed.
    pub retryable: bool,
    /// W3C trace id: names the request in the server's log.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "4bf92f3577b34da6a3ce929d0e0e4736")]
    pub trace_id: Option<TraceId>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_body_has_all_members() {
        let problem = Problem::of_faults(vec![
            Fault::field(Code::MissingField, "machine", "is required"),
            Fault::field(Code::UnknownField, "machin", "is unknown"),
        ]);
        let body = serde_json::to_value(problem.traced(TraceId::from_bits(7)).body()).unwrap();
        let expected = serde_json::json!({
            "type": "/docs/errors/missing_field", "title": "A field is missing", "status": 400,
            "detail": "machine: is required (and one more fault)", "code": "missing_field", "retryable": false,
            "errors": [
                {"code": "missing_field", "field": "machine", "detail": "is required"},
                {"code": "unknown_field", "field": "machin", "detail": "is unknown"},
            ],
            "trace_id": "00000000000000000000000000000007",
        });
        assert_eq!(body, expected);
    }

    #[test]
    fn headers_follow_from_the_code() {
        for (problem, name, value) in [
            (Problem::new(Code::Overloaded, "full").retry_after(3), header::RETRY_AFTER, "3"),
            (Problem::new(Code::StoreUnavailable, "down"), header::RETRY_AFTER, "1"),
            (Problem::new(Code::Quarantined, "failed"), header::RETRY_AFTER, "30"),
            (Problem::new(Code::Unauthenticated, "no"), header::WWW_AUTHENTICATE, "Bearer"),
            (Problem::new(Code::NotFound, "no"), header::CONTENT_TYPE, MEDIA_TYPE),
        ] {
            assert_eq!(problem.response().headers().get(name).and_then(|v| v.to_str().ok()), Some(value));
        }
    }
}
