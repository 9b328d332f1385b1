//! The pipeline of one entity: commands are decided at once on speculative state, and answered in order when all that
//! they rest on is committed. No actor, no I/O: inputs come in, effects go out as data.
//!
//! A failed append ends a *generation*: what was decided on it is decided again, after everything in flight has been
//! answered and the entity has been folded anew. A panic of the decider does the same, after a restart was granted.

mod pending;
mod recovery;

pub(crate) use pending::{Answer, Pending, Step, Waiter};

use crate::answer::{AskError, Reply};
use crate::decision::{Case, Decided};
use crate::govern::{Governor, Observer};
use crate::loader::{LoadError, Loaded};
use crate::metrics::KindMetrics;
use crate::tracer::Tracer;
use crate::watch::Busy;
use crate::zoo::Mutant;
use ionveil_journal::{Append, AppendFailure, Outcome, Receipt, StoreError};
use ionveil_kernel::{CommandId, Decider, Env, StreamId};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

/// A command whose decider has panicked this often is parked.
const PANICS_MAX: u8 = 2;
/// Snapshots make an event cost at most so many more bytes of writing: a big one is written as much more seldom.
const EVENT_BYTES: u64 = 64;

/// What reaches an entity beside its commands.
pub(crate) enum Input<D: Decider> {
    Appended {
        seq: u64,
        outcome: Outcome,
    },
    /// `epoch`: under which the partition is owned after the receipts were read; none if it is not.
    LookedUp {
        seq: u64,
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
        seq: u64,
        state: Result<Loaded<D>, LoadError>,
    },
    /// `parked`: the dead letter; none if there was no room.
    Parked {
        seq: u64,
        parked: Result<Option<Uuid>, StoreError>,
    },
    /// Something panicked outside of a decision.
    Crashed(String),
    /// A restart was granted and its time has come.
    Restart,
    /// No restart was granted.
    Quarantine(Arc<str>),
    /// An operator, or a supervisor, wants the entity folded anew.
    Refold,
    /// A snapshot was written, of so many bytes.
    Snapshotted {
        bytes: u64,
    },
}

/// What an entity wants done. Each comes back as an [`Input`].
pub(crate) enum Effect<D: Decider> {
    Append {
        seq: u64,
        append: Append,
    },
    LookUp {
        seq: u64,
        command_id: CommandId,
        generation: u64,
    },
    Load,
    Recall {
        seq: u64,
        position: u64,
    },
    Park {
        seq: u64,
        fault: String,
    },
    Snapshot(Box<Loaded<D>>),
    /// The entity has failed and nothing of it is in flight: ask for a restart.
    Restart {
        fault: Arc<str>,
    },
    /// The entity's history cannot be folded: no restart will help.
    Fallen {
        fault: Arc<str>,
    },
}

/// What the entity is about.
pub(crate) enum Mode {
    /// Its events are being read.
    Loading,
    /// It decides.
    Running,
    /// Something failed: it waits until nothing is in flight any more. With a fault, a restart is asked for then.
    Failing(Option<Arc<str>>),
    /// It waits for the restart that it asked for.
    Restarting,
    /// The store could not be reached; until then nobody asks it again.
    Suspended { until: Duration },
    /// It has failed for good.
    Quarantined(Arc<str>),
}

/// What all pipelines of a kind share.
pub(crate) struct Rules<D: Decider> {
    pub(crate) decider: Arc<D>,
    pub(crate) env: Env,
    pub(crate) metrics: KindMetrics,
    pub(crate) snapshot_every: u64,
    /// The most commands of one entity that are decided and not answered.
    pub(crate) window: usize,
    pub(crate) governor: Governor,
    pub(crate) tracer: Tracer,
    pub(crate) observer: Option<Arc<dyn Observer<D>>>,
}

pub(crate) struct Pipeline<D: Decider> {
    rules: Arc<Rules<D>>,
    owner: Arc<StreamId>,
    committed: Option<Box<Loaded<D>>>,
    /// By `seq`, without gaps.
    pending: VecDeque<Box<Pending<D>>>,
    /// The commands in `pending`.
    known: BTreeMap<CommandId, u64>,
    next_seq: u64,
    in_flight: usize,
    generation: u64,
    mode: Mode,
    /// Under which the committed state is known to be the newest: refusals rest on it, and no append proves it for them.
    epoch: Option<u64>,
    /// How often in a row the store could not be reached.
    unreached: u32,
    /// Events that were committed since the actor asked.
    pub(crate) events: u64,
    /// The size of the last snapshot; 0 if none was written yet.
    snapshot_bytes: u64,
}

impl<D: Decider> Pipeline<D> {
    pub(crate) fn new(rules: Arc<Rules<D>>, owner: Arc<StreamId>, generation: u64) -> Self {
        Self {
            rules,
            owner,
            committed: None,
            pending: VecDeque::new(),
            known: BTreeMap::new(),
            next_seq: 0,
            in_flight: 0,
            generation,
            mode: Mode::Loading,
            epoch: None,
            unreached: 0,
            events: 0,
            snapshot_bytes: 0,
        }
    }

    /// A pipeline that begins anew and takes no result of this one for its own.
    pub(crate) fn successor(&self, generation: u64) -> Self {
        Self { next_seq: self.next_seq, ..Self::new(self.rules.clone(), self.owner.clone(), generation) }
    }

    pub(crate) fn mode(&self) -> &Mode {
        &self.mode
    }

    pub(crate) fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// Under which the committed state is known to be the newest.
    pub(crate) fn epoch(&self) -> Option<u64> {
        self.epoch
    }

    /// A command that is being parked: what its dead letter holds.
    pub(crate) fn pending(&self, seq: u64) -> Option<&Pending<D>> {
        let front = self.pending.front()?.seq;
        self.pending.get(usize::try_from(seq.checked_sub(front)?).ok()?).map(|pending| &**pending)
    }

    fn find(&mut self, seq: u64) -> Option<&mut Pending<D>> {
        let front = self.pending.front()?.seq;
        self.pending.get_mut(usize::try_from(seq.checked_sub(front)?).ok()?).map(|pending| &mut **pending)
    }

    /// Whether the next command may be taken: it would be decided, or answered, at once.
    pub(crate) fn ready(&self) -> bool {
        match self.mode {
            Mode::Running => self.pending.len() < self.rules.window,
            Mode::Suspended { .. } | Mode::Quarantined(_) => true,
            Mode::Loading | Mode::Failing(_) | Mode::Restarting => false,
        }
    }

    /// Takes one command from the queue. A repeat of what is in line already waits for the same answer.
    pub(crate) fn take(&mut self, mut command: Box<Pending<D>>, busy: &Busy, effects: &mut Vec<Effect<D>>) {
        if let Some(first) = self.known.get(&command.meta.command_id).copied().and_then(|seq| self.find(seq)) {
            if first.meta.body_hash == command.meta.body_hash {
                let Pending { waiter, joined, under, .. } = *command;
                first.under = first.under.zip(under).map(|(first, later)| first.max(later));
                first.joined.push(waiter);
                first.joined.extend(joined);
            } else {
                command.settle(Err(AskError::IdReused));
                command.answer();
            }
            return;
        }
        command.seq = self.next_seq;
        self.next_seq += 1;
        self.known.insert(command.meta.command_id, command.seq);
        self.pending.push_back(command);
        self.admit_last(busy, effects);
        self.recover_when_quiet(effects);
        self.answer();
    }

    fn admit_last(&mut self, busy: &Busy, effects: &mut Vec<Effect<D>>) {
        let now = self.rules.env.monotonic();
        let Some(last) = self.pending.back_mut() else { return };
        match &self.mode {
            Mode::Running => {
                let index = self.pending.len() - 1;
                self.decide_one(index, busy, effects);
            }
            Mode::Quarantined(fault) => last.settle(Err(AskError::Quarantined(fault.to_string()))),
            Mode::Suspended { until } if now < *until => last.settle(Err(AskError::Unavailable)),
            Mode::Suspended { .. } => self.load(effects),
            Mode::Loading | Mode::Failing(_) | Mode::Restarting => {}
        }
    }

    /// Takes one input; what it wants done is added to `effects`. `next_generation` is drawn when one ends.
    pub(crate) fn handle(&mut self, input: Input<D>, busy: &Busy, effects: &mut Vec<Effect<D>>, next_generation: impl FnOnce() -> u64) {
        match input {
            Input::Appended { seq, outcome } => self.appended(seq, outcome, effects),
            Input::LookedUp { seq, generation, receipt, epoch } => {
                if generation == self.generation {
                    self.looked_up(seq, receipt, epoch, effects);
                }
            }
            Input::Loaded { loaded, epoch } => self.loaded(loaded, epoch, next_generation, busy, effects),
            Input::Recalled { seq, state } => self.recalled(seq, state),
            Input::Parked { seq, parked } => self.parked(seq, parked),
            Input::Crashed(fault) => {
                self.recall_again();
                self.fail(Some(fault.into()));
            }
            Input::Restart if matches!(self.mode, Mode::Restarting) => self.load(effects),
            Input::Restart => {}
            Input::Quarantine(fault) => self.quarantine(fault),
            Input::Refold => self.refold(effects),
            Input::Snapshotted { bytes } => self.snapshot_bytes = bytes,
        }
        self.recover_when_quiet(effects);
        self.answer();
    }

    fn decide_one(&mut self, index: usize, busy: &Busy, effects: &mut Vec<Effect<D>>) {
        let now = self.rules.env.monotonic();
        let pending = &self.pending[index];
        if now >= pending.give_up && pending.joined.is_empty() {
            self.rules.metrics.expired.inc();
            let waited = now.saturating_sub(pending.since);
            return self.pending[index].settle(Err(AskError::TimedOut(waited)));
        }
        if let Some(under) = pending.under.filter(|under| self.epoch != Some(*under)) {
            return self.not_under(index, under);
        }
        let Some(tip) = self.tip(index) else { return };
        busy.command(pending.meta.command_id, now);
        self.rules.metrics.queue_wait.observe(now.saturating_sub(pending.since).as_secs_f64());
        let case = Case {
            decider: &*self.rules.decider,
            env: &self.rules.env,
            owner: &self.owner,
            tip,
            command: &pending.command,
            meta: &pending.meta,
            firing: pending.firing.as_deref(),
            generation: self.generation,
            governor: &self.rules.governor,
        };
        let decided = case.decide();
        self.decided(index, decided, effects);
    }

    /// A command that may be decided under another epoch only: under a later one than that of the committed state the entity is
    /// folded anew first, once. So is one that was folded while the partition was not owned.
    fn not_under(&mut self, index: usize, under: u64) {
        let pending = &mut self.pending[index];
        if pending.tries == 0 && self.epoch.is_none_or(|epoch| epoch < under) {
            pending.tries = 1;
            return self.fail(None);
        }
        pending.settle(Err(AskError::Unavailable));
    }

    fn decided(&mut self, index: usize, decided: Decided<D>, effects: &mut Vec<Effect<D>>) {
        let generation = self.generation;
        let pending = &mut self.pending[index];
        let (seq, command_id) = (pending.seq, pending.meta.command_id);
        match decided {
            Decided::Accepted { append, after } => {
                effects.push(Effect::Append { seq, append });
                pending.step = Step::InFlight(after);
                self.in_flight += 1;
            }
            Decided::Refused(refusal) if Mutant::LostRefusal.is_loose() => pending.settle(Err(refusal)),
            Decided::Refused(refusal) => {
                effects.push(Effect::LookUp { seq, command_id, generation });
                pending.step = Step::Refused { refusal: Box::new(refusal), confirmed: false };
            }
            Decided::Broken(fault) => park(pending, fault, effects),
            Decided::Panicked(fault) => {
                pending.panics += 1;
                if pending.panics < PANICS_MAX {
                    pending.step = Step::Panicked;
                } else {
                    park(pending, fault.clone(), effects);
                }
                self.fail(Some(fault.into()));
            }
        }
    }

    /// The state that the command at `index` is decided on: the last one in flight before it, else the committed one.
    fn tip(&self, index: usize) -> Option<&Loaded<D>> {
        let in_flight = self.pending.range(..index).rev().take(if self.in_flight == 0 { 0 } else { index });
        let last = in_flight.into_iter().find_map(|pending| match &pending.step {
            Step::InFlight(after) => Some(&**after),
            _ => None,
        });
        last.or(self.committed.as_deref())
    }

    fn appended(&mut self, seq: u64, outcome: Outcome, effects: &mut Vec<Effect<D>>) {
        let Some(pending) = self.find(seq) else { return };
        if !matches!(pending.step, Step::InFlight(_)) {
            return;
        }
        let Step::InFlight(after) = std::mem::replace(&mut pending.step, Step::Queued) else { return };
        self.in_flight -= 1;
        match outcome {
            Outcome::Committed(receipt) => self.committed(seq, receipt, after, effects),
            Outcome::Duplicate(receipt) => {
                self.recall(seq, receipt, effects);
                self.invalidate_refusals_after(seq);
                self.fail(None);
            }
            Outcome::Failed(failure) => {
                if let Some(pending) = self.find(seq) {
                    pending.step = Step::Failed(failure);
                }
                self.fail(None);
            }
        }
    }

    fn committed(&mut self, seq: u64, receipt: Receipt, mut after: Box<Loaded<D>>, effects: &mut Vec<Effect<D>>) {
        let metrics = &self.rules.metrics;
        if let Some(before) = &self.committed {
            // It was made before these were known.
            after.recorded_at = after.recorded_at.max(before.recorded_at);
            after.snapshot_version = after.snapshot_version.max(before.snapshot_version);
            after.position = before.position;
        }
        after.recorded_at = after.recorded_at.max(receipt.recorded_at);
        if receipt.events > 0 {
            after.position = receipt.position;
        }
        metrics.committed.inc();
        self.events += u64::from(receipt.events);
        if after.version - after.snapshot_version >= self.rules.snapshot_every.max(self.snapshot_bytes / EVENT_BYTES) {
            after.snapshot_version = after.version;
            effects.push(Effect::Snapshot(after.clone()));
        }
        let now = self.rules.env.monotonic();
        let reply =
            Reply { receipt, state: after.state.clone(), occurred_at: after.occurred_at, recorded_at: after.recorded_at, repeated: false };
        self.commit(after);
        if let Some(pending) = self.find(seq) {
            let since = pending.since;
            pending.settle(Ok(reply));
            self.rules.metrics.commit_latency.observe(now.saturating_sub(since).as_secs_f64());
        }
    }

    /// Whoever watches is told before anybody is answered.
    fn commit(&mut self, loaded: Box<Loaded<D>>) {
        if let Some(observer) = &self.rules.observer {
            observer.committed(&self.owner, &loaded);
        }
        self.committed = Some(loaded);
    }

    /// A refusal stands if it had not been accepted before, and if nobody else can have written since the state that it
    /// rests on was read.
    fn looked_up(&mut self, seq: u64, receipt: Result<Option<Receipt>, StoreError>, epoch: Option<u64>, effects: &mut Vec<Effect<D>>) {
        let owned_throughout = epoch.is_some() && epoch == self.epoch;
        let Some(pending) = self.find(seq) else { return };
        let Step::Refused { confirmed, .. } = &mut pending.step else { return };
        match receipt {
            Ok(Some(receipt)) => self.recall(seq, receipt, effects),
            Ok(None) if owned_throughout => *confirmed = true,
            Ok(None) => {
                pending.step = Step::Failed(epoch.map_or(AppendFailure::NotOwned, |_| AppendFailure::Discarded));
                self.fail(None);
            }
            Err(_) => pending.settle(Err(AskError::Unavailable)),
        }
    }

    fn recall(&mut self, seq: u64, receipt: Receipt, effects: &mut Vec<Effect<D>>) {
        self.rules.metrics.repeated.inc();
        let Some(pending) = self.find(seq) else { return };
        if receipt.body_hash == pending.meta.body_hash {
            effects.push(Effect::Recall { seq, position: receipt.position });
            pending.step = Step::Recalling(Box::new(receipt));
        } else {
            pending.settle(Err(AskError::IdReused));
        }
    }

    fn recalled(&mut self, seq: u64, state: Result<Loaded<D>, LoadError>) {
        let Some(pending) = self.find(seq) else { return };
        let Step::Recalling(receipt) = &pending.step else { return };
        let receipt = (**receipt).clone();
        let reply = |then: Loaded<D>| Reply {
            receipt,
            state: then.state,
            occurred_at: then.occurred_at,
            recorded_at: then.recorded_at,
            repeated: true,
        };
        pending.settle(state.map(reply).map_err(|error| recovery::answer_of_load(&error)));
    }

    fn parked(&mut self, seq: u64, parked: Result<Option<Uuid>, StoreError>) {
        let Some(pending) = self.find(seq) else { return };
        let Step::Parking(fault) = &pending.step else { return };
        let fault = fault.to_string();
        let kept = matches!(parked, Ok(Some(_)));
        pending.settle(Err(match parked {
            Ok(dead_letter) => AskError::Faulted { fault, dead_letter },
            Err(_) => AskError::Unavailable,
        }));
        self.rules.metrics.dead_letters.inc_by(u64::from(kept));
    }

    /// Answers from the front, as far as everything before is settled.
    fn answer(&mut self) {
        while self.pending.front().is_some_and(|pending| pending.answerable()) {
            let Some(pending) = self.pending.pop_front() else { return };
            self.known.remove(&pending.meta.command_id);
            let refused = match &pending.step {
                Step::Refused { .. } => true,
                Step::Settled(_) | Step::Queued | Step::InFlight(_) | Step::Failed(_) => false,
                Step::Panicked | Step::Recalling(_) | Step::Parking(_) => false,
            };
            self.rules.metrics.rejected.inc_by(u64::from(refused));
            self.rules.tracer.answered(&self.rules.env, &self.owner, &pending);
            pending.answer();
        }
        if self.pending.is_empty() {
            // An idle entity keeps no room.
            self.pending = VecDeque::new();
            self.known = BTreeMap::new();
        }
    }
}

fn park<D: Decider>(pending: &mut Pending<D>, fault: String, effects: &mut Vec<Effect<D>>) {
    pending.step = Step::Parking(fault.as_str().into());
    effects.push(Effect::Park { seq: pending.seq, fault });
}
