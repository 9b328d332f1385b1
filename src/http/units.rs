//! Units over HTTP: made known, looked for, changed, and where they stand in their work. No rule lives here.

use crate::commands::{entity_id, hash_of};
use crate::http::answers::{Problems, Refusal, problem_of, problem_of_load};
use crate::http::app::App;
use crate::http::body::{Body, Nothing, Query};
use crate::http::call::Call;
use crate::http::incident_requests::Asked;
use crate::http::incidents::{faults_of, stream, unreadable};
use crate::http::problem::{Code, Fault, Problem};
use crate::http::unit_bodies::{AvailableUnit, AvailableUnits, CapacityBody, CertificateList, DueBody, UnitBody, UnitList};
use crate::http::unit_requests::{Available, CertifyUnit, CreateUnit, Due, Expiring, Listing, MoveUnit, SetUnitStatus, UpdateUnit};
use crate::http::workflow_requests::When;
use crate::http::workflows::wait_for;
use crate::remote::REPLAYED;
use crate::time::Rfc3339;
use actix_web::http::{StatusCode, header};
use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, get, patch, post};
use ionveil_actors::{Class, Delivery, Reply};
use ionveil_dispatch::unit::{Command, KIND, Rejection, Units, Wanted, capacity, expiring};
use ionveil_kernel::statistics::round;
use ionveil_kernel::{EntityId, Rejection as _, Role, StreamId};
use std::time::Duration;

/// How long a reader waits right after a start, until everything is known.
const PATIENCE: Duration = Duration::from_secs(5);

impl Refusal for Rejection {
    fn as_faults(&self) -> Vec<Fault> {
        if let Self::Invalid(faults) = self {
            return faults_of(faults, |field| if field == "unit_type" { "type" } else { field });
        }
        let field = matches!(self, Self::DuplicateEntity).then(|| "id".to_owned());
        vec![Fault { code: Code::from_name(self.code()).unwrap_or(Code::Internal), field, index: None, detail: self.to_string() }]
    }
}

fn not_found() -> Problem {
    Problem::new(Code::EntityNotFound, Rejection::EntityNotFound.to_string())
}

/// An id in a path that could not be one names nothing.
pub(super) fn owner(call: &Call, id: &str) -> Result<StreamId, Problem> {
    EntityId::new(id).map(|id| stream(call, KIND, id)).map_err(|_| not_found())
}

pub(super) async fn ask(
    app: &App,
    call: &Call,
    owner: &StreamId,
    command: Command,
    when: &When,
    class: Class,
) -> Result<Reply<Units>, Problem> {
    let hash = hash_of(&command, when.occurred_at, when.expected_version);
    let meta = call.meta(&app.node.env, hash, when.occurred_at, when.expected_version);
    let asked = app.node.units.ask_as(owner.clone(), command, meta, Delivery { class, deadline: app.node.deadline }).await;
    asked.map_err(|error| problem_of(error, call.if_match.is_some()))
}

fn respond(body: &UnitBody, owner: &StreamId, status: StatusCode, repeated: bool) -> HttpResponse {
    let mut response = HttpResponse::build(status);
    response.insert_header((header::ETAG, format!("\"{}\"", body.version)));
    if status == StatusCode::CREATED {
        response.insert_header((header::LOCATION, format!("/api/v1/units/{}", owner.id)));
    }
    if repeated {
        response.insert_header((REPLAYED, "true"));
    }
    response.json(body)
}

pub(super) fn answer(owner: &StreamId, reply: &Reply<Units>, status: StatusCode) -> Result<HttpResponse, Problem> {
    let unit = reply.state.live().ok_or_else(not_found)?;
    Ok(respond(&UnitBody::new(&owner.id, unit, reply.receipt.version), owner, status, reply.repeated))
}

/// Right after a start not every unit may be known.
pub(super) async fn all_known(app: &App) -> Result<(), Problem> {
    if app.node.situation.is_whole(PATIENCE).await {
        return Ok(());
    }
    Err(Problem::new(Code::StoreUnavailable, "the units are still being read"))
}

/// Makes a unit known: available and on duty.
#[utoipa::path(context_path = "/api/v1", tag = "Dispatch", request_body = CreateUnit,
    params(("Idempotency-Key" = Option<String>, Header, description = "Names the request: a repeat is answered as the first was", min_length = 1, max_length = 255, pattern = "^[!-~]+$")),
    responses((status = 201, description = "Known", body = UnitBody,
        headers(("ETag" = String, description = "The version"), ("Idempotency-Replayed" = Option<String>, description = "`true` if this answers a repeat"), ("Location" = String, description = "Where it is"))), Problems))]
#[post("/units")]
pub(crate) async fn create_unit(
    app: Data<App>,
    call: Call,
    body: Body<Asked<CreateUnit, (Option<EntityId>, Command)>>,
) -> Result<HttpResponse, Problem> {
    call.require(Role::Dispatcher)?;
    let Asked { command: (id, command), when, .. } = body.value;
    let id = id.unwrap_or_else(|| entity_id(&call.caller.org, "POST /units", call.key.as_deref(), &app.node.env));
    let owner = stream(&call, KIND, id);
    let reply = ask(&app, &call, &owner, command, &when, Class::Command).await?;
    answer(&owner, &reply, StatusCode::CREATED)
}

/// The units, by id. The list follows the journal; who must see his own write in it passes `after`.
#[utoipa::path(context_path = "/api/v1", tag = "Dispatch",
    params(("type" = Option<String>, Query, description = "Only those of this type", min_length = 1, max_length = 128, pattern = r"^[^\x00-\x1f\x7f-\x9f]+$"),
        ("status" = Option<String>, Query, description = "Only those in this status", pattern = "^(available|dispatched|en_route|on_scene|returning|out_of_service)$"),
        ("after" = Option<String>, Query, description = "Wait until the list has taken in this event's `position`", min_length = 1),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before", min_length = 1),
        ("page_size" = Option<u32>, Query, description = "1 to 500, default 50", minimum = 1, maximum = 500)),
    responses((status = 200, description = "A page", body = UnitList), Problems))]
#[get("/units")]
pub(crate) async fn list_units(app: Data<App>, call: Call, listing: Query<Listing>) -> Result<HttpResponse, Problem> {
    call.require(Role::Operator)?;
    let Listing { filter, cursor, after, size } = listing.0;
    if let Some(after) = after {
        wait_for(&app, after).await?;
    }
    let rows = app.node.views.units(&call.caller.org, &filter, cursor.as_ref(), size + 1).await;
    let mut rows = rows.map_err(|error| unreadable(&error))?;
    let more = rows.len() > size;
    rows.truncate(size);
    let next_cursor = rows.last().filter(|_| more).map(|last| format!("u{}", last.id));
    let items = rows.iter().filter_map(|row| Some(UnitBody::new(&row.id, row.state.live()?, row.version))).collect();
    Ok(HttpResponse::Ok().json(UnitList { items, next_cursor }))
}

/// A unit.
#[utoipa::path(context_path = "/api/v1", tag = "Dispatch", params(("id" = String, Path, description = "The unit's id")),
    responses((status = 200, description = "The unit", body = UnitBody, headers(("ETag" = String, description = "The version"))), Problems))]
#[get("/units/{id}")]
pub(crate) async fn get_unit(app: Data<App>, call: Call, id: Path<String>, _: Query<Nothing>) -> Result<HttpResponse, Problem> {
    call.require(Role::Operator)?;
    let owner = owner(&call, &id)?;
    let loaded = app.node.units.loader().load(&owner).await.map_err(|error| problem_of_load(&error))?;
    let unit = loaded.state.live().ok_or_else(not_found)?;
    Ok(respond(&UnitBody::new(&owner.id, unit, loaded.version), &owner, StatusCode::OK, false))
}

macro_rules! action {
    ($(#[$doc:meta])* $name:ident, $method:ident, $path:literal, $body:ident, $role:ident, $class:ident) => {
        $(#[$doc])*
        #[utoipa::path(context_path = "/api/v1", tag = "Dispatch", request_body = $body,
            params(("id" = String, Path, description = "The unit's id"),
                ("Idempotency-Key" = Option<String>, Header, description = "Names the request: a repeat is answered as the first was", min_length = 1, max_length = 255, pattern = "^[!-~]+$"),
                ("If-Match" = Option<String>, Header, description = "The ETag that the client has seen; another version is refused with 412", pattern = r#"^(\*|(W/)?"[^"]*")$"#)),
            responses((status = 200, description = "The unit after it", body = UnitBody, headers(("ETag" = String, description = "The version"), ("Idempotency-Replayed" = Option<String>, description = "`true` if this answers a repeat"))), Problems))]
        #[$method($path)]
        pub(crate) async fn $name(app: Data<App>, call: Call, id: Path<String>, body: Body<Asked<$body, Command>>) -> Result<HttpResponse, Problem> {
            call.require(Role::$role)?;
            let owner = owner(&call, &id)?;
            let Asked { command, when, .. } = body.value;
            answer(&owner, &ask(&app, &call, &owner, command, &when, Class::$class).await?, StatusCode::OK)
        }
    };
}

action!(
    /// Changes name, type, skills, capacity or shift.
    update_unit, patch, "/units/{id}", UpdateUnit, Dispatcher, Command
);
action!(
    /// Says where the unit stands in its work, or whether it works.
    set_unit_status, post, "/units/{id}/status", SetUnitStatus, Dispatcher, Command
);
action!(
    /// Says where the unit is. The same place again changes nothing.
    move_unit, post, "/units/{id}/position", MoveUnit, Operator, Telemetry
);
action!(
    /// Adds a certificate, or renews the one of the same name.
    certify_unit, post, "/units/{id}/certificates", CertifyUnit, Dispatcher, Command
);

/// The units that can be sent to a place: available, on duty, of the type and with the skill that are asked for, within the
/// radius (inclusive). Nearest first, ties by id; units of which nobody knows where they are cannot be found.
#[utoipa::path(context_path = "/api/v1", tag = "Dispatch",
    params(("lat" = f64, Query, description = "Degrees north", minimum = -90, maximum = 90),
        ("lon" = f64, Query, description = "Degrees east", minimum = -180, maximum = 180),
        ("radius_km" = Option<f64>, Query, description = "0 to 1000, default 10", minimum = 0, maximum = 1000),
        ("type" = Option<String>, Query, description = "Only those of this type", min_length = 1, max_length = 128, pattern = r"^[^\x00-\x1f\x7f-\x9f]+$"),
        ("skill" = Option<String>, Query, description = "Only those that can do this, as a skill or by a certificate that counts; without case", min_length = 1, max_length = 128, pattern = r"^[^\x00-\x1f\x7f-\x9f]+$"),
        ("page_size" = Option<u32>, Query, description = "So many at most: 1 to 500, default 50", minimum = 1, maximum = 500)),
    responses((status = 200, description = "The nearest", body = AvailableUnits), Problems))]
#[get("/resources/available")]
pub(crate) async fn list_available(app: Data<App>, call: Call, asked: Query<Available>) -> Result<HttpResponse, Problem> {
    call.require(Role::Operator)?;
    all_known(&app).await?;
    let Available { position, radius_km, unit_type, skill, size } = asked.0;
    let skills: Vec<&str> = skill.as_deref().into_iter().collect();
    let wanted = Wanted { position, radius_km, unit_type: unit_type.as_deref(), skills: &skills };
    let items = app.node.situation.fleet(&call.caller.org, |fleet| {
        let found = fleet.available(&wanted, app.node.env.now()).take(size);
        found.map(|(id, version, unit, km)| AvailableUnit { distance_km: round(km, 2), unit: UnitBody::new(id, unit, version) }).collect()
    });
    Ok(HttpResponse::Ok().json(AvailableUnits { items }))
}

/// How many units there are, and what they do.
#[utoipa::path(get, path = "/units/capacity", context_path = "/api/v1", tag = "Dispatch", responses((status = 200, description = "The figures", body = CapacityBody), Problems))]
pub(crate) async fn get_capacity(app: Data<App>, call: Call, _: Query<Nothing>) -> Result<HttpResponse, Problem> {
    call.require(Role::Operator)?;
    all_known(&app).await?;
    let body = app.node.situation.fleet(&call.caller.org, |fleet| {
        let (all, by_type) = capacity(fleet.units().map(|(_, unit)| unit));
        CapacityBody::new(&all, &by_type)
    });
    Ok(HttpResponse::Ok().json(body))
}

/// The certificates that end within so many days, those that have ended included, soonest first.
#[utoipa::path(get, path = "/units/certificates", context_path = "/api/v1", tag = "Dispatch",
    params(("within_days" = Option<u32>, Query, description = "0 to 3650, default 30", minimum = 0, maximum = 3650),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before", min_length = 1),
        ("page_size" = Option<u32>, Query, description = "1 to 500, default 50", minimum = 1, maximum = 500)),
    responses((status = 200, description = "A page", body = CertificateList), Problems))]
pub(crate) async fn list_certificates(app: Data<App>, call: Call, asked: Query<Expiring>) -> Result<HttpResponse, Problem> {
    call.require(Role::Operator)?;
    all_known(&app).await?;
    let Expiring { within_days, cursor, size } = asked.0;
    let now = app.node.env.now();
    let body = app.node.situation.fleet(&call.caller.org, |fleet| {
        let due = expiring(fleet.units(), now, within_days);
        let place = |due: &ionveil_dispatch::unit::CertificateDue<'_>| Due {
            expires: due.expires,
            unit: due.unit.clone(),
            name: due.name.to_owned(),
        };
        let from = cursor.map_or(0, |cursor| due.partition_point(|due| place(due) <= cursor));
        let rest = due.get(from..).unwrap_or_default();
        let page = rest.get(..size.min(rest.len())).unwrap_or_default();
        let item = |due: &ionveil_dispatch::unit::CertificateDue<'_>| DueBody {
            unit: due.unit.to_string(),
            name: due.name.to_owned(),
            expires: Rfc3339(due.expires),
            days_left: due.days_left,
        };
        let next_cursor = page.last().filter(|_| rest.len() > size).map(|last| place(last).cursor());
        CertificateList { items: page.iter().map(item).collect(), next_cursor, total: due.len() }
    });
    Ok(HttpResponse::Ok().json(body))
}
