//! Which partitions this node owns, under which epochs, and until when. Appends and answers ask here without a lock; it
//! does not decide whose append is lawful, the store does.

use crate::{Claim, Store, StoreError};
use ionveil_kernel::{Env, NodeId};
use ionveil_sync::EpochCell;
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::Duration;

/// What this node owns. The deadline is the owner's own monotonic clock, counted from before the last heartbeat was
/// sent, so that it is over here before it is over in the store.
pub(crate) struct Ownership {
    store: Arc<dyn Store>,
    env: Env,
    node: NodeId,
    lease: Duration,
    /// One for each partition, by its number: what readers see. Only written under the lock of `held`.
    cells: Box<[EpochCell]>,
    held: Mutex<Held>,
    /// Held across every call that changes epochs or leases: two of them in flight could each take the other's news for
    /// a loss.
    changing: tokio::sync::Mutex<()>,
}

/// What the cells are written from.
struct Held {
    claims: Vec<Claim>,
    deadline: Duration,
    stopped: bool,
}

impl Ownership {
    /// Claims every partition, for as long as another node's lease may last plus one try.
    pub(crate) async fn take(store: Arc<dyn Store>, env: Env, node: NodeId, lease: Duration) -> Result<Self, StoreError> {
        let give_up = env.monotonic() + lease + lease / 2;
        loop {
            let sent = env.monotonic();
            let claims = store.claim(node, lease).await?;
            if claims.len() == usize::from(store.partitions()) {
                let cells = claims.iter().map(|_| EpochCell::new()).collect();
                let held = Mutex::new(Held { claims, deadline: sent + lease, stopped: false });
                let changing = tokio::sync::Mutex::new(());
                let ownership = Self { store, env, node, lease, cells, held, changing };
                ownership.change(|_| {});
                return Ok(ownership);
            }
            if env.monotonic() >= give_up {
                return Err(StoreError::unavailable("another node holds the partitions of this database and keeps its leases alive"));
            }
            env.sleep(lease / 6).await;
        }
    }

    pub(crate) fn node(&self) -> NodeId {
        self.node
    }

    /// The claims that may be used now, by partition; none once the deadline has passed. Takes no lock.
    pub(crate) fn claims(&self) -> Vec<Claim> {
        self.usable().collect()
    }

    /// The epoch of the claim on `partition` that may be used now. Takes no lock.
    pub(crate) fn epoch(&self, partition: u16) -> Option<u64> {
        self.cells.get(usize::from(partition))?.read(micros(self.env.monotonic()))
    }

    pub(crate) fn ready(&self) -> bool {
        self.usable().count() == self.cells.len()
    }

    fn usable(&self) -> impl Iterator<Item = Claim> {
        let now = micros(self.env.monotonic());
        let read = move |(partition, cell): (u16, &EpochCell)| cell.read(now).map(|epoch| Claim { partition, epoch });
        (0..).zip(&self.cells).filter_map(read)
    }

    /// Changes what is held and shows it to the readers, in one step: the lock makes this the one writer of the cells.
    fn change(&self, action: impl FnOnce(&mut Held)) {
        let mut held = self.held.lock();
        action(&mut held);
        for (partition, cell) in (0..).zip(&self.cells) {
            match held.claims.iter().find(|claim| claim.partition == partition && !held.stopped) {
                Some(claim) => cell.publish(claim.epoch, micros(held.deadline)),
                None => cell.revoke(),
            }
        }
    }

    pub(crate) fn stop(&self) {
        self.change(|held| held.stopped = true);
    }

    fn stopped(&self) -> bool {
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
        let asked = self.held.lock().claims.clone();
        let kept = self.store.heartbeat(self.node, &asked, self.lease).await?;
        self.change(|held| {
            held.claims.retain(|claim| kept.contains(claim) || !asked.contains(claim));
            held.deadline = sent + self.lease;
        });
        self.retake_free(sent).await
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
mod tests {
    use super::*;
    use crate::MemoryStore;
    use ionveil_kernel::{BoxFuture, Runtime, Timestamp};
    use std::sync::atomic::{AtomicU64, Ordering};
    use uuid::Uuid;

    const LEASE: Duration = Duration::from_micros(100);

    /// A clock that the test moves, in nanoseconds. Sleeping is over at once and nothing is spawned.
    #[derive(Clone, Default)]
    struct Clock(Arc<AtomicU64>);

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
        fn set(&self, nanos: u64) {
            self.0.store(nanos, Ordering::Relaxed);
        }
    }

    fn node(number: u128) -> NodeId {
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
