//! The one statistics of the house (`aetherops.md` U4): one rounding, one percentile, one moving average, one variance, for
//! routing, dispatch, alerts and analytics alike. No crate has these very rules (nearest rank without interpolation, averages
//! that are rounded at each step), and each is a few lines.
//!
//! | to read | file |
//! |---|---|
//! | rounding to decimal places | `round.rs` |
//! | mean, median, percentile, variance and what is made of them | `spread.rs` |
//! | averages that move along a series | `series.rs` |
//! | values that stand out | `outliers.rs` |
//!
//! Architecture invariant: pure, and total over finite numbers: nothing here panics. Whether a number from outside is
//! finite is checked at the edge (`invalid_number`); NaN and infinities that come in all the same come out again.

mod outliers;
mod round;
mod series;
mod spread;

#[cfg(test)]
mod tests;

pub use outliers::{drifts, z_score_outliers};
pub use round::round;
pub use series::{Alpha, decay_mean, ewma, ewma_step, moving_average};
pub use spread::{Moments, confidence_interval, mean, median, nearest_rank, percentile, share_within, trimmed_mean};

/// Why a figure cannot be made.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum StatisticsError {
    /// The weight of the newest value is not above 0 and at most 1.
    #[error("alpha is above 0 and at most 1, not {0}")]
    InvalidAlpha(f64),
    /// A window has no place for a value.
    #[error("a window has room for at least one value")]
    InvalidWindow,
    /// What is cut off at each end is not from 0 to below a half.
    #[error("the trimmed share is from 0 to below 0.5, not {0}")]
    InvalidTrim(f64),
    /// A half-life is not above 0.
    #[error("a half-life is above 0, not {0}")]
    InvalidHalfLife(f64),
}
