//! A decider that costs next to nothing, so that what is measured is the runtime: a sum. Its event is as large as the
//! payload of the raw inserts that it is compared with. It panics once when it is told to.

use ionveil_kernel::{BrokenInvariant, DecideEnv, Decider, Decision, DecodeError, EventCodec, Rejection, StreamId};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::sync::atomic::{AtomicBool, Ordering};

/// Makes an event's JSON as long as `support::PAYLOAD`.
const NOTE: &str = "unit E38 reports en route to 0 Block of a street in B04, crew of four, ALS on board, all is well";

#[derive(Default)]
pub(crate) struct Counter {
    /// The next decision panics.
    pub(crate) armed: AtomicBool,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct State {
    pub(crate) sum: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Command {
    /// One event.
    Add(u64),
    /// So many events at once.
    Fill(u32),
    /// Is refused: nothing is stored.
    Refuse,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Added {
    amount: u64,
    note: Cow<'static, str>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Refused;

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("refused, as asked for")
    }
}

impl Rejection for Refused {
    fn code(&self) -> &'static str {
        "refused"
    }
}

impl EventCodec for Added {
    fn event_type(&self) -> &'static str {
        "added"
    }

    fn schema_version(&self) -> u32 {
        1
    }

    fn encode(&self) -> Result<String, DecodeError> {
        serde_json::to_string(self).map_err(|error| DecodeError::invalid("added", error))
    }

    fn decode(_event_type: &str, _version: u32, data: &str) -> Result<Self, DecodeError> {
        serde_json::from_str(data).map_err(|error| DecodeError::invalid("added", error))
    }
}

fn added(amount: u64) -> ((), Added) {
    ((), Added { amount, note: Cow::Borrowed(NOTE) })
}

impl Decider for Counter {
    const KIND: &'static str = "counter";
    const STATE_SCHEMA: u32 = 1;
    const REDUCER: u32 = 1;
    type Part = ();
    type State = State;
    type Command = Command;
    type Event = Added;
    type Rejection = Refused;

    fn initial(&self, _id: &StreamId) -> State {
        State::default()
    }

    fn decide(&self, _state: &State, command: &Command, _env: &DecideEnv<'_>) -> Result<Decision<Self>, Refused> {
        assert!(!self.armed.swap(false, Ordering::Relaxed), "as told");
        match command {
            Command::Add(amount) => Ok(vec![added(*amount)]),
            Command::Fill(count) => Ok((0..*count).map(|_| added(1)).collect()),
            Command::Refuse => Err(Refused),
        }
    }

    fn evolve(&self, state: State, _part: &(), event: &Added) -> Result<State, BrokenInvariant> {
        Ok(State { sum: state.sum + event.amount })
    }
}
