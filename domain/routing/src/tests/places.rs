//! Regions, ground stations and channels.

use crate::channel::{self, RELIABILITY_WEIGHT};
use crate::reach::{fan_out, station};

#[test]
fn careful_intents_reach_only_regions_that_are_well() {
    let regions =
        || [("e", Some("warm")), ("b", Some("healthy")), ("c", Some("degraded")), ("d", Some("offline")), ("a", None), ("f", Some("cold"))];
    for intent in ["failover-region", "replay-window"] {
        assert_eq!(fan_out(intent, regions()), ["e", "b"], "in the order of the request");
    }
    assert_eq!(fan_out("status-refresh", regions()), ["e", "b", "c", "a", "f"]);
    assert_eq!(fan_out("tea", []), [""; 0]);
}

#[test]
fn the_nearest_station_outside_the_blackout_is_taken() {
    let stations = || [("svalbard", Some(80)), ("kiruna", Some(60)), ("awarua", Some(60)), ("inuvik", None)];
    assert_eq!(station(stations(), &[]), Some("awarua"), "of equal ones the first by name");
    assert_eq!(station(stations(), &["awarua", "kiruna"]), Some("svalbard"));
    assert_eq!(station([("far", Some(10_001)), ("unknown", None)], &[]), Some("unknown"), "unknown counts 10,000 ms");
    assert_eq!(station(stations(), &["svalbard", "kiruna", "awarua", "inuvik"]), None);
}

#[test]
fn the_fastest_channel_is_taken_and_zero_is_a_latency() {
    let channels =
        || [("b", Some(5.0)), ("a", Some(5.0)), ("slow", Some(90.0)), ("bad", Some(-1.0)), ("mute", None), ("nan", Some(f64::NAN))];
    assert_eq!(channel::fastest(channels(), &[]), Some("a"));
    assert_eq!(channel::fastest(channels(), &["a", "b"]), Some("slow"));
    assert_eq!(channel::fastest([("z", Some(0.0)), ("y", Some(1.0))], &[]), Some("z"));
    assert_eq!(channel::fastest([("mute", None), ("bad", Some(-0.5))], &[]), None);
}

#[test]
fn scores_and_costs_are_rounded() {
    assert_eq!(channel::score(0.9, 50.0, RELIABILITY_WEIGHT), 0.74);
    assert_eq!(channel::score(1.0, 1_000.0, RELIABILITY_WEIGHT), 0.6);
    assert_eq!(channel::score(3.0, -500.0, RELIABILITY_WEIGHT), 1.0, "never above 1");
    assert_eq!(channel::score(-1.0, 200.0, RELIABILITY_WEIGHT), 0.0);
    assert_eq!(channel::score(0.123_456, 33.3, RELIABILITY_WEIGHT), 0.3409);
    assert_eq!((channel::cost(100.0, 0.0), channel::cost(100.0, 5.0), channel::cost(0.0, 9.0)), (35.0, 52.5, 0.0));
}

#[test]
fn an_unknown_cost_is_beyond_all_others() {
    assert_eq!(channel::cheapest([("a", None), ("b", Some(9.0)), ("c", Some(0.0))]), Some("c"));
    assert_eq!(channel::cheapest([("a", None), ("b", None)]), Some("a"), "all unknown: the first");
    assert_eq!(channel::cheapest([("a", Some(f64::NAN)), ("b", Some(1.0))]), Some("b"));
    assert_eq!(channel::cheapest([]), None);
}
