//! The actix actor around a [`Pipeline`]: carries its effects out and brings their results back. It holds no rule of its
//! own. The only message that it gets is *your turn*; what there is to do lies in its slot.

use crate::class::Class;
use crate::core::Core;
use crate::fault;
use crate::host::Shared;
use crate::loader::{Loaded, Until};
use crate::pipeline::{Effect, Input, Mode, Pipeline};
use crate::slot::{Phase, Slot};
use crate::supervision::{Budget, Verdict};
use crate::zoo::Mutant;
use actix::{Actor, ActorContext, AsyncContext, Context, Handler, Message};
use futures_util::FutureExt;
use ionveil_journal::{Append, DeadLetter};
use ionveil_kernel::{CommandId, Decider, StreamId};
use std::any::Any;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

pub(crate) struct Entity<D: Decider> {
    shared: Arc<Shared<D>>,
    slot: Arc<Slot<D>>,
    pipeline: Pipeline<D>,
    budget: Budget,
}

/// Nothing in an entity is pinned.
impl<D: Decider> Unpin for Entity<D> {}

/// What one turn has still to do; it survives a panic in the middle.
struct Work<D: Decider> {
    inputs: VecDeque<Input<D>>,
    effects: Vec<Effect<D>>,
    /// Whether a command was taken.
    took: bool,
}

impl<D: Decider> Entity<D> {
    pub(crate) fn new(shared: Arc<Shared<D>>, slot: Arc<Slot<D>>) -> Self {
        let pipeline = Pipeline::new(shared.rules.clone(), slot.owner.clone(), shared.core.next_generation());
        Self { shared, slot, pipeline, budget: Budget::default() }
    }

    fn turn(&mut self, first: Option<Effect<D>>) {
        self.slot.inbox.awake();
        let core = self.shared.core.clone();
        let busy = &core.busy[self.slot.arbiter];
        busy.begin(&self.slot.owner, core.journal.env().monotonic());
        let mut work = Work { inputs: self.slot.take_results().into(), effects: first.into_iter().collect(), took: false };
        while let Err(panic) = catch_unwind(AssertUnwindSafe(|| self.work(&mut work))) {
            self.start_over(&mut work, &fault::message(&*panic));
        }
        busy.end();
        if self.slot.status.woken.swap(false, Ordering::Relaxed) && !work.took {
            // The room that it was told of is for the next one.
            core.turnstile.pass_on();
        }
        self.publish();
    }

    /// Takes what has come back, then commands as long as there is room, and has everything carried out that follows.
    fn work(&mut self, work: &mut Work<D>) {
        loop {
            while let Some(input) = work.inputs.pop_front() {
                self.handle(input, work);
            }
            self.take_commands(work);
            if work.effects.is_empty() {
                return;
            }
            self.perform(work);
        }
    }

    fn handle(&mut self, input: Input<D>, work: &mut Work<D>) {
        if matches!((&input, self.pipeline.mode()), (Input::Refold, Mode::Quarantined(_))) {
            self.budget.reset();
        }
        if Mutant::DroppedMailbox.is_loose() && matches!(input, Input::Restart) {
            self.slot.inbox.take(usize::MAX, &mut VecDeque::new());
        }
        let core = &self.shared.core;
        self.pipeline.handle(input, &core.busy[self.slot.arbiter], &mut work.effects, || core.next_generation());
    }

    fn take_commands(&mut self, work: &mut Work<D>) {
        let core = &self.shared.core;
        while self.pipeline.ready() {
            let Some(mut command) = self.slot.inbox.pop(|class| admitted(&core.turnstile, &self.slot, class)) else { return };
            command.waiter.place.work();
            work.took = true;
            self.pipeline.take(command, &core.busy[self.slot.arbiter], &mut work.effects);
        }
    }

    /// Something panicked that is not the decider: a bug of ours, or of a type of the decider's. What the pipeline held is
    /// answered as *not known* (the receipts will tell), what waits in the slot survives, and a new pipeline begins.
    fn start_over(&mut self, work: &mut Work<D>, fault: &str) {
        tracing::error!(entity = %self.slot.owner, fault, "an entity's handler panicked");
        let generation = self.shared.core.next_generation();
        self.pipeline = self.pipeline.successor(generation);
        work.inputs.clear();
        work.effects.clear();
        work.inputs.push_back(Input::Crashed(fault.to_owned()));
    }

    fn perform(&mut self, work: &mut Work<D>) {
        let mut look_ups = Vec::new();
        for effect in std::mem::take(&mut work.effects) {
            match effect {
                Effect::Append { seq, append } => self.append(seq, append),
                Effect::LookUp { seq, command_id, generation } => look_ups.push((seq, command_id, generation)),
                Effect::Load => work.inputs.extend(self.load()),
                Effect::Recall { seq, position } => self.recall(seq, position),
                Effect::Park { seq, fault } => self.park(seq, fault),
                Effect::Snapshot(loaded) => self.snapshot(loaded),
                Effect::Restart { fault } => work.inputs.extend(self.restart(&fault)),
                Effect::Fallen { fault } => self.climb(&fault, Input::Refold).into_iter().for_each(|input| work.inputs.push_back(input)),
            }
        }
        work.inputs.extend(self.look_up(look_ups));
    }

    fn append(&self, seq: u64, mut append: Append) {
        let (slot, journal) = (self.slot.clone(), &self.shared.core.journal);
        let done = Box::new(move |outcome| slot.deliver(Input::Appended { seq, outcome }));
        if Mutant::DeadGeneration.is_loose() {
            append.generation = self.shared.core.next_generation();
            return journal.submit(append, done);
        }
        journal.submit_under(append, self.pipeline.epoch(), done);
    }

    /// Beside the arbiter: the state of a pool of 100,000 orders is laid out for a tenth of a second.
    fn snapshot(&self, loaded: Box<Loaded<D>>) {
        let (shared, owner) = (self.shared.clone(), self.slot.owner.clone());
        self.later(async move { Some(Input::Snapshotted { bytes: shared.write_snapshot(&owner, &loaded).await }) });
    }

    /// One question for all that were refused in this turn; on the spot if the store answers on the spot.
    fn look_up(&self, asked: Vec<(u64, CommandId, u64)>) -> Vec<Input<D>> {
        if asked.is_empty() {
            return Vec::new();
        }
        let answers = receipts(self.shared.core.clone(), self.slot.owner.clone(), asked);
        self.soon(answers)
    }

    fn load(&self) -> Vec<Input<D>> {
        let (shared, slot) = (self.shared.clone(), self.slot.clone());
        self.soon(async move {
            let _one_of_a_few = shared.core.recoveries.acquire().await;
            // Asked for before the load: what another owner adds afterwards comes with another epoch.
            let epoch = shared.core.journal.epoch(&slot.owner);
            Some(Input::Loaded { loaded: shared.loader.load(&slot.owner).await, epoch })
        })
    }

    /// On the spot if the store answers on the spot, which saves two trips to another thread; else [`Self::later`].
    fn soon<I: IntoIterator<Item = Input<D>>>(&self, work: impl Future<Output = I> + Send + 'static) -> Vec<Input<D>> {
        if !self.shared.core.journal.store().immediate() {
            self.later(work);
            return Vec::new();
        }
        let mut work = Box::pin(AssertUnwindSafe(work).catch_unwind());
        match work.as_mut().now_or_never() {
            Some(Ok(inputs)) => inputs.into_iter().collect(),
            Some(Err(panic)) => vec![Input::Crashed(fault::message(&*panic))],
            None => {
                self.later(async move { work.await.map_or_else(crashed, |inputs| inputs.into_iter().collect()) });
                Vec::new()
            }
        }
    }

    fn recall(&self, seq: u64, position: u64) {
        let (shared, slot) = (self.shared.clone(), self.slot.clone());
        let until = Until { position: Some(position), ..Until::default() };
        self.later(async move { Some(Input::Recalled { seq, state: shared.loader.load_until(&slot.owner, until).await }) });
    }

    fn park(&self, seq: u64, fault: String) {
        let Some(letter) = self.letter(seq, fault) else { return };
        let core = self.shared.core.clone();
        tracing::error!(entity = %letter.owner, command = %letter.command_id, fault = letter.fault, "a command is parked as a dead letter");
        self.later(async move {
            let parked = core.journal.store().park(&letter, core.config.dead_letters_max).await;
            if matches!(parked, Ok(true)) {
                core.parked.insert(&letter.owner, letter.command_id);
            }
            Some(Input::Parked { seq, parked: parked.map(|room| room.then_some(letter.id)) })
        });
    }

    fn letter(&self, seq: u64, fault: String) -> Option<DeadLetter> {
        let pending = self.pipeline.pending(seq)?;
        let owner = (*self.slot.owner).clone();
        Some(DeadLetter {
            id: DeadLetter::id_of(&owner, pending.meta.command_id),
            owner,
            command_id: pending.meta.command_id,
            command: serde_json::to_string(&pending.command).unwrap_or_default(),
            meta: serde_json::to_string(&pending.meta).unwrap_or_default(),
            fault,
            panics: u32::from(pending.panics.max(1)),
            parked_at: self.shared.core.journal.env().now(),
        })
    }

    /// Out of its own budget, or out of that of a supervisor above; else quarantine.
    fn restart(&mut self, fault: &Arc<str>) -> Option<Input<D>> {
        tracing::warn!(entity = %self.slot.owner, fault = &**fault, "an entity failed");
        *self.slot.status.fault.lock() = Some(fault.clone());
        let env = self.shared.core.journal.env();
        match self.budget.spend(self.shared.core.supervisors.limits(), env.monotonic(), env.random()) {
            Some(after) => self.granted(after, Input::Restart),
            None => self.climb(fault, Input::Restart),
        }
    }

    /// The failure climbs; `again` is what follows if somebody above grants a restart.
    fn climb(&mut self, fault: &Arc<str>, again: Input<D>) -> Option<Input<D>> {
        *self.slot.status.fault.lock() = Some(fault.clone());
        let (core, owner) = (self.shared.core.clone(), self.slot.owner.clone());
        let env = core.journal.env();
        let above = core.governor.above(&owner);
        match core.supervisors.failed(&owner, &above, fault, env.monotonic(), env.random()) {
            Verdict::Quarantine => {
                tracing::error!(entity = %owner, fault = &**fault, "an entity is quarantined; resume it when the cause is gone");
                Some(Input::Quarantine(fault.clone()))
            }
            Verdict::Restart { after, all_below } => {
                self.budget.reset();
                if let Some(path) = all_below {
                    core.refold_below(&path, &owner);
                }
                self.granted(after, again)
            }
        }
    }

    fn granted(&self, after: Duration, again: Input<D>) -> Option<Input<D>> {
        self.slot.status.restarts.fetch_add(1, Ordering::Relaxed);
        self.shared.rules.metrics.restarts.inc();
        if after.is_zero() {
            return Some(again);
        }
        let wait = self.shared.core.journal.env().sleep(after);
        self.later(async move {
            wait.await;
            Some(again)
        });
        None
    }

    /// Runs `work` beside the arbiter and brings its results back; a panic in it comes back as one.
    fn later<I: IntoIterator<Item = Input<D>>>(&self, work: impl Future<Output = I> + Send + 'static) {
        let slot = self.slot.clone();
        self.shared.core.journal.env().spawn(async move {
            let inputs = AssertUnwindSafe(work).catch_unwind().await;
            inputs.map_or_else(crashed, |inputs| inputs.into_iter().collect()).into_iter().for_each(|input| slot.deliver(input));
        });
    }

    /// For whoever looks at the tree.
    fn publish(&mut self) {
        let (status, now) = (&self.slot.status, self.shared.core.journal.env().monotonic());
        let phase = match self.pipeline.mode() {
            Mode::Loading => Phase::Starting,
            Mode::Running => Phase::Running,
            Mode::Failing(_) | Mode::Restarting => Phase::Restarting,
            Mode::Suspended { .. } => Phase::Suspended,
            Mode::Quarantined(_) => Phase::Quarantined,
        };
        let (before, metrics) = (status.phase(), &self.shared.rules.metrics);
        if before != phase {
            metrics.quarantines.inc_by(u64::from(phase == Phase::Quarantined));
            metrics.quarantined.inc_by(i64::from(phase == Phase::Quarantined));
            metrics.quarantined.dec_by(i64::from(before == Phase::Quarantined));
            status.set_phase(phase);
        }
        status.in_flight.store(u32::try_from(self.pipeline.in_flight()).unwrap_or(u32::MAX), Ordering::Relaxed);
        let events = std::mem::take(&mut self.pipeline.events);
        if events > 0 {
            status.rate.add(events, now);
        }
    }
}

fn crashed<D: Decider>(panic: Box<dyn Any + Send>) -> Vec<Input<D>> {
    vec![Input::Crashed(fault::message(&*panic))]
}

/// What is known of commands that were refused: were they accepted before?
async fn receipts<D: Decider>(core: Arc<Core>, owner: Arc<StreamId>, asked: Vec<(u64, CommandId, u64)>) -> Vec<Input<D>> {
    let commands: Vec<_> = asked.iter().map(|(_, command, _)| *command).collect();
    let found = core.journal.store().receipts(&owner, &commands).await;
    let epoch = core.journal.epoch(&owner);
    let (receipts, error) = match found {
        Ok(receipts) => (receipts, None),
        Err(error) => (Vec::new(), Some(error.to_string())),
    };
    let mut receipts = receipts.into_iter();
    let answer = |(seq, _, generation)| {
        let receipt = match &error {
            None => Ok(receipts.next().flatten()),
            Some(error) => Err(ionveil_journal::StoreError::unavailable(error.as_str())),
        };
        Input::LookedUp { seq, generation, receipt, epoch }
    };
    asked.into_iter().map(answer).collect()
}

/// Whether a command of this class may be worked on now; who may not is told when there is room.
fn admitted<D: Decider>(turnstile: &crate::turnstile::Turnstile, slot: &Arc<Slot<D>>, class: Class) -> bool {
    if matches!(class, Class::Control | Class::Reply) {
        return turnstile.enter(class, slot);
    }
    // Noted before it is asked for: the wake-up clears it, and may come at once.
    if slot.status.kept_out.swap(true, Ordering::Relaxed) {
        return false;
    }
    let free = turnstile.enter(class, slot);
    if free {
        slot.status.kept_out.store(false, Ordering::Relaxed);
    }
    free
}

/// Something lies in the slot.
pub(crate) struct Turn;

impl Message for Turn {
    type Result = ();
}

/// Ends an entity that has nothing in line: it is folded again on its next command.
pub(crate) struct Stop;

impl Message for Stop {
    type Result = ();
}

impl<D: Decider> Actor for Entity<D> {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.slot.started(ctx.address());
        self.turn(Some(Effect::Load));
    }
}

impl<D: Decider> Handler<Turn> for Entity<D> {
    type Result = ();

    fn handle(&mut self, _: Turn, _: &mut Self::Context) {
        self.turn(None);
    }
}

impl<D: Decider> Handler<Stop> for Entity<D> {
    type Result = ();

    fn handle(&mut self, _: Stop, ctx: &mut Self::Context) {
        ctx.stop();
    }
}
