//! What is known of a unit.

use crate::geo::Position;
use crate::unit::certificate::Certificate;
use ionveil_kernel::{EntityId, Shift, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Where a unit stands in its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Availability {
    /// Waits for work.
    Available,
    /// Was given an incident.
    Dispatched,
    /// Is on the way.
    EnRoute,
    /// Is there.
    OnScene,
    /// Is on the way back, without an incident.
    Returning,
    /// Cannot work.
    OutOfService,
}

impl Availability {
    /// The stable name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Available => "available",
            Self::Dispatched => "dispatched",
            Self::EnRoute => "en_route",
            Self::OnScene => "on_scene",
            Self::Returning => "returning",
            Self::OutOfService => "out_of_service",
        }
    }

    /// Whether a unit in this status has an incident.
    #[must_use]
    pub const fn is_engaged(self) -> bool {
        matches!(self, Self::Dispatched | Self::EnRoute | Self::OnScene)
    }

    /// Whether a person may lead a unit from here to `to`.
    #[must_use]
    pub fn allows(self, to: Self) -> bool {
        match self {
            Self::Available => to == Self::OutOfService,
            Self::Dispatched | Self::EnRoute | Self::OnScene => to > self || to == Self::Available,
            Self::Returning => matches!(to, Self::Available | Self::OutOfService),
            Self::OutOfService => to == Self::Available,
        }
    }
}

/// Whether a unit works.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Duty {
    /// It does.
    OnDuty,
    /// It does not.
    OffDuty,
    /// Not for the moment.
    OnBreak,
    /// Not for days.
    OnLeave,
}

/// What a unit does, with what belongs to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Phase {
    /// It has no incident: available, returning or out of service.
    Free {
        /// Which.
        status: Availability,
    },
    /// An assignment has it, and is not certain yet. Shown as dispatched.
    Reserved {
        /// The assignment.
        assignment: EntityId,
        /// The incident that it would go to.
        incident: EntityId,
    },
    /// It has an incident: dispatched, en route or on scene.
    Engaged {
        /// Which.
        status: Availability,
        /// The assignment by which it came.
        assignment: EntityId,
        /// The incident.
        incident: EntityId,
        /// Whether another system reported it, and no assignment of ours holds the unit.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        reported: bool,
    },
}

/// Where a unit's history has led.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It was never registered.
    #[default]
    Absent,
    /// It is known.
    Live(Box<Unit>),
}

/// A unit that is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unit {
    /// What it is called.
    pub name: String,
    /// What it is.
    pub unit_type: String,
    /// Whose it is.
    pub agency: Option<EntityId>,
    /// What it can do, in small letters.
    pub skills: BTreeSet<String>,
    /// How much it takes.
    pub capacity: u32,
    /// Where it is, if that is known.
    pub position: Option<Position>,
    /// When it works.
    pub shift: Option<Shift>,
    /// Whether it works.
    pub duty: Duty,
    /// What it may do, by name in small letters.
    pub certificates: BTreeMap<String, Certificate>,
    /// What it does.
    pub phase: Phase,
    /// How many merges in a row have led to its incident since it was assigned.
    pub depth: u32,
    /// When any of this changed last.
    pub changed_at: Timestamp,
}

impl State {
    /// The unit, if it is known.
    #[must_use]
    pub fn live(&self) -> Option<&Unit> {
        match self {
            Self::Absent => None,
            Self::Live(unit) => Some(unit),
        }
    }
}

impl Unit {
    /// Where it stands in its work.
    #[must_use]
    pub const fn status(&self) -> Availability {
        match self.phase {
            Phase::Free { status } | Phase::Engaged { status, .. } => status,
            Phase::Reserved { .. } => Availability::Dispatched,
        }
    }

    /// The incident that it has.
    #[must_use]
    pub const fn incident(&self) -> Option<&EntityId> {
        match &self.phase {
            Phase::Free { .. } => None,
            Phase::Reserved { incident, .. } | Phase::Engaged { incident, .. } => Some(incident),
        }
    }

    /// The assignment that it is on.
    #[must_use]
    pub const fn assignment(&self) -> Option<&EntityId> {
        match &self.phase {
            Phase::Free { .. } => None,
            Phase::Reserved { assignment, .. } | Phase::Engaged { assignment, .. } => Some(assignment),
        }
    }

    /// Whether it can be sent: available **and** on duty (trap T67).
    #[must_use]
    pub fn is_available(&self) -> bool {
        self.status() == Availability::Available && self.duty == Duty::OnDuty
    }

    /// Whether it can do this: as a skill, or by a certificate that counts. Without case.
    #[must_use]
    pub fn can(&self, skill: &str, now: Timestamp) -> bool {
        let skill = skill.to_lowercase();
        self.skills.contains(&skill) || self.certificates.get(&skill).is_some_and(|certificate| certificate.is_valid(now))
    }
}
