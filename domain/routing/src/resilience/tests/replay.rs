//! A replay's plan: each piece alone, then together.

use crate::resilience::{
    InvalidBatchSize, Mode, OutageClass, ReplayPlan, ReplayRequest, batch_size, budget, build_replay_plan, coverage, duration_s, mode,
    outage_class, partition, retries,
};
use proptest::prelude::*;
use std::collections::BTreeSet;

#[test]
fn a_budget_is_nine_tenths_of_what_gets_through() {
    for (events, timeout_s, expected) in [
        (100, 3, 32),
        (100, 20, 90),
        (1_000, 5, 54),
        (10, 100, 9),
        (1_000, 20, 216),
        (1, 1, 1),
        (15, 100, 13),
        (0, 9, 0),
        (-4, 9, 0),
        (9, 0, 0),
        (9, -1, 0),
    ] {
        assert_eq!(budget(events, timeout_s), expected, "{events} events, {timeout_s} s");
    }
    assert_eq!(budget(i64::MAX, i64::MAX), i64::try_from(i128::from(i64::MAX) * 9 / 10).unwrap());
}

#[test]
fn batches_and_retries_have_bounds() {
    assert_eq!([0, 9, 10, 216, 640, 650, 9_999].map(batch_size), [1, 1, 1, 21, 64, 64, 64]);
    assert_eq!([0, 1, 2, 5, 24, 26, 9_999].map(retries), [1, 1, 1, 2, 12, 12, 12]);
}

#[test]
fn an_outage_is_classed_by_its_service_minutes() {
    use OutageClass::{Critical, Degraded, Major, Minor};
    for (minutes, services, class) in [
        (39, 1, Minor),
        (40, 1, Degraded),
        (119, 0, Degraded),
        (30, 4, Major),
        (239, 1, Major),
        (60, 4, Critical),
        (i64::MAX, 2, Critical),
        (-5, 3, Minor),
    ] {
        assert_eq!(outage_class(minutes, services), class, "{minutes} × {services}");
    }
}

#[test]
fn the_mode_is_full_only_where_nine_tenths_are_whole() {
    for (budget, events, expected) in [
        (9, 10, Mode::Full),
        (13, 15, Mode::Partial),
        (90, 100, Mode::Full),
        (51, 100, Mode::Partial),
        (50, 100, Mode::Sampled),
        (1, 100, Mode::Sampled),
        (0, 100, Mode::Skip),
        (0, 0, Mode::Skip),
    ] {
        assert_eq!(mode(budget, events), expected, "{budget} of {events}");
    }
    assert_eq!((coverage(13, 15), coverage(0, 0)), (0.8667, 0.0));
    assert_eq!((duration_s(216, false), duration_s(216, true), duration_s(32, true)), (27.0, 14.4, 2.13));
}

fn request(events: i64, timeout_s: i64) -> ReplayRequest<'static> {
    let degraded = BTreeSet::from(["us-west-2"]);
    ReplayRequest { events, timeout_s, parallel: false, primary: "us-east-1", candidates: vec!["us-west-2", "us-central-1"], degraded }
}

#[test]
fn a_plan_puts_the_pieces_together() {
    let expected = ReplayPlan {
        budget: 216,
        batch_size: 21,
        retries: 10,
        region: "us-central-1",
        fallback: false,
        // 10 minutes of 62 services: events by 16, not by the size of a batch.
        outage_class: OutageClass::Critical,
        mode: Mode::Sampled,
        coverage: 0.216,
        est_duration_s: 27.0,
    };
    assert_eq!(build_replay_plan(&request(1_000, 20)), expected);
    let parallel = ReplayRequest { parallel: true, ..request(100, 20) };
    let plan = build_replay_plan(&parallel);
    assert_eq!((plan.mode, plan.coverage, plan.est_duration_s, plan.outage_class), (Mode::Full, 0.9, 6.0, OutageClass::Degraded));
}

#[test]
fn without_events_or_time_there_is_nothing_to_do() {
    for (events, timeout_s) in [(0, 20), (-1, 20), (100, 0), (100, -7)] {
        let plan = build_replay_plan(&request(events, timeout_s));
        let figures = (plan.budget, plan.batch_size, plan.retries, plan.coverage, plan.est_duration_s);
        assert_eq!(figures, (0, 0, 0, 0.0, 0.0));
        assert_eq!((plan.region, plan.fallback, plan.outage_class, plan.mode), ("us-east-1", true, OutageClass::Minor, Mode::Skip));
    }
}

#[test]
fn batches_keep_the_order() {
    let batches = |size| partition(&[1, 2, 3, 4, 5], size).map(|batches| batches.map(<[i32]>::to_vec).collect::<Vec<_>>());
    assert_eq!(batches(2), Ok(vec![vec![1, 2], vec![3, 4], vec![5]]));
    assert_eq!(batches(9), Ok(vec![vec![1, 2, 3, 4, 5]]));
    assert_eq!((batches(0), batches(-1)), (Err(InvalidBatchSize), Err(InvalidBatchSize)));
    assert_eq!(partition::<u8>(&[], 3).unwrap().count(), 0);
}

proptest! {
    #[test]
    fn a_budget_is_that_of_the_plain_formula(events in 1_i64..1_000_000, timeout_s in 1_i64..100_000) {
        let plain = ((0.9 * events.min(12 * timeout_s) as f64).floor() as i64).max(1);
        prop_assert_eq!(budget(events, timeout_s), plain);
    }
}
