//! The policy tree over HTTP: what is in force at its nodes, read from the published snapshot, so that no answer shows half
//! a cascade. The commands are in `policy_commands.rs`.

use crate::http::answers::Problems;
use crate::http::app::App;
use crate::http::body::Query;
use crate::http::call::Call;
use crate::http::policy_requests::{Cursor, Listing};
use crate::http::problem::{Code, Problem};
use crate::time::Rfc3339;
use actix_web::http::header;
use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, get};
use ionveil_kernel::{EntityId, PolicyLevel, Role};
use ionveil_policy::tree::{NodeKind, Override, Resolved, Snapshot};
use serde::Serialize;
use utoipa::ToSchema;

/// A node of the policy tree, with what is in force there.
#[derive(Serialize, ToSchema)]
#[schema(as = PolicyNode)]
pub struct NodeBody {
    /// Its id.
    #[schema(example = "B09.39")]
    id: String,
    /// What it stands for.
    #[schema(value_type = String, pattern = "^(global|agency|region|zone)$", example = "zone")]
    kind: NodeKind,
    /// The node above it; null at the root.
    #[schema(example = "B09")]
    parent: Option<String>,
    /// The level in force: the strictest of the parent's, the override's and the engine's.
    #[schema(value_type = String, pattern = "^(normal|watch|restricted|halted)$", example = "halted")]
    effective: PolicyLevel,
    /// The nearest node at or above it that made the level what it is; else the root.
    #[schema(example = "B09")]
    deciding_node: String,
    /// What a person told it; it sleeps while the parent is not milder.
    #[serde(rename = "override", skip_serializing_if = "Option::is_none")]
    told: Option<OverrideBody>,
    /// What its engine reached; of the root also what a person set.
    #[schema(value_type = String, pattern = "^(normal|watch|restricted|halted)$", example = "normal")]
    engine_level: PolicyLevel,
    /// The nodes right below, in the order in which they came.
    children: Vec<String>,
    /// The version of the tree; the ETag.
    version: u64,
}

/// What a person told a node.
#[derive(Serialize, ToSchema)]
#[schema(as = PolicyOverride)]
pub struct OverrideBody {
    /// The level.
    #[schema(value_type = String, pattern = "^(normal|watch|restricted|halted)$", example = "halted")]
    level: PolicyLevel,
    /// Who.
    #[schema(example = "user:jane")]
    source: String,
    /// By which right.
    #[schema(example = "shift supervisor")]
    authorization: String,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "gas leak")]
    reason: Option<String>,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    set_at: Rfc3339,
    /// When it ends by itself; absent: never.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Rfc3339>,
}

impl From<&Override> for OverrideBody {
    fn from(told: &Override) -> Self {
        Self {
            level: told.level,
            source: told.by.source.clone(),
            authorization: told.by.authorization.clone(),
            reason: told.by.reason.clone(),
            set_at: Rfc3339(told.by.at),
            expires_at: told.expires_at.map(Rfc3339),
        }
    }
}

impl NodeBody {
    /// A node of a snapshot of this version.
    pub(super) fn new(node: &Resolved<'_>, version: u64) -> Self {
        Self {
            id: node.id().to_string(),
            kind: node.kind(),
            parent: node.parent().map(ToString::to_string),
            effective: node.effective(),
            deciding_node: node.deciding_node().to_string(),
            told: node.told().map(OverrideBody::from),
            engine_level: node.engine().level,
            children: node.children().iter().map(ToString::to_string).collect(),
            version,
        }
    }
}

/// A version as an ETag.
pub(super) fn etag(version: u64) -> (header::HeaderName, String) {
    (header::ETAG, format!("\"{version}\""))
}

pub(super) fn unknown_node() -> Problem {
    Problem::new(Code::UnknownNode, "the tree has no such node")
}

/// An id in a path that could not be one names nothing.
pub(super) fn path_id(text: &str) -> Result<EntityId, Problem> {
    EntityId::new(text).map_err(|_| unknown_node())
}

/// A node of the policy tree, with what is in force there and who decided it.
#[utoipa::path(context_path = "/api/v1", tag = "Policy", params(("id" = String, Path, description = "The node's id")),
    responses((status = 200, description = "The node", body = NodeBody, headers(("ETag" = String, description = "The version of the tree"))), Problems))]
#[get("/policy/nodes/{id}")]
pub(crate) async fn get_policy_node(app: Data<App>, call: Call, id: Path<String>) -> Result<HttpResponse, Problem> {
    call.require(Role::Operator)?;
    let tree = app.node.trees.of(&call.caller.org);
    let node = tree.resolve(&path_id(&id)?).ok_or_else(unknown_node)?;
    Ok(HttpResponse::Ok().insert_header(etag(tree.version())).json(NodeBody::new(&node, tree.version())))
}

/// A page of the policy tree.
#[derive(Serialize, ToSchema)]
pub struct PolicyNodeList {
    /// Parents before their children, siblings in the order in which they came.
    items: Vec<NodeBody>,
    /// Asks for the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// The policy tree or a part of it, with what is in force. All pages are of one version: if the tree changes while they are
/// read, the cursor is refused, and one begins anew.
#[utoipa::path(context_path = "/api/v1", tag = "Policy",
    params(("root" = Option<String>, Query, description = "Only this node and those below it; absent: all", pattern = "^[A-Za-z0-9][A-Za-z0-9_:@.-]{0,127}$"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before", min_length = 1),
        ("page_size" = Option<u32>, Query, description = "1 to 500, default 50", minimum = 1, maximum = 500)),
    responses((status = 200, description = "A page", body = PolicyNodeList, headers(("ETag" = String, description = "The version of the tree"))), Problems))]
#[get("/policy/nodes")]
pub(crate) async fn list_policy_nodes(app: Data<App>, call: Call, listing: Query<Listing>) -> Result<HttpResponse, Problem> {
    call.require(Role::Operator)?;
    let tree = app.node.trees.of(&call.caller.org);
    let list = page(&tree, &listing.0)?;
    Ok(HttpResponse::Ok().insert_header(etag(tree.version())).json(list))
}

fn page(tree: &Snapshot, listing: &Listing) -> Result<PolicyNodeList, Problem> {
    let version = tree.version();
    let moved_on = |cursor: Cursor| cursor.version != version;
    if listing.cursor.is_some_and(moved_on) {
        return Err(Problem::field(Code::InvalidCursor, "cursor", "the tree has changed since; begin without a cursor"));
    }
    let Some(top) = listing.root.as_ref().or_else(|| tree.root().map(|root| root.id())) else {
        return Ok(PolicyNodeList { items: Vec::new(), next_cursor: None });
    };
    tree.resolve(top).ok_or_else(unknown_node)?;
    let begin = listing.cursor.map_or(0, |cursor| cursor.place);
    let mut nodes = tree.resolve_all(top).skip(begin);
    let items: Vec<_> = nodes.by_ref().take(listing.size).map(|node| NodeBody::new(&node, version)).collect();
    let next_cursor = nodes.next().map(|_| Cursor { version, place: begin + items.len() }.to_string());
    Ok(PolicyNodeList { items, next_cursor })
}
