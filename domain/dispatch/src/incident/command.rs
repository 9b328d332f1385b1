//! What can be asked of an incident.

use crate::incident::event::JoinDeclineReason;
use crate::incident::state::{AssignedUnit, Status};
use crate::report::Stage;
use crate::scale::Priority;
use ionveil_kernel::EntityId;
use serde::{Deserialize, Serialize};

/// A wish. Its serde form is tagged with [`Self::command_type`] in `type`; unknown fields are refused.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Command {
    /// Reports an incident.
    Create {
        /// 1 to 500 characters; no more personal data than the work needs.
        title: String,
        /// 1 to 10,000 characters; no more personal data than the work needs.
        description: String,
        /// 1 to 5; none: what the texts say, else 3.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        priority: Option<i64>,
        /// Degrees north.
        latitude: f64,
        /// Degrees east.
        longitude: f64,
        /// None, empty or `general`: what the texts say.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        category: Option<String>,
        /// The zone.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        zone: Option<String>,
        /// Where another system had it, 1 to 256 characters: then its priority and category are taken as they are, whatever
        /// the texts say.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        source: Option<String>,
    },
    /// Changes what is named, and nothing else (trap T64).
    Update {
        /// See `Create`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        title: Option<String>,
        /// See `Create`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        description: Option<String>,
        /// See `Create`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        priority: Option<i64>,
        /// See `Create`; here it is taken as it is.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        category: Option<String>,
        /// With the longitude or not at all.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        latitude: Option<f64>,
        /// With the latitude or not at all.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        longitude: Option<f64>,
    },
    /// Adds to the timeline.
    Remark {
        /// 1 to 2,000 characters; no more personal data than the work needs.
        text: String,
    },
    /// Moves along an edge of the table. To `closed` is the same as [`Command::Close`].
    Transition {
        /// The status to move to.
        to: Status,
    },
    /// Ends it, and lets its units go. Closed already: nothing changes.
    Close,
    /// Puts it away, whatever its status, and lets its units go; nothing is erased (trap T59). Put away already: nothing changes.
    Archive,
    /// Takes in another incident of the organisation.
    Merge {
        /// The other one.
        secondary: EntityId,
    },
    /// Asks it to be taken in by another. From that one only; the answer is an event.
    Join {
        /// The other one.
        primary: EntityId,
    },
    /// Hands over what the other one had. From that one only.
    Absorb {
        /// The other one.
        secondary: EntityId,
        /// Its units.
        units: Vec<AssignedUnit>,
        /// Its priority.
        priority: Priority,
        /// How many merges in a row have led to it.
        #[serde(default)]
        depth: u32,
    },
    /// Ends an attempt to merge. From the other one only.
    EndMerge {
        /// The other one.
        secondary: EntityId,
        /// Why it declined.
        reason: JoinDeclineReason,
    },
    /// Brings units. From the assignment only; the answer is an event.
    Attach {
        /// The assignment.
        assignment: EntityId,
        /// Which it has reserved.
        units: Vec<EntityId>,
        /// The unit that they replace.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        replaces: Option<EntityId>,
    },
    /// Says that a unit has gone. From the unit only; one that is not there changes nothing.
    Drop {
        /// The unit.
        unit: EntityId,
        /// The assignment by which it had come.
        assignment: EntityId,
    },
    /// Takes in what another system reported of a unit's work on it. The status only goes forward.
    ReportUnit {
        /// The unit.
        unit: EntityId,
        /// The assignment, by the other system's count.
        assignment: EntityId,
        /// How far the unit was.
        stage: Stage,
        /// Where that was reported: 1 to 256 characters.
        source: String,
    },
    /// Takes in that another system had it ended, whatever its status. Closed already: nothing changes.
    ReportClosed,
}

impl Command {
    /// The version of the serde form.
    pub const SCHEMA_VERSION: u32 = 1;

    /// The stable name.
    #[must_use]
    pub const fn command_type(&self) -> &'static str {
        match self {
            Self::Create { .. } => "create",
            Self::Update { .. } => "update",
            Self::Remark { .. } => "remark",
            Self::Transition { .. } => "transition",
            Self::Close => "close",
            Self::Archive => "archive",
            Self::Merge { .. } => "merge",
            Self::Join { .. } => "join",
            Self::Absorb { .. } => "absorb",
            Self::EndMerge { .. } => "end_merge",
            Self::Attach { .. } => "attach",
            Self::Drop { .. } => "drop",
            Self::ReportUnit { .. } => "report_unit",
            Self::ReportClosed => "report_closed",
        }
    }
}
