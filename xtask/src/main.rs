//! The project's own checks: `cargo xtask ci` runs all that must be green, each step can run alone.
//!
//! It does not know what the product does, and none of the product's crates may depend on it.

mod chaos;
mod ci;
mod coverage;
mod deny;
mod loom;
mod python;
mod repo;
mod run;
mod schemathesis;
mod setup;
mod sim;
mod soak;
mod spdx;
mod suite;
mod tidy;

use clap::{Parser, Subcommand};
use repo::Repo;
use std::process::ExitCode;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "The project's own checks")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Runs every step, in order, and stops at the first that fails.
    Ci(ci::Options),
    /// Installs what the tests need beside Rust: Postgres, NATS, network namespaces, coverage tools, schemathesis.
    Setup,
    /// Checks the rules of the house that no compiler knows.
    Tidy,
    /// Checks licences and banned dependencies against deny.toml.
    Deny,
    /// Runs the models of sync/ over loom, as it is and as each mutant.
    Loom,
    /// Runs the whole test suite and measures what it covers.
    Coverage,
    /// Injects panics by the million and checks that nothing is lost.
    Soak(soak::Options),
    /// Runs three real servers on one Postgres and one NATS while they are killed, frozen, cut off and replaced, and checks what is left.
    Chaos(chaos::Options),
    /// Simulates a cluster with faults, seed after seed, and checks its invariants with each step.
    Sim(sim::Options),
    /// Runs schemathesis against a running server.
    Schemathesis {
        /// Where the server listens, such as http://127.0.0.1:8080.
        url: String,
        /// At most this many test cases per operation.
        #[arg(long, default_value_t = schemathesis::EXAMPLES_MAX)]
        max_examples: u32,
    },
}

fn main() -> ExitCode {
    if let Some(code) = coverage::act_as_compiler() {
        return code;
    }
    match dispatch(Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: failed to {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(command: Command) -> anyhow::Result<()> {
    let repo = Repo::find();
    match command {
        Command::Ci(options) => ci::run(&repo, &options),
        Command::Setup => setup::run(&repo),
        Command::Tidy => tidy::run(&repo),
        Command::Deny => deny::run(&repo),
        Command::Loom => loom::run(&repo),
        Command::Coverage => {
            suite::run(&repo)?;
            coverage::report(&repo)
        }
        Command::Soak(options) => soak::run(&repo, &options),
        Command::Chaos(options) => chaos::run(&repo, &options),
        Command::Sim(options) => sim::run(&repo, &options),
        Command::Schemathesis { url, max_examples } => schemathesis::run(&repo, &url, max_examples),
    }
}
