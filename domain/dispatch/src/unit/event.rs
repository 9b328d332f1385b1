//! What can happen to a unit: stable type names, one schema version each.

use crate::geo::Position;
use crate::report::Stage;
use crate::unit::certificate::Certificate;
use crate::unit::state::{Availability, Duty};
use ionveil_kernel::{EntityId, Shift, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

ionveil_kernel::events! {
    /// What happened.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub enum Event {
        /// It became known, available and on duty.
        Registered = "registered" v 1,
        /// What it is changed.
        Updated = "updated" v 1,
        /// Its status changed, and its incident did not.
        StatusChanged = "status_changed" v 1,
        /// Its duty changed.
        DutyChanged = "duty_changed" v 1,
        /// It is elsewhere.
        Moved = "moved" v 1,
        /// It has a certificate, new or renewed.
        Certified = "certified" v 1,
        /// An assignment has reserved it.
        Assigned = "assigned" v 1,
        /// An assignment asked for it in vain.
        AssignmentDeclined = "assignment_declined" v 1,
        /// The assignment is certain.
        AssignmentConfirmed = "assignment_confirmed" v 1,
        /// It has no incident any more.
        Released = "released" v 1,
        /// It goes to another incident.
        Redirected = "redirected" v 1,
        /// It was to go to another incident, and is not on that assignment any more.
        RedirectDeclined = "redirect_declined" v 1,
        /// Another system reported of its work.
        WorkReported = "work_reported" v 1,
    }
}

/// Payload of [`Event::Registered`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Registered {
    /// What it is called.
    pub name: String,
    /// What it is.
    pub unit_type: String,
    /// Whose it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agency: Option<EntityId>,
    /// What it can do, in small letters.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub skills: BTreeSet<String>,
    /// How much it takes.
    pub capacity: u32,
    /// Where it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<Position>,
    /// When it works.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shift: Option<Shift>,
    /// When.
    pub at: Timestamp,
}

/// Payload of [`Event::Updated`]: what changed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Updated {
    /// What it is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit_type: Option<String>,
    /// What it can do, in small letters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skills: Option<BTreeSet<String>>,
    /// How much it takes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity: Option<u32>,
    /// When it works.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shift: Option<Shift>,
    /// When.
    pub at: Timestamp,
}

/// Payload of [`Event::StatusChanged`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StatusChanged {
    /// Before.
    pub from: Availability,
    /// After.
    pub to: Availability,
    /// The assignment that it is on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assignment: Option<EntityId>,
    /// When.
    pub at: Timestamp,
}

/// Payload of [`Event::DutyChanged`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DutyChanged {
    /// Before.
    pub from: Duty,
    /// After.
    pub to: Duty,
    /// When.
    pub at: Timestamp,
}

/// Payload of [`Event::Moved`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Moved {
    /// Where it is.
    pub position: Position,
    /// When.
    pub at: Timestamp,
}

/// Payload of [`Event::Certified`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Certified {
    /// The certificate.
    pub certificate: Certificate,
    /// When.
    pub at: Timestamp,
}

/// Payload of [`Event::Assigned`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Assigned {
    /// The assignment.
    pub assignment: EntityId,
    /// The incident.
    pub incident: EntityId,
    /// When.
    pub at: Timestamp,
}

/// Why a unit cannot be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeclineReason {
    /// It was never registered.
    Unknown,
    /// It has an incident, or is on its way back from one.
    Busy,
    /// It is not on duty.
    OffDuty,
    /// It cannot work.
    OutOfService,
    /// It did not say, in time.
    NoAnswer,
}

/// Payload of [`Event::AssignmentDeclined`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AssignmentDeclined {
    /// The assignment.
    pub assignment: EntityId,
    /// Why.
    pub reason: DeclineReason,
}

/// Payload of [`Event::AssignmentConfirmed`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AssignmentConfirmed {
    /// The assignment.
    pub assignment: EntityId,
    /// The incident.
    pub incident: EntityId,
    /// When.
    pub at: Timestamp,
}

/// Payload of [`Event::Released`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Released {
    /// The assignment.
    pub assignment: EntityId,
    /// The incident that it was on.
    pub incident: EntityId,
    /// Available, returning or out of service.
    pub to: Availability,
    /// When.
    pub at: Timestamp,
}

/// Payload of [`Event::Redirected`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Redirected {
    /// The assignment, which stays.
    pub assignment: EntityId,
    /// The incident before.
    pub from: EntityId,
    /// The incident after.
    pub to: EntityId,
    /// How many merges in a row have led to the incident after; absent if an older release wrote it.
    #[serde(default, skip_serializing_if = "crate::is_zero")]
    pub depth: u32,
    /// When.
    pub at: Timestamp,
}

/// Payload of [`Event::RedirectDeclined`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RedirectDeclined {
    /// The assignment that it is not on.
    pub assignment: EntityId,
    /// The incident that wanted it.
    pub to: EntityId,
}

/// Payload of [`Event::WorkReported`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkReported {
    /// The assignment, by the other system's count.
    pub assignment: EntityId,
    /// The incident that it was on.
    pub incident: EntityId,
    /// How far it was.
    pub stage: Stage,
    /// The other assignment that it was on at the same time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overlaps: Option<EntityId>,
    /// Where that was reported.
    pub source: String,
    /// When it was so.
    pub at: Timestamp,
}
