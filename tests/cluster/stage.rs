//! Where these tests play: a database and some servers on it, each with a data directory of its own.

use crate::crash::callers::Callers;
use crate::crash::ledger::Ending;
use crate::crash::scene::{Ground, Scene, unpooled, until};
use crate::crash::seed::Seed;
use crate::support::postgres::{Database, Postgres};
use crate::support::server::Server;
use reqwest::Method;
use serde_json::Value;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::block_in_place;

const CALLERS: u64 = 8;
/// The usual one.
const LEASE: Duration = Duration::from_secs(3);
/// So many that each of three servers gets some: of 16, one in two hundred times, one gets none.
pub(crate) const PARTITIONS: u64 = 32;

pub(crate) struct Stage {
    pub(crate) database: Database,
    pub(crate) scene: Arc<Scene>,
    pub(crate) seed: Seed,
    /// What the servers are configured with.
    config: String,
    /// Asks also those that were frozen.
    pub(crate) client: reqwest::Client,
}

/// The section `[store]`, with `more` in it.
pub(crate) fn store(more: &str) -> String {
    format!("[store]\npartitions = {PARTITIONS}\n{more}\n")
}

/// A server and its data directory.
pub(crate) struct Node {
    pub(crate) ground: Ground,
    pub(crate) server: Server,
}

impl Stage {
    pub(crate) fn new(name: &str) -> Self {
        Self::on(block_in_place(Postgres::shared).database(), Scene::new(), name)
    }

    pub(crate) fn on(database: Database, scene: Scene, name: &str) -> Self {
        Self { database, scene: Arc::new(scene), seed: Seed::of(name), config: store(""), client: unpooled() }
    }

    /// With another lease than the usual one.
    pub(crate) fn with_lease(self, lease: Duration) -> Self {
        Self { config: store(&format!("lease_ms = {}", lease.as_millis())), ..self }
    }

    /// Starts one more server.
    pub(crate) fn node(&self) -> Node {
        let ground = Ground::new(Some(self.database.url.clone()), &self.config);
        let server = ground.serve();
        Node { ground, server }
    }

    /// Three servers that share the partitions, the last one with the most of them.
    pub(crate) async fn three(&self) -> [Node; 3] {
        let mut nodes = [self.node(), self.node(), self.node()];
        self.until_shared(&nodes[0], 3).await;
        let cluster = self.cluster(&nodes[0]).await;
        let known = cluster["nodes"].as_array().expect("nodes");
        let of = |node: &Node| known.iter().find(|known| known["address"] == node.server.address.as_str());
        nodes.sort_by_key(|node| of(node).and_then(|known| known["partitions"].as_u64()));
        self.scene.lead_to_all(nodes.iter().map(|node| &node.server));
        nodes
    }

    pub(crate) fn callers(&mut self) -> Callers {
        Callers::start(&self.scene, "caller", CALLERS, &mut self.seed)
    }

    /// Asks a server for something below `/api/v1`; says with which status and body it answered.
    pub(crate) async fn send(&self, node: &Node, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
        let request = self.client.request(method, node.server.url(&format!("/api/v1{path}")));
        let request = body.into_iter().fold(request, |request, body| request.json(&body));
        let answer = request.send().await.expect("an answer");
        (answer.status().as_u16(), answer.json().await.unwrap_or_default())
    }

    /// What a server says of the cluster, as soon as it answers: one that has just woken drops connections of before.
    pub(crate) async fn cluster(&self, node: &Node) -> Value {
        let mut seen = Value::Null;
        until(async || match self.scene.client.get(node.server.url("/api/v1/system/cluster")).send().await {
            Ok(answer) if answer.status() == 200 => {
                seen = answer.json().await.unwrap_or_default();
                !seen.is_null()
            }
            Ok(_) | Err(_) => false,
        })
        .await;
        seen
    }

    /// Waits until this many servers serve and each partition is owned by one of them, about evenly.
    pub(crate) async fn until_shared(&self, node: &Node, count: usize) {
        until(async || {
            let cluster = self.cluster(node).await;
            let nodes: Vec<_> = cluster["nodes"].as_array().expect("nodes").iter().filter(|node| node["state"] == "serving").collect();
            let owned: u64 = nodes.iter().map(|node| node["partitions"].as_u64().expect("a number")).sum();
            nodes.len() == count && owned == PARTITIONS && nodes.iter().all(|node| node["partitions"] != 0)
        })
        .await;
    }

    /// The same, and for a lease nothing has moved: what moves is in nobody's memory.
    pub(crate) async fn until_settled(&self, node: &Node, count: usize) {
        self.until_shared(node, count).await;
        let (mut owners, mut since) = (Vec::new(), Instant::now());
        while since.elapsed() < LEASE {
            let cluster = self.cluster(node).await;
            let now: Vec<Value> = cluster["partitions"].as_array().expect("partitions").iter().map(|one| one["node"].clone()).collect();
            if now != owners {
                (owners, since) = (now, Instant::now());
            }
            tokio::time::sleep(LEASE / 30).await;
        }
    }

    /// The longest that a caller waited since, of those who were answered since.
    pub(crate) fn longest_since(&self, since: Instant) -> Duration {
        let ledger = self.scene.ledger.lock();
        let waits = ledger.entries.iter().filter_map(|(asked, ending)| match ending {
            Ending::Acknowledged { at, .. } if *at >= since => Some(*at - asked.sent.max(since)),
            _ => None,
        });
        waits.max().unwrap_or_default()
    }

    /// How often callers were set back.
    pub(crate) fn setbacks(&self) -> u64 {
        self.scene.setbacks.lock().values().sum()
    }
}
