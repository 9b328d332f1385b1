//! The command line. Each command has a file; what they share is here.
//!
//! Exit codes: 0 done, 1 it went wrong (or `verify` found something), 2 the command line or the configuration is wrong.

pub mod alerts;
pub mod audit;
mod board;
pub mod channels;
pub mod cluster;
pub mod completions;
pub mod config;
mod copy;
pub mod events;
pub mod import;
pub mod incidents;
pub mod migrate;
pub mod migrate_workflows;
pub mod orders;
pub mod output;
mod pages;
pub mod policy;
pub mod queues;
pub mod replay;
pub mod route;
pub mod runtime;
mod screen;
pub mod serve;
pub mod simulate;
mod site;
pub mod stats;
pub mod system;
mod table;
pub mod target;
pub mod token;
pub mod verify;

use crate::config::{Config, ConfigFaults, Flag, env};
use crate::time;
use clap::{Parser, Subcommand};
use config::ConfigArgs;
use ionveil_kernel::{Env, SPEED_MAX, Timestamp};
use std::io::{stderr, stdout};
use std::process::ExitCode;

/// Decisions that must not be lost: a supervised, event-sourced runtime and an operations control plane on it.
#[derive(Parser)]
#[command(name = "ionveil", version, about, max_term_width = 110, arg_required_else_help = true)]
pub struct Cli {
    #[command(flatten)]
    args: ConfigArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the server
    Serve(serve::Serve),
    /// Import records of another system
    Import(import::Import),
    /// Send records of another system to a server, in their order and at their pace or faster
    Replay(replay::Replay),
    /// Print what was recorded, and follow it
    Events(events::Events),
    /// Replay every stream twice, also from its snapshot, and report the first difference
    Verify(verify::Verify),
    /// Bring the database to this release's form, or copy a journal into another one
    Migrate(migrate::Migrate),
    /// Take over workflows of a system that kept only states and a history
    MigrateWorkflows(migrate_workflows::MigrateWorkflows),
    /// Try settings of the policy engine on made-up or recorded outcomes
    Simulate(simulate::Simulate),
    /// Look at the nodes that share a store, and whose its partitions are
    Cluster(cluster::ClusterCommand),
    /// Look at what runs in a server, and mend it
    System(system::SystemCommand),
    /// Look at the policy tree of a server, and change it
    Policy(policy::PolicyCommand),
    /// See where a server would send work, and why
    Route(route::RouteCommand),
    /// Look at the channels of a server, and try one out
    Channels(channels::ChannelsCommand),
    /// Look at the incidents of a server, newest first
    Incidents(incidents::IncidentsCommand),
    /// Look at the alerts of a server, newest first, and take care of them
    Alerts(alerts::AlertsCommand),
    /// Look at the units of a server
    Units(incidents::UnitsCommand),
    /// List the orders that wait at a server, first to go first
    Orders(orders::OrdersCommand),
    /// Look at the queues of a server: pool, intake, outbox
    Queues(queues::QueuesCommand),
    /// Look at the city's numbers as a server has them
    Stats(stats::StatsCommand),
    /// See whether the audit trail is whole
    Audit(audit::AuditCommand),
    /// Make keys and tokens
    Token(token::TokenCommand),
    /// Check the configuration, or show what is in force
    Config(config::ConfigCommand),
    /// Print a completion script for a shell
    Completions(completions::Completions),
}

/// The settings in force: defaults, file, environment, then the flags of the command line.
fn load(args: &ConfigArgs, more: &[Flag]) -> Result<Config, ConfigFaults> {
    Ok(args.load(&env::read(), more)?.config)
}

impl Cli {
    /// Carries the command out.
    #[must_use]
    pub fn run(self) -> ExitCode {
        let args = &self.args;
        let done = match self.command {
            Command::Serve(command) => command.run(args),
            Command::Import(command) => command.run(args),
            Command::Replay(command) => command.run(args),
            Command::Events(command) => command.run(args),
            Command::Verify(command) => command.run(args),
            Command::Migrate(command) => command.run(args),
            Command::MigrateWorkflows(command) => command.run(args),
            Command::Simulate(command) => command.run(args),
            Command::Cluster(command) => command.run(args),
            Command::System(command) => command.run(args),
            Command::Policy(command) => command.run(args),
            Command::Route(command) => command.run(args),
            Command::Channels(command) => command.run(args),
            Command::Incidents(command) => command.run(args),
            Command::Alerts(command) => command.run(args),
            Command::Units(command) => command.run(args),
            Command::Orders(command) => command.run(args),
            Command::Queues(command) => command.run(args),
            Command::Stats(command) => command.run(args),
            Command::Audit(command) => command.run(args),
            Command::Token(command) => with_clock(|env| token::run(&command, env, &mut stdout()).map(|()| ExitCode::SUCCESS)),
            Command::Config(command) => with_clock(|env| config::run(&command, args, &env::read(), env, &mut stdout(), &mut stderr())),
            Command::Completions(command) => command.run(),
        };
        done.unwrap_or_else(|error| output::fail(&error))
    }
}

/// A time on the command line.
fn parse_time(text: &str) -> Result<Timestamp, String> {
    time::parse(text).map_err(|error| error.to_string())
}

/// A speed on the command line, such as `600x`.
fn parse_speed(text: &str) -> Result<u32, String> {
    let speed = text.strip_suffix('x').and_then(|number| number.parse().ok()).filter(|speed| (1..=SPEED_MAX).contains(speed));
    speed.ok_or_else(|| format!("a speed is from 1x to {SPEED_MAX}x"))
}

/// For commands that need a clock and no store.
fn with_clock<E: std::error::Error + Send + Sync + 'static>(work: impl FnOnce(&Env) -> Result<ExitCode, E>) -> anyhow::Result<ExitCode> {
    runtime::run(|threads| async move { Ok(work(&threads.env)?) })
}
