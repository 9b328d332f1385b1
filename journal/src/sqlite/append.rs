//! A batch of appends in one transaction: read what the verdicts hang on, judge, write what was accepted. It does not begin
//! or end the transaction.
//!
//! The write lock of the file is held throughout, so that what was read stays true; every read and write is one statement
//! for up to 256 rows.

use super::event_row::{Columns, place};
use super::fault;
use super::rows::{ManyRows, Values};
use crate::{Append, Claim, NewEvent, Receipt, StoreError, Verdict};
use ionveil_kernel::{BodyHash, CommandId, StreamId, Timestamp};
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use std::collections::HashMap;

/// The statements of an append, in their sizes.
pub(super) struct Statements {
    find_receipts: ManyRows,
    find_versions: ManyRows,
    insert_events: ManyRows,
    insert_receipts: ManyRows,
}

impl Statements {
    pub(super) fn new() -> Self {
        Self {
            find_receipts: ManyRows::new(include_str!("sql/find_receipts.sql"), 5),
            find_versions: ManyRows::new(include_str!("sql/find_versions.sql"), 4),
            insert_events: ManyRows::new(include_str!("sql/insert_events.sql"), 17),
            insert_receipts: ManyRows::new(include_str!("sql/insert_receipts.sql"), 9),
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
        let heads = heads(connection).await?;
        let known = self.known(connection, batch, &heads).await?;
        let versions = self.versions(connection, batch).await?;
        let verdicts = Judge { claims, heads, versions, now }.batch(batch, known);
        let accepted: Vec<_> = batch.iter().zip(&verdicts).filter_map(|(append, verdict)| Some((append, accepted(verdict)?))).collect();
        self.store_events(connection, &accepted).await?;
        self.store_receipts(connection, &accepted).await?;
        Ok(verdicts)
    }

    /// The receipts from before, by place in the batch.
    async fn known(&self, connection: &mut SqliteConnection, batch: &[Append], heads: &[Head]) -> Result<Vec<Option<Receipt>>, StoreError> {
        let commands: Vec<_> = batch.iter().map(|append| (&append.owner, append.command_id)).collect();
        self.receipts(connection, &commands, heads.len()).await
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
        let mut first = 0;
        for (sql, piece) in self.find_receipts.pieces(commands) {
            let mut values = self.find_receipts.values(piece.len());
            for (n, (owner, command)) in (first..).zip(piece) {
                values.push(n)?;
                push_name(&mut values, owner)?;
                values.push(command.0)?;
            }
            for row in fetch(connection, sql, values).await? {
                let n: usize = Columns(&row).count(0)?;
                let (owner, command) = commands.get(n).ok_or_else(|| fault::unreadable("row number"))?;
                found[n] = Some(receipt(&row, *command, owner.partition(partitions))?);
            }
            first += i64::try_from(piece.len()).unwrap_or(i64::MAX);
        }
        Ok(found)
    }

    /// The last sequence number of every stream that the batch appends to.
    async fn versions<'a>(&self, connection: &mut SqliteConnection, batch: &'a [Append]) -> Result<HashMap<&'a StreamId, u64>, StoreError> {
        let mut versions: HashMap<&StreamId, u64> =
            batch.iter().flat_map(|append| &append.events).map(|event| (&event.stream, 0)).collect();
        let streams: Vec<&StreamId> = versions.keys().copied().collect();
        let mut first = 0;
        for (sql, piece) in self.find_versions.pieces(&streams) {
            let mut values = self.find_versions.values(piece.len());
            for (n, stream) in (first..).zip(piece) {
                values.push(n)?;
                push_name(&mut values, stream)?;
            }
            for row in fetch(connection, sql, values).await? {
                let columns = Columns(&row);
                let n: usize = columns.count(0)?;
                let stream = streams.get(n).ok_or_else(|| fault::unreadable("row number"))?;
                if columns.maybe_integer(1)?.is_some() {
                    versions.insert(stream, columns.count(1)?);
                }
            }
            first += i64::try_from(piece.len()).unwrap_or(i64::MAX);
        }
        Ok(versions)
    }

    async fn store_events(&self, connection: &mut SqliteConnection, accepted: &[(&Append, &Receipt)]) -> Result<(), StoreError> {
        let events: Vec<_> = accepted.iter().flat_map(|(append, receipt)| placed(append, receipt)).collect();
        for (sql, piece) in self.insert_events.pieces(&events) {
            let mut values = self.insert_events.values(piece.len());
            for event in piece {
                push_event(&mut values, event)?;
            }
            sqlx::query_with(sql, values.0).execute(&mut *connection).await.map_err(fault::of)?;
        }
        Ok(())
    }

    async fn store_receipts(&self, connection: &mut SqliteConnection, accepted: &[(&Append, &Receipt)]) -> Result<(), StoreError> {
        for (sql, piece) in self.insert_receipts.pieces(accepted) {
            let mut values = self.insert_receipts.values(piece.len());
            for (append, receipt) in piece {
                push_receipt(&mut values, append, receipt)?;
            }
            sqlx::query_with(sql, values.0).execute(&mut *connection).await.map_err(fault::of)?;
        }
        Ok(())
    }
}

/// Where a partition stands.
struct Head {
    epoch: u64,
    position: u64,
    recorded_at: Option<Timestamp>,
}

/// By partition; the rows are there from the day that the file was made.
async fn heads(connection: &mut SqliteConnection) -> Result<Vec<Head>, StoreError> {
    let rows = sqlx::query(include_str!("sql/heads.sql")).fetch_all(connection).await.map_err(fault::of)?;
    let head = |row: &SqliteRow| {
        let columns = Columns(row);
        let recorded_at = columns.maybe_integer(3)?.map(Timestamp::from_micros);
        Ok(Head { epoch: columns.count(1)?, position: columns.count(2)?, recorded_at })
    };
    rows.iter().map(head).collect()
}

/// Tells verdicts in the order of the batch, and keeps what the accepted appends change for those behind them.
struct Judge<'a> {
    claims: &'a [Claim],
    heads: Vec<Head>,
    versions: HashMap<&'a StreamId, u64>,
    now: Timestamp,
}

impl<'a> Judge<'a> {
    fn batch(mut self, batch: &'a [Append], known: Vec<Option<Receipt>>) -> Vec<Verdict> {
        let mut earlier: HashMap<&StreamId, Earlier> = HashMap::new();
        let judged = batch.iter().zip(known).map(|(append, known)| {
            let earlier = earlier.entry(&append.owner).or_default();
            let twice = earlier.commands.contains(&append.command_id);
            let verdict = if twice { Verdict::Conflict } else { self.one(append, known, earlier.broken) };
            earlier.commands.push(append.command_id);
            earlier.broken |= accepted(&verdict).is_none();
            verdict
        });
        judged.collect()
    }

    fn one(&mut self, append: &'a Append, known: Option<Receipt>, broken: bool) -> Verdict {
        let partition = append.owner.partition(u16::try_from(self.heads.len()).unwrap_or(u16::MAX));
        let epoch = self.heads[usize::from(partition)].epoch;
        if !self.claims.contains(&Claim { partition, epoch }) {
            return Verdict::Fenced;
        }
        match known {
            Some(receipt) => Verdict::Duplicate(receipt),
            None if broken || !self.follows(append) => Verdict::Conflict,
            None => Verdict::Accepted(self.accept(partition, append)),
        }
    }

    fn follows(&self, append: &'a Append) -> bool {
        let mut ends: HashMap<&StreamId, u64> = HashMap::new();
        append.events.iter().all(|event| {
            let end = ends.entry(&event.stream).or_insert_with(|| self.versions.get(&event.stream).copied().unwrap_or(0));
            *end += 1;
            *end == event.sequence_number
        })
    }

    fn accept(&mut self, partition: u16, append: &'a Append) -> Receipt {
        for event in &append.events {
            self.versions.insert(&event.stream, event.sequence_number);
        }
        let head = &mut self.heads[usize::from(partition)];
        let recorded_at = head.recorded_at.map_or(self.now, |last| last.max(self.now));
        head.position += append.events.len() as u64;
        if !append.events.is_empty() {
            head.recorded_at = Some(recorded_at);
        }
        Receipt {
            command_id: append.command_id,
            body_hash: append.body_hash,
            version: append.version,
            partition,
            position: head.position,
            events: u32::try_from(append.events.len()).unwrap_or(u32::MAX),
            recorded_at,
        }
    }
}

/// What befell the earlier appends of one owner in the batch.
#[derive(Default)]
struct Earlier {
    commands: Vec<CommandId>,
    broken: bool,
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

fn push_name(values: &mut Values, stream: &StreamId) -> Result<(), StoreError> {
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
    push_name(values, &append.owner)?;
    values.push(receipt.command_id.0)?;
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

async fn fetch(connection: &mut SqliteConnection, sql: sqlx::SqlStr, values: Values) -> Result<Vec<SqliteRow>, StoreError> {
    sqlx::query_with(sql, values.0).fetch_all(connection).await.map_err(fault::of)
}

fn accepted(verdict: &Verdict) -> Option<&Receipt> {
    match verdict {
        Verdict::Accepted(receipt) => Some(receipt),
        Verdict::Duplicate(_) | Verdict::Conflict | Verdict::Fenced => None,
    }
}
