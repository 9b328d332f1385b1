//! Where things are, and how far apart (specification of IonVeil §3.3, §4.5).

pub use ionveil_kernel::{InvalidPosition, Position, is_latitude, is_longitude};

use ionveil_kernel::statistics::round;
use serde::{Deserialize, Serialize};

/// A distance is kept in millimetres, so that equal ones are equal and survive being stored as decimal text.
const STEPS_PER_KM: f64 = 1e6;
/// No two places on Earth are farther apart by any road that a unit would take, in kilometres.
pub const DISTANCE_KM_MAX: f64 = 100_000.0;

/// Great-circle distance in kilometres, 2 places.
#[must_use]
pub fn haversine_km(a: Position, b: Position) -> f64 {
    round(a.km_to(b), 2)
}

/// How far, from 0 to [`DISTANCE_KM_MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Distance(u64);

/// A distance that there is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a distance is from 0 to {DISTANCE_KM_MAX} km")]
pub struct InvalidDistance;

impl Distance {
    /// Takes kilometres, to the nearest millimetre.
    ///
    /// # Errors
    /// [`InvalidDistance`] outside the range, and for a number that is none.
    pub fn from_km(km: f64) -> Result<Self, InvalidDistance> {
        // In range, so the cast keeps the value.
        if (0.0..=DISTANCE_KM_MAX).contains(&km) { Ok(Self((km * STEPS_PER_KM).round() as u64)) } else { Err(InvalidDistance) }
    }

    /// In kilometres.
    #[must_use]
    pub fn km(self) -> f64 {
        self.0 as f64 / STEPS_PER_KM
    }
}

impl TryFrom<f64> for Distance {
    type Error = InvalidDistance;
    fn try_from(km: f64) -> Result<Self, InvalidDistance> {
        Self::from_km(km)
    }
}

impl From<Distance> for f64 {
    fn from(distance: Distance) -> f64 {
        distance.km()
    }
}

#[cfg(test)]
mod tests {
    use super::{Distance, Position, haversine_km};
    use proptest::prelude::*;

    fn at(latitude: f64, longitude: f64) -> Position {
        Position::new(latitude, longitude).unwrap()
    }

    #[test]
    fn known_distances_are_met() {
        assert_eq!(haversine_km(at(0.0, 0.0), at(0.0, 1.0)), 111.19);
        assert_eq!(haversine_km(at(52.52, 13.405), at(48.8566, 2.3522)), 877.46, "Berlin to Paris");
        assert_eq!(haversine_km(at(60.0, 0.0), at(-60.0, 180.0)), 20_015.09, "the other side");
        // With the first cosine squared (trap T21) these two would differ.
        assert_eq!(haversine_km(at(60.0, 0.0), at(0.0, 90.0)), haversine_km(at(0.0, 90.0), at(60.0, 0.0)));
        assert_eq!(haversine_km(at(60.0, 0.0), at(0.0, 90.0)), 10_007.54);
    }

    #[test]
    fn a_distance_that_cannot_be_is_refused() {
        for km in [-0.1, f64::NAN, f64::INFINITY, 100_000.1] {
            assert!(Distance::from_km(km).is_err(), "{km}");
        }
        assert_eq!(Distance::from_km(-0.0).unwrap().km(), 0.0);
    }

    proptest! {
        #[test]
        fn stored_distances_come_back(km in 0.0..=100_000.0) {
            let distance = Distance::from_km(km).unwrap();
            prop_assert_eq!(serde_json::from_str::<Distance>(&serde_json::to_string(&distance).unwrap()).unwrap(), distance);
        }

        #[test]
        fn distances_are_symmetric_and_on_earth(a in (-90.0..=90.0, -180.0..=180.0), b in (-90.0..=90.0, -180.0..=180.0)) {
            let (a, b) = (at(a.0, a.1), at(b.0, b.1));
            prop_assert_eq!(haversine_km(a, b), haversine_km(b, a));
            prop_assert!((0.0..=20_015.09).contains(&haversine_km(a, b)));
            prop_assert_eq!(haversine_km(a, a), 0.0);
        }
    }
}
