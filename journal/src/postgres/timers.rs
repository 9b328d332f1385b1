//! Timers that are due, and their consumption. What appends do to timers is part of the append.

use super::PostgresStore;
use super::append::big;
use super::connections::Connections;
use super::fault;
use super::lease::numbers;
use super::number;
use super::read::count;
use super::row::{Decoder, fixed, instant, long, text};
use crate::{ArmedTimer, Claim, StoreError, StoreResult, TimerStore};
use ionveil_kernel::{StreamId, TimerPolicy, Timestamp};
use sqlx::postgres::PgRow;
use sqlx::{Error, Row};
use std::collections::BTreeSet;

/// The numbers of `partitions`, each once; what no database has is left out.
pub(super) fn distinct(partitions: &[u16]) -> Vec<i16> {
    partitions.iter().filter_map(|partition| i16::try_from(*partition).ok()).collect::<BTreeSet<_>>().into_iter().collect()
}

/// The first column of the one row of an answer.
pub(super) fn only<'r, T>(rows: &'r [PgRow]) -> Result<T, StoreError>
where
    T: sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres>,
{
    let row = rows.first().ok_or_else(|| StoreError::Corrupt("no answer".to_owned()))?;
    row.try_get(0).map_err(fault::repeatable)
}

async fn due(
    readers: &Connections,
    partitions: &[u16],
    now: Timestamp,
    after: Option<&ArmedTimer>,
    limit: usize,
) -> Result<Vec<ArmedTimer>, StoreError> {
    let (due, org, kind, id, name) = after.map_or((i64::MIN, "", "", "", ""), |timer| {
        let StreamId { org, kind, id } = &timer.owner;
        (timer.due.micros(), org.as_str(), kind.as_str(), id.as_str(), timer.name.as_str())
    });
    let query = sqlx::query(include_str!("sql/due_timers.sql")).bind(distinct(partitions)).bind(now.micros());
    timers(readers, query.bind(due).bind(org).bind(kind).bind(id).bind(name).bind(count(limit))).await
}

async fn timers(
    readers: &Connections,
    query: sqlx::query::Query<'_, sqlx::Postgres, sqlx::postgres::PgArguments>,
) -> Result<Vec<ArmedTimer>, StoreError> {
    let mut decoder = Decoder::default();
    readers.decoded(query, |row| timer(&mut decoder, &row)).await
}

async fn next(readers: &Connections, partitions: &[u16]) -> Result<Option<Timestamp>, StoreError> {
    let rows = readers.rows(sqlx::query(include_str!("sql/next_due.sql")).bind(distinct(partitions))).await?;
    Ok(only::<Option<i64>>(&rows)?.map(Timestamp::from_micros))
}

async fn consume(effects: &Connections, claim: Claim, timer: &ArmedTimer) -> Result<bool, StoreError> {
    let (partition, epoch) = numbers(&claim)?;
    let query = sqlx::query(include_str!("sql/consume_timer.sql"))
        .bind(partition)
        .bind(epoch)
        .bind(timer.owner.org.as_str())
        .bind(timer.owner.kind.as_str())
        .bind(timer.owner.id.as_str())
        .bind(timer.name.as_str())
        .bind(big(timer.armed)?);
    only(&effects.call(query).await?)
}

impl TimerStore for PostgresStore {
    fn due_timers<'a>(
        &'a self,
        partitions: &'a [u16],
        now: Timestamp,
        after: Option<&'a ArmedTimer>,
        limit: usize,
    ) -> StoreResult<'a, Vec<ArmedTimer>> {
        Box::pin(due(&self.readers, partitions, now, after, limit))
    }

    fn next_due<'a>(&'a self, partitions: &'a [u16]) -> StoreResult<'a, Option<Timestamp>> {
        Box::pin(next(&self.readers, partitions))
    }

    fn consume_timer<'a>(&'a self, claim: Claim, timer: &'a ArmedTimer) -> StoreResult<'a, bool> {
        Box::pin(consume(&self.effects, claim, timer))
    }

    fn timers<'a>(&'a self, owner: &'a StreamId) -> StoreResult<'a, Vec<ArmedTimer>> {
        let query = sqlx::query(include_str!("sql/timers.sql"));
        let query = query.bind(owner.org.as_str()).bind(owner.kind.as_str()).bind(owner.id.as_str());
        Box::pin(timers(&self.readers, query))
    }
}

fn timer(decoder: &mut Decoder, row: &PgRow) -> Result<ArmedTimer, Error> {
    let policy = u8::try_from(i16::from_be_bytes(fixed(row, 6)?)).ok().and_then(TimerPolicy::from_number);
    Ok(ArmedTimer {
        partition: number::partition(i16::from_be_bytes(fixed(row, 0)?))?,
        owner: decoder.stream(row, 1)?,
        name: text(row, 4)?.to_owned(),
        due: instant(row, 5)?,
        policy: policy.ok_or_else(|| Error::Decode("an unknown timer policy".into()))?,
        armed: long(row, 7)?,
        consumed: row.try_get(8)?,
    })
}
