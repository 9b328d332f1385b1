//! What another system reported of its dispatches. It is a record of what was, not a wish: it is taken in as it stands, with its
//! evidence, also where a rule of ours would have spoken against it (a unit that was on two incidents at once). It moves nobody:
//! what an assignment of ours holds stays held. The first arrival counts as one of ours does.

use crate::fault::Check;
use crate::incident::Status;
use crate::unit::Availability;
use serde::{Deserialize, Serialize};

/// The most characters of a source.
pub const SOURCE_CHARS_MAX: usize = 256;

/// A stage of a unit's work on an incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// It was sent.
    Dispatched,
    /// It was on the way.
    EnRoute,
    /// It was there.
    OnScene,
    /// It was free again.
    Available,
}

impl Stage {
    /// All of them, first first.
    pub const ALL: [Self; 4] = [Self::Dispatched, Self::EnRoute, Self::OnScene, Self::Available];

    /// The stable name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Dispatched => "dispatched",
            Self::EnRoute => "en_route",
            Self::OnScene => "on_scene",
            Self::Available => "available",
        }
    }

    /// Where the unit stands in its work.
    #[must_use]
    pub const fn availability(self) -> Availability {
        match self {
            Self::Dispatched => Availability::Dispatched,
            Self::EnRoute => Availability::EnRoute,
            Self::OnScene => Availability::OnScene,
            Self::Available => Availability::Available,
        }
    }

    /// Where an incident stands to which such a unit belongs; a unit that is free says nothing of it.
    #[must_use]
    pub const fn status(self) -> Option<Status> {
        match self {
            Self::Dispatched => Some(Status::Dispatched),
            Self::EnRoute => Some(Status::EnRoute),
            Self::OnScene => Some(Status::OnScene),
            Self::Available => None,
        }
    }
}

/// Where it was reported, such as a file and a line: 1 to [`SOURCE_CHARS_MAX`] characters.
pub(crate) fn check_source(check: &mut Check, source: &str) -> String {
    check.text("source", source, SOURCE_CHARS_MAX, "it must have 1 to 256 characters and no control characters")
}
