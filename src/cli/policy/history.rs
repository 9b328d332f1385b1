//! What a level timeline is made of: the tree as it is, and the audit that says how it became so.

use super::audit::{Record, records};
use super::nodes::Node;
use crate::cli::pages::policy_nodes;
use crate::cli::site;
use crate::remote::Remote;
use anyhow::bail;
use ionveil_kernel::{EntityId, Timestamp};

/// The levels of a tree from one time to another.
pub(super) struct History {
    /// The whole tree as it is now, parents before children.
    pub(super) nodes: Vec<Node>,
    /// The node whose subtree is to be shown; none: all.
    pub(super) top: Option<String>,
    /// What was done meanwhile, oldest first.
    pub(super) records: Vec<Record>,
    /// When it begins; not after `to`.
    pub(super) from: Timestamp,
    /// When it ends.
    pub(super) to: Timestamp,
}

/// Asks for the history since a time, or since the first record.
///
/// The tree is asked for before the audit: what happens in between is then undone in a tree that does not know it yet,
/// which changes nothing. The other way round it would look as if it had always been so.
pub(super) async fn read(server: &Remote, top: Option<&EntityId>, since: Option<Timestamp>, now: Timestamp) -> anyhow::Result<History> {
    let top = top.map(EntityId::as_str);
    if top.is_some() {
        // An unknown node is refused by the server, in its words.
        policy_nodes(server, top).await?;
    }
    let nodes = policy_nodes(server, None).await?.into_iter().map(site::read::<Node>).collect::<Result<Vec<_>, _>>()?;
    let mut found: Vec<Record> = Vec::new();
    records(server, None, since, |record| {
        found.push(site::read(record)?);
        Ok(())
    })
    .await?;
    let (first, last) = (found.first().map(|record| record.time.0), found.last().map(|record| record.time.0));
    let to = last.map_or(now, |last| last.max(now));
    let from = since.or(first).unwrap_or(to);
    if from > to {
        bail!("the history cannot begin in the future");
    }
    Ok(History { nodes, top: top.map(str::to_owned), records: found, from, to })
}
