//! `ionveil system`: what an operator sees and does at a running server, over its HTTP interface.
//!
//! It opens no store: queues, restarts and quarantines are in the memory of the process that serves.

mod draw;
mod letters;
mod resume;
mod tree;

use super::config::ConfigArgs;
use super::site::Site;
use super::target::ServerArgs;
use super::{load, runtime};
use clap::{Args, Subcommand};
use std::process::ExitCode;

/// Look at what runs in a server, and mend it.
#[derive(Args)]
pub struct SystemCommand {
    #[command(flatten)]
    server: ServerArgs,
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Draw the tree of supervisors and entities
    Tree(tree::TreeArgs),
    /// List commands that a decider failed on twice, show one, replay or discard them
    DeadLetters(letters::DeadLetters),
    /// Take an entity out of quarantine
    Resume(resume::Resume),
    /// Carry out dead letters once more (as `dead-letters replay`)
    Replay(letters::Replay),
    /// Throw dead letters away (as `dead-letters discard`)
    Discard(letters::Discard),
}

impl SystemCommand {
    /// Carries it out; exit code 1 if something of it went otherwise.
    ///
    /// # Errors
    /// If there is no server, it does not answer, or it refuses.
    pub fn run(self, args: &ConfigArgs) -> anyhow::Result<ExitCode> {
        let config = load(args, &[])?;
        runtime::log(&config.logging);
        let site = Site { config, args: self.server };
        runtime::run(|threads| async move {
            match self.action {
                Action::Tree(command) => command.run(&site, &threads.env).await,
                Action::DeadLetters(command) => command.run(&site.server()?).await,
                Action::Resume(command) => command.run(&site.server()?).await,
                Action::Replay(command) => command.run(&site.server()?).await,
                Action::Discard(command) => command.run(&site.server()?).await,
            }
        })
    }
}
