//! What a command to the policy tree would do, without doing it: the levels that would change, the overrides that would end,
//! and the accepted work of a time range that it would have refused.

use crate::http::answers::{Problems, Refusal as _, problem_of_load};
use crate::http::app::App;
use crate::http::body::Body;
use crate::http::call::Call;
use crate::http::policy_preview_requests::{Asked, PreviewPolicy};
use crate::http::problem::{Code, Fault, Problem};
use crate::time::Rfc3339;
use actix_web::rt::time::timeout;
use actix_web::web::Data;
use actix_web::{HttpResponse, post};
use ionveil_actors::Loaded;
use ionveil_journal::Filter;
use ionveil_kernel::{BodyHash, DecideEnv, EntityId, Org, Policy, PolicyLevel, Role, Timestamp};
use ionveil_policy::preview::{EXAMPLES_MAX, Refused, Replay, Sum, Work};
use ionveil_policy::tree::{self, Change, Command, Preview, Refusal, Reverted, Tree};
use ionveil_views::{ScopeCount, WorkPlace, WorkScope};
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::Duration;
use utoipa::ToSchema;

/// How long the lists may take to come to what was recorded when the request came.
const CATCH_UP: Duration = Duration::from_secs(5);
/// How long the work may take to be judged.
const PATIENCE: Duration = Duration::from_secs(5);
/// The time range that is judged unless asked otherwise.
const DAY_MICROS: i64 = 24 * 3_600 * 1_000_000;

/// What a command would do.
#[derive(Serialize, ToSchema)]
#[schema(as = PolicyPreview)]
pub struct PreviewBody {
    /// The nodes whose level in force would change, in the order of the tree after it; those that would be gone last.
    changes: Vec<ChangeBody>,
    /// The overrides that would end by themselves, in order.
    reverted: Vec<RevertedBody>,
    /// The work of the time range that was accepted, would have been refused after the command, and would not have been
    /// refused before it.
    would_refuse: SumBody,
    /// The work of the time range that would have gone over the limits of its level after the command, and did not before it.
    over_limit: SumBody,
    /// When this was true: all that was recorded by then is in it.
    #[schema(value_type = String, format = DateTime)]
    as_of: Rfc3339,
}

/// A node whose level in force would change.
#[derive(Serialize, ToSchema)]
#[schema(as = PolicyChange)]
pub struct ChangeBody {
    /// The node.
    #[schema(example = "B09.39")]
    node: String,
    /// The level before.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, pattern = "^(normal|watch|restricted|halted)$", example = "normal")]
    from: Option<PolicyLevel>,
    /// The level after; absent: the node would be gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, pattern = "^(normal|watch|restricted|halted)$", example = "halted")]
    to: Option<PolicyLevel>,
}

/// An override that would end by itself.
#[derive(Serialize, ToSchema)]
#[schema(as = PolicyReverted)]
pub struct RevertedBody {
    /// The node that has it.
    #[schema(example = "B09.39")]
    node: String,
    /// Its level.
    #[schema(value_type = String, pattern = "^(normal|watch|restricted|halted)$")]
    level: PolicyLevel,
    /// `parent:<node>`, the parent whose level would fall.
    #[schema(example = "parent:B09")]
    source: String,
}

/// How much work, and the first of it.
#[derive(Serialize, ToSchema)]
#[schema(as = PolicyWork)]
pub struct SumBody {
    /// How many pieces of work.
    total: u64,
    /// How many of each kind: `assign`, `plan`, `send`; a kind without any is left out.
    #[schema(value_type = BTreeMap<String, u64>)]
    by_kind: BTreeMap<&'static str, u64>,
    /// The first by time, at most 10.
    examples: Vec<ExampleBody>,
}

/// A piece of work.
#[derive(Serialize, ToSchema)]
#[schema(as = PolicyWorkExample)]
pub struct ExampleBody {
    /// The stream of the event that records it.
    #[schema(example = "workflow:default:163664036-AM30")]
    stream: String,
    /// The event's type.
    #[schema(example = "transitioned")]
    r#type: String,
    /// When it happened.
    #[schema(value_type = String, format = DateTime)]
    occurred_at: Rfc3339,
    /// The node that would decide.
    #[schema(example = "B09.39")]
    node: String,
}

impl From<Change> for ChangeBody {
    fn from(Change { node, from, to }: Change) -> Self {
        Self { node: node.to_string(), from, to }
    }
}

impl From<Reverted> for RevertedBody {
    fn from(Reverted { node, level, source }: Reverted) -> Self {
        Self { node: node.to_string(), level, source }
    }
}

impl From<Sum> for SumBody {
    fn from(sum: Sum) -> Self {
        let example = |Refused { work, node }: Refused| ExampleBody {
            stream: work.stream.to_string(),
            r#type: work.event_type,
            occurred_at: Rfc3339(work.occurred_at),
            node: node.to_string(),
        };
        Self {
            total: sum.total(),
            by_kind: sum.by_kind.iter().map(|(kind, count)| (kind.as_str(), *count)).collect(),
            examples: sum.examples.into_iter().map(example).collect(),
        }
    }
}

/// What a command would do, without doing it. A command that would be refused is answered with its own code, and not
/// audited. Needs supervisor.
#[utoipa::path(context_path = "/api/v1", tag = "Policy", request_body = PreviewPolicy,
    responses((status = 200, description = "What it would do", body = PreviewBody), Problems))]
#[post("/policy/preview")]
pub(crate) async fn preview_policy(app: Data<App>, call: Call, body: Body<Asked>) -> Result<HttpResponse, Problem> {
    call.require(Role::Supervisor)?;
    let Asked { command, range } = body.value;
    let (org, as_of) = (&call.caller.org, app.node.env.now());
    let owner = tree::stream(org).map_err(|_| Problem::internal())?;
    let loaded = app.node.policy_trees.loader().load(&owner).await.map_err(|error| problem_of_load(&error))?;
    let foreseen = foresee(&app, &call, &loaded, &command)?;
    let range = range.unwrap_or_else(|| (Timestamp::from_micros(as_of.micros().saturating_sub(DAY_MICROS)), as_of));
    let replay = Replay::new(&loaded.state, &foreseen.after);
    let judged = timeout(PATIENCE, concerned(&app, org, &replay, range)).await;
    let late = |_| Problem::new(Code::StoreUnavailable, "the work of this time range could not be judged in time; ask for less");
    let (would_refuse, over_limit) = judged.map_err(late)??;
    Ok(HttpResponse::Ok().json(PreviewBody {
        changes: foreseen.changes.into_iter().map(ChangeBody::from).collect(),
        reverted: foreseen.reverted.into_iter().map(RevertedBody::from).collect(),
        would_refuse: would_refuse.into(),
        over_limit: over_limit.into(),
        as_of: Rfc3339(as_of),
    }))
}

/// What the command does to the tree, as if it came now.
fn foresee(app: &App, call: &Call, loaded: &Loaded<Tree>, command: &Command) -> Result<Preview, Problem> {
    let (env, policy) = (&app.node.env, Policy::default());
    let cause = call.meta(env, BodyHash::of(&[]), None, None);
    let now = env.now();
    let env = DecideEnv { now, occurred_at: now.max(loaded.occurred_at), ids: env, cause: &cause, policy: &policy };
    let decider = app.node.policy_trees.loader().decider();
    tree::preview(decider, &loaded.state, command, &env).map_err(|refusal| problem_of_refusal(&refusal))
}

fn problem_of_refusal(refusal: &Refusal) -> Problem {
    match refusal {
        Refusal::Rejected(rejection) => {
            let faults = rejection.as_faults().into_iter();
            Problem::of_faults(faults.map(|fault| within(fault, rejection.field())).collect())
        }
        Refusal::Recorded(refused) => {
            let code = Code::from_name(refused.code.as_str()).unwrap_or(Code::Internal);
            Problem::field(code, "command.level", refused.to_string())
        }
        Refusal::Broken(broken) => {
            tracing::error!(error = %broken, "a policy tree could not be foreseen");
            Problem::internal()
        }
    }
}

/// A fault of the command as one of this request, whose field `command` it is.
fn within(fault: Fault, field: Option<&'static str>) -> Fault {
    let field = fault.field.as_deref().or(field).map(|field| format!("command.{field}"));
    Fault { field, ..fault }
}

/// The work of the time range that the change would have refused, and that it would have put over the limits.
async fn concerned(app: &App, org: &Org, replay: &Replay, range: (Timestamp, Timestamp)) -> Result<(Sum, Sum), Problem> {
    if !replay.tightens() {
        return Ok(Default::default());
    }
    catch_up(app).await?;
    let scopes = app.node.views.scopes(org, range.0, range.1).await.map_err(unreadable)?;
    let judge = |found: ScopeCount| {
        let line = found.scope.over.unwrap_or(PolicyLevel::Halted);
        replay.reaches(&found.scope.nodes, line).cloned().map(|node| (found, node))
    };
    let (refused, over) = scopes.into_iter().filter_map(judge).partition(|(found, _)| found.scope.over.is_none());
    Ok((sum(app, org, refused, range).await?, sum(app, org, over, range).await?))
}

/// All work of a scope is judged at once, and only the examples are read from the journal.
async fn sum(app: &App, org: &Org, mut judged: Vec<Judged>, range: (Timestamp, Timestamp)) -> Result<Sum, Problem> {
    let mut sum = Sum::default();
    for (found, _) in &judged {
        sum.count(found.scope.kind, found.count);
    }
    // The first examples lie in the scopes that begin first.
    judged.sort_by_key(|(found, _)| found.first);
    judged.truncate(EXAMPLES_MAX);
    for (place, (found, node)) in first_places(app, org, &judged, range).await? {
        let work = work_at(app, place, &found.scope).await?;
        sum.show(Refused { work, node: node.clone() });
    }
    Ok(sum)
}

/// A scope whose work the change concerns, and the node that decides.
type Judged = (ScopeCount, EntityId);

/// Where the first work of these scopes is recorded, in order of time.
async fn first_places<'a>(
    app: &App,
    org: &Org,
    concerned: &'a [Judged],
    range: (Timestamp, Timestamp),
) -> Result<Vec<(WorkPlace, &'a Judged)>, Problem> {
    let mut places = Vec::new();
    for judged in concerned {
        let found = app.node.views.work(org, &judged.0.scope, range, EXAMPLES_MAX).await.map_err(unreadable)?;
        places.extend(found.into_iter().map(|place| (place, judged)));
    }
    places.sort_by_key(|(place, _)| *place);
    places.truncate(EXAMPLES_MAX);
    Ok(places)
}

async fn work_at(app: &App, place: WorkPlace, scope: &WorkScope) -> Result<Work, Problem> {
    let before = place.position.saturating_sub(1);
    let page = app.node.store.read_partition(place.partition, before, 1, &Filter::default()).await;
    let mut events = page.map_err(|error| problem_of_load(&error.into()))?.events;
    let event = events.pop().ok_or_else(Problem::internal)?;
    Ok(Work {
        kind: scope.kind,
        stream: event.stream,
        event_type: event.event_type.into_owned(),
        nodes: scope.nodes.clone(),
        occurred_at: event.occurred_at,
        over: scope.over,
    })
}

/// Waits until the views have taken in all that is recorded by now.
async fn catch_up(app: &App) -> Result<(), Problem> {
    let heads = app.node.store.heads().await.map_err(|error| problem_of_load(&error.into()))?;
    let waited = app.node.views.wait_for(&app.node.env, &heads, CATCH_UP).await;
    waited.map_err(|_| Problem::new(Code::StoreUnavailable, "the lists have not taken in all that is recorded"))
}

fn unreadable(error: ionveil_views::ViewsError) -> Problem {
    tracing::error!(error = %error, "the work could not be read");
    Problem::new(Code::StoreUnavailable, "the work cannot be read now")
}
