//! The long run of a cluster of real servers, each a host of its own: killed, frozen, cut off and replaced under load. Its program is a
//! benchmark of the house; the short form of the same is a test of the cluster. It needs network namespaces, and says so without.

use crate::repo::Repo;
use crate::run::{cargo, run as run_command};
use anyhow::Result;

/// How long the run is.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// For how many minutes.
    #[arg(long, default_value_t = 10)]
    minutes: u64,
}

/// Builds and runs it; fails if anything is not as it was acknowledged.
pub(crate) fn run(repo: &Repo, options: &Options) -> Result<()> {
    let mut command = cargo(repo.root());
    command.args(["bench", "--profile", "dev", "--bench", "chaos", "--"]);
    run_command(command.arg((options.minutes * 60).to_string()))
}
