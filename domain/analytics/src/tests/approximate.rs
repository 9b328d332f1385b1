//! Too little room: what is rolled up keeps counts, sums and bounds, percentiles within the stated error, and the bound of
//! bytes holds whatever comes.

use super::*;
use crate::answer::Gauges;
use crate::store::{Buffer, Ingested, RELATIVE_ERROR_MAX, Row};
use proptest::prelude::*;

const DAY: f64 = 86_400.0;
/// Of the exact one.
const ROOMY: Limits = Limits { retention: crate::RETENTION_DEFAULT, bytes_max: 1 << 30 };

/// The finaliser of SplitMix64 (Steele, Lea, Flood 2014).
fn scrambled(number: u64) -> u64 {
    let mixed = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed ^ (mixed >> 31)
}

/// Events over three hours before noon, in no order.
fn events(count: u64, seed: u64) -> Vec<Observation> {
    let event = |number: u64| {
        let random = scrambled(number ^ seed << 32);
        Observation {
            region: format!("r{}", random % 2).into(),
            sla_met: random.is_multiple_of(3),
            distance_km: Amount::new((random >> 40 & 0xffff) as f64 / 100.0).unwrap(),
            ..seen(&format!("e{number}"), -((random >> 8) as f64 % 10_800.0) - 0.5, (random >> 20 & 0xfff) as f64 / 16.0)
        }
    };
    (0..count).map(event).collect()
}

fn store_of(events: &[Observation], limits: Limits) -> Store {
    let mut store = Store::new(limits);
    for event in events {
        assert_eq!(store.ingest(event, at(0.0)), Ingested::Accepted);
    }
    store
}

fn near(found: f64, exact: f64) -> bool {
    (found - exact).abs() <= RELATIVE_ERROR_MAX * exact + 0.000_05
}

#[test]
fn what_does_not_fit_is_rolled_up_within_the_stated_error() {
    let events = events(40_000, 1);
    let limits = Limits { bytes_max: 3 << 20, ..ROOMY };
    let (tight, exact) = (store_of(&events, limits), store_of(&events, ROOMY));
    assert!(tight.bytes() <= limits.bytes_max && exact.bytes() > limits.bytes_max, "{} of {}", tight.bytes(), exact.bytes());
    for aggregation in Aggregation::ALL.iter().copied() {
        for (metric, sliding) in Metric::ALL.iter().flat_map(|metric| [(*metric, false), (*metric, true)]) {
            let query = Query { sliding, ..query(metric, Window::Quarter, aggregation, -10_800.0, 0.0) };
            let (found, expected) = (tight.read().windows(&query), exact.read().windows(&query));
            assert!(found.accuracy.approximate && !expected.accuracy.approximate);
            assert_eq!(found.accuracy.relative_error_max, RELATIVE_ERROR_MAX);
            assert_eq!((found.accuracy.cut_minutes, found.accuracy.missing_before), (0, None));
            assert_eq!(found.points.len(), expected.points.len());
            let is_percentile = aggregation.percent().is_some_and(|percent| percent > 0.0 && percent < 100.0);
            for (found, expected) in found.points.iter().zip(&expected.points) {
                assert_eq!((found.start, found.count), (expected.start, expected.count));
                let is_right = if is_percentile { near(found.value, expected.value) } else { found.value == expected.value };
                assert!(is_right, "{metric} {aggregation} sliding {sliding}: {found:?} for {expected:?}");
            }
        }
    }
    let range = Range { start: at(-10_800.0), end: at(0.0) };
    assert_eq!(tight.read().regions(&range).regions, exact.read().regions(&range).regions);
    let filter = Filter { region: Some("r1".into()), ..Filter::default() };
    let of_region = Query { filter, ..query(Metric::Distance, Window::Hour, Aggregation::Sum, -10_800.0, 0.0) };
    assert_eq!(tight.read().windows(&of_region).points, exact.read().windows(&of_region).points);
}

#[test]
fn a_range_that_cuts_a_minute_that_is_rolled_up_says_so() {
    let store = store_of(&events(20_000, 2), Limits { bytes_max: 2 << 20, ..ROOMY });
    let cut = query(Metric::ResponseTime, Window::Hour, Aggregation::Count, -10_500.5, -10_020.5);
    let found = store.read().windows(&cut);
    assert_eq!((found.accuracy.cut_minutes, found.accuracy.approximate), (2, true));
    let whole = query(Metric::ResponseTime, Window::Hour, Aggregation::Count, -10_500.0, -10_020.0);
    assert_eq!(found.points, store.read().windows(&whole).points, "a minute counts whole if its start lies in the range");
    let places = store.read().heatmap(Metric::Distance, crate::answer::Grid::new(None, None).unwrap(), &whole.range, &Filter::default());
    assert_eq!(places.left_out, found.points.iter().map(|point| point.count).sum::<u64>(), "places are gone");
}

#[test]
fn late_events_of_a_minute_that_is_rolled_up_still_count() {
    let limits = Limits { bytes_max: 2 << 20, ..ROOMY };
    let all = events(20_000, 3);
    let mut store = store_of(&all, limits);
    let late = seen("late", -10_500.0, 7.0);
    assert_eq!(store.ingest(&late, at(0.0)), Ingested::Accepted);
    let minute = query(Metric::ResponseTime, Window::Minute, Aggregation::Count, -10_500.0, -10_440.0);
    let before = all.iter().filter(|event| minute.range.contains(event.timestamp)).count() as u64;
    assert_eq!(store.read().windows(&minute).points[0].count, before + 1);
}

#[test]
fn what_is_forgotten_is_told_and_a_views_rows_stand_in_for_it() {
    let all = events(20_000, 4);
    let limits = Limits { bytes_max: 300_000, ..ROOMY };
    let mut store = Store::new(limits);
    let mut buffer = Buffer::default();
    let mut ordered = all.clone();
    ordered.sort_by_key(|event| event.timestamp);
    for event in &ordered {
        store.ingest(event, at(0.0));
        buffer.add(event);
    }
    assert!(store.bytes() <= limits.bytes_max);
    let question = query(Metric::ResponseTime, Window::Hour, Aggregation::P90, -10_800.0, 0.0);
    let alone = store.read().windows(&question);
    let from = alone.accuracy.missing_before.expect("some was forgotten");
    assert!(alone.accuracy.approximate && from > at(-10_800.0));
    assert_eq!(store.ingest(&seen("late", -10_790.0, 1.0), at(0.0)), Ingested::Forgotten);
    let rows: Vec<Row> = buffer.flush();
    let (found, expected) = (store.read_with(&rows).windows(&question), store_of(&all, ROOMY).read().windows(&question));
    assert_eq!(found.accuracy.missing_before, None);
    for (found, expected) in found.points.iter().zip(&expected.points) {
        assert!(found.count == expected.count && near(found.value, expected.value), "{found:?} for {expected:?}");
    }
    assert_eq!(found.points.len(), expected.points.len());
    let sliding = Query { sliding: true, ..question };
    assert_eq!(store.read_with(&rows).windows(&sliding).points.len(), store_of(&all, ROOMY).read().windows(&sliding).points.len());
}

#[test]
fn a_single_minute_that_does_not_fit_is_rolled_up_too() {
    let limits = Limits { bytes_max: 400_000, ..ROOMY };
    let mut store = Store::new(limits);
    for number in 0..50_000_u32 {
        store.ingest(&seen(&format!("e{number}"), -30.0, f64::from(number % 600) / 10.0), at(0.0));
    }
    assert!(store.bytes() <= limits.bytes_max, "{}", store.bytes());
    let found = store.read().snapshot(at(0.0), Gauges::default());
    assert_eq!((found.dispatch_count, found.response_time.max, found.accuracy.approximate), (50_000, 59.9, true));
    assert!(near(found.response_time.p50, 29.9) && near(found.response_time.p99, 59.3), "{found:?}");
}

#[test]
fn what_is_beyond_the_series_that_are_told_apart_is_said_to_be() {
    let mut store = Store::new(ROOMY);
    for number in 0..=crate::store::SERIES_MAX {
        store.ingest(&Observation { region: format!("r{number}").into(), ..seen("", -1.0, 1.0) }, at(0.0));
    }
    let filter = Filter { region: Some(crate::store::OTHER.into()), ..Filter::default() };
    let question = query(Metric::DispatchCount, Window::Hour, Aggregation::Sum, -60.0, 0.0);
    let found = store.read().windows(&Query { filter, ..question.clone() });
    assert_eq!((found.points[0].value, found.accuracy.approximate), (1.0, true));
    assert!(!store.read().windows(&question).accuracy.approximate, "of all together the figures are exact");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Whatever comes, in whatever order and as time goes on: memory stays within its bound and nothing panics.
    #[test]
    fn the_bound_of_bytes_always_holds(seed in 0_u64..1_000, bytes_max in 20_000_usize..400_000, pause in 0.0_f64..30.0) {
        let limits = Limits { bytes_max, ..ROOMY };
        let mut store = Store::new(limits);
        for (step, event) in events(3_000, seed).into_iter().enumerate() {
            store.ingest(&event, at(step as f64 * pause));
            prop_assert!(store.bytes() <= bytes_max + 2_000, "{} at {}", store.bytes(), step);
        }
        let day = query(Metric::ResponseTime, Window::Day, Aggregation::P95, -DAY, DAY);
        prop_assert!(store.read().windows(&day).points.len() <= 3);
    }
}
