//! The store on Postgres: the truth when several nodes share one journal.
//!
//! An append is one autocommit call of a database function that locks the heads of the touched partitions, reads what
//! it needs in later statements with fresh snapshots, and inserts. No client round trip happens while a head is locked,
//! and no row is updated per append. Appends, leases, effects and reads each have connections of their own, so that
//! none waits for the others.
//!
//! It does not deliver anything (`LISTEN`/`NOTIFY`), keep a state between calls but open connections, or delete.

mod append;
mod connections;
mod dead_letters;
mod fault;
mod lease;
mod nodes;
mod number;
mod options;
mod outbox;
mod plan;
mod read;
mod row;
mod schema;
mod tails;
mod target;
#[cfg(test)]
mod tests;
mod timers;
mod verdict;

pub use options::PostgresOptions;
pub use schema::AppliedMigration;
pub(crate) use target::Target;

use crate::recent::Recent;
use crate::{Append, Claim, Filter, Lease, Page, Range, Receipt, Snapshot, Store, StoreError, StoreResult, Verdict};
use append::Writer;
use connections::Connections;
use ionveil_kernel::{BoxFuture, CommandId, NodeId, Org, Recorded, StreamId, Timestamp};
use options::Limits;
use std::time::Duration;

/// A heartbeat must never wait for a slow take-over.
const CONTROL_CONNECTIONS: usize = 2;
/// For what reactors, the outbox and timers change: apart from the leases, which must not wait for them.
const EFFECT_CONNECTIONS: usize = 2;

/// A journal in a Postgres schema.
pub struct PostgresStore {
    partitions: u16,
    writer: Writer,
    control: Connections,
    effects: Connections,
    readers: Connections,
    recent: Recent,
}

impl PostgresStore {
    /// Opens the journal at `url` (`postgres://user@host:port/database`, or a socket with `?host=/path`), and makes it
    /// if it is new and the options say so.
    ///
    /// # Errors
    /// `Invalid` options or URL; `Unavailable`; `Incompatible` if the tables are missing or of another release.
    pub async fn connect(url: &str, options: PostgresOptions) -> Result<Self, StoreError> {
        let connect = connections::parse(url, &options)?;
        if options.migrate {
            schema::migrate(url, &options).await?;
        }
        let partitions = schema::found(&connect, &options).await?;
        let writing = Limits::within(options.lease);
        Ok(Self {
            partitions,
            writer: Writer::new(connect.clone(), writing),
            control: Connections::new(connect.clone(), writing, CONTROL_CONNECTIONS, &[]),
            effects: Connections::new(connect.clone(), writing, EFFECT_CONNECTIONS, &[]),
            readers: Connections::new(connect.clone(), Limits::reading(options.read_timeout), options.readers as usize, &[]),
            recent: Recent::new(partitions),
        })
    }

    async fn append_batch(&self, claims: &[Claim], batch: &[Append], now: Timestamp) -> Result<Vec<Verdict>, StoreError> {
        let verdicts = self.writer.append(self.partitions, claims, batch, now).await?;
        self.recent.learn(batch, &verdicts);
        Ok(verdicts)
    }

    async fn read_page(&self, partition: u16, after: u64, limit: usize, filter: &Filter) -> Result<Page, StoreError> {
        match self.recent.read(partition, after, limit, filter) {
            Some(page) => Ok(page),
            None => read::partition(&self.readers, partition, after, limit, filter).await,
        }
    }

    /// What this node has written lately is in memory; the rest is one question. A single stream is read by its own index.
    async fn read_pages(&self, ranges: &[Range], limit: usize, filter: &Filter) -> Result<Vec<Page>, StoreError> {
        if filter.stream.is_some() {
            let mut pages = Vec::with_capacity(ranges.len());
            for range in ranges {
                pages.push(self.read_page(range.partition, range.after, limit, filter).await?);
            }
            return Ok(pages);
        }
        let mut pages: Vec<Option<Page>> = ranges.iter().map(|r| self.recent.read(r.partition, r.after, limit, filter)).collect();
        let missing: Vec<Range> = ranges.iter().zip(&pages).filter(|(_, page)| page.is_none()).map(|(range, _)| *range).collect();
        let mut read =
            if missing.is_empty() { Vec::new() } else { read::ranges(&self.readers, &missing, limit, filter).await? }.into_iter();
        pages.iter_mut().filter(|page| page.is_none()).for_each(|page| *page = read.next());
        Ok(pages.into_iter().flatten().collect())
    }

    /// Brings the schema at `url` up to date, and says what that took.
    ///
    /// # Errors
    /// As [`Self::connect`].
    pub async fn migrate(url: &str, options: &PostgresOptions) -> Result<Vec<AppliedMigration>, StoreError> {
        schema::migrate(url, options).await
    }
}

impl Store for PostgresStore {
    fn partitions(&self) -> u16 {
        self.partitions
    }

    fn elsewhere(&self) -> bool {
        true
    }

    fn append<'a>(&'a self, claims: &'a [Claim], batch: &'a [Append], now: Timestamp) -> StoreResult<'a, Vec<Verdict>> {
        Box::pin(self.append_batch(claims, batch, now))
    }

    fn receipts<'a>(&'a self, owner: &'a StreamId, commands: &'a [CommandId]) -> StoreResult<'a, Vec<Option<Receipt>>> {
        Box::pin(read::receipts(&self.readers, owner, commands))
    }

    fn read_entity<'a>(
        &'a self,
        owner: &'a StreamId,
        after_version: u64,
        after_position: u64,
        limit: usize,
    ) -> StoreResult<'a, Vec<Recorded>> {
        Box::pin(read::entity(&self.readers, owner, after_version, after_position, limit))
    }

    fn read_stream<'a>(&'a self, stream: &'a StreamId, after: u64, limit: usize) -> StoreResult<'a, Vec<Recorded>> {
        Box::pin(read::stream(&self.readers, stream, after, limit))
    }

    fn read_partition<'a>(&'a self, partition: u16, after: u64, limit: usize, filter: &'a Filter) -> StoreResult<'a, Page> {
        Box::pin(self.read_page(partition, after, limit, filter))
    }

    fn read_ranges<'a>(&'a self, ranges: &'a [Range], limit: usize, filter: &'a Filter) -> StoreResult<'a, Vec<Page>> {
        Box::pin(self.read_pages(ranges, limit, filter))
    }

    fn heads(&self) -> StoreResult<'_, Vec<u64>> {
        Box::pin(read::heads(&self.readers))
    }

    fn entities<'a>(&'a self, after: Option<&'a StreamId>, limit: usize) -> StoreResult<'a, Vec<StreamId>> {
        Box::pin(read::entities(&self.readers, after, limit))
    }

    fn organisations<'a>(&'a self, after: Option<&'a Org>, limit: usize) -> StoreResult<'a, Vec<Org>> {
        Box::pin(read::organisations(&self.readers, after, limit))
    }

    fn snapshot<'a>(&'a self, owner: &'a StreamId) -> StoreResult<'a, Option<Snapshot>> {
        Box::pin(read::snapshot(&self.readers, owner))
    }

    fn put_snapshot<'a>(&'a self, owner: &'a StreamId, snapshot: &'a Snapshot) -> StoreResult<'a, ()> {
        Box::pin(read::put_snapshot(&self.readers, owner, snapshot))
    }

    fn claim(&self, node: NodeId, lease: Duration) -> StoreResult<'_, Vec<Claim>> {
        Box::pin(lease::claim(&self.control, node, None, lease))
    }

    fn reclaim<'a>(&'a self, node: NodeId, claims: &'a [Claim], lease: Duration) -> StoreResult<'a, Vec<Claim>> {
        Box::pin(lease::reclaim(&self.control, node, claims, lease))
    }

    fn heartbeat<'a>(&'a self, node: NodeId, claims: &'a [Claim], lease: Duration) -> StoreResult<'a, Vec<Claim>> {
        Box::pin(lease::heartbeat(&self.control, node, claims, lease))
    }

    fn release(&self, node: NodeId) -> StoreResult<'_, ()> {
        Box::pin(lease::release(&self.control, node))
    }

    fn leases(&self) -> StoreResult<'_, Vec<Lease>> {
        Box::pin(lease::leases(&self.control))
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            for connections in [&self.writer.connections, &self.control, &self.effects, &self.readers] {
                connections.close().await;
            }
        })
    }
}
