//! Units sent to incidents over HTTP, exchanged and let go. The saga is that of `domain/dispatch`; here it is begun, and waited for.

use crate::commands::{entity_id, hash_of};
use crate::http::answers::{Problems, Refusal, problem_of, problem_of_load};
use crate::http::app::App;
use crate::http::body::{Body, Empty, Nothing};
use crate::http::call::Call;
use crate::http::fields::{Fields, FromFields};
use crate::http::incidents::{self, load, stream, unsettled};
use crate::http::problem::{Code, Fault, Halted, Problem};
use crate::http::unit_bodies::UnitBody;
use crate::http::units;
use crate::http::workflow_requests::When;
use crate::remote::REPLAYED;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, post};
use ionveil_actors::{Class, Delivery};
use ionveil_dispatch::assignment::{CANDIDATES_MAX, Command, KIND, Outcome, Rejection, State, Step, UNITS_DEFAULT};
use ionveil_dispatch::incident::{AttachDeclineReason, Incident};
use ionveil_dispatch::unit::{self, DeclineReason, Phase, RADIUS_KM_DEFAULT, Releaser, Wanted};
use ionveil_kernel::{EntityId, Rejection as _, Role, StreamId};
use serde::Serialize;
use serde_json::{Value, json};
use std::time::Duration;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, OneOfBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

/// How long an assignment may take to its end: the units have ten seconds to answer, the rest takes moments.
const ENDS_WITHIN: Duration = Duration::from_secs(15);
/// How long an answer waits for what follows from it, so that the next request meets no unit in between.
const SETTLE: Duration = Duration::from_secs(2);

/// Whom to send: named units, or the nearest.
pub struct UnitsShape;

impl PartialSchema for UnitsShape {
    fn schema() -> RefOr<Schema> {
        let id = ObjectBuilder::new().schema_type(Type::String).pattern(Some("^[A-Za-z0-9][A-Za-z0-9_:@.-]{0,127}$"));
        let named = ArrayBuilder::new().items(id).min_items(Some(1)).max_items(Some(CANDIDATES_MAX)).unique_items(true);
        let auto = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(["auto"]));
        OneOfBuilder::new().item(named).item(auto).default(Some(json!("auto"))).into()
    }
}

impl ToSchema for UnitsShape {}

/// Sends units to an incident.
#[derive(ToSchema)]
#[schema(as = Dispatch)]
#[expect(dead_code, reason = "the shape of what `Wish` reads")]
pub struct DispatchShape {
    /// Where they are to go.
    #[schema(pattern = "^[A-Za-z0-9][A-Za-z0-9_:@.-]{0,127}$")]
    incident: String,
    /// Whom to send: ids, best first, or `auto`: the nearest available within 50 km.
    units: Option<UnitsShape>,
    /// How many at most; absent: all that are named, or 3.
    #[schema(minimum = 1, maximum = 100)]
    max: Option<i64>,
}

/// What is asked for.
#[derive(Serialize)]
pub struct Wish {
    incident: EntityId,
    /// None: the nearest.
    units: Option<Vec<EntityId>>,
    max: Option<usize>,
}

impl FromFields for Wish {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let incident = fields.required("incident");
        let units = if fields.is("units", &json!("auto")) {
            fields.optional::<Value>("units");
            None
        } else {
            fields.optional::<Vec<EntityId>>("units")
        };
        let max = fields.optional::<i64>("max");
        let lawful = max.is_none_or(|max| (1..=100).contains(&max));
        if !lawful {
            fields.fault(Code::InvalidWanted, "max", "must be from 1 to 100");
        }
        let max = max.filter(|_| lawful).and_then(|max| usize::try_from(max).ok());
        incident.map(|incident| Self { incident, units, max })
    }
}

/// A unit that was passed over.
#[derive(Serialize, ToSchema)]
#[schema(as = SkippedUnit)]
pub struct SkippedBody {
    /// Which.
    unit: String,
    /// Why.
    #[schema(value_type = String, pattern = "^(unknown|busy|off_duty|out_of_service|no_answer)$", example = "busy")]
    reason: DeclineReason,
}

/// What came of a dispatch.
#[derive(Serialize, ToSchema)]
#[schema(as = Dispatched)]
pub struct DispatchBody {
    /// `assigned`, or `no_units`: none could be had, and nothing has changed.
    #[schema(value_type = String, pattern = "^(assigned|no_units)$", example = "assigned")]
    status: &'static str,
    /// The organisation's number for it: from 1, without gaps. None without units.
    #[schema(minimum = 1, required = true, example = 17)]
    dispatch_number: Option<u64>,
    /// Where the units go.
    incident: String,
    /// Which do.
    assigned: Vec<String>,
    /// Who was passed over, in the order in which they said so.
    skipped: Vec<SkippedBody>,
}

impl Refusal for Rejection {
    fn as_faults(&self) -> Vec<Fault> {
        if let Self::Invalid(faults) = self {
            return incidents::faults_of(faults, |field| field);
        }
        let field = match self {
            Self::InvalidCandidates | Self::DuplicateUnit => Some("units".to_owned()),
            Self::InvalidWanted => Some("max".to_owned()),
            Self::DuplicateEntity | Self::EntityNotFound | Self::PolicyHalted(_) | Self::Invalid(_) => None,
        };
        vec![Fault { code: Code::from_name(self.code()).unwrap_or(Code::Internal), field, index: None, detail: self.to_string() }]
    }

    fn halted(&self) -> Option<Halted> {
        let Self::PolicyHalted(halt) = self else { return None };
        Some((**halt).clone().into())
    }
}

/// Whom the assignment asks.
struct Plan {
    incident: Incident,
    candidates: Vec<EntityId>,
    wanted: usize,
    replaces: Option<EntityId>,
}

impl Plan {
    fn begin(self) -> Command {
        let Self { incident, candidates, wanted, replaces } = self;
        Command::Begin { incident: incident.id, zone: incident.zone, candidates, wanted, replaces }
    }
}

/// What a repeat asks for: its first wish is what counts, and is known already.
fn again(incident: &EntityId) -> Command {
    Command::Begin { incident: incident.clone(), zone: None, candidates: Vec::new(), wanted: 1, replaces: None }
}

async fn is_begun(app: &App, call: &Call, owner: &StreamId) -> Result<bool, Problem> {
    // Without a key the assignment has a name that nobody has had.
    if call.key.is_none() {
        return Ok(false);
    }
    let loaded = app.node.assignments.loader().load(owner).await.map_err(|error| problem_of_load(&error))?;
    Ok(loaded.state != State::Absent)
}

/// Lets the assignment begin, and waits for its end; says whether it had begun before.
async fn carry_out(app: &App, call: &Call, owner: &StreamId, command: Command, asked: &impl Serialize) -> Result<(Outcome, bool), Problem> {
    let (node, meta) = (&app.node, call.meta(&app.node.env, hash_of(asked, None, None), None, None));
    let delivery = Delivery { class: Class::Command, deadline: node.deadline };
    let begun = node.assignments.ask_as(owner.clone(), command, meta, delivery).await;
    let reply = begun.map_err(|error| problem_of(error, call.if_match.is_some()))?;
    let end = |state: &State| if let State::Ended(outcome) = state { Some((**outcome).clone()) } else { None };
    let ended = node.situation.assignments.until(&node.env, node.assignments.loader(), owner, ENDS_WITHIN, end).await;
    let outcome = ended.map_err(|error| problem_of_load(&error))?.ok_or_else(unsettled)?;
    for unit in &outcome.assigned {
        // Whether it has heard of it or not, it is assigned: the answer only waits a little for it.
        let is_reserved = |state: &unit::State| match state.live().map(|unit| &unit.phase) {
            Some(Phase::Reserved { assignment, .. }) => *assignment == owner.id,
            Some(Phase::Free { .. } | Phase::Engaged { .. }) | None => false,
        };
        let heard = |state: &unit::State| (!is_reserved(state)).then_some(());
        let unit = stream(call, unit::KIND, unit.clone());
        let _settled = node.situation.units.until(&node.env, node.units.loader(), &unit, SETTLE, heard).await;
    }
    Ok((outcome, reply.repeated))
}

fn skipped(outcome: &Outcome) -> Vec<SkippedBody> {
    outcome.skipped.iter().map(|skipped| SkippedBody { unit: skipped.unit.to_string(), reason: skipped.reason }).collect()
}

fn answer(outcome: &Outcome, repeated: bool) -> Result<HttpResponse, Problem> {
    let (status, dispatch_number) = match outcome.end {
        Ok(number) => ("assigned", Some(number)),
        Err(Step::Reserve) => ("no_units", None),
        Err(Step::Attach(reason)) => return Err(of_attach(reason)),
    };
    let assigned = outcome.assigned.iter().map(ToString::to_string).collect();
    let body = DispatchBody { status, dispatch_number, incident: outcome.incident.to_string(), assigned, skipped: skipped(outcome) };
    let mut response = HttpResponse::Ok();
    if repeated {
        response.insert_header((REPLAYED, "true"));
    }
    Ok(response.json(body))
}

fn of_attach(reason: AttachDeclineReason) -> Problem {
    match reason {
        AttachDeclineReason::Unknown => unknown_incident(),
        AttachDeclineReason::TerminalIncident => over(),
        AttachDeclineReason::NotOnIncident => not_there(),
    }
}

fn unknown_incident() -> Problem {
    Problem::field(Code::EntityNotFound, "incident", "names no incident")
}

fn over() -> Problem {
    Problem::new(Code::TerminalIncident, "the incident is resolved or has ended: no units can be sent there")
}

fn not_there() -> Problem {
    Problem::field(Code::NotOnIncident, "from", "names a unit that is not on this incident")
}

/// The incident, if units can be sent there.
async fn open_incident(app: &App, owner: &StreamId) -> Result<Incident, Problem> {
    let (incident, _) = load(app, owner).await?;
    if incident.archived || !incident.status.takes_units() { Err(over()) } else { Ok(incident) }
}

/// Sends units to an incident: named ones, or the nearest available within 50 km. Each unit decides by itself, so that none is
/// taken twice; those that cannot be had are passed over, and others are asked instead where `units` is `auto` or `max` leaves
/// some over. The answer comes when all is done, or undone.
#[utoipa::path(context_path = "/api/v1", tag = "Dispatch", request_body = DispatchShape,
    params(("Idempotency-Key" = Option<String>, Header, description = "Names the request: a repeat is answered as the first was", min_length = 1, max_length = 255, pattern = "^[!-~]+$")),
    responses((status = 200, description = "What came of it", body = DispatchBody,
        headers(("Idempotency-Replayed" = Option<String>, description = "`true` if this answers a repeat"))), Problems))]
#[post("/dispatch")]
pub(crate) async fn dispatch_units(app: Data<App>, call: Call, body: Body<Wish>) -> Result<HttpResponse, Problem> {
    call.require(Role::Dispatcher)?;
    let wish = body.value;
    let owner = stream(&call, KIND, entity_id(&call.caller.org, "POST /dispatch", call.key.as_deref(), &app.node.env));
    let command = if is_begun(&app, &call, &owner).await? {
        again(&wish.incident)
    } else {
        let plan = plan(&app, &call, &wish).await?;
        if wish.units.is_none() && plan.candidates.is_empty() {
            let (incident, end) = (wish.incident, Err(Step::Reserve));
            return answer(&Outcome { incident, end, assigned: Vec::new(), skipped: Vec::new() }, false);
        }
        plan.begin()
    };
    let (outcome, repeated) = carry_out(&app, &call, &owner, command, &wish).await?;
    answer(&outcome, repeated)
}

async fn plan(app: &App, call: &Call, wish: &Wish) -> Result<Plan, Problem> {
    let owner = stream(call, ionveil_dispatch::incident::KIND, wish.incident.clone());
    let incident = open_incident(app, &owner).await.map_err(|problem| match problem.code {
        Code::EntityNotFound => unknown_incident(),
        _ => problem,
    })?;
    let candidates = match &wish.units {
        Some(named) => named.clone(),
        None => nearest(app, call, &incident).await?,
    };
    let wanted = wish.max.unwrap_or(if wish.units.is_some() { candidates.len() } else { UNITS_DEFAULT });
    // An empty list is judged by the assignment, like every other.
    Ok(Plan { incident, candidates, wanted: wanted.max(1), replaces: None })
}

async fn nearest(app: &App, call: &Call, incident: &Incident) -> Result<Vec<EntityId>, Problem> {
    units::all_known(app).await?;
    let wanted = Wanted { position: incident.position, radius_km: RADIUS_KM_DEFAULT, unit_type: None, skills: &[] };
    let now = app.node.env.now();
    Ok(app
        .node
        .situation
        .fleet(&call.caller.org, |fleet| fleet.available(&wanted, now).take(CANDIDATES_MAX).map(|(id, ..)| id.clone()).collect()))
}

/// Exchanges a unit of an incident for another.
#[derive(ToSchema)]
#[schema(as = Reassign)]
#[expect(dead_code, reason = "the shape of what `Exchange` reads")]
pub struct ReassignShape {
    /// The unit that goes; it is on the incident.
    #[schema(pattern = "^[A-Za-z0-9][A-Za-z0-9_:@.-]{0,127}$")]
    from: String,
    /// The unit that comes; it is available.
    #[schema(pattern = "^[A-Za-z0-9][A-Za-z0-9_:@.-]{0,127}$")]
    to: String,
}

/// See [`ReassignShape`].
pub struct Exchange {
    from: EntityId,
    to: EntityId,
}

impl FromFields for Exchange {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let (from, to) = (fields.required("from"), fields.required("to"));
        Some(Self { from: from?, to: to? })
    }
}

/// Exchanges a unit that is on an incident for another that is available. The first stays if the other cannot be had.
#[utoipa::path(context_path = "/api/v1", tag = "Dispatch", request_body = ReassignShape,
    params(("id" = String, Path, description = "The incident's id"),
        ("Idempotency-Key" = Option<String>, Header, description = "Names the request: a repeat is answered as the first was", min_length = 1, max_length = 255, pattern = "^[!-~]+$")),
    responses((status = 200, description = "What came of it", body = DispatchBody,
        headers(("Idempotency-Replayed" = Option<String>, description = "`true` if this answers a repeat"))), Problems))]
#[post("/incidents/{id}/reassign")]
pub(crate) async fn reassign_unit(app: Data<App>, call: Call, id: Path<String>, body: Body<Exchange>) -> Result<HttpResponse, Problem> {
    call.require(Role::Dispatcher)?;
    let (incident, Exchange { from, to }) = (incidents::owner(&call, &id)?, body.value);
    let asked = json!([incident.id, from, to]);
    let owner = stream(&call, KIND, entity_id(&call.caller.org, "POST /incidents/reassign", call.key.as_deref(), &app.node.env));
    let command = if is_begun(&app, &call, &owner).await? {
        again(&incident.id)
    } else {
        let incident = open_incident(&app, &incident).await?;
        if !incident.units.iter().any(|assigned| assigned.unit == from) {
            return Err(not_there());
        }
        Plan { incident, candidates: vec![to], wanted: 1, replaces: Some(from) }.begin()
    };
    let (outcome, repeated) = carry_out(&app, &call, &owner, command, &asked).await?;
    if let (Err(Step::Reserve), Some(skipped)) = (outcome.end, outcome.skipped.first()) {
        return Err(unavailable(skipped.reason));
    }
    answer(&outcome, repeated)
}

fn unavailable(reason: DeclineReason) -> Problem {
    let (code, detail) = match reason {
        DeclineReason::Unknown => (Code::EntityNotFound, "names no unit"),
        DeclineReason::Busy => (Code::UnitUnavailable, "names a unit that is busy"),
        DeclineReason::OffDuty => (Code::UnitUnavailable, "names a unit that is not on duty"),
        DeclineReason::OutOfService => (Code::UnitUnavailable, "names a unit that is out of service"),
        DeclineReason::NoAnswer => (Code::UnitUnavailable, "names a unit that did not answer in time"),
    };
    Problem::field(code, "to", detail)
}

/// Lets a unit go that is on the incident.
#[utoipa::path(context_path = "/api/v1", tag = "Dispatch", request_body = Option<Empty>,
    params(("id" = String, Path, description = "The incident's id"), ("unit" = String, Path, description = "The unit's id"),
        ("Idempotency-Key" = Option<String>, Header, description = "Names the request: a repeat is answered as the first was", min_length = 1, max_length = 255, pattern = "^[!-~]+$"),
        ("If-Match" = Option<String>, Header, description = "The ETag of the unit that the client has seen; another version is refused with 412", pattern = r#"^(\*|(W/)?"[^"]*")$"#)),
    responses((status = 200, description = "The unit after it", body = UnitBody, headers(("ETag" = String, description = "The version of the unit"), ("Idempotency-Replayed" = Option<String>, description = "`true` if this answers a repeat"))), Problems))]
#[post("/incidents/{id}/units/{unit}/release")]
pub(crate) async fn release_unit(
    app: Data<App>,
    call: Call,
    path: Path<(String, String)>,
    _: Body<Nothing>,
) -> Result<HttpResponse, Problem> {
    call.require(Role::Dispatcher)?;
    let (incident, unit) = (incidents::owner(&call, &path.0)?, units::owner(&call, &path.1)?);
    load(&app, &incident).await?;
    let command = unit::Command::Release { by: Releaser::Person(incident.id.clone()) };
    let reply = units::ask(&app, &call, &unit, command, &When::default(), Class::Command).await?;
    let node = &app.node;
    let has_left = |state: &ionveil_dispatch::incident::State| {
        let there = state.live().is_some_and(|incident| incident.units.iter().any(|assigned| assigned.unit == unit.id));
        (!there).then_some(())
    };
    // The unit has left; the incident hears of it in a moment, and the answer only waits a little for that.
    let _settled = node.situation.incidents.until(&node.env, node.incidents.loader(), &incident, SETTLE, has_left).await;
    units::answer(&unit, &reply, StatusCode::OK)
}
