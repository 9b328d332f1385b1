//! The root routes: is it alive, is it ready, what does it count, and the pages behind the error codes.

use crate::http::app::App;
use crate::http::call::Call;
use crate::http::problem::{Code, Problem, RETRY_S};
use crate::time::Rfc3339;
use actix_web::http::header;
use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, get};
use ionveil_kernel::Role;
use serde::Serialize;
use utoipa::ToSchema;

/// How the server is.
#[derive(Serialize, ToSchema)]
pub struct Health {
    /// `ok`, `draining` or `unavailable`.
    #[schema(example = "ok")]
    status: &'static str,
    /// The release.
    version: &'static str,
    /// Whether this node owns its partitions and can append.
    journal: bool,
    /// How many events the list views are behind; absent if they stopped on an error.
    #[serde(skip_serializing_if = "Option::is_none")]
    views_behind: Option<u64>,
    /// The clock, if it is not the real one.
    #[serde(skip_serializing_if = "Option::is_none")]
    clock: Option<ClockBody>,
}

/// A clock that plays a time of the past.
#[derive(Serialize, ToSchema)]
#[schema(as = Clock)]
pub struct ClockBody {
    /// What it shows.
    #[schema(value_type = String, format = DateTime)]
    now: Rfc3339,
    /// What it showed at the start.
    #[schema(value_type = String, format = DateTime)]
    begin: Rfc3339,
    /// How many seconds of it pass in a real one.
    #[schema(minimum = 1, maximum = 10_000, example = 600)]
    speed: u32,
}

fn health_of(app: &App) -> (bool, Health) {
    let journal = app.node.journal.ready();
    let status = if app.leaving() {
        "draining"
    } else if journal {
        "ok"
    } else {
        "unavailable"
    };
    let env = &app.node.env;
    let clock = env.play().map(|play| ClockBody { now: Rfc3339(env.now()), begin: Rfc3339(play.begin), speed: play.speed });
    let health = Health { status, version: env!("CARGO_PKG_VERSION"), journal, views_behind: app.node.views_behind(), clock };
    (status == "ok", health)
}

fn answer((ready, health): (bool, Health)) -> HttpResponse {
    let mut response = if ready { HttpResponse::Ok() } else { HttpResponse::ServiceUnavailable() };
    if !ready {
        response.insert_header((header::RETRY_AFTER, RETRY_S.to_string()));
    }
    response.insert_header((header::CACHE_CONTROL, "no-store")).json(health)
}

/// How the server is.
#[utoipa::path(tag = "System", responses((status = 200, description = "Well", body = Health), (status = 503, description = "Not ready", body = Health, headers(("Retry-After" = u32, description = "Seconds until it is worth asking again")))))]
#[get("/health")]
pub(crate) async fn get_health(app: Data<App>) -> HttpResponse {
    answer(health_of(&app))
}

/// Whether the process runs.
#[utoipa::path(tag = "System", responses((status = 200, description = "It does", content_type = "text/plain", body = String)))]
#[get("/health/live")]
pub(crate) async fn get_live() -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain; charset=utf-8").body("alive\n")
}

/// Whether new work should come here.
#[utoipa::path(tag = "System", responses((status = 200, description = "Yes", body = Health), (status = 503, description = "No", body = Health, headers(("Retry-After" = u32, description = "Seconds until it is worth asking again")))))]
#[get("/health/ready")]
pub(crate) async fn get_ready(app: Data<App>) -> HttpResponse {
    answer(health_of(&app))
}

/// What the server counts, in the text format of OpenMetrics.
#[utoipa::path(tag = "System", responses(
    (status = 200, description = "All figures", content_type = "application/openmetrics-text", body = String),
    crate::http::answers::Problems))]
#[get("/metrics")]
pub(crate) async fn get_metrics(app: Data<App>, call: Call) -> Result<HttpResponse, Problem> {
    call.require(Role::Operator)?;
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &app.node.registry).map_err(|_| Problem::internal())?;
    Ok(HttpResponse::Ok().content_type("application/openmetrics-text; version=1.0.0; charset=utf-8").body(text))
}

/// `/` leads to the documentation until there is a console.
#[get("/")]
pub(crate) async fn root() -> HttpResponse {
    HttpResponse::Found().insert_header((header::LOCATION, "/docs/")).finish()
}

/// The page of an error code.
#[get("/docs/errors/{code}")]
pub(crate) async fn error_page(code: Path<String>) -> Result<HttpResponse, Problem> {
    let page = Code::from_name(&code).map(Code::page);
    let page = page.ok_or_else(|| Problem::new(Code::NotFound, "there is no such error code"))?;
    Ok(HttpResponse::Ok().content_type("text/markdown; charset=utf-8").body(page))
}
