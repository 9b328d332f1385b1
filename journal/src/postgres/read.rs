//! Reads of what is committed. Nothing here locks or waits for a writer.

use super::append::each;
use super::connections::Connections;
use super::fault;
use super::number::{self, hash, unsigned, unsigned32};
use super::row::{Decoder, text};
use crate::{Filter, Page, Range, Receipt, Snapshot, StoreError};
use ionveil_kernel::{CommandId, Org, Recorded, StreamId, Timestamp};
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::query::Query;
use sqlx::{Postgres, Row};
use std::collections::BTreeMap;

/// The most positions that one call with a filter looks at.
const SCAN_MAX: u64 = 10_000;

pub(super) async fn stream(readers: &Connections, stream: &StreamId, after: u64, limit: usize) -> Result<Vec<Recorded>, StoreError> {
    let query = sqlx::query(include_str!("sql/read_stream.sql"))
        .bind(stream.org.as_str())
        .bind(stream.kind.as_str())
        .bind(stream.id.as_str())
        .bind(bounded(after))
        .bind(count(limit));
    events(readers, query).await
}

async fn events(readers: &Connections, query: Query<'_, Postgres, PgArguments>) -> Result<Vec<Recorded>, StoreError> {
    let mut decoder = Decoder::default();
    readers.decoded(query, |row| decoder.event(&row)).await
}

pub(super) async fn entity(
    readers: &Connections,
    owner: &StreamId,
    after_version: u64,
    after_position: u64,
    limit: usize,
) -> Result<Vec<Recorded>, StoreError> {
    let query = sqlx::query(include_str!("sql/read_entity.sql"))
        .bind(owner.org.as_str())
        .bind(owner.kind.as_str())
        .bind(owner.id.as_str())
        .bind(bounded(after_version))
        .bind(bounded(after_position))
        .bind(count(limit));
    let mut events = events(readers, query).await?;
    // Two ascending runs, or one: a stable sort finds them and merges in linear time.
    events.sort_by_key(|event| event.position);
    events.truncate(limit);
    Ok(events)
}

pub(super) async fn partition(
    readers: &Connections,
    partition: u16,
    after: u64,
    limit: usize,
    filter: &Filter,
) -> Result<Page, StoreError> {
    let Ok(number) = i16::try_from(partition) else {
        return Ok(Page { events: Vec::new(), scanned_to: after });
    };
    match *filter == Filter::default() {
        true => whole(readers, number, after, limit).await,
        false => filtered(readers, number, after, limit, filter).await,
    }
}

async fn whole(readers: &Connections, partition: i16, after: u64, limit: usize) -> Result<Page, StoreError> {
    let query = sqlx::query(include_str!("sql/read_partition.sql")).bind(partition).bind(bounded(after)).bind(count(limit));
    let events = events(readers, query).await?;
    let scanned_to = events.last().map_or(after, |last| last.position);
    Ok(Page { events, scanned_to })
}

/// Positions become visible in order, so that what the second query may see up to the head of the first is complete.
async fn filtered(readers: &Connections, partition: i16, after: u64, limit: usize, filter: &Filter) -> Result<Page, StoreError> {
    let head = readers.rows(sqlx::query(include_str!("sql/head.sql")).bind(partition)).await?;
    let head = head.first().map_or(Ok(0), |row| row.try_get(0)).and_then(unsigned).map_err(fault::repeatable)?;
    let (sql, reach) = match filter.stream {
        Some(_) => (include_str!("sql/read_filtered_stream.sql"), u64::MAX),
        None => (include_str!("sql/read_filtered.sql"), SCAN_MAX),
    };
    let end = head.min(after.saturating_add(reach)).max(after);
    if end == after || contradicts(filter) {
        return Ok(Page { events: Vec::new(), scanned_to: end });
    }
    let stream = filter.stream.as_ref();
    let query = sqlx::query(sql)
        .bind(partition)
        .bind(bounded(after))
        .bind(bounded(end))
        .bind(filter.org.as_ref().or(stream.map(|s| &s.org)).map(|org| org.as_str()))
        .bind(filter.kind.as_ref().or(stream.map(|s| &s.kind)).map(|kind| kind.as_str()));
    let query = match stream {
        Some(stream) => query.bind(stream.id.as_str()),
        None => query,
    };
    let events = events(readers, query.bind(filter.since.map(Timestamp::micros)).bind(owners(filter)).bind(count(limit))).await?;
    let scanned_to = events.last().filter(|_| events.len() == limit).map_or(end, |last| last.position);
    Ok(Page { events, scanned_to })
}

/// A page of each range with one question, of whatever stream.
pub(super) async fn ranges(readers: &Connections, ranges: &[Range], limit: usize, filter: &Filter) -> Result<Vec<Page>, StoreError> {
    let number = |range: &Range| i16::try_from(range.partition).unwrap_or(-1);
    let end = |range: &Range| range.until.min(range.after.saturating_add(SCAN_MAX)).max(range.after);
    let query = sqlx::query(include_str!("sql/read_ranges.sql"))
        .bind(each(ranges, number))
        .bind(each(ranges, |range| bounded(range.after)))
        .bind(each(ranges, |range| bounded(end(range))))
        .bind(filter.org.as_ref().map(|org| org.as_str()))
        .bind(filter.kind.as_ref().map(|kind| kind.as_str()))
        .bind(filter.since.map(Timestamp::micros))
        .bind(owners(filter))
        .bind(count(limit));
    let mut found: BTreeMap<u16, Vec<Recorded>> = BTreeMap::new();
    for event in events(readers, query).await? {
        found.entry(event.partition).or_default().push(event);
    }
    let page = |range: &Range| {
        let mut events = found.remove(&range.partition).unwrap_or_default();
        events.sort_by_key(|event| event.position);
        let scanned_to = events.last().filter(|_| events.len() == limit).map_or_else(|| end(range), |last| last.position);
        Page { events, scanned_to }
    };
    Ok(ranges.iter().map(page).collect())
}

fn owners(filter: &Filter) -> Option<Vec<&str>> {
    (!filter.owners.is_empty()).then(|| each(&filter.owners, |kind| kind.as_str()))
}

/// Whether the filter names a stream outside the organisation or kind that it asks for.
fn contradicts(filter: &Filter) -> bool {
    filter.stream.as_ref().is_some_and(|stream| {
        filter.org.as_ref().is_some_and(|org| *org != stream.org) || filter.kind.as_ref().is_some_and(|kind| *kind != stream.kind)
    })
}

pub(super) async fn heads(readers: &Connections) -> Result<Vec<u64>, StoreError> {
    let rows = readers.rows(sqlx::query(include_str!("sql/heads.sql"))).await?;
    rows.iter().map(|row| unsigned(row.try_get(0)?)).collect::<Result<_, _>>().map_err(fault::repeatable)
}

pub(super) async fn entities(readers: &Connections, after: Option<&StreamId>, limit: usize) -> Result<Vec<StreamId>, StoreError> {
    let (org, kind, id) = after.map_or(("", "", ""), |name| (name.org.as_str(), name.kind.as_str(), name.id.as_str()));
    let query = sqlx::query(include_str!("sql/entities.sql")).bind(org).bind(kind).bind(id).bind(count(limit));
    let mut decoder = Decoder::default();
    readers.decoded(query, |row| decoder.stream(&row, 0)).await
}

pub(super) async fn organisations(readers: &Connections, after: Option<&Org>, limit: usize) -> Result<Vec<Org>, StoreError> {
    let query = sqlx::query(include_str!("sql/organisations.sql")).bind(after.map_or("", Org::as_str)).bind(count(limit));
    let org = |row: PgRow| Org::new(text(&row, 0)?).map_err(|error| sqlx::Error::Decode(error.into()));
    readers.decoded(query, org).await
}

pub(super) async fn receipts(readers: &Connections, owner: &StreamId, commands: &[CommandId]) -> Result<Vec<Option<Receipt>>, StoreError> {
    let query = sqlx::query(include_str!("sql/receipts.sql"))
        .bind(owner.org.as_str())
        .bind(owner.kind.as_str())
        .bind(owner.id.as_str())
        .bind(commands.iter().map(|command| command.0).collect::<Vec<_>>());
    let mut found = vec![None; commands.len()];
    for row in &readers.rows(query).await? {
        let (index, receipt) = receipt(row, commands).map_err(fault::repeatable)?;
        if let Some(place) = found.get_mut(index) {
            *place = Some(receipt);
        }
    }
    Ok(found)
}

fn receipt(row: &PgRow, commands: &[CommandId]) -> Result<(usize, Receipt), sqlx::Error> {
    let missing = || sqlx::Error::Decode("a receipt that nobody asked for".into());
    let index = usize::try_from(row.try_get::<i64, _>(0)?).ok().and_then(|nth| nth.checked_sub(1)).ok_or_else(missing)?;
    let receipt = Receipt {
        command_id: *commands.get(index).ok_or_else(missing)?,
        body_hash: hash(row.try_get(1)?)?,
        version: unsigned(row.try_get(2)?)?,
        partition: number::partition(row.try_get(3)?)?,
        position: unsigned(row.try_get(4)?)?,
        events: unsigned32(row.try_get(5)?)?,
        recorded_at: Timestamp::from_micros(row.try_get(6)?),
    };
    Ok((index, receipt))
}

pub(super) async fn snapshot(readers: &Connections, owner: &StreamId) -> Result<Option<Snapshot>, StoreError> {
    let query = sqlx::query(include_str!("sql/snapshot.sql")).bind(owner.org.as_str()).bind(owner.kind.as_str()).bind(owner.id.as_str());
    readers.rows(query).await?.first().map(folded).transpose().map_err(fault::repeatable)
}

fn folded(row: &PgRow) -> Result<Snapshot, sqlx::Error> {
    Ok(Snapshot {
        state_schema: unsigned32(row.try_get(0)?)?,
        reducer: unsigned32(row.try_get(1)?)?,
        version: unsigned(row.try_get(2)?)?,
        position: unsigned(row.try_get(3)?)?,
        occurred_at: Timestamp::from_micros(row.try_get(4)?),
        recorded_at: Timestamp::from_micros(row.try_get(5)?),
        state: row.try_get(6)?,
    })
}

pub(super) async fn put_snapshot(readers: &Connections, owner: &StreamId, snapshot: &Snapshot) -> Result<(), StoreError> {
    let too_large = |_| StoreError::Invalid("a number in the snapshot is too large".to_owned());
    let query = sqlx::query(include_str!("sql/put_snapshot.sql"))
        .bind(owner.org.as_str())
        .bind(owner.kind.as_str())
        .bind(owner.id.as_str())
        .bind(i32::try_from(snapshot.state_schema).map_err(too_large)?)
        .bind(i32::try_from(snapshot.reducer).map_err(too_large)?)
        .bind(i64::try_from(snapshot.version).map_err(too_large)?)
        .bind(i64::try_from(snapshot.position).map_err(too_large)?)
        .bind(snapshot.occurred_at.micros())
        .bind(snapshot.recorded_at.micros())
        .bind(&snapshot.state);
    readers.rows(query).await.map(|_| ())
}

/// A lower bound; beyond what the database can count there is nothing.
fn bounded(position: u64) -> i64 {
    i64::try_from(position).unwrap_or(i64::MAX)
}

pub(super) fn count(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
