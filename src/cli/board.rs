//! A table of what a running server knows, once or again and again.

use super::output;
use super::screen::Screen;
use super::site::Site;
use super::table::Look;
use crate::remote::Remote;
use clap::Args;
use ionveil_kernel::{Env, Timestamp};
use serde_json::Value;
use std::process::ExitCode;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// How often it is drawn.
const EVERY: Duration = Duration::from_secs(1);

/// How the table is shown.
#[derive(Args)]
pub(super) struct BoardArgs {
    /// Draw it again each second until Ctrl-C
    #[arg(long, short)]
    pub(super) watch: bool,
    /// One entry a line, as JSON
    #[arg(long)]
    json: bool,
}

impl BoardArgs {
    /// Shows what `fetch` gets of the server as `draw` makes lines of it.
    pub(super) async fn run(
        &self,
        site: &Site,
        env: &Env,
        fetch: impl AsyncFn(&Remote) -> anyhow::Result<Vec<Value>>,
        draw: impl Fn(Vec<Value>, Timestamp, Look) -> anyhow::Result<Vec<String>>,
    ) -> anyhow::Result<ExitCode> {
        let mut screen = Screen::new("a larger window shows more");
        let lines = async |server: &Remote, look: Look| {
            let all = fetch(server).await?;
            if self.json { Ok(all.iter().map(Value::to_string).collect()) } else { draw(all, env.now(), look) }
        };
        // What is wrong from the start is not waited for.
        let first: Vec<String> = lines(&site.server()?, screen.look()).await?;
        if !self.watch {
            first.iter().try_for_each(output::line)?;
            return Ok(ExitCode::SUCCESS);
        }
        let mut stop = signal(SignalKind::interrupt())?;
        let follow = async {
            screen.show(&first)?;
            loop {
                env.sleep(EVERY).await;
                // Looked for anew each time: a server that was started again has another address.
                let seen = match site.server() {
                    Ok(server) => lines(&server, screen.look()).await,
                    Err(error) => Err(error),
                };
                match seen {
                    Ok(lines) => screen.show(&lines)?,
                    Err(error) => screen.show(&[format!("{error}; trying again")])?,
                }
            }
        };
        tokio::select! {
            biased;
            _ = stop.recv() => Ok(ExitCode::SUCCESS),
            ended = follow => ended,
        }
    }
}
