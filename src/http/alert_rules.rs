//! Alert rules over HTTP: put, looked at, removed, tried on the past; suppressions; and an incident checked now.

use crate::alerts::alert_stream;
use crate::commands::hash_of;
use crate::http::alert_bodies::RemovedBody;
use crate::http::alert_requests::{Check, CheckIncident, Rule, RuleShape, Suppress, SuppressAlerts, TryAlertRule, TryRule};
use crate::http::alert_rule_bodies::{AlertRules, CheckedIncident, RaisedBody, RuleBody, SuppressionBody, Suppressions, TrialBody};
use crate::http::alerts::not_found;
use crate::http::answers::{Problems, problem_of, problem_of_load};
use crate::http::app::App;
use crate::http::body::{Body, Nothing, Query};
use crate::http::call::Call;
use crate::http::problem::{Code, Fault, Problem};
use crate::remote::REPLAYED;
use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, delete, get, post, put};
use ionveil_actors::Reply;
use ionveil_alerts::monitor::{self, Command, Event, Monitor, Outcome, State};
use ionveil_alerts::rule::RuleForm;
use ionveil_alerts::trial::{PastCall, try_rule};
use ionveil_kernel::{EntityId, EventCodec, Role, Timestamp};
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::Duration;

/// Events that are read at once.
const CHUNK: usize = 4_096;
/// The most events of a monitor that a trial looks at.
const EVENTS_MAX: u64 = 2_000_000;
/// How long alerts may take to begin, and how often it is looked whether they have.
const PATIENCE: Duration = Duration::from_secs(2);
/// See [`PATIENCE`].
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// Lets the monitor of the caller's organisation decide; `asked` is what the client asked for.
pub(super) async fn ask(app: &App, call: &Call, command: Command, asked: &impl Serialize) -> Result<Reply<Monitor>, Problem> {
    let meta = call.meta(&app.node.env, hash_of(asked, None, None), None, None);
    let reply = app.node.alerting.ask_monitor(&call.caller.org, command, meta).await;
    reply.map_err(|error| problem_of(error, call.if_match.is_some()))
}

/// The monitor of the caller's organisation.
pub(super) async fn load(app: &App, call: &Call) -> Result<State, Problem> {
    let owner = monitor::stream(&call.caller.org).map_err(|_| Problem::internal())?;
    let loaded = app.node.alerting.monitors().loader().load(&owner).await;
    loaded.map(|loaded| loaded.state).map_err(|error| problem_of_load(&error))
}

pub(super) fn id_of(text: &str, what: &str) -> Result<EntityId, Problem> {
    EntityId::new(text).map_err(|_| not_found(what))
}

pub(super) fn respond(body: &impl Serialize, repeated: bool) -> HttpResponse {
    let mut answer = HttpResponse::Ok();
    if repeated {
        answer.insert_header((REPLAYED, "true"));
    }
    answer.json(body)
}

/// A rule is there from now on, in the place of one of the same id. `sla-warning` and `sla-breach` are there from the beginning.
#[utoipa::path(context_path = "/api/v1", tag = "Alerts", request_body = RuleShape,
    params(("id" = String, Path, description = "The rule's id", pattern = "^[A-Za-z0-9][A-Za-z0-9_:@.-]{0,127}$"),
        ("Idempotency-Key" = Option<String>, Header, description = "Names the request: a repeat is answered as the first was", min_length = 1, max_length = 255, pattern = "^[!-~]+$")),
    responses((status = 200, description = "The rule", body = RuleBody, headers(("Idempotency-Replayed" = Option<String>, description = "`true` if this answers a repeat"))), Problems))]
#[put("/alerts/rules/{id}")]
pub(crate) async fn put_alert_rule(app: Data<App>, call: Call, id: Path<String>, body: Body<Rule>) -> Result<HttpResponse, Problem> {
    call.require(Role::Supervisor)?;
    let command = Command::PutRule { rule: RuleForm { id: id.into_inner(), ..body.value.0 } };
    let Command::PutRule { rule } = &command else { return Err(Problem::internal()) };
    // The command was taken, so the form is sound; a repeat shows what was asked for then.
    let form = rule.clone();
    let reply = ask(&app, &call, command.clone(), &command).await?;
    let rule = form.check().map_err(|_| Problem::internal())?;
    Ok(respond(&RuleBody::from(&rule), reply.repeated))
}

/// The rules.
#[utoipa::path(context_path = "/api/v1", tag = "Alerts", responses((status = 200, description = "All of them", body = AlertRules), Problems))]
#[get("/alerts/rules")]
pub(crate) async fn list_alert_rules(app: Data<App>, call: Call, _: Query<Nothing>) -> Result<HttpResponse, Problem> {
    call.require(Role::Operator)?;
    let state = load(&app, &call).await?;
    Ok(HttpResponse::Ok().json(AlertRules { items: state.rules().map(Into::into).collect() }))
}

/// A rule.
#[utoipa::path(context_path = "/api/v1", tag = "Alerts", params(("id" = String, Path, description = "The rule's id")),
    responses((status = 200, description = "The rule", body = RuleBody), Problems))]
#[get("/alerts/rules/{id}")]
pub(crate) async fn get_alert_rule(app: Data<App>, call: Call, id: Path<String>, _: Query<Nothing>) -> Result<HttpResponse, Problem> {
    call.require(Role::Operator)?;
    let id = id_of(&id, "rule")?;
    let state = load(&app, &call).await?;
    let rule = state.rule(&id).ok_or_else(|| not_found("rule"))?;
    Ok(HttpResponse::Ok().json(RuleBody::from(rule)))
}

/// A rule goes.
#[utoipa::path(context_path = "/api/v1", tag = "Alerts",
    params(("id" = String, Path, description = "The rule's id"),
        ("Idempotency-Key" = Option<String>, Header, description = "Names the request: a repeat is answered as the first was", min_length = 1, max_length = 255, pattern = "^[!-~]+$")),
    responses((status = 200, description = "It is gone", body = RemovedBody, headers(("Idempotency-Replayed" = Option<String>, description = "`true` if this answers a repeat"))), Problems))]
#[delete("/alerts/rules/{id}")]
pub(crate) async fn remove_alert_rule(app: Data<App>, call: Call, id: Path<String>, _: Query<Nothing>) -> Result<HttpResponse, Problem> {
    call.require(Role::Supervisor)?;
    let rule = id_of(&id, "rule")?;
    let command = Command::RemoveRule { rule: rule.clone() };
    let reply = ask(&app, &call, command.clone(), &command).await?;
    Ok(respond(&RemovedBody { id: rule.to_string(), removed: true, was_active: None }, reply.repeated))
}

/// Tries a rule on what was recorded of incidents, as if it had been the only one: how often it would have fired, whom it would have
/// told, and at what hours. It uses the present escalation policy and recipients, and changes nothing.
#[utoipa::path(post, path = "/alerts/rules/try", context_path = "/api/v1", tag = "Alerts", request_body = TryAlertRule,
    responses((status = 200, description = "What it would have done", body = TrialBody), Problems))]
pub(crate) async fn try_alert_rule(app: Data<App>, call: Call, body: Body<TryRule>) -> Result<HttpResponse, Problem> {
    call.require(Role::Supervisor)?;
    let TryRule { rule, from, to } = body.value;
    let fault = |fault: ionveil_alerts::fault::Fault| {
        let code = Code::from_name(fault.code.code()).unwrap_or(Code::InvalidRule);
        Fault::field(code, format!("rule.{}", fault.field), fault.detail)
    };
    let rule = rule.check().map_err(|faults| Problem::of_faults(faults.into_iter().map(fault).collect()))?;
    let state = load(&app, &call).await?;
    let calls = past(&app, &call, from, to).await?;
    let (count, until) = (calls.len() as u64, app.node.env.now());
    let trial = tokio::task::spawn_blocking(move || try_rule(&rule, &state, &calls, until)).await;
    let trial = trial.map_err(|_| Problem::internal())?.map_err(|_| Problem::internal())?;
    Ok(HttpResponse::Ok().json(TrialBody::new(count, &trial)))
}

/// The incidents whose units were sent in this time, as the monitor has recorded them.
async fn past(app: &App, call: &Call, from: Timestamp, to: Timestamp) -> Result<Vec<PastCall>, Problem> {
    let owner = monitor::stream(&call.caller.org).map_err(|_| Problem::internal())?;
    let (mut version, mut position, mut calls) = (0, 0, BTreeMap::<EntityId, Heard>::new());
    loop {
        let events = app.node.store.read_entity(&owner, version, position, CHUNK).await.map_err(|error| problem_of_load(&error.into()))?;
        for event in &events {
            (version, position) = (version + 1, event.position);
            if event.stream.kind.as_str() == monitor::WATCH_KIND {
                let decoded = Event::decode(&event.event_type, event.schema_version, &event.data).map_err(|_| Problem::internal())?;
                calls.entry(event.stream.id.clone()).or_default().take(&decoded);
            }
        }
        if version > EVENTS_MAX {
            return Err(Problem::field(Code::InvalidRange, "from", "more was recorded than one trial looks at"));
        }
        if events.len() < CHUNK {
            let known = calls.into_iter().filter_map(|(incident, heard)| heard.call(incident));
            return Ok(known.filter(|call| (from..to).contains(&call.dispatched_at)).collect());
        }
    }
}

/// What was heard of an incident.
#[derive(Default)]
struct Heard {
    priority: Option<ionveil_alerts::words::Priority>,
    dispatched_at: Option<Timestamp>,
    ended: Option<(Timestamp, Outcome)>,
}

impl Heard {
    fn take(&mut self, event: &Event) {
        match event {
            Event::WatchPrioritised(of) => self.priority = Some(of.priority),
            Event::WatchStarted(of) => self.dispatched_at = Some(of.dispatched_at),
            Event::WatchEnded(of) => self.ended = Some((of.at, of.outcome)),
            _ => {}
        }
    }

    fn call(self, incident: EntityId) -> Option<PastCall> {
        let (arrived_at, ended_at) = match self.ended {
            Some((at, Outcome::Met | Outcome::Breached)) => (Some(at), None),
            Some((at, Outcome::Unanswered)) => (None, Some(at)),
            None => (None, None),
        };
        Some(PastCall { incident, priority: self.priority?, dispatched_at: self.dispatched_at?, arrived_at, ended_at })
    }
}

/// Checks an incident now, or as of an instant: every rule that holds fires, unless it has within its window.
#[utoipa::path(post, path = "/alerts/check", context_path = "/api/v1", tag = "Alerts", request_body = CheckIncident,
    params(("Idempotency-Key" = Option<String>, Header, description = "Names the request: a repeat is answered as the first was", min_length = 1, max_length = 255, pattern = "^[!-~]+$")),
    responses((status = 200, description = "What it came to", body = CheckedIncident, headers(("Idempotency-Replayed" = Option<String>, description = "`true` if this answers a repeat"))), Problems))]
pub(crate) async fn check_incident(app: Data<App>, call: Call, body: Body<Check>) -> Result<HttpResponse, Problem> {
    call.require(Role::Operator)?;
    let command = body.value.0;
    let reply = ask(&app, &call, command.clone(), &command).await?;
    let raised = fired(&app, &reply).await?;
    begun(&app, &call, &raised).await;
    Ok(respond(&CheckedIncident { alerts: raised }, reply.repeated))
}

/// What has come of a command, also of a repeated one: its receipt says where its events are.
async fn events_of(app: &App, reply: &Reply<Monitor>) -> Result<Vec<Event>, Problem> {
    let receipt = &reply.receipt;
    let filter = ionveil_journal::Filter::default();
    let (from, count) = (receipt.position.saturating_sub(receipt.events.into()), usize::try_from(receipt.events).unwrap_or(usize::MAX));
    if count == 0 {
        return Ok(Vec::new());
    }
    let page = app.node.store.read_partition(receipt.partition, from, count, &filter).await;
    let page = page.map_err(|error| problem_of_load(&error.into()))?;
    let decoded = page.events.iter().map(|event| Event::decode(&event.event_type, event.schema_version, &event.data));
    decoded.collect::<Result<_, _>>().map_err(|_| Problem::internal())
}

/// The alerts that a command has raised.
async fn fired(app: &App, reply: &Reply<Monitor>) -> Result<Vec<RaisedBody>, Problem> {
    let of = |event| match event {
        Event::Fired(of) => Some(RaisedBody {
            id: of.firing.alert.to_string(),
            rule: of.firing.rule.to_string(),
            suppressed: of.firing.suppressed_by.is_some(),
        }),
        _ => None,
    };
    Ok(events_of(app, reply).await?.into_iter().filter_map(of).collect())
}

/// An alert begins right after it has fired: who asks for it next is to find it.
async fn begun(app: &App, call: &Call, raised: &[RaisedBody]) {
    let (env, loader) = (&app.node.env, app.node.alerting.alerts().loader());
    let given_up = env.monotonic() + PATIENCE;
    for alert in raised {
        let Some(owner) = EntityId::new(&alert.id).ok().and_then(|id| alert_stream(&call.caller.org, id).ok()) else { continue };
        while env.monotonic() < given_up && !loader.load(&owner).await.is_ok_and(|loaded| loaded.version > 0) {
            env.sleep(LOOK_EVERY).await;
        }
    }
}

/// Keeps the rules that a pattern matches quiet for a while: what they find is listed as `suppressed` and told to nobody.
#[utoipa::path(context_path = "/api/v1", tag = "Alerts", request_body = SuppressAlerts,
    params(("Idempotency-Key" = Option<String>, Header, description = "Names the request: a repeat is answered as the first was", min_length = 1, max_length = 255, pattern = "^[!-~]+$")),
    responses((status = 201, description = "They are quiet", body = SuppressionBody, headers(("Idempotency-Replayed" = Option<String>, description = "`true` if this answers a repeat"))), Problems))]
#[post("/alerts/suppressions")]
pub(crate) async fn suppress_alerts(app: Data<App>, call: Call, body: Body<Suppress>) -> Result<HttpResponse, Problem> {
    call.require(Role::Supervisor)?;
    let command = body.value.0;
    let reply = ask(&app, &call, command.clone(), &command).await?;
    let of = |event| if let Event::SuppressionBegun(of) = event { Some(of.suppression) } else { None };
    let begun = events_of(&app, &reply).await?.into_iter().find_map(of).ok_or_else(Problem::internal)?;
    let mut answer = HttpResponse::Created();
    if reply.repeated {
        answer.insert_header((REPLAYED, "true"));
    }
    Ok(answer.json(SuppressionBody::new(&begun, app.node.env.now())))
}

/// The suppressions that were not lifted; those that have ended are forgotten when the next begins.
#[utoipa::path(context_path = "/api/v1", tag = "Alerts", responses((status = 200, description = "All of them", body = Suppressions), Problems))]
#[get("/alerts/suppressions")]
pub(crate) async fn list_suppressions(app: Data<App>, call: Call, _: Query<Nothing>) -> Result<HttpResponse, Problem> {
    call.require(Role::Operator)?;
    let (state, now) = (load(&app, &call).await?, app.node.env.now());
    let items = state.suppressions().iter().map(|one| SuppressionBody::new(one, now)).collect();
    Ok(HttpResponse::Ok().json(Suppressions { items }))
}

/// Ends a suppression early.
#[utoipa::path(context_path = "/api/v1", tag = "Alerts",
    params(("id" = String, Path, description = "The suppression's id"),
        ("Idempotency-Key" = Option<String>, Header, description = "Names the request: a repeat is answered as the first was", min_length = 1, max_length = 255, pattern = "^[!-~]+$")),
    responses((status = 200, description = "It is lifted", body = RemovedBody, headers(("Idempotency-Replayed" = Option<String>, description = "`true` if this answers a repeat"))), Problems))]
#[delete("/alerts/suppressions/{id}")]
pub(crate) async fn lift_suppression(app: Data<App>, call: Call, id: Path<String>, _: Query<Nothing>) -> Result<HttpResponse, Problem> {
    call.require(Role::Supervisor)?;
    let suppression = id_of(&id, "suppression")?;
    let until = load(&app, &call).await?.suppressions().get(&suppression).map(|one| one.until);
    let command = Command::LiftSuppression { suppression: suppression.clone() };
    let reply = ask(&app, &call, command.clone(), &command).await?;
    let was_active = (!reply.repeated).then(|| until.is_some_and(|until| app.node.env.now() < until));
    Ok(respond(&RemovedBody { id: suppression.to_string(), removed: true, was_active }, reply.repeated))
}
