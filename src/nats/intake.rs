//! Batches in, from JetStream: a durable consumer that all nodes share. A batch is acknowledged once it is journaled. One that can
//! never be taken in is put aside with the reason, and is not delivered again; one that only cannot be taken in now comes again.

use super::attend::Site;
use super::commands::{code_of, passed};
use super::connect::Session;
use super::gateway::{Answer, Call, Gateway};
use super::{BridgeError, stream, subject};
use crate::http::intake::PATH;
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderName, HeaderValue};
use actix_web::http::{Method, StatusCode};
use async_nats::HeaderMap;
use async_nats::header::NATS_MESSAGE_ID;
use async_nats::jetstream::consumer::{AckPolicy, PullConsumer, pull};
use async_nats::jetstream::{AckKind, Context, Message};
use futures_util::StreamExt;
use ionveil_kernel::Env;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// The durable consumer.
const CONSUMER: &str = "ionveil";
/// After so long without a word a batch is delivered again; a third of it passes between two words.
const ACK_WAIT: Duration = Duration::from_secs(30);
/// A batch that makes a handler fail so often is put aside.
const FAILURES_MAX: i64 = 5;
/// How long a batch waits that cannot be taken in now: so long, doubled each time, up to that.
const AGAIN_MIN: Duration = Duration::from_millis(500);
const AGAIN_MAX: Duration = Duration::from_secs(60);
/// The header that names a batch.
const BATCH_ID: &str = "Batch-Id";
/// The headers of what was put aside.
const PROBLEM: &str = "Ionveil-Problem";
const CODE: &str = "Ionveil-Code";
/// The most bytes of a problem in a header: with all its faults it may be as large as the batch.
const PROBLEM_BYTES_MAX: usize = 8_192;

/// What is to become of a batch.
#[derive(Debug, PartialEq, Eq)]
enum Fate {
    Taken,
    Aside,
    Again(Duration),
}

/// Takes in until something is wrong.
pub(super) async fn take_in(site: &Site, session: &Session) -> Result<(), BridgeError> {
    let Some(gateway) = site.gateway.clone() else { return Ok(()) };
    stream::ensure(&session.jetstream, stream::of_refused(&site.nats)).await?;
    stream::ensure(&session.jetstream, stream::of_batches(&site.nats)).await?;
    let consumer = consumer(site, session).await?;
    let mut batches =
        consumer.stream().max_messages_per_batch(site.nats.in_flight_max).messages().await.map_err(BridgeError::nats("read batches"))?;
    site.connected();
    let places = Arc::new(Semaphore::new(site.nats.in_flight_max));
    while let Some(batch) = batches.next().await {
        let batch = batch.map_err(BridgeError::nats("read a batch"))?;
        let place = places.clone().acquire_owned().await.map_err(|_| BridgeError::Disconnected)?;
        let (site, gateway, jetstream) = (site.clone(), gateway.clone(), session.jetstream.clone());
        site.node.env.clone().spawn(async move {
            let outcome = handle(&site, &gateway, &jetstream, &batch).await;
            site.figures.batch(outcome.unwrap_or_else(|error| {
                // It is delivered again.
                tracing::warn!(%error, "what became of a batch could not be told");
                "untold"
            }));
            drop(place);
        });
    }
    Err(BridgeError::Disconnected)
}

async fn consumer(site: &Site, session: &Session) -> Result<PullConsumer, BridgeError> {
    let config = pull::Config {
        durable_name: Some(CONSUMER.to_owned()),
        ack_policy: AckPolicy::Explicit,
        ack_wait: ACK_WAIT,
        max_ack_pending: i64::try_from(site.nats.in_flight_max).unwrap_or(i64::MAX),
        ..pull::Config::default()
    };
    let made = session.jetstream.create_consumer_on_stream(config, &*site.nats.intake_stream).await;
    made.map_err(BridgeError::nats("make the consumer of batches"))
}

async fn handle(site: &Site, gateway: &Gateway, jetstream: &Context, batch: &Message) -> Result<&'static str, async_nats::Error> {
    let delivered = batch.info()?.delivered;
    let answer = tokio::select! {
        biased;
        answer = gateway.call(call(batch)) => answer,
        lost = keep(batch, &site.node.env) => return Err(lost),
    };
    match fate(answer.status, code_of(&answer).as_deref(), delivered) {
        Fate::Taken => batch.double_ack().await.map(|()| "taken"),
        Fate::Again(after) => batch.ack_with(AckKind::Nak(Some(after))).await.map(|()| "again"),
        Fate::Aside => {
            put_aside(jetstream, batch, &answer).await?;
            tracing::warn!(status = answer.status.as_u16(), code = code_of(&answer), "a batch cannot be taken in and was put aside");
            batch.double_ack_with(AckKind::Term).await.map(|()| "refused")
        }
    }
}

/// What an answer means for a batch. Whatever is down or full will be there again, and so will the answer to the same batch that
/// is still being taken in; what is wrong with the batch stays wrong.
fn fate(status: StatusCode, code: Option<&str>, delivered: i64) -> Fate {
    let passing = matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE)
        || code == Some("idempotency_key_in_flight");
    let again = || {
        let doublings = u32::try_from(delivered.clamp(1, 10) - 1).unwrap_or_default();
        Fate::Again(AGAIN_MIN.saturating_mul(1 << doublings).min(AGAIN_MAX))
    };
    match status {
        status if status.is_success() => Fate::Taken,
        _ if passing => again(),
        status if status.is_server_error() && delivered < FAILURES_MAX => again(),
        _other => Fate::Aside,
    }
}

/// Says from time to time that it is being worked on; ends only when that cannot be said.
async fn keep(batch: &Message, env: &Env) -> async_nats::Error {
    loop {
        env.sleep(ACK_WAIT / 3).await;
        if let Err(error) = batch.ack_with(AckKind::Progress).await {
            return error;
        }
    }
}

fn call(batch: &Message) -> Call {
    let headers = batch.headers.as_ref();
    let named = header(headers, BATCH_ID).map(|id| format!("?batch_id={}", escaped(id))).unwrap_or_default();
    let mut passed = passed(headers);
    let text = |name, default| HeaderValue::from_str(header(headers, name).unwrap_or(default));
    let own: [(HeaderName, _); 2] =
        [(CONTENT_TYPE, text("Content-Type", "application/json")), (CONTENT_ENCODING, text("Content-Encoding", "identity"))];
    passed.extend(own.into_iter().filter_map(|(name, value)| Some((name, value.ok()?))));
    Call { method: Method::POST, target: format!("{PATH}{named}"), headers: passed, body: batch.payload.clone() }
}

fn header<'a>(headers: Option<&'a HeaderMap>, name: &str) -> Option<&'a str> {
    let mut all = headers?.iter();
    let (_, values) = all.find(|(known, _)| AsRef::<str>::as_ref(*known).eq_ignore_ascii_case(name))?;
    values.first().map(|value| value.as_str())
}

fn escaped(text: &str) -> String {
    let lawful = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
    text.bytes().map(|byte| if lawful(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

/// Keeps a batch with the reason, and without its credential. Put aside twice it is kept once.
async fn put_aside(jetstream: &Context, batch: &Message, answer: &Answer) -> Result<(), async_nats::Error> {
    let mut headers = HeaderMap::new();
    for name in [BATCH_ID, "Content-Type", "Content-Encoding", "traceparent"] {
        if let Some(value) = header(batch.headers.as_ref(), name) {
            headers.insert(name, value);
        }
    }
    let info = batch.info()?;
    headers.insert(NATS_MESSAGE_ID, format!("{}-{}-{}", info.stream, info.published.unix_timestamp_nanos(), info.stream_sequence));
    headers.insert(CODE, code_of(answer).unwrap_or_else(|| answer.status.as_str().to_owned()));
    if let Ok(problem) = std::str::from_utf8(&answer.body) {
        let end = problem.floor_char_boundary(PROBLEM_BYTES_MAX);
        headers.insert(PROBLEM, problem[..end].replace(['\r', '\n'], " "));
    }
    jetstream.publish_with_headers(subject::REFUSED, headers, batch.payload.clone()).await?.await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_a_batch_stays_wrong_and_what_is_down_comes_back() {
        let of = |status: u16, delivered| fate(StatusCode::from_u16(status).unwrap(), None, delivered);
        assert_eq!(fate(StatusCode::CONFLICT, Some("idempotency_key_in_flight"), 1), Fate::Again(AGAIN_MIN));
        assert_eq!(of(200, 1), Fate::Taken);
        for status in [400, 401, 403, 409, 413, 415] {
            assert_eq!(of(status, 1), Fate::Aside, "{status}");
        }
        for status in [408, 429, 503] {
            assert_eq!((of(status, 1), of(status, 1_000)), (Fate::Again(AGAIN_MIN), Fate::Again(AGAIN_MAX)), "{status}");
        }
        assert_eq!((of(500, 1), of(500, FAILURES_MAX)), (Fate::Again(AGAIN_MIN), Fate::Aside));
    }

    #[test]
    fn a_name_is_escaped() {
        assert_eq!(escaped("night-2026.11_a&b=ü%"), "night-2026.11_a%26b%3D%C3%BC%25");
    }
}
