//! `ionveil channels`: the channels of a running server, over its HTTP interface: a table of where each stands, and a message
//! over one to try it out.

mod draw;
mod table;
mod test;

use super::board::BoardArgs;
use super::config::ConfigArgs;
use super::site::Site;
use super::target::ServerArgs;
use super::{load, runtime};
use clap::{Args, Subcommand};
use std::process::ExitCode;

/// Look at the channels of a server, and try one out.
#[derive(Args)]
pub struct ChannelsCommand {
    #[command(flatten)]
    server: ServerArgs,
    #[command(flatten)]
    shown: BoardArgs,
    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Subcommand)]
enum Action {
    /// Send a message over a channel, whatever its breaker says; nothing of it counts
    Test(test::Test),
}

impl ChannelsCommand {
    /// Carries it out; exit code 1 if a message was not delivered.
    ///
    /// # Errors
    /// If there is no server, it does not answer, or it refuses.
    pub fn run(self, args: &ConfigArgs) -> anyhow::Result<ExitCode> {
        let config = load(args, &[])?;
        runtime::log(&config.logging);
        let site = Site { config, args: self.server };
        runtime::run(|threads| async move {
            match self.action {
                None => self.shown.show(&table::Channels, &site, &threads.env).await,
                Some(Action::Test(command)) => command.run(&site.server()?).await,
            }
        })
    }
}
