//! Which region takes over.

use crate::resilience::{Region, RegionState, degraded_regions, failover_priority, select_region};
use std::collections::BTreeSet;

const OTHERS: [&str; 3] = ["us-west-2", "us-central-1", "eu-west-1"];

#[test]
fn the_first_region_that_is_well_takes_over() {
    let select = |degraded: &[&str]| select_region("us-east-1", OTHERS, &degraded.iter().copied().collect());
    assert_eq!(select(&["us-west-2"]), Region { region: "us-central-1", fallback: false });
    assert_eq!(select(&[]), Region { region: "us-west-2", fallback: false });
    assert_eq!(select(&OTHERS), Region { region: "us-east-1", fallback: true });
    let all: Vec<_> = OTHERS.into_iter().chain(["us-east-1"]).collect();
    assert_eq!(select(&all), Region { region: "us-east-1", fallback: true }, "even where it is degraded itself");
}

#[test]
fn the_primary_never_takes_over_from_itself() {
    assert_eq!(select_region("a", ["a", "a", "b"], &BTreeSet::new()), Region { region: "b", fallback: false });
    assert_eq!(select_region("a", ["a"], &BTreeSet::new()), Region { region: "a", fallback: true });
    assert_eq!(select_region("a", [], &BTreeSet::new()), Region { region: "a", fallback: true });
}

#[test]
fn a_region_with_an_open_breaker_counts_as_degraded() {
    let breakers = [("us-west-2", RegionState::Open), ("us-central-1", RegionState::HalfOpen), ("eu-west-1", RegionState::Closed)];
    let degraded = degraded_regions(["eu-west-1"], breakers);
    assert_eq!(degraded, BTreeSet::from(["eu-west-1", "us-west-2"]));
    assert_eq!(select_region("us-east-1", OTHERS, &degraded).region, "us-central-1", "half open is not open");
}

#[test]
fn priority_is_latency_in_seconds_and_ten_for_degraded() {
    assert_eq!((failover_priority(250.0, false), failover_priority(250.0, true)), (0.25, 10.25));
}
