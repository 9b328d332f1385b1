//! The policy tree of an organisation, read and added to: through a server, or on a node of one's own.

use super::{SendError, Sent, Target, again, judged, meta};
use crate::cli::pages::policy_nodes;
use crate::cli::site;
use crate::import::ZoneNode;
use crate::node::Node;
use crate::remote::Remote;
use ionveil_kernel::{BodyHash, Caller, EntityId, Org};
use ionveil_policy::tree::{Command, NewNode, NodeKind, stream};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What a node is, and where.
#[derive(Clone, Debug, Deserialize)]
pub(in crate::cli) struct Standing {
    pub(in crate::cli) kind: NodeKind,
    pub(in crate::cli) parent: Option<EntityId>,
}

#[derive(Deserialize)]
struct Item {
    id: EntityId,
    #[serde(flatten)]
    standing: Standing,
}

/// Every node of the tree.
///
/// # Errors
/// If it cannot be read.
pub(in crate::cli) async fn standing(target: &Target) -> anyhow::Result<BTreeMap<EntityId, Standing>> {
    match target {
        Target::Here { node, caller, .. } => Ok(here(node, &caller.org)),
        Target::There(server) => there(server).await,
    }
}

fn here(node: &Node, org: &Org) -> BTreeMap<EntityId, Standing> {
    let tree = node.trees.of(org);
    tree.all().map(|node| (node.id().clone(), Standing { kind: node.kind(), parent: node.parent().cloned() })).collect()
}

async fn there(server: &Remote) -> anyhow::Result<BTreeMap<EntityId, Standing>> {
    let nodes = policy_nodes(server, None).await?.into_iter().map(site::read::<Item>);
    nodes.map(|node| node.map(|node| (node.id, node.standing))).collect()
}

/// Adds a node; tried again while that may help.
///
/// # Errors
/// [`SendError`] if that did not help.
pub(in crate::cli) async fn add(target: &Target, node: &ZoneNode, key: &str) -> Result<Sent, SendError> {
    again(|| async {
        match target {
            Target::Here { node: host, caller, .. } => add_here(host, caller, node, key).await,
            Target::There(server) => server.command(&["policy", "nodes"], &form(node), key).await,
        }
    })
    .await
}

/// Adds nodes, all or none; tried again while that may help.
///
/// # Errors
/// [`SendError`] if that did not help.
pub(in crate::cli) async fn add_all(target: &Target, nodes: &[&ZoneNode], key: &str) -> Result<Sent, SendError> {
    again(|| async {
        match target {
            Target::Here { node: host, caller, .. } => {
                let nodes = nodes.iter().map(|node| NewNode { node: node.id.clone(), kind: node.kind, parent: node.parent.clone() });
                ask_here(host, caller, Command::AddNodes { nodes: nodes.collect() }, key).await
            }
            Target::There(server) => {
                let forms: Vec<_> = nodes.iter().map(|node| form(node)).collect();
                server.command(&["policy", "nodes"], &json!(forms), key).await
            }
        }
    })
    .await
}

fn form(node: &ZoneNode) -> Value {
    let mut form = json!({ "id": node.id, "kind": node.kind });
    if let Some(parent) = &node.parent {
        form["parent"] = json!(parent);
    }
    form
}

async fn add_here(host: &Node, caller: &Caller, node: &ZoneNode, key: &str) -> Result<Sent, SendError> {
    let command = Command::AddNode { node: node.id.clone(), kind: node.kind, parent: node.parent.clone() };
    ask_here(host, caller, command, key).await
}

async fn ask_here(host: &Node, caller: &Caller, command: Command, key: &str) -> Result<Sent, SendError> {
    let owner = stream(&caller.org).map_err(|error| SendError::new(error, false))?;
    let hash = BodyHash::of(&[json!(command).to_string().as_bytes()]);
    judged(host.policy_trees.ask(owner, command, meta(&host.env, caller, key, hash)).await)
}
