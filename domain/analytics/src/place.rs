//! Where a dispatch was, as its report says: a cell of somebody's grid, or a position.

use serde::{Deserialize, Serialize};

/// A position is kept in steps of 10⁻⁷ degrees, about a centimetre.
const STEPS_PER_DEGREE: f64 = 1e7;

/// A place; [`Place::None`] if the report names none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// It is not known.
    #[default]
    None,
    /// A cell of a grid; also outside it, in which case the grid wraps around.
    Cell {
        /// The row.
        row: i32,
        /// The column.
        col: i32,
    },
    /// A position, which counts where there is no cell.
    Position(Position),
}

/// A place on Earth, WGS 84.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
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

impl Position {
    /// Takes degrees, to the nearest 10⁻⁷.
    ///
    /// # Errors
    /// [`InvalidPosition`] outside −90 to 90 and −180 to 180.
    pub fn new(latitude: f64, longitude: f64) -> Result<Self, InvalidPosition> {
        if !(-90.0..=90.0).contains(&latitude) || !(-180.0..=180.0).contains(&longitude) {
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
}

impl TryFrom<Degrees> for Position {
    type Error = InvalidPosition;
    fn try_from(degrees: Degrees) -> Result<Self, InvalidPosition> {
        Self::new(degrees.latitude, degrees.longitude)
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

    #[test]
    fn positions_keep_their_text_and_others_are_refused() {
        let place = Place::Position(Position::new(37.774_929_5, -122.419_415_5).unwrap());
        let text = r#"{"position":{"latitude":37.7749295,"longitude":-122.4194155}}"#;
        assert_eq!(serde_json::to_string(&place).unwrap(), text);
        assert_eq!(serde_json::from_str::<Place>(text).unwrap(), place);
        for (latitude, longitude) in [(90.1, 0.0), (0.0, -180.1), (f64::NAN, 0.0)] {
            assert_eq!(Position::new(latitude, longitude), Err(InvalidPosition));
        }
        assert!(serde_json::from_str::<Place>(r#"{"position":{"latitude":91.0,"longitude":0.0}}"#).is_err());
    }
}
