//! `ionveil migrate-workflows`: takes over what another system kept as states and a history (specification §5.5).

use super::config::ConfigArgs;
use super::runtime::Threads;
use super::target::{Request, Sent, Target, TargetArgs};
use super::{load, output, runtime};
use crate::config::Config;
use crate::time;
use anyhow::{Context, bail};
use clap::Args;
use futures_util::{StreamExt, stream};
use ionveil_workflow::Workflow;
use ionveil_workflow::migrate::{Migration, Report, Step, plan};
use serde::Serialize;
use std::fmt;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

const WORKFLOWS_AT_ONCE: usize = 256;
/// The most faults of a file that are printed.
const FAULTS_SHOWN_MAX: usize = 50;

/// Take over workflows of a system that kept only states and a history. Run again, it adds nothing.
#[derive(Args)]
pub struct MigrateWorkflows {
    #[command(flatten)]
    target: TargetArgs,
    /// The machine whose table the workflows follow
    #[arg(long, default_value = "dispatch")]
    machine: String,
    /// The report as JSON
    #[arg(long)]
    json: bool,
    /// JSON file with the states by id and the history; see docs/migrate-workflows.md
    file: PathBuf,
}

/// What became of it.
#[derive(Default, Serialize)]
struct Done {
    #[serde(flatten)]
    planned: Report,
    appended: u64,
    already_there: u64,
    refused: Vec<Refused>,
}

/// A workflow that could not be taken over whole.
#[derive(Serialize)]
struct Refused {
    id: String,
    step: u64,
    code: String,
    detail: String,
}

impl fmt::Display for Done {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Report { entities, events, reconciled, clamped, orphans } = &self.planned;
        writeln!(
            f,
            "entities {entities}, events {events}, reconciled {reconciled}, moved to the time before {clamped}, orphans {}",
            orphans.len()
        )?;
        orphans.iter().try_for_each(|id| writeln!(f, "orphan: {id} has a history and no stored state"))?;
        for Refused { id, step, code, detail } in &self.refused {
            writeln!(f, "{code}: {id}, step {step}: {detail}")?;
        }
        write!(f, "appended {}, already there {}, refused {}", self.appended, self.already_there, self.refused.len())
    }
}

impl MigrateWorkflows {
    /// Migrates; exit code 1 if a workflow was refused.
    ///
    /// # Errors
    /// If file or target cannot be used; all faults of the file at once, and nothing is written then.
    pub fn run(self, args: &ConfigArgs) -> anyhow::Result<ExitCode> {
        let config = load(args, &[])?;
        runtime::log(&config.logging);
        runtime::run(|threads| self.migrate(config, threads))
    }

    async fn migrate(self, config: Config, threads: Threads) -> anyhow::Result<ExitCode> {
        let name = self.file.display();
        let text = std::fs::read_to_string(&self.file).with_context(|| format!("read {name}"))?;
        let dump = serde_json::from_str(&text).with_context(|| format!("read {name} as JSON"))?;
        let workflow = Workflow::new(Arc::new(config.machines.clone()));
        let planned = match plan(&workflow, &self.target.org, &self.machine, &dump, &|text| time::parse(text).ok()) {
            Ok(planned) => planned,
            Err(faults) => {
                for fault in faults.iter().take(FAULTS_SHOWN_MAX) {
                    eprintln!("{name}: {fault}");
                }
                bail!("use {name}: it has {} faults; nothing was written", faults.len());
            }
        };
        let target = Target::open(&self.target, &config, &threads, "system:migrate-workflows").await?;
        let mut done = Done { planned: planned.report, ..Done::default() };
        let ended = carry_out(&planned.migrations, &target, &mut done).await;
        target.close().await;
        output::line(if self.json { serde_json::to_string(&done)? } else { done.to_string() })?;
        ended.context("take everything over; run the same command again to go on where it ended")?;
        Ok(if done.refused.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

async fn carry_out(migrations: &[Migration], target: &Target, done: &mut Done) -> anyhow::Result<()> {
    let bar = output::count_bar(migrations.len() as u64, "migrating");
    let mut work = stream::iter(migrations).map(|migration| take_over(migration, target)).buffered(WORKFLOWS_AT_ONCE);
    while let Some(taken) = work.next().await {
        let taken = taken?;
        bar.inc(1);
        done.appended += taken.appended;
        done.already_there += taken.already_there;
        done.refused.extend(taken.refused);
    }
    bar.finish_and_clear();
    Ok(())
}

async fn take_over(migration: &Migration, target: &Target) -> anyhow::Result<Done> {
    let mut done = Done::default();
    for step in &migration.steps {
        match target.send(&request(migration, step)).await? {
            Sent::Appended => done.appended += 1,
            Sent::AlreadyThere => done.already_there += 1,
            Sent::Refused { code, detail } => {
                done.refused.push(Refused { id: migration.id.to_string(), step: step.expected_version, code, detail });
                break;
            }
        }
    }
    Ok(done)
}

fn request(migration: &Migration, step: &Step) -> Request {
    Request {
        id: migration.id.clone(),
        command: step.command.clone(),
        occurred_at: step.occurred_at,
        expected_version: Some(step.expected_version),
        key: step.command_id.to_string(),
    }
}
