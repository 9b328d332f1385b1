//! Places on Earth, and how far apart they are (specification of IonVeil §3.3, §4.5).

use serde::{Deserialize, Serialize};

/// The radius of the Earth, in kilometres.
const EARTH_KM: f64 = 6_371.0;
/// A position is kept in steps of 10⁻⁷ degrees (about a centimetre), so that equal positions are equal and survive being
/// stored as decimal text.
const STEPS_PER_DEGREE: f64 = 1e7;

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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_nowhere_is_refused() {
        for (latitude, longitude) in [(90.1, 0.0), (-91.0, 0.0), (0.0, 180.5), (0.0, -180.1), (f64::NAN, 0.0), (0.0, f64::INFINITY)] {
            assert_eq!(Position::new(latitude, longitude), Err(InvalidPosition), "{latitude} {longitude}");
        }
        assert!(serde_json::from_str::<Position>(r#"{"latitude":91,"longitude":0}"#).is_err());
    }

    proptest! {
        #[test]
        fn stored_positions_come_back(latitude in -90.0..=90.0, longitude in -180.0..=180.0) {
            let position = Position::new(latitude, longitude).unwrap();
            prop_assert_eq!(serde_json::from_str::<Position>(&serde_json::to_string(&position).unwrap()).unwrap(), position);
            prop_assert!((position.latitude() - latitude).abs() <= 5.1e-8);
        }
    }
}
