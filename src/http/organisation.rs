//! What an organisation says of itself, over HTTP: the times that it promises. Only an administrator changes them.

use crate::commands::hash_of;
use crate::http::answers::{Problems, Refusal, problem_of};
use crate::http::app::App;
use crate::http::body::{Body, Nothing, Query};
use crate::http::call::Call;
use crate::http::fields::{Fields, FromFields};
use crate::http::problem::{Code, Fault, Problem};
use crate::remote::REPLAYED;
use actix_web::http::header;
use actix_web::web::Data;
use actix_web::{HttpResponse, get, put};
use ionveil_actors::{Class, Delivery};
use ionveil_dispatch::scale::Severity;
use ionveil_dispatch::settings::{Command, Rejection, stream};
use ionveil_dispatch::sla::{MINUTES_MAX, Promise, Promises};
use ionveil_kernel::Role;
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// The severities, as keys of a body.
const SEVERITIES: [&str; 5] = ["1", "2", "3", "4", "5"];

/// What is promised for a severity.
#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Promise)]
pub struct PromiseShape {
    /// Dispatch to arrival, in minutes; not above `resolution_minutes`.
    #[schema(minimum = 1, maximum = 525_600, example = 4)]
    response_minutes: u32,
    /// Dispatch to resolution, in minutes.
    #[schema(minimum = 1, maximum = 525_600, example = 90)]
    resolution_minutes: u32,
}

/// The times that an organisation promises by severity, 1 to 5, of which 5 is worst. The whole table: what it does not name keeps the
/// times of the house.
#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Sla {
    /// Informational.
    #[serde(rename = "1", skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    one: Option<PromiseShape>,
    /// Low.
    #[serde(rename = "2", skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    two: Option<PromiseShape>,
    /// Moderate.
    #[serde(rename = "3", skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    three: Option<PromiseShape>,
    /// High.
    #[serde(rename = "4", skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    four: Option<PromiseShape>,
    /// Critical.
    #[serde(rename = "5", skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    five: Option<PromiseShape>,
}

/// What an organisation promises, and what follows from it.
#[derive(Serialize, ToSchema)]
pub struct SlaBody {
    /// What it says itself.
    sla: Sla,
    /// By priority of an incident, 1 to 5, of which 1 is most urgent: how long the first unit may take from dispatch to arrival, in
    /// minutes. Its own time, else that of the house.
    #[schema(example = json!({"1": 4, "2": 10, "3": 20, "4": 45, "5": 120}))]
    response_minutes: BTreeMap<String, u32>,
    /// Of its settings; 0 while it never said anything.
    version: u64,
}

/// One row, as it was sent.
struct Row(Promise);

impl FromFields for Row {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let (response, resolution) = (minutes(fields, "response_minutes"), minutes(fields, "resolution_minutes"));
        let promise = Promise { response_minutes: response?, resolution_minutes: resolution? };
        if promise.response_minutes > promise.resolution_minutes {
            fields.fault(
                Code::InvalidField,
                "response_minutes",
                "must not be above resolution_minutes: nothing is resolved before somebody is there",
            );
            return None;
        }
        Some(Self(promise))
    }
}

fn minutes(fields: &mut Fields, name: &'static str) -> Option<u32> {
    let minutes = fields.required::<i64>(name)?;
    let sound = u32::try_from(minutes).ok().filter(|minutes| (1..=MINUTES_MAX).contains(minutes));
    if sound.is_none() {
        fields.fault(Code::InvalidField, name, format!("must be from 1 to {MINUTES_MAX} minutes"));
    }
    sound
}

/// A whole table.
pub struct Table(Promises);

impl FromFields for Table {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let rows = SEVERITIES.into_iter().zip(Severity::ALL).filter_map(|(name, severity)| {
            let Row(promise) = fields.optional::<Row>(name)?;
            Some((severity, promise))
        });
        match Promises::new(rows.collect()) {
            Ok(promises) => Some(Self(promises)),
            Err(faults) => {
                for fault in faults {
                    fields.fault(Code::InvalidField, SEVERITIES[usize::from(fault.severity.number() - 1)], fault.to_string());
                }
                None
            }
        }
    }
}

impl Refusal for Rejection {
    fn as_faults(&self) -> Vec<Fault> {
        match *self {}
    }
}

fn respond(version: u64, promises: &Promises, repeated: bool) -> HttpResponse {
    let shape = |number| {
        let promise = Severity::new(number).ok().and_then(|severity| promises.get(severity))?;
        Some(PromiseShape { response_minutes: promise.response_minutes, resolution_minutes: promise.resolution_minutes })
    };
    let sla = Sla { one: shape(1), two: shape(2), three: shape(3), four: shape(4), five: shape(5) };
    let response = |priority: ionveil_dispatch::scale::Priority| (priority.number().to_string(), promises.response_minutes(priority));
    let response_minutes = ionveil_dispatch::scale::Priority::ALL.into_iter().map(response).collect();
    let mut answer = HttpResponse::Ok();
    answer.insert_header((header::ETAG, format!("\"{version}\"")));
    if repeated {
        answer.insert_header((REPLAYED, "true"));
    }
    answer.json(SlaBody { sla, response_minutes, version })
}

/// Says what the organisation promises from now on. The whole table: a severity that is not named keeps the time of the house.
#[utoipa::path(context_path = "/api/v1", tag = "Dispatch", request_body = Sla,
    params(("Idempotency-Key" = Option<String>, Header, description = "Names the request: a repeat is answered as the first was", min_length = 1, max_length = 255, pattern = "^[!-~]+$"),
        ("If-Match" = Option<String>, Header, description = "The ETag that the client has seen; another version is refused with 412", pattern = r#"^(\*|(W/)?"[^"]*")$"#)),
    responses((status = 200, description = "What is promised now", body = SlaBody,
        headers(("ETag" = String, description = "The version"), ("Idempotency-Replayed" = Option<String>, description = "`true` if this answers a repeat"))), Problems))]
#[put("/organisation/sla")]
pub(crate) async fn set_sla(app: Data<App>, call: Call, body: Body<Table>) -> Result<HttpResponse, Problem> {
    call.require(Role::Admin)?;
    let command = Command::SetSla { sla: body.value.0 };
    let meta = call.meta(&app.node.env, hash_of(&command, None, None), None, None);
    let delivery = Delivery { class: Class::Command, deadline: app.node.deadline };
    let owner = stream(&call.caller.org).map_err(|_| Problem::new(Code::Internal, "the settings have no name"))?;
    let reply =
        app.node.settings.ask_as(owner, command, meta, delivery).await.map_err(|error| problem_of(error, call.if_match.is_some()))?;
    Ok(respond(reply.receipt.version, &reply.state.sla, reply.repeated))
}

/// What the organisation promises, and what follows from it.
#[utoipa::path(context_path = "/api/v1", tag = "Dispatch",
    responses((status = 200, description = "What is promised", body = SlaBody, headers(("ETag" = String, description = "The version"))), Problems))]
#[get("/organisation/sla")]
pub(crate) async fn get_sla(app: Data<App>, call: Call, _: Query<Nothing>) -> Result<HttpResponse, Problem> {
    call.require(Role::Operator)?;
    let (version, promises) = app.node.organisations.of(&call.caller.org);
    Ok(respond(version, &promises, false))
}
