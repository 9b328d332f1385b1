//! The simulations of this node: how many run at once, how far each has come, and that each comes to an end.
//!
//! A run is worked out on a thread of its own, off the arbiters, and reports to its entity what came of it. It is begun by whoever
//! asked for it where he has the simulation, else by the node that has it (`outbox.rs`). What a dead process left running is
//! started again (`recover.rs`). It decides nothing: the entity says what may run and what counts.

mod history;
mod outbox;
mod recover;
mod run;

pub use history::{SCAN_EARLIER, Scope, Unread};
pub use outbox::{CHANNEL, SimulationsToRuns};
pub use run::Progress;

use super::trees::Trees;
use ionveil_actors::{AskError, Class, Delivery, Host, LoadError, Loaded, Reply};
use ionveil_journal::Journal;
use ionveil_kernel::{EntityId, Kind, Meta, Org, StreamId};
use ionveil_policy::simulation::{
    Command, Created, KIND, Live, NotCompared, Outcome, Pattern, Phase, Rejection, Scenario, Simulation, Source, Span, compare, policy_at,
};
use parking_lot::Mutex;
use run::{Cause, Run};
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The most outcomes that a comparison looks at: those of the pattern, once for each scenario. Nobody can look after a
/// comparison while it runs, so it has to be over in seconds.
pub const COMPARED_MAX: usize = 100_000_000;

/// How often it is looked whether a run at another node has ended.
const LOOK: Duration = Duration::from_millis(50);

/// Why something of a simulation was not done.
#[derive(Debug, thiserror::Error)]
pub enum SimulatorError {
    /// As many run as may.
    #[error("{0} simulations are running, and no more may; nothing was started")]
    CapacityExceeded(usize),
    /// The entity said so, or did not answer.
    #[error(transparent)]
    Ask(#[from] AskError<Rejection>),
    /// The entity cannot be read.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The pattern has no outcomes.
    #[error(transparent)]
    Unread(#[from] Unread),
    /// Scenarios that cannot be compared.
    #[error(transparent)]
    NotCompared(#[from] NotCompared),
    /// All scenarios together would look at too many outcomes.
    #[error("at most {COMPARED_MAX} outcomes are looked at in a comparison, those of the pattern once for each scenario")]
    ComparedTooLong,
    /// The work broke.
    #[error("the simulation broke off: {0}")]
    Broken(String),
}

/// A cheap handle on the simulations of one node.
#[derive(Clone)]
pub struct Simulator(Arc<Shared>);

struct Shared {
    journal: Journal,
    host: Host<Simulation>,
    trees: Arc<Trees>,
    deadline: Duration,
    places: Arc<Semaphore>,
    places_max: usize,
    runs: Mutex<BTreeMap<StreamId, Arc<Run>>>,
    /// By partition: where it ended when this process came to it. What was started up to there was another's.
    found: Mutex<BTreeMap<u16, u64>>,
    closed: AtomicBool,
}

/// A place among those that run.
type Place = OwnedSemaphorePermit;

/// Where a simulation of an organisation stands.
#[must_use]
pub fn stream(org: &Org, id: EntityId) -> StreamId {
    let kind = Kind::new(KIND).unwrap_or_else(|_| unreachable!("a lawful kind"));
    StreamId::new(org.clone(), kind, id)
}

impl Simulator {
    /// Nothing runs yet; at most `places_max` will at once.
    pub(crate) fn new(journal: Journal, host: Host<Simulation>, trees: Arc<Trees>, deadline: Duration, places_max: usize) -> Self {
        let places = Arc::new(Semaphore::new(places_max));
        let (runs, found, closed) = (Mutex::default(), Mutex::default(), AtomicBool::new(false));
        Self(Arc::new(Shared { journal, host, trees, deadline, places, places_max, runs, found, closed }))
    }

    /// Sets a simulation up.
    ///
    /// # Errors
    /// [`SimulatorError::Ask`].
    pub async fn create(&self, owner: StreamId, command: Command, meta: Meta) -> Result<Reply<Simulation>, SimulatorError> {
        Ok(self.ask(owner, command, meta, Class::Command).await?)
    }

    /// Lets a simulation run, and waits for its end for `patience` at most. A simulation that has completed is not run again.
    /// Says whether the command had been accepted before.
    ///
    /// # Errors
    /// [`SimulatorError::CapacityExceeded`], [`SimulatorError::Ask`], [`SimulatorError::Load`].
    pub async fn start(&self, owner: StreamId, meta: Meta, patience: Duration) -> Result<bool, SimulatorError> {
        let place = self.place().ok();
        if place.is_none() && matches!(self.load(&owner).await?.state.live().map(|live| &live.phase), Some(Phase::Pending)) {
            return Err(SimulatorError::CapacityExceeded(self.0.places_max));
        }
        let command = Command::Start { restarted: false };
        match self.ask(owner.clone(), command.clone(), meta.clone(), Class::Command).await {
            Ok(reply) => {
                match self.follow(owner.clone(), &reply, &meta, place).await? {
                    Some(run) => run.wait(self.0.journal.env(), patience).await,
                    None => self.wait_for(&owner, patience).await?,
                }
                Ok(reply.repeated)
            }
            Err(error) => {
                if is_undecided(&error) {
                    self.0.journal.env().spawn(self.clone().settle(owner, command, meta, place));
                }
                Err(error.into())
            }
        }
    }

    /// Calls a simulation off; says whether there was something to call off.
    ///
    /// # Errors
    /// [`SimulatorError::Ask`].
    pub async fn cancel(&self, owner: StreamId, meta: Meta) -> Result<Reply<Simulation>, SimulatorError> {
        let reply = self.ask(owner.clone(), Command::Cancel, meta, Class::Control).await?;
        if matches!(reply.state.live().map(|live| &live.phase), Some(Phase::Cancelled)) {
            self.0.runs.lock().get(&owner).inspect(|run| run.stop());
        }
        Ok(reply)
    }

    /// How far a run has come; none if it does not run here.
    #[must_use]
    pub fn progress(&self, owner: &StreamId) -> Option<Progress> {
        self.0.runs.lock().get(owner).map(|run| run.progress())
    }

    /// The committed state.
    ///
    /// # Errors
    /// [`LoadError`].
    pub async fn load(&self, owner: &StreamId) -> Result<Loaded<Simulation>, LoadError> {
        self.0.host.loader().load(owner).await
    }

    /// The level at a point of a run that has completed with `outcome`.
    ///
    /// # Errors
    /// Behind the end of the run; else as [`Self::compare`].
    pub async fn policy_at(&self, org: &Org, setup: &Arc<Created>, outcome: &Outcome, at: Span) -> Result<String, SimulatorError> {
        let outside = |fault: ionveil_policy::simulation::Fault| SimulatorError::Ask(AskError::Rejected(Rejection::from(fault)));
        if let Some(level) = outcome.policy_at(at).map_err(outside)? {
            return Ok(level.to_owned());
        }
        // Behind the last transition that is kept it has to be run again.
        let (_place, run) = (self.place()?, Run::guarded());
        let (source, setup) = (self.outcomes(org, &setup.pattern, &run).await?, setup.clone());
        let found = self.0.blocking(move || {
            let events = source.events()?;
            let level = policy_at(&setup.scenario, &events, setup.duration_s, at).map(str::to_owned);
            level.map_err(outside)
        });
        found.await?
    }

    /// Runs each scenario on the same outcomes, as one of those that run; nothing is stored. It ends when its future is
    /// dropped.
    ///
    /// # Errors
    /// [`SimulatorError::CapacityExceeded`], [`SimulatorError::Unread`], [`SimulatorError::NotCompared`],
    /// [`SimulatorError::ComparedTooLong`].
    pub async fn compare(
        &self,
        org: &Org,
        scenarios: Vec<Scenario>,
        pattern: &Pattern,
        duration: Span,
    ) -> Result<Vec<(String, Live)>, SimulatorError> {
        let (_place, run) = (self.place()?, Run::guarded());
        let source = self.outcomes(org, pattern, &run).await?;
        let (pattern, stop) = (pattern.clone(), run.handle());
        let compared = self.0.blocking(move || {
            let events = source.events()?;
            if events.len().saturating_mul(scenarios.len()) > COMPARED_MAX {
                return Err(SimulatorError::ComparedTooLong);
            }
            let go_on = |_, _| if stop.is_stopped() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
            let mut outcomes = compare(&scenarios, &events, duration, go_on)?;
            let result = |scenario: Scenario| {
                let outcome = Arc::new(outcomes.remove(scenario.name())?);
                let name = scenario.name().to_owned();
                let setup = Arc::new(Created { scenario, pattern: pattern.clone(), duration_s: duration });
                Some((name, Live { setup, phase: Phase::Completed(outcome) }))
            };
            Ok(scenarios.into_iter().filter_map(result).collect())
        });
        compared.await?
    }

    /// Whether the tree has the node that a pattern's history is of.
    #[must_use]
    pub fn knows_scope(&self, org: &Org, pattern: &Pattern) -> bool {
        match pattern.source() {
            Source::History(history) => Scope::of(&self.0.trees.of(org), &history.scope).is_some(),
            Source::Given(_) | Source::Generated(_) => true,
        }
    }

    /// Stops all runs; they are started again by the next process that opens the store.
    pub(crate) fn close(&self) {
        self.0.closed.store(true, Ordering::Release);
        self.0.runs.lock().values().for_each(|run| run.stop());
    }

    fn place(&self) -> Result<Place, SimulatorError> {
        self.0.places.clone().try_acquire_owned().map_err(|_| SimulatorError::CapacityExceeded(self.0.places_max))
    }

    async fn ask(&self, owner: StreamId, command: Command, meta: Meta, class: Class) -> Result<Reply<Simulation>, AskError<Rejection>> {
        self.0.host.ask_as(owner, command, meta, Delivery { class, deadline: self.0.deadline }).await
    }

    /// Waits for the end of what may run at another node, but no longer than `patience`.
    async fn wait_for(&self, owner: &StreamId, patience: Duration) -> Result<(), LoadError> {
        let env = self.0.journal.env();
        let give_up = env.monotonic() + patience;
        while matches!(self.load(owner).await?.state.live().map(|live| &live.phase), Some(Phase::Running)) && env.monotonic() < give_up {
            env.sleep(LOOK).await;
        }
        Ok(())
    }

    /// What an accepted start leads to: the run, unless it has ended already, or is begun by the node that has the simulation.
    async fn follow(
        &self,
        owner: StreamId,
        reply: &Reply<Simulation>,
        meta: &Meta,
        place: Option<Place>,
    ) -> Result<Option<Arc<Run>>, LoadError> {
        // A repeat is answered with what was then.
        let now = if reply.repeated { self.load(&owner).await?.state } else { reply.state.clone() };
        let here = self.0.journal.epoch(&owner).is_some();
        let running = now.live().filter(|live| here && matches!(live.phase, Phase::Running));
        Ok(running.map(|live| self.begin(owner, live.clone(), Cause::of(meta), place)))
    }

    /// Asks until it is known whether a simulation was started: without its run it would be running for ever.
    async fn settle(self, owner: StreamId, command: Command, meta: Meta, place: Option<Place>) {
        while !self.is_closed() {
            self.0.journal.env().sleep(run::RETRY).await;
            match self.ask(owner.clone(), command.clone(), meta.clone(), Class::Reply).await {
                Ok(reply) => match self.follow(owner.clone(), &reply, &meta, None).await {
                    Ok(_begun) => break,
                    Err(error) => tracing::warn!(entity = %owner, %error, "whether a simulation runs is not known yet"),
                },
                Err(error) if is_undecided(&error) || matches!(error, AskError::Unavailable | AskError::Overloaded) => {}
                Err(_refused) => break,
            }
        }
        drop(place);
    }

    fn is_closed(&self) -> bool {
        self.0.closed.load(Ordering::Acquire)
    }
}

/// Whether a command may or may not have been carried out.
fn is_undecided(error: &AskError<Rejection>) -> bool {
    matches!(error, AskError::OutcomeUnknown | AskError::TimedOut(_))
}
