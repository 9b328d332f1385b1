//! The middleware around every route: names the trace, checks `Host` and media types, sets security headers, and turns
//! what actix answers by itself into problem+json.
//!
//! It looks at no path and no credential. Paths need no care here: actix decodes each segment after routing and never
//! joins one to a file name.

use crate::http::intake;
use crate::http::problem::{Code, MEDIA_TYPE, Problem};
use crate::http::trace::Trace;
use crate::remote::REPLAYED;
use crate::telemetry::{Begun, Tracing};
use actix_web::body::{BodySize, EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, HttpResponse};
use ionveil_kernel::Env;
use std::sync::Arc;

/// What the middleware needs; put an `Arc` of it into the app's data.
pub struct Guard {
    env: Env,
    tracing: Option<Tracing>,
    /// The host names that are answered to, in lower case; none if every name is (authentication protects then).
    hosts: Option<Vec<String>>,
}

impl Guard {
    /// For a server with authentication: any `Host` will do.
    #[must_use]
    pub const fn any_host(env: Env) -> Self {
        Self { env, tracing: None, hosts: None }
    }

    /// Records the requests.
    #[must_use]
    pub fn traced(self, tracing: Option<Tracing>) -> Self {
        Self { tracing, ..self }
    }

    /// For a server on loopback without authentication: only loopback's names and `allowed` are answered to, because a
    /// foreign page can make its own name point to 127.0.0.1 and then speak for the user (DNS rebinding).
    #[must_use]
    pub fn loopback_only(env: Env, allowed: &[String]) -> Self {
        let own = ["localhost", "127.0.0.1", "[::1]"].map(str::to_owned);
        let allowed = allowed.iter().map(|host| host.to_ascii_lowercase());
        Self { env, tracing: None, hosts: Some(own.into_iter().chain(allowed).collect()) }
    }

    fn begin(&self, req: &ServiceRequest) -> (Trace, Option<Begun>) {
        let trace = Trace::of(req.headers(), &self.env);
        match &self.tracing {
            Some(tracing) => tracing.begin(trace, req.method().as_str(), &self.env),
            None => (trace, None),
        }
    }

    fn check(&self, req: &ServiceRequest) -> Result<(), Problem> {
        if let Some(hosts) = &self.hosts {
            check_host(hosts, req.headers(), req.uri().host())?;
        }
        if req.path() == intake::PATH {
            return check_batch_type(req.headers());
        }
        // A link is the credential, and no foreign page knows it: the button of its page sends a form.
        if req.path().starts_with("/acknowledge/") {
            return Ok(());
        }
        check_media_type(req.method(), req.headers())
    }
}

/// Wrap the whole app in `actix_web::middleware::from_fn(guard)`, outermost.
///
/// # Errors
/// None of its own: problems become responses, except where an inner middleware fails, whose error is passed on as a
/// [`Problem`].
pub async fn guard<B: MessageBody + 'static>(req: ServiceRequest, next: Next<B>) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    let Some(guard) = req.app_data::<Arc<Guard>>().cloned() else {
        tracing::error!("the guard is mounted without its settings");
        return Ok(req.into_response(Problem::internal().response()).map_into_right_body());
    };
    let (trace, begun) = guard.begin(&req);
    req.extensions_mut().insert(trace.clone());
    let response = match guard.check(&req) {
        Err(problem) => {
            let refusal = problem.traced(trace.id).response();
            req.into_response(refusal).map_into_right_body()
        }
        Ok(()) => match next.call(req).await {
            Ok(response) => as_problem(response, &trace),
            Err(error) => return Err(problem_of(&error).traced(trace.id).into()),
        },
    };
    if let Some(begun) = begun {
        begun.end(response.request(), response.status(), &guard.env);
    }
    Ok(secured(response))
}

/// Gives errors of ours the trace id, and those of actix a body.
fn as_problem<B: MessageBody + 'static>(response: ServiceResponse<B>, trace: &Trace) -> ServiceResponse<EitherBody<B>> {
    let status = response.status();
    let failed = status.is_client_error() || status.is_server_error();
    let bare = matches!(response.response().body().size(), BodySize::None | BodySize::Sized(0));
    let ours = response.response().extensions().get::<Problem>().cloned();
    let problem = match (ours, response.response().error()) {
        (Some(problem), _) => problem,
        (None, Some(error)) => problem_of(error),
        (None, None) if failed && bare => Problem::new(Code::for_status(status), sentence(status)),
        (None, None) => return response.map_into_left_body(),
    };
    if !failed {
        return response.map_into_left_body();
    }
    let kept = [header::ALLOW, HeaderName::from_static(REPLAYED)].map(|name| (response.headers().get(&name).cloned(), name));
    let mut answer: HttpResponse = problem.traced(trace.id).response();
    for (value, name) in kept {
        if let Some(value) = value {
            answer.headers_mut().insert(name, value);
        }
    }
    response.into_response(answer).map_into_right_body()
}

/// An error of ours as it is, one of actix by its status. The text of foreign errors of the server is not told.
fn problem_of(error: &Error) -> Problem {
    if let Some(problem) = error.as_error::<Problem>() {
        return problem.clone();
    }
    let status = error.as_response_error().status_code();
    let code = Code::for_status(status);
    if code == Code::Internal {
        tracing::error!(%error, "a handler failed");
        return Problem::internal();
    }
    Problem::new(code, if status.is_client_error() { error.to_string() } else { sentence(status) })
}

fn sentence(status: StatusCode) -> String {
    match status {
        StatusCode::NOT_FOUND => "there is no such route; /openapi.json lists all".to_owned(),
        StatusCode::METHOD_NOT_ALLOWED => "this route has no such method".to_owned(),
        other => other.canonical_reason().unwrap_or("the request failed").to_owned(),
    }
}

fn check_host(hosts: &[String], headers: &HeaderMap, in_target: Option<&str>) -> Result<(), Problem> {
    let refuse = || {
        let detail = "this server runs without authentication and answers only to localhost and to the names in server.allowed_hosts";
        Err(Problem::new(Code::HostNotAllowed, detail))
    };
    let mut all = headers.get_all(header::HOST);
    let (Some(first), None) = (all.next().and_then(|host| host.to_str().ok()), all.next()) else { return refuse() };
    let allowed = |host: &str| hosts.iter().any(|known| known.eq_ignore_ascii_case(without_port(host)));
    // A request target in absolute form outranks the header (RFC 9112 §3.2.2), so both have to be right.
    if allowed(first) && in_target.is_none_or(allowed) { Ok(()) } else { refuse() }
}

/// `host:port` without the port; an IPv6 address keeps its brackets.
fn without_port(host: &str) -> &str {
    let Some((name, port)) = host.rsplit_once(':') else { return host };
    let whole = name.ends_with(']') || !name.contains(':');
    if whole && port.bytes().all(|b| b.is_ascii_digit()) { name } else { host }
}

/// Bodies must be JSON and say so: a form of a foreign page cannot send that type without being asked first (CORS).
fn check_media_type(method: &Method, headers: &HeaderMap) -> Result<(), Problem> {
    let writes = matches!(*method, Method::POST | Method::PUT | Method::PATCH | Method::DELETE);
    if !writes || !has_body(headers) {
        return Ok(());
    }
    if !is_of_type(headers, &["application/json"]) {
        return Err(Problem::new(Code::UnsupportedMediaType, "the body must be sent as content-type application/json"));
    }
    if is_coded(headers, "identity") {
        return Err(Problem::new(Code::UnsupportedMediaType, "the body must be sent without content-encoding"));
    }
    Ok(())
}

/// Batches may come as lines, and packed. A foreign page cannot send these types unasked either.
fn check_batch_type(headers: &HeaderMap) -> Result<(), Problem> {
    if has_body(headers) && !is_of_type(headers, &["application/json", intake::LINES]) {
        return Err(Problem::new(Code::UnsupportedMediaType, "the body must be sent as application/json or application/x-ndjson"));
    }
    if is_coded(headers, "identity") && is_coded(headers, "gzip") {
        return Err(Problem::new(Code::UnsupportedMediaType, "the body must be sent as it is, or with content-encoding gzip"));
    }
    Ok(())
}

/// Whether there is one content type, and one of these.
fn is_of_type(headers: &HeaderMap, types: &[&str]) -> bool {
    let mut given = headers.get_all(header::CONTENT_TYPE).map(HeaderValue::to_str);
    let (first, second) = (given.next(), given.next());
    let essence = first.and_then(Result::ok).and_then(|text| text.split(';').next()).map(str::trim);
    second.is_none() && essence.is_some_and(|essence| types.iter().any(|wanted| essence.eq_ignore_ascii_case(wanted)))
}

/// Whether there is a coding, and another one than this.
fn is_coded(headers: &HeaderMap, but: &str) -> bool {
    headers.get(header::CONTENT_ENCODING).is_some_and(|coding| !coding.as_bytes().eq_ignore_ascii_case(but.as_bytes()))
}

fn has_body(headers: &HeaderMap) -> bool {
    let length = headers.get(header::CONTENT_LENGTH);
    headers.contains_key(header::TRANSFER_ENCODING) || length.is_some_and(|length| length.as_bytes() != b"0")
}

/// Set unless a handler said otherwise: answers are not guessed at, framed, shared across sites or cached.
pub(super) const SECURITY: [(HeaderName, &str); 5] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (header::CACHE_CONTROL, "no-store"),
];

fn secured<B>(mut response: ServiceResponse<B>) -> ServiceResponse<B> {
    for (name, value) in SECURITY {
        if !response.headers().contains_key(&name) {
            response.headers_mut().insert(name, HeaderValue::from_static(value));
        }
    }
    response
}

/// Whether a response is problem+json.
#[must_use]
pub fn is_problem(headers: &HeaderMap) -> bool {
    headers.get(header::CONTENT_TYPE).is_some_and(|value| value.as_bytes() == MEDIA_TYPE.as_bytes())
}

#[cfg(test)]
mod tests;
