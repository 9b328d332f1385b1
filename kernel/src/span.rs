//! Spans as values: what took from when to when, in which trace. Nothing here is global, and nobody pays for spans that nobody
//! wants: whoever does brings a [`Spans`].
//!
//! Identifiers and flags are those of W3C Trace Context (<https://www.w3.org/TR/trace-context/>).

use crate::Timestamp;
use std::borrow::Cow;
use std::fmt;

/// A span's place in a trace, as a `traceparent` says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SpanContext {
    /// The trace; never zero.
    pub trace: u128,
    /// The span; never zero.
    pub span: u64,
    /// Whether the trace is recorded.
    pub sampled: bool,
}

impl SpanContext {
    /// Reads `version-traceid-parentid-flags`; later versions may add fields behind. None if it is unlawful.
    #[must_use]
    pub fn parse(traceparent: &str) -> Option<Self> {
        let hex = |part: &str, len| part.len() == len && part.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        let mut parts = traceparent.split('-');
        let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let shaped = hex(version, 2) && hex(trace, 32) && hex(span, 16) && hex(flags, 2);
        if !shaped || version == "ff" || (version == "00" && parts.next().is_some()) {
            return None;
        }
        let trace = u128::from_str_radix(trace, 16).ok().filter(|bits| *bits != 0)?;
        let span = u64::from_str_radix(span, 16).ok().filter(|bits| *bits != 0)?;
        let flags = u8::from_str_radix(flags, 16).ok()?;
        Some(Self { trace, span, sampled: flags & 1 == 1 })
    }

    /// A span of the same trace, named by the low half of `random`.
    #[must_use]
    pub fn child(self, random: u128) -> Self {
        let span = u64::try_from(random & u128::from(u64::MAX)).unwrap_or(1).max(1);
        Self { span, ..self }
    }
}

impl fmt::Display for SpanContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{:032x}-{:016x}-{:02x}", self.trace, self.span, u8::from(self.sampled))
    }
}

/// Which side of a call a span is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpanKind {
    /// A request that came in.
    Server,
    /// Work inside.
    Internal,
}

/// Something that is over.
#[derive(Clone, Debug, PartialEq)]
pub struct Span {
    /// Its own place.
    pub context: SpanContext,
    /// The span that it is a part of; none at the root of a trace.
    pub parent: Option<u64>,
    /// Which side of a call it is.
    pub kind: SpanKind,
    /// Of few values: a route, a kind of entity.
    pub name: Cow<'static, str>,
    /// When it began.
    pub start: Timestamp,
    /// When it ended.
    pub end: Timestamp,
    /// What else is known, under the field's names where it has some. Never a secret.
    pub attributes: Vec<(&'static str, String)>,
    /// What went wrong, if something did.
    pub fault: Option<String>,
}

/// Takes spans of traces that are recorded. It is called where work is done: it never waits.
pub trait Spans: Send + Sync + 'static {
    /// Takes a span; it may drop it.
    fn end(&self, span: Span);

    /// The node is closing: whatever was taken should be handed on now. This may wait, for a few seconds.
    fn flush(&self) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_lawful_parents_are_taken() {
        let good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let read = SpanContext::parse(good).unwrap();
        assert_eq!((read.to_string().as_str(), read.sampled), (good, true));
        assert!(!SpanContext::parse(&good.replace("-01", "-02")).unwrap().sampled);
        assert!(SpanContext::parse(&format!("{good}-what-later-versions-add").replacen("00", "01", 1)).is_some());
        for bad in [
            "",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-extra",
        ] {
            assert_eq!(SpanContext::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_child_is_never_nobody() {
        let parent = SpanContext { trace: 7, span: 9, sampled: true };
        assert_eq!(parent.child(0), SpanContext { span: 1, ..parent });
        assert_eq!(parent.child((3 << 64) | 5), SpanContext { span: 5, ..parent });
    }
}
