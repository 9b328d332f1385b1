//! Timers: what appends write, and what is read when they are due.

use super::append::push_name;
use super::columns::Columns;
use super::fault::{self, unreadable};
use super::rows::{ManyRows, Values};
use super::{SqliteStore, bits, epoch, holds};
use crate::timers::{Net, net};
use crate::{Append, ArmedTimer, Claim, Receipt, StoreError, StoreResult, TimerStore};
use ionveil_kernel::{StreamId, TimerPolicy, Timestamp};
use sqlx::SqlStr;
use sqlx::sqlite::SqliteRow;

/// The statements that change timers with an append, in their sizes.
pub(super) struct TimerStatements {
    arm: ManyRows,
    disarm: ManyRows,
    consume: ManyRows,
}

type Key<'a> = (&'a StreamId, &'a str);

/// The net changes of a batch, by what has to be done.
#[derive(Default)]
pub(super) struct Changes<'a> {
    arm: Vec<(Key<'a>, Net)>,
    disarm: Vec<Key<'a>>,
    consume: Vec<Key<'a>>,
}

impl<'a> Changes<'a> {
    pub(super) fn of(accepted: &[(&'a Append, &Receipt)]) -> Self {
        let mut changes = Self::default();
        for (key, net) in net(accepted.iter().copied()) {
            match net {
                Net::Armed { .. } => changes.arm.push((key, net)),
                Net::Gone => changes.disarm.push(key),
                Net::Consumed => changes.consume.push(key),
            }
        }
        changes
    }
}

impl TimerStatements {
    pub(super) fn new() -> Self {
        Self {
            arm: ManyRows::new(include_str!("sql/arm_timers.sql"), 9),
            disarm: ManyRows::new(include_str!("sql/disarm_timers.sql"), 4),
            consume: ManyRows::new(include_str!("sql/consume_timers.sql"), 4),
        }
    }

    /// The statements for `changes`; none if there are none.
    pub(super) fn filled<'a>(&'a self, changes: &'a Changes<'a>) -> impl Iterator<Item = Result<(SqlStr, Values), StoreError>> + 'a {
        let arm = self.arm.filled(&changes.arm, |values, _, (key, net)| push_armed(values, *key, *net));
        let disarm = self.disarm.filled(&changes.disarm, |values, _, key| push_key(values, *key));
        let consume = self.consume.filled(&changes.consume, |values, _, key| push_key(values, *key));
        arm.chain(disarm).chain(consume)
    }
}

fn push_key(values: &mut Values, (owner, name): Key<'_>) -> Result<(), StoreError> {
    push_name(values, owner)?;
    values.push(name)
}

fn push_armed(values: &mut Values, key: Key<'_>, net: Net) -> Result<(), StoreError> {
    let Net::Armed { partition, due, policy, armed, consumed } = net else { return Ok(()) };
    push_key(values, key)?;
    values.push(partition)?;
    values.push(due.micros())?;
    values.push(policy.number())?;
    values.push_count("position", armed)?;
    values.push(consumed)
}

impl SqliteStore {
    async fn due(
        &self,
        partitions: &[u16],
        now: Timestamp,
        after: Option<&ArmedTimer>,
        limit: usize,
    ) -> Result<Vec<ArmedTimer>, StoreError> {
        let mut values = Values::default();
        values.push(bits(partitions))?;
        values.push(now.micros())?;
        match after {
            Some(after) => {
                values.push(after.due.micros())?;
                push_key(&mut values, (&after.owner, &after.name))?;
            }
            None => {
                values.push(i64::MIN)?;
                (0..4).try_for_each(|_| values.push(""))?;
            }
        }
        values.push(i64::try_from(limit).unwrap_or(i64::MAX))?;
        let query = sqlx::query_with(include_str!("sql/due_timers.sql"), values.0);
        let rows = query.fetch_all(&self.readers).await.map_err(fault::of)?;
        rows.iter().map(timer).collect()
    }

    async fn next(&self, partitions: &[u16]) -> Result<Option<Timestamp>, StoreError> {
        let query = sqlx::query(include_str!("sql/next_due.sql")).bind(bits(partitions));
        let row = query.fetch_optional(&self.readers).await.map_err(fault::of)?;
        row.map(|row| Columns(&row).instant(0)).transpose()
    }

    async fn consume(&self, claim: Claim, timer: &ArmedTimer) -> Result<bool, StoreError> {
        let mut values = Values::default();
        push_key(&mut values, (&timer.owner, &timer.name))?;
        values.push(claim.partition)?;
        values.push_count("position", timer.armed)?;
        epoch(claim)?;
        let mut write = self.begin().await?;
        let outcome = async {
            if !holds(write.connection(), claim).await? {
                return Ok(false);
            }
            let consume = sqlx::query_with(include_str!("sql/consume_timer.sql"), values.0);
            Ok(consume.execute(write.connection()).await.map_err(fault::of)?.rows_affected() == 1)
        };
        let outcome = outcome.await;
        write.end(outcome).await
    }

    async fn timers_of(&self, owner: &StreamId) -> Result<Vec<ArmedTimer>, StoreError> {
        let query = sqlx::query(include_str!("sql/timers.sql")).bind(owner.org.as_str()).bind(owner.kind.as_str()).bind(owner.id.as_str());
        let rows = query.fetch_all(&self.readers).await.map_err(fault::of)?;
        rows.iter().map(timer).collect()
    }
}

impl TimerStore for SqliteStore {
    fn due_timers<'a>(
        &'a self,
        partitions: &'a [u16],
        now: Timestamp,
        after: Option<&'a ArmedTimer>,
        limit: usize,
    ) -> StoreResult<'a, Vec<ArmedTimer>> {
        Box::pin(self.due(partitions, now, after, limit))
    }

    fn next_due<'a>(&'a self, partitions: &'a [u16]) -> StoreResult<'a, Option<Timestamp>> {
        Box::pin(self.next(partitions))
    }

    fn consume_timer<'a>(&'a self, claim: Claim, timer: &'a ArmedTimer) -> StoreResult<'a, bool> {
        Box::pin(self.consume(claim, timer))
    }

    fn timers<'a>(&'a self, owner: &'a StreamId) -> StoreResult<'a, Vec<ArmedTimer>> {
        Box::pin(self.timers_of(owner))
    }
}

fn timer(row: &SqliteRow) -> Result<ArmedTimer, StoreError> {
    let columns = Columns(row);
    let policy = TimerPolicy::from_number(columns.count(6)?).ok_or_else(|| unreadable("timer policy"))?;
    Ok(ArmedTimer {
        partition: columns.count(0)?,
        owner: columns.stream(1)?,
        name: columns.text(4)?.to_owned(),
        due: columns.instant(5)?,
        policy,
        armed: columns.count(7)?,
        consumed: columns.integer(8)? != 0,
    })
}
