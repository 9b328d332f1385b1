//! A decider that fails when it is told to: what a host may bring, and what the runtime has to survive.

use ionveil_kernel::{BrokenInvariant, DecideEnv, Decider, Decision, DecodeError, EventCodec, Rejection, StreamId, Timer, TimerPolicy};
use serde::{Deserialize, Serialize};
use std::sync::atomic::{AtomicBool, Ordering};

/// Counts; panics over poison until it is cured.
#[derive(Default)]
pub(crate) struct Poison {
    cured: AtomicBool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Command {
    /// Adds one.
    Add,
    /// Adds one, or panics.
    Poison(String),
    /// Is refused once the decider is cured, and panics until then.
    Sour,
    /// Wishes for a call in the year 2100.
    Wait,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Event {
    Added,
    Waited,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct State {
    added: u64,
    waits: bool,
}

#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("it has gone sour")]
pub(crate) struct Refused;

impl Rejection for Refused {
    fn code(&self) -> &'static str {
        "gone_sour"
    }
}

impl Poison {
    /// From now on nothing panics.
    pub(crate) fn cure(&self) {
        self.cured.store(true, Ordering::SeqCst);
    }

    fn swallow(&self, what: &str) {
        assert!(self.cured.load(Ordering::SeqCst), "poisoned by {what}");
    }
}

impl EventCodec for Event {
    fn event_type(&self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Waited => "waited",
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

impl Decider for Poison {
    const KIND: &'static str = "poison";
    const STATE_SCHEMA: u32 = 1;
    const REDUCER: u32 = 1;
    type Part = ();
    type State = State;
    type Command = Command;
    type Event = Event;
    type Rejection = Refused;

    fn initial(&self, _id: &StreamId) -> State {
        State::default()
    }

    fn decide(&self, _state: &State, command: &Command, _env: &DecideEnv<'_>) -> Result<Decision<Self>, Refused> {
        match command {
            Command::Add => {}
            Command::Poison(what) => self.swallow(what),
            Command::Sour => {
                self.swallow("what is sour");
                return Err(Refused);
            }
            Command::Wait => return Ok(vec![((), Event::Waited)]),
        }
        Ok(vec![((), Event::Added)])
    }

    fn evolve(&self, state: State, _part: &(), event: &Event) -> Result<State, BrokenInvariant> {
        match event {
            Event::Added => Ok(State { added: state.added + 1, ..state }),
            Event::Waited => Ok(State { waits: true, ..state }),
        }
    }

    fn timers(&self, state: &State) -> Vec<Timer> {
        let due = "2100-01-01T00:00:00Z".parse::<jiff::Timestamp>().expect("a time").as_microsecond();
        let timer = Timer { name: "call".to_owned(), due: ionveil_kernel::Timestamp::from_micros(due), policy: TimerPolicy::Skip };
        state.waits.then_some(timer).into_iter().collect()
    }
}
