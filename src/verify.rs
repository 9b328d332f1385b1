//! Checks on what was recorded: partitions are dense and their time never goes back; every entity folds to the same
//! state twice from its events, and from its snapshot.

use ionveil_actors::{LoadError, Loaded, Loader, Until};
use ionveil_journal::{Filter, Store, StoreError};
use ionveil_kernel::{Decider, StreamId, Timestamp};
use serde::Serialize;
use std::fmt;

/// The most findings that a report keeps; all are counted.
pub const FINDINGS_KEPT_MAX: usize = 1_000;
const CHUNK: usize = 4_096;

/// What was found, the first first.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    /// Events that were read.
    pub events: u64,
    /// Entities that were replayed.
    pub entities: u64,
    /// Everything that is not as it must be.
    pub findings_total: u64,
    /// The first [`FINDINGS_KEPT_MAX`].
    pub findings: Vec<Finding>,
}

/// One thing that is not as it must be.
#[derive(Debug, Serialize)]
pub struct Finding {
    /// The stream, or `partition N`.
    pub stream: String,
    /// `gap`, `time_went_back`, `unreadable` or `diverged`.
    pub code: &'static str,
    /// What was found.
    pub detail: String,
}

impl Report {
    fn found(&mut self, stream: impl fmt::Display, code: &'static str, detail: String) {
        self.findings_total += 1;
        if self.findings.len() < FINDINGS_KEPT_MAX {
            self.findings.push(Finding { stream: stream.to_string(), code, detail });
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for finding in &self.findings {
            writeln!(f, "{}: {}: {}", finding.code, finding.stream, finding.detail)?;
        }
        write!(f, "{} events read, {} entities replayed, {} findings", self.events, self.entities, self.findings_total)
    }
}

/// Reads a partition from end to end: positions are dense, `recorded_at` never goes back.
///
/// # Errors
/// As [`Store::read_partition`].
pub async fn check_partition(
    store: &dyn Store,
    partition: u16,
    report: &mut Report,
    mut progress: impl FnMut(u64),
) -> Result<(), StoreError> {
    let (mut last, mut time) = (0, Timestamp::MIN);
    loop {
        let page = store.read_partition(partition, last, CHUNK, &Filter::default()).await?;
        for event in &page.events {
            if event.position != last + 1 {
                report.found(format_args!("partition {partition}"), "gap", format!("position {} follows {last}", event.position));
            }
            if event.recorded_at < time {
                report.found(
                    &event.stream,
                    "time_went_back",
                    format!("event {} was recorded before the one before it", event.sequence_number),
                );
            }
            (last, time) = (event.position, event.recorded_at);
        }
        report.events += page.events.len() as u64;
        progress(page.events.len() as u64);
        if page.events.is_empty() {
            return Ok(());
        }
    }
}

/// Replays an entity twice from its events and once from its snapshot; says how many events it has.
///
/// # Errors
/// If the store cannot be read; what cannot be folded is a finding.
pub async fn check_entity<D: Decider>(loader: &Loader<D>, entity: &StreamId, report: &mut Report) -> Result<u64, StoreError> {
    report.entities += 1;
    if entity.kind.as_str() != D::KIND {
        report.found(entity, "unreadable", format!("this release knows no entities of kind {}", entity.kind));
        return Ok(0);
    }
    let first = loader.replay(entity, Until::default()).await;
    let first = match first {
        Ok(first) => first,
        Err(LoadError::Store(error @ (StoreError::Unavailable(_) | StoreError::OutcomeUnknown(_)))) => return Err(error),
        Err(error) => {
            report.found(entity, "unreadable", explain(&error));
            return Ok(0);
        }
    };
    // A writer may be ahead of the first replay: the others stop where it stopped.
    let until = Until { position: Some(first.position), ..Until::default() };
    for (way, again) in
        [("a second replay", loader.replay(entity, until).await), ("its snapshot and the rest", loader.load_until(entity, until).await)]
    {
        match again {
            Ok(again) => compare(&first, &again, way, entity, report),
            Err(error) => report.found(entity, "unreadable", explain(&error)),
        }
    }
    Ok(first.version)
}

fn compare<D: Decider>(first: &Loaded<D>, again: &Loaded<D>, way: &str, entity: &StreamId, report: &mut Report) {
    let same = first.state == again.state && first.version == again.version && first.occurred_at == again.occurred_at;
    if !same {
        let detail = format!(
            "{way} gives version {} in state {:?}, the first replay version {} in state {:?}",
            again.version, again.state, first.version, first.state
        );
        report.found(entity, "diverged", detail);
    }
}

fn explain(error: &LoadError) -> String {
    let source = std::error::Error::source(error).map(|source| format!(": {source}"));
    format!("failed to {error}{}", source.unwrap_or_default())
}
