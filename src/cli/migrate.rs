//! `ionveil migrate`: brings the database to this release's form, without serving; or copies a journal.

use super::config::ConfigArgs;
use super::copy::{Copy, copy};
use super::{load, output, runtime};
use crate::datadir::DataDir;
use crate::store::Place;
use anyhow::{Context, bail};
use clap::Args;
use std::process::ExitCode;

/// Bring the database to this release's form, as `serve` does at its start. With --from and --to: copy a journal.
#[derive(Args)]
pub struct Migrate {
    #[command(flatten)]
    copy: Copy,
    /// The report as JSON
    #[arg(long)]
    json: bool,
}

impl Migrate {
    /// Migrates, or copies.
    ///
    /// # Errors
    /// If a server owns the directory, or the store cannot be reached or was made by a newer release; as a copy of a journal.
    pub fn run(self, args: &ConfigArgs) -> anyhow::Result<ExitCode> {
        let config = load(args, &[])?;
        runtime::log(&config.logging);
        if let Some((from, to)) = self.copy.wanted()? {
            return runtime::run(|threads| copy(config.journal.lease, from, to, self.json, threads));
        }
        runtime::run(|threads| async move {
            let place = Place::of(&config.store);
            if place == Place::Memory {
                bail!("migrate a store in memory: it ends with its process, so there is nothing to migrate; name another with --store");
            }
            let directory = matches!(place, Place::Sqlite(_)).then(|| DataDir::open(&config.store.data_dir, &threads.env));
            let _locked = directory.transpose()?;
            let (env, store) = (threads.env.clone(), config.store.clone());
            let lease = config.journal.lease;
            let opened = threads.journal.spawn(async move { place.open(&env, store.partitions, lease).await }).await?;
            let opened = opened.context("bring the database to this release's form")?;
            let partitions = opened.partitions();
            output::line(match self.json {
                true => serde_json::json!({ "partitions": partitions }).to_string(),
                false => format!("the database is in this release's form; it has {partitions} partitions"),
            })?;
            Ok(ExitCode::SUCCESS)
        })
    }
}
