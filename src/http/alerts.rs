//! Alerts and notifications over HTTP: listed, looked at, acknowledged, resolved and escalated. No rule lives here.

use crate::alerts::alert_stream;
use crate::commands::hash_of;
use crate::http::alert_bodies::{AlertBody, AlertList, AlertWithHistory, NotificationList};
use crate::http::alert_requests::{Acknowledge, AcknowledgeAlert, Escalate, EscalateAlert, Listing, Resolve, ResolveAlert, cursor};
use crate::http::answers::{Problems, Refusal, problem_of, problem_of_load};
use crate::http::app::App;
use crate::http::body::{Body, Nothing, Query};
use crate::http::call::Call;
use crate::http::incidents::unreadable;
use crate::http::problem::{Code, Fault, Problem};
use crate::http::workflows::wait_for;
use crate::remote::REPLAYED;
use actix_web::http::header;
use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, get, post};
use ionveil_alerts::alert::{Command, Rejection};
use ionveil_alerts::{fault, monitor, pager, view};
use ionveil_kernel::{EntityId, Role, StreamId};
use ionveil_views::{AlertFilter, NotificationFilter};

/// Lines of a history that are shown.
const HISTORY_MAX: u64 = 1_000;

fn code(name: &str) -> Code {
    Code::from_name(name).unwrap_or(Code::Internal)
}

/// The faults of a command, or its refusal as one.
fn faults_of(faults: &[fault::Fault], rejection: &impl ionveil_kernel::Rejection) -> Vec<Fault> {
    if faults.is_empty() {
        return vec![Fault { code: code(rejection.code()), field: None, index: None, detail: rejection.to_string() }];
    }
    field_faults(faults)
}

/// The faults of a form.
pub(super) fn field_faults(faults: &[fault::Fault]) -> Vec<Fault> {
    faults.iter().map(|fault| Fault::field(code(fault.code.code()), fault.field.as_str(), fault.detail.as_str())).collect()
}

impl Refusal for Rejection {
    fn as_faults(&self) -> Vec<Fault> {
        faults_of(self.faults(), self)
    }
}

impl Refusal for monitor::Rejection {
    fn as_faults(&self) -> Vec<Fault> {
        faults_of(self.faults(), self)
    }
}

impl Refusal for pager::Rejection {
    fn as_faults(&self) -> Vec<Fault> {
        faults_of(&[], self)
    }
}

pub(super) fn not_found(what: &str) -> Problem {
    Problem::new(Code::NotFound, format!("there is no {what} of this id"))
}

/// An id in a path that could not be one names nothing.
fn owner(call: &Call, id: &str) -> Result<StreamId, Problem> {
    let id = EntityId::new(id).map_err(|_| not_found("alert"))?;
    alert_stream(&call.caller.org, id).map_err(|_| not_found("alert"))
}

/// The alerts, newest first; without `status` those that are open, escalated or acknowledged. The list follows the journal; who must
/// see his own write in it passes `after`.
#[utoipa::path(context_path = "/api/v1", tag = "Alerts",
    params(("severity" = Option<String>, Query, description = "Only those that are so bad", pattern = "^(info|warning|critical|emergency)$"),
        ("status" = Option<String>, Query, description = "Exactly those in this status", pattern = "^(open|escalated|acknowledged|suppressed|resolved)$"),
        ("after" = Option<String>, Query, description = "Wait until the list has taken in this event's `position`", min_length = 1),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before", min_length = 1),
        ("page_size" = Option<u32>, Query, description = "1 to 500, default 50", minimum = 1, maximum = 500)),
    responses((status = 200, description = "A page", body = AlertList), Problems))]
#[get("/alerts")]
pub(crate) async fn list_alerts(app: Data<App>, call: Call, listing: Query<Listing<AlertFilter>>) -> Result<HttpResponse, Problem> {
    call.require(Role::Operator)?;
    let Listing { filter, cursor: from, after, size } = listing.0;
    if let Some(after) = after {
        wait_for(&app, after).await?;
    }
    let (org, views) = (&call.caller.org, &app.node.views);
    let (rows, total) = tokio::join!(views.alerts(org, &filter, from.as_ref(), size + 1), views.count_alerts(org, &filter));
    let (mut rows, total) = rows.and_then(|rows| Ok((rows, total?))).map_err(|error| unreadable(&error))?;
    let more = rows.len() > size;
    rows.truncate(size);
    let next_cursor = rows.last().filter(|_| more).map(|last| cursor(last.created_at, &last.id));
    Ok(HttpResponse::Ok().json(AlertList { items: rows.into_iter().map(Into::into).collect(), next_cursor, total }))
}

/// The notifications, newest first: one per alert, step, channel and recipient, and what is known of its attempts.
#[utoipa::path(context_path = "/api/v1", tag = "Alerts",
    params(("alert" = Option<String>, Query, description = "Only those about this alert", pattern = "^[A-Za-z0-9][A-Za-z0-9_:@.-]{0,127}$"),
        ("status" = Option<String>, Query, description = "Only those in this status", pattern = "^(pending|digest|sent|failed|unknown)$"),
        ("after" = Option<String>, Query, description = "Wait until the list has taken in this event's `position`", min_length = 1),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before", min_length = 1),
        ("page_size" = Option<u32>, Query, description = "1 to 500, default 50", minimum = 1, maximum = 500)),
    responses((status = 200, description = "A page", body = NotificationList), Problems))]
#[get("/notifications")]
pub(crate) async fn list_notifications(
    app: Data<App>,
    call: Call,
    listing: Query<Listing<NotificationFilter>>,
) -> Result<HttpResponse, Problem> {
    call.require(Role::Operator)?;
    let Listing { filter, cursor: from, after, size } = listing.0;
    if let Some(after) = after {
        wait_for(&app, after).await?;
    }
    let (org, views) = (&call.caller.org, &app.node.views);
    let (rows, total) = tokio::join!(views.notifications(org, &filter, from.as_ref(), size + 1), views.count_notifications(org, &filter));
    let (mut rows, total) = rows.and_then(|rows| Ok((rows, total?))).map_err(|error| unreadable(&error))?;
    let more = rows.len() > size;
    rows.truncate(size);
    let next_cursor = rows.last().filter(|_| more).map(|last| cursor(last.created_at, &last.id));
    Ok(HttpResponse::Ok().json(NotificationList { items: rows.into_iter().map(Into::into).collect(), next_cursor, total }))
}

/// An alert, and everything that has happened to it.
#[utoipa::path(context_path = "/api/v1", tag = "Alerts", params(("id" = String, Path, description = "The alert's id")),
    responses((status = 200, description = "The alert", body = AlertWithHistory, headers(("ETag" = String, description = "The version"))), Problems))]
#[get("/alerts/{id}")]
pub(crate) async fn get_alert(app: Data<App>, call: Call, id: Path<String>, _: Query<Nothing>) -> Result<HttpResponse, Problem> {
    call.require(Role::Operator)?;
    let owner = owner(&call, &id)?;
    let loaded = app.node.alerting.alerts().loader().load(&owner).await.map_err(|error| problem_of_load(&error))?;
    let alert = loaded.state.alert().ok_or_else(|| not_found("alert"))?;
    let from = loaded.version.saturating_sub(HISTORY_MAX);
    let size = usize::try_from(HISTORY_MAX).unwrap_or(usize::MAX);
    let events = app.node.store.read_stream(&owner, from, size).await.map_err(|error| problem_of_load(&error.into()))?;
    let history = events.iter().map(view::entry).collect::<Result<Vec<_>, _>>().map_err(|_| Problem::internal())?;
    let (alert, version) = (AlertBody::new(&owner.id, alert), loaded.version);
    let body = AlertWithHistory { alert, history: history.into_iter().map(Into::into).collect(), version };
    Ok(HttpResponse::Ok().insert_header((header::ETAG, format!("\"{version}\""))).json(body))
}

async fn act(app: &App, call: &Call, id: &str, command: Command) -> Result<HttpResponse, Problem> {
    call.require(Role::Operator)?;
    let owner = owner(call, id)?;
    let meta = call.meta(&app.node.env, hash_of(&command, None, None), None, None);
    let asked = app.node.alerting.ask_alert(owner.clone(), command, meta).await;
    let reply = asked.map_err(|error| problem_of(error, call.if_match.is_some()))?;
    let alert = reply.state.alert().ok_or_else(|| not_found("alert"))?;
    let mut answer = HttpResponse::Ok();
    answer.insert_header((header::ETAG, format!("\"{}\"", reply.receipt.version)));
    if reply.repeated {
        answer.insert_header((REPLAYED, "true"));
    }
    Ok(answer.json(AlertBody::new(&owner.id, alert)))
}

macro_rules! action {
    ($(#[$doc:meta])* $name:ident, $path:literal, $shape:ty, $body:ty) => {
        $(#[$doc])*
        #[utoipa::path(context_path = "/api/v1", tag = "Alerts", request_body = $shape,
            params(("id" = String, Path, description = "The alert's id"),
                ("Idempotency-Key" = Option<String>, Header, description = "Names the request: a repeat is answered as the first was", min_length = 1, max_length = 255, pattern = "^[!-~]+$"),
                ("If-Match" = Option<String>, Header, description = "The ETag that the client has seen; another version is refused with 412", pattern = r#"^(\*|(W/)?"[^"]*")$"#)),
            responses((status = 200, description = "The alert after it", body = AlertBody, headers(("ETag" = String, description = "The version"), ("Idempotency-Replayed" = Option<String>, description = "`true` if this answers a repeat"))), Problems))]
        #[post($path)]
        pub(crate) async fn $name(app: Data<App>, call: Call, id: Path<String>, body: Body<$body>) -> Result<HttpResponse, Problem> {
            act(&app, &call, &id, body.value.0).await
        }
    };
}

action!(
    /// Takes care of an alert: it goes no higher, for good or for a time. One that is acknowledged stays so, by whoever was first.
    acknowledge_alert, "/alerts/{id}/acknowledge", Option<AcknowledgeAlert>, Acknowledge
);
action!(
    /// Ends an alert.
    resolve_alert, "/alerts/{id}/resolve", ResolveAlert, Resolve
);
action!(
    /// Lets the next level know, now.
    escalate_alert, "/alerts/{id}/escalate", Option<EscalateAlert>, Escalate
);
