//! `ionveil verify`: is what was recorded whole, and does it fold to one state whichever way it is folded?

use super::config::ConfigArgs;
use super::{load, output, runtime};
use crate::store::Place;
use crate::verify::{Finding, Kinds, Report, check_partition};
use anyhow::Context;
use clap::Args;
use indicatif::ProgressBar;
use ionveil_journal::Store;
use ionveil_kernel::StreamId;
use std::process::ExitCode;

const PAGE: usize = 1_000;
/// How many entities a server looks at when it starts.
const SAMPLE: usize = 200;

/// Replay every stream twice, also from its snapshot, and report the first difference.
#[derive(Args)]
pub struct Verify {
    /// The report as JSON
    #[arg(long)]
    json: bool,
}

impl Verify {
    /// Verifies; exit code 1 if anything was found.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn run(self, args: &ConfigArgs) -> anyhow::Result<ExitCode> {
        let config = load(args, &[])?;
        runtime::log(&config.logging);
        runtime::run(|threads| async move {
            let place = Place::of(&config.store);
            let store = threads.journal.spawn(async move { place.open_read_only().await }).await?.context("open the journal")?;
            let report = verify_all(&*store, &Kinds::new(&config, &store)).await?;
            output::line(if self.json { serde_json::to_string(&report)? } else { report.to_string() })?;
            Ok(if report.findings_total == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        })
    }
}

async fn verify_all(store: &dyn Store, kinds: &Kinds) -> anyhow::Result<Report> {
    let mut report = Report::default();
    let events: u64 = store.heads().await.context("read the journal")?.iter().sum();
    let bar = output::count_bar(events * 2, "verifying");
    for partition in 0..store.partitions() {
        check_partition(store, partition, &mut report, |read| bar.inc(read)).await.context("read the journal")?;
    }
    verify_entities(store, kinds, &mut report, &bar).await?;
    bar.finish_and_clear();
    Ok(report)
}

async fn verify_entities(store: &dyn Store, kinds: &Kinds, report: &mut Report, bar: &ProgressBar) -> anyhow::Result<()> {
    let mut after: Option<StreamId> = None;
    loop {
        let page = store.entities(after.as_ref(), PAGE).await.context("read the journal")?;
        let Some(last) = page.last().cloned() else { return Ok(()) };
        for entity in &page {
            bar.inc(kinds.check(entity, report).await.context("read the journal")?);
        }
        after = Some(last);
    }
}

/// Looks at some entities and logs what it finds. Nothing waits for it.
pub(super) fn sample_in_background(node: &crate::node::Node) {
    let (store, kinds) = (node.store.clone(), Kinds::of(node));
    node.env.spawn(async move {
        let mut report = Report::default();
        match sample(&*store, &kinds, &mut report).await {
            Ok(()) => tracing::info!(entities = report.entities, findings = report.findings_total, "a sample of the journal was replayed"),
            Err(error) => tracing::warn!(error = %error, "the sample of the journal was not finished"),
        }
        for Finding { stream, detail, .. } in &report.findings {
            tracing::error!(stream, detail, "the journal does not replay; run `ionveil verify`");
        }
    });
}

async fn sample(store: &dyn Store, kinds: &Kinds, report: &mut Report) -> Result<(), ionveil_journal::StoreError> {
    for entity in store.entities(None, SAMPLE).await? {
        kinds.check(&entity, report).await?;
    }
    Ok(())
}
