//! From stored events to a state: snapshot first where it fits, then the rest, up to a place in the past if asked.

use ionveil_journal::{Snapshot, Store, StoreError};
use ionveil_kernel::{BrokenInvariant, Decider, DecodeError, EventCodec, Part, Recorded, StreamId, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

const CHUNK: usize = 4_096;

/// A folded entity.
pub struct Loaded<D: Decider> {
    /// The state.
    pub state: D::State,
    /// How many events it has, over all its streams.
    pub version: u64,
    /// Last sequence number of the main stream; 0 before the first event.
    pub main: u64,
    /// Position of the last event of any part.
    pub position: u64,
    /// Greatest `occurred_at`; [`Timestamp::MIN`] before the first event.
    pub occurred_at: Timestamp,
    /// Greatest `recorded_at`; [`Timestamp::MIN`] before the first event.
    pub recorded_at: Timestamp,
    /// The version of the snapshot that it started from, 0 if none did.
    pub snapshot_version: u64,
    /// Last sequence number of each further stream of the entity.
    pub parts: BTreeMap<StreamId, u64>,
}

/// What a snapshot's text holds.
#[derive(Serialize, Deserialize)]
struct Stored<S> {
    state: S,
    /// Last sequence number of the main stream; without parts it is the version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    main: Option<u64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    parts: Vec<(String, u64)>,
}

impl<D: Decider> Clone for Loaded<D> {
    fn clone(&self) -> Self {
        Self { state: self.state.clone(), parts: self.parts.clone(), ..*self }
    }
}

impl<D: Decider> Loaded<D> {
    /// Last sequence number of a stream of the entity `owner`; 0 if it has no events.
    #[must_use]
    pub fn last(&self, owner: &StreamId, stream: &StreamId) -> u64 {
        if owner == stream { self.main } else { self.parts.get(stream).copied().unwrap_or(0) }
    }

    pub(crate) fn advance(&mut self, owner: &StreamId, stream: &StreamId, sequence: u64) {
        self.version += 1;
        if owner == stream {
            self.main = sequence;
        } else {
            self.parts.insert(stream.clone(), sequence);
        }
    }
}

/// Why an entity cannot be folded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The store failed.
    #[error("read the entity")]
    Store(#[from] StoreError),
    /// A stored event cannot be read.
    #[error("decode event {sequence} of {stream}")]
    Decode {
        /// The stream.
        stream: StreamId,
        /// The event's place in it.
        sequence: u64,
        /// Why.
        source: DecodeError,
    },
    /// A stored event cannot follow the ones before it.
    #[error("fold event {sequence} of {stream}")]
    Fold {
        /// The stream.
        stream: StreamId,
        /// The event's place in it.
        sequence: u64,
        /// Why.
        source: BrokenInvariant,
    },
    /// The sequence has a hole or an event of a stream that is no part of the entity.
    #[error("fold {stream}: event {found} where {expected} was due")]
    Gap {
        /// The stream.
        stream: StreamId,
        /// The sequence number that was due.
        expected: u64,
        /// The one that came.
        found: u64,
    },
}

/// How far to fold: both ends inclusive, all that are given apply.
#[derive(Clone, Copy, Debug, Default)]
pub struct Until {
    /// Only what happened up to then.
    pub at: Option<Timestamp>,
    /// Only what was known then.
    pub known_at: Option<Timestamp>,
    /// Only up to this position of the partition.
    pub position: Option<u64>,
}

impl Until {
    fn admits(&self, occurred_at: Timestamp, recorded_at: Timestamp, position: u64) -> bool {
        self.at.is_none_or(|at| occurred_at <= at)
            && self.known_at.is_none_or(|known_at| recorded_at <= known_at)
            && self.position.is_none_or(|last| position <= last)
    }
}

/// Folds entities of one kind.
pub struct Loader<D: Decider> {
    decider: Arc<D>,
    store: Arc<dyn Store>,
}

impl<D: Decider> Clone for Loader<D> {
    fn clone(&self) -> Self {
        Self { decider: self.decider.clone(), store: self.store.clone() }
    }
}

impl<D: Decider> Loader<D> {
    /// Folds with `decider` what `store` holds.
    #[must_use]
    pub fn new(decider: Arc<D>, store: Arc<dyn Store>) -> Self {
        Self { decider, store }
    }

    /// The store.
    #[must_use]
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// The decider.
    #[must_use]
    pub fn decider(&self) -> &Arc<D> {
        &self.decider
    }

    /// The present, committed state.
    ///
    /// # Errors
    /// [`LoadError`].
    pub async fn load(&self, owner: &StreamId) -> Result<Loaded<D>, LoadError> {
        self.load_until(owner, Until::default()).await
    }

    /// The state after all events that `until` admits. Since neither time ever goes back within a stream, they are a
    /// prefix; of several limits the shortest counts.
    ///
    /// # Errors
    /// [`LoadError`].
    pub async fn load_until(&self, owner: &StreamId, until: Until) -> Result<Loaded<D>, LoadError> {
        let start = self.start(owner, until).await?;
        self.fold(owner, start, until).await
    }

    /// As [`Self::load_until`], from the first event, whatever snapshots there are.
    ///
    /// # Errors
    /// [`LoadError`].
    pub async fn replay(&self, owner: &StreamId, until: Until) -> Result<Loaded<D>, LoadError> {
        self.fold(owner, self.empty(owner), until).await
    }

    /// The state as it goes into a snapshot; `None` if it has no stored form (then there is no snapshot).
    #[must_use]
    pub fn snapshot(&self, loaded: &Loaded<D>) -> Option<Snapshot> {
        let parts: Vec<_> = loaded.parts.iter().map(|(stream, last)| (stream.to_string(), *last)).collect();
        let main = (!parts.is_empty()).then_some(loaded.main);
        Some(Snapshot {
            state_schema: D::STATE_SCHEMA,
            reducer: D::REDUCER,
            version: loaded.version,
            position: loaded.position,
            occurred_at: loaded.occurred_at,
            recorded_at: loaded.recorded_at,
            state: serde_json::to_string(&Stored { state: &loaded.state, main, parts }).ok()?,
        })
    }

    /// Folds one further event.
    ///
    /// # Errors
    /// [`LoadError`] other than `Store`.
    pub fn apply(&self, owner: &StreamId, loaded: Loaded<D>, recorded: &Recorded) -> Result<Loaded<D>, LoadError> {
        let at = || (recorded.stream.clone(), recorded.sequence_number);
        let expected = loaded.last(owner, &recorded.stream) + 1;
        let part = D::Part::of(owner, &recorded.stream);
        let (Some(part), true) = (part, recorded.sequence_number == expected) else {
            return Err(LoadError::Gap { stream: recorded.stream.clone(), expected, found: recorded.sequence_number });
        };
        let decoded = D::Event::decode(&recorded.event_type, recorded.schema_version, &recorded.data);
        let event = decoded.map_err(|source| LoadError::Decode { stream: at().0, sequence: at().1, source })?;
        let Loaded { state, version, main, position: _, occurred_at, recorded_at, snapshot_version, parts } = loaded;
        let evolved = self.decider.evolve(state, &part, &event);
        let state = evolved.map_err(|source| LoadError::Fold { stream: at().0, sequence: at().1, source })?;
        let mut next = Loaded {
            state,
            version,
            main,
            position: recorded.position,
            occurred_at: occurred_at.max(recorded.occurred_at),
            recorded_at: recorded_at.max(recorded.recorded_at),
            snapshot_version,
            parts,
        };
        next.advance(owner, &recorded.stream, recorded.sequence_number);
        Ok(next)
    }

    /// The entity before its first event.
    #[must_use]
    pub fn empty(&self, owner: &StreamId) -> Loaded<D> {
        Loaded {
            state: self.decider.initial(owner),
            version: 0,
            main: 0,
            position: 0,
            occurred_at: Timestamp::MIN,
            recorded_at: Timestamp::MIN,
            snapshot_version: 0,
            parts: BTreeMap::new(),
        }
    }

    /// The entity as a snapshot holds it. A snapshot is only a cache: none comes of one of another schema or reducer, or
    /// of one that cannot be read.
    #[must_use]
    pub fn restore(&self, snapshot: &Snapshot) -> Option<Loaded<D>> {
        if snapshot.state_schema != D::STATE_SCHEMA || snapshot.reducer != D::REDUCER {
            return None;
        }
        let stored = serde_json::from_str::<Stored<D::State>>(&snapshot.state).ok()?;
        let parts = stored.parts.into_iter().map(|(stream, last)| Some((stream.parse().ok()?, last))).collect::<Option<_>>()?;
        Some(Loaded {
            state: stored.state,
            version: snapshot.version,
            main: stored.main.unwrap_or(snapshot.version),
            position: snapshot.position,
            occurred_at: snapshot.occurred_at,
            recorded_at: snapshot.recorded_at,
            snapshot_version: snapshot.version,
            parts,
        })
    }

    /// From the snapshot, unless it lies beyond `until`.
    async fn start(&self, owner: &StreamId, until: Until) -> Result<Loaded<D>, LoadError> {
        let snapshot = self.store.snapshot(owner).await?;
        let fits = |s: &Snapshot| until.admits(s.occurred_at, s.recorded_at, s.position);
        Ok(snapshot.filter(fits).and_then(|snapshot| self.restore(&snapshot)).unwrap_or_else(|| self.empty(owner)))
    }

    /// As [`Self::load_until`], from a state that the entity had before that.
    pub(crate) async fn go_on(&self, owner: &StreamId, loaded: Loaded<D>, until: Until) -> Result<Loaded<D>, LoadError> {
        self.fold(owner, loaded, until).await
    }

    async fn fold(&self, owner: &StreamId, mut loaded: Loaded<D>, until: Until) -> Result<Loaded<D>, LoadError> {
        loop {
            let events = self.store.read_entity(owner, loaded.main, loaded.position, CHUNK).await?;
            for event in &events {
                if !until.admits(event.occurred_at, event.recorded_at, event.position) {
                    return Ok(loaded);
                }
                loaded = self.apply(owner, loaded, event)?;
            }
            if events.len() < CHUNK {
                return Ok(loaded);
            }
        }
    }
}
