//! One run: from the outcomes to the report at the entity.

use super::history::{self, Outcomes, Unread};
use super::{Place, Shared, Simulator, SimulatorError};
use ionveil_actors::{AskError, Class};
use ionveil_journal::{NewOutboxRow, OutboxRow};
use ionveil_kernel::{BodyHash, Caller, CommandId, CorrelationId, Env, IdSource, Meta, Org, Role, StreamId};
use ionveil_policy::simulation::{Command, Live, Outcome, Pattern, Source, Stopped, run};
use serde::{Deserialize, Serialize};
use std::collections::btree_map::Entry;
use std::ops::{ControlFlow, Deref};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::{oneshot, watch};
use utoipa::ToSchema;
use uuid::Uuid;

/// How long to wait for a store or an entity that is away.
pub(super) const RETRY: Duration = Duration::from_millis(500);
/// In whose name runs report.
const SUBJECT: &str = "system:simulations";

/// How far a run has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Progress {
    /// So many outcomes were looked at.
    #[schema(example = 655_360)]
    pub done: u64,
    /// Of so many; absent until that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = 1_000_000)]
    pub total: Option<u64>,
}

/// A run under way, as others see it.
pub(super) struct Run {
    stopped: AtomicBool,
    done: AtomicU64,
    total: AtomicU64,
    ended: watch::Sender<bool>,
}

/// Stops its run when it is dropped: nobody waits for it any more.
pub(super) struct Guarded(Arc<Run>);

impl Run {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            stopped: AtomicBool::new(false),
            done: AtomicU64::new(0),
            total: AtomicU64::new(0),
            ended: watch::Sender::new(false),
        })
    }

    pub(super) fn guarded() -> Guarded {
        Guarded(Self::new())
    }

    pub(super) fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    pub(super) fn progress(&self) -> Progress {
        let total = Some(self.total.load(Ordering::Relaxed)).filter(|total| *total > 0);
        Progress { done: self.done.load(Ordering::Relaxed), total }
    }

    fn note(&self, done: u64, total: u64) -> ControlFlow<()> {
        self.total.store(total, Ordering::Relaxed);
        self.done.store(done, Ordering::Relaxed);
        if self.is_stopped() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    /// Waits for the end, but no longer than `patience`.
    pub(super) async fn wait(&self, env: &Env, patience: Duration) {
        let mut ended = self.ended.subscribe();
        tokio::select! {
            biased;
            _ = ended.wait_for(|ended| *ended) => {}
            () = env.sleep(patience) => {}
        }
    }
}

impl Guarded {
    pub(super) fn handle(&self) -> Arc<Run> {
        self.0.clone()
    }
}

impl Deref for Guarded {
    type Target = Run;
    fn deref(&self) -> &Run {
        &self.0
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        self.0.stop();
    }
}

/// What set a run off: its report belongs to the same request.
#[derive(Clone, Debug)]
pub(super) struct Cause {
    correlation_id: CorrelationId,
    command: Option<Uuid>,
    traceparent: Option<Arc<str>>,
}

impl Cause {
    pub(super) fn of(start: &Meta) -> Self {
        Self { correlation_id: start.correlation_id, command: Some(start.command_id.0), traceparent: start.traceparent.clone() }
    }

    /// As the outbox knows it.
    pub(super) fn told(row: &OutboxRow) -> Self {
        let NewOutboxRow { correlation_id, causation_id, traceparent, .. } = &row.row;
        Self { correlation_id: *correlation_id, command: Some(*causation_id), traceparent: traceparent.clone() }
    }
}

/// What the house itself asks of a simulation.
pub(super) fn meta(env: &Env, org: &Org, cause: Option<&Cause>, what: &str) -> Meta {
    Meta {
        command_id: CommandId(env.next_id()),
        body_hash: BodyHash::of(&[what.as_bytes()]),
        correlation_id: cause.map_or_else(|| CorrelationId(env.next_id()), |cause| cause.correlation_id),
        causation_id: cause.and_then(|cause| cause.command),
        caller: Caller { org: org.clone(), subject: SUBJECT.into(), role: Role::Admin },
        occurred_at: None,
        expected_version: None,
        traceparent: cause.and_then(|cause| cause.traceparent.clone()),
    }
}

impl Simulator {
    /// Runs what the journal says is running, unless that is done already.
    pub(super) fn begin(&self, owner: StreamId, live: Live, cause: Cause, place: Option<Place>) -> Arc<Run> {
        let run = match self.0.runs.lock().entry(owner.clone()) {
            Entry::Occupied(present) => return present.get().clone(),
            Entry::Vacant(free) => free.insert(Run::new()).clone(),
        };
        if self.is_closed() {
            run.stop();
        }
        self.0.journal.env().spawn(self.clone().carry_out(owner, live, cause, place, run.clone()));
        run
    }

    async fn carry_out(self, owner: StreamId, live: Live, cause: Cause, place: Option<Place>, run: Arc<Run>) {
        let place = match place {
            Some(place) => Some(place),
            None => self.0.places.clone().acquire_owned().await.ok(),
        };
        if let Some(command) = self.work_out(&owner.org, live, &run).await {
            self.report(&owner, command, &cause).await;
        }
        self.0.runs.lock().remove(&owner);
        drop(place);
        run.ended.send_replace(true);
    }

    /// What came of it; none if it was stopped.
    async fn work_out(&self, org: &Org, live: Live, run: &Arc<Run>) -> Option<Command> {
        let outcome = match self.patiently(org, &live.setup.pattern, run).await {
            Ok(outcomes) => self.simulate(outcomes, live, run.clone()).await,
            Err(unread) => Err(unread.into()),
        };
        match outcome {
            Ok(outcome) => Some(Command::Complete { outcome: Arc::new(outcome?) }),
            Err(SimulatorError::Unread(Unread::Stopped)) => None,
            Err(error) => {
                tracing::warn!(%org, %error, "a simulation failed");
                Some(Command::Fail { error: told(&error) })
            }
        }
    }

    /// Waits for a store that is away.
    async fn patiently(&self, org: &Org, pattern: &Pattern, run: &Run) -> Result<Outcomes, Unread> {
        loop {
            match self.outcomes(org, pattern, run).await {
                Err(Unread::Store(error)) if error.retryable() && !run.is_stopped() => self.0.journal.env().sleep(RETRY).await,
                read => return read,
            }
        }
    }

    async fn simulate(&self, outcomes: Outcomes, live: Live, steering: Arc<Run>) -> Result<Option<Outcome>, SimulatorError> {
        let simulated = self.0.blocking(move || {
            let events = outcomes.events()?;
            let setup = &live.setup;
            match run(&setup.scenario, &events, setup.duration_s, |done, total| steering.note(done, total)) {
                Ok(outcome) => Ok(Some(outcome)),
                Err(Stopped) => Ok(None),
            }
        });
        simulated.await?
    }

    /// Where the outcomes of a pattern come from, read as far as they have to be.
    pub(super) async fn outcomes(&self, org: &Org, pattern: &Pattern, run: &Run) -> Result<Outcomes, Unread> {
        match pattern.source() {
            Source::Given(_) | Source::Generated(_) => Ok(Outcomes::Made(pattern.clone())),
            Source::History(range) => history::read(&**self.0.journal.store(), org, &self.0.trees.of(org), range, run).await,
        }
    }

    /// Tells the entity, until it has heard: without a report it would be running for ever.
    async fn report(&self, owner: &StreamId, command: Command, cause: &Cause) {
        let env = self.0.journal.env();
        let meta = meta(env, &owner.org, Some(cause), command.command_type());
        while !self.is_closed() {
            match self.ask(owner.clone(), command.clone(), meta.clone(), Class::Reply).await {
                Ok(_) | Err(AskError::Rejected(_)) => return,
                Err(AskError::Unavailable | AskError::Overloaded | AskError::OutcomeUnknown | AskError::TimedOut(_)) => {
                    env.sleep(RETRY).await;
                }
                Err(error) => {
                    tracing::warn!(entity = %owner, %error, "the end of a simulation was not recorded; the next process runs it again");
                    return;
                }
            }
        }
    }
}

impl Shared {
    /// Works on a thread where it holds up nobody.
    pub(super) async fn blocking<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, SimulatorError> {
        let (send, done) = oneshot::channel();
        // On the runtime of the journal, whoever asks.
        self.journal.env().spawn(async move {
            // Nobody may wait any more.
            drop(send.send(tokio::task::spawn_blocking(work).await));
        });
        let ended = done.await.map_err(|_| SimulatorError::Broken("its thread is gone".to_owned()))?;
        ended.map_err(|error| SimulatorError::Broken(panic_text(error)))
    }
}

fn panic_text(error: tokio::task::JoinError) -> String {
    let Ok(panic) = error.try_into_panic() else { return "it was cut off".to_owned() };
    let text = panic.downcast_ref::<String>().cloned().or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
    format!("panicked: {}", text.unwrap_or_default())
}

/// What the simulation keeps as its reason: nothing of the store's inside.
fn told(error: &SimulatorError) -> String {
    match error {
        SimulatorError::Unread(unread) => unread.told(),
        other => other.to_string(),
    }
}
