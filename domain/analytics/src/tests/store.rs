//! What is accepted, and for how long it is there.

use super::*;
use crate::query::Range;
use crate::store::{Accuracy, Buffer, Ingested};

const DAY: f64 = 86_400.0;

fn count(store: &Store, from: f64, to: f64) -> u64 {
    store.read().regions(&Range { start: at(from), end: at(to) }).regions.values().map(|figures| figures.dispatch_count).sum()
}

#[test]
fn a_repeated_id_counts_once_and_an_empty_one_always() {
    let mut store = Store::new(Limits::default());
    let events = [("a", Ingested::Accepted), ("a", Ingested::Duplicate), ("", Ingested::Accepted), ("", Ingested::Accepted)];
    for (id, expected) in events {
        assert_eq!(store.ingest(&seen(id, -10.0, 1.0), at(0.0)), expected, "{id:?}");
    }
    let elsewhere = Observation { timestamp: at(-5_000.0), ..seen("a", 0.0, 9.0) };
    assert_eq!(store.ingest(&elsewhere, at(0.0)), Ingested::Duplicate, "the id counts, whatever else it says");
    assert_eq!((store.accepted(), count(&store, -DAY, 1.0)), (3, 3));
}

#[test]
fn late_events_land_in_the_window_of_their_own_timestamp() {
    let store = filled(&[(600.0, 4.0), (61.0, 2.0), (0.0, 1.0), (119.999_999, 6.0), (120.0, 9.0)]);
    let answer = store.read().windows(&query(Metric::ResponseTime, Window::Minute, Aggregation::Avg, 0.0, 601.0));
    let points: Vec<_> = answer.points.iter().map(|point| (point.start, point.value, point.count)).collect();
    assert_eq!(points, [(at(0.0), 1.0, 1), (at(60.0), 4.0, 2), (at(120.0), 9.0, 1), (at(600.0), 4.0, 1)]);
    assert_eq!(answer.accuracy, Accuracy::default());
}

#[test]
fn an_event_lives_for_a_day() {
    let mut store = Store::new(Limits::default());
    assert_eq!(store.ingest(&seen("old", -DAY, 1.0), at(0.0)), Ingested::TooOld);
    assert_eq!(store.ingest(&seen("a", 0.000_001 - DAY, 1.0), at(0.0)), Ingested::Accepted);
    assert_eq!(store.ingest(&seen("b", -60.0, 1.0), at(0.0)), Ingested::Accepted);
    let bytes = store.bytes();
    store.advance(at(61.0));
    assert_eq!(count(&store, -2.0 * DAY, 61.0), 1);
    assert!(store.bytes() < bytes, "what is too old is let go");
    assert_eq!(store.ingest(&seen("a", 61.0, 1.0), at(61.0)), Ingested::Accepted, "an id that is too old is forgotten");
    let accuracy = store.read().regions(&Range { start: at(-2.0 * DAY), end: at(61.0) }).accuracy;
    assert_eq!((accuracy.approximate, accuracy.missing_before), (true, Some(at(60.0 - DAY))));
    store.advance(at(-500.0));
    assert_eq!(count(&store, -DAY, 62.0), 2, "a clock that goes back takes nothing away");
}

#[test]
fn a_batch_of_a_thousand_loses_nothing() {
    let mut store = Store::new(Limits::default());
    for number in 0..5_000_u32 {
        store.ingest(&seen(&format!("e{number}"), -f64::from(number), 1.0), at(0.0));
    }
    assert_eq!((store.accepted(), count(&store, -DAY, 1.0)), (5_000, 5_000));
}

#[test]
fn a_buffer_adds_up_what_a_view_writes() {
    let mut buffer = Buffer::default();
    assert!(buffer.is_empty());
    for (second, response) in [(0.0, 1.0), (59.0, 3.0), (60.0, 5.0)] {
        buffer.add(&seen("", second, response));
    }
    assert_eq!(buffer.len(), 3);
    let rows = buffer.flush();
    assert_eq!((buffer.len(), buffer.flush().len()), (0, 0));
    assert_eq!(rows.iter().map(|row| (row.key.minute, row.rolled.count())).collect::<Vec<_>>(), [(at(0.0), 2), (at(60.0), 1)]);
    let stored = serde_json::to_string(&rows[0].rolled).unwrap();
    assert_eq!(serde_json::from_str::<crate::store::Rolled>(&stored).unwrap(), rows[0].rolled);
}
