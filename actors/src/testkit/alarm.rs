//! A decider with timers: each is set with what becomes of it when it rings.

use ionveil_kernel::{
    BrokenInvariant, DecideEnv, Decider, Decision, DecodeError, EventCodec, Rejection, StreamId, Timer, TimerPolicy, Timestamp,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

pub(crate) struct Alarm;

/// What becomes of a timer that rings.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Then {
    /// It is gone.
    Gone,
    /// It stays as it is, with the same due.
    Stays,
    /// Its command is refused.
    Refused,
    /// It is due again so many microseconds after the ring happened.
    Again(i64),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Set {
    pub(crate) name: String,
    pub(crate) due: Timestamp,
    pub(crate) policy: TimerPolicy,
    pub(crate) then: Then,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct State {
    pub(crate) set: BTreeMap<String, Set>,
    /// When each ring happened.
    pub(crate) rang: Vec<Timestamp>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Command {
    /// Reminds; of a name that is there already: snoozes.
    Remind(Set),
    Cancel(String),
    Ring(String),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Event {
    Reminded(Set),
    Cancelled(String),
    Rang(String, Timestamp),
}

#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("it does not want to ring")]
pub(crate) struct Silent;

impl Rejection for Silent {
    fn code(&self) -> &'static str {
        "silent"
    }
}

impl EventCodec for Event {
    fn event_type(&self) -> &'static str {
        match self {
            Self::Reminded(_) => "reminded",
            Self::Cancelled(_) => "cancelled",
            Self::Rang(..) => "rang",
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

impl Decider for Alarm {
    const KIND: &'static str = "alarm";
    const STATE_SCHEMA: u32 = 1;
    const REDUCER: u32 = 1;
    type Part = ();
    type State = State;
    type Command = Command;
    type Event = Event;
    type Rejection = Silent;

    fn initial(&self, _id: &StreamId) -> State {
        State::default()
    }

    fn decide(&self, state: &State, command: &Command, env: &DecideEnv<'_>) -> Result<Decision<Self>, Silent> {
        let event = match command {
            Command::Remind(set) => Event::Reminded(set.clone()),
            Command::Cancel(name) => Event::Cancelled(name.clone()),
            Command::Ring(name) => match state.set.get(name) {
                None | Some(Set { then: Then::Refused, .. }) => return Err(Silent),
                Some(_) => Event::Rang(name.clone(), env.occurred_at),
            },
        };
        Ok(vec![((), event)])
    }

    fn evolve(&self, mut state: State, _part: &(), event: &Event) -> Result<State, BrokenInvariant> {
        match event {
            Event::Reminded(set) => {
                state.set.insert(set.name.clone(), set.clone());
            }
            Event::Cancelled(name) => {
                state.set.remove(name);
            }
            Event::Rang(name, at) => {
                state.rang.push(*at);
                match state.set.get_mut(name) {
                    Some(Set { then: Then::Again(period), due, .. }) => *due = Timestamp::from_micros(at.micros() + *period),
                    Some(Set { then: Then::Gone, .. }) => drop(state.set.remove(name)),
                    Some(_) | None => {}
                }
            }
        }
        Ok(state)
    }

    fn timers(&self, state: &State) -> Vec<Timer> {
        state.set.values().map(|set| Timer { name: set.name.clone(), due: set.due, policy: set.policy }).collect()
    }

    fn on_timer(&self, name: &str, _due: Timestamp) -> Option<Command> {
        Some(Command::Ring(name.to_owned()))
    }
}
