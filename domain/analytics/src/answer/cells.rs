//! The sum of a metric by cell of whatever divides the Earth: H3 in this house. Which cell a position is in is the caller's to
//! say, since the library of H3 stands on a floor above.

use crate::answer::sample::shown;
use crate::metric::Metric;
use crate::place::{Place, Position};
use crate::query::{Filter, Range};
use crate::store::{Accuracy, Reading};

/// A cell with something in it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CellSum<K> {
    /// The cell.
    pub cell: K,
    /// The sum.
    pub value: f64,
    /// Of how many events.
    pub count: u64,
}

/// The sum of a metric by cell.
#[derive(Clone, Debug, PartialEq)]
pub struct Cells<K> {
    /// Occupied cells, ascending.
    pub cells: Vec<CellSum<K>>,
    /// Events without a position, or rolled up: they are left out.
    pub left_out: u64,
    /// How far it can be trusted.
    pub accuracy: Accuracy,
}

impl Reading<'_> {
    /// The sum of a metric by the cell that `cell_of` says a position is in.
    #[must_use]
    pub fn cells<K: Ord>(
        &self,
        metric: Metric,
        range: &Range,
        filter: &Filter,
        mut cell_of: impl FnMut(Position) -> Option<K>,
    ) -> Cells<K> {
        let (sums, left_out, accuracy) = self.sums_by(metric, range, filter, |place| match place {
            Place::Position(position) => cell_of(position),
            Place::Cell { .. } | Place::None => None,
        });
        let cell = |(cell, (sum, count))| CellSum { cell, value: shown(sum), count };
        Cells { cells: sums.into_iter().map(cell).collect(), left_out, accuracy }
    }
}
