//! `ionveil import calls`: rows of a file become workflows with their true times. Stopped and run again it goes on
//! without a duplicate.

use super::read_mapping;
use crate::cli::output;
use crate::cli::runtime::Threads;
use crate::cli::target::{Request, SendError, Sent, Target, TargetArgs};
use crate::config::Config;
use crate::import::{Outcome, Plans, Report, RowPlan, Step};
use anyhow::Context;
use clap::Args;
use futures_util::{StreamExt, stream};
use ionveil_kernel::EntityId;
use std::fs::File;
use std::path::PathBuf;
use std::process::ExitCode;

/// How many rows are under way at once; the steps of a row follow one another.
const ROWS_AT_ONCE: usize = 512;
/// The refusal of a step that was imported with another time or other attributes. It stands as it was; what a later file
/// has behind it may still be new and lawful.
const KNOWN_OTHERWISE: &str = "idempotency_key_reused";

/// Import calls: each row of a CSV file becomes a workflow, as the mapping says.
#[derive(Args)]
pub(super) struct Calls {
    /// What the columns mean (TOML); config/mappings has examples
    #[arg(long, value_name = "FILE")]
    mapping: PathBuf,
    #[command(flatten)]
    target: TargetArgs,
    /// The report as JSON, with every issue in it
    #[arg(long)]
    json: bool,
    /// The CSV file
    file: PathBuf,
}

impl Calls {
    /// Imports; exit code 1 if a step was refused or the work ended early.
    pub(super) async fn run(self, config: Config, threads: Threads) -> anyhow::Result<ExitCode> {
        let name = self.file.display().to_string();
        let mapping = read_mapping(&self.mapping)?;
        let file = File::open(&self.file).with_context(|| format!("open {name}"))?;
        let bar = output::bytes_bar(file.metadata().map_or(0, |metadata| metadata.len()), "importing");
        let plans = Plans::open(bar.wrap_read(file), &name, mapping, &config.machines, self.target.org.clone());
        let plans = plans.with_context(|| format!("import {name}"))?;
        let target = Target::open(&self.target, &config, &threads, "system:import").await?;
        let mut report = Report::new(&name);
        let ended = carry_out(plans, &target, &mut report).await;
        bar.finish_and_clear();
        target.close().await;
        output::line(if self.json { serde_json::to_string(&report)? } else { report.to_string() })?;
        ended.context("import everything; run the same command again to go on where it ended")?;
        Ok(if report.refused == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

/// Rows are counted in their order, whatever finishes first. The first error ends the work.
async fn carry_out(plans: Plans<impl std::io::Read>, target: &Target, report: &mut Report) -> anyhow::Result<()> {
    let mut rows = stream::iter(plans).map(|plan| async { anyhow::Ok(send_row(plan?, target).await) }).buffered(ROWS_AT_ONCE);
    while let Some(row) = rows.next().await {
        let (plan, outcomes, error) = row?;
        report.row(&plan);
        for (step, outcome) in plan.steps.iter().zip(outcomes) {
            report.step(&plan, step, outcome);
        }
        if let Some(error) = error {
            return Err(error.into());
        }
    }
    Ok(())
}

async fn send_row(plan: RowPlan, target: &Target) -> (RowPlan, Vec<Outcome>, Option<SendError>) {
    let mut outcomes = Vec::with_capacity(plan.steps.len());
    let Some(id) = plan.id.clone() else { return (plan, outcomes, None) };
    for step in &plan.steps {
        let request = request(&id, step);
        match target.send(&request).await {
            Ok(Sent::Appended) => outcomes.push(Outcome::Appended),
            Ok(Sent::AlreadyThere) => outcomes.push(Outcome::AlreadyThere),
            Ok(Sent::Refused { code, detail }) => {
                let known_otherwise = code == KNOWN_OTHERWISE;
                outcomes.push(Outcome::Refused { code, detail });
                if !known_otherwise {
                    break;
                }
            }
            Err(error) => return (plan, outcomes, Some(error)),
        }
    }
    (plan, outcomes, None)
}

fn request(id: &EntityId, step: &Step) -> Request {
    Request {
        id: id.clone(),
        command: step.command.clone(),
        occurred_at: Some(step.occurred_at),
        expected_version: None,
        key: step.command_id.to_string(),
    }
}
