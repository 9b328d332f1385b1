//! What can be asked of an assignment, and what it is answered.

use crate::incident::AttachDeclineReason;
use crate::unit::DeclineReason;
use ionveil_kernel::{EntityId, Timestamp};
use serde::{Deserialize, Serialize};

/// A wish. Its serde form is tagged with [`Self::command_type`] in `type`; unknown fields are refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Command {
    /// Begins.
    Begin {
        /// Where the units are to go.
        incident: EntityId,
        /// The incident's zone, whose policy counts.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        zone: Option<EntityId>,
        /// Whom to ask, best first, none twice; 1 to [`CANDIDATES_MAX`](crate::assignment::CANDIDATES_MAX).
        candidates: Vec<EntityId>,
        /// How many to take; 1 or more.
        wanted: usize,
        /// The unit of the incident that goes for them.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        replaces: Option<EntityId>,
    },
    /// A unit is reserved.
    UnitTook {
        /// Which.
        unit: EntityId,
    },
    /// A unit cannot be had.
    UnitDeclined {
        /// Which.
        unit: EntityId,
        /// Why.
        reason: DeclineReason,
    },
    /// Units have not answered in time. From the timer only.
    GiveUp {
        /// When they should have; another time is left alone.
        due: Timestamp,
    },
    /// The incident has the units.
    IncidentAttached,
    /// The incident does not want the units.
    IncidentDeclined {
        /// Why.
        reason: AttachDeclineReason,
    },
    /// The organisation's number for it.
    Numbered {
        /// From 1 without gaps.
        number: u64,
    },
    /// Takes in that another system had sent a unit. Nobody is asked, nobody is moved, and it has no number of ours.
    Report {
        /// Where the unit went.
        incident: EntityId,
        /// Which.
        unit: EntityId,
        /// Where that was reported: 1 to 256 characters.
        source: String,
    },
}

impl Command {
    /// The version of the serde form.
    pub const SCHEMA_VERSION: u32 = 1;

    /// The stable name.
    #[must_use]
    pub const fn command_type(&self) -> &'static str {
        match self {
            Self::Begin { .. } => "begin",
            Self::UnitTook { .. } => "unit_took",
            Self::UnitDeclined { .. } => "unit_declined",
            Self::GiveUp { .. } => "give_up",
            Self::IncidentAttached => "incident_attached",
            Self::IncidentDeclined { .. } => "incident_declined",
            Self::Numbered { .. } => "numbered",
            Self::Report { .. } => "report",
        }
    }
}
