//! Choosing among the nodes of a service.

use super::{TYPICAL, at, id, node, topology, warming};
use crate::node::{Command, Load, Node, Phase, RoutingNode, State};
use crate::{Available, Out, START_FRACTION, Settings, Topology, fraction};
use ionveil_kernel::testkit::{CountingIds, meta};
use ionveil_kernel::{DecideEnv, Decider, Policy};
use proptest::prelude::*;
use std::collections::BTreeMap;

/// How often each endpoint is drawn in 100,000 draws that lie evenly.
fn drawn(topology: &mut Topology, now: u32) -> BTreeMap<String, u32> {
    let current = topology.refreshed(at(now));
    let mut drawn = BTreeMap::new();
    for n in 0..100_000_u32 {
        let selection = current.select("s", f64::from(n) / 100_000.0).unwrap();
        *drawn.entry(selection.chosen.endpoint.to_string()).or_default() += 1;
    }
    drawn
}

fn plain(load: Load) -> Node {
    node("s", load, Phase::Active, &[])
}

#[test]
fn a_node_that_comes_back_begins_with_a_tenth_and_ends_with_its_full_share() {
    let mut pair = topology(&[("a", node("s", TYPICAL, warming(1_000), &[])), ("b", plain(TYPICAL))]);
    assert_eq!(drawn(&mut pair, 1_000)["a"], 9_091, "0.1 of 1.1");
    assert_eq!(drawn(&mut pair, 1_060)["a"], 13_681, "0.1585 of 1.1585");
    assert_eq!(drawn(&mut pair, 1_150)["a"], 24_026, "0.3162 of 1.3162");
    assert_eq!(drawn(&mut pair, 1_300)["a"], 50_000);
    let shares: Vec<_> = pair.refreshed(at(1_000)).candidates("s").1.iter().map(|one| format!("{:.4}", one.share)).collect();
    assert_eq!(shares, ["0.0909", "0.9091"]);
}

/// A node after a command at a second.
fn after(state: State, command: &Command, second: u32) -> State {
    let (decider, cause, ids, policy) = (RoutingNode::default(), meta(1), CountingIds::default(), Policy::default());
    let env = DecideEnv { now: at(second), occurred_at: at(second), ids: &ids, cause: &cause, policy: &policy };
    let events = decider.decide(&state, command, &env).unwrap();
    events.iter().fold(state, |state, ((), event)| decider.evolve(state, &(), event).unwrap())
}

#[test]
fn a_node_that_fails_is_out_until_it_is_forgotten_and_reaches_its_full_share_in_the_end() {
    let report = Command::Report { service: id("s"), latency_ms: 16, queue_depth: 5, saturation: TYPICAL.saturation };
    let failed = after(after(State::Absent, &report, 0), &Command::ReportHealthSample { value: 0.0, at: None }, 100);
    let back = after(failed.clone(), &Command::Review { due: at(400) }, 400);
    let whole = after(back.clone(), &Command::Review { due: at(700) }, 700);
    for (state, second, draws) in [(&failed, 100, None), (&failed, 399, None), (&back, 400, Some(9_091)), (&whole, 700, Some(50_000))] {
        let mut pair = Topology::new(Settings::default());
        pair.put(&id("a"), state.live().unwrap(), at(second));
        pair.put(&id("b"), &plain(TYPICAL), at(second));
        assert_eq!(drawn(&mut pair, second).get("a").copied(), draws, "at {second}");
    }
}

#[test]
fn a_warm_up_is_exponential_and_waits_for_stability() {
    let settings = Settings::default();
    let of = |health, now| fraction(warming(0), health, at(now), &settings);
    let rounded = [0, 60, 150, 300, 900].map(|now| format!("{:.4}", of(1.0, now)));
    assert_eq!(rounded, ["0.1000", "0.1585", "0.3162", "1.0000", "1.0000"]);
    assert_eq!((of(0.69, 300), of(0.7, 300), of(0.01, 300)), (0.69, 1.0, START_FRACTION));
    assert!(of(0.69, 299) > 0.9, "before the end health does not count");
    assert_eq!(fraction(Phase::Active, 0.5, at(0), &settings), 1.0);
}

#[test]
fn the_primary_costs_least_and_warm_up_is_nothing_to_it() {
    let cheap = Load { latency_ms: 10, queue_depth: 0, saturation: 0.0 };
    let mut pair = topology(&[("a", plain(TYPICAL)), ("b", node("s", cheap, warming(1_000), &[]))]);
    assert_eq!(pair.refreshed(at(1_000)).primary("s").unwrap().endpoint.as_str(), "b");
    let mut all = topology(&[("a", node("s", TYPICAL, warming(900), &[])), ("b", node("s", cheap, warming(1_000), &[]))]);
    assert_eq!(all.refreshed(at(1_000)).primary("s").unwrap().endpoint.as_str(), "b", "0.1 / 10 outweighs 0.2154 / 45");
    let mut all = topology(&[("a", node("s", TYPICAL, warming(701), &[])), ("b", node("s", cheap, warming(1_000), &[]))]);
    assert_eq!(all.refreshed(at(1_000)).primary("s").unwrap().endpoint.as_str(), "a", "0.9924 / 45 outweighs 0.1 / 10");
    let mut equal = topology(&[("b", plain(TYPICAL)), ("a", plain(TYPICAL))]);
    assert_eq!(equal.refreshed(at(1_000)).primary("s").unwrap().endpoint.as_str(), "a");
}

#[test]
fn the_lowest_score_wins_and_a_degraded_node_only_costs_more() {
    let dear = Load { latency_ms: 700, ..TYPICAL };
    let degraded = node("s", TYPICAL, Phase::Degraded, &[]);
    let mut nodes = topology(&[("a", plain(dear)), ("b", degraded.clone())]);
    assert_eq!(nodes.refreshed(at(1_000)).primary("s").unwrap().endpoint.as_str(), "b");
    let mut nodes = topology(&[("a", plain(TYPICAL)), ("b", degraded)]);
    assert_eq!(nodes.refreshed(at(1_000)).primary("s").unwrap().endpoint.as_str(), "a");
}

#[test]
fn below_the_limit_a_node_gets_nothing_whatever_else_it_offers() {
    let sick = |health: f64| node("s", Load { latency_ms: 0, queue_depth: 0, saturation: 0.0 }, Phase::Active, &[(999, health)]);
    let mut nodes = topology(&[("a", sick(0.2999)), ("b", plain(TYPICAL)), ("c", sick(0.3))]);
    let current = nodes.refreshed(at(1_000));
    let (_, all) = current.candidates("s");
    assert_eq!(all.iter().map(|one| one.out).collect::<Vec<_>>(), [Some(Out::Unhealthy), None, None], "0.3 itself stays in");
    assert_eq!(all[0].share, 0.0);
    assert!((0..1_000).all(|n| current.select("s", f64::from(n) / 1_000.0).unwrap().chosen.endpoint.as_str() != "a"));
}

#[test]
fn when_all_are_out_or_all_are_new_the_answer_says_so() {
    let available = |nodes: &[(&str, Node)]| topology(nodes).refreshed(at(1_000)).candidates("s").0;
    let known = node("s", TYPICAL, Phase::Active, &[(900, 1.0)]);
    let away = node("s", TYPICAL, Phase::Maintenance, &[(900, 1.0)]);
    let back = node("s", TYPICAL, warming(990), &[(900, 1.0)]);
    let excluded = node("s", TYPICAL, Phase::Excluded, &[(900, 0.1)]);
    assert_eq!(available(&[]), Available::None);
    assert_eq!(available(&[("a", away.clone()), ("b", excluded.clone())]), Available::AllOut);
    assert_eq!(available(&[("a", plain(TYPICAL)), ("b", back.clone()), ("c", away.clone())]), Available::AllNew);
    assert_eq!(available(&[("a", plain(TYPICAL)), ("b", known)]), Available::Some);
    let mut out = topology(&[("a", away), ("b", excluded)]);
    let none = out.refreshed(at(1_000)).select("s", 0.5).unwrap_err();
    assert_eq!(none.to_string(), "all 2 nodes of the service are out: 1 maintenance, 1 unhealthy");
    assert_eq!(out.refreshed(at(1_000)).primary("other").unwrap_err().to_string(), "the service has no nodes");
    let mut new = topology(&[("a", back)]);
    assert_eq!(new.refreshed(at(1_000)).select("s", 0.0).unwrap().available, Available::AllNew);
}

#[test]
fn a_topology_is_current_until_a_sample_ages() {
    let mut nodes = topology(&[("a", node("s", TYPICAL, Phase::Active, &[(900, 0.4), (950, 1.0)])), ("b", plain(TYPICAL))]);
    assert!(nodes.current(at(1_199)).is_some());
    assert!(nodes.current(at(1_200)).is_none(), "the first sample is 300 s old");
    let health = nodes.refreshed(at(1_200)).candidates("s").1[0].health;
    assert_eq!((health.health, health.samples), (1.0, 1));
    assert!(nodes.current(at(1_249)).is_some() && nodes.current(at(1_250)).is_none());
    nodes.refreshed(at(1_250));
    assert!(nodes.current(at(9_999)).is_some(), "nothing is left that could age");
}

#[test]
fn a_draw_beyond_its_range_counts_as_the_nearest() {
    let mut nodes = topology(&[("a", plain(TYPICAL)), ("b", plain(TYPICAL))]);
    let current = nodes.refreshed(at(1_000));
    let chosen = |draw: f64| current.select("s", draw).unwrap().chosen.endpoint.as_str();
    assert_eq!([-1.0, f64::NAN, 0.0, 0.499, 0.5, 0.999, 1.0, f64::INFINITY].map(chosen), ["a", "a", "a", "a", "b", "b", "b", "b"]);
}

/// Any node of the service.
fn any_node() -> impl Strategy<Value = Node> {
    let phase = prop_oneof![
        3 => Just(Phase::Active),
        1 => Just(Phase::Degraded),
        1 => Just(Phase::Maintenance),
        1 => Just(Phase::Excluded),
        2 => (600_u32..1_000).prop_map(warming),
    ];
    let load = (0_u32..500, 0_u32..50, 0.0_f64..2.0);
    let seen = prop::collection::vec((600_u32..1_000, prop_oneof![Just(0.0), Just(1.0), 0.0_f64..=1.0]), 0..8);
    (phase, load, seen).prop_map(|(phase, (latency_ms, queue_depth, saturation), seen)| {
        node("s", Load { latency_ms, queue_depth, saturation }, phase, &seen)
    })
}

proptest! {
    /// A selection is that of the shares laid end to end, and never one that is out.
    #[test]
    fn a_draw_falls_where_the_shares_say(nodes in prop::collection::vec(any_node(), 1..12), draw in 0.0_f64..1.0) {
        let mut topology = Topology::new(Settings::default());
        nodes.iter().enumerate().for_each(|(n, node)| topology.put(&id(&format!("e{n:02}")), node, at(1_000)));
        let current = topology.refreshed(at(1_000));
        let (_, all) = current.candidates("s");
        prop_assert!(all.iter().all(|one| (one.share > 0.0) == one.out.is_none()));
        match current.select("s", draw) {
            Err(none) => prop_assert!(none.nodes == nodes.len() && all.iter().all(|one| one.out.is_some())),
            Ok(selection) => {
                prop_assert!((all.iter().map(|one| one.share).sum::<f64>() - 1.0).abs() < 1e-9);
                let before: f64 = all.iter().take_while(|one| one.endpoint != selection.chosen.endpoint).map(|one| one.share).sum();
                prop_assert!(selection.chosen.out.is_none());
                prop_assert!(before <= draw + 1e-9 && draw < before + selection.chosen.share + 1e-9);
                let again = current.select("s", draw).unwrap();
                prop_assert_eq!(again.chosen.endpoint, selection.chosen.endpoint);
            }
        }
    }

    /// The order in which nodes became known is nothing to anybody.
    #[test]
    fn what_is_put_twice_or_in_another_order_is_the_same(nodes in prop::collection::vec(any_node(), 1..8), draw in 0.0_f64..1.0) {
        let put = |order: Vec<usize>| {
            let mut topology = Topology::new(Settings::default());
            order.into_iter().for_each(|n| topology.put(&id(&format!("e{n}")), &nodes[n], at(1_000)));
            topology.refreshed(at(1_000)).select("s", draw).map(|selection| selection.chosen.endpoint.clone())
        };
        let count = nodes.len();
        let plain = put((0..count).collect());
        prop_assert_eq!(&plain, &put((0..count).rev().collect()));
        prop_assert_eq!(&plain, &put((0..count).chain(0..count).collect()));
    }
}
