//! Failover over HTTP: a dispatch is routed over channels until one delivers; and the list of attempts, for reviews.

use crate::channels::{Cause, Dispatch, RouteError, dispatch_stream};
use crate::commands::hash_of;
use crate::http::answers::{Problems, Refusal, problem_of, problem_of_load};
use crate::http::app::App;
use crate::http::body::{Body, Query};
use crate::http::call::Call;
use crate::http::channel_shapes::RouteFailover;
use crate::http::event_body::parse_position;
use crate::http::fields::{Fields, FromFields};
use crate::http::list::page_size;
use crate::http::problem::{Code, Fault, Halted, Problem};
use crate::http::workflows::wait_for;
use crate::time::Rfc3339;
use actix_web::web::Data;
use actix_web::{HttpResponse, get, post};
use ionveil_channels::failover::{self, Backup, Bound, End, Entry, Live, Outcome, Rejection, RequestForm};
use ionveil_kernel::{EntityId, PolicyLevel, Rejection as _, Role, Timestamp};
use ionveil_policy::level;
use ionveil_views::{Attempt, AttemptFilter, AttemptPlace};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

/// What a client asks for.
pub struct Routed {
    dispatch_id: EntityId,
    form: RequestForm,
    payload: Value,
}

struct ReadBackup(Backup);

impl FromFields for ReadBackup {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let (channel, weight) = (fields.required("channel"), fields.optional("weight"));
        Some(Self(Backup { channel: channel?, weight: weight.unwrap_or(1.0) }))
    }
}

impl FromFields for Routed {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let dispatch_id = fields.required("dispatch_id");
        let primary = fields.optional("primary");
        let backups = fields.optional::<Vec<ReadBackup>>("backups").unwrap_or_default();
        let form = RequestForm {
            primary,
            backups: backups.into_iter().map(|read| read.0).collect(),
            latency_threshold_ms: fields.optional("latency_threshold_ms"),
            max_failovers: fields.optional("max_failovers"),
            blocked: fields.optional("blocked").unwrap_or_default(),
            zone: fields.optional("zone"),
        };
        let payload = fields.optional("payload").unwrap_or(Value::Null);
        Some(Self { dispatch_id: dispatch_id?, form, payload })
    }
}

/// What came of a channel.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = FailoverAttempt)]
pub struct AttemptBody {
    /// The channel.
    #[schema(example = "radio-north")]
    channel: String,
    /// What it came to; `unknown`: it was sent perhaps, and nobody knows.
    #[schema(value_type = String, pattern = "^(success|failed|skipped|unknown)$", example = "success")]
    outcome: Outcome,
    /// Why it failed (`latency_exceeded`, `unavailable`, `send_failed`, `timeout`, `unknown_channel`, `address_not_allowed`), was
    /// skipped (`blocked`, `circuit_open`, `retry_after`) or is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// How long it took, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    latency_ms: Option<f64>,
    /// The HTTP status, if there was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    http_status: Option<u16>,
    /// Whether nothing was really sent.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(required = false)]
    simulated: bool,
    /// The limits of the policy that cut the call short.
    #[serde(skip_serializing_if = "Option::is_none")]
    policy: Option<BoundBody>,
}

/// Limits of calls, and who decided them.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = PolicyLimits)]
pub struct BoundBody {
    /// The level.
    #[schema(value_type = String, pattern = "^(normal|watch|restricted|halted)$", example = "restricted")]
    level: PolicyLevel,
    /// The node that decided it.
    #[schema(example = "B09.39")]
    node: String,
    /// The most attempts after the first one.
    max_failovers: u32,
    /// For how long a call is waited for.
    timeout_ms: u64,
}

impl From<Bound> for BoundBody {
    fn from(Bound { level, node, max_failovers, timeout_ms }: Bound) -> Self {
        Self { level, node, max_failovers, timeout_ms }
    }
}

/// How a dispatch was routed.
#[derive(Serialize, ToSchema)]
#[schema(as = FailoverRoute)]
pub struct RouteBody {
    /// The dispatch.
    #[schema(example = "d-4711")]
    dispatch_id: String,
    /// The channel that delivered.
    #[schema(example = "radio-north")]
    channel: String,
    /// Attempts before that one.
    failovers: u32,
    /// What came of the channels, in the order in which they were looked at.
    attempts: Vec<AttemptBody>,
    /// The known latencies of all attempts together.
    total_latency_ms: f64,
}

impl From<&Entry> for AttemptBody {
    fn from(entry: &Entry) -> Self {
        Self {
            channel: entry.channel.to_string(),
            outcome: entry.outcome,
            reason: entry.reason.clone(),
            latency_ms: entry.latency_ms,
            http_status: entry.http_status,
            simulated: entry.simulated,
            policy: entry.bound.clone().map(BoundBody::from),
        }
    }
}

impl Refusal for Rejection {
    fn halted(&self) -> Option<Halted> {
        let Self::PolicyHalted(halt) = self else { return None };
        Some((**halt).clone().into())
    }

    fn as_faults(&self) -> Vec<Fault> {
        let field = matches!(self, Self::DuplicateDispatch).then(|| "dispatch_id".to_owned());
        vec![Fault { code: Code::from_name(self.code()).unwrap_or(Code::Internal), field, index: None, detail: self.to_string() }]
    }
}

fn problem_of_route(error: RouteError) -> Problem {
    match error {
        RouteError::DuplicateDispatch => Problem::field(Code::DuplicateDispatch, "dispatch_id", error.to_string()),
        RouteError::Dispatch(error) => problem_of(error, false),
        RouteError::Channel(error) => problem_of(error, false),
        RouteError::Load(error) => problem_of_load(&error),
        RouteError::Broken => {
            tracing::error!("a dispatch broke off");
            Problem::new(Code::OutcomeUnknown, "the dispatch broke off; repeat the request, and it goes on where it was")
        }
    }
}

async fn route(app: &App, call: &Call, asked: Routed) -> Result<HttpResponse, Problem> {
    call.require(Role::Dispatcher)?;
    let Routed { dispatch_id, form, payload } = asked;
    let hash = hash_of(&json!([form, payload]), None, None);
    let request = form.check(hash.into()).map_err(|faults| Problem::of_faults(faults.into_iter().map(fault).collect()))?;
    let cause = Cause {
        dispatch: dispatch_stream(&call.caller.org, dispatch_id.clone()),
        caller: call.caller.clone(),
        correlation_id: call.trace.correlation_id(),
        traceparent: Some(call.trace.traceparent.clone()),
    };
    let live = app.node.channels.route(cause, Dispatch { request, payload }).await.map_err(problem_of_route)?;
    answer(&dispatch_id, &live)
}

fn fault(fault: failover::Fault) -> Fault {
    Fault::field(Code::from_name(fault.code).unwrap_or(Code::InvalidField), fault.field, fault.detail)
}

fn answer(dispatch_id: &EntityId, live: &Live) -> Result<HttpResponse, Problem> {
    let attempts: Vec<AttemptBody> = live.log.iter().map(AttemptBody::from).collect();
    let delivered = live.log.last().filter(|_| live.end == Some(End::Delivered));
    let Some(last) = delivered else {
        let attempts = serde_json::to_value(attempts).unwrap_or_default();
        let problem = Problem::new(Code::AllChannelsFailed, exhausted(live));
        return Err(problem.with_attempts(attempts));
    };
    Ok(HttpResponse::Ok().json(RouteBody {
        dispatch_id: dispatch_id.to_string(),
        channel: last.channel.to_string(),
        failovers: live.failovers(),
        attempts,
        total_latency_ms: live.total_latency_ms(),
    }))
}

/// Who left no more channels is told, if there were more.
fn exhausted(live: &Live) -> String {
    let attempts = live.attempts();
    let Some(cut) = &live.cut_by else { return format!("no channel has delivered after {attempts} attempts") };
    let (most, node, level) = (cut.max_failovers, &cut.node, level::name(cut.level));
    format!("no channel has delivered after {attempts} attempts; the policy of {node:?} is {level} and allows {most} failovers")
}

/// Routes a dispatch over channels, the primary first, until one delivers; each attempt is recorded before it is sent. A repeat
/// under the same `dispatch_id` is answered as the first was, waits for it while it is under way, and goes on with the next
/// channel where a crash has cut it off.
#[utoipa::path(context_path = "/api/v1", tag = "Channels", request_body = RouteFailover,
    responses((status = 200, description = "Delivered", body = RouteBody), Problems))]
#[post("/dispatch/route/failover")]
pub(crate) async fn route_failover(app: Data<App>, call: Call, body: Body<Routed>) -> Result<HttpResponse, Problem> {
    route(&app, &call, body.value).await
}

/// As `/api/v1/dispatch/route/failover`.
#[utoipa::path(post, path = "/dispatch/route/failover", tag = "Channels", request_body = RouteFailover,
    responses((status = 200, description = "Delivered", body = RouteBody), Problems))]
pub(crate) async fn route_failover_at_root(app: Data<App>, call: Call, body: Body<Routed>) -> Result<HttpResponse, Problem> {
    route(&app, &call, body.value).await
}

/// An attempt, or a channel that was passed over.
#[derive(Serialize, ToSchema)]
#[schema(as = RoutingAttempt)]
pub struct LoggedBody {
    /// The dispatch.
    dispatch_id: String,
    /// Its place in the log of the dispatch, from 1.
    #[schema(minimum = 1)]
    number: u32,
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    at: Rfc3339,
    /// What came of it; while it is under way, `unknown`.
    #[serde(flatten)]
    attempt: AttemptBody,
    /// The answer that came after it was given up.
    #[serde(skip_serializing_if = "Option::is_none")]
    answered_late: Option<LateBody>,
}

/// An answer that came too late.
#[derive(Serialize, ToSchema)]
#[schema(as = LateAnswer)]
pub struct LateBody {
    /// Whether it was delivered after all.
    delivered: bool,
    /// How long it took.
    latency_ms: f64,
    /// The HTTP status, if there was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    http_status: Option<u16>,
}

/// A page of attempts.
#[derive(Serialize, ToSchema)]
pub struct AttemptList {
    /// Oldest first.
    items: Vec<LoggedBody>,
    /// Asks for the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

impl From<Attempt> for LoggedBody {
    fn from(attempt: Attempt) -> Self {
        let Attempt { dispatch_id, number, channel, outcome, reason, latency_ms, http_status, simulated, at, answered_late, bound } =
            attempt;
        let late = answered_late;
        Self {
            dispatch_id: dispatch_id.to_string(),
            number,
            at: Rfc3339(at),
            attempt: AttemptBody {
                channel: channel.to_string(),
                outcome,
                reason,
                latency_ms,
                http_status,
                simulated,
                policy: bound.map(BoundBody::from),
            },
            answered_late: late.map(|late| LateBody {
                delivered: late.delivered,
                latency_ms: late.latency_ms,
                http_status: late.http_status,
            }),
        }
    }
}

/// Which attempts are asked for, and where the page begins.
pub struct Listing {
    filter: AttemptFilter,
    cursor: Option<AttemptPlace>,
    after: Option<(u16, u64)>,
    size: usize,
}

fn cursor(place: &Attempt) -> String {
    format!("a{}_{}_{}", place.at.micros(), place.number, place.dispatch_id)
}

fn parse_cursor(text: &str) -> Option<AttemptPlace> {
    let mut parts = text.strip_prefix('a')?.splitn(3, '_');
    let (at, number, dispatch) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?, EntityId::new(parts.next()?).ok()?);
    Some(AttemptPlace { at: Timestamp::from_micros(at), dispatch, number })
}

impl FromFields for Listing {
    const EMPTY_OK: bool = true;
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let (channel, dispatch) = (fields.optional("channel"), fields.optional("dispatch_id"));
        let (since, until) = (fields.optional("since"), fields.optional("until"));
        let (after, text) = (fields.optional::<String>("after"), fields.optional::<String>("cursor"));
        let (size, cursor) = (page_size(fields), text.as_deref().and_then(parse_cursor));
        if text.is_some() && cursor.is_none() {
            fields.fault(Code::InvalidCursor, "cursor", "is no cursor of this list");
        }
        let position = after.as_deref().and_then(parse_position);
        if after.is_some() && position.is_none() {
            fields.fault(Code::InvalidField, "after", "must be the `position` of an event");
        }
        Some(Self { filter: AttemptFilter { channel, dispatch, since, until }, cursor, after: position, size: size? })
    }
}

/// The attempts to send over channels, oldest first. The list follows the journal; who must see his own write in it passes
/// `after`.
#[utoipa::path(context_path = "/api/v1", tag = "Channels",
    params(("channel" = Option<String>, Query, description = "Only those over this channel", pattern = "^[A-Za-z0-9][A-Za-z0-9_:@.-]{0,127}$"),
        ("dispatch_id" = Option<String>, Query, description = "Only those of this dispatch", pattern = "^[A-Za-z0-9][A-Za-z0-9_:@.-]{0,127}$"),
        ("since" = Option<String>, Query, description = "Only those that began then or later (RFC 3339)", format = DateTime),
        ("until" = Option<String>, Query, description = "Only those that began before then (RFC 3339)", format = DateTime),
        ("after" = Option<String>, Query, description = "Wait until the list has taken in this event's `position`", min_length = 1),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before", min_length = 1),
        ("page_size" = Option<u32>, Query, description = "1 to 500, default 50", minimum = 1, maximum = 500)),
    responses((status = 200, description = "A page", body = AttemptList), Problems))]
#[get("/routing/attempts")]
pub(crate) async fn list_attempts(app: Data<App>, call: Call, listing: Query<Listing>) -> Result<HttpResponse, Problem> {
    call.require(Role::Operator)?;
    let Listing { filter, cursor: from, after, size } = listing.0;
    if let Some(after) = after {
        wait_for(&app, after).await?;
    }
    let rows = app.node.views.attempts(&call.caller.org, &filter, from.as_ref(), size + 1).await;
    let mut rows = rows.map_err(|error| {
        tracing::error!(error = %error, "the list of attempts could not be read");
        Problem::new(Code::StoreUnavailable, "the list cannot be read now")
    })?;
    let more = rows.len() > size;
    rows.truncate(size);
    let next_cursor = rows.last().filter(|_| more).map(cursor);
    Ok(HttpResponse::Ok().json(AttemptList { items: rows.into_iter().map(LoggedBody::from).collect(), next_cursor }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_survives_its_text() {
        let place = AttemptPlace { at: Timestamp::from_micros(-5), dispatch: EntityId::new("a_b:c").unwrap(), number: 7 };
        assert_eq!(parse_cursor("a-5_7_a_b:c"), Some(place));
        for text in ["", "a", "a1_2", "b1_2_x", "ax_2_x", "a1_-2_x", "a1_2_"] {
            assert_eq!(parse_cursor(text), None, "{text}");
        }
    }
}
