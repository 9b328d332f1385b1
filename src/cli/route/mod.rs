//! `ionveil route`: where a running server would send work, and why, over its HTTP interface. It changes nothing.

mod draw;
mod explain;
mod shown;

use super::config::ConfigArgs;
use super::site::Site;
use super::target::ServerArgs;
use super::{load, runtime};
use clap::{Args, Subcommand};
use std::process::ExitCode;

/// See where work would be sent, and why.
#[derive(Args)]
pub struct RouteCommand {
    #[command(flatten)]
    server: ServerArgs,
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Explain the choice of a node of a service, or the way that an intent takes
    Explain(explain::Explain),
}

impl RouteCommand {
    /// Carries it out.
    ///
    /// # Errors
    /// If there is no server, it does not answer, or it refuses: for example because every node is out.
    pub fn run(self, args: &ConfigArgs) -> anyhow::Result<ExitCode> {
        let config = load(args, &[])?;
        runtime::log(&config.logging);
        let site = Site { config, args: self.server };
        runtime::run(|_threads| async move {
            let server = site.server()?;
            match self.action {
                Action::Explain(command) => command.run(&server).await,
            }?;
            Ok(ExitCode::SUCCESS)
        })
    }
}
