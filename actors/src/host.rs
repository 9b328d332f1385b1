//! All entities of one kind on this node: finds or starts an entity's actor, lets its command in or turns it away, and lets go
//! of what is idle.

use crate::afar::Afar;
use crate::answer::{AskError, Reply};
use crate::class::Class;
use crate::core::Core;
use crate::entity::{Entity, Stop};
use crate::govern::Observer;
use crate::loader::{Loaded, Loader};
use crate::pipeline::{Answer, Input, Pending, Rules, Step, Waiter};
use crate::place::Place;
use crate::slot::{Phase, Slot};
use crate::slots::Slots;
use crate::zoo::Mutant;
use actix::Actor;
use ionveil_journal::{ArmedTimer, DeadLetter};
use ionveil_kernel::{Decider, Meta, StreamId};
use ionveil_sync::Refused;
use parking_lot::Mutex;
use std::collections::HashSet;
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::sync::oneshot;

/// How often idle entities are looked for when there is no room.
const ROOM_EVERY: Duration = Duration::from_secs(1);

/// How a command is to be delivered.
#[derive(Clone, Copy, Debug)]
pub struct Delivery {
    /// How urgent it is.
    pub class: Class,
    /// How long the caller waits. A command that nobody waits for any more is not decided.
    pub deadline: Duration,
}

/// A cheap handle on all entities of one kind on this node. Cloning it adds no room anywhere.
///
/// ```
/// use ionveil_actors::testkit::Universe;
/// use ionveil_actors::{AskError, Class, Delivery, RuntimeConfig};
/// use ionveil_kernel::testkit::{Count, Counter, TooMuch, meta};
/// use std::time::Duration;
///
/// Universe::run(1, RuntimeConfig::default(), async |universe: Universe| {
///     let counters = universe.runtime.entity(std::sync::Arc::new(Counter { limit: 5 })).unwrap();
///     let ask = |count, id| counters.ask("counter:test:a".parse().unwrap(), Count(count), meta(id));
///     let first = ask(3, 1).await.unwrap();
///     assert_eq!((first.state, first.receipt.version, first.repeated), (3, 1, false));
///     assert!(ask(3, 1).await.unwrap().repeated, "the same command id is answered as it was");
///     assert_eq!(ask(3, 2).await.unwrap_err(), AskError::Rejected(TooMuch));
///     let urgent = Delivery { class: Class::Control, deadline: Duration::from_millis(50) };
///     counters.ask_as("counter:test:a".parse().unwrap(), Count(2), meta(3), urgent).await.unwrap();
/// });
/// ```
pub struct Host<D: Decider>(pub(crate) Arc<Shared<D>>);

impl<D: Decider> Clone for Host<D> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

pub(crate) struct Shared<D: Decider> {
    pub(crate) core: Arc<Core>,
    pub(crate) loader: Loader<D>,
    pub(crate) rules: Arc<Rules<D>>,
    pub(crate) slots: Slots<D>,
    /// Entities of other nodes.
    pub(crate) afar: Afar<D>,
    /// When idle entities were last let go to make room.
    made_room: Mutex<Duration>,
}

impl<D: Decider> Shared<D> {
    pub(crate) fn new(core: Arc<Core>, decider: Arc<D>, observer: Option<Arc<dyn Observer<D>>>) -> Arc<Self> {
        let env = core.journal.env().clone();
        let rules = Rules {
            decider: decider.clone(),
            env: env.clone(),
            metrics: core.metrics.of(D::KIND),
            snapshot_every: core.config.snapshot_every.max(1),
            window: core.config.queue_max.max(1),
            governor: core.governor.clone(),
            tracer: core.tracer.clone(),
            observer,
        };
        let loader = Loader::new(decider, core.journal.store().clone());
        let key = u64::try_from(env.random() & u128::from(u64::MAX)).unwrap_or(0);
        let shared =
            Arc::new(Self { core, loader, rules: Arc::new(rules), slots: Slots::new(key), afar: Afar::new(), made_room: Mutex::default() });
        if !D::STAYS {
            env.spawn(sweep(Arc::downgrade(&shared)));
        }
        shared
    }

    /// Its size in bytes. A snapshot is a cache: that it could not be written is worth a word, not a fault.
    pub(crate) async fn write_snapshot(&self, owner: &StreamId, loaded: &Loaded<D>) -> u64 {
        let Some(snapshot) = self.loader.snapshot(loaded) else { return 0 };
        if let Err(error) = self.core.journal.store().put_snapshot(owner, &snapshot).await {
            tracing::warn!(entity = %owner, error = %error, "a snapshot was not written");
        }
        snapshot.state.len() as u64
    }

    /// Lets go of entities that had no work for `idle`: neither a command in line nor one that is worked on.
    fn passivate(&self, idle: Duration) {
        let now = self.core.journal.env().monotonic();
        self.slots.retain(|slot| {
            let over = now.saturating_sub(slot.status.used()) >= idle && slot.status.phase() != Phase::Quarantined;
            let Some(address) = slot.address().filter(|_| over && slot.inbox.gate().try_close_idle()) else { return true };
            address.do_send(Stop);
            self.rules.metrics.passivations.inc();
            false
        });
        self.count_residents();
    }

    /// Drops what is known of entities that are this node's no more; those with work fold anew and find out.
    pub(crate) fn lose(&self, lost: &dyn Fn(&StreamId) -> bool) {
        self.slots.retain(|slot| {
            if !lost(&slot.owner) {
                return true;
            }
            let Some(address) = slot.address().filter(|_| slot.inbox.gate().try_close_idle()) else {
                slot.deliver(Input::Refold);
                return true;
            };
            let quarantined = slot.status.phase() == Phase::Quarantined;
            self.rules.metrics.quarantined.dec_by(i64::from(quarantined));
            address.do_send(Stop);
            false
        });
        self.afar.forget(lost);
        self.count_residents();
    }

    /// What another node has committed; told to whoever watches, once.
    pub(crate) fn learn(&self, owner: &StreamId, loaded: Loaded<D>) {
        self.afar.keep(owner, loaded, |loaded| {
            if let Some(observer) = &self.rules.observer {
                observer.committed(owner, loaded);
            }
        });
    }

    fn count_residents(&self) {
        self.rules.metrics.resident.set(i64::try_from(self.slots.count()).unwrap_or(i64::MAX));
    }

    /// A flood of ids must not keep real work out: whatever is idle goes, looked for once a second at most.
    fn make_room(&self) {
        let (now, mut last) = (self.core.journal.env().monotonic(), self.made_room.lock());
        if now.saturating_sub(*last) >= ROOM_EVERY {
            *last = now;
            self.passivate(ROOM_EVERY.min(self.core.config.idle));
        }
    }
}

/// A command at the door.
pub(crate) struct Arrival<D: Decider> {
    pub(crate) owner: StreamId,
    pub(crate) command: D::Command,
    pub(crate) meta: Meta,
    pub(crate) firing: Option<Box<ArmedTimer>>,
    /// The only epoch under which it may be decided, if another node has forwarded it.
    pub(crate) under: Option<u64>,
    pub(crate) delivery: Delivery,
}

impl<D: Decider> Arrival<D> {
    /// The same once more, for a caller who waits for so long.
    pub(crate) fn again(&self, deadline: Duration) -> Self {
        let Self { owner, command, meta, firing, under, delivery } = self;
        let (owner, command, meta, firing) = (owner.clone(), command.clone(), meta.clone(), firing.clone());
        Self { owner, command, meta, firing, under: *under, delivery: Delivery { deadline, ..*delivery } }
    }
}

impl<D: Decider> Host<D> {
    /// Reads entities without waking them: committed state only.
    #[must_use]
    pub fn loader(&self) -> &Loader<D> {
        &self.0.loader
    }

    /// Brings an entity into memory before anybody asks it anything; says whether there was room, and whether it is
    /// this node's.
    pub fn wake(&self, owner: StreamId) -> bool {
        if !self.0.core.journal.admits(&owner) {
            return false;
        }
        let now = self.0.core.journal.env().monotonic();
        self.slot(&mut self.0.slots.shard(&owner), owner, now).map(|slot| slot.status.touch(now)).is_ok()
    }

    /// Lets `command` be decided by its entity and waits for the commit, for the configured deadline at most.
    ///
    /// Commands of one class to one entity are decided in the order of these calls. A command id that was accepted before
    /// is answered as it was then; one that is in line already waits for the same answer.
    ///
    /// # Errors
    /// See [`AskError`].
    ///
    /// # Cancel safety
    /// Dropping the future gives up the answer, not the command.
    pub async fn ask(&self, owner: StreamId, command: D::Command, meta: Meta) -> Result<Reply<D>, AskError<D::Rejection>> {
        let delivery = Delivery { class: Class::Command, deadline: self.0.core.config.deadline };
        self.ask_as(owner, command, meta, delivery).await
    }

    /// As [`Self::ask`], with a class and a deadline of the caller's own.
    ///
    /// # Errors
    /// See [`AskError`].
    ///
    /// # Cancel safety
    /// As [`Self::ask`].
    pub async fn ask_as(
        &self,
        owner: StreamId,
        command: D::Command,
        meta: Meta,
        delivery: Delivery,
    ) -> Result<Reply<D>, AskError<D::Rejection>> {
        self.arrive(Arrival { owner, command, meta, firing: None, under: None, delivery }).await
    }

    pub(crate) async fn arrive(&self, arrival: Arrival<D>) -> Answer<D> {
        if self.0.core.journal.shared() { self.route(arrival).await } else { self.arrive_here(arrival).await }
    }

    pub(crate) async fn arrive_here(&self, arrival: Arrival<D>) -> Answer<D> {
        let (reply, answer) = oneshot::channel();
        let (env, delivery) = (self.0.core.journal.env(), arrival.delivery);
        let (deadline, give_up) = (delivery.deadline, env.monotonic() + delivery.deadline);
        self.deliver(arrival, reply)?;
        let timeout = env.sleep(deadline);
        let answer = tokio::select! {
            biased;
            answer = answer => answer.unwrap_or(Err(AskError::OutcomeUnknown)),
            () = timeout => Err(AskError::TimedOut(deadline)),
        };
        if self.is_for_all(delivery) { self.once_known(answer, give_up, deadline).await } else { answer }
    }

    fn deliver(&self, arrival: Arrival<D>, reply: oneshot::Sender<Answer<D>>) -> Result<(), AskError<D::Rejection>> {
        let (shared, core) = (&self.0, &self.0.core);
        let (owner, command_id) = (&arrival.owner, arrival.meta.command_id);
        if core.parked.contains(owner, command_id) {
            let dead_letter = Some(DeadLetter::id_of(owner, command_id));
            return Err(AskError::Faulted { fault: "it is parked as a dead letter".to_owned(), dead_letter });
        }
        core.line.enter(arrival.delivery.class.limit(core.config.in_line_max)).map_err(|refused| self.refused(refused))?;
        let slot = self.queue(arrival, reply).inspect_err(|error| {
            core.line.leave();
            shared.rules.metrics.shed.inc_by(u64::from(matches!(error, AskError::Overloaded)));
        })?;
        shared.rules.metrics.commands.inc();
        slot.wake_up();
        Ok(())
    }

    pub(crate) fn refused(&self, refused: Refused) -> AskError<D::Rejection> {
        match refused {
            Refused::Closed => AskError::Draining,
            Refused::Full => {
                self.0.rules.metrics.shed.inc();
                AskError::Overloaded
            }
        }
    }

    /// Queues the command at its entity, under the lock of its shard: the order of these calls is the order of the queue.
    fn queue(&self, arrival: Arrival<D>, reply: oneshot::Sender<Answer<D>>) -> Result<Arc<Slot<D>>, AskError<D::Rejection>> {
        let Arrival { owner, command, meta, firing, under, delivery: Delivery { class, deadline } } = arrival;
        let core = &self.0.core;
        if self.0.slots.count() >= core.config.resident_max && self.0.slots.get(&owner).is_none() {
            self.0.make_room();
        }
        let now = core.journal.env().monotonic();
        let mut shard = self.0.slots.shard(&owner);
        let slot = self.slot(&mut shard, owner, now)?;
        if slot.status.phase() == Phase::Quarantined {
            let fault = slot.status.fault.lock().clone().unwrap_or_else(|| "its history cannot be folded".into());
            return Err(AskError::Quarantined(fault.to_string()));
        }
        let mut limit = class.limit(core.config.queue_max);
        if Mutant::EvadedBound.is_loose() {
            limit += u32::try_from(Arc::strong_count(&self.0)).unwrap_or(u32::MAX / 2);
        }
        let place = Place::take(&slot, core, limit).map_err(|_full| AskError::Overloaded)?;
        slot.status.touch(now);
        let waiter = Waiter { reply, place };
        let pending = Pending {
            seq: 0,
            command,
            meta,
            firing,
            under,
            waiter,
            joined: Vec::new(),
            since: now,
            give_up: now + deadline,
            tries: 0,
            panics: 0,
            step: Step::Queued,
        };
        slot.inbox.push(class, Box::new(pending));
        Ok(slot)
    }

    /// The entity's slot, made if there is none or if the one there is has just been let go.
    #[expect(clippy::mutable_key_type, reason = "an entry is hashed and compared by its entity's name alone, which never changes")]
    fn slot(
        &self,
        shard: &mut HashSet<crate::slot::Entry<D>, crate::slots::Keyed>,
        owner: StreamId,
        now: Duration,
    ) -> Result<Arc<Slot<D>>, AskError<D::Rejection>> {
        if let Some(entry) = shard.get(&owner) {
            let alive = entry.0.address().is_none_or(actix::Addr::connected);
            if alive && !entry.0.inbox.gate().is_closed() {
                return Ok(entry.0.clone());
            }
            self.0.slots.remove(shard, &owner);
        }
        if self.0.slots.count() >= self.0.core.config.resident_max {
            return Err(AskError::Overloaded);
        }
        let arbiter = usize::from(owner.partition(u16::MAX)) % self.0.core.arbiters.len();
        let slot = Arc::new(Slot::new(owner, arbiter, now));
        let (shared, own) = (self.0.clone(), slot.clone());
        Entity::start_in_arbiter(&self.0.core.arbiters[arbiter], move |_| Entity::new(shared, own));
        self.0.slots.insert(shard, slot.clone());
        self.0.rules.metrics.resident.inc();
        Ok(slot)
    }
}

/// Lets go of entities that had no work for a while. Ends with its host.
async fn sweep<D: Decider>(host: Weak<Shared<D>>) {
    loop {
        let Some((env, pause)) = host.upgrade().map(|shared| (shared.core.journal.env().clone(), shared.core.config.idle / 2)) else {
            return;
        };
        env.sleep(pause.max(Duration::from_millis(10))).await;
        let Some(shared) = host.upgrade() else { return };
        shared.passivate(shared.core.config.idle);
    }
}
