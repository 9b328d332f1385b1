//! Checkpoints of reactors and the outbox, in memory.

use super::{Inner, MemoryStore};
use crate::outbox::{check_reactor, check_step};
use crate::{Claim, NewOutboxRow, OutboxRow, OutboxState, OutboxStore, Reacted, Settlement, StoreResult};
use ionveil_kernel::{Org, Timestamp};
use uuid::Uuid;

impl Inner {
    fn react(&mut self, claim: Claim, reactor: &str, from: u64, to: u64, rows: &[NewOutboxRow], now: Timestamp) -> Reacted {
        if !self.holds(claim) {
            return Reacted::Fenced;
        }
        let checkpoint = self.checkpoints.entry((reactor.to_owned(), claim.partition)).or_default();
        if *checkpoint != from {
            return Reacted::Moved;
        }
        *checkpoint = to;
        for row in rows {
            self.outbox.entry(row.effect_id).or_insert_with(|| OutboxRow {
                partition: claim.partition,
                reactor: reactor.to_owned(),
                row: row.clone(),
                state: OutboxState::Pending,
                attempts: 0,
                not_before: now,
                last_error: None,
            });
        }
        Reacted::Stored
    }

    fn pending<'a>(&'a self, partitions: &'a [u16]) -> impl Iterator<Item = &'a OutboxRow> {
        self.outbox.values().filter(|row| row.state == OutboxState::Pending && partitions.contains(&row.partition))
    }

    /// The row `effect_id`, if the claim holds and it is of its partition.
    fn held(&mut self, claim: Claim, effect_id: Uuid) -> Option<&mut OutboxRow> {
        let holds = self.holds(claim);
        self.outbox.get_mut(&effect_id).filter(|row| holds && row.partition == claim.partition)
    }

    fn settle(&mut self, claim: Claim, effect_id: Uuid, settlement: &Settlement) -> bool {
        let Some(row) = self.held(claim, effect_id) else { return false };
        let Some((state, not_before, error)) = settlement.outcome() else {
            return self.outbox.remove(&effect_id).is_some();
        };
        row.attempts += u32::from(row.state == OutboxState::Pending);
        row.state = state;
        row.not_before = not_before.unwrap_or(row.not_before);
        row.last_error = Some(error.into_owned());
        true
    }
}

impl OutboxStore for MemoryStore {
    fn checkpoints<'a>(&'a self, reactor: &'a str) -> StoreResult<'a, Vec<u64>> {
        self.attempt(|inner| {
            check_reactor(reactor)?;
            let checkpoint = |partition| inner.checkpoints.get(&(reactor.to_owned(), partition)).copied().unwrap_or(0);
            Ok(inner.partitions.iter().zip(0..).map(|(_, partition)| checkpoint(partition)).collect())
        })
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
        self.attempt(|inner| {
            check_step(reactor, from, to, rows)?;
            Ok(inner.react(claim, reactor, from, to, rows, now))
        })
    }

    fn outbox_due<'a>(&'a self, partitions: &'a [u16], now: Timestamp, limit: usize) -> StoreResult<'a, Vec<OutboxRow>> {
        self.with(|inner| {
            let mut due: Vec<_> = inner.pending(partitions).filter(|row| row.not_before <= now).collect();
            due.sort_by_key(|row| (row.not_before, row.partition, row.row.position, row.row.effect_id));
            due.into_iter().take(limit).cloned().collect()
        })
    }

    fn outbox_next<'a>(&'a self, partitions: &'a [u16]) -> StoreResult<'a, Option<Timestamp>> {
        self.with(|inner| inner.pending(partitions).map(|row| row.not_before).min())
    }

    fn outbox_begin<'a>(&'a self, claim: Claim, effect_id: Uuid) -> StoreResult<'a, bool> {
        self.with(|inner| {
            let row = inner.held(claim, effect_id).filter(|row| row.state == OutboxState::Pending);
            let begin = |row: &mut OutboxRow| {
                row.state = OutboxState::Sending;
                row.attempts += 1;
            };
            row.map(begin).is_some()
        })
    }

    fn outbox_settle<'a>(&'a self, claim: Claim, effect_id: Uuid, settlement: &'a Settlement) -> StoreResult<'a, bool> {
        self.with(|inner| inner.settle(claim, effect_id, settlement))
    }

    fn outbox_abandoned<'a>(&'a self, claim: Claim) -> StoreResult<'a, u64> {
        self.with(|inner| {
            let holds = inner.holds(claim);
            let left = |row: &&mut OutboxRow| holds && row.partition == claim.partition && row.state == OutboxState::Sending;
            inner.outbox.values_mut().filter(left).map(|row| row.state = OutboxState::Unknown).count() as u64
        })
    }

    fn outbox<'a>(
        &'a self,
        org: Option<&'a Org>,
        state: Option<OutboxState>,
        after: Option<Uuid>,
        limit: usize,
    ) -> StoreResult<'a, Vec<OutboxRow>> {
        self.with(|inner| {
            let fresh = inner.outbox.iter().filter(|(id, _)| after.is_none_or(|after| **id > after)).map(|(_, row)| row);
            let wanted = fresh.filter(|row| org.is_none_or(|org| row.row.org == *org) && state.is_none_or(|state| row.state == state));
            wanted.take(limit).cloned().collect()
        })
    }

    fn outbox_count<'a>(&'a self, org: &'a Org, state: OutboxState) -> StoreResult<'a, u64> {
        self.with(|inner| inner.outbox.values().filter(|row| row.row.org == *org && row.state == state).count() as u64)
    }
}
