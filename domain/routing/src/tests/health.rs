//! Health over a window of time.

use super::{at, samples};
use crate::{Health, SAMPLES_MAX, Sample, Samples, Settings};
use ionveil_kernel::statistics::{ewma, mean};
use proptest::prelude::*;
use std::time::Duration;

fn health(seen: &[(u32, f64)], now: u32) -> f64 {
    samples(seen).health(at(now), &Settings::default()).health
}

#[test]
fn unknown_is_not_unhealthy() {
    assert_eq!(samples(&[]).health(at(0), &Settings::default()), Health { health: 1.0, trend: 0.0, samples: 0 });
    assert_eq!(health(&[(10, 0.0)], 9), 1.0, "a sample of a time to come");
}

#[test]
fn health_is_a_moving_average_in_the_order_of_time() {
    assert_eq!(health(&[(1, 1.0), (2, 0.0), (3, 0.0), (4, 0.0)], 10), 0.2746);
    assert_eq!(health(&[(4, 0.0), (1, 1.0), (3, 0.0), (2, 0.0)], 10), 0.2746, "whenever it was heard of");
    assert_eq!(health(&[(1, 0.0), (1, 1.0)], 10), 0.35, "of one instant the order of arrival counts");
    assert_eq!(health(&[(1, 0.0)], 1), 0.0, "now itself is within");
}

#[test]
fn what_is_older_than_the_window_has_no_effect_even_on_the_seed() {
    let seen = [(0, 0.0), (100, 1.0), (200, 1.0)];
    assert_eq!(health(&seen, 299), 0.5775);
    assert_eq!(health(&seen, 300), 1.0, "exactly the window old is too old");
    assert_eq!(health(&[(0, 0.0)], 300), 1.0, "then nothing is known");
}

#[test]
fn a_trend_is_negative_when_it_gets_worse() {
    let trend = |seen: &[(u32, f64)]| samples(seen).health(at(10), &Settings::default()).trend;
    assert_eq!(trend(&[(1, 1.0), (2, 0.0)]), 0.65 - mean(&[1.0, 0.65]));
    assert!(trend(&[(1, 1.0), (2, 0.0)]) < 0.0 && trend(&[(1, 0.0), (2, 1.0)]) > 0.0);
    assert_eq!(trend(&[(1, 0.5), (2, 0.5), (3, 0.5)]), 0.0);
}

#[test]
fn the_newest_samples_are_kept() {
    let many = (0..2_000_u32).fold(Samples::default(), |samples, n| samples.with(Sample { at: at(n / 20), value: f64::from(n % 2) }));
    let known = many.health(at(100), &Settings::default());
    assert_eq!(known.samples, SAMPLES_MAX);
    let older = many.clone().with(Sample { at: at(0), value: 0.0 });
    assert_eq!(older, many, "one that is older than all that are kept is not");
}

#[test]
fn the_settings_are_obeyed() {
    let settings = Settings { window: Duration::from_secs(10), ..Settings::default() };
    assert_eq!(samples(&[(0, 0.0), (5, 1.0)]).health(at(10), &settings).health, 1.0);
}

/// Samples within some window, often at the same instant.
fn seen() -> impl Strategy<Value = Vec<(u32, f64)>> {
    prop::collection::vec((0_u32..60, prop_oneof![Just(0.0), Just(1.0), 0.0_f64..=1.0]), 0..60)
}

proptest! {
    #[test]
    fn health_is_that_of_the_plain_way(seen in seen(), now in 0_u32..120, window in 1_u64..90) {
        let settings = Settings { window: Duration::from_secs(window), ..Settings::default() };
        let mut sorted = seen.clone();
        sorted.sort_by_key(|(second, _)| *second);
        let is_within = |second: u32| second <= now && u64::from(now - second.min(now)) < window;
        let values: Vec<f64> = sorted.into_iter().filter(|(second, _)| is_within(*second)).map(|(_, value)| value).collect();
        let series = ewma(&values, settings.alpha);
        let found = samples(&seen).health(at(now), &settings);
        prop_assert_eq!(found.samples, values.len());
        prop_assert_eq!(found.health, series.last().copied().unwrap_or(1.0));
        let trend = if series.is_empty() { 0.0 } else { found.health - mean(&series) };
        prop_assert!((found.trend - trend).abs() < 1e-12);
    }

    /// At each instant that is foretold the health is the one that is foretold, and between them it does not change.
    #[test]
    fn ageing_is_foretold(seen in seen(), now in 0_u32..60) {
        let settings = Settings { window: Duration::from_secs(40), ..Settings::default() };
        let samples = samples(&seen.into_iter().filter(|(second, _)| *second <= now).collect::<Vec<_>>());
        let steps = samples.ageing(at(now), &settings);
        let mut known = samples.health(at(now), &settings).health;
        let mut steps = steps.into_iter().peekable();
        for second in now + 1..now + 50 {
            if let Some((_, health)) = steps.next_if(|(instant, _)| *instant == at(second)) {
                known = health;
            }
            prop_assert_eq!(samples.health(at(second), &settings).health, known, "at {}", second);
        }
        prop_assert_eq!(steps.next(), None);
    }

    #[test]
    fn a_health_holds_until_it_says(seen in seen(), now in 0_u32..60) {
        let settings = Settings { window: Duration::from_secs(40), ..Settings::default() };
        let samples = samples(&seen);
        let until = samples.until(at(now), settings.window);
        prop_assert!(until > at(now));
        let before = (now..200).take_while(|second| at(*second) < until);
        for second in before {
            prop_assert_eq!(samples.health(at(second), &settings), samples.health(at(now), &settings));
        }
    }
}
