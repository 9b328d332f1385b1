//! Commands in, by request and reply, through the NATS services protocol (ADR-32): `nats micro list|info|stats` shows them. One
//! endpoint per kind under `ionveil.commands`; nodes share the requests through a queue group.
//!
//! A reply has the body that HTTP would answer with, the status in `Ionveil-Status`, and for a problem the headers of the protocol
//! as well.

use super::attend::Site;
use super::connect::Session;
use super::gateway::{Answer, Call, Gateway};
use super::operations::{self, Kinds, Operation};
use super::{BridgeError, subject};
use crate::http::problem::{Code, Problem};
use crate::http::trace::Trace;
use actix_web::http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use async_nats::service::{NATS_SERVICE_ERROR, NATS_SERVICE_ERROR_CODE, Request, Service, ServiceExt, error};
use async_nats::{Client, HeaderMap};
use futures_util::{FutureExt, StreamExt, stream};
use ionveil_kernel::Env;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use tokio::sync::Semaphore;

/// The name of the service.
const SERVICE: &str = "ionveil";
/// Headers of a message that mean what they mean over HTTP.
const PASSED: [&str; 6] = ["authorization", "x-api-key", "idempotency-key", "if-match", "traceparent", "tracestate"];
/// Headers of an answer that go back.
const ANSWERED: [&str; 6] = ["content-type", "etag", "location", "idempotency-replayed", "retry-after", "www-authenticate"];
/// The header with the HTTP status.
pub(super) const STATUS: &str = "Ionveil-Status";

/// Ends the service when it goes, so that nothing holds the connection any more.
struct Running(Option<Service>);

impl Drop for Running {
    fn drop(&mut self) {
        // Ready at once: it only tells its tasks to end.
        if let Some(service) = self.0.take() {
            drop(service.stop().now_or_never());
        }
    }
}

/// Serves until the requests end.
pub(super) async fn serve(site: &Site, session: &Session) -> Result<(), BridgeError> {
    let Some(gateway) = site.gateway.clone() else { return Ok(()) };
    let kinds = operations::all();
    let builder =
        session.client.service_builder().description("Commands of IonVeil: the operations of its HTTP interface that change something");
    let service = builder.start(SERVICE, env!("CARGO_PKG_VERSION")).await.map_err(BridgeError::nats("start the service"))?;
    let endpoints = endpoints(&service, kinds).await?;
    let _running = Running(Some(service));
    session.client.flush().await.map_err(BridgeError::nats("subscribe"))?;
    site.connected();
    let places = Arc::new(Semaphore::new(site.nats.in_flight_max));
    let mut requests = stream::select_all(endpoints);
    while let Some((operations, request)) = requests.next().await {
        let (gateway, client, figures, body) = (gateway.clone(), session.client.clone(), site.figures.clone(), site.body);
        let env = site.node.env.clone();
        let place = places.clone().try_acquire_owned();
        site.node.env.spawn(async move {
            let answer = match place {
                Ok(_place) => answer(&gateway, &operations, &request, body, &env).await,
                Err(_full) => {
                    let problem = Problem::new(Code::Overloaded, "too many commands are being carried out; nothing was done");
                    refuse(&problem, passed(request.message.headers.as_ref()), &env)
                }
            };
            figures.command(if answer.status.is_success() { "accepted" } else { "refused" });
            reply(&client, request, answer).await;
        });
    }
    Err(BridgeError::Disconnected)
}

type Endpoint = stream::BoxStream<'static, (Arc<BTreeMap<String, Operation>>, Request)>;

async fn endpoints(service: &Service, kinds: Kinds) -> Result<Vec<Endpoint>, BridgeError> {
    let group = service.group(subject::COMMANDS);
    let mut endpoints = Vec::with_capacity(kinds.len());
    for (kind, operations) in kinds {
        let names = operations.keys().map(String::as_str).collect::<Vec<_>>().join(",");
        let builder = group.endpoint_builder().name(&kind).metadata(HashMap::from([("commands".to_owned(), names)]));
        let endpoint = builder.add(&kind).await.map_err(BridgeError::nats("add an endpoint"))?;
        let operations = Arc::new(operations);
        endpoints.push(endpoint.map(move |request| (operations.clone(), request)).boxed());
    }
    Ok(endpoints)
}

async fn answer(
    gateway: &Gateway,
    operations: &BTreeMap<String, Operation>,
    request: &Request,
    limits: (usize, usize),
    env: &Env,
) -> Answer {
    let mut headers = passed(request.message.headers.as_ref());
    match operations::read(operations, &request.message.payload, limits) {
        Err(problem) => refuse(&problem, headers, env),
        Ok((method, target, body)) => {
            if !body.is_empty() {
                headers.push((CONTENT_TYPE, HeaderValue::from_static("application/json")));
            }
            gateway.call(Call { method, target, headers, body: body.into() }).await
        }
    }
}

/// What is refused before the routes are asked has a trace as well.
fn refuse(problem: &Problem, headers: Vec<(HeaderName, HeaderValue)>, env: &Env) -> Answer {
    let trace = Trace::of(&headers.into_iter().collect(), env);
    Answer::problem(&problem.clone().traced(trace.id))
}

/// Those headers of a message that mean something to the routes. What is no header over HTTP is sent on as one that is refused.
pub(super) fn passed(headers: Option<&HeaderMap>) -> Vec<(HeaderName, HeaderValue)> {
    let mut passed = Vec::new();
    for (name, values) in headers.into_iter().flat_map(HeaderMap::iter) {
        let lower = AsRef::<str>::as_ref(name).to_ascii_lowercase();
        let Some(known) = PASSED.iter().find(|known| **known == lower) else { continue };
        let lawful = |text: &str| HeaderValue::from_str(text).unwrap_or_else(|_| HeaderValue::from_static("?"));
        passed.extend(values.iter().map(|value| (HeaderName::from_static(known), lawful(value.as_str()))));
    }
    passed
}

async fn reply(client: &Client, mut request: Request, answer: Answer) {
    let mut headers = HeaderMap::new();
    headers.insert(STATUS, answer.status.as_str());
    for name in ANSWERED {
        if let Some(value) = answer.header(name) {
            headers.insert(name, value);
        }
    }
    if answer.status.is_success() {
        let sent = request.respond_with_headers(Ok(answer.body), headers).await;
        return drop(sent.inspect_err(|error| tracing::debug!(%error, "a reply could not be sent")));
    }
    let code = usize::from(answer.status.as_u16());
    let status = code_of(&answer).unwrap_or_else(|| "internal".to_owned());
    headers.insert(NATS_SERVICE_ERROR, status.as_str());
    headers.insert(NATS_SERVICE_ERROR_CODE, code.to_string());
    // The client library sends errors without a body, and counts them. So the problem goes out by itself, and what the library
    // sends goes where nobody listens.
    let Some(asker) = request.message.reply.replace(client.new_inbox().into()) else { return };
    drop(request.respond(Err(error::Error { status, code })).await);
    let sent = client.publish_with_headers(asker, headers, answer.body).await;
    drop(sent.inspect_err(|error| tracing::debug!(%error, "a reply could not be sent")));
}

/// The code of a problem.
pub(super) fn code_of(answer: &Answer) -> Option<String> {
    let problem: serde_json::Value = serde_json::from_slice(&answer.body).ok()?;
    Some(problem.get("code")?.as_str()?.to_owned())
}
