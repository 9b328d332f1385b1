//! `ionveil import calls`: rows of a file become workflows with their true times. Stopped and run again it goes on
//! without a duplicate.

use super::deeds::carry_out as carry_out_deeds;
use super::read_mapping;
use crate::cli::output;
use crate::cli::runtime::Threads;
use crate::cli::target::{Request, SendError, Sent, Target, TargetArgs};
use crate::config::Config;
use crate::import::{DispatchReport, Outcome, Plans, Report, Responses, RowPlan, Step};
use anyhow::Context;
use clap::Args;
use futures_util::{StreamExt, stream};
use ionveil_kernel::{EntityId, Org};
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
        let lacks = plans.lacks().to_vec();
        let mut responses = Responses::default();
        let mut ended = carry_out(plans, &target, &mut report, &mut responses).await;
        bar.finish_and_clear();
        if ended.is_ok() {
            ended = dispatch(&responses, &lacks, (&self.target.org, &name), &target, &mut report).await;
        }
        target.close().await;
        output::line(if self.json { serde_json::to_string(&report)? } else { report.to_string() })?;
        ended.context("import everything; run the same command again to go on where it ended")?;
        Ok(if report.is_whole() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

/// Rows are counted in their order, whatever finishes first. The first error ends the work.
async fn carry_out(
    plans: Plans<impl std::io::Read>,
    target: &Target,
    report: &mut Report,
    responses: &mut Responses,
) -> anyhow::Result<()> {
    let file = report.file.as_str().into();
    let columns = plans.dispatch().cloned();
    let column = |stage| columns.as_ref().map(|dispatch| dispatch.column(stage).to_owned()).unwrap_or_default();
    let mut rows = stream::iter(plans).map(|plan| async { anyhow::Ok(send_row(plan?, target).await) }).buffered(ROWS_AT_ONCE);
    while let Some(row) = rows.next().await {
        let (plan, outcomes, error) = row?;
        report.row(&plan);
        responses.add(&plan, &file, column).into_iter().for_each(|issue| report.issue(issue));
        for (step, outcome) in plan.steps.iter().zip(outcomes) {
            report.step(&plan, step, outcome);
        }
        if let Some(error) = error {
            return Err(error.into());
        }
    }
    Ok(())
}

/// What the rows say of dispatch, once all are read. The first error ends the work.
async fn dispatch(
    responses: &Responses,
    lacks: &[String],
    (org, name): (&Org, &str),
    target: &Target,
    report: &mut Report,
) -> anyhow::Result<()> {
    report.dispatch = DispatchReport::new(responses, &target.sla().await?, lacks);
    let deeds = responses.deeds(org, name);
    let bar = output::count_bar(deeds.len() as u64, "dispatch");
    let mut outcomes = std::pin::pin!(carry_out_deeds(&deeds, target, None));
    while let Some((deed, sent)) = outcomes.next().await {
        bar.inc(1);
        match sent {
            Ok(sent) => report.deed(deed, outcome(sent)),
            Err(error) => {
                bar.finish_and_clear();
                return Err(error.into());
            }
        }
    }
    bar.finish_and_clear();
    Ok(())
}

fn outcome(sent: Sent) -> Outcome {
    match sent {
        Sent::Appended => Outcome::Appended,
        Sent::AlreadyThere => Outcome::AlreadyThere,
        Sent::Refused { code, detail } => Outcome::Refused { code, detail },
    }
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
