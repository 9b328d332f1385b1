//! Which partitions this node owns, under which epochs, and until when.

use crate::{Claim, Store, StoreError};
use ionveil_kernel::{Env, NodeId};
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
    held: Mutex<Held>,
    /// Held across every call that changes epochs or leases: two of them in flight could each take the other's news for
    /// a loss.
    changing: tokio::sync::Mutex<()>,
}

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
                let held = Mutex::new(Held { claims, deadline: sent + lease, stopped: false });
                let changing = tokio::sync::Mutex::new(());
                return Ok(Self { store, env, node, lease, held, changing });
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

    /// The claims that may be used now; none once the deadline has passed.
    pub(crate) fn claims(&self) -> Vec<Claim> {
        let held = self.held.lock();
        if self.env.monotonic() < held.deadline && !held.stopped { held.claims.clone() } else { Vec::new() }
    }

    /// The epoch of the claim on `partition` that may be used now.
    pub(crate) fn epoch(&self, partition: u16) -> Option<u64> {
        let held = self.held.lock();
        let usable = self.env.monotonic() < held.deadline && !held.stopped;
        held.claims.iter().find(|claim| usable && claim.partition == partition).map(|claim| claim.epoch)
    }

    pub(crate) fn ready(&self) -> bool {
        self.claims().len() == usize::from(self.store.partitions())
    }

    pub(crate) fn stop(&self) {
        self.held.lock().stopped = true;
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
        let mut held = self.held.lock();
        held.claims.retain(|claim| !old.contains(claim));
        held.claims.extend(new);
        held.claims.sort_by_key(|claim| claim.partition);
        held.deadline = held.deadline.min(sent + self.lease);
        Ok(())
    }

    async fn heartbeat(&self) -> Result<(), StoreError> {
        let _changing = self.changing.lock().await;
        let sent = self.env.monotonic();
        let asked = self.held.lock().claims.clone();
        let kept = self.store.heartbeat(self.node, &asked, self.lease).await?;
        {
            let mut held = self.held.lock();
            held.claims.retain(|claim| kept.contains(claim) || !asked.contains(claim));
            held.deadline = sent + self.lease;
        }
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
        let mut held = self.held.lock();
        held.claims = claims;
        held.deadline = sent + self.lease;
        Ok(())
    }
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
