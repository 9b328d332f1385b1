//! What dispatching costs (specification of IonVeil §3.2).

use ionveil_kernel::statistics::round;

const PER_URGENCY: f64 = 12.0;
const PER_KM: f64 = 0.5;
const PLANNED_PER_URGENCY: f64 = 1.5;
/// From so many orders on there is a discount.
const DISCOUNT_ORDERS_MIN: usize = 10;
const DISCOUNT_MAX: f64 = 0.15;
const DISCOUNT_PER_URGENCY: f64 = 0.01;

/// What one order is estimated at: 12 × urgency + 0.5 × km (trap T13), 2 places.
#[must_use]
pub fn estimate(urgency: i64, distance_km: f64) -> f64 {
    round(PER_URGENCY * urgency as f64 + PER_KM * distance_km, 2)
}

/// What a plan costs: 1.5 × Σ urgency, whatever the route (trap T17).
#[must_use]
pub fn planned(urgencies: impl IntoIterator<Item = i64>) -> f64 {
    PLANNED_PER_URGENCY * urgencies.into_iter().map(|urgency| urgency as f64).sum::<f64>()
}

/// What a fleet costs: 12 × Σ urgency, from 10 orders on less `min(15 %, 1 % × mean urgency)` (trap T14: of the real mean);
/// 2 places.
#[must_use]
pub fn fleet(urgencies: &[i64]) -> f64 {
    let sum: f64 = urgencies.iter().map(|urgency| *urgency as f64).sum();
    let mean = sum / urgencies.len().max(1) as f64;
    let discount = if urgencies.len() < DISCOUNT_ORDERS_MIN { 0.0 } else { (DISCOUNT_PER_URGENCY * mean).min(DISCOUNT_MAX) };
    round(PER_URGENCY * sum * (1.0 - discount), 2)
}

#[cfg(test)]
mod tests {
    use super::{estimate, fleet, planned};

    #[test]
    fn figures_are_the_specified_ones() {
        assert_eq!(estimate(3, 10.0), 41.0);
        assert_eq!(estimate(0, 0.0), 0.0);
        assert_eq!(estimate(1, 0.25), 12.12, "ties go to even");
        assert_eq!(planned([5, 4, 1]), 15.0);
        assert_eq!(planned([]), 0.0);
    }

    #[test]
    fn ten_orders_are_cheaper() {
        assert_eq!(fleet(&[5; 9]), 540.0);
        assert_eq!(fleet(&[5; 10]), 570.0, "5 %");
        assert_eq!(fleet(&[15; 10]), 1_530.0, "15 %");
        assert_eq!(fleet(&[100; 10]), 10_200.0, "never more");
        assert_eq!(fleet(&[]), 0.0);
    }
}
