//! Sends a batch to the database function `append` in one call, as columns, and reads its verdicts.

use super::connections::Connections;
use super::fault;
use super::plan::{Flaw, Plan};
use crate::{Append, Claim, Receipt, StoreError, Verdict};
use ionveil_kernel::{BodyHash, Timestamp};
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::query::Query;
use sqlx::{Postgres, Row};
use std::collections::BTreeSet;

/// Prepared when a lane opens.
pub(super) const SQL: &str = include_str!("sql/append.sql");

/// Appends `batch` over the lane's connection.
pub(super) async fn append(
    lane: &Connections,
    partitions: u16,
    claims: &[Claim],
    batch: &[Append],
    now: Timestamp,
) -> Result<Vec<Verdict>, StoreError> {
    if batch.is_empty() {
        return Ok(Vec::new());
    }
    let plan = Plan::of(batch, partitions)?;
    let query = bind(&plan, partitions, claims, batch, now)?;
    let mut held = lane.take().await?;
    let rows = held.rows(query).await.map_err(fault::sent)?;
    held.keep();
    verdicts(&plan, batch, &rows)
}

fn bind<'q>(
    plan: &Plan<'_>,
    partitions: u16,
    claims: &[Claim],
    batch: &[Append],
    now: Timestamp,
) -> Result<Query<'q, Postgres, PgArguments>, StoreError> {
    let touched: BTreeSet<u16> = plan.appends.iter().map(|append| append.partition).collect();
    let query = sqlx::query(SQL).bind(epochs(partitions, claims, &touched)).bind(integer(touched.len())?).bind(now.micros());
    let query = bind_appends(query, plan, batch)?;
    let query = bind_streams(query, plan, batch)?;
    bind_events(query, plan)
}

fn bind_appends<'q>(
    query: Query<'q, Postgres, PgArguments>,
    plan: &Plan<'_>,
    batch: &[Append],
) -> Result<Query<'q, Postgres, PgArguments>, StoreError> {
    let flaw = |flaw: Flaw| match flaw {
        Flaw::None => 0_i16,
        Flaw::Twice => 1,
        Flaw::OutOfOrder => 2,
    };
    Ok(query
        .bind(each(&plan.appends, |a| small(a.partition)))
        .bind(try_each(&plan.appends, |a| integer(a.chain))?)
        .bind(each(&plan.appends, |a| flaw(a.flaw)))
        .bind(try_each(&plan.appends, |a| integer(a.offset))?)
        .bind(each(batch, |a| a.owner.org.as_str()))
        .bind(each(batch, |a| a.owner.kind.as_str()))
        .bind(each(batch, |a| a.owner.id.as_str()))
        .bind(each(batch, |a| a.command_id.0))
        .bind(each(batch, |a| a.body_hash.0.as_slice()))
        .bind(try_each(batch, |a| big(a.version))?)
        .bind(try_each(batch, |a| integer(a.events.len()))?))
}

fn bind_streams<'q>(
    query: Query<'q, Postgres, PgArguments>,
    plan: &Plan<'_>,
    batch: &[Append],
) -> Result<Query<'q, Postgres, PgArguments>, StoreError> {
    Ok(query
        .bind(try_each(&plan.streams, |s| ordinal(s.append))?)
        .bind(each(&plan.streams, |s| s.stream.kind.as_str()))
        .bind(each(&plan.streams, |s| s.stream.id.as_str()))
        .bind(each(&plan.streams, |s| batch.get(s.append).is_some_and(|append| append.owner != *s.stream)))
        .bind(try_each(&plan.streams, |s| big(s.last))?))
}

fn bind_events<'q>(query: Query<'q, Postgres, PgArguments>, plan: &Plan<'_>) -> Result<Query<'q, Postgres, PgArguments>, StoreError> {
    let events = &plan.events;
    Ok(query
        .bind(try_each(events, |e| ordinal(e.append))?)
        .bind(try_each(events, |e| ordinal(e.stream))?)
        .bind(try_each(events, |e| integer(e.nth))?)
        .bind(try_each(events, |e| big(e.event.sequence_number))?)
        .bind(each(events, |e| e.event.event_id.0))
        .bind(each(events, |e| &*e.event.event_type))
        .bind(try_each(events, |e| i32::try_from(e.event.schema_version).map_err(too_large))?)
        .bind(each(events, |e| e.event.data.as_str()))
        .bind(each(events, |e| e.event.occurred_at.micros()))
        .bind(each(events, |e| e.event.correlation_id.0))
        .bind(each(events, |e| e.event.causation_id))
        .bind(each(events, |e| &*e.event.actor))
        .bind(each(events, |e| e.event.traceparent.as_deref())))
}

/// The claimed epoch of each partition; -1, which no head has, where it is not claimed or not needed.
fn epochs(partitions: u16, claims: &[Claim], touched: &BTreeSet<u16>) -> Vec<i64> {
    let mut epochs = vec![-1; usize::from(partitions)];
    for claim in claims.iter().filter(|claim| touched.contains(&claim.partition)) {
        if let Some(epoch) = epochs.get_mut(usize::from(claim.partition)) {
            *epoch = i64::try_from(claim.epoch).unwrap_or(-1);
        }
    }
    epochs
}

fn verdicts(plan: &Plan<'_>, batch: &[Append], rows: &[PgRow]) -> Result<Vec<Verdict>, StoreError> {
    if rows.len() != batch.len() {
        // The commit is done, so this is no refusal: nobody knows what it did.
        return Err(StoreError::unknown(format!("{} verdicts on {} appends", rows.len(), batch.len())));
    }
    let judged = batch.iter().zip(&plan.appends).zip(rows);
    judged.map(|((append, planned), row)| verdict(append, planned.partition, row).map_err(StoreError::unknown)).collect()
}

fn verdict(append: &Append, partition: u16, row: &PgRow) -> Result<Verdict, sqlx::Error> {
    let receipt = |version, events, body_hash| -> Result<Receipt, sqlx::Error> {
        Ok(Receipt {
            command_id: append.command_id,
            body_hash,
            version,
            partition,
            position: unsigned(row.try_get(1)?)?,
            events,
            recorded_at: Timestamp::from_micros(row.try_get(2)?),
        })
    };
    match row.try_get::<i16, _>(0)? {
        1 => Ok(Verdict::Accepted(receipt(append.version, u32::try_from(append.events.len()).unwrap_or(u32::MAX), append.body_hash)?)),
        2 => Ok(Verdict::Duplicate(receipt(unsigned(row.try_get(3)?)?, unsigned32(row.try_get(4)?)?, hash(row.try_get(5)?)?)?)),
        3 => Ok(Verdict::Conflict),
        4 => Ok(Verdict::Fenced),
        other => Err(sqlx::Error::Decode(format!("verdict {other}").into())),
    }
}

/// A stored number that is never negative.
pub(super) fn unsigned(number: i64) -> Result<u64, sqlx::Error> {
    u64::try_from(number).map_err(|error| sqlx::Error::Decode(error.into()))
}

/// A stored number that is never negative.
pub(super) fn unsigned32(number: i32) -> Result<u32, sqlx::Error> {
    u32::try_from(number).map_err(|error| sqlx::Error::Decode(error.into()))
}

/// A stored hash.
pub(super) fn hash(bytes: &[u8]) -> Result<BodyHash, sqlx::Error> {
    bytes.try_into().map(BodyHash).map_err(|_| sqlx::Error::Decode("a hash has 32 bytes".into()))
}

fn each<'a, T, U>(rows: &'a [T], column: impl Fn(&'a T) -> U) -> Vec<U> {
    rows.iter().map(column).collect()
}

fn try_each<'a, T, U>(rows: &'a [T], column: impl Fn(&'a T) -> Result<U, StoreError>) -> Result<Vec<U>, StoreError> {
    rows.iter().map(column).collect()
}

fn small(number: u16) -> i16 {
    i16::try_from(number).unwrap_or(i16::MAX)
}

fn integer(number: usize) -> Result<i32, StoreError> {
    i32::try_from(number).map_err(too_large)
}

/// An index here is an index from 1 there.
fn ordinal(index: usize) -> Result<i32, StoreError> {
    integer(index + 1)
}

fn big(number: u64) -> Result<i64, StoreError> {
    i64::try_from(number).map_err(too_large)
}

fn too_large(error: std::num::TryFromIntError) -> StoreError {
    StoreError::Invalid(format!("a number in the batch: {error}"))
}
