//! Timers: rows that an append writes with its events, and that somebody reads when they are due. Nothing here fires one.

use crate::{Append, Claim, Receipt, StoreError, StoreResult};
use ionveil_kernel::{StreamId, TimerPolicy, Timestamp};
use std::collections::BTreeMap;

/// The longest name of a timer, in bytes.
pub const TIMER_NAME_MAX: usize = 128;

/// What an append does to one timer of its owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimerChange {
    /// The timer, unique within the owner: 1 to [`TIMER_NAME_MAX`] bytes without a zero byte.
    pub name: String,
    /// What becomes of it.
    pub change: TimerChangeKind,
}

/// What becomes of a timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimerChangeKind {
    /// It is armed, anew if it was: it will be due, and is not consumed.
    Arm {
        /// When it is due.
        due: Timestamp,
        /// What happens when it is missed.
        policy: TimerPolicy,
    },
    /// It is gone; nothing happens if there is none.
    Disarm,
    /// It has fired and stays where it is until it is armed anew; nothing happens if there is none.
    Consume,
}

/// A timer as a store holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArmedTimer {
    /// The owner's partition.
    pub partition: u16,
    /// The entity that wishes to be called.
    pub owner: StreamId,
    /// Unique within the owner.
    pub name: String,
    /// When it is due.
    pub due: Timestamp,
    /// What happens when it is missed.
    pub policy: TimerPolicy,
    /// Which arming this is: the position of the receipt of the append that armed it. An append without events shares
    /// it with the one before, so that arming again with another due takes an event.
    pub armed: u64,
    /// Whether it has fired and was not armed since.
    pub consumed: bool,
}

impl ArmedTimer {
    /// What [`TimerStore::due_timers`] orders by.
    #[must_use]
    pub fn place(&self) -> (Timestamp, &StreamId, &str) {
        (self.due, &self.owner, &self.name)
    }
}

/// The timers of a store. Rows come and go with [`crate::Store::append`].
pub trait TimerStore: Send + Sync {
    /// The timers of `partitions` that are not consumed and due at `now` or before, in order of (due, owner, name),
    /// after `after` (exclusive) and at most `limit`. An unknown partition has none; one named twice counts once.
    ///
    /// # Errors
    /// `Unavailable`; `Corrupt` for a row that cannot be read.
    fn due_timers<'a>(
        &'a self,
        partitions: &'a [u16],
        now: Timestamp,
        after: Option<&'a ArmedTimer>,
        limit: usize,
    ) -> StoreResult<'a, Vec<ArmedTimer>>;

    /// The earliest instant at which a timer of `partitions` that is not consumed is due, also if it is past.
    ///
    /// # Errors
    /// `Unavailable`.
    fn next_due<'a>(&'a self, partitions: &'a [u16]) -> StoreResult<'a, Option<Timestamp>>;

    /// Marks `timer` consumed, if it is of the claim's partition, still armed the same (same `armed`), not consumed yet,
    /// and `claim` still holds when this is committed; says whether it did. Appends do not wait for it, but for those
    /// that change the same timer.
    ///
    /// # Errors
    /// `Unavailable`: nothing was changed. `OutcomeUnknown`: nobody knows; the timer itself tells.
    fn consume_timer<'a>(&'a self, claim: Claim, timer: &'a ArmedTimer) -> StoreResult<'a, bool>;

    /// All timers of an entity, consumed ones too, by name.
    ///
    /// # Errors
    /// `Unavailable`; `Corrupt` for a row that cannot be read.
    fn timers<'a>(&'a self, owner: &'a StreamId) -> StoreResult<'a, Vec<ArmedTimer>>;
}

/// Refuses names of timers that no store takes.
pub(crate) fn check(append: &Append) -> Result<(), StoreError> {
    let lawful = |name: &str| (1..=TIMER_NAME_MAX).contains(&name.len()) && !name.as_bytes().contains(&0);
    match append.timers.iter().find(|timer| !lawful(&timer.name)) {
        None => Ok(()),
        Some(timer) => {
            let shown: String = timer.name.chars().take(32).collect();
            Err(StoreError::Invalid(format!("a timer of {} is named {shown:?}…: 1 to {TIMER_NAME_MAX} bytes, no zero", append.owner)))
        }
    }
}

/// What a list of changes, one after the other, makes of one timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Net {
    Armed {
        partition: u16,
        due: Timestamp,
        policy: TimerPolicy,
        armed: u64,
        consumed: bool,
    },
    Gone,
    /// Whatever there was before is consumed.
    Consumed,
}

/// The net effect of accepted appends on each timer, so that a store can write it in any order.
pub(crate) fn net<'a, 'r>(accepted: impl Iterator<Item = (&'a Append, &'r Receipt)>) -> BTreeMap<(&'a StreamId, &'a str), Net> {
    let mut timers: BTreeMap<(&StreamId, &str), Net> = BTreeMap::new();
    for (append, receipt) in accepted {
        let (partition, armed) = (receipt.partition, receipt.position);
        for TimerChange { name, change } in &append.timers {
            let key = (&append.owner, name.as_str());
            let net = match (*change, timers.get(&key).copied()) {
                (TimerChangeKind::Arm { due, policy }, _) => Net::Armed { partition, due, policy, armed, consumed: false },
                (TimerChangeKind::Disarm, _) | (TimerChangeKind::Consume, Some(Net::Gone)) => Net::Gone,
                (TimerChangeKind::Consume, Some(Net::Armed { partition, due, policy, armed, .. })) => {
                    Net::Armed { partition, due, policy, armed, consumed: true }
                }
                (TimerChangeKind::Consume, Some(Net::Consumed) | None) => Net::Consumed,
            };
            timers.insert(key, net);
        }
    }
    timers
}
