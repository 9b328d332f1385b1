//! A batch of appends in one transaction: read what the verdicts hang on, judge, write what was accepted. It does not begin
//! or end the transaction.
//!
//! The write lock of the file is held throughout, so that what was read stays true. Every read and write is one statement
//! for up to 256 rows, and the next statement's values are laid out while the thread of the connection works on the last.

use super::columns::Columns;
use super::event_row::place;
use super::fault;
use super::judge::{Head, Judge, accepted};
use super::rows::{ManyRows, Values};
use super::timers::{Changes, TimerStatements};
use crate::{Append, Claim, NewEvent, Receipt, StoreError, Verdict};
use ionveil_kernel::{BodyHash, CommandId, StreamId, Timestamp};
use sqlx::SqlStr;
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use std::collections::HashMap;

/// The statements of an append, in their sizes.
pub(super) struct Statements {
    find_receipts: ManyRows,
    find_versions: ManyRows,
    insert_events: ManyRows,
    insert_receipts: ManyRows,
    timers: TimerStatements,
}

impl Statements {
    pub(super) fn new() -> Self {
        Self {
            find_receipts: ManyRows::new(include_str!("sql/find_receipts.sql"), 5),
            find_versions: ManyRows::new(include_str!("sql/find_versions.sql"), 5),
            insert_events: ManyRows::new(include_str!("sql/insert_events.sql"), 17),
            insert_receipts: ManyRows::new(include_str!("sql/insert_receipts.sql"), 9),
            timers: TimerStatements::new(),
        }
    }

    /// Carries out [`crate::Store::append`] on a connection that holds the write lock.
    pub(super) async fn append(
        &self,
        connection: &mut SqliteConnection,
        claims: &[Claim],
        batch: &[Append],
        now: Timestamp,
    ) -> Result<Vec<Verdict>, StoreError> {
        batch.iter().try_for_each(crate::timers::check)?;
        let heads = heads(connection).await?;
        let commands: Vec<_> = batch.iter().map(|append| (&append.owner, append.command_id)).collect();
        let known = self.receipts(connection, &commands, heads.len()).await?;
        let versions = self.versions(connection, batch).await?;
        let verdicts = Judge::new(claims, heads, versions, now).batch(batch, known);
        let accepted: Vec<_> = batch.iter().zip(&verdicts).filter_map(|(append, verdict)| Some((append, accepted(verdict)?))).collect();
        self.store(connection, &accepted).await?;
        Ok(verdicts)
    }

    /// The receipts of `commands`, in their order.
    pub(super) async fn receipts(
        &self,
        connection: &mut SqliteConnection,
        commands: &[(&StreamId, CommandId)],
        partitions: usize,
    ) -> Result<Vec<Option<Receipt>>, StoreError> {
        let mut found = vec![None; commands.len()];
        let partitions = u16::try_from(partitions).unwrap_or(u16::MAX);
        let push = |values: &mut Values, n: usize, (owner, command): &(&StreamId, CommandId)| {
            values.push_count("row", n as u64)?;
            push_name(values, owner)?;
            values.push(command.0)
        };
        for row in self.find_receipts.fetch(connection, commands, push).await? {
            let n: usize = Columns(&row).count(0)?;
            let (owner, command) = commands.get(n).ok_or_else(|| fault::unreadable("row number"))?;
            found[n] = Some(receipt(&row, *command, owner.partition(partitions))?);
        }
        Ok(found)
    }

    /// The last sequence number of every stream that the batch appends to.
    async fn versions<'a>(&self, connection: &mut SqliteConnection, batch: &'a [Append]) -> Result<HashMap<&'a StreamId, u64>, StoreError> {
        let mut versions: HashMap<&StreamId, u64> = HashMap::with_capacity(batch.len());
        let mut firsts: Vec<&NewEvent> = Vec::with_capacity(batch.len());
        for event in batch.iter().flat_map(|append| &append.events) {
            versions.entry(&event.stream).or_insert_with(|| {
                firsts.push(event);
                event.sequence_number.saturating_sub(1)
            });
        }
        let push = |values: &mut Values, n: usize, first: &&NewEvent| {
            values.push_count("row", n as u64)?;
            push_name(values, &first.stream)?;
            values.push_count("sequence number", first.sequence_number.saturating_sub(1))
        };
        for row in self.find_versions.fetch(connection, &firsts, push).await? {
            let columns = Columns(&row);
            let first = firsts.get(columns.count::<usize>(0)?).ok_or_else(|| fault::unreadable("row number"))?;
            versions.insert(&first.stream, columns.count(1)?);
        }
        Ok(versions)
    }

    async fn store(&self, connection: &mut SqliteConnection, accepted: &[(&Append, &Receipt)]) -> Result<(), StoreError> {
        let events: Vec<_> = accepted.iter().flat_map(|(append, receipt)| placed(append, receipt)).collect();
        let receipts = self.insert_receipts.filled(accepted, |values, _, (append, receipt)| push_receipt(values, append, receipt));
        let events = self.insert_events.filled(&events, |values, _, event| push_event(values, event));
        let changes = Changes::of(accepted);
        execute(connection, events.chain(receipts).chain(self.timers.filled(&changes))).await
    }
}

/// Executes one statement after the other, and lays out each while the one before is under way.
async fn execute(
    connection: &mut SqliteConnection,
    mut statements: impl Iterator<Item = Result<(SqlStr, Values), StoreError>>,
) -> Result<(), StoreError> {
    let mut next = statements.next();
    while let Some(statement) = next {
        let (sql, values) = statement?;
        let under_way = sqlx::query_with(sql, values.0).execute(&mut *connection);
        let (done, following) = futures_util::future::join(under_way, async { statements.next() }).await;
        done.map_err(fault::of)?;
        next = following;
    }
    Ok(())
}

/// Where every partition stands; the rows are there from the day that the file was made.
pub(super) async fn heads(connection: &mut SqliteConnection) -> Result<Vec<Head>, StoreError> {
    let row = sqlx::query(include_str!("sql/heads.sql")).fetch_one(connection).await.map_err(fault::of)?;
    let heads: Vec<(u64, u64, Option<i64>)> = serde_json::from_str(Columns(&row).text(0)?).map_err(|_| fault::unreadable("head"))?;
    let head = |(epoch, position, recorded_at): (u64, u64, Option<i64>)| Head {
        epoch,
        position,
        recorded_at: recorded_at.map(Timestamp::from_micros),
    };
    Ok(heads.into_iter().map(head).collect())
}

/// An event with what the journal adds to it.
struct Placed<'a> {
    owner: &'a StreamId,
    event: &'a NewEvent,
    receipt: &'a Receipt,
    position: u64,
}

fn placed<'a>(append: &'a Append, receipt: &'a Receipt) -> impl Iterator<Item = Placed<'a>> {
    let first = receipt.position + 1 - append.events.len() as u64;
    (first..).zip(&append.events).map(move |(position, event)| Placed { owner: &append.owner, event, receipt, position })
}

pub(super) fn push_name(values: &mut Values, stream: &StreamId) -> Result<(), StoreError> {
    values.push(stream.org.as_str())?;
    values.push(stream.kind.as_str())?;
    values.push(stream.id.as_str())
}

fn push_event(values: &mut Values, placed: &Placed<'_>) -> Result<(), StoreError> {
    let Placed { owner, event, receipt, position } = *placed;
    let part = event.stream != *owner;
    if event.stream.org != owner.org {
        return Err(StoreError::Invalid("an entity's streams are of its own organisation".into()));
    }
    values.push(place(receipt.partition, position)?)?;
    push_name(values, &event.stream)?;
    values.push_count("sequence number", event.sequence_number)?;
    values.push(part.then(|| owner.kind.as_str()))?;
    values.push(part.then(|| owner.id.as_str()))?;
    values.push(&*event.event_type)?;
    values.push(event.schema_version)?;
    values.push(event.event_id.0)?;
    values.push(event.occurred_at.micros())?;
    values.push(receipt.recorded_at.micros())?;
    values.push(event.correlation_id.0)?;
    values.push(event.causation_id)?;
    values.push(event.actor.clone())?;
    values.push(event.traceparent.clone())?;
    values.push(event.data.as_str())
}

fn push_receipt(values: &mut Values, append: &Append, receipt: &Receipt) -> Result<(), StoreError> {
    values.push(receipt.command_id.0)?;
    push_name(values, &append.owner)?;
    values.push(&receipt.body_hash.0[..])?;
    values.push_count("version", receipt.version)?;
    values.push_count("position", receipt.position)?;
    values.push(receipt.events)?;
    values.push(receipt.recorded_at.micros())
}

fn receipt(row: &SqliteRow, command_id: CommandId, partition: u16) -> Result<Receipt, StoreError> {
    let columns = Columns(row);
    let body_hash = columns.bytes(1)?.try_into().map_err(|_| fault::unreadable("body hash"))?;
    Ok(Receipt {
        command_id,
        body_hash: BodyHash(body_hash),
        version: columns.count(2)?,
        partition,
        position: columns.count(3)?,
        events: columns.count(4)?,
        recorded_at: columns.instant(5)?,
    })
}
