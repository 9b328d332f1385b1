//! Averages that move along a series, oldest value first.

use super::{StatisticsError, mean, round};

/// Decimal places to which an average is rounded at each step.
const PLACES: u8 = 4;

/// The weight of the newest value in an average: above 0, at most 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Alpha(f64);

impl Alpha {
    /// Takes a weight.
    ///
    /// # Errors
    /// [`StatisticsError::InvalidAlpha`] unless it is above 0 and at most 1.
    pub fn new(alpha: f64) -> Result<Self, StatisticsError> {
        if alpha > 0.0 && alpha <= 1.0 { Ok(Self(alpha)) } else { Err(StatisticsError::InvalidAlpha(alpha)) }
    }

    /// The weight.
    #[must_use]
    pub const fn get(self) -> f64 {
        self.0
    }
}

/// The exponentially weighted moving average after each value: the first is the first value as it is, then
/// `α · value + (1 − α) · the one before`, rounded to 4 places and carried on as rounded.
#[must_use]
pub fn ewma(values: &[f64], alpha: Alpha) -> Vec<f64> {
    let mut averages = Vec::with_capacity(values.len());
    let mut last = None;
    for value in values {
        let next = last.map_or(*value, |last| ewma_step(last, *value, alpha));
        averages.push(next);
        last = Some(next);
    }
    averages
}

/// One step of [`ewma`].
#[must_use]
pub fn ewma_step(average: f64, value: f64, alpha: Alpha) -> f64 {
    round(alpha.0 * value + (1.0 - alpha.0) * average, PLACES)
}

/// The mean of the last `window` values at each place, of fewer at the start, rounded to 4 places.
///
/// # Errors
/// [`StatisticsError::InvalidWindow`] for a window of 0.
pub fn moving_average(values: &[f64], window: usize) -> Result<Vec<f64>, StatisticsError> {
    if window == 0 {
        return Err(StatisticsError::InvalidWindow);
    }
    let upto = |end: usize| round(mean(&values[end.saturating_sub(window)..end]), PLACES);
    Ok((1..=values.len()).map(upto).collect())
}

/// The mean in which the newest value weighs 1 and each that is `half_life` places older half as much; 0 of nothing.
///
/// # Errors
/// [`StatisticsError::InvalidHalfLife`] unless it is above 0.
pub fn decay_mean(values: &[f64], half_life: f64) -> Result<f64, StatisticsError> {
    if !(half_life > 0.0 && half_life.is_finite()) {
        return Err(StatisticsError::InvalidHalfLife(half_life));
    }
    let weighed = values.iter().rev().enumerate().map(|(age, value)| (0.5_f64.powf(age as f64 / half_life), value));
    let (sum, weights) = weighed.fold((0.0, 0.0), |(sum, weights), (weight, value)| (sum + weight * value, weights + weight));
    Ok(if weights > 0.0 { sum / weights } else { 0.0 })
}
