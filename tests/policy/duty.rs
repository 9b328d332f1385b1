//! A decider that is subject to policy, as a host may bring one: it takes on duties in a zone unless that is halted.

use ionveil_kernel::{BrokenInvariant, DecideEnv, Decider, Decision, DecodeError, EntityId, EventCodec, PolicyLevel, Rejection, StreamId};
use serde::{Deserialize, Serialize};

/// The decider.
pub(super) struct Duty;

/// Takes on a duty in a zone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct TakeOn(pub(super) EntityId);

/// It was taken on, under the policy of a version of the tree.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct TakenOn {
    pub(super) tree_version: u64,
}

/// The zone is halted, by this node.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{node} is halted")]
pub(super) struct Halted {
    pub(super) node: String,
}

impl Rejection for Halted {
    fn code(&self) -> &'static str {
        "policy_halted"
    }
}

impl EventCodec for TakenOn {
    fn event_type(&self) -> &'static str {
        "taken_on"
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

impl Decider for Duty {
    const KIND: &'static str = "duty";
    const STATE_SCHEMA: u32 = 1;
    const REDUCER: u32 = 1;
    type Part = ();
    type State = u64;
    type Command = TakeOn;
    type Event = TakenOn;
    type Rejection = Halted;

    fn initial(&self, _id: &StreamId) -> u64 {
        0
    }

    fn decide(&self, _state: &u64, _command: &TakeOn, env: &DecideEnv<'_>) -> Result<Decision<Self>, Halted> {
        if env.policy.level == PolicyLevel::Halted {
            return Err(Halted { node: env.policy.node.clone().unwrap_or_default() });
        }
        Ok(vec![((), TakenOn { tree_version: env.policy.version })])
    }

    fn evolve(&self, state: u64, _part: &(), _event: &TakenOn) -> Result<u64, BrokenInvariant> {
        Ok(state + 1)
    }

    fn scope(&self, _owner: &StreamId, _state: &u64, TakeOn(zone): &TakeOn) -> Option<Vec<EntityId>> {
        Some(vec![zone.clone()])
    }
}
