//! The city's numbers, over HTTP: events are posted, questions asked. No rule lives here.

use crate::analytics::AnswerError;
use crate::http::analytics_bodies::{
    AccuracyBody, AnomaliesBody, HeatmapBody, PostedBody, RebuildBody, RegionsBody, SnapshotBody, TrendBody, WindowsBody,
};
use crate::http::analytics_requests::{Anomalies, EVENTS_BYTES_MAX, EventsShape, Heat, Metrics, Posted, Span, Trends, faults};
use crate::http::answers::{Problems, Refusal, problem_of};
use crate::http::app::App;
use crate::http::body::{Body, Empty, LargeBodies, Nothing, Query};
use crate::http::call::Call;
use crate::http::problem::{Code, Fault, Problem};
use crate::http::unrouted;
use actix_web::dev::HttpServiceFactory;
use actix_web::web::{self, Data};
use actix_web::{HttpResponse, get, post};
use futures_util::{StreamExt, TryStreamExt, stream};
use h3o::{CellIndex, LatLng, Resolution};
use ionveil_analytics::aggregator::{EVENTS_MAX, commands};
use ionveil_analytics::answer::{Cells, Grid, Outline, geojson};
use ionveil_analytics::query::{RANGE_DEFAULT, Range};
use ionveil_analytics::{Faults, Metric, Observation, Position, Rejection, Report, Window};
use ionveil_kernel::{BodyHash, Meta, Rejection as _, Role, Timestamp};
use serde_json::json;
use std::collections::BTreeMap;
use std::time::Duration;

/// How many entities are asked at once.
const ASKED_MAX: usize = 32;
/// So many faults of one list are told.
const ERRORS_MAX: usize = 1_000;
/// The most windows of an answer.
const WINDOWS_MAX: usize = 10_000;
/// The most cells of an answer.
const CELLS_MAX: usize = 100_000;
/// How long a poster waits at most until what was accepted is in the figures.
const PATIENCE: Duration = Duration::from_secs(1);

impl Refusal for Rejection {
    fn as_faults(&self) -> Vec<Fault> {
        vec![Fault { code: Code::from_name(self.code()).unwrap_or(Code::Internal), field: None, index: None, detail: self.to_string() }]
    }
}

/// The route that takes large bodies.
pub fn routes() -> impl HttpServiceFactory {
    web::resource("/dashboard/events")
        .app_data(LargeBodies(EVENTS_BYTES_MAX))
        .route(web::post().to(post_events))
        .default_service(web::to(unrouted::answer))
}

/// Takes in observed dispatches: one, or a list of at most 10,000 and 8 MiB. They are journaled first; an id that is known counts
/// once. Bad ones of a list do not stop the rest; one alone is refused.
#[utoipa::path(post, path = "/dashboard/events", context_path = "/api/v1", tag = "Analytics", request_body = EventsShape,
    params(("Idempotency-Key" = Option<String>, Header, description = "Names the request: a repeat is answered as the first time", min_length = 1, max_length = 255, pattern = "^[!-~]+$")),
    responses((status = 200, description = "What became of them", body = PostedBody), Problems))]
pub(crate) async fn post_events(app: Data<App>, call: Call, body: Body<Posted>) -> Result<HttpResponse, Problem> {
    call.require(Role::Dispatcher)?;
    let (now, retention) = (app.node.env.now(), app.node.analytics.retention());
    let (sound, errors, rejected) = match body.value {
        Posted::One(report) => {
            let seen = report.check(now, retention).map_err(|found| Problem::of_faults(faults(&found)))?;
            (vec![seen], Vec::new(), 0)
        }
        Posted::Many(all) if all.len() > EVENTS_MAX => {
            return Err(Problem::new(Code::TooManyEvents, format!("a list holds at most {EVENTS_MAX} events")));
        }
        Posted::Many(all) => sift(all, |report| report.check(now, retention)),
    };
    let meta = Meta { expected_version: None, ..call.meta(&app.node.env, BodyHash::of(&[&body.raw]), None, None) };
    let count = sound.len() as u64;
    let accepted = ingest(&app, &call, sound, &meta).await?;
    Ok(HttpResponse::Ok().json(PostedBody { accepted, duplicates: count.saturating_sub(accepted), rejected, errors }))
}

/// The sound ones; what is wrong with the others, the first faults; and how many these are.
fn sift(
    all: Vec<Result<Report, Vec<Fault>>>,
    check: impl Fn(&Report) -> Result<Observation, Faults>,
) -> (Vec<Observation>, Vec<Fault>, usize) {
    let (mut sound, mut errors, mut rejected) = (Vec::with_capacity(all.len()), Vec::new(), 0);
    for (index, read) in all.into_iter().enumerate() {
        match read.and_then(|report| check(&report).map_err(|found| faults(&found))) {
            Ok(seen) => sound.push(seen),
            Err(found) => {
                rejected += 1;
                let room = ERRORS_MAX - errors.len();
                errors.extend(found.into_iter().take(room).map(|fault| Fault { index: Some(index), ..fault }));
            }
        }
    }
    (sound, errors, rejected)
}

/// Asks the entities that know the ids; answers with how many are new, once these are in the figures.
async fn ingest(app: &App, call: &Call, sound: Vec<Observation>, meta: &Meta) -> Result<u64, Problem> {
    let commands = commands(&call.caller.org, sound).map_err(|_| Problem::internal())?;
    let ask = |(to, command)| async move { app.node.aggregators.ask(to, command, meta.clone()).await };
    let asked = stream::iter(commands).map(ask).buffer_unordered(ASKED_MAX);
    let replies: Vec<_> = asked.try_collect().await.map_err(|error| problem_of(error, false))?;
    let mut positions: BTreeMap<u16, u64> = BTreeMap::new();
    for receipt in replies.iter().map(|reply| &reply.receipt).filter(|receipt| receipt.events > 0) {
        let last = positions.entry(receipt.partition).or_default();
        *last = receipt.position.max(*last);
    }
    for (partition, position) in positions {
        if !app.node.analytics.has_seen(partition, position, PATIENCE).await {
            break;
        }
    }
    Ok(replies.iter().map(|reply| u64::from(reply.receipt.events)).sum())
}

fn unanswered(error: &AnswerError) -> Problem {
    match error {
        AnswerError::TooFarBack => Problem::field(Code::InvalidRange, "start", format!("{error}; ask for a shorter range")),
        AnswerError::Views(_) => {
            tracing::error!(error = error as &dyn std::error::Error, "a question of analytics cannot be answered");
            Problem::new(Code::StoreUnavailable, "what memory does not hold cannot be read now")
        }
    }
}

fn refused(found: &Faults) -> Problem {
    Problem::of_faults(faults(found))
}

/// A metric over windows on the grid of the epoch, side by side or (`sliding=true`) ending at each minute.
#[utoipa::path(context_path = "/api/v1", tag = "Analytics",
    params(("metric" = String, Query, description = "What is measured", pattern = "^(response_time|dispatch_count|distance|sla_compliance)$"),
        ("window" = Option<String>, Query, description = "Default 1m", pattern = "^(1m|5m|15m|1h|6h|1d)$"),
        ("aggregation" = Option<String>, Query, description = "Default avg", pattern = "^(sum|count|avg|p50|p90|p95|p99|min|max)$"),
        ("start" = Option<String>, Query, description = "The first instant; default an hour ago", format = DateTime),
        ("end" = Option<String>, Query, description = "The first instant after; default now", format = DateTime),
        ("sliding" = Option<bool>, Query, description = "Windows end at each minute"),
        ("region" = Option<String>, Query, description = "Only this region"),
        ("severity" = Option<String>, Query, description = "Only this severity, such as 5"),
        ("unit_type" = Option<String>, Query, description = "Only this unit type")),
    responses((status = 200, description = "The windows", body = WindowsBody), Problems))]
#[get("/dashboard/metrics")]
pub(crate) async fn get_metrics(app: Data<App>, call: Call, query: Query<Metrics>) -> Result<HttpResponse, Problem> {
    call.require(Role::Operator)?;
    let query = query.0.0.check(app.node.env.now()).map_err(|found| refused(&found))?;
    let reach = if query.sliding { length(query.window, 1) } else { Duration::ZERO };
    let range = Range { start: before(query.range.start, reach), end: query.range.end };
    let windows = app.node.analytics.ask(&call.caller.org, &range, |reading| reading.windows(&query)).await;
    let windows = windows.map_err(|error| unanswered(&error))?;
    if windows.points.len() > WINDOWS_MAX {
        let detail = format!("the range holds more than {WINDOWS_MAX} windows; ask for a shorter one, or for longer windows");
        return Err(Problem::field(Code::InvalidRange, "start", detail));
    }
    Ok(HttpResponse::Ok().json(WindowsBody::new(&query, &windows)))
}

fn length(window: Window, count: u32) -> Duration {
    Duration::from_secs(window.minutes().unsigned_abs() * 60 * u64::from(count))
}

fn before(at: Timestamp, length: Duration) -> Timestamp {
    Range::last(at, length).start
}

/// The organisation at a glance: its last hour, and what is under way.
#[utoipa::path(context_path = "/api/v1", tag = "Analytics",
    responses((status = 200, description = "The snapshot", body = SnapshotBody), Problems))]
#[get("/dashboard/snapshot")]
pub(crate) async fn get_snapshot(app: Data<App>, call: Call, _query: Query<Nothing>) -> Result<HttpResponse, Problem> {
    call.require(Role::Operator)?;
    let (analytics, org, now) = (&app.node.analytics, &call.caller.org, app.node.env.now());
    let gauges = analytics.gauges(org).await.map_err(|error| unanswered(&error.into()))?;
    let range = Range::last(now, RANGE_DEFAULT);
    let snapshot = analytics.ask(org, &range, |reading| reading.snapshot(now, gauges)).await.map_err(|error| unanswered(&error))?;
    Ok(HttpResponse::Ok().json(SnapshotBody::from(snapshot)))
}

/// Where a metric goes: a straight line through its last windows, and what it says of the hours to come.
#[utoipa::path(context_path = "/api/v1", tag = "Analytics",
    params(("metric" = String, Query, description = "What is measured", pattern = "^(response_time|dispatch_count|distance|sla_compliance)$"),
        ("window" = Option<String>, Query, description = "Default 1h", pattern = "^(1m|5m|15m|1h|6h|1d)$"),
        ("lookback" = Option<i64>, Query, description = "How many windows; default 24", minimum = 1, maximum = 1440),
        ("horizon_hours" = Option<i64>, Query, description = "How many hours to forecast; default 1", minimum = 1, maximum = 168)),
    responses((status = 200, description = "The trend", body = TrendBody), Problems))]
#[get("/dashboard/trends")]
pub(crate) async fn get_trends(app: Data<App>, call: Call, query: Query<Trends>) -> Result<HttpResponse, Problem> {
    call.require(Role::Operator)?;
    let (query, now) = (query.0.0.check().map_err(|found| refused(&found))?, app.node.env.now());
    let range = Range::last(now, length(query.window, query.lookback + 1));
    let trend = app.node.analytics.ask(&call.caller.org, &range, |reading| reading.trend(&query, now)).await;
    Ok(HttpResponse::Ok().json(TrendBody::new(query.metric, query.window, &trend.map_err(|error| unanswered(&error))?)))
}

/// The windows of a metric that lie more than so many deviations of a sample off the mean of all.
#[utoipa::path(context_path = "/api/v1", tag = "Analytics",
    params(("metric" = String, Query, description = "What is measured", pattern = "^(response_time|dispatch_count|distance|sla_compliance)$"),
        ("window" = Option<String>, Query, description = "Default 1h", pattern = "^(1m|5m|15m|1h|6h|1d)$"),
        ("lookback" = Option<i64>, Query, description = "How many windows; default 24", minimum = 1, maximum = 1440),
        ("sensitivity" = Option<f64>, Query, description = "How many deviations, above 0; default 2", exclusive_minimum = 0, maximum = 100)),
    responses((status = 200, description = "What stands out", body = AnomaliesBody), Problems))]
#[get("/dashboard/anomalies")]
pub(crate) async fn get_anomalies(app: Data<App>, call: Call, query: Query<Anomalies>) -> Result<HttpResponse, Problem> {
    call.require(Role::Operator)?;
    let (query, now) = (query.0.0.check().map_err(|found| refused(&found))?, app.node.env.now());
    let range = Range::last(now, length(query.window, query.lookback + 1));
    let found = app.node.analytics.ask(&call.caller.org, &range, |reading| reading.anomalies(&query, now)).await;
    Ok(HttpResponse::Ok().json(AnomaliesBody::new(query.metric, query.window, &found.map_err(|error| unanswered(&error))?)))
}

/// Figures by region.
#[utoipa::path(context_path = "/api/v1", tag = "Analytics",
    params(("start" = Option<String>, Query, description = "The first instant; default an hour ago", format = DateTime),
        ("end" = Option<String>, Query, description = "The first instant after; default now", format = DateTime)),
    responses((status = 200, description = "The regions", body = RegionsBody), Problems))]
#[get("/dashboard/regions")]
pub(crate) async fn get_regions(app: Data<App>, call: Call, span: Query<Span>) -> Result<HttpResponse, Problem> {
    call.require(Role::Operator)?;
    let range = range(&app, span.0)?;
    let regions = app.node.analytics.ask(&call.caller.org, &range, |reading| reading.regions(&range)).await;
    Ok(HttpResponse::Ok().json(RegionsBody::from(regions.map_err(|error| unanswered(&error))?)))
}

fn range(app: &App, span: Span) -> Result<Range, Problem> {
    Range::new(span.start, span.end, app.node.env.now(), RANGE_DEFAULT).map_err(|found| refused(&found))
}

/// The sum of a metric by place: on a grid over the Earth, or with `h3_resolution` by H3 cell, as GeoJSON.
#[utoipa::path(context_path = "/api/v1", tag = "Analytics",
    params(("metric" = String, Query, description = "What is summed", pattern = "^(response_time|dispatch_count|distance|sla_compliance)$"),
        ("rows" = Option<i64>, Query, description = "Of the grid; default 10", minimum = 1, maximum = 1000),
        ("cols" = Option<i64>, Query, description = "Of the grid; default 10", minimum = 1, maximum = 1000),
        ("h3_resolution" = Option<i64>, Query, description = "Instead of a grid", minimum = 0, maximum = 15),
        ("start" = Option<String>, Query, description = "The first instant; default an hour ago", format = DateTime),
        ("end" = Option<String>, Query, description = "The first instant after; default now", format = DateTime),
        ("region" = Option<String>, Query, description = "Only this region"),
        ("severity" = Option<String>, Query, description = "Only this severity, such as 5"),
        ("unit_type" = Option<String>, Query, description = "Only this unit type")),
    responses((status = 200, description = "The cells with something in them",
        content((HeatmapBody = "application/json"), (serde_json::Value = "application/geo+json"))), Problems))]
#[get("/dashboard/heatmap")]
pub(crate) async fn get_heatmap(app: Data<App>, call: Call, heat: Query<Heat>) -> Result<HttpResponse, Problem> {
    call.require(Role::Operator)?;
    let Heat { metric, rows, cols, h3_resolution, span, filter } = heat.0;
    let (range, analytics, org) = (range(&app, span)?, &app.node.analytics, &call.caller.org);
    let Some(resolution) = h3_resolution else {
        let grid = Grid::new(rows, cols).map_err(|found| refused(&found))?;
        let found = analytics.ask(org, &range, |reading| reading.heatmap(metric, grid, &range, &filter)).await;
        return Ok(HttpResponse::Ok().json(HeatmapBody::new(metric, &found.map_err(|error| unanswered(&error))?)));
    };
    let resolution = Resolution::try_from(resolution).map_err(|_| Problem::internal())?;
    let cell = |position: Position| Some(LatLng::new(position.latitude(), position.longitude()).ok()?.to_cell(resolution));
    let found = analytics.ask(org, &range, |reading| reading.cells(metric, &range, &filter, cell)).await;
    cells(metric, &found.map_err(|error| unanswered(&error))?)
}

/// As GeoJSON, with what it rests on as further members (RFC 7946 §6.1).
fn cells(metric: Metric, found: &Cells<CellIndex>) -> Result<HttpResponse, Problem> {
    if found.cells.len() > CELLS_MAX {
        let detail = format!("more than {CELLS_MAX} cells have something in them; ask for a lower resolution or a shorter range");
        return Err(Problem::field(Code::InvalidGrid, "h3_resolution", detail));
    }
    let corners = |cell: &CellIndex| cell.boundary().iter().map(|corner| [corner.lng(), corner.lat()]).collect();
    let mut body = geojson(found, |cell| Outline { name: cell.to_string(), corners: corners(cell) });
    let accuracy = serde_json::to_value(AccuracyBody::from(found.accuracy)).unwrap_or_default();
    body["metric"] = json!(metric.name());
    body["left_out"] = json!(found.left_out);
    body["accuracy"] = accuracy;
    Ok(HttpResponse::Ok().content_type("application/geo+json").body(body.to_string()))
}

/// Reads the journal anew, of all organisations, while what is there answers. One that is under way goes on.
#[utoipa::path(context_path = "/api/v1", tag = "Analytics", request_body = Option<Empty>,
    responses((status = 200, description = "How far it has come", body = RebuildBody), Problems))]
#[post("/dashboard/rebuild")]
pub(crate) async fn rebuild(app: Data<App>, call: Call, _body: Body<Nothing>) -> Result<HttpResponse, Problem> {
    call.require(Role::Admin)?;
    Ok(HttpResponse::Ok().json(RebuildBody::from(app.node.analytics.rebuild())))
}

/// How far reading the journal anew has come.
#[utoipa::path(context_path = "/api/v1", tag = "Analytics",
    responses((status = 200, description = "How far it has come", body = RebuildBody), Problems))]
#[get("/dashboard/rebuild")]
pub(crate) async fn get_rebuild(app: Data<App>, call: Call, _query: Query<Nothing>) -> Result<HttpResponse, Problem> {
    call.require(Role::Operator)?;
    let progress = *app.node.analytics.progress().borrow();
    Ok(HttpResponse::Ok().json(RebuildBody::from(progress)))
}
