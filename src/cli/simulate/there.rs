//! Runs at a server, which has the history.

use super::{Done, Work};
use crate::cli::config::ConfigArgs;
use crate::cli::target::{SendError, ServerArgs, server_of};
use crate::cli::{load, output, runtime};
use crate::remote::Remote;
use crate::time;
use anyhow::{Context, bail};
use backon::{ConstantBuilder, Retryable};
use indicatif::ProgressBar;
use ionveil_kernel::Env;
use ionveil_policy::simulation::{Pattern, Source};
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// How often it is asked how far a run is.
const LOOK: Duration = Duration::from_millis(200);
/// How long a place among the simulations that run is waited for.
const BUSY_TRIES: usize = 60;
const BUSY_DELAY: Duration = Duration::from_secs(1);

#[derive(Deserialize)]
struct Stand {
    id: String,
    status: String,
    error: Option<String>,
    progress: Option<Progress>,
}

#[derive(Deserialize)]
struct Progress {
    done: u64,
    total: Option<u64>,
}

pub(super) fn run(work: &Work, args: &ServerArgs, config: &ConfigArgs) -> anyhow::Result<Done> {
    let config = load(config, &[])?;
    runtime::log(&config.logging);
    runtime::run(|threads| async move {
        let Some(url) = server_of(args, &config)? else {
            let folder = config.store.data_dir.display();
            bail!("a history is read by a server, and none runs on {folder}; start one with `ionveil serve`, or name one with --server");
        };
        let server = Remote::new(&url, args.token_file.as_deref())?;
        let mut interrupted = signal(SignalKind::interrupt())?;
        let mut ids = Vec::new();
        tokio::select! {
            biased;
            _ = interrupted.recv() => {}
            done = all(work, &server, &threads.env, &mut ids) => return done,
        }
        // What still runs is of no use to anybody.
        for id in &ids {
            drop(server.ask(Method::DELETE, &["simulations", id], &json!({})).await);
        }
        bail!("interrupted; what was running at the server was cancelled")
    })
}

async fn all(work: &Work, server: &Remote, env: &Env, ids: &mut Vec<String>) -> anyhow::Result<Done> {
    let mut results = BTreeMap::new();
    for scenario in &work.scenarios {
        let body = json!({"scenario": scenario, "pattern": pattern(&work.pattern), "duration_s": work.duration});
        let created: Stand = read(&server.ask(Method::POST, &["simulations"], &body).await?)?;
        ids.push(created.id.clone());
        results.insert(scenario.name().to_owned(), one(server, &created.id, env).await?);
    }
    let recommendation = match ids.len() {
        0 | 1 => None,
        _ => Some(server.ask(Method::POST, &["simulations", "recommend"], &json!({"simulations": ids})).await?),
    };
    Ok(Done { results, recommendation })
}

/// As the interface takes it. Only histories are run here.
fn pattern(pattern: &Pattern) -> Value {
    let description = Some(pattern.description()).filter(|text| !text.is_empty());
    let Source::History(range) = pattern.source() else { return json!(pattern) };
    let range = json!({"scope": range.scope, "from": time::format(range.from), "to": time::format(range.to)});
    json!({"id": pattern.id(), "description": description, "from_history": range})
}

/// Starts a simulation and waits for its end.
async fn one(server: &Remote, id: &str, env: &Env) -> anyhow::Result<Value> {
    let bar = output::count_bar(0, "simulating");
    let path = ["simulations", id, "run"];
    let start = || server.post(&path);
    let patience = ConstantBuilder::default().with_delay(BUSY_DELAY).with_max_times(BUSY_TRIES);
    let mut now = start.retry(patience).when(|error: &SendError| error.retryable).await?;
    loop {
        let stand: Stand = read(&now)?;
        match stand.status.as_str() {
            "running" => show(&bar, stand.progress.as_ref()),
            "completed" => break,
            other => {
                let why = stand.error.map(|error| format!(": {}", output::printable(&error))).unwrap_or_default();
                bail!("the simulation {id} is {other}{why}");
            }
        }
        env.sleep(LOOK).await;
        now = server.get(&["simulations", id], &[]).await?;
    }
    bar.finish_and_clear();
    Ok(now)
}

fn show(bar: &ProgressBar, progress: Option<&Progress>) {
    if let Some(progress) = progress {
        bar.set_length(progress.total.unwrap_or(progress.done));
        bar.set_position(progress.done);
    }
}

fn read<T: serde::de::DeserializeOwned>(answer: &Value) -> anyhow::Result<T> {
    T::deserialize(answer).context("read the server's answer; is it of another release?")
}
