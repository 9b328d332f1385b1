//! How long it takes to choose a node among 1,000 with health, trend and warm-up: at most 100 µs, aimed at 5 µs. Median and
//! range of 7 runs; the limit beside it is the least that any such choice can do, one pass of sums over weights that are there
//! already.
//!
//! `cargo bench -p ionveil-routing --bench select`

#![allow(clippy::disallowed_methods, reason = "a benchmark brings its own clock")]

use ionveil_kernel::{EntityId, Timestamp};
use ionveil_routing::node::{Load, Node, Phase, Warmup};
use ionveil_routing::{Sample, Samples, Settings, Topology};
use std::hint::black_box;
use std::time::Instant;

const RUNS: usize = 7;
const NODES: u32 = 1_000;
const CHOICES: u32 = 20_000;
/// Samples of each node.
const SEEN: u32 = 50;

fn main() {
    println!("{:<60} {:>26}", "among 1,000 nodes with 50 samples each", "µs (range)");
    for (name, warming) in
        [("choose by a draw, none warming up", 0), ("choose by a draw, one in ten warming up", 10), ("choose by a draw, all warming up", 1)]
    {
        let mut topology = topology(warming);
        let now = at(1_000);
        topology.refreshed(now);
        figure(name, CHOICES, |n| {
            let current = topology.current(now).expect("current");
            let chosen = current.select("s", f64::from(n) / f64::from(CHOICES)).expect("candidates");
            black_box(chosen.chosen.share);
        });
    }
    let topology = topology(10);
    let current = topology.current(at(1_000)).expect("current");
    figure("the one that costs least", CHOICES, |_| {
        black_box(current.primary("s").expect("candidates").score);
    });
    let weights: Vec<f64> = (1..=NODES).map(f64::from).map(f64::recip).collect();
    figure("limit: sum the weights, walk to the draw", CHOICES, |n| {
        let target = black_box(&weights).iter().sum::<f64>() * f64::from(n) / f64::from(CHOICES);
        let mut passed = 0.0;
        black_box(weights.iter().position(|weight| {
            passed += weight;
            passed > target
        }));
    });
    let mut topology = self::topology(10);
    figure("take in a node that changed", CHOICES, |n| {
        topology.put(&endpoint(n % NODES), &node(n, 10), at(1_000));
    });
    let topology = self::topology(10);
    figure("copy all, and make each anew because a sample of it has aged", 50, |_| {
        black_box(topology.clone().refreshed(at(1_101)).now());
    });
}

fn at(seconds: u32) -> Timestamp {
    Timestamp::from_micros(i64::from(seconds) * 1_000_000)
}

fn endpoint(n: u32) -> EntityId {
    EntityId::new(&format!("node-{n:04}")).expect("lawful")
}

/// Every `warming`-th node is warming up; 0: none.
fn topology(warming: u32) -> Topology {
    let mut topology = Topology::new(Settings::default());
    (0..NODES).for_each(|n| topology.put(&endpoint(n), &node(n, warming), at(1_000)));
    topology
}

fn node(n: u32, warming: u32) -> Node {
    let value = |seen: u32| if (n + seen).is_multiple_of(9) { 0.0 } else { 1.0 };
    let samples = (0..SEEN).fold(Samples::default(), |samples, seen| samples.with(Sample { at: at(801 + 4 * seen), value: value(seen) }));
    let load = Load { latency_ms: 10 + n % 90, queue_depth: n % 7, saturation: f64::from(n % 100) / 100.0 };
    let phase = match warming {
        0 => Phase::Active,
        every if n.is_multiple_of(every) => Phase::Warming(Warmup { since: at(900), period_ms: 300_000 }),
        _ => Phase::Active,
    };
    Node { service: EntityId::new("s").expect("lawful"), load, phase, samples, as_of: at(1_000) }
}

fn figure(name: &str, times: u32, mut work: impl FnMut(u32)) {
    let mut each: Vec<f64> = Vec::new();
    for turn in 0..=RUNS {
        let start = Instant::now();
        (0..times).for_each(&mut work);
        if turn > 0 {
            each.push(start.elapsed().as_secs_f64() * 1e6 / f64::from(times));
        }
    }
    each.sort_by(f64::total_cmp);
    println!("{name:<60} {:>26}", format!("{:.2} ({:.2}-{:.2})", each[each.len() / 2], each[0], each[each.len() - 1]));
}
