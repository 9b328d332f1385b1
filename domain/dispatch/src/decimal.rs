//! Rounding to decimal places (specification of IonVeil §1.1).

/// `value` rounded to `places`: of the exact binary value, ties to even. Multiplying, rounding and dividing gives other
/// answers for some values, 2.675 for one (trap T01).
#[must_use]
pub fn round(value: f64, places: usize) -> f64 {
    // What was formatted parses; infinities and NaN too.
    format!("{value:.places$}").parse().unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::round;

    #[test]
    fn the_exact_binary_value_is_rounded_and_ties_go_to_even() {
        for (value, places, rounded) in
            [(2.675, 2, 2.67), (0.125, 2, 0.12), (0.375, 2, 0.38), (1.005, 2, 1.0), (-0.125, 2, -0.12), (7.0, 0, 7.0)]
        {
            assert_eq!(round(value, places), rounded, "{value}");
        }
        assert!(round(f64::NAN, 2).is_nan());
        assert_eq!(round(f64::INFINITY, 2), f64::INFINITY);
    }
}
