//! A picture of something at a server, once or again and again.

use super::output;
use super::screen::Screen;
use super::site::Site;
use super::table::Look;
use crate::remote::Remote;
use clap::Args;
use ionveil_kernel::Env;
use std::process::ExitCode;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// How often it is drawn.
const EVERY: Duration = Duration::from_secs(1);

/// How it is shown.
#[derive(Args)]
pub(super) struct BoardArgs {
    /// Draw it again each second until Ctrl-C
    #[arg(long, short)]
    pub(super) watch: bool,
    /// One a line, as JSON
    #[arg(long)]
    pub(super) json: bool,
}

/// What is shown.
pub(super) trait Board {
    /// Asks the server, and draws.
    async fn lines(&self, server: &Remote, shown: &BoardArgs, look: Look, env: &Env) -> anyhow::Result<Vec<String>>;
}

impl BoardArgs {
    /// Shows `board`.
    ///
    /// # Errors
    /// If there is no server, or it does not answer from the start.
    pub(super) async fn show(&self, board: &impl Board, site: &Site, env: &Env) -> anyhow::Result<ExitCode> {
        let mut screen = Screen::new("a larger window shows more");
        // What is wrong from the start is not waited for.
        let first = board.lines(&site.server()?, self, screen.look(), env).await?;
        if !self.watch {
            first.iter().try_for_each(output::line)?;
            return Ok(ExitCode::SUCCESS);
        }
        let mut stop = signal(SignalKind::interrupt())?;
        tokio::select! {
            biased;
            _ = stop.recv() => Ok(ExitCode::SUCCESS),
            ended = self.follow(board, first, site, &mut screen, env) => ended,
        }
    }

    /// Draws until it cannot. Looks for the server anew each time: one that was started again has another address.
    async fn follow(
        &self,
        board: &impl Board,
        first: Vec<String>,
        site: &Site,
        screen: &mut Screen,
        env: &Env,
    ) -> anyhow::Result<ExitCode> {
        screen.show(&first)?;
        loop {
            env.sleep(EVERY).await;
            let seen = match site.server() {
                Ok(server) => board.lines(&server, self, screen.look(), env).await,
                Err(error) => Err(error),
            };
            match seen {
                Ok(lines) => screen.show(&lines)?,
                Err(error) => screen.show(&[format!("{error}; trying again")])?,
            }
        }
    }
}
