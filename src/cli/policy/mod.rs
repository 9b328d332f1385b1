//! `ionveil policy`: the policy tree of a running server, over its HTTP interface: who is on which level and why, changes,
//! what they would do, and what was changed.
//!
//! It opens no store: a level that is not known to the process that serves would stop nobody.

mod audit;
mod change;
mod draw;
mod history;
mod nodes;
mod preview;
mod timeline;
mod tree;

use super::config::ConfigArgs;
use super::site::Site;
use super::target::ServerArgs;
use super::{load, runtime};
use clap::{Args, Subcommand};
use std::process::ExitCode;

/// Look at the policy tree of a server, and change it.
#[derive(Args)]
pub struct PolicyCommand {
    #[command(flatten)]
    server: ServerArgs,
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Draw the tree: the level in force at each node, who decided it, why and until when
    Tree(tree::TreeArgs),
    /// Make a node stricter than its parent, or its override another one
    Set(change::Answered<change::Set>),
    /// Take a node's override away
    Clear(change::Answered<change::Clear>),
    /// Put the whole tree on a level
    Root(change::Answered<change::Root>),
    /// Show what a change would do, without doing it
    Preview(preview::Preview),
    /// List who changed which level, oldest first
    Audit(audit::Audit),
    /// Add a node
    Add(change::Answered<change::Add>),
    /// Put a node, with all below it, under another parent
    Move(change::Answered<change::Move>),
    /// Remove a node that has none below it
    Remove(change::Answered<change::Remove>),
}

impl PolicyCommand {
    /// Carries it out.
    ///
    /// # Errors
    /// If there is no server, it does not answer, or it refuses.
    pub fn run(self, args: &ConfigArgs) -> anyhow::Result<ExitCode> {
        let config = load(args, &[])?;
        runtime::log(&config.logging);
        let site = Site { config, args: self.server };
        runtime::run(|threads| async move {
            let (server, env) = (site.server()?, &threads.env);
            match self.action {
                Action::Tree(command) => command.run(&server, env).await,
                Action::Set(command) => command.run(&server, env).await,
                Action::Clear(command) => command.run(&server, env).await,
                Action::Root(command) => command.run(&server, env).await,
                Action::Preview(command) => command.run(&server, env).await,
                Action::Audit(command) => command.run(&server).await,
                Action::Add(command) => command.run(&server, env).await,
                Action::Move(command) => command.run(&server, env).await,
                Action::Remove(command) => command.run(&server, env).await,
            }?;
            Ok(ExitCode::SUCCESS)
        })
    }
}
