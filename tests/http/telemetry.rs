//! Traces, as a collector gets them: a request is a span of the client's trace, and its command a span below it.

use super::given::World;
use crate::support::gateway::{Gateway, Manner};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use prost::Message;
use serde_json::json;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

fn settings(collector: &Gateway, share: f64) -> String {
    format!("[telemetry]\notlp_url = \"http://{}/v1/traces\"\nservice_name = \"dispatch\"\nshare = {share}\n", collector.address)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What the collector got, with the name of the service.
fn received(collector: &Gateway) -> Vec<(String, Span)> {
    let requests = collector.bodies().into_iter().map(|body| ExportTraceServiceRequest::decode(&*body).expect("OTLP"));
    let mut spans = Vec::new();
    for resource in requests.flat_map(|request| request.resource_spans) {
        let about = format!("{:?}", resource.resource.expect("a resource").attributes);
        assert!(about.contains("dispatch") && about.contains("service.instance.id"), "{about}");
        spans.extend(resource.scope_spans.into_iter().flat_map(|scope| scope.spans).map(|span| (about.clone(), span)));
    }
    spans
}

fn value(span: &Span, key: &str) -> String {
    let found = span.attributes.iter().find(|attribute| attribute.key == key);
    found.map(|attribute| format!("{:?}", attribute.value)).unwrap_or_default()
}

// The collector is here: it has to take what comes while the end of the server is waited for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_and_its_command_are_spans_of_the_clients_trace() {
    let collector = Gateway::start(Manner::Answer(200, "")).await;
    let world = World::configured(&settings(&collector, 0.0));
    let create = |id: &str| json!({"id": id, "machine": "dispatch"});
    let parent = format!("00-{TRACE}-00f067aa0ba902b7-01");
    let path = "/api/v1/workflows";
    world.api.post_with(path, create("a"), &[("traceparent", &parent)]).await.json(201);
    world.api.post_with(path, create("a"), &[("traceparent", &parent)]).await.json(409);
    world.api.post_with(path, create("b"), &[("traceparent", &parent.replace("-01", "-00"))]).await.json(201);
    world.api.post(path, create("c")).await.json(201);
    assert!(world.into_parts().0.stop().success(), "what is left is sent before the end");
    let spans = received(&collector);
    let (requests, commands): (Vec<_>, Vec<_>) = spans.iter().map(|(_, span)| span).partition(|span| span.kind == SpanKind::Server as i32);
    assert_eq!((requests.len(), commands.len()), (2, 2), "{spans:#?}");
    for (request, status) in requests.iter().zip(["201", "409"]) {
        assert_eq!((hex(&request.trace_id), hex(&request.parent_span_id)), (TRACE.to_owned(), "00f067aa0ba902b7".to_owned()));
        assert_eq!(request.name, "POST /api/v1/workflows");
        assert!(value(request, "http.response.status_code").contains(status), "{request:?}");
    }
    for (command, outcome) in commands.iter().zip(["committed", "duplicate_entity"]) {
        assert_eq!((hex(&command.trace_id).as_str(), command.name.as_str()), (TRACE, "workflow"));
        let above = requests.iter().find(|request| request.span_id == command.parent_span_id).expect("its request");
        assert!(above.start_time_unix_nano <= command.start_time_unix_nano && command.end_time_unix_nano <= above.end_time_unix_nano);
        assert!(value(command, "ionveil.outcome").contains(outcome), "{command:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn traces_that_begin_here_are_recorded_by_their_share() {
    let collector = Gateway::start(Manner::Answer(200, "")).await;
    let world = World::configured(&settings(&collector, 1.0));
    world.api.create("a", "dispatch").await;
    let event = world.api.feed().await.remove(0);
    assert!(world.into_parts().0.stop().success());
    let spans = received(&collector);
    let request = spans.iter().map(|(_, span)| span).find(|span| span.name == "POST /api/v1/workflows").expect("the request");
    assert_eq!(hex(&request.parent_span_id), "", "it is the root");
    let told = format!("00-{}-{}-01", hex(&request.trace_id), hex(&request.span_id));
    assert_eq!(event["traceparent"], json!(told), "the event leads to the request");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_that_stalls_or_is_away_holds_up_nobody() {
    let collector = Gateway::start(Manner::Stall).await;
    let world = World::configured(&settings(&collector, 1.0));
    for number in 0..50 {
        world.api.create(&format!("w-{number}"), "dispatch").await;
    }
    drop(collector);
    world.api.create("after", "dispatch").await;
    assert!(world.into_parts().0.stop().success());
}
