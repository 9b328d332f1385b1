//! The simulator's routes: scenarios are set up, run, looked at, called off, compared and recommended. No rule lives here.

use crate::commands::entity_id;
use crate::http::answers::{Problems, problem_of_load};
use crate::http::app::App;
use crate::http::body::{Body, Empty, LargeBodies, Nothing, Query};
use crate::http::call::Call;
use crate::http::elsewhere;
use crate::http::problem::{Code, Fault, Problem};
use crate::http::simulation_bodies::{CancelBody, PolicyAt, RecommendationShape, Shown, SimulationShape};
use crate::http::simulation_problems::{checked, of_kind, problem_of, unknown_scope};
use crate::http::simulation_requests::{AtSecond, BODY_BYTES_MAX, Compare, Create, Recommend};
use crate::http::simulation_shapes::{CompareScenarios, CreateSimulation, RecommendSettings};
use crate::http::unrouted;
use crate::remote::REPLAYED;
use crate::simulations::{Progress, stream};
use actix_web::dev::HttpServiceFactory;
use actix_web::http::{StatusCode, header};
use actix_web::web::{self, Data, Path};
use actix_web::{HttpResponse, delete, get, post};
use ionveil_actors::Loaded;
use ionveil_kernel::{BodyHash, EntityId, Meta, Role, StreamId};
use ionveil_policy::simulation::{Command, FaultKind, Live, Phase, Rejection, Simulation, SourceForm, Span, recommend};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// How long the answer to a start waits for the end of the run: most end sooner.
const RUN_PATIENCE: Duration = Duration::from_secs(1);

/// The routes, with a limit on bodies of their own: patterns may be large.
pub fn routes() -> impl HttpServiceFactory {
    // `/compare` and `/recommend` could be ids: what they do not take must not be taken for one.
    let only_post = |path, route: actix_web::Route| web::resource(path).route(route).default_service(web::to(unrouted::answer));
    web::scope("/simulations")
        .app_data(LargeBodies(BODY_BYTES_MAX))
        .service(only_post("/compare", web::post().to(compare_scenarios)))
        .service(only_post("/recommend", web::post().to(recommend_settings)))
        .service(create_simulation)
        .service(run_simulation)
        .service(get_simulation)
        .service(get_simulation_policy)
        .service(cancel_simulation)
}

/// A path's id that could not be one names nothing.
fn owner(call: &Call, id: &str) -> Result<StreamId, Problem> {
    EntityId::new(id).map(|id| stream(&call.caller.org, id)).map_err(|_| not_found())
}

fn not_found() -> Problem {
    Problem::new(Code::NotFound, "there is no simulation of this id")
}

/// What a writing request brings to its simulation.
fn meta(app: &App, call: &Call, asked: &[u8]) -> Meta {
    call.meta(&app.node.env, BodyHash::of(&[asked]), None, None)
}

/// How far its run has come, which is where the entity is.
async fn progress(app: &App, owner: &StreamId, live: &Live) -> Option<Progress> {
    match elsewhere::of(app, owner).filter(|_| matches!(live.phase, Phase::Running)) {
        Some(address) => elsewhere::progress(app, &address, owner).await,
        None => app.node.simulator.progress(owner),
    }
}

async fn response(app: &App, owner: &StreamId, live: &Live, version: u64, status: StatusCode, repeated: bool) -> HttpResponse {
    let mut response = HttpResponse::build(status);
    response.insert_header((header::ETAG, format!("\"{version}\"")));
    if status == StatusCode::CREATED {
        response.insert_header((header::LOCATION, format!("/api/v1/simulations/{}", owner.id)));
    }
    if repeated {
        response.insert_header((REPLAYED, "true"));
    }
    response.json(Shown::stored(owner.id.as_str(), live, version, progress(app, owner, live).await))
}

/// The simulation as it is.
async fn loaded(app: &App, owner: &StreamId) -> Result<Loaded<Simulation>, Problem> {
    app.node.simulator.load(owner).await.map_err(|error| problem_of_load(&error))
}

/// Sets a simulation up; it does not run yet. Repeated under the same `Idempotency-Key` it answers as the first time.
#[utoipa::path(context_path = "/api/v1/simulations", tag = "Simulations", request_body = CreateSimulation,
    params(("Idempotency-Key" = Option<String>, Header, description = "Names the request: a repeat is answered as the first was", min_length = 1, max_length = 255, pattern = "^[!-~]+$")),
    responses((status = 201, description = "Set up", body = SimulationShape,
        headers(("ETag" = String, description = "The version"), ("Idempotency-Replayed" = Option<String>, description = "`true` if this answers a repeat"), ("Location" = String, description = "Where it is"))), Problems))]
#[post("")]
pub(crate) async fn create_simulation(app: Data<App>, call: Call, body: Body<Create>) -> Result<HttpResponse, Problem> {
    call.require(Role::Dispatcher)?;
    let Create { scenario, pattern, duration_s } = body.value;
    if matches!(pattern.source, SourceForm::History(_)) {
        let (_, pattern, _) = checked(vec![("scenario".to_owned(), scenario.clone())], &pattern, duration_s).map_err(Problem::of_faults)?;
        if !app.node.simulator.knows_scope(&call.caller.org, &pattern) {
            return Err(unknown_scope());
        }
    }
    let id = entity_id(&call.caller.org, "POST /simulations", call.key.as_deref(), &app.node.env);
    let (owner, command) = (stream(&call.caller.org, id), Command::Create { scenario: Box::new(scenario), pattern, duration_s });
    let meta = Meta { expected_version: None, ..meta(&app, &call, &body.raw) };
    let reply = app.node.simulator.create(owner.clone(), command, meta).await.map_err(|error| problem_of(error, false))?;
    let live = reply.state.live().ok_or_else(Problem::internal)?;
    Ok(response(&app, &owner, live, reply.receipt.version, StatusCode::CREATED, reply.repeated).await)
}

/// Lets a simulation run. The answer waits a second for its end; a longer run is `running` then, and `GET` shows how far it is.
/// One that has completed is not run again: its result is answered.
#[utoipa::path(context_path = "/api/v1/simulations", tag = "Simulations", request_body = Empty,
    params(("id" = String, Path, description = "The simulation's id"),
        ("Idempotency-Key" = Option<String>, Header, description = "Names the request: a repeat starts nothing", min_length = 1, max_length = 255, pattern = "^[!-~]+$"),
        ("If-Match" = Option<String>, Header, description = "The ETag that the client has seen; another version is refused with 412", pattern = r#"^(\*|(W/)?"[^"]*")$"#)),
    responses((status = 200, description = "It runs, or has run", body = SimulationShape,
        headers(("ETag" = String, description = "The version"), ("Idempotency-Replayed" = Option<String>, description = "`true` if this answers a repeat"))), Problems))]
#[post("/{id}/run")]
pub(crate) async fn run_simulation(app: Data<App>, call: Call, id: Path<String>, _: Body<Nothing>) -> Result<HttpResponse, Problem> {
    call.require(Role::Dispatcher)?;
    let owner = owner(&call, &id)?;
    let started = app.node.simulator.start(owner.clone(), meta(&app, &call, b"run"), RUN_PATIENCE).await;
    let repeated = started.map_err(|error| problem_of(error, call.if_match.is_some()))?;
    let now = loaded(&app, &owner).await?;
    let live = now.state.live().ok_or_else(Problem::internal)?;
    Ok(response(&app, &owner, live, now.version, StatusCode::OK, repeated).await)
}

/// A simulation: how far it is, and what came of it.
#[utoipa::path(context_path = "/api/v1/simulations", tag = "Simulations", params(("id" = String, Path, description = "The simulation's id")),
    responses((status = 200, description = "The simulation", body = SimulationShape, headers(("ETag" = String, description = "The version"))), Problems))]
#[get("/{id}")]
pub(crate) async fn get_simulation(app: Data<App>, call: Call, id: Path<String>, _: Query<Nothing>) -> Result<HttpResponse, Problem> {
    call.require(Role::Operator)?;
    let owner = owner(&call, &id)?;
    let now = loaded(&app, &owner).await?;
    let live = now.state.live().ok_or_else(not_found)?;
    Ok(response(&app, &owner, live, now.version, StatusCode::OK, false).await)
}

/// The level at a point of a run that has completed.
#[utoipa::path(context_path = "/api/v1/simulations", tag = "Simulations",
    params(("id" = String, Path, description = "The simulation's id"),
        ("at" = f64, Query, description = "Seconds from the start of the run, up to its duration", minimum = 0)),
    responses((status = 200, description = "The level", body = PolicyAt), Problems))]
#[get("/{id}/policy")]
pub(crate) async fn get_simulation_policy(
    app: Data<App>,
    call: Call,
    id: Path<String>,
    at: Query<AtSecond>,
) -> Result<HttpResponse, Problem> {
    call.require(Role::Operator)?;
    let AtSecond(at) = at.0;
    let span = Span::from_seconds(at, FaultKind::OutsideRun).map_err(|kind| Problem::of_faults(vec![of_kind("at", kind)]))?;
    let now = loaded(&app, &owner(&call, &id)?).await?;
    let live = now.state.live().ok_or_else(not_found)?;
    let outcome = live.outcome().ok_or_else(|| {
        Problem::new(
            Code::NoCompletedResults,
            format!("the simulation is {}; its levels are known once it has completed", live.phase.status()),
        )
    })?;
    let found = app.node.simulator.policy_at(&call.caller.org, &live.setup, outcome, span).await;
    let policy = found.map_err(|error| problem_of(error, false))?;
    Ok(HttpResponse::Ok().json(PolicyAt { at, policy }))
}

/// Calls a simulation off, before or while it runs. What has ended stays as it is.
#[utoipa::path(context_path = "/api/v1/simulations", tag = "Simulations",
    params(("id" = String, Path, description = "The simulation's id"),
        ("Idempotency-Key" = Option<String>, Header, description = "Names the request: a repeat is answered as the first was", min_length = 1, max_length = 255, pattern = "^[!-~]+$"),
        ("If-Match" = Option<String>, Header, description = "The ETag that the client has seen; another version is refused with 412", pattern = r#"^(\*|(W/)?"[^"]*")$"#)),
    responses((status = 200, description = "Whether there was something to call off", body = CancelBody,
        headers(("Idempotency-Replayed" = Option<String>, description = "`true` if this answers a repeat"))), Problems))]
#[delete("/{id}")]
pub(crate) async fn cancel_simulation(app: Data<App>, call: Call, id: Path<String>, _: Query<Nothing>) -> Result<HttpResponse, Problem> {
    call.require(Role::Dispatcher)?;
    let cancelled = app.node.simulator.cancel(owner(&call, &id)?, meta(&app, &call, b"cancel")).await;
    let reply = cancelled.map_err(|error| problem_of(error, call.if_match.is_some()))?;
    let mut response = HttpResponse::Ok();
    if reply.repeated {
        response.insert_header((REPLAYED, "true"));
    }
    Ok(response.json(CancelBody { cancelled: reply.receipt.events > 0 }))
}

/// Runs several scenarios on the same pattern and answers with the results by the scenarios' names. Nothing is stored. All
/// together may look at 100,000,000 outcomes.
#[utoipa::path(post, path = "/compare", context_path = "/api/v1/simulations", tag = "Simulations", request_body = CompareScenarios,
    responses((status = 200, description = "The results by name", body = BTreeMap<String, SimulationShape>), Problems))]
pub(crate) async fn compare_scenarios(app: Data<App>, call: Call, body: Body<Compare>) -> Result<HttpResponse, Problem> {
    call.require(Role::Dispatcher)?;
    let Compare { scenarios, pattern, duration_s } = body.value;
    let placed = scenarios.into_iter().enumerate().map(|(place, scenario)| (format!("scenarios[{place}]"), scenario)).collect();
    let (scenarios, pattern, duration) = checked(placed, &pattern, duration_s).map_err(Problem::of_faults)?;
    let compared = app.node.simulator.compare(&call.caller.org, scenarios, &pattern, duration).await;
    let compared = compared.map_err(|error| problem_of(error, false))?;
    let results: BTreeMap<_, _> = compared.iter().map(|(name, live)| (name, Shown::compared(name, live))).collect();
    Ok(HttpResponse::Ok().json(results))
}

/// Which of some simulations has the best settings, and why: the most compliance, then the least time in the last level, then
/// the fewest transitions, then the first name. Only those that have completed count.
#[utoipa::path(post, path = "/recommend", context_path = "/api/v1/simulations", tag = "Simulations", request_body = RecommendSettings,
    responses((status = 200, description = "The settings", body = RecommendationShape), Problems))]
pub(crate) async fn recommend_settings(app: Data<App>, call: Call, body: Body<Recommend>) -> Result<HttpResponse, Problem> {
    call.require(Role::Operator)?;
    let Recommend(ids) = body.value;
    let (mut all, mut absent, mut seen) = (Vec::with_capacity(ids.len()), Vec::new(), BTreeSet::new());
    for (place, id) in ids.into_iter().enumerate() {
        // The same simulation twice would be compared with itself.
        if !seen.insert(id.clone()) {
            continue;
        }
        let now = loaded(&app, &stream(&call.caller.org, id)).await?;
        match now.state.live() {
            Some(live) => all.push((live.setup.clone(), live.outcome().cloned())),
            None => absent.push(Fault::field(Code::NotFound, format!("simulations[{place}]"), "there is no simulation of this id")),
        }
    }
    if !absent.is_empty() {
        return Err(Problem::of_faults(absent));
    }
    let best = recommend(all.iter().map(|(setup, outcome)| (&setup.scenario, outcome.as_deref())));
    let best = best.map_err(|_: Rejection| Problem::new(Code::NoCompletedResults, "none of the simulations has completed"))?;
    Ok(HttpResponse::Ok().json(best))
}
