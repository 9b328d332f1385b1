//! Extractors for bodies and query strings: limits first, then strict JSON, then typed fields.
//!
//! They never trust `Content-Length`: what arrives is counted. The raw bytes stay at hand, because a repeated request is
//! told from a reused idempotency key by the hash of what the client sent.

use crate::http::fields::{Fields, FromFields, FromValue};
use crate::http::json;
use crate::http::problem::{Code, Problem};
use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::rt::time::timeout;
use actix_web::web::{Bytes, BytesMut};
use actix_web::{FromRequest, HttpRequest};
use futures_util::StreamExt;
use futures_util::future::LocalBoxFuture;
use serde::Serialize;
use serde_json::{Map, Value};
use std::future::{Ready, ready};
use std::time::Duration;
use utoipa::ToSchema;

/// How large and how deep a body may be. Put into the app's data; a route group may have its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BodyLimits {
    /// Largest body in bytes.
    pub bytes: usize,
    /// Most levels of arrays and objects.
    pub depth: usize,
    /// How long it may take to arrive: a client that stops in the middle must not hold its place for ever.
    pub patience: Duration,
}

/// A route group that takes bodies of so many bytes, also where the app takes fewer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LargeBodies(pub usize);

/// From so many bytes on a body is read on a thread of its own: it takes as long as many requests.
const LARGE_BYTES: usize = 256 * 1024;

impl Default for BodyLimits {
    fn default() -> Self {
        Self { bytes: 256 * 1024, depth: 32, patience: Duration::from_secs(10) }
    }
}

/// A JSON body, read as `T`, and the bytes that it was read from.
#[derive(Clone, Debug)]
pub struct Body<T> {
    /// The fields.
    pub value: T,
    /// What the client sent, byte for byte: the input of the command's body hash.
    pub raw: Bytes,
}

impl<T: FromValue + Send + 'static> FromRequest for Body<T> {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(req: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let receiving = receive(req, payload);
        Box::pin(async move {
            let (raw, depth_max) = receiving.await?;
            let value = match raw.len() {
                LARGE_BYTES.. => parse_aside(raw.clone(), depth_max).await?,
                _small => parse(&raw, depth_max)?,
            };
            Ok(Self { value, raw })
        })
    }
}

/// The whole body, and how deep it may be.
fn receive(req: &HttpRequest, payload: &mut Payload) -> impl Future<Output = Result<(Bytes, usize), Problem>> + use<> {
    let mut limits = req.app_data::<BodyLimits>().copied().unwrap_or_default();
    limits.bytes = req.app_data::<LargeBodies>().map_or(limits.bytes, |large| large.0.max(limits.bytes));
    let announced = req.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    let payload = payload.take();
    async move {
        let reading = timeout(limits.patience, read_all(payload, announced, limits.bytes)).await;
        let raw = reading.map_err(|_| Problem::new(Code::RequestTimeout, "the body did not arrive in time"))??;
        Ok((raw, limits.depth))
    }
}

/// A query string, read as `T`. Unknown names are refused, because a misspelt filter would answer too much.
#[derive(Clone, Debug)]
pub struct Query<T>(pub T);

impl<T: FromFields + 'static> FromRequest for Query<T> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(req: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(pairs(req.query_string()).and_then(Fields::read_query).map(Self))
    }
}

/// Fields that come in the body or in the query: some clients cannot send a body with `DELETE`.
#[derive(Clone, Debug)]
pub struct BodyOrQuery<T>(pub T);

impl<T: FromFields + 'static> FromRequest for BodyOrQuery<T> {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(req: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (query, receiving) = (pairs(req.query_string()), receive(req, payload));
        Box::pin(async move {
            let ((raw, depth_max), query) = (receiving.await?, query?);
            match (query.is_empty(), blank(&raw)) {
                (true, _) => parse(&raw, depth_max).map(Self),
                (false, true) => Fields::read_query(query).map(Self),
                (false, false) => Err(Problem::new(Code::BadRequest, "the fields come in the body or in the query, not in both")),
            }
        })
    }
}

/// No fields: the body is `{}` or left out. Its description; it is read as [`Nothing`].
#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Empty {}

/// No parameters at all: for routes that take none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nothing;

impl FromFields for Nothing {
    const EMPTY_OK: bool = true;

    fn from_fields(_: &mut Fields) -> Option<Self> {
        Some(Self)
    }
}

async fn parse_aside<T: FromValue + Send + 'static>(raw: Bytes, depth_max: usize) -> Result<T, Problem> {
    actix_web::web::block(move || parse(&raw, depth_max)).await.map_err(|_| Problem::internal())?
}

fn blank(raw: &[u8]) -> bool {
    raw.iter().all(u8::is_ascii_whitespace)
}

fn parse<T: FromValue>(raw: &[u8], depth_max: usize) -> Result<T, Problem> {
    match (blank(raw), T::EMPTY_OK) {
        (true, true) => Fields::read_body(Value::Object(Map::new())),
        (true, false) => Err(Problem::new(Code::MalformedJson, "a JSON object is needed as the body")),
        (false, _) => Fields::read_body(json::parse(raw, depth_max)?),
    }
}

async fn read_all(mut payload: Payload, announced: Option<u64>, bytes_max: usize) -> Result<Bytes, Problem> {
    let too_large = || Problem::new(Code::BodyTooLarge, format!("the body may have at most {bytes_max} bytes"));
    if announced.is_some_and(|bytes| bytes > bytes_max as u64) {
        return Err(too_large());
    }
    let mut all = BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_| Problem::new(Code::BadRequest, "the body ended before it was complete"))?;
        if all.len() + chunk.len() > bytes_max {
            return Err(too_large());
        }
        all.extend_from_slice(&chunk);
    }
    Ok(all.freeze())
}

/// Splits a query string (`application/x-www-form-urlencoded`). What is not spelt as it has to be is refused: read
/// leniently, a filter would silently ask for something else.
fn pairs(query: &str) -> Result<Vec<(String, String)>, Problem> {
    let misspelt = || Problem::new(Code::BadRequest, "the query string is no percent-encoded UTF-8");
    if !is_percent_encoded_utf8(query) {
        return Err(misspelt());
    }
    let read = actix_web::web::Query::<Vec<(String, String)>>::from_query(query);
    read.map(actix_web::web::Query::into_inner).map_err(|_| misspelt())
}

/// Whether two hexadecimal digits follow each `%` and the bytes are UTF-8 (RFC 3986 §2.1).
fn is_percent_encoded_utf8(query: &str) -> bool {
    let mut parts = query.split('%');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let digits = part.as_bytes().first_chunk::<2>().filter(|digits| digits.iter().all(u8::is_ascii_hexdigit));
        let Some(byte) = digits.and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()) else { return false };
        bytes.push(byte);
        bytes.extend_from_slice(&part.as_bytes()[2..]);
    }
    std::str::from_utf8(&bytes).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    #[derive(Debug, PartialEq)]
    struct Move {
        to: String,
        count: Option<u64>,
    }

    impl FromFields for Move {
        fn from_fields(fields: &mut Fields) -> Option<Self> {
            let (to, count) = (fields.line("to", 10), fields.optional("count"));
            Some(Self { to: to?, count })
        }
    }

    async fn body<T: FromFields + Send + 'static>(bytes: &'static [u8], limit: usize, announced: Option<&str>) -> Result<Body<T>, Problem> {
        let mut request = TestRequest::post().app_data(BodyLimits { bytes: limit, depth: 3, ..BodyLimits::default() }).set_payload(bytes);
        if let Some(length) = announced {
            request = request.insert_header((header::CONTENT_LENGTH, length));
        }
        let (req, mut payload) = request.to_http_parts();
        Body::from_request(&req, &mut payload).await
    }

    #[actix_web::test]
    async fn the_value_and_the_raw_bytes_arrive() {
        let body = body::<Move>(b" {\"to\": \"x\"}", 64, None).await.unwrap();
        assert_eq!((body.value, &body.raw[..]), (Move { to: "x".to_owned(), count: None }, &b" {\"to\": \"x\"}"[..]));
    }

    #[actix_web::test]
    async fn limits_hold_whatever_is_announced() {
        for announced in [None, Some("1"), Some("99999999999999999999"), Some("1000")] {
            let problem = body::<Move>(b"{\"to\": \"0123456789\"}", 12, announced).await.unwrap_err();
            assert_eq!(problem.code, Code::BodyTooLarge, "{announced:?}");
        }
        assert_eq!(body::<Move>(b"{\"to\":[[[1]]]}", 64, None).await.unwrap_err().code, Code::BodyTooDeep);
        assert!(body::<Move>(b"{\"to\":\"0123\"}", 13, None).await.is_ok(), "the limit itself is allowed");
    }

    #[actix_web::test]
    async fn a_route_group_may_take_larger_bodies_but_no_smaller_ones() {
        for (app, group, bytes, taken) in [(10, 400_000, 300_000, true), (10, 400_000, 400_001, false), (64, 10, 64, true)] {
            let text = format!("{{\"to\": \"x\"{}}}", " ".repeat(bytes - 11));
            let limits = BodyLimits { bytes: app, ..BodyLimits::default() };
            let request = TestRequest::post().app_data(limits).app_data(LargeBodies(group)).set_payload(text);
            let (req, mut payload) = request.to_http_parts();
            let read = Body::<Move>::from_request(&req, &mut payload).await.map(|body| body.value.to).map_err(|problem| problem.code);
            assert_eq!(read, if taken { Ok("x".to_owned()) } else { Err(Code::BodyTooLarge) }, "{bytes}");
        }
    }

    #[actix_web::test]
    async fn an_empty_body_counts_only_where_nothing_is_needed() {
        assert!(body::<Nothing>(b" \n", 64, None).await.is_ok());
        assert_eq!(body::<Move>(b"", 64, None).await.unwrap_err().code, Code::MalformedJson);
        assert_eq!(body::<Nothing>(b"{\"a\":1}", 64, None).await.unwrap_err().code, Code::UnknownField);
    }

    #[actix_web::test]
    async fn fields_come_in_the_body_or_in_the_query() {
        let moved = |to: &str, count| Ok(Move { to: to.to_owned(), count });
        for (uri, body, outcome) in [
            ("/", r#"{"to": "x", "count": 2}"#, moved("x", Some(2))),
            ("/?to=x&count=2", "", moved("x", Some(2))),
            ("/?to=x", "{}", Err(Code::BadRequest)),
            ("/?to=x&cuont=2", "", Err(Code::UnknownField)),
            ("/", r#"{"to": "x", "count": "2"}"#, Err(Code::InvalidField)),
            ("/", "", Err(Code::MalformedJson)),
        ] {
            let (req, mut payload) = TestRequest::with_uri(uri).set_payload(body).to_http_parts();
            let read = BodyOrQuery::<Move>::from_request(&req, &mut payload).await;
            assert_eq!(read.map(|read| read.0).map_err(|problem| problem.code), outcome, "{uri} {body}");
        }
    }

    #[actix_web::test]
    async fn queries_are_read_strictly() {
        for (query, outcome) in [
            ("/?to=a%20b&count=2", Ok(Move { to: "a b".to_owned(), count: Some(2) })),
            ("/?to=a+b", Ok(Move { to: "a b".to_owned(), count: None })),
            ("/?count=2", Err(Code::MissingField)),
            ("/?to=x&cuont=2", Err(Code::UnknownField)),
            ("/?to=x&to=x", Err(Code::DuplicateKey)),
            ("/?to=%00", Err(Code::InvalidField)),
            ("/?to=x&count=two", Err(Code::InvalidField)),
            ("/?to=", Err(Code::InvalidField)),
            ("/?to=%c3%A9", Ok(Move { to: "é".to_owned(), count: None })),
            ("/?to=%", Err(Code::BadRequest)),
            ("/?to=%zz", Err(Code::BadRequest)),
            ("/?to=%2", Err(Code::BadRequest)),
            ("/?to=%ff", Err(Code::BadRequest)),
            ("/?to=%c3x%a9", Err(Code::BadRequest)),
        ] {
            let req = TestRequest::with_uri(query).to_http_request();
            let read = Query::<Move>::extract(&req).await.map(|query| query.0).map_err(|problem| problem.code);
            assert_eq!(read, outcome, "{query}");
        }
    }
}
