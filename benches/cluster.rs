//! Three servers on one Postgres against one on the same cores: callers at the node that owns their workflow, callers anywhere, and
//! what it adds to an answer that a command is forwarded.
//!
//! `cargo bench --bench cluster [-- SECONDS]`

#![allow(clippy::disallowed_methods, reason = "a benchmark brings its own clock and tasks")]

#[path = "support/server.rs"]
mod server;
mod support;

use ionveil_kernel::StreamId;
use reqwest::Client;
use serde_json::{Value, json};
use server::Server;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use support::{Figure, head, on_runtime, postgres::Postgres, ratio, row};
use tempfile::TempDir;

const CALLERS: usize = 64;
const RUNS: usize = 3;
const TRIPS: usize = 400;
/// Nothing has moved for so long.
const SETTLED: Duration = Duration::from_secs(3);
const MACHINE: &str = "[machines.rounds]\ninitial = \"called\"\nstates = [{ name = \"called\", to = [\"moving\"] }, { name = \"moving\", to = [\"called\", \"over\"] }, { name = \"over\" }]\n";

/// Servers on one database.
struct Cluster {
    servers: Vec<(Server, TempDir)>,
    client: Client,
    /// The address of the owner by partition.
    owners: BTreeMap<u64, String>,
}

impl Cluster {
    async fn of(count: usize) -> Self {
        let url = Postgres::shared().database().url;
        let start = || {
            let folder = tempfile::tempdir().expect("a folder");
            (Server::start(folder.path(), Some(&url), MACHINE), folder)
        };
        let servers: Vec<_> = (0..count).map(|_| start()).collect();
        let mut cluster = Self { servers, client: ionveil::web::client().build().expect("a client"), owners: BTreeMap::new() };
        // Nodes that come one after the other move partitions several times.
        let mut since = Instant::now();
        while cluster.owners.len() < 16 || cluster.busy() < count || since.elapsed() < SETTLED {
            tokio::time::sleep(Duration::from_millis(50)).await;
            let before = cluster.owners.clone();
            cluster.look().await;
            since = if cluster.owners == before { since } else { Instant::now() };
        }
        cluster
    }

    fn busy(&self) -> usize {
        self.owners.values().collect::<std::collections::BTreeSet<_>>().len()
    }

    async fn look(&mut self) {
        let url = format!("http://{}/api/v1/system/cluster", self.servers[0].0.address);
        let seen: Value = self.client.get(url).send().await.expect("an answer").json().await.expect("JSON");
        let address = |id: &Value| {
            let nodes = seen["nodes"].as_array().expect("nodes");
            nodes.iter().find(|node| node["node"] == *id).and_then(|node| node["address"].as_str()).map(str::to_owned)
        };
        let partitions = seen["partitions"].as_array().expect("partitions").iter();
        self.owners = partitions.filter_map(|one| Some((one["partition"].as_u64()?, address(&one["node"])?))).collect();
    }

    fn owner(&self, workflow: &str) -> String {
        let stream: StreamId = format!("workflow:default:{workflow}").parse().expect("lawful");
        self.owners[&u64::from(stream.partition(16))].clone()
    }

    fn another(&self, workflow: &str) -> String {
        let owner = self.owner(workflow);
        let other = self.servers.iter().find(|(server, _)| server.address != owner);
        other.map_or(owner, |(server, _)| server.address.clone())
    }
}

async fn post(client: &Client, address: &str, path: &str, body: &Value) {
    let answer = client.post(format!("http://{address}/api/v1/workflows{path}")).json(body).send().await.expect("an answer");
    assert!(answer.status().is_success(), "{path}: {}", answer.status());
}

async fn round(client: &Client, address: &str, workflow: &str, number: usize) {
    let to = ["moving", "called"][number % 2];
    post(client, address, &format!("/{workflow}/transitions"), &json!({ "to": to })).await;
}

/// Transitions in a second of callers who each have a workflow of their own; `at` says whom they ask.
async fn rate(cluster: &Arc<Cluster>, salt: &str, window: Duration, at: impl Fn(&Cluster, usize, &str) -> String) -> f64 {
    let (done, started) = (Arc::new(AtomicU64::new(0)), Instant::now());
    let callers = (0..CALLERS).map(|caller| {
        let (workflow, cluster, done) = (format!("{salt}-{caller}"), cluster.clone(), done.clone());
        let address = at(&cluster, caller, &workflow);
        tokio::spawn(async move {
            let client = ionveil::web::client().build().expect("a client");
            post(&client, &address, "", &json!({ "id": workflow, "machine": "rounds" })).await;
            let mut number = 0;
            while started.elapsed() < window {
                round(&client, &address, &workflow, number).await;
                done.fetch_add(1, Ordering::Relaxed);
                number += 1;
            }
        })
    });
    for caller in callers.collect::<Vec<_>>() {
        caller.await.expect("a caller");
    }
    done.load(Ordering::Relaxed) as f64 / started.elapsed().as_secs_f64()
}

/// The middle answer of one caller in milliseconds, at the owner and elsewhere, in turns.
async fn trips(cluster: &Cluster) -> (f64, f64) {
    let (workflow, mut near, mut far) = ("trips", vec![], vec![]);
    let (owner, another) = (cluster.owner(workflow), cluster.another(workflow));
    post(&cluster.client, &owner, "", &json!({ "id": workflow, "machine": "rounds" })).await;
    for number in 0..TRIPS {
        for (address, taken) in [(&owner, &mut near), (&another, &mut far)] {
            let began = Instant::now();
            round(&cluster.client, address, workflow, 2 * number + usize::from(address == &another)).await;
            taken.push(began.elapsed().as_secs_f64() * 1e3);
        }
    }
    (Figure::new(near).median(), Figure::new(far).median())
}

fn main() {
    let seconds = std::env::args().skip(1).find_map(|word| word.parse().ok()).unwrap_or(4);
    on_runtime(async |_| compare(Duration::from_secs(seconds)).await);
}

async fn compare(window: Duration) {
    let (mut one, mut owning, mut any, mut near, mut far) = (vec![], vec![], vec![], vec![], vec![]);
    for _ in 0..RUNS {
        let alone = Arc::new(Cluster::of(1).await);
        one.push(rate(&alone, "one", window, |cluster, _, workflow| cluster.owner(workflow)).await);
        drop(alone);
        let three = Arc::new(Cluster::of(3).await);
        owning.push(rate(&three, "owning", window, |cluster, _, workflow| cluster.owner(workflow)).await);
        any.push(rate(&three, "any", window, |cluster, caller, _| cluster.servers[caller % 3].0.address.clone()).await);
        let (at_owner, elsewhere) = trips(&three).await;
        near.push(at_owner);
        far.push(elsewhere);
    }
    let alone = Figure::new(one.clone()).to_string();
    let figure = |values: &[f64]| Figure::new(values.to_vec()).to_string();
    head("three nodes on one Postgres", "transitions/s", "one node, transitions/s");
    row("callers at the owner", &figure(&owning), &alone, &format!("{:.2}", ratio(&owning, &one)));
    row("callers anywhere", &figure(&any), &alone, &format!("{:.2}", ratio(&any, &one)));
    let added: Vec<f64> = near.iter().zip(&far).map(|(near, far)| far - near).collect();
    head("one caller", "ms p50", "at the owner, ms p50");
    row("forwarding adds", &figure(&added), &figure(&near), "");
}
