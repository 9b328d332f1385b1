//! The tree of supervisors and entities as an operator sees it, and its single entities: how they are, what they wait for,
//! and out of quarantine again.
//!
//! It shows the caller's organisation only, and decides nothing: what becomes of a failure is the runtime's business.

use crate::http::answers::{Problems, problem_of_load};
use crate::http::app::App;
use crate::http::body::{Body, Empty, Nothing, Query};
use crate::http::call::Call;
use crate::http::elsewhere::{self, Question};
use crate::http::fields::{Fields, FromFields};
use crate::http::problem::{Code, Problem};
use crate::time::Rfc3339;
use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, get, post};
use ionveil_actors::{Phase, TreeNode, TreeQuery};
use ionveil_journal::ArmedTimer;
use ionveil_kernel::{EntityId, Kind, Org, Role, StreamId, TimerPolicy};
use serde::Serialize;
use std::time::Duration;
use utoipa::ToSchema;

/// The most entities of each kind, and how many are listed unless asked otherwise.
const ENTITIES_MAX: usize = 500;
const ENTITIES_DEFAULT: usize = 100;
/// Organisation, kind, entity.
const DEPTH_MAX: u16 = 3;
/// Where actors hang that serve all organisations, such as the bridges.
const SYSTEM: &str = "system";
/// How long an answer waits for a resumed entity to be folded, and how often it looks.
const SETTLE: Duration = Duration::from_secs(2);
const LOOK: Duration = Duration::from_millis(5);

/// A supervisor or an entity.
#[derive(Serialize, ToSchema)]
#[schema(as = Node)]
pub struct NodeBody {
    /// `organisation`, `policy-node`, `kind`, or the entity's kind.
    #[schema(example = "workflow")]
    kind: String,
    /// `acme`, `acme@north` (a node of the policy tree), `acme/workflow` or `acme@north/policy-engine`, or the entity's id.
    #[schema(example = "163664036-AM30")]
    id: String,
    /// The id of the node above; absent at the top.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "acme/workflow")]
    parent: Option<String>,
    /// What it is about; a supervisor is always `running`.
    #[schema(value_type = String, pattern = "^(starting|running|suspended|restarting|quarantined|passive)$", example = "running")]
    state: Phase,
    /// Commands that wait, everything below included.
    mailbox_depth: u64,
    /// How long the one that waits longest has waited.
    oldest_waiting_ms: u64,
    /// Appends under way.
    in_flight: u64,
    /// How often it was restarted, or restarted something below it, since it is in memory.
    restarts: u64,
    /// Its last failure, or the last one that climbed to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_fault: Option<String>,
    /// Events that were committed in the last second.
    events_per_s: u64,
    /// Nodes directly below it; those in memory.
    children: u64,
}

/// The tree.
#[derive(Serialize, ToSchema)]
#[schema(as = Tree)]
pub struct TreeBody {
    /// Parents before their children; of each kind the most noteworthy entities first: those in trouble, then those with
    /// the longest queue, then by id.
    nodes: Vec<NodeBody>,
    /// Whether there are more entities than are listed.
    truncated: bool,
    /// The addresses of servers that have not said what they have in memory; absent if all have.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Option<Vec<String>>)]
    silent: Vec<String>,
}

/// An entity and the timers that it has armed.
#[derive(Serialize, ToSchema)]
#[schema(as = Entity)]
pub struct EntityBody {
    #[serde(flatten)]
    node: NodeBody,
    /// By name.
    timers: Vec<TimerBody>,
}

/// An instant at which an entity will be called.
#[derive(Serialize, ToSchema)]
#[schema(as = Timer)]
pub struct TimerBody {
    /// Unique within the entity.
    name: String,
    /// When it is due.
    #[schema(value_type = String, format = DateTime)]
    due: Rfc3339,
    /// What becomes of it if it is missed.
    #[schema(value_type = String, pattern = "^(fire_once_late|skip|fire_all)$")]
    policy: TimerPolicy,
    /// Which arming this is: rises each time it is armed.
    armed: u64,
    /// Whether it has fired and was not armed since.
    consumed: bool,
}

impl From<TreeNode> for NodeBody {
    fn from(node: TreeNode) -> Self {
        Self {
            kind: node.kind,
            id: node.id,
            parent: node.parent,
            state: node.state,
            mailbox_depth: node.mailbox_depth,
            oldest_waiting_ms: node.oldest_waiting_ms,
            in_flight: node.in_flight,
            restarts: node.restarts,
            last_fault: node.last_fault,
            events_per_s: node.events_per_s,
            children: node.children,
        }
    }
}

impl From<ArmedTimer> for TimerBody {
    fn from(timer: ArmedTimer) -> Self {
        Self { name: timer.name, due: Rfc3339(timer.due), policy: timer.policy, armed: timer.armed, consumed: timer.consumed }
    }
}

impl NodeBody {
    /// An entity that is in the journal and not in memory.
    fn passive(owner: &StreamId, parent: String) -> Self {
        Self {
            kind: owner.kind.to_string(),
            id: owner.id.to_string(),
            parent: Some(parent),
            state: Phase::Passive,
            mailbox_depth: 0,
            oldest_waiting_ms: 0,
            in_flight: 0,
            restarts: 0,
            last_fault: None,
            events_per_s: 0,
            children: 0,
        }
    }
}

/// Which part of the tree is asked for.
pub struct Wanted {
    kind: Option<Kind>,
    depth: u8,
    entities: usize,
}

impl FromFields for Wanted {
    const EMPTY_OK: bool = true;
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let kind = fields.optional("kind");
        let depth = within(fields, "depth", DEPTH_MAX, DEPTH_MAX).and_then(|depth| u8::try_from(depth).ok());
        let most = u16::try_from(ENTITIES_MAX).unwrap_or(u16::MAX);
        let entities = within(fields, "entities", u16::try_from(ENTITIES_DEFAULT).unwrap_or(most), most);
        Some(Self { kind, depth: depth?, entities: usize::from(entities?) })
    }
}

/// A number from 1 to `max`; none after a fault was noted.
fn within(fields: &mut Fields, name: &'static str, default: u16, max: u16) -> Option<u16> {
    let lawful = Some(fields.optional::<u64>(name).map_or(default, |number| u16::try_from(number).unwrap_or(0)));
    let lawful = lawful.filter(|number| (1..=max).contains(number));
    if lawful.is_none() {
        fields.fault(Code::InvalidField, name, format!("must be 1 to {max}"));
    }
    lawful
}

/// The tree of what is in memory: the organisation, the nodes of its policy tree, the kinds of entities at each, the entities.
/// What belongs to no node hangs under the organisation. Admins also see `system`: what serves all organisations, of the server that
/// answers. Of several servers on one store each says what it has in memory. Parts of it may be a moment older than others.
#[utoipa::path(context_path = "/api/v1", tag = "System",
    params(("depth" = Option<u32>, Query, description = "1: the organisation; 2: and its policy nodes and kinds; 3 (default): and their entities", minimum = 1, maximum = 3),
        ("kind" = Option<String>, Query, description = "Only entities of this kind", pattern = "^[a-z0-9][a-z0-9_-]{0,62}$"),
        ("entities" = Option<u32>, Query, description = "The most entities of each kind at each place: 1 to 500, default 100", minimum = 1, maximum = 500)),
    responses((status = 200, description = "The tree", body = TreeBody), Problems))]
#[get("/system/tree")]
pub(crate) async fn get_tree(app: Data<App>, call: Call, wanted: Query<Wanted>) -> Result<HttpResponse, Problem> {
    call.require(Role::Operator)?;
    let Wanted { kind, depth, entities } = wanted.0;
    let kind = kind.map(|kind| kind.to_string());
    let of = |org| TreeQuery { org: Some(org), kind: kind.clone(), depth, entities_max: entities };
    let mut tree = elsewhere::tree(&app, of(call.caller.org.clone())).await;
    if let Some(system) = system(&call).filter(|system| *system != call.caller.org) {
        let of_system = app.node.runtime.tree(&of(system));
        tree.nodes.extend(of_system.nodes);
        tree.truncated |= of_system.truncated;
    }
    let nodes = tree.nodes.into_iter().map(NodeBody::from).collect();
    Ok(HttpResponse::Ok().json(TreeBody { nodes, truncated: tree.truncated, silent: tree.silent }))
}

/// An entity of the caller's organisation; names that could not be one name nothing. Bridges belong to none: admins see them.
fn owner(call: &Call, (kind, id): &(String, String)) -> Result<StreamId, Problem> {
    let (kind, id) = (Kind::new(kind).map_err(|_| not_found())?, EntityId::new(id).map_err(|_| not_found())?);
    let bridge = kind.as_str() == crate::nats::KIND;
    let org = system(call).filter(|_| bridge).unwrap_or_else(|| call.caller.org.clone());
    Ok(StreamId::new(org, kind, id))
}

/// The organisation of what serves all, for those who may see it.
fn system(call: &Call) -> Option<Org> {
    Org::new(SYSTEM).ok().filter(|_| call.caller.role >= Role::Admin)
}

fn not_found() -> Problem {
    Problem::new(Code::EntityNotFound, "there is no entity of this kind and id")
}

/// In memory, or known from the journal.
async fn node_of(app: &App, owner: &StreamId) -> Result<NodeBody, Problem> {
    if let Some(node) = app.node.runtime.node(owner) {
        return Ok(node.into());
    }
    let first = app.node.store.read_entity(owner, 0, 0, 1).await.map_err(|error| problem_of_load(&error.into()))?;
    if first.is_empty() { Err(not_found()) } else { Ok(NodeBody::passive(owner, app.node.runtime.parent(owner))) }
}

pub(crate) async fn answer(app: &App, owner: &StreamId) -> Result<HttpResponse, Problem> {
    let node = node_of(app, owner).await?;
    let timers = app.node.store.timers(owner).await.map_err(|error| problem_of_load(&error.into()))?;
    Ok(HttpResponse::Ok().json(EntityBody { node, timers: timers.into_iter().map(TimerBody::from).collect() }))
}

/// An entity as the tree shows it, and its timers. One that is not in memory is `passive`.
#[utoipa::path(context_path = "/api/v1", tag = "System",
    params(("kind" = String, Path, description = "The entity's kind"), ("id" = String, Path, description = "The entity's id")),
    responses((status = 200, description = "The entity", body = EntityBody), Problems))]
#[get("/system/entities/{kind}/{id}")]
pub(crate) async fn get_entity(app: Data<App>, call: Call, path: Path<(String, String)>) -> Result<HttpResponse, Problem> {
    call.require(Role::Operator)?;
    let owner = owner(&call, &path)?;
    match elsewhere::of(&app, &owner) {
        Some(address) => elsewhere::ask(&app, &address, &Question::Entity { owner: owner.to_string() }).await,
        None => answer(&app, &owner).await,
    }
}

/// Takes an entity out of quarantine: it is folded anew, with a fresh restart budget. It may fail again at once, and is
/// `quarantined` in the answer then. Any other entity is left as it is, and that is `no_effect`.
#[utoipa::path(context_path = "/api/v1", tag = "System", request_body = Empty,
    params(("kind" = String, Path, description = "The entity's kind"), ("id" = String, Path, description = "The entity's id")),
    responses((status = 200, description = "The entity after it", body = EntityBody), Problems))]
#[post("/system/entities/{kind}/{id}/resume")]
pub(crate) async fn resume_entity(
    app: Data<App>,
    call: Call,
    path: Path<(String, String)>,
    _: Body<Nothing>,
) -> Result<HttpResponse, Problem> {
    call.require(Role::Supervisor)?;
    let owner = owner(&call, &path)?;
    let actor = call.caller.subject.to_string();
    match elsewhere::of(&app, &owner) {
        Some(address) => elsewhere::ask(&app, &address, &Question::Resume { owner: owner.to_string(), actor }).await,
        None => resume(&app, &owner, &actor).await,
    }
}

/// The entity is this server's.
pub(crate) async fn resume(app: &App, owner: &StreamId, actor: &str) -> Result<HttpResponse, Problem> {
    let state = node_of(app, owner).await?.state;
    // Asked for first, because to resume folds anew whatever the state is.
    if state != Phase::Quarantined || !app.node.runtime.resume(owner) {
        let state = state.as_str();
        return Err(Problem::new(Code::NoEffect, format!("only a quarantined entity can be resumed, this one is {state}")));
    }
    tracing::warn!(entity = %owner, actor, "a quarantined entity is resumed");
    settle(app, owner).await;
    answer(app, owner).await
}

/// Waits until a resumed entity runs again. One that fails at once may do so between two looks: that ends with patience.
async fn settle(app: &App, owner: &StreamId) {
    let (env, begun) = (&app.node.env, app.node.env.monotonic());
    while env.monotonic().saturating_sub(begun) < SETTLE {
        match app.node.runtime.node(owner).map(|node| node.state) {
            Some(Phase::Quarantined | Phase::Starting | Phase::Restarting) => env.sleep(LOOK).await,
            Some(Phase::Running | Phase::Suspended | Phase::Passive) | None => return,
        }
    }
}
