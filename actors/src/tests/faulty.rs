//! A store that is slow, fails, and lies about success, as its seed says. What it stores is stored by the memory store.

use ionveil_journal::{Append, Claim, Filter, Lease, MemoryStore, Page, Receipt, Snapshot, Store, StoreError, StoreResult, Verdict};
use ionveil_journal::{
    ArmedTimer, DeadLetter, DeadLetterStore, NewOutboxRow, OutboxRow, OutboxState, OutboxStore, Reacted, Settlement, TimerStore,
};
use ionveil_kernel::Org;
use ionveil_kernel::{BoxFuture, CommandId, Env, NodeId, Recorded, StreamId, Timestamp};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use uuid::Uuid;

pub(crate) struct FaultyStore {
    inner: MemoryStore,
    env: Env,
    /// Of 100 appends, how many go wrong in one of the three ways.
    percent: u64,
    pub(crate) faults: AtomicU64,
}

impl FaultyStore {
    pub(crate) fn new(env: Env, percent: u64) -> Self {
        Self { inner: MemoryStore::new(env.clone(), 4), env, percent, faults: AtomicU64::new(0) }
    }

    fn draw(&self, below: u64) -> u64 {
        (self.env.random() % u128::from(below)) as u64
    }

    async fn disturbed(&self, lane: usize, claims: &[Claim], batch: &[Append], now: Timestamp) -> Result<Vec<Verdict>, StoreError> {
        self.env.sleep(Duration::from_micros(self.draw(3_000))).await;
        if self.draw(100) >= self.percent {
            return self.inner.append(lane, claims, batch, now).await;
        }
        self.faults.fetch_add(1, Ordering::Relaxed);
        match self.draw(3) {
            0 => Err(StoreError::unavailable("nothing was stored")),
            1 => Err(StoreError::unknown("lost before the commit")),
            _ => {
                self.inner.append(lane, claims, batch, now).await?;
                Err(StoreError::unknown("lost after the commit"))
            }
        }
    }
}

impl Store for FaultyStore {
    fn partitions(&self) -> u16 {
        self.inner.partitions()
    }
    fn lanes(&self) -> usize {
        2
    }
    fn append<'a>(&'a self, lane: usize, claims: &'a [Claim], batch: &'a [Append], now: Timestamp) -> StoreResult<'a, Vec<Verdict>> {
        Box::pin(self.disturbed(lane, claims, batch, now))
    }
    fn receipts<'a>(&'a self, owner: &'a StreamId, commands: &'a [CommandId]) -> StoreResult<'a, Vec<Option<Receipt>>> {
        self.inner.receipts(owner, commands)
    }
    fn read_entity<'a>(&'a self, owner: &'a StreamId, version: u64, position: u64, limit: usize) -> StoreResult<'a, Vec<Recorded>> {
        self.inner.read_entity(owner, version, position, limit)
    }
    fn read_stream<'a>(&'a self, stream: &'a StreamId, after: u64, limit: usize) -> StoreResult<'a, Vec<Recorded>> {
        self.inner.read_stream(stream, after, limit)
    }
    fn read_partition<'a>(&'a self, partition: u16, after: u64, limit: usize, filter: &'a Filter) -> StoreResult<'a, Page> {
        self.inner.read_partition(partition, after, limit, filter)
    }
    fn heads(&self) -> StoreResult<'_, Vec<u64>> {
        self.inner.heads()
    }
    fn entities<'a>(&'a self, after: Option<&'a StreamId>, limit: usize) -> StoreResult<'a, Vec<StreamId>> {
        self.inner.entities(after, limit)
    }
    fn snapshot<'a>(&'a self, owner: &'a StreamId) -> StoreResult<'a, Option<Snapshot>> {
        self.inner.snapshot(owner)
    }
    fn put_snapshot<'a>(&'a self, owner: &'a StreamId, snapshot: &'a Snapshot) -> StoreResult<'a, ()> {
        self.inner.put_snapshot(owner, snapshot)
    }
    fn claim(&self, node: NodeId, lease: Duration) -> StoreResult<'_, Vec<Claim>> {
        self.inner.claim(node, lease)
    }
    fn reclaim<'a>(&'a self, node: NodeId, claims: &'a [Claim], lease: Duration) -> StoreResult<'a, Vec<Claim>> {
        self.inner.reclaim(node, claims, lease)
    }
    fn heartbeat<'a>(&'a self, node: NodeId, claims: &'a [Claim], lease: Duration) -> StoreResult<'a, Vec<Claim>> {
        self.inner.heartbeat(node, claims, lease)
    }
    fn release(&self, node: NodeId) -> StoreResult<'_, ()> {
        self.inner.release(node)
    }
    fn leases(&self) -> StoreResult<'_, Vec<Lease>> {
        self.inner.leases()
    }
    fn close(&self) -> BoxFuture<'_, ()> {
        self.inner.close()
    }
}

impl TimerStore for FaultyStore {
    fn due_timers<'a>(
        &'a self,
        partitions: &'a [u16],
        now: Timestamp,
        after: Option<&'a ArmedTimer>,
        limit: usize,
    ) -> StoreResult<'a, Vec<ArmedTimer>> {
        self.inner.due_timers(partitions, now, after, limit)
    }
    fn next_due<'a>(&'a self, partitions: &'a [u16]) -> StoreResult<'a, Option<Timestamp>> {
        self.inner.next_due(partitions)
    }
    fn consume_timer<'a>(&'a self, claim: Claim, timer: &'a ArmedTimer) -> StoreResult<'a, bool> {
        self.inner.consume_timer(claim, timer)
    }
    fn timers<'a>(&'a self, owner: &'a StreamId) -> StoreResult<'a, Vec<ArmedTimer>> {
        self.inner.timers(owner)
    }
}

impl OutboxStore for FaultyStore {
    fn checkpoints<'a>(&'a self, reactor: &'a str) -> StoreResult<'a, Vec<u64>> {
        self.inner.checkpoints(reactor)
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
        self.inner.react(claim, reactor, from, to, rows, now)
    }
    fn outbox_due<'a>(&'a self, partitions: &'a [u16], now: Timestamp, limit: usize) -> StoreResult<'a, Vec<OutboxRow>> {
        self.inner.outbox_due(partitions, now, limit)
    }
    fn outbox_next<'a>(&'a self, partitions: &'a [u16]) -> StoreResult<'a, Option<Timestamp>> {
        self.inner.outbox_next(partitions)
    }
    fn outbox_begin<'a>(&'a self, claim: Claim, effect_id: Uuid) -> StoreResult<'a, bool> {
        self.inner.outbox_begin(claim, effect_id)
    }
    fn outbox_settle<'a>(&'a self, claim: Claim, effect_id: Uuid, settlement: &'a Settlement) -> StoreResult<'a, bool> {
        self.inner.outbox_settle(claim, effect_id, settlement)
    }
    fn outbox_abandoned<'a>(&'a self, claim: Claim) -> StoreResult<'a, u64> {
        self.inner.outbox_abandoned(claim)
    }
    fn outbox<'a>(
        &'a self,
        org: Option<&'a Org>,
        state: Option<OutboxState>,
        after: Option<Uuid>,
        limit: usize,
    ) -> StoreResult<'a, Vec<OutboxRow>> {
        self.inner.outbox(org, state, after, limit)
    }
}

impl DeadLetterStore for FaultyStore {
    fn park<'a>(&'a self, letter: &'a DeadLetter, max: u64) -> StoreResult<'a, bool> {
        self.inner.park(letter, max)
    }
    fn dead_letters<'a>(&'a self, org: Option<&'a Org>, after: Option<Uuid>, limit: usize) -> StoreResult<'a, Vec<DeadLetter>> {
        self.inner.dead_letters(org, after, limit)
    }
    fn dead_letter<'a>(&'a self, id: Uuid) -> StoreResult<'a, Option<DeadLetter>> {
        self.inner.dead_letter(id)
    }
    fn discard<'a>(&'a self, id: Uuid) -> StoreResult<'a, bool> {
        self.inner.discard(id)
    }
}
