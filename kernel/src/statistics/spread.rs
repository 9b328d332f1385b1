//! Where values lie, and how far apart.

use super::StatisticsError;

/// The arithmetic mean; 0 of nothing.
#[must_use]
pub fn mean(values: &[f64]) -> f64 {
    if values.is_empty() { 0.0 } else { values.iter().sum::<f64>() / values.len() as f64 }
}

/// The middle value, of an even number the mean of the middle two; 0 of nothing.
#[must_use]
pub fn median(values: &[f64]) -> f64 {
    let sorted = sorted(values);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => 0.0,
        count if count.is_multiple_of(2) => f64::midpoint(sorted[middle - 1], sorted[middle]),
        _odd => sorted[middle],
    }
}

/// The value at the nearest rank, `ceil(percent · n / 100)`, never between two: the smallest at 0 and below, the greatest
/// at 100 and above; 0 of nothing.
#[must_use]
pub fn percentile(values: &[f64], percent: f64) -> f64 {
    nearest_rank(values.len(), percent).map_or(0.0, |place| sorted(values)[place])
}

/// The place, from 0, at which the percentile stands among so many sorted values; `None` of nothing. For whoever finds the
/// value at a place without sorting floating numbers.
#[must_use]
pub fn nearest_rank(count: usize, percent: f64) -> Option<usize> {
    let last = count.checked_sub(1)?;
    // What a cast makes of a rank out of bounds is a bound.
    let rank = (percent * count as f64 / 100.0).ceil() as usize;
    Some(rank.saturating_sub(1).min(last))
}

fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}

/// The mean without `floor(n · share)` of the values at each end; 0 of nothing.
///
/// # Errors
/// [`StatisticsError::InvalidTrim`] unless `share` is from 0 to below a half.
pub fn trimmed_mean(values: &[f64], share: f64) -> Result<f64, StatisticsError> {
    if !(0.0..0.5).contains(&share) {
        return Err(StatisticsError::InvalidTrim(share));
    }
    let sorted = sorted(values);
    let cut = (sorted.len() as f64 * share).floor() as usize;
    Ok(mean(&sorted[cut..sorted.len() - cut]))
}

/// The share of values that are at most `limit`, from 0 to 1; 0 of nothing.
#[must_use]
pub fn share_within(values: &[f64], limit: f64) -> f64 {
    if values.is_empty() {
        return 0.0;
    }
    values.iter().filter(|value| **value <= limit).count() as f64 / values.len() as f64
}

/// The interval `mean ± z · s / √n` of a normal distribution, `s` being the deviation of a sample; (0, 0) of fewer than two
/// values. `z` is 1.96 for 95 %.
#[must_use]
pub fn confidence_interval(values: &[f64], z: f64) -> (f64, f64) {
    if values.len() < 2 {
        return (0.0, 0.0);
    }
    let (mean, half) = (mean(values), z * Moments::of(values).deviation() / (values.len() as f64).sqrt());
    (mean - half, mean + half)
}

/// Count, mean and spread of values that come one by one, or in parts that are merged: the one variance of the house.
/// Numerically stable, also far from zero (Welford 1962; merging: Chan, Golub, LeVeque 1979).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Moments {
    count: u64,
    mean: f64,
    squares: f64,
}

impl Moments {
    /// Those of `values`.
    #[must_use]
    pub fn of(values: &[f64]) -> Self {
        let mut moments = Self::default();
        values.iter().for_each(|value| moments.push(*value));
        moments
    }

    /// Takes in one more value.
    pub fn push(&mut self, value: f64) {
        self.count += 1;
        let off = value - self.mean;
        self.mean += off / self.count as f64;
        self.squares += off * (value - self.mean);
    }

    /// As if all that `other` has seen had been seen here.
    #[must_use]
    pub fn merged(self, other: Self) -> Self {
        if self.count == 0 {
            return other;
        }
        let count = self.count + other.count;
        let (ours, theirs, off) = (self.count as f64, other.count as f64, other.mean - self.mean);
        let mean = self.mean + off * theirs / count as f64;
        Self { count, mean, squares: self.squares + other.squares + off * off * ours * theirs / count as f64 }
    }

    /// How many values there were.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// Their mean; 0 of nothing.
    #[must_use]
    pub const fn mean(&self) -> f64 {
        self.mean
    }

    /// The variance of a sample, over n − 1; 0 of fewer than two values.
    #[must_use]
    pub fn variance(&self) -> f64 {
        if self.count < 2 { 0.0 } else { self.squares / (self.count - 1) as f64 }
    }

    /// The variance of a whole population, over n; 0 of nothing.
    #[must_use]
    pub fn population_variance(&self) -> f64 {
        if self.count == 0 { 0.0 } else { self.squares / self.count as f64 }
    }

    /// The square root of [`Self::variance`].
    #[must_use]
    pub fn deviation(&self) -> f64 {
        self.variance().sqrt()
    }

    /// The square root of [`Self::population_variance`].
    #[must_use]
    pub fn population_deviation(&self) -> f64 {
        self.population_variance().sqrt()
    }
}
