//! Who is told of alerts, over HTTP: recipients, test messages, the escalation policy; and links with which they acknowledge.
//!
//! Names and addresses are personal data: they are kept outside of the journal, and only supervisors are shown them.

use crate::alerts::{Contact, alert_stream, pager_stream};
use crate::commands::hash_of;
use crate::http::alert_bodies::RemovedBody;
use crate::http::alert_people_bodies::{PolicyBody, RecipientBody, RecipientLine, RecipientTest, Recipients, TestBody};
use crate::http::alert_requests::{Policy, PolicyShape, Recipient, RecipientShape, Test, TestRecipient};
use crate::http::alert_rules::{ask, id_of, load, respond};
use crate::http::alerts::not_found;
use crate::http::answers::{Problems, problem_of};
use crate::http::app::App;
use crate::http::body::{Body, Nothing, Query};
use crate::http::call::Call;
use crate::http::problem::{Code, Fault, Problem};
use crate::http::trace::Trace;
use actix_web::http::header;
use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, delete, get, post, put};
use ionveil_actors::AskError;
use ionveil_alerts::alert::{self, Rejection};
use ionveil_alerts::monitor::Command;
use ionveil_alerts::pager::{self, NOTIFICATION_KIND};
use ionveil_alerts::recipient::RecipientForm;
use ionveil_alerts::words::Channel;
use ionveil_kernel::{Caller, CommandId, Role, derive_uuid};
use ionveil_views::ViewsError;

/// The contacts are beside the lists.
fn unreadable(error: &ViewsError) -> Problem {
    tracing::error!(error = %error, "the contacts could not be reached");
    Problem::new(Code::StoreUnavailable, "the contacts cannot be reached now")
}

/// A recipient is there from now on, in the place of one of the same id. Name and addresses are kept outside of the journal.
#[utoipa::path(context_path = "/api/v1", tag = "Alerts", request_body = RecipientShape,
    params(("id" = String, Path, description = "An opaque id, no name", pattern = "^[A-Za-z0-9][A-Za-z0-9_:@.-]{0,127}$"),
        ("Idempotency-Key" = Option<String>, Header, description = "Names the request: a repeat is answered as the first was", min_length = 1, max_length = 255, pattern = "^[!-~]+$")),
    responses((status = 200, description = "The recipient", body = RecipientBody, headers(("Idempotency-Replayed" = Option<String>, description = "`true` if this answers a repeat"))), Problems))]
#[put("/recipients/{id}")]
pub(crate) async fn put_recipient(app: Data<App>, call: Call, id: Path<String>, body: Body<Recipient>) -> Result<HttpResponse, Problem> {
    call.require(Role::Supervisor)?;
    let Recipient { name, addresses, shift, time_zone } = body.value;
    let channels = addresses.keys().map(ToString::to_string).collect();
    let form = RecipientForm { id: id.into_inner(), channels, shift, time_zone };
    let contact = Contact { name, addresses };
    let recipient = judge(&app, &form, &contact)?;
    let record = serde_json::to_string(&contact).map_err(|_| Problem::internal())?;
    let command = Command::PutRecipient { recipient: form };
    // Addresses come first: a recipient of whom the journal knows can always be reached.
    app.node.alerting.contacts().put(&call.caller.org, &recipient.id, &record).await.map_err(|error| unreadable(&error))?;
    let reply = ask(&app, &call, command.clone(), &(command, &contact)).await?;
    Ok(respond(&RecipientBody::new(&recipient, &contact, app.node.env.now()), reply.repeated))
}

/// Everything that is wrong, before anything is kept.
fn judge(app: &App, form: &RecipientForm, contact: &Contact) -> Result<ionveil_alerts::recipient::Recipient, Problem> {
    let code = |name: &str| Code::from_name(name).unwrap_or(Code::InvalidRecipient);
    let checked = form.check();
    let of_form = checked.as_ref().err().into_iter().flatten();
    let of_form = of_form.map(|fault| Fault::field(code(fault.code.code()), fault.field.as_str(), fault.detail.as_str()));
    let of_addresses = app.node.alerting.faults(contact).into_iter();
    let of_addresses = of_addresses.map(|fault| Fault::field(code(fault.code), format!("addresses.{}", fault.channel), fault.detail));
    let faults: Vec<_> = of_form.chain(of_addresses).collect();
    match checked {
        Ok(recipient) if faults.is_empty() => Ok(recipient),
        Ok(_) | Err(_) => Err(Problem::of_faults(faults)),
    }
}

/// The recipients, without names and addresses.
#[utoipa::path(context_path = "/api/v1", tag = "Alerts", responses((status = 200, description = "All of them", body = Recipients), Problems))]
#[get("/recipients")]
pub(crate) async fn list_recipients(app: Data<App>, call: Call, _: Query<Nothing>) -> Result<HttpResponse, Problem> {
    call.require(Role::Operator)?;
    let (state, now) = (load(&app, &call).await?, app.node.env.now());
    let items = state.recipients().values().map(|recipient| RecipientLine::new(recipient, now)).collect();
    Ok(HttpResponse::Ok().json(Recipients { items }))
}

/// A recipient with name and addresses. Needs supervisor.
#[utoipa::path(context_path = "/api/v1", tag = "Alerts", params(("id" = String, Path, description = "The recipient's id")),
    responses((status = 200, description = "The recipient", body = RecipientBody), Problems))]
#[get("/recipients/{id}")]
pub(crate) async fn get_recipient(app: Data<App>, call: Call, id: Path<String>, _: Query<Nothing>) -> Result<HttpResponse, Problem> {
    call.require(Role::Supervisor)?;
    let id = id_of(&id, "recipient")?;
    let state = load(&app, &call).await?;
    let recipient = state.recipients().get(&id).ok_or_else(|| not_found("recipient"))?;
    let record = app.node.alerting.contacts().get(&call.caller.org, &id).await.map_err(|error| unreadable(&error))?;
    let contact = record.and_then(|record| serde_json::from_str(&record).ok()).unwrap_or_default();
    Ok(HttpResponse::Ok().json(RecipientBody::new(recipient, &contact, app.node.env.now())))
}

/// A recipient goes, with name and addresses. One that the escalation policy names stays.
#[utoipa::path(context_path = "/api/v1", tag = "Alerts",
    params(("id" = String, Path, description = "The recipient's id"),
        ("Idempotency-Key" = Option<String>, Header, description = "Names the request: a repeat is answered as the first was", min_length = 1, max_length = 255, pattern = "^[!-~]+$")),
    responses((status = 200, description = "It is gone", body = RemovedBody, headers(("Idempotency-Replayed" = Option<String>, description = "`true` if this answers a repeat"))), Problems))]
#[delete("/recipients/{id}")]
pub(crate) async fn remove_recipient(app: Data<App>, call: Call, id: Path<String>, _: Query<Nothing>) -> Result<HttpResponse, Problem> {
    call.require(Role::Supervisor)?;
    let recipient = id_of(&id, "recipient")?;
    let command = Command::RemoveRecipient { recipient: recipient.clone() };
    let reply = ask(&app, &call, command.clone(), &command).await?;
    if !reply.state.recipients().contains_key(&recipient) {
        app.node.alerting.contacts().remove(&call.caller.org, &recipient).await.map_err(|error| unreadable(&error))?;
    }
    Ok(respond(&RemovedBody { id: recipient.to_string(), removed: true, was_active: None }, reply.repeated))
}

/// Sends a recipient a test message; no limit holds it up. What came of it stands in the list of notifications.
#[utoipa::path(context_path = "/api/v1", tag = "Alerts", request_body = Option<TestRecipient>,
    params(("id" = String, Path, description = "The recipient's id"),
        ("Idempotency-Key" = Option<String>, Header, description = "Names the request: a repeat is answered as the first was", min_length = 1, max_length = 255, pattern = "^[!-~]+$")),
    responses((status = 202, description = "On their way", body = RecipientTest), Problems))]
#[post("/recipients/{id}/test")]
pub(crate) async fn test_recipient(app: Data<App>, call: Call, id: Path<String>, body: Body<Test>) -> Result<HttpResponse, Problem> {
    call.require(Role::Supervisor)?;
    let id = id_of(&id, "recipient")?;
    let state = load(&app, &call).await?;
    let recipient = state.recipients().get(&id).ok_or_else(|| not_found("recipient"))?;
    let wanted = |channel: &&Channel| body.value.0.is_none_or(|only| only == **channel);
    let channels: Vec<Channel> = recipient.channels.iter().filter(wanted).copied().collect();
    if channels.is_empty() {
        return Err(Problem::field(Code::InvalidField, "channel", "is one of which the recipient has no address"));
    }
    let owner = pager_stream(&call.caller.org, id.clone()).map_err(|_| not_found("recipient"))?;
    let mut notifications = Vec::new();
    for channel in channels {
        let command = pager::Command::Test { channel };
        let mut meta = call.meta(&app.node.env, hash_of(&command, None, None), None, None);
        meta.expected_version = None;
        meta.command_id = CommandId(derive_uuid(&["test", &meta.command_id.to_string(), channel.as_str()]));
        let reply = app.node.alerting.ask_pager(owner.clone(), command, meta).await.map_err(|error| problem_of(error, false))?;
        notifications.push(TestBody { id: queued(&app, &reply.receipt).await?, channel: channel.to_string() });
    }
    Ok(HttpResponse::Accepted().json(RecipientTest { recipient: id.to_string(), notifications }))
}

/// The notification that a command has queued.
async fn queued(app: &App, receipt: &ionveil_journal::Receipt) -> Result<String, Problem> {
    let filter = ionveil_journal::Filter::default();
    let page = app.node.store.read_partition(receipt.partition, receipt.position.saturating_sub(receipt.events.into()), 1, &filter).await;
    let page = page.map_err(|error| crate::http::answers::problem_of_load(&error.into()))?;
    let first = page.events.first().filter(|event| event.stream.kind.as_str() == NOTIFICATION_KIND);
    first.map(|event| event.stream.id.to_string()).ok_or_else(Problem::internal)
}

/// Who is told when, from now on: alerts that are there keep the plan that they were raised with.
#[utoipa::path(context_path = "/api/v1", tag = "Alerts", request_body = PolicyShape,
    params(("Idempotency-Key" = Option<String>, Header, description = "Names the request: a repeat is answered as the first was", min_length = 1, max_length = 255, pattern = "^[!-~]+$")),
    responses((status = 200, description = "The policy", body = PolicyBody, headers(("Idempotency-Replayed" = Option<String>, description = "`true` if this answers a repeat"))), Problems))]
#[put("/alerts/escalation-policy")]
pub(crate) async fn set_escalation_policy(app: Data<App>, call: Call, body: Body<Policy>) -> Result<HttpResponse, Problem> {
    call.require(Role::Supervisor)?;
    let command = Command::SetPolicy { policy: body.value.0 };
    let reply = ask(&app, &call, command.clone(), &command).await?;
    let policy = reply.state.policy().ok_or_else(Problem::internal)?;
    Ok(respond(&PolicyBody::from(policy), reply.repeated))
}

/// Who is told when; there is nothing to show before it was set.
#[utoipa::path(context_path = "/api/v1", tag = "Alerts", responses((status = 200, description = "The policy", body = PolicyBody), Problems))]
#[get("/alerts/escalation-policy")]
pub(crate) async fn get_escalation_policy(app: Data<App>, call: Call, _: Query<Nothing>) -> Result<HttpResponse, Problem> {
    call.require(Role::Operator)?;
    let state = load(&app, &call).await?;
    let policy = state.policy().ok_or_else(|| Problem::new(Code::NotFound, "no escalation policy was set"))?;
    Ok(HttpResponse::Ok().json(PolicyBody::from(policy)))
}

fn page(title: &str, rest: &str) -> String {
    let text = title.replace('&', "&amp;").replace('<', "&lt;");
    format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\"><title>IonVeil</title>\
         <body style=\"font-family:sans-serif;max-width:40em;margin:2em auto\"><h1>{text}</h1>{rest}</body></html>"
    )
}

fn html(text: String) -> HttpResponse {
    HttpResponse::Ok().insert_header((header::CONTENT_TYPE, "text/html; charset=utf-8")).body(text)
}

fn closed() -> Problem {
    Problem::new(Code::NotFound, "this link is not one of ours, or its time is over")
}

/// Shows an alert to whoever has a link to it; nothing is changed, as scanners of mail follow links too.
#[utoipa::path(tag = "Alerts", params(("token" = String, Path, description = "What the link says, signed")),
    responses((status = 200, description = "A page with a button", body = String, content_type = "text/html"), Problems))]
#[get("/acknowledge/{token}")]
pub(crate) async fn show_link(app: Data<App>, token: Path<String>) -> Result<HttpResponse, Problem> {
    let link = app.node.alerting.open_link(&token).ok_or_else(closed)?;
    let owner = alert_stream(&link.org, link.alert).map_err(|_| closed())?;
    let loaded = app.node.alerting.alerts().loader().load(&owner).await;
    let loaded = loaded.map_err(|error| crate::http::answers::problem_of_load(&error))?;
    let alert = loaded.state.alert().ok_or_else(closed)?;
    let rest = if alert.status.is_waiting() {
        "<form method=\"post\"><button style=\"font-size:1.5em\">Acknowledge</button></form>".to_owned()
    } else {
        format!("<p>It is {}.</p>", alert.status)
    };
    Ok(html(page(&alert.firing.title, &rest)))
}

/// Acknowledges the alert of a link, in the name of its recipient.
#[utoipa::path(tag = "Alerts", params(("token" = String, Path, description = "What the link says, signed")),
    responses((status = 200, description = "A page that says so", body = String, content_type = "text/html"), Problems))]
#[post("/acknowledge/{token}")]
pub(crate) async fn follow_link(app: Data<App>, token: Path<String>, trace: Trace) -> Result<HttpResponse, Problem> {
    let link = app.node.alerting.open_link(&token).ok_or_else(closed)?;
    let subject = format!("recipient:{}", link.recipient);
    let caller = Caller { org: link.org.clone(), subject: subject.into(), role: Role::Operator };
    let call = Call { caller, trace, key: None, if_match: None };
    let command = alert::Command::Acknowledge { note: None, minutes: None };
    let owner = alert_stream(&link.org, link.alert).map_err(|_| closed())?;
    let meta = call.meta(&app.node.env, hash_of(&command, None, None), None, None);
    match app.node.alerting.ask_alert(owner, command, meta).await {
        Ok(_) => Ok(html(page("Acknowledged. Thank you.", ""))),
        Err(AskError::Rejected(Rejection::AlreadyResolved)) => Ok(html(page("It is resolved already.", ""))),
        Err(error) => Err(problem_of(error, false)),
    }
}
