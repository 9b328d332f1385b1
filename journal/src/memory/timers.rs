//! Timers in memory.

use super::{Inner, MemoryStore};
use crate::{Append, ArmedTimer, Claim, StoreResult, TimerChange, TimerChangeKind, TimerStore};
use ionveil_kernel::{StreamId, Timestamp};

impl Inner {
    /// Carries out the changes of an accepted append, whose receipt has the position `armed`.
    pub(super) fn change_timers(&mut self, partition: u16, append: &Append, armed: u64) {
        for TimerChange { name, change } in &append.timers {
            let key = (append.owner.clone(), name.clone());
            match *change {
                TimerChangeKind::Arm { due, policy } => {
                    let (owner, name) = key.clone();
                    self.timers.insert(key, ArmedTimer { partition, owner, name, due, policy, armed, consumed: false });
                }
                TimerChangeKind::Disarm => drop(self.timers.remove(&key)),
                TimerChangeKind::Consume => {
                    if let Some(timer) = self.timers.get_mut(&key) {
                        timer.consumed = true;
                    }
                }
            }
        }
    }

    fn waiting<'a>(&'a self, partitions: &'a [u16]) -> impl Iterator<Item = &'a ArmedTimer> {
        self.timers.values().filter(|timer| !timer.consumed && partitions.contains(&timer.partition))
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
        self.with(|inner| {
            let fresh = |timer: &&ArmedTimer| timer.due <= now && after.is_none_or(|after| timer.place() > after.place());
            let mut due: Vec<_> = inner.waiting(partitions).filter(fresh).collect();
            due.sort_by_key(|timer| timer.place());
            due.into_iter().take(limit).cloned().collect()
        })
    }

    fn next_due<'a>(&'a self, partitions: &'a [u16]) -> StoreResult<'a, Option<Timestamp>> {
        self.with(|inner| inner.waiting(partitions).map(|timer| timer.due).min())
    }

    fn consume_timer<'a>(&'a self, claim: Claim, timer: &'a ArmedTimer) -> StoreResult<'a, bool> {
        self.with(|inner| {
            if !inner.holds(claim) {
                return false;
            }
            let same = |held: &&mut ArmedTimer| held.partition == claim.partition && held.armed == timer.armed && !held.consumed;
            let held = inner.timers.get_mut(&(timer.owner.clone(), timer.name.clone())).filter(same);
            held.map(|held| held.consumed = true).is_some()
        })
    }

    fn timers<'a>(&'a self, owner: &'a StreamId) -> StoreResult<'a, Vec<ArmedTimer>> {
        self.with(|inner| inner.timers.values().filter(|timer| timer.owner == *owner).cloned().collect())
    }
}
