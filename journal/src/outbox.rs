//! Reactors' checkpoints, and the outbox: what is still to be sent, kept with the checkpoint that says how far was read.
//! Nothing here sends anything.

use crate::{Claim, StoreError, StoreResult};
use ionveil_kernel::{CorrelationId, EffectClass, Kind, Org, StreamId, Timestamp};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::sync::Arc;
use uuid::Uuid;

/// What is to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OutboxWhat {
    /// A command.
    Command {
        /// The entity that is asked.
        to: StreamId,
    },
    /// An effect outside.
    Effect {
        /// Names the bridge: text without a zero byte.
        channel: String,
        /// What may be done about an unknown outcome.
        class: EffectClass,
    },
}

/// How far the sending of a row got. Rows that were sent are gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutboxState {
    /// It waits for its time.
    Pending,
    /// A *once* effect that may be on its way.
    Sending,
    /// Nobody knows whether it was sent; a policy or a person settles it.
    Unknown,
    /// It was given up.
    Failed,
}

impl OutboxState {
    /// All states.
    pub const ALL: [Self; 4] = [Self::Pending, Self::Sending, Self::Unknown, Self::Failed];

    /// The number that stands for it in a store; it never changes.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Pending => 0,
            Self::Sending => 1,
            Self::Unknown => 2,
            Self::Failed => 3,
        }
    }

    /// The state that a stored number stands for, if it stands for one.
    #[must_use]
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::Pending),
            1 => Some(Self::Sending),
            2 => Some(Self::Unknown),
            3 => Some(Self::Failed),
            _ => None,
        }
    }
}

/// What a reactor wants to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewOutboxRow {
    /// Names it ([`ionveil_kernel::effect_id`]): the same id is stored once.
    pub effect_id: Uuid,
    /// Position of the event that it follows from.
    pub position: u64,
    /// The organisation of that event.
    pub org: Org,
    /// What is to be sent.
    pub what: OutboxWhat,
    /// The command as JSON text, or what the bridge is given: text without a zero byte.
    pub payload: String,
    /// Shared by all that one outside request set off.
    pub correlation_id: CorrelationId,
    /// The event that it follows from.
    pub causation_id: Uuid,
    /// W3C trace context of the event: text without a zero byte.
    pub traceparent: Option<Arc<str>>,
}

/// A row of the outbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboxRow {
    /// The partition of the event that it follows from.
    pub partition: u16,
    /// The reactor that wants it.
    pub reactor: String,
    /// What it wants.
    pub row: NewOutboxRow,
    /// How far it got.
    pub state: OutboxState,
    /// How often it was tried. A try counts when it begins ([`OutboxStore::outbox_begin`]); one that was never begun
    /// counts when it is settled.
    pub attempts: u32,
    /// Not to be tried earlier.
    pub not_before: Timestamp,
    /// What the last try that went wrong said.
    pub last_error: Option<String>,
}

/// What became of a step of a reactor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reacted {
    /// Checkpoint and rows are stored.
    Stored,
    /// The partition belongs to somebody else now. Nothing was stored.
    Fenced,
    /// The checkpoint is not where it was said to be. Nothing was stored.
    Moved,
}

/// What became of a try. In its texts a zero byte is kept as U+FFFD: what others say must not keep a row from being
/// settled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settlement {
    /// It was sent: the row is deleted.
    Done,
    /// It was not sent, and is to be tried again: pending.
    Retry {
        /// Not earlier than this.
        not_before: Timestamp,
        /// What went wrong.
        error: String,
    },
    /// It was not sent and will not be.
    Failed {
        /// What went wrong.
        error: String,
    },
    /// Nobody knows whether it was sent.
    Unknown {
        /// What went wrong.
        error: String,
    },
}

/// Checkpoints of reactors and the outbox of a store. What takes a [`Claim`] holds only if the partition is still owned
/// under that epoch when it is committed; a change of hands waits for it, appends do not.
pub trait OutboxStore: Send + Sync {
    /// How far `reactor` has read each partition, by partition; 0 where it has not begun.
    ///
    /// # Errors
    /// `Unavailable`; `Invalid` for a reactor's name that does not match `[a-z0-9][a-z0-9_-]{0,62}`.
    fn checkpoints<'a>(&'a self, reactor: &'a str) -> StoreResult<'a, Vec<u64>>;

    /// Moves the checkpoint of `reactor` in the claim's partition from `from` to `to` (`from` or later) and stores
    /// `rows` as pending and due at `now`, in one transaction. A row whose id is there already is passed over.
    ///
    /// # Errors
    /// `Unavailable`: nothing was stored. `OutcomeUnknown`: whole or absent; the checkpoint tells. `Invalid` for a
    /// reactor's name as above, `to` before `from`, or a text with a zero byte.
    fn react<'a>(
        &'a self,
        claim: Claim,
        reactor: &'a str,
        from: u64,
        to: u64,
        rows: &'a [NewOutboxRow],
        now: Timestamp,
    ) -> StoreResult<'a, Reacted>;

    /// What is pending in `partitions` with `not_before` at `now` or before, in order of (not_before, partition, position,
    /// effect_id), at most `limit`. An unknown partition has none; one named twice counts once.
    ///
    /// # Errors
    /// `Unavailable`; `Corrupt` for a row that cannot be read.
    fn outbox_due<'a>(&'a self, partitions: &'a [u16], now: Timestamp, limit: usize) -> StoreResult<'a, Vec<OutboxRow>>;

    /// The earliest `not_before` of what is pending in `partitions`, also if it is past.
    ///
    /// # Errors
    /// `Unavailable`.
    fn outbox_next<'a>(&'a self, partitions: &'a [u16]) -> StoreResult<'a, Option<Timestamp>>;

    /// Turns a pending row of the claim's partition into `Sending` and counts the try; says whether it did. For *once*
    /// effects, before they are sent.
    ///
    /// # Errors
    /// `Unavailable`: nothing was changed. `OutcomeUnknown`: nobody knows.
    fn outbox_begin<'a>(&'a self, claim: Claim, effect_id: Uuid) -> StoreResult<'a, bool>;

    /// Settles a row of the claim's partition, in whatever state it is; says whether there was one and the claim held.
    ///
    /// # Errors
    /// `Unavailable`: nothing was changed. `OutcomeUnknown`: nobody knows.
    fn outbox_settle<'a>(&'a self, claim: Claim, effect_id: Uuid, settlement: &'a Settlement) -> StoreResult<'a, bool>;

    /// Turns what is `Sending` in the claim's partition into `Unknown` and says how many rows that were. For a new owner,
    /// before it begins anything: the old one cannot settle any more. 0 if the claim does not hold.
    ///
    /// # Errors
    /// `Unavailable`: nothing was changed. `OutcomeUnknown`: nobody knows.
    fn outbox_abandoned<'a>(&'a self, claim: Claim) -> StoreResult<'a, u64>;

    /// The rows of an organisation (of all, without one), in a state (in any, without one), by effect_id, after `after`
    /// (exclusive) and at most `limit`.
    ///
    /// # Errors
    /// `Unavailable`; `Corrupt` for a row that cannot be read.
    fn outbox<'a>(
        &'a self,
        org: Option<&'a Org>,
        state: Option<OutboxState>,
        after: Option<Uuid>,
        limit: usize,
    ) -> StoreResult<'a, Vec<OutboxRow>>;

    /// How many rows of an organisation are in a state.
    ///
    /// # Errors
    /// `Unavailable`.
    fn outbox_count<'a>(&'a self, org: &'a Org, state: OutboxState) -> StoreResult<'a, u64>;
}

/// Refuses a reactor's name that is none. The pattern is that of a kind.
pub(crate) fn check_reactor(name: &str) -> Result<(), StoreError> {
    Kind::new(name).map(drop).map_err(|error| StoreError::Invalid(format!("a reactor's name must match {}", error.pattern)))
}

/// Refuses a step of a reactor that no store takes.
pub(crate) fn check_step(reactor: &str, from: u64, to: u64, rows: &[NewOutboxRow]) -> Result<(), StoreError> {
    check_reactor(reactor)?;
    if to < from {
        return Err(StoreError::Invalid(format!("the checkpoint of {reactor} cannot go back from {from} to {to}")));
    }
    match rows.iter().find(|row| !row.lawful()) {
        None => Ok(()),
        Some(row) => Err(StoreError::Invalid(format!("the effect {} holds a zero byte", row.effect_id))),
    }
}

impl NewOutboxRow {
    fn lawful(&self) -> bool {
        let channel = match &self.what {
            OutboxWhat::Command { .. } => "",
            OutboxWhat::Effect { channel, .. } => channel,
        };
        let texts = [channel, &self.payload, self.traceparent.as_deref().unwrap_or_default()];
        texts.iter().all(|text| !text.as_bytes().contains(&0))
    }
}

impl Settlement {
    /// The state that a row gets, when it is due, and what went wrong; none if the row is deleted. `None` as the time
    /// leaves it as it is.
    pub(crate) fn outcome(&self) -> Option<(OutboxState, Option<Timestamp>, Cow<'_, str>)> {
        match self {
            Self::Done => None,
            Self::Retry { not_before, error } => Some((OutboxState::Pending, Some(*not_before), without_zero(error))),
            Self::Failed { error } => Some((OutboxState::Failed, None, without_zero(error))),
            Self::Unknown { error } => Some((OutboxState::Unknown, None, without_zero(error))),
        }
    }
}

/// Text that every store can keep: Postgres has no zero byte.
pub(crate) fn without_zero(text: &str) -> Cow<'_, str> {
    if text.as_bytes().contains(&0) { text.replace('\0', "\u{fffd}").into() } else { text.into() }
}
