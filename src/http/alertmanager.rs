//! Alerts that Prometheus and Alertmanager send: their own bodies, at the paths at which they look for an Alertmanager. What they come
//! to is decided in `domain/alerts`.
//!
//! Whoever sends them drops what is refused. So sound ones are taken in also where others beside them are not, and the answer then is
//! that of the faulty ones, as an Alertmanager gives it.

use crate::http::alertmanager_requests::{AlertmanagerHook, Hook, PostedAlert, PostedAlerts, Sent};
use crate::http::alerts::field_faults;
use crate::http::answers::{Problems, problem_of};
use crate::http::app::App;
use crate::http::body::{Body, LargeBodies};
use crate::http::call::Call;
use crate::http::drain;
use crate::http::problem::{Code, Fault, Problem};
use crate::http::unrouted;
use actix_web::HttpResponse;
use actix_web::dev::HttpServiceFactory;
use actix_web::middleware::from_fn;
use actix_web::web::{self, Bytes, Data};
use ionveil_alerts::external::{ALERTS_MAX, External};
use ionveil_alerts::monitor::Command;
use ionveil_kernel::{BodyHash, Meta, Role};
use serde::Serialize;
use utoipa::ToSchema;

/// The largest body in bytes.
const BYTES_MAX: usize = 4 * 1024 * 1024;
/// So many faults are told.
const ERRORS_MAX: usize = 1_000;

/// What became of alerts that were sent.
#[derive(Serialize, ToSchema)]
#[schema(as = TakenAlerts)]
pub struct TakenBody {
    /// How many were taken in: all.
    #[schema(example = 2)]
    accepted: usize,
}

/// The route at the root.
pub fn at_root() -> impl HttpServiceFactory {
    web::resource("/api/v2/alerts")
        .wrap(from_fn(drain::turn_away))
        .app_data(LargeBodies(BYTES_MAX))
        .route(web::post().to(post_alerts))
        .default_service(web::to(unrouted::answer))
}

/// The route among the others.
pub fn webhook() -> impl HttpServiceFactory {
    web::resource("/integrations/alertmanager")
        .app_data(LargeBodies(BYTES_MAX))
        .route(web::post().to(take_hook))
        .default_service(web::to(unrouted::answer))
}

/// Takes alerts as Prometheus sends them to an Alertmanager: at most 1,000 and 4 MiB. The set of its labels names an alert; sent again
/// it is the same, until `endsAt` (absent: five minutes from now) passes without that, and afterwards another. The label `severity` is
/// its severity (any other than ours: warning). Sound ones are taken in also where others are refused.
#[utoipa::path(post, path = "/api/v2/alerts", tag = "Alerts", request_body = Vec<PostedAlert>,
    params(("Idempotency-Key" = Option<String>, Header, description = "Names the request: a repeat is answered as the first time", min_length = 1, max_length = 255, pattern = "^[!-~]+$")),
    responses((status = 200, description = "All were taken in", body = TakenBody), Problems))]
pub(crate) async fn post_alerts(app: Data<App>, call: Call, body: Body<PostedAlerts>) -> Result<HttpResponse, Problem> {
    take(&app, &call, &body.raw, body.value.0).await
}

/// Takes alerts as the webhook of an Alertmanager sends them (version 4): `status` says whether they are over. Else as
/// `/api/v2/alerts`.
#[utoipa::path(post, path = "/integrations/alertmanager", context_path = "/api/v1", tag = "Alerts", request_body = AlertmanagerHook,
    params(("Idempotency-Key" = Option<String>, Header, description = "Names the request: a repeat is answered as the first time", min_length = 1, max_length = 255, pattern = "^[!-~]+$")),
    responses((status = 200, description = "All were taken in", body = TakenBody), Problems))]
pub(crate) async fn take_hook(app: Data<App>, call: Call, body: Body<Hook>) -> Result<HttpResponse, Problem> {
    take(&app, &call, &body.raw, body.value.0).await
}

async fn take(app: &App, call: &Call, raw: &Bytes, all: Vec<Result<Sent, Vec<Fault>>>) -> Result<HttpResponse, Problem> {
    call.require(Role::Operator)?;
    if all.len() > ALERTS_MAX {
        return Err(Problem::new(Code::TooManyEvents, format!("at most {ALERTS_MAX} alerts are taken at once")));
    }
    let (alerts, errors) = sift(app, all);
    let accepted = alerts.len();
    if !alerts.is_empty() {
        let meta = Meta { expected_version: None, ..call.meta(&app.node.env, BodyHash::of(&[raw]), None, None) };
        let asked = app.node.alerting.ask_monitor(&call.caller.org, Command::External { alerts }, meta).await;
        asked.map_err(|error| problem_of(error, false))?;
    }
    if errors.is_empty() {
        return Ok(HttpResponse::Ok().json(TakenBody { accepted }));
    }
    tracing::warn!(accepted, faults = errors.len(), "alerts of another system were refused");
    let problem = Problem::of_faults(errors);
    let detail = format!("{}; {accepted} others were taken in", problem.detail);
    Err(Problem { detail, ..problem })
}

/// The sound ones, and what is wrong with the others.
fn sift(app: &App, all: Vec<Result<Sent, Vec<Fault>>>) -> (Vec<External>, Vec<Fault>) {
    let (now, mut sound, mut errors) = (app.node.env.now(), Vec::with_capacity(all.len()), Vec::new());
    for (index, read) in all.into_iter().enumerate() {
        let checked = read.and_then(|sent| sent.form(now).check().map_err(|faults| field_faults(&faults)));
        match checked {
            Ok(alert) => sound.push(alert),
            Err(faults) => {
                let room = ERRORS_MAX.saturating_sub(errors.len());
                errors.extend(faults.into_iter().take(room).map(|fault| Fault { index: Some(index), ..fault }));
            }
        }
    }
    (sound, errors)
}
