//! The deterministic simulation of a cluster, over as many seeds as one has time for. Its program is an example of
//! `actors/`, with the feature that brings the simulated world and the bug zoo; what it checks is what the tests there check
//! over a few seeds.

use crate::repo::Repo;
use crate::run::{cargo, run as run_command};
use anyhow::Result;

/// What to simulate.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// How many seeds, one after the other; the first that finds something ends the run.
    #[arg(long, default_value_t = 300)]
    seeds: u64,
    /// The first seed.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many virtual minutes of faults each of them has.
    #[arg(long, default_value_t = 10)]
    minutes: u32,
    /// Lets this mistake loose, which must be found: see `docs/simulation.md`.
    #[arg(long, value_name = "NAME", default_value = "none")]
    mutant: String,
    /// Prints everything that happens.
    #[arg(long)]
    trace: bool,
}

/// Builds and runs it; fails if anything was found.
pub(crate) fn run(repo: &Repo, options: &Options) -> Result<()> {
    let mut command = cargo(repo.root());
    command.args(["run", "--release", "-q", "-p", "ionveil-actors", "--features", "testkit", "--example", "sim", "--"]);
    command.args([options.seeds.to_string(), options.seed.to_string(), options.minutes.to_string(), options.mutant.clone()]);
    run_command(command.args(options.trace.then_some("trace")))
}
