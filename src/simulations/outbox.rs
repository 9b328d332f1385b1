//! What the journal says of a run reaches the node that owns the simulation, over the outbox: there it begins, whoever was asked to start
//! it and whatever has become of him since, and there it stops when it is called off.

use super::Simulator;
use super::run::Cause;
use ionveil_actors::{EffectHandler, SendError};
use ionveil_journal::OutboxRow;
use ionveil_kernel::{BoxFuture, DecodeError, EffectClass, Reaction, Reactor, Recorded, StreamId};
use ionveil_policy::simulation::{KIND, Phase};

/// Names the bridge to the runs.
pub const CHANNEL: &str = "simulation-runs";

/// Tells the runs that a simulation was started or called off.
#[derive(Clone, Copy, Debug, Default)]
pub struct SimulationsToRuns;

impl Reactor for SimulationsToRuns {
    fn name(&self) -> &'static str {
        "simulations-to-runs"
    }

    fn kind(&self) -> Option<&'static str> {
        Some(KIND)
    }

    fn react(&self, event: &Recorded) -> Result<Vec<Reaction>, DecodeError> {
        let told = matches!(&*event.event_type, "started" | "cancelled");
        let tell = || Reaction::Effect { channel: CHANNEL.to_owned(), class: EffectClass::Repeatable, payload: event.owner.to_string() };
        Ok(told.then(tell).into_iter().collect())
    }
}

impl EffectHandler for Simulator {
    fn send<'a>(&'a self, effect: &'a OutboxRow) -> BoxFuture<'a, Result<(), SendError>> {
        Box::pin(self.obey(effect))
    }
}

impl Simulator {
    /// Lets run what is running by its state, and nothing that was called off. Told twice it does no more.
    async fn obey(&self, told: &OutboxRow) -> Result<(), SendError> {
        let owner: StreamId = told.row.payload.parse().map_err(|_| SendError::Refused("it names no simulation".to_owned()))?;
        let partition = owner.partition(self.0.journal.store().partitions());
        let found = self.0.found.lock().get(&partition).copied();
        let Some(found) = found.filter(|_| self.0.journal.epoch(&owner).is_some()) else {
            return Err(SendError::NotSent("its simulation is not this node's, or not yet".to_owned()));
        };
        // What was started before this node came is begun anew, and counted (`recover.rs`).
        if told.row.position <= found {
            return Ok(());
        }
        let now = self.load(&owner).await.map_err(|error| SendError::NotSent(error.to_string()))?;
        match now.state.live().map(|live| (&live.phase, live)) {
            Some((Phase::Running, live)) => _ = self.begin(owner, live.clone(), Cause::told(told), None),
            Some((Phase::Cancelled, _)) => _ = self.0.runs.lock().get(&owner).inspect(|run| run.stop()),
            Some(_) | None => {}
        }
        Ok(())
    }
}
