//! `ionveil stats`: the city's numbers as a running server has them, and reading them anew.

mod draw;

use super::board::BoardArgs;
use super::config::ConfigArgs;
use super::output;
use super::site::{Site, read};
use super::target::ServerArgs;
use super::{load, runtime};
use crate::remote::Remote;
use anyhow::bail;
use clap::{Args, Subcommand};
use ionveil_kernel::Env;
use serde::Deserialize;
use serde_json::Value;
use std::process::ExitCode;
use std::time::Duration;

/// How often a rebuild is looked at.
const LOOK: Duration = Duration::from_millis(100);
/// The metrics that are drawn, each with how its minutes are made one value.
const LINES: [(&str, &str); 4] = [("dispatch_count", "sum"), ("response_time", "avg"), ("distance", "avg"), ("sla_compliance", "avg")];

/// Look at the last hour's numbers, with a line of its sixty minutes for each metric.
#[derive(Args)]
pub struct StatsCommand {
    #[command(flatten)]
    server: ServerArgs,
    #[command(flatten)]
    shown: BoardArgs,
    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Subcommand)]
enum Action {
    /// Read the numbers anew from the journal; meanwhile those that are there answer
    Rebuild(Rebuild),
}

#[derive(Args)]
struct Rebuild {
    /// What was done as JSON
    #[arg(long)]
    json: bool,
}

/// How far a rebuild has come.
#[derive(Deserialize)]
struct Progress {
    running: bool,
    done: u64,
    total: u64,
}

impl StatsCommand {
    /// Carries it out.
    ///
    /// # Errors
    /// If there is no server, it does not answer, or it refuses.
    pub fn run(self, args: &ConfigArgs) -> anyhow::Result<ExitCode> {
        let config = load(args, &[])?;
        runtime::log(&config.logging);
        let site = Site { config, args: self.server };
        runtime::run(|threads| async move {
            match self.action {
                None => self.shown.run(&site, &threads.env, fetch, draw::board).await,
                Some(Action::Rebuild(Rebuild { json })) => rebuild(&site.server()?, &threads.env, json).await,
            }
        })
    }
}

/// The snapshot, the regions, then a metric's minutes for each of [`LINES`].
async fn fetch(server: &Remote) -> anyhow::Result<Vec<Value>> {
    let mut all = vec![server.get(&["dashboard", "snapshot"], &[]).await?, server.get(&["dashboard", "regions"], &[]).await?];
    for (metric, aggregation) in LINES {
        let query = [("metric", metric), ("window", "1m"), ("aggregation", aggregation)];
        all.push(server.get(&["dashboard", "metrics"], &query).await?);
    }
    Ok(all)
}

async fn rebuild(server: &Remote, env: &Env, json: bool) -> anyhow::Result<ExitCode> {
    let path = ["dashboard", "rebuild"];
    let mut answer = server.post(&path).await?;
    let before = answer["rebuilds"].as_u64();
    let bar = output::count_bar(0, "reading anew");
    loop {
        let Progress { running, done, total } = read(answer.clone())?;
        bar.set_length(total);
        bar.set_position(done);
        if !running {
            break;
        }
        env.sleep(LOOK).await;
        answer = server.get(&path, &[]).await?;
    }
    bar.finish_and_clear();
    if answer["rebuilds"].as_u64() == before {
        bail!("the journal could not be read to its end; the server's log says why, and what was there answers on");
    }
    output::line(if json { answer.to_string() } else { format!("read {} positions of the journal anew", answer["done"]) })?;
    Ok(ExitCode::SUCCESS)
}
