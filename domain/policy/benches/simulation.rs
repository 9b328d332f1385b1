//! How many outcomes a second the simulator takes in, against the limit that the machine sets: one pass over the same
//! memory with a branch on each event. Median and range of 7 runs, each limit measured beside its figure.
//!
//! `cargo bench -p ionveil-policy --bench simulation`

#![allow(clippy::disallowed_methods, reason = "a benchmark brings its own clock")]

use ionveil_policy::simulation::{Events, Generator, Scenario, Span, run};
use std::hint::black_box;
use std::ops::ControlFlow;
use std::time::Instant;

const RUNS: usize = 7;
const HOUR: Span = Span::from_whole_seconds(3_600);

fn main() {
    println!("{:<52} {:>28} {:>28} {:>6}", "what", "million events/s (range)", "limit (range)", "ratio");
    for count in [1_000_000, 10_000_000] {
        for (name, events) in patterns(count) {
            figure(&format!("{count} events, {name}"), &events);
        }
    }
    with_generation();
}

/// Each of `count` outcomes within an hour.
fn patterns(count: u64) -> [(&'static str, Events); 3] {
    let spread = |is_success: &dyn Fn(u64) -> bool| {
        let offset = |event: u64| Span::from_micros(event * HOUR.micros() / count);
        Events::collect((0..count).map(|event| (offset(event), is_success(event)))).expect("not too many")
    };
    [
        ("all successes", spread(&|_| true)),
        ("1 % failures at random", spread(&|event| !scrambled(event).is_multiple_of(100))),
        ("half failures at random", spread(&|event| scrambled(event).is_multiple_of(2))),
    ]
}

/// The finaliser of SplitMix64 (Steele, Lea, Flood 2014): no pattern that a branch predictor could learn.
fn scrambled(number: u64) -> u64 {
    let mixed = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (mixed ^ (mixed >> 31)) >> 8
}

fn figure(name: &str, events: &Events) {
    let scenario = Scenario::builder("default").build().expect("lawful");
    let packed: Vec<u64> = events.iter().map(|(at, success)| at.micros() << 1 | u64::from(success)).collect();
    let (mut rates, mut limits) = (Vec::new(), Vec::new());
    for turn in 0..=RUNS {
        let rate = rate(events.len(), || run(&scenario, black_box(events), HOUR, |_, _| ControlFlow::Continue(())).map(drop));
        let limit = rate_of_limit(&packed);
        if turn > 0 {
            rates.push(rate);
            limits.push(limit);
        }
    }
    row(name, rates, limits);
}

fn rate_of_limit(packed: &[u64]) -> f64 {
    rate(packed.len(), || {
        let (mut successes, mut last) = (0_u64, 0_u64);
        for event in black_box(packed) {
            // The barrier keeps it a branch: without it the loop becomes a sum of bits, which no engine could follow.
            if event & 1 == 1 {
                successes = black_box(successes + 1);
            } else {
                last = event >> 1;
            }
        }
        black_box((successes, last));
    })
}

/// From a rule to an outcome: generation included.
fn with_generation() {
    let scenario = Scenario::builder("default").build().expect("lawful");
    let rules = [
        Generator::Constant { rate: 0.3, duration_s: 3_600.0, events_per_s: 1_000_000.0 / 3_600.0 },
        Generator::Burst { size: 5, interval_s: 60, duration_s: 1_000_000.0 },
        Generator::Cascade { initial_rate: 0.01, factor: 1.001, recovery_at_s: 900_000.0, duration_s: 1_000_000.0 },
    ];
    println!();
    println!("{:<52} {:>28}", "1000000 events, generated and run", "ms (range)");
    for rule in rules {
        let whole = || {
            let events = black_box(&rule).events().expect("lawful");
            run(&scenario, &events, Span::from_whole_seconds(1_000_000), |_, _| ControlFlow::Continue(())).map(drop)
        };
        let times = (0..=RUNS).map(|_| 1_000_000.0 / rate(1_000_000, whole) / 1e3).skip(1).collect();
        println!("{:<52} {:>28}", rule.name(), shown(times).1);
    }
}

/// Events a second, in millions.
fn rate<T>(count: usize, work: impl FnOnce() -> T) -> f64 {
    let start = Instant::now();
    black_box(work());
    count as f64 / start.elapsed().as_secs_f64() / 1e6
}

fn row(name: &str, rates: Vec<f64>, limits: Vec<f64>) {
    let ((rate, rates), (limit, limits)) = (shown(rates), shown(limits));
    println!("{name:<52} {rates:>28} {limits:>28} {:>6.2}", rate / limit);
}

/// The middle one, and how it is shown.
fn shown(mut values: Vec<f64>) -> (f64, String) {
    values.sort_by(f64::total_cmp);
    let middle = values[values.len() / 2];
    (middle, format!("{middle:.1} ({:.1}-{:.1})", values[0], values[values.len() - 1]))
}
