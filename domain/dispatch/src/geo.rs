//! Where things are, and how far apart (specification of IonVeil §3.3, §4.5).

use ionveil_kernel::statistics::round;
use serde::{Deserialize, Serialize};

/// The radius of the Earth, in kilometres.
const EARTH_KM: f64 = 6_371.0;
/// A position is kept in steps of 10⁻⁷ degrees (about a centimetre), so that equal positions are equal and survive being
/// stored as decimal text.
const STEPS_PER_DEGREE: f64 = 1e7;
/// A distance is kept in millimetres, for the same reason.
const STEPS_PER_KM: f64 = 1e6;
/// No two places on Earth are farther apart by any road that a unit would take, in kilometres.
pub const DISTANCE_KM_MAX: f64 = 100_000.0;

/// A place on Earth, WGS 84.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "Degrees", into = "Degrees")]
pub struct Position {
    latitude: i32,
    longitude: i32,
}

/// The stored form of a position.
#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Degrees {
    latitude: f64,
    longitude: f64,
}

/// A position that there is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a latitude is from -90 to 90 and a longitude from -180 to 180 degrees")]
pub struct InvalidPosition;

/// Whether a latitude is one: −90 to 90.
#[must_use]
pub fn is_latitude(degrees: f64) -> bool {
    (-90.0..=90.0).contains(&degrees)
}

/// Whether a longitude is one: −180 to 180.
#[must_use]
pub fn is_longitude(degrees: f64) -> bool {
    (-180.0..=180.0).contains(&degrees)
}

impl Position {
    /// Takes degrees, to the nearest 10⁻⁷.
    ///
    /// # Errors
    /// [`InvalidPosition`] outside the ranges, and for numbers that are none.
    pub fn new(latitude: f64, longitude: f64) -> Result<Self, InvalidPosition> {
        if !is_latitude(latitude) || !is_longitude(longitude) {
            return Err(InvalidPosition);
        }
        // In range, so the casts keep the value.
        let steps = |degrees: f64| (degrees * STEPS_PER_DEGREE).round() as i32;
        Ok(Self { latitude: steps(latitude), longitude: steps(longitude) })
    }

    /// Degrees north, −90 to 90.
    #[must_use]
    pub fn latitude(self) -> f64 {
        f64::from(self.latitude) / STEPS_PER_DEGREE
    }

    /// Degrees east, −180 to 180.
    #[must_use]
    pub fn longitude(self) -> f64 {
        f64::from(self.longitude) / STEPS_PER_DEGREE
    }

    /// Great-circle distance in kilometres, unrounded: haversine with R = 6371 km and cos φ₁ · cos φ₂ (trap T21).
    #[must_use]
    pub fn km_to(self, other: Self) -> f64 {
        let [a, b] = [self.latitude(), other.latitude()].map(f64::to_radians);
        let half = |from: f64, to: f64| ((to - from) / 2.0).sin().powi(2);
        let longitudes = half(self.longitude().to_radians(), other.longitude().to_radians());
        let h = half(a, b) + a.cos() * b.cos() * longitudes;
        2.0 * EARTH_KM * h.clamp(0.0, 1.0).sqrt().asin()
    }
}

impl TryFrom<Degrees> for Position {
    type Error = InvalidPosition;
    fn try_from(Degrees { latitude, longitude }: Degrees) -> Result<Self, InvalidPosition> {
        Self::new(latitude, longitude)
    }
}

impl From<Position> for Degrees {
    fn from(position: Position) -> Self {
        Self { latitude: position.latitude(), longitude: position.longitude() }
    }
}

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
    fn what_is_nowhere_is_refused() {
        for (latitude, longitude) in [(90.1, 0.0), (-91.0, 0.0), (0.0, 180.5), (f64::NAN, 0.0), (0.0, f64::INFINITY)] {
            assert!(Position::new(latitude, longitude).is_err(), "{latitude} {longitude}");
        }
        assert!(serde_json::from_str::<Position>(r#"{"latitude":91,"longitude":0}"#).is_err());
        for km in [-0.1, f64::NAN, f64::INFINITY, 100_000.1] {
            assert!(Distance::from_km(km).is_err(), "{km}");
        }
        assert_eq!(Distance::from_km(-0.0).unwrap().km(), 0.0);
    }

    proptest! {
        #[test]
        fn stored_positions_and_distances_come_back(latitude in -90.0..=90.0, longitude in -180.0..=180.0, km in 0.0..=100_000.0) {
            let position = at(latitude, longitude);
            prop_assert_eq!(serde_json::from_str::<Position>(&serde_json::to_string(&position).unwrap()).unwrap(), position);
            prop_assert!((position.latitude() - latitude).abs() <= 5.1e-8);
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
