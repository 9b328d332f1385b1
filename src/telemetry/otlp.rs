//! Spans over OTLP, by HTTP with protobuf, to an OpenTelemetry collector. A bounded queue and a thread of its own, both of the
//! OpenTelemetry SDK: a collector that is slow or away costs spans, and nothing else. What is lost is logged by the SDK.

use crate::web;
use ionveil_kernel::{Span, SpanKind, Spans, Timestamp};
use opentelemetry::trace::{self, SpanContext, Status, TraceFlags, TraceState};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_otlp::{ExporterBuildError, Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{BatchSpanProcessor, SpanData, SpanProcessor};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How long one batch may take to be sent.
const SENT_WITHIN: Duration = Duration::from_secs(10);
/// How long what is left may take to be sent at the end.
const FLUSHED_WITHIN: Duration = Duration::from_secs(5);

/// Sends spans to a collector.
#[derive(Debug)]
pub struct Otlp {
    processor: BatchSpanProcessor,
    scope: InstrumentationScope,
}

/// Why nothing can be sent.
#[derive(Debug, thiserror::Error)]
pub enum OtlpError {
    /// The client cannot be made.
    #[error("make a client for the collector")]
    Client(#[from] reqwest::Error),
    /// The exporter cannot be made.
    #[error("make an exporter of spans")]
    Exporter(#[from] ExporterBuildError),
}

impl Otlp {
    /// Sends to `url`, the whole one, as spans of the service `name` on the node `instance`.
    ///
    /// # Errors
    /// [`OtlpError`].
    pub fn new(url: &str, name: &str, instance: &str) -> Result<Self, OtlpError> {
        let client = web::blocking_client(SENT_WITHIN)?;
        let exporter = SpanExporter::builder().with_http().with_http_client(client).with_protocol(Protocol::HttpBinary).with_endpoint(url);
        let mut processor = BatchSpanProcessor::builder(exporter.with_timeout(SENT_WITHIN).build()?).build();
        let about =
            [KeyValue::new("service.version", env!("CARGO_PKG_VERSION")), KeyValue::new("service.instance.id", instance.to_owned())];
        processor.set_resource(&Resource::builder_empty().with_service_name(name.to_owned()).with_attributes(about).build());
        let scope = InstrumentationScope::builder("ionveil").with_version(env!("CARGO_PKG_VERSION")).build();
        Ok(Self { processor, scope })
    }
}

impl Spans for Otlp {
    fn end(&self, span: Span) {
        let Span { context, parent, kind, name, start, end, attributes, fault } = span;
        self.processor.on_end(SpanData {
            span_context: SpanContext::new(
                context.trace.into(),
                context.span.into(),
                if context.sampled { TraceFlags::SAMPLED } else { TraceFlags::default() },
                false,
                TraceState::NONE,
            ),
            parent_span_id: parent.map_or(trace::SpanId::INVALID, trace::SpanId::from),
            parent_span_is_remote: kind == SpanKind::Server,
            span_kind: match kind {
                SpanKind::Server => trace::SpanKind::Server,
                SpanKind::Internal => trace::SpanKind::Internal,
            },
            name,
            start_time: system_time(start),
            end_time: system_time(end),
            attributes: attributes.into_iter().map(|(key, value)| KeyValue::new(key, value)).collect(),
            dropped_attributes_count: 0,
            events: Default::default(),
            links: Default::default(),
            status: fault.map_or(Status::Unset, Status::error),
            instrumentation_scope: self.scope.clone(),
        });
    }

    fn flush(&self) {
        if let Err(error) = self.processor.shutdown_with_timeout(FLUSHED_WITHIN) {
            tracing::warn!(%error, "the last spans were not sent");
        }
    }
}

/// Nothing that happened before 1970 is traced.
fn system_time(at: Timestamp) -> SystemTime {
    UNIX_EPOCH + Duration::from_micros(u64::try_from(at.micros()).unwrap_or(0))
}
