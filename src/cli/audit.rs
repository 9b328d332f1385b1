//! `ionveil audit verify`: was anything taken out of the audit trail, or altered?

use super::config::ConfigArgs;
use super::{load, output, runtime};
use crate::audit::{ChainHead, Verdict, verify};
use crate::config::Config;
use crate::node::views_location;
use crate::store::Place;
use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use ionveil_views::Views;
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// See whether the audit trail is whole.
#[derive(Args)]
pub struct AuditCommand {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Hold every change against its seal, and report the first of each chain that was taken out or altered
    Verify(Verify),
}

/// Hold every change against its seal.
#[derive(Args)]
struct Verify {
    /// What was found as JSON, with the ends of all chains: keep it, and hold the trail against it with --known later
    #[arg(long)]
    json: bool,
    /// An earlier --json output, kept where whoever can change the database cannot: what was cut off since then shows
    #[arg(long, value_name = "FILE")]
    known: Option<PathBuf>,
}

/// What of an earlier output is read.
#[derive(Deserialize)]
struct Known {
    heads: Vec<ChainHead>,
}

impl AuditCommand {
    /// Verifies; exit code 1 if anything was found. It reads beside a server that is running.
    ///
    /// # Errors
    /// If journal or lists cannot be read.
    pub fn run(self, args: &ConfigArgs) -> anyhow::Result<ExitCode> {
        let config = load(args, &[])?;
        runtime::log(&config.logging);
        let Action::Verify(Verify { json, known }) = self.action;
        let known = known.as_deref().map(read).transpose()?.unwrap_or_default();
        runtime::run(|threads| async move {
            let verdict = threads.journal.spawn(async move { check(&config, &known).await }).await??;
            output::line(if json { serde_json::to_string(&verdict)? } else { verdict.to_string() })?;
            Ok(if verdict.findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        })
    }
}

fn read(file: &Path) -> anyhow::Result<Vec<ChainHead>> {
    let text = std::fs::read_to_string(file).with_context(|| format!("read {}", file.display()))?;
    let Known { heads } = serde_json::from_str(&text).with_context(|| format!("read {} as an earlier --json output", file.display()))?;
    Ok(heads)
}

async fn check(config: &Config, known: &[ChainHead]) -> anyhow::Result<Verdict> {
    let place = Place::of(&config.store);
    if place == Place::Memory {
        bail!("a store in memory keeps nothing; name a database with --store, or a data directory with --data-dir");
    }
    let store = place.open_read_only().await.context("open the journal")?;
    let location = views_location(&place, Some(&config.store.data_dir)).context("open the lists")?;
    let views = Views::open(&location, store.partitions()).await.context("open the lists")?;
    let bar = output::count_bar(store.heads().await.context("read the journal")?.iter().sum(), "verifying");
    let verdict = verify(&*store, &views, known, |read| bar.inc(read)).await?;
    bar.finish_and_clear();
    views.close().await;
    Ok(verdict)
}
