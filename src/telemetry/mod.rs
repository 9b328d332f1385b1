//! Traces of what this node does for others: a span per request and, below it, one per command. They go to whoever the host
//! names, or to an OpenTelemetry collector; without either nothing is made.
//!
//! A trace that a client began is recorded if the client says so in its `traceparent`; of those that begin here, a share.

#[cfg(feature = "otlp")]
mod otlp;

#[cfg(feature = "otlp")]
pub use otlp::{Otlp, OtlpError};

use crate::config::Config;
use crate::http::trace::Trace;
use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use ionveil_kernel::{Env, NodeId, Span, SpanContext, SpanKind, Spans, Timestamp};
use std::sync::Arc;
use tokio::sync::oneshot;

/// Who takes spans, and of how many traces.
#[derive(Clone)]
pub struct Tracing {
    spans: Arc<dyn Spans>,
    /// Of the traces that begin here, from 0 to 1.
    share: f64,
}

/// Who takes spans by the configuration of the node `id`.
///
/// # Errors
/// [`OtlpError`].
#[cfg(feature = "otlp")]
pub(crate) fn of(config: &Config, id: NodeId) -> Result<Option<Tracing>, OtlpError> {
    let Some(settings) = &config.telemetry else { return Ok(None) };
    let otlp = Otlp::new(&settings.otlp_url, &settings.service_name, &id.0.to_string())?;
    Ok(Some(Tracing::new(Arc::new(otlp), settings.share)))
}

/// Nobody: the configuration cannot name anybody.
#[cfg(not(feature = "otlp"))]
pub(crate) fn of(_config: &Config, _id: NodeId) -> Result<Option<Tracing>, std::convert::Infallible> {
    Ok(None)
}

/// A request that is being answered.
pub(crate) struct Begun {
    spans: Arc<dyn Spans>,
    context: SpanContext,
    parent: Option<u64>,
    start: Timestamp,
    method: String,
}

impl Tracing {
    /// Gives `spans` what is recorded: of traces that begin here the given share (0 to 1).
    #[must_use]
    pub fn new(spans: Arc<dyn Spans>, share: f64) -> Self {
        Self { spans, share: share.clamp(0.0, 1.0) }
    }

    /// Who takes them.
    #[must_use]
    pub fn spans(&self) -> Arc<dyn Spans> {
        self.spans.clone()
    }

    /// Hands on what was taken, before the end. It waits on a thread of its own.
    pub(crate) async fn flush(&self) {
        let (spans, (done, flushed)) = (self.spans.clone(), oneshot::channel());
        std::thread::spawn(move || {
            spans.flush();
            let _gone = done.send(());
        });
        drop(flushed.await);
    }

    /// Makes the request a span of its trace, under which everything else is recorded; none if the trace is not recorded.
    pub(crate) fn begin(&self, trace: Trace, method: &str, env: &Env) -> (Trace, Option<Begun>) {
        let Some(given) = SpanContext::parse(&trace.traceparent) else { return (trace, None) };
        let sampled = if trace.is_ours { self.takes(given.trace) } else { given.sampled };
        if !sampled {
            return (trace, None);
        }
        let context = SpanContext { sampled, ..if trace.is_ours { given } else { given.child(env.random()) } };
        let parent = (!trace.is_ours).then_some(given.span);
        let begun = Begun { spans: self.spans.clone(), context, parent, start: env.now(), method: method.to_owned() };
        (Trace { traceparent: context.to_string().into(), ..trace }, Some(begun))
    }

    /// Every node answers alike for the same trace.
    fn takes(&self, trace: u128) -> bool {
        let low = (trace & u128::from(u64::MAX)) as f64;
        low < self.share * 2_f64.powi(64)
    }
}

impl Begun {
    /// The request was answered.
    pub(crate) fn end(self, request: &HttpRequest, status: StatusCode, env: &Env) {
        let route = request.match_pattern();
        let name = route.as_ref().map_or_else(|| self.method.clone(), |route| format!("{} {route}", self.method));
        let mut attributes = vec![("http.request.method", self.method), ("http.response.status_code", status.as_u16().to_string())];
        attributes.extend(route.map(|route| ("http.route", route)));
        let fault = status.is_server_error().then(|| status.to_string());
        let (context, parent, start) = (self.context, self.parent, self.start);
        let span = Span { context, parent, kind: SpanKind::Server, name: name.into(), start, end: env.now(), attributes, fault };
        self.spans.end(span);
    }
}
