//! What can happen to an assignment: stable type names. Where there are older forms they read like the newest, with what was
//! not recorded left out. Each event says whom to ask next, so that a
//! reactor needs no state.

use crate::incident::AttachDeclineReason;
use crate::unit::DeclineReason;
use ionveil_kernel::{EntityId, Timestamp};
use serde::{Deserialize, Serialize};

ionveil_kernel::events! {
    /// What happened.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub enum Event {
        /// It began: the first units are asked.
        Begun = "begun" v 2 read like 1,
        /// A unit is reserved.
        UnitTook = "unit_took" v 1,
        /// A unit is passed over, and the next one asked, if there is one.
        UnitSkipped = "unit_skipped" v 1,
        /// All have answered: the incident is asked.
        AttachAsked = "attach_asked" v 1,
        /// The incident has the units: the desk is asked for a number.
        Attached = "attached" v 1,
        /// It is done: the units are confirmed.
        Completed = "completed" v 1,
        /// It is undone: the units are released.
        Undone = "undone" v 1,
        /// A unit took it too late, and is released.
        UnitReturned = "unit_returned" v 1,
        /// Another system had sent a unit.
        Reported = "reported" v 1,
    }
}

/// Payload of [`Event::Begun`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Begun {
    /// Where the units are to go.
    pub incident: EntityId,
    /// The incident's zone, whose policy counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<EntityId>,
    /// Whom is asked, and whom may be, best first.
    pub candidates: Vec<EntityId>,
    /// How many are to be taken: so many of the first are asked at once.
    pub wanted: usize,
    /// The unit that goes for them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<EntityId>,
    /// Until when they have to answer.
    pub due: Timestamp,
}

impl Begun {
    /// Whom is asked at once.
    #[must_use]
    pub fn first(&self) -> &[EntityId] {
        &self.candidates[..self.wanted.min(self.candidates.len())]
    }
}

/// Payload of [`Event::UnitTook`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnitTook {
    /// Which.
    pub unit: EntityId,
}

/// Payload of [`Event::UnitSkipped`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnitSkipped {
    /// Which.
    pub unit: EntityId,
    /// Why.
    pub reason: DeclineReason,
    /// Who is asked instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<EntityId>,
    /// Where the next one would go.
    pub incident: EntityId,
}

/// Payload of [`Event::AttachAsked`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AttachAsked {
    /// Who is asked.
    pub incident: EntityId,
    /// The units that are reserved, in the order in which they were.
    pub units: Vec<EntityId>,
    /// The unit that goes for them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<EntityId>,
}

/// Payload of [`Event::Attached`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attached {
    /// Who has the units.
    pub incident: EntityId,
}

/// Payload of [`Event::Completed`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Completed {
    /// The organisation's number for it.
    pub number: u64,
    /// Where the units went.
    pub incident: EntityId,
    /// Which, in the order in which they were reserved.
    pub units: Vec<EntityId>,
}

/// A step that can fail, and why it did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// No unit could be had.
    Reserve,
    /// The incident did not want them.
    Attach(AttachDeclineReason),
}

/// Payload of [`Event::Undone`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Undone {
    /// The step that failed.
    pub failed: Step,
    /// The units that are released, the last one taken first.
    pub release: Vec<EntityId>,
}

/// Payload of [`Event::UnitReturned`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnitReturned {
    /// Which.
    pub unit: EntityId,
}

/// Payload of [`Event::Reported`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reported {
    /// Where the unit went.
    pub incident: EntityId,
    /// Which.
    pub unit: EntityId,
    /// Where that was reported.
    pub source: String,
}
