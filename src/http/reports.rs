//! What another system reported of its dispatches, over HTTP. It is recorded as it was, with its source; nobody is moved by it.

use crate::commands::hash_of;
use crate::http::answers::{Problems, problem_of};
use crate::http::app::App;
use crate::http::body::Body;
use crate::http::call::Call;
use crate::http::fields::{Fields, FromFields};
use crate::http::problem::{Code, Problem};
use crate::remote::REPLAYED;
use crate::reports::{Report, ReportError};
use crate::time::Rfc3339;
use actix_web::web::Data;
use actix_web::{HttpResponse, post};
use ionveil_dispatch::report::Stage;
use ionveil_kernel::{Role, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

const KINDS: &str = "incident, unit, stage, closed";
const STAGES: &str = "dispatched, en_route, on_scene, available";

/// A report, by its kind.
#[derive(ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
#[schema(as = DispatchReport)]
pub enum ReportShape {
    /// There was a call. Its priority is taken as it is, whatever the texts say.
    Incident {
        /// The id that it gets.
        #[schema(pattern = "^[A-Za-z0-9][A-Za-z0-9_:@.-]{0,127}$", example = "163664050")]
        id: String,
        /// What it is, in a line. Kept in the record for good.
        #[schema(min_length = 1, max_length = 500)]
        title: String,
        /// What it is. Kept in the record for good.
        #[schema(min_length = 1, max_length = 10_000)]
        description: String,
        /// 1 is most urgent.
        #[schema(minimum = 1, maximum = 5)]
        priority: i64,
        /// Degrees north.
        #[schema(minimum = -90, maximum = 90)]
        latitude: f64,
        /// Degrees east.
        #[schema(minimum = -180, maximum = 180)]
        longitude: f64,
        /// What kind it is; absent: what the texts say.
        #[schema(max_length = 64)]
        category: Option<String>,
        /// The zone of the policy tree that it is in.
        #[schema(pattern = "^[A-Za-z0-9][A-Za-z0-9_:@.-]{0,127}$")]
        zone: Option<String>,
        /// Where that was reported, such as a file and a line.
        #[schema(min_length = 1, max_length = 256, example = "calls.csv:2")]
        source: String,
        /// When it was so.
        #[schema(value_type = String, format = DateTime)]
        occurred_at: Rfc3339,
    },
    /// There was a unit.
    Unit {
        /// The id that it gets.
        #[schema(pattern = "^[A-Za-z0-9][A-Za-z0-9_:@.-]{0,127}$", example = "E39")]
        id: String,
        /// What it is called.
        #[schema(min_length = 1, max_length = 128)]
        name: String,
        /// What it is.
        #[schema(min_length = 1, max_length = 128)]
        r#type: String,
        /// Whose it is.
        #[schema(pattern = "^[A-Za-z0-9][A-Za-z0-9_:@.-]{0,127}$")]
        agency: Option<String>,
        /// Since when it is known.
        #[schema(value_type = String, format = DateTime)]
        occurred_at: Rfc3339,
    },
    /// A unit was at a stage of its work on a call, also if it was on another one at the same time.
    Stage {
        /// The assignment, by the other system's count.
        #[schema(pattern = "^[A-Za-z0-9][A-Za-z0-9_:@.-]{0,127}$", example = "163664050-E39")]
        id: String,
        /// The call.
        #[schema(pattern = "^[A-Za-z0-9][A-Za-z0-9_:@.-]{0,127}$")]
        incident: String,
        /// The unit.
        #[schema(pattern = "^[A-Za-z0-9][A-Za-z0-9_:@.-]{0,127}$")]
        unit: String,
        /// The stage.
        #[schema(pattern = "^(dispatched|en_route|on_scene|available)$")]
        stage: String,
        /// Where that was reported, such as a file and a line.
        #[schema(min_length = 1, max_length = 256)]
        source: String,
        /// When it was so.
        #[schema(value_type = String, format = DateTime)]
        occurred_at: Rfc3339,
    },
    /// A call was over, whatever its status.
    Closed {
        /// The call.
        #[schema(pattern = "^[A-Za-z0-9][A-Za-z0-9_:@.-]{0,127}$")]
        incident: String,
        /// When it was so.
        #[schema(value_type = String, format = DateTime)]
        occurred_at: Rfc3339,
    },
}

/// It is recorded.
#[derive(Serialize, ToSchema)]
pub struct Recorded {
    /// Of which kind.
    kind: &'static str,
}

/// A report, as it was sent.
pub struct Reported {
    report: Report,
    occurred_at: Timestamp,
}

impl FromFields for Reported {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let (kind, occurred_at) = (fields.required::<String>("kind"), fields.required::<Timestamp>("occurred_at"));
        let report = match kind?.as_str() {
            "incident" => incident(fields),
            "unit" => {
                let (id, name, unit_type) = (fields.required("id"), fields.required("name"), fields.required("type"));
                let agency = fields.optional("agency");
                id.zip(name).zip(unit_type).map(|((id, name), unit_type)| Report::Unit { id, name, unit_type, agency })
            }
            "stage" => stage(fields),
            "closed" => fields.required("incident").map(|incident| Report::Closed { incident }),
            _ => {
                fields.fault(Code::InvalidField, "kind", format!("must be one of {KINDS}"));
                None
            }
        };
        Some(Self { report: report?, occurred_at: occurred_at? })
    }
}

fn incident(fields: &mut Fields) -> Option<Report> {
    let (id, title, description) = (fields.required("id"), fields.required("title"), fields.required("description"));
    let (priority, source) = (fields.required("priority"), fields.required("source"));
    let (latitude, longitude) = (fields.required("latitude"), fields.required("longitude"));
    let (category, zone) = (fields.optional("category"), fields.optional("zone"));
    Some(Report::Incident {
        id: id?,
        title: title?,
        description: description?,
        priority: priority?,
        latitude: latitude?,
        longitude: longitude?,
        category,
        zone,
        source: source?,
    })
}

fn stage(fields: &mut Fields) -> Option<Report> {
    let (id, incident, unit) = (fields.required("id"), fields.required("incident"), fields.required("unit"));
    let (text, source) = (fields.required::<String>("stage"), fields.required("source"));
    let stage = text.as_deref().and_then(|text| Stage::ALL.into_iter().find(|stage| stage.as_str() == text));
    if text.is_some() && stage.is_none() {
        fields.fault(Code::InvalidField, "stage", format!("must be one of {STAGES}"));
    }
    Some(Report::Stage { id: id?, incident: incident?, unit: unit?, stage: stage?, source: source? })
}

const fn kind(report: &Report) -> &'static str {
    match report {
        Report::Incident { .. } => "incident",
        Report::Unit { .. } => "unit",
        Report::Stage { .. } => "stage",
        Report::Closed { .. } => "closed",
    }
}

/// Records what another system reported of its dispatches: a call, a unit, a stage of a unit's work, or that a call was over. It is
/// taken in as it was, whatever policy says now; work of a unit on two calls at once is recorded as such. Nobody is moved by it.
#[utoipa::path(context_path = "/api/v1", tag = "Dispatch", request_body = ReportShape,
    params(("Idempotency-Key" = Option<String>, Header, description = "Names the report: a repeat adds nothing", min_length = 1, max_length = 255, pattern = "^[!-~]+$")),
    responses((status = 200, description = "Recorded", body = Recorded,
        headers(("Idempotency-Replayed" = Option<String>, description = "`true` if all of it had been recorded before"))), Problems))]
#[post("/dispatch/reports")]
pub(crate) async fn record_report(app: Data<App>, call: Call, body: Body<Reported>) -> Result<HttpResponse, Problem> {
    call.require(Role::Supervisor)?;
    let Reported { report, occurred_at } = body.value;
    let kind = kind(&report);
    let meta = call.meta(&app.node.env, hash_of(&report, Some(occurred_at), None), Some(occurred_at), None);
    let repeated = report.take_in(&app.node, meta, call.key.as_deref()).await.map_err(|error| match error {
        ReportError::Incident(error) => problem_of(error, false),
        ReportError::Unit(error) => problem_of(error, false),
        ReportError::Assignment(error) => problem_of(error, false),
    })?;
    let mut answer = HttpResponse::Ok();
    if repeated {
        answer.insert_header((REPLAYED, "true"));
    }
    Ok(answer.json(Recorded { kind }))
}
