//! Under which epoch a node owns a partition, and until when. It has no clock: the reader brings the time. It does not
//! know who else owns what.

use crate::order;
use crate::shim::{AtomicU64, Ordering::Relaxed, constructor};
use std::fmt;

/// An epoch and its deadline, written by one and read by many. Epochs and deadlines are published as pairs: no reader
/// ever sees the epoch of one publication with the deadline of another.
///
/// Two slots take turns; a version says which one counts. A reader takes the version, then the slot, and looks whether
/// the version is still the same. A writer fills the slot that does not count and then moves the version on, so a writer
/// that is stopped half-way delays no reader: a reader starts anew only if a publication has been completed meanwhile.
///
/// # Memory ordering
/// A publication releases its fields, then its version; a reader acquires both. So who sees the version sees the fields
/// (or newer ones), and who sees a newer field sees, looking again, that the version has moved on: the slot is only
/// written again after the version that made it idle. That is a seqlock with an acquiring load for each field in place of
/// a fence behind them (H.-J. Boehm, "Can seqlocks get along with programming language memory models?", MSPC 2012).
pub struct EpochCell {
    /// Its lowest bit names the slot that counts.
    version: AtomicU64,
    slots: [Slot; 2],
}

struct Slot {
    epoch: AtomicU64,
    until: AtomicU64,
}

impl EpochCell {
    constructor! {
        /// Nothing is owned.
        pub fn new() -> Self {
            let even = Slot { epoch: AtomicU64::new(0), until: AtomicU64::new(0) };
            let odd = Slot { epoch: AtomicU64::new(0), until: AtomicU64::new(0) };
            Self { version: AtomicU64::new(0), slots: [even, odd] }
        }
    }

    /// From now on `epoch` is owned, for as long as the reader's time is below `until` (in the unit of the readers). One
    /// writer at a time: the caller holds a lock, or is the only one. Racing writers cause no undefined behaviour, but a
    /// reader could then see a mix of what they wrote.
    pub fn publish(&self, epoch: u64, until: u64) {
        // Only writers write it, and they come one after the other: nothing to acquire.
        let next = self.version.load(Relaxed).wrapping_add(1);
        let slot = self.slot(next);
        slot.epoch.store(epoch, order::EPOCH_FIELD_STORE);
        slot.until.store(until, order::EPOCH_FIELD_STORE);
        self.version.store(next, order::EPOCH_VERSION_STORE);
    }

    /// From now on nothing is owned. One writer at a time, as with [`publish`](Self::publish).
    pub fn revoke(&self) {
        self.publish(0, 0);
    }

    /// The epoch that is owned at the time `now`: none at its deadline, after it, or after a revocation. Any number of
    /// readers may call it; it is lock-free.
    ///
    /// A reader that has heard of a publication (a lock, a message) sees it or a later one. Another may see an earlier
    /// one for a moment: the deadline, and in the end the store, keep a stale owner out.
    #[must_use]
    pub fn read(&self, now: u64) -> Option<u64> {
        loop {
            let version = self.version.load(order::EPOCH_VERSION_LOAD);
            let slot = self.slot(version);
            let epoch = slot.epoch.load(order::EPOCH_FIELD_LOAD);
            let until = slot.until.load(order::EPOCH_FIELD_LOAD);
            // Relaxed is enough: having acquired a field of a newer version, this load cannot be older than that.
            if order::EPOCH_LOOKS_ONCE || self.version.load(Relaxed) == version {
                return (now < until).then_some(epoch);
            }
        }
    }

    fn slot(&self, version: u64) -> &Slot {
        let [even, odd] = &self.slots;
        if version.is_multiple_of(2) { even } else { odd }
    }
}

impl Default for EpochCell {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for EpochCell {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("EpochCell").field("version", &self.version.load(Relaxed)).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_publication_counts_until_its_deadline() {
        let cell = EpochCell::new();
        assert_eq!(cell.read(0), None, "nothing is owned at first");
        let publications = [(7, 100), (7, 200), (8, 150), (9, u64::MAX)];
        for (epoch, until) in publications {
            cell.publish(epoch, until);
            let times = [0, until - 1, until, u64::MAX].map(|now| cell.read(now));
            assert_eq!(times, [Some(epoch), Some(epoch), None, None], "epoch {epoch} until {until}");
        }
    }

    #[test]
    fn a_revocation_counts_at_once_and_can_be_followed() {
        let cell = EpochCell::default();
        cell.publish(1, 10);
        cell.revoke();
        assert_eq!(cell.read(0), None);
        cell.publish(2, 10);
        assert_eq!(cell.read(9), Some(2));
        assert_eq!(format!("{cell:?}"), "EpochCell { version: 3, .. }");
    }
}
