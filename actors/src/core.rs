//! What all kinds of entities on a node share: the journal, the bounds, the supervisors, the watch.

use crate::config::RuntimeConfig;
use crate::follow::Asked;
use crate::forward::Forward;
use crate::govern::Governor;
use crate::kind::{Entities, SomeKind};
use crate::metrics::Metrics;
use crate::sending::Sending;
use crate::supervised::Supervisee;
use crate::supervision::{Path, Supervisors};
use crate::tracer::Tracer;
use crate::turnstile::Turnstile;
use crate::watch::{self, Busy};
use actix::ArbiterHandle;
use ionveil_journal::{Claim, Journal};
use ionveil_kernel::{BoxFuture, CommandId, StreamId};
use ionveil_sync::DrainLatch;
use parking_lot::{Mutex, RwLock};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use tokio::sync::{Notify, Semaphore, mpsc, oneshot};

pub(crate) struct Core {
    pub(crate) journal: Journal,
    pub(crate) config: RuntimeConfig,
    pub(crate) metrics: Metrics,
    /// Everything in line on this node; closed by the drain.
    pub(crate) line: DrainLatch,
    pub(crate) turnstile: Turnstile,
    /// At most so many entities are folded at once.
    pub(crate) recoveries: Semaphore,
    pub(crate) supervisors: Supervisors,
    pub(crate) arbiters: Vec<ArbiterHandle>,
    pub(crate) busy: Arc<[Busy]>,
    pub(crate) parked: Parked,
    pub(crate) governor: Governor,
    pub(crate) tracer: Tracer,
    /// Who carries commands to other nodes, once somebody was named.
    pub(crate) forward: OnceLock<Arc<dyn Forward>>,
    /// Told when partitions move; whoever waits is woken in the order in which he came, so that a simulation repeats itself.
    pub(crate) moved: Notify,
    /// What the outbox is sending.
    pub(crate) sending: Sending,
    /// Who follows other nodes, if there may be any.
    pub(crate) follower: OnceLock<mpsc::Sender<Asked>>,
    /// By name; whoever embeds the runtime keeps them alive.
    kinds: RwLock<BTreeMap<&'static str, Weak<dyn Entities>>>,
    /// Actors that are no entities, by name; their handles keep them alive.
    actors: RwLock<BTreeMap<StreamId, Weak<dyn Supervisee>>>,
    generation: AtomicU64,
}

impl Core {
    pub(crate) fn new(journal: Journal, config: RuntimeConfig, metrics: Metrics, arbiters: Vec<ArbiterHandle>) -> Self {
        Self {
            line: DrainLatch::new(),
            turnstile: Turnstile::new(config.in_flight_max.max(1)),
            recoveries: Semaphore::new(config.recoveries_max.clamp(1, Semaphore::MAX_PERMITS)),
            supervisors: Supervisors::new(config.supervision.clone()),
            busy: watch::places(arbiters.len()),
            parked: Parked::default(),
            governor: Governor::default(),
            tracer: Tracer::default(),
            forward: OnceLock::new(),
            moved: Notify::new(),
            sending: Sending::default(),
            follower: OnceLock::new(),
            kinds: RwLock::default(),
            actors: RwLock::default(),
            generation: AtomicU64::new(0),
            journal,
            config,
            metrics,
            arbiters,
        }
    }

    pub(crate) fn next_generation(&self) -> u64 {
        self.generation.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Makes a kind known; false if there is one of this name.
    pub(crate) fn register(&self, kind: &SomeKind) -> bool {
        self.kinds.write().insert(kind.kind(), Arc::downgrade(kind)).is_none()
    }

    /// The entities of a kind.
    pub(crate) fn kind(&self, name: &str) -> Option<SomeKind> {
        self.kinds.read().get(name).and_then(Weak::upgrade)
    }

    /// All kinds, by name.
    pub(crate) fn kinds(&self) -> Vec<SomeKind> {
        self.kinds.read().values().filter_map(Weak::upgrade).collect()
    }

    /// Completes once the observers know all that is committed by now, but for what this node has committed itself under `kept`; says
    /// whether they do.
    pub(crate) fn hear(&self, kept: Vec<Claim>) -> BoxFuture<'static, bool> {
        // Without a follower there is nobody else to hear of.
        let Some(follower) = self.follower.get() else { return Box::pin(std::future::ready(true)) };
        let (tell, told) = oneshot::channel();
        let asked = follower.try_send(Asked { kept, tell });
        Box::pin(async move { asked.is_ok() && told.await.is_ok() })
    }

    /// Makes an actor that is no entity known; false if there is one of this name.
    pub(crate) fn supervise(&self, name: &StreamId, actor: &Arc<dyn Supervisee>) -> bool {
        let mut actors = self.actors.write();
        actors.retain(|_, known| known.strong_count() > 0);
        if actors.contains_key(name) {
            return false;
        }
        actors.insert(name.clone(), Arc::downgrade(actor));
        true
    }

    /// The actors that are no entities, by name.
    pub(crate) fn actors(&self) -> Vec<Arc<dyn Supervisee>> {
        self.actors.read().values().filter_map(Weak::upgrade).collect()
    }

    /// One of them.
    pub(crate) fn actor(&self, name: &StreamId) -> Option<Arc<dyn Supervisee>> {
        self.actors.read().get(name).and_then(Weak::upgrade)
    }

    /// Folds everything below a supervisor anew, but the entity whose failure climbed to it.
    pub(crate) fn refold_below(&self, path: &Path, failed: &StreamId) {
        self.kinds().iter().for_each(|kind| kind.refold_below(path, failed));
    }
}

/// The commands that this process has parked: a repeat of one is answered at once instead of failing again.
#[derive(Default)]
pub(crate) struct Parked {
    count: AtomicUsize,
    commands: Mutex<BTreeSet<(StreamId, CommandId)>>,
}

impl Parked {
    pub(crate) fn insert(&self, owner: &StreamId, command: CommandId) {
        let mut commands = self.commands.lock();
        commands.insert((owner.clone(), command));
        self.count.store(commands.len(), Ordering::Relaxed);
    }

    pub(crate) fn remove(&self, owner: &StreamId, command: CommandId) {
        let mut commands = self.commands.lock();
        commands.remove(&(owner.clone(), command));
        self.count.store(commands.len(), Ordering::Relaxed);
    }

    /// Usually there are none, and that costs one look.
    pub(crate) fn contains(&self, owner: &StreamId, command: CommandId) -> bool {
        self.count.load(Ordering::Relaxed) > 0 && self.commands.lock().contains(&(owner.clone(), command))
    }
}
