//! `ionveil replay`: sends what another system recorded to a running server, in its order and at its pace or faster, so that people
//! watch a city at work.

use super::config::ConfigArgs;
use super::import::deeds::{Pace, carry_out};
use super::import::read_mapping;
use super::output;
use super::runtime::{self, Threads};
use super::target::{Sent, ServerArgs, Target, server_of};
use super::{load, parse_speed, parse_time};
use crate::config::Config;
use crate::import::{Deed, Plans, Responses};
use crate::remote::Remote;
use crate::time::{self, Rfc3339};
use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use futures_util::StreamExt;
use ionveil_kernel::{Org, Timestamp};
use serde::Serialize;
use std::fs::File;
use std::path::PathBuf;
use std::process::ExitCode;
use tokio::signal::unix::{SignalKind, signal};

/// Where nobody says how fast.
const SPEED_DEFAULT: u32 = 1;
/// What a unit is told by several replays.
const KNOWN: [&str; 2] = ["idempotency_key_reused", "duplicate_entity"];

/// The server takes the organisation from the credential; this one only names the reports.
fn org() -> Org {
    Org::new("default").unwrap_or_else(|_| unreachable!("a lawful organisation"))
}

/// Send records of another system to a server, in their order and at their pace or faster.
#[derive(Args)]
pub struct Replay {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Calls: incidents, units and assignments of a CSV file, as the mapping says
    Calls(Calls),
}

/// Send the calls of a time range.
#[derive(Args)]
struct Calls {
    /// What the columns mean (TOML); config/mappings has examples
    #[arg(long, value_name = "FILE")]
    mapping: PathBuf,
    /// Calls that came in from then on [default: what the server's clock shows if it plays, else the first call]
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    from: Option<Timestamp>,
    /// Calls, and what became of them, before then [default: all]
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    to: Option<Timestamp>,
    /// How many times as fast as it was, such as 600x [default: as the server's clock plays, else 1x]
    #[arg(long, value_name = "SPEEDx", value_parser = parse_speed)]
    speed: Option<u32>,
    #[command(flatten)]
    server: ServerArgs,
    /// The summary as JSON
    #[arg(long)]
    json: bool,
    /// The CSV file
    file: PathBuf,
}

/// What became of it.
#[derive(Debug, Serialize)]
struct Summary {
    file: String,
    from: Rfc3339,
    speed: u32,
    /// Reports of the range.
    reports: u64,
    appended: u64,
    already_there: u64,
    refused: u64,
    /// Whether somebody stopped it.
    stopped: bool,
}

impl Replay {
    /// Replays; exit code 1 if something was refused or the server went away.
    ///
    /// # Errors
    /// If file, mapping or server cannot be used.
    pub fn run(self, args: &ConfigArgs) -> anyhow::Result<ExitCode> {
        let config = load(args, &[])?;
        runtime::log(&config.logging);
        let What::Calls(calls) = self.what;
        runtime::run(|threads| calls.run(config, threads))
    }
}

impl Calls {
    async fn run(self, config: Config, threads: Threads) -> anyhow::Result<ExitCode> {
        let name = self.file.display().to_string();
        let responses = self.read(&config, &name)?;
        let Some(url) = server_of(&self.server, &config)? else {
            bail!(
                "no server runs on {}; start one, for example with `ionveil serve --clock 2017-01-01T08:00:00Z@600x`, or name it with --server",
                config.store.data_dir.display()
            );
        };
        let server = Remote::new(&url, self.server.token_file.as_deref())?;
        let clock = server.clock().await?;
        let (first, speed) = self.begin(clock, &responses)?;
        let deeds = responses.within(&org(), &name, self.from.unwrap_or(first), self.to.unwrap_or(Timestamp::MAX));
        let pace = Pace {
            env: threads.env.clone(),
            begun: threads.env.monotonic(),
            from: clock.map_or(self.from.unwrap_or(first), |(now, _)| now),
            speed,
        };
        let mut summary = Summary {
            file: name,
            from: Rfc3339(pace.from),
            speed,
            reports: deeds.len() as u64,
            appended: 0,
            already_there: 0,
            refused: 0,
            stopped: false,
        };
        let sent = send(&deeds, &Target::There(server), &pace, &mut summary).await;
        let told = if self.json { serde_json::to_string(&summary)? } else { summary.to_string() };
        output::line(told)?;
        sent.context("send everything; the same command sends the rest")?;
        Ok(if summary.refused == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    fn read(&self, config: &Config, name: &str) -> anyhow::Result<Responses> {
        let file = File::open(&self.file).with_context(|| format!("open {name}"))?;
        let plans = Plans::open(file, name, read_mapping(&self.mapping)?, &config.machines, org());
        let plans = plans.with_context(|| format!("read {name}"))?;
        if !plans.lacks().is_empty() || plans.dispatch().is_none() {
            bail!("{name} says nothing of dispatch: it lacks {}, or the mapping has no [dispatch]", plans.lacks().join(", "));
        }
        let (mut responses, source) = (Responses::default(), name.into());
        for plan in plans {
            // What is wrong with rows is `import calls`' to tell.
            drop(responses.add(&plan?, &source, |_| String::new()));
        }
        Ok(responses)
    }

    /// Where it begins, and how fast it goes. A clock that plays says both.
    fn begin(&self, clock: Option<(Timestamp, u32)>, responses: &Responses) -> anyhow::Result<(Timestamp, u32)> {
        let first = responses.first().context("find a call in the file")?;
        match (clock, self.speed) {
            (Some((_, speed)), Some(wanted)) if speed != wanted => {
                bail!("the server's clock plays at {speed}x, not at {wanted}x; leave --speed out, or start the server with another --clock")
            }
            (Some((now, speed)), _) => Ok((now.max(first), speed)),
            (None, speed) => Ok((first, speed.unwrap_or(SPEED_DEFAULT))),
        }
    }
}

/// Until all are sent, or somebody stops it. The first error ends it.
async fn send(deeds: &[Deed], target: &Target, pace: &Pace, summary: &mut Summary) -> anyhow::Result<()> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let bar = output::count_bar(deeds.len() as u64, "replaying");
    let mut outcomes = std::pin::pin!(carry_out(deeds, target, Some(pace)));
    let ended = loop {
        let next = tokio::select! {
            biased;
            _ = terminate.recv() => None,
            _ = interrupt.recv() => None,
            next = outcomes.next() => Some(next),
        };
        let Some(next) = next else {
            summary.stopped = true;
            break Ok(());
        };
        let Some((deed, sent)) = next else { break Ok(()) };
        bar.inc(1);
        match sent {
            Ok(Sent::Appended) => summary.appended += 1,
            Ok(Sent::AlreadyThere) => summary.already_there += 1,
            Ok(Sent::Refused { code, .. }) if deed.call.is_none() && KNOWN.contains(&code.as_str()) => summary.already_there += 1,
            Ok(Sent::Refused { code, detail }) => {
                summary.refused += 1;
                tracing::warn!(row = %deed.row, line = deed.line, %code, "refused: {detail}");
            }
            Err(error) => break Err(error.into()),
        }
    };
    bar.finish_and_clear();
    ended
}

impl std::fmt::Display for Summary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Rfc3339(from) = self.from;
        writeln!(
            f,
            "{}: from {} on, {} times as fast{}",
            self.file,
            time::format(from),
            self.speed,
            if self.stopped { ", stopped" } else { "" }
        )?;
        let counts =
            [("reports", self.reports), ("appended", self.appended), ("already there", self.already_there), ("refused", self.refused)];
        counts.iter().try_for_each(|(name, count)| writeln!(f, "  {name:<16}{count:>9}"))
    }
}
