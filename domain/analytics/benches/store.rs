//! How many events a second one core takes in, what a snapshot costs with a day of a million events, and what a subscriber
//! costs whoever publishes. Median and range of 7 runs; of snapshots the 99th percentile of 1,000.
//!
//! Limits: 200,000 events/s (aimed at 2,000,000), 20 ms a snapshot (aimed at 1 ms).
//!
//! `cargo bench -p ionveil-analytics --bench store`

#![allow(clippy::disallowed_methods, reason = "a benchmark brings its own clock")]

use ionveil_analytics::answer::Gauges;
use ionveil_analytics::hub::{Hub, Update, WAITING_MAX_DEFAULT};
use ionveil_analytics::query::{Filter, Query, Range};
use ionveil_analytics::store::{Limits, Store};
use ionveil_analytics::{Aggregation, Amount, Metric, Observation, Place, Position, Severity, Window};
use ionveil_kernel::Timestamp;
use ionveil_kernel::statistics::percentile;
use std::hint::black_box;
use std::time::{Duration, Instant};

const RUNS: usize = 7;
const EVENTS: u64 = 1_000_000;
const DAY: Duration = Duration::from_secs(86_400);
const NOW: Timestamp = Timestamp::from_micros(1_795_694_400_000_000);

fn main() {
    let events: Vec<_> = (0..EVENTS).map(observation).collect();
    println!("{:<64} {:>30}", "what", "median (range)");
    let store = ingest(&events);
    println!("{:<64} {:>27} MB", "1,000,000 events take, as the store counts", store.bytes() as f64 / 1e6);
    snapshots("snapshot, 1,000,000 events in 24 h, p99 of 1,000", &store);
    let in_an_hour: Vec<_> = events.iter().map(squeezed).collect();
    snapshots("snapshot, 1,000,000 events in one hour, p99 of 1,000", &filled(&in_an_hour));
    questions(&store);
    publish(1_000);
    publish(10_000);
}

/// The finaliser of SplitMix64 (Steele, Lea, Flood 2014).
fn scrambled(number: u64) -> u64 {
    let mixed = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed ^ (mixed >> 31)
}

/// Spread over the day, one in eight up to an hour late.
fn observation(number: u64) -> Observation {
    let random = scrambled(number);
    let late = if random.is_multiple_of(8) { random >> 8 & 0xff_ffff } else { 0 };
    let age = (EVENTS - number) * 86_000_000_000 / EVENTS + late * 200;
    Observation {
        event_id: format!("event-{random:016x}").into(),
        dispatch_id: "d".into(),
        timestamp: Timestamp::from_micros(NOW.micros() - age.min(86_399_000_000) as i64),
        severity: Severity::new((random % 5) as i64 + 1).expect("lawful"),
        response_time_minutes: Amount::new((random >> 16 & 0xffff) as f64 / 1_000.0).expect("lawful"),
        distance_km: Amount::new((random >> 32 & 0xfff) as f64 / 100.0).expect("lawful"),
        region: format!("battalion-{}", random % 11).into(),
        unit_type: ["engine", "truck", "medic", "chief"][(random >> 4) as usize % 4].into(),
        sla_met: !random.is_multiple_of(7),
        place: Place::Position(Position::new(37.7, -122.4).expect("lawful")),
    }
}

/// The same within the last hour.
fn squeezed(event: &Observation) -> Observation {
    let age = (NOW.micros() - event.timestamp.micros()) / 25;
    Observation { timestamp: Timestamp::from_micros(NOW.micros() - age), ..event.clone() }
}

fn filled(events: &[Observation]) -> Store {
    let mut store = Store::new(Limits { bytes_max: 1 << 30, ..Limits::default() });
    for event in events {
        store.ingest(event, NOW);
    }
    store
}

fn ingest(events: &[Observation]) -> Store {
    let mut store = filled(&events[..events.len() / 10]);
    let time = |_| {
        let start = Instant::now();
        store = filled(events);
        events.len() as f64 / start.elapsed().as_secs_f64()
    };
    let rates: Vec<_> = (0..RUNS).map(time).collect();
    show("ingest of 1,000,000 events, events/s", rates, 0);
    assert_eq!(store.accepted(), EVENTS);
    store
}

fn snapshots(name: &str, store: &Store) {
    let run = |_| {
        let time = |_| {
            let start = Instant::now();
            black_box(store.read().snapshot(NOW, Gauges::default()));
            start.elapsed().as_secs_f64() * 1e3
        };
        percentile(&(0..1_000 / RUNS).map(time).collect::<Vec<_>>(), 99.0)
    };
    show(&format!("{name}, ms"), (0..RUNS).map(run).collect(), 3);
}

fn questions(store: &Store) {
    let range = Range::last(NOW, DAY);
    let query = |window, aggregation, sliding| Query {
        metric: Metric::ResponseTime,
        window,
        aggregation,
        range,
        sliding,
        filter: Filter::default(),
    };
    for (name, query) in [
        ("24 h of 1 h windows, avg, ms", query(Window::Hour, Aggregation::Avg, false)),
        ("24 h of 1 h windows, p95, ms", query(Window::Hour, Aggregation::P95, false)),
        ("24 h of sliding 1 h windows, p95, ms", query(Window::Hour, Aggregation::P95, true)),
    ] {
        let time = |_| {
            let start = Instant::now();
            black_box(store.read().windows(&query));
            start.elapsed().as_secs_f64() * 1e3
        };
        show(name, (0..RUNS).map(time).collect(), 2);
    }
}

/// One second of 1,000 updates of 1,000 metrics; each subscriber follows ten and reads every 100 ms, but for one in ten, who
/// never does.
fn publish(subscribers: u64) {
    let time = |_| {
        let mut hub = Hub::new(WAITING_MAX_DEFAULT);
        let keys = |subscriber: u64| (0..10).map(|key| scrambled(subscriber * 10 + key) % 1_000).collect();
        let ids: Vec<_> = (0..subscribers).map(|subscriber| hub.follow(keys(subscriber)).expect("lawful")).collect();
        let start = Instant::now();
        for step in 0..1_000 {
            let at = Timestamp::from_micros(step * 1_000);
            hub.publish(&Update { key: scrambled(step as u64) % 1_000, at, value: 1.0 });
            if step % 100 == 99 {
                for id in ids.iter().enumerate().filter(|(place, _)| place % 10 != 0).map(|(_, id)| *id) {
                    assert!(hub.take(id, at.after(Duration::from_millis(1))).is_none_or(|frame| frame.dropped == 0));
                }
            }
        }
        start.elapsed().as_secs_f64() * 1e3
    };
    show(&format!("a second of 1,000 updates, {subscribers} subscribers, ms"), (0..RUNS).map(time).collect(), 2);
}

fn show(name: &str, mut figures: Vec<f64>, places: usize) {
    figures.sort_by(f64::total_cmp);
    let [low, middle, high] = [0, RUNS / 2, RUNS - 1].map(|place| figures[place]);
    println!("{name:<64} {:>30}", format!("{middle:.places$} ({low:.places$}-{high:.places$})"));
}
