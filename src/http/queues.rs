//! How healthy the queues are, over HTTP: what the one monitor says of each.

use crate::http::answers::Problems;
use crate::http::app::App;
use crate::http::body::{Nothing, Query};
use crate::http::call::Call;
use crate::http::problem::{Code, Problem};
use crate::queues::Queue;
use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, get};
use ionveil_dispatch::queue::{AlertCause, AlertSeverity, Backpressure, Health, Status, Wait};
use ionveil_kernel::Role;
use serde::Serialize;
use utoipa::ToSchema;

/// How healthy a queue is.
#[derive(Serialize, ToSchema)]
#[schema(as = QueueHealth)]
pub struct HealthBody {
    /// The queue.
    #[schema(value_type = String, pattern = "^(pool|intake|outbox)$", example = "pool")]
    name: &'static str,
    /// How many wait.
    #[schema(minimum = 0)]
    depth: i64,
    /// How many may.
    #[schema(example = 100000)]
    limit: i64,
    /// Depth over limit, also above 1.
    #[schema(minimum = 0, example = 0.25)]
    utilisation: f64,
    /// How full it is.
    #[schema(value_type = String, pattern = "^(healthy|warning|critical|overloaded)$", example = "healthy")]
    status: Status,
    /// Whether there is an emergency, in which load is shed earlier: the policy of the organisation is restricted or halted.
    emergency: bool,
    /// How long the last one waits in seconds, if it is known how many leave; null where `unbounded`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<f64>, required = false)]
    wait_s: Option<Option<f64>>,
    /// Nothing leaves: the wait does not end.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(required = false)]
    unbounded: bool,
    /// Half of the latest response times did not exceed it, in milliseconds, if there are any.
    #[serde(skip_serializing_if = "Option::is_none")]
    p50_ms: Option<f64>,
    /// The same of 95 in 100.
    #[serde(skip_serializing_if = "Option::is_none")]
    p95_ms: Option<f64>,
    /// The same of 99 in 100.
    #[serde(skip_serializing_if = "Option::is_none")]
    p99_ms: Option<f64>,
    /// Whether response times are above the threshold.
    slow: bool,
    /// Whether load is to be refused.
    shed: bool,
    /// What whoever feeds it should do.
    #[schema(value_type = String, pattern = "^(none|throttle|shed)$", example = "none")]
    backpressure: Backpressure,
    /// What somebody should know.
    alerts: Vec<AlertBody>,
}

/// Something that somebody should know.
#[derive(Serialize, ToSchema)]
#[schema(as = QueueAlert)]
pub struct AlertBody {
    /// What it is about.
    #[schema(value_type = String, pattern = "^(utilisation|slow)$", example = "utilisation")]
    cause: AlertCause,
    /// How bad it is.
    #[schema(value_type = String, pattern = "^(warning|critical|emergency)$", example = "warning")]
    severity: AlertSeverity,
}

/// All queues.
#[derive(Serialize, ToSchema)]
pub struct QueueList {
    /// Pool, intake, outbox.
    items: Vec<HealthBody>,
}

impl HealthBody {
    fn new(queue: Queue, emergency: bool, health: Health) -> Self {
        let wait_s = health.wait.map(|wait| if let Wait::Seconds(seconds) = wait { Some(seconds) } else { None });
        Self {
            name: queue.as_str(),
            depth: health.depth,
            limit: health.limit,
            utilisation: health.utilisation,
            status: health.status,
            emergency,
            unbounded: wait_s == Some(None),
            wait_s,
            p50_ms: health.p50_ms,
            p95_ms: health.p95_ms,
            p99_ms: health.p99_ms,
            slow: health.slow,
            shed: health.shed,
            backpressure: health.backpressure,
            alerts: health.alerts.iter().map(|alert| AlertBody { cause: alert.cause, severity: alert.severity }).collect(),
        }
    }
}

async fn health(app: &App, call: &Call, queue: Queue) -> Result<HealthBody, Problem> {
    let (queues, org) = (&app.node.queues, &call.caller.org);
    let health = queues.health(org, queue).await.map_err(|error| {
        tracing::error!(%error, "a queue cannot be read");
        Problem::new(Code::StoreUnavailable, "the queue cannot be read now")
    })?;
    Ok(HealthBody::new(queue, queues.emergency(org), health))
}

/// All queues of the organisation, and how healthy each is.
#[utoipa::path(context_path = "/api/v1", tag = "Queues", responses((status = 200, description = "The queues", body = QueueList), Problems))]
#[get("/queues")]
pub(crate) async fn list_queues(app: Data<App>, call: Call, _: Query<Nothing>) -> Result<HttpResponse, Problem> {
    call.require(Role::Operator)?;
    let mut items = Vec::with_capacity(Queue::ALL.len());
    for queue in Queue::ALL {
        items.push(health(&app, &call, queue).await?);
    }
    Ok(HttpResponse::Ok().json(QueueList { items }))
}

/// How healthy a queue is: `pool` (orders that wait to be planned), `intake` (rows that are being taken in), `outbox` (what waits to be
/// sent). Each has its own limit.
#[utoipa::path(context_path = "/api/v1", tag = "Queues", params(("name" = String, Path, description = "The queue")),
    responses((status = 200, description = "Its health", body = HealthBody), Problems))]
#[get("/queues/{name}/health")]
pub(crate) async fn get_queue_health(app: Data<App>, call: Call, name: Path<String>, _: Query<Nothing>) -> Result<HttpResponse, Problem> {
    call.require(Role::Operator)?;
    let queue = Queue::from_name(&name);
    let queue = queue.ok_or_else(|| Problem::new(Code::NotFound, "there is no such queue; they are pool, intake and outbox"))?;
    Ok(HttpResponse::Ok().json(health(&app, &call, queue).await?))
}
