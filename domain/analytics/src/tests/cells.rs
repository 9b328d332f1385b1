//! Cells of H3 by the real library, and the shapes that they have as GeoJSON.

use super::*;
use crate::Position;
use crate::answer::{Cells, Outline, geojson};
use h3o::{CellIndex, LatLng, Resolution};
use proptest::prelude::*;
use serde_json::{Value, json};

fn cell(position: Position, resolution: Resolution) -> Option<CellIndex> {
    LatLng::new(position.latitude(), position.longitude()).ok().map(|place| place.to_cell(resolution))
}

fn outline(cell: &CellIndex) -> Outline {
    Outline { name: cell.to_string(), corners: cell.boundary().iter().map(|corner| [corner.lng(), corner.lat()]).collect() }
}

fn position(latitude: f64, longitude: f64) -> Position {
    Position::new(latitude, longitude).unwrap()
}

/// The cells of events at these positions.
fn found(positions: &[(f64, f64)], resolution: Resolution) -> Cells<CellIndex> {
    let mut store = filled(&[(0.0, 1.0)]);
    for (latitude, longitude) in positions {
        store.ingest(&Observation { place: Place::Position(position(*latitude, *longitude)), ..seen("", 1.0, 2.5) }, at(1.0));
    }
    store.ingest(&Observation { place: Place::Cell { row: 1, col: 1 }, ..seen("", 1.0, 2.5) }, at(1.0));
    let range = Range { start: at(0.0), end: at(2.0) };
    store.read().cells(Metric::ResponseTime, &range, &Filter::default(), |position| cell(position, resolution))
}

fn rings(geometry: &Value) -> Vec<Vec<[f64; 2]>> {
    let coordinates = geometry["coordinates"].clone();
    let polygons: Vec<Vec<Vec<[f64; 2]>>> = match geometry["type"].as_str().unwrap() {
        "Polygon" => vec![serde_json::from_value(coordinates).unwrap()],
        _ => serde_json::from_value(coordinates).unwrap(),
    };
    polygons.into_iter().flatten().collect()
}

/// Twice the area, positive counterclockwise.
fn area(ring: &[[f64; 2]]) -> f64 {
    ring.windows(2).map(|pair| pair[0][0] * pair[1][1] - pair[1][0] * pair[0][1]).sum()
}

fn contains(ring: &[[f64; 2]], [x, y]: [f64; 2]) -> bool {
    let crosses = |pair: &[[f64; 2]]| {
        let ([ax, ay], [bx, by]) = (pair[0], pair[1]);
        (ay > y) != (by > y) && x < (bx - ax) * (y - ay) / (by - ay) + ax
    };
    ring.windows(2).filter(|pair| crosses(pair)).count() % 2 == 1
}

#[test]
fn cells_sum_what_lies_in_them_and_leave_out_the_rest() {
    let cells = found(&[(37.7749, -122.4194), (37.7749, -122.4194), (48.85, 2.35)], Resolution::Seven);
    assert_eq!(cells.left_out, 2, "an event without a place, and one with a cell of a grid only");
    let mut sums: Vec<_> = cells.cells.iter().map(|cell| (cell.value, cell.count)).collect();
    sums.sort_by(|a, b| a.0.total_cmp(&b.0));
    assert_eq!(sums, [(2.5, 1), (5.0, 2)]);
    let map = geojson(&cells, outline);
    assert_eq!((&map["type"], map["features"].as_array().unwrap().len()), (&json!("FeatureCollection"), 2));
    for (feature, sum) in map["features"].as_array().unwrap().iter().zip(&cells.cells) {
        assert_eq!((&feature["type"], &feature["geometry"]["type"]), (&json!("Feature"), &json!("Polygon")));
        assert_eq!(feature["properties"], json!({ "cell": sum.cell.to_string(), "value": sum.value, "count": sum.count }));
        assert_eq!(feature["id"], json!(sum.cell.to_string()));
    }
}

#[test]
fn a_cell_across_the_antimeridian_is_in_two_parts() {
    let map = geojson(&found(&[(-17.0, 179.999)], Resolution::Four), outline);
    let geometry = &map["features"][0]["geometry"];
    assert_eq!(geometry["type"], "MultiPolygon");
    let rings = rings(geometry);
    assert_eq!(rings.len(), 2);
    assert!(rings.iter().flatten().all(|corner| corner[0].abs() <= 180.0));
    assert!(rings.iter().any(|ring| contains(ring, [179.999, -17.0])), "{rings:?}");
}

#[test]
fn a_cell_around_a_pole_is_drawn_down_to_it() {
    for latitude in [89.999, -89.999] {
        let map = geojson(&found(&[(latitude, 10.0)], Resolution::One), outline);
        let rings = rings(&map["features"][0]["geometry"]);
        assert!(rings.iter().any(|ring| contains(ring, [10.0, latitude])), "{rings:?}");
        assert!(rings.iter().any(|ring| contains(ring, [-170.0, latitude])), "{rings:?}");
    }
}

#[test]
fn nothing_is_an_empty_collection() {
    assert_eq!(geojson(&found(&[], Resolution::Four), outline), json!({ "type": "FeatureCollection", "features": [] }));
}

proptest! {
    /// Wherever on Earth: rings are closed, counterclockwise and in bounds, and one of them holds the centre of the cell.
    #[test]
    fn every_cell_has_a_lawful_shape(latitude in -90.0_f64..90.0, longitude in -180.0_f64..180.0, resolution in 0_u8..8) {
        let resolution = Resolution::try_from(resolution).unwrap();
        let cells = found(&[(latitude, longitude)], resolution);
        let rings = rings(&geojson(&cells, outline)["features"][0]["geometry"]);
        prop_assert!((1..=2).contains(&rings.len()), "{} parts", rings.len());
        for ring in &rings {
            prop_assert!(ring.first() == ring.last() && ring.len() >= 4 && area(ring) > 0.0, "{:?}", ring);
            prop_assert!(ring.iter().all(|corner| corner[0].abs() <= 180.0 && corner[1].abs() <= 90.0));
        }
        let centre = LatLng::from(cells.cells[0].cell);
        prop_assert!(rings.iter().any(|ring| contains(ring, [centre.lng(), centre.lat()])), "{:?} {:?}", centre, rings);
    }
}
