//! `ionveil channels`: the channels of a running server, over its HTTP interface: a table of where each stands, and a message
//! over one to try it out.

mod draw;
mod test;

use super::board::BoardArgs;
use super::config::ConfigArgs;
use super::site::{Site, read};
use super::target::ServerArgs;
use super::{load, pages, runtime};
use crate::remote::Remote;
use clap::{Args, Subcommand};
use draw::{Channel, draw};
use serde_json::Value;
use std::process::ExitCode;

/// Look at the channels of a server, and try one out.
#[derive(Args)]
pub struct ChannelsCommand {
    #[command(flatten)]
    server: ServerArgs,
    #[command(flatten)]
    board: BoardArgs,
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
                None => self.board.run(&site, &threads.env, fetch, lines).await,
                Some(Action::Test(command)) => command.run(&site.server()?).await,
            }
        })
    }
}

async fn fetch(server: &Remote) -> anyhow::Result<Vec<Value>> {
    let mut all = Vec::new();
    let take = |channel| {
        all.push(channel);
        Ok(())
    };
    pages::each(server, &["channels"], &[], take).await?;
    Ok(all)
}

fn lines(all: Vec<Value>, now: ionveil_kernel::Timestamp, look: super::table::Look) -> anyhow::Result<Vec<String>> {
    let channels = all.into_iter().map(read::<Channel>).collect::<anyhow::Result<Vec<_>>>()?;
    Ok(draw(&channels, now, look))
}
