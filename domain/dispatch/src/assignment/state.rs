//! Where an assignment stands: one phase for each step, with what belongs to it.

use crate::assignment::event::{Reported, Step};
use crate::unit::DeclineReason;
use ionveil_kernel::{EntityId, Timestamp};
use serde::{Deserialize, Serialize};

/// Where an assignment stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It never began.
    #[default]
    Absent,
    /// Units are asked.
    Asking(Box<Asking>),
    /// The incident is asked.
    Attaching(Box<Taken>),
    /// The desk is asked.
    Numbering(Box<Taken>),
    /// It is done or undone.
    Ended(Box<Outcome>),
    /// Another system had sent a unit: there is nothing to do.
    Reported(Box<Reported>),
}

/// A unit that was passed over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Skipped {
    /// Which.
    pub unit: EntityId,
    /// Why.
    pub reason: DeclineReason,
}

/// Units are asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asking {
    /// Where they are to go.
    pub incident: EntityId,
    /// The unit that goes for them.
    pub replaces: Option<EntityId>,
    /// Those that have not answered.
    pub asked: Vec<EntityId>,
    /// Those that were not asked, best first.
    pub left: Vec<EntityId>,
    /// Those that are reserved, in that order.
    pub taken: Vec<EntityId>,
    /// Those that were passed over.
    pub skipped: Vec<Skipped>,
    /// Until when they have to answer.
    pub due: Timestamp,
}

/// Units are reserved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Taken {
    /// Where they are to go.
    pub incident: EntityId,
    /// In the order in which they were reserved.
    pub units: Vec<EntityId>,
    /// Those that were passed over.
    pub skipped: Vec<Skipped>,
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outcome {
    /// Where the units were to go.
    pub incident: EntityId,
    /// The number of one that is done; the step that failed of one that is undone.
    pub end: Result<u64, Step>,
    /// The units that went there; none of one that is undone.
    pub assigned: Vec<EntityId>,
    /// Those that were passed over.
    pub skipped: Vec<Skipped>,
}
