//! `ionveil channels`: the table, once or again and again.

use super::draw::{Channel, draw};
use crate::cli::output;
use crate::cli::pages;
use crate::cli::screen::Screen;
use crate::cli::site::{Site, read};
use crate::remote::Remote;
use clap::Args;
use ionveil_kernel::Env;
use serde_json::Value;
use std::process::ExitCode;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// How often it is drawn.
const EVERY: Duration = Duration::from_secs(1);

/// How the table is shown.
#[derive(Args)]
pub(super) struct TableArgs {
    /// Draw it again each second until Ctrl-C
    #[arg(long, short)]
    watch: bool,
    /// One channel a line, as JSON
    #[arg(long)]
    json: bool,
}

impl TableArgs {
    pub(super) async fn run(&self, site: &Site, env: &Env) -> anyhow::Result<ExitCode> {
        let mut screen = Screen::new("a larger window shows more");
        // What is wrong from the start is not waited for.
        let first = self.lines(&site.server()?, &screen, env).await?;
        if !self.watch {
            first.iter().try_for_each(output::line)?;
            return Ok(ExitCode::SUCCESS);
        }
        let mut stop = signal(SignalKind::interrupt())?;
        tokio::select! {
            biased;
            _ = stop.recv() => Ok(ExitCode::SUCCESS),
            ended = self.follow(first, site, &mut screen, env) => ended,
        }
    }

    /// Draws until it cannot. Looks for the server anew each time: one that was started again has another address.
    async fn follow(&self, first: Vec<String>, site: &Site, screen: &mut Screen, env: &Env) -> anyhow::Result<ExitCode> {
        screen.show(&first)?;
        loop {
            env.sleep(EVERY).await;
            let seen = match site.server() {
                Ok(server) => self.lines(&server, screen, env).await,
                Err(error) => Err(error),
            };
            match seen {
                Ok(lines) => screen.show(&lines)?,
                Err(error) => screen.show(&[format!("{error}; trying again")])?,
            }
        }
    }

    async fn lines(&self, server: &Remote, screen: &Screen, env: &Env) -> anyhow::Result<Vec<String>> {
        let mut all: Vec<Value> = Vec::new();
        let take = |channel| {
            all.push(channel);
            Ok(())
        };
        pages::each(server, &["channels"], &[], take).await?;
        if self.json {
            return Ok(all.iter().map(Value::to_string).collect());
        }
        let channels = all.into_iter().map(read::<Channel>).collect::<anyhow::Result<Vec<_>>>()?;
        Ok(draw(&channels, env.now(), screen.look()))
    }
}
