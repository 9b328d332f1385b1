//! What can be asked of a unit.

use crate::report::Stage;
use crate::unit::certificate::Certificate;
use crate::unit::state::{Availability, Duty};
use ionveil_kernel::{EntityId, Shift};
use serde::{Deserialize, Serialize};

/// A wish. Its serde form is tagged with [`Self::command_type`] in `type`; unknown fields are refused.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Command {
    /// Makes a unit known: available and on duty.
    Register {
        /// What it is called: a call sign, not a person.
        name: String,
        /// What it is, such as `engine`.
        unit_type: String,
        /// Whose it is.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        agency: Option<String>,
        /// What it can do; compared without case.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        skills: Vec<String>,
        /// How many people or loads it takes; 0 or more.
        #[serde(default)]
        capacity: i64,
        /// Degrees north; with the longitude or not at all.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        latitude: Option<f64>,
        /// Degrees east; with the latitude or not at all.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        longitude: Option<f64>,
        /// When it works.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        shift: Option<Shift>,
    },
    /// Changes what is named, and nothing else.
    Update {
        /// See `Register`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<String>,
        /// See `Register`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        unit_type: Option<String>,
        /// All of them.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        skills: Option<Vec<String>>,
        /// See `Register`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        capacity: Option<i64>,
        /// See `Register`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        shift: Option<Shift>,
    },
    /// Says where it stands in its work.
    SetStatus {
        /// The status from now on.
        to: Availability,
    },
    /// Says whether it works.
    SetDuty {
        /// The duty from now on.
        to: Duty,
    },
    /// Says where it is.
    Move {
        /// Degrees north.
        latitude: f64,
        /// Degrees east.
        longitude: f64,
    },
    /// Adds a certificate, or renews the one of the same name.
    Certify {
        /// The certificate.
        certificate: Certificate,
    },
    /// Asks it for an assignment. From the assignment only; the answer is an event, whatever it is.
    Ask {
        /// The assignment.
        assignment: EntityId,
        /// The incident that it goes to.
        incident: EntityId,
    },
    /// Makes the assignment certain. From the assignment only; one that it is not on changes nothing.
    Confirm {
        /// The assignment.
        assignment: EntityId,
    },
    /// Lets it go.
    Release {
        /// Who does.
        by: Releaser,
    },
    /// Sends it on to another incident. From the incident that takes over only; the answer is an event.
    Redirect {
        /// The assignment that it is on.
        assignment: EntityId,
        /// The incident from now on.
        to: EntityId,
        /// How many merges in a row have led to it: what was overtaken by later word is not obeyed. 0: an older release asks.
        #[serde(default)]
        depth: u32,
    },
    /// Takes in what another system reported of its work. What an assignment of ours holds stays held; work on two incidents at
    /// once is recorded as such.
    ReportWork {
        /// The assignment, by the other system's count.
        assignment: EntityId,
        /// The incident that it was on.
        incident: EntityId,
        /// How far it was.
        stage: Stage,
        /// Where that was reported: 1 to 256 characters.
        source: String,
    },
}

/// Who lets a unit go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Releaser {
    /// A person, from this incident; refused if the unit is not on it (trap T66).
    Person(EntityId),
    /// The assignment or its incident; a unit that is not on this assignment stays as it is.
    Assignment(EntityId),
}

impl Command {
    /// The version of the serde form.
    pub const SCHEMA_VERSION: u32 = 1;

    /// The stable name.
    #[must_use]
    pub const fn command_type(&self) -> &'static str {
        match self {
            Self::Register { .. } => "register",
            Self::Update { .. } => "update",
            Self::SetStatus { .. } => "set_status",
            Self::SetDuty { .. } => "set_duty",
            Self::Move { .. } => "move",
            Self::Certify { .. } => "certify",
            Self::Ask { .. } => "ask",
            Self::Confirm { .. } => "confirm",
            Self::Release { .. } => "release",
            Self::Redirect { .. } => "redirect",
            Self::ReportWork { .. } => "report_work",
        }
    }
}
