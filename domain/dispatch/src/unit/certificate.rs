//! What a unit's crew may do by paper.

use ionveil_kernel::Timestamp;
use serde::{Deserialize, Serialize};

/// A certificate. It counts while `now < expires` (trap T68).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Certificate {
    /// What it allows; compared without case, as a skill.
    pub name: String,
    /// How far.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub level: String,
    /// From when on.
    pub issued: Timestamp,
    /// When it ends; after it was issued.
    pub expires: Timestamp,
    /// Who gave it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub authority: String,
}

impl Certificate {
    /// Whether it counts.
    #[must_use]
    pub fn is_valid(&self, now: Timestamp) -> bool {
        now < self.expires
    }
}
