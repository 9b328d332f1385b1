//! What is known of a batch: how much of it is there. The items themselves are in the journal only.

use crate::intake::{BatchAccepted, BatchCompleted, Event, KIND, Stats};
use ionveil_kernel::{BodyHash, BrokenInvariant, Timestamp};
use serde::{Deserialize, Serialize};

/// Where a batch stands; nothing before it is accepted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// The batch.
    pub taken: Option<Taken>,
}

/// A batch that was accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Taken {
    /// Of the rows as they were sent.
    pub digest: BodyHash,
    /// What decided which rows had expired.
    pub now: Timestamp,
    /// How many rows there are of what.
    pub stats: Stats,
    /// How many errors.
    pub errors: u64,
    /// How many items are there.
    pub done: u64,
    /// Whether that is all.
    pub completed: bool,
}

impl Taken {
    /// How many items there will be.
    #[must_use]
    pub const fn items(&self) -> u64 {
        self.errors + self.stats.duplicates as u64 + self.stats.accepted as u64
    }

    /// What kind of item stands at a place: 0 an error, 1 a duplicate, 2 a command.
    const fn kind_at(&self, place: u64) -> u8 {
        if place < self.errors {
            0
        } else if place < self.errors + self.stats.duplicates as u64 {
            1
        } else {
            2
        }
    }

    /// Whether an item of this kind may come next.
    pub(crate) const fn takes(&self, place: u64, kind: u8) -> bool {
        place < self.items() && self.kind_at(place) == kind
    }
}

fn broken(number: u16, detail: &str) -> BrokenInvariant {
    BrokenInvariant { kind: KIND, number, detail: detail.to_owned() }
}

impl State {
    /// The state after an event: total over lawful pairs, loud about all others.
    pub(crate) fn after(self, event: &Event) -> Result<Self, BrokenInvariant> {
        let kind = match event {
            Event::BatchAccepted(BatchAccepted { digest, now, stats, errors }) if self.taken.is_none() => {
                let taken = Taken { digest: *digest, now: *now, stats: *stats, errors: *errors, done: 0, completed: false };
                return Ok(Self { taken: Some(taken) });
            }
            Event::BatchAccepted(_) => return Err(broken(1, "it was accepted before")),
            Event::BatchCompleted(event) => return self.complete(*event),
            Event::CommandRejected(_) => 0,
            Event::DuplicateSuppressed(_) => 1,
            Event::CommandAccepted(_) => 2,
        };
        let mut taken = self.taken.ok_or_else(|| broken(1, "an item comes before the batch"))?;
        if taken.completed || !taken.takes(taken.done, kind) {
            return Err(broken(2, "an item of another kind was due, or none"));
        }
        taken.done += 1;
        Ok(Self { taken: Some(taken) })
    }

    fn complete(self, BatchCompleted { items }: BatchCompleted) -> Result<Self, BrokenInvariant> {
        match self.taken {
            Some(taken) if !taken.completed && taken.done == taken.items() && items == taken.done => {
                Ok(Self { taken: Some(Taken { completed: true, ..taken }) })
            }
            Some(_) | None => Err(broken(3, "it is completed already, or not whole")),
        }
    }
}
