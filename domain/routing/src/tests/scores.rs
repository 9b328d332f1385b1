//! What nodes cost.

use super::TYPICAL;
use crate::node::Load;
use crate::{Health, Settings, adjusted_score, base_score, weight};
use proptest::prelude::*;

#[test]
fn a_base_is_latency_queue_and_saturation() {
    let load = Load { latency_ms: 40, queue_depth: 10, saturation: 0.5 };
    assert_eq!((base_score(&load, false), base_score(&load, true)), (134.0, 634.0));
    assert_eq!(base_score(&Load { saturation: 2.5, ..load }, false), 374.0, "above 1 it goes on");
    assert!((base_score(&TYPICAL, false) - 45.0).abs() < 1e-9);
}

#[test]
fn without_samples_the_score_is_the_base() {
    assert_eq!(adjusted_score(45.0, &Health::UNKNOWN, &Settings::default()), 45.0);
    let sick = Health { health: 0.5, trend: -0.25, samples: 2 };
    assert_eq!(adjusted_score(45.0, &sick, &Settings::default()), 45.0 + 100.0 + 25.0);
    assert_eq!(adjusted_score(45.0, &Health { trend: 0.25, ..sick }, &Settings::default()), 145.0, "to get better is no merit");
}

#[test]
fn a_weight_never_divides_by_less_than_one() {
    assert_eq!((weight(0.5, 0.0), weight(0.5, 0.25), weight(0.5, 50.0)), (0.5, 0.5, 0.01));
}

proptest! {
    #[test]
    fn the_healthier_costs_less(base in 0.0_f64..1e6, trend in -1.0_f64..1.0, low in 0.0_f64..1.0, more in 0.001_f64..1.0) {
        let score = |health: f64| adjusted_score(base, &Health { health, trend, samples: 9 }, &Settings::default());
        prop_assert!(score((low + more).min(1.0)) < score(low) || low + more <= low);
    }
}
