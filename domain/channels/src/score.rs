//! Reliability and score of a channel (specification of IonVeil §3.3, §5.4, D08, D27).

/// The weight of reliability in the score (§3.3).
pub const RELIABILITY_WEIGHT: f64 = 0.6;
/// How much the newest outcome counts in reliability (D27).
pub const RELIABILITY_ALPHA: f64 = 0.3;
/// The reliability of a channel that nothing was tried on.
pub const RELIABILITY_AT_FIRST: f64 = 1.0;

/// Rounds the exact binary value to four decimals, ties to even (§1.1, T01).
#[must_use]
pub fn round4(value: f64) -> f64 {
    format!("{value:.4}").parse().unwrap_or(value)
}

/// The reliability after an attempt: `0.3·outcome + 0.7·r`, four decimals.
#[must_use]
pub fn reliability(before: f64, delivered: bool) -> f64 {
    let outcome = if delivered { 1.0 } else { 0.0 };
    round4(RELIABILITY_ALPHA * outcome + (1.0 - RELIABILITY_ALPHA) * before)
}

/// The score, 0 to 1: `0.6·reliability + 0.4·max(0, 1 − latency/100)`, four decimals. A latency that is not known yet counts
/// as none.
#[must_use]
pub fn score(reliability: f64, latency_ms: Option<f64>) -> f64 {
    let latency = latency_ms.filter(|latency| latency.is_finite() && *latency > 0.0).unwrap_or(0.0);
    let quickness = (1.0 - latency / 100.0).max(0.0);
    round4((RELIABILITY_WEIGHT * reliability + (1.0 - RELIABILITY_WEIGHT) * quickness).clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reliability_falls_and_rises_by_three_tenths() {
        let steps = [(false, 0.7), (false, 0.49), (true, 0.643), (true, 0.7501), (false, 0.5251)];
        let mut now = RELIABILITY_AT_FIRST;
        for (delivered, expected) in steps {
            now = reliability(now, delivered);
            assert_eq!(now, expected, "after {delivered}");
        }
        assert_eq!(reliability(1.0, true), 1.0, "success on a channel that is well changes nothing");
    }

    #[test]
    fn reliability_comes_to_rest_after_failures() {
        let mut now = 0.0;
        for _ in 0..40 {
            now = reliability(now, true);
        }
        assert!(now >= 0.9998, "{now}");
        assert_eq!(reliability(now, true), now);
    }

    #[test]
    fn the_score_weighs_reliability_and_quickness_and_stays_within_bounds() {
        for (r, latency, expected) in [
            (1.0, Some(0.0), 1.0),
            (1.0, None, 1.0),
            (1.0, Some(50.0), 0.8),
            (0.7, Some(50.0), 0.62),
            (1.0, Some(100.0), 0.6),
            (1.0, Some(5_000.0), 0.6),
            (0.0, Some(100.0), 0.0),
            (1.0, Some(-40.0), 1.0),
        ] {
            assert_eq!(score(r, latency), expected, "{r} {latency:?}");
        }
    }

    #[test]
    fn rounding_is_that_of_the_exact_binary_value() {
        assert_eq!(round4(0.000_05), 0.0001, "0.00005 lies above the tie");
        assert_eq!(round4(0.000_15), 0.0001, "0.00015 lies below the tie");
    }
}
