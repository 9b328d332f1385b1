//! A store that is slow, fails, and lies about what it did, as its seed says: for tests of whatever stands on the journal.
//!
//! Everything is drawn from the [`Env`], so that a seeded one repeats the same faults at the same places. What is stored
//! is stored by the store inside; nothing here makes up data.
//!
//! ```
//! use ionveil_journal::testkit::{FaultyStore, Faults, Wrong};
//! use ionveil_journal::{MemoryStore, Store};
//! # fn example(env: ionveil_kernel::Env) {
//! let faults = Faults::default();
//! let store = FaultyStore::new(std::sync::Arc::new(MemoryStore::new(env.clone(), 4)), env, faults.clone());
//! faults.set(|knobs| knobs.appends = Wrong::evenly(25));
//! faults.set(|knobs| knobs.down = true);
//! # }
//! ```

mod faults;

pub use faults::{Counts, Faults, Knobs, Wrong};

use crate::{
    Append, ArmedTimer, Claim, DeadLetter, DeadLetterStore, Filter, KnownNode, Lease, Member, NewOutboxRow, NodeStore, OutboxRow,
    OutboxState, OutboxStore, Page, Reacted, Receipt, Settlement, Snapshot, Standing, Store, StoreError, StoreResult, TimerStore, Verdict,
};
use ionveil_kernel::{BoxFuture, CommandId, Env, NodeId, Org, Recorded, StreamId, Timestamp};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use uuid::Uuid;

/// A store with [`Faults`] in front of it. Appends and the other changes may be delayed, refused, lost before or after
/// they are committed, or answered late; reads may be delayed or refused; while it is down, everything is refused but
/// [`Store::close`]. Leases are left in peace otherwise.
pub struct FaultyStore {
    inner: Arc<dyn Store>,
    env: Env,
    faults: Faults,
    cut: AtomicBool,
}

impl FaultyStore {
    /// Puts `faults` in front of `inner`; chance and delays are `env`'s.
    #[must_use]
    pub fn new(inner: Arc<dyn Store>, env: Env, faults: Faults) -> Self {
        Self { inner, env, faults, cut: AtomicBool::new(false) }
    }

    /// From now on nothing that comes through here reaches the store inside: whoever holds this is dead to it. What has
    /// reached it already is done.
    pub fn cut(&self) {
        // SeqCst: a test that has cut it goes on to look at what is stored.
        self.cut.store(true, Ordering::SeqCst);
    }

    fn reach<'a, T: Send + 'a>(
        &'a self,
        call: impl FnOnce() -> StoreResult<'a, T> + Send + 'a,
    ) -> impl FnOnce() -> StoreResult<'a, T> + Send + 'a {
        move || {
            if self.cut.load(Ordering::SeqCst) {
                return Box::pin(std::future::ready(Err(StoreError::unavailable("this node is cut off"))));
            }
            call()
        }
    }

    fn append_call<'a, T: Send + 'a>(&'a self, call: impl FnOnce() -> StoreResult<'a, T> + Send + 'a) -> StoreResult<'a, T> {
        Box::pin(self.faults.change(&self.env, true, self.reach(call)))
    }

    fn change<'a, T: Send + 'a>(&'a self, call: impl FnOnce() -> StoreResult<'a, T> + Send + 'a) -> StoreResult<'a, T> {
        Box::pin(self.faults.change(&self.env, false, self.reach(call)))
    }

    fn read<'a, T: Send + 'a>(&'a self, call: impl FnOnce() -> StoreResult<'a, T> + Send + 'a) -> StoreResult<'a, T> {
        Box::pin(self.faults.read(&self.env, self.reach(call)))
    }

    fn lease<'a, T: Send + 'a>(&'a self, call: impl FnOnce() -> StoreResult<'a, T> + Send + 'a) -> StoreResult<'a, T> {
        Box::pin(async move {
            self.faults.up()?;
            self.reach(call)().await
        })
    }
}

impl Store for FaultyStore {
    fn partitions(&self) -> u16 {
        self.inner.partitions()
    }

    fn elsewhere(&self) -> bool {
        true
    }

    fn append<'a>(&'a self, claims: &'a [Claim], batch: &'a [Append], now: Timestamp) -> StoreResult<'a, Vec<Verdict>> {
        self.append_call(move || self.inner.append(claims, batch, now))
    }

    fn receipts<'a>(&'a self, owner: &'a StreamId, commands: &'a [CommandId]) -> StoreResult<'a, Vec<Option<Receipt>>> {
        self.read(move || self.inner.receipts(owner, commands))
    }

    fn read_entity<'a>(
        &'a self,
        owner: &'a StreamId,
        after_version: u64,
        after_position: u64,
        limit: usize,
    ) -> StoreResult<'a, Vec<Recorded>> {
        self.read(move || self.inner.read_entity(owner, after_version, after_position, limit))
    }

    fn read_stream<'a>(&'a self, stream: &'a StreamId, after: u64, limit: usize) -> StoreResult<'a, Vec<Recorded>> {
        self.read(move || self.inner.read_stream(stream, after, limit))
    }

    fn read_partition<'a>(&'a self, partition: u16, after: u64, limit: usize, filter: &'a Filter) -> StoreResult<'a, Page> {
        self.read(move || self.inner.read_partition(partition, after, limit, filter))
    }

    fn heads(&self) -> StoreResult<'_, Vec<u64>> {
        self.read(move || self.inner.heads())
    }

    fn entities<'a>(&'a self, after: Option<&'a StreamId>, limit: usize) -> StoreResult<'a, Vec<StreamId>> {
        self.read(move || self.inner.entities(after, limit))
    }

    fn organisations<'a>(&'a self, after: Option<&'a Org>, limit: usize) -> StoreResult<'a, Vec<Org>> {
        self.read(move || self.inner.organisations(after, limit))
    }

    fn snapshot<'a>(&'a self, owner: &'a StreamId) -> StoreResult<'a, Option<Snapshot>> {
        self.read(move || self.inner.snapshot(owner))
    }

    fn put_snapshot<'a>(&'a self, owner: &'a StreamId, snapshot: &'a Snapshot) -> StoreResult<'a, ()> {
        self.change(move || self.inner.put_snapshot(owner, snapshot))
    }

    fn claim(&self, node: NodeId, lease: Duration) -> StoreResult<'_, Vec<Claim>> {
        self.lease(move || self.inner.claim(node, lease))
    }

    fn reclaim<'a>(&'a self, node: NodeId, claims: &'a [Claim], lease: Duration) -> StoreResult<'a, Vec<Claim>> {
        self.lease(move || self.inner.reclaim(node, claims, lease))
    }

    fn heartbeat<'a>(&'a self, node: NodeId, claims: &'a [Claim], lease: Duration) -> StoreResult<'a, Vec<Claim>> {
        self.lease(move || self.inner.heartbeat(node, claims, lease))
    }

    fn release(&self, node: NodeId) -> StoreResult<'_, ()> {
        self.lease(move || self.inner.release(node))
    }

    fn leases(&self) -> StoreResult<'_, Vec<Lease>> {
        self.lease(move || self.inner.leases())
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
        self.read(move || self.inner.due_timers(partitions, now, after, limit))
    }

    fn next_due<'a>(&'a self, partitions: &'a [u16]) -> StoreResult<'a, Option<Timestamp>> {
        self.read(move || self.inner.next_due(partitions))
    }

    fn consume_timer<'a>(&'a self, claim: Claim, timer: &'a ArmedTimer) -> StoreResult<'a, bool> {
        self.change(move || self.inner.consume_timer(claim, timer))
    }

    fn timers<'a>(&'a self, owner: &'a StreamId) -> StoreResult<'a, Vec<ArmedTimer>> {
        self.read(move || self.inner.timers(owner))
    }
}

impl OutboxStore for FaultyStore {
    fn checkpoints<'a>(&'a self, reactor: &'a str) -> StoreResult<'a, Vec<u64>> {
        self.read(move || self.inner.checkpoints(reactor))
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
        self.change(move || self.inner.react(claim, reactor, from, to, rows, now))
    }

    fn outbox_due<'a>(&'a self, partitions: &'a [u16], now: Timestamp, limit: usize) -> StoreResult<'a, Vec<OutboxRow>> {
        self.read(move || self.inner.outbox_due(partitions, now, limit))
    }

    fn outbox_next<'a>(&'a self, partitions: &'a [u16]) -> StoreResult<'a, Option<Timestamp>> {
        self.read(move || self.inner.outbox_next(partitions))
    }

    fn outbox_begin<'a>(&'a self, claim: Claim, effect_id: Uuid) -> StoreResult<'a, bool> {
        self.change(move || self.inner.outbox_begin(claim, effect_id))
    }

    fn outbox_settle<'a>(&'a self, claim: Claim, effect_id: Uuid, settlement: &'a Settlement) -> StoreResult<'a, bool> {
        self.change(move || self.inner.outbox_settle(claim, effect_id, settlement))
    }

    fn outbox_abandoned<'a>(&'a self, claim: Claim) -> StoreResult<'a, u64> {
        self.change(move || self.inner.outbox_abandoned(claim))
    }

    fn outbox<'a>(
        &'a self,
        org: Option<&'a Org>,
        state: Option<OutboxState>,
        after: Option<Uuid>,
        limit: usize,
    ) -> StoreResult<'a, Vec<OutboxRow>> {
        self.read(move || self.inner.outbox(org, state, after, limit))
    }

    fn outbox_count<'a>(&'a self, org: &'a Org, state: OutboxState) -> StoreResult<'a, u64> {
        self.read(move || self.inner.outbox_count(org, state))
    }
}

impl DeadLetterStore for FaultyStore {
    fn park<'a>(&'a self, letter: &'a DeadLetter, max: u64) -> StoreResult<'a, bool> {
        self.change(move || self.inner.park(letter, max))
    }

    fn dead_letters<'a>(&'a self, org: Option<&'a Org>, after: Option<Uuid>, limit: usize) -> StoreResult<'a, Vec<DeadLetter>> {
        self.read(move || self.inner.dead_letters(org, after, limit))
    }

    fn dead_letter<'a>(&'a self, id: Uuid) -> StoreResult<'a, Option<DeadLetter>> {
        self.read(move || self.inner.dead_letter(id))
    }

    fn discard<'a>(&'a self, id: Uuid) -> StoreResult<'a, bool> {
        self.change(move || self.inner.discard(id))
    }
}

impl NodeStore for FaultyStore {
    fn announce<'a>(&'a self, member: &'a Member, standing: Standing, first: bool, lease: Duration) -> StoreResult<'a, ()> {
        self.lease(move || self.inner.announce(member, standing, first, lease))
    }

    fn nodes(&self) -> StoreResult<'_, Vec<KnownNode>> {
        self.lease(move || self.inner.nodes())
    }

    fn withdraw(&self, node: NodeId) -> StoreResult<'_, ()> {
        self.lease(move || self.inner.withdraw(node))
    }

    fn claim_of<'a>(&'a self, node: NodeId, partitions: &'a [u16], lease: Duration) -> StoreResult<'a, Vec<Claim>> {
        self.lease(move || self.inner.claim_of(node, partitions, lease))
    }

    fn release_of<'a>(&'a self, node: NodeId, claims: &'a [Claim]) -> StoreResult<'a, ()> {
        self.lease(move || self.inner.release_of(node, claims))
    }

    fn secret(&self) -> StoreResult<'_, Option<Vec<u8>>> {
        self.lease(move || self.inner.secret())
    }
}
