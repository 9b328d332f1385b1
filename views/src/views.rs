//! The handle on the views: pages of events in, lists of rows out.
//!
//! It reads no journal; see [`crate::Projector`].

use crate::alerts::{AlertRow, AlertRows};
use crate::tables::Tables;
use crate::tables::apply::{Outcome, Page};
use crate::{
    AlertFilter, AlertPlace, AlertRecord, Attempt, AttemptFilter, AttemptPlace, AuditFilter, Behind, IncidentFilter, IncidentPlace,
    IncidentRow, Location, MinuteRow, NotificationFilter, NotificationRecord, Poison, ScopeCount, SealRun, UnitFilter, UnitRow, ViewsError,
    WorkPlace, WorkScope, WorkflowFilter, WorkflowRow,
};
use ionveil_kernel::{EntityId, Env, EventId, Org, Recorded, Timestamp};
use ionveil_policy::tree::AuditRecord;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// The most rows that one call lists.
pub const PAGE_ROWS_MAX: usize = 1_000;
/// How often a waiting reader looks whether another process has brought the views forward.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// How far a partition was read into the views.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checkpoint {
    /// Everything at or below was looked at.
    pub position: u64,
    /// Position and id of the last event that was.
    pub event: Option<(u64, EventId)>,
}

/// What became of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// The partition's checkpoint afterwards: the next page begins behind it, wherever this one ended.
    pub position: u64,
    /// The event behind the checkpoint that cannot be taken in.
    pub poison: Option<Poison>,
}

/// A cheap handle on the tables. All methods may be called concurrently, also from several processes on one Postgres.
///
/// *Cancel safety.* Every future may be dropped; a page is then whole or absent.
#[derive(Clone)]
pub struct Views {
    tables: Arc<Tables>,
    partitions: u16,
    progress: Arc<watch::Sender<Vec<u64>>>,
}

impl Views {
    /// Opens the views of a journal of `partitions` partitions, making them where they are missing, and making them anew
    /// where an older projection or a journal of another number of partitions made them.
    ///
    /// # Errors
    /// `Unavailable`; `Newer` if a newer release made them; `Invalid` for a bad location.
    pub async fn open(location: &Location, partitions: u16) -> Result<Self, ViewsError> {
        let tables = Arc::new(Tables::open(location).await?);
        tables.begin(partitions, false).await?;
        let (progress, _) = watch::channel(Vec::new());
        let views = Self { tables, partitions, progress: Arc::new(progress) };
        views.positions().await?;
        Ok(views)
    }

    /// How many partitions there are.
    #[must_use]
    pub fn partitions(&self) -> u16 {
        self.partitions
    }

    /// Takes in a page: the `events` of a partition after position `from`, ascending, `scanned_to` being the last
    /// position that was looked at. Rows and checkpoint change in one transaction, and each event counts once: what lies
    /// at or below the checkpoint is passed over, and a page that begins above it changes nothing.
    ///
    /// # Errors
    /// `Unavailable`: the page is whole or absent. `Newer`: another release took the views over.
    pub async fn apply(&self, partition: u16, from: u64, events: &[Recorded], scanned_to: u64) -> Result<Applied, ViewsError> {
        let Outcome { position, poison } = self.tables.apply(&Page { partition, from, events, scanned_to }).await?;
        self.progress.send_if_modified(|positions| match positions.get_mut(usize::from(partition)) {
            Some(known) if *known != position => {
                *known = position;
                true
            }
            Some(_) | None => false,
        });
        Ok(Applied { position, poison })
    }

    /// How far each partition was read, by partition.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn checkpoints(&self) -> Result<Vec<Checkpoint>, ViewsError> {
        self.tables.checkpoints().await
    }

    /// The positions of [`Self::checkpoints`].
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn positions(&self) -> Result<Vec<u64>, ViewsError> {
        let positions: Vec<u64> = self.checkpoints().await?.iter().map(|checkpoint| checkpoint.position).collect();
        self.progress.send_if_modified(|known| {
            let changed = *known != positions;
            known.clone_from(&positions);
            changed
        });
        Ok(positions)
    }

    /// Removes every row and puts every checkpoint at the beginning, in one transaction.
    ///
    /// # Errors
    /// `Unavailable`; `Newer`.
    pub async fn rebuild(&self) -> Result<(), ViewsError> {
        self.tables.begin(self.partitions, true).await?;
        self.positions().await.map(drop)
    }

    /// A workflow of an organisation.
    ///
    /// # Errors
    /// `Unavailable`; `Corrupt`.
    pub async fn workflow(&self, org: &Org, id: &EntityId) -> Result<Option<WorkflowRow>, ViewsError> {
        self.tables.workflow(org, id).await
    }

    /// Workflows of an organisation by id (byte order), those after `after` (exclusive), at most `limit` and
    /// [`PAGE_ROWS_MAX`]. What is added or changed between two pages neither repeats nor hides another row.
    ///
    /// # Errors
    /// `Unavailable`; `Corrupt`.
    pub async fn workflows(
        &self,
        org: &Org,
        filter: &WorkflowFilter,
        after: Option<&EntityId>,
        limit: usize,
    ) -> Result<Vec<WorkflowRow>, ViewsError> {
        let limit = i64::try_from(limit.min(PAGE_ROWS_MAX)).unwrap_or(i64::MAX);
        self.tables.workflows(org, filter, after, limit).await
    }

    /// How many workflows of an organisation the filter admits.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn count(&self, org: &Org, filter: &WorkflowFilter) -> Result<u64, ViewsError> {
        self.tables.count(org, filter).await
    }

    /// Incidents of an organisation, newest first, those behind `after` (exclusive), at most `limit` and [`PAGE_ROWS_MAX`]; what
    /// was put away is left out.
    ///
    /// # Errors
    /// `Unavailable`; `Corrupt`.
    pub async fn incidents(
        &self,
        org: &Org,
        filter: &IncidentFilter,
        after: Option<&IncidentPlace>,
        limit: usize,
    ) -> Result<Vec<IncidentRow>, ViewsError> {
        let limit = i64::try_from(limit.min(PAGE_ROWS_MAX)).unwrap_or(i64::MAX);
        self.tables.incidents(org, filter, after, limit).await
    }

    /// How many incidents of an organisation the filter admits; what was put away is left out.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn count_incidents(&self, org: &Org, filter: &IncidentFilter) -> Result<u64, ViewsError> {
        self.tables.count_incidents(org, filter).await
    }

    /// Units of an organisation by id (byte order), those after `after` (exclusive), at most `limit` and [`PAGE_ROWS_MAX`].
    ///
    /// # Errors
    /// `Unavailable`; `Corrupt`.
    pub async fn units(&self, org: &Org, filter: &UnitFilter, after: Option<&EntityId>, limit: usize) -> Result<Vec<UnitRow>, ViewsError> {
        let limit = i64::try_from(limit.min(PAGE_ROWS_MAX)).unwrap_or(i64::MAX);
        self.tables.units(org, filter, after, limit).await
    }

    /// Alerts of an organisation, newest first, those behind `after` (exclusive), at most `limit` and [`PAGE_ROWS_MAX`].
    ///
    /// # Errors
    /// `Unavailable`; `Corrupt`.
    pub async fn alerts(
        &self,
        org: &Org,
        filter: &AlertFilter,
        after: Option<&AlertPlace>,
        limit: usize,
    ) -> Result<Vec<AlertRecord>, ViewsError> {
        let limit = i64::try_from(limit.min(PAGE_ROWS_MAX)).unwrap_or(i64::MAX);
        let rows = self.tables.alerts(org, &AlertRows::from(filter), after, limit).await?;
        Ok(rows.into_iter().filter_map(|row| if let AlertRow::Alert(record) = row { Some(record) } else { None }).collect())
    }

    /// How many alerts of an organisation the filter admits.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn count_alerts(&self, org: &Org, filter: &AlertFilter) -> Result<u64, ViewsError> {
        self.tables.count_alerts(org, &AlertRows::from(filter)).await
    }

    /// Notifications of an organisation, newest first, those behind `after` (exclusive), at most `limit` and [`PAGE_ROWS_MAX`].
    ///
    /// # Errors
    /// `Unavailable`; `Corrupt`.
    pub async fn notifications(
        &self,
        org: &Org,
        filter: &NotificationFilter,
        after: Option<&AlertPlace>,
        limit: usize,
    ) -> Result<Vec<NotificationRecord>, ViewsError> {
        let limit = i64::try_from(limit.min(PAGE_ROWS_MAX)).unwrap_or(i64::MAX);
        let rows = self.tables.alerts(org, &AlertRows::from(filter), after, limit).await?;
        Ok(rows.into_iter().filter_map(|row| if let AlertRow::Notification(record) = row { Some(record) } else { None }).collect())
    }

    /// How many notifications of an organisation the filter admits.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn count_notifications(&self, org: &Org, filter: &NotificationFilter) -> Result<u64, ViewsError> {
        self.tables.count_alerts(org, &AlertRows::from(filter)).await
    }

    /// Attempts to send over channels by time, those after `after` (exclusive), at most `limit` and [`PAGE_ROWS_MAX`].
    ///
    /// # Errors
    /// If the tables cannot be read.
    pub async fn attempts(
        &self,
        org: &Org,
        filter: &AttemptFilter,
        after: Option<&AttemptPlace>,
        limit: usize,
    ) -> Result<Vec<Attempt>, ViewsError> {
        let limit = i64::try_from(limit.min(PAGE_ROWS_MAX)).unwrap_or(i64::MAX);
        self.tables.attempts(org, filter, after, limit).await
    }

    /// Lines of an organisation's policy audit by number, those after `after` (exclusive), at most `limit` and
    /// [`PAGE_ROWS_MAX`].
    ///
    /// # Errors
    /// `Unavailable`; `Corrupt`.
    pub async fn audit(&self, org: &Org, filter: &AuditFilter, after: u64, limit: usize) -> Result<Vec<AuditRecord>, ViewsError> {
        let limit = i64::try_from(limit.min(PAGE_ROWS_MAX)).unwrap_or(i64::MAX);
        self.tables.audit(org, filter, i64::try_from(after).unwrap_or(i64::MAX), limit).await
    }

    /// How much work of each scope happened from `from` on and before `to`; scopes without any are left out. What it costs
    /// grows with the number of scopes and of whole hours in the time range, and with the work in the hours at its two ends.
    ///
    /// # Errors
    /// `Unavailable`; `Corrupt`.
    pub async fn scopes(&self, org: &Org, from: Timestamp, to: Timestamp) -> Result<Vec<ScopeCount>, ViewsError> {
        self.tables.scopes(org, from, to).await
    }

    /// Where the first work of a scope in the time range from `range.0` on and before `range.1` is recorded, in order of
    /// time, at most `limit` and [`PAGE_ROWS_MAX`].
    ///
    /// # Errors
    /// `Unavailable`; `Corrupt`.
    pub async fn work(
        &self,
        org: &Org,
        scope: &WorkScope,
        range: (Timestamp, Timestamp),
        limit: usize,
    ) -> Result<Vec<WorkPlace>, ViewsError> {
        let limit = i64::try_from(limit.min(PAGE_ROWS_MAX)).unwrap_or(i64::MAX);
        self.tables.first_work(org, scope, range, limit).await
    }

    /// Observed dispatches of an organisation, rolled up by minute, from `range.0` on and before `range.1`, in order of time; at
    /// most `limit`.
    ///
    /// # Errors
    /// `Unavailable`; `Corrupt`.
    pub async fn minutes(&self, org: &Org, range: (Timestamp, Timestamp), limit: usize) -> Result<Vec<MinuteRow>, ViewsError> {
        self.tables.minutes(org, range, i64::try_from(limit).unwrap_or(i64::MAX)).await
    }

    /// Seals of an organisation in a partition, those of events at or behind `position` and perhaps of some before it, in
    /// runs, at most `limit` and [`PAGE_ROWS_MAX`] of these.
    ///
    /// # Errors
    /// `Unavailable`; `Corrupt`.
    pub async fn seals(&self, org: &Org, partition: u16, position: u64, limit: usize) -> Result<Vec<SealRun>, ViewsError> {
        let limit = i64::try_from(limit.min(PAGE_ROWS_MAX)).unwrap_or(i64::MAX);
        self.tables.seals(org, partition, i64::try_from(position).unwrap_or(i64::MAX), limit).await
    }

    /// The organisations that have seals in a partition.
    ///
    /// # Errors
    /// `Unavailable`; `Corrupt`.
    pub async fn sealed(&self, partition: u16) -> Result<Vec<Org>, ViewsError> {
        self.tables.sealed(partition).await
    }

    /// Waits until the views have come to `positions` (by partition; 0 or a missing one is no wish), at most for
    /// `patience`.
    ///
    /// # Errors
    /// [`Behind`] with how far they have come when patience is over.
    pub async fn wait_for(&self, env: &Env, positions: &[u64], patience: Duration) -> Result<(), Behind> {
        let deadline = env.monotonic() + patience;
        let mut progress = self.progress.subscribe();
        loop {
            let seen = progress.borrow_and_update().clone();
            if reached(&seen, positions) {
                return Ok(());
            }
            let left = deadline.saturating_sub(env.monotonic());
            if left.is_zero() {
                return Err(Behind { positions: seen });
            }
            tokio::select! {
                biased;
                // The sender lives as long as `self`, so a change is all that can come.
                _ = progress.changed() => {}
                () = env.sleep(left.min(LOOK_AGAIN)) => {
                    // A fault shows as a reader that waits in vain; the projector tells what it is.
                    let _ = self.positions().await;
                }
            }
        }
    }

    /// Waits for what is under way and closes the connections.
    pub async fn close(&self) {
        self.tables.close().await;
    }
}

fn reached(seen: &[u64], wanted: &[u64]) -> bool {
    wanted.iter().enumerate().all(|(partition, wanted)| seen.get(partition).copied().unwrap_or(0) >= *wanted)
}
