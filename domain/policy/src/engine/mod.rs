//! A node's engine: one entity, `policy-engine:<org>:<node>`, that takes in outcomes and moves its level by the rules of
//! [`crate::ladder`], which the simulator shares. What it reaches is asked of the tree by a reactor; what holds is the tree's
//! say.

mod decide;
mod event;
mod evolve;

#[cfg(test)]
mod tests;

pub use event::{AlertCleared, AlertRaised, Deescalated, Escalated, Event, OutcomeRecorded, PolicyInForce, Reset};

use crate::ladder::{Ladder, Rules};
use crate::level;
use ionveil_kernel::{BrokenInvariant, DecideEnv, Decider, Decision, EntityId, PolicyLevel, StreamId, Timestamp};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The kind of entity; its id is the node's.
pub const KIND: &str = "policy-engine";

/// What can be asked of an engine. Its serde form is tagged with the name in `type`; unknown fields are refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Command {
    /// Takes in one outcome, of the time when it occurred.
    Observe {
        /// Whether it was a success.
        success: bool,
    },
    /// Puts the engine on a level, with its counters at 0. From the tree only.
    Reset {
        /// The level.
        level: PolicyLevel,
        /// The term that begins.
        term: u64,
    },
}

impl Command {
    /// The version of the serde form.
    pub const SCHEMA_VERSION: u32 = 1;

    /// The stable name.
    #[must_use]
    pub const fn command_type(&self) -> &'static str {
        match self {
            Self::Observe { .. } => "observe",
            Self::Reset { .. } => "reset",
        }
    }
}

/// A refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// The engine is in this term or a later one already.
    #[error("the engine is in this term or a later one")]
    StaleTerm,
}

impl ionveil_kernel::Rejection for Rejection {
    fn code(&self) -> &'static str {
        match self {
            Self::StaleTerm => "stale_term",
        }
    }
}

/// Where an engine stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// The level.
    pub level: PolicyLevel,
    /// Successes in a row since the last step down.
    pub streak: u64,
    /// Failures in a row since the last step up.
    pub burst: u64,
    /// When the level was reached; none: it was never another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// The term, 0 until the tree begins one.
    pub term: u64,
    /// How many outcomes were taken in.
    pub outcomes: u64,
}

impl State {
    /// Where the rules go on from; its time is that of [`micros`].
    #[must_use]
    pub fn ladder(&self) -> Ladder {
        Ladder { level: level::index(self.level), streak: self.streak, burst: self.burst, since: self.since.map_or(0, micros) }
    }
}

/// A time as the rules count it: microseconds since the first lawful instant.
#[must_use]
pub fn micros(at: Timestamp) -> u64 {
    at.micros().abs_diff(Timestamp::MIN.micros())
}

/// The decider.
#[derive(Clone, Debug)]
pub struct Engine {
    rules: Rules,
}

impl Engine {
    /// An engine that goes up after `escalate_at` failures in a row (at least 1), and down from watch, restricted and halted
    /// after more successes in a row than `deescalate_above` says, but not before a level was kept for `dwell`.
    #[must_use]
    pub fn new(escalate_at: u64, deescalate_above: [u64; 3], dwell: Duration) -> Self {
        let [watch, restricted, halted] = deescalate_above;
        let deescalate_above = Box::new([None, Some(watch), Some(restricted), Some(halted)]);
        let dwell = u64::try_from(dwell.as_micros()).unwrap_or(u64::MAX);
        Self { rules: Rules { escalate_at: escalate_at.max(1), deescalate_above, dwell } }
    }

    /// The rules, over the four levels and microseconds.
    #[must_use]
    pub const fn rules(&self) -> &Rules {
        &self.rules
    }
}

impl Default for Engine {
    fn default() -> Self {
        Self::new(3, [5, 10, 20], Duration::ZERO)
    }
}

impl Decider for Engine {
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
        let events = match command {
            Command::Observe { success } => decide::observe(&self.rules, state, *success, env),
            Command::Reset { level, term } => decide::reset(state, *level, *term, env.occurred_at)?,
        };
        Ok(events.into_iter().map(|event| ((), event)).collect())
    }

    fn evolve(&self, state: State, (): &(), event: &Event) -> Result<State, BrokenInvariant> {
        evolve::evolve(state, event)
    }

    /// An outcome is recorded with the policy of the engine's own node.
    fn scope(&self, owner: &StreamId, _state: &State, _command: &Command) -> Option<Vec<EntityId>> {
        Some(vec![owner.id.clone()])
    }
}
