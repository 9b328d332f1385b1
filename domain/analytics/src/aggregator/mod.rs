//! Which posted events are accepted: each id once. The ids of an organisation are spread over 256 entities,
//! `analytics:<org>:00` to `:ff`, by the hash of the id, so that a repeat always meets the entity that knows the first, a state
//! stays small enough to be snapshotted often, and a batch goes to many partitions at once.
//!
//! Reports are checked before ([`Report::check`](crate::Report::check)); here an observation is sound. A repeat leads to no
//! event, so the number of newly accepted ones is the number of events.
//!
//! # Invariants
//! 1. No id is observed twice while it is known.

mod command;
mod decide;
mod event;
mod state;

#[cfg(test)]
mod tests;

pub use command::{Command, EVENTS_MAX};
pub use event::{DispatchObserved, Event};
pub use state::State;

use crate::observation::{Observation, RETENTION_DEFAULT, fingerprint};
use crate::reject::Rejection;
use ionveil_kernel::{BrokenInvariant, DecideEnv, Decider, Decision, EntityId, Kind, NameError, Org, StreamId};
use std::collections::BTreeMap;
use std::time::Duration;

/// The kind of entity.
pub const KIND: &str = "analytics";

/// The entity that knows an event's id. The assignment is stored with each event, so it never changes.
///
/// # Errors
/// Never: kind and shard are lawful names.
pub fn stream(org: &Org, event_id: &str) -> Result<StreamId, NameError> {
    Ok(StreamId::new(org.clone(), Kind::new(KIND)?, EntityId::new(&format!("{:02x}", fingerprint(event_id) >> 120))?))
}

/// Observations by the entity that decides on them, each list in the order given, in commands of at most [`EVENTS_MAX`].
///
/// # Errors
/// Never: the entities have lawful names.
pub fn commands(org: &Org, observations: impl IntoIterator<Item = Observation>) -> Result<Vec<(StreamId, Command)>, NameError> {
    let mut by_entity: BTreeMap<StreamId, Vec<Observation>> = BTreeMap::new();
    for seen in observations {
        by_entity.entry(stream(org, &seen.event_id)?).or_default().push(seen);
    }
    let pieces = |(stream, all): (StreamId, Vec<Observation>)| {
        let pieces: Vec<_> = all.chunks(EVENTS_MAX).map(|piece| (stream.clone(), Command::Ingest { events: piece.to_vec() })).collect();
        pieces
    };
    Ok(by_entity.into_iter().flat_map(pieces).collect())
}

/// The decider.
#[derive(Clone, Copy, Debug)]
pub struct Aggregator {
    /// For how long an id is known at least.
    pub retention: Duration,
}

impl Default for Aggregator {
    fn default() -> Self {
        Self { retention: RETENTION_DEFAULT }
    }
}

impl Decider for Aggregator {
    const KIND: &'static str = KIND;
    const STATE_SCHEMA: u32 = 1;
    const REDUCER: u32 = 1;

    type Part = ();
    type State = State;
    type Command = Command;
    type Event = Event;
    type Rejection = Rejection;

    fn initial(&self, _id: &StreamId) -> State {
        State::default()
    }

    fn decide(&self, state: &State, command: &Command, env: &DecideEnv<'_>) -> Result<Decision<Self>, Rejection> {
        Ok(decide::decide(state, command, env.now)?.into_iter().map(|event| ((), event)).collect())
    }

    fn evolve(&self, state: State, (): &(), event: &Event) -> Result<State, BrokenInvariant> {
        state.after(event, self.retention)
    }
}
