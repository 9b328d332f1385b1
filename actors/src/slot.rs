//! An entity's slot: its queue, its address and how it is. It outlives what the actor goes through, and so do the commands in
//! it.

use crate::entity::{Entity, Turn};
use crate::inbox::Inbox;
use crate::pipeline::{Input, Pending};
use crate::rate::Rate;
use crate::turnstile::Wake;
use actix::Addr;
use ionveil_kernel::{Decider, StreamId};
use ionveil_sync::{Gate, Gated};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use std::borrow::Borrow;
use std::hash::{Hash, Hasher};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// What an entity or supervisor is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Its events are being read.
    Starting,
    /// It decides.
    Running,
    /// The store cannot be reached.
    Suspended,
    /// It has failed and will be folded anew.
    Restarting,
    /// It has failed for good; an operator can resume it.
    Quarantined,
    /// It is not in memory.
    Passive,
}

impl Phase {
    const ALL: [Self; 6] = [Self::Starting, Self::Running, Self::Suspended, Self::Restarting, Self::Quarantined, Self::Passive];

    /// The stable name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Suspended => "suspended",
            Self::Restarting => "restarting",
            Self::Quarantined => "quarantined",
            Self::Passive => "passive",
        }
    }
}

pub(crate) struct Slot<D: Decider> {
    pub(crate) owner: Arc<StreamId>,
    pub(crate) inbox: Inbox<Box<Pending<D>>>,
    /// What comes back from effects; as many as are under way, hence bounded by the pipeline.
    results: Mutex<Vec<Input<D>>>,
    address: OnceLock<Addr<Entity<D>>>,
    /// On which arbiter it lives.
    pub(crate) arbiter: usize,
    pub(crate) status: Status,
}

/// How an entity is, for whoever looks at the tree. Nothing is decided by it but the quarantine's answer.
#[derive(Default)]
pub(crate) struct Status {
    phase: AtomicU8,
    /// Noted by the turnstile, which will wake it.
    pub(crate) kept_out: AtomicBool,
    /// It was woken by the turnstile and has not had its turn yet.
    pub(crate) woken: AtomicBool,
    pub(crate) in_flight: AtomicU32,
    pub(crate) restarts: AtomicU32,
    /// Microseconds of the monotonic clock.
    used: AtomicU64,
    pub(crate) rate: Rate,
    pub(crate) fault: Mutex<Option<Arc<str>>>,
}

impl Status {
    pub(crate) fn phase(&self) -> Phase {
        Phase::ALL[usize::from(self.phase.load(Ordering::Relaxed)) % Phase::ALL.len()]
    }

    pub(crate) fn set_phase(&self, phase: Phase) {
        self.phase.store(phase as u8, Ordering::Relaxed);
    }

    pub(crate) fn touch(&self, now: Duration) {
        self.used.store(u64::try_from(now.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    pub(crate) fn used(&self) -> Duration {
        Duration::from_micros(self.used.load(Ordering::Relaxed))
    }
}

impl<D: Decider> Slot<D> {
    pub(crate) fn new(owner: StreamId, arbiter: usize, now: Duration) -> Self {
        let slot = Self {
            owner: Arc::new(owner),
            inbox: Inbox::new(),
            results: Mutex::default(),
            address: OnceLock::new(),
            arbiter,
            status: Status::default(),
        };
        slot.status.touch(now);
        slot
    }

    pub(crate) fn started(&self, address: Addr<Entity<D>>) {
        // Only who made the slot starts its actor.
        drop(self.address.set(address));
    }

    /// Brings a result to the actor.
    pub(crate) fn deliver(&self, result: Input<D>) {
        self.results.lock().push(result);
        self.wake_up();
    }

    pub(crate) fn take_results(&self) -> Vec<Input<D>> {
        std::mem::take(&mut *self.results.lock())
    }

    pub(crate) fn address(&self) -> Option<&Addr<Entity<D>>> {
        self.address.get()
    }

    /// Sends the wake-up, unless one is under way.
    pub(crate) fn wake_up(&self) {
        if self.inbox.schedule()
            && let Some(address) = self.address.get()
        {
            address.do_send(Turn);
        }
    }
}

impl<D: Decider> Gated for Slot<D> {
    fn gate(&self) -> &Gate {
        self.inbox.gate()
    }
}

impl<D: Decider> Wake for Slot<D> {
    fn wake(&self) {
        self.status.woken.store(true, Ordering::Relaxed);
        self.status.kept_out.store(false, Ordering::Relaxed);
        self.wake_up();
    }
}

/// A slot in the host's table, found by its entity's name.
pub(crate) struct Entry<D: Decider>(pub(crate) Arc<Slot<D>>);

impl<D: Decider> Borrow<StreamId> for Entry<D> {
    fn borrow(&self) -> &StreamId {
        &self.0.owner
    }
}

impl<D: Decider> PartialEq for Entry<D> {
    fn eq(&self, other: &Self) -> bool {
        self.0.owner == other.0.owner
    }
}

impl<D: Decider> Eq for Entry<D> {}

impl<D: Decider> Hash for Entry<D> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.owner.hash(state);
    }
}
