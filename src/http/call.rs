//! What every request brings beside path, query and body: who asks, the trace, the idempotency key and the precondition.

use crate::commands::command_id_or_fresh;
use crate::http::auth::Authenticated;
use crate::http::problem::{Code, Problem};
use crate::http::trace::Trace;
use actix_web::dev::Payload;
use actix_web::http::header::{HeaderMap, IF_MATCH};
use actix_web::{FromRequest, HttpRequest};
use ionveil_kernel::{BodyHash, Caller, Env, Meta, Role, Timestamp};
use std::future::{Ready, ready};

/// The most bytes of an idempotency key.
pub const KEY_BYTES_MAX: usize = 255;

/// One authenticated request.
pub struct Call {
    /// Who asks.
    pub caller: Caller,
    /// The trace it belongs to.
    pub trace: Trace,
    /// `Idempotency-Key`: 1 to 255 visible ASCII characters.
    pub key: Option<String>,
    /// The version in `If-Match`.
    pub if_match: Option<u64>,
}

impl Call {
    /// Refuses a caller below `role`.
    ///
    /// # Errors
    /// `forbidden`.
    pub fn require(&self, role: Role) -> Result<(), Problem> {
        if self.caller.role >= role {
            return Ok(());
        }
        Err(Problem::new(Code::Forbidden, format!("this needs the role {role}, you are {}", self.caller.role)))
    }

    /// The metadata of the command that this request asks for; `If-Match` outranks the version in the body.
    #[must_use]
    pub fn meta(&self, env: &Env, body_hash: BodyHash, occurred_at: Option<Timestamp>, expected_version: Option<u64>) -> Meta {
        Meta {
            command_id: command_id_or_fresh(&self.caller.org, self.key.as_deref(), env),
            body_hash,
            correlation_id: self.trace.correlation_id(),
            causation_id: None,
            caller: self.caller.clone(),
            occurred_at,
            expected_version: self.if_match.or(expected_version),
            traceparent: Some(self.trace.traceparent.clone()),
        }
    }
}

impl FromRequest for Call {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(req: &HttpRequest, payload: &mut Payload) -> Self::Future {
        ready(read(req, payload))
    }
}

fn read(req: &HttpRequest, payload: &mut Payload) -> Result<Call, Problem> {
    let Authenticated(caller) = Authenticated::from_request(req, payload).into_inner()?;
    let trace = Trace::from_request(req, payload).into_inner()?;
    Ok(Call { caller, trace, key: key(req.headers())?, if_match: if_match(req.headers())? })
}

fn key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let mut all = headers.get_all("idempotency-key");
    let Some(first) = all.next() else { return Ok(None) };
    let text = first.to_str().ok().filter(|text| (1..=KEY_BYTES_MAX).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic()));
    match (text, all.next()) {
        (Some(text), None) => Ok(Some(text.to_owned())),
        _other => Err(Problem::field(
            Code::InvalidIdempotencyKey,
            "Idempotency-Key",
            format!("must be given once, with 1 to {KEY_BYTES_MAX} visible ASCII characters"),
        )),
    }
}

/// A version that no entity ever has.
const NO_VERSION: u64 = u64::MAX;

/// `*` asks for nothing that a command does not ask for anyway. A tag that is none of ours is that of no version, and a
/// weak one never matches (RFC 9110 §13.1.1).
fn if_match(headers: &HeaderMap) -> Result<Option<u64>, Problem> {
    let mut all = headers.get_all(IF_MATCH);
    let Some(first) = all.next() else { return Ok(None) };
    let text = first.to_str().ok().filter(|_| all.next().is_none()).unwrap_or_default().trim();
    if text == "*" {
        return Ok(None);
    }
    let (weak, tag) = text.strip_prefix("W/").map_or((false, text), |tag| (true, tag));
    let opaque = tag.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).filter(|opaque| !opaque.contains('"'));
    let opaque =
        opaque.ok_or_else(|| Problem::field(Code::InvalidField, "If-Match", "must be one ETag of an earlier answer, such as \"3\""))?;
    let ours = !weak && opaque.bytes().all(|b| b.is_ascii_digit());
    Ok(Some(opaque.parse().ok().filter(|_| ours).unwrap_or(NO_VERSION)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    #[test]
    fn a_precondition_is_one_strong_etag() {
        let none = Ok(Some(NO_VERSION));
        for (headers, outcome) in [
            (&[][..], Ok(None)),
            (&["*"], Ok(None)),
            (&["\"3\""], Ok(Some(3))),
            (&["\"abc\""], none),
            (&["\"-1\""], none),
            (&["\"+3\""], none),
            (&["\"99999999999999999999\""], none),
            (&["W/\"3\""], none),
            (&["3"], Err(Code::InvalidField)),
            (&[""], Err(Code::InvalidField)),
            (&["\""], Err(Code::InvalidField)),
            (&["\"3\", \"4\""], Err(Code::InvalidField)),
            (&["\"3\"", "\"3\""], Err(Code::InvalidField)),
        ] {
            let request = headers.iter().fold(TestRequest::default(), |request, value| request.append_header((IF_MATCH, *value)));
            let read = if_match(request.to_http_request().headers()).map_err(|problem| problem.code);
            assert_eq!(read, outcome, "{headers:?}");
        }
    }
}
