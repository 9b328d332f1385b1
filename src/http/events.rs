//! The feed: what was recorded in the caller's organisation, as pages and as a stream of server-sent events.
//!
//! A cursor stands for a place in every partition. Order is promised per partition; across partitions events come by
//! `recorded_at` as far as they are known.

use crate::http::answers::{Problems, problem_of_load};
use crate::http::app::App;
use crate::http::body::Query;
use crate::http::call::Call;
use crate::http::event_body::{EventBody, EventList};
use crate::http::fields::{Fields, FromFields};
use crate::http::list::page_size;
use crate::http::problem::{Code, Problem};
use crate::http::socket::Left;
use crate::http::sse;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, get};
use ionveil_journal::{Cursor, Feed, Filter};
use ionveil_kernel::{Kind, Role, StreamId, Timestamp};

/// How many events of a partition are fetched at a time for a stream.
const STREAM_CHUNK: usize = 256;

/// What is asked for.
pub struct Wanted {
    cursor: Option<String>,
    kind: Option<Kind>,
    stream: Option<StreamId>,
    since: Option<Timestamp>,
    size: usize,
}

impl FromFields for Wanted {
    const EMPTY_OK: bool = true;
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let (cursor, kind, since) = (fields.optional("cursor"), fields.optional("kind"), fields.optional("since"));
        let stream = fields.optional::<String>("stream");
        let parsed: Option<StreamId> = stream.as_ref().and_then(|text| text.parse().ok());
        if stream.is_some() && parsed.is_none() {
            fields.fault(Code::InvalidId, "stream", "must be <kind>:<organisation>:<id>");
        }
        Some(Self { cursor, kind, stream: parsed, since, size: page_size(fields)? })
    }
}

impl Wanted {
    /// The filter, held to the caller's organisation. Another organisation's stream is as unknown as one that never was.
    fn filter(&self, call: &Call) -> Result<Filter, Problem> {
        if self.stream.as_ref().is_some_and(|stream| stream.org != call.caller.org) {
            return Err(Problem::new(Code::NotFound, "there is no such stream"));
        }
        Ok(Filter {
            org: Some(call.caller.org.clone()),
            kind: self.kind.clone(),
            stream: self.stream.clone(),
            since: self.since,
            ..Filter::default()
        })
    }

    fn feed(&self, app: &App, call: &Call, resumed: Option<&str>, chunk: usize) -> Result<Feed, Problem> {
        let (filter, partitions) = (self.filter(call)?, app.node.store.partitions());
        let cursor = match resumed.or(self.cursor.as_deref()) {
            None => Cursor::start(partitions),
            Some(text) => Cursor::decode(text, &filter, partitions)
                .map_err(|error| Problem::field(Code::InvalidCursor, "cursor", format!("{error}; start again without one")))?,
        };
        Ok(Feed::new(app.node.store.clone(), filter, &cursor, chunk))
    }
}

/// A page of what was recorded. `next_cursor` is there as long as the page is not empty: keep the last one and ask again
/// later to go on.
#[utoipa::path(context_path = "/api/v1", tag = "Events",
    params(("cursor" = Option<String>, Query, description = "`next_cursor` of the page before, for the same filter", min_length = 1),
        ("page_size" = Option<u32>, Query, description = "1 to 500, default 50", minimum = 1, maximum = 500),
        ("kind" = Option<String>, Query, description = "Only streams of this kind", pattern = "^[a-z0-9][a-z0-9_-]{0,62}$"),
        ("stream" = Option<String>, Query, description = "Only this stream: <kind>:<organisation>:<id>"),
        ("since" = Option<String>, Query, description = "Only what was recorded then or later (RFC 3339)", format = DateTime)),
    responses((status = 200, description = "A page", body = EventList), Problems))]
#[get("/events")]
pub(crate) async fn list_events(app: Data<App>, call: Call, wanted: Query<Wanted>) -> Result<HttpResponse, Problem> {
    call.require(Role::Operator)?;
    let wanted = wanted.0;
    let mut feed = wanted.feed(&app, &call, None, wanted.size)?;
    let mut events = Vec::new();
    while events.is_empty() {
        let before = feed.cursor();
        events = feed.next(wanted.size).await.map_err(|error| problem_of_load(&error.into()))?;
        if feed.at_end() || feed.cursor() == before {
            break;
        }
    }
    let next_cursor = (!events.is_empty() || !feed.at_end()).then(|| feed.cursor().encode(feed.filter()));
    Ok(HttpResponse::Ok().json(EventList { items: events.iter().map(EventBody::new).collect(), next_cursor }))
}

/// What is recorded, as it is recorded (server-sent events). The `id` of each is a cursor: a client that reconnects with
/// `Last-Event-ID` misses nothing. An idle stream sends its cursor every 15 seconds.
#[utoipa::path(context_path = "/api/v1", tag = "Events",
    params(("cursor" = Option<String>, Query, description = "Where to start; `Last-Event-ID` goes before it; absent: from the beginning"),
        ("kind" = Option<String>, Query, description = "Only streams of this kind", pattern = "^[a-z0-9][a-z0-9_-]{0,62}$"),
        ("stream" = Option<String>, Query, description = "Only this stream"),
        ("since" = Option<String>, Query, description = "Only what was recorded then or later (RFC 3339)", format = DateTime),
        ("Last-Event-ID" = Option<String>, Header, description = "The last `id` that arrived")),
    responses((status = 200, description = "A stream of events", content_type = "text/event-stream", body = String), Problems))]
#[get("/events/stream")]
pub(crate) async fn stream_events(app: Data<App>, req: HttpRequest, call: Call, wanted: Query<Wanted>) -> Result<HttpResponse, Problem> {
    call.require(Role::Operator)?;
    let header = req.headers().get("last-event-id").map(|value| value.to_str().unwrap_or("!"));
    let resumed = header.filter(|text| !text.is_empty());
    let feed = wanted.0.feed(&app, &call, resumed, STREAM_CHUNK)?;
    sse::respond(app.get_ref().clone(), feed, req.conn_data::<Left>().cloned())
}
