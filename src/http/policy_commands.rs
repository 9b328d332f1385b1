//! The policy tree over HTTP: what changes it. A request becomes a command to the organisation's tree; the answer is the
//! node after the commit, which every later reader sees. No rule lives here.

use crate::commands::hash_of;
use crate::http::answers::{Problems, problem_of};
use crate::http::app::App;
use crate::http::body::{Body, BodyOrQuery};
use crate::http::call::Call;
use crate::http::policy::{NodeBody, etag, path_id};
use crate::http::policy_requests::{AddNode, AddNodes, Added, ClearOverride, MoveNode, Read, RemoveNode, SetOverride, SetRoot, Wish};
use crate::http::problem::{Code, Problem};
use crate::remote::REPLAYED;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::http::{StatusCode, header};
use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, delete, post, put};
use ionveil_actors::{Class, Delivery, Reply};
use ionveil_kernel::{EntityId, Org, Role};
use ionveil_policy::tree::{self, Command, NewNode, Refused, RefusedCode, Snapshot, State, Tree};
use serde::Serialize;
use std::sync::Arc;
use utoipa::ToSchema;

/// A node is gone.
#[derive(Serialize, ToSchema)]
#[schema(as = RemovedPolicyNode)]
pub struct RemovedBody {
    /// Its id.
    #[schema(example = "B09.39")]
    id: String,
    /// Always `true`.
    removed: bool,
    /// The version of the tree; the ETag.
    version: u64,
}

/// Lets the tree decide, before everybody's work: the brake must hold where the load is high.
async fn ask(app: &App, call: &Call, command: Command, expected_version: Option<u64>) -> Result<Reply<Tree>, Problem> {
    let owner = tree::stream(&call.caller.org).map_err(|_| Problem::internal())?;
    let meta = call.meta(&app.node.env, hash_of(&command, None, expected_version), None, expected_version);
    let delivery = Delivery { class: Class::Control, deadline: app.node.deadline };
    let asked = app.node.policy_trees.ask_as(owner, command, meta, delivery).await;
    asked.map_err(|error| problem_of(error, call.if_match.is_some()))
}

/// The tree as it was right after the command: the published one, unless it has moved on.
fn after(app: &App, org: &Org, state: &State) -> Arc<Snapshot> {
    let published = app.node.trees.of(org);
    if published.version() == state.version() { published } else { Arc::new(Snapshot::of(state)) }
}

/// A refusal that is in the audit was accepted as a command, so a repeat of it is one too.
fn refusal(refused: &Refused, repeated: bool) -> HttpResponse {
    let code = match refused.code {
        RefusedCode::DeescalationForbidden => Code::DeescalationForbidden,
        RefusedCode::NoEffect => Code::NoEffect,
    };
    let mut response = Problem::field(code, "level", refused.to_string()).response();
    if repeated {
        response.headers_mut().insert(HeaderName::from_static(REPLAYED), HeaderValue::from_static("true"));
    }
    response
}

fn answer(status: StatusCode, version: u64, repeated: bool, body: &impl Serialize) -> HttpResponse {
    let mut response = HttpResponse::build(status);
    response.insert_header(etag(version));
    if repeated {
        response.insert_header((REPLAYED, "true"));
    }
    response.json(body)
}

/// Carries out a command and answers with the node `id` as it is then; the root if none is named.
async fn change(app: &App, call: &Call, id: Option<EntityId>, command: Command, expected: Option<u64>) -> Result<HttpResponse, Problem> {
    let reply = ask(app, call, command, expected).await?;
    if let Some(refused) = reply.state.refused() {
        return Ok(refusal(refused, reply.repeated));
    }
    let tree = after(app, &call.caller.org, &reply.state);
    let node = id.map_or_else(|| tree.root(), |id| tree.resolve(&id)).ok_or_else(Problem::internal)?;
    let version = tree.version();
    Ok(answer(StatusCode::OK, version, reply.repeated, &NodeBody::new(&node, version)))
}

/// Nodes that were added together.
#[derive(Serialize, ToSchema)]
#[schema(as = PolicyNodes)]
pub struct NodesBody {
    /// In the order in which they came.
    items: Vec<NodeBody>,
}

/// What was added: the node, or the list of them if a list was sent.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = AddedPolicyNodes)]
pub enum AddedBody {
    /// One.
    One(NodeBody),
    /// A list.
    Many(NodesBody),
}

/// Adds a node, or several at once, parents before their children: the first one of a tree is the root, all others lie under a
/// parent, as its last child. Of a list all are added or none. Needs admin.
#[utoipa::path(context_path = "/api/v1", tag = "Policy", request_body = AddNodes,
    params(("Idempotency-Key" = Option<String>, Header, description = "Names the request: a repeat is answered as the first was", min_length = 1, max_length = 255, pattern = "^[!-~]+$"),
        ("If-Match" = Option<String>, Header, description = "The ETag that the client has seen; another version is refused with 412", pattern = r#"^(\*|(W/)?"[^"]*")$"#)),
    responses((status = 201, description = "Added: the node, or the list of them if a list was sent", body = AddedBody,
        headers(("ETag" = String, description = "The version of the tree"), ("Idempotency-Replayed" = Option<String>, description = "`true` if this answers a repeat"), ("Location" = Option<String>, description = "Where it is, of a single one"))), Problems))]
#[post("/policy/nodes")]
pub(crate) async fn add_policy_node(app: Data<App>, call: Call, body: Body<Added>) -> Result<HttpResponse, Problem> {
    call.require(Role::Admin)?;
    match body.value {
        Added::One(one) => add_one(&app, &call, one).await,
        Added::Many(nodes) => add_all(&app, &call, nodes).await,
    }
}

async fn add_one(app: &App, call: &Call, Read { wish, expected_version, .. }: Read<AddNode>) -> Result<HttpResponse, Problem> {
    let Wish::Add(NewNode { node: id, .. }) = &wish else { return Err(Problem::internal()) };
    let id = id.clone();
    let mut response = change(app, call, Some(id.clone()), wish.of(id.clone()), expected_version).await?;
    *response.status_mut() = StatusCode::CREATED;
    let place = HeaderValue::from_str(&format!("/api/v1/policy/nodes/{id}")).map_err(|_| Problem::internal())?;
    response.headers_mut().insert(header::LOCATION, place);
    Ok(response)
}

async fn add_all(app: &App, call: &Call, nodes: Vec<NewNode>) -> Result<HttpResponse, Problem> {
    let ids: Vec<EntityId> = nodes.iter().map(|node| node.node.clone()).collect();
    let reply = ask(app, call, Command::AddNodes { nodes }, None).await?;
    let tree = after(app, &call.caller.org, &reply.state);
    let version = tree.version();
    let items = ids.iter().filter_map(|id| tree.resolve(id)).map(|node| NodeBody::new(&node, version)).collect();
    Ok(answer(StatusCode::CREATED, version, reply.repeated, &NodesBody { items }))
}

/// Carries out what is asked of the node in the path.
async fn act<T>(app: &App, call: &Call, role: Role, id: &str, read: Read<T>) -> Result<HttpResponse, Problem> {
    call.require(role)?;
    let id = path_id(id)?;
    change(app, call, Some(id.clone()), read.wish.of(id), read.expected_version).await
}

macro_rules! action {
    ($(#[$doc:meta])* $name:ident, $path:literal, $body:ident, $role:ident) => {
        $(#[$doc])*
        #[utoipa::path(context_path = "/api/v1", tag = "Policy", request_body = $body,
            params(("id" = String, Path, description = "The node's id"),
                ("Idempotency-Key" = Option<String>, Header, description = "Names the request: a repeat is answered as the first was", min_length = 1, max_length = 255, pattern = "^[!-~]+$"),
                ("If-Match" = Option<String>, Header, description = "The ETag that the client has seen; another version is refused with 412", pattern = r#"^(\*|(W/)?"[^"]*")$"#)),
            responses((status = 200, description = "Done", body = NodeBody, headers(("ETag" = String, description = "The version of the tree"), ("Idempotency-Replayed" = Option<String>, description = "`true` if this answers a repeat"))), Problems))]
        #[post($path)]
        pub(crate) async fn $name(app: Data<App>, call: Call, id: Path<String>, body: Body<Read<$body>>) -> Result<HttpResponse, Problem> {
            act(&app, &call, Role::$role, &id, body.value).await
        }
    };
}

action!(
    /// Puts a node, with all below it, under another parent. Overrides that are no longer stricter than what is in force
    /// above them end, as after any change. Needs admin.
    move_policy_node, "/policy/nodes/{id}/move", MoveNode, Admin
);
action!(
    /// Makes a node, and so all below it, stricter than its parent, or changes its override. To be milder than the parent, or
    /// no stricter, is refused with 409; that is in the audit.
    set_policy_override, "/policy/nodes/{id}/override", SetOverride, Supervisor
);

/// Takes the override of a node away. The fields come in the body or in the query.
#[utoipa::path(context_path = "/api/v1", tag = "Policy", request_body = Option<ClearOverride>,
    params(("id" = String, Path, description = "The node's id"),
        ("authorization" = Option<String>, Query, description = "As in the body, for who cannot send one; needed in one of both", min_length = 1, max_length = 256, pattern = r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$"),
        ("reason" = Option<String>, Query, description = "As in the body", min_length = 1, max_length = 256, pattern = r"^[^\x00-\x1f\x7f-\x9f]+$"),
        ("expected_version" = Option<u64>, Query, description = "As in the body"),
        ("Idempotency-Key" = Option<String>, Header, description = "Names the request: a repeat is answered as the first was", min_length = 1, max_length = 255, pattern = "^[!-~]+$"),
        ("If-Match" = Option<String>, Header, description = "The ETag that the client has seen; another version is refused with 412", pattern = r#"^(\*|(W/)?"[^"]*")$"#)),
    responses((status = 200, description = "Done", body = NodeBody, headers(("ETag" = String, description = "The version of the tree"), ("Idempotency-Replayed" = Option<String>, description = "`true` if this answers a repeat"))), Problems))]
#[delete("/policy/nodes/{id}/override")]
pub(crate) async fn clear_policy_override(
    app: Data<App>,
    call: Call,
    id: Path<String>,
    asked: BodyOrQuery<Read<ClearOverride>>,
) -> Result<HttpResponse, Problem> {
    act(&app, &call, Role::Supervisor, &id, asked.0).await
}

/// Removes a node that has no children, with its override and what its engine reached. Needs admin.
#[utoipa::path(context_path = "/api/v1", tag = "Policy", request_body = Option<RemoveNode>,
    params(("id" = String, Path, description = "The node's id"), ("expected_version" = Option<u64>, Query, description = "As in the body, for who cannot send one"),
        ("Idempotency-Key" = Option<String>, Header, description = "Names the request: a repeat is answered as the first was", min_length = 1, max_length = 255, pattern = "^[!-~]+$"),
        ("If-Match" = Option<String>, Header, description = "The ETag that the client has seen; another version is refused with 412", pattern = r#"^(\*|(W/)?"[^"]*")$"#)),
    responses((status = 200, description = "It is gone", body = RemovedBody, headers(("ETag" = String, description = "The version of the tree"), ("Idempotency-Replayed" = Option<String>, description = "`true` if this answers a repeat"))), Problems))]
#[delete("/policy/nodes/{id}")]
pub(crate) async fn remove_policy_node(
    app: Data<App>,
    call: Call,
    id: Path<String>,
    asked: BodyOrQuery<Read<RemoveNode>>,
) -> Result<HttpResponse, Problem> {
    call.require(Role::Admin)?;
    let (id, Read { wish, expected_version, .. }) = (path_id(&id)?, asked.0);
    let reply = ask(&app, &call, wish.of(id.clone()), expected_version).await?;
    let version = reply.state.version();
    Ok(answer(StatusCode::OK, version, reply.repeated, &RemovedBody { id: id.to_string(), removed: true, version }))
}

/// Puts the root, and so the whole organisation, on a level, up or down; its engine begins there anew, with its counters at 0.
#[utoipa::path(context_path = "/api/v1", tag = "Policy", request_body = SetRoot,
    params(("Idempotency-Key" = Option<String>, Header, description = "Names the request: a repeat is answered as the first was", min_length = 1, max_length = 255, pattern = "^[!-~]+$"),
        ("If-Match" = Option<String>, Header, description = "The ETag that the client has seen; another version is refused with 412", pattern = r#"^(\*|(W/)?"[^"]*")$"#)),
    responses((status = 200, description = "Done: the root", body = NodeBody, headers(("ETag" = String, description = "The version of the tree"), ("Idempotency-Replayed" = Option<String>, description = "`true` if this answers a repeat"))), Problems))]
#[put("/policy/root")]
pub(crate) async fn set_policy_root(app: Data<App>, call: Call, body: Body<Read<SetRoot>>) -> Result<HttpResponse, Problem> {
    call.require(Role::Supervisor)?;
    let Read { wish: Wish::Root { level, authorization }, expected_version, .. } = body.value else { return Err(Problem::internal()) };
    change(&app, &call, None, Command::SetRoot { level, authorization }, expected_version).await
}
