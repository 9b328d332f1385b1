//! Rounding to decimal places.

/// Scaled values below this are known to within a millionth, so that only those near a tie need the long way.
const EXACT_BELOW: f64 = 1e9;
const NEAR: f64 = 1e-6;

/// `value` to `places` decimal places (at most 15), as the decimal rounding of the exact binary value, ties to even
/// (`ionveil.md` 1.1): 0.125 gives 0.12, and 2.675, which is a little less than it is written, gives 2.67. Multiplying,
/// rounding and dividing differs on such values; here that way is taken only where it cannot.
#[must_use]
pub fn round(value: f64, places: u8) -> f64 {
    let scale = 10_f64.powi(i32::from(places.min(15)));
    let scaled = value * scale;
    if scaled.abs() < EXACT_BELOW && (scaled.fract().abs() - 0.5).abs() > NEAR {
        // A quotient of two whole numbers that are exact is the nearest to the decimal that it stands for.
        return scaled.round() / scale;
    }
    if !value.is_finite() {
        return value;
    }
    let places = usize::from(places.min(15));
    format!("{value:.places$}").parse().unwrap_or(value)
}
