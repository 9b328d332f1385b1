//! What is known of an incident, and the table of its statuses. Remarks are in the timeline only.

use crate::geo::Position;
use crate::scale::Priority;
use ionveil_kernel::{EntityId, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Where an incident stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It came in.
    Reported,
    /// Somebody looked at it.
    Triaged,
    /// Units were sent.
    Dispatched,
    /// The first is on the way.
    EnRoute,
    /// The first is there.
    OnScene,
    /// The danger is over.
    Mitigated,
    /// The work is done.
    Resolved,
    /// It is over.
    Closed,
    /// It is part of another.
    Merged,
}

impl Status {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Reported,
        Self::Triaged,
        Self::Dispatched,
        Self::EnRoute,
        Self::OnScene,
        Self::Mitigated,
        Self::Resolved,
        Self::Closed,
        Self::Merged,
    ];

    /// Where it can go from here, by hand.
    #[must_use]
    pub const fn targets(self) -> &'static [Self] {
        match self {
            Self::Reported => &[Self::Triaged, Self::Closed],
            Self::Triaged => &[Self::Dispatched, Self::Closed],
            Self::Dispatched => &[Self::EnRoute, Self::Triaged],
            Self::EnRoute => &[Self::OnScene, Self::Dispatched],
            Self::OnScene => &[Self::Mitigated, Self::Resolved],
            Self::Mitigated => &[Self::Resolved, Self::OnScene],
            Self::Resolved => &[Self::Closed, Self::OnScene],
            Self::Closed | Self::Merged => &[],
        }
    }

    /// Whether nothing leads out of it.
    #[must_use]
    pub const fn is_terminal(self) -> bool {
        self.targets().is_empty()
    }

    /// Whether units can come: neither resolved nor over.
    #[must_use]
    pub const fn takes_units(self) -> bool {
        !matches!(self, Self::Resolved | Self::Closed | Self::Merged)
    }

    /// The status of an incident to which units came.
    #[must_use]
    pub const fn with_units(self) -> Self {
        match self {
            Self::Reported | Self::Triaged => Self::Dispatched,
            Self::Dispatched | Self::EnRoute | Self::OnScene | Self::Mitigated | Self::Resolved | Self::Closed | Self::Merged => self,
        }
    }

    /// The stable name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reported => "reported",
            Self::Triaged => "triaged",
            Self::Dispatched => "dispatched",
            Self::EnRoute => "en_route",
            Self::OnScene => "on_scene",
            Self::Mitigated => "mitigated",
            Self::Resolved => "resolved",
            Self::Closed => "closed",
            Self::Merged => "merged",
        }
    }

    /// The status of this name; `open` and `acknowledged`, as older data have them, are reported and triaged.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "open" => Some(Self::Reported),
            "acknowledged" => Some(Self::Triaged),
            text => Self::ALL.into_iter().find(|status| status.as_str() == text),
        }
    }
}

/// A unit, and the assignment by which it came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AssignedUnit {
    /// The unit.
    pub unit: EntityId,
    /// The assignment.
    pub assignment: EntityId,
}

/// Where an incident's history has led.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It was never reported.
    Absent {
        /// The id that it would have.
        id: EntityId,
    },
    /// It is known.
    Live(Box<Incident>),
}

/// An incident that is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Incident {
    /// Its own id.
    pub id: EntityId,
    /// What it is, in a line.
    pub title: String,
    /// What it is.
    pub description: String,
    /// How urgent it is.
    pub priority: Priority,
    /// Where it stands.
    pub status: Status,
    /// Where it is.
    pub position: Position,
    /// What kind it is.
    pub category: String,
    /// The zone that it is in.
    pub zone: Option<EntityId>,
    /// Who is on it, in the order in which they came.
    pub units: Vec<AssignedUnit>,
    /// Whom it has taken in.
    pub merged_from: Vec<EntityId>,
    /// How many merges in a row have led to it.
    pub depth: u32,
    /// Who has taken it in.
    pub merged_into: Option<EntityId>,
    /// Whom it is about to take in.
    pub merging: BTreeSet<EntityId>,
    /// How many remarks there are.
    pub remarks: u64,
    /// Whether it was put away.
    pub archived: bool,
    /// Who reported it.
    pub created_by: String,
    /// When.
    pub created_at: Timestamp,
    /// When any of this changed last.
    pub updated_at: Timestamp,
    /// When it ended.
    pub closed_at: Option<Timestamp>,
    /// When units were first sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dispatched_at: Option<Timestamp>,
    /// Whether somebody has been there.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reached: bool,
}

impl State {
    /// The incident, if it is known.
    #[must_use]
    pub fn live(&self) -> Option<&Incident> {
        match self {
            Self::Absent { .. } => None,
            Self::Live(incident) => Some(incident),
        }
    }
}

impl Incident {
    /// Whether it has ended: nothing can be done about it any more.
    #[must_use]
    pub const fn has_ended(&self) -> bool {
        self.archived || self.status.is_terminal()
    }
}
