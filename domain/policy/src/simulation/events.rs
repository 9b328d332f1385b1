//! Outcomes in virtual time, packed: 8 bytes each, in order.

use super::pattern::EVENTS_MAX;
use super::reject::FaultKind;
use super::span::Span;
use ionveil_kernel::Timestamp;
use std::sync::Arc;

/// Outcomes with their offsets from the start of a run, in order of the offsets; those of one offset in the order in which
/// they came. Cheap to clone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Events {
    /// The offset in microseconds, shifted by one, and whether it was a success in the lowest bit: a span has 50 bits.
    packed: Arc<Vec<u64>>,
}

impl Events {
    /// From offsets and successes in any order. Sorts if need be, stably.
    ///
    /// # Errors
    /// [`FaultKind::PatternTooLong`] if there are more than 10,000,000.
    pub fn collect(events: impl IntoIterator<Item = (Span, bool)>) -> Result<Self, FaultKind> {
        let mut packed: Vec<u64> = events.into_iter().take(EVENTS_MAX + 1).map(pack).collect();
        if packed.len() > EVENTS_MAX {
            return Err(FaultKind::PatternTooLong);
        }
        if !packed.is_sorted_by_key(|event| event >> 1) {
            packed.sort_by_key(|event| event >> 1);
        }
        Ok(Self { packed: Arc::new(packed) })
    }

    /// From what happened at instants: those in `from..to` count, their offsets from `from`.
    ///
    /// # Errors
    /// [`FaultKind::PatternTooLong`] if there are more than 10,000,000 of them.
    pub fn of_history(outcomes: impl IntoIterator<Item = (Timestamp, bool)>, from: Timestamp, to: Timestamp) -> Result<Self, FaultKind> {
        let within = outcomes.into_iter().filter(|(at, _)| (from..to).contains(at));
        let offset = |at: Timestamp| Span::from_micros(u64::try_from(at.since(from).as_micros()).unwrap_or(u64::MAX));
        Self::collect(within.map(|(at, success)| (offset(at), success)))
    }

    /// How many.
    #[must_use]
    pub fn len(&self) -> usize {
        self.packed.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.packed.is_empty()
    }

    /// Offset and success of each, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (Span, bool)> + '_ {
        self.packed.iter().map(|event| (Span::from_micros(event >> 1), event & 1 == 1))
    }

    /// The packed ones with an offset below `end`.
    pub(crate) fn before(&self, end: Span) -> &[u64] {
        &self.packed[..self.packed.partition_point(|event| event >> 1 < end.micros())]
    }
}

fn pack((offset, success): (Span, bool)) -> u64 {
    offset.micros() << 1 | u64::from(success)
}

/// Offset in microseconds, and whether it was a success.
#[inline]
pub(crate) const fn unpack(event: u64) -> (u64, bool) {
    (event >> 1, event & 1 == 1)
}
