//! Lists of a server, read page by page.

use super::site::read;
use super::target::SendError;
use crate::remote::Remote;
use serde::Deserialize;
use serde_json::Value;

const SIZE: &str = "500";
/// How often a list is begun anew that changes while it is read.
const TRIES_MAX: usize = 5;

#[derive(Deserialize)]
struct Page {
    items: Vec<Value>,
    next_cursor: Option<String>,
}

/// Takes every item of a list.
pub(super) async fn each(
    server: &Remote,
    path: &[&str],
    query: &[(&str, &str)],
    mut take: impl FnMut(Value) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let mut cursor: Option<String> = None;
    loop {
        let mut query: Vec<_> = query.iter().copied().chain([("page_size", SIZE)]).collect();
        query.extend(cursor.as_deref().map(|cursor| ("cursor", cursor)));
        let page: Page = read(server.get(path, &query).await?)?;
        page.items.into_iter().try_for_each(&mut take)?;
        match page.next_cursor {
            Some(next) => cursor = Some(next),
            None => return Ok(()),
        }
    }
}

/// The nodes of a policy tree or of a part of it, parents before children, all as they were at one version: when the tree
/// changes between two pages, its server refuses the cursor.
pub(super) async fn policy_nodes(server: &Remote, root: Option<&str>) -> anyhow::Result<Vec<Value>> {
    let query: Vec<_> = root.map(|root| ("root", root)).into_iter().collect();
    let mut tries = 1..=TRIES_MAX;
    loop {
        let mut nodes = Vec::new();
        let take = |node| {
            nodes.push(node);
            Ok(())
        };
        let ended = each(server, &["policy", "nodes"], &query, take).await;
        match ended {
            Err(error) if changed_meanwhile(&error) && tries.next().is_some() => {}
            Err(error) => return Err(error),
            Ok(()) => return Ok(nodes),
        }
    }
}

fn changed_meanwhile(error: &anyhow::Error) -> bool {
    error.downcast_ref::<SendError>().is_some_and(|error| error.code.as_deref() == Some("invalid_cursor"))
}
