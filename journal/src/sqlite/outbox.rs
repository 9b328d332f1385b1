//! Checkpoints of reactors and the outbox. What takes a claim looks at the epoch under the file's write lock.

use super::columns::Columns;
use super::fault::{self, unreadable};
use super::rows::Values;
use super::{SqliteStore, bits, epoch, holds};
use crate::outbox::{check_reactor, check_step};
use crate::{Claim, NewOutboxRow, OutboxRow, OutboxState, OutboxStore, OutboxWhat, Reacted, Settlement, StoreError, StoreResult};
use ionveil_kernel::{CorrelationId, EffectClass, Org, Timestamp};
use sqlx::Sqlite;
use sqlx::query::Query;
use sqlx::sqlite::{SqliteArguments, SqliteRow};
use uuid::Uuid;

/// A step of a reactor.
struct Step<'a> {
    claim: Claim,
    reactor: &'a str,
    from: u64,
    to: u64,
    rows: &'a [NewOutboxRow],
    now: Timestamp,
}

impl SqliteStore {
    async fn read_checkpoints(&self, reactor: &str) -> Result<Vec<u64>, StoreError> {
        check_reactor(reactor)?;
        let query = sqlx::query(include_str!("sql/checkpoints.sql")).bind(reactor);
        let rows = query.fetch_all(&self.readers).await.map_err(fault::of)?;
        rows.iter().map(|row| Columns(row).count(1)).collect()
    }

    async fn step(&self, step: Step<'_>) -> Result<Reacted, StoreError> {
        check_step(step.reactor, step.from, step.to, step.rows)?;
        epoch(step.claim)?;
        let mut write = self.begin().await?;
        let outcome = async {
            if !holds(write.connection(), step.claim).await? {
                return Ok(Reacted::Fenced);
            }
            let mut values = Values::default();
            values.push(step.reactor)?;
            values.push(step.claim.partition)?;
            values.push_count("position", step.from)?;
            values.push_count("position", step.to)?;
            let moved = sqlx::query_with(include_str!("sql/move_checkpoint.sql"), values.0).execute(write.connection()).await;
            if moved.map_err(fault::of)?.rows_affected() == 0 {
                return Ok(Reacted::Moved);
            }
            for statement in self.insert_outbox.filled(step.rows, |values, _, row| push_row(values, &step, row)) {
                let (sql, values) = statement?;
                sqlx::query_with(sql, values.0).execute(write.connection()).await.map_err(fault::of)?;
            }
            Ok(Reacted::Stored)
        };
        let outcome = outcome.await;
        write.end(outcome).await
    }

    async fn due_rows(&self, partitions: &[u16], now: Timestamp, limit: usize) -> Result<Vec<OutboxRow>, StoreError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let query = sqlx::query(include_str!("sql/outbox_due.sql")).bind(bits(partitions)).bind(now.micros()).bind(limit);
        let rows = query.fetch_all(&self.readers).await.map_err(fault::of)?;
        rows.iter().map(outbox_row).collect()
    }

    async fn next_row(&self, partitions: &[u16]) -> Result<Option<Timestamp>, StoreError> {
        let query = sqlx::query(include_str!("sql/outbox_next.sql")).bind(bits(partitions));
        let row = query.fetch_optional(&self.readers).await.map_err(fault::of)?;
        row.map(|row| Columns(&row).instant(0)).transpose()
    }

    /// Executes one statement if the claim holds, and says how many rows it changed.
    async fn changed(&self, claim: Claim, query: Query<'_, Sqlite, SqliteArguments>) -> Result<u64, StoreError> {
        epoch(claim)?;
        let mut write = self.begin().await?;
        let outcome = async {
            if !holds(write.connection(), claim).await? {
                return Ok(0);
            }
            Ok(query.execute(write.connection()).await.map_err(fault::of)?.rows_affected())
        };
        let outcome = outcome.await;
        write.end(outcome).await
    }

    async fn settle(&self, claim: Claim, effect_id: Uuid, settlement: &Settlement) -> Result<bool, StoreError> {
        let query = match settlement.outcome() {
            None => sqlx::query(include_str!("sql/outbox_done.sql")).bind(effect_id).bind(claim.partition),
            Some((state, not_before, error)) => sqlx::query(include_str!("sql/outbox_settle.sql"))
                .bind(effect_id)
                .bind(claim.partition)
                .bind(state.number())
                .bind(not_before.map(Timestamp::micros))
                .bind(error.into_owned()),
        };
        Ok(self.changed(claim, query).await? == 1)
    }

    async fn rows(
        &self,
        org: Option<&Org>,
        state: Option<OutboxState>,
        after: Option<Uuid>,
        limit: usize,
    ) -> Result<Vec<OutboxRow>, StoreError> {
        let query = sqlx::query(include_str!("sql/outbox.sql"))
            .bind(org.map(Org::as_str))
            .bind(state.map(OutboxState::number))
            .bind(after.map_or(Vec::new(), |after| after.as_bytes().to_vec()))
            .bind(i64::try_from(limit).unwrap_or(i64::MAX));
        let rows = query.fetch_all(&self.readers).await.map_err(fault::of)?;
        rows.iter().map(outbox_row).collect()
    }
}

impl OutboxStore for SqliteStore {
    fn checkpoints<'a>(&'a self, reactor: &'a str) -> StoreResult<'a, Vec<u64>> {
        Box::pin(self.read_checkpoints(reactor))
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
        Box::pin(self.step(Step { claim, reactor, from, to, rows, now }))
    }

    fn outbox_due<'a>(&'a self, partitions: &'a [u16], now: Timestamp, limit: usize) -> StoreResult<'a, Vec<OutboxRow>> {
        Box::pin(self.due_rows(partitions, now, limit))
    }

    fn outbox_next<'a>(&'a self, partitions: &'a [u16]) -> StoreResult<'a, Option<Timestamp>> {
        Box::pin(self.next_row(partitions))
    }

    fn outbox_begin<'a>(&'a self, claim: Claim, effect_id: Uuid) -> StoreResult<'a, bool> {
        let query = sqlx::query(include_str!("sql/outbox_begin.sql")).bind(effect_id).bind(claim.partition);
        Box::pin(async move { Ok(self.changed(claim, query).await? == 1) })
    }

    fn outbox_settle<'a>(&'a self, claim: Claim, effect_id: Uuid, settlement: &'a Settlement) -> StoreResult<'a, bool> {
        Box::pin(self.settle(claim, effect_id, settlement))
    }

    fn outbox_abandoned<'a>(&'a self, claim: Claim) -> StoreResult<'a, u64> {
        Box::pin(self.changed(claim, sqlx::query(include_str!("sql/outbox_abandoned.sql")).bind(claim.partition)))
    }

    fn outbox<'a>(
        &'a self,
        org: Option<&'a Org>,
        state: Option<OutboxState>,
        after: Option<Uuid>,
        limit: usize,
    ) -> StoreResult<'a, Vec<OutboxRow>> {
        Box::pin(self.rows(org, state, after, limit))
    }

    fn outbox_count<'a>(&'a self, org: &'a Org, state: OutboxState) -> StoreResult<'a, u64> {
        let query = sqlx::query(include_str!("sql/outbox_count.sql")).bind(org.as_str()).bind(state.number());
        Box::pin(async move { Columns(&query.fetch_one(&self.readers).await.map_err(fault::of)?).count(0) })
    }
}

fn push_row(values: &mut Values, step: &Step<'_>, row: &NewOutboxRow) -> Result<(), StoreError> {
    let (target, channel, class) = match &row.what {
        OutboxWhat::Command { to } => (Some(to.to_string()), None, None),
        OutboxWhat::Effect { channel, class } => (None, Some(channel.as_str()), Some(class.number())),
    };
    values.push(row.effect_id)?;
    values.push(step.claim.partition)?;
    values.push_count("position", row.position)?;
    values.push(step.reactor)?;
    values.push(row.org.as_str())?;
    values.push(target)?;
    values.push(channel)?;
    values.push(class)?;
    values.push(row.payload.as_str())?;
    values.push(row.correlation_id.0)?;
    values.push(row.causation_id)?;
    values.push(row.traceparent.clone())?;
    values.push(OutboxState::Pending.number())?;
    values.push(0_u8)?;
    values.push(step.now.micros())
}

fn outbox_row(row: &SqliteRow) -> Result<OutboxRow, StoreError> {
    let columns = Columns(row);
    Ok(OutboxRow {
        partition: columns.count(1)?,
        reactor: columns.text(3)?.to_owned(),
        row: NewOutboxRow {
            effect_id: columns.uuid(0)?,
            position: columns.count(2)?,
            org: Org::new(columns.text(4)?).map_err(|_| unreadable("organisation"))?,
            what: what(&columns)?,
            payload: columns.text(8)?.to_owned(),
            correlation_id: CorrelationId(columns.uuid(9)?),
            causation_id: columns.uuid(10)?,
            traceparent: columns.maybe_text(11)?.map(Into::into),
        },
        state: OutboxState::from_number(columns.count(12)?).ok_or_else(|| unreadable("state of an effect"))?,
        attempts: columns.count(13)?,
        not_before: columns.instant(14)?,
        last_error: columns.maybe_text(15)?.map(str::to_owned),
    })
}

fn what(columns: &Columns<'_>) -> Result<OutboxWhat, StoreError> {
    match (columns.maybe_text(5)?, columns.maybe_text(6)?) {
        (Some(to), None) => Ok(OutboxWhat::Command { to: to.parse().map_err(|_| unreadable("target of a command"))? }),
        (None, Some(channel)) => {
            let class = EffectClass::from_number(columns.count(7)?).ok_or_else(|| unreadable("class of an effect"))?;
            Ok(OutboxWhat::Effect { channel: channel.to_owned(), class })
        }
        (Some(_), Some(_)) | (None, None) => Err(unreadable("row of the outbox")),
    }
}
