//! Several nodes on one store: each makes itself known, finds from the list of live nodes which partitions are its share
//! ([`crate::share`]), takes those that are free and gives back what is another's.
//!
//! Giving back is planned: new work for the partition stays out, what is in line finishes (the [`Steward`] says when), then the
//! lease is released and the new owner, who looks often while it waits, takes it with the next epoch. Nothing rests on this
//! being done well: the epoch alone decides who may append.

use crate::lease::Ownership;
use crate::{Claim, KnownNode, Lease, Member, Standing, StoreError, share};
use ionveil_kernel::{BoxFuture, NodeId};
use parking_lot::Mutex;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::sync::Notify;

/// How often in a lease the others are looked at, also while a partition is awaited, and the own lease is prolonged.
const LOOKS_PER_LEASE: u32 = 12;
const LOOKS_PER_LEASE_EXPECTING: u32 = 200;
const BEATS_PER_LEASE: u32 = 3;

/// Whose a partition is, as this node knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Share {
    /// This node's.
    Own {
        /// Under this epoch.
        epoch: u64,
    },
    /// Still this node's, but it takes no new work for it: it is being handed over.
    Leaving {
        /// Under this epoch.
        epoch: u64,
    },
    /// Another node's, whose lease is not over.
    Foreign {
        /// Whose.
        node: NodeId,
        /// Where it is reached; none if it has not said so.
        address: Option<String>,
        /// Under this epoch.
        epoch: u64,
    },
    /// Nobody's at the moment.
    Vacant,
}

/// All partitions, by number.
pub type Partitions = Arc<[Share]>;

/// Is told when partitions go: whoever works for them, beside the journal itself.
pub trait Steward: Send + Sync {
    /// `partitions` are being handed over: [`crate::Journal::admits`] keeps new work out by now. Completes when nothing of theirs is
    /// in line any more; nobody waits for longer than half a lease.
    fn drain(&self, partitions: &[u16]) -> BoxFuture<'static, ()>;

    /// Completes once whoever is told of commits here has heard of all that is committed by now, but for what this node has committed
    /// itself under `kept`; says whether he has. Asked before the node may decide on what it takes over, or after a time when others
    /// could think it dead.
    fn hear(&self, kept: &[Claim]) -> BoxFuture<'static, bool>;

    /// `partitions` are this node's no more: what is known of their entities may be old from now on. Called before one of them
    /// can come back; it must not wait.
    fn lost(&self, partitions: &[u16]);
}

/// What a node keeps of being one of several.
pub(crate) struct Cluster {
    member: Mutex<Member>,
    pace: Mutex<Pace>,
    nudge: Notify,
}

/// When what is to be done.
struct Pace {
    standing: Standing,
    /// By the monotonic clock.
    beat_due: Duration,
    /// Since when partitions are awaited that others have, or are to take.
    expecting: Option<Duration>,
    /// Until then nothing is handed over: the others shall be waiting for it.
    hold_until: Duration,
}

/// What a look at the others led to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Look {
    /// Partitions that are to be handed over now.
    pub(crate) leaving: Vec<u16>,
    /// How long until the next look.
    pub(crate) pause: Duration,
}

/// Whoever is told, once somebody was named.
pub(crate) type Named = OnceLock<Arc<dyn Steward>>;

impl Cluster {
    pub(crate) fn new(member: Member, standing: Standing) -> Self {
        let pace = Pace { standing, beat_due: Duration::ZERO, expecting: None, hold_until: Duration::ZERO };
        Self { member: Mutex::new(member), pace: Mutex::new(pace), nudge: Notify::new() }
    }

    fn standing(&self) -> Standing {
        self.pace.lock().standing
    }

    fn member(&self) -> Member {
        self.member.lock().clone()
    }

    /// The next look comes with a heartbeat.
    fn stand(&self, standing: Standing, hold_until: Duration) {
        let mut pace = self.pace.lock();
        (pace.standing, pace.beat_due, pace.hold_until) = (standing, Duration::ZERO, hold_until);
    }
}

impl Ownership {
    /// Makes the node known, and frees what an earlier life of it has held.
    pub(crate) async fn enter(&self) -> Result<(), StoreError> {
        let Some(cluster) = &self.cluster else { return Ok(()) };
        self.store.release(self.node).await?;
        self.store.announce(&cluster.member(), cluster.standing(), true, self.lease).await?;
        self.look().await.map(drop)
    }

    /// From now on the node takes its share, and is reached at `address`.
    pub(crate) async fn take_part(&self, address: Option<String>) -> Result<(), StoreError> {
        let Some(cluster) = &self.cluster else { return Ok(()) };
        if let Some(address) = address {
            cluster.member.lock().address = address;
        }
        cluster.stand(Standing::Serving, Duration::ZERO);
        self.look().await?;
        cluster.nudge.notify_one();
        Ok(())
    }

    /// Looks sooner.
    pub(crate) fn nudge(&self) {
        if let Some(cluster) = &self.cluster {
            cluster.nudge.notify_one();
        }
    }

    /// Prolongs what is held when that is due, takes what is free and this node's share, and says what is another's.
    pub(crate) async fn look(&self) -> Result<Look, StoreError> {
        let Some(cluster) = &self.cluster else { return Ok(Look { leaving: Vec::new(), pause: self.lease / BEATS_PER_LEASE }) };
        let _changing = self.changing.lock().await;
        let sent = self.env.monotonic();
        if cluster.pace.lock().beat_due <= sent {
            self.store.announce(&cluster.member(), cluster.standing(), false, self.lease).await?;
            self.beat(sent).await?;
            cluster.pace.lock().beat_due = sent + self.lease / BEATS_PER_LEASE;
        }
        let (nodes, leases) = (self.store.nodes().await?, self.store.leases().await?);
        self.note(&nodes, &leases);
        let takers: Vec<NodeId> = nodes.iter().filter(|node| node.takes()).map(|node| node.member.node).collect();
        let mine = |partition| share::owner(&takers, partition) == Some(self.node);
        self.take_free(&leases, mine).await?;
        let held_back = sent < cluster.pace.lock().hold_until;
        let others = |partition: u16| !held_back && share::owner(&takers, partition).is_some_and(|owner| owner != self.node);
        let leaving = self.begin_to_leave(others);
        Ok(Look { leaving, pause: self.pause(cluster, &nodes, &leases, mine) })
    }

    async fn take_free(&self, leases: &[Lease], mine: impl Fn(u16) -> bool) -> Result<(), StoreError> {
        let free = |lease: &Lease| lease.node.is_none_or(|owner| owner == self.node) || lease.remaining.is_zero();
        let held: Vec<u16> = self.held.lock().claims.iter().map(|claim| claim.partition).collect();
        let wanted = leases.iter().filter(|lease| mine(lease.partition) && !held.contains(&lease.partition) && free(lease));
        let wanted: Vec<u16> = wanted.map(|lease| lease.partition).collect();
        if wanted.is_empty() || self.stopped() {
            return Ok(());
        }
        let sent = self.env.monotonic();
        let taken = self.store.claim_of(self.node, &wanted, self.lease).await?;
        // Claimed first: whoever asks who must be told of a commit finds this node among the owners, or it hears of it here.
        self.hear(&[]).await?;
        tracing::info!(partitions = ?taken.iter().map(|claim| claim.partition).collect::<Vec<_>>(), "partitions were taken over");
        self.change(|held| {
            let end = sent + self.lease;
            held.deadline = if held.claims.is_empty() { end } else { held.deadline.min(end) };
            held.claims.extend(taken);
            held.claims.sort_by_key(|claim| claim.partition);
        });
        Ok(())
    }

    /// What this node decides rests on what its observers know, also of the commits of others.
    pub(crate) async fn hear(&self, kept: &[Claim]) -> Result<(), StoreError> {
        let Some(steward) = self.steward.get() else { return Ok(()) };
        let (heard, patience) = (steward.hear(kept), self.env.sleep(self.lease / 2));
        let heard = tokio::select! {
            biased;
            heard = heard => heard,
            () = patience => false,
        };
        if heard { Ok(()) } else { Err(StoreError::unavailable("what other nodes have committed could not be read in time")) }
    }

    /// Marks what is held and another's; new work for it stays out from now on.
    fn begin_to_leave(&self, others: impl Fn(u16) -> bool) -> Vec<u16> {
        let mut leaving = Vec::new();
        self.change(|held| {
            leaving = held.claims.iter().map(|claim| claim.partition).filter(|it| others(*it) && !held.leaving.contains(it)).collect();
            held.leaving.extend(&leaving);
        });
        leaving
    }

    /// Lets what is in line for `partitions` finish, and gives them up.
    pub(crate) async fn hand_over(&self, partitions: &[u16]) {
        if let Some(steward) = self.steward.get() {
            let (drained, timeout) = (steward.drain(partitions), self.env.sleep(self.lease / 2));
            tokio::select! {
                biased;
                () = drained => {}
                () = timeout => tracing::warn!(?partitions, "partitions are handed over with work in line, which the next owner is asked again"),
            }
        }
        if let Err(error) = self.give(partitions).await {
            tracing::warn!(?partitions, %error, "partitions were not released; their lease ends by itself");
        }
        // Who waits for their entities here shall soon know where they are.
        self.nudge();
    }

    async fn give(&self, partitions: &[u16]) -> Result<(), StoreError> {
        let _changing = self.changing.lock().await;
        let of = |claim: &&Claim| partitions.contains(&claim.partition);
        let given: Vec<Claim> = self.held.lock().claims.iter().filter(of).copied().collect();
        self.change(|held| {
            held.claims.retain(|claim| !given.contains(claim));
            held.leaving.retain(|partition| !partitions.contains(partition));
        });
        tracing::info!(?partitions, "partitions are handed over");
        // What is still under way under these epochs ends before anybody is told that it was not stored.
        let given = self.store.reclaim(self.node, &given, self.lease).await?;
        self.store.release_of(self.node, &given).await
    }

    /// Gives everything up, in order, if somebody else is there to take it; appends go on until then.
    pub(crate) async fn leave(&self) -> Result<(), StoreError> {
        let Some(cluster) = &self.cluster else { return Ok(()) };
        let notice = self.lease / LOOKS_PER_LEASE + self.lease / 50;
        cluster.stand(Standing::Leaving, self.env.monotonic() + notice);
        self.store.announce(&cluster.member(), Standing::Leaving, false, self.lease).await?;
        let nodes = self.store.nodes().await?;
        if !nodes.iter().any(|node| node.takes() && node.member.node != self.node) {
            return Ok(());
        }
        // Until the others have seen it and look often: what is handed over then waits for a moment only.
        self.env.sleep(notice).await;
        let leaving = self.begin_to_leave(|_| true);
        self.hand_over(&leaving).await;
        // What a look began to hand over meanwhile.
        let give_up = self.env.monotonic() + self.lease;
        while !self.held.lock().claims.is_empty() && self.env.monotonic() < give_up {
            self.env.sleep(self.lease / LOOKS_PER_LEASE_EXPECTING).await;
        }
        Ok(())
    }

    fn pause(&self, cluster: &Cluster, nodes: &[KnownNode], leases: &[Lease], mine: impl Fn(u16) -> bool) -> Duration {
        let lives = |node: NodeId| nodes.iter().any(|known| known.member.node == node && known.live());
        let awaited = |lease: &Lease| !lease.remaining.is_zero() && lease.node.is_some_and(|node| node != self.node && lives(node));
        let vacant = |lease: &Lease| lease.remaining.is_zero() || lease.node.is_none();
        let expecting = leases.iter().any(|lease| if mine(lease.partition) { awaited(lease) } else { vacant(lease) });
        let (now, mut pace) = (self.env.monotonic(), cluster.pace.lock());
        pace.expecting = if expecting { Some(pace.expecting.unwrap_or(now)) } else { None };
        // One that does not hand over is waited for without haste.
        let soon = pace.expecting.is_some_and(|since| now.saturating_sub(since) < self.lease * 2);
        self.lease / if soon { LOOKS_PER_LEASE_EXPECTING } else { LOOKS_PER_LEASE }
    }
}

/// Looks again and again until the journal is closed.
pub(crate) async fn keep(ownership: Arc<Ownership>) {
    let Some(cluster) = &ownership.cluster else { return };
    let mut pause = Duration::ZERO;
    loop {
        let sleep = ownership.env.sleep(pause);
        tokio::select! {
            biased;
            () = cluster.nudge.notified() => {}
            () = sleep => {}
        }
        if ownership.stopped() {
            return;
        }
        pause = match ownership.look().await {
            Ok(Look { leaving, pause }) => {
                if !leaving.is_empty() {
                    let giver = ownership.clone();
                    ownership.env.spawn(async move { giver.hand_over(&leaving).await });
                }
                pause
            }
            Err(error) => {
                tracing::warn!(error = %error, source = ?std::error::Error::source(&error), "the leases could not be prolonged");
                ownership.lease / LOOKS_PER_LEASE
            }
        };
    }
}

#[cfg(test)]
mod tests;
