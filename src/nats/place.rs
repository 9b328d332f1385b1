//! How far a partition was published, and into which stream.
//!
//! A checkpoint of the journal's store only ever rises, and is moved under the partition's epoch. So what belongs to one life of a
//! stream has names of its own, made of the stream's name and the time at which it was created: a stream that is made anew is
//! published from the beginning. Beside the position stands the last sequence number that the stream gave to an event of the
//! partition; a stream whose last sequence is lower has lost what it had acknowledged. Then the partition's *life* rises by one,
//! and with it the names: the partition is published again.

use super::BridgeError;
use ionveil_journal::{Claim, Reacted, Store};
use ionveil_kernel::{Timestamp, derive_uuid};

/// The names of the checkpoints of one stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Names(String);

impl Names {
    /// Those of the stream of this name that was created then (nanoseconds since 1970).
    pub(super) fn of(stream: &str, created: i128) -> Self {
        let id = derive_uuid(&["nats", stream, &created.to_string()]).simple().to_string();
        Self(format!("nats-{}", &id[..16]))
    }

    fn lives(&self) -> String {
        format!("{}-life", self.0)
    }

    fn position(&self, life: u64) -> String {
        format!("{}-{life}-position", self.0)
    }

    fn sequence(&self, life: u64) -> String {
        format!("{}-{life}-sequence", self.0)
    }
}

/// How far a partition is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    life: u64,
    /// Everything up to here was sent.
    pub(super) sent: u64,
    /// Everything up to here was acknowledged.
    pub(super) acknowledged: u64,
    /// The highest sequence number that the stream gave to any of it.
    pub(super) sequence: u64,
    /// What is stored of the two.
    stored: (u64, u64),
}

/// What became of storing a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stored {
    /// It is stored.
    Done,
    /// The partition belongs to somebody else now.
    Fenced,
}

/// Where a partition is; if the stream's last sequence shows that it has lost something, at the beginning. Says whether it does.
///
/// # Errors
/// [`BridgeError::Store`].
pub(super) async fn open(store: &dyn Store, names: &Names, claim: Claim, last: u64, now: Timestamp) -> Result<(Place, bool), BridgeError> {
    let at = usize::from(claim.partition);
    let read = async |name: String| Ok::<_, BridgeError>(store.checkpoints(&name).await?.get(at).copied().unwrap_or_default());
    let life = read(names.lives()).await?;
    let (position, sequence) = (read(names.position(life)).await?, read(names.sequence(life)).await?);
    if sequence <= last {
        return Ok((Place { life, sent: position, acknowledged: position, sequence, stored: (position, sequence) }, false));
    }
    move_to(store, claim, &names.lives(), life, life + 1, now).await?;
    Ok((Place { life: life + 1, ..Place::default() }, true))
}

impl Place {
    /// Whether there is something to store.
    pub(super) fn is_ahead(&self) -> bool {
        (self.acknowledged, self.sequence) != self.stored
    }

    /// Stores it. The sequence goes first: cut off between the two, the position is behind, and something is published twice.
    ///
    /// # Errors
    /// [`BridgeError::Store`].
    pub(super) async fn store(&mut self, store: &dyn Store, names: &Names, claim: Claim, now: Timestamp) -> Result<Stored, BridgeError> {
        let (position, sequence) = self.stored;
        let first = move_to(store, claim, &names.sequence(self.life), sequence, self.sequence, now).await?;
        if first == Stored::Fenced {
            return Ok(first);
        }
        let second = move_to(store, claim, &names.position(self.life), position, self.acknowledged, now).await?;
        self.stored = (self.acknowledged, self.sequence);
        Ok(second)
    }
}

async fn move_to(store: &dyn Store, claim: Claim, name: &str, from: u64, to: u64, now: Timestamp) -> Result<Stored, BridgeError> {
    if from == to {
        return Ok(Stored::Done);
    }
    match store.react(claim, name, from, to, &[], now).await? {
        Reacted::Stored => Ok(Stored::Done),
        Reacted::Fenced => Ok(Stored::Fenced),
        // Somebody else has published meanwhile, or an unknown outcome was a good one: where it is has to be read again.
        Reacted::Moved => Err(BridgeError::StreamChanged),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ionveil_journal::MemoryStore;
    use ionveil_kernel::NodeId;
    use std::time::Duration;

    const NOW: Timestamp = Timestamp::from_micros(0);

    #[tokio::test]
    async fn a_place_is_found_again_and_begins_anew_with_another_stream_or_one_that_has_lost_something() {
        let store = MemoryStore::new(crate::auth::testing::env_at(0), 4);
        let claims = store.claim(NodeId(uuid::Uuid::from_u128(1)), Duration::from_secs(60)).await.unwrap();
        let (names, claim) = (Names::of("S", 1), claims[2]);
        let at = async |names: &Names, last| open(&store, names, claim, last, NOW).await.unwrap();
        let (mut place, rewound) = at(&names, 0).await;
        assert_eq!((place, rewound, place.is_ahead()), (Place::default(), false, false));
        (place.sent, place.acknowledged, place.sequence) = (9, 7, 12);
        assert!(place.is_ahead());
        assert_eq!(place.store(&store, &names, claim, NOW).await.unwrap(), Stored::Done);
        assert!(!place.is_ahead());

        let (found, rewound) = at(&names, 12).await;
        assert_eq!((found.sent, found.acknowledged, found.sequence, rewound), (7, 7, 12, false), "what was only sent is sent again");
        let (neighbour, _) = open(&store, &names, claims[1], 12, NOW).await.unwrap();
        assert_eq!(neighbour, Place::default());
        assert_eq!(at(&Names::of("S", 2), 12).await, (Place::default(), false), "the stream was made anew");

        let (mut anew, rewound) = at(&names, 11).await;
        assert_eq!((anew.sent, anew.sequence, rewound), (0, 0, true), "the stream has lost its end");
        (anew.acknowledged, anew.sequence) = (3, 11);
        anew.store(&store, &names, claim, NOW).await.unwrap();
        let (again, rewound) = at(&names, 11).await;
        assert_eq!((again.acknowledged, rewound), (3, false), "once is enough");
        assert!(
            place.store(&store, &names, Claim { epoch: claim.epoch + 1, ..claim }, NOW).await.is_ok_and(|stored| stored == Stored::Done)
        );
        place.acknowledged += 1;
        let fenced = place.store(&store, &names, Claim { epoch: claim.epoch + 1, ..claim }, NOW).await.unwrap();
        assert_eq!(fenced, Stored::Fenced, "a node that has lost the partition stores nothing");
    }
}
