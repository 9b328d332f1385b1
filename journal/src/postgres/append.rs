//! Sends a batch to the database function `append` in one call, as columns. What comes back is read elsewhere.

use super::connections::Connections;
use super::fault;
use super::options::Limits;
use super::plan::{Flaw, Plan};
use super::tails::Tails;
use super::verdict;
use crate::{Append, Claim, NewEvent, StoreError, TimerChange, TimerChangeKind, Verdict};
use ionveil_kernel::Timestamp;
use parking_lot::Mutex;
use sqlx::Postgres;
use sqlx::postgres::{PgArguments, PgConnectOptions};
use sqlx::query::Query;
use std::collections::BTreeSet;

/// Prepared when the connection opens.
const SQL: &str = include_str!("sql/append.sql");

type Call<'q> = Query<'q, Postgres, PgArguments>;

/// The one connection that appends, and what it knows.
pub(super) struct Writer {
    pub(super) connections: Connections,
    tails: Mutex<Tails>,
}

impl Writer {
    /// Its connection opens with the first append.
    pub(super) fn new(connect: PgConnectOptions, limits: Limits) -> Self {
        Self { connections: Connections::new(connect, limits, 1, &[SQL]), tails: Mutex::default() }
    }

    /// Appends `batch` over the connection.
    pub(super) async fn append(
        &self,
        partitions: u16,
        claims: &[Claim],
        batch: &[Append],
        now: Timestamp,
    ) -> Result<Vec<Verdict>, StoreError> {
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        let plan = Plan::of(batch, partitions)?;
        let mut held = self.connections.take().await?;
        if held.is_new() {
            self.tails.lock().forget();
        }
        let call = bind(&plan, partitions, claims, batch, now, &self.tails.lock())?;
        let rows = held.decoded(call, Ok).await.map_err(fault::sent)?;
        // The commit is done: an answer that cannot be read leaves open what it did.
        let verdicts = verdict::read(&plan, batch, &rows).map_err(StoreError::unknown)?;
        self.tails.lock().learn(batch, &verdicts);
        held.keep();
        Ok(verdicts)
    }
}

fn bind<'q>(
    plan: &Plan<'_>,
    partitions: u16,
    claims: &[Claim],
    batch: &[Append],
    now: Timestamp,
    tails: &Tails,
) -> Result<Call<'q>, StoreError> {
    let touched: BTreeSet<u16> = plan.appends.iter().map(|append| append.partition).collect();
    let call = sqlx::query(SQL).bind(epochs(partitions, claims, &touched)).bind(integer(touched.len())?).bind(now.micros());
    bind_timers(bind_events(bind_firsts(bind_appends(call, plan, batch)?, plan, tails), plan)?, batch)
}

fn bind_firsts<'q>(call: Call<'q>, plan: &Plan<'_>, tails: &Tails) -> Call<'q> {
    let firsts: Vec<_> = plan.events.iter().zip(1_i32..).filter(|(placed, _)| placed.first).collect();
    let proven = |event: &NewEvent| event.sequence_number == 1 || tails.prove(&event.stream, event.sequence_number - 1);
    let unproven: Vec<_> = firsts.iter().filter(|(placed, _)| !proven(placed.event)).map(|(_, nth)| *nth).collect();
    call.bind(firsts.iter().map(|(_, nth)| *nth).collect::<Vec<_>>()).bind(unproven)
}

fn bind_appends<'q>(call: Call<'q>, plan: &Plan<'_>, batch: &[Append]) -> Result<Call<'q>, StoreError> {
    let appends = &plan.appends;
    let flaw = |flaw: Flaw| match flaw {
        Flaw::None => 0_i16,
        Flaw::Twice => 1,
        Flaw::OutOfOrder => 2,
    };
    let flawless = appends.iter().all(|append| append.flaw == Flaw::None);
    Ok(call
        .bind(each(appends, |a| small(a.partition)))
        .bind(unless(flawless, each(appends, |a| flaw(a.flaw))))
        .bind(try_each(appends, |a| integer(a.offset))?)
        .bind(each(batch, |a| a.owner.org.as_str()))
        .bind(each(batch, |a| a.owner.kind.as_str()))
        .bind(each(batch, |a| a.owner.id.as_str()))
        .bind(each(batch, |a| a.command_id.0))
        .bind(each(batch, |a| a.body_hash.0.as_slice()))
        .bind(try_each(batch, |a| big(a.version))?)
        .bind(try_each(batch, |a| integer(a.events.len()))?))
}

fn bind_events<'q>(call: Call<'q>, plan: &Plan<'_>) -> Result<Call<'q>, StoreError> {
    let events = &plan.events;
    let only_main = events.iter().all(|e| e.part().is_none());
    let untraced = events.iter().all(|e| e.event.traceparent.is_none());
    Ok(call
        .bind(try_each(events, |e| integer(e.append + 1))?)
        .bind(try_each(events, |e| integer(e.rest))?)
        .bind(unless(only_main, each(events, |e| e.part().map(|part| part.kind.as_str()))))
        .bind(unless(only_main, each(events, |e| e.part().map(|part| part.id.as_str()))))
        .bind(try_each(events, |e| big(e.event.sequence_number))?)
        .bind(each(events, |e| e.event.event_id.0))
        .bind(each(events, |e| &*e.event.event_type))
        .bind(try_each(events, |e| i32::try_from(e.event.schema_version).map_err(too_large))?)
        .bind(each(events, |e| e.event.data.as_str()))
        .bind(each(events, |e| e.event.occurred_at.micros()))
        .bind(each(events, |e| e.event.correlation_id.0))
        .bind(each(events, |e| e.event.causation_id))
        .bind(each(events, |e| &*e.event.actor))
        .bind(unless(untraced, each(events, |e| e.event.traceparent.as_deref()))))
}

/// The database looks at the first column only where it is empty.
fn bind_timers<'q>(call: Call<'q>, batch: &[Append]) -> Result<Call<'q>, StoreError> {
    let timers: Vec<(usize, &TimerChange)> =
        (1..).zip(batch).flat_map(|(nth, append)| append.timers.iter().map(move |t| (nth, t))).collect();
    let number = |change: &TimerChangeKind| match change {
        TimerChangeKind::Arm { .. } => 0_i16,
        TimerChangeKind::Disarm => 1,
        TimerChangeKind::Consume => 2,
    };
    let armed = |change: &TimerChangeKind| match *change {
        TimerChangeKind::Arm { due, policy } => Some((due.micros(), i16::from(policy.number()))),
        TimerChangeKind::Disarm | TimerChangeKind::Consume => None,
    };
    Ok(call
        .bind(try_each(&timers, |(nth, _)| integer(*nth))?)
        .bind(each(&timers, |(_, timer)| timer.name.as_str()))
        .bind(each(&timers, |(_, timer)| number(&timer.change)))
        .bind(each(&timers, |(_, timer)| armed(&timer.change).map(|(due, _)| due)))
        .bind(each(&timers, |(_, timer)| armed(&timer.change).map(|(_, policy)| policy))))
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

pub(super) fn each<'a, T, U>(rows: &'a [T], column: impl Fn(&'a T) -> U) -> Vec<U> {
    rows.iter().map(column).collect()
}

pub(super) fn try_each<'a, T, U>(rows: &'a [T], column: impl Fn(&'a T) -> Result<U, StoreError>) -> Result<Vec<U>, StoreError> {
    rows.iter().map(column).collect()
}

/// A column that says nothing is sent empty: the database reads what is missing as null.
fn unless<T>(empty: bool, column: Vec<T>) -> Vec<T> {
    if empty { Vec::new() } else { column }
}

fn small(number: u16) -> i16 {
    i16::try_from(number).unwrap_or(i16::MAX)
}

fn integer(number: usize) -> Result<i32, StoreError> {
    i32::try_from(number).map_err(too_large)
}

pub(super) fn big(number: u64) -> Result<i64, StoreError> {
    i64::try_from(number).map_err(too_large)
}

fn too_large(error: std::num::TryFromIntError) -> StoreError {
    StoreError::Invalid(format!("a number in the batch: {error}"))
}
