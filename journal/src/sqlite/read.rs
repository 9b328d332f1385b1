//! Reading: entities, streams, partitions, names. Each call sees what is committed; none keeps a snapshot of the file open
//! after it has answered.

use super::SqliteStore;
use super::append::heads;
use super::columns::Columns;
use super::event_row::{EventReader, POSITION_MAX, place};
use super::fault;
use crate::{Filter, Page, Receipt, StoreError};
use ionveil_kernel::{CommandId, Recorded, StreamId, Timestamp};
use sqlx::Sqlite;
use sqlx::query::Query;
use sqlx::sqlite::{SqliteArguments, SqliteConnection};
use std::collections::BTreeSet;

/// How many positions one call looks at to find those that a filter wants.
const SCAN_MAX: u64 = 20_000;

macro_rules! events {
    ($condition:literal) => {
        concat!(include_str!("sql/event_columns.sql"), include_str!($condition))
    };
}

impl SqliteStore {
    pub(super) async fn receipts_of(&self, owner: &StreamId, commands: &[CommandId]) -> Result<Vec<Option<Receipt>>, StoreError> {
        let commands: Vec<_> = commands.iter().map(|command| (owner, *command)).collect();
        let mut connection = self.readers.acquire().await.map_err(fault::of)?;
        self.statements.receipts(&mut connection, &commands, usize::from(self.partitions)).await
    }

    /// One snapshot of the file for both kinds of streams: an append that writes to both is seen whole.
    pub(super) async fn entity(
        &self,
        owner: &StreamId,
        after_version: u64,
        after_position: u64,
        limit: usize,
    ) -> Result<Vec<Recorded>, StoreError> {
        let mut reader = self.readers.begin().await.map_err(fault::of)?;
        let main = stream_query(events!("sql/where_main.sql"), owner, after_version, limit);
        let mut events = fetch(&mut reader, main).await?;
        let partition = owner.partition(self.partitions);
        let parts = sqlx::query(events!("sql/where_parts.sql"))
            .bind(owner.org.as_str())
            .bind(owner.kind.as_str())
            .bind(owner.id.as_str())
            .bind(place(partition, after_position.min(POSITION_MAX))?)
            .bind(place(partition, POSITION_MAX)?)
            .bind(rows(limit));
        let parts = fetch(&mut reader, parts).await?;
        reader.rollback().await.map_err(fault::of)?;
        if !parts.is_empty() {
            events.extend(parts);
            events.sort_by_key(|event| event.position);
            events.truncate(limit);
        }
        Ok(events)
    }

    pub(super) async fn stream(&self, stream: &StreamId, after: u64, limit: usize) -> Result<Vec<Recorded>, StoreError> {
        let mut reader = self.readers.acquire().await.map_err(fault::of)?;
        fetch(&mut reader, stream_query(events!("sql/where_stream.sql"), stream, after, limit)).await
    }

    pub(super) async fn partition(&self, partition: u16, after: u64, limit: usize, filter: &Filter) -> Result<Page, StoreError> {
        if partition >= self.partitions || after >= POSITION_MAX || limit == 0 {
            return Ok(Page { events: Vec::new(), scanned_to: after });
        }
        let mut reader = self.readers.acquire().await.map_err(fault::of)?;
        if *filter == Filter::default() {
            return all_of(&mut reader, partition, after, limit).await;
        }
        // The head is read first: all up to it is seen by what follows, whatever is committed meanwhile.
        let head = head(&mut reader, partition).await?;
        let start = match filter.since {
            Some(since) if after < head => skip_to(&mut reader, partition, after, head, since).await?,
            Some(_) | None => after,
        };
        wanted(&mut reader, partition, (start, head.max(start)), limit, filter).await
    }

    pub(super) async fn last_positions(&self) -> Result<Vec<u64>, StoreError> {
        let mut reader = self.readers.acquire().await.map_err(fault::of)?;
        Ok(heads(&mut reader).await?.into_iter().map(|head| head.position).collect())
    }

    pub(super) async fn entity_names(&self, after: Option<&StreamId>, limit: usize) -> Result<Vec<StreamId>, StoreError> {
        let mut reader = self.readers.begin().await.map_err(fault::of)?;
        let mut names: BTreeSet<StreamId> = main_streams(&mut reader, after, limit).await?.into_iter().collect();
        let owners = names_query(include_str!("sql/owners.sql"), after, limit).fetch_all(&mut *reader).await.map_err(fault::of)?;
        reader.rollback().await.map_err(fault::of)?;
        for row in &owners {
            names.insert(Columns(row).stream()?);
        }
        Ok(names.into_iter().take(limit).collect())
    }
}

type Select<'q> = Query<'q, Sqlite, SqliteArguments>;

fn rows(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

fn stream_query<'q>(sql: &'static str, stream: &'q StreamId, after: u64, limit: usize) -> Select<'q> {
    sqlx::query(sql)
        .bind(stream.org.as_str())
        .bind(stream.kind.as_str())
        .bind(stream.id.as_str())
        .bind(i64::try_from(after).unwrap_or(i64::MAX))
        .bind(rows(limit))
}

async fn fetch(connection: &mut SqliteConnection, query: Select<'_>) -> Result<Vec<Recorded>, StoreError> {
    use futures_util::TryStreamExt;
    let mut reader = EventReader::default();
    let mut events = Vec::new();
    let mut rows = query.fetch(connection);
    while let Some(row) = rows.try_next().await.map_err(fault::of)? {
        events.push(reader.read(&row)?);
    }
    Ok(events)
}

/// Without gaps and without a filter the last event is also how far was looked.
async fn all_of(reader: &mut SqliteConnection, partition: u16, after: u64, limit: usize) -> Result<Page, StoreError> {
    let all = sqlx::query(events!("sql/where_partition.sql"))
        .bind(place(partition, after)?)
        .bind(place(partition, POSITION_MAX)?)
        .bind(rows(limit));
    let events = fetch(reader, all).await?;
    let scanned_to = events.last().map_or(after, |last| last.position);
    Ok(Page { events, scanned_to })
}

/// Events after `range.0` up to `range.1` that `filter` admits; those before its time have been passed already.
async fn wanted(
    reader: &mut SqliteConnection,
    partition: u16,
    range: (u64, u64),
    limit: usize,
    filter: &Filter,
) -> Result<Page, StoreError> {
    let (after, head) = range;
    let impossible = filter.stream.as_ref().is_some_and(|stream| {
        filter.org.as_ref().is_some_and(|org| *org != stream.org) || filter.kind.as_ref().is_some_and(|kind| *kind != stream.kind)
    });
    if impossible {
        return Ok(Page { events: Vec::new(), scanned_to: head });
    }
    let end = if filter.stream.is_some() { head } else { head.min(after + SCAN_MAX) };
    let sql = match filter.stream {
        Some(_) => events!("sql/where_partition_stream.sql"),
        None => events!("sql/where_partition_filtered.sql"),
    };
    let query = sqlx::query(sql).bind(place(partition, after)?).bind(place(partition, end)?).bind(rows(limit));
    let query = match &filter.stream {
        Some(stream) => query.bind(stream.org.as_str()).bind(stream.kind.as_str()).bind(stream.id.as_str()),
        None => query.bind(filter.org.as_ref().map(|org| org.as_str())).bind(filter.kind.as_ref().map(|kind| kind.as_str())),
    };
    let events = fetch(reader, query).await?;
    let scanned_to = events.last().filter(|_| events.len() == limit).map_or(end, |last| last.position);
    Ok(Page { events, scanned_to })
}

async fn head(reader: &mut SqliteConnection, partition: u16) -> Result<u64, StoreError> {
    let row = sqlx::query(include_str!("sql/head.sql")).bind(partition).fetch_one(reader).await.map_err(fault::of)?;
    Columns(&row).count(0)
}

/// The last position in `after..=head` that was recorded before `since`.
async fn skip_to(reader: &mut SqliteConnection, partition: u16, after: u64, head: u64, since: Timestamp) -> Result<u64, StoreError> {
    let bisect =
        sqlx::query(include_str!("sql/since.sql")).bind(partition).bind(place(0, after)?).bind(place(0, head)?).bind(since.micros());
    let row = bisect.fetch_one(reader).await.map_err(fault::of)?;
    Columns(&row).count(0)
}

fn names_query<'q>(sql: &'static str, after: Option<&'q StreamId>, limit: usize) -> Select<'q> {
    let (org, kind, id) = after.map_or(("", "", ""), |after| (after.org.as_str(), after.kind.as_str(), after.id.as_str()));
    sqlx::query(sql).bind(org).bind(kind).bind(id).bind(rows(limit))
}

/// Streams that are nobody's part, page by page until there are enough.
async fn main_streams(reader: &mut SqliteConnection, after: Option<&StreamId>, limit: usize) -> Result<Vec<StreamId>, StoreError> {
    let mut names = Vec::new();
    let mut after = after.cloned();
    while names.len() < limit {
        let query = names_query(include_str!("sql/streams.sql"), after.as_ref(), limit);
        let page = query.fetch_all(&mut *reader).await.map_err(fault::of)?;
        for row in &page {
            let columns = Columns(row);
            let stream = columns.stream()?;
            if columns.integer(3)? == 0 {
                names.push(stream.clone());
            }
            after = Some(stream);
        }
        if page.len() < limit {
            break;
        }
    }
    Ok(names)
}
