//! Checkpoints of reactors and the outbox. What takes a claim is one call of a database function that looks at the lease
//! and not at the head, so that appends go on.

use super::PostgresStore;
use super::append::{big, each, try_each};
use super::connections::Connections;
use super::fault;
use super::lease::numbers;
use super::number::{self, unsigned, unsigned32};
use super::read::count;
use super::row::{fixed, instant, long, maybe, text, uuid};
use super::timers::{distinct, only};
use crate::outbox::{check_reactor, check_step};
use crate::{Claim, NewOutboxRow, OutboxRow, OutboxState, OutboxStore, OutboxWhat, Reacted, Settlement, StoreError, StoreResult};
use ionveil_kernel::{CorrelationId, EffectClass, Org, Timestamp};
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::query::Query;
use sqlx::{Error, Postgres, Row};
use uuid::Uuid;

type Call<'q> = Query<'q, Postgres, PgArguments>;

async fn checkpoints(readers: &Connections, reactor: &str) -> Result<Vec<u64>, StoreError> {
    check_reactor(reactor)?;
    let rows = readers.rows(sqlx::query(include_str!("sql/checkpoints.sql")).bind(reactor)).await?;
    rows.iter().map(|row| unsigned(row.try_get(0)?)).collect::<Result<_, _>>().map_err(fault::repeatable)
}

async fn react(
    effects: &Connections,
    claim: Claim,
    reactor: &str,
    (from, to): (u64, u64),
    rows: &[NewOutboxRow],
    now: Timestamp,
) -> Result<Reacted, StoreError> {
    check_step(reactor, from, to, rows)?;
    let (partition, epoch) = numbers(&claim)?;
    let call = sqlx::query(include_str!("sql/react.sql"))
        .bind(partition)
        .bind(epoch)
        .bind(reactor)
        .bind(big(from)?)
        .bind(big(to)?)
        .bind(now.micros());
    match only::<i16>(&effects.call(bind_rows(call, rows)?).await?)? {
        0 => Ok(Reacted::Stored),
        1 => Ok(Reacted::Fenced),
        2 => Ok(Reacted::Moved),
        other => Err(StoreError::Corrupt(format!("the answer {other} to a step of a reactor"))),
    }
}

fn bind_rows<'q>(call: Call<'q>, rows: &[NewOutboxRow]) -> Result<Call<'q>, StoreError> {
    let target = |row: &NewOutboxRow| match &row.what {
        OutboxWhat::Command { to } => Some(to.to_string()),
        OutboxWhat::Effect { .. } => None,
    };
    let effect = |row: &NewOutboxRow| match &row.what {
        OutboxWhat::Command { .. } => None,
        OutboxWhat::Effect { channel, class } => Some((channel.clone(), i16::from(class.number()))),
    };
    Ok(call
        .bind(each(rows, |row| row.effect_id))
        .bind(try_each(rows, |row| big(row.position))?)
        .bind(each(rows, |row| row.org.as_str()))
        .bind(each(rows, target))
        .bind(each(rows, |row| effect(row).map(|(channel, _)| channel)))
        .bind(each(rows, |row| effect(row).map(|(_, class)| class)))
        .bind(each(rows, |row| row.payload.as_str()))
        .bind(each(rows, |row| row.correlation_id.0))
        .bind(each(rows, |row| row.causation_id))
        .bind(each(rows, |row| row.traceparent.as_deref())))
}

async fn next(readers: &Connections, partitions: &[u16]) -> Result<Option<Timestamp>, StoreError> {
    let rows = readers.rows(sqlx::query(include_str!("sql/outbox_next.sql")).bind(distinct(partitions))).await?;
    Ok(only::<Option<i64>>(&rows)?.map(Timestamp::from_micros))
}

async fn begin(effects: &Connections, claim: Claim, effect_id: Uuid) -> Result<bool, StoreError> {
    let (partition, epoch) = numbers(&claim)?;
    let call = sqlx::query(include_str!("sql/outbox_begin.sql")).bind(partition).bind(epoch).bind(effect_id);
    only(&effects.call(call).await?)
}

async fn settle(effects: &Connections, claim: Claim, effect_id: Uuid, settlement: &Settlement) -> Result<bool, StoreError> {
    let (partition, epoch) = numbers(&claim)?;
    let call = sqlx::query(include_str!("sql/outbox_settle.sql")).bind(partition).bind(epoch).bind(effect_id);
    let call = match settlement.outcome() {
        None => call.bind(None::<i16>).bind(None::<i64>).bind(None::<String>),
        Some((state, not_before, error)) => {
            call.bind(i16::from(state.number())).bind(not_before.map(Timestamp::micros)).bind(error.into_owned())
        }
    };
    only(&effects.call(call).await?)
}

async fn abandoned(effects: &Connections, claim: Claim) -> Result<u64, StoreError> {
    let (partition, epoch) = numbers(&claim)?;
    let rows = effects.call(sqlx::query(include_str!("sql/outbox_abandoned.sql")).bind(partition).bind(epoch)).await?;
    unsigned(only(&rows)?).map_err(fault::repeatable)
}

impl OutboxStore for PostgresStore {
    fn checkpoints<'a>(&'a self, reactor: &'a str) -> StoreResult<'a, Vec<u64>> {
        Box::pin(checkpoints(&self.readers, reactor))
    }

    fn react<'a>(
        &'a self,
        claim: Claim,
        reactor: &'a str,
        from: u64,
        to: u64,
        rows: &'a [NewOutboxRow],
        now: Timestamp,
    ) -> StoreResult<'a, Reacted> {
        Box::pin(react(&self.effects, claim, reactor, (from, to), rows, now))
    }

    fn outbox_due<'a>(&'a self, partitions: &'a [u16], now: Timestamp, limit: usize) -> StoreResult<'a, Vec<OutboxRow>> {
        let query = sqlx::query(include_str!("sql/outbox_due.sql")).bind(distinct(partitions)).bind(now.micros()).bind(count(limit));
        Box::pin(self.readers.decoded(query, |row| outbox_row(&row)))
    }

    fn outbox_next<'a>(&'a self, partitions: &'a [u16]) -> StoreResult<'a, Option<Timestamp>> {
        Box::pin(next(&self.readers, partitions))
    }

    fn outbox_begin<'a>(&'a self, claim: Claim, effect_id: Uuid) -> StoreResult<'a, bool> {
        Box::pin(begin(&self.effects, claim, effect_id))
    }

    fn outbox_settle<'a>(&'a self, claim: Claim, effect_id: Uuid, settlement: &'a Settlement) -> StoreResult<'a, bool> {
        Box::pin(settle(&self.effects, claim, effect_id, settlement))
    }

    fn outbox_abandoned<'a>(&'a self, claim: Claim) -> StoreResult<'a, u64> {
        Box::pin(abandoned(&self.effects, claim))
    }

    fn outbox<'a>(
        &'a self,
        org: Option<&'a Org>,
        state: Option<OutboxState>,
        after: Option<Uuid>,
        limit: usize,
    ) -> StoreResult<'a, Vec<OutboxRow>> {
        let query = sqlx::query(include_str!("sql/outbox.sql"))
            .bind(org.map(Org::as_str))
            .bind(state.map(|state| i16::from(state.number())))
            .bind(after)
            .bind(count(limit));
        Box::pin(self.readers.decoded(query, |row| outbox_row(&row)))
    }

    fn outbox_count<'a>(&'a self, org: &'a Org, state: OutboxState) -> StoreResult<'a, u64> {
        let query = sqlx::query(include_str!("sql/outbox_count.sql")).bind(org.as_str()).bind(i16::from(state.number()));
        Box::pin(async move { Ok(self.readers.decoded(query, |row| long(&row, 0)).await?.first().copied().unwrap_or(0)) })
    }
}

fn outbox_row(row: &PgRow) -> Result<OutboxRow, Error> {
    let state = u8::try_from(i16::from_be_bytes(fixed(row, 12)?)).ok().and_then(OutboxState::from_number);
    Ok(OutboxRow {
        partition: number::partition(i16::from_be_bytes(fixed(row, 1)?))?,
        reactor: text(row, 3)?.to_owned(),
        row: NewOutboxRow {
            effect_id: uuid(row, 0)?,
            position: long(row, 2)?,
            org: Org::new(text(row, 4)?).map_err(|error| Error::Decode(error.into()))?,
            what: what(row)?,
            payload: text(row, 8)?.to_owned(),
            correlation_id: CorrelationId(uuid(row, 9)?),
            causation_id: uuid(row, 10)?,
            traceparent: maybe(row, 11)?.map(Into::into),
        },
        state: state.ok_or_else(|| Error::Decode("an unknown state of an effect".into()))?,
        attempts: unsigned32(i32::from_be_bytes(fixed(row, 13)?))?,
        not_before: instant(row, 14)?,
        last_error: maybe(row, 15)?.map(str::to_owned),
    })
}

fn what(row: &PgRow) -> Result<OutboxWhat, Error> {
    match (maybe(row, 5)?, maybe(row, 6)?) {
        (Some(to), None) => Ok(OutboxWhat::Command { to: to.parse().map_err(|error| Error::Decode(Box::new(error)))? }),
        (None, Some(channel)) => {
            let class = u8::try_from(i16::from_be_bytes(fixed(row, 7)?)).ok().and_then(EffectClass::from_number);
            let class = class.ok_or_else(|| Error::Decode("an unknown class of an effect".into()))?;
            Ok(OutboxWhat::Effect { channel: channel.to_owned(), class })
        }
        (Some(_), Some(_)) | (None, None) => Err(Error::Decode("a row of the outbox is neither command nor effect".into())),
    }
}
