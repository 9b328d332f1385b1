//! How often values were about this great: what is kept of the values of a minute once they are rolled up. The cells grow with
//! the values, 64 between a power of two and the next, as in Gil Tene's HdrHistogram, so that a value is known to within
//! [`RELATIVE_ERROR_MAX`] of itself. Whole numbers only: the same values give the same cells on every machine.
//!
//! No sketch from a library fits: those of the t-digest and DDSketch families interpolate or count ranks from another end,
//! and the house has one percentile, that at the nearest rank.

use serde::{Deserialize, Serialize};

/// The most that a value out of a histogram is off, relative to the true one: 1/128.
pub const RELATIVE_ERROR_MAX: f64 = 1.0 / 128.0;
/// So many bits of a value below its highest are kept.
const BITS: u32 = 6;
const PER_OCTAVE: u64 = 1 << BITS;

/// Cells with something in them, ascending.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Histogram(Vec<(u16, u32)>);

impl Histogram {
    /// Counts a value, which is not negative.
    pub(crate) fn add(&mut self, value: i64) {
        self.add_many(cell_of(value.unsigned_abs()), 1);
    }

    fn add_many(&mut self, cell: u16, count: u32) {
        match self.0.binary_search_by_key(&cell, |(cell, _)| *cell) {
            Ok(place) => self.0[place].1 = self.0[place].1.saturating_add(count),
            Err(place) => self.0.insert(place, (cell, count)),
        }
    }

    /// As if all that `other` has counted had been counted here.
    pub(crate) fn merge(&mut self, other: &Self) {
        other.0.iter().for_each(|(cell, count)| self.add_many(*cell, *count));
    }

    /// The values, each with how often it is there, ascending. The smallest and the greatest are known exactly, so they are
    /// among them as they were.
    pub(crate) fn values(&self, min: i64, max: i64) -> Vec<(i64, u64)> {
        let mut values: Vec<_> = self.0.iter().map(|(cell, count)| (middle_of(*cell).clamp(min, max), u64::from(*count))).collect();
        for (end, exact) in [(0, min), (values.len().saturating_sub(1), max)] {
            if let Some(at_end) = values.get_mut(end)
                && at_end.1 > 0
            {
                at_end.1 -= 1;
                values.push((exact, 1));
            }
        }
        values.retain(|(_, count)| *count > 0);
        values.sort_unstable();
        values
    }

    pub(crate) const fn bytes(&self) -> usize {
        self.0.capacity() * size_of::<(u16, u32)>()
    }
}

/// The cell of a value: as it is below 64, then its highest bit and the six behind it.
fn cell_of(value: u64) -> u16 {
    let shift = (64 - BITS).saturating_sub(value.leading_zeros() + 1);
    let cell = u64::from(shift) * PER_OCTAVE + (value >> shift);
    u16::try_from(cell).unwrap_or(u16::MAX)
}

/// The value in the middle of a cell.
fn middle_of(cell: u16) -> i64 {
    let (octave, within) = (u64::from(cell) / PER_OCTAVE, u64::from(cell) % PER_OCTAVE);
    let Some(shift) = octave.checked_sub(1) else { return within as i64 };
    let low = (PER_OCTAVE + within) << shift;
    (low + (1 << shift) / 2) as i64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn small_values_are_exact_and_ends_are_too() {
        for value in 0..128 {
            assert_eq!(middle_of(cell_of(value)), value as i64);
        }
        let mut histogram = Histogram::default();
        [1_001, 1_002, 1_003, 5_000].into_iter().for_each(|value| histogram.add(value));
        assert_eq!(histogram.values(1_001, 5_000), [(1_001, 1), (1_004, 2), (5_000, 1)]);
        assert_eq!(Histogram::default().values(i64::MAX, i64::MIN), []);
        let mut one = Histogram::default();
        one.add(1_001);
        assert_eq!(one.values(1_001, 1_001), [(1_001, 1)]);
    }

    proptest! {
        #[test]
        fn a_cell_is_near_its_value_and_cells_keep_the_order(value in 0_i64..=1_000_000_000_000, step in 0_i64..1_000_000) {
            let found = middle_of(cell_of(value as u64));
            prop_assert!((found - value).abs() as f64 <= RELATIVE_ERROR_MAX * value as f64, "{} for {}", found, value);
            prop_assert!(cell_of(value as u64) <= cell_of((value + step) as u64));
        }

        #[test]
        fn merging_is_counting_all(left in prop::collection::vec(0_i64..1_000_000, 0..40), right in prop::collection::vec(0_i64..1_000_000, 0..40)) {
            let of = |values: &[i64]| values.iter().fold(Histogram::default(), |mut histogram, value| { histogram.add(*value); histogram });
            let mut merged = of(&left);
            merged.merge(&of(&right));
            prop_assert_eq!(merged, of(&[left, right].concat()));
        }
    }
}
