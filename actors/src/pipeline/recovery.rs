//! How a pipeline gets over failures: what is in flight is awaited, the entity is folded anew, and what was waiting is decided
//! again in its old order, under a new generation.

use super::{Effect, Mode, Pipeline, Step};
use crate::answer::AskError;
use crate::loader::{LoadError, Loaded};
use crate::watch::Busy;
use ionveil_journal::AppendFailure;
use ionveil_kernel::{Decider, Rejection};
use std::sync::Arc;
use std::time::Duration;

/// How often one command is decided anew after conflicts before it is given up: with one owner per stream a conflict
/// means that another process wrote, and that does not go on for ever.
const TRIES_MAX: u8 = 4;
/// How long an entity leaves a store alone that could not be reached: doubled each time, up to the second.
const UNREACHED_MIN: Duration = Duration::from_millis(50);
const UNREACHED_MAX: Duration = Duration::from_secs(1);

impl<D: Decider> Pipeline<D> {
    /// From now on nothing is decided until the entity has been folded anew. A fault asks for a restart.
    pub(super) fn fail(&mut self, fault: Option<Arc<str>>) {
        self.rules.metrics.panics.inc_by(u64::from(fault.is_some()));
        match &mut self.mode {
            Mode::Failing(known) => *known = fault.or(known.take()),
            Mode::Running | Mode::Suspended { .. } => self.mode = Mode::Failing(fault),
            // A crash while it loads: it is folded again, at the budget's cost.
            Mode::Loading if fault.is_some() => self.mode = Mode::Failing(fault),
            Mode::Loading | Mode::Restarting | Mode::Quarantined(_) => {}
        }
    }

    /// A refold starts only when nothing of this entity is in flight.
    pub(super) fn recover_when_quiet(&mut self, effects: &mut Vec<Effect<D>>) {
        let Mode::Failing(fault) = &mut self.mode else { return };
        if self.in_flight > 0 {
            return;
        }
        match fault.take() {
            Some(fault) => {
                self.mode = Mode::Restarting;
                self.committed = None;
                effects.push(Effect::Restart { fault });
            }
            None => self.load(effects),
        }
    }

    pub(super) fn load(&mut self, effects: &mut Vec<Effect<D>>) {
        self.mode = Mode::Loading;
        effects.push(Effect::Load);
    }

    /// Asked for from outside: a quarantined entity begins anew, a running one is folded anew when it is quiet.
    pub(super) fn refold(&mut self, effects: &mut Vec<Effect<D>>) {
        match self.mode {
            Mode::Quarantined(_) | Mode::Suspended { .. } => self.load(effects),
            Mode::Running => self.mode = Mode::Failing(None),
            Mode::Loading | Mode::Failing(_) | Mode::Restarting => {}
        }
    }

    pub(super) fn loaded(
        &mut self,
        loaded: Result<Loaded<D>, LoadError>,
        epoch: Option<u64>,
        next_generation: impl FnOnce() -> u64,
        busy: &Busy,
        effects: &mut Vec<Effect<D>>,
    ) {
        if !matches!(self.mode, Mode::Loading) {
            return;
        }
        self.epoch = epoch;
        match loaded {
            Ok(loaded) => {
                self.rules.metrics.recoveries.inc();
                self.unreached = 0;
                self.commit(Box::new(loaded));
                self.generation = next_generation();
                self.mode = Mode::Running;
                self.requeue();
                self.decide_queued(busy, effects);
            }
            Err(LoadError::Store(error)) if error.retryable() => self.suspend(),
            Err(error) => {
                tracing::error!(entity = %self.owner, error = %error, source = ?std::error::Error::source(&error), "an entity cannot be folded");
                let fault: Arc<str> = format!("failed to {error}").into();
                self.quarantine(fault.clone());
                effects.push(Effect::Fallen { fault });
            }
        }
    }

    /// The store cannot be reached: who waits is told, and nobody asks it again for a while. No budget is spent.
    fn suspend(&mut self) {
        let wait = UNREACHED_MIN.saturating_mul(1_u32.checked_shl(self.unreached).unwrap_or(u32::MAX)).min(UNREACHED_MAX);
        self.unreached = self.unreached.saturating_add(1).min(16);
        self.rules.metrics.suspensions.inc();
        self.committed = None;
        self.mode = Mode::Suspended { until: self.rules.env.monotonic() + wait };
        self.settle_all(&AskError::Unavailable);
    }

    pub(super) fn quarantine(&mut self, fault: Arc<str>) {
        self.committed = None;
        self.settle_all(&AskError::Quarantined(fault.to_string()));
        self.mode = Mode::Quarantined(fault);
    }

    /// Everything that is not settled, nor about to be, gets this answer. Nothing is in flight. Refusals too, confirmed or not:
    /// one that could have been answered has been, so what these rest on is not committed.
    fn settle_all(&mut self, error: &AskError<D::Rejection>) {
        for pending in &mut self.pending {
            match pending.step {
                Step::Queued | Step::InFlight(_) | Step::Failed(_) | Step::Panicked | Step::Recalling(_) | Step::Refused { .. } => {
                    pending.settle(Err(error.clone()));
                }
                Step::Parking(_) | Step::Settled(_) => {}
            }
        }
    }

    /// A fold in the past has panicked, and nobody knows for which command: all of them are looked up again.
    pub(super) fn recall_again(&mut self) {
        for pending in &mut self.pending {
            if matches!(pending.step, Step::Recalling(_)) {
                pending.step = Step::Failed(AppendFailure::Discarded);
            }
        }
    }

    /// What was decided after a command that turned out to be a repeat rests on a state that never was.
    pub(super) fn invalidate_refusals_after(&mut self, seq: u64) {
        for pending in self.pending.iter_mut().filter(|pending| pending.seq > seq) {
            if matches!(pending.step, Step::Refused { .. }) {
                pending.step = Step::Failed(AppendFailure::Discarded);
            }
        }
    }

    /// Everything that is not settled is decided again, in the old order; what the store itself turned away is given up.
    fn requeue(&mut self) {
        let given_up = self.pending.iter().find_map(|pending| match &pending.step {
            Step::Failed(failure) => hopeless(*failure),
            Step::Queued | Step::InFlight(_) | Step::Panicked | Step::Refused { .. } => None,
            Step::Recalling(_) | Step::Parking(_) | Step::Settled(_) => None,
        });
        for pending in &mut self.pending {
            let failed = match &pending.step {
                Step::Failed(_) => true,
                Step::Refused { .. } | Step::Panicked => false,
                Step::Queued | Step::InFlight(_) | Step::Recalling(_) | Step::Parking(_) | Step::Settled(_) => continue,
            };
            self.rules.metrics.redecided.inc();
            pending.tries += u8::from(failed);
            let error = given_up.clone().filter(|_| failed).or((pending.tries > TRIES_MAX).then_some(AskError::Unavailable));
            match error {
                Some(error) => pending.settle(Err(error)),
                None => pending.step = Step::Queued,
            }
        }
    }

    fn decide_queued(&mut self, busy: &Busy, effects: &mut Vec<Effect<D>>) {
        for index in 0..self.pending.len() {
            if !matches!(self.mode, Mode::Running) {
                return;
            }
            if matches!(self.pending[index].step, Step::Queued) {
                self.decide_one(index, busy, effects);
            }
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
pub(super) fn answer_of_load<R: Rejection>(error: &LoadError) -> AskError<R> {
    match error {
        LoadError::Store(error) if error.retryable() => AskError::Unavailable,
        LoadError::Store(error) => AskError::Quarantined(error.to_string()),
        LoadError::Decode { .. } | LoadError::Fold { .. } | LoadError::Gap { .. } => AskError::Quarantined(format!("failed to {error}")),
    }
}
