//! Things at places, found nearest first without looking at all of them: H3 cells from the coarsest down, each knowing how
//! far from its centre its things are at most, so that what cannot be nearer is not opened (best-first search; Hjaltason and
//! Samet, *Distance browsing in spatial databases*, 1999). Right at poles, at the date line and around H3's pentagons, because
//! nothing rests on the shape of a cell.

use h3o::{CellIndex, LatLng, Resolution};
use ionveil_dispatch::geo::Position;
use ionveil_kernel::EntityId;
use std::cmp::Ordering;
use std::collections::{BinaryHeap, HashMap};

/// The finest cells, of about 0.1 km²: in a city of 100,000 units some twenty share one.
const FINEST: Resolution = Resolution::Nine;
/// More than rounding can be wrong by, in kilometres.
const SLACK_KM: f64 = 1e-6;

/// Things by place. A thing stands once in it.
#[derive(Debug, Default)]
pub struct Nearest {
    cells: HashMap<CellIndex, Cell, foldhash::fast::FixedState>,
    /// The occupied cells of the coarsest resolution; there are 122 at most.
    roots: Vec<CellIndex>,
}

#[derive(Debug)]
struct Cell {
    centre: Position,
    /// No thing in it is farther from the centre. It does not shrink while the cell is occupied.
    reach_km: f64,
    below: Below,
}

#[derive(Debug)]
enum Below {
    Cells(Vec<CellIndex>),
    Things(Vec<(EntityId, Position)>),
}

impl Nearest {
    /// Puts a thing, which must not be there, at a place.
    pub fn put(&mut self, id: &EntityId, position: Position) {
        let Some(finest) = cell_of(position) else { return };
        let mut child = None;
        for at in ways_up(finest) {
            let is_new = !self.cells.contains_key(&at);
            let cell = self.cells.entry(at).or_insert_with(|| Cell::empty(at, position));
            cell.reach_km = cell.reach_km.max(cell.centre.km_to(position));
            match &mut cell.below {
                Below::Things(things) => things.push((id.clone(), position)),
                Below::Cells(cells) => cells.extend(child),
            }
            child = is_new.then_some(at);
        }
        self.roots.extend(child);
    }

    /// Takes a thing away from the place at which it was put.
    pub fn take(&mut self, id: &EntityId, position: Position) {
        let Some(finest) = cell_of(position) else { return };
        let mut gone = None;
        for at in ways_up(finest) {
            let Some(cell) = self.cells.get_mut(&at) else { return };
            let is_empty = match &mut cell.below {
                Below::Things(things) => {
                    things.retain(|(known, _)| known != id);
                    things.is_empty()
                }
                Below::Cells(cells) => {
                    cells.retain(|cell| Some(*cell) != gone);
                    cells.is_empty()
                }
            };
            if !is_empty {
                return;
            }
            self.cells.remove(&at);
            gone = Some(at);
        }
        self.roots.retain(|root| Some(*root) != gone);
    }

    /// The things within `radius_km` (inclusive) with their distance in kilometres: nearest first, ties by id. Each step opens
    /// only what can hold the next one.
    pub fn near(&self, position: Position, radius_km: f64) -> Near<'_> {
        let mut near = Near { all: self, position, radius_km, open: BinaryHeap::new() };
        near.open_cells(&self.roots);
        near
    }
}

impl Cell {
    /// Any place will do as a centre; the first thing's stands in for one that were not on Earth.
    fn empty(index: CellIndex, first: Position) -> Self {
        let centre = LatLng::from(index);
        let below = if index.resolution() == FINEST { Below::Things(Vec::new()) } else { Below::Cells(Vec::new()) };
        Self { centre: Position::new(centre.lat(), centre.lng()).unwrap_or(first), reach_km: 0.0, below }
    }
}

fn cell_of(position: Position) -> Option<CellIndex> {
    // A position is finite.
    LatLng::new(position.latitude(), position.longitude()).ok().map(|place| place.to_cell(FINEST))
}

/// A cell and those above it, up to the coarsest.
fn ways_up(finest: CellIndex) -> impl Iterator<Item = CellIndex> {
    std::iter::successors(Some(finest), |cell| cell.parent(cell.resolution().pred()?))
}

/// See [`Nearest::near`].
pub struct Near<'a> {
    all: &'a Nearest,
    position: Position,
    radius_km: f64,
    open: BinaryHeap<Found<'a>>,
}

/// A cell with the least distance that a thing in it can have, or a thing with its own.
#[derive(Clone, Copy, PartialEq)]
struct Found<'a> {
    km: f64,
    /// None of a cell: it is opened before a thing of the same distance is given out.
    thing: Option<&'a EntityId>,
    cell: Option<CellIndex>,
}

impl Eq for Found<'_> {}

impl Ord for Found<'_> {
    /// The nearest is the greatest, as a heap has it.
    fn cmp(&self, other: &Self) -> Ordering {
        let order = |found: &Self| (found.thing, found.cell);
        other.km.total_cmp(&self.km).then_with(|| order(other).cmp(&order(self)))
    }
}

impl PartialOrd for Found<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<'a> Near<'a> {
    fn open_cells(&mut self, cells: &'a [CellIndex]) {
        for index in cells {
            let Some(cell) = self.all.cells.get(index) else { continue };
            let km = (cell.centre.km_to(self.position) - cell.reach_km - SLACK_KM).max(0.0);
            self.push(Found { km, thing: None, cell: Some(*index) });
        }
    }

    fn push(&mut self, found: Found<'a>) {
        if found.km <= self.radius_km {
            self.open.push(found);
        }
    }
}

impl<'a> Iterator for Near<'a> {
    type Item = (&'a EntityId, f64);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let Found { km, thing, cell } = self.open.pop()?;
            if let Some(thing) = thing {
                return Some((thing, km));
            }
            match cell.and_then(|cell| self.all.cells.get(&cell)).map(|cell| &cell.below) {
                Some(Below::Cells(cells)) => self.open_cells(cells),
                Some(Below::Things(things)) => {
                    for (id, position) in things {
                        let km = position.km_to(self.position);
                        self.push(Found { km, thing: Some(id), cell: None });
                    }
                }
                None => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn id(number: usize) -> EntityId {
        EntityId::new(&format!("u{number}")).unwrap()
    }

    fn place() -> impl Strategy<Value = Position> {
        // A city, the poles, the date line, and anywhere: many share a place.
        let degrees = prop_oneof![
            (37.0..38.0, -123.0..-122.0),
            (89.9..=90.0, -180.0..=180.0),
            (-0.1..0.1, prop_oneof![179.9..=180.0, -180.0..=-179.9]),
            (-90.0..=90.0, -180.0..=180.0),
            Just((37.5, -122.5)),
        ];
        degrees.prop_map(|(latitude, longitude)| Position::new(latitude, longitude).unwrap())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]
        #[test]
        fn it_finds_what_a_look_at_everything_finds(
            places in prop::collection::vec(place(), 0..60),
            gone in prop::collection::vec(any::<bool>(), 60),
            from in place(),
            radius_km in prop_oneof![0.0..1.0, 1.0..200.0, Just(20_100.0)],
        ) {
            let mut index = Nearest::default();
            places.iter().enumerate().for_each(|(number, position)| index.put(&id(number), *position));
            let mut expected = Vec::new();
            for (number, position) in places.iter().enumerate() {
                if gone[number] {
                    index.take(&id(number), *position);
                } else {
                    expected.push((id(number), position.km_to(from)));
                }
            }
            expected.retain(|(_, km)| *km <= radius_km);
            expected.sort_by(|a, b| a.1.total_cmp(&b.1).then_with(|| a.0.cmp(&b.0)));
            let found: Vec<_> = index.near(from, radius_km).map(|(id, km)| (id.clone(), km)).collect();
            prop_assert_eq!(found, expected);
            if gone.iter().take(places.len()).all(|gone| *gone) {
                prop_assert!(index.cells.is_empty() && index.roots.is_empty(), "nothing is left behind");
            }
        }
    }
}
