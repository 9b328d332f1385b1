//! What can happen to an incident: stable type names; an older form reads like the newest, with what it lacks left out.

use crate::geo::Position;
use crate::incident::state::{AssignedUnit, Status};
use crate::report::Stage;
use crate::scale::Priority;
use ionveil_kernel::{EntityId, Timestamp};
use serde::{Deserialize, Serialize};

ionveil_kernel::events! {
    /// What happened.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub enum Event {
        /// It was reported.
        Created = "created" v 1,
        /// What it is changed.
        Updated = "updated" v 1,
        /// Somebody added to the timeline.
        Remarked = "remarked" v 1,
        /// Its status changed.
        Transitioned = "transitioned" v 2 read like 1 in form form_of_transitioned,
        /// It ended, and let its units go.
        Closed = "closed" v 1,
        /// It was put away, and let its units go.
        Archived = "archived" v 1,
        /// It is about to take in another.
        MergeBegun = "merge_begun" v 1,
        /// It was taken in, and handed over what it had.
        Merged = "merged" v 1,
        /// It was to be taken in, and cannot.
        JoinDeclined = "join_declined" v 1,
        /// It has taken in another.
        Absorbed = "absorbed" v 1,
        /// It has not taken in another.
        MergeEnded = "merge_ended" v 1,
        /// Units came.
        UnitsAttached = "units_attached" v 1,
        /// Units were to come, and cannot.
        AttachDeclined = "attach_declined" v 1,
        /// A unit has gone.
        UnitLeft = "unit_left" v 1,
        /// Another system reported of a unit's work on it.
        UnitReported = "unit_reported" v 2 read like 1 in form form_of_unit_reported,
    }
}

/// Payload of [`Event::Created`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Created {
    /// What it is, in a line.
    pub title: String,
    /// What it is.
    pub description: String,
    /// The more urgent of what was given and what the texts say.
    pub priority: Priority,
    /// Whether the texts decided it.
    pub by_keyword: bool,
    /// Where it is.
    pub position: Position,
    /// What kind it is.
    pub category: String,
    /// The zone that it is in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<EntityId>,
    /// Who reported it: a subject.
    pub by: String,
    /// Where another system had it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// When.
    pub at: Timestamp,
}

/// Payload of [`Event::Updated`]: what changed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Updated {
    /// What it is, in a line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// How urgent it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<Priority>,
    /// What kind it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// Where it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<Position>,
    /// When.
    pub at: Timestamp,
}

/// Payload of [`Event::Remarked`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Remarked {
    /// What somebody says.
    pub text: String,
    /// Who: a subject.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// Payload of [`Event::Transitioned`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Transitioned {
    /// Before.
    pub from: Status,
    /// After.
    pub to: Status,
    /// When.
    pub at: Timestamp,
    /// What the response is judged by, if this is the first time that somebody is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arrival: Option<Arrival>,
}

const fn form_of_transitioned(event: &Transitioned) -> u32 {
    if event.arrival.is_none() { 1 } else { 2 }
}

/// The first arrival at an incident: all that is needed to hold it against what was promised.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Arrival {
    /// How urgent the incident was then.
    pub priority: Priority,
    /// When units were first sent.
    pub dispatched_at: Timestamp,
    /// The zone that the incident is in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<EntityId>,
}

/// Payload of [`Event::Closed`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Closed {
    /// Before.
    pub from: Status,
    /// Whom it let go (trap T63).
    pub units: Vec<AssignedUnit>,
    /// Whether another system had it ended, whatever its status.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reported: bool,
    /// When.
    pub at: Timestamp,
}

/// Payload of [`Event::Archived`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Archived {
    /// Whom it let go.
    pub units: Vec<AssignedUnit>,
    /// When.
    pub at: Timestamp,
}

/// Payload of [`Event::MergeBegun`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MergeBegun {
    /// The other one.
    pub secondary: EntityId,
    /// When.
    pub at: Timestamp,
}

/// Payload of [`Event::Merged`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Merged {
    /// Who took it in.
    pub into: EntityId,
    /// Whom it hands over (trap T62).
    pub units: Vec<AssignedUnit>,
    /// How urgent it was.
    pub priority: Priority,
    /// How many merges in a row have led to it; absent: it has taken in nobody, or an older release wrote it.
    #[serde(default, skip_serializing_if = "crate::is_zero")]
    pub depth: u32,
    /// When.
    pub at: Timestamp,
}

/// Why an incident cannot be taken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JoinDeclineReason {
    /// It was never reported.
    Unknown,
    /// It has ended.
    TerminalIncident,
    /// It is about to take in another itself.
    MergePending,
}

/// Payload of [`Event::JoinDeclined`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JoinDeclined {
    /// The other one.
    pub primary: EntityId,
    /// Why.
    pub reason: JoinDeclineReason,
}

/// Payload of [`Event::Absorbed`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Absorbed {
    /// The other one.
    pub secondary: EntityId,
    /// The units that came with it.
    pub units: Vec<AssignedUnit>,
    /// The more urgent of both.
    pub priority: Priority,
    /// How many merges in a row have led to the one that takes in: grows on every way that a unit takes; absent if an older release
    /// wrote it.
    #[serde(default, skip_serializing_if = "crate::is_zero")]
    pub depth: u32,
    /// When.
    pub at: Timestamp,
}

/// Payload of [`Event::MergeEnded`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MergeEnded {
    /// The other one.
    pub secondary: EntityId,
    /// Why it declined.
    pub reason: JoinDeclineReason,
}

/// Payload of [`Event::UnitsAttached`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnitsAttached {
    /// The assignment.
    pub assignment: EntityId,
    /// Who came.
    pub units: Vec<EntityId>,
    /// Who goes for them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaced: Option<AssignedUnit>,
    /// The status after.
    pub status: Status,
    /// When.
    pub at: Timestamp,
}

/// Why units cannot come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttachDeclineReason {
    /// It was never reported.
    Unknown,
    /// It is resolved or has ended.
    TerminalIncident,
    /// The unit that was to be replaced is not there.
    NotOnIncident,
}

/// Payload of [`Event::AttachDeclined`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AttachDeclined {
    /// The assignment.
    pub assignment: EntityId,
    /// Why.
    pub reason: AttachDeclineReason,
}

/// Payload of [`Event::UnitLeft`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnitLeft {
    /// The unit.
    pub unit: EntityId,
    /// The assignment by which it had come.
    pub assignment: EntityId,
    /// When.
    pub at: Timestamp,
}

/// Payload of [`Event::UnitReported`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnitReported {
    /// The unit.
    pub unit: EntityId,
    /// The assignment, by the other system's count.
    pub assignment: EntityId,
    /// How far the unit was.
    pub stage: Stage,
    /// The status after.
    pub status: Status,
    /// Where that was reported.
    pub source: String,
    /// When it was so.
    pub at: Timestamp,
    /// What the response is judged by, if this is the first time that somebody is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arrival: Option<Arrival>,
}

const fn form_of_unit_reported(event: &UnitReported) -> u32 {
    if event.arrival.is_none() { 1 } else { 2 }
}

impl Event {
    /// The first arrival at the incident and when it was, if this is it.
    #[must_use]
    pub const fn first_arrival(&self) -> Option<(&Arrival, Timestamp)> {
        match self {
            Self::Transitioned(Transitioned { arrival: Some(arrival), at, .. })
            | Self::UnitReported(UnitReported { arrival: Some(arrival), at, .. }) => Some((arrival, *at)),
            _ => None,
        }
    }
}
