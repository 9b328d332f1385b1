//! `ionveil migrate`: brings the database to this release's form, without serving.

use super::config::ConfigArgs;
use super::{load, output, runtime};
use crate::datadir::DataDir;
use crate::store::Place;
use anyhow::{Context, bail};
use clap::Args;
use std::process::ExitCode;

/// Bring the database to this release's form. `serve` does the same at its start.
#[derive(Args)]
pub struct Migrate {}

impl Migrate {
    /// Migrates.
    ///
    /// # Errors
    /// If a server owns the directory, or the store cannot be reached or was made by a newer release.
    pub fn run(self, args: &ConfigArgs) -> anyhow::Result<ExitCode> {
        let config = load(args, &[])?;
        runtime::log(&config.logging);
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
            output::line(format_args!("the database is in this release's form; it has {} partitions", opened.partitions()))?;
            Ok(ExitCode::SUCCESS)
        })
    }
}
