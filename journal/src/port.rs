//! The event store port: what every store (memory, SQLite, Postgres) does in the same way. The contract suite under
//! `tests/journal` holds each of them to it.

use crate::{Append, DeadLetterStore, NodeStore, OutboxStore, Receipt, StoreError, TimerStore, Verdict};
use ionveil_kernel::{BoxFuture, CommandId, Kind, NodeId, Org, Recorded, StreamId, Timestamp};
use std::time::Duration;

/// The result of a call on a store.
pub type StoreResult<'a, T> = BoxFuture<'a, Result<T, StoreError>>;

/// How many partitions a new database gets unless told otherwise.
pub const PARTITIONS_DEFAULT: u16 = 16;
/// The most partitions that a database can have.
pub const PARTITIONS_MAX: u16 = 64;

/// A partition and the epoch under which the caller owns it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Claim {
    /// From 0.
    pub partition: u16,
    /// Raised by one each time that the partition changes hands.
    pub epoch: u64,
}

/// Who holds a partition's lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    /// From 0.
    pub partition: u16,
    /// The present epoch.
    pub epoch: u64,
    /// The owner, if the partition was ever claimed and not released.
    pub node: Option<NodeId>,
    /// What is left of the lease by the store's clock; zero when it is over.
    pub remaining: Duration,
}

/// Which events a reader of a partition wants; an empty filter means all. Positions of other events are passed over.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Only this organisation's.
    pub org: Option<Org>,
    /// Only streams of this kind.
    pub kind: Option<Kind>,
    /// Only this stream.
    pub stream: Option<StreamId>,
    /// Only events recorded at this instant or later.
    pub since: Option<Timestamp>,
    /// Only what entities of these kinds own; all if there are none.
    pub owners: Vec<Kind>,
}

impl Filter {
    /// Whether `event` is wanted.
    #[must_use]
    pub fn admits(&self, event: &Recorded) -> bool {
        self.org.as_ref().is_none_or(|org| *org == event.stream.org)
            && self.kind.as_ref().is_none_or(|kind| *kind == event.stream.kind)
            && self.stream.as_ref().is_none_or(|stream| *stream == event.stream)
            && self.since.is_none_or(|since| event.recorded_at >= since)
            && (self.owners.is_empty() || self.owners.contains(&event.owner.kind))
    }
}

/// A piece of a partition that is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// From 0.
    pub partition: u16,
    /// What comes after this position.
    pub after: u64,
    /// A position that is committed, as [`Store::heads`] says it: what comes after it may be missing.
    pub until: u64,
}

/// A piece of a partition.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Page {
    /// The wanted events, by position, at most as many as asked for.
    pub events: Vec<Recorded>,
    /// Everything up to here was looked at: the next read starts after it. With a filter it may run ahead of the last
    /// event; it never runs ahead of what is committed.
    pub scanned_to: u64,
}

/// A folded state, kept to save time and free to be lost.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    /// Version of the state's serde form.
    pub state_schema: u32,
    /// Version of the reducer that folded it.
    pub reducer: u32,
    /// How many events of the entity, over all its streams, are folded in.
    pub version: u64,
    /// Position of the last event (of any part) that is folded in.
    pub position: u64,
    /// Greatest `occurred_at` that is folded in.
    pub occurred_at: Timestamp,
    /// Greatest `recorded_at` that is folded in.
    pub recorded_at: Timestamp,
    /// The state as JSON text.
    pub state: String,
}

/// An event store. All methods may be called concurrently; those that take [`Claim`]s prove their ownership with them.
///
/// *Order.* Positions of a partition are dense from 1, given out under the locked head, and become visible in order: a
/// reader that has seen `n` will never later see something new at or below `n`.
///
/// *Cancel safety.* Dropping a future of [`Store::append`] leaves the outcome unknown; every other future may be dropped.
pub trait Store: TimerStore + OutboxStore + DeadLetterStore + NodeStore + 'static {
    /// How many partitions this database has; fixed when it was made.
    fn partitions(&self) -> u16;

    /// Whether reads are answered in no time and bind nothing to the thread that polls them, so that a caller may poll them
    /// where it stands instead of on the runtime of the journal.
    fn immediate(&self) -> bool {
        false
    }

    /// Whether another process does the work: this one can prepare the next batch meanwhile.
    fn elsewhere(&self) -> bool {
        false
    }

    /// Appends a batch in one transaction, as the owner of `claims`; a verdict per append, in their order.
    ///
    /// Each append is judged in order: the same command of the same owner occurs earlier in the batch → `Conflict`; its
    /// partition is not among `claims` or held under another epoch → `Fenced`; its command has a receipt from before
    /// → `Duplicate`; an earlier append *of the same owner in this batch* was not `Accepted`, or one of its streams is
    /// not at the sequence number before its first event → `Conflict`; else `Accepted`. `recorded_at` = max(last of the partition, `now`), the same for the whole append;
    /// positions are dense and follow the order of the batch.
    ///
    /// What an accepted append wants of timers is done in the same transaction, in the order of its list and of the batch:
    /// *arm* makes or replaces the timer, with the receipt's position as its `armed`; *disarm* deletes it; *consume* marks
    /// it consumed. An append that is not accepted changes no timer; one without changes costs nothing.
    ///
    /// Calls wait for each other: one at a time has the best effect.
    ///
    /// # Errors
    /// `Unavailable`: nothing was stored. `OutcomeUnknown`: the batch is whole or absent, nobody knows which. `Invalid`:
    /// the batch holds what can never be stored, such as a timer without a name; nothing was stored.
    fn append<'a>(&'a self, claims: &'a [Claim], batch: &'a [Append], now: Timestamp) -> StoreResult<'a, Vec<Verdict>>;

    /// The receipts of commands that were accepted by `owner`; `None` where there is none. Same order as `commands`.
    ///
    /// # Errors
    /// `Unavailable`.
    fn receipts<'a>(&'a self, owner: &'a StreamId, commands: &'a [CommandId]) -> StoreResult<'a, Vec<Option<Receipt>>>;

    /// The events of an entity (all its streams) in order of position: those of the main stream with a sequence number
    /// above `after_version`, and those of its other streams with a position above `after_position`; at most `limit`.
    ///
    /// # Errors
    /// `Unavailable`; `Corrupt` for a row that cannot be read.
    fn read_entity<'a>(
        &'a self,
        owner: &'a StreamId,
        after_version: u64,
        after_position: u64,
        limit: usize,
    ) -> StoreResult<'a, Vec<Recorded>>;

    /// The events of one stream with a sequence number above `after`, ascending, at most `limit`.
    ///
    /// # Errors
    /// `Unavailable`; `Corrupt` for a row that cannot be read.
    fn read_stream<'a>(&'a self, stream: &'a StreamId, after: u64, limit: usize) -> StoreResult<'a, Vec<Recorded>>;

    /// The wanted events of a partition after position `after`, ascending, at most `limit`. With a filter a store may
    /// stop early (a bounded scan) and say so with `scanned_to`; it always gets on if there is something to scan.
    ///
    /// # Errors
    /// `Unavailable`; `Corrupt` for a row that cannot be read.
    fn read_partition<'a>(&'a self, partition: u16, after: u64, limit: usize, filter: &'a Filter) -> StoreResult<'a, Page>;

    /// As [`Self::read_partition`], of several partitions at once: a page of at most `limit` events for each range, in their order;
    /// each range is of another partition.
    /// A store that is asked over a network answers them with one question.
    ///
    /// # Errors
    /// As [`Self::read_partition`].
    fn read_ranges<'a>(&'a self, ranges: &'a [Range], limit: usize, filter: &'a Filter) -> StoreResult<'a, Vec<Page>> {
        Box::pin(async move {
            let mut pages = Vec::with_capacity(ranges.len());
            for range in ranges {
                pages.push(self.read_partition(range.partition, range.after, limit, filter).await?);
            }
            Ok(pages)
        })
    }

    /// The last committed position of each partition (0 if empty), by partition.
    ///
    /// # Errors
    /// `Unavailable`.
    fn heads(&self) -> StoreResult<'_, Vec<u64>>;

    /// The names of all entities' main streams after `after`, in order of (org, kind, id), at most `limit`.
    ///
    /// # Errors
    /// `Unavailable`.
    fn entities<'a>(&'a self, after: Option<&'a StreamId>, limit: usize) -> StoreResult<'a, Vec<StreamId>>;

    /// The organisations that have events, those after `after`, in order, at most `limit`: found without looking at what
    /// they hold.
    ///
    /// # Errors
    /// `Unavailable`.
    fn organisations<'a>(&'a self, after: Option<&'a Org>, limit: usize) -> StoreResult<'a, Vec<Org>>;

    /// The stored snapshot of an entity, if there is one.
    ///
    /// # Errors
    /// `Unavailable`.
    fn snapshot<'a>(&'a self, owner: &'a StreamId) -> StoreResult<'a, Option<Snapshot>>;

    /// Stores a snapshot in place of an older one of the entity.
    ///
    /// # Errors
    /// `Unavailable`.
    fn put_snapshot<'a>(&'a self, owner: &'a StreamId, snapshot: &'a Snapshot) -> StoreResult<'a, ()>;

    /// Takes for `node` every partition that is free, whose lease is over, or that `node` held before; each taken one
    /// gets `epoch + 1` on its locked head (which waits for an append under way) and a fresh lease of `lease`, by the
    /// store's clock, in one transaction per partition. Partitions that another node holds are left alone.
    ///
    /// # Errors
    /// `Unavailable`.
    fn claim(&self, node: NodeId, lease: Duration) -> StoreResult<'_, Vec<Claim>>;

    /// Raises the epoch of the given claims by one under the locked head and prolongs their leases: afterwards no
    /// append under the old epoch can commit, and whatever was under way has ended. Claims that were lost are left out
    /// of the answer.
    ///
    /// # Errors
    /// `Unavailable`.
    fn reclaim<'a>(&'a self, node: NodeId, claims: &'a [Claim], lease: Duration) -> StoreResult<'a, Vec<Claim>>;

    /// Prolongs the leases of `claims` to `lease` from the store's now; answers with those that are still held.
    ///
    /// # Errors
    /// `Unavailable`.
    fn heartbeat<'a>(&'a self, node: NodeId, claims: &'a [Claim], lease: Duration) -> StoreResult<'a, Vec<Claim>>;

    /// Gives up what `node` holds, so that another node need not wait.
    ///
    /// # Errors
    /// `Unavailable`.
    fn release(&self, node: NodeId) -> StoreResult<'_, ()>;

    /// Who holds what, by partition.
    ///
    /// # Errors
    /// `Unavailable`.
    fn leases(&self) -> StoreResult<'_, Vec<Lease>>;

    /// Ends background work and closes connections.
    fn close(&self) -> BoxFuture<'_, ()>;
}
