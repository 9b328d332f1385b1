//! A decider small enough to be its own model: a sum that may not pass a limit.

use ionveil_kernel::{BrokenInvariant, DecideEnv, Decider, Decision, DecodeError, EventCodec, Rejection, StreamId};
use serde::{Deserialize, Serialize};

/// The sum may not pass this.
pub(crate) const LIMIT: u64 = 1_000;

pub(crate) struct Tally;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct State {
    pub(crate) sum: u64,
    pub(crate) events: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Command {
    /// Adds, or is refused if the sum would pass the limit.
    Add(u64),
    /// Back to zero; accepted without an event if it is zero already.
    Clear,
    /// Always accepted, without an event.
    Touch,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Event {
    Added(u64),
    Cleared,
}

/// The sum would pass the limit; says on how many events that was decided.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{add} more would pass the limit")]
pub(crate) struct TooMuch {
    pub(crate) add: u64,
    pub(crate) on: State,
}

impl Rejection for TooMuch {
    fn code(&self) -> &'static str {
        "too_much"
    }
}

impl EventCodec for Event {
    fn event_type(&self) -> &'static str {
        match self {
            Self::Added(_) => "added",
            Self::Cleared => "cleared",
        }
    }

    fn schema_version(&self) -> u32 {
        1
    }

    fn encode(&self) -> Result<String, DecodeError> {
        serde_json::to_string(self).map_err(|error| DecodeError::invalid(self.event_type(), error))
    }

    fn decode(event_type: &str, _version: u32, data: &str) -> Result<Self, DecodeError> {
        serde_json::from_str(data).map_err(|error| DecodeError::invalid(event_type, error))
    }
}

impl Decider for Tally {
    const KIND: &'static str = "tally";
    const STATE_SCHEMA: u32 = 1;
    const REDUCER: u32 = 1;
    type Part = ();
    type State = State;
    type Command = Command;
    type Event = Event;
    type Rejection = TooMuch;

    fn initial(&self, _id: &StreamId) -> State {
        State::default()
    }

    fn decide(&self, state: &State, command: &Command, _env: &DecideEnv<'_>) -> Result<Decision<Self>, TooMuch> {
        match command {
            Command::Add(add) if state.sum + add > LIMIT => Err(TooMuch { add: *add, on: state.clone() }),
            Command::Add(add) => Ok(vec![((), Event::Added(*add))]),
            Command::Touch => Ok(vec![]),
            Command::Clear if state.sum == 0 => Ok(vec![]),
            Command::Clear => Ok(vec![((), Event::Cleared)]),
        }
    }

    fn evolve(&self, state: State, _part: &(), event: &Event) -> Result<State, BrokenInvariant> {
        let events = state.events + 1;
        match event {
            Event::Added(add) => Ok(State { sum: state.sum + add, events }),
            Event::Cleared => Ok(State { sum: 0, events }),
        }
    }
}
