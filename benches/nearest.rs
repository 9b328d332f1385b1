//! The nearest available unit among 100,000, against a look at all of them. It must be found within 1 ms, and should be within
//! 20 µs.
//!
//! `cargo bench --bench nearest`

#![allow(clippy::disallowed_methods, reason = "a benchmark brings its own clock")]

mod support;

use ionveil::situation::fleet::Fleet;
use ionveil_dispatch::geo::Position;
use ionveil_dispatch::unit::{Availability, Duty, Phase, Unit, Wanted, find_available};
use ionveil_kernel::{EntityId, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::hint::black_box;
use std::time::Instant;
use support::{head, row};

const UNITS: usize = 100_000;
const SEARCHES: usize = 2_000;
const SCANS: usize = 20;

/// `SplitMix64`, as a number from 0 up to 1.
struct Draws(u64);

impl Draws {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn place(&mut self, (latitude, longitude): (f64, f64), degrees: f64) -> Position {
        Position::new(latitude + degrees * (self.next() - 0.5), longitude + degrees * (self.next() - 0.5)).expect("on Earth")
    }
}

fn unit(number: usize, position: Position) -> Unit {
    Unit {
        name: format!("unit {number}"),
        unit_type: if number.is_multiple_of(50) { "ladder" } else { "engine" }.to_owned(),
        agency: None,
        skills: BTreeSet::new(),
        capacity: 4,
        position: Some(position),
        shift: None,
        duty: Duty::OnDuty,
        certificates: BTreeMap::new(),
        phase: Phase::Free { status: Availability::Available },
        depth: 0,
        changed_at: Timestamp::from_micros(0),
    }
}

/// Median and 99th percentile in microseconds.
fn timed(times: usize, mut work: impl FnMut()) -> [f64; 2] {
    let mut samples: Vec<f64> = (0..times)
        .map(|_| {
            let started = Instant::now();
            work();
            started.elapsed().as_secs_f64() * 1e6
        })
        .collect();
    samples.sort_by(f64::total_cmp);
    [samples[times / 2], samples[times * 99 / 100]]
}

fn main() {
    head("Nearest available of 100,000", "by the index, µs: p50, p99", "by a look at all, µs: p50, p99");
    for (name, degrees) in [("a city (0.3°)", 0.3), ("a country (5°)", 5.0), ("a continent (40°)", 40.0)] {
        let mut draws = Draws(7);
        let units: BTreeMap<EntityId, Unit> = (0..UNITS)
            .map(|number| (EntityId::new(&format!("u{number}")).expect("lawful"), unit(number, draws.place((38.0, -100.0), degrees))))
            .collect();
        let mut fleet = Fleet::default();
        let put = Instant::now();
        units.iter().for_each(|(id, unit)| fleet.put(id, 1, unit));
        println!("{name}: {:.1} µs for each that is put in", put.elapsed().as_secs_f64() * 1e6 / UNITS as f64);
        for (what, unit_type) in [("nearest", None), ("nearest ladder (2 %)", Some("ladder"))] {
            let mut from = Draws(9);
            let mut wanted = move || Wanted { position: from.place((38.0, -100.0), degrees), radius_km: 50.0, unit_type, skills: &[] };
            let now = Timestamp::from_micros(0);
            let found = timed(SEARCHES, || {
                black_box(fleet.available(&wanted(), now).next());
            });
            let scanned = timed(SCANS, || {
                black_box(find_available(&units, &wanted(), now).first());
            });
            let told = |[p50, p99]: [f64; 2]| format!("{p50:.1}, {p99:.1}");
            row(&format!("{what}, {name}"), &told(found), &told(scanned), &format!("{:.4}", found[0] / scanned[0]));
        }
    }
}
