//! The long run: injected panics by the million, on the store of choice. Its program lives with the runtime's benchmarks;
//! what it checks is what the test of 20,000 checks.

use crate::repo::Repo;
use crate::run::{cargo, run as run_command};
use anyhow::Result;

/// Where the panics go.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(crate) enum Store {
    /// On virtual time, in memory.
    Memory,
    /// In real time, on a Postgres that is started for it.
    Postgres,
}

/// How long the run is.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// How many panics.
    #[arg(long, default_value_t = 1_000_000)]
    panics: u64,
    /// Over how many entities.
    #[arg(long, default_value_t = 1_000)]
    entities: u32,
    /// On which store.
    #[arg(long, value_enum, default_value_t = Store::Memory)]
    store: Store,
}

/// Builds and runs it; fails if anything was lost, ran twice, or is not what tree and metrics say.
pub(crate) fn run(repo: &Repo, options: &Options) -> Result<()> {
    let store = match options.store {
        Store::Memory => "memory",
        Store::Postgres => "postgres",
    };
    let mut command = cargo(repo.root());
    command.args(["run", "--release", "--manifest-path", "benches/runtime/Cargo.toml", "--", "soak", store]);
    run_command(command.arg(options.panics.to_string()).arg(options.entities.to_string()))
}
