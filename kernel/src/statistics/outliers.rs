//! Values that stand out, by how many deviations of the population they lie off the mean.

use super::Moments;

/// What a deviation of zero counts as, so that equal values are never far off.
const DEVIATION_MIN: f64 = 0.001;
/// Of fewer values nothing drifts.
const DRIFT_VALUES_MIN: usize = 3;

fn deviations(values: &[f64]) -> impl Iterator<Item = f64> {
    let moments = Moments::of(values);
    let deviation = match moments.population_deviation() {
        0.0 => DEVIATION_MIN,
        deviation => deviation,
    };
    values.iter().map(move |value| (value - moments.mean()).abs() / deviation)
}

/// The places of the values that lie **more** than `threshold` deviations off the mean, ascending; none of fewer than three.
#[must_use]
pub fn drifts(values: &[f64], threshold: f64) -> Vec<usize> {
    if values.len() < DRIFT_VALUES_MIN {
        return Vec::new();
    }
    deviations(values).enumerate().filter(|(_, off)| *off > threshold).map(|(place, _)| place).collect()
}

/// The values that lie `limit` deviations off the mean **or more**, in their order.
#[must_use]
pub fn z_score_outliers(values: &[f64], limit: f64) -> Vec<f64> {
    let pairs = values.iter().zip(deviations(values));
    pairs.filter(|(_, off)| *off >= limit).map(|(value, _)| *value).collect()
}
