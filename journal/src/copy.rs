//! Copies a journal from a SQLite file into a Postgres schema: each row in its place, so that positions, cursors, receipts
//! and ids stay what they were.
//!
//! The whole copy is one transaction of the target, made known by its commit: what is cut off half-way leaves nothing. As
//! long as it runs the source takes no append (its write lock is held) and no server starts on the target (which waits for
//! `meta`). Snapshots stay behind: they are a cache.

mod tables;

pub(crate) use tables::{Form, TABLES, Table, write_hex, write_text};

use crate::postgres::{PostgresOptions, Target};
use crate::sqlite::Source;
use crate::{Lease, StoreError};
use futures_util::TryStreamExt;
use ionveil_kernel::StreamId;
use std::collections::BTreeMap;
use std::path::Path;

/// So much is sent at a time.
const CHUNK: usize = 256 * 1024;

/// What was copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copied {
    /// Rows by table.
    pub rows: BTreeMap<&'static str, u64>,
    /// The last position of each partition (0 if empty), by partition.
    pub heads: Vec<u64>,
}

/// Why nothing was copied.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// A node owns partitions of the source or of the target, or owned them until a moment ago.
    #[error("{which} is in use: node {node} owns partition {partition} for {remaining_ms} ms more; stop it, and wait that long if it was killed", node = .lease.node.map(|node| node.to_string()).unwrap_or_default(), partition = .lease.partition, remaining_ms = .lease.remaining.as_millis())]
    InUse {
        /// "the source" or "the target".
        which: &'static str,
        /// What is owned.
        lease: Lease,
    },
    /// There is something in the target.
    #[error("the target is not empty: its table {0} holds rows; name another database, or drop the schema if they are of no use")]
    NotEmpty(&'static str),
    /// What arrived is not what was sent; it was taken back.
    #[error("the copy differs from its source, and was taken back: {0}")]
    Differs(String),
    /// The source cannot be read.
    #[error("read the source")]
    Source(#[source] StoreError),
    /// The target cannot be written.
    #[error("write the target")]
    Target(#[source] StoreError),
}

/// How far a copy is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CopyProgress {
    /// Rows that were sent.
    pub sent: u64,
    /// Rows that there are.
    pub rows: u64,
}

/// Copies the journal in the file `source` into the schema that `options` name at `url`, which is made if it is missing and
/// must be empty. The target gets the source's number of partitions. `progress` is told after each chunk.
///
/// # Errors
/// [`CopyError`]; the target is then as empty as before. Only if the commit itself was cut off
/// ([`StoreError::OutcomeUnknown`]) it may be whole.
pub async fn copy_to_postgres(
    source: &Path,
    url: &str,
    options: &PostgresOptions,
    mut progress: impl FnMut(CopyProgress) + Send,
) -> Result<Copied, CopyError> {
    let mut source = Source::open(source).await?;
    let mut target = Target::open(url, options).await?;
    target.begin(source.partitions, &source.epochs).await?;
    let mut copied = Copied { rows: BTreeMap::new(), heads: Vec::new() };
    for table in &TABLES {
        copied.rows.insert(table.name, source.count(table).await.map_err(CopyError::Source)?);
    }
    let mut done = CopyProgress { sent: 0, rows: copied.rows.values().sum() };
    for table in &TABLES {
        copy_table(&mut source, &mut target, table, |sent| {
            done.sent += sent;
            progress(done);
        })
        .await?;
    }
    copied.heads = compare(&mut source, &mut target, &copied.rows).await?;
    target.commit().await?;
    Ok(copied)
}

async fn copy_table(source: &mut Source, target: &mut Target, table: &Table, mut sent: impl FnMut(u64) + Send) -> Result<(), CopyError> {
    let partitions = source.partitions;
    let mut rows = source.rows(table);
    let mut sink = target.sink(table).await?;
    let (mut chunk, mut rows_in_it) = (Vec::with_capacity(2 * CHUNK), 0);
    while let Some(row) = rows.try_next().await.map_err(CopyError::Source)? {
        row.write(table, partitions, &mut chunk).map_err(CopyError::Source)?;
        rows_in_it += 1;
        if chunk.len() >= CHUNK {
            sink.send(&chunk).await?;
            chunk.clear();
            sent(std::mem::take(&mut rows_in_it));
        }
    }
    sink.send(&chunk).await?;
    sent(rows_in_it);
    sink.finish().await
}

/// The same rows of each table, and the same dense positions of each partition, on both sides.
async fn compare(source: &mut Source, target: &mut Target, rows: &BTreeMap<&'static str, u64>) -> Result<Vec<u64>, CopyError> {
    for table in &TABLES {
        let (sent, arrived) = (rows[table.name], target.count(table).await?);
        if sent != arrived {
            return Err(CopyError::Differs(format!("{sent} rows of {} were sent, {arrived} arrived", table.name)));
        }
    }
    let (there, here) = (source.heads().await.map_err(CopyError::Source)?, target.heads().await?);
    if there != here {
        return Err(CopyError::Differs(format!("the partitions end at {there:?} there and at {here:?} here")));
    }
    (0..source.partitions)
        .map(|partition| match there.get(&partition) {
            None => Ok(0),
            Some((events, last)) if events == last => Ok(*last),
            Some((events, last)) => Err(CopyError::Differs(format!("partition {partition} has {events} events up to position {last}"))),
        })
        .collect()
}

/// Events and last position by partition.
pub(crate) type Ends = BTreeMap<u16, (u64, u64)>;

/// The partition of the owner in the first three columns of a row.
pub(crate) fn partition_of(owner: &StreamId, partitions: u16, line: &mut Vec<u8>) {
    line.push(b'\t');
    line.extend_from_slice(owner.partition(partitions).to_string().as_bytes());
}
