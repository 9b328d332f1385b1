//! The sum of a metric on a grid over the Earth (decision D35). A cell that the report names counts before its position, and
//! wraps around the grid; `rem_euclid`, so that −1 is the last row (trap T46).

use crate::answer::sample::shown;
use crate::metric::Metric;
use crate::place::Place;
use crate::query::{Filter, Range};
use crate::reject::{Check, FaultKind, Faults};
use crate::store::{Accuracy, Part, Reading};
use std::collections::BTreeMap;

/// The most rows, and the most columns.
pub const SIDE_MAX: i64 = 1_000;
const SIDE_DEFAULT: i64 = 10;

/// Rows and columns, 1 to [`SIDE_MAX`] each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grid {
    rows: i32,
    cols: i32,
}

impl Grid {
    /// A grid; 10 × 10 where nothing is said.
    ///
    /// # Errors
    /// `invalid_grid` for either.
    pub fn new(rows: Option<i64>, cols: Option<i64>) -> Result<Self, Faults> {
        let mut check = Check::default();
        let mut side = |field, given: Option<i64>| {
            let given = given.unwrap_or(SIDE_DEFAULT);
            let lawful = i32::try_from(given).ok().filter(|_| (1..=SIDE_MAX).contains(&given));
            check.need(field, lawful, FaultKind::InvalidGrid, 1)
        };
        let grid = Self { rows: side("rows", rows), cols: side("cols", cols) };
        check.finish().map(|()| grid)
    }

    /// The cell of a place, if it has one.
    #[must_use]
    pub fn cell(self, place: Place) -> Option<(i32, i32)> {
        match place {
            Place::None => None,
            Place::Cell { row, col } => Some((row.rem_euclid(self.rows), col.rem_euclid(self.cols))),
            Place::Position(position) => {
                Some((part(position.latitude() + 90.0, 180.0, self.rows), part(position.longitude() + 180.0, 360.0, self.cols)))
            }
        }
    }
}

/// Into which of so many equal parts of `whole` a number falls; the upper end is of the last one.
fn part(number: f64, whole: f64, parts: i32) -> i32 {
    // What a cast makes of a number out of bounds is a bound.
    ((number / whole * f64::from(parts)).floor() as i32).clamp(0, parts - 1)
}

/// A cell with something in it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GridCell {
    /// From 0, south first.
    pub row: i32,
    /// From 0, west first.
    pub col: i32,
    /// The sum.
    pub value: f64,
    /// Of how many events.
    pub count: u64,
}

/// The sum of a metric by cell.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Heatmap {
    /// Occupied cells, by row and column.
    pub cells: Vec<GridCell>,
    /// Events without a place, or rolled up: they are left out.
    pub left_out: u64,
    /// How far it can be trusted.
    pub accuracy: Accuracy,
}

impl Reading<'_> {
    /// The sum of a metric by cell of a grid.
    #[must_use]
    pub fn heatmap(&self, metric: Metric, grid: Grid, range: &Range, filter: &Filter) -> Heatmap {
        let (sums, left_out, accuracy) = self.sums_by(metric, range, filter, |place| grid.cell(place));
        let cell = |((row, col), (sum, count))| GridCell { row, col, value: shown(sum), count };
        Heatmap { cells: sums.into_iter().map(cell).collect(), left_out, accuracy }
    }

    /// The sum and count of a metric by whatever a place is in, and how many events are in nothing.
    pub(super) fn sums_by<K: Ord>(
        &self,
        metric: Metric,
        range: &Range,
        filter: &Filter,
        mut cell_of: impl FnMut(Place) -> Option<K>,
    ) -> (BTreeMap<K, (i128, u64)>, u64, Accuracy) {
        let mut sums: BTreeMap<K, (i128, u64)> = BTreeMap::new();
        let mut left_out = 0;
        let accuracy = self.parts(range, filter, |_, part| match part {
            Part::Exact(events, cut) => events.each(cut, |event| match cell_of(events.place(event)) {
                Some(cell) => {
                    let (sum, count) = sums.entry(cell).or_default();
                    *sum += i128::from(events.value(metric, event));
                    *count += 1;
                }
                None => left_out += 1,
            }),
            Part::Rolled(_, rolled) => left_out += rolled.count(),
        });
        (sums, left_out, accuracy)
    }
}
