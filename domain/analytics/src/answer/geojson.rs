//! Cells as GeoJSON (RFC 7946): longitude first, rings counterclockwise and closed, and a cell that crosses the antimeridian in
//! two parts that do not (§3.1.9). A cell around a pole is drawn down to it.

use crate::answer::cells::Cells;
use serde_json::{Value, json};

/// Half a turn and a whole one, in degrees.
const HALF: f64 = 180.0;
const TURN: f64 = 360.0;

/// What a cell is called, and its corners in order, each as longitude and latitude; the first is not repeated.
#[derive(Clone, Debug, PartialEq)]
pub struct Outline {
    /// Its name, such as `8928308280fffff`.
    pub name: String,
    /// Its corners, in degrees.
    pub corners: Vec<[f64; 2]>,
}

/// A feature for each cell, with its name as `id` and with `value` and `count`.
#[must_use]
pub fn geojson<K>(cells: &Cells<K>, mut outline: impl FnMut(&K) -> Outline) -> Value {
    let features = cells.cells.iter().map(|sum| {
        let Outline { name, corners } = outline(&sum.cell);
        let properties = json!({ "cell": name, "value": sum.value, "count": sum.count });
        json!({ "type": "Feature", "id": name, "geometry": geometry(&corners), "properties": properties })
    });
    json!({ "type": "FeatureCollection", "features": features.collect::<Vec<_>>() })
}

fn geometry(corners: &[[f64; 2]]) -> Value {
    let unwrapped = around_pole(unwrapped(corners));
    // What lies beyond the antimeridian on either side comes back on the other.
    let parts = [-TURN, 0.0, TURN].map(|turn| part(&unwrapped, turn));
    let mut rings: Vec<_> = parts.into_iter().filter(|ring| ring.len() >= 3).map(closed).collect();
    match rings.len() {
        1 => json!({ "type": "Polygon", "coordinates": [rings.remove(0)] }),
        _ => json!({ "type": "MultiPolygon", "coordinates": rings.into_iter().map(|ring| vec![ring]).collect::<Vec<_>>() }),
    }
}

/// The same corners, each within half a turn of the one before, so that the ring does not jump.
fn unwrapped(corners: &[[f64; 2]]) -> Vec<[f64; 2]> {
    let mut ring: Vec<[f64; 2]> = Vec::with_capacity(corners.len() + 1);
    for corner in corners.iter().chain(corners.first()) {
        let near = ring.last().map_or(corner[0], |last| corner[0] - ((corner[0] - last[0]) / TURN).round() * TURN);
        ring.push([near, corner[1]]);
    }
    ring
}

/// Without its last corner, which is the first; where the ring has gone once around instead, the pole is its edge.
fn around_pole(mut ring: Vec<[f64; 2]>) -> Vec<[f64; 2]> {
    let ends = ring.first().copied().zip(ring.last().copied());
    match ends {
        Some((first, last)) if (last[0] - first[0]).abs() > HALF => {
            let pole = 90.0_f64.copysign(first[1]);
            ring.extend([[last[0], pole], [first[0], pole]]);
        }
        Some(_) => {
            ring.pop();
        }
        None => {}
    }
    ring
}

/// What of a ring that is turned by so much lies from −180 to 180 (Sutherland and Hodgman, *Reentrant polygon clipping*, 1974).
fn part(ring: &[[f64; 2]], turn: f64) -> Vec<[f64; 2]> {
    let turned = ring.iter().map(|corner| [corner[0] + turn, corner[1]]).collect();
    let west = clipped(turned, |corner| corner[0] + HALF, -HALF);
    let part = clipped(west, |corner| HALF - corner[0], HALF);
    // What only touches the line has no area.
    if area(&part).abs() > 1e-12 { part } else { Vec::new() }
}

/// What of a ring lies where `inside` is not negative; its border is a meridian.
fn clipped(ring: Vec<[f64; 2]>, inside: impl Fn(&[f64; 2]) -> f64, meridian: f64) -> Vec<[f64; 2]> {
    let mut kept = Vec::with_capacity(ring.len() + 2);
    for (from, to) in ring.iter().zip(ring.iter().cycle().skip(1)) {
        let (before, after) = (inside(from), inside(to));
        if before >= 0.0 {
            kept.push(*from);
        }
        if (before >= 0.0) != (after >= 0.0) {
            kept.push([meridian, from[1] + (to[1] - from[1]) * before / (before - after)]);
        }
    }
    kept
}

/// Twice the area, positive counterclockwise.
fn area(ring: &[[f64; 2]]) -> f64 {
    ring.iter().zip(ring.iter().cycle().skip(1)).map(|(a, b)| a[0] * b[1] - b[0] * a[1]).sum()
}

fn closed(mut ring: Vec<[f64; 2]>) -> Vec<[f64; 2]> {
    if area(&ring) < 0.0 {
        ring.reverse();
    }
    ring.extend(ring.first().copied());
    ring
}
