//! Reading: entities, streams, partitions, names. Each call sees what is committed; none keeps a snapshot of the file open
//! after it has answered.

use super::SqliteStore;
use super::append::heads;
use super::columns::Columns;
use super::event_row::{EventReader, POSITION_MAX, Packed, place};
use super::fault::{self, unreadable};
use crate::{Filter, Page, Receipt, StoreError};
use ionveil_kernel::{CommandId, EntityId, Kind, Org, Recorded, StreamId, Timestamp};
use sqlx::Sqlite;
use sqlx::query::Query;
use sqlx::sqlite::{SqliteArguments, SqliteConnection};
use std::collections::BTreeSet;

/// How many positions one call looks at to find those that a filter wants.
const SCAN_MAX: u64 = 20_000;
/// How many events come in the first value of a read; after that as many as make up [`VALUE_BYTES`].
const VALUE_EVENTS_FIRST: usize = 128;
/// The most events in one value.
const VALUE_EVENTS_MAX: usize = 1_024;
/// About how large a value is at most. It is in memory three times: in SQLite, on its way, and as events.
const VALUE_BYTES: usize = 1 << 20;
/// How many names come in one value.
const VALUE_NAMES: usize = 1_000;

macro_rules! events {
    ($condition:literal) => {
        concat!(include_str!("sql/event_columns.sql"), include_str!($condition), ")")
    };
}

/// What main streams and parts hold, each packed in one value.
const ENTITY: &str = concat!("SELECT (", events!("sql/where_main.sql"), "), (", events!("sql/where_parts.sql"), ")");

/// How many events to ask for, after so many came in so many bytes.
fn next_size(asked: usize, bytes: usize) -> usize {
    (VALUE_BYTES * asked / bytes.max(1)).clamp(1, VALUE_EVENTS_MAX)
}

impl SqliteStore {
    pub(super) async fn receipts_of(&self, owner: &StreamId, commands: &[CommandId]) -> Result<Vec<Option<Receipt>>, StoreError> {
        let commands: Vec<_> = commands.iter().map(|command| (owner, *command)).collect();
        let mut connection = self.readers.acquire().await.map_err(fault::of)?;
        self.statements.receipts(&mut connection, &commands, usize::from(self.partitions)).await
    }

    /// Both kinds of streams in one statement, which sees one snapshot of the file: an append that writes to both is seen
    /// whole, since the last statement comes to the end of both.
    pub(super) async fn entity(
        &self,
        owner: &StreamId,
        after_version: u64,
        after_position: u64,
        limit: usize,
    ) -> Result<Vec<Recorded>, StoreError> {
        let mut connection = self.readers.acquire().await.map_err(fault::of)?;
        let mut place_after = place(owner.partition(self.partitions), after_position.min(POSITION_MAX))?;
        let (mut sequence_after, mut asked, mut reader) = (sequence(after_version), VALUE_EVENTS_FIRST, EventReader::default());
        let (mut main, mut parts) = (Vec::new(), Vec::new());
        loop {
            let query = sqlx::query(ENTITY).bind(sequence_after).bind(i64::try_from(asked).unwrap_or(i64::MAX));
            let row = bind_name(query, owner).bind(place_after).fetch_one(&mut *connection).await.map_err(fault::of)?;
            let values = [Columns(&row).maybe_bytes(0)?.unwrap_or_default(), Columns(&row).maybe_bytes(1)?.unwrap_or_default()];
            let before = (main.len(), parts.len());
            reader.read(values[0], &mut main)?;
            reader.read(values[1], &mut parts)?;
            let whole = |events: &Vec<Recorded>, before: usize| events.len() - before < asked || events.len() >= limit;
            if whole(&main, before.0) && whole(&parts, before.1) {
                break;
            }
            sequence_after = main.last().map_or(Ok(sequence_after), by_sequence)?;
            place_after = parts.last().map_or(Ok(place_after), by_place)?;
            asked = next_size(asked, values[0].len() + values[1].len());
        }
        if !parts.is_empty() {
            main.extend(parts);
            main.sort_by_key(|event| event.position);
        }
        main.truncate(limit);
        Ok(main)
    }

    pub(super) async fn stream(&self, stream: &StreamId, after: u64, limit: usize) -> Result<Vec<Recorded>, StoreError> {
        let mut reader = self.readers.acquire().await.map_err(fault::of)?;
        let selection = Selection { sql: events!("sql/where_stream.sql"), after: sequence(after), key: by_sequence };
        selection.fetch(&mut reader, limit, |query| bind_name(query, stream)).await
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
        let mut names: BTreeSet<_> = names(&mut reader, include_str!("sql/streams.sql"), after, limit).await?.into_iter().collect();
        names.extend(self::names(&mut reader, include_str!("sql/owners.sql"), after, limit).await?);
        reader.rollback().await.map_err(fault::of)?;
        Ok(names.into_iter().take(limit).collect())
    }

    pub(super) async fn organisation_names(&self, after: Option<&Org>, limit: usize) -> Result<Vec<Org>, StoreError> {
        let query = sqlx::query(include_str!("sql/organisations.sql")).bind(after.map_or("", Org::as_str));
        let rows = query.bind(i64::try_from(limit).unwrap_or(i64::MAX)).fetch_all(&self.readers).await.map_err(fault::of)?;
        rows.iter().map(|row| Org::new(Columns(row).text(0)?).map_err(|_| unreadable("organisation"))).collect()
    }
}

type Select<'q> = Query<'q, Sqlite, SqliteArguments>;

/// Events of one statement that takes a key as `?1` and a number of events as `?2`, and answers with those of greater
/// keys, ascending.
struct Selection {
    sql: &'static str,
    after: i64,
    key: fn(&Recorded) -> Result<i64, StoreError>,
}

impl Selection {
    /// Reads value by value until there are `limit` events or no more; `bind` adds what comes after `?2`.
    async fn fetch<'q>(
        mut self,
        connection: &mut SqliteConnection,
        limit: usize,
        bind: impl Fn(Select<'q>) -> Select<'q>,
    ) -> Result<Vec<Recorded>, StoreError> {
        let mut reader = EventReader::default();
        let mut events = Vec::new();
        let mut wanted = VALUE_EVENTS_FIRST;
        while events.len() < limit {
            let before = events.len();
            let asked = wanted.min(limit - before);
            let query = bind(sqlx::query(self.sql).bind(self.after).bind(i64::try_from(asked).unwrap_or(i64::MAX)));
            let row = query.fetch_one(&mut *connection).await.map_err(fault::of)?;
            let Some(value) = Columns(&row).maybe_bytes(0)? else { break };
            reader.read(value, &mut events)?;
            if events.len() - before < asked {
                break;
            }
            wanted = next_size(asked, value.len());
            self.after = events.last().map_or(Ok(self.after), self.key)?;
        }
        Ok(events)
    }
}

fn by_sequence(event: &Recorded) -> Result<i64, StoreError> {
    Ok(sequence(event.sequence_number))
}

fn by_place(event: &Recorded) -> Result<i64, StoreError> {
    place(event.partition, event.position)
}

/// No stream comes near the greatest integer.
fn sequence(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn bind_name<'q>(query: Select<'q>, stream: &'q StreamId) -> Select<'q> {
    query.bind(stream.org.as_str()).bind(stream.kind.as_str()).bind(stream.id.as_str())
}

/// Without gaps and without a filter the last event is also how far was looked.
async fn all_of(reader: &mut SqliteConnection, partition: u16, after: u64, limit: usize) -> Result<Page, StoreError> {
    let all = Selection { sql: events!("sql/where_partition.sql"), after: place(partition, after)?, key: by_place };
    let end = place(partition, POSITION_MAX)?;
    let events = all.fetch(reader, limit, |query| query.bind(end)).await?;
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
    if impossible(filter) {
        return Ok(Page { events: Vec::new(), scanned_to: head });
    }
    let scanned = if filter.stream.is_some() { head } else { head.min(after + SCAN_MAX) };
    let (after, end) = (place(partition, after)?, place(partition, scanned)?);
    let owners = owners(filter);
    let events = match &filter.stream {
        Some(stream) => {
            let selection = Selection { sql: events!("sql/where_partition_stream.sql"), after, key: by_place };
            selection.fetch(reader, limit, |query| bind_name(query.bind(end), stream).bind(owners.as_deref())).await?
        }
        None => {
            let (org, kind) = (filter.org.as_ref().map(Org::as_str), filter.kind.as_ref().map(Kind::as_str));
            let selection = Selection { sql: events!("sql/where_partition_filtered.sql"), after, key: by_place };
            selection.fetch(reader, limit, |query| query.bind(end).bind(org).bind(kind).bind(owners.as_deref())).await?
        }
    };
    let scanned_to = events.last().filter(|_| events.len() == limit).map_or(scanned, |last| last.position);
    Ok(Page { events, scanned_to })
}

/// Kinds are lawful names: nothing in them needs an escape.
fn owners(filter: &Filter) -> Option<String> {
    let names: Vec<String> = filter.owners.iter().map(|kind| format!("\"{kind}\"")).collect();
    (!names.is_empty()).then(|| format!("[{}]", names.join(",")))
}

/// A stream of another organisation or kind than is asked for.
fn impossible(filter: &Filter) -> bool {
    filter.stream.as_ref().is_some_and(|stream| {
        filter.org.as_ref().is_some_and(|org| *org != stream.org) || filter.kind.as_ref().is_some_and(|kind| *kind != stream.kind)
    })
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

/// At most `limit` names after `after` that are nobody's part.
async fn names(
    reader: &mut SqliteConnection,
    sql: &'static str,
    after: Option<&StreamId>,
    limit: usize,
) -> Result<Vec<StreamId>, StoreError> {
    let mut names = Vec::new();
    let mut after = after.cloned();
    let asked = limit.min(VALUE_NAMES);
    while names.len() < limit {
        let (org, kind, id) = after.as_ref().map_or(("", "", ""), |after| (after.org.as_str(), after.kind.as_str(), after.id.as_str()));
        let query = sqlx::query(sql).bind(org).bind(kind).bind(id).bind(i64::try_from(asked).unwrap_or(i64::MAX));
        let row = query.fetch_one(&mut *reader).await.map_err(fault::of)?;
        let Some(value) = Columns(&row).maybe_bytes(0)? else { break };
        let mut packed = Packed(value);
        let mut found = 0;
        while !packed.0.is_empty() {
            let (stream, part) = name(&mut packed).ok_or_else(|| unreadable("stream name"))?;
            names.extend((!part).then(|| stream.clone()));
            after = Some(stream);
            found += 1;
        }
        if found < asked {
            break;
        }
    }
    names.truncate(limit);
    Ok(names)
}

/// A name, and whether it is of a part.
fn name(packed: &mut Packed<'_>) -> Option<(StreamId, bool)> {
    let org = Org::new(packed.line()?).ok()?;
    let kind = Kind::new(packed.line()?).ok()?;
    let id = EntityId::new(packed.line()?).ok()?;
    Some((StreamId { org, kind, id }, packed.line()? == "1"))
}
