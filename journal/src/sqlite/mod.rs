//! The store in one SQLite file: write-ahead log, `synchronous=FULL`, one connection that writes and a few that read.
//!
//! Limits are written `LIMIT ?1 + 0`: SQLite looks at a bare `?1` there while it plans, and then plans the statement again
//! each time that it is bound, which costs more than most of these statements.
//!
//! Deliberately absent: a lock against a second server (the data directory has one) and anything about views.

mod append;
mod checkpoints;
mod columns;
mod dead_letters;
mod event_row;
mod fault;
mod judge;
mod lane;
mod lease;
mod nodes;
mod open;
mod outbox;
mod read;
mod rows;
mod snapshot;
mod source;
mod timers;

pub(crate) use source::Source;

use crate::nodes::NodeTable;
use crate::recent::Recent;
use crate::{Append, Claim, Filter, Lease, PARTITIONS_DEFAULT, Page, Receipt, Snapshot, Store, StoreError, StoreResult, Verdict};
use ionveil_kernel::{BoxFuture, CommandId, NodeId, Org, Recorded, StreamId, Timestamp};
use sqlx::sqlite::{SqliteConnection, SqlitePool};
use std::path::Path;
use std::time::Duration;

/// How a file is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SqliteSettings {
    /// Partitions of a new file, 1 to 64; a file that exists keeps its own.
    pub partitions: u16,
    /// The most connections that read.
    pub readers: u32,
    /// The most pages (of 4 KiB) that the file may have; appends beyond are `Unavailable`, as on a full disk.
    pub pages_max: Option<u32>,
    /// How long a statement waits for another process that has the file locked; then it is `Unavailable`. Below any lease.
    pub busy_timeout: Duration,
}

impl Default for SqliteSettings {
    fn default() -> Self {
        Self { partitions: PARTITIONS_DEFAULT, readers: 4, pages_max: None, busy_timeout: Duration::from_secs(2) }
    }
}

/// Keeps everything in one file. Dropping it without [`Store::close`] loses nothing that was acknowledged.
pub struct SqliteStore {
    partitions: u16,
    /// Absent when the file was opened for reading only.
    lane: Option<lane::Lane>,
    readers: SqlitePool,
    statements: append::Statements,
    insert_outbox: rows::ManyRows,
    recent: Recent,
    nodes: NodeTable,
    opened: tokio::time::Instant,
}

impl SqliteStore {
    /// Opens the file at `path`, making it with `partitions` partitions if it is missing. A file that exists keeps its own
    /// number of partitions.
    ///
    /// # Errors
    /// `Invalid` for a number of partitions outside 1 to 64; `Incompatible` for a file of another form; `Unavailable`;
    /// `Corrupt`.
    pub async fn open(path: &Path, partitions: u16) -> Result<Self, StoreError> {
        Self::open_with(path, SqliteSettings { partitions, ..SqliteSettings::default() }).await
    }

    /// Opens the file at `path` as `settings` say.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub async fn open_with(path: &Path, settings: SqliteSettings) -> Result<Self, StoreError> {
        open::writable(path, settings).await
    }

    /// Opens a file for reading, also while another process writes to it. Everything that would write answers `Invalid`.
    ///
    /// # Errors
    /// `Unavailable` if the file is missing; `Incompatible` if it is not a journal of this form; `Corrupt`.
    pub async fn open_read_only(path: &Path) -> Result<Self, StoreError> {
        open::read_only(path).await
    }

    async fn begin(&self) -> Result<lane::Write<'_>, StoreError> {
        match &self.lane {
            Some(lane) => lane.begin().await,
            None => Err(StoreError::Invalid("the journal was opened for reading only".into())),
        }
    }

    async fn append_batch(&self, claims: &[Claim], batch: &[Append], now: Timestamp) -> Result<Vec<Verdict>, StoreError> {
        let mut write = self.begin().await?;
        let outcome = self.statements.append(write.connection(), claims, batch, now).await;
        let verdicts = write.end(outcome).await?;
        self.recent.learn(batch, &verdicts);
        Ok(verdicts)
    }

    async fn read_page(&self, partition: u16, after: u64, limit: usize, filter: &Filter) -> Result<Page, StoreError> {
        match self.recent.read(partition, after, limit, filter) {
            Some(page) => Ok(page),
            None => self.partition(partition, after, limit, filter).await,
        }
    }
}

/// Whether `claim` is the present one of its partition. It stays so until the transaction of `connection` ends.
async fn holds(connection: &mut SqliteConnection, claim: Claim) -> Result<bool, StoreError> {
    let query = sqlx::query(include_str!("sql/holds.sql")).bind(claim.partition).bind(epoch(claim)?);
    let row = query.fetch_one(connection).await.map_err(fault::of)?;
    Ok(columns::Columns(&row).integer(0)? != 0)
}

fn epoch(claim: Claim) -> Result<i64, StoreError> {
    i64::try_from(claim.epoch).map_err(|_| fault::out_of_range("epoch"))
}

/// A bit for each of `partitions`; there are 64 at most.
fn bits(partitions: &[u16]) -> i64 {
    partitions.iter().filter(|partition| **partition < 64).fold(0, |bits, partition| bits | 1_i64 << partition)
}

impl Store for SqliteStore {
    fn partitions(&self) -> u16 {
        self.partitions
    }

    fn append<'a>(&'a self, claims: &'a [Claim], batch: &'a [Append], now: Timestamp) -> StoreResult<'a, Vec<Verdict>> {
        Box::pin(self.append_batch(claims, batch, now))
    }

    fn receipts<'a>(&'a self, owner: &'a StreamId, commands: &'a [CommandId]) -> StoreResult<'a, Vec<Option<Receipt>>> {
        Box::pin(self.receipts_of(owner, commands))
    }

    fn read_entity<'a>(
        &'a self,
        owner: &'a StreamId,
        after_version: u64,
        after_position: u64,
        limit: usize,
    ) -> StoreResult<'a, Vec<Recorded>> {
        Box::pin(self.entity(owner, after_version, after_position, limit))
    }

    fn read_stream<'a>(&'a self, stream: &'a StreamId, after: u64, limit: usize) -> StoreResult<'a, Vec<Recorded>> {
        Box::pin(self.stream(stream, after, limit))
    }

    fn read_partition<'a>(&'a self, partition: u16, after: u64, limit: usize, filter: &'a Filter) -> StoreResult<'a, Page> {
        Box::pin(self.read_page(partition, after, limit, filter))
    }

    fn heads(&self) -> StoreResult<'_, Vec<u64>> {
        Box::pin(self.last_positions())
    }

    fn entities<'a>(&'a self, after: Option<&'a StreamId>, limit: usize) -> StoreResult<'a, Vec<StreamId>> {
        Box::pin(self.entity_names(after, limit))
    }

    fn organisations<'a>(&'a self, after: Option<&'a Org>, limit: usize) -> StoreResult<'a, Vec<Org>> {
        Box::pin(self.organisation_names(after, limit))
    }

    fn snapshot<'a>(&'a self, owner: &'a StreamId) -> StoreResult<'a, Option<Snapshot>> {
        Box::pin(self.find_snapshot(owner))
    }

    fn put_snapshot<'a>(&'a self, owner: &'a StreamId, snapshot: &'a Snapshot) -> StoreResult<'a, ()> {
        Box::pin(self.keep_snapshot(owner, snapshot))
    }

    fn claim(&self, node: NodeId, lease: Duration) -> StoreResult<'_, Vec<Claim>> {
        Box::pin(self.claim_free(node, -1, lease))
    }

    fn reclaim<'a>(&'a self, node: NodeId, claims: &'a [Claim], lease: Duration) -> StoreResult<'a, Vec<Claim>> {
        Box::pin(self.raise_epochs(node, claims, lease))
    }

    fn heartbeat<'a>(&'a self, node: NodeId, claims: &'a [Claim], lease: Duration) -> StoreResult<'a, Vec<Claim>> {
        Box::pin(self.prolong_leases(node, claims, lease))
    }

    fn release(&self, node: NodeId) -> StoreResult<'_, ()> {
        Box::pin(self.give_up_leases(node))
    }

    fn leases(&self) -> StoreResult<'_, Vec<Lease>> {
        Box::pin(self.all_leases())
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            self.readers.close().await;
            if let Some(lane) = &self.lane {
                lane.close().await;
            }
        })
    }
}
