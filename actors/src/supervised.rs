//! Supervised actors that are no entities: bridges, watchers, whatever has no journal of its own. A bounded queue with classes,
//! a panic boundary, a restart budget and the supervisors above, as entities have them; what they hold is gone with a restart.
//!
//! ```
//! use ionveil_actors::testkit::Universe;
//! use ionveil_actors::{ActorSpec, Class, RuntimeConfig, SupervisedActor};
//! use std::time::Duration;
//! use tokio::sync::mpsc;
//!
//! struct Doubler(mpsc::UnboundedSender<u32>);
//!
//! impl SupervisedActor for Doubler {
//!     type Message = u32;
//!     fn handle(&mut self, number: u32) {
//!         drop(self.0.send(number.checked_mul(2).expect("small")));
//!     }
//! }
//!
//! Universe::run(1, RuntimeConfig::default(), async |universe: Universe| {
//!     let (doubled, mut results) = mpsc::unbounded_channel();
//!     let spec = ActorSpec::new("doubler", "one").queue_max(10);
//!     let doubler = universe.runtime.spawn(spec, move || Doubler(doubled.clone())).unwrap();
//!     doubler.tell(Class::Command, u32::MAX).unwrap(); // panics: a new Doubler takes over
//!     doubler.tell(Class::Command, 21).unwrap();
//!     assert_eq!(results.recv().await, Some(42));
//! });
//! ```

use crate::class::Class;
use crate::core::Core;
use crate::fault;
use crate::inbox::Inbox;
use crate::metrics::KindMetrics;
use crate::runtime::{RegisterError, Runtime};
use crate::slot::{Phase, Status};
use crate::supervision::{Budget, Verdict};
use crate::tree::EntityNode;
use actix::{Actor, ActorContext, Addr, AsyncContext, Context, Handler, Message};
use ionveil_kernel::{EntityId, Kind, Org, StreamId};
use ionveil_sync::Refused;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// Messages that are taken from the queue at once: a more urgent one waits for so many at most.
const TURN_MAX: usize = 256;

/// What a supervised actor does with a message.
pub trait SupervisedActor: Send + 'static {
    /// What it is told.
    type Message: Send + 'static;

    /// Handles one message. If it panics, the message is gone with the actor; what waits behind it is handled by the next
    /// one, in its order.
    fn handle(&mut self, message: Self::Message);
}

/// Which actor is to be spawned.
#[derive(Clone, Debug)]
pub struct ActorSpec {
    kind: &'static str,
    id: String,
    org: Option<Org>,
    queue_max: usize,
}

impl ActorSpec {
    /// An actor with the runtime's usual queue, under the supervisors of the organisation `system`.
    #[must_use]
    pub fn new(kind: &'static str, id: &str) -> Self {
        Self { kind, id: id.to_owned(), org: None, queue_max: 1_024 }
    }

    /// The most messages that wait.
    #[must_use]
    pub fn queue_max(self, queue_max: usize) -> Self {
        Self { queue_max, ..self }
    }

    /// Under the supervisors of this organisation.
    #[must_use]
    pub fn of(self, org: Org) -> Self {
        Self { org: Some(org), ..self }
    }

    fn name(&self) -> Result<StreamId, RegisterError> {
        let kind = Kind::new(self.kind).map_err(|_| RegisterError::Unlawful(self.kind))?;
        let id = EntityId::new(&self.id).map_err(|_| RegisterError::Unlawful(self.kind))?;
        let org = self.org.clone().map_or_else(|| Org::new("system"), Ok).map_err(|_| RegisterError::Unlawful(self.kind))?;
        Ok(StreamId::new(org, kind, id))
    }
}

/// Why a message was not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TellError {
    /// Too many wait.
    #[error("tell the actor: too many messages are waiting")]
    Overloaded,
    /// It has failed too often; an operator can resume it.
    #[error("tell the actor: it is quarantined")]
    Quarantined,
}

/// A cheap handle; the actor ends with the last one. Cloning it adds no room.
pub struct ActorHandle<A: SupervisedActor>(Arc<Owner<A>>);

impl<A: SupervisedActor> Clone for ActorHandle<A> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

struct Owner<A: SupervisedActor>(Arc<Seat<A>>);

impl<A: SupervisedActor> Drop for Owner<A> {
    fn drop(&mut self) {
        self.0.inbox.gate().close();
        if let Some(address) = self.0.address.get() {
            address.do_send(Do::Stop);
        }
    }
}

/// What outlives a restart.
struct Seat<A: SupervisedActor> {
    name: StreamId,
    queue_max: usize,
    inbox: Inbox<A::Message>,
    address: OnceLock<Addr<Shell<A>>>,
    arbiter: usize,
    status: Status,
    metrics: KindMetrics,
    core: Arc<Core>,
}

impl<A: SupervisedActor> ActorHandle<A> {
    /// Queues a message and does not wait. Messages of one class are handled in the order of these calls.
    ///
    /// # Errors
    /// [`TellError`]; the message is dropped then, and counted as shed.
    pub fn tell(&self, class: Class, message: A::Message) -> Result<(), TellError> {
        let seat = &self.0.0;
        if let Err(refused) = seat.inbox.gate().try_enter(class.limit(seat.queue_max)) {
            seat.metrics.shed.inc();
            return Err(match refused {
                Refused::Full => TellError::Overloaded,
                Refused::Closed => TellError::Quarantined,
            });
        }
        seat.inbox.push(class, message);
        seat.metrics.commands.inc();
        seat.wake_up();
        Ok(())
    }

    /// How many messages wait or are being handled.
    #[must_use]
    pub fn depth(&self) -> u32 {
        self.0.0.inbox.gate().depth()
    }

    /// How it is.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.0.0.status.phase()
    }
}

impl<A: SupervisedActor> Seat<A> {
    fn wake_up(&self) {
        if self.inbox.schedule()
            && let Some(address) = self.address.get()
        {
            address.do_send(Do::Turn);
        }
    }
}

/// As the runtime sees it.
pub(crate) trait Supervisee: Send + Sync {
    fn node(&self) -> EntityNode;
    fn resume(&self) -> bool;
}

impl<A: SupervisedActor> Supervisee for Seat<A> {
    fn node(&self) -> EntityNode {
        EntityNode {
            owner: self.name.clone(),
            phase: self.status.phase(),
            mailbox_depth: self.inbox.len(),
            oldest_waiting: Duration::ZERO,
            in_flight: 0,
            restarts: self.status.restarts.load(Ordering::Relaxed),
            last_fault: self.status.fault.lock().as_deref().map(ToOwned::to_owned),
            events_per_s: 0,
        }
    }

    fn resume(&self) -> bool {
        let quarantined = self.status.phase() == Phase::Quarantined;
        if let (true, Some(address)) = (quarantined, self.address.get()) {
            address.do_send(Do::Resume);
        }
        quarantined
    }
}

/// The actix actor around the user's one.
struct Shell<A: SupervisedActor> {
    seat: Arc<Seat<A>>,
    make: Box<dyn Fn() -> A + Send>,
    actor: Option<A>,
    /// Taken from the queue and not yet handled; it survives a panic.
    batch: VecDeque<A::Message>,
    budget: Budget,
}

impl<A: SupervisedActor> Unpin for Shell<A> {}

enum Do {
    Turn,
    Restart,
    Resume,
    Stop,
}

impl Message for Do {
    type Result = ();
}

impl<A: SupervisedActor> Actor for Shell<A> {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        drop(self.seat.address.set(ctx.address()));
        self.begin(ctx);
    }
}

impl<A: SupervisedActor> Handler<Do> for Shell<A> {
    type Result = ();

    fn handle(&mut self, what: Do, ctx: &mut Self::Context) {
        match what {
            Do::Turn => self.turn(ctx),
            Do::Restart => self.begin(ctx),
            Do::Resume => {
                self.budget.reset();
                self.begin(ctx);
            }
            Do::Stop => ctx.stop(),
        }
    }
}

impl<A: SupervisedActor> Shell<A> {
    /// Makes a new actor, and goes on with what waits.
    fn begin(&mut self, ctx: &mut Context<Self>) {
        match catch_unwind(AssertUnwindSafe(|| (self.make)())) {
            Ok(actor) => {
                self.actor = Some(actor);
                self.set_phase(Phase::Running);
                self.turn(ctx);
            }
            Err(panic) => self.failed(&fault::message(&*panic), ctx),
        }
    }

    fn turn(&mut self, ctx: &mut Context<Self>) {
        self.seat.inbox.awake();
        let seat = self.seat.clone();
        let (busy, env) = (&seat.core.busy[seat.arbiter], seat.core.journal.env());
        busy.begin(&seat.name, env.monotonic());
        let done = catch_unwind(AssertUnwindSafe(|| self.work()));
        busy.end();
        match done {
            Ok(true) => seat.wake_up(),
            Ok(false) => {}
            Err(panic) => {
                // The one that was being handled has left its place with it.
                seat.inbox.gate().leave();
                self.failed(&fault::message(&*panic), ctx);
            }
        }
    }

    /// Handles what waits, up to a turn's worth; says whether more may be waiting.
    fn work(&mut self) -> bool {
        let Some(actor) = &mut self.actor else { return false };
        if self.batch.is_empty() {
            self.seat.inbox.take(TURN_MAX, &mut self.batch);
        }
        let full = self.batch.len() == TURN_MAX;
        while let Some(message) = self.batch.pop_front() {
            actor.handle(message);
            self.seat.inbox.gate().leave();
        }
        full
    }

    fn failed(&mut self, fault: &str, ctx: &mut Context<Self>) {
        let seat = self.seat.clone();
        tracing::warn!(actor = %seat.name, fault, "an actor failed");
        seat.metrics.panics.inc();
        *seat.status.fault.lock() = Some(fault.into());
        // Whatever its destructor does must not bring the shell down.
        let old = self.actor.take();
        drop(catch_unwind(AssertUnwindSafe(|| drop(old))));
        let (core, env) = (&seat.core, seat.core.journal.env());
        let granted = self.budget.spend(core.supervisors.limits(), env.monotonic(), env.random());
        let above = core.governor.above(&seat.name);
        let granted = granted.or_else(|| match core.supervisors.failed(&seat.name, &above, fault, env.monotonic(), env.random()) {
            Verdict::Quarantine => None,
            Verdict::Restart { after, all_below } => {
                self.budget.reset();
                all_below.iter().for_each(|path| core.refold_below(path, &seat.name));
                Some(after)
            }
        });
        match granted {
            Some(after) => self.restart_after(after, ctx),
            None => self.set_phase(Phase::Quarantined),
        }
    }

    fn restart_after(&mut self, after: Duration, ctx: &mut Context<Self>) {
        self.seat.status.restarts.fetch_add(1, Ordering::Relaxed);
        self.seat.metrics.restarts.inc();
        self.set_phase(Phase::Restarting);
        let (address, wait) = (ctx.address(), self.seat.core.journal.env().sleep(after));
        if after.is_zero() {
            return address.do_send(Do::Restart);
        }
        self.seat.core.journal.env().spawn(async move {
            wait.await;
            address.do_send(Do::Restart);
        });
    }

    fn set_phase(&self, phase: Phase) {
        let (before, metrics) = (self.seat.status.phase(), &self.seat.metrics);
        if before != phase {
            metrics.quarantines.inc_by(u64::from(phase == Phase::Quarantined));
            metrics.quarantined.inc_by(i64::from(phase == Phase::Quarantined));
            metrics.quarantined.dec_by(i64::from(before == Phase::Quarantined));
        }
        self.seat.status.set_phase(phase);
    }
}

impl Runtime {
    /// Spawns a supervised actor, made by `make` now and after each failure.
    ///
    /// # Errors
    /// [`RegisterError::Unlawful`] for a kind or id that cannot be one; [`RegisterError::Taken`] if one of this name runs.
    pub fn spawn<A: SupervisedActor>(
        &self,
        spec: ActorSpec,
        make: impl Fn() -> A + Send + 'static,
    ) -> Result<ActorHandle<A>, RegisterError> {
        let (name, core) = (spec.name()?, self.core().clone());
        let arbiter = usize::from(name.partition(u16::MAX)) % core.arbiters.len();
        let seat = Arc::new(Seat {
            metrics: core.metrics.of(spec.kind),
            name,
            queue_max: spec.queue_max.max(1),
            inbox: Inbox::new(),
            address: OnceLock::new(),
            arbiter,
            status: Status::default(),
            core: core.clone(),
        });
        let supervisee: Arc<dyn Supervisee> = seat.clone();
        if !core.supervise(&seat.name, &supervisee) {
            return Err(RegisterError::Taken(spec.kind));
        }
        let own = seat.clone();
        Shell::start_in_arbiter(&core.arbiters[arbiter], move |_| Shell {
            seat: own,
            make: Box::new(make),
            actor: None,
            batch: VecDeque::new(),
            budget: Budget::default(),
        });
        Ok(ActorHandle(Arc::new(Owner(seat))))
    }
}
