//! Which partitions this node owns, under which epochs, and until when. Appends and answers ask here without a lock; it
//! does not decide whose append is lawful, the store does.

use crate::membership::{Cluster, Named, Partitions, Share};
use crate::{Claim, KnownNode, Lease, Member, Standing, Store, StoreError};
use ionveil_kernel::{Env, NodeId};
use ionveil_sync::EpochCell;
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::watch;

/// What this node owns. The deadline is the owner's own monotonic clock, counted from before the last heartbeat was
/// sent, so that it is over here before it is over in the store.
pub(crate) struct Ownership {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) env: Env,
    pub(crate) node: NodeId,
    pub(crate) lease: Duration,
    /// One for each partition, by its number: what readers see. Only written under the lock of `held`.
    cells: Box<[EpochCell]>,
    /// As the cells: whether the store was heard of within the lease, whatever is owned.
    heard: EpochCell,
    /// A bit for each partition that is being handed over.
    leaving: AtomicU64,
    /// Whether all partitions are this node's.
    alone: AtomicBool,
    pub(crate) held: Mutex<Held>,
    /// Held across every call that changes epochs or leases: two of them in flight could each take the other's news for
    /// a loss.
    pub(crate) changing: tokio::sync::Mutex<()>,
    /// If the node is one of several.
    pub(crate) cluster: Option<Cluster>,
    pub(crate) steward: Named,
    table: watch::Sender<Partitions>,
}

/// What the cells are written from.
#[derive(Default)]
pub(crate) struct Held {
    pub(crate) claims: Vec<Claim>,
    pub(crate) deadline: Duration,
    stopped: bool,
    /// Those of the claims that are being handed over.
    pub(crate) leaving: Vec<u16>,
    /// What was known of the others last.
    nodes: Vec<KnownNode>,
    leases: Vec<Lease>,
}

impl Ownership {
    fn new(store: Arc<dyn Store>, env: Env, node: NodeId, lease: Duration, cluster: Option<Cluster>) -> Self {
        let partitions = store.partitions();
        let table: Partitions = (0..partitions).map(|_| Share::Vacant).collect();
        Self {
            cells: (0..partitions).map(|_| EpochCell::new()).collect(),
            heard: EpochCell::new(),
            leaving: AtomicU64::new(0),
            alone: AtomicBool::new(false),
            held: Mutex::default(),
            changing: tokio::sync::Mutex::new(()),
            steward: Named::new(),
            table: watch::Sender::new(table),
            store,
            env,
            node,
            lease,
            cluster,
        }
    }

    /// Claims every partition, for as long as another node's lease may last plus one try.
    pub(crate) async fn take(store: Arc<dyn Store>, env: Env, node: NodeId, lease: Duration) -> Result<Self, StoreError> {
        let give_up = env.monotonic() + lease + lease / 2;
        loop {
            let sent = env.monotonic();
            let claims = store.claim(node, lease).await?;
            if claims.len() == usize::from(store.partitions()) {
                let ownership = Self::new(store, env, node, lease, None);
                ownership.change(|held| (held.claims, held.deadline) = (claims, sent + lease));
                return Ok(ownership);
            }
            if env.monotonic() >= give_up {
                return Err(StoreError::unavailable("another node holds the partitions of this database and keeps its leases alive"));
            }
            env.sleep(lease / 6).await;
        }
    }

    /// Becomes one of the nodes of the store; what is its share and free is taken at once if `standing` says so.
    pub(crate) async fn join(
        store: Arc<dyn Store>,
        env: Env,
        member: Member,
        standing: Standing,
        lease: Duration,
    ) -> Result<Self, StoreError> {
        let ownership = Self::new(store, env, member.node, lease, Some(Cluster::new(member, standing)));
        ownership.enter().await?;
        Ok(ownership)
    }

    pub(crate) fn node(&self) -> NodeId {
        self.node
    }

    /// Whether the node is one of several.
    pub(crate) const fn shared(&self) -> bool {
        self.cluster.is_some()
    }

    /// The claims that may be used now, by partition; none once the deadline has passed. Takes no lock.
    pub(crate) fn claims(&self) -> Vec<Claim> {
        self.usable().collect()
    }

    /// The epoch of the claim on `partition` that may be used now. Takes no lock.
    pub(crate) fn epoch(&self, partition: u16) -> Option<u64> {
        self.cells.get(usize::from(partition))?.read(micros(self.env.monotonic()))
    }

    /// Whether new work for `partition` may be begun. Takes no lock.
    pub(crate) fn admits(&self, partition: u16) -> bool {
        // Relaxed: who sees an old bit only adds to what is in line, and the epoch keeps the order of appends.
        self.leaving.load(Ordering::Relaxed) & bit(partition) == 0 && self.epoch(partition).is_some()
    }

    /// Whether no other node writes to the store. Takes no lock; nothing but how much is sent at a time follows from it.
    pub(crate) fn alone(&self) -> bool {
        self.alone.load(Ordering::Relaxed)
    }

    pub(crate) fn ready(&self) -> bool {
        if self.shared() { self.heard.read(micros(self.env.monotonic())).is_some() } else { self.usable().count() == self.cells.len() }
    }

    /// How long ago the heartbeat was sent that the deadline follows from.
    pub(crate) fn lease_age(&self) -> Duration {
        let sent = self.held.lock().deadline.saturating_sub(self.lease);
        self.env.monotonic().saturating_sub(sent)
    }

    pub(crate) fn table(&self) -> watch::Receiver<Partitions> {
        self.table.subscribe()
    }

    fn usable(&self) -> impl Iterator<Item = Claim> {
        let now = micros(self.env.monotonic());
        let read = move |(partition, cell): (u16, &EpochCell)| cell.read(now).map(|epoch| Claim { partition, epoch });
        (0..).zip(&self.cells).filter_map(read)
    }

    /// Changes what is held and shows it to the readers, in one step: the lock makes this the one writer of the cells. Whoever
    /// works for what was lost is told before it can come back.
    pub(crate) fn change(&self, action: impl FnOnce(&mut Held)) {
        let mut held = self.held.lock();
        let before: Vec<u16> = held.claims.iter().map(|claim| claim.partition).collect();
        action(&mut held);
        let kept = |partition: &u16| held.claims.iter().any(|claim| claim.partition == *partition);
        let lost: Vec<u16> = before.into_iter().filter(|partition| !kept(partition)).collect();
        let leaving = held.leaving.iter().fold(0, |bits, partition| bits | bit(*partition));
        self.leaving.store(leaving, Ordering::Relaxed);
        self.alone.store(held.claims.len() == self.cells.len(), Ordering::Relaxed);
        for (partition, cell) in (0..).zip(&self.cells) {
            match held.claims.iter().find(|claim| claim.partition == partition && !held.stopped) {
                Some(claim) => cell.publish(claim.epoch, micros(held.deadline)),
                None => cell.revoke(),
            }
        }
        self.heard.publish(0, if held.stopped { 0 } else { micros(held.deadline) });
        self.table.send_if_modified(|table| {
            let next: Partitions = (0..self.store.partitions()).map(|partition| held.share(partition, self.node)).collect();
            let changed = **table != *next;
            *table = next;
            changed
        });
        drop(held);
        if let (false, Some(steward)) = (lost.is_empty(), self.steward.get()) {
            steward.lost(&lost);
        }
    }

    /// Takes in what the store says of all nodes.
    pub(crate) fn note(&self, nodes: &[KnownNode], leases: &[Lease]) {
        self.change(|held| (held.nodes, held.leases) = (nodes.to_vec(), leases.to_vec()));
    }

    pub(crate) fn stop(&self) {
        self.change(|held| held.stopped = true);
    }

    pub(crate) fn stopped(&self) -> bool {
        self.held.lock().stopped
    }

    /// Raises the epochs of the partitions in `numbers`: afterwards nothing that was under way can commit any more.
    pub(crate) async fn fence(&self, numbers: &[u16]) -> Result<(), StoreError> {
        let _changing = self.changing.lock().await;
        let of = |claim: &&Claim| numbers.contains(&claim.partition);
        let old: Vec<Claim> = self.held.lock().claims.iter().filter(of).copied().collect();
        let sent = self.env.monotonic();
        let new = self.store.reclaim(self.node, &old, self.lease).await?;
        self.change(|held| {
            held.claims.retain(|claim| !old.contains(claim));
            held.claims.extend(new);
            held.claims.sort_by_key(|claim| claim.partition);
            held.deadline = held.deadline.min(sent + self.lease);
        });
        Ok(())
    }

    async fn heartbeat(&self) -> Result<(), StoreError> {
        let _changing = self.changing.lock().await;
        let sent = self.env.monotonic();
        self.beat(sent).await?;
        self.retake_free(sent).await
    }

    /// Prolongs what is held, and forgets what was lost.
    pub(crate) async fn beat(&self, sent: Duration) -> Result<(), StoreError> {
        let (asked, lapsed) = {
            let held = self.held.lock();
            (held.claims.clone(), held.deadline <= sent)
        };
        let kept = self.store.heartbeat(self.node, &asked, self.lease).await?;
        if lapsed && !kept.is_empty() {
            self.hear(&kept).await?;
        }
        self.change(|held| {
            held.claims.retain(|claim| kept.contains(claim) || !asked.contains(claim));
            held.leaving.retain(|partition| held.claims.iter().any(|claim| claim.partition == *partition));
            held.deadline = sent + self.lease;
        });
        Ok(())
    }

    /// Takes back what was lost, once nobody else holds it.
    async fn retake_free(&self, sent: Duration) -> Result<(), StoreError> {
        if self.held.lock().claims.len() == usize::from(self.store.partitions()) {
            return Ok(());
        }
        let leases = self.store.leases().await?;
        let missing = |partition| self.held.lock().claims.iter().all(|claim| claim.partition != partition);
        let free = |owner: Option<NodeId>| owner.is_none_or(|owner| owner == self.node);
        if !leases.iter().any(|lease| missing(lease.partition) && (free(lease.node) || lease.remaining.is_zero())) {
            return Ok(());
        }
        let claims = self.store.claim(self.node, self.lease).await?;
        self.change(|held| {
            held.claims = claims;
            held.deadline = sent + self.lease;
        });
        Ok(())
    }
}

impl Held {
    fn share(&self, partition: u16, own: NodeId) -> Share {
        if let Some(claim) = self.claims.iter().find(|claim| claim.partition == partition && !self.stopped) {
            let epoch = claim.epoch;
            return if self.leaving.contains(&partition) { Share::Leaving { epoch } } else { Share::Own { epoch } };
        }
        let lease = self.leases.iter().find(|lease| lease.partition == partition && !lease.remaining.is_zero());
        let Some((node, epoch)) = lease.and_then(|lease| Some((lease.node?, lease.epoch))) else { return Share::Vacant };
        if node == own {
            return Share::Vacant;
        }
        let member = self.nodes.iter().map(|known| &known.member).find(|member| member.node == node);
        let address = member.map(|member| member.address.clone()).filter(|address| !address.is_empty());
        Share::Foreign { node, address, epoch }
    }
}

/// There are 64 partitions at most.
const fn bit(partition: u16) -> u64 {
    1_u64.wrapping_shl(partition as u32)
}

/// A reading of the monotonic clock in microseconds, rounded down: a deadline may come a microsecond early, never late.
fn micros(reading: Duration) -> u64 {
    u64::try_from(reading.as_micros()).unwrap_or(u64::MAX)
}

/// Prolongs the leases until the journal is closed. A store that cannot be reached is asked again sooner.
pub(crate) async fn keep(ownership: Arc<Ownership>) {
    let mut pause = ownership.lease / 3;
    loop {
        ownership.env.sleep(pause).await;
        if ownership.stopped() {
            return;
        }
        pause = match ownership.heartbeat().await {
            Ok(()) => ownership.lease / 3,
            Err(error) => {
                tracing::warn!(error = %error, source = ?std::error::Error::source(&error), "the leases could not be prolonged");
                ownership.lease / 12
            }
        };
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::MemoryStore;
    use ionveil_kernel::{BoxFuture, Runtime, Timestamp};
    use uuid::Uuid;

    const LEASE: Duration = Duration::from_micros(100);

    /// A clock that the test moves, in nanoseconds. Sleeping is over at once and nothing is spawned.
    #[derive(Clone, Default)]
    pub(crate) struct Clock(Arc<AtomicU64>);

    impl Runtime for Clock {
        fn now(&self) -> Timestamp {
            Timestamp::from_micros(0)
        }

        fn monotonic(&self) -> Duration {
            Duration::from_nanos(self.0.load(Ordering::Relaxed))
        }

        fn random(&self) -> u128 {
            0
        }

        fn sleep(&self, _: Duration) -> BoxFuture<'static, ()> {
            Box::pin(std::future::ready(()))
        }

        fn spawn(&self, _: BoxFuture<'static, ()>) {}
    }

    impl Clock {
        pub(crate) fn set(&self, nanos: u64) {
            self.0.store(nanos, Ordering::Relaxed);
        }
    }

    pub(crate) fn node(number: u128) -> NodeId {
        NodeId(Uuid::from_u128(number))
    }

    /// A node that owns the three partitions of a store in memory since 0.
    async fn owner() -> (Clock, Arc<dyn Store>, Ownership) {
        let clock = Clock::default();
        let env = Env::new(clock.clone());
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new(env.clone(), 3));
        let ownership = Ownership::take(store.clone(), env, node(1), LEASE).await.unwrap();
        (clock, store, ownership)
    }

    /// What readers see: the epochs by partition.
    fn epochs(ownership: &Ownership) -> [Option<u64>; 3] {
        let epochs = [0, 1, 2].map(|partition| ownership.epoch(partition));
        let claims: Vec<Claim> = (0..).zip(epochs).filter_map(|(partition, epoch)| epoch.map(|epoch| Claim { partition, epoch })).collect();
        assert_eq!(ownership.claims(), claims);
        assert_eq!(ownership.ready(), claims.len() == 3);
        epochs
    }

    #[tokio::test]
    async fn claims_hold_until_the_deadline_and_never_after_it() {
        let (clock, _, ownership) = owner().await;
        for (nanos, epoch) in [(0, Some(1)), (99_999, Some(1)), (100_000, None), (200_000, None)] {
            clock.set(nanos);
            assert_eq!(epochs(&ownership), [epoch; 3], "{nanos} ns");
        }
        assert_eq!(ownership.epoch(3), None, "there is no such partition");
    }

    #[tokio::test]
    async fn a_deadline_between_two_microseconds_comes_early() {
        let (clock, _, ownership) = owner().await;
        clock.set(50_900);
        ownership.heartbeat().await.unwrap();
        for (nanos, epoch) in [(149_999, Some(1)), (150_000, None), (150_899, None)] {
            clock.set(nanos);
            assert_eq!(epochs(&ownership), [epoch; 3], "{nanos} ns");
        }
    }

    #[tokio::test]
    async fn a_fence_raises_the_epochs_that_it_names() {
        let (_, _, ownership) = owner().await;
        ownership.fence(&[0, 2]).await.unwrap();
        assert_eq!(epochs(&ownership), [Some(2), Some(1), Some(2)]);
    }

    #[tokio::test]
    async fn what_was_lost_is_not_used_and_is_taken_back_when_it_is_free() {
        let (clock, store, ownership) = owner().await;
        store.release(node(1)).await.unwrap();
        store.claim(node(2), LEASE / 2).await.unwrap();
        ownership.heartbeat().await.unwrap();
        assert_eq!(epochs(&ownership), [None; 3], "another node holds them");
        clock.set(60_000);
        ownership.heartbeat().await.unwrap();
        assert_eq!(epochs(&ownership), [Some(3); 3]);
    }

    #[tokio::test]
    async fn a_stopped_owner_has_nothing_for_good() {
        let (_, _, ownership) = owner().await;
        ownership.stop();
        assert_eq!(epochs(&ownership), [None; 3]);
        ownership.heartbeat().await.unwrap();
        assert_eq!(epochs(&ownership), [None; 3], "a heartbeat under way brings nothing back");
    }
}
