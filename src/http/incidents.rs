//! Incidents over HTTP: reported, looked at, changed, merged and ended. No rule lives here; units are sent in
//! `assignments.rs`.

use crate::commands::{entity_id, hash_of};
use crate::http::answers::{Problems, Refusal, problem_of, problem_of_load};
use crate::http::app::App;
use crate::http::body::{Body, Query};
use crate::http::call::Call;
use crate::http::incident_bodies::{IncidentBody, IncidentList, Timeline};
use crate::http::incident_requests::{
    Archive, Asked, CloseIncident, CreateIncident, Listing, MergeIncident, RemarkIncident, TransitionIncident, UpdateIncident, cursor,
};
use crate::http::problem::{Code, Fault, Problem};
use crate::http::workflow_requests::{Page, When};
use crate::http::workflows::wait_for;
use crate::remote::REPLAYED;
use actix_web::http::{StatusCode, header};
use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, delete, get, patch, post};
use ionveil_actors::{Class, Delivery, Reply, Until};
use ionveil_dispatch::fault;
use ionveil_dispatch::incident::{Command, Event, Incident, Incidents, JoinDeclineReason, KIND, Rejection, State, timeline};
use ionveil_kernel::{EntityId, EventCodec, Kind, Rejection as _, Role, StreamId};
use ionveil_views::IncidentPlace;

/// Events of an incident that are read at once.
const EVENTS: usize = 256;

/// The faults of a command of dispatch as clients read them.
pub(super) fn faults_of(faults: &fault::Faults, field: impl Fn(&'static str) -> &'static str) -> Vec<Fault> {
    let code = |name| Code::from_name(name).unwrap_or(Code::InvalidField);
    faults.iter().map(|fault| Fault::field(code(fault.code), field(fault.field), fault.must)).collect()
}

impl Refusal for Rejection {
    fn as_faults(&self) -> Vec<Fault> {
        if let Self::Invalid(faults) = self {
            return faults_of(faults, |field| field);
        }
        let field = matches!(self, Self::SelfMerge).then(|| "secondary".to_owned());
        vec![Fault { code: Code::from_name(self.code()).unwrap_or(Code::Internal), field, index: None, detail: self.to_string() }]
    }
}

/// The stream of an entity of the caller's organisation.
pub(super) fn stream(call: &Call, kind: &str, id: EntityId) -> StreamId {
    let kind = Kind::new(kind).unwrap_or_else(|_| unreachable!("a lawful kind"));
    StreamId::new(call.caller.org.clone(), kind, id)
}

pub(super) fn not_found() -> Problem {
    Problem::new(Code::EntityNotFound, Rejection::EntityNotFound.to_string())
}

/// An id in a path that could not be one names nothing.
pub(super) fn owner(call: &Call, id: &str) -> Result<StreamId, Problem> {
    EntityId::new(id).map(|id| stream(call, KIND, id)).map_err(|_| not_found())
}

/// The present state of an incident, which must be known, and its version.
pub(super) async fn load(app: &App, owner: &StreamId) -> Result<(Incident, u64), Problem> {
    let loaded = app.node.incidents.loader().load(owner).await.map_err(|error| problem_of_load(&error))?;
    match loaded.state {
        State::Live(incident) => Ok((*incident, loaded.version)),
        State::Absent { .. } => Err(not_found()),
    }
}

async fn ask(app: &App, call: &Call, owner: &StreamId, command: Command, when: &When) -> Result<Reply<Incidents>, Problem> {
    let meta =
        call.meta(&app.node.env, hash_of(&command, when.occurred_at, when.expected_version), when.occurred_at, when.expected_version);
    let delivery = Delivery { class: Class::Command, deadline: app.node.deadline };
    let asked = app.node.incidents.ask_as(owner.clone(), command, meta, delivery).await;
    asked.map_err(|error| problem_of(error, call.if_match.is_some()))
}

fn respond(body: &IncidentBody, owner: &StreamId, status: StatusCode, repeated: bool) -> HttpResponse {
    let mut response = HttpResponse::build(status);
    response.insert_header((header::ETAG, format!("\"{}\"", body.version)));
    if status == StatusCode::CREATED {
        response.insert_header((header::LOCATION, format!("/api/v1/incidents/{}", owner.id)));
    }
    if repeated {
        response.insert_header((REPLAYED, "true"));
    }
    response.json(body)
}

fn answer(owner: &StreamId, reply: &Reply<Incidents>) -> Result<HttpResponse, Problem> {
    let incident = reply.state.live().ok_or_else(not_found)?;
    Ok(respond(&IncidentBody::new(incident, reply.receipt.version), owner, StatusCode::OK, reply.repeated))
}

/// Reports an incident. The answer names open incidents that may be the same, as far as they are known now; they are a hint, and
/// no part of what a repeat answers with.
#[utoipa::path(context_path = "/api/v1", tag = "Dispatch", request_body = CreateIncident,
    params(("Idempotency-Key" = Option<String>, Header, description = "Names the request: a repeat is answered as the first was", min_length = 1, max_length = 255, pattern = "^[!-~]+$")),
    responses((status = 201, description = "Reported", body = IncidentBody,
        headers(("ETag" = String, description = "The version"), ("Idempotency-Replayed" = Option<String>, description = "`true` if this answers a repeat"), ("Location" = String, description = "Where it is"))), Problems))]
#[post("/incidents")]
pub(crate) async fn create_incident(
    app: Data<App>,
    call: Call,
    body: Body<Asked<CreateIncident, Command>>,
) -> Result<HttpResponse, Problem> {
    call.require(Role::Operator)?;
    let Asked { command, when, .. } = body.value;
    let id = entity_id(&call.caller.org, "POST /incidents", call.key.as_deref(), &app.node.env);
    let owner = stream(&call, KIND, id);
    let reply = ask(&app, &call, &owner, command, &when).await?;
    let incident = reply.state.live().ok_or_else(not_found)?;
    let near = |calls: &crate::situation::calls::Calls| calls.possible_duplicates(incident.position, incident.created_at);
    let near = app.node.situation.calls(&call.caller.org, near);
    let others = near.into_iter().filter(|id| *id != owner.id).map(|id| id.to_string()).collect();
    let mut body = IncidentBody::new(incident, reply.receipt.version);
    body.possible_duplicates = Some(others);
    Ok(respond(&body, &owner, StatusCode::CREATED, reply.repeated))
}

/// The incidents, newest first; those that were put away are left out. The list follows the journal; who must see his own write
/// in it passes `after`.
#[utoipa::path(context_path = "/api/v1", tag = "Dispatch",
    params(("status" = Option<String>, Query, description = "Only those in this status", pattern = "^(reported|triaged|dispatched|en_route|on_scene|mitigated|resolved|closed|merged)$"),
        ("priority" = Option<i64>, Query, description = "Only those of this priority", minimum = 1, maximum = 5),
        ("zone" = Option<String>, Query, description = "Only those in this zone", pattern = "^[A-Za-z0-9][A-Za-z0-9_:@.-]{0,127}$"),
        ("after" = Option<String>, Query, description = "Wait until the list has taken in this event's `position`", min_length = 1),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before", min_length = 1),
        ("page_size" = Option<u32>, Query, description = "1 to 500, default 50", minimum = 1, maximum = 500)),
    responses((status = 200, description = "A page", body = IncidentList), Problems))]
#[get("/incidents")]
pub(crate) async fn list_incidents(app: Data<App>, call: Call, listing: Query<Listing>) -> Result<HttpResponse, Problem> {
    call.require(Role::Operator)?;
    let Listing { filter, cursor: from, after, size } = listing.0;
    if let Some(after) = after {
        wait_for(&app, after).await?;
    }
    let (org, views) = (&call.caller.org, &app.node.views);
    let (rows, total) = tokio::join!(views.incidents(org, &filter, from.as_ref(), size + 1), views.count_incidents(org, &filter));
    let (mut rows, total) = rows.and_then(|rows| Ok((rows, total?))).map_err(|error| unreadable(&error))?;
    let more = rows.len() > size;
    rows.truncate(size);
    let live = || rows.iter().filter_map(|row| Some((row, row.state.live()?)));
    let last = live().next_back().filter(|_| more);
    let next_cursor = last.map(|(row, incident)| cursor(&IncidentPlace { created_at: incident.created_at, id: row.id.clone() }));
    let items = live().map(|(row, incident)| IncidentBody::new(incident, row.version)).collect();
    Ok(HttpResponse::Ok().json(IncidentList { items, next_cursor, total }))
}

pub(super) fn unreadable(error: &ionveil_views::ViewsError) -> Problem {
    tracing::error!(error = %error, "a list of dispatch could not be read");
    Problem::new(Code::StoreUnavailable, "the list cannot be read now")
}

/// An incident; also one that was merged or put away.
#[utoipa::path(context_path = "/api/v1", tag = "Dispatch", params(("id" = String, Path, description = "The incident's id")),
    responses((status = 200, description = "The incident", body = IncidentBody, headers(("ETag" = String, description = "The version"))), Problems))]
#[get("/incidents/{id}")]
pub(crate) async fn get_incident(
    app: Data<App>,
    call: Call,
    id: Path<String>,
    _: Query<crate::http::body::Nothing>,
) -> Result<HttpResponse, Problem> {
    call.require(Role::Operator)?;
    let owner = owner(&call, &id)?;
    let (incident, version) = load(&app, &owner).await?;
    Ok(respond(&IncidentBody::new(&incident, version), &owner, StatusCode::OK, false))
}

macro_rules! action {
    ($(#[$doc:meta])* $name:ident, $method:ident, $path:literal, $body:ident, $request:ty, $role:ident) => {
        $(#[$doc])*
        #[utoipa::path(context_path = "/api/v1", tag = "Dispatch", request_body = $request,
            params(("id" = String, Path, description = "The incident's id"),
                ("Idempotency-Key" = Option<String>, Header, description = "Names the request: a repeat is answered as the first was", min_length = 1, max_length = 255, pattern = "^[!-~]+$"),
                ("If-Match" = Option<String>, Header, description = "The ETag that the client has seen; another version is refused with 412", pattern = r#"^(\*|(W/)?"[^"]*")$"#)),
            responses((status = 200, description = "The incident after it", body = IncidentBody, headers(("ETag" = String, description = "The version"), ("Idempotency-Replayed" = Option<String>, description = "`true` if this answers a repeat"))), Problems))]
        #[$method($path)]
        pub(crate) async fn $name(app: Data<App>, call: Call, id: Path<String>, body: Body<Asked<$body, Command>>) -> Result<HttpResponse, Problem> {
            call.require(Role::$role)?;
            let owner = owner(&call, &id)?;
            let Asked { command, when, .. } = body.value;
            answer(&owner, &ask(&app, &call, &owner, command, &when).await?)
        }
    };
}

action!(
    /// Changes title, description, priority, category or position.
    update_incident, patch, "/incidents/{id}", UpdateIncident, UpdateIncident, Dispatcher
);
action!(
    /// Moves along an edge of the table of statuses. To `closed` is the same as to close it.
    transition_incident, post, "/incidents/{id}/transitions", TransitionIncident, TransitionIncident, Dispatcher
);
action!(
    /// Ends it from `reported`, `triaged` or `resolved`, and lets its units go. One that is closed stays so.
    close_incident, post, "/incidents/{id}/close", CloseIncident, Option<CloseIncident>, Dispatcher
);
action!(
    /// Adds to the timeline.
    remark_incident, post, "/incidents/{id}/remarks", RemarkIncident, RemarkIncident, Operator
);

/// Puts an incident away, whatever its status, and lets its units go. It leaves the lists; its history stays. Needs admin.
#[utoipa::path(context_path = "/api/v1", tag = "Dispatch",
    params(("id" = String, Path, description = "The incident's id"),
        ("expected_version" = Option<u64>, Query, description = "The version that the client has seen; another one is refused with 409", minimum = 0),
        ("Idempotency-Key" = Option<String>, Header, description = "Names the request: a repeat is answered as the first was", min_length = 1, max_length = 255, pattern = "^[!-~]+$"),
        ("If-Match" = Option<String>, Header, description = "The ETag that the client has seen; another version is refused with 412", pattern = r#"^(\*|(W/)?"[^"]*")$"#)),
    responses((status = 200, description = "The incident after it", body = IncidentBody, headers(("ETag" = String, description = "The version"), ("Idempotency-Replayed" = Option<String>, description = "`true` if this answers a repeat"))), Problems))]
#[delete("/incidents/{id}")]
pub(crate) async fn archive_incident(app: Data<App>, call: Call, id: Path<String>, asked: Query<Archive>) -> Result<HttpResponse, Problem> {
    call.require(Role::Admin)?;
    let owner = owner(&call, &id)?;
    let when = When { occurred_at: None, expected_version: asked.0.0 };
    answer(&owner, &ask(&app, &call, &owner, Command::Archive, &when).await?)
}

/// Takes in another incident of the organisation: its units come along, the more urgent priority counts, and it ends as `merged`.
/// The answer comes when that is done.
#[utoipa::path(context_path = "/api/v1", tag = "Dispatch", request_body = MergeIncident,
    params(("id" = String, Path, description = "The incident's id"),
        ("Idempotency-Key" = Option<String>, Header, description = "Names the request: a repeat is answered as the first was", min_length = 1, max_length = 255, pattern = "^[!-~]+$"),
        ("If-Match" = Option<String>, Header, description = "The ETag that the client has seen; another version is refused with 412", pattern = r#"^(\*|(W/)?"[^"]*")$"#)),
    responses((status = 200, description = "The incident that has taken in the other one", body = IncidentBody, headers(("ETag" = String, description = "The version"), ("Idempotency-Replayed" = Option<String>, description = "`true` if this answers a repeat"))), Problems))]
#[post("/incidents/{id}/merge")]
pub(crate) async fn merge_incident(
    app: Data<App>,
    call: Call,
    id: Path<String>,
    body: Body<Asked<MergeIncident, Command>>,
) -> Result<HttpResponse, Problem> {
    call.require(Role::Dispatcher)?;
    let owner = owner(&call, &id)?;
    let Asked { command, when, .. } = body.value;
    let Command::Merge { secondary } = &command else { return Err(Problem::internal()) };
    let secondary = secondary.clone();
    // What cannot come along is said at once, and begins nothing.
    let (other, _) = load(&app, &stream(&call, KIND, secondary.clone())).await.map_err(|problem| of_secondary(problem.code))?;
    if other.has_ended() && other.merged_into.as_ref() != Some(&owner.id) {
        return Err(of_secondary(Code::TerminalIncident));
    }
    let reply = ask(&app, &call, &owner, command, &when).await?;
    let is_begun = |state: &State| state.live().is_some_and(|incident| incident.merging.contains(&secondary));
    if !is_begun(&reply.state) {
        return answer(&owner, &reply);
    }
    let node = &app.node;
    let ended = |state: &State| (!is_begun(state)).then_some(());
    let waited = node.situation.incidents.until(&node.env, node.incidents.loader(), &owner, node.deadline, ended).await;
    waited.map_err(|error| problem_of_load(&error))?.ok_or_else(unsettled)?;
    let body = merged(&app, &owner, reply.receipt.version, &secondary).await?;
    Ok(respond(&body, &owner, StatusCode::OK, reply.repeated))
}

fn of_secondary(code: Code) -> Problem {
    match code {
        Code::EntityNotFound => Problem::field(code, "secondary", "names no incident"),
        Code::TerminalIncident => Problem::field(code, "secondary", "names an incident that has ended"),
        Code::MergePending => Problem::field(code, "secondary", "names an incident that is about to take in another one"),
        other => Problem::new(other, "the secondary incident cannot be read now"),
    }
}

pub(super) fn unsettled() -> Problem {
    let detail = "it was begun, and has not come to its end in time; repeat the request under the same Idempotency-Key, or read";
    Problem::new(Code::OutcomeUnknown, detail)
}

/// The incident right after it has taken in the secondary, or why it has not: read from what happened behind `version`, so that a
/// repeat is answered as the first was.
async fn merged(app: &App, owner: &StreamId, mut version: u64, secondary: &EntityId) -> Result<IncidentBody, Problem> {
    loop {
        let events = app.node.store.read_stream(owner, version, EVENTS).await.map_err(|error| problem_of_load(&error.into()))?;
        let Some(last) = events.last() else { return Err(unsettled()) };
        version = last.sequence_number;
        for event in &events {
            let decoded = Event::decode(&event.event_type, event.schema_version, &event.data).map_err(|_| Problem::internal())?;
            match decoded {
                Event::Absorbed(of) if of.secondary == *secondary => {
                    let until = Until { position: Some(event.position), ..Until::default() };
                    let loaded = app.node.incidents.loader().load_until(owner, until).await.map_err(|error| problem_of_load(&error))?;
                    return loaded.state.live().map(|incident| IncidentBody::new(incident, loaded.version)).ok_or_else(not_found);
                }
                Event::MergeEnded(of) if of.secondary == *secondary => {
                    return Err(of_secondary(match of.reason {
                        JoinDeclineReason::Unknown => Code::EntityNotFound,
                        JoinDeclineReason::TerminalIncident => Code::TerminalIncident,
                        JoinDeclineReason::MergePending => Code::MergePending,
                    }));
                }
                _ => {}
            }
        }
    }
}

/// What happened to an incident, in words, oldest first.
#[utoipa::path(context_path = "/api/v1", tag = "Dispatch",
    params(("id" = String, Path, description = "The incident's id"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before", min_length = 1),
        ("page_size" = Option<u32>, Query, description = "1 to 500, default 50", minimum = 1, maximum = 500)),
    responses((status = 200, description = "A page", body = Timeline), Problems))]
#[get("/incidents/{id}/timeline")]
pub(crate) async fn get_timeline(app: Data<App>, call: Call, id: Path<String>, page: Query<Page>) -> Result<HttpResponse, Problem> {
    call.require(Role::Operator)?;
    let (owner, Page { after, size }) = (owner(&call, &id)?, page.0);
    load(&app, &owner).await?;
    let events = app.node.store.read_stream(&owner, after, size + 1).await.map_err(|error| problem_of_load(&error.into()))?;
    let entries = events.iter().map(timeline::entry).collect::<Result<Vec<_>, _>>();
    let mut entries: Vec<_> = entries.map_err(|_| Problem::internal())?.into_iter().flatten().collect();
    let more = entries.len() > size;
    entries.truncate(size);
    let next_cursor = entries.last().filter(|_| more).map(|last| format!("v{}", last.sequence_number));
    Ok(HttpResponse::Ok().json(Timeline { items: entries.into_iter().map(Into::into).collect(), next_cursor }))
}
