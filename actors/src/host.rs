//! Maps an entity to its slot: finds or starts its actor, holds its queue to its bound, and lets go of it when idle.

use crate::answer::{AskError, Reply};
use crate::entity::{Entity, Envelope, Stop};
use crate::loader::Loader;
use crate::metrics::HostMetrics;
use crate::pipeline::{Answer, Input, Waiter};
use actix::{Actor, Addr, ArbiterHandle};
use ionveil_journal::Journal;
use ionveil_kernel::{Decider, Meta, StreamId};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::oneshot;

/// How often idle entities are looked for when there is no room.
const ROOM_EVERY: Duration = Duration::from_secs(1);

/// Limits of a host.
#[derive(Clone, Debug)]
pub struct HostConfig {
    /// The most commands in line at one entity, in flight included.
    pub queue_max: usize,
    /// The most entities in memory.
    pub resident_max: usize,
    /// How long an entity without work stays in memory.
    pub idle: Duration,
    /// How long a caller waits.
    pub deadline: Duration,
    /// After how many events since the last snapshot the next is written.
    pub snapshot_every: u64,
}

impl Default for HostConfig {
    fn default() -> Self {
        Self {
            queue_max: 1_024,
            resident_max: 100_000,
            idle: Duration::from_secs(60),
            deadline: Duration::from_secs(10),
            snapshot_every: 1_000,
        }
    }
}

/// A cheap handle on all entities of one kind on this node.
pub struct Host<D: Decider>(Arc<Shared<D>>);

impl<D: Decider> Clone for Host<D> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

pub(crate) struct Shared<D: Decider> {
    pub(crate) journal: Journal,
    pub(crate) loader: Loader<D>,
    pub(crate) config: HostConfig,
    pub(crate) metrics: HostMetrics,
    slots: Mutex<BTreeMap<StreamId, Slot<D>>>,
    /// When idle entities were last let go to make room.
    made_room: Mutex<Duration>,
    arbiters: Vec<ArbiterHandle>,
    generation: AtomicU64,
    draining: AtomicBool,
    in_line: Arc<AtomicUsize>,
}

struct Slot<D: Decider> {
    address: Addr<Entity<D>>,
    depth: Arc<AtomicUsize>,
    used: Duration,
}

/// Where to deliver, and the place in line.
type Admitted<D> = (Addr<Entity<D>>, Permit);

/// A place in an entity's queue, given back when dropped.
pub(crate) struct Permit {
    depth: Arc<AtomicUsize>,
    in_line: Arc<AtomicUsize>,
}

impl Drop for Permit {
    fn drop(&mut self) {
        // Counters only: nothing is published through them, and slots are let go under the lock that hands permits out.
        self.depth.fetch_sub(1, Ordering::AcqRel);
        self.in_line.fetch_sub(1, Ordering::AcqRel);
    }
}

impl<D: Decider> Shared<D> {
    pub(crate) fn next_generation(&self) -> u64 {
        self.generation.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Lets go of entities that had no work for `idle`.
    fn let_go(&self, slots: &mut BTreeMap<StreamId, Slot<D>>, idle: Duration) {
        let now = self.journal.env().monotonic();
        slots.retain(|_, slot| {
            let over = slot.depth.load(Ordering::Acquire) == 0 && now.saturating_sub(slot.used) >= idle;
            if over {
                slot.address.do_send(Stop);
            }
            !over
        });
        self.metrics.resident.set(i64::try_from(slots.len()).unwrap_or(i64::MAX));
    }

    /// A flood of ids must not keep real work out: whatever is idle goes, looked for once a second at most.
    fn make_room(&self, slots: &mut BTreeMap<StreamId, Slot<D>>) {
        let (now, mut last) = (self.journal.env().monotonic(), self.made_room.lock());
        if now.saturating_sub(*last) >= ROOM_EVERY {
            *last = now;
            self.let_go(slots, ROOM_EVERY.min(self.config.idle));
        }
    }
}

impl<D: Decider> Host<D> {
    /// A host whose entities live on `arbiters` (never empty), each on one chosen by its name.
    ///
    /// # Panics
    /// If `arbiters` is empty.
    #[must_use]
    pub fn new(journal: Journal, decider: Arc<D>, config: HostConfig, metrics: HostMetrics, arbiters: Vec<ArbiterHandle>) -> Self {
        assert!(!arbiters.is_empty(), "a host needs an arbiter");
        let loader = Loader::new(decider, journal.store().clone());
        let host = Self(Arc::new(Shared {
            journal,
            loader,
            config,
            metrics,
            slots: Mutex::new(BTreeMap::new()),
            made_room: Mutex::new(Duration::ZERO),
            arbiters,
            generation: AtomicU64::new(0),
            draining: AtomicBool::new(false),
            in_line: Arc::default(),
        }));
        host.0.journal.env().spawn(sweep(Arc::downgrade(&host.0)));
        host
    }

    /// Reads entities without waking them: committed state only.
    #[must_use]
    pub fn loader(&self) -> &Loader<D> {
        &self.0.loader
    }

    /// Lets `command` be decided by its entity and waits for the commit.
    ///
    /// Commands to one entity are decided in the order of these calls. A command id that was accepted before is
    /// answered as it was then; one that is in line already waits for the same answer.
    ///
    /// # Errors
    /// See [`AskError`].
    ///
    /// # Cancel safety
    /// Dropping the future gives up the answer, not the command.
    pub async fn ask(&self, owner: StreamId, command: D::Command, meta: Meta) -> Result<Reply<D>, AskError<D::Rejection>> {
        let (reply, answer) = oneshot::channel();
        self.deliver(owner, command, meta, reply)?;
        let deadline = self.0.config.deadline;
        let timeout = self.0.journal.env().sleep(deadline);
        tokio::select! {
            biased;
            answer = answer => answer.unwrap_or(Err(AskError::OutcomeUnknown)),
            () = timeout => Err(AskError::TimedOut(deadline)),
        }
    }

    fn deliver(
        &self,
        owner: StreamId,
        command: D::Command,
        meta: Meta,
        reply: oneshot::Sender<Answer<D>>,
    ) -> Result<(), AskError<D::Rejection>> {
        let mut slots = self.0.slots.lock();
        // Under the lock: whoever was admitted before the drain began is counted in line when it looks.
        if self.0.draining.load(Ordering::Acquire) {
            return Err(AskError::Draining);
        }
        let (address, permit) = self.admit(&mut slots, owner)?;
        self.0.metrics.commands.inc();
        // Under the lock, so that the order of delivery is the order of admission.
        address.do_send(Envelope(Input::Command { command, meta: Box::new(meta), waiter: Waiter { reply, permit } }));
        Ok(())
    }

    fn admit(&self, slots: &mut BTreeMap<StreamId, Slot<D>>, owner: StreamId) -> Result<Admitted<D>, AskError<D::Rejection>> {
        let room = self.0.config.resident_max;
        if slots.len() >= room && !slots.contains_key(&owner) {
            self.0.make_room(slots);
        }
        let full = slots.len() >= room && !slots.contains_key(&owner);
        let gone = slots.get(&owner).is_some_and(|slot| !slot.address.connected());
        if gone {
            slots.remove(&owner);
        }
        if full {
            self.0.metrics.shed.inc();
            return Err(AskError::Overloaded);
        }
        let slot = slots.entry(owner).or_insert_with_key(|owner| self.start(owner));
        if slot.depth.load(Ordering::Acquire) >= self.0.config.queue_max {
            self.0.metrics.shed.inc();
            return Err(AskError::Overloaded);
        }
        slot.used = self.0.journal.env().monotonic();
        slot.depth.fetch_add(1, Ordering::AcqRel);
        self.0.in_line.fetch_add(1, Ordering::AcqRel);
        Ok((slot.address.clone(), Permit { depth: slot.depth.clone(), in_line: self.0.in_line.clone() }))
    }

    fn start(&self, owner: &StreamId) -> Slot<D> {
        let arbiter = usize::from(owner.partition(u16::MAX)) % self.0.arbiters.len();
        let (shared, name) = (self.0.clone(), owner.clone());
        let address = Entity::start_in_arbiter(&self.0.arbiters[arbiter], move |_| Entity::new(shared, name));
        self.0.metrics.resident.inc();
        Slot { address, depth: Arc::default(), used: self.0.journal.env().monotonic() }
    }

    /// Refuses new commands and waits until nothing is in line, for at most `deadline`; says whether that was reached.
    pub async fn drain(&self, deadline: Duration) -> bool {
        {
            let _slots = self.0.slots.lock();
            self.0.draining.store(true, Ordering::Release);
        }
        let env = self.0.journal.env();
        let give_up = env.monotonic() + deadline;
        while self.0.in_line.load(Ordering::Acquire) > 0 {
            if env.monotonic() >= give_up {
                return false;
            }
            env.sleep(Duration::from_millis(5)).await;
        }
        self.0.slots.lock().clear();
        true
    }
}

/// Lets go of entities that had no work for a while. Ends with its host.
async fn sweep<D: Decider>(host: std::sync::Weak<Shared<D>>) {
    loop {
        let Some((env, pause)) = host.upgrade().map(|shared| (shared.journal.env().clone(), shared.config.idle / 2)) else { return };
        env.sleep(pause.max(Duration::from_millis(10))).await;
        let Some(shared) = host.upgrade() else { return };
        shared.let_go(&mut shared.slots.lock(), shared.config.idle);
    }
}
