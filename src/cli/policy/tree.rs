//! `ionveil policy tree`: the tree with the levels in force, or how they were over time.

use super::draw::draw;
use super::nodes::Node;
use super::{history, timeline};
use crate::cli::output;
use crate::cli::pages::policy_nodes;
use crate::cli::site::read;
use crate::cli::table::Look;
use crate::remote::Remote;
use clap::Args;
use ionveil_kernel::{EntityId, Env, Timestamp};

/// Draw the tree: the level in force at each node, who decided it, why and until when.
#[derive(Args)]
pub(super) struct TreeArgs {
    /// Only this node and what is below it
    node: Option<EntityId>,
    /// Draw the levels over time, as the audit has them: a row a node, in the form that the tree has now
    #[arg(long)]
    history: bool,
    /// Begin the history then (RFC 3339) [default: with the first record]
    #[arg(long, requires = "history", value_parser = crate::cli::parse_time)]
    since: Option<Timestamp>,
    /// One node a line, as JSON
    #[arg(long, conflicts_with = "history")]
    json: bool,
}

impl TreeArgs {
    pub(super) async fn run(self, server: &Remote, env: &Env) -> anyhow::Result<()> {
        if self.history {
            let history = history::read(server, self.node.as_ref(), self.since, env.now()).await?;
            return timeline::draw(&history, Look::here()).iter().try_for_each(output::line);
        }
        let nodes = policy_nodes(server, self.node.as_ref().map(EntityId::as_str)).await?;
        if self.json {
            return nodes.iter().try_for_each(output::line);
        }
        let nodes = nodes.into_iter().map(read::<Node>).collect::<Result<Vec<_>, _>>()?;
        draw(&nodes, Look::here()).iter().try_for_each(output::line)
    }
}
