//! Where a dispatch was, as its report says: a cell of somebody's grid, or a position.

pub use ionveil_kernel::{InvalidPosition, Position};

use serde::{Deserialize, Serialize};

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_keep_their_text_and_others_are_refused() {
        let place = Place::Position(Position::new(37.774_929_5, -122.419_415_5).unwrap());
        let text = r#"{"position":{"latitude":37.7749295,"longitude":-122.4194155}}"#;
        assert_eq!(serde_json::to_string(&place).unwrap(), text);
        assert_eq!(serde_json::from_str::<Place>(text).unwrap(), place);
        assert!(serde_json::from_str::<Place>(r#"{"position":{"latitude":91.0,"longitude":0.0}}"#).is_err());
    }
}
