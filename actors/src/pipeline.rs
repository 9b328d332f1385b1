//! The pipeline of one entity: commands are decided at once on speculative state, and answered in order when all that
//! they rest on is committed. No actor, no I/O: inputs come in, effects go out as data.
//!
//! A failed append ends a *generation*: what was decided on it is decided again, after everything in flight has been
//! answered and the entity has been folded anew.

use crate::answer::{AskError, Reply};
use crate::decision::{Decided, decide};
use crate::loader::{LoadError, Loaded};
use crate::metrics::HostMetrics;
use ionveil_journal::{Append, AppendFailure, Outcome, Receipt, StoreError};
use ionveil_kernel::{CommandId, Decider, Env, Meta, Rejection, StreamId};
use std::collections::VecDeque;
use std::sync::Arc;
use tokio::sync::oneshot;

/// How often one command is decided anew after conflicts before it is given up: with one owner per stream a conflict
/// means that another process wrote, and that does not go on for ever.
const TRIES_MAX: u8 = 4;

/// What a caller waits for.
pub(crate) type Answer<D> = Result<Reply<D>, AskError<<D as Decider>::Rejection>>;

/// Somebody who waits, and the place in the entity's queue that he holds while he does.
pub(crate) struct Waiter<D: Decider> {
    pub(crate) reply: oneshot::Sender<Answer<D>>,
    pub(crate) permit: crate::host::Permit,
}

/// What reaches an entity.
pub(crate) enum Input<D: Decider> {
    Command {
        command: D::Command,
        meta: Box<Meta>,
        waiter: Waiter<D>,
    },
    Appended {
        command_id: CommandId,
        outcome: Outcome,
    },
    /// `epoch`: under which the partition is owned after the receipts were read; none if it is not.
    LookedUp {
        command_id: CommandId,
        generation: u64,
        receipt: Result<Option<Receipt>, StoreError>,
        epoch: Option<u64>,
    },
    /// `epoch`: under which the partition was owned before the events were read; none if it was not.
    Loaded {
        loaded: Result<Loaded<D>, LoadError>,
        epoch: Option<u64>,
    },
    Recalled {
        command_id: CommandId,
        state: Result<Loaded<D>, LoadError>,
    },
}

/// What an entity wants done. Each but `Snapshot` comes back as an [`Input`].
pub(crate) enum Effect<D: Decider> {
    Append(Append),
    LookUp { command_id: CommandId, generation: u64 },
    Load,
    Recall { command_id: CommandId, position: u64 },
    Snapshot(Loaded<D>),
}

/// Where a command is.
enum Step<D: Decider> {
    /// Not decided, or to be decided again.
    Queued,
    /// Its append is under way; this is the state if it is committed.
    InFlight(Box<Loaded<D>>),
    /// Its append was not stored.
    Failed(AppendFailure),
    /// Refused on a state that may yet fail; answered when everything before is settled and the receipts have said
    /// (`confirmed`) that it had not been accepted before.
    Refused { refusal: AskError<D::Rejection>, confirmed: bool },
    /// It had been accepted before; the state of then is being folded.
    Recalling(Receipt),
    /// To be answered as soon as it is first in line.
    Settled(Box<Answer<D>>),
}

struct Pending<D: Decider> {
    command: D::Command,
    meta: Box<Meta>,
    waiters: Vec<Waiter<D>>,
    tries: u8,
    step: Step<D>,
}

pub(crate) struct Pipeline<D: Decider> {
    decider: Arc<D>,
    env: Env,
    owner: StreamId,
    metrics: HostMetrics,
    snapshot_every: u64,
    committed: Option<Loaded<D>>,
    pending: VecDeque<Pending<D>>,
    generation: u64,
    loading: bool,
    /// Under which the committed state is known to be the newest: refusals rest on it, and no append proves it for them.
    epoch: Option<u64>,
}

impl<D: Decider> Pipeline<D> {
    pub(crate) fn new(decider: Arc<D>, env: Env, owner: StreamId, metrics: HostMetrics, snapshot_every: u64, generation: u64) -> Self {
        Self {
            decider,
            env,
            owner,
            metrics,
            snapshot_every,
            committed: None,
            pending: VecDeque::new(),
            generation,
            loading: true,
            epoch: None,
        }
    }

    /// Takes one input; what it wants done is added to `effects`. `next_generation` is drawn when one ends.
    pub(crate) fn handle(&mut self, input: Input<D>, effects: &mut Vec<Effect<D>>, next_generation: impl FnOnce() -> u64) {
        match input {
            Input::Command { command, meta, waiter } => self.enqueue(command, meta, waiter, effects),
            Input::Appended { command_id, outcome } => self.appended(command_id, outcome, effects),
            Input::LookedUp { command_id, generation, receipt, epoch } if generation == self.generation => {
                self.looked_up(command_id, receipt, epoch, effects)
            }
            Input::LookedUp { .. } => {}
            Input::Loaded { loaded, epoch } => {
                self.epoch = epoch;
                self.loaded(loaded, next_generation);
            }
            Input::Recalled { command_id, state } => self.recalled(command_id, state),
        }
        self.decide_queued(effects);
        self.answer();
    }

    /// A repeat of what is in line already waits for the same answer. An entity that could not be folded tries again.
    fn enqueue(&mut self, command: D::Command, meta: Box<Meta>, waiter: Waiter<D>, effects: &mut Vec<Effect<D>>) {
        if self.committed.is_none() && !self.loading {
            self.loading = true;
            effects.push(Effect::Load);
        }
        match self.find(meta.command_id) {
            Some(pending) if pending.meta.body_hash == meta.body_hash => pending.waiters.push(waiter),
            Some(_) => drop(waiter.reply.send(Err(AskError::IdReused))),
            None => self.pending.push_back(Pending { command, meta, waiters: vec![waiter], tries: 0, step: Step::Queued }),
        }
    }

    fn find(&mut self, command_id: CommandId) -> Option<&mut Pending<D>> {
        self.pending.iter_mut().find(|pending| pending.meta.command_id == command_id)
    }

    fn failing(&self) -> bool {
        self.pending.iter().any(|pending| matches!(pending.step, Step::Failed(_)))
    }

    fn decide_queued(&mut self, effects: &mut Vec<Effect<D>>) {
        if self.loading || self.failing() {
            return;
        }
        for index in 0..self.pending.len() {
            if matches!(self.pending[index].step, Step::Queued) {
                let step = self.decide_one(index, effects);
                self.pending[index].step = step;
            }
        }
    }

    fn decide_one(&self, index: usize, effects: &mut Vec<Effect<D>>) -> Step<D> {
        let pending = &self.pending[index];
        let Some(tip) = self.tip() else { return Step::Queued };
        match decide(&*self.decider, &self.env, &self.owner, tip, &pending.command, &pending.meta, self.generation) {
            Decided::Accepted { append, after } => {
                effects.push(Effect::Append(append));
                Step::InFlight(after)
            }
            Decided::Refused(refusal) => {
                effects.push(Effect::LookUp { command_id: pending.meta.command_id, generation: self.generation });
                Step::Refused { refusal, confirmed: false }
            }
            Decided::Broken(detail) => {
                self.metrics.quarantined.inc();
                Step::Settled(Box::new(Err(AskError::Quarantined(detail))))
            }
        }
    }

    /// The state that the next command is decided on: the last one in flight, else the committed one.
    fn tip(&self) -> Option<&Loaded<D>> {
        let in_flight = self.pending.iter().rev().find_map(|pending| match &pending.step {
            Step::InFlight(after) => Some(&**after),
            Step::Queued | Step::Failed(_) | Step::Refused { .. } | Step::Recalling(_) | Step::Settled(_) => None,
        });
        in_flight.or(self.committed.as_ref())
    }

    fn appended(&mut self, command_id: CommandId, outcome: Outcome, effects: &mut Vec<Effect<D>>) {
        let Some(pending) = self.find(command_id) else { return };
        match (outcome, std::mem::replace(&mut pending.step, Step::Queued)) {
            (Outcome::Committed(receipt), Step::InFlight(after)) => self.committed(command_id, receipt, *after, effects),
            (Outcome::Duplicate(receipt), Step::InFlight(_)) => {
                pending.step = Step::Failed(AppendFailure::Conflict);
                self.recall(command_id, receipt, effects);
                self.invalidate_in_flight_after(command_id);
            }
            (Outcome::Failed(failure), Step::InFlight(_)) => pending.step = Step::Failed(failure),
            (_, step) => pending.step = step,
        }
        self.reload_when_quiet(effects);
    }

    fn committed(&mut self, command_id: CommandId, receipt: Receipt, mut after: Loaded<D>, effects: &mut Vec<Effect<D>>) {
        after.recorded_at = after.recorded_at.max(receipt.recorded_at);
        if receipt.events > 0 {
            after.position = receipt.position;
        }
        self.metrics.committed.inc();
        if after.version - after.snapshot_version >= self.snapshot_every {
            after.snapshot_version = after.version;
            effects.push(Effect::Snapshot(after.clone()));
        }
        let reply =
            Reply { receipt, state: after.state.clone(), occurred_at: after.occurred_at, recorded_at: after.recorded_at, repeated: false };
        // What is in flight behind it was made before these were known.
        let (recorded_at, snapshot_version) = (after.recorded_at, after.snapshot_version);
        for pending in &mut self.pending {
            if let Step::InFlight(later) = &mut pending.step {
                later.recorded_at = later.recorded_at.max(recorded_at);
                later.snapshot_version = snapshot_version;
            }
        }
        self.committed = Some(after);
        if let Some(pending) = self.find(command_id) {
            pending.step = Step::Settled(Box::new(Ok(reply)));
        }
    }

    /// What was decided after a command that turned out to be a repeat rests on a state that never was.
    fn invalidate_in_flight_after(&mut self, command_id: CommandId) {
        let behind = self.pending.iter_mut().skip_while(|pending| pending.meta.command_id != command_id).skip(1);
        for pending in behind {
            if matches!(pending.step, Step::Refused { .. }) {
                pending.step = Step::Failed(AppendFailure::Discarded);
            }
        }
    }

    /// A refusal stands if it had not been accepted before, and if nobody else can have written since the state that it
    /// rests on was read.
    fn looked_up(
        &mut self,
        command_id: CommandId,
        receipt: Result<Option<Receipt>, StoreError>,
        epoch: Option<u64>,
        effects: &mut Vec<Effect<D>>,
    ) {
        let owned_throughout = epoch.is_some() && epoch == self.epoch;
        let Some(pending) = self.find(command_id) else { return };
        let Step::Refused { confirmed, .. } = &mut pending.step else { return };
        match receipt {
            Ok(Some(receipt)) => self.recall(command_id, receipt, effects),
            Ok(None) if owned_throughout => *confirmed = true,
            Ok(None) => {
                pending.step = Step::Failed(epoch.map_or(AppendFailure::NotOwned, |_| AppendFailure::Discarded));
                self.reload_when_quiet(effects);
            }
            Err(_) => pending.step = Step::Settled(Box::new(Err(AskError::Unavailable))),
        }
    }

    fn recall(&mut self, command_id: CommandId, receipt: Receipt, effects: &mut Vec<Effect<D>>) {
        self.metrics.repeated.inc();
        let Some(pending) = self.find(command_id) else { return };
        if receipt.body_hash == pending.meta.body_hash {
            effects.push(Effect::Recall { command_id, position: receipt.position });
            pending.step = Step::Recalling(receipt);
        } else {
            pending.step = Step::Settled(Box::new(Err(AskError::IdReused)));
        }
    }

    fn recalled(&mut self, command_id: CommandId, state: Result<Loaded<D>, LoadError>) {
        let Some(pending) = self.find(command_id) else { return };
        let Step::Recalling(receipt) = &pending.step else { return };
        let reply = |then: Loaded<D>| Reply {
            receipt: receipt.clone(),
            state: then.state,
            occurred_at: then.occurred_at,
            recorded_at: then.recorded_at,
            repeated: true,
        };
        pending.step = Step::Settled(Box::new(state.map(reply).map_err(|error| fault(&error))));
    }

    /// A refold starts only when nothing of this entity is in flight.
    fn reload_when_quiet(&mut self, effects: &mut Vec<Effect<D>>) {
        let in_flight = self.pending.iter().any(|pending| matches!(pending.step, Step::InFlight(_)));
        if self.failing() && !in_flight && !self.loading {
            self.loading = true;
            effects.push(Effect::Load);
        }
    }

    fn loaded(&mut self, loaded: Result<Loaded<D>, LoadError>, next_generation: impl FnOnce() -> u64) {
        self.loading = false;
        match loaded {
            Ok(loaded) => {
                self.committed = Some(loaded);
                self.generation = next_generation();
                self.requeue();
            }
            Err(error) => {
                self.metrics.quarantined.inc_by(u64::from(!matches!(error, LoadError::Store(_))));
                tracing::error!(entity = %self.owner, error = %error, source = ?std::error::Error::source(&error), "an entity cannot be folded");
                for pending in &mut self.pending {
                    pending.step = Step::Settled(Box::new(Err(fault(&error))));
                }
                self.committed = None;
            }
        }
    }

    /// Everything that is not settled is decided again, in the old order; what the store itself turned away is given up.
    fn requeue(&mut self) {
        let given_up = self.pending.iter().find_map(|pending| match &pending.step {
            Step::Failed(failure) => hopeless(*failure),
            Step::Queued | Step::InFlight(_) | Step::Refused { .. } | Step::Recalling(_) | Step::Settled(_) => None,
        });
        for pending in &mut self.pending {
            let (failed, again) = match &pending.step {
                Step::Failed(_) => (true, true),
                Step::Refused { .. } => (false, true),
                Step::Queued | Step::InFlight(_) | Step::Recalling(_) | Step::Settled(_) => (false, false),
            };
            if !again {
                continue;
            }
            self.metrics.redecided.inc();
            pending.tries += 1;
            let error = given_up.clone().filter(|_| failed).or((pending.tries > TRIES_MAX).then_some(AskError::Unavailable));
            pending.step = error.map_or(Step::Queued, |error| Step::Settled(Box::new(Err(error))));
        }
    }

    /// Answers from the front, as far as everything before is settled.
    fn answer(&mut self) {
        while let Some(answer) = self.pending.front().and_then(|pending| pending.step.answer()) {
            let refused =
                matches!(answer, Err(AskError::Rejected(_) | AskError::VersionConflict { .. } | AskError::OccurredBeforePrevious { .. }));
            self.metrics.rejected.inc_by(u64::from(refused));
            for waiter in self.pending.pop_front().into_iter().flat_map(|pending| pending.waiters) {
                // A caller that has gone away is no fault.
                drop(waiter.reply.send(answer.clone()));
                drop(waiter.permit);
            }
        }
    }
}

impl<D: Decider> Step<D> {
    fn answer(&self) -> Option<Answer<D>> {
        match self {
            Self::Settled(answer) => Some((**answer).clone()),
            Self::Refused { refusal, confirmed: true } => Some(Err(refusal.clone())),
            Self::Refused { confirmed: false, .. } | Self::Queued | Self::InFlight(_) | Self::Failed(_) | Self::Recalling(_) => None,
        }
    }
}

/// What the caller learns when the store itself turned the append away; `None` if deciding again may help.
fn hopeless<R: Rejection>(failure: AppendFailure) -> Option<AskError<R>> {
    match failure {
        AppendFailure::Conflict | AppendFailure::Discarded => None,
        AppendFailure::NotOwned | AppendFailure::Unavailable => Some(AskError::Unavailable),
        AppendFailure::OutcomeUnknown => Some(AskError::OutcomeUnknown),
        AppendFailure::QueueFull => Some(AskError::Overloaded),
        AppendFailure::Refused => Some(AskError::Quarantined("the store refuses what was decided".into())),
    }
}

/// What the caller learns when the entity cannot be folded.
fn fault<R: Rejection>(error: &LoadError) -> AskError<R> {
    match error {
        LoadError::Store(error) if error.retryable() => AskError::Unavailable,
        LoadError::Store(error) => AskError::Quarantined(error.to_string()),
        LoadError::Decode { .. } | LoadError::Fold { .. } | LoadError::Gap { .. } => AskError::Quarantined(format!("failed to {error}")),
    }
}
