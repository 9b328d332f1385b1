//! W3C Trace Context (<https://www.w3.org/TR/trace-context/>): the trace that a request belongs to, taken from its
//! `traceparent` or made fresh.
//!
//! It only names: spans are recorded by [`crate::telemetry`].

use actix_web::dev::Payload;
use actix_web::http::header::HeaderMap;
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use ionveil_kernel::{CorrelationId, Env, SpanContext};
use serde::{Serialize, Serializer};
use std::fmt;
use std::future::{Ready, ready};
use std::sync::Arc;
use uuid::Uuid;

/// 128 bits that name a trace; never zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TraceId(u128);

impl TraceId {
    /// Takes `bits`; zero is not lawful in the standard and becomes 1.
    #[must_use]
    pub const fn from_bits(bits: u128) -> Self {
        Self(if bits == 0 { 1 } else { bits })
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl Serialize for TraceId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The trace of the request at hand. The edge puts it into the request; handlers take it as an extractor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// The trace.
    pub id: TraceId,
    /// The `traceparent` to record and pass on: the client's, or one that we began.
    pub traceparent: Arc<str>,
    /// Whether it begins here.
    pub(crate) is_ours: bool,
}

impl Trace {
    /// The client's trace if its header is lawful, else a fresh one.
    #[must_use]
    pub fn of(headers: &HeaderMap, env: &Env) -> Self {
        let mut all = headers.get_all("traceparent");
        match (all.next().and_then(|value| value.to_str().ok()), all.next()) {
            (Some(text), None) => Self::parse(text).unwrap_or_else(|| Self::fresh(env)),
            _ => Self::fresh(env),
        }
    }

    fn fresh(env: &Env) -> Self {
        let id = TraceId::from_bits(env.random());
        let context = SpanContext { trace: id.0, span: 0, sampled: false }.child(env.random());
        Self { id, traceparent: context.to_string().into(), is_ours: true }
    }

    fn parse(text: &str) -> Option<Self> {
        let context = SpanContext::parse(text)?;
        Some(Self { id: TraceId(context.trace), traceparent: text.get(..55).unwrap_or(text).into(), is_ours: false })
    }

    /// The correlation of everything that this request sets off: the trace id, so that both lead to each other.
    #[must_use]
    pub const fn correlation_id(&self) -> CorrelationId {
        CorrelationId(Uuid::from_u128(self.id.0))
    }
}

impl FromRequest for Trace {
    type Error = crate::http::problem::Problem;
    type Future = Ready<Result<Self, Self::Error>>;

    fn from_request(req: &HttpRequest, _: &mut Payload) -> Self::Future {
        // Only a route that is mounted without the edge's middleware lacks it, which is our fault.
        ready(req.extensions().get::<Self>().cloned().ok_or_else(Self::Error::internal))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lawful_parent_is_taken_as_it_is() {
        let good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let trace = Trace::parse(good).unwrap();
        assert_eq!((trace.id.to_string().as_str(), &*trace.traceparent, trace.is_ours), (&good[3..35], good, false));
        let later = format!("{good}-what-later-versions-add").replacen("00", "01", 1);
        assert_eq!(&*Trace::parse(&later).unwrap().traceparent, &later[..55]);
        assert_eq!(Trace::parse("00-00000000000000000000000000000000-00f067aa0ba902b7-01"), None);
    }
}
