//! The way from one process to the store that all nodes share. Each call travels there and back, in time; an append goes on
//! by itself once it was sent, whatever becomes of its sender, and may arrive twice. What a store can do wrong in the bug zoo
//! it does here.

use super::node::Node;
use super::process::Process;
use super::truth::{Taken, Truth};
use super::{between, chance};
use crate::zoo::Mutant;
use ionveil_journal::testkit::Faults;
use ionveil_journal::{
    Append, ArmedTimer, Claim, DeadLetter, DeadLetterStore, Filter, KnownNode, Lease, Member, MemoryStore, NewOutboxRow, NodeStore,
    OutboxRow, OutboxState, OutboxStore, Page, Reacted, Receipt, Settlement, Snapshot, Standing, Store, StoreError, StoreResult,
    TimerStore, Verdict,
};
use ionveil_kernel::{BoxFuture, CommandId, Env, NodeId, Org, Recorded, StreamId, Timestamp};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::sync::oneshot;
use uuid::Uuid;

/// The store itself, and who watches it.
pub(super) struct Server {
    pub(super) env: Env,
    pub(super) memory: Arc<MemoryStore>,
    pub(super) truth: Arc<Truth>,
    /// What a feed does not see yet although it is stored, and until when: [`Mutant::TrustedSerial`].
    late: Mutex<BTreeMap<(u16, u64), Duration>>,
    /// The nodes by the addresses at which the others reach them.
    pub(super) nodes: Mutex<BTreeMap<String, Weak<Node>>>,
}

impl Server {
    pub(super) fn new(env: Env, memory: Arc<MemoryStore>, truth: Arc<Truth>) -> Self {
        Self { env, memory, truth, late: Mutex::default(), nodes: Mutex::default() }
    }

    async fn append(&self, node: u32, sent: &[Claim], batch: &[Append], now: Timestamp) -> Result<Vec<Verdict>, StoreError> {
        let leases = self.memory.leases().await?;
        let present = |claim: &Claim| leases.iter().find(|lease| lease.partition == claim.partition).map_or(0, |lease| lease.epoch);
        let mut claims = sent.to_vec();
        if Mutant::StaleOwner.is_loose() {
            claims.iter_mut().for_each(|claim| claim.epoch = present(claim));
        }
        let verdicts = self.memory.append(&claims, batch, now).await?;
        for (append, verdict) in batch.iter().zip(&verdicts) {
            let Verdict::Accepted(receipt) = verdict else { continue };
            let sent = sent.iter().copied().find(|claim| claim.partition == receipt.partition);
            let epoch = sent.as_ref().map_or(0, present);
            self.truth.taken(&Taken { node, sent, epoch, append, receipt });
            self.delay(receipt);
        }
        Ok(verdicts)
    }

    fn delay(&self, receipt: &Receipt) {
        if Mutant::TrustedSerial.is_loose() && receipt.events > 0 && chance(&self.env, 20) {
            let until = self.env.monotonic() + between(&self.env, 10, 300);
            self.late.lock().insert((receipt.partition, receipt.position), until);
        }
    }

    /// Without what has been given its position and is not committed yet, in the mutant.
    fn visible(&self, mut page: Page) -> Page {
        let (now, late) = (self.env.monotonic(), self.late.lock());
        page.events.retain(|event| late.get(&(event.partition, event.position)).is_none_or(|until| *until <= now));
        page
    }
}

/// The store as one process of a node reaches it.
pub(super) struct Wire {
    pub(super) server: Arc<Server>,
    pub(super) node: u32,
    pub(super) process: Arc<Process>,
    /// While these say that the store is down, answers do not come back.
    pub(super) faults: Faults,
}

impl Wire {
    async fn travel(&self) {
        let env = &self.server.env;
        self.process.step(false).await;
        env.sleep(between(env, 0, 1)).await;
    }

    fn back<T>(&self, answer: Result<T, StoreError>, lost: fn(&'static str) -> StoreError) -> Result<T, StoreError> {
        if self.faults.knobs().down { Err(lost("the connection broke")) } else { answer }
    }

    fn read<'a, T: Send + 'a>(&'a self, call: impl FnOnce(&'a MemoryStore) -> StoreResult<'a, T> + Send + 'a) -> StoreResult<'a, T> {
        Box::pin(async move {
            self.travel().await;
            let answer = call(&self.server.memory).await;
            self.travel().await;
            self.back(answer, StoreError::unavailable)
        })
    }

    fn change<'a, T: Send + 'a>(&'a self, call: impl FnOnce(&'a MemoryStore) -> StoreResult<'a, T> + Send + 'a) -> StoreResult<'a, T> {
        Box::pin(async move {
            self.travel().await;
            let answer = call(&self.server.memory).await;
            self.travel().await;
            self.back(answer, StoreError::unknown)
        })
    }

    /// Sends an append off; what comes back comes to whoever still waits for it.
    fn send(&self, claims: Vec<Claim>, batch: Vec<Append>, now: Timestamp) -> oneshot::Receiver<Result<Vec<Verdict>, StoreError>> {
        let (server, node) = (self.server.clone(), self.node);
        let (tell, told) = oneshot::channel();
        self.server.env.spawn(async move {
            let env = server.env.clone();
            env.sleep(between(&env, 0, 2)).await;
            let answer = server.append(node, &claims, &batch, now).await;
            env.sleep(between(&env, 0, 1)).await;
            drop(tell.send(answer));
            if chance(&env, 10) {
                // It arrives once more, much later.
                env.sleep(between(&env, 1, 8_000)).await;
                drop(server.append(node, &claims, &batch, now).await);
            }
        });
        told
    }

    /// The mutant's way: two transactions where one is due.
    async fn react_in_two(
        &self,
        claim: Claim,
        step: (&str, u64, u64),
        rows: &[NewOutboxRow],
        now: Timestamp,
    ) -> Result<Reacted, StoreError> {
        let ((reactor, from, to), memory) = (step, &self.server.memory);
        self.travel().await;
        let moved = memory.react(claim, reactor, from, to, &[], now).await?;
        if moved != Reacted::Stored {
            return Ok(moved);
        }
        self.travel().await;
        self.server.env.sleep(Duration::from_millis(20)).await;
        self.travel().await;
        if self.faults.knobs().down {
            return Err(StoreError::unavailable("the connection broke"));
        }
        memory.react(claim, reactor, to, to, rows, now).await
    }
}

impl Store for Wire {
    fn partitions(&self) -> u16 {
        self.server.memory.partitions()
    }

    fn append<'a>(&'a self, claims: &'a [Claim], batch: &'a [Append], now: Timestamp) -> StoreResult<'a, Vec<Verdict>> {
        Box::pin(async move {
            self.process.step(true).await;
            let told = self.send(claims.to_vec(), batch.to_vec(), now).await;
            self.process.step(true).await;
            self.back(told.unwrap_or_else(|_| Err(StoreError::unknown("the connection broke"))), StoreError::unknown)
        })
    }

    fn receipts<'a>(&'a self, owner: &'a StreamId, commands: &'a [CommandId]) -> StoreResult<'a, Vec<Option<Receipt>>> {
        self.read(move |memory| memory.receipts(owner, commands))
    }

    fn read_entity<'a>(
        &'a self,
        owner: &'a StreamId,
        after_version: u64,
        after_position: u64,
        limit: usize,
    ) -> StoreResult<'a, Vec<Recorded>> {
        self.read(move |memory| memory.read_entity(owner, after_version, after_position, limit))
    }

    fn read_stream<'a>(&'a self, stream: &'a StreamId, after: u64, limit: usize) -> StoreResult<'a, Vec<Recorded>> {
        self.read(move |memory| memory.read_stream(stream, after, limit))
    }

    fn read_partition<'a>(&'a self, partition: u16, after: u64, limit: usize, filter: &'a Filter) -> StoreResult<'a, Page> {
        let page = self.read(move |memory| memory.read_partition(partition, after, limit, filter));
        Box::pin(async move { page.await.map(|page| self.server.visible(page)) })
    }

    fn heads(&self) -> StoreResult<'_, Vec<u64>> {
        self.read(MemoryStore::heads)
    }

    fn entities<'a>(&'a self, after: Option<&'a StreamId>, limit: usize) -> StoreResult<'a, Vec<StreamId>> {
        self.read(move |memory| memory.entities(after, limit))
    }

    fn organisations<'a>(&'a self, after: Option<&'a Org>, limit: usize) -> StoreResult<'a, Vec<Org>> {
        self.read(move |memory| memory.organisations(after, limit))
    }

    fn snapshot<'a>(&'a self, owner: &'a StreamId) -> StoreResult<'a, Option<Snapshot>> {
        self.read(move |memory| memory.snapshot(owner))
    }

    fn put_snapshot<'a>(&'a self, owner: &'a StreamId, snapshot: &'a Snapshot) -> StoreResult<'a, ()> {
        Box::pin(async move {
            let mut snapshot = snapshot.clone();
            if Mutant::DoubleSnapshot.is_loose() {
                snapshot.version = snapshot.version.saturating_sub(1);
            }
            self.travel().await;
            let put = self.server.memory.put_snapshot(owner, &snapshot).await;
            self.travel().await;
            self.back(put, StoreError::unknown)
        })
    }

    fn claim(&self, node: NodeId, lease: Duration) -> StoreResult<'_, Vec<Claim>> {
        self.change(move |memory| memory.claim(node, lease))
    }

    fn reclaim<'a>(&'a self, node: NodeId, claims: &'a [Claim], lease: Duration) -> StoreResult<'a, Vec<Claim>> {
        self.change(move |memory| memory.reclaim(node, claims, lease))
    }

    fn heartbeat<'a>(&'a self, node: NodeId, claims: &'a [Claim], lease: Duration) -> StoreResult<'a, Vec<Claim>> {
        self.change(move |memory| memory.heartbeat(node, claims, lease))
    }

    fn release(&self, node: NodeId) -> StoreResult<'_, ()> {
        self.change(move |memory| memory.release(node))
    }

    fn leases(&self) -> StoreResult<'_, Vec<Lease>> {
        self.read(MemoryStore::leases)
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }
}

impl TimerStore for Wire {
    fn due_timers<'a>(
        &'a self,
        partitions: &'a [u16],
        now: Timestamp,
        after: Option<&'a ArmedTimer>,
        limit: usize,
    ) -> StoreResult<'a, Vec<ArmedTimer>> {
        self.read(move |memory| memory.due_timers(partitions, now, after, limit))
    }

    fn next_due<'a>(&'a self, partitions: &'a [u16]) -> StoreResult<'a, Option<Timestamp>> {
        self.read(move |memory| memory.next_due(partitions))
    }

    fn consume_timer<'a>(&'a self, claim: Claim, timer: &'a ArmedTimer) -> StoreResult<'a, bool> {
        self.change(move |memory| memory.consume_timer(claim, timer))
    }

    fn timers<'a>(&'a self, owner: &'a StreamId) -> StoreResult<'a, Vec<ArmedTimer>> {
        self.read(move |memory| memory.timers(owner))
    }
}

impl OutboxStore for Wire {
    fn checkpoints<'a>(&'a self, reactor: &'a str) -> StoreResult<'a, Vec<u64>> {
        self.read(move |memory| memory.checkpoints(reactor))
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
        if Mutant::EarlyCheckpoint.is_loose() {
            return Box::pin(self.react_in_two(claim, (reactor, from, to), rows, now));
        }
        self.change(move |memory| memory.react(claim, reactor, from, to, rows, now))
    }

    fn outbox_due<'a>(&'a self, partitions: &'a [u16], now: Timestamp, limit: usize) -> StoreResult<'a, Vec<OutboxRow>> {
        self.read(move |memory| memory.outbox_due(partitions, now, limit))
    }

    fn outbox_next<'a>(&'a self, partitions: &'a [u16]) -> StoreResult<'a, Option<Timestamp>> {
        self.read(move |memory| memory.outbox_next(partitions))
    }

    fn outbox_begin<'a>(&'a self, claim: Claim, effect_id: Uuid) -> StoreResult<'a, bool> {
        self.change(move |memory| memory.outbox_begin(claim, effect_id))
    }

    fn outbox_settle<'a>(&'a self, claim: Claim, effect_id: Uuid, settlement: &'a Settlement) -> StoreResult<'a, bool> {
        self.change(move |memory| memory.outbox_settle(claim, effect_id, settlement))
    }

    fn outbox_abandoned<'a>(&'a self, claim: Claim) -> StoreResult<'a, u64> {
        self.change(move |memory| memory.outbox_abandoned(claim))
    }

    fn outbox<'a>(
        &'a self,
        org: Option<&'a Org>,
        state: Option<OutboxState>,
        after: Option<Uuid>,
        limit: usize,
    ) -> StoreResult<'a, Vec<OutboxRow>> {
        self.read(move |memory| memory.outbox(org, state, after, limit))
    }

    fn outbox_count<'a>(&'a self, org: &'a Org, state: OutboxState) -> StoreResult<'a, u64> {
        self.read(move |memory| memory.outbox_count(org, state))
    }
}

impl DeadLetterStore for Wire {
    fn park<'a>(&'a self, letter: &'a DeadLetter, max: u64) -> StoreResult<'a, bool> {
        self.change(move |memory| memory.park(letter, max))
    }

    fn dead_letters<'a>(&'a self, org: Option<&'a Org>, after: Option<Uuid>, limit: usize) -> StoreResult<'a, Vec<DeadLetter>> {
        self.read(move |memory| memory.dead_letters(org, after, limit))
    }

    fn dead_letter<'a>(&'a self, id: Uuid) -> StoreResult<'a, Option<DeadLetter>> {
        self.read(move |memory| memory.dead_letter(id))
    }

    fn discard<'a>(&'a self, id: Uuid) -> StoreResult<'a, bool> {
        self.change(move |memory| memory.discard(id))
    }
}

impl NodeStore for Wire {
    fn announce<'a>(&'a self, member: &'a Member, standing: Standing, first: bool, lease: Duration) -> StoreResult<'a, ()> {
        self.change(move |memory| memory.announce(member, standing, first, lease))
    }

    fn nodes(&self) -> StoreResult<'_, Vec<KnownNode>> {
        self.read(MemoryStore::nodes)
    }

    fn withdraw(&self, node: NodeId) -> StoreResult<'_, ()> {
        self.change(move |memory| memory.withdraw(node))
    }

    fn claim_of<'a>(&'a self, node: NodeId, partitions: &'a [u16], lease: Duration) -> StoreResult<'a, Vec<Claim>> {
        self.change(move |memory| memory.claim_of(node, partitions, lease))
    }

    fn release_of<'a>(&'a self, node: NodeId, claims: &'a [Claim]) -> StoreResult<'a, ()> {
        self.change(move |memory| memory.release_of(node, claims))
    }

    fn secret(&self) -> StoreResult<'_, Option<Vec<u8>>> {
        self.read(MemoryStore::secret)
    }
}
