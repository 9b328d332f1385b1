//! Timers in memory.

use super::{Inner, MemoryStore};
use crate::{Append, ArmedTimer, Claim, StoreResult, TimerChange, TimerChangeKind, TimerStore};
use ionveil_kernel::{StreamId, Timestamp};
use std::ops::Bound;

/// Where a timer stands among those that wait: by when it is due, then by name.
pub(super) type Place = (Timestamp, StreamId, String);

fn place(timer: &ArmedTimer) -> Place {
    (timer.due, timer.owner.clone(), timer.name.clone())
}

impl Inner {
    /// Carries out the changes of an accepted append, whose receipt has the position `armed`.
    pub(super) fn change_timers(&mut self, partition: u16, append: &Append, armed: u64) {
        for TimerChange { name, change } in &append.timers {
            let key = (append.owner.clone(), name.clone());
            match *change {
                TimerChangeKind::Arm { due, policy } => {
                    self.consume(&key);
                    let (owner, name) = key.clone();
                    let timer = ArmedTimer { partition, owner, name, due, policy, armed, consumed: false };
                    self.due.insert(place(&timer));
                    self.timers.insert(key, timer);
                }
                TimerChangeKind::Disarm => {
                    self.consume(&key);
                    self.timers.remove(&key);
                }
                TimerChangeKind::Consume => self.consume(&key),
            }
        }
    }

    fn consume(&mut self, key: &(StreamId, String)) {
        if let Some(timer) = self.timers.get_mut(key).filter(|timer| !timer.consumed) {
            timer.consumed = true;
            self.due.remove(&place(timer));
        }
    }

    /// Those that wait, behind `after` if given, in their order.
    fn waiting<'a>(&'a self, partitions: &'a [u16], after: Option<&ArmedTimer>) -> impl Iterator<Item = &'a ArmedTimer> {
        let start = after.map_or(Bound::Unbounded, |after| Bound::Excluded(place(after)));
        let timers =
            self.due.range((start, Bound::Unbounded)).filter_map(|(_, owner, name)| self.timers.get(&(owner.clone(), name.clone())));
        timers.filter(|timer| partitions.contains(&timer.partition))
    }
}

impl TimerStore for MemoryStore {
    fn due_timers<'a>(
        &'a self,
        partitions: &'a [u16],
        now: Timestamp,
        after: Option<&'a ArmedTimer>,
        limit: usize,
    ) -> StoreResult<'a, Vec<ArmedTimer>> {
        self.with(|inner| inner.waiting(partitions, after).take_while(|timer| timer.due <= now).take(limit).cloned().collect())
    }

    fn next_due<'a>(&'a self, partitions: &'a [u16]) -> StoreResult<'a, Option<Timestamp>> {
        self.with(|inner| inner.waiting(partitions, None).next().map(|timer| timer.due))
    }

    fn consume_timer<'a>(&'a self, claim: Claim, timer: &'a ArmedTimer) -> StoreResult<'a, bool> {
        self.with(|inner| {
            if !inner.holds(claim) {
                return false;
            }
            let key = (timer.owner.clone(), timer.name.clone());
            let same = |held: &&ArmedTimer| held.partition == claim.partition && held.armed == timer.armed && !held.consumed;
            let found = inner.timers.get(&key).filter(same).is_some();
            if found {
                inner.consume(&key);
            }
            found
        })
    }

    fn timers<'a>(&'a self, owner: &'a StreamId) -> StoreResult<'a, Vec<ArmedTimer>> {
        self.with(|inner| inner.timers.values().filter(|timer| timer.owner == *owner).cloned().collect())
    }
}
