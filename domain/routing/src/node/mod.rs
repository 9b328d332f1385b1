//! A node: an endpoint of a service, with its load, its phase and what was seen of its health. One entity with one stream,
//! `routing-node:<org>:<endpoint>`, so that samples of many nodes never wait for one another.
//!
//! What the passing of time alone does to a node (samples that count no more, a warm-up that ends) is an event as well: the
//! instant is known beforehand, and a timer waits for it.

mod command;
mod decide;
mod event;
mod evolve;
mod passage;
mod reject;
mod state;

#[cfg(test)]
mod tests;

pub use command::Command;
pub use event::{
    Event, HealthSampled, LoadReported, MaintenanceEntered, NodeDegraded, NodeExcluded, NodeReadmitted, NodeRecovered, NodeRegistered,
    WarmupCancelled, WarmupCompleted, WarmupStarted,
};
pub use reject::{Fault, FaultKind, Rejection, RejectionClass};
pub use state::{Load, Node, Phase, SATURATION_MAX, State, Warmup};

use crate::Settings;
use ionveil_kernel::{
    BrokenInvariant, DecideEnv, Decider, Decision, EntityId, Kind, NameError, Org, StreamId, Timer, TimerPolicy, Timestamp,
};

/// The kind of entity; its id is the endpoint.
pub const KIND: &str = "routing-node";
/// The one timer.
const REVIEW: &str = "review";

/// The stream of an endpoint.
///
/// # Errors
/// Never: the name is lawful.
pub fn stream(org: &Org, endpoint: EntityId) -> Result<StreamId, NameError> {
    Ok(StreamId::new(org.clone(), Kind::new(KIND)?, endpoint))
}

/// The decider.
#[derive(Clone, Copy, Debug, Default)]
pub struct RoutingNode {
    /// How health is learned.
    pub settings: Settings,
}

impl Decider for RoutingNode {
    const KIND: &'static str = KIND;
    const STATE_SCHEMA: u32 = 1;
    const REDUCER: u32 = 1;

    type Part = ();
    type State = State;
    type Command = Command;
    type Event = Event;
    type Rejection = Rejection;

    fn initial(&self, _id: &StreamId) -> State {
        State::Absent
    }

    fn decide(&self, state: &State, command: &Command, env: &DecideEnv<'_>) -> Result<Decision<Self>, Rejection> {
        let events = decide::decide(&self.settings, state, command, env.now)?;
        Ok(events.into_iter().map(|event| ((), event)).collect())
    }

    fn evolve(&self, state: State, (): &(), event: &Event) -> Result<State, BrokenInvariant> {
        evolve::evolve(state, event)
    }

    fn timers(&self, state: &State) -> Vec<Timer> {
        let due = state.live().and_then(|node| passage::next(node, &self.settings)).map(|(due, _)| due);
        due.map(|due| Timer { name: REVIEW.to_owned(), due, policy: TimerPolicy::FireOnceLate }).into_iter().collect()
    }

    fn on_timer(&self, name: &str, due: Timestamp) -> Option<Command> {
        (name == REVIEW).then_some(Command::Review { due })
    }
}
