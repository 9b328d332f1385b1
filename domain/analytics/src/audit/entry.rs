//! Changes, and the entries that they become.

use crate::audit::canonical::{canonical, escaped};
use ionveil_kernel::{BodyHash, Org, Recorded, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// A SHA-256; its serde form is lowercase hex. That before the first entry is all zeroes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Checksum(BodyHash);

impl Checksum {
    /// What the first entry is linked to.
    pub const NONE: Self = Self(BodyHash([0; 32]));

    /// Reads 64 lowercase hexadecimal digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        BodyHash::try_from(text.to_owned()).ok().map(Self)
    }

    fn of(text: &str) -> Self {
        Self(BodyHash(Sha256::digest(text.as_bytes()).into()))
    }
}

impl std::fmt::Display for Checksum {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&String::from(self.0))
    }
}

/// Where a chain ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Head {
    /// The number of its last entry; 0: it has none.
    pub sequence: u64,
    /// That entry's checksum.
    pub checksum: Checksum,
}

impl Head {
    /// Of a chain without entries.
    pub const EMPTY: Self = Self { sequence: 0, checksum: Checksum::NONE };
}

/// Something that changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// Names it.
    pub id: String,
    /// Whose it is.
    pub org: Org,
    /// What changed: a stream.
    pub entity: String,
    /// The incident that it concerns, if it is one's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incident: Option<String>,
    /// What was done, such as `incident.closed`.
    pub action: String,
    /// Who did it.
    pub actor: String,
    /// More of it: canonical JSON.
    pub details: String,
    /// When.
    pub timestamp: Timestamp,
}

impl Change {
    /// What a recorded event changed. A payload that has no canonical form stands in it as a text.
    #[must_use]
    pub fn of(event: &Recorded) -> Self {
        let named = || serde_json::from_str::<Named>(&event.data).ok()?.incident;
        Self {
            id: event.event_id.0.to_string(),
            org: event.stream.org.clone(),
            entity: event.stream.to_string(),
            incident: if event.owner.kind.as_str() == "incident" { Some(event.owner.id.to_string()) } else { named() },
            action: format!("{}.{}", event.owner.kind, event.event_type),
            actor: event.actor.to_string(),
            details: canonical(&event.data).unwrap_or_else(|_| escaped(&event.data)),
            timestamp: event.occurred_at,
        }
    }
}

/// What of a payload says whose incident it is.
#[derive(Deserialize)]
struct Named {
    incident: Option<String>,
}

/// A change in its place in a chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Its place, from 1, without gaps.
    pub sequence: u64,
    /// What changed.
    pub change: Change,
    /// The checksum of the entry before.
    pub previous: Checksum,
    /// Over all of the above.
    pub checksum: Checksum,
}

impl Entry {
    /// The next entry of a chain that ends at `head`.
    #[must_use]
    pub fn seal(head: &Head, change: Change) -> Self {
        let (sequence, previous) = (head.sequence + 1, head.checksum);
        Self { sequence, checksum: Checksum::of(&text(sequence, &previous, &change)), change, previous }
    }

    /// The end of the chain with this entry.
    #[must_use]
    pub const fn head(&self) -> Head {
        Head { sequence: self.sequence, checksum: self.checksum }
    }

    /// Whether the checksum is that of the fields.
    #[must_use]
    pub fn is_unaltered(&self) -> bool {
        self.checksum == Checksum::of(&text(self.sequence, &self.previous, &self.change))
    }
}

/// The canonical JSON of an entry's fields; the details stand in it as they are.
fn text(sequence: u64, previous: &Checksum, change: &Change) -> String {
    let Change { id, org, entity, incident, action, actor, details, timestamp } = change;
    let incident = incident.as_deref().map_or_else(|| "null".to_owned(), escaped);
    format!(
        r#"{{"action":{},"actor":{},"details":{details},"entity":{},"id":{},"incident":{incident},"org":{},"previous":"{previous}","sequence":{sequence},"timestamp":{}}}"#,
        escaped(action),
        escaped(actor),
        escaped(entity),
        escaped(id),
        escaped(org.as_str()),
        timestamp.micros(),
    )
}
