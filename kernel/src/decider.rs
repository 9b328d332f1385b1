//! The pure heart of every entity: what a command leads to, and what an event does to the state.

use crate::{Caller, EntityId, EventCodec, IdSource, Meta, Policy, StreamId, Timestamp};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt::{Debug, Display};

/// All that a decision may know beside state and command.
pub struct DecideEnv<'a> {
    /// The present, as the journal will record it or a little before.
    pub now: Timestamp,
    /// When the command happened: given by the client, else `now`, never before the stream's last event.
    pub occurred_at: Timestamp,
    /// Where new ids come from.
    pub ids: &'a dyn IdSource,
    /// The command's metadata: its id, cause and correlation.
    pub cause: &'a Meta,
    /// The policy in force.
    pub policy: &'a Policy,
}

impl DecideEnv<'_> {
    /// Who asks.
    #[must_use]
    pub fn caller(&self) -> &Caller {
        &self.cause.caller
    }
}

/// A refusal, as a value: the state speaks against the command.
pub trait Rejection: Debug + Display + Clone + PartialEq + Send + Sync + 'static {
    /// The stable snake_case code, such as `invalid_transition`.
    fn code(&self) -> &'static str;
}

/// An event that cannot follow the state it met. Trips a test, quarantines an entity, shows up in `verify`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invariant {number} of {kind} is broken: {detail}")]
pub struct BrokenInvariant {
    /// The kind of entity.
    pub kind: &'static str,
    /// The invariant's number in the context's `lib.rs`.
    pub number: u16,
    /// What was found.
    pub detail: String,
}

/// What becomes of a timer that was due while nobody could fire it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimerPolicy {
    /// Fires once, late.
    FireOnceLate,
    /// Is passed over.
    Skip,
    /// Fires once for each time missed.
    FireAll,
}

impl TimerPolicy {
    /// The number that stands for it in a store; it never changes.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::FireOnceLate => 0,
            Self::Skip => 1,
            Self::FireAll => 2,
        }
    }

    /// The policy that a stored number stands for, if it stands for one.
    #[must_use]
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::FireOnceLate),
            1 => Some(Self::Skip),
            2 => Some(Self::FireAll),
            _ => None,
        }
    }
}

/// A wish to be called at an instant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timer {
    /// Unique within the entity.
    pub name: String,
    /// When it is due.
    pub due: Timestamp,
    /// What happens when it is missed.
    pub policy: TimerPolicy,
}

/// A part of an entity: one of the streams that it owns. `()` for an entity of one stream.
pub trait Part: Clone + Debug + PartialEq + Send + Sync + 'static {
    /// The stream of this part.
    fn stream(&self, owner: &StreamId) -> StreamId;

    /// The part that `stream` is of `owner`, if it is one.
    fn of(owner: &StreamId, stream: &StreamId) -> Option<Self>;
}

impl Part for () {
    fn stream(&self, owner: &StreamId) -> StreamId {
        owner.clone()
    }

    fn of(owner: &StreamId, stream: &StreamId) -> Option<Self> {
        (owner == stream).then_some(())
    }
}

/// What a decision leads to, in order: events, each of a part of the entity.
pub type Decision<D> = Vec<(<D as Decider>::Part, <D as Decider>::Event)>;

/// Says what happens: `decide` turns a command into events, `evolve` folds events into state. No time, no I/O, no
/// randomness but what [`DecideEnv`] brings, so that production, simulation, replay and tests run the same code.
///
/// [`crate::testkit::Counter`] is a whole one in 40 lines; [`crate::testkit::given`] tests one:
///
/// ```
/// use ionveil_kernel::testkit::{Added, Count, Counter, given};
///
/// let state = given(Counter::default(), [((), Added(4))]).when(Count(5)).then([((), Added(5))]);
/// assert_eq!(state, 9);
/// ```
pub trait Decider: Sized + Send + Sync + 'static {
    /// The stable kind, first word of its stream names.
    const KIND: &'static str;
    /// The version of [`Self::State`]'s serde form; raise it when the form changes.
    const STATE_SCHEMA: u32;
    /// The version of `evolve`; raise it when the same events fold to another state. Snapshots of another version are
    /// dropped.
    const REDUCER: u32;
    /// Whether an entity stays in memory when it has had no work for a while: for kinds of few entities that have to answer
    /// at once. One that makes room for others is let go all the same.
    const STAYS: bool = false;

    /// A part of the entity.
    type Part: Part;
    /// The state. Cheap to clone: a second copy exists while appends are in flight.
    type State: Clone + Debug + PartialEq + Serialize + DeserializeOwned + Send + Sync + 'static;
    /// What can be asked.
    type Command: Clone + Debug + Serialize + DeserializeOwned + Send + Sync + 'static;
    /// What can happen.
    type Event: EventCodec + Clone + Debug + PartialEq + Send + Sync + 'static;
    /// Why it was refused.
    type Rejection: Rejection;

    /// The state before the first event.
    fn initial(&self, id: &StreamId) -> Self::State;

    /// Decides on a command. An empty list is a lawful acceptance: it is recorded in a receipt.
    ///
    /// # Errors
    /// The refusal; nothing is recorded then.
    fn decide(&self, state: &Self::State, command: &Self::Command, env: &DecideEnv<'_>) -> Result<Decision<Self>, Self::Rejection>;

    /// Folds one event into the state. Total over lawful pairs.
    ///
    /// # Errors
    /// [`BrokenInvariant`] for a pair that no lawful history contains.
    fn evolve(&self, state: Self::State, part: &Self::Part, event: &Self::Event) -> Result<Self::State, BrokenInvariant>;

    /// The nodes of the policy tree that the command is subject to, the strictest of which counts: `env.policy`. An empty
    /// list is the root; none: policy is nothing to this kind, and `env.policy` is the default.
    fn scope(&self, _owner: &StreamId, _state: &Self::State, _command: &Self::Command) -> Option<Vec<EntityId>> {
        None
    }

    /// For each event of a decision the place of the earlier event of the same decision that caused it; none, or a list that
    /// ends before it: the command caused it.
    fn causes(&self, _decision: &[(Self::Part, Self::Event)]) -> Vec<Option<usize>> {
        Vec::new()
    }

    /// The timers that the state wishes for; few.
    fn timers(&self, _state: &Self::State) -> Vec<Timer> {
        Vec::new()
    }

    /// The command that a due timer stands for; `None` if no such timer is ever wished for.
    fn on_timer(&self, _name: &str, _due: Timestamp) -> Option<Self::Command> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timer_policies_have_stable_names_and_numbers() {
        let table = [
            (TimerPolicy::FireOnceLate, "\"fire_once_late\"", 0),
            (TimerPolicy::Skip, "\"skip\"", 1),
            (TimerPolicy::FireAll, "\"fire_all\"", 2),
        ];
        for (policy, name, number) in table {
            assert_eq!(serde_json::to_string(&policy).unwrap(), name);
            assert_eq!(serde_json::from_str::<TimerPolicy>(name).unwrap(), policy);
            assert_eq!((policy.number(), TimerPolicy::from_number(number)), (number, Some(policy)));
        }
        assert_eq!(TimerPolicy::from_number(3), None);
    }
}
