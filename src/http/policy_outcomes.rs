//! Outcomes over HTTP: each is taken in by the engine of a node, which moves its level by them. What the engine reaches is
//! asked of the tree by a reactor, so it is in force a moment after the answer.

use crate::commands::hash_of;
use crate::http::answers::{Problems, problem_of, problem_of_load};
use crate::http::app::App;
use crate::http::body::Body;
use crate::http::call::Call;
use crate::http::fields::{Fields, FromFields};
use crate::http::policy::{etag, path_id, unknown_node};
use crate::http::problem::Problem;
use crate::remote::REPLAYED;
use crate::time::Rfc3339;
use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, post};
use ionveil_actors::Reply;
use ionveil_kernel::{EntityId, Kind, Meta, PolicyLevel, Role, StreamId, Timestamp};
use ionveil_policy::engine::{Command, Engine, KIND};
use serde::Serialize;
use utoipa::ToSchema;

/// Reports an outcome of a node.
#[derive(Serialize, ToSchema)]
#[schema(as = PolicyOutcome)]
#[serde(deny_unknown_fields)]
pub struct Outcome {
    /// Whether it was a success.
    success: bool,
    /// When it happened; absent: now. Not before the engine's last event, at most five minutes ahead.
    #[schema(value_type = Option<String>, format = DateTime)]
    occurred_at: Option<Rfc3339>,
    /// The version of the engine that the client has seen; another one is refused with 409.
    expected_version: Option<u64>,
}

/// An [`Outcome`] as it was read.
pub struct Reported {
    success: bool,
    occurred_at: Option<Timestamp>,
    expected_version: Option<u64>,
}

impl FromFields for Reported {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let success = fields.required("success");
        let (occurred_at, expected_version) = (fields.optional("occurred_at"), fields.optional("expected_version"));
        Some(Self { success: success?, occurred_at, expected_version })
    }
}

/// Where the engine of a node stands.
#[derive(Serialize, ToSchema)]
#[schema(as = PolicyEngine)]
pub struct EngineBody {
    /// The node.
    #[schema(example = "B09.39")]
    node: String,
    /// The level that it has reached.
    #[schema(value_type = String, pattern = "^(normal|watch|restricted|halted)$", example = "watch")]
    level: PolicyLevel,
    /// Successes in a row since the last step down.
    streak: u64,
    /// Failures in a row since the last step up.
    burst: u64,
    /// When it reached its level; absent: it was never on another.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    since: Option<Rfc3339>,
    /// How many outcomes it has taken in.
    outcomes: u64,
    /// How many events it has; the ETag.
    version: u64,
}

impl EngineBody {
    fn new(node: &EntityId, reply: &Reply<Engine>) -> Self {
        let state = &reply.state;
        Self {
            node: node.to_string(),
            level: state.level,
            streak: state.streak,
            burst: state.burst,
            since: state.since.map(Rfc3339),
            outcomes: state.outcomes,
            version: reply.receipt.version,
        }
    }
}

/// Takes in how something went in a node. Failures in a row make its engine stricter, successes in a row milder.
#[utoipa::path(context_path = "/api/v1", tag = "Policy", request_body = Outcome,
    params(("id" = String, Path, description = "The node's id"),
        ("Idempotency-Key" = Option<String>, Header, description = "Names the request: a repeat is answered as the first was", min_length = 1, max_length = 255, pattern = "^[!-~]+$"),
        ("If-Match" = Option<String>, Header, description = "The ETag of the engine that the client has seen; another version is refused with 412", pattern = r#"^(\*|(W/)?"[^"]*")$"#)),
    responses((status = 200, description = "The node's engine after it", body = EngineBody, headers(("ETag" = String, description = "The version of the engine"), ("Idempotency-Replayed" = Option<String>, description = "`true` if this answers a repeat"))), Problems))]
#[post("/policy/nodes/{id}/outcomes")]
pub(crate) async fn report_policy_outcome(
    app: Data<App>,
    call: Call,
    id: Path<String>,
    body: Body<Reported>,
) -> Result<HttpResponse, Problem> {
    call.require(Role::Dispatcher)?;
    let (node, Reported { success, occurred_at, expected_version }) = (path_id(&id)?, body.value);
    let owner = StreamId::new(call.caller.org.clone(), Kind::new(KIND).map_err(|_| Problem::internal())?, node.clone());
    let command = Command::Observe { success };
    let meta = call.meta(&app.node.env, hash_of(&command, occurred_at, expected_version), occurred_at, expected_version);
    known(&app, &call, &owner, &meta).await?;
    let asked = app.node.policy_engines.ask(owner, command, meta).await;
    let reply = asked.map_err(|error| problem_of(error, call.if_match.is_some()))?;
    let mut response = HttpResponse::Ok();
    response.insert_header(etag(reply.receipt.version));
    if reply.repeated {
        response.insert_header((REPLAYED, "true"));
    }
    Ok(response.json(EngineBody::new(&node, &reply)))
}

/// Only nodes of the tree take outcomes. A repeat is answered as the first was, also when the node is gone since.
async fn known(app: &App, call: &Call, owner: &StreamId, meta: &Meta) -> Result<(), Problem> {
    if app.node.trees.of(&call.caller.org).resolve(&owner.id).is_some() {
        return Ok(());
    }
    if call.key.is_some() {
        let receipts = app.node.store.receipts(owner, &[meta.command_id]).await.map_err(|error| problem_of_load(&error.into()))?;
        if receipts.iter().any(Option::is_some) {
            return Ok(());
        }
    }
    Err(unknown_node())
}
