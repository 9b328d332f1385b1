//! How bad it is with the people around it, and whether others must help (specification of IonVeil §3.1, §3.2).

use crate::scale::Severity;

/// The smallest area that counts, in square kilometres: no division by a point.
const AREA_KM2_MIN: f64 = 0.01;
/// People per square kilometre above which any call is one step worse.
const CROWDED_ABOVE: f64 = 5_000.0;
/// People per square kilometre above which a call that is bad by itself is one step worse.
const DENSE_ABOVE: f64 = 3_000.0;

/// The severity among `population` people on `area_km2`: at most **one** step worse than given (trap T09). Both limits are
/// strict. A number that is none (NaN) counts as nobody.
#[must_use]
pub fn triage(severity: Severity, population: f64, area_km2: f64) -> Severity {
    let density = population / area_km2.max(AREA_KM2_MIN);
    let is_bad = severity.number() >= 4;
    if density > CROWDED_ABOVE || (is_bad && density > DENSE_ABOVE) { severity.worse() } else { severity }
}

/// Whether other agencies must help a call that has so many units: fewer than 3 at severity 5 (trap T15), none at 4
/// (decision D07), never below.
#[must_use]
pub const fn needs_mutual_aid(severity: Severity, units: usize) -> bool {
    match severity.number() {
        5 => units < 3,
        4 => units < 1,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::{needs_mutual_aid, triage};
    use crate::scale::Severity;

    #[test]
    fn a_crowd_makes_it_one_step_worse_and_no_more() {
        for (severity, population, area, after) in [
            (3, 5_001.0, 1.0, 4),
            (3, 5_000.0, 1.0, 3),
            (3, 6_000.0, 1.0, 4),
            (4, 3_001.0, 1.0, 5),
            (4, 3_000.0, 1.0, 4),
            (3, 4_000.0, 1.0, 3),
            (5, 9_000.0, 1.0, 5),
            (1, 51.0, 0.0, 2),
            (1, 50.0, 0.0, 1),
            (4, f64::NAN, 1.0, 4),
        ] {
            let given = Severity::new(severity).unwrap();
            assert_eq!(triage(given, population, area).number(), after, "{severity} {population} {area}");
        }
    }

    #[test]
    fn help_is_needed_below_three_units_or_below_one() {
        let needs = |severity, units| needs_mutual_aid(Severity::new(severity).unwrap(), units);
        assert_eq!([0, 1, 2, 3].map(|units| needs(5, units)), [true, true, true, false]);
        assert_eq!([0, 1].map(|units| needs(4, units)), [true, false]);
        assert!(!needs(3, 0));
    }
}
