//! The specification's figures and traps (`aetherops.md` U4, `ionveil.md` 3.7), and laws against the plain way.

use super::*;
use proptest::prelude::*;

fn alpha(alpha: f64) -> Alpha {
    Alpha::new(alpha).unwrap()
}

#[test]
fn rounding_is_of_the_exact_value_and_ties_go_to_even() {
    for (value, places, expected) in [
        (0.125, 2, 0.12),
        (0.375, 2, 0.38),
        (2.675, 2, 2.67),
        (1.005, 2, 1.0),
        (-0.125, 2, -0.12),
        (0.5, 0, 0.0),
        (1.5, 0, 2.0),
        (2.5, 0, 2.0),
        (0.000_05, 4, 0.0001),
        (123_456_789.123_45, 4, 123_456_789.123_4),
        (1e300, 4, 1e300),
        (0.1, 200, 0.1),
    ] {
        assert_eq!(round(value, places).to_bits(), f64::to_bits(expected), "{value} to {places} gives {}", round(value, places));
    }
    assert!(round(f64::NAN, 2).is_nan());
    assert_eq!(round(f64::INFINITY, 2), f64::INFINITY);
}

#[test]
fn a_moving_average_takes_in_the_present_value_and_is_rounded_at_each_step() {
    assert_eq!(ewma(&[10.0, 20.0, 30.0], alpha(0.3)), [10.0, 13.0, 18.1]);
    assert_eq!(ewma(&[1.0, 0.0, 0.0], alpha(0.35)), [1.0, 0.65, 0.4225]);
    assert_eq!(ewma(&[1.0, 0.0, 0.0, 0.0], alpha(0.35))[3], 0.2746, "0.274625 was rounded, not carried on as it is");
    assert_eq!(ewma(&[3.0, 7.0], alpha(1.0)), [3.0, 7.0]);
    assert_eq!(ewma(&[], alpha(0.5)), [0.0; 0]);
    for unlawful in [0.0, -0.1, 1.000_001, f64::NAN, f64::INFINITY] {
        assert!(matches!(Alpha::new(unlawful), Err(StatisticsError::InvalidAlpha(_))), "{unlawful}");
    }
}

#[test]
fn a_variance_is_that_of_a_sample_also_far_from_zero() {
    let far = [4.0, 7.0, 13.0, 16.0].map(|value| 1e9 + value);
    assert_eq!(Moments::of(&far).variance(), 30.0);
    assert_eq!(Moments::of(&[2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0]).population_deviation(), 2.0);
    assert_eq!((Moments::of(&[3.0]).variance(), Moments::of(&[]).population_variance()), (0.0, 0.0));
    let (left, right) = far.split_at(1);
    assert_eq!(Moments::of(left).merged(Moments::of(right)).variance(), 30.0);
    assert_eq!(Moments::default().merged(Moments::of(&far)), Moments::of(&far));
}

#[test]
fn a_percentile_is_a_value_at_its_nearest_rank() {
    let ten: Vec<f64> = (1..=10).rev().map(f64::from).collect();
    for (percent, expected) in
        [(-5.0, 1.0), (0.0, 1.0), (10.0, 1.0), (10.1, 2.0), (50.0, 5.0), (90.0, 9.0), (95.0, 10.0), (100.0, 10.0), (150.0, 10.0)]
    {
        assert_eq!(percentile(&ten, percent), expected, "{percent}");
    }
    assert_eq!((percentile(&[], 50.0), percentile(&[7.5], 1.0)), (0.0, 7.5));
    assert_eq!([(0, 50.0), (10, 0.0), (10, 50.0), (10, 100.0)].map(|(n, p)| nearest_rank(n, p)), [None, Some(0), Some(4), Some(9)]);
}

#[test]
fn middles_and_means() {
    assert_eq!((median(&[4.0, 1.0, 3.0, 2.0]), median(&[3.0, 1.0, 2.0]), median(&[])), (2.5, 2.0, 0.0));
    assert_eq!((mean(&[1.0, 2.0]), mean(&[])), (1.5, 0.0));
    assert_eq!(trimmed_mean(&[100.0, 1.0, 2.0, 3.0, -50.0], 0.2), Ok(2.0));
    assert_eq!(trimmed_mean(&[1.0, 3.0], 0.49), Ok(2.0));
    assert_eq!((trimmed_mean(&[1.0], 0.5), trimmed_mean(&[], 0.1)), (Err(StatisticsError::InvalidTrim(0.5)), Ok(0.0)));
    assert_eq!(moving_average(&[1.0, 2.0, 3.0, 5.0], 2), Ok(vec![1.0, 1.5, 2.5, 4.0]));
    assert_eq!(moving_average(&[1.0], 0), Err(StatisticsError::InvalidWindow));
    assert_eq!((share_within(&[1.0, 2.0, 3.0, 4.0], 3.0), share_within(&[], 3.0)), (0.75, 0.0), "the limit itself is within");
    assert_eq!(decay_mean(&[0.0, 3.0], 1.0), Ok(2.0), "the newest value weighs twice as much");
    assert_eq!((decay_mean(&[], 1.0), decay_mean(&[1.0], 0.0)), (Ok(0.0), Err(StatisticsError::InvalidHalfLife(0.0))));
}

#[test]
fn an_interval_narrows_with_more_values() {
    assert_eq!(confidence_interval(&[5.0], 1.96), (0.0, 0.0));
    let few = confidence_interval(&[1.0, 3.0], 1.96);
    assert!((few.0 - 0.04).abs() < 1e-9 && (few.1 - 3.96).abs() < 1e-9, "{few:?}");
    let many = confidence_interval(&[1.0, 3.0].repeat(50), 1.96);
    assert!(many.1 - many.0 < few.1 - few.0);
}

#[test]
fn outliers_are_inclusive_and_drifts_are_not() {
    assert_eq!(z_score_outliers(&[10.0, 10.0, 10.0, 10.0, 100.0], 2.0), [100.0]);
    assert_eq!(drifts(&[0.0, 0.0, 0.0, 0.0, 4.0], 2.0), [0; 0], "exactly two deviations off");
    assert_eq!(drifts(&[0.0, 0.0, 0.0, 0.0, 4.0], 1.99), [4]);
    assert_eq!((drifts(&[0.0, 9.0], 0.1), drifts(&[5.0; 9], 0.0)), (vec![], vec![]), "too few, or all the same");
}

proptest! {
    #[test]
    fn rounding_is_what_decimal_text_says(value in -1e7_f64..1e7, places in 0_u8..7) {
        let text: f64 = format!("{value:.*}", usize::from(places)).parse().unwrap();
        prop_assert_eq!(round(value, places), text);
    }

    #[test]
    fn rounding_of_ties_is_what_decimal_text_says(whole in -100_000_i32..100_000, places in 0_u8..5) {
        let tie = (f64::from(whole) + 0.5) / 10_f64.powi(i32::from(places));
        let text: f64 = format!("{tie:.*}", usize::from(places)).parse().unwrap();
        prop_assert_eq!(round(tie, places), text);
    }

    #[test]
    fn moments_are_those_of_two_passes_however_values_are_cut(values in prop::collection::vec(-1e3_f64..1e3, 2..40), cut in 0_usize..40) {
        let (left, right) = values.split_at(cut.min(values.len()));
        let merged = Moments::of(left).merged(Moments::of(right));
        let mean = mean(&values);
        let plain = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (values.len() - 1) as f64;
        prop_assert!((merged.variance() - plain).abs() < 1e-6 && (merged.mean() - mean).abs() < 1e-9);
        prop_assert_eq!(merged.count(), values.len() as u64);
    }

    #[test]
    fn a_percentile_has_its_share_at_or_below_it(values in prop::collection::vec(-1e3_f64..1e3, 1..50), percent in 1_u8..=100) {
        let found = percentile(&values, f64::from(percent));
        prop_assert!(values.contains(&found));
        let needed = usize::from(percent) * values.len();
        let at_or_below = values.iter().filter(|value| **value <= found).count() * 100;
        let below = values.iter().filter(|value| **value < found).count() * 100;
        prop_assert!(at_or_below >= needed && below < needed, "{} {} {}", below, needed, at_or_below);
    }

    #[test]
    fn an_average_stays_between_the_values(values in prop::collection::vec(0.0_f64..1.0, 1..50), weight in 0.01_f64..=1.0) {
        let (low, high) = values.iter().fold((1.0_f64, 0.0_f64), |(low, high), value| (low.min(*value), high.max(*value)));
        for average in ewma(&values, alpha(weight)) {
            prop_assert!(average >= low - 5e-5 && average <= high + 5e-5);
        }
    }
}
