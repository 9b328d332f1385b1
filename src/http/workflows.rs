//! The workflow routes: a request becomes a command, the committed answer a response. No rule lives here.

use crate::commands::{body_hash, entity_id};
use crate::http::answers::{Problems, problem_of, problem_of_load};
use crate::http::app::App;
use crate::http::body::{Body, Query};
use crate::http::call::Call;
use crate::http::event_body::{EventBody, EventList};
use crate::http::problem::{Code, Problem};
use crate::http::workflow_requests::{
    AsOf, Asked, Cancel, CloneTo, CreateWorkflow, Listing, Page, Read, Reconcile, Rollback, Step, Transition, When,
};
use crate::remote::REPLAYED;
use crate::time::Rfc3339;
use actix_web::http::{StatusCode, header};
use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, get, post};
use ionveil_actors::{Class, Delivery};
use ionveil_kernel::{EntityId, Kind, Role, StreamId, Timestamp};
use ionveil_views::WorkflowRow;
use ionveil_workflow::{Command, KIND, State};
use serde::Serialize;
use serde_json::Value;
use std::time::Duration;
use utoipa::ToSchema;

/// How long a reader waits for the list to come to his own write.
const LIST_PATIENCE: Duration = Duration::from_secs(5);

/// A workflow as clients see it.
#[derive(Serialize, ToSchema)]
pub struct WorkflowBody {
    /// Its id.
    #[schema(example = "163664036-AM30")]
    id: String,
    /// The machine whose table it follows.
    #[schema(example = "dispatch")]
    machine: String,
    /// The present state, or the state at the time asked for.
    #[schema(example = "arrived")]
    state: String,
    /// How many events it has; rises by one with each.
    #[schema(minimum = 1, example = 4)]
    version: u64,
    /// Whether nothing leads out of the state.
    terminal: bool,
    /// What the client keeps with it.
    #[schema(value_type = BTreeMap<String, Value>)]
    attributes: Value,
    /// When its last event happened.
    #[schema(value_type = String, format = DateTime)]
    occurred_at: Rfc3339,
    /// When the journal learned of its last event.
    #[schema(value_type = String, format = DateTime)]
    recorded_at: Rfc3339,
}

impl WorkflowBody {
    /// None of a workflow that never began.
    pub(crate) fn new(id: &EntityId, state: &State, version: u64, occurred_at: Timestamp, recorded_at: Timestamp) -> Option<Self> {
        let summary = state.summary()?;
        Some(Self {
            id: id.to_string(),
            machine: summary.machine,
            state: summary.state,
            version,
            terminal: summary.terminal,
            attributes: serde_json::to_value(&*summary.attributes).unwrap_or_default(),
            occurred_at: Rfc3339(occurred_at),
            recorded_at: Rfc3339(recorded_at),
        })
    }

    fn response(&self, status: StatusCode, repeated: bool) -> HttpResponse {
        let mut response = HttpResponse::build(status);
        response.insert_header((header::ETAG, format!("\"{}\"", self.version)));
        if status == StatusCode::CREATED {
            response.insert_header((header::LOCATION, format!("/api/v1/workflows/{}", self.id)));
        }
        if repeated {
            response.insert_header((REPLAYED, "true"));
        }
        response.json(self)
    }
}

/// The stream of a workflow of the caller's organisation.
fn stream(call: &Call, id: EntityId) -> StreamId {
    let kind = Kind::new(KIND).unwrap_or_else(|_| unreachable!("a lawful kind"));
    StreamId::new(call.caller.org.clone(), kind, id)
}

/// An id in a path that could not be one names nothing.
fn path_id(text: &str) -> Result<EntityId, Problem> {
    EntityId::new(text).map_err(|_| Problem::new(Code::EntityNotFound, "there is no workflow of this id"))
}

/// What stops or mends something goes before everybody's work, and finds room where that is turned away.
const fn class_of(command: &Command) -> Class {
    match command {
        Command::Cancel { .. } | Command::Reconcile { .. } => Class::Control,
        Command::Register { .. } | Command::Transition { .. } | Command::Step { .. } | Command::Rollback { .. } | Command::Clone { .. } => {
            Class::Command
        }
    }
}

/// Lets the entity decide and answers after the commit.
async fn carry_out(
    app: &App,
    call: &Call,
    id: EntityId,
    command: Command,
    when: &When,
    status: StatusCode,
) -> Result<HttpResponse, Problem> {
    let hash = body_hash(&command, when.occurred_at, when.expected_version);
    let meta = call.meta(&app.node.env, hash, when.occurred_at, when.expected_version);
    let delivery = Delivery { class: class_of(&command), deadline: app.node.deadline };
    let asked = app.node.workflows.ask_as(stream(call, id.clone()), command, meta, delivery).await;
    let reply = asked.map_err(|error| problem_of(error, call.if_match.is_some()))?;
    let body = WorkflowBody::new(&id, &reply.state, reply.receipt.version, reply.occurred_at, reply.recorded_at);
    body.map(|body| body.response(status, reply.repeated)).ok_or_else(Problem::internal)
}

/// Carries out a command on the workflow in the path.
async fn act<T>(app: &App, call: &Call, role: Role, id: &str, body: Body<Read<T>>) -> Result<HttpResponse, Problem> {
    call.require(role)?;
    let id = path_id(id)?;
    match body.value.asked {
        Asked::Do(command) => carry_out(app, call, id, command, &body.value.when, StatusCode::OK).await,
        Asked::Register { .. } | Asked::CloneTo(_) => Err(Problem::internal()),
    }
}

/// Starts a workflow. Repeated under the same `Idempotency-Key` it answers as the first time.
#[utoipa::path(context_path = "/api/v1", tag = "Workflows", request_body = CreateWorkflow,
    params(("Idempotency-Key" = Option<String>, Header, description = "Names the request: a repeat is answered as the first was", min_length = 1, max_length = 255, pattern = "^[!-~]+$")),
    responses((status = 201, description = "Started", body = WorkflowBody,
        headers(("ETag" = String, description = "The version"), ("Idempotency-Replayed" = Option<String>, description = "`true` if this answers a repeat"), ("Location" = String, description = "Where it is"))), Problems))]
#[post("/workflows")]
pub(crate) async fn create_workflow(app: Data<App>, call: Call, body: Body<Read<CreateWorkflow>>) -> Result<HttpResponse, Problem> {
    call.require(Role::Dispatcher)?;
    let Asked::Register { id, command } = body.value.asked else { return Err(Problem::internal()) };
    let made = || entity_id(&call.caller.org, "POST /workflows", call.key.as_deref(), &app.node.env);
    let id = id.unwrap_or_else(made);
    carry_out(&app, &call, id, command, &body.value.when, StatusCode::CREATED).await
}

macro_rules! action {
    ($(#[$doc:meta])* $name:ident, $path:literal, $body:ident, $role:ident) => {
        $(#[$doc])*
        #[utoipa::path(context_path = "/api/v1", tag = "Workflows", request_body = $body,
            params(("id" = String, Path, description = "The workflow's id"),
                ("Idempotency-Key" = Option<String>, Header, description = "Names the request: a repeat is answered as the first was", min_length = 1, max_length = 255, pattern = "^[!-~]+$"),
                ("If-Match" = Option<String>, Header, description = "The ETag that the client has seen; another version is refused with 412", pattern = r#"^(\*|(W/)?"[^"]*")$"#)),
            responses((status = 200, description = "Done", body = WorkflowBody, headers(("ETag" = String, description = "The version"), ("Idempotency-Replayed" = Option<String>, description = "`true` if this answers a repeat"))), Problems))]
        #[post($path)]
        pub(crate) async fn $name(app: Data<App>, call: Call, id: Path<String>, body: Body<Read<$body>>) -> Result<HttpResponse, Problem> {
            act(&app, &call, Role::$role, &id, body).await
        }
    };
}

action!(
    /// Moves along an edge of the machine's table.
    transition_workflow, "/workflows/{id}/transitions", Transition, Dispatcher
);
action!(
    /// Reports that a step was started, completed or failed.
    report_step, "/workflows/{id}/steps", Step, Operator
);
action!(
    /// Goes back to the state before the last transition; repeated, further back.
    roll_back_workflow, "/workflows/{id}/rollback", Rollback, Dispatcher
);
action!(
    /// Cancels.
    cancel_workflow, "/workflows/{id}/cancel", Cancel, Dispatcher
);
action!(
    /// Forces a state: for repairs and migrations. Needs admin.
    reconcile_workflow, "/workflows/{id}/reconcile", Reconcile, Admin
);

/// Copies a workflow, its history of states included, to a new id.
#[utoipa::path(context_path = "/api/v1", tag = "Workflows", request_body = CloneTo,
    params(("id" = String, Path, description = "The id of the workflow to copy"),
        ("Idempotency-Key" = Option<String>, Header, description = "Names the request: a repeat is answered as the first was", min_length = 1, max_length = 255, pattern = "^[!-~]+$")),
    responses((status = 201, description = "Copied", body = WorkflowBody,
        headers(("ETag" = String, description = "The version"), ("Idempotency-Replayed" = Option<String>, description = "`true` if this answers a repeat"), ("Location" = String, description = "Where it is"))), Problems))]
#[post("/workflows/{id}/clone")]
pub(crate) async fn clone_workflow(
    app: Data<App>,
    call: Call,
    id: Path<String>,
    body: Body<Read<CloneTo>>,
) -> Result<HttpResponse, Problem> {
    call.require(Role::Dispatcher)?;
    let source = path_id(&id)?;
    let Asked::CloneTo(new_id) = body.value.asked else { return Err(Problem::internal()) };
    let loaded = app.node.workflows.loader().load(&stream(&call, source.clone())).await.map_err(|error| problem_of_load(&error))?;
    let command = loaded.state.clone_command(source, loaded.version).ok_or_else(not_found)?;
    carry_out(&app, &call, new_id, command, &body.value.when, StatusCode::CREATED).await
}

fn not_found() -> Problem {
    Problem::new(Code::EntityNotFound, "there is no workflow of this id, or there was none at the time asked for")
}

/// The state: now, or after everything that happened up to `at` and was known at `known_at` (both inclusive).
#[utoipa::path(context_path = "/api/v1", tag = "Workflows",
    params(("id" = String, Path, description = "The workflow's id"),
        ("at" = Option<String>, Query, description = "Only what had happened by then (RFC 3339, inclusive)", format = DateTime),
        ("known_at" = Option<String>, Query, description = "Only what was known by then (RFC 3339, inclusive)", format = DateTime)),
    responses((status = 200, description = "The state", body = WorkflowBody, headers(("ETag" = String, description = "The version"))), Problems))]
#[get("/workflows/{id}")]
pub(crate) async fn get_workflow(app: Data<App>, call: Call, id: Path<String>, as_of: Query<AsOf>) -> Result<HttpResponse, Problem> {
    call.require(Role::Operator)?;
    let id = path_id(&id)?;
    let loader = app.node.workflows.loader();
    let loaded = loader.load_until(&stream(&call, id.clone()), as_of.0.0).await.map_err(|error| problem_of_load(&error))?;
    let body = WorkflowBody::new(&id, &loaded.state, loaded.version, loaded.occurred_at, loaded.recorded_at);
    body.map(|body| body.response(StatusCode::OK, false)).ok_or_else(not_found)
}

/// The events of a workflow, oldest first.
#[utoipa::path(context_path = "/api/v1", tag = "Workflows",
    params(("id" = String, Path, description = "The workflow's id"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before", min_length = 1),
        ("page_size" = Option<u32>, Query, description = "1 to 500, default 50", minimum = 1, maximum = 500)),
    responses((status = 200, description = "A page", body = EventList), Problems))]
#[get("/workflows/{id}/events")]
pub(crate) async fn list_workflow_events(app: Data<App>, call: Call, id: Path<String>, page: Query<Page>) -> Result<HttpResponse, Problem> {
    call.require(Role::Operator)?;
    let (stream, Page { after, size }) = (stream(&call, path_id(&id)?), page.0);
    let mut events = app.node.store.read_stream(&stream, after, size + 1).await.map_err(|error| problem_of_load(&error.into()))?;
    if events.is_empty() && app.node.store.read_stream(&stream, 0, 1).await.is_ok_and(|first| first.is_empty()) {
        return Err(not_found());
    }
    let more = events.len() > size;
    events.truncate(size);
    let next_cursor = events.last().filter(|_| more).map(|last| format!("v{}", last.sequence_number));
    Ok(HttpResponse::Ok().json(EventList { items: events.iter().map(EventBody::new).collect(), next_cursor }))
}

/// A page of workflows.
#[derive(Serialize, ToSchema)]
pub struct WorkflowList {
    /// By id.
    items: Vec<WorkflowBody>,
    /// Asks for the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// The workflows, by id. The list follows the journal; who must see his own write in it passes `after`.
#[utoipa::path(context_path = "/api/v1", tag = "Workflows",
    params(("state" = Option<String>, Query, description = "Only those in this state", min_length = 1, max_length = 63, pattern = r"^[^\x00-\x1f\x7f-\x9f]+$"),
        ("machine" = Option<String>, Query, description = "Only those of this machine", min_length = 1, max_length = 63, pattern = r"^[^\x00-\x1f\x7f-\x9f]+$"),
        ("after" = Option<String>, Query, description = "Wait until the list has taken in this event's `position`", min_length = 1),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before", min_length = 1),
        ("page_size" = Option<u32>, Query, description = "1 to 500, default 50", minimum = 1, maximum = 500)),
    responses((status = 200, description = "A page", body = WorkflowList), Problems))]
#[get("/workflows")]
pub(crate) async fn list_workflows(app: Data<App>, call: Call, listing: Query<Listing>) -> Result<HttpResponse, Problem> {
    call.require(Role::Operator)?;
    let Listing { filter, cursor, after, size } = listing.0;
    if let Some(after) = after {
        wait_for(&app, after).await?;
    }
    let rows = app.node.views.workflows(&call.caller.org, &filter, cursor.as_ref(), size + 1).await;
    let mut rows = rows.map_err(|error| {
        tracing::error!(error = %error, "the list could not be read");
        Problem::new(Code::StoreUnavailable, "the list cannot be read now")
    })?;
    let more = rows.len() > size;
    rows.truncate(size);
    let next_cursor = rows.last().filter(|_| more).map(|last| format!("w{}", last.id));
    Ok(HttpResponse::Ok().json(WorkflowList { items: rows.into_iter().map(WorkflowBody::from).collect(), next_cursor }))
}

/// A partition that does not exist, or a position that nothing has yet, is never reached: that ends with patience.
pub(super) async fn wait_for(app: &App, (partition, position): (u16, u64)) -> Result<(), Problem> {
    let partitions = usize::from(app.node.store.partitions());
    if usize::from(partition) >= partitions {
        return Err(Problem::field(Code::InvalidField, "after", "names a partition that does not exist"));
    }
    let mut positions = vec![0; partitions];
    positions[usize::from(partition)] = position;
    let waited = app.node.views.wait_for(&app.node.env, &positions, LIST_PATIENCE).await;
    waited.map_err(|_| Problem::new(Code::StoreUnavailable, "the list has not come that far yet"))
}

impl From<WorkflowRow> for WorkflowBody {
    fn from(row: WorkflowRow) -> Self {
        Self {
            id: row.id.to_string(),
            machine: row.machine,
            state: row.state,
            version: row.version,
            terminal: row.terminal,
            attributes: serde_json::from_str(&row.attributes).unwrap_or_default(),
            occurred_at: Rfc3339(row.occurred_at),
            recorded_at: Rfc3339(row.recorded_at),
        }
    }
}
