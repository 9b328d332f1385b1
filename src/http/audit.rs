//! The audit trail of the caller's organisation, over HTTP.

use crate::audit::{AuditError, Line, lines};
use crate::http::answers::Problems;
use crate::http::app::App;
use crate::http::body::Query;
use crate::http::call::Call;
use crate::http::fields::{Fields, FromFields};
use crate::http::list::page_size;
use crate::http::problem::{Code, Problem};
use crate::time::Rfc3339;
use actix_web::web::Data;
use actix_web::{HttpResponse, get};
use ionveil_analytics::AHEAD_MAX;
use ionveil_analytics::audit::{AuditQuery, Change};
use ionveil_analytics::query::Range;
use ionveil_journal::{Cursor, Feed, Filter};
use ionveil_kernel::{Org, Role, StreamId, Timestamp};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// How many changes one request looks at, at most: with a narrow question a page may be short, or empty, and still have a next one.
const LOOKED_AT_MAX: usize = 10_000;

/// A change.
#[derive(Serialize, ToSchema)]
#[schema(as = AuditEntry)]
pub struct EntryBody {
    /// Names it: the event's id.
    id: String,
    /// What changed: a stream.
    #[schema(example = "incident:acme:i-1")]
    entity: String,
    /// The incident that it concerns.
    #[serde(skip_serializing_if = "Option::is_none")]
    incident: Option<String>,
    /// What was done.
    #[schema(example = "incident.closed")]
    action: String,
    /// Who did it.
    #[schema(example = "user:jane")]
    actor: String,
    /// More of it.
    details: Value,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    timestamp: Rfc3339,
    /// The chain that it is in: an organisation has one for each partition of the journal.
    chain: u16,
    /// Its number in the chain, from 1 without gaps; absent while it is not sealed yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1)]
    sequence: Option<u64>,
    /// The checksum before it in the chain.
    #[serde(skip_serializing_if = "Option::is_none")]
    previous: Option<String>,
    /// SHA-256 over the canonical JSON of all of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    checksum: Option<String>,
}

impl From<Line> for EntryBody {
    fn from(Line { partition, change, seal }: Line) -> Self {
        let Change { id, entity, incident, action, actor, details, timestamp, .. } = change;
        Self {
            id,
            entity,
            incident,
            action,
            actor,
            details: serde_json::from_str(&details).unwrap_or(Value::String(details)),
            timestamp: Rfc3339(timestamp),
            chain: partition,
            sequence: seal.map(|seal| seal.sequence),
            previous: seal.map(|seal| seal.previous.to_string()),
            checksum: seal.map(|seal| seal.checksum.to_string()),
        }
    }
}

/// A page of the trail.
#[derive(Serialize, ToSchema)]
#[schema(as = AuditTrail)]
pub struct TrailBody {
    /// As they were recorded, oldest first.
    items: Vec<EntryBody>,
    /// Asks for the next page; absent on the last one. A page may be short, or empty, and still have it.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// What is asked for.
pub struct Listing {
    since: Option<Timestamp>,
    until: Option<Timestamp>,
    action: Option<String>,
    actor: Option<String>,
    entity: Option<StreamId>,
    incident: Option<String>,
    cursor: Option<String>,
    size: usize,
}

impl FromFields for Listing {
    const EMPTY_OK: bool = true;

    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let (since, until) = (fields.optional("since"), fields.optional("until"));
        let (action, actor, incident) = (fields.optional("action"), fields.optional("actor"), fields.optional("incident"));
        let text = fields.optional::<String>("entity");
        let entity: Option<StreamId> = text.as_ref().and_then(|text| text.parse().ok());
        if text.is_some() && entity.is_none() {
            fields.fault(Code::InvalidId, "entity", "must be <kind>:<organisation>:<id>");
        }
        if since.zip(until).is_some_and(|(since, until): (Timestamp, Timestamp)| since > until) {
            fields.fault(Code::InvalidRange, "until", "must not lie before since");
        }
        Some(Self { since, until, action, actor, entity, incident, cursor: fields.optional("cursor"), size: page_size(fields)? })
    }
}

impl Listing {
    fn query(&self, org: Org) -> AuditQuery {
        let entity = self.entity.as_ref().map(ToString::to_string);
        let (action, actor, incident) = (self.action.clone(), self.actor.clone(), self.incident.clone());
        AuditQuery { org, since: self.since, until: self.until, action, actor, entity, incident }
    }

    /// Nothing happens much later than it is recorded to have.
    fn filter(&self, org: Org) -> Filter {
        let since = self.since.map(|since| Range::last(since, AHEAD_MAX).start);
        Filter { org: Some(org), stream: self.entity.clone(), since, ..Filter::default() }
    }
}

/// Every change in the system, as it was recorded: who did what, when, and to what; each sealed into a chain, so that one that is
/// taken out or altered shows (`ionveil audit verify`). Both ends of a time range are inclusive.
#[utoipa::path(context_path = "/api/v1", tag = "Audit",
    params(("since" = Option<String>, Query, description = "The first instant (RFC 3339)", format = DateTime),
        ("until" = Option<String>, Query, description = "The last instant (RFC 3339)", format = DateTime),
        ("action" = Option<String>, Query, description = "Only this action, such as incident.closed"),
        ("actor" = Option<String>, Query, description = "Only what this subject did"),
        ("entity" = Option<String>, Query, description = "Only changes of this stream: <kind>:<organisation>:<id>"),
        ("incident" = Option<String>, Query, description = "Only what concerns this incident"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before, for the same question", min_length = 1),
        ("page_size" = Option<u32>, Query, description = "1 to 500, default 50", minimum = 1, maximum = 500)),
    responses((status = 200, description = "A page", body = TrailBody), Problems))]
#[get("/audit")]
pub(crate) async fn list_audit(app: Data<App>, call: Call, listing: Query<Listing>) -> Result<HttpResponse, Problem> {
    call.require(Role::Supervisor)?;
    let (listing, org) = (listing.0, &call.caller.org);
    if listing.entity.as_ref().is_some_and(|entity| entity.org != *org) {
        return Err(Problem::new(Code::NotFound, "there is no such stream"));
    }
    let (query, filter, partitions) = (listing.query(org.clone()), listing.filter(org.clone()), app.node.store.partitions());
    let cursor = match &listing.cursor {
        None => Cursor::start(partitions),
        Some(text) => Cursor::decode(text, &filter, partitions)
            .map_err(|error| Problem::field(Code::InvalidCursor, "cursor", format!("{error}; start again without one")))?,
    };
    let mut feed = Feed::new(app.node.store.clone(), filter, &cursor, listing.size);
    let (mut wanted, mut looked_at) = (Vec::new(), 0);
    while wanted.len() < listing.size && looked_at < LOOKED_AT_MAX {
        let before = feed.cursor();
        let events = feed.next(listing.size - wanted.len()).await.map_err(|error| unread(&error.into()))?;
        looked_at += events.len().max(1);
        wanted.extend(events.into_iter().filter(|event| query.wants(&Change::of(event))));
        if feed.at_end() || feed.cursor() == before {
            break;
        }
    }
    let next_cursor = (!feed.at_end()).then(|| feed.cursor().encode(feed.filter()));
    let lines = lines(&app.node.views, org, &wanted).await.map_err(|error| unread(&error.into()))?;
    Ok(HttpResponse::Ok().json(TrailBody { items: lines.into_iter().map(EntryBody::from).collect(), next_cursor }))
}

fn unread(error: &AuditError) -> Problem {
    tracing::error!(error = error as &dyn std::error::Error, "the audit trail cannot be read");
    Problem::new(Code::StoreUnavailable, "the audit trail cannot be read now")
}
