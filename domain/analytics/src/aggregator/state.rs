//! What an aggregator knows: the ids of events that are not too old to be posted again.

use crate::aggregator::{DispatchObserved, Event, KIND};
use crate::observation::fingerprint;
use crate::query::before;
use ionveil_kernel::{BrokenInvariant, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Ids that are too old are looked for so often.
const SWEEP: Duration = Duration::from_secs(3_600);

/// The ids that are known. Cheap to clone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// When the event was, by the hash of its id in hexadecimal digits.
    seen: Arc<BTreeMap<Id, Timestamp>>,
    /// When what was too old was last dropped.
    swept_at: Timestamp,
}

/// The hash of an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
struct Id(u128);

impl From<Id> for String {
    fn from(id: Id) -> Self {
        format!("{:032x}", id.0)
    }
}

impl TryFrom<String> for Id {
    type Error = std::num::ParseIntError;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        u128::from_str_radix(&text, 16).map(Self)
    }
}

impl State {
    /// Whether an event of this id was observed and is not too old.
    #[must_use]
    pub fn knows(&self, event_id: &str) -> bool {
        self.seen.contains_key(&Id(fingerprint(event_id)))
    }

    /// How many ids are known.
    #[must_use]
    pub fn len(&self) -> usize {
        self.seen.len()
    }

    /// Whether none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.seen.is_empty()
    }

    /// The state after an event.
    pub(super) fn after(mut self, event: &Event, retention: Duration) -> Result<Self, BrokenInvariant> {
        let Event::DispatchObserved(DispatchObserved { observation, received_at }) = event;
        let seen = Arc::make_mut(&mut self.seen);
        if received_at.since(self.swept_at) >= SWEEP {
            let oldest = before(*received_at, retention);
            seen.retain(|_, timestamp| *timestamp > oldest);
            self.swept_at = *received_at;
        }
        let id = &observation.event_id;
        if !id.is_empty() && seen.insert(Id(fingerprint(id)), observation.timestamp).is_some() {
            return Err(BrokenInvariant { kind: KIND, number: 1, detail: format!("event {id} was observed before") });
        }
        Ok(self)
    }
}
