//! `ionveil import zones`: the regions, zones and agencies that a file names become nodes of the policy tree. What is there
//! stays as it is, so that a second run adds nothing, and what a person has moved or removed is his.

use super::read_mapping;
use crate::cli::output;
use crate::cli::runtime::Threads;
use crate::cli::target::tree::{Standing, add, add_all, standing};
use crate::cli::target::{Sent, Target, TargetArgs};
use crate::config::Config;
use crate::import::{ZoneNode, ZoneOutcome, ZonePlan, ZoneReport, stands};
use anyhow::{Context, bail};
use clap::Args;
use ionveil_kernel::{EntityId, Env, IdSource};
use std::collections::BTreeMap;
use std::fs::File;
use std::path::PathBuf;
use std::process::ExitCode;

/// So many nodes are added by one command.
const BATCH: usize = 500;
/// The refusal of a node that somebody else has just added.
const ADDED_MEANWHILE: &str = "duplicate_node";

/// Import zones: what the rows of a CSV file name becomes the policy tree, as the mapping says.
#[derive(Args)]
pub(super) struct Zones {
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

impl Zones {
    /// Imports; exit code 1 if a node was refused or the work ended early.
    pub(super) async fn run(self, config: Config, threads: Threads) -> anyhow::Result<ExitCode> {
        let ZonePlan { nodes, mut report } = self.plan()?;
        let target = Target::open(&self.target, &config, &threads, "system:import").await?;
        let ended = carry_out(&nodes, &target, &threads.env, &mut report).await;
        target.close().await;
        output::line(if self.json { serde_json::to_string(&report)? } else { report.to_string() })?;
        ended.context("import everything; run the same command again to go on where it ended")?;
        Ok(if report.refused == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    fn plan(&self) -> anyhow::Result<ZonePlan> {
        let name = self.file.display().to_string();
        let mapping = read_mapping(&self.mapping)?;
        let file = File::open(&self.file).with_context(|| format!("open {name}"))?;
        let bar = output::bytes_bar(file.metadata().map_or(0, |metadata| metadata.len()), "reading");
        let plan = ZonePlan::read(bar.wrap_read(file), &name, &mapping).with_context(|| format!("import {name}"));
        bar.finish_and_clear();
        plan
    }
}

/// In their order: parents come before children, and siblings in the order in which they will be drawn.
async fn carry_out(nodes: &[ZoneNode], target: &Target, env: &Env, report: &mut ZoneReport) -> anyhow::Result<()> {
    let there = standing(target).await?;
    check_root(nodes, &there)?;
    let bar = output::count_bar(nodes.len() as u64, "importing");
    for batch in nodes.chunks(BATCH) {
        let fresh: Vec<_> = batch.iter().filter(|node| !there.contains_key(&node.id)).collect();
        let together = fresh.len() > 1 && added_together(&fresh, target, env).await?;
        for node in batch {
            let outcome = match there.get(&node.id) {
                Some(standing) => compared(node, standing),
                None if together => ZoneOutcome::Added,
                None => added(node, target, env).await?,
            };
            report.node(node, outcome);
            bar.inc(1);
        }
    }
    bar.finish_and_clear();
    Ok(())
}

/// Adds nodes in one command; says whether it was accepted. If not, one of them is at fault, and each is asked for by itself.
async fn added_together(nodes: &[&ZoneNode], target: &Target, env: &Env) -> anyhow::Result<bool> {
    let sent = add_all(target, nodes, &env.next_id().to_string()).await?;
    Ok(!matches!(sent, Sent::Refused { .. }))
}

/// A tree has one root.
fn check_root(nodes: &[ZoneNode], there: &BTreeMap<EntityId, Standing>) -> anyhow::Result<()> {
    let root = there.iter().find(|(_, standing)| standing.parent.is_none()).map(|(id, _)| id);
    match (root, nodes.first()) {
        (Some(root), Some(wanted)) if *root != wanted.id => {
            bail!("the root of the policy tree is {root}, not {}; name it in the mapping, in [zones]", wanted.id)
        }
        (_, _) => Ok(()),
    }
}

fn compared(node: &ZoneNode, there: &Standing) -> ZoneOutcome {
    if there.kind == node.kind && there.parent == node.parent {
        return ZoneOutcome::AlreadyThere;
    }
    ZoneOutcome::Elsewhere(stands(there.kind, there.parent.as_ref()))
}

/// Each node has a fresh key: one that was imported before and removed since would else be taken for a repeat.
async fn added(node: &ZoneNode, target: &Target, env: &Env) -> anyhow::Result<ZoneOutcome> {
    Ok(match add(target, node, &env.next_id().to_string()).await? {
        // Only a try of ours can have had the key.
        Sent::Appended | Sent::AlreadyThere => ZoneOutcome::Added,
        Sent::Refused { code, .. } if code == ADDED_MEANWHILE => ZoneOutcome::AlreadyThere,
        Sent::Refused { code, detail } => ZoneOutcome::Refused { code, detail },
    })
}
