//! The smallest decider: it adds, and never refuses. For the soak, where whatever goes wrong is the runtime's fault.

use ionveil_kernel::{BrokenInvariant, DecideEnv, Decider, Decision, DecodeError, EventCodec, Rejection, StreamId};
use serde::{Deserialize, Serialize};

pub(crate) struct Ledger;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Add(pub(crate) u64);

#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub(crate) enum Never {}

impl Rejection for Never {
    fn code(&self) -> &'static str {
        match *self {}
    }
}

impl EventCodec for Add {
    fn event_type(&self) -> &'static str {
        "added"
    }

    fn schema_version(&self) -> u32 {
        1
    }

    fn encode(&self) -> Result<String, DecodeError> {
        Ok(self.0.to_string())
    }

    fn decode(event_type: &str, _version: u32, data: &str) -> Result<Self, DecodeError> {
        data.parse().map(Self).map_err(|error| DecodeError::invalid(event_type, error))
    }
}

impl Decider for Ledger {
    const KIND: &'static str = "ledger";
    const STATE_SCHEMA: u32 = 1;
    const REDUCER: u32 = 1;
    type Part = ();
    type State = u64;
    type Command = Add;
    type Event = Add;
    type Rejection = Never;

    fn initial(&self, _id: &StreamId) -> u64 {
        0
    }

    fn decide(&self, _state: &u64, command: &Add, _env: &DecideEnv<'_>) -> Result<Decision<Self>, Never> {
        Ok(vec![((), command.clone())])
    }

    fn evolve(&self, state: u64, _part: &(), event: &Add) -> Result<u64, BrokenInvariant> {
        Ok(state + event.0)
    }
}
