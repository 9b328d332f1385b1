//! The transactions on the tables, the same for every database: a page with its checkpoint, and a new beginning.

use super::{VERSION, integer};
use crate::alerts::{AlertKey, AlertRow, alert_keys};
use crate::fold::{Changes, Key, Rows, fold, keys};
use crate::seals::{orgs, seal};
use crate::work::WorkRow;
use crate::{AttemptRow, AuditRow, IncidentRow, MinuteRow, Poison, SealRun, UnitRow, ViewsError, WorkflowRow};
use ionveil_dispatch::{incident, unit};
use ionveil_kernel::{Org, Recorded};
use std::collections::BTreeMap;

/// A piece of a partition: everything after `from` up to `scanned_to` was looked at, and `events` is what was found.
pub(crate) struct Page<'a> {
    pub(crate) partition: u16,
    pub(crate) from: u64,
    pub(crate) events: &'a [Recorded],
    pub(crate) scanned_to: u64,
}

/// What became of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// The checkpoint afterwards.
    pub(crate) position: u64,
    /// The event behind it that stopped the page.
    pub(crate) poison: Option<Poison>,
}

/// A checkpoint with the version of the projection that wrote it.
pub(crate) struct Stored {
    pub(crate) version: i64,
    pub(crate) checkpoint: crate::Checkpoint,
}

/// A transaction. Dropping it undoes it.
pub(crate) trait Work: Send {
    /// The checkpoint of a partition, locked until the end: its version and position.
    fn lock(&mut self, partition: u16) -> impl Future<Output = Result<(i64, u64), ViewsError>> + Send;
    /// The rows of these names that there are.
    fn load(&mut self, keys: &[Key]) -> impl Future<Output = Result<Vec<WorkflowRow>, ViewsError>> + Send;
    /// The incidents of these names that there are.
    fn load_incidents(&mut self, keys: &[Key]) -> impl Future<Output = Result<Vec<IncidentRow>, ViewsError>> + Send;
    /// Writes incidents.
    fn store_incidents(&mut self, rows: &[IncidentRow]) -> impl Future<Output = Result<(), ViewsError>> + Send;
    /// The units of these names that there are.
    fn load_units(&mut self, keys: &[Key]) -> impl Future<Output = Result<Vec<UnitRow>, ViewsError>> + Send;
    /// Writes units.
    fn store_units(&mut self, rows: &[UnitRow]) -> impl Future<Output = Result<(), ViewsError>> + Send;
    /// The alerts and notifications of these names that there are.
    fn load_alerts(&mut self, keys: &[AlertKey]) -> impl Future<Output = Result<Vec<(Org, AlertRow)>, ViewsError>> + Send;
    /// Writes alerts and notifications.
    fn store_alerts(&mut self, rows: &[(Org, AlertRow)]) -> impl Future<Output = Result<(), ViewsError>> + Send;
    /// Writes rows.
    fn store(&mut self, rows: &[WorkflowRow]) -> impl Future<Output = Result<(), ViewsError>> + Send;
    /// Adds work, each piece once: it is the checkpoint that keeps a page from being taken in twice.
    fn note_work(&mut self, rows: &[WorkRow]) -> impl Future<Output = Result<(), ViewsError>> + Send;
    /// Adds lines to the audit; what is there already stays.
    fn note_audit(&mut self, rows: &[AuditRow]) -> impl Future<Output = Result<(), ViewsError>> + Send;
    /// Writes attempts; a later row takes the place of an earlier one.
    fn note_attempts(&mut self, rows: &[AttemptRow]) -> impl Future<Output = Result<(), ViewsError>> + Send;
    /// The rolled up minutes of these keys that there are.
    fn load_minutes(&mut self, rows: &[(Org, MinuteRow)]) -> impl Future<Output = Result<Vec<(Org, MinuteRow)>, ViewsError>> + Send;
    /// Writes rolled up minutes.
    fn store_minutes(&mut self, rows: &[(Org, MinuteRow)]) -> impl Future<Output = Result<(), ViewsError>> + Send;
    /// The last seals of an organisation in a partition.
    fn last_seals(&mut self, org: &Org, partition: u16) -> impl Future<Output = Result<Option<SealRun>, ViewsError>> + Send;
    /// Adds seals.
    fn note_seals(&mut self, org: &Org, partition: u16, run: &SealRun) -> impl Future<Output = Result<(), ViewsError>> + Send;
    /// Moves a checkpoint.
    fn checkpoint(&mut self, partition: u16, position: i64, last: Option<&Recorded>)
    -> impl Future<Output = Result<(), ViewsError>> + Send;
    /// All checkpoints, by partition.
    fn checkpoints(&mut self) -> impl Future<Output = Result<Vec<Stored>, ViewsError>> + Send;
    /// Removes all rows and puts `partitions` checkpoints at the beginning.
    fn reset(&mut self, partitions: u16) -> impl Future<Output = Result<(), ViewsError>> + Send;
    /// Makes it durable.
    fn commit(self) -> impl Future<Output = Result<(), ViewsError>> + Send;
}

/// Takes in what of the page lies behind the checkpoint. Another instance may have been here before: a page that it has
/// taken in changes nothing, nor does one that begins behind a gap.
pub(crate) async fn apply(mut work: impl Work, page: &Page<'_>) -> Result<Outcome, ViewsError> {
    let (version, position) = work.lock(page.partition).await?;
    if version != VERSION {
        return Err(newer(version)?);
    }
    if position < page.from || position >= page.scanned_to {
        return Ok(Outcome { position, poison: None });
    }
    let seen = page.events.partition_point(|event| event.position <= position);
    let events = &page.events[seen..];
    let (taken, poison) = take(&mut work, events).await?;
    let end = poison.as_ref().map_or(page.scanned_to, |poison| poison.position.saturating_sub(1));
    if end > position {
        seal_all(&mut work, page.partition, &events[..taken]).await?;
        work.checkpoint(page.partition, integer(end)?, events[..taken].last()).await?;
        work.commit().await?;
    }
    Ok(Outcome { position: end, poison })
}

/// Writes what `events` make of their rows; answers with how many were taken in, and what stopped the others.
async fn take(work: &mut impl Work, events: &[Recorded]) -> Result<(usize, Option<Poison>), ViewsError> {
    let rows = load(work, events).await?;
    let (events, changed, poison) = match fold(rows, events) {
        Ok(changed) => (events, changed, None),
        Err((index, poison)) => {
            let before = &events[..index];
            let rows = load(work, before).await?;
            let lost = |(_, poison): (usize, Poison)| ViewsError::Corrupt(poison.reason);
            (before, fold(rows, before).map_err(lost)?, Some(poison))
        }
    };
    write(work, &changed).await?;
    Ok((events.len(), poison))
}

async fn seal_all(work: &mut impl Work, partition: u16, events: &[Recorded]) -> Result<(), ViewsError> {
    let mut last = BTreeMap::new();
    for org in orgs(events) {
        last.extend(work.last_seals(org, partition).await?.map(|run| (org.clone(), run)));
    }
    for (org, run) in seal(events, &last) {
        work.note_seals(&org, partition, &run).await?;
    }
    Ok(())
}

/// Adds observed dispatches to what is known of their minutes.
async fn add_minutes(work: &mut impl Work, rows: &[(Org, MinuteRow)]) -> Result<(), ViewsError> {
    let known = work.load_minutes(rows).await?;
    let mut known: BTreeMap<_, _> = known.into_iter().map(|(org, row)| ((org, row.key), row.rolled)).collect();
    let sum = |(org, row): &(Org, MinuteRow)| {
        let mut row = row.clone();
        if let Some(before) = known.remove(&(org.clone(), row.key.clone())) {
            row.rolled.merge(&before);
        }
        (org.clone(), row)
    };
    let sums: Vec<_> = rows.iter().map(sum).collect();
    work.store_minutes(&sums).await
}

async fn write(work: &mut impl Work, changes: &Changes) -> Result<(), ViewsError> {
    if !changes.workflows.is_empty() {
        work.store(&changes.workflows).await?;
    }
    if !changes.incidents.is_empty() {
        work.store_incidents(&changes.incidents).await?;
    }
    if !changes.units.is_empty() {
        work.store_units(&changes.units).await?;
    }
    if !changes.alerts.is_empty() {
        work.store_alerts(&changes.alerts).await?;
    }
    if !changes.work.is_empty() {
        work.note_work(&changes.work).await?;
    }
    if !changes.audit.is_empty() {
        work.note_audit(&changes.audit).await?;
    }
    if !changes.attempts.is_empty() {
        work.note_attempts(&changes.attempts).await?;
    }
    if !changes.minutes.is_empty() {
        add_minutes(work, &changes.minutes).await?;
    }
    Ok(())
}

/// The rows that `events` change, as they are now.
async fn load(work: &mut impl Work, events: &[Recorded]) -> Result<Rows, ViewsError> {
    let mut rows = Rows::default();
    let (workflows, incidents, units) = (keys(events, ionveil_workflow::KIND), keys(events, incident::KIND), keys(events, unit::KIND));
    if !workflows.is_empty() {
        rows.workflows = work.load(&workflows).await?;
    }
    if !incidents.is_empty() {
        rows.incidents = work.load_incidents(&incidents).await?;
    }
    if !units.is_empty() {
        rows.units = work.load_units(&units).await?;
    }
    let alerts = alert_keys(events);
    if !alerts.is_empty() {
        rows.alerts = work.load_alerts(&alerts).await?;
    }
    Ok(rows)
}

/// Sees to it that there is a checkpoint of this projection for each partition; begins anew if there is not, or if told.
pub(crate) async fn begin(mut work: impl Work, partitions: u16, anew: bool) -> Result<(), ViewsError> {
    let stored = work.checkpoints().await?;
    if let Some(stored) = stored.iter().find(|stored| stored.version > VERSION) {
        return Err(newer(stored.version)?);
    }
    let fit = stored.len() == usize::from(partitions) && stored.iter().all(|stored| stored.version == VERSION);
    if fit && !anew {
        return Ok(());
    }
    if !stored.is_empty() {
        tracing::info!(partitions, "the views are made anew");
    }
    work.reset(partitions).await?;
    work.commit().await
}

/// The versions of a projection that is not ours.
fn newer(version: i64) -> Result<ViewsError, ViewsError> {
    Ok(ViewsError::Newer { found: super::count(version)?, known: super::count(VERSION)? })
}
