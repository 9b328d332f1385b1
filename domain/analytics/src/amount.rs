//! Measured amounts: minutes and kilometres in whole steps of 10⁻⁶, so that a sum is exact and the same in whatever order
//! events come, and a number comes out of its text as it went in.

use serde::{Deserialize, Serialize};

/// Steps of one unit.
pub(crate) const STEPS: i64 = 1_000_000;
const STEPS_PER_UNIT: f64 = 1e6;

/// An amount from 0 to [`Amount::MAX`], to the nearest millionth.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Amount(i64);

/// A number that is no amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is from 0 to 1,000,000")]
pub struct InvalidAmount;

impl Amount {
    /// The greatest: almost two years in minutes, and twice the way to the moon in kilometres.
    pub const MAX: f64 = 1e6;

    /// Takes a number.
    ///
    /// # Errors
    /// [`InvalidAmount`] unless it is from 0 to [`Self::MAX`].
    pub fn new(number: f64) -> Result<Self, InvalidAmount> {
        // In range, so the cast keeps the value.
        if (0.0..=Self::MAX).contains(&number) { Ok(Self((number * STEPS_PER_UNIT).round() as i64)) } else { Err(InvalidAmount) }
    }

    /// The number.
    #[must_use]
    pub fn get(self) -> f64 {
        number(self.0.into())
    }

    pub(crate) const fn steps(self) -> i64 {
        self.0
    }
}

/// What so many steps are.
pub(crate) fn number(steps: i128) -> f64 {
    steps as f64 / STEPS_PER_UNIT
}

impl TryFrom<f64> for Amount {
    type Error = InvalidAmount;
    fn try_from(number: f64) -> Result<Self, InvalidAmount> {
        Self::new(number)
    }
}

impl From<Amount> for f64 {
    fn from(amount: Amount) -> Self {
        amount.get()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_not_cut_to_whole_numbers_and_have_bounds() {
        for number in [0.0, 0.1, 2.675, 4.999_999, 1e6] {
            assert_eq!(Amount::new(number).unwrap().get(), number, "trap T42: kept as it is");
        }
        assert_eq!(Amount::new(-0.0).unwrap().get().to_bits(), 0);
        assert_eq!(Amount::new(0.000_000_4).unwrap().get(), 0.0);
        for unlawful in [-0.1, 1_000_000.1, f64::NAN, f64::INFINITY] {
            assert_eq!(Amount::new(unlawful), Err(InvalidAmount), "{unlawful}");
            assert!(serde_json::from_str::<Amount>(&format!("{unlawful}")).is_err());
        }
    }
}
