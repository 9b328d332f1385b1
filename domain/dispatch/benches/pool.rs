//! How fast the pool plans, beside `BinaryHeap` on the same keys; how it grows; what it takes in memory; and what a decision
//! costs while another copy of the state is held, as it is while an append is in flight. Median and range of 7 runs.
//!
//! `cargo bench -p ionveil-dispatch --bench pool`

#![allow(clippy::disallowed_methods, reason = "a benchmark brings its own clock")]

use ionveil_dispatch::intake;
use ionveil_dispatch::pool::{AgencyRequest, Command, Pool, RawOrder, State};
use ionveil_kernel::testkit::{CountingIds, meta};
use ionveil_kernel::{DecideEnv, Decider, Policy, Timestamp};
use serde_json::json;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::hint::black_box;
use std::time::{Duration, Instant};

const RUNS: usize = 7;
const AGENCIES: u64 = 20;

fn main() {
    let pool = Pool::new(0, 1_000_000).expect("lawful");
    println!("{:<64} {:>30}", "what", "ms (range)");
    figure("10,000 orders: insert all, take all", || plan(&pool, 10_000));
    figure("10,000 keys: BinaryHeap, push all, pop all", || heap(10_000));
    figure("5,000 inserts", || drop(filled(&pool, 5_000)));
    figure("50,000 inserts", || drop(filled(&pool, 50_000)));
    let full = filled(&pool, 100_000);
    figure("100,000 waiting: one insert, another copy held", || {
        drop(tell(&pool, full.clone(), &Command::Insert { orders: vec![order(100_001)] }));
    });
    figure("100,000 waiting: take 20 for each of 20 agencies, another copy held", || drop(tell(&pool, full.clone(), &batch())));
    for rows in [100, 1_000, 10_000] {
        figure(&format!("intake of {rows} rows from bytes"), || intake_of(rows));
    }
    memory(&pool);
}

/// The finaliser of SplitMix64 (Steele, Lea, Flood 2014).
fn scrambled(number: u64) -> u64 {
    let mixed = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

fn order(number: u64) -> RawOrder {
    let random = scrambled(number);
    RawOrder {
        id: format!("order-{number}"),
        urgency: i64::try_from(random % 200).unwrap_or(0) + 1,
        eta: Some(format!("{:02}:{:02}", random / 200 % 24, random / 4_800 % 60)),
        agency: Some(format!("agency-{}", random / 7 % AGENCIES)),
        distance_km: Some((random % 1_000) as f64 / 10.0),
        zone: None,
    }
}

fn tell(pool: &Pool, state: State, command: &Command) -> State {
    let (cause, policy, ids) = (meta(1), Policy::default(), CountingIds::default());
    let now = Timestamp::from_micros(0);
    let env = DecideEnv { now, occurred_at: now, ids: &ids, cause: &cause, policy: &policy };
    let decision = pool.decide(&state, command, &env).expect("accepted");
    decision.iter().fold(state, |state, ((), event)| pool.evolve(state, &(), event).expect("lawful"))
}

fn filled(pool: &Pool, count: u64) -> State {
    let numbers: Vec<_> = (0..count).collect();
    let insert = |numbers: &[u64]| Command::Insert { orders: numbers.iter().map(|number| order(*number)).collect() };
    numbers.chunks(10_000).map(insert).fold(State::default(), |state, command| tell(pool, state, &command))
}

fn plan(pool: &Pool, count: u64) {
    let state = filled(pool, count);
    let state = tell(pool, state, &Command::Take { request_id: "r".into(), capacity: i64::MAX });
    assert!(state.is_empty());
}

fn heap(count: u64) {
    let mut heap = BinaryHeap::new();
    for number in 0..count {
        let order = order(number);
        heap.push((order.urgency, Reverse((order.eta, number)), order.id));
    }
    while let Some(order) = heap.pop() {
        black_box(order);
    }
}

fn batch() -> Command {
    let request = |agency| AgencyRequest { agency: format!("agency-{agency}"), capacity: 20 };
    Command::TakeBatch { request_id: "r".into(), requests: (0..AGENCIES).map(request).collect(), share_unowned: true }
}

fn intake_of(rows: usize) {
    let row = |row: usize| {
        json!({"command_id": format!("c{row}"), "satellite_id": format!("s{}", row % 50), "intent": "move", "issued_by": "ops",
            "signature": "0123456789abcdef", "deadline": "2026-11-26T05:06:31Z", "payload": {"row": row}})
        .to_string()
    };
    let bytes: Vec<_> = (0..rows).map(row).collect();
    let values = bytes.iter().map(|text| serde_json::from_str(text).expect("JSON"));
    assert_eq!(intake::run(values, Timestamp::from_micros(0), Duration::ZERO).stats.accepted, rows);
}

/// What 50,000 waiting orders take, by the process's resident memory.
fn memory(pool: &Pool) {
    let resident = || {
        let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
        statm.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok()).unwrap_or(0) * 4_096
    };
    let before = resident();
    let states: Vec<_> = (0..10).map(|_| filled(pool, 50_000)).collect();
    let each = resident().saturating_sub(before) / states.len() as u64;
    println!("{:<64} {:>28} MB", "50,000 waiting orders, mean of 10 pools", each as f64 / 1e6);
}

fn figure(name: &str, work: impl Fn()) {
    let time = |_| {
        let start = Instant::now();
        work();
        start.elapsed().as_secs_f64() * 1e3
    };
    let mut times: Vec<_> = (0..=RUNS).map(time).skip(1).collect();
    times.sort_by(f64::total_cmp);
    let shown = format!("{:.3} ({:.3}-{:.3})", times[RUNS / 2], times[0], times[RUNS - 1]);
    println!("{name:<64} {shown:>30}");
}
