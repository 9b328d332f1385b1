//! `ionveil cluster`: the nodes that share a store with a running server, and whose its partitions are.

use super::board::BoardArgs;
use super::config::ConfigArgs;
use super::site::{Site, read};
use super::table::{self, Look};
use super::target::ServerArgs;
use super::{load, runtime};
use crate::remote::Remote;
use clap::Args;
use console::Style;
use serde::Deserialize;
use serde_json::Value;
use std::process::ExitCode;
use uuid::Uuid;

const NODES: [&str; 7] = ["NODE", "STATE", "PARTITIONS", "UP S", "SILENT MS", "RELEASE", "ADDRESS"];
const PARTITIONS: [&str; 6] = ["PARTITION", "EPOCH", "LEASE AGE MS", "HEAD", "BEHIND", "NODE"];

/// Look at the nodes that share a store, and whose its partitions are.
#[derive(Args)]
pub struct ClusterCommand {
    #[command(flatten)]
    server: ServerArgs,
    #[command(flatten)]
    shown: BoardArgs,
}

#[derive(Deserialize)]
struct Cluster {
    node: Uuid,
    nodes: Vec<Node>,
    partitions: Vec<Partition>,
}

#[derive(Deserialize)]
struct Node {
    node: Uuid,
    address: Option<String>,
    release: String,
    state: String,
    up_s: u64,
    silent_ms: u64,
    partitions: usize,
}

#[derive(Deserialize)]
struct Partition {
    partition: u16,
    node: Option<Uuid>,
    epoch: u64,
    lease_age_ms: Option<u64>,
    head: u64,
    behind: u64,
}

async fn fetch(server: &Remote) -> anyhow::Result<Vec<Value>> {
    Ok(vec![server.get(&["system", "cluster"], &[]).await?])
}

impl ClusterCommand {
    /// Carries it out.
    ///
    /// # Errors
    /// If there is no server, it does not answer, or it refuses.
    pub fn run(self, args: &ConfigArgs) -> anyhow::Result<ExitCode> {
        let config = load(args, &[])?;
        runtime::log(&config.logging);
        let site = Site { config, args: self.server };
        let lines = |answers: Vec<Value>, _now, look: Look| {
            let clusters = answers.into_iter().map(read::<Cluster>).collect::<anyhow::Result<Vec<_>>>()?;
            Ok(clusters.iter().flat_map(|cluster| draw(cluster, look)).collect())
        };
        runtime::run(|threads| async move { self.shown.run(&site, &threads.env, fetch, lines).await })
    }
}

fn draw(cluster: &Cluster, look: Look) -> Vec<String> {
    let head = table::Row { cells: NODES.map(str::to_owned), colour: None };
    let nodes: Vec<_> = std::iter::once(head).chain(cluster.nodes.iter().map(|node| node_row(node, cluster.node))).collect();
    let head = table::Row { cells: PARTITIONS.map(str::to_owned), colour: None };
    let partitions: Vec<_> = std::iter::once(head).chain(cluster.partitions.iter().map(partition_row)).collect();
    let mut lines = table::lines(&nodes, 2..5, look);
    lines.push(String::new());
    lines.extend(table::lines(&partitions, 0..5, look));
    lines
}

fn node_row(node: &Node, asked: Uuid) -> table::Row<{ NODES.len() }> {
    let mark = if node.node == asked { "*" } else { "" };
    let cells = [
        format!("{}{mark}", node.node),
        node.state.clone(),
        node.partitions.to_string(),
        node.up_s.to_string(),
        node.silent_ms.to_string(),
        node.release.clone(),
        node.address.clone().unwrap_or_else(|| "-".to_owned()),
    ];
    let style = match node.state.as_str() {
        "serving" => Style::new().green(),
        "gone" => Style::new().red(),
        _on_its_way => Style::new().yellow(),
    };
    table::Row { cells, colour: Some((1, style)) }
}

fn partition_row(partition: &Partition) -> table::Row<{ PARTITIONS.len() }> {
    let cells = [
        partition.partition.to_string(),
        partition.epoch.to_string(),
        partition.lease_age_ms.map_or_else(|| "-".to_owned(), |age| age.to_string()),
        partition.head.to_string(),
        partition.behind.to_string(),
        partition.node.map_or_else(|| "nobody".to_owned(), |node| node.to_string()),
    ];
    table::Row { cells, colour: partition.node.is_none().then(|| (5, Style::new().red())) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn nodes_and_partitions_have_a_line_each() {
        let (one, two) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let cluster: Cluster = serde_json::from_value(json!({
            "node": one,
            "nodes": [
                {"node": one, "address": "10.0.0.1:80", "release": "0.1.0", "state": "serving", "up_s": 61, "silent_ms": 240, "partitions": 1},
                {"node": two, "release": "0.1.0", "state": "gone", "up_s": 7, "silent_ms": 9000, "partitions": 0},
            ],
            "partitions": [
                {"partition": 0, "node": one, "epoch": 3, "lease_age_ms": 240, "head": 12, "behind": 0},
                {"partition": 1, "epoch": 2, "head": 5, "behind": 1},
            ],
        }))
        .unwrap();
        let expected = [
            "NODE                                   STATE    PARTITIONS  UP S  SILENT MS  RELEASE  ADDRESS",
            "00000000-0000-0000-0000-000000000001*  serving           1    61        240  0.1.0    10.0.0.1:80",
            "00000000-0000-0000-0000-000000000002   gone              0     7       9000  0.1.0    -",
            "",
            "PARTITION  EPOCH  LEASE AGE MS  HEAD  BEHIND  NODE",
            "        0      3           240    12       0  00000000-0000-0000-0000-000000000001",
            "        1      2             -     5       1  nobody",
        ];
        assert_eq!(draw(&cluster, Look::default()), expected);
    }
}
