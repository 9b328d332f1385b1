//! The nodes of this store, as this one knows them, and what other nodes forward to it.

use crate::cluster::{HEARD_PATH, PARCEL_BYTES_MAX, PATH};
use crate::http::answers::Problems;
use crate::http::app::App;
use crate::http::body::{Nothing, Query};
use crate::http::call::Call;
use crate::http::problem::{Code, Problem};
use crate::node::Node;
use actix_web::http::header::AUTHORIZATION;
use actix_web::rt::time::timeout;
use actix_web::web::{Bytes, Data, Payload};
use actix_web::{HttpRequest, HttpResponse, get, post};
use ionveil_actors::Parcel;
use ionveil_journal::{KnownNode, Lease, StoreError};
use ionveil_kernel::Role;
use serde::Serialize;
use std::time::Duration;
use utoipa::ToSchema;
use uuid::Uuid;

/// How long a forwarded command may take to arrive.
const PATIENCE: Duration = Duration::from_secs(10);

/// The nodes and the partitions of a store.
#[derive(Serialize, ToSchema)]
#[schema(as = Cluster)]
pub struct ClusterBody {
    /// The node that answers.
    #[schema(value_type = String, format = "uuid")]
    node: Uuid,
    /// How long a lease lasts.
    #[schema(example = 3000)]
    lease_ms: u64,
    /// Every node that was heard of within the hour, by id.
    nodes: Vec<NodeBody>,
    /// Every partition, by number.
    partitions: Vec<PartitionBody>,
}

/// A node.
#[derive(Serialize, ToSchema)]
#[schema(as = ClusterNode)]
pub struct NodeBody {
    /// Its id, the same for the life of its data directory.
    #[schema(value_type = String, format = "uuid")]
    node: Uuid,
    /// Where the others reach it; absent if they cannot.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "10.0.0.7:8080")]
    address: Option<String>,
    /// Its release.
    release: String,
    /// What it is up to.
    #[schema(pattern = "^(starting|serving|leaving|gone)$", example = "serving")]
    state: &'static str,
    /// For how long it has been there.
    up_s: u64,
    /// How long ago it was heard of last.
    silent_ms: u64,
    /// How many partitions it owns.
    partitions: usize,
}

/// A partition.
#[derive(Serialize, ToSchema)]
#[schema(as = ClusterPartition)]
pub struct PartitionBody {
    /// Its number, from 0.
    partition: u16,
    /// Who owns it; absent if nobody does.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = "uuid")]
    node: Option<Uuid>,
    /// How often it has changed hands.
    epoch: u64,
    /// How long ago its lease was prolonged; absent if nobody owns it.
    #[serde(skip_serializing_if = "Option::is_none")]
    lease_age_ms: Option<u64>,
    /// Its last position.
    head: u64,
    /// How many events of it the lists have not taken in.
    behind: u64,
}

/// The nodes that share this store, and whose its partitions are.
#[utoipa::path(context_path = "/api/v1", tag = "System", responses((status = 200, description = "The cluster", body = ClusterBody), Problems))]
#[get("/system/cluster")]
pub(crate) async fn get_cluster(app: Data<App>, call: Call, _: Query<Nothing>) -> Result<HttpResponse, Problem> {
    call.require(Role::Operator)?;
    let body = cluster(&app.node).await.map_err(|error| {
        tracing::error!(%error, "the nodes cannot be read");
        Problem::new(Code::StoreUnavailable, "the nodes cannot be read now")
    })?;
    Ok(HttpResponse::Ok().json(body))
}

async fn cluster(node: &Node) -> Result<ClusterBody, StoreError> {
    let (store, journal) = (&node.store, &node.journal);
    let (nodes, leases, heads) = (store.nodes().await?, store.leases().await?, store.heads().await?);
    let read = node.views_status.borrow().positions.clone();
    let partition = |lease: &Lease| {
        let at = usize::from(lease.partition);
        let head = heads.get(at).copied().unwrap_or_default();
        let owner = lease.node.filter(|_| !lease.remaining.is_zero());
        PartitionBody {
            partition: lease.partition,
            node: owner.map(|node| node.0),
            epoch: lease.epoch,
            lease_age_ms: owner.map(|_| millis(journal.lease().saturating_sub(lease.remaining))),
            head,
            behind: head.saturating_sub(read.get(at).copied().unwrap_or_default()),
        }
    };
    let mut nodes: Vec<NodeBody> = nodes.iter().map(|known| node_body(known, &leases)).collect();
    if nodes.iter().all(|known| known.node != journal.node().0) {
        nodes.push(alone(node, &leases));
    }
    Ok(ClusterBody { node: journal.node().0, lease_ms: millis(journal.lease()), nodes, partitions: leases.iter().map(partition).collect() })
}

fn node_body(known: &KnownNode, leases: &[Lease]) -> NodeBody {
    let member = &known.member;
    NodeBody {
        node: member.node.0,
        address: Some(member.address.clone()).filter(|address| !address.is_empty()),
        release: member.release.clone(),
        state: if known.live() { known.standing.as_str() } else { "gone" },
        up_s: known.up_for.as_secs(),
        silent_ms: millis(known.silent_for),
        partitions: leases.iter().filter(|lease| lease.node == Some(member.node) && !lease.remaining.is_zero()).count(),
    }
}

/// A node that has its store for itself makes itself known to nobody.
fn alone(node: &Node, leases: &[Lease]) -> NodeBody {
    NodeBody {
        node: node.journal.node().0,
        address: None,
        release: env!("CARGO_PKG_VERSION").to_owned(),
        state: "serving",
        up_s: node.env.monotonic().saturating_sub(node.opened_at).as_secs(),
        silent_ms: millis(node.journal.lease_age()),
        partitions: leases.iter().filter(|lease| lease.node == Some(node.journal.node())).count(),
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Carries out what another node of this store has forwarded. Not part of the contract: releases may change its form.
#[post("/cluster/commands")]
pub(crate) async fn take_parcel(app: Data<App>, request: HttpRequest, payload: Payload) -> Result<HttpResponse, Problem> {
    debug_assert_eq!(request.path(), PATH);
    let body = from_a_node(&app, &request, payload).await?;
    let parcel: Parcel =
        serde_json::from_slice(&body).map_err(|error| Problem::new(Code::BadRequest, format!("it is no forwarded command: {error}")))?;
    Ok(HttpResponse::Ok().json(app.node.runtime.receive(parcel).await))
}

/// Answers once this node knows what is committed by now, for another node of this store, which answers a caller only then. Whoever
/// repeats it learns nothing and changes nothing.
#[post("/cluster/heard")]
pub(crate) async fn say_heard(app: Data<App>, request: HttpRequest, payload: Payload) -> Result<HttpResponse, Problem> {
    debug_assert_eq!(request.path(), HEARD_PATH);
    let _nothing = from_a_node(&app, &request, payload).await?;
    match timeout(PATIENCE, app.node.runtime.hear()).await {
        Ok(true) => Ok(HttpResponse::NoContent().finish()),
        Ok(false) | Err(_) => Err(Problem::new(Code::StoreUnavailable, "what is committed cannot be read now")),
    }
}

/// The body that another node of this store has sent. Nothing is read of it before the credential has said whose it is.
pub(crate) async fn from_a_node(app: &App, request: &HttpRequest, payload: Payload) -> Result<Bytes, Problem> {
    let no_others = || Problem::new(Code::NotFound, "this server has its store for itself");
    let secret = app.node.link.as_ref().map(|link| link.secret()).ok_or_else(no_others)?;
    let credential = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let refuse = || Problem::new(Code::Unauthenticated, "this is for the nodes of the same store only");
    let sealed = credential.and_then(|credential| secret.open(credential)).ok_or_else(refuse)?;
    let received = timeout(PATIENCE, payload.to_bytes_limited(PARCEL_BYTES_MAX)).await;
    let body = received.ok().and_then(Result::ok).and_then(Result::ok);
    let body = body.ok_or_else(|| Problem::new(Code::BodyTooLarge, "the command did not arrive in time, or is too large"))?;
    if sealed.is(&body) { Ok(body) } else { Err(refuse()) }
}
