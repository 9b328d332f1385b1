//! Batches of commands, over HTTP: they are taken in while they arrive. No rule lives here.

use crate::http::answers::{Problems, problem_of_load};
use crate::http::app::App;
use crate::http::body::{BodyLimits, Query};
use crate::http::call::Call;
use crate::http::fields::{Fields, FromFields};
use crate::http::list::page_size;
use crate::http::problem::{Code, Problem, RETRY_S};
use crate::intake::{Cause, Form, stream};
use crate::remote::REPLAYED;
use actix_web::http::header;
use actix_web::rt::time::timeout;
use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse, get, post};
use futures_util::StreamExt;
use ionveil_actors::LoadError;
use ionveil_dispatch::intake::{Stats, Taken};
use ionveil_dispatch::queue::Backpressure;
use ionveil_kernel::{EntityId, Role, StreamId};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// Where batches go.
pub const PATH: &str = "/api/v1/intake/batches";
/// The media type of one row a line.
pub const LINES: &str = "application/x-ndjson";
/// So many errors are told at once.
const ERRORS_SHOWN: usize = 1_000;

/// A batch of commands.
#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct IntakeBatch {
    /// Names the batch, where the query does not: the same rows again are answered as the first time.
    #[schema(required = false, pattern = "^[A-Za-z0-9][A-Za-z0-9_:@.-]{0,127}$", example = "night-2026-11-26")]
    batch_id: String,
    /// A command each: an object with `command_id`, `satellite_id`, `intent`, `issued_by`, `signature` and `deadline`, and perhaps
    /// `trace_id`, `payload` and `annotations`. One that is none is an error of its row.
    rows: Vec<Value>,
}

/// A batch, or its rows alone where the query names it.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = IntakeBody)]
pub enum IntakeShape {
    /// Rows, and a name.
    Named(IntakeBatch),
    /// The rows.
    Rows(Vec<Value>),
}

/// How many rows there were of what.
#[derive(Serialize, ToSchema)]
#[schema(as = IntakeStats)]
pub struct StatsBody {
    /// All rows: each is accepted, rejected or a duplicate.
    rows: usize,
    /// Rows that became commands.
    accepted: usize,
    /// Rows with errors.
    rejected: usize,
    /// Good rows that repeat an earlier one of the batch.
    duplicates: usize,
    /// How long it took to look at them, in microseconds.
    elapsed_us: u64,
}

impl From<Stats> for StatsBody {
    fn from(Stats { rows, accepted, rejected, duplicates, elapsed_us }: Stats) -> Self {
        Self { rows, accepted, rejected, duplicates, elapsed_us }
    }
}

/// What came of a batch.
#[derive(Serialize, ToSchema)]
#[schema(as = IntakeResult)]
pub struct ResultBody {
    /// The batch.
    #[schema(example = "night-2026-11-26")]
    batch_id: String,
    /// How many commands were accepted.
    accepted: usize,
    /// The first 1,000 errors, by row.
    #[schema(example = json!(["row 3: deadline already expired"]))]
    errors: Vec<String>,
    /// How many there are; a row may have several.
    errors_total: u64,
    /// How many rows there were of what.
    stats: StatsBody,
}

/// What is recorded of a batch.
#[derive(Serialize, ToSchema)]
#[schema(as = IntakeStatus)]
pub struct StatusBody {
    /// What came of it, with a page of its errors.
    #[serde(flatten)]
    result: ResultBody,
    /// Whether all of it is recorded. If not, it is being recorded, or was cut off: the same rows again go on with it.
    completed: bool,
    /// How many of its errors, duplicates and commands are.
    recorded: u64,
    /// Asks for the next page of errors; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// How a batch is named.
pub struct Naming(Option<EntityId>);

impl FromFields for Naming {
    const EMPTY_OK: bool = true;

    fn from_fields(fields: &mut Fields) -> Option<Self> {
        Some(Self(fields.optional("batch_id")))
    }
}

/// Takes in a batch of commands: an object, an array, or one row a line; the latter two with `?batch_id=`. It may be packed
/// (`Content-Encoding: gzip`). Good rows are accepted whatever is wrong with others: validated, without those that repeat an
/// earlier one, in the order of their deadlines. The same rows again are answered as the first time, also where a crash cut them off.
#[utoipa::path(context_path = "/api/v1", tag = "Intake",
    request_body(content((IntakeShape = "application/json"), (String = "application/x-ndjson"))),
    params(("batch_id" = Option<String>, Query, description = "Names the batch, where its body does not", pattern = "^[A-Za-z0-9][A-Za-z0-9_:@.-]{0,127}$")),
    responses((status = 200, description = "What came of it, also if rows were bad", body = ResultBody,
        headers(("Idempotency-Replayed" = Option<String>, description = "`true` if this answers a repeat"), ("Retry-After" = Option<u32>, description = "If the intake is getting full: seconds to wait before the next batch"))), Problems))]
#[post("/intake/batches")]
pub(crate) async fn take_batch(
    app: Data<App>,
    call: Call,
    naming: Query<Naming>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    call.require(Role::Dispatcher)?;
    let pressure = || app.node.queues.intake(&call.caller.org).backpressure;
    if pressure() == Backpressure::Shed {
        return Err(Problem::new(Code::Overloaded, "too many rows are being taken in; nothing was done"));
    }
    let Naming(id) = naming.0;
    let cause = Cause {
        caller: call.caller.clone(),
        correlation_id: call.trace.correlation_id(),
        traceparent: Some(call.trace.traceparent.clone()),
    };
    let (form, gzip) = (form(&request), is_gzip(&request));
    let mut receiver = app.node.intakes.receive(cause, id.as_ref(), form, gzip).await?;
    let patience = request.app_data::<BodyLimits>().copied().unwrap_or_default().patience;
    let mut payload = payload;
    while let Some(chunk) = timeout(patience, payload.next()).await.map_err(|_| too_slow())? {
        let chunk = chunk.map_err(|_| Problem::new(Code::BadRequest, "the body ended before it was complete"))?;
        receiver.feed(&chunk).await?;
    }
    let full = pressure() != Backpressure::None;
    let taken = receiver.finish().await?;
    let errors = errors(&app, &taken.owner, 0, &taken.batch, ERRORS_SHOWN).await?;
    let mut response = HttpResponse::Ok();
    if taken.repeated {
        response.insert_header((REPLAYED, "true"));
    }
    if full {
        response.insert_header((header::RETRY_AFTER, RETRY_S.to_string()));
    }
    Ok(response.json(ResultBody::new(&taken.owner, &taken.batch, errors)))
}

fn too_slow() -> Problem {
    Problem::new(Code::RequestTimeout, "the body did not go on in time")
}

fn form(request: &HttpRequest) -> Form {
    let content = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = content.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case(LINES) { Form::Lines } else { Form::Json }
}

fn is_gzip(request: &HttpRequest) -> bool {
    request.headers().get(header::CONTENT_ENCODING).is_some_and(|coding| coding.as_bytes().eq_ignore_ascii_case(b"gzip"))
}

async fn errors(app: &App, owner: &StreamId, skip: u64, batch: &Taken, limit: usize) -> Result<Vec<String>, Problem> {
    if skip >= batch.errors {
        return Ok(Vec::new());
    }
    let read = app.node.intakes.errors(owner, skip, limit).await;
    read.map_err(|error| problem_of_load(&LoadError::from(error)))
}

impl ResultBody {
    fn new(owner: &StreamId, batch: &Taken, errors: Vec<String>) -> Self {
        Self {
            batch_id: owner.id.to_string(),
            accepted: batch.stats.accepted,
            errors,
            errors_total: batch.errors,
            stats: batch.stats.into(),
        }
    }
}

/// Which errors are asked for.
pub struct Listing {
    skip: u64,
    size: usize,
}

impl FromFields for Listing {
    const EMPTY_OK: bool = true;

    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let (text, size) = (fields.optional::<String>("cursor"), page_size(fields));
        let skip = text.as_deref().map_or(Some(0), |text| text.strip_prefix('i')?.parse().ok());
        // The events of a stream are counted from 1, in 64 bits with a sign.
        let skip = skip.filter(|skip| *skip < 1 << 62);
        if skip.is_none() {
            fields.fault(Code::InvalidCursor, "cursor", "is no cursor of this list");
        }
        Some(Self { skip: skip?, size: size? })
    }
}

/// What is recorded of a batch, with its errors page by page.
#[utoipa::path(context_path = "/api/v1", tag = "Intake",
    params(("id" = String, Path, description = "The batch's id"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before", min_length = 1),
        ("page_size" = Option<u32>, Query, description = "1 to 500, default 50", minimum = 1, maximum = 500)),
    responses((status = 200, description = "The batch", body = StatusBody), Problems))]
#[get("/intake/batches/{id}")]
pub(crate) async fn get_batch(app: Data<App>, call: Call, id: Path<String>, listing: Query<Listing>) -> Result<HttpResponse, Problem> {
    call.require(Role::Operator)?;
    let not_found = || Problem::new(Code::EntityNotFound, "there is no batch of this id");
    let owner = stream(&call.caller.org, EntityId::new(&id).map_err(|_| not_found())?);
    let found = app.node.intakes.find(&owner).await.map_err(|error| problem_of_load(&error))?;
    let batch = found.ok_or_else(not_found)?;
    let Listing { skip, size } = listing.0;
    let errors = errors(&app, &owner, skip, &batch, size).await?;
    let shown = skip + errors.len() as u64;
    let next_cursor = (shown < batch.errors && !errors.is_empty()).then(|| format!("i{shown}"));
    let (completed, recorded) = (batch.completed, batch.done);
    Ok(HttpResponse::Ok().json(StatusBody { result: ResultBody::new(&owner, &batch, errors), completed, recorded, next_cursor }))
}
