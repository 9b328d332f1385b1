//! A brake that whoever takes on a duty obeys: each pull of it is a new policy, and a duty says under which it was taken on.

use super::ledger::Never;
use crate::{Loaded, Observer, Policies};
use ionveil_kernel::{BrokenInvariant, DecideEnv, Decider, Decision, DecodeError, EntityId, EventCodec, Policy, StreamId};
use serde::{Deserialize, Serialize};
use std::sync::atomic::{AtomicU64, Ordering};

/// Its state is how often it was pulled.
pub(crate) struct Brake;

/// Its state is how many were taken on.
pub(crate) struct Duty;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Pull;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct TakeOn;

/// The pull of this number, or the one under which a duty was taken on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Pulled(pub(crate) u64);

impl EventCodec for Pulled {
    fn event_type(&self) -> &'static str {
        "pulled"
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

impl Decider for Brake {
    const KIND: &'static str = "brake";
    const STATE_SCHEMA: u32 = 1;
    const REDUCER: u32 = 1;
    type Part = ();
    type State = u64;
    type Command = Pull;
    type Event = Pulled;
    type Rejection = Never;

    fn initial(&self, _id: &StreamId) -> u64 {
        0
    }

    fn decide(&self, state: &u64, _command: &Pull, _env: &DecideEnv<'_>) -> Result<Decision<Self>, Never> {
        Ok(vec![((), Pulled(state + 1))])
    }

    fn evolve(&self, _state: u64, _part: &(), event: &Pulled) -> Result<u64, BrokenInvariant> {
        Ok(event.0)
    }
}

impl Decider for Duty {
    const KIND: &'static str = "duty";
    const STATE_SCHEMA: u32 = 1;
    const REDUCER: u32 = 1;
    type Part = ();
    type State = u64;
    type Command = TakeOn;
    type Event = Pulled;
    type Rejection = Never;

    fn initial(&self, _id: &StreamId) -> u64 {
        0
    }

    fn decide(&self, _state: &u64, _command: &TakeOn, env: &DecideEnv<'_>) -> Result<Decision<Self>, Never> {
        Ok(vec![((), Pulled(env.policy.version))])
    }

    fn evolve(&self, state: u64, _part: &(), _event: &Pulled) -> Result<u64, BrokenInvariant> {
        Ok(state + 1)
    }

    fn scope(&self, _owner: &StreamId, _state: &u64, _command: &TakeOn) -> Option<Vec<EntityId>> {
        Some(Vec::new())
    }
}

/// What a node knows of the brake.
#[derive(Default)]
pub(crate) struct Brakes(AtomicU64);

impl Observer<Brake> for Brakes {
    fn committed(&self, _owner: &StreamId, loaded: &Loaded<Brake>) {
        self.0.fetch_max(loaded.state, Ordering::Relaxed);
    }

    fn everywhere(&self) -> bool {
        true
    }
}

impl Policies for Brakes {
    fn policy(&self, _owner: &StreamId, _nodes: &[EntityId]) -> Policy {
        Policy { version: self.0.load(Ordering::Relaxed), ..Policy::default() }
    }
}
